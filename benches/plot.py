#!/usr/bin/env python3
"""Writes what `compare`, `stall` and `instructions` printed into the page of the benchmarks.

usage: plot.py docs/benchmarks.md OUTPUT...

Each OUTPUT is a file with what one of the programs printed. Several outputs of `compare` are several
runs of it. The part of the page between the two markers is replaced, and the plots are written as SVG
into the folder beside the page that has its name. Needs nothing but Python 3.
"""

import math
import sys
from pathlib import Path
from xml.sax.saxutils import escape

BEGIN = "<!-- figures: written by benches/plot.py, not by hand -->"
END = "<!-- end of the figures -->"

COLOURS = {
    "ours": "#1b6ca8",
    "tokio": "#c8553d",
    "floor": "#7a7a7a",
    "per_core": "#e0a458",
    "smol": "#588157",
}


class Run:
    """One run of `compare`: its rows in order, and the other peers of each."""

    def __init__(self):
        self.rows = {}
        self.peers = {}
        self.last = []


class Results:
    def __init__(self, paths):
        self.about = {}
        self.runs = []
        self.cases = {}
        self.instructions = []
        for path in paths:
            self.read(path)

    def read(self, path):
        run = Run()
        for line in Path(path).read_text().splitlines():
            words = line.split()
            if not words:
                continue
            kind = words[0]
            if kind == "#" and len(words) > 2:
                known = self.about.setdefault(words[1], [])
                text = " ".join(words[2:]).strip()
                if text not in known:
                    known.append(text)
            elif kind == "row":
                run.rows[words[1]] = fields(words[2:])
            elif kind == "peer":
                name, peer, cost = words[1], words[2], words[3]
                run.peers.setdefault(name, {})[peer] = {**fields(words[4:]), "cost": float(cost)}
            elif kind.startswith("geomean") or kind == "verdicts":
                run.last.append(line)
            elif kind == "case":
                name, runtime = words[1], words[3]
                self.cases.setdefault(name, {})[runtime] = fields(words[4:])
            elif kind == "instructions" and len(words) > 3:
                self.instructions.append((words[1], words[2], fields(words[3:])))
        if run.rows:
            self.runs.append(run)


def fields(words):
    """`a 1 b 2` as a dictionary."""
    values = {}
    for key, value in zip(words[::2], words[1::2]):
        try:
            values[key] = float(value)
        except ValueError:
            values[key] = value
    return values


# --- Plots -------------------------------------------------------------------------------------

LABEL, WIDTH, LINE = 190, 760, 18


class Svg:
    def __init__(self, title, height):
        self.height = height
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        ]
        self.text(10, 20, title, size=14, weight="bold")

    def text(self, x, y, text, anchor="start", size=12, weight="normal", fill="#222"):
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'font-weight="{weight}" fill="{fill}">{escape(text)}</text>'
        )

    def bar(self, x, y, width, height, fill):
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}" '
            f'fill="{fill}"/>'
        )

    def dot(self, x, y, fill):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{fill}"/>')

    def line(self, x1, y1, x2, y2, stroke="#999", width=1.0):
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" '
            f'stroke-width="{width}"/>'
        )

    def write(self, path):
        path.write_text("\n".join(self.parts + ["</svg>", ""]))


class Linear:
    """From values to places, from zero on."""

    def __init__(self, high):
        self.high = high

    def __call__(self, value):
        return LABEL + min(value / self.high, 1.0) * (WIDTH - LABEL - 90)

    def grid(self, svg, top, bottom):
        step = 10 ** math.floor(math.log10(self.high / 2))
        for value in range(0, math.ceil(self.high / step) + 1):
            x = self(value * step)
            svg.line(x, top, x, bottom, "#e4e4e4")
            svg.text(x, top - 4, f"{value * step:g}", "middle", size=9, fill="#777")


class Logarithmic:
    """From values to places, logarithmic."""

    def __init__(self, low, high):
        self.low, self.high = math.log10(low), math.log10(high)

    def __call__(self, value):
        share = (math.log10(max(value, 1e-9)) - self.low) / (self.high - self.low)
        return LABEL + min(max(share, 0.0), 1.0) * (WIDTH - LABEL - 90)

    def grid(self, svg, top, bottom):
        factors = (1,) if self.high - self.low > 3 else (1, 2, 5)
        for power in range(math.floor(self.low), math.ceil(self.high) + 1):
            for factor in factors:
                value = factor * 10.0**power
                if self.low - 1e-9 <= math.log10(value) <= self.high + 1e-9:
                    x = self(value)
                    svg.line(x, top, x, bottom, "#e4e4e4")
                    text = f"{value:,.0f}" if value >= 10 else f"{value:g}"
                    svg.text(x, top - 4, text, "middle", size=9, fill="#777")


def plot_ratios(title, rows, path):
    """The ratio of each row, with its spread, as a dot beside the line of equality."""
    top = 58
    svg = Svg(title, top + LINE * len(rows) + 12)
    svg.text(10, 38, "ours / Tokio, logarithmic: left of 1 this runtime is ahead", size=11, fill="#555")
    lows = [max(row["ratio"] - row["spread"], 0.02) for row in rows.values()]
    highs = [row["ratio"] + row["spread"] for row in rows.values()]
    scale = Logarithmic(min(lows + [0.5]) * 0.9, max(highs + [1.25]) * 1.1)
    scale.grid(svg, top, top + LINE * len(rows))
    svg.line(scale(1), top, scale(1), top + LINE * len(rows), "#444", 1.5)
    for number, (name, row) in enumerate(rows.items()):
        y = top + LINE * number + LINE / 2
        colour = COLOURS["tokio"] if is_lost(row) else COLOURS["ours"]
        svg.text(LABEL - 8, y + 4, name, "end", size=11)
        ratio, spread = row["ratio"], row["spread"]
        svg.line(scale(max(ratio - spread, 1e-3)), y, scale(ratio + spread), y, colour, 2)
        svg.dot(scale(ratio), y, colour)
        svg.text(WIDTH - 8, y + 4, f"{ratio:.2f} ± {spread:.2f}", "end", size=10, fill="#555")
    svg.write(path)


def plot_groups(title, subtitle, groups, path, is_linear=False):
    """Groups of values, `[(name, [(who, value)])]`: as bars from zero, or as dots."""
    top, height = 58, 13
    count = sum(len(values) for _, values in groups)
    bottom = top + count * height + len(groups) * 8
    svg = Svg(title, bottom + 12)
    svg.text(10, 38, subtitle, size=11, fill="#555")
    values = [value for _, values in groups for _, value in values if value > 0]
    if is_linear:
        scale = Linear(max(values) * 1.05)
    else:
        scale = Logarithmic(min(values) / 1.5, max(values) * 1.1)
    scale.grid(svg, top, bottom)
    y = top + 4
    for name, values in groups:
        svg.text(8, y + height * len(values) / 2 + 4, name, size=11)
        for who, value in values:
            colour, middle = COLOURS.get(who, "#999"), y + height / 2
            svg.text(LABEL - 6, y + height - 3, who, "end", size=10, fill="#555")
            if is_linear:
                svg.bar(LABEL, y + 1, scale(value) - LABEL, height - 2, colour)
            else:
                svg.line(LABEL, middle, scale(value), middle, "#ddd")
                svg.dot(scale(value), middle, colour)
            svg.text(scale(value) + 7, y + height - 3, number(value), size=10, fill="#555")
            y += height
        y += 8
    svg.write(path)


# --- The page ----------------------------------------------------------------------------------


def number(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 1 else f"{value:.2f}"


def is_lost(row):
    return row["ratio"] - row["spread"] > 1


def is_won(row):
    return row["ratio"] + row["spread"] < 1


def is_latency(name):
    return name.startswith("latency_")


def about_text(results):
    parts = [", ".join(results.about.get(key, [])) for key in ("date", "machine", "versions")]
    text = "; ".join(part for part in parts if part)
    commands = ", ".join(f"`{command}`" for command in results.about.get("command", []))
    runs = len(results.runs)
    times = f", `compare` {runs} times one after the other" if runs > 1 else ""
    return f"{text}. Commands: {commands}{times}."


def table_of_rows(runs):
    first = runs[0]
    header = ["row", "ours", "Tokio", "unit", "ratio ± spread"]
    header += [f"run {number}" for number in range(2, len(runs) + 1)]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for name, row in first.rows.items():
        cells = [f"`{name}`", number(row["ours"]), number(row["tokio"]), row["unit"]]
        for run in runs:
            cells.append(ratio_cell(run.rows.get(name)))
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def ratio_cell(row):
    if row is None:
        return ""
    text = f"{row['ratio']:.3f} ± {row['spread']:.3f}"
    return f"**{text}**" if is_lost(row) and row["unit"] != "times" else text


def table_of_peers(run):
    names = ["floor", "per_core", "smol"]
    header = ["row", "unit", "ours", "Tokio", "bare mio loop", "Tokio per core", "smol", "ours / mio loop"]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for name, peers in run.peers.items():
        row = run.rows.get(name)
        if row is None:
            continue
        cells = [f"`{name}`", row["unit"], number(row["ours"]), number(row["tokio"])]
        cells += [number(peers[peer]["cost"]) if peer in peers else "" for peer in names]
        floor = peers.get("floor")
        cells.append(f"{floor['ratio']:.3f} ± {floor['spread']:.3f}" if floor else "")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def rows_where(runs, is_meant, is_unit_meant=lambda unit: unit != "times"):
    """The rows whose figures of all runs `is_meant`, with their ratios."""
    names = []
    for name, row in runs[0].rows.items():
        seen = [run.rows[name] for run in runs if name in run.rows]
        if is_unit_meant(row["unit"]) and is_meant(seen):
            ratios = ", ".join(f"{row['ratio']:.2f}" for row in seen)
            names.append(f"`{name}` ({ratios})")
    return ", ".join(names) if names else "none"


def verdicts(runs):
    """Which rows are behind, and which verdicts do not hold."""
    each = "in every run" if len(runs) > 1 else "beyond the spread"

    def is_behind(seen):
        return all(is_lost(row) for row in seen)

    lines = [f"Behind Tokio {each}: {rows_where(runs, is_behind)}."]
    if len(runs) > 1:
        lines.append(
            "Behind in some run: "
            + rows_where(runs, lambda seen: any(map(is_lost, seen)) and not is_behind(seen))
            + "."
        )
        lines.append(
            "Ahead in one run and behind in another: "
            + rows_where(runs, lambda seen: any(map(is_lost, seen)) and any(map(is_won, seen)))
            + "."
        )
    more_often = rows_where(runs, is_behind, lambda unit: unit == "times")
    lines.append(f"More often than with Tokio {each}: {more_often}.")
    return lines


def page(results, folder):
    """The lines between the markers; writes the plots."""
    lines = [about_text(results), ""]
    link = folder.name
    if results.runs:
        run = results.runs[0]
        for index, each in enumerate(results.runs, 1):
            lines.append(f"Last lines of run {index}: " + ", ".join(f"`{line}`" for line in each.last) + ".")
        lines.append("")
        for line in verdicts(results.runs):
            lines += [line, ""]
        timed = {name: row for name, row in run.rows.items() if row["unit"] != "times" and not is_latency(name)}
        short = {name: row for name, row in timed.items() if row["unit"] in ("ns", "cpu_ns", "bytes")}
        long = {name: row for name, row in timed.items() if name not in short}
        for name, title, rows in (
            ("short", "Short operations, and bytes", short),
            ("requests", "Requests, files and processes", long),
        ):
            if rows:
                plot_ratios(title, rows, folder / f"{name}.svg")
                lines += [f"![{title}]({link}/{name}.svg)", ""]
        cpu = []
        for name, peers in run.peers.items():
            row = run.rows.get(name)
            if row and row["unit"] == "cpu_us":
                bars = [("ours", row["ours"]), ("tokio", row["tokio"])]
                bars += [(peer, values["cost"]) for peer, values in peers.items()]
                cpu.append((name, bars))
        if cpu:
            title = "CPU per request of an echo server"
            plot_groups(title, "microseconds; less is better", cpu, folder / "cpu.svg", is_linear=True)
            lines += [f"![{title}]({link}/cpu.svg)", ""]
        latencies = [
            (name, [("ours", row["ours"]), ("tokio", row["tokio"])])
            for name, row in run.rows.items()
            if is_latency(name)
        ]
        if latencies:
            title = "Latency at a constant rate"
            plot_groups(title, "microseconds, logarithmic; less is better", latencies, folder / "latency.svg")
            lines += [f"![{title}]({link}/latency.svg)", ""]
        lines += ["### Every row", ""] + table_of_rows(results.runs) + [""]
        if run.peers:
            lines += ["### Other peers", ""] + table_of_peers(run) + [""]
    if results.cases:
        title = "Latency while tasks block their threads"
        groups = [
            (f"{case} {share}", [(who, values[share]) for who, values in runtimes.items()])
            for case, runtimes in results.cases.items()
            for share in ("p50", "p99", "p999", "max")
        ]
        plot_groups(title, "microseconds, logarithmic; less is better", groups, folder / "stall.svg")
        lines += ["### While tasks block their threads", "", f"![{title}]({link}/stall.svg)", ""]
        lines += ["| case | runtime | p50 | p99 | p99.9 | max |", "|---|---|---|---|---|---|"]
        for case, runtimes in results.cases.items():
            for who, values in runtimes.items():
                cells = [number(values[share]) for share in ("p50", "p99", "p999", "max")]
                lines.append(f"| `{case}` | {who} | " + " | ".join(cells) + " |")
        lines.append("")
    if results.instructions:
        lines += ["### Instructions", "", "| path | flavour | ours | Tokio | ratio |", "|---|---|---|---|---|"]
        for path, flavour, values in results.instructions:
            lines.append(
                f"| `{path}` | {flavour} | {values['ours']:,.0f} | {values['tokio']:,.0f} | {values['ratio']:.3f} |"
            )
        lines.append("")
    return lines


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    target = Path(sys.argv[1])
    text = target.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        sys.exit(f"{target} has not the markers\n{BEGIN}\n{END}")
    folder = target.with_suffix("")
    folder.mkdir(exist_ok=True)
    lines = page(Results(sys.argv[2:]), folder)
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    target.write_text(before + BEGIN + "\n\n" + "\n".join(lines).rstrip() + "\n\n" + END + after)


main()

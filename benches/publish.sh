#!/usr/bin/env bash
# Measures and publishes: `benches/publish.sh [--runs N] [options and rows of compare]`.
#
# Runs `compare` N times (once if not said), `stall` and `instructions`, and writes what they print
# into docs/benchmarks.md and the plots beside it. On a machine that does nothing else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

runs=1
if [[ ${1:-} == --runs ]]; then
    runs=$2
    shift 2
fi
cargo build --release -p benches
programs=${CARGO_TARGET_DIR:-target}/release
results=${CARGO_TARGET_DIR:-target}/benchmarks
mkdir -p "$results"
rm -f "$results"/*.txt

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
tokio=$(sed -n '/^name = "tokio"$/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)
about=(
    "# date $(date -u +%F)"
    "# machine $(nproc) CPUs, ${cpu:-unknown}, $(uname -sr)"
    "# versions $(rustc --version | cut -d' ' -f1,2), Tokio $tokio, commit $(git rev-parse --short HEAD)"
)
for ((run = 1; run <= runs; run++)); do
    {
        printf '%s\n' "${about[@]}" "# command compare $*"
        "$programs/compare" "$@"
    } | tee "$results/compare-$run.txt"
done
{
    echo "# command stall"
    "$programs/stall"
} | tee "$results/stall.txt"
if command -v valgrind >/dev/null; then
    {
        echo "# command instructions"
        "$programs/instructions"
    } | tee "$results/instructions.txt"
fi
python3 benches/plot.py docs/benchmarks.md "$results"/*.txt

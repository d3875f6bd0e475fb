//! Stacks as a tree to read: the outermost function first, and what is on several stacks once.

use std::fmt;

use super::backtrace::{Backtrace, BacktraceSymbol};

/// A function, and those that it was seen to call.
#[derive(Default)]
pub(super) struct Tree {
    calls: Vec<(String, Tree)>,
}

impl Tree {
    pub(super) fn new(stacks: &[Backtrace]) -> Self {
        let mut tree = Self::default();
        for stack in stacks {
            let mut lines: Vec<_> = stack
                .frames()
                .flat_map(|frame| frame.symbols())
                .map(line)
                .collect();
            lines.reverse();
            tree.add(lines);
        }
        tree
    }

    fn add(&mut self, lines: impl IntoIterator<Item = String>) {
        let mut here = self;
        for line in lines {
            // Stacks that were recorded one after the other: only the last may have calls in common.
            let is_same = here.calls.last().is_some_and(|(last, _)| *last == line);
            if !is_same {
                here.calls.push((line, Self::default()));
            }
            here = match here.calls.last_mut() {
                Some((_, call)) => call,
                None => unreachable!("one was just added"),
            };
        }
    }

    fn fmt_below(&self, f: &mut fmt::Formatter<'_>, before: &str) -> fmt::Result {
        let last = self.calls.len().saturating_sub(1);
        for (at, (line, call)) in self.calls.iter().enumerate() {
            let (branch, below) = if at == last {
                ("└╼ ", "   ")
            } else {
                ("├╼ ", "│  ")
            };
            writeln!(f, "{before}{branch}{line}")?;
            call.fmt_below(f, &format!("{before}{below}"))?;
        }
        Ok(())
    }
}

fn line(symbol: &BacktraceSymbol) -> String {
    let mut line = symbol.name_demangled().unwrap_or("<unknown>").to_owned();
    if let Some(filename) = symbol.filename() {
        line += &format!(" at {}", filename.display());
        for number in [symbol.lineno(), symbol.colno()].into_iter().flatten() {
            line += &format!(":{number}");
        }
    }
    line
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (line, call) in &self.calls {
            writeln!(f, "╼ {line}")?;
            call.fmt_below(f, "  ")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Tree;

    #[test]
    fn what_stacks_have_in_common_comes_once() {
        let mut tree = Tree::default();
        for stack in [["main", "join", "left"], ["main", "join", "right"]] {
            tree.add(stack.map(str::to_owned));
        }
        assert_eq!(
            tree.to_string(),
            "╼ main\n  └╼ join\n     ├╼ left\n     └╼ right\n"
        );
    }
}

//! What is not like Tokio, and why.
//!
//! A fact as it stands in its file, then its reason, indented. Several facts may share the reason that
//! follows the last of them.

/// Facts and their reasons.
#[derive(Default)]
pub(crate) struct Exceptions {
    list: Vec<(String, String)>,
}

impl Exceptions {
    /// Panics when a fact has no reason.
    pub(crate) fn parse(file: &str) -> Self {
        let mut list = Vec::new();
        let mut waiting: Vec<String> = Vec::new();
        for line in file.lines() {
            if line.trim().is_empty() || line.starts_with("# ") {
                continue;
            }
            if line.starts_with(' ') {
                for fact in waiting.drain(..) {
                    list.push((fact, line.trim().to_owned()));
                }
            } else {
                waiting.push(line.to_owned());
            }
        }
        assert!(
            waiting.is_empty(),
            "exceptions without a reason: {waiting:?}"
        );
        Self { list }
    }

    pub(crate) fn contains(&self, fact: &str) -> bool {
        self.list.iter().any(|(text, _)| text == fact)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|(fact, _)| fact.as_str())
    }
}

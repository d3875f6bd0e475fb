//! Splitting lines of facts at brackets and words.

/// Index of the first `needle` outside all brackets, from `start` on.
pub(crate) fn find_outside(text: &str, needle: &str, start: usize) -> Option<usize> {
    let mut depth = 0i32;
    let bytes = text.as_bytes();
    for at in start..bytes.len() {
        if depth == 0 && text[at..].starts_with(needle) {
            return Some(at);
        }
        match bytes[at] {
            b'<' | b'(' | b'[' => depth += 1,
            // The arrow of a function type closes nothing.
            b'>' if at > 0 && bytes[at - 1] == b'-' => {}
            b'>' | b')' | b']' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The index after the bracket that closes the one at `open`.
pub(crate) fn closing(text: &str, open: usize) -> usize {
    let mut depth = 0i32;
    let bytes = text.as_bytes();
    for at in open..bytes.len() {
        match bytes[at] {
            b'<' | b'(' | b'[' => depth += 1,
            b'>' if at > 0 && bytes[at - 1] == b'-' => {}
            b'>' | b')' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    panic!("`{text}` has an open bracket")
}

/// The parts between commas outside all brackets, trimmed; none for empty text.
pub(crate) fn list(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut start = 0;
    while let Some(comma) = find_outside(text, ",", start) {
        parts.push(text[start..comma].trim().to_owned());
        start = comma + 1;
    }
    if !text[start..].trim().is_empty() {
        parts.push(text[start..].trim().to_owned());
    }
    parts
}

/// `text` with each whole word `word` replaced.
pub(crate) fn replace_word(text: &str, word: &str, with: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let before = rest[..at].chars().next_back();
        let after = rest[at + word.len()..].chars().next();
        out.push_str(&rest[..at]);
        let whole = !before.is_some_and(|c| is_part(c) || c == '\'') && !after.is_some_and(is_part);
        out.push_str(if whole { with } else { word });
        rest = &rest[at + word.len()..];
    }
    out.push_str(rest);
    out
}

/// `<A, B: C>` at the end of `text`, if it ends so: the text before, and the parameters.
pub(crate) fn split_generics(text: &str) -> (&str, Vec<String>) {
    if !text.ends_with('>') {
        return (text, Vec::new());
    }
    let mut open = 0;
    while let Some(at) = text[open..].find('<') {
        let at = open + at;
        let end = closing(text, at);
        if end == text.len() {
            return (&text[..at], list(&text[at + 1..end - 1]));
        }
        open = end;
    }
    (text, Vec::new())
}

/// The name of a generic parameter: `T` of `T: Send`, `'a` of `'a`.
pub(crate) fn parameter_name(parameter: &str) -> &str {
    parameter.split(':').next().unwrap_or(parameter).trim()
}

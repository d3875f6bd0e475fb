//! Processes that this program starts from itself.

/// Does what the parent asks for and ends the process, if this process is a child.
pub fn run_if_asked() {}

//! What a body panicked with, and where.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// The panics of this thread, while somebody wants to know them.
    static RECORDED: RefCell<Option<Vec<Panic>>> = const { RefCell::new(None) };
}

/// One panic.
#[derive(Clone, Debug)]
pub struct Panic {
    /// Its message.
    pub message: String,
    /// The file of its place.
    pub file: String,
    /// The line of its place.
    pub line: u32,
}

impl Panic {
    /// Fails unless the message has `part` in it.
    #[track_caller]
    pub fn names(&self, part: &str) -> &Self {
        assert!(
            self.message.contains(part),
            "the message does not name {part:?}: {:?}",
            self.message
        );
        self
    }

    /// Fails unless the panic's place is in `file`, and thus the caller's.
    #[track_caller]
    pub fn is_in(&self, file: &str) -> &Self {
        assert!(
            self.file.ends_with(file),
            "the panic is not at the caller's line but in {}:{}: {:?}",
            self.file,
            self.line,
            self.message
        );
        self
    }
}

/// The first panic of `body`, which must panic on this thread. It is not printed.
#[track_caller]
pub fn panic_of<R>(body: impl FnOnce() -> R) -> Panic {
    let (result, panics) = recording(body);
    assert!(result.is_none(), "a panic was expected");
    panics.into_iter().next().expect("the hook saw the panic")
}

/// Runs `body` without printing the panics of this thread, and gives them.
pub fn with_quiet_panics<R>(body: impl FnOnce() -> R) -> (Option<R>, Vec<Panic>) {
    recording(body)
}

fn recording<R>(body: impl FnOnce() -> R) -> (Option<R>, Vec<Panic>) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |info| {
            let recorded = RECORDED.with(|recorded| {
                let mut recorded = recorded.borrow_mut();
                let Some(panics) = recorded.as_mut() else {
                    return false;
                };
                let place = info.location().expect("every panic has a place");
                panics.push(Panic {
                    message: info.payload_as_str().unwrap_or("").to_owned(),
                    file: place.file().to_owned(),
                    line: place.line(),
                });
                true
            });
            if !recorded {
                print(info);
            }
        }));
    });
    let outer = RECORDED.replace(Some(Vec::new()));
    let result = catch_unwind(AssertUnwindSafe(body));
    let panics = RECORDED.replace(outer).unwrap_or_default();
    (result.ok(), panics)
}

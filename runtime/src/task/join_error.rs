//! Why a task gave no output.

use std::any::Any;
use std::fmt;
use std::io;

use super::Id;

/// A task was cancelled, or it panicked.
pub struct JoinError {
    cause: Cause,
    id: Id,
}

enum Cause {
    Cancelled,
    /// What the task panicked with.
    Panic(Payload),
}

/// A panic's payload, which can only be taken out: so sharing it between threads is harmless.
struct Payload(Box<dyn Any + Send + 'static>);

#[allow(unsafe_code)] // One marker, for a box that is never borrowed from.
// SAFETY: a shared payload gives out only a copy of the message of well-known `Sync` types
// (`&str`, `String`); anything else of it needs ownership.
unsafe impl Sync for Payload {}

impl JoinError {
    pub(crate) fn cancelled(id: Id) -> Self {
        Self {
            cause: Cause::Cancelled,
            id,
        }
    }

    pub(crate) fn panic(id: Id, payload: Box<dyn Any + Send + 'static>) -> Self {
        Self {
            cause: Cause::Panic(Payload(payload)),
            id,
        }
    }

    /// Whether the task was cancelled: by [`abort`](super::JoinHandle::abort), or because its
    /// runtime was shut down.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.cause, Cause::Cancelled)
    }

    /// Whether the task panicked.
    ///
    /// ```
    /// # #[runtime::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let error = runtime::spawn(async { panic!("boom") }).await.unwrap_err();
    /// assert!(error.is_panic());
    /// # }
    /// ```
    pub fn is_panic(&self) -> bool {
        matches!(self.cause, Cause::Panic(_))
    }

    /// What the task panicked with, to be passed to [`std::panic::resume_unwind`].
    ///
    /// # Panics
    ///
    /// When the task did not panic; ask [`is_panic`](Self::is_panic) first, or use
    /// [`try_into_panic`](Self::try_into_panic).
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send + 'static> {
        self.try_into_panic()
            .expect("`JoinError` reason is not a panic; ask `JoinError::is_panic` first")
    }

    /// What the task panicked with.
    ///
    /// # Errors
    ///
    /// The error itself, when the task did not panic.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send + 'static>, Self> {
        match self.cause {
            Cause::Panic(payload) => Ok(payload.0),
            Cause::Cancelled => Err(self),
        }
    }

    /// The task.
    pub fn id(&self) -> Id {
        self.id
    }

    fn message(&self) -> Option<&str> {
        let Cause::Panic(Payload(payload)) = &self.cause else {
            return None;
        };
        if let Some(message) = payload.downcast_ref::<String>() {
            Some(message)
        } else {
            payload.downcast_ref::<&'static str>().copied()
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.cause, self.message()) {
            (Cause::Cancelled, _) => write!(f, "task {} was cancelled", self.id),
            (Cause::Panic(_), Some(message)) => {
                write!(f, "task {} panicked with message {message:?}", self.id)
            }
            (Cause::Panic(_), None) => write!(f, "task {} panicked", self.id),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.cause, self.message()) {
            (Cause::Cancelled, _) => write!(f, "JoinError::Cancelled({:?})", self.id),
            (Cause::Panic(_), Some(message)) => {
                write!(f, "JoinError::Panic({:?}, {message:?}, ...)", self.id)
            }
            (Cause::Panic(_), None) => write!(f, "JoinError::Panic({:?}, ...)", self.id),
        }
    }
}

impl std::error::Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> Self {
        io::Error::other(match error.cause {
            Cause::Cancelled => "task was cancelled",
            Cause::Panic(_) => "task panicked",
        })
    }
}

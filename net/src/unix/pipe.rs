//! Pipes, with names and without.
//!
//! [`pipe`] makes one without a name; [`OpenOptions`] opens one that has a name in the file system
//! (a FIFO). The ends are a [`Sender`] and a [`Receiver`].

mod descriptor;
mod open_options;
mod receiver;
mod sender;

use std::io;
use std::os::fd::OwnedFd;

pub use self::open_options::OpenOptions;
pub use self::receiver::Receiver;
pub use self::sender::Sender;

/// Makes a pipe without a name.
///
/// # Errors
///
/// When the system gives none.
///
/// # Panics
///
/// Outside of a runtime, and within one that has no I/O.
///
/// # Examples
///
/// ```
/// use runtime::io::{AsyncReadExt, AsyncWriteExt};
/// use runtime::net::unix::pipe;
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let (mut sender, mut receiver) = pipe::pipe()?;
///     sender.write_all(b"through the pipe").await?;
///     drop(sender);
///     let mut received = String::new();
///     receiver.read_to_string(&mut received).await?;
///     assert_eq!(received, "through the pipe");
///     Ok(())
/// }
/// ```
#[track_caller]
pub fn pipe() -> io::Result<(Sender, Receiver)> {
    let (sender, receiver) = mio::unix::pipe::new()?;
    // mio has made them non-blocking.
    let sender = Sender::from_owned_fd_unchecked(OwnedFd::from(sender))?.assuming_room();
    let receiver = Receiver::from_owned_fd_unchecked(OwnedFd::from(receiver))?.assuming_sender();
    Ok((sender, receiver))
}

/// What both ends have in common: what they are made of and turned into, and that they are
/// descriptors. `$outlook` is what is assumed of a new one; `$access` are the modes in which a descriptor may be open.
macro_rules! impl_end {
    ($end:ident, $interest:expr, $outlook:expr, $access:expr, $refusal:literal) => {
        impl $end {
            #[track_caller]
            fn new(file: std::fs::File) -> std::io::Result<Self> {
                let home = $crate::current::home();
                $crate::source::Source::with_interest(file, home, $interest).map(|source| Self {
                    source: source.assuming($outlook),
                })
            }

            /// Takes over a pipe that was opened as a file, and makes it non-blocking.
            ///
            /// # Errors
            ///
            /// `InvalidInput` if it is not a pipe, or if it is open for the other direction only.
            ///
            /// # Panics
            ///
            /// Outside of a runtime, and within one that has no I/O.
            #[track_caller]
            pub fn from_file(file: std::fs::File) -> std::io::Result<Self> {
                super::descriptor::must_be_pipe(&file)?;
                super::descriptor::must_be_open_for(&file, &$access, $refusal)?;
                super::descriptor::set_nonblocking(&file, true)?;
                Self::new(file)
            }

            /// Takes over a file without looking at it. It should be a pipe, open for this
            /// direction, and non-blocking: otherwise it may block its worker.
            ///
            /// # Errors
            ///
            /// None on Unix today; those of later calls, if it is something else.
            ///
            /// # Panics
            ///
            /// Outside of a runtime, and within one that has no I/O.
            #[track_caller]
            pub fn from_file_unchecked(file: std::fs::File) -> std::io::Result<Self> {
                Self::new(file)
            }

            /// Takes over the descriptor of a pipe, and makes it non-blocking.
            ///
            /// # Errors
            ///
            /// `InvalidInput` if it is not a pipe, or if it is open for the other direction only.
            ///
            /// # Panics
            ///
            /// Outside of a runtime, and within one that has no I/O.
            #[track_caller]
            pub fn from_owned_fd(owned_fd: std::os::fd::OwnedFd) -> std::io::Result<Self> {
                Self::from_file(owned_fd.into())
            }

            /// Takes over a descriptor without looking at it. It should be a pipe, open for this
            /// direction, and non-blocking: otherwise it may block its worker.
            ///
            /// # Errors
            ///
            /// None on Unix today; those of later calls, if it is something else.
            ///
            /// # Panics
            ///
            /// Outside of a runtime, and within one that has no I/O.
            #[track_caller]
            pub fn from_owned_fd_unchecked(
                owned_fd: std::os::fd::OwnedFd,
            ) -> std::io::Result<Self> {
                Self::new(owned_fd.into())
            }

            /// Gives the descriptor back as one that blocks, as other programs and the standard
            /// library expect it.
            ///
            /// # Errors
            ///
            /// When the system cannot stop watching it, or cannot change it.
            pub fn into_blocking_fd(self) -> std::io::Result<std::os::fd::OwnedFd> {
                let fd = self.into_nonblocking_fd()?;
                super::descriptor::set_nonblocking(&fd, false)?;
                Ok(fd)
            }

            /// Gives the descriptor back as it is.
            ///
            /// # Errors
            ///
            /// When the system cannot stop watching it.
            pub fn into_nonblocking_fd(self) -> std::io::Result<std::os::fd::OwnedFd> {
                Ok(self.source.into_io()?.into())
            }

            /// Waits until the pipe is ready for one of `interest`, and says for which. Only this
            /// direction is ever reported, and errors, which count as something to read too.
            ///
            /// # Errors
            ///
            /// When the system refuses to watch it, and when the runtime shuts down.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost: once ready, the pipe stays ready until an operation would block.
            pub async fn ready(
                &self,
                interest: $crate::interest::Interest,
            ) -> std::io::Result<$crate::ready::Ready> {
                self.source.ready(interest).await
            }

            /// Calls `f`, which does one operation on the pipe, if the pipe is ready.
            ///
            /// A pipe that nobody has waited for yet may not be known to be ready: await
            /// [`ready`](Self::ready) before.
            ///
            /// When `f` returns `WouldBlock` the pipe is no longer ready, so it must only do so if
            /// the system did. `f` must not call the methods of this pipe.
            ///
            /// # Errors
            ///
            /// Those of `f`, and `WouldBlock` if it was not called.
            pub fn try_io<R>(&self, f: impl FnOnce() -> std::io::Result<R>) -> std::io::Result<R> {
                self.source.try_io_when_ready($interest, |_| f())
            }
        }

        impl std::fmt::Debug for $end {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($end))
                    .field("source", &self.source)
                    .finish()
            }
        }

        $crate::source::impl_as_system_socket!($end);
    };
}

use impl_end;

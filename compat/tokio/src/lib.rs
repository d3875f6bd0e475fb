//! This runtime under Tokio's names.
//!
//! One line in the `Cargo.toml` of a workspace's root moves an application and all its dependencies
//! over, see `docs/coming-from-tokio.md`:
//!
//! ```toml
//! [patch.crates-io]
//! tokio = { path = "…/compat/tokio" }
//! ```
//!
//! There is nothing here but re-exports: each name of Tokio 1.54, at Tokio's path, and no other. What
//! Tokio has only under `--cfg tokio_unstable` is there in any case. A difference in behaviour is
//! a mistake of the crate `runtime`, and mended there.
//!
//! The one name that Tokio does not have is [`runtime::is_shim`], which tells a program what it is
//! linked with.

#![forbid(unsafe_code)]

#[doc(hidden)]
pub use runtime_crate::macros;
pub use runtime_crate::{join, pin, select, spawn, task_local, try_join};
pub use runtime_macros::{tokio_main as main, tokio_test as test};

// The module below has the name of the crate.
extern crate runtime as runtime_crate;

/// Files and directories.
pub mod fs {
    #[cfg(unix)]
    pub use runtime_crate::fs::symlink;
    pub use runtime_crate::fs::{
        DirBuilder, DirEntry, File, FileTimes, OpenOptions, ReadDir, canonicalize, copy,
        create_dir, create_dir_all, hard_link, metadata, read, read_dir, read_link, read_to_string,
        remove_dir, remove_dir_all, remove_file, rename, set_permissions, symlink_metadata,
        try_exists, write,
    };
    #[cfg(windows)]
    pub use runtime_crate::fs::{symlink_dir, symlink_file};
}

/// The I/O traits and what is built on them.
pub mod io {
    pub use runtime_crate::io::{
        AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt,
        AsyncWrite, AsyncWriteExt, BufReader, BufStream, BufWriter, Chain, DuplexStream, Empty,
        Error, ErrorKind, Interest, Join, Lines, ReadBuf, ReadHalf, Ready, Repeat, Result,
        SeekFrom, SimplexStream, Sink, Split, Stderr, Stdin, Stdout, Take, WriteHalf, copy,
        copy_bidirectional, copy_bidirectional_with_sizes, copy_buf, duplex, empty, join, repeat,
        simplex, sink, split, stderr, stdin, stdout,
    };

    /// Any descriptor.
    #[cfg(unix)]
    pub mod unix {
        #[doc(hidden)]
        #[allow(deprecated)]
        pub use runtime_crate::io::unix::AsyncFdTryNewError;
        pub use runtime_crate::io::unix::{
            AsyncFd, AsyncFdReadyGuard, AsyncFdReadyMutGuard, AsyncFdRegisterError, TryIoError,
        };
    }
}

/// TCP, UDP, Unix sockets, pipes.
pub mod net {
    pub use runtime_crate::net::{
        TcpListener, TcpSocket, TcpStream, ToSocketAddrs, UdpSocket, lookup_host,
    };
    #[cfg(unix)]
    pub use runtime_crate::net::{UnixDatagram, UnixListener, UnixSocket, UnixStream};

    /// The halves of a TCP stream.
    pub mod tcp {
        pub use runtime_crate::net::tcp::{
            OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf,
        };
    }

    /// What only Unix has.
    #[cfg(unix)]
    pub mod unix {
        pub use runtime_crate::net::unix::{
            OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, SocketAddr, UCred, WriteHalf,
            gid_t, pid_t, uid_t,
        };

        /// Empty; Tokio has it by mistake, and keeps it.
        #[doc(hidden)]
        pub mod datagram {}

        /// Pipes, with and without a name.
        pub mod pipe {
            pub use runtime_crate::net::unix::pipe::{OpenOptions, Receiver, Sender, pipe};
        }
    }
}

/// Child processes.
#[cfg(unix)]
pub mod process {
    pub use runtime_crate::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
}

/// Runtimes, and how they are built.
pub mod runtime {
    pub use runtime_crate::runtime::{
        Builder, EnterGuard, Handle, HistogramConfiguration, HistogramScale, Id,
        InvalidHistogramConfiguration, LocalOptions, LocalRuntime, LogHistogram,
        LogHistogramBuilder, RngSeed, Runtime, RuntimeFlavor, RuntimeMetrics, TaskMeta,
        TryCurrentError, UnhandledPanic, is_rt_shutdown_err, is_shim, worker_index,
    };
    #[cfg(feature = "taskdump")]
    pub use runtime_crate::runtime::{Dump, dump};
}

/// Signals of the system.
#[cfg(unix)]
pub mod signal {
    pub use runtime_crate::signal::ctrl_c;

    /// Signals of Unix.
    pub mod unix {
        pub use runtime_crate::signal::unix::{Signal, SignalKind, signal};
    }
}

/// Empty: Tokio's streams are in the crate `tokio-stream`.
pub mod stream {}

/// Channels, locks and notifications.
pub mod sync {
    pub use runtime_crate::sync::{
        AcquireError, Barrier, BarrierWaitResult, MappedMutexGuard, Mutex, MutexGuard, Notify,
        OnceCell, OwnedMappedMutexGuard, OwnedMutexGuard, OwnedRwLockMappedWriteGuard,
        OwnedRwLockReadGuard, OwnedRwLockWriteGuard, OwnedSemaphorePermit, RwLock,
        RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard, Semaphore, SemaphorePermit,
        SetError, SetOnce, SetOnceError, TryAcquireError, TryLockError,
    };

    /// Each receiver gets each value.
    pub mod broadcast {
        pub use runtime_crate::sync::broadcast::{Receiver, Sender, WeakSender, channel};

        /// What can go wrong.
        pub mod error {
            pub use runtime_crate::sync::broadcast::error::{RecvError, SendError, TryRecvError};
        }
    }

    /// Futures that have a name.
    pub mod futures {
        pub use runtime_crate::sync::futures::{Notified, OwnedNotified};
    }

    /// Many senders, one receiver.
    pub mod mpsc {
        pub use runtime_crate::sync::mpsc::{
            OwnedPermit, Permit, PermitIterator, Receiver, Sender, UnboundedReceiver,
            UnboundedSender, WeakSender, WeakUnboundedSender, channel, unbounded_channel,
        };

        /// What can go wrong.
        pub mod error {
            #[doc(hidden)]
            #[allow(deprecated)]
            pub use runtime_crate::sync::mpsc::error::RecvError;
            pub use runtime_crate::sync::mpsc::error::{
                SendError, SendTimeoutError, TryRecvError, TrySendError,
            };
        }
    }

    /// One value, once.
    pub mod oneshot {
        pub use runtime_crate::sync::oneshot::{Receiver, Sender, channel};

        /// What can go wrong.
        pub mod error {
            pub use runtime_crate::sync::oneshot::error::{RecvError, TryRecvError};
        }
    }

    /// The latest value.
    pub mod watch {
        pub use runtime_crate::sync::watch::{Receiver, Ref, Sender, channel};

        /// What can go wrong.
        pub mod error {
            pub use runtime_crate::sync::watch::error::{RecvError, SendError};
        }
    }
}

/// Spawn tasks, wait for them, cancel them.
pub mod task {
    pub use runtime_crate::task::{
        AbortHandle, Builder, Id, JoinError, JoinHandle, JoinSet, LocalEnterGuard, LocalKey,
        LocalSet, block_in_place, consume_budget, id, spawn, spawn_blocking, spawn_local, try_id,
        unconstrained, yield_now,
    };

    #[doc(hidden)]
    pub use self::coop::Unconstrained;

    /// The cooperative budget.
    pub mod coop {
        pub use runtime_crate::task::coop::{
            Coop, RestoreOnPending, Unconstrained, consume_budget, cooperative,
            has_budget_remaining, poll_proceed, unconstrained,
        };
    }

    /// Futures that have a name.
    pub mod futures {
        pub use runtime_crate::task::futures::TaskLocalFuture;
    }

    /// A set of tasks.
    pub mod join_set {
        pub use runtime_crate::task::join_set::{Builder, JoinSet};
    }
}

/// Time, and a clock that tests can pause.
pub mod time {
    pub use runtime_crate::time::{
        Duration, Instant, Interval, MissedTickBehavior, Sleep, Timeout, advance, interval,
        interval_at, pause, resume, sleep, sleep_until, timeout, timeout_at,
    };

    /// What can go wrong.
    pub mod error {
        pub use runtime_crate::time::error::{Elapsed, Error};
    }
}

//! The way from a signal handler to the reactors.
//!
//! One pipe (a pair of sockets, which `std` makes without blocking) serves all signals and all
//! runtimes of the process. A [`Watch`] is what one runtime has of it: a copy of the read end,
//! registered with a reactor. It is no task: the waker that it leaves with its descriptor is itself,
//! and being woken it reads the pipe, delivers what came, and waits again, all on the thread that
//! turned the reactor.
//!
//! # Invariants
//!
//! - **P1** Every runtime of a living listener watches the pipe. A byte makes an event for each copy
//!   of the read end; the copy that loses the race for the byte has nothing to do.
//! - **P2** The write end and its number stay for the life of the process: a handler may be about to
//!   use it at any time.
//! - **P3** A watch owns itself, through the waker in its registration, until its reactor is shut
//!   down: that takes the waker out, and waiting again fails.
//!
//! # Forks
//!
//! A child that was forked and has not executed another program shares the pipe with its parent. The
//! marks are memory of its own, so what the child's handlers write disturbs the parent at worst with
//! a wake for nothing. When the child makes a listener it gets a pipe of its own.

#![allow(unsafe_code)] // Installs handlers, and the system calls that they may make.

use std::io::{self, ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};

use libc::c_int;
use parking_lot::Mutex;
use runtime_base::coop;
use runtime_base::wake_batch::WakeBatch;
use runtime_net::{Descriptor, Interest, ReactorHandle};

use super::slot::Slot;

/// Where handlers write; negative before the first pipe.
static WRITE_END: AtomicI32 = AtomicI32::new(-1);

/// The pipe of this process, and who watches it.
static PIPE: Mutex<Option<Pipe>> = Mutex::new(None);

/// The signals that have a handler.
static SLOTS: Mutex<Vec<(c_int, Arc<Slot>)>> = Mutex::new(Vec::new());

struct Pipe {
    read_end: UnixStream,
    /// Whose it is; another after a fork.
    process: u32,
    /// By the identity of the runtime.
    watches: Vec<(u64, Weak<Watch>)>,
}

/// One runtime's copy of the read end.
struct Watch {
    read_end: Descriptor<UnixStream>,
}

/// The slot of a signal, after a handler is installed and the runtime of `home` watches the pipe.
///
/// # Errors
///
/// When the system refuses the signal or the handler, has no descriptors left, or the runtime was
/// shut down.
pub(super) fn listen(signal: c_int, home: &Arc<ReactorHandle>) -> io::Result<Arc<Slot>> {
    // The pipe first: from the handler's first run on there is where to write.
    watch(home)?;
    let mut slots = SLOTS.lock();
    if let Some((_, slot)) = slots.iter().find(|(number, _)| *number == signal) {
        return Ok(slot.clone());
    }
    let slot = Arc::new(Slot::new());
    install(signal, slot.clone())?;
    slots.push((signal, slot.clone()));
    Ok(slot)
}

/// Installs the handler of a signal.
fn install(signal: c_int, slot: Arc<Slot>) -> io::Result<()> {
    // No signal has the number 0. The system refuses two of the forbidden ones. The others say that
    // the program itself is at fault, and returning from their handler would repeat the fault for ever.
    if signal <= 0 || signal_hook_registry::FORBIDDEN.contains(&signal) {
        return Err(io::Error::other(format!(
            "Refusing to register signal {signal}"
        )));
    }
    #[cfg(any(target_os = "android", target_os = "linux"))]
    if signal > libc::SIGRTMAX() {
        return Err(io::Error::other("signal too large"));
    }
    let handler = move || {
        slot.mark();
        // Acquire pairs with the store of `make_pipe`.
        let write_end = WRITE_END.load(Acquire);
        // SAFETY: `write` is safe in a handler, the pointer is to a byte, and the descriptor stays
        // open (P2). A full pipe refuses the byte, but then it holds others that do the same.
        // The registry restores errno.
        unsafe { libc::write(write_end, [0_u8].as_ptr().cast(), 1) };
    };
    // SAFETY: the handler stores to an atomic, loads another, and calls `write`: all are safe
    // wherever a signal interrupts. It does not allocate, lock or panic.
    unsafe { signal_hook_registry::register(signal, handler) }?;
    Ok(())
}

/// Sees to it that the runtime of `home` watches the pipe (P1).
pub(super) fn watch(home: &Arc<ReactorHandle>) -> io::Result<()> {
    let watch = {
        let mut pipe = PIPE.lock();
        let process = std::process::id();
        let pipe = match &mut *pipe {
            Some(pipe) if pipe.process == process => pipe,
            pipe => pipe.insert(make_pipe(process)?),
        };
        let is_watched = |(group, watch): &(u64, Weak<Watch>)| {
            *group == home.group() && watch.strong_count() > 0
        };
        if pipe.watches.iter().any(is_watched) {
            return Ok(());
        }
        pipe.watches.retain(|(_, watch)| watch.strong_count() > 0);
        let read_end = pipe.read_end.try_clone()?;
        let read_end = Descriptor::new(read_end, home.clone(), Interest::READABLE)?;
        // Under the lock, so that whoever finds the watch can rely on it.
        read_end.register()?;
        let watch = Arc::new(Watch { read_end });
        pipe.watches.push((home.group(), Arc::downgrade(&watch)));
        watch
    };
    // What came since the registration is reported by the first turn. Until the waker is there the
    // watch is owned by this call.
    watch.wake();
    Ok(())
}

fn make_pipe(process: u32) -> io::Result<Pipe> {
    let (read_end, write_end) = UnixStream::pair()?;
    read_end.set_nonblocking(true)?;
    write_end.set_nonblocking(true)?;
    // P2. After a fork this forgets the parent's: a handler may be using it.
    let write_end = std::mem::ManuallyDrop::new(write_end);
    // Release pairs with the load in the handler.
    WRITE_END.store(write_end.as_raw_fd(), Release);
    Ok(Pipe {
        read_end,
        process,
        watches: Vec::new(),
    })
}

impl Wake for Watch {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(self.clone());
        let mut cx = Context::from_waker(&waker);
        let mut batch = WakeBatch::new();
        // The thread may be in a task, whose budget is not ours to spend.
        let polled: Poll<io::Result<()>> = coop::with_unlimited(|| {
            self.read_end.poll_read_with(&mut cx, |read_end| {
                drain(read_end);
                for (_, slot) in &*SLOTS.lock() {
                    slot.deliver(&mut batch);
                }
                Err(ErrorKind::WouldBlock.into())
            })
        });
        // `Pending`, or the reactor was shut down: then nobody has the waker, and this call is the
        // watch's last owner (P3).
        drop(polled);
        // After the watch waits again: a waker that panics takes nothing from those that come later.
        batch.wake_all();
    }
}

/// Takes all bytes out of the pipe.
fn drain(mut read_end: &UnixStream) {
    let mut bytes = [0; 64];
    // It ends with "would block": the other end never closes (P2). The bytes mean nothing.
    while let Ok(1..) = read_end.read(&mut bytes) {}
}

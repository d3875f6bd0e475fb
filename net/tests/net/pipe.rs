//! Pipes: what the bytes do, and what is refused.

use std::fs::{self, File};
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::pin::pin;

use runtime_base::io::AsyncWrite;
use runtime_net::Interest;
use runtime_net::unix::pipe::{OpenOptions, Receiver, Sender, pipe};

use crate::executor::{Executor, join, read, read_exact, read_to_end, shutdown, write, write_all};

#[test]
fn more_bytes_than_the_pipe_holds_arrive_in_order() {
    let mut executor = Executor::new();
    let sent: Vec<u8> = (0..4_u32 << 20).map(|i| (i % 251) as u8).collect();
    executor.block_on(async {
        let (mut sender, mut receiver) = pipe().unwrap();
        assert!(sender.is_write_vectored());
        let (received, ()) = join(read_to_end(&mut receiver), async {
            write_all(&mut sender, &sent).await.unwrap();
            shutdown(&mut sender).await.unwrap();
            // Shutting down ends nothing, dropping does.
            write_all(&mut sender, b"end").await.unwrap();
            drop(sender);
        })
        .await;
        let received = received.unwrap();
        assert!(received[..sent.len()] == sent);
        assert_eq!(&received[sent.len()..], b"end");
    });
}

#[test]
fn a_writer_whose_reader_is_gone_gets_an_error() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (mut sender, receiver) = pipe().unwrap();
        sender.writable().await.unwrap();
        let chunk = vec![0; 1 << 20];
        while sender.try_write(&chunk).is_ok() {}
        // It waits for room, and room will never be.
        let (result, ()) = join(write(&mut sender, b"x"), async { drop(receiver) }).await;
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(
            sender
                .ready(Interest::WRITABLE)
                .await
                .unwrap()
                .is_write_closed()
        );
    });
}

#[test]
fn every_way_to_write_and_read() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (sender, receiver) = pipe().unwrap();
        let mut buf = [0; 8];
        let error = receiver.try_read(&mut buf).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        poll_fn(|cx| sender.poll_write_ready(cx)).await.unwrap();
        assert_eq!(sender.try_write(b"one").unwrap(), 3);
        let parts = [IoSlice::new(b"tw"), IoSlice::new(b"o")];
        assert_eq!(sender.try_write_vectored(&parts).unwrap(), 3);
        poll_fn(|cx| receiver.poll_read_ready(cx)).await.unwrap();
        let parts = buf.split_at_mut(2);
        let mut parts = [IoSliceMut::new(parts.0), IoSliceMut::new(&mut parts.1[..1])];
        assert_eq!(receiver.try_read_vectored(&mut parts).unwrap(), 3);
        assert_eq!(&buf[..3], b"one");
        let mut spare = Vec::with_capacity(2);
        assert_eq!(receiver.try_read_buf(&mut spare).unwrap(), 2);
        assert_eq!(spare, b"tw");
        assert_eq!(receiver.try_read(&mut buf).unwrap(), 1);
        let error = receiver.try_io(|| -> io::Result<()> { Err(io::ErrorKind::WouldBlock.into()) });
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        sender.try_io(|| Ok(())).unwrap();
        // A receiver is never ready to write.
        assert!(format!("{sender:?} {receiver:?}").contains("Receiver"));
        drop(sender);
        receiver.readable().await.unwrap();
        assert_eq!(receiver.try_read(&mut buf).unwrap(), 0);
    });
}

#[test]
fn what_was_written_can_be_read_at_once() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (sender, receiver) = pipe().unwrap();
        let mut buf = [0; 8];
        // Nobody has waited for the receiver, so no reactor knows it.
        assert_eq!(sender.try_write(b"ping").unwrap(), 4);
        assert_eq!(receiver.try_read(&mut buf[..3]).unwrap(), 3);
        drop(sender);
        assert_eq!(receiver.try_read(&mut buf).unwrap(), 1);
        assert_eq!(receiver.try_read(&mut buf).unwrap(), 0);
    });
}

#[test]
fn descriptors_go_to_std_and_come_back() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (sender, receiver) = pipe().unwrap();
        sender.writable().await.unwrap();
        let mut blocking = File::from(sender.into_blocking_fd().unwrap());
        blocking.write_all(b"ping").unwrap();
        let sender = Sender::from_file(blocking).unwrap();
        // It does not block any more: a full pipe says so.
        let chunk = vec![0; 1 << 20];
        let error = loop {
            if let Err(error) = sender.try_write(&chunk) {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        let mut receiver =
            Receiver::from_owned_fd(receiver.into_nonblocking_fd().unwrap()).unwrap();
        let mut ping = [0; 4];
        read_exact(&mut receiver, &mut ping).await.unwrap();
        assert_eq!(&ping, b"ping");
        drop(sender);
        let mut blocking = File::from(receiver.into_blocking_fd().unwrap());
        blocking.read_to_end(&mut Vec::new()).unwrap();
    });
}

#[test]
fn what_is_not_a_pipe_or_the_wrong_end_is_refused() {
    let executor = Executor::new();
    let _entered = executor.enter();
    let path = std::env::current_exe().unwrap();
    let invalid = |error: io::Error, text: &str| {
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), text);
    };
    let file = || File::open(&path).unwrap();
    invalid(
        Receiver::from_file(file()).unwrap_err(),
        "the file is not a pipe",
    );
    invalid(
        Sender::from_owned_fd(file().into()).unwrap_err(),
        "the file is not a pipe",
    );
    let error = OpenOptions::new().open_receiver(&path).unwrap_err();
    invalid(error, "the file is not a pipe");
    // Whoever says so may have anything.
    OpenOptions::new()
        .unchecked(true)
        .open_receiver(&path)
        .unwrap();

    let (sender, receiver) = pipe().unwrap();
    let (sender, receiver) = (
        sender.into_nonblocking_fd().unwrap(),
        receiver.into_nonblocking_fd().unwrap(),
    );
    let error = Receiver::from_owned_fd(sender).unwrap_err();
    invalid(error, "the pipe is not open for reading");
    let error = Sender::from_owned_fd(receiver).unwrap_err();
    invalid(error, "the pipe is not open for writing");
}

/// A pipe with a name, which is removed.
struct Fifo(PathBuf);

impl Fifo {
    fn new(name: &str) -> Self {
        use std::os::unix::ffi::OsStrExt;

        let name = format!("runtime-net-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let text = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
        // SAFETY: the text ends with a zero.
        assert_eq!(unsafe { libc::mkfifo(text.as_ptr(), 0o600) }, 0);
        Self(path)
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_pipe_with_a_name_is_opened_from_both_ends() {
    let fifo = Fifo::new("both-ends");
    let mut executor = Executor::new();
    executor.block_on(async {
        let options = OpenOptions::default();
        // Nobody would receive.
        let error = options.open_sender(&fifo.0).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENXIO));
        let mut receiver = options.open_receiver(&fifo.0).unwrap();
        let mut sender = options.open_sender(&fifo.0).unwrap();
        let mut buf = [0; 8];
        let (n, ()) = join(read(&mut receiver, &mut buf), async {
            write_all(&mut sender, b"ping").await.unwrap();
        })
        .await;
        assert_eq!(n.unwrap(), 4);
        drop(sender);
        assert_eq!(read(&mut receiver, &mut buf).await.unwrap(), 0);
        let error = options.open_receiver("/nowhere/at/all").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    });
}

#[test]
fn a_second_sender_ends_the_end() {
    let fifo = Fifo::new("second-sender");
    let mut executor = Executor::new();
    let options = OpenOptions::new();
    let mut buf = [0; 8];
    let (receiver, sender) = executor.block_on(async {
        let receiver = options.open_receiver(&fifo.0).unwrap();
        drop(options.open_sender(&fifo.0).unwrap());
        receiver.readable().await.unwrap();
        assert_eq!(receiver.try_read(&mut buf).unwrap(), 0);
        // From now on there may be more to read.
        let sender = options.open_sender(&fifo.0).unwrap();
        let nothing = receiver.try_read(&mut buf).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        (receiver, sender)
    });
    assert!(executor.poll_once(pin!(receiver.readable())).is_pending());
    sender.try_write(b"ping").unwrap();
    executor.block_on(receiver.readable()).unwrap();
    assert_eq!(receiver.try_read(&mut buf).unwrap(), 4);
}

#[test]
#[cfg(target_os = "linux")]
fn a_pipe_that_is_open_for_both_directions_needs_no_other_end() {
    let fifo = Fifo::new("one-end");
    let mut executor = Executor::new();
    let mut options = OpenOptions::new();
    options.read_write(true);
    let (sender, mut receiver) = {
        let _entered = executor.enter();
        let sender = options.open_sender(&fifo.0).unwrap();
        (sender, options.open_receiver(&fifo.0).unwrap())
    };
    sender.try_write(b"ping").unwrap();
    drop(sender);
    let mut buf = [0; 4];
    executor
        .block_on(read_exact(&mut receiver, &mut buf))
        .unwrap();
    // It is a writer itself, so it never sees the end.
    let waiting = pin!(read(&mut receiver, &mut buf));
    assert!(executor.poll_once(waiting).is_pending());
}

#[test]
#[cfg(target_os = "linux")]
fn packets_are_read_one_by_one_without_waiting_for_more() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (sender, mut receiver) = pipe().unwrap();
        // SAFETY: the descriptor is open; the call touches no memory.
        let result = unsafe {
            let flags = libc::O_DIRECT | libc::O_NONBLOCK;
            libc::fcntl(sender.as_raw_fd(), libc::F_SETFL, flags)
        };
        assert_eq!(result, 0);
        let mut buf = [0; 64];
        let receive = async {
            receiver.readable().await.unwrap();
            assert_eq!(read(&mut receiver, &mut buf).await.unwrap(), 5);
            assert_eq!(read(&mut receiver, &mut buf).await.unwrap(), 6);
        };
        join(receive, async {
            sender.try_write(b"first").unwrap();
            sender.try_write(b"second").unwrap();
        })
        .await;
    });
}

#[test]
fn types_may_be_sent_and_shared() {
    fn is_public<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    is_public::<Sender>();
    is_public::<Receiver>();
    is_public::<OpenOptions>();
}

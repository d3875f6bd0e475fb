//! Unix sockets: what the bytes and the datagrams do.

use std::fs;
use std::future::poll_fn;
use std::io::{self, Write};
use std::net::Shutdown;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use runtime_base::io::{AsyncWrite, ReadBuf};
use runtime_net::{Interest, UnixDatagram, UnixListener, UnixSocket, UnixStream, unix};

use crate::executor::{Executor, join, read, read_exact, read_to_end, shutdown, write, write_all};

/// A folder that is removed with everything in it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Relaxed);
        let name = format!("runtime-net-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn an_echo_comes_back() {
    let folder = Folder::new();
    let path = folder.join("echo");
    let mut executor = Executor::new();
    executor.block_on(async {
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(&*path));
        assert!(listener.take_error().unwrap().is_none());
        let echo = async {
            let (mut server, peer) = listener.accept().await.unwrap();
            assert!(peer.is_unnamed() && peer.as_pathname().is_none());
            let (mut reader, mut writer) = server.split();
            let mut buf = [0; 16];
            loop {
                match read(&mut reader, &mut buf).await.unwrap() {
                    0 => break,
                    n => write_all(&mut writer, &buf[..n]).await.unwrap(),
                }
            }
        };
        let talk = async {
            let mut client = UnixStream::connect(&path).await.unwrap();
            assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(&*path));
            assert!(client.local_addr().unwrap().is_unnamed());
            assert!(client.take_error().unwrap().is_none());
            for round in 0..100_u32 {
                let message = round.to_be_bytes();
                write_all(&mut client, &message).await.unwrap();
                let mut answer = [0; 4];
                read_exact(&mut client, &mut answer).await.unwrap();
                assert_eq!(answer, message);
            }
            shutdown(&mut client).await.unwrap();
        };
        join(echo, talk).await;
    });
}

#[test]
fn a_connection_belongs_to_the_runtime_that_accepts_it() {
    let folder = Folder::new();
    let path = folder.join("two runtimes");
    let mut listening = Executor::in_group(1);
    let mut accepting = Executor::in_group(2);
    let listener = listening
        .block_on(async { UnixListener::bind(&path) })
        .unwrap();
    let mut client = std::os::unix::net::UnixStream::connect(&path).unwrap();
    let (mut server, _) = accepting.block_on(listener.accept()).unwrap();
    let handle = listening.handle().clone();
    handle.shutdown(&mut listening.batch);
    // The end of the listener's runtime is not that of the connection.
    let mut buf = [0; 4];
    let mut reading = pin!(read(&mut server, &mut buf));
    assert!(accepting.poll_once(reading.as_mut()).is_pending());
    client.write_all(b"ping").unwrap();
    assert_eq!(accepting.block_on(reading).unwrap(), 4);
}

#[test]
fn more_bytes_than_the_buffers_hold_arrive_in_order() {
    let mut executor = Executor::new();
    let sent: Vec<u8> = (0..8_u32 << 20).map(|i| (i % 251) as u8).collect();
    executor.block_on(async {
        let (mut left, mut right) = UnixStream::pair().unwrap();
        let (received, ()) = join(read_to_end(&mut right), async {
            write_all(&mut left, &sent).await.unwrap();
            shutdown(&mut left).await.unwrap();
        })
        .await;
        assert!(received.unwrap() == sent);
    });
}

#[test]
fn a_writer_whose_peer_is_gone_gets_an_error_and_no_signal() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (mut left, right) = UnixStream::pair().unwrap();
        drop(right);
        let error = write(&mut left, b"x").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        let error = left.try_write(b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert!(left.is_write_vectored());
        assert_eq!(read(&mut left, &mut [0; 8]).await.unwrap(), 0);
    });
}

#[test]
fn owned_halves_end_the_sending_side_when_dropped_and_can_be_reunited() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (left, mut right) = UnixStream::pair().unwrap();
        let (mut reader, mut writer) = left.into_split();
        assert!(reader.peer_addr().unwrap().is_unnamed());
        assert!(writer.local_addr().unwrap().is_unnamed());
        writer.writable().await.unwrap();
        write_all(&mut writer, b"ping").await.unwrap();
        drop(writer);
        assert_eq!(read_to_end(&mut right).await.unwrap(), b"ping");
        assert_eq!(right.try_write(b"pong").unwrap(), 4);
        reader.readable().await.unwrap();
        let mut spare = Vec::with_capacity(8);
        assert_eq!(reader.try_read_buf(&mut spare).unwrap(), 4);
        drop(right);
        assert_eq!(read(&mut reader, &mut [0; 8]).await.unwrap(), 0);

        let (left, right) = UnixStream::pair().unwrap();
        let (left_reader, left_writer) = left.into_split();
        let (right_reader, right_writer) = right.into_split();
        let unix::ReuniteError(left_reader, right_writer) =
            left_reader.reunite(right_writer).unwrap_err();
        let left = left_writer.reunite(left_reader).unwrap();
        let right = right_reader.reunite(right_writer).unwrap();
        left.try_write(b"whole").unwrap();
        right.readable().await.unwrap();
        assert_eq!(right.try_read(&mut [0; 8]).unwrap(), 5);
    });
}

/// Sends `bytes`, and a copy of standard input's descriptor with them.
#[cfg(target_os = "linux")]
fn send_with_descriptor(stream: &UnixStream, bytes: &[u8]) {
    use std::os::fd::AsRawFd;

    #[repr(C)]
    struct Control {
        header: libc::cmsghdr,
        descriptor: libc::c_int,
    }
    // SAFETY: the structures are numbers and pointers.
    let mut control: Control = unsafe { std::mem::zeroed() };
    control.header.cmsg_level = libc::SOL_SOCKET;
    control.header.cmsg_type = libc::SCM_RIGHTS;
    // SAFETY: these only calculate.
    let (len, space) = unsafe { (libc::CMSG_LEN(4), libc::CMSG_SPACE(4)) };
    assert_eq!(space as usize, size_of::<Control>());
    control.header.cmsg_len = len as _;
    control.descriptor = stream.as_raw_fd();
    let mut part = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: as above.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    header.msg_control = (&raw mut control).cast();
    header.msg_controllen = space as _;
    // SAFETY: the header points to memory that lives until the end of the function.
    let n = unsafe { libc::sendmsg(stream.as_raw_fd(), &header, 0) };
    assert_eq!(n, bytes.len() as isize, "{}", io::Error::last_os_error());
}

#[test]
#[cfg(target_os = "linux")]
fn bytes_behind_a_descriptor_are_read_without_waiting_for_more() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (left, mut right) = UnixStream::pair().unwrap();
        // It is registered, and the bytes come with one event.
        right.writable().await.unwrap();
        let send = async {
            send_with_descriptor(&left, b"first");
            left.try_write(b"second").unwrap();
        };
        let receive = async {
            right.readable().await.unwrap();
            let mut buf = [0; 64];
            // The system ends the first read at the descriptor.
            assert_eq!(read(&mut right, &mut buf).await.unwrap(), 5);
            assert_eq!(read(&mut right, &mut buf).await.unwrap(), 6);
            assert_eq!(&buf[..6], b"second");
        };
        join(receive, send).await;
    });
}

#[test]
#[cfg(target_os = "linux")]
fn abstract_names_belong_to_no_file_system() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let name = format!("runtime-net-{}", std::process::id());
        let path = PathBuf::from(format!("\0{name}"));
        let listener = UnixListener::bind(&path).unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(address.as_abstract_name(), Some(name.as_bytes()));
        assert!(address.as_pathname().is_none());
        let again = UnixListener::bind_addr(&address).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
        let by_path = UnixStream::connect(&path).await.unwrap();
        let _by_address = UnixStream::connect_addr(&address).await.unwrap();
        let socket = UnixSocket::new_stream().unwrap();
        let _by_socket = socket.connect(&path).await.unwrap();
        for _ in 0..3 {
            listener.accept().await.unwrap();
        }
        let peer = by_path.peer_addr().unwrap();
        assert_eq!(peer.as_abstract_name(), Some(name.as_bytes()));
        drop(listener);
        let error = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);

        let name = format!("\0runtime-net-{}-datagrams", std::process::id());
        let receiver = UnixDatagram::bind(&name).unwrap();
        let sender = UnixDatagram::bind(format!("{name}-sender")).unwrap();
        sender.send_to(b"ping", &name).await.unwrap();
        let mut buf = [0; 8];
        let (n, from) = receiver.recv_from(&mut buf).await.unwrap();
        assert_eq!(n, 4);
        assert!(from.as_abstract_name().unwrap().ends_with(b"-sender"));
    });
}

#[test]
fn the_peer_is_this_process() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (left, _right) = UnixStream::pair().unwrap();
        let cred = left.peer_cred().unwrap();
        // SAFETY: these have no preconditions.
        let (uid, gid) = unsafe { (libc::getuid(), libc::getgid()) };
        assert_eq!((cred.uid(), cred.gid()), (uid, gid));
        #[cfg(target_os = "linux")]
        assert_eq!(cred.pid(), Some(std::process::id() as unix::pid_t));
    });
}

#[test]
fn bad_paths_get_the_systems_error() {
    let folder = Folder::new();
    let mut executor = Executor::new();
    executor.block_on(async {
        let path = folder.join("socket");
        let missing = folder.join("missing");
        let no_folder = folder.join("missing/socket");
        let too_long = folder.join(&"x".repeat(200));
        let zero = folder.join("a\0b");
        let kind = |error: io::Error| error.kind();

        let listener = UnixListener::bind(&path).unwrap();
        let in_use = UnixListener::bind(&path).unwrap_err();
        assert_eq!(kind(in_use), io::ErrorKind::AddrInUse);
        let in_use = UnixDatagram::bind(&path).unwrap_err();
        assert_eq!(kind(in_use), io::ErrorKind::AddrInUse);
        let in_use = UnixSocket::new_stream().unwrap().bind(&path).unwrap_err();
        assert_eq!(kind(in_use), io::ErrorKind::AddrInUse);
        let error = UnixListener::bind(&no_folder).unwrap_err();
        assert_eq!(kind(error), io::ErrorKind::NotFound);
        let error = UnixStream::connect(&missing).await.unwrap_err();
        assert_eq!(kind(error), io::ErrorKind::NotFound);

        for bad in [&too_long, &zero] {
            let invalid = io::ErrorKind::InvalidInput;
            assert_eq!(kind(UnixListener::bind(bad).unwrap_err()), invalid);
            assert_eq!(kind(UnixStream::connect(bad).await.unwrap_err()), invalid);
            assert_eq!(kind(UnixDatagram::bind(bad).unwrap_err()), invalid);
            let socket = UnixSocket::new_stream().unwrap();
            assert_eq!(kind(socket.bind(bad).unwrap_err()), invalid);
            assert_eq!(kind(socket.connect(bad).await.unwrap_err()), invalid);
            let datagram = UnixDatagram::unbound().unwrap();
            assert_eq!(kind(datagram.connect(bad).unwrap_err()), invalid);
            assert_eq!(kind(datagram.send_to(b"", bad).await.unwrap_err()), invalid);
            assert_eq!(kind(datagram.try_send_to(b"", bad).unwrap_err()), invalid);
        }

        // The file stays when the listener is gone.
        drop(listener);
        let error = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(kind(error), io::ErrorKind::ConnectionRefused);
        fs::remove_file(&path).unwrap();
        UnixListener::bind(&path).unwrap();
    });
    assert_eq!(executor.handle().source_count(), 0);
}

/// A receiver at `path`, and a sender that is bound to another.
fn datagrams(folder: &Folder) -> (UnixDatagram, PathBuf, UnixDatagram, PathBuf) {
    let (to, from) = (folder.join("receiver"), folder.join("sender"));
    let receiver = UnixDatagram::bind(&to).unwrap();
    let sender = UnixDatagram::bind(&from).unwrap();
    (receiver, to, sender, from)
}

#[test]
fn every_way_to_receive_gives_the_datagram_and_its_sender() {
    let folder = Folder::new();
    let mut executor = Executor::new();
    executor.block_on(async {
        let (receiver, to, sender, from) = datagrams(&folder);
        assert_eq!(receiver.local_addr().unwrap().as_pathname(), Some(&*to));
        let check = |(n, address): (usize, unix::SocketAddr)| {
            assert_eq!((n, address.as_pathname()), (4, Some(Path::new(&from))));
        };
        for _ in 0..2 {
            let send = || sender.try_send_to(b"ping", &to).unwrap();
            let mut buf = [0; 8];
            let mut spare = Vec::with_capacity(8);
            send();
            check(receiver.recv_from(&mut buf).await.unwrap());
            send();
            check(receiver.recv_buf_from(&mut spare).await.unwrap());
            send();
            assert_eq!(receiver.recv_buf(&mut spare).await.unwrap(), 4);
            assert_eq!(spare, b"pingping");
            spare.clear();
            send();
            receiver.readable().await.unwrap();
            check(receiver.try_recv_from(&mut buf).unwrap());
            send();
            receiver.readable().await.unwrap();
            check(receiver.try_recv_buf_from(&mut spare).unwrap());
            send();
            receiver.readable().await.unwrap();
            assert_eq!(receiver.try_recv_buf(&mut spare).unwrap(), 4);
            send();
            receiver.readable().await.unwrap();
            assert_eq!(receiver.try_recv(&mut buf).unwrap(), 4);
            let mut read_buf = ReadBuf::new(&mut buf);
            send();
            let address = poll_fn(|cx| receiver.poll_recv_from(cx, &mut read_buf)).await;
            check((4, address.unwrap()));
            send();
            poll_fn(|cx| receiver.poll_recv_ready(cx)).await.unwrap();
            poll_fn(|cx| receiver.poll_recv(cx, &mut read_buf))
                .await
                .unwrap();
            assert_eq!(read_buf.filled(), b"pingping");
        }
        let error = receiver.try_recv(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    });
}

#[test]
fn every_way_to_send_arrives() {
    let folder = Folder::new();
    let mut executor = Executor::new();
    executor.block_on(async {
        let (receiver, to, sender, _) = datagrams(&folder);
        sender.send_to(b"1", &to).await.unwrap();
        poll_fn(|cx| sender.poll_send_to(cx, b"2", &to))
            .await
            .unwrap();
        sender.try_send_to(b"3", &to).unwrap();
        sender.connect(&to).unwrap();
        assert_eq!(sender.peer_addr().unwrap().as_pathname(), Some(&*to));
        sender.send(b"4").await.unwrap();
        sender.try_send(b"5").unwrap();
        poll_fn(|cx| sender.poll_send(cx, b"6")).await.unwrap();
        poll_fn(|cx| sender.poll_send_ready(cx)).await.unwrap();
        let mut buf = [0; 8];
        for expected in b"123456" {
            assert_eq!(receiver.recv(&mut buf).await.unwrap(), 1);
            assert_eq!(buf[0], *expected);
        }
    });
}

#[test]
fn a_sender_waits_until_the_receiver_has_room() {
    let mut executor = Executor::new();
    executor.block_on(async {
        const COUNT: u32 = 10_000;
        let (left, right) = UnixDatagram::pair().unwrap();
        let send = async {
            for i in 0..COUNT {
                left.send(&i.to_be_bytes()).await.unwrap();
            }
        };
        let receive = async {
            let mut buf = [0; 8];
            for i in 0..COUNT {
                assert_eq!(right.recv(&mut buf).await.unwrap(), 4);
                assert_eq!(buf[..4], i.to_be_bytes());
            }
        };
        join(send, receive).await;
    });
}

#[test]
fn misuse_of_datagrams_gets_the_systems_error() {
    let folder = Folder::new();
    let mut executor = Executor::new();
    executor.block_on(async {
        let (receiver, to, sender, _) = datagrams(&folder);
        let error = sender.send(b"x").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
        let error = sender.peer_addr().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
        let huge = vec![0; 1 << 24];
        let error = sender.send_to(&huge, &to).await.unwrap_err();
        assert_ne!(error.kind(), io::ErrorKind::WouldBlock);
        let missing = folder.join("missing");
        let error = sender.send_to(b"x", &missing).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let error = sender.connect(&missing).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        drop(receiver);
        let error = sender.send_to(b"x", &to).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(sender.take_error().unwrap().is_none());

        let (left, right) = UnixDatagram::pair().unwrap();
        left.shutdown(Shutdown::Both).unwrap();
        let error = right.send(b"x").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_socket_becomes_what_it_was_made_for() {
    let folder = Folder::new();
    let mut executor = Executor::new();
    executor.block_on(async {
        let path = folder.join("listener");
        let socket = UnixSocket::new_stream().unwrap();
        socket.bind(&path).unwrap();
        let listener = socket.listen(8).unwrap();
        let socket = UnixSocket::new_stream().unwrap();
        let client = socket.connect(&path).await.unwrap();
        let (server, _) = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
        client.try_write(b"ping").unwrap();
        server.readable().await.unwrap();
        assert_eq!(server.try_read(&mut [0; 8]).unwrap(), 4);

        let path = folder.join("datagram");
        let socket = UnixSocket::new_datagram().unwrap();
        socket.bind(&path).unwrap();
        let datagram = socket.datagram().unwrap();
        assert_eq!(datagram.local_addr().unwrap().as_pathname(), Some(&*path));

        let datagram = || UnixSocket::new_datagram().unwrap();
        assert!(datagram().listen(8).is_err());
        let error = datagram().connect(&path).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "connect cannot be called on a datagram socket"
        );
        assert!(UnixSocket::new_stream().unwrap().datagram().is_err());
    });
}

#[test]
fn sockets_come_from_std_and_go_back() {
    let folder = Folder::new();
    let mut executor = Executor::new();
    executor.block_on(async {
        let (left, right) = UnixStream::pair().unwrap();
        // While it is registered.
        right.writable().await.unwrap();
        let right = UnixStream::try_from(right.into_std().unwrap()).unwrap();
        left.try_write(b"ping").unwrap();
        let twin = socket2::SockRef::from(&right).try_clone().unwrap();
        let received = right
            .async_io(Interest::READABLE, || {
                io::Read::read(&mut &twin, &mut [0; 8])
            })
            .await;
        assert_eq!(received.unwrap(), 4);

        let (left, right) = UnixDatagram::pair().unwrap();
        let right = UnixDatagram::from_std(right.into_std().unwrap()).unwrap();
        left.send(b"ping").await.unwrap();
        assert_eq!(right.recv(&mut [0; 8]).await.unwrap(), 4);

        let path = folder.join("listener");
        let listener = UnixListener::bind(&path).unwrap();
        let listener = UnixListener::from_std(listener.into_std().unwrap()).unwrap();
        let _client = UnixStream::connect(&path).await.unwrap();
        listener.accept().await.unwrap();
        assert!(format!("{listener:?}").contains("listener"), "{listener:?}");
    });
}

#[test]
#[should_panic(expected = "Registering a blocking socket")]
#[cfg(debug_assertions)]
fn a_blocking_socket_is_refused() {
    let executor = Executor::new();
    let _entered = executor.enter();
    let (left, _right) = std::os::unix::net::UnixStream::pair().unwrap();
    let _ = UnixStream::from_std(left);
}

#[test]
fn futures_and_types_may_be_sent_and_shared() {
    fn is_send<T: Send>(_: &T) {}
    fn is_public<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    fn is_unwind_safe<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    is_public::<UnixStream>();
    is_public::<UnixListener>();
    is_public::<UnixDatagram>();
    is_public::<UnixSocket>();
    is_public::<unix::SocketAddr>();
    is_public::<unix::UCred>();
    is_public::<unix::ReadHalf<'static>>();
    is_public::<unix::WriteHalf<'static>>();
    is_public::<unix::OwnedReadHalf>();
    is_public::<unix::OwnedWriteHalf>();
    is_unwind_safe::<UnixStream>();
    is_unwind_safe::<UnixDatagram>();

    let executor = Executor::new();
    let _entered = executor.enter();
    let datagram = UnixDatagram::unbound().unwrap();
    is_send(&UnixStream::connect("/nowhere"));
    is_send(&datagram.send_to(b"", "/nowhere"));
    is_send(&datagram.recv(&mut []));
    is_send(&UnixSocket::new_stream().unwrap().connect("/nowhere"));
}

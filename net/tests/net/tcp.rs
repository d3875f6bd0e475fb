//! TCP: what the bytes do.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::executor::{Executor, join, read, read_exact, read_to_end, shutdown, write, write_all};
use runtime_net::{Interest, TcpListener, TcpSocket, TcpStream, lookup_host};

#[test]
fn an_echo_comes_back() {
    let mut executor = Executor::new();
    let (mut client, mut server) = executor.connection();
    executor.block_on(async {
        let echo = async {
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
fn more_bytes_than_the_buffers_hold_arrive_in_order() {
    let mut executor = Executor::new();
    let (mut client, mut server) = executor.connection();
    let sent: Vec<u8> = (0..8_u32 << 20).map(|i| (i % 251) as u8).collect();
    let (received, ()) = executor.block_on(join(read_to_end(&mut server), async {
        write_all(&mut client, &sent).await.unwrap();
        shutdown(&mut client).await.unwrap();
    }));
    assert!(received.unwrap() == sent);
}

#[test]
fn a_half_closed_connection_still_carries_bytes_the_other_way() {
    let mut executor = Executor::new();
    let (mut client, mut server) = executor.connection();
    executor.block_on(async {
        write_all(&mut client, b"last words").await.unwrap();
        shutdown(&mut client).await.unwrap();
        assert_eq!(read_to_end(&mut server).await.unwrap(), b"last words");
        // The end stays the end.
        assert_eq!(read(&mut server, &mut [0; 8]).await.unwrap(), 0);
        write_all(&mut server, b"answer").await.unwrap();
        drop(server);
        assert_eq!(read_to_end(&mut client).await.unwrap(), b"answer");
    });
}

#[test]
fn a_waiting_reader_sees_a_reset() {
    let mut executor = Executor::new();
    let (mut client, server) = executor.connection();
    let mut buf = [0; 8];
    let (result, ()) = executor.block_on(join(read(&mut client, &mut buf), async {
        server.set_zero_linger().unwrap();
        drop(server);
    }));
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[test]
fn a_writer_whose_peer_is_gone_gets_an_error() {
    let mut executor = Executor::new();
    let (mut client, server) = executor.connection();
    let chunk = vec![0; 1 << 16];
    let (error, ()) = executor.block_on(join(
        async {
            loop {
                if let Err(error) = write(&mut client, &chunk).await {
                    return error;
                }
            }
        },
        async {
            server.readable().await.unwrap();
            drop(server);
        },
    ));
    assert!(
        matches!(
            error.kind(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
        ),
        "{error:?}"
    );
}

/// The system ends a read before an urgent byte, although more bytes are there.
#[cfg(target_os = "linux")]
#[test]
fn bytes_behind_an_urgent_one_are_read_without_another_event() {
    let mut executor = Executor::new();
    let (client, mut server) = executor.connection();
    // The server is registered, and waits.
    let mut buf = [0; 16];
    assert!(
        executor
            .poll_once(std::pin::pin!(read(&mut server, &mut buf)))
            .is_pending()
    );
    executor.take_events();
    client.try_write(b"before").unwrap();
    socket2::SockRef::from(&client)
        .send_out_of_band(b"!")
        .unwrap();
    client.try_write(b"behind").unwrap();
    executor.block_on(async {
        let n = read(&mut server, &mut buf).await.unwrap();
        assert_eq!(&buf[..n], b"before");
        let n = read(&mut server, &mut buf).await.unwrap();
        assert_eq!(&buf[..n], b"behind");
    });
}

/// An address where nobody listens.
fn refusing_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn a_refused_connection_is_an_error_of_that_kind() {
    let mut executor = Executor::new();
    let refused = executor.block_on(TcpStream::connect(refusing_address()));
    let kind = refused.unwrap_err().kind();
    assert_eq!(kind, io::ErrorKind::ConnectionRefused);
    assert_eq!(executor.handle().source_count(), 0);
}

#[test]
fn addresses_are_tried_until_one_accepts() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let targets = [refusing_address(), address];
        let stream = TcpStream::connect(&targets[..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);

        let targets = [refusing_address(), refusing_address()];
        let error = TcpStream::connect(&targets[..]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);

        let error = TcpStream::connect(&[][..]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), "could not resolve to any address");
        let error = TcpListener::bind(&[][..]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    });
}

#[test]
fn an_address_in_use_is_an_error_of_that_kind() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let again = TcpListener::bind(listener.local_addr().unwrap()).await;
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn listeners_that_share_an_address_share_the_connections() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let listeners = TcpListener::bind_reuseport("127.0.0.1:0", 2).await.unwrap();
        let [first, second] = &listeners[..] else {
            panic!("two were asked for");
        };
        let address = first.local_addr().unwrap();
        assert_eq!(second.local_addr().unwrap(), address);
        // The system spreads them by a hash, so both get some of very many.
        let mut clients = Vec::new();
        for _ in 0..200 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        let (from_first, from_second) = join(first.accept(), second.accept()).await;
        assert!(from_first.is_ok() && from_second.is_ok());
        // Whoever does not share is not let in.
        let alone = TcpListener::bind(address).await.unwrap_err();
        assert_eq!(alone.kind(), io::ErrorKind::AddrInUse);
        let none = TcpListener::bind_reuseport(address, 0).await.unwrap();
        assert!(none.is_empty());
    });
}

#[test]
fn looking_up_an_address_needs_no_pool() {
    let mut executor = Executor::new();
    let found: Vec<_> = executor
        .block_on(lookup_host(("127.0.0.1", 80)))
        .unwrap()
        .collect();
    assert_eq!(found, ["127.0.0.1:80".parse().unwrap()]);
}

#[test]
fn many_clients_of_other_threads_are_accepted() {
    let mut executor = Executor::new();
    let listener = executor.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let clients = (0..20_u8)
        .map(|id| {
            std::thread::spawn(move || {
                let mut stream = std::net::TcpStream::connect(address).unwrap();
                stream.write_all(&[id]).unwrap();
                let mut answer = [0];
                stream.read_exact(&mut answer).unwrap();
                assert_eq!(answer, [id + 100]);
            })
        })
        .collect::<Vec<_>>();
    executor.block_on(async {
        for _ in 0..20 {
            let (mut stream, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, stream.peer_addr().unwrap());
            let mut id = [0];
            read_exact(&mut stream, &mut id).await.unwrap();
            write_all(&mut stream, &[id[0] + 100]).await.unwrap();
        }
    });
    for client in clients {
        client.join().unwrap();
    }
}

#[test]
fn peeked_bytes_are_read_again() {
    let mut executor = Executor::new();
    let (mut client, mut server) = executor.connection();
    executor.block_on(async {
        let mut buf = [0; 8];
        let (peeked, written) = join(server.peek(&mut buf), write_all(&mut client, b"peek")).await;
        written.unwrap();
        assert_eq!((peeked.unwrap(), &buf[..4]), (4, &b"peek"[..]));
        let mut buf = [0; 4];
        read_exact(&mut server, &mut buf).await.unwrap();
        assert_eq!(&buf, b"peek");
    });
}

#[test]
fn vectored_writes_and_reads_keep_the_order() {
    let mut executor = Executor::new();
    let (mut client, server) = executor.connection();
    executor.block_on(async {
        let parts = [&b"ab"[..], b"", b"cde", b"f"].map(IoSlice::new);
        assert_eq!(client.try_write_vectored(&parts).unwrap(), 6);
        let written = std::future::poll_fn(|cx| {
            use runtime_base::io::AsyncWrite;
            std::pin::Pin::new(&mut client).poll_write_vectored(cx, &parts)
        });
        assert_eq!(written.await.unwrap(), 6);
        drop(client);

        let mut received = Vec::new();
        loop {
            server.readable().await.unwrap();
            let (mut first, mut second) = ([0; 1], [0; 2]);
            let mut bufs = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
            match server.try_read_vectored(&mut bufs) {
                Ok(0) => break,
                Ok(n) => received.extend(first.into_iter().chain(second).take(n)),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        assert_eq!(received, b"abcdefabcdef");
    });
}

#[test]
fn a_vectored_write_of_very_many_buffers_is_a_short_write() {
    let mut executor = Executor::new();
    let (client, mut server) = executor.connection();
    let parts = vec![IoSlice::new(b"x"); 5_000];
    let n = client.try_write_vectored(&parts).unwrap();
    assert!((1..=5_000).contains(&n));
    drop(client);
    let received = executor.block_on(read_to_end(&mut server)).unwrap();
    assert_eq!(received.len(), n);
}

#[test]
fn try_read_fills_spare_capacity() {
    let mut executor = Executor::new();
    let (client, server) = executor.connection();
    executor.block_on(async {
        assert_eq!(client.try_write(b"spare").unwrap(), 5);
        server.readable().await.unwrap();
        let mut buf = Vec::with_capacity(16);
        buf.push(b'>');
        assert_eq!(server.try_read_buf(&mut buf).unwrap(), 5);
        assert_eq!(buf, b">spare");
        let error = server.try_read(&mut [0; 4]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(client);
        server.readable().await.unwrap();
        assert_eq!(server.try_read(&mut [0; 4]).unwrap(), 0);
    });
}

#[test]
fn users_operations_wait_for_readiness() {
    let mut executor = Executor::new();
    let (mut client, server) = executor.connection();
    executor.block_on(async {
        let mut calls = 0;
        let socket = socket2::SockRef::from(&server);
        let mut buf = [std::mem::MaybeUninit::uninit(); 8];
        let receive = server.async_io(Interest::READABLE, || {
            calls += 1;
            socket.recv(&mut buf)
        });
        let (received, written) = join(receive, write_all(&mut client, b"own")).await;
        written.unwrap();
        assert_eq!(received.unwrap(), 3);
        // It waited for the bytes before it called.
        assert_eq!(calls, 1);

        // "Would block" that is known is not tried again.
        let blocks = |_: ()| -> io::Result<()> { Err(io::ErrorKind::WouldBlock.into()) };
        let error = server.try_io(Interest::READABLE, || blocks(()));
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let error: io::Result<()> = server.try_io(Interest::READABLE, || {
            panic!("the operation is known to block")
        });
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    });
}

#[test]
fn owned_halves_end_the_sending_side_when_dropped_and_can_be_reunited() {
    let mut executor = Executor::new();
    let (client, mut server) = executor.connection();
    let (other_client, _other_server) = executor.connection();
    executor.block_on(async {
        let (reader, writer) = client.into_split();
        let (other_reader, other_writer) = other_client.into_split();
        let error = reader.reunite(other_writer).unwrap_err();
        assert_eq!(
            error.to_string(),
            "tried to reunite halves that are not from the same socket"
        );
        let client = error.0.reunite(writer).unwrap();
        drop((other_reader, error.1));

        let (mut reader, mut writer) = client.into_split();
        write_all(&mut writer, b"split").await.unwrap();
        drop(writer);
        assert_eq!(read_to_end(&mut server).await.unwrap(), b"split");
        write_all(&mut server, b"back").await.unwrap();
        drop(server);
        assert_eq!(read_to_end(&mut reader).await.unwrap(), b"back");
    });
}

#[test]
fn a_forgotten_half_ends_nothing() {
    let mut executor = Executor::new();
    let (client, mut server) = executor.connection();
    executor.block_on(async {
        let (reader, writer) = client.into_split();
        writer.forget();
        let mut buf = [0; 4];
        let mut waiting = Box::pin(read(&mut server, &mut buf));
        std::future::poll_fn(|cx| {
            assert!(waiting.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        drop(reader);
        assert_eq!(waiting.await.unwrap(), 0);
    });
}

#[test]
fn options_are_those_of_the_system() {
    let mut executor = Executor::new();
    let (client, server) = executor.connection();
    client.set_nodelay(true).unwrap();
    assert!(client.nodelay().unwrap());
    client.set_ttl(42).unwrap();
    assert_eq!(client.ttl().unwrap(), 42);
    assert_eq!(client.linger().unwrap(), None);
    client.set_zero_linger().unwrap();
    assert_eq!(client.linger().unwrap(), Some(Duration::ZERO));
    assert!(client.take_error().unwrap().is_none());
    assert_eq!(client.local_addr().unwrap(), server.peer_addr().unwrap());
    assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
    #[cfg(target_os = "linux")]
    {
        client.set_quickack(false).unwrap();
        assert!(!client.quickack().unwrap());
    }
    let mut server = server;
    drop(client);
    let reset = executor.block_on(read(&mut server, &mut [0; 4]));
    assert_eq!(
        reset.unwrap_err().kind(),
        io::ErrorKind::ConnectionReset,
        "a linger of zero resets"
    );
}

#[test]
fn a_socket_keeps_its_options_when_it_connects_and_listens() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        assert!(socket.reuseaddr().unwrap());
        socket.set_reuseport(true).unwrap();
        assert!(socket.reuseport().unwrap());
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let listener = socket.listen(u32::MAX).unwrap();
        assert_eq!(listener.local_addr().unwrap(), address);

        let socket = TcpSocket::new_v4().unwrap();
        socket.set_keepalive(true).unwrap();
        assert!(socket.keepalive().unwrap());
        socket.set_send_buffer_size(1 << 16).unwrap();
        assert!(socket.send_buffer_size().unwrap() >= 1 << 16);
        socket.set_recv_buffer_size(1 << 16).unwrap();
        assert!(socket.recv_buffer_size().unwrap() >= 1 << 16);
        socket.set_nodelay(true).unwrap();
        socket.set_tos_v4(0x10).unwrap();
        assert_eq!(socket.tos_v4().unwrap(), 0x10);
        socket.set_zero_linger().unwrap();
        assert_eq!(socket.linger().unwrap(), Some(Duration::ZERO));
        assert_eq!(socket.device().unwrap(), None);
        assert!(socket.take_error().unwrap().is_none());
        let stream = socket.connect(address).await.unwrap();
        assert!(stream.nodelay().unwrap());
        assert_eq!(stream.peer_addr().unwrap(), address);
        listener.accept().await.unwrap();

        let socket = TcpSocket::new_v4().unwrap();
        let refused = socket.connect(refusing_address()).await;
        assert_eq!(
            refused.unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused
        );
    });
}

#[test]
fn streams_come_from_std_and_go_back() {
    let mut executor = Executor::new();
    let (client, server) = executor.connection();
    let std_client = client.into_std().unwrap();
    let client = executor.block_on(async {
        server.try_write(b"x").unwrap();
        let mut client = TcpStream::from_std(std_client).unwrap();
        let mut buf = [0];
        read_exact(&mut client, &mut buf).await.unwrap();
        // Registered now, so that giving it back must deregister it.
        client.writable().await.unwrap();
        client
    });
    let mut client = client.into_std().unwrap();
    assert_eq!(executor.handle().source_count(), 0);
    client.set_nonblocking(false).unwrap();
    server.try_write(b"y").unwrap();
    let mut buf = [0];
    client.read_exact(&mut buf).unwrap();
    assert_eq!(&buf, b"y");
}

#[test]
#[cfg(target_os = "linux")]
fn a_stream_of_std_that_is_still_connecting_is_not_writable() {
    use socket2::{Domain, Socket, Type};

    let mut executor = Executor::new();
    let open = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    // A listener whose queue is full drops what asks for a connection.
    let silent = open();
    silent
        .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
        .unwrap();
    silent.listen(0).unwrap();
    let address = silent.local_addr().unwrap();
    let _queue = std::net::TcpStream::connect(address.as_socket().unwrap()).unwrap();

    let connecting = open();
    connecting.set_nonblocking(true).unwrap();
    let in_progress = connecting.connect(&address).unwrap_err();
    assert_eq!(in_progress.raw_os_error(), Some(libc::EINPROGRESS));
    let stream = {
        let _entered = executor.enter();
        TcpStream::from_std(connecting.into()).unwrap()
    };
    let mut writable = Box::pin(stream.writable());
    assert!(executor.poll_once(writable.as_mut()).is_pending());
    assert_eq!(executor.take_events(), 0);
    assert!(executor.poll_once(writable.as_mut()).is_pending());
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "Registering a blocking socket")]
fn a_blocking_socket_is_refused() {
    let executor = Executor::new();
    let _entered = executor.enter();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let _ = TcpListener::from_std(listener);
}

#[test]
fn futures_and_types_may_be_sent_and_shared() {
    fn is_send<T: Send>(_: &T) {}
    fn is_public<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    fn is_unwind_safe<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    is_public::<TcpListener>();
    is_public::<TcpStream>();
    is_public::<TcpSocket>();
    is_public::<runtime_net::tcp::ReadHalf<'static>>();
    is_public::<runtime_net::tcp::WriteHalf<'static>>();
    is_public::<runtime_net::tcp::OwnedReadHalf>();
    is_public::<runtime_net::tcp::OwnedWriteHalf>();
    is_public::<runtime_net::tcp::ReuniteError>();
    is_unwind_safe::<TcpListener>();
    is_unwind_safe::<TcpStream>();
    is_unwind_safe::<TcpSocket>();
    is_unwind_safe::<runtime_net::tcp::OwnedWriteHalf>();
    is_send(&TcpStream::connect("127.0.0.1:1"));
    is_send(&TcpStream::connect(String::from("localhost:1")));
    is_send(&TcpListener::bind(("localhost", 1)));
    is_send(&lookup_host("localhost:1"));

    let mut executor = Executor::new();
    let (client, _server) = executor.connection();
    is_send(&client.readable());
    is_send(&client.ready(Interest::READABLE));
    is_send(&client.peek(&mut [0; 1]));
    is_send(&client.async_io(Interest::READABLE, || Ok(())));
}

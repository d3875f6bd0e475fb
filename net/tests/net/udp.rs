//! UDP: what the datagrams do.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use runtime_base::io::ReadBuf;
use runtime_net::{Interest, RecvBatch, UdpSocket};

use crate::executor::{Executor, join};

/// Two sockets, and the address of each.
async fn two() -> (UdpSocket, SocketAddr, UdpSocket, SocketAddr) {
    let a = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let b = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (to_a, to_b) = (a.local_addr().unwrap(), b.local_addr().unwrap());
    (a, to_a, b, to_b)
}

/// Two sockets that are connected to each other.
async fn connected() -> (UdpSocket, UdpSocket) {
    let (a, to_a, b, to_b) = two().await;
    a.connect(to_b).await.unwrap();
    b.connect(to_a).await.unwrap();
    (a, b)
}

#[test]
fn an_echo_comes_back() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (client, _, server, address) = two().await;
        let echo = async {
            let mut buf = [0; 16];
            for _ in 0..100 {
                let (n, peer) = server.recv_from(&mut buf).await.unwrap();
                assert_eq!(server.send_to(&buf[..n], peer).await.unwrap(), n);
            }
        };
        let talk = async {
            client.connect(address).await.unwrap();
            assert_eq!(client.peer_addr().unwrap(), address);
            for round in 0..100_u32 {
                client.send(&round.to_be_bytes()).await.unwrap();
                let mut answer = [0; 16];
                assert_eq!(client.recv(&mut answer).await.unwrap(), 4);
                assert_eq!(answer[..4], round.to_be_bytes());
            }
        };
        join(echo, talk).await;
    });
}

#[test]
fn a_datagram_that_is_too_long_for_the_buffer_is_cut_and_the_next_is_whole() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (a, b) = connected().await;
        a.send(b"hello").await.unwrap();
        a.send(b"").await.unwrap();
        a.send(b"world").await.unwrap();
        let mut buf = [0; 3];
        assert_eq!(b.recv(&mut buf).await.unwrap(), 3);
        assert_eq!(&buf, b"hel");
        assert_eq!(b.recv(&mut buf).await.unwrap(), 0);
        let mut long = [0; 8];
        assert_eq!(b.recv(&mut long).await.unwrap(), 5);
    });
}

#[test]
fn every_way_to_receive_gives_the_datagram_and_its_sender() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (a, to_a, b, to_b) = two().await;
        // Nothing is registered yet, and then everything is.
        for _ in 0..2 {
            let send = || a.try_send_to(b"ping", to_b).unwrap();
            let mut buf = [0; 8];
            let mut spare = Vec::with_capacity(8);
            spare.push(b'>');

            send();
            assert_eq!(b.peek_from(&mut buf).await.unwrap(), (4, to_a));
            assert_eq!(b.peek(&mut buf).await.unwrap(), 4);
            assert_eq!(b.peek_sender().await.unwrap(), to_a);
            assert_eq!(b.try_peek(&mut buf).unwrap(), 4);
            assert_eq!(b.try_peek_from(&mut buf).unwrap(), (4, to_a));
            assert_eq!(b.try_peek_sender().unwrap(), to_a);
            assert_eq!(poll_fn(|cx| b.poll_peek_sender(cx)).await.unwrap(), to_a);
            let mut read_buf = ReadBuf::new(&mut buf);
            let sender = poll_fn(|cx| b.poll_peek_from(cx, &mut read_buf)).await;
            assert_eq!(sender.unwrap(), to_a);
            poll_fn(|cx| b.poll_peek(cx, &mut read_buf)).await.unwrap();
            assert_eq!(read_buf.filled(), b"pingping");
            assert_eq!(b.recv_from(&mut buf).await.unwrap(), (4, to_a));

            send();
            assert_eq!(b.recv_buf_from(&mut spare).await.unwrap(), (4, to_a));
            send();
            assert_eq!(b.recv_buf(&mut spare).await.unwrap(), 3);
            assert_eq!(spare, b">pingpin");
            // What is full makes room.
            let mut full = Vec::new();
            send();
            assert_eq!(b.recv_buf(&mut full).await.unwrap(), 4);
            spare.clear();
            send();
            b.readable().await.unwrap();
            assert_eq!(b.try_recv_buf_from(&mut spare).unwrap(), (4, to_a));
            send();
            b.readable().await.unwrap();
            assert_eq!(b.try_recv_buf(&mut spare).unwrap(), 4);
            assert_eq!(spare, b"pingping");
            send();
            b.readable().await.unwrap();
            assert_eq!(b.try_recv_from(&mut buf).unwrap(), (4, to_a));
            send();
            b.readable().await.unwrap();
            assert_eq!(b.try_recv(&mut buf).unwrap(), 4);
            send();
            let mut read_buf = ReadBuf::new(&mut buf);
            let sender = poll_fn(|cx| b.poll_recv_from(cx, &mut read_buf)).await;
            assert_eq!(sender.unwrap(), to_a);
            send();
            poll_fn(|cx| b.poll_recv_ready(cx)).await.unwrap();
            poll_fn(|cx| b.poll_recv(cx, &mut read_buf)).await.unwrap();
            assert_eq!(read_buf.filled(), b"pingping");
        }
        let error = b.try_recv(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        let error = b.try_peek_sender().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    });
}

#[test]
fn every_way_to_send_arrives() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (a, _, b, to_b) = two().await;
        a.writable().await.unwrap();
        poll_fn(|cx| a.poll_send_ready(cx)).await.unwrap();
        a.send_to(b"1", to_b).await.unwrap();
        a.try_send_to(b"2", to_b).unwrap();
        poll_fn(|cx| a.poll_send_to(cx, b"3", to_b)).await.unwrap();
        a.connect(to_b).await.unwrap();
        a.send(b"4").await.unwrap();
        a.try_send(b"5").unwrap();
        poll_fn(|cx| a.poll_send(cx, b"6")).await.unwrap();
        let mut buf = [0; 8];
        for expected in b"123456" {
            assert_eq!(b.recv(&mut buf).await.unwrap(), 1);
            assert_eq!(buf[0], *expected);
        }
    });
}

#[test]
fn two_tasks_receive_from_one_socket() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (a, _, b, to_b) = two().await;
        let receive = async || {
            let mut buf = [0; 8];
            let n = b.recv(&mut buf).await.unwrap();
            buf[..n].to_vec()
        };
        let send = async {
            a.send_to(b"x", to_b).await.unwrap();
            a.send_to(b"y", to_b).await.unwrap();
        };
        let ((first, second), ()) = join(join(receive(), receive()), send).await;
        let mut both = [first, second];
        both.sort();
        assert_eq!(both, [b"x", b"y"]);
    });
}

#[test]
fn a_receiver_that_gives_up_loses_no_datagram() {
    let mut executor = Executor::new();
    let (a, b) = executor.block_on(connected());
    {
        let mut buf = [0; 8];
        let mut waiting = pin!(b.recv(&mut buf));
        assert!(executor.poll_once(waiting.as_mut()).is_pending());
        let mut batch = RecvBatch::new(4, 8);
        let mut waiting = pin!(b.recv_many(&mut batch));
        assert!(executor.poll_once(waiting.as_mut()).is_pending());
        a.try_send(b"ping").unwrap();
        executor.take_events();
    }
    let mut buf = [0; 8];
    assert_eq!(executor.block_on(b.recv(&mut buf)).unwrap(), 4);
}

#[test]
fn a_hundred_thousand_datagrams_arrive_in_order_in_batches() {
    const COUNT: u32 = 100_000;
    let mut executor = Executor::new();
    executor.block_on(async {
        let (a, b) = connected().await;
        // Loopback drops what the receiver has no room for, so the sender stays this far ahead.
        const WINDOW: u32 = 64;
        let mut batch = RecvBatch::new(WINDOW as usize, 16);
        let mut next = 0;
        let mut calls = 0;
        while next < COUNT {
            let end = (next + WINDOW).min(COUNT);
            let datagrams: Vec<_> = (next..end).map(u32::to_be_bytes).collect();
            let mut left = &datagrams[..];
            while !left.is_empty() {
                left = &left[a.send_many(left).await.unwrap()..];
            }
            while next < end {
                let n = b.recv_many(&mut batch).await.unwrap();
                calls += 1;
                assert_eq!(batch.len(), n);
                for datagram in &batch {
                    assert_eq!(datagram.bytes(), next.to_be_bytes());
                    next += 1;
                }
            }
        }
        assert_eq!(next, COUNT);
        if cfg!(target_os = "linux") {
            assert!(calls < COUNT / 8, "{calls} calls");
        }
    });
}

#[test]
fn batches_wait_for_the_first_datagram_and_go_to_each_address() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (a, to_a, b, to_b) = two().await;
        let mut batch = RecvBatch::new(8, 8);
        let error = b.try_recv_many(&mut batch).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        let (received, sent) = join(
            b.recv_many(&mut batch),
            a.send_many_to(&[(&b"to b"[..], to_b), (b"to a", to_a)]),
        )
        .await;
        assert_eq!((received.unwrap(), sent.unwrap()), (1, 2));
        let datagram = batch.iter().next().unwrap();
        assert_eq!((datagram.bytes(), datagram.sender()), (&b"to b"[..], to_a));
        assert_eq!(a.recv_many(&mut batch).await.unwrap(), 1);
        assert_eq!(batch.get(0).unwrap().bytes(), b"to a");

        // Nothing to do is done at once.
        assert_eq!(a.send_many::<&[u8]>(&[]).await.unwrap(), 0);
        assert_eq!(a.try_send_many_to::<&[u8]>(&[]).unwrap(), 0);
        let mut no_room = RecvBatch::new(0, 8);
        assert_eq!(b.recv_many(&mut no_room).await.unwrap(), 0);
        assert_eq!(b.try_recv_many(&mut no_room).unwrap(), 0);

        let error = a.send_many(&["nobody"]).await.unwrap_err();
        assert_ne!(error.kind(), io::ErrorKind::WouldBlock);
    });
}

#[test]
#[should_panic(expected = "does not fit into memory; ask for fewer or smaller ones")]
fn a_batch_larger_than_memory_is_refused() {
    let _ = RecvBatch::new(usize::MAX, 2);
}

#[test]
fn misuse_gets_the_systems_error() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (a, _, _b, to_b) = two().await;
        // Not connected.
        let kind = |result: io::Result<usize>| result.unwrap_err().kind();
        #[cfg(target_os = "linux")]
        assert_eq!(
            a.send(b"x").await.unwrap_err().raw_os_error(),
            Some(libc::EDESTADDRREQ)
        );
        assert!(a.send(b"x").await.is_err());
        let error = a.peer_addr().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
        // More than a datagram holds.
        let huge = vec![0; 1 << 16];
        let error = a.send_to(&huge, to_b).await.unwrap_err();
        assert_ne!(error.kind(), io::ErrorKind::WouldBlock);
        // Another family.
        let v6: SocketAddr = "[::1]:9".parse().unwrap();
        assert!(a.send_to(b"x", v6).await.is_err());
        assert!(a.connect(v6).await.is_err());
        // No address.
        let nowhere: &[SocketAddr] = &[];
        let error = a.send_to(b"x", nowhere).await.unwrap_err();
        assert_eq!(error.to_string(), "no addresses to send data to");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(
            a.connect(nowhere).await.unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
        // In use.
        let again = UdpSocket::bind(to_b).await;
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        // Broadcasts must be allowed first.
        let everybody = (Ipv4Addr::BROADCAST, 9);
        let result = a.send_to(b"x", everybody).await;
        assert_eq!(kind(result), io::ErrorKind::PermissionDenied);
    });
}

#[test]
fn a_connected_sender_learns_that_nobody_listens() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (a, b) = connected().await;
        drop(b);
        a.send(b"x").await.unwrap();
        let error = a.recv(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        // It is told once, and the socket goes on.
        assert!(a.take_error().unwrap().is_none());
        let mut batch = RecvBatch::new(4, 8);
        a.send(b"x").await.unwrap();
        let error = a.recv_many(&mut batch).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(batch.is_empty());
    });
}

#[test]
fn a_refusal_wakes_who_waits_to_receive() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (a, b) = connected().await;
        drop(b);
        let mut buf = [0; 8];
        let (received, sent) = join(a.recv(&mut buf), async {
            // The other future waits by now, and no event has told it anything about reading.
            a.send(b"x").await
        })
        .await;
        sent.unwrap();
        let error = received.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn options_are_those_of_the_system() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.set_broadcast(true).unwrap();
        assert!(socket.broadcast().unwrap());
        socket.set_multicast_loop_v4(false).unwrap();
        assert!(!socket.multicast_loop_v4().unwrap());
        socket.set_multicast_ttl_v4(3).unwrap();
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 3);
        socket.set_ttl(7).unwrap();
        assert_eq!(socket.ttl().unwrap(), 7);
        #[cfg(target_os = "linux")]
        {
            socket.set_tos_v4(16).unwrap();
            assert_eq!(socket.tos_v4().unwrap(), 16);
            assert_eq!(socket.device().unwrap(), None);
            let error = socket.bind_device(Some(b"no such device")).unwrap_err();
            assert_ne!(error.kind(), io::ErrorKind::InvalidInput);
        }
        let not_multicast = Ipv4Addr::LOCALHOST;
        let any = Ipv4Addr::UNSPECIFIED;
        assert!(socket.join_multicast_v4(not_multicast, any).is_err());
        assert!(
            socket
                .leave_multicast_v4(Ipv4Addr::new(239, 1, 2, 3), any)
                .is_err()
        );

        let socket = UdpSocket::bind("[::1]:0").await.unwrap();
        socket.set_multicast_loop_v6(false).unwrap();
        assert!(!socket.multicast_loop_v6().unwrap());
        #[cfg(target_os = "linux")]
        {
            socket.set_tclass_v6(32).unwrap();
            assert_eq!(socket.tclass_v6().unwrap(), 32);
        }
        let group = "ff01::1:2:3".parse().unwrap();
        assert!(socket.leave_multicast_v6(&group, 0).is_err());
        assert!(
            socket
                .join_multicast_v6(&"::1".parse().unwrap(), 0)
                .is_err()
        );
    });
}

#[test]
fn multicast_datagrams_reach_the_members_of_the_group() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let group = Ipv4Addr::new(239, 255, 42, 98);
        let member = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
        member
            .join_multicast_v4(group, Ipv4Addr::LOCALHOST)
            .unwrap();
        let port = member.local_addr().unwrap().port();
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.set_nonblocking(true).unwrap();
        let sender = UdpSocket::from_std(sender).unwrap();
        sender.set_multicast_loop_v4(true).unwrap();
        sender.send_to(b"all", (group, port)).await.unwrap();
        let mut buf = [0; 8];
        assert_eq!(member.recv(&mut buf).await.unwrap(), 3);
        member
            .leave_multicast_v4(group, Ipv4Addr::LOCALHOST)
            .unwrap();
    });
}

#[test]
fn users_operations_wait_for_readiness() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (a, b) = connected().await;
        let twin = socket2::SockRef::from(&b).try_clone().unwrap();
        let twin = std::net::UdpSocket::from(twin);
        let mut buf = [0; 8];
        let (n, _) = join(
            b.async_io(Interest::READABLE, || twin.recv(&mut buf)),
            a.send(b"ping"),
        )
        .await;
        assert_eq!(n.unwrap(), 4);
        let error = b.try_io(Interest::READABLE, || twin.recv(&mut [0; 8]));
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let both = Interest::READABLE | Interest::WRITABLE;
        let ready = b.ready(both).await.unwrap();
        assert!(ready.is_writable() && !ready.is_readable());
    });
}

#[test]
fn sockets_come_from_std_and_go_back() {
    let mut executor = Executor::new();
    executor.block_on(async {
        let (a, b) = connected().await;
        // While it is registered.
        b.writable().await.unwrap();
        let b = b.into_std().unwrap();
        a.send(b"ping").await.unwrap();
        let b = UdpSocket::try_from(b).unwrap();
        assert_eq!(b.recv(&mut [0; 8]).await.unwrap(), 4);
        assert!(format!("{b:?}").contains("127.0.0.1"), "{b:?}");
    });
}

#[test]
#[should_panic(expected = "Registering a blocking socket")]
#[cfg(all(unix, debug_assertions))]
fn a_blocking_socket_is_refused() {
    let executor = Executor::new();
    let _entered = executor.enter();
    let _ = UdpSocket::from_std(std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
}

#[test]
fn futures_and_types_may_be_sent_and_shared() {
    fn is_send<T: Send>(_: &T) {}
    fn is_public<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    fn is_unwind_safe<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    is_public::<UdpSocket>();
    is_unwind_safe::<UdpSocket>();
    is_public::<RecvBatch>();
    is_unwind_safe::<RecvBatch>();

    let mut executor = Executor::new();
    let socket = executor.block_on(UdpSocket::bind("127.0.0.1:0")).unwrap();
    let socket = Arc::new(socket);
    let mut batch = RecvBatch::new(1, 1);
    is_send(&socket.recv_many(&mut batch));
    is_send(&socket.send_many_to(&[(vec![1], socket.local_addr().unwrap())]));
    is_send(&socket.recv_from(&mut [0]));
    is_send(&socket.send_to(b"x", "localhost:1"));
    is_send(&socket.ready(Interest::READABLE));
    is_send(&UdpSocket::bind("localhost:0"));
    let mut buf = [0; 1];
    let mut waiting = pin!(socket.recv(&mut buf));
    assert!(matches!(
        executor.poll_once(waiting.as_mut()),
        Poll::Pending
    ));
}

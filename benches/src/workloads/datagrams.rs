//! UDP on loopback. The senders are threads that know neither runtime.

use std::net::UdpSocket as StdSocket;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::receive_burst;
use super::rt::net::UdpSocket;
use super::rt::runtime::Runtime;
use super::sockets::serve;
use crate::load::{Crew, REQUEST};
use crate::row::{Cost, Workload};

/// Nothing is lost on loopback while the buffers have room, and the rows fill none. If something
/// were, they would say so and not hang.
const PATIENCE: Duration = Duration::from_secs(10);

/// One task that answers one client.
pub(super) fn udp_echo(runtime: Runtime) -> Workload {
    const REQUESTS: u64 = 20;
    let socket = runtime.block_on(UdpSocket::bind("127.0.0.1:0")).unwrap();
    let server = socket.local_addr().unwrap();
    runtime.spawn(async move {
        let mut buffer = [0; 2 * REQUEST];
        loop {
            let (length, client) = socket.recv_from(&mut buffer).await.unwrap();
            socket.send_to(&buffer[..length], client).await.unwrap();
        }
    });
    let crew = Crew::new(1, |_| {
        let socket = StdSocket::bind("127.0.0.1:0").expect("cannot make the client's socket");
        socket.connect(server).expect("cannot connect it");
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        move |requests| {
            for _ in 0..requests * REQUESTS {
                socket.send(&[7; REQUEST]).expect("cannot send a request");
                let length = socket
                    .recv(&mut [0; 2 * REQUEST])
                    .expect("a request was not answered");
                assert_eq!(length, REQUEST);
            }
        }
    });
    Workload::new(REQUESTS, move |iterations| {
        serve(&runtime, &crew, iterations)
    })
}

/// A task that finds a burst in its socket. Sending takes longer than receiving and is the same on
/// all sides: it is not measured.
///
/// The task itself sends the burst. When another thread did, the arriving datagrams woke a worker
/// whose socket was registered some thirty times per burst, in the time that is not measured, and so
/// kept its CPU awake for the time that is; without those wake-ups the same work seemed to be slower.
pub(super) fn udp_batch(runtime: Runtime) -> Workload {
    /// They need two thirds of the buffer that a socket has by default on Linux.
    const BURST: usize = 128;
    let socket = Arc::new(runtime.block_on(UdpSocket::bind("127.0.0.1:0")).unwrap());
    let sender = StdSocket::bind("127.0.0.1:0").expect("cannot make the sender's socket");
    sender
        .connect(socket.local_addr().unwrap())
        .expect("cannot connect it");
    let sender = Arc::new(sender);
    Workload::new(BURST as u64, move |iterations| {
        let (socket, sender) = (socket.clone(), sender.clone());
        let task = runtime.spawn(async move {
            let mut spent = Duration::ZERO;
            for _ in 0..iterations {
                for _ in 0..BURST {
                    sender.send(&[7; REQUEST]).expect("cannot send a datagram");
                }
                let start = Instant::now();
                receive_burst(&socket, BURST, REQUEST).await;
                spent += start.elapsed();
            }
            spent
        });
        Cost::Time(runtime.block_on(task).expect("the workload panicked"))
    })
}

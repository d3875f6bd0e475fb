//! A process that runs out of descriptors. It lowers its own limit, so the test has a binary of its
//! own.

#![cfg(target_os = "linux")]

#[path = "net/executor.rs"]
#[allow(dead_code)] // It serves several binaries.
mod executor;

use std::pin::pin;
use std::task::Poll;

use crate::executor::Executor;
use runtime_net::{TcpListener, TcpStream};

fn set_limit(limit: u64) {
    let limit = libc::rlimit {
        rlim_cur: limit,
        rlim_max: limit,
    };
    // SAFETY: the pointer is to a live struct.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}

#[test]
fn accept_fails_without_spinning_and_works_again_later() {
    let mut executor = Executor::new();
    let listener = executor.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    // Registered, so that the edge of the connection below is seen.
    assert!(executor.poll_once(pin!(listener.accept())).is_pending());
    let _client = std::net::TcpStream::connect(address).unwrap();
    assert_eq!(executor.take_events(), 1);

    set_limit(64);
    let mut hoard = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    for _ in 0..3 {
        let error = executor.block_on(listener.accept()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
    }
    let error = executor.block_on(TcpStream::connect(address)).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EMFILE));

    hoard.clear();
    // There is no new edge: the connection must be found all the same.
    let Poll::Ready(accepted) = executor.poll_once(pin!(listener.accept())) else {
        panic!("the connection that waits is found at once")
    };
    accepted.unwrap();
}

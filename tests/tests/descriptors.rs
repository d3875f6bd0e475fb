//! Descriptors that come from another process, by inheritance and in a message.

#![cfg(target_os = "linux")] // The flags of the messages.
#![allow(unsafe_code)] // `sendmsg` and `recvmsg`.

use std::io::{self, ErrorKind};
use std::mem::zeroed;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::process::Stdio;

use runtime::io::{AsyncReadExt, AsyncWriteExt, Interest};
use runtime::net::{TcpListener, TcpStream, UnixStream};
use runtime::process::Command;
use tests::process::{is_own_process, this_test_again};
use tests::{Flavour, each_runtime, within_limit};

/// The bytes that the descriptor travels with: a message needs one.
const BYTES: &[u8] = b"listener";

#[test]
fn a_listener_is_handed_over_to_another_process() {
    const NAME: &str = "a_listener_is_handed_over_to_another_process";
    if is_own_process() {
        return within_limit(|| Flavour::MultiThread(2).build().block_on(successor()));
    }
    each_runtime(|runtime| {
        runtime.block_on(async {
            let (here, there) = UnixStream::pair().unwrap();
            // As a child finds its standard input: it blocks.
            let there = there.into_std().unwrap();
            there.set_nonblocking(false).unwrap();
            let mut child = Command::from(this_test_again(NAME))
                .stdin(OwnedFd::from(there))
                .stdout(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .unwrap();

            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            // One client is in the backlog already, and moves with it.
            let waiting = TcpStream::connect(address).await.unwrap();
            let sent = here.async_io(Interest::WRITABLE, || send(&here, listener.as_fd()));
            sent.await.unwrap();
            drop(listener);

            for mut client in [waiting, TcpStream::connect(address).await.unwrap()] {
                client.write_all(b"ping").await.unwrap();
                client.shutdown().await.unwrap();
                let mut answer = String::new();
                client.read_to_string(&mut answer).await.unwrap();
                assert_eq!(answer, format!("ping from {}", child.id().unwrap()));
            }
            assert!(child.wait().await.unwrap().success());
            // No copy of it is left in this process.
            let error = TcpStream::connect(address).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        });
    });
}

/// The other process: takes the listener over the socket that is its standard input, and serves two
/// clients.
async fn successor() {
    let socket = io::stdin().as_fd().try_clone_to_owned().unwrap();
    let socket = std::os::unix::net::UnixStream::from(socket);
    socket.set_nonblocking(true).unwrap();
    let socket = UnixStream::from_std(socket).unwrap();
    let received = socket.async_io(Interest::READABLE, || receive(&socket));
    let listener = std::net::TcpListener::from(received.await.unwrap());
    let listener = TcpListener::from_std(listener).unwrap();
    for _ in 0..2 {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        text += &format!(" from {}", std::process::id());
        client.write_all(text.as_bytes()).await.unwrap();
    }
}

/// Room for one descriptor beside the bytes, with the alignment of a header.
#[repr(C)]
struct Control {
    header: libc::cmsghdr,
    descriptor: [libc::c_int; 2],
}

/// How long the header is with one descriptor, without what fills it up.
fn control_len() -> usize {
    // SAFETY: it calculates.
    unsafe { libc::CMSG_LEN(size_of::<libc::c_int>() as u32) as usize }
}

/// Calls `transfer` with a message of `part` and `control`.
fn with_message(
    part: &mut libc::iovec,
    control: &mut Control,
    transfer: impl FnOnce(&mut libc::msghdr) -> isize,
) -> io::Result<usize> {
    // SAFETY: the structure is numbers and pointers.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = part;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut *control).cast();
    message.msg_controllen = size_of::<Control>() as _;
    usize::try_from(transfer(&mut message)).map_err(|_| io::Error::last_os_error())
}

/// Sends a copy of `descriptor`.
fn send(socket: &UnixStream, descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let mut part = libc::iovec {
        iov_base: BYTES.as_ptr().cast_mut().cast(),
        iov_len: BYTES.len(),
    };
    // SAFETY: as above.
    let mut control: Control = unsafe { zeroed() };
    control.header.cmsg_level = libc::SOL_SOCKET;
    control.header.cmsg_type = libc::SCM_RIGHTS;
    control.header.cmsg_len = control_len() as _;
    control.descriptor[0] = descriptor.as_raw_fd();
    // SAFETY: the message points to what lives here, and to bytes that are only read.
    let send = |message: &mut libc::msghdr| unsafe {
        libc::sendmsg(socket.as_raw_fd(), message, libc::MSG_NOSIGNAL)
    };
    let n = with_message(&mut part, &mut control, send)?;
    assert_eq!(n, BYTES.len());
    Ok(())
}

/// Receives a descriptor.
fn receive(socket: &UnixStream) -> io::Result<OwnedFd> {
    let mut bytes = [0; 64];
    let mut part = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: as above.
    let mut control: Control = unsafe { zeroed() };
    // SAFETY: the message points to what lives here and may be written to.
    let receive = |message: &mut libc::msghdr| unsafe {
        libc::recvmsg(socket.as_raw_fd(), message, libc::MSG_CMSG_CLOEXEC)
    };
    let n = with_message(&mut part, &mut control, receive)?;
    assert_eq!(&bytes[..n], BYTES);
    assert_eq!(control.header.cmsg_type, libc::SCM_RIGHTS);
    assert_eq!(control.header.cmsg_len as usize, control_len());
    // SAFETY: the header says that it is a new descriptor, which nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(control.descriptor[0]) })
}

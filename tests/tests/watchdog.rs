//! One bad task cannot stop the rest: what is stalled is rescued, and what stalled it is named.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use runtime::Builder;
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpStream};
use runtime::runtime::Stall;
use runtime::sync::mpsc;
use runtime::task::yield_now;
use runtime::time::sleep;

#[path = "watchdog/nested.rs"]
mod nested;
#[path = "watchdog/no_stall.rs"]
mod no_stall;
#[path = "watchdog/reports.rs"]
mod reports;
#[path = "watchdog/rescue.rs"]
mod rescue;
#[path = "watchdog/stand_ins.rs"]
mod stand_ins;

/// Holds up a thread until it is dropped or opened, without the runtime's knowledge.
struct Gate {
    entered: Mutex<Receiver<()>>,
    open: Sender<()>,
}

/// The part of a [`Gate`] that blocks.
struct Blocker {
    entered: Sender<()>,
    open: Receiver<()>,
}

impl Gate {
    fn new() -> (Self, Blocker) {
        let (entered, was_entered) = channel();
        let (open, opened) = channel();
        let gate = Self {
            entered: Mutex::new(was_entered),
            open,
        };
        let blocker = Blocker {
            entered,
            open: opened,
        };
        (gate, blocker)
    }

    /// Waits until somebody blocks.
    fn wait(&self) {
        self.entered.lock().unwrap().recv().unwrap();
    }

    fn open(self) {
        self.open.send(()).unwrap();
    }
}

impl Blocker {
    /// Blocks the thread until the gate opens or is gone.
    fn block(self) {
        self.entered.send(()).unwrap();
        let _ = self.open.recv();
    }
}

/// What the hook was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Stall>>>);

impl Told {
    fn listen(&self, builder: &mut Builder) {
        let told = self.0.clone();
        builder.on_stall(move |stall| told.lock().unwrap().push(stall.clone()));
    }

    /// Waits for a report that `fits`.
    fn wait(&self, fits: impl Fn(&Stall) -> bool) -> Stall {
        loop {
            let found = self
                .0
                .lock()
                .unwrap()
                .iter()
                .find(|stall| fits(stall))
                .cloned();
            match found {
                Some(stall) => return stall,
                None => thread::yield_now(),
            }
        }
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Asks everything of the runtime that a worker provides.
async fn everything_works() {
    sleep(Duration::from_millis(1)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = runtime::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        stream.write_all(&byte).await.unwrap();
    });
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"x").await.unwrap();
    stream.read_exact(&mut [0]).await.unwrap();
    server.await.unwrap();
    let (send, mut receive) = mpsc::channel(1);
    runtime::spawn(async move {
        yield_now().await;
        send.send(1).await.unwrap();
    });
    assert_eq!(receive.recv().await, Some(1));
}

/// A client from outside: a byte there and back, with `std` alone.
fn visit(address: std::net::SocketAddr) {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    for _ in 0..10 {
        stream.write_all(b"x").unwrap();
        stream.read_exact(&mut [0]).unwrap();
    }
}

async fn echo(listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        runtime::spawn(async move {
            let mut byte = [0];
            while stream.read_exact(&mut byte).await.is_ok() {
                stream.write_all(&byte).await.unwrap();
            }
        });
    }
}

//! A TCP proxy: what connects here is connected to another server.
//!
//! ```text
//! cargo run --release --example proxy LISTEN TARGET
//! cargo run --release --example proxy 127.0.0.1:8080 example.org:80
//! ```
//!
//! The target is resolved for every connection. Ctrl-C ends it.

use std::io;
use std::pin::pin;
use std::time::Duration;

use examples::{Arguments, fail};
use runtime::io::copy_bidirectional;
use runtime::net::{TcpListener, TcpStream};
use runtime::signal::ctrl_c;
use runtime::time::{sleep, timeout};

/// A target that does not answer is given up long before the system would.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[runtime::main]
async fn main() {
    let mut arguments = Arguments::of_process("proxy LISTEN TARGET");
    let address = arguments.address("LISTEN");
    let target = arguments.address("TARGET");
    arguments.end();

    let listener = match TcpListener::bind(&address).await {
        Ok(listener) => listener,
        Err(error) => fail("proxy", format_args!("cannot listen on {address}: {error}")),
    };
    match listener.local_addr() {
        Ok(address) => println!("proxy: {address} leads to {target}"),
        Err(error) => fail("proxy", error),
    }

    // One future for the whole loop, so that no Ctrl-C falls between two turns.
    let mut interrupted = pin!(ctrl_c());
    loop {
        let accepted = runtime::select! {
            accepted = listener.accept() => accepted,
            result = &mut interrupted => match result {
                Ok(()) => break,
                Err(error) => fail("proxy", format_args!("cannot wait for Ctrl-C: {error}")),
            },
        };
        match accepted {
            Ok((client, peer)) => {
                let target = target.clone();
                runtime::spawn(async move {
                    match forward(client, &target).await {
                        Ok((up, down)) => {
                            println!("proxy: {peer} sent {up}, received {down} bytes")
                        }
                        Err(error) => eprintln!("proxy: {peer}: {error}"),
                    }
                });
            }
            Err(error) => {
                // Most often the process is out of descriptors. Accepting again at once would fail
                // again at once; soon a connection will have ended.
                eprintln!("proxy: cannot accept: {error}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    // No more are accepted. Connections that are open are closed as the runtime ends.
    println!("proxy: ending");
}

/// Connects to the target and copies both ways until both sides are done.
async fn forward(mut client: TcpStream, target: &str) -> io::Result<(u64, u64)> {
    let connected = match timeout(CONNECT_TIMEOUT, TcpStream::connect(target)).await {
        Ok(result) => result,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    };
    let mut server = connected.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot connect to {target}: {error}"))
    })?;
    // The two sides decide themselves when a packet is worth sending.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await
}

//! A server that sends back what it receives.
//!
//! ```text
//! cargo run --release --example echo [ADDR]        (default: 127.0.0.1:7000)
//! nc 127.0.0.1 7000
//! ```
//!
//! Ctrl-C ends it.

use std::io;
use std::pin::pin;
use std::time::Duration;

use examples::{Arguments, fail};
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpStream};
use runtime::signal::ctrl_c;

#[runtime::main]
async fn main() {
    let mut arguments = Arguments::of_process("echo [ADDR]");
    let address = arguments.address_or("127.0.0.1:7000");
    arguments.end();

    let listener = match TcpListener::bind(&address).await {
        Ok(listener) => listener,
        Err(error) => fail("echo", format_args!("cannot listen on {address}: {error}")),
    };
    match listener.local_addr() {
        Ok(address) => println!("echo: listening on {address}"),
        Err(error) => fail("echo", error),
    }

    // One future for the whole loop, so that no Ctrl-C falls between two turns.
    let mut interrupted = pin!(ctrl_c());
    loop {
        let accepted = runtime::select! {
            accepted = listener.accept() => accepted,
            result = &mut interrupted => match result {
                Ok(()) => break,
                Err(error) => fail("echo", format_args!("cannot wait for Ctrl-C: {error}")),
            },
        };
        match accepted {
            Ok((stream, peer)) => {
                runtime::spawn(async move {
                    match echo(stream).await {
                        Ok(bytes) => println!("echo: {peer} left after {bytes} bytes"),
                        Err(error) => eprintln!("echo: {peer}: {error}"),
                    }
                });
            }
            Err(error) => {
                // Most often the process is out of descriptors. Accepting again at once would fail
                // again at once; soon a connection will have ended.
                eprintln!("echo: cannot accept: {error}");
                runtime::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    // No more are accepted. Connections that are open are closed as the runtime ends.
    println!("echo: ending");
}

/// Sends everything back until the peer is done, and returns how much it was.
async fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buffer = vec![0; 16 * 1024];
    let mut total = 0;
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(total);
        }
        stream.write_all(&buffer[..length]).await?;
        total += length as u64;
    }
}

//! A server that sends back what it receives.
//!
//! ```text
//! cargo run --release --example echo [ADDR]        (default: 127.0.0.1:7000)
//! nc 127.0.0.1 7000
//! ```
//!
//! Ctrl-C ends it.

use std::io;
use std::time::Duration;

use examples::{Arguments, fail};
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpStream};

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

    loop {
        match listener.accept().await {
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

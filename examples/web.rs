//! A web server: hyper on this runtime's sockets and timers.
//!
//! ```text
//! cargo run --release --example web [ADDR]         (default: 127.0.0.1:3000)
//! curl http://127.0.0.1:3000/sleep/500
//! ```
//!
//! - `/` is a page with links to the others.
//! - `/sleep/{ms}` answers after a timer.
//! - `/block/{ms}` blocks its thread on purpose, as a careless handler would. The other connections
//!   do not notice, and the log says who it was.
//! - `/work` starts 100 tasks and adds up what they return.
//!
//! Ctrl-C ends it.

use std::convert::Infallible;
use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use examples::{Arguments, fail};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use runtime::hyper::{HyperIo, HyperTimer};
use runtime::net::{TcpListener, TcpStream};
use runtime::signal::ctrl_c;
use runtime::task::JoinSet;
use runtime::time::sleep;

/// Nobody is to occupy a thread for longer.
const LONGEST: Duration = Duration::from_secs(60);

const PAGE: &str = "<!doctype html>
<title>It runs</title>
<h1>It runs</h1>
<ul>
<li><a href=\"/sleep/500\">/sleep/500</a> answers after a timer of 500 ms
<li><a href=\"/block/500\">/block/500</a> blocks a thread for 500 ms
<li><a href=\"/work\">/work</a> starts 100 tasks and joins them
</ul>
";

#[runtime::main]
async fn main() {
    // What the runtime has to say, for instance of handlers that block, goes to standard error.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let mut arguments = Arguments::of_process("web [ADDR]");
    let address = arguments.address_or("127.0.0.1:3000");
    arguments.end();

    let listener = match TcpListener::bind(&address).await {
        Ok(listener) => listener,
        Err(error) => fail("web", format_args!("cannot listen on {address}: {error}")),
    };
    match listener.local_addr() {
        Ok(address) => println!("web: http://{address}/"),
        Err(error) => fail("web", error),
    }

    // One future for the whole loop, so that no Ctrl-C falls between two turns.
    let mut interrupted = pin!(ctrl_c());
    loop {
        let accepted = runtime::select! {
            accepted = listener.accept() => accepted,
            result = &mut interrupted => match result {
                Ok(()) => break,
                Err(error) => fail("web", format_args!("cannot wait for Ctrl-C: {error}")),
            },
        };
        match accepted {
            Ok((stream, peer)) => {
                runtime::spawn(async move {
                    if let Err(error) = serve(stream).await {
                        eprintln!("web: {peer}: {error}");
                    }
                });
            }
            Err(error) => {
                // Most often the process is out of descriptors. Accepting again at once would fail
                // again at once; soon a connection will have ended.
                eprintln!("web: cannot accept: {error}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    // No more are accepted. Requests that are not answered yet are dropped as the runtime ends.
    println!("web: ending");
}

/// Answers the requests of one connection, until the client is done. The timer lets hyper close
/// connections whose request does not arrive.
async fn serve(stream: TcpStream) -> hyper::Result<()> {
    http1::Builder::new()
        .timer(HyperTimer::new())
        .serve_connection(HyperIo::new(stream), service_fn(respond))
        .await
}

async fn respond(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
        response
            .headers_mut()
            .insert(ALLOW, "GET, HEAD".parse().unwrap());
        return Ok(response);
    }
    let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
    let response = match path[..] {
        [""] => {
            let mut response = text(StatusCode::OK, PAGE);
            let html = "text/html; charset=utf-8".parse().unwrap();
            response.headers_mut().insert(CONTENT_TYPE, html);
            response
        }
        ["sleep", time] => match milliseconds(time) {
            Ok(time) => {
                let start = Instant::now();
                sleep(time).await;
                text(StatusCode::OK, format!("slept for {:?}\n", start.elapsed()))
            }
            Err(complaint) => text(StatusCode::BAD_REQUEST, complaint),
        },
        ["block", time] => match milliseconds(time) {
            Ok(time) => {
                // Never do this: `runtime::task::spawn_blocking` is for such calls.
                std::thread::sleep(time);
                text(StatusCode::OK, format!("blocked a thread for {time:?}\n"))
            }
            Err(complaint) => text(StatusCode::BAD_REQUEST, complaint),
        },
        ["work"] => text(StatusCode::OK, format!("{}\n", work().await)),
        _ => text(StatusCode::NOT_FOUND, "there is no such page\n"),
    };
    Ok(response)
}

/// The sum of what 100 tasks return.
async fn work() -> u64 {
    let mut tasks = JoinSet::new();
    for number in 1..=100 {
        tasks.spawn(async move {
            runtime::task::yield_now().await;
            number
        });
    }
    let mut sum = 0;
    while let Some(result) = tasks.join_next().await {
        sum += result.expect("none of the tasks panics or is aborted");
    }
    sum
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(number) if Duration::from_millis(number) <= LONGEST => Ok(Duration::from_millis(number)),
        _ => Err(format!(
            "write a number of milliseconds up to {}\n",
            LONGEST.as_millis()
        )),
    }
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let plain = "text/plain; charset=utf-8".parse().unwrap();
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

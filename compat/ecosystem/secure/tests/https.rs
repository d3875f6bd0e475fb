//! reqwest with rustls, and axum on a listener of tokio-rustls, with a certificate of rcgen.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Version;
use axum::routing::{get, post};
use axum::serve::Listener;
use bytes::Bytes;
use reqwest::{Certificate, Client, ClientBuilder};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// A listener whose connections have shaken hands. Who does not manage that is left out.
struct Secure {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Secure {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A server that runs until `stop`.
struct Server {
    address: SocketAddr,
    certificate: Certificate,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    async fn start() -> Result<Self, Box<dyn Error + Send + Sync>> {
        // For reqwest, which takes the provider of the process. Another test may have been first.
        drop(ring::default_provider().install_default());
        let made = rcgen::generate_simple_self_signed(["localhost".to_string()])?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let listener = Secure {
            listener,
            acceptor: Arc::new(config).into(),
        };
        let app = Router::new()
            .route(
                "/",
                get(|version: Version| async move { format!("{version:?}") }),
            )
            .route("/echo", post(|body: Bytes| async { body }));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            axum::serve(listener, app)
                .with_graceful_shutdown(async { drop(stopped.await) })
                .await
        });
        Ok(Self {
            address,
            certificate: Certificate::from_der(made.cert.der())?,
            stop,
            task,
        })
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// A client that trusts this server and nobody else.
    fn client(&self) -> ClientBuilder {
        Client::builder().tls_certs_only([self.certificate.clone()])
    }

    async fn stop(self) -> Outcome {
        drop(self.stop);
        Ok(tokio::time::timeout(Duration::from_secs(8), self.task).await???)
    }
}

#[tokio::test]
async fn the_ends_agree_on_the_version_of_http_in_their_handshake() -> Outcome {
    let server = Server::start().await?;
    let client = server.client().build()?;
    let answer = client.get(server.url("/")).send().await?;
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    assert_eq!(answer.text().await?, "HTTP/2.0");
    let client = server.client().http1_only().build()?;
    let answer = client.get(server.url("/")).send().await?;
    assert_eq!(answer.version(), reqwest::Version::HTTP_11);
    assert_eq!(answer.text().await?, "HTTP/1.1");
    drop(client);
    server.stop().await
}

#[tokio::test]
async fn a_client_trusts_only_the_certificates_it_was_given() -> Outcome {
    let (server, other) = (Server::start().await?, Server::start().await?);
    let client = other.client().build()?;
    let refused = client.get(server.url("/")).send().await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    // The server has not been hurt by it.
    let client = server.client().build()?;
    assert!(
        client
            .get(server.url("/"))
            .send()
            .await?
            .status()
            .is_success()
    );
    drop(client);
    other.stop().await?;
    server.stop().await
}

async fn large_bodies_are_echoed_side_by_side() -> Outcome {
    let server = Server::start().await?;
    for client in [server.client(), server.client().http1_only()] {
        let client = client.build()?;
        let mut requests = JoinSet::new();
        for number in 0..20u8 {
            let (client, url) = (client.clone(), server.url("/echo"));
            requests.spawn(async move {
                let body = vec![number; 200_000];
                let answer = client.post(url).body(body.clone()).send().await?;
                assert!(answer.bytes().await? == body);
                Ok::<_, reqwest::Error>(())
            });
        }
        while let Some(done) = requests.join_next().await {
            done??;
        }
    }
    server.stop().await
}

#[tokio::test]
async fn large_bodies_are_echoed_side_by_side_on_one_thread() -> Outcome {
    large_bodies_are_echoed_side_by_side().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_are_echoed_side_by_side_on_two_threads() -> Outcome {
    large_bodies_are_echoed_side_by_side().await
}

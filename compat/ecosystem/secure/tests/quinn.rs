//! quinn, both ends on loopback, with a certificate of rcgen: streams, datagrams and the goodbye.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    ApplicationClose, ClientConfig, Connection, ConnectionError, Endpoint, ServerConfig,
    TransportConfig,
};
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::task::{JoinHandle, JoinSet};

type Failure = Box<dyn Error + Send + Sync>;
type Outcome = Result<(), Failure>;

const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Two endpoints, of which one serves, and the connection between them as the other sees it.
struct Ends {
    client: Endpoint,
    connection: Connection,
    server: Endpoint,
    /// Why the connection ended, as the server sees it.
    task: JoinHandle<Result<ConnectionError, Failure>>,
}

impl Ends {
    async fn connect() -> Result<Self, Failure> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_string()])?;
        let certificate = made.cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone())?;

        drop(ring::default_provider().install_default());
        let config = ServerConfig::with_single_cert(vec![certificate], key.into())?;
        let server = Endpoint::server(config, ANYWHERE)?;
        let task = tokio::spawn(serve(server.clone()));

        let config = rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(config)?));
        let mut transport = TransportConfig::default();
        transport.keep_alive_interval(Some(Duration::from_millis(100)));
        config.transport_config(Arc::new(transport));
        let mut client = Endpoint::client(ANYWHERE)?;
        client.set_default_client_config(config);
        let connection = client.connect(server.local_addr()?, "localhost")?.await?;
        Ok(Self {
            client,
            connection,
            server,
            task,
        })
    }

    async fn end(self) -> Outcome {
        self.connection.close(7u8.into(), b"enough");
        let expected = ApplicationClose {
            error_code: 7u8.into(),
            reason: Bytes::from_static(b"enough"),
        };
        let reason = self.task.await??;
        assert_eq!(reason, ConnectionError::ApplicationClosed(expected));
        self.client.wait_idle().await;
        self.server.wait_idle().await;
        Ok(())
    }
}

/// Sends everything back, streams and datagrams, until the connection ends.
async fn serve(endpoint: Endpoint) -> Result<ConnectionError, Failure> {
    let connection = endpoint.accept().await.expect("a client comes").await?;
    let mut streams = JoinSet::new();
    let reason = loop {
        tokio::select! {
            accepted = connection.accept_bi() => match accepted {
                Ok((mut send, mut receive)) => {
                    streams.spawn(async move {
                        tokio::io::copy(&mut receive, &mut send).await?;
                        send.finish()?;
                        Ok::<_, Failure>(())
                    });
                }
                Err(reason) => break reason,
            },
            datagram = connection.read_datagram() => match datagram {
                Ok(datagram) => connection.send_datagram(datagram)?,
                Err(reason) => break reason,
            },
        }
    };
    while let Some(done) = streams.join_next().await {
        done??;
    }
    Ok(reason)
}

async fn streams_are_echoed_side_by_side() -> Outcome {
    let ends = Ends::connect().await?;
    let mut streams = JoinSet::new();
    for number in 0..20u8 {
        let connection = ends.connection.clone();
        streams.spawn(async move {
            let (mut send, mut receive) = connection.open_bi().await?;
            let text = vec![number; 100_000];
            let sent = text.clone();
            let writer = tokio::spawn(async move {
                send.write_all(&sent).await?;
                send.finish()?;
                Ok::<_, Failure>(())
            });
            assert!(receive.read_to_end(text.len()).await? == text);
            writer.await?
        });
    }
    while let Some(done) = streams.join_next().await {
        done??;
    }
    ends.end().await
}

#[tokio::test]
async fn streams_are_echoed_side_by_side_on_one_thread() -> Outcome {
    streams_are_echoed_side_by_side().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_echoed_side_by_side_on_two_threads() -> Outcome {
    streams_are_echoed_side_by_side().await
}

#[tokio::test]
async fn a_datagram_comes_back() -> Outcome {
    let ends = Ends::connect().await?;
    // One may be lost, even here.
    for _ in 0..20 {
        ends.connection
            .send_datagram(Bytes::from_static(b"datagram"))?;
        let answer = ends.connection.read_datagram();
        if let Ok(answer) = tokio::time::timeout(Duration::from_millis(500), answer).await {
            assert_eq!(answer?, "datagram");
            return ends.end().await;
        }
    }
    panic!("none of 20 datagrams came back");
}

#[tokio::test]
async fn nobody_to_connect_to_is_found_out_by_the_timers() -> Outcome {
    let silent = tokio::net::UdpSocket::bind(ANYWHERE).await?;
    drop(ring::default_provider().install_default());
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(config)?));
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(Some(Duration::from_millis(300).try_into()?));
    config.transport_config(Arc::new(transport));
    let client = Endpoint::client(ANYWHERE)?;
    let connecting = client.connect_with(config, silent.local_addr()?, "localhost")?;
    assert_eq!(connecting.await.unwrap_err(), ConnectionError::TimedOut);
    Ok(())
}

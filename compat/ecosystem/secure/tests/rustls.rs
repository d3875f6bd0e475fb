//! tokio-rustls, both ends, with a certificate of rcgen: echoes, refusals and ends that are cut off.

use std::error::Error;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::{TlsAcceptor, TlsConnector};

type Failure = Box<dyn Error + Send + Sync>;
type Outcome = Result<(), Failure>;

/// Both ends: the one has a new certificate for `localhost`, which the other trusts.
fn ends() -> Result<(TlsAcceptor, TlsConnector), Failure> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_string()])?;
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())?;
    let client = connector(Some(certificate))?;
    Ok((Arc::new(server).into(), client))
}

fn connector(trusted: Option<CertificateDer<'static>>) -> Result<TlsConnector, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted);
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(client).into())
}

/// A server that sends `connections` clients back what they say; it tells how much that was, or
/// what went wrong.
async fn serve(
    acceptor: TlsAcceptor,
    connections: usize,
) -> std::io::Result<(SocketAddr, JoinHandle<std::io::Result<u64>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let task = tokio::spawn(async move {
        let mut clients = JoinSet::new();
        for _ in 0..connections {
            let (stream, _) = listener.accept().await?;
            let acceptor = acceptor.clone();
            clients.spawn(async move {
                let (mut read, mut write) = split(acceptor.accept(stream).await?);
                let bytes = copy(&mut read, &mut write).await?;
                write.shutdown().await?;
                std::io::Result::Ok(bytes)
            });
        }
        clients.join_all().await.into_iter().sum()
    });
    Ok((address, task))
}

async fn large_texts_of_many_clients_are_echoed() -> Outcome {
    const LENGTH: usize = 300_000;
    let (acceptor, connector) = ends()?;
    let (address, server) = serve(acceptor, 20).await?;
    let mut clients = JoinSet::new();
    for number in 0..20u8 {
        let connector = connector.clone();
        clients.spawn(async move {
            let stream = TcpStream::connect(address).await?;
            let stream = connector
                .connect(ServerName::try_from("localhost")?, stream)
                .await?;
            let (mut read, mut write) = split(stream);
            let text: Vec<u8> = (0..LENGTH).map(|at| at as u8 ^ number).collect();
            let sent = text.clone();
            let writer = tokio::spawn(async move {
                write.write_all(&sent).await?;
                // Says that there is no more, and the answer comes nevertheless.
                write.shutdown().await
            });
            let mut echoed = Vec::new();
            read.read_to_end(&mut echoed).await?;
            writer.await??;
            assert!(echoed == text, "client {number} got something else");
            Ok::<_, Failure>(())
        });
    }
    while let Some(done) = clients.join_next().await {
        done??;
    }
    assert_eq!(server.await??, 20 * LENGTH as u64);
    Ok(())
}

#[tokio::test]
async fn large_texts_of_many_clients_are_echoed_on_one_thread() -> Outcome {
    large_texts_of_many_clients_are_echoed().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_texts_of_many_clients_are_echoed_on_two_threads() -> Outcome {
    large_texts_of_many_clients_are_echoed().await
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_refused_by_both_ends() -> Outcome {
    let (acceptor, _) = ends()?;
    let (address, server) = serve(acceptor, 1).await?;
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost")?;
    let refused = connector(None)?.connect(name, stream).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidData);
    assert!(server.await?.is_err());
    Ok(())
}

#[tokio::test]
async fn a_connection_that_is_cut_off_does_not_look_like_its_end() -> Outcome {
    let (acceptor, connector) = ends()?;
    let (address, server) = serve(acceptor, 1).await?;
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost")?;
    let mut stream = connector.connect(name, stream).await?;
    stream.write_all(b"word").await?;
    let mut word = [0; 4];
    stream.read_exact(&mut word).await?;
    assert_eq!(&word, b"word");
    // Closes the socket below, without the alert that says so.
    let (mut stream, _) = stream.into_inner();
    stream.shutdown().await?;
    drop(stream);
    let noticed = server.await?.unwrap_err();
    assert!(
        matches!(
            noticed.kind(),
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
        ),
        "{noticed}"
    );
    Ok(())
}

#[tokio::test]
async fn a_handshake_that_never_comes_can_be_given_up() -> Outcome {
    let (acceptor, _) = ends()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let _silent = TcpStream::connect(listener.local_addr()?).await?;
    let (stream, _) = listener.accept().await?;
    let limited = tokio::time::timeout(Duration::from_millis(50), acceptor.accept(stream));
    assert!(limited.await.is_err());
    Ok(())
}

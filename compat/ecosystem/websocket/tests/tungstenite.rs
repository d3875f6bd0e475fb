//! tokio-tungstenite: both ends of a WebSocket, and a room where everybody hears everybody.

use std::error::Error;
use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};
use tokio_tungstenite::{accept_async, connect_async};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Accepts one connection and sends back what it says, until it says goodbye.
async fn echo(listener: TcpListener) -> Result<usize, WebSocketError> {
    let (stream, _) = listener.accept().await?;
    let mut socket = accept_async(stream).await?;
    let mut count = 0;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            count += 1;
            socket.send(message).await?;
        }
    }
    Ok(count)
}

async fn messages_come_back_and_both_say_goodbye() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/", listener.local_addr()?);
    let server = tokio::spawn(echo(listener));
    let (mut socket, _) = connect_async(url).await?;

    socket.send(Message::text("text")).await?;
    assert_eq!(socket.next().await.unwrap()?, Message::text("text"));
    socket.send(Message::Ping("ping".into())).await?;
    assert_eq!(socket.next().await.unwrap()?, Message::Pong("ping".into()));
    for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        let message = Message::binary(vec![42; length]);
        socket.send(message.clone()).await?;
        assert_eq!(socket.next().await.unwrap()?, message);
    }

    socket.close(None).await?;
    while let Some(message) = socket.next().await {
        assert!(message?.is_close());
    }
    assert_eq!(server.await??, 8);
    Ok(())
}

#[tokio::test]
async fn messages_come_back_and_both_say_goodbye_on_one_thread() -> Outcome {
    messages_come_back_and_both_say_goodbye().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_come_back_and_both_say_goodbye_on_two_threads() -> Outcome {
    messages_come_back_and_both_say_goodbye().await
}

const GUESTS: usize = 20;

/// Greets every guest, and passes on what each says once all of them are there.
async fn room(listener: TcpListener) -> Outcome {
    let (said, _) = broadcast::channel(GUESTS * 2);
    let mut guests = JoinSet::new();
    for _ in 0..GUESTS {
        let (stream, _) = listener.accept().await?;
        let (said, mut heard) = (said.clone(), said.subscribe());
        guests.spawn(async move {
            let (mut sink, mut stream) = accept_async(stream).await?.split();
            sink.send(Message::text("welcome")).await?;
            loop {
                tokio::select! {
                    message = stream.next() => match message {
                        Some(Ok(message)) if message.is_text() => drop(said.send(message)),
                        Some(Ok(message)) if message.is_close() => break,
                        Some(message) => drop(message?),
                        None => break,
                    },
                    message = heard.recv() => sink.send(message?).await?,
                }
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        });
    }
    while let Some(guest) = guests.join_next().await {
        guest??;
    }
    Ok(())
}

/// Speaks when `all_here` has a permit for everybody, and ends when it has heard everybody.
async fn guest(address: SocketAddr, number: usize, all_here: &tokio::sync::Barrier) -> Outcome {
    let (mut socket, _) = connect_async(format!("ws://{address}/")).await?;
    assert_eq!(socket.next().await.unwrap()?, Message::text("welcome"));
    all_here.wait().await;
    socket.send(Message::text(number.to_string())).await?;
    let mut heard = Vec::new();
    while heard.len() < GUESTS {
        let message = socket.next().await.unwrap()?;
        heard.push(message.to_text()?.parse::<usize>()?);
    }
    heard.sort();
    assert_eq!(heard, (0..GUESTS).collect::<Vec<_>>());
    // Nobody leaves while another is still listening.
    all_here.wait().await;
    socket
        .close(Some(tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: CloseCode::Normal,
            reason: "heard everybody".into(),
        }))
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_in_a_room_hears_everybody() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let room = tokio::spawn(room(listener));
    let all_here = std::sync::Arc::new(tokio::sync::Barrier::new(GUESTS));
    let mut guests = JoinSet::new();
    for number in 0..GUESTS {
        let all_here = all_here.clone();
        guests.spawn(async move { guest(address, number, &all_here).await });
    }
    while let Some(done) = guests.join_next().await {
        done??;
    }
    room.await??;
    Ok(())
}

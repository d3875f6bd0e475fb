//! tokio-postgres against a real server, at `POSTGRES_URL`; without it each test says that it was
//! skipped.

use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, NoTls};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

fn url() -> Option<String> {
    let url = std::env::var("POSTGRES_URL").ok();
    if url.is_none() {
        eprintln!("skipped: POSTGRES_URL does not name a server");
    }
    url
}

type Driver = JoinHandle<Result<(), tokio_postgres::Error>>;

async fn connect(url: &str) -> Result<(Client, Driver), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    Ok((client, tokio::spawn(connection)))
}

async fn rows_are_written_and_read() -> Outcome {
    let Some(url) = url() else { return Ok(()) };
    let (mut client, driver) = connect(&url).await?;
    client
        .batch_execute("CREATE TEMPORARY TABLE people (id SERIAL PRIMARY KEY, name TEXT NOT NULL)")
        .await?;
    let insert = client
        .prepare("INSERT INTO people (name) VALUES ($1)")
        .await?;
    for name in ["Ada", "Grace", "Barbara"] {
        assert_eq!(client.execute(&insert, &[&name]).await?, 1);
    }

    let transaction = client.transaction().await?;
    transaction.execute("DELETE FROM people", &[]).await?;
    drop(transaction); // Nobody commits: the server must take it back.
    let transaction = client.transaction().await?;
    transaction.execute(&insert, &[&"Frances"]).await?;
    transaction.commit().await?;

    let rows = client
        .query("SELECT id, name FROM people ORDER BY name", &[])
        .await?;
    let people: Vec<(i32, &str)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(
        people,
        [(1, "Ada"), (3, "Barbara"), (4, "Frances"), (2, "Grace")]
    );

    drop(client);
    driver.await??;
    Ok(())
}

#[tokio::test]
async fn rows_are_written_and_read_on_one_thread() -> Outcome {
    rows_are_written_and_read().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_written_and_read_on_two_threads() -> Outcome {
    rows_are_written_and_read().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_of_one_connection_are_pipelined() -> Outcome {
    let Some(url) = url() else { return Ok(()) };
    let (client, _driver) = connect(&url).await?;
    let double = client.prepare("SELECT $1::INT8 * 2").await?;
    let doubled: Vec<i64> = stream::iter(0..1000i64)
        .map(|number| {
            let (client, double) = (&client, &double);
            async move { client.query_one(double, &[&number]).await }
        })
        .buffered(100)
        .map_ok(|row| row.get::<_, i64>(0))
        .try_collect()
        .await?;
    assert_eq!(
        doubled,
        (0..1000).map(|number| number * 2).collect::<Vec<i64>>()
    );
    Ok(())
}

#[tokio::test]
async fn a_table_is_copied_in_and_out() -> Outcome {
    let Some(url) = url() else { return Ok(()) };
    let (client, _driver) = connect(&url).await?;
    client
        .batch_execute("CREATE TEMPORARY TABLE numbers (number INT8)")
        .await?;
    let mut sink = pin!(client.copy_in("COPY numbers FROM STDIN").await?);
    for number in 0..10_000 {
        sink.feed(bytes(format!("{number}\n"))).await?;
    }
    assert_eq!(sink.as_mut().finish().await?, 10_000);
    let mut rows = pin!(client.copy_out("COPY numbers TO STDOUT").await?);
    let mut text = Vec::new();
    while let Some(chunk) = rows.next().await {
        text.extend_from_slice(&chunk?);
    }
    let sum: u64 = str::from_utf8(&text)?
        .lines()
        .map(|line| line.parse::<u64>().unwrap())
        .sum();
    assert_eq!(sum, 9_999 * 10_000 / 2);
    Ok(())
}

fn bytes(text: String) -> std::io::Cursor<Vec<u8>> {
    std::io::Cursor::new(text.into_bytes())
}

#[tokio::test]
async fn a_query_is_cancelled() -> Outcome {
    let Some(url) = url() else { return Ok(()) };
    let (client, _driver) = connect(&url).await?;
    let token = client.cancel_token();
    let query = tokio::spawn(async move {
        let result = client.batch_execute("SELECT pg_sleep(60)").await;
        (client, result)
    });
    // The request may overtake the query, and the server then ignores it.
    let mut query = pin!(query);
    let (client, result) = loop {
        token.cancel_query(NoTls).await?;
        if let Ok(ended) = timeout(Duration::from_millis(50), &mut query).await {
            break ended?;
        }
    };
    assert_eq!(result.unwrap_err().code(), Some(&SqlState::QUERY_CANCELED));
    assert_eq!(client.query_one("SELECT 1", &[]).await?.get::<_, i32>(0), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notifications_arrive_in_order() -> Outcome {
    let Some(url) = url() else { return Ok(()) };
    let (listener, mut connection) = tokio_postgres::connect(&url, NoTls).await?;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let driver = tokio::spawn(async move {
        let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(message) = messages.next().await {
            if let AsyncMessage::Notification(notification) = message? {
                sender.send(notification.payload().to_owned()).ok();
            }
        }
        Ok::<_, tokio_postgres::Error>(())
    });
    listener.batch_execute("LISTEN ecosystem").await?;
    let (client, _driver) = connect(&url).await?;
    for number in 0..100 {
        client
            .execute("SELECT pg_notify('ecosystem', $1)", &[&number.to_string()])
            .await?;
    }
    for number in 0..100 {
        assert_eq!(receiver.recv().await, Some(number.to_string()));
    }
    drop(listener);
    driver.await??;
    Ok(())
}

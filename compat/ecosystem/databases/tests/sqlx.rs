//! sqlx and its pool against a real server, at `POSTGRES_URL`; without it each test says that it
//! was skipped.

use std::error::Error;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use sqlx::postgres::{PgListener, PgPool, PgPoolOptions};
use sqlx::{Connection, PgConnection, Row};
use tokio::task::JoinSet;
use tokio::time::timeout;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

fn url() -> Option<String> {
    let url = std::env::var("POSTGRES_URL").ok();
    if url.is_none() {
        eprintln!("skipped: POSTGRES_URL does not name a server");
    }
    url
}

async fn pool(url: &str, connections: u32) -> Result<PgPool, sqlx::Error> {
    PgPoolOptions::new()
        .max_connections(connections)
        .connect(url)
        .await
}

async fn rows_are_written_and_read() -> Outcome {
    let Some(url) = url() else { return Ok(()) };
    let mut connection = PgConnection::connect(&url).await?;
    sqlx::query("CREATE TEMPORARY TABLE people (id SERIAL PRIMARY KEY, name TEXT NOT NULL)")
        .execute(&mut connection)
        .await?;
    for name in ["Ada", "Grace", "Barbara"] {
        let done = sqlx::query("INSERT INTO people (name) VALUES ($1)")
            .bind(name)
            .execute(&mut connection)
            .await?;
        assert_eq!(done.rows_affected(), 1);
    }

    let mut transaction = connection.begin().await?;
    sqlx::query("DELETE FROM people")
        .execute(&mut *transaction)
        .await?;
    drop(transaction); // Nobody commits: the server must take it back.
    let mut transaction = connection.begin().await?;
    sqlx::query("INSERT INTO people (name) VALUES ($1)")
        .bind("Frances")
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;

    let people: Vec<(i32, String)> = sqlx::query_as("SELECT id, name FROM people ORDER BY name")
        .fetch_all(&mut connection)
        .await?;
    let people: Vec<(i32, &str)> = people.iter().map(|(id, name)| (*id, &**name)).collect();
    assert_eq!(
        people,
        [(1, "Ada"), (3, "Barbara"), (4, "Frances"), (2, "Grace")]
    );
    connection.close().await?;
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
async fn many_tasks_share_the_few_connections_of_a_pool() -> Outcome {
    let Some(url) = url() else { return Ok(()) };
    let pool = pool(&url, 4).await?;
    let mut tasks = JoinSet::new();
    for number in 0..200i64 {
        let pool = pool.clone();
        tasks.spawn(async move {
            sqlx::query_scalar::<_, i64>("SELECT $1 * 2 FROM pg_sleep(0.005)")
                .bind(number)
                .fetch_one(&pool)
                .await
        });
    }
    let mut sum = 0;
    while let Some(doubled) = tasks.join_next().await {
        sum += doubled??;
        assert!(pool.size() <= 4, "{} connections", pool.size());
    }
    assert_eq!(sum, 199 * 200);
    pool.close().await;
    assert!(pool.is_closed());
    Ok(())
}

#[tokio::test]
async fn who_waits_too_long_for_a_connection_is_told_so() -> Outcome {
    let Some(url) = url() else { return Ok(()) };
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_millis(500))
        .connect(&url)
        .await?;
    let held = pool.acquire().await?;
    let start = Instant::now();
    let error = pool.acquire().await.expect_err("there is only one");
    assert!(matches!(error, sqlx::Error::PoolTimedOut), "{error}");
    assert!(start.elapsed() >= Duration::from_millis(490));

    // The connection that is given back goes to the one that waits.
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { sqlx::query("SELECT 1").execute(&pool).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(held);
    assert_eq!(waiter.await??.rows_affected(), 1);
    pool.close().await;
    Ok(())
}

#[tokio::test]
async fn a_long_answer_is_read_row_by_row() -> Outcome {
    let Some(url) = url() else { return Ok(()) };
    let pool = pool(&url, 1).await?;
    let mut rows = sqlx::query("SELECT generate_series(1, 50000)::INT8").fetch(&pool);
    let (mut count, mut sum) = (0, 0);
    while let Some(row) = rows.try_next().await? {
        count += 1;
        sum += row.try_get::<i64, _>(0)?;
    }
    assert_eq!((count, sum), (50_000, 50_000 * 50_001 / 2));
    drop(rows);

    // An answer that is left half read does not spoil the connection.
    let mut rows = sqlx::query("SELECT generate_series(1, 50000)::INT8").fetch(&pool);
    assert!(rows.try_next().await?.is_some());
    drop(rows);
    let one: i32 = sqlx::query_scalar("SELECT 1").fetch_one(&pool).await?;
    assert_eq!(one, 1);
    pool.close().await;
    Ok(())
}

#[tokio::test]
async fn a_table_is_copied_in_and_out() -> Outcome {
    let Some(url) = url() else { return Ok(()) };
    let mut connection = PgConnection::connect(&url).await?;
    sqlx::query("CREATE TEMPORARY TABLE numbers (number INT8)")
        .execute(&mut connection)
        .await?;
    let text: String = (0..10_000).map(|number| format!("{number}\n")).collect();
    let mut copy = connection.copy_in_raw("COPY numbers FROM STDIN").await?;
    // sqlx reads from whatever implements Tokio's `AsyncRead`.
    copy.read_from(text.as_bytes()).await?;
    assert_eq!(copy.finish().await?, 10_000);
    let chunks: Vec<_> = connection
        .copy_out_raw("COPY numbers TO STDOUT")
        .await?
        .try_collect()
        .await?;
    assert_eq!(chunks.concat(), text.as_bytes());
    connection.close().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notifications_arrive_in_order() -> Outcome {
    let Some(url) = url() else { return Ok(()) };
    let mut listener = PgListener::connect(&url).await?;
    listener.listen("ecosystem_sqlx").await?;
    let pool = pool(&url, 1).await?;
    let sender = tokio::spawn(async move {
        for number in 0..100 {
            sqlx::query("SELECT pg_notify('ecosystem_sqlx', $1)")
                .bind(number.to_string())
                .execute(&pool)
                .await?;
        }
        Ok::<_, sqlx::Error>(())
    });
    for number in 0..100 {
        let notification = timeout(Duration::from_secs(30), listener.recv()).await??;
        assert_eq!(notification.payload(), number.to_string());
    }
    sender.await??;
    Ok(())
}

#[tokio::test]
async fn an_error_of_the_server_has_its_code() -> Outcome {
    let Some(url) = url() else { return Ok(()) };
    let pool = pool(&url, 1).await?;
    let error = sqlx::query("SELECT 1 / 0").execute(&pool).await;
    let error = error.unwrap_err();
    let code = error.as_database_error().and_then(|error| error.code());
    assert_eq!(code.as_deref(), Some("22012"), "{error}");
    let one: i32 = sqlx::query_scalar("SELECT 1").fetch_one(&pool).await?;
    assert_eq!(one, 1);
    pool.close().await;
    Ok(())
}

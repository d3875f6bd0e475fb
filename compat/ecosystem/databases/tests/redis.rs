//! redis against a real server, at `REDIS_URL`; without it each test says that it was skipped.

use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::{ConnectionManager, MultiplexedConnection};
use redis::{AsyncCommands, AsyncConnectionConfig, Client, RedisResult};
use tokio::task::JoinSet;
use tokio::time::timeout;

fn client() -> Option<Client> {
    let Ok(url) = std::env::var("REDIS_URL") else {
        eprintln!("skipped: REDIS_URL does not name a server");
        return None;
    };
    Some(Client::open(url).expect("REDIS_URL is the address of a server"))
}

async fn connect() -> RedisResult<Option<(Client, MultiplexedConnection)>> {
    let Some(client) = client() else {
        return Ok(None);
    };
    let connection = client.get_multiplexed_async_connection().await?;
    Ok(Some((client, connection)))
}

async fn values_are_kept_and_expire() -> RedisResult<()> {
    let Some((_, mut connection)) = connect().await? else {
        return Ok(());
    };
    let key = format!("ecosystem:value:{:?}", std::thread::current().id());
    let large = vec![42u8; 1 << 20];
    let () = connection.set(&key, &large).await?;
    assert_eq!(connection.get::<_, Vec<u8>>(&key).await?, large);
    let () = connection.set_ex(&key, "short-lived", 100).await?;
    let rest: i64 = connection.ttl(&key).await?;
    assert!((1..=100).contains(&rest), "{rest}");
    assert_eq!(connection.del::<_, u32>(&key).await?, 1);
    assert_eq!(connection.get::<_, Option<String>>(&key).await?, None);
    Ok(())
}

#[tokio::test]
async fn values_are_kept_and_expire_on_one_thread() -> RedisResult<()> {
    values_are_kept_and_expire().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_are_kept_and_expire_on_two_threads() -> RedisResult<()> {
    values_are_kept_and_expire().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_share_one_connection() -> RedisResult<()> {
    let Some((_, mut connection)) = connect().await? else {
        return Ok(());
    };
    let key = "ecosystem:counter";
    let () = connection.del(key).await?;
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let mut connection = connection.clone();
        tasks.spawn(async move {
            for _ in 0..100 {
                let _: u32 = connection.incr(key, 1).await?;
            }
            RedisResult::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no task panics")?;
    }
    assert_eq!(connection.get::<_, u32>(key).await?, 5000);
    connection.del(key).await
}

#[tokio::test]
async fn a_pipeline_is_answered_at_once() -> RedisResult<()> {
    let Some((_, mut connection)) = connect().await? else {
        return Ok(());
    };
    let key = "ecosystem:pipeline";
    let (first, list): (i32, Vec<i32>) = redis::pipe()
        .atomic()
        .del(key)
        .ignore()
        .rpush(key, &[1, 2, 3])
        .lrange(key, 0, -1)
        .query_async(&mut connection)
        .await?;
    assert_eq!((first, list), (3, vec![1, 2, 3]));
    connection.del(key).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_arrives_in_order() -> RedisResult<()> {
    let Some((client, mut connection)) = connect().await? else {
        return Ok(());
    };
    let mut subscriber = client.get_async_pubsub().await?;
    subscriber.subscribe("ecosystem:channel").await?;
    let publisher = tokio::spawn(async move {
        for number in 0..200 {
            let reached: u32 = connection.publish("ecosystem:channel", number).await?;
            assert_eq!(reached, 1);
        }
        RedisResult::Ok(())
    });
    let mut messages = subscriber.on_message();
    for expected in 0..200 {
        let message = messages.next().await.expect("the connection lasts");
        assert_eq!(message.get_payload::<u32>()?, expected);
    }
    publisher.await.expect("it does not panic")
}

#[tokio::test]
async fn a_blocked_pop_is_served_or_gives_up() -> RedisResult<()> {
    let Some((client, mut connection)) = connect().await? else {
        return Ok(());
    };
    let key = "ecosystem:queue";
    let () = connection.del(key).await?;
    let mut manager = ConnectionManager::new(client.clone()).await?;
    let popped: Option<(String, String)> = manager.blpop(key, 0.05).await?;
    assert_eq!(popped, None);

    let patient = AsyncConnectionConfig::new().set_response_timeout(None);
    let mut waiting = client
        .get_multiplexed_async_connection_with_config(&patient)
        .await?;
    let pop = tokio::spawn(async move {
        let popped: Option<(String, String)> = waiting.blpop(key, 8.0).await?;
        RedisResult::Ok(popped.map(|(_, value)| value))
    });
    assert_eq!(connection.rpush::<_, _, u32>(key, "work").await?, 1);
    let popped = timeout(Duration::from_secs(9), pop).await;
    let popped = popped
        .expect("the server keeps its time")
        .expect("it does not panic")?;
    assert_eq!(popped.as_deref(), Some("work"));
    Ok(())
}

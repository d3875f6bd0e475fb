//! lapin against a real RabbitMQ, at `AMQP_URL`; without it each test says that it was skipped.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicNackOptions,
    BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

type Outcome = lapin::Result<()>;

const LONG: Duration = Duration::from_secs(30);

async fn connect() -> lapin::Result<Option<Connection>> {
    let Ok(url) = std::env::var("AMQP_URL") else {
        eprintln!("skipped: AMQP_URL does not name a server");
        return Ok(None);
    };
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    Ok(Some(connection))
}

/// A channel whose messages the broker confirms.
async fn confirming(connection: &Connection) -> lapin::Result<Channel> {
    let channel = connection.create_channel().await?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    Ok(channel)
}

/// A queue that belongs to the connection and ends with it; the broker chooses its name.
async fn queue(channel: &Channel) -> lapin::Result<String> {
    let options = QueueDeclareOptions {
        exclusive: true,
        ..Default::default()
    };
    let queue = channel
        .queue_declare("".into(), options, FieldTable::default())
        .await?;
    Ok(queue.name().to_string())
}

async fn consume(channel: &Channel, queue: &str, tag: &str) -> lapin::Result<Consumer> {
    let options = BasicConsumeOptions::default();
    channel
        .basic_consume(queue.into(), tag.into(), options, FieldTable::default())
        .await
}

/// Publishes, and waits until the broker has confirmed that it has the message.
async fn publish(channel: &Channel, queue: &str, message: &[u8]) -> lapin::Result<Confirmation> {
    let options = BasicPublishOptions {
        mandatory: true,
        ..Default::default()
    };
    channel
        .basic_publish(
            "".into(),
            queue.into(),
            options,
            message,
            BasicProperties::default(),
        )
        .await?
        .await
}

async fn messages_are_confirmed_consumed_and_acknowledged() -> Outcome {
    let Some(connection) = connect().await? else {
        return Ok(());
    };
    let publisher = confirming(&connection).await?;
    let channel = connection.create_channel().await?;
    let queue = queue(&channel).await?;
    let mut consumer = consume(&channel, &queue, "reader").await?;
    for number in 0..100u32 {
        let confirmation = publish(&publisher, &queue, &number.to_be_bytes()).await?;
        assert_eq!(confirmation, Confirmation::Ack(None));
    }
    for number in 0..100u32 {
        let delivery = timeout(LONG, consumer.next()).await.expect("it arrives");
        let delivery = delivery.expect("the consumer was not cancelled")?;
        assert_eq!(delivery.data, number.to_be_bytes());
        assert!(!delivery.redelivered);
        delivery.ack(BasicAckOptions::default()).await?;
    }
    channel
        .basic_cancel("reader".into(), BasicCancelOptions::default())
        .await?;
    assert!(consumer.next().await.is_none());
    let rest = channel
        .basic_get(queue.as_str().into(), BasicGetOptions::default())
        .await?;
    assert!(rest.is_none());
    connection.close(200, "done".into()).await
}

#[tokio::test]
async fn messages_are_confirmed_consumed_and_acknowledged_on_one_thread() -> Outcome {
    messages_are_confirmed_consumed_and_acknowledged().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_confirmed_consumed_and_acknowledged_on_two_threads() -> Outcome {
    messages_are_confirmed_consumed_and_acknowledged().await
}

#[tokio::test]
async fn a_large_message_arrives_whole() -> Outcome {
    let Some(connection) = connect().await? else {
        return Ok(());
    };
    let channel = confirming(&connection).await?;
    let queue = queue(&channel).await?;
    let mut consumer = consume(&channel, &queue, "reader").await?;
    // Many frames of the protocol, and more than the buffers of a socket hold.
    let message: Vec<u8> = (0..8u32 << 20).map(|index| (index % 251) as u8).collect();
    let confirmation = publish(&channel, &queue, &message).await?;
    assert_eq!(confirmation, Confirmation::Ack(None));
    let delivery = timeout(LONG, consumer.next()).await.expect("it arrives");
    let delivery = delivery.expect("the consumer was not cancelled")?;
    assert!(delivery.data == message);
    delivery.ack(BasicAckOptions::default()).await?;
    connection.close(200, "done".into()).await
}

#[tokio::test]
async fn a_message_nobody_can_get_is_returned() -> Outcome {
    let Some(connection) = connect().await? else {
        return Ok(());
    };
    let channel = confirming(&connection).await?;
    let confirmation = publish(&channel, "there is no such queue", b"hello").await?;
    let returned = confirmation.take_message().expect("it comes back");
    assert_eq!(returned.delivery.data, b"hello");
    assert_eq!(returned.reply_code, 312);
    connection.close(200, "done".into()).await
}

#[tokio::test]
async fn a_refused_message_is_delivered_again() -> Outcome {
    let Some(connection) = connect().await? else {
        return Ok(());
    };
    let channel = confirming(&connection).await?;
    let queue = queue(&channel).await?;
    let mut consumer = consume(&channel, &queue, "reader").await?;
    publish(&channel, &queue, b"hello").await?;
    for redelivered in [false, true] {
        let delivery = timeout(LONG, consumer.next()).await.expect("it arrives");
        let delivery = delivery.expect("the consumer was not cancelled")?;
        assert_eq!(delivery.data, b"hello");
        assert_eq!(delivery.redelivered, redelivered);
        if redelivered {
            delivery.ack(BasicAckOptions::default()).await?;
        } else {
            let options = BasicNackOptions {
                requeue: true,
                ..Default::default()
            };
            delivery.nack(options).await?;
        }
    }
    connection.close(200, "done".into()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_publish_to_several_consumers() -> Outcome {
    let Some(connection) = connect().await? else {
        return Ok(());
    };
    let channel = confirming(&connection).await?;
    let queue = queue(&channel).await?;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    for number in 0..3 {
        // Each consumer gets no more than it can work on: the rest goes to the others.
        let channel = connection.create_channel().await?;
        channel.basic_qos(5, BasicQosOptions::default()).await?;
        let mut consumer = consume(&channel, &queue, &format!("reader {number}")).await?;
        let sender = sender.clone();
        tokio::spawn(async move {
            let _open = channel;
            while let Some(Ok(delivery)) = consumer.next().await {
                let text = String::from_utf8(delivery.data.clone()).expect("it is text");
                tokio::time::sleep(Duration::from_millis(1)).await;
                delivery.ack(BasicAckOptions::default()).await.unwrap();
                sender.send((number, text)).unwrap();
            }
        });
    }
    let mut publishers = JoinSet::new();
    for task in 0..10 {
        let (channel, queue) = (channel.clone(), queue.clone());
        publishers.spawn(async move {
            for number in 0..20 {
                let message = format!("{task}/{number}");
                let confirmation = publish(&channel, &queue, message.as_bytes()).await?;
                assert_eq!(confirmation, Confirmation::Ack(None));
            }
            lapin::Result::Ok(())
        });
    }
    while let Some(ended) = publishers.join_next().await {
        ended.expect("no publisher panics")?;
    }
    let (mut readers, mut messages) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..200 {
        let received = timeout(LONG, receiver.recv()).await.expect("it arrives");
        let (reader, message) = received.expect("the consumers still run");
        readers.insert(reader);
        assert!(messages.insert(message), "each message arrives once");
    }
    assert_eq!((readers.len(), messages.len()), (3, 200));
    connection.close(200, "done".into()).await
}

#[tokio::test]
async fn an_error_of_the_broker_closes_only_its_channel() -> Outcome {
    let Some(connection) = connect().await? else {
        return Ok(());
    };
    let channel = connection.create_channel().await?;
    let error = channel
        .basic_get("there is no such queue".into(), BasicGetOptions::default())
        .await
        .expect_err("it is not there");
    assert!(error.to_string().contains("NOT_FOUND"), "{error}");
    assert!(!channel.status().connected());
    assert!(connection.status().connected());
    let channel = confirming(&connection).await?;
    let queue = queue(&channel).await?;
    let confirmation = publish(&channel, &queue, b"hello").await?;
    assert_eq!(confirmation, Confirmation::Ack(None));
    connection.close(200, "done".into()).await
}

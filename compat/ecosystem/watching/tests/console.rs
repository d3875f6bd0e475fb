//! tracing, and console-subscriber with a client of console-api, both on the runtime under test.
//!
//! Tokio tells the console about its tasks and resources only if it is built with `tokio_unstable`,
//! and the runtime behind the patch never does: it has no such spans. So this is no test of what the
//! console knows about a runtime. It shows that the server of the console runs here, with its
//! aggregator, and answers what somebody has put into spans by hand under the name that the console
//! looks for. Both runtimes are built with `console_without_tokio_unstable`, see `run.sh`.

use std::collections::HashMap;
use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use console_api::field::{Name, Value};
use console_api::instrument::instrument_client::InstrumentClient;
use console_api::instrument::{InstrumentRequest, TaskDetailsRequest};
use console_api::tasks::{Stats, Task};
use console_subscriber::ConsoleLayer;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Code, Streaming};
use tracing::dispatcher::with_default;
use tracing::instrument::WithSubscriber;
use tracing::{Dispatch, Instrument, Span, info, info_span};
use tracing_subscriber::layer::SubscriberExt;

type Failure = Box<dyn Error + Send + Sync>;
type Outcome = Result<(), Failure>;

/// A subscriber whose server runs until the tasks are dropped.
struct Console {
    dispatch: Dispatch,
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Console {
    async fn start() -> Result<Self, Failure> {
        let (layer, server) = ConsoleLayer::builder()
            .publish_interval(Duration::from_millis(20))
            .build();
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let parts = server.into_parts();
        let mut tasks = JoinSet::new();
        tasks.spawn(parts.aggregator.run());
        tasks.spawn(async move {
            let server = Server::builder().add_service(parts.instrument_server);
            let incoming = TcpListenerStream::new(listener);
            server.serve_with_incoming(incoming).await.unwrap();
        });
        Ok(Self {
            dispatch,
            address,
            _tasks: tasks,
        })
    }

    /// The span of a task, as Tokio would make it, with a name that nobody else uses.
    fn span(&self, name: &str) -> Span {
        with_default(&self.dispatch, || {
            info_span!("runtime.spawn", kind = "task", task.name = name)
        })
    }
}

/// What a client has been told about the tasks, by their names.
#[derive(Default)]
struct Seen {
    tasks: HashMap<u64, Task>,
    stats: HashMap<u64, Stats>,
}

impl Seen {
    /// Reads updates until it is as it should be.
    async fn until(
        &mut self,
        updates: &mut Streaming<console_api::instrument::Update>,
        enough: impl Fn(&Self) -> bool,
    ) -> Outcome {
        let reading = timeout(Duration::from_secs(8), async {
            while !enough(self) {
                let update = updates.message().await?.ok_or("the server has gone")?;
                let Some(update) = update.task_update else {
                    continue;
                };
                assert_eq!(update.dropped_events, 0);
                for task in update.new_tasks {
                    self.tasks.insert(task.id.expect("a task has one").id, task);
                }
                self.stats.extend(update.stats_update);
            }
            Ok(())
        });
        reading.await?
    }

    fn find(&self, name: &str) -> Option<(u64, &Stats)> {
        let has_name = |task: &&Task| {
            task.fields.iter().any(|field| {
                field.name == Some(Name::StrName("task.name".into()))
                    && field.value == Some(Value::StrVal(name.into()))
            })
        };
        let id = self.tasks.values().find(has_name)?.id?.id;
        Some((id, self.stats.get(&id)?))
    }

    fn has_ended(&self, name: &str) -> bool {
        self.find(name)
            .is_some_and(|(_, stats)| stats.dropped_at.is_some())
    }
}

async fn the_console_tells_of_work_in_spans_made_by_hand() -> Outcome {
    let console = Console::start().await?;
    let mut client = InstrumentClient::connect(format!("http://{}", console.address)).await?;
    let mut updates = client
        .watch_updates(InstrumentRequest {})
        .await?
        .into_inner();

    let mut work = JoinSet::new();
    for number in 0..10 {
        let polls = async move {
            for _ in 0..number {
                yield_now().await;
            }
        };
        work.spawn(polls.instrument(console.span(&format!("worker {number}"))));
    }
    let (release, released) = oneshot::channel();
    let waits = async { drop(released.await) };
    work.spawn(waits.instrument(console.span("waits")));

    let mut seen = Seen::default();
    seen.until(&mut updates, |seen| {
        (0..10).all(|number| seen.has_ended(&format!("worker {number}")))
            && seen.find("waits").is_some()
    })
    .await?;
    for number in 0..10 {
        let (_, stats) = seen.find(&format!("worker {number}")).unwrap();
        // A span is entered once more when its future is dropped.
        let polls = stats.poll_stats.as_ref().expect("it was polled").polls;
        assert!(polls > number, "worker {number} was polled {polls} times");
    }
    // Nothing but what was put into such a span.
    assert_eq!(seen.tasks.len(), 11);

    let (id, stats) = seen.find("waits").unwrap();
    assert!(stats.dropped_at.is_none());
    let request = TaskDetailsRequest {
        id: Some(id.into()),
    };
    let mut details = client.watch_task_details(request).await?.into_inner();
    let detail = timeout(Duration::from_secs(8), details.message()).await??;
    let detail = detail.expect("it tells more");
    assert_eq!(detail.task_id.map(|task| task.id), Some(id));
    assert!(detail.poll_times_histogram.is_some());

    release.send(()).unwrap();
    seen.until(&mut updates, |seen| seen.has_ended("waits"))
        .await?;
    while let Some(done) = work.join_next().await {
        done?;
    }
    Ok(())
}

#[tokio::test]
async fn the_console_tells_of_work_in_spans_made_by_hand_on_one_thread() -> Outcome {
    the_console_tells_of_work_in_spans_made_by_hand().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_tells_of_work_in_spans_made_by_hand_on_two_threads() -> Outcome {
    the_console_tells_of_work_in_spans_made_by_hand().await
}

#[tokio::test]
async fn a_task_that_the_console_does_not_know_is_not_found() -> Outcome {
    let console = Console::start().await?;
    let mut client = InstrumentClient::connect(format!("http://{}", console.address)).await?;
    let request = TaskDetailsRequest {
        id: Some(u64::MAX.into()),
    };
    let refused = client.watch_task_details(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    Ok(())
}

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tracing::instrument]
async fn work(number: u32) {
    for step in 0..20 {
        info!(step, "works");
        yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_tasks_log_side_by_side_carries_their_own_span() -> Outcome {
    let log = Log::default();
    let writer = log.clone();
    let dispatch = Dispatch::new(
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish(),
    );
    let mut tasks = JoinSet::new();
    for number in 0..20 {
        tasks.spawn(work(number).with_subscriber(dispatch.clone()));
    }
    tasks.join_all().await;
    let log = String::from_utf8(log.0.lock().unwrap().clone())?;
    for number in 0..20 {
        let span = format!("work{{number={number}}}: ");
        let steps: Vec<_> = log.lines().filter(|line| line.contains(&span)).collect();
        assert_eq!(steps.len(), 20, "{log}");
        for (step, line) in steps.into_iter().enumerate() {
            assert!(line.ends_with(&format!("works step={step}")), "{line}");
        }
    }
    Ok(())
}

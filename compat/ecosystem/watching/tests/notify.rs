//! notify: a watcher whose thread feeds a channel of the runtime.

use std::collections::HashSet;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::timeout;

type Failure = Box<dyn Error + Send + Sync>;
type Outcome = Result<(), Failure>;

/// A watcher of `folder`, and what it tells. The channel is small, so that its thread has to wait.
fn watch(
    folder: &Path,
) -> notify::Result<(RecommendedWatcher, mpsc::Receiver<notify::Result<Event>>)> {
    let (sender, receiver) = mpsc::channel(1);
    let mut watcher = notify::recommended_watcher(move |event| {
        // It fails when nobody wants to know any more.
        let _ = sender.blocking_send(event);
    })?;
    watcher.watch(folder, RecursiveMode::Recursive)?;
    Ok((watcher, receiver))
}

/// Waits for an event of this kind which is about this path.
async fn expect(
    events: &mut mpsc::Receiver<notify::Result<Event>>,
    path: &Path,
    kind: fn(&Event) -> bool,
) -> Outcome {
    let found = timeout(Duration::from_secs(8), async {
        while let Some(event) = events.recv().await {
            let event = event?;
            if kind(&event) && event.paths.iter().any(|other| other == path) {
                return Ok(());
            }
        }
        Err(Failure::from("the watcher has gone"))
    });
    found.await?
}

async fn what_happens_to_a_file_is_told_in_order() -> Outcome {
    let folder = tempfile::tempdir()?;
    let root = folder.path().canonicalize()?;
    let (_watcher, mut events) = watch(&root)?;
    let (file, renamed) = (root.join("file"), root.join("renamed"));
    tokio::fs::write(&file, "text").await?;
    tokio::fs::rename(&file, &renamed).await?;
    tokio::fs::remove_file(&renamed).await?;
    expect(&mut events, &file, |event| event.kind.is_create()).await?;
    expect(&mut events, &file, |event| event.kind.is_modify()).await?;
    expect(&mut events, &renamed, |event| event.kind.is_modify()).await?;
    expect(&mut events, &renamed, |event| event.kind.is_remove()).await
}

#[tokio::test]
async fn what_happens_to_a_file_is_told_in_order_on_one_thread() -> Outcome {
    what_happens_to_a_file_is_told_in_order().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_to_a_file_is_told_in_order_on_two_threads() -> Outcome {
    what_happens_to_a_file_is_told_in_order().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_of_many_files_is_missed_though_the_channel_is_small() -> Outcome {
    let folder = tempfile::tempdir()?;
    let root = folder.path().canonicalize()?;
    let (_watcher, mut events) = watch(&root)?;
    let mut missing: HashSet<_> = (0..200)
        .map(|number| root.join(number.to_string()))
        .collect();
    let files = missing.clone();
    let writer = tokio::spawn(async move {
        for file in files {
            tokio::fs::write(file, "text").await?;
        }
        std::io::Result::Ok(())
    });
    timeout(Duration::from_secs(8), async {
        while !missing.is_empty() {
            let event = events.recv().await.expect("the watcher is there")?;
            if event.kind.is_create() {
                for path in &event.paths {
                    missing.remove(path);
                }
            }
        }
        notify::Result::Ok(())
    })
    .await??;
    Ok(writer.await??)
}

#[tokio::test]
async fn a_quiet_folder_lets_the_task_wait_and_a_dropped_watcher_ends_it() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (watcher, mut events) = watch(folder.path())?;
    let quiet = timeout(Duration::from_millis(50), events.recv()).await;
    assert!(quiet.is_err());
    drop(watcher);
    let end = timeout(Duration::from_secs(8), events.recv()).await?;
    assert!(end.is_none());
    Ok(())
}

//! Every task that a runtime has and that is not complete, so that shutdown can drop them all.
//!
//! # How it works
//!
//! A few lists, each behind a short lock; a task goes to the list that its number chooses, and
//! remembers its [`Place`] there. So adding and removing touch one lock and two words.
//!
//! # Invariants
//!
//! - **O1** A task is in the list from [`OwnedTasks::insert`] until it completes or the list is
//!   closed, and the list holds one reference to it.
//! - **O2** Once closed, a list stays empty: an insert is refused and the task is cancelled.
//! - **O3** No task is cancelled, and no reference dropped, under the lock.

#![allow(unsafe_code)] // Reads and writes `Header::place`; see `Place`.

use parking_lot::Mutex;

use super::cell::{Runnable, Schedule, TaskRef};
use super::{Id, JoinHandle};
use std::future::Future;
use std::panic::Location;

/// Where a task is in the list; `NONE` if it never was in one.
///
/// It is written by [`OwnedTasks::insert`] before the task's runnable is given to anybody, and only
/// read afterwards.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    list: u32,
    index: u32,
}

impl Place {
    pub(crate) const NONE: Self = Self {
        list: u32::MAX,
        index: u32::MAX,
    };
}

/// The tasks of one runtime.
pub(crate) struct OwnedTasks {
    lists: Box<[Aligned]>,
    /// `lists.len() - 1`; the length is a power of two.
    mask: u64,
}

/// Lists on cache lines of their own: two threads that spawn must not share one. 128 bytes because
/// Intel's prefetcher fetches pairs of lines.
#[repr(align(128))]
struct Aligned(Mutex<List>);

#[derive(Default)]
struct List {
    closed: bool,
    tasks: Vec<Option<TaskRef>>,
    vacant: Vec<u32>,
    /// Tasks that were ever added.
    spawned: u64,
}

impl OwnedTasks {
    /// For a runtime of so many threads.
    pub(crate) fn new(threads: usize) -> Self {
        // Four lists a thread, chosen: two threads then rarely meet.
        let lists = (threads * 4).next_power_of_two().min(1 << 10);
        Self {
            lists: (0..lists).map(|_| Aligned(Mutex::default())).collect(),
            mask: lists as u64 - 1,
        }
    }

    /// Makes a task of `future` and adds it. Without a runnable the runtime is shut down and the
    /// task already cancelled.
    pub(crate) fn spawn<F, S>(
        &self,
        future: F,
        scheduler: S,
        id: Id,
        spawned_at: &'static Location<'static>,
    ) -> (JoinHandle<F::Output>, Option<Runnable>)
    where
        F: Future + 'static,
        S: Schedule,
    {
        let (task, runnable, join) = TaskRef::allocate(future, scheduler, id, spawned_at);
        let join = JoinHandle::new(join);
        match self.insert(task) {
            Ok(()) => (join, Some(runnable)),
            Err(task) => {
                drop(task);
                runnable.shutdown();
                (join, None)
            }
        }
    }

    fn insert(&self, task: TaskRef) -> Result<(), TaskRef> {
        // A thread numbers its tasks consecutively, in batches of 1,024; a batch stays in one list,
        // so threads that spawn at the same time use different ones.
        let number = (task.header().id.number() >> 10) & self.mask;
        let mut list = self.lists[number as usize].0.lock();
        if list.closed {
            drop(list);
            return Err(task);
        }
        let index = match list.vacant.pop() {
            Some(index) => index,
            None => {
                list.tasks.push(None);
                u32::try_from(list.tasks.len() - 1).expect("fewer than 2^32 tasks live at a time")
            }
        };
        // SAFETY: nobody else has seen the task yet: its runnable has not been given away, and the
        // only other reader, shutdown, needs the lock that we hold.
        task.header().place.with_mut(|place| unsafe {
            *place = Place {
                list: number as u32,
                index,
            }
        });
        list.tasks[index as usize] = Some(task);
        list.spawned += 1;
        Ok(())
    }

    /// Forgets a complete task. Says whether it was in the list; the list's reference is then the
    /// caller's to drop.
    pub(crate) fn remove(&self, task: &TaskRef) -> bool {
        // SAFETY: written once, before the task was published.
        let place = task.header().place.with(|place| unsafe { *place });
        if place == Place::NONE {
            return false;
        }
        let mut list = self.lists[place.list as usize].0.lock();
        let Some(slot) = list.tasks.get_mut(place.index as usize) else {
            return false;
        };
        let Some(listed) = slot.take() else {
            return false;
        };
        list.vacant.push(place.index);
        drop(list);
        // The reference goes to the caller, who drops it together with its own.
        let _ = listed.into_raw();
        true
    }

    /// Closes the lists and cancels every task; several threads may share the work by starting at
    /// different places.
    pub(crate) fn close_and_cancel(&self, start: usize) {
        for offset in 0..self.lists.len() {
            let list = &self.lists[(start + offset) % self.lists.len()].0;
            list.lock().closed = true;
            loop {
                // One at a time: cancelling runs the destructors of users, which may spawn, wake or
                // complete other tasks of the same list (O3).
                let task = {
                    let mut list = list.lock();
                    let last = loop {
                        match list.tasks.pop() {
                            None => break None,
                            Some(None) => {}
                            Some(Some(task)) => break Some(task),
                        }
                    };
                    if last.is_none() {
                        list.tasks = Vec::new();
                        list.vacant = Vec::new();
                    }
                    last
                };
                match task {
                    Some(task) => task.shutdown(),
                    None => break,
                }
            }
        }
    }

    /// Every task that is not complete.
    #[cfg(feature = "taskdump")]
    pub(crate) fn list(&self) -> Vec<TaskRef> {
        let tasks =
            |list: &Aligned| -> Vec<_> { list.0.lock().tasks.iter().flatten().cloned().collect() };
        self.lists.iter().flat_map(tasks).collect()
    }

    /// How many tasks there were ever.
    pub(crate) fn spawned(&self) -> u64 {
        self.lists.iter().map(|list| list.0.lock().spawned).sum()
    }

    /// How many tasks there are.
    pub(crate) fn len(&self) -> usize {
        self.lists
            .iter()
            .map(|list| {
                let list = list.0.lock();
                if list.closed {
                    0
                } else {
                    list.tasks.len() - list.vacant.len()
                }
            })
            .sum()
    }
}

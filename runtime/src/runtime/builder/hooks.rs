//! What the builder lets users call at the turns in the life of threads and tasks.

use std::sync::Arc;

use super::Builder;
use crate::runtime::TaskMeta;

impl Builder {
    /// Called on every thread the runtime starts, before it does anything; not on those of the watchdog.
    ///
    /// A hook that panics is reported, and its thread goes on.
    pub fn on_thread_start<F>(&mut self, hook: F) -> &mut Self
    where
        F: Fn() + Send + Sync + 'static,
    {
        self.settings.on_thread_start = Some(Arc::new(hook));
        self
    }

    /// Called on every thread the runtime starts, before it ends; not on those of the watchdog.
    pub fn on_thread_stop<F>(&mut self, hook: F) -> &mut Self
    where
        F: Fn() + Send + Sync + 'static,
    {
        self.settings.on_thread_stop = Some(Arc::new(hook));
        self
    }

    /// Called on a thread that runs tasks, before it goes to sleep because there are none. It may
    /// spawn: the thread then stays awake.
    pub fn on_thread_park<F>(&mut self, hook: F) -> &mut Self
    where
        F: Fn() + Send + Sync + 'static,
    {
        self.settings.before_park = Some(Arc::new(hook));
        self
    }

    /// Called on a thread that runs tasks, after it woke up.
    pub fn on_thread_unpark<F>(&mut self, hook: F) -> &mut Self
    where
        F: Fn() + Send + Sync + 'static,
    {
        self.settings.after_unpark = Some(Arc::new(hook));
        self
    }

    /// Called for every task that is spawned, on the thread that spawns it and before it runs. Blocking
    /// work and the tasks of a [`LocalSet`](crate::task::LocalSet) are not tasks of the runtime, for
    /// this hook and the others.
    ///
    /// A hook that panics is reported, and everything goes on.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    ///
    /// let spawned = Arc::new(AtomicUsize::new(0));
    /// let count = spawned.clone();
    /// let runtime = runtime::Builder::new_current_thread()
    ///     .on_task_spawn(move |task| {
    ///         assert!(task.spawned_at().line() > 0);
    ///         count.fetch_add(1, Relaxed);
    ///     })
    ///     .build()?;
    /// runtime.block_on(runtime.spawn(async {})).unwrap();
    /// assert_eq!(spawned.load(Relaxed), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn on_task_spawn<F>(&mut self, hook: F) -> &mut Self
    where
        F: Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    {
        self.settings.task_hooks.on_spawn = Some(Arc::new(hook));
        self
    }

    /// Called before every poll of a task; also before a task that was aborted is dropped instead. It
    /// slows every poll down.
    pub fn on_before_task_poll<F>(&mut self, hook: F) -> &mut Self
    where
        F: Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    {
        self.settings.task_hooks.before_poll = Some(Arc::new(hook));
        self.settings.watches_polls = true;
        self
    }

    /// Called after every poll of a task, also the last one. It slows every poll down.
    pub fn on_after_task_poll<F>(&mut self, hook: F) -> &mut Self
    where
        F: Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    {
        self.settings.task_hooks.after_poll = Some(Arc::new(hook));
        self.settings.watches_polls = true;
        self
    }

    /// Called for every task that is complete: its future is gone, and its output or its failure is in
    /// place.
    pub fn on_task_terminate<F>(&mut self, hook: F) -> &mut Self
    where
        F: Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    {
        self.settings.task_hooks.on_terminate = Some(Arc::new(hook));
        self
    }
}

//! What the builder says about tasks that block their threads.

use std::sync::Arc;
use std::time::Duration;

use super::Builder;
#[cfg(doc)]
use super::{Handle, Runtime};
use crate::watchdog::Stall;

impl Builder {
    /// After how long a poll counts as a stall whose worker needs rescue: another thread takes over the
    /// worker's sockets, timers and queue. By default 4 ms; it is noticed within one and three
    /// quarters of that. `None` switches the rescue off. Less than 1 ms has the effect of 1 ms.
    ///
    /// A current-thread runtime has nobody to take over, and ignores it.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = runtime::Builder::new_multi_thread()
    ///     .stall_rescue_after(Some(Duration::from_millis(20)))
    ///     .build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stall_rescue_after(&mut self, limit: Option<Duration>) -> &mut Self {
        self.settings.stalls.rescue_after = limit;
        self
    }

    /// After how long a stall is reported: as an event of the target `runtime::stall`, to the hook
    /// [`on_stall`](Self::on_stall), and in the metrics. By default 10 ms. `None` switches the reports
    /// off; with [`stall_rescue_after`](Self::stall_rescue_after) off, too, there is no watchdog.
    pub fn stall_report_after(&mut self, limit: Option<Duration>) -> &mut Self {
        self.settings.stalls.report_after = limit;
        self
    }

    /// How many threads may work in the place of stalled ones at a time. By default 64. While there are
    /// so many, no task is begun that was spawned at the same place as one of those that block; such
    /// tasks wait until one of the blocked threads comes back, so that the others can run. One more
    /// for each worker may be needed for those that were begun before. Zero switches the rescue off.
    pub fn max_stand_ins(&mut self, count: usize) -> &mut Self {
        self.settings.stalls.max_stand_ins = count;
        self
    }

    /// Calls `hook` when a task has held up its thread for longer than
    /// [`stall_report_after`](Self::stall_report_after): once for each spawn site, then at intervals
    /// that grow from one second to one minute while it goes on or comes again.
    ///
    /// The hook runs on a thread of its own, with the runtime entered. It may block; further reports
    /// wait meanwhile, and if too many wait they are lost. A panic of it is logged.
    ///
    /// ```
    /// let runtime = runtime::Builder::new_multi_thread()
    ///     .on_stall(|stall| eprintln!("{stall}"))
    ///     .build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn on_stall<F>(&mut self, hook: F) -> &mut Self
    where
        F: Fn(&Stall) + Send + Sync + 'static,
    {
        self.settings.stalls.on_stall = Some(Arc::new(hook));
        self
    }

    /// Whether a task of a multi-thread runtime may call [`Runtime::block_on`] or
    /// [`Handle::block_on`]. By default it may: another thread takes over its worker, as in
    /// [`block_in_place`](crate::task::block_in_place). Where it may not, the call panics, as on a
    /// current-thread runtime. With the feature `tokio-defaults` the default is that it may not.
    pub fn nested_block_on(&mut self, allowed: bool) -> &mut Self {
        self.settings.nested_block_on = allowed;
        self
    }
}

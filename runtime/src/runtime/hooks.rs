//! What a program may do at certain points of a task's life.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::contained::contained;
use crate::task::{self, Id};

/// What a task hook learns of its task; see
/// [`Builder::on_task_spawn`](super::Builder::on_task_spawn).
#[derive(Debug)]
pub struct TaskMeta<'a> {
    id: Id,
    spawned_at: &'static Location<'static>,
    latency: Option<Duration>,
    /// There may be more to see of the task one day.
    _task: PhantomData<&'a ()>,
}

impl TaskMeta<'_> {
    /// The task's [`Id`].
    pub fn id(&self) -> Id {
        self.id
    }

    /// Where the task was spawned.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    /// The name that [`task::Builder::name`] gave, while the task's future lives: there is none any
    /// more when the task has terminated.
    pub fn name(&self) -> Option<Arc<str>> {
        task::name_of(self.id)
    }

    /// How long the task has waited for this poll since it was woken or spawned. In the hooks around a
    /// poll only, where both get the same, and if it is measured; see
    /// [`Builder::track_task_schedule_latency`](super::Builder::track_task_schedule_latency).
    pub fn schedule_latency(&self) -> Option<Duration> {
        self.latency
    }
}

/// Something of the user's that is called at one point of each task's life.
pub(crate) type TaskHook = Arc<dyn Fn(&TaskMeta<'_>) + Send + Sync>;

/// All of them.
#[derive(Clone, Default)]
pub(crate) struct TaskHooks {
    pub(crate) on_spawn: Option<TaskHook>,
    pub(crate) before_poll: Option<TaskHook>,
    pub(crate) after_poll: Option<TaskHook>,
    pub(crate) on_terminate: Option<TaskHook>,
}

/// Calls a hook, if there is one. A panic of it must not take a worker away, nor a task's output: it
/// ends here.
#[inline]
pub(crate) fn call(hook: &Option<TaskHook>, id: Id, spawned_at: &'static Location<'static>) {
    call_around_poll(hook, id, spawned_at, None);
}

/// The same with what is known of a poll.
#[inline]
pub(crate) fn call_around_poll(
    hook: &Option<TaskHook>,
    id: Id,
    spawned_at: &'static Location<'static>,
    latency: Option<Duration>,
) {
    if let Some(hook) = hook {
        call_one(
            hook,
            TaskMeta {
                id,
                spawned_at,
                latency,
                _task: PhantomData,
            },
        );
    }
}

#[cold]
fn call_one(hook: &TaskHook, meta: TaskMeta<'_>) {
    let id = meta.id;
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| hook(&meta))) {
        // Dropping the payload could panic again.
        std::mem::forget(panic);
        contained(|| {
            tracing::error!(target: "runtime::hooks", task = %id, "a task hook panicked; the task goes on");
        });
    }
}

impl fmt::Debug for TaskHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskHooks")
            .field("on_spawn", &self.on_spawn.is_some())
            .field("before_poll", &self.before_poll.is_some())
            .field("after_poll", &self.after_poll.is_some())
            .field("on_terminate", &self.on_terminate.is_some())
            .finish()
    }
}

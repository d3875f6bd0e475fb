//! Code of others that the runtime calls may call the runtime: wakers, destructors, hooks, the
//! destructors of thread-locals.

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures_task::Spawn;
use runtime::Handle;
use runtime::net::TcpListener;
use runtime::sync::Notify;
use runtime::task::{JoinHandle, spawn_blocking, yield_now};
use runtime::time::{Sleep, sleep};
use tests::process::in_own_process;
use tests::{OnDrop, each_flavour, each_runtime};

const HOUR: Duration = Duration::from_secs(3600);

/// Calls the runtime in every way when it is woken, and when it is dropped.
struct Busybody {
    handle: Handle,
    woken: AtomicUsize,
    /// Dropped by a wake.
    belongings: Mutex<Vec<Box<dyn Send>>>,
}

impl Busybody {
    fn new(handle: &Handle) -> (Arc<Self>, Waker) {
        let busybody = Arc::new(Self {
            handle: handle.clone(),
            woken: AtomicUsize::new(0),
            belongings: Mutex::default(),
        });
        (busybody.clone(), Waker::from(busybody))
    }

    fn give(&self, belonging: impl Send + 'static) {
        self.belongings.lock().unwrap().push(Box::new(belonging));
    }

    fn be_busy(&self) {
        let _entered = self.handle.enter();
        drop(std::mem::take(&mut *self.belongings.lock().unwrap()));
        let task = self.handle.spawn(async {
            yield_now().await;
            sleep(Duration::from_micros(10)).await;
        });
        task.abort();
        drop(task);
        drop(self.handle.spawn(pending::<()>()).abort_handle());
        drop(self.handle.spawn_blocking(|| ()));
        if self.handle.status().is_err() {
            // A timer of a runtime that ended panics, and should.
            return;
        }
        let mut timer = Box::pin(sleep(HOUR));
        let mut cx = Context::from_waker(Waker::noop());
        let _ = timer.as_mut().poll(&mut cx);
        timer.as_mut().reset(runtime::time::Instant::now());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        assert!(listener.poll_accept(&mut cx).is_pending());
        let _ = self.handle.metrics().num_alive_tasks();
    }
}

impl Wake for Busybody {
    fn wake(self: Arc<Self>) {
        Self::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.be_busy();
        self.woken.fetch_add(1, SeqCst);
    }
}

impl Drop for Busybody {
    fn drop(&mut self) {
        self.be_busy();
    }
}

#[test]
fn a_waker_of_a_timer_calls_the_runtime() {
    each_runtime(|runtime| {
        let (busybody, waker) = Busybody::new(runtime.handle());
        let (own, mut neighbours) = runtime.block_on(async {
            let timer = || Box::pin(sleep(Duration::from_millis(2)));
            (timer(), [timer(), timer(), Box::pin(sleep(HOUR))])
        });
        // The wake drops the timers beside its own, due and not.
        for neighbour in &mut neighbours {
            let mut cx = Context::from_waker(&waker);
            assert!(neighbour.as_mut().poll(&mut cx).is_pending());
        }
        let mut own = own;
        assert!(
            own.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        busybody.give(neighbours);
        runtime.block_on(async { sleep(Duration::from_millis(5)).await });
        while busybody.woken.load(SeqCst) == 0 {
            runtime.block_on(yield_now());
        }
        drop(own);
        drop(waker);
    });
}

#[test]
fn a_waker_of_a_socket_calls_the_runtime() {
    each_runtime(|runtime| {
        let (busybody, waker) = Busybody::new(runtime.handle());
        let bind = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let (own, neighbour) = (bind(), bind());
        let mut cx = Context::from_waker(&waker);
        let (address, other) = (own.local_addr().unwrap(), neighbour.local_addr().unwrap());
        {
            let _entered = runtime.enter();
            assert!(own.poll_accept(&mut cx).is_pending());
            assert!(neighbour.poll_accept(&mut cx).is_pending());
        }
        busybody.give(neighbour);
        let _client = std::net::TcpStream::connect(address).unwrap();
        let _ = std::net::TcpStream::connect(other);
        while busybody.woken.load(SeqCst) == 0 {
            runtime.block_on(yield_now());
        }
        runtime.block_on(own.accept()).unwrap();
    });
}

#[test]
fn a_waker_of_a_join_handle_calls_the_runtime() {
    each_runtime(|runtime| {
        for blocking in [false, true] {
            let (busybody, waker) = Busybody::new(runtime.handle());
            let (release, released) = channel::<()>();
            let go = Arc::new(Notify::new());
            let mut task = if blocking {
                runtime.spawn_blocking(move || _ = released.recv())
            } else {
                let go = go.clone();
                runtime.spawn(async move { go.notified().await })
            };
            assert!(tests::poll_once(&mut task, &mut Context::from_waker(&waker)).is_pending());
            // The wake drops the very handle it is about.
            busybody.give(task);
            drop(waker);
            drop(release);
            go.notify_one();
            while busybody.woken.load(SeqCst) == 0 {
                runtime.block_on(yield_now());
            }
        }
    });
}

#[test]
fn wakers_that_call_the_runtime_are_dropped_at_its_end() {
    each_flavour(|flavour| {
        let runtime = flavour.build();
        let (busybody, waker) = Busybody::new(runtime.handle());
        let mut cx = Context::from_waker(&waker);
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let mut task = runtime.spawn(pending::<()>());
        assert!(tests::poll_once(&mut task, &mut cx).is_pending());
        let mut timer;
        {
            let _entered = runtime.enter();
            assert!(listener.poll_accept(&mut cx).is_pending());
            timer = Box::pin(sleep(HOUR));
            assert!(timer.as_mut().poll(&mut cx).is_pending());
        }
        drop(runtime);
        assert!(
            busybody.woken.load(SeqCst) >= 2,
            "the task and the socket say that it is over"
        );
        drop((listener, task, timer, waker));
    });
}

#[test]
fn a_future_and_its_output_call_the_runtime_in_their_drop() {
    each_runtime(|runtime| {
        let ends = Arc::new(AtomicUsize::new(0));
        let be_busy = |handle: &Handle| {
            let (handle, ends) = (handle.clone(), ends.clone());
            OnDrop(move || {
                Busybody::new(&handle).0.be_busy();
                ends.fetch_add(1, SeqCst);
            })
        };
        for _ in 0..10 {
            let (in_future, output) = (be_busy(runtime.handle()), be_busy(runtime.handle()));
            let task = runtime.spawn(async move {
                let _in_future = in_future;
                yield_now().await;
                output
            });
            drop(runtime.block_on(task).unwrap());
            let (in_future, output) = (be_busy(runtime.handle()), be_busy(runtime.handle()));
            let aborted = runtime.spawn(async move {
                let _in_future = in_future;
                pending::<()>().await;
                output
            });
            aborted.abort();
            drop(runtime.block_on(aborted));
        }
        assert_eq!(ends.load(SeqCst), 40);
    });
}

#[test]
fn a_thread_name_and_the_hooks_call_the_runtime() {
    each_flavour(|flavour| {
        let is_busy = Arc::new(AtomicBool::new(false));
        let once = is_busy.clone();
        let be_busy = move || {
            if let Ok(handle) = Handle::try_current()
                && !once.swap(true, SeqCst)
            {
                drop(handle.spawn(yield_now()));
                drop(handle.spawn_blocking(|| ()));
                once.store(false, SeqCst);
            }
        };
        let name = {
            let be_busy = be_busy.clone();
            move || {
                be_busy();
                "busy".to_owned()
            }
        };
        let runtime = flavour
            .builder()
            .max_blocking_threads(2)
            .thread_keep_alive(Duration::from_millis(1))
            .thread_name_fn(name)
            .on_thread_start(be_busy.clone())
            .on_thread_stop(be_busy)
            .build()
            .unwrap();
        runtime.block_on(async {
            for _ in 0..20 {
                spawn_blocking(|| ()).await.unwrap();
                sleep(Duration::from_millis(1)).await;
            }
        });
    });
}

/// What is left in a thread-local when its thread ends.
struct Remains {
    _timer: Pin<Box<Sleep>>,
    _listener: TcpListener,
    _task: JoinHandle<()>,
    waker: Waker,
    handle: Handle,
    ended: std::sync::mpsc::Sender<bool>,
}

impl Drop for Remains {
    fn drop(&mut self) {
        self.waker.wake_by_ref();
        drop(self.handle.spawn(async {}));
        // Whether the runtime's own thread-locals are gone is a matter of order.
        let current = Handle::try_current();
        let _ = self.handle.metrics().num_alive_tasks();
        let _ = self.ended.send(current.is_ok());
    }
}

thread_local! {
    static REMAINS: RefCell<Vec<Remains>> = const { RefCell::new(Vec::new()) };
}

async fn remains(ended: std::sync::mpsc::Sender<bool>) -> Remains {
    let mut timer = Box::pin(sleep(HOUR));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let waker = poll_fn(|cx| {
        assert!(timer.as_mut().poll(cx).is_pending());
        assert!(listener.poll_accept(cx).is_pending());
        Poll::Ready(cx.waker().clone())
    })
    .await;
    Remains {
        _timer: timer,
        _listener: listener,
        _task: runtime::spawn(pending()),
        waker,
        handle: Handle::current(),
        ended,
    }
}

#[test]
fn what_a_thread_local_keeps_is_dropped_when_its_thread_ends() {
    each_flavour(|flavour| {
        let (say, said) = channel();
        let runtime = flavour.build();
        // On the threads of the runtime ...
        let task = runtime.spawn({
            let say = say.clone();
            async move {
                let remains = remains(say).await;
                REMAINS.with_borrow_mut(|list| list.push(remains));
            }
        });
        runtime.block_on(task).unwrap();
        let work = runtime.spawn_blocking({
            let say = say.clone();
            move || {
                let remains = Handle::current().block_on(remains(say));
                REMAINS.with_borrow_mut(|list| list.push(remains));
            }
        });
        thread::scope(|scope| {
            // ... of which there is one at least that drives a current-thread runtime,
            let runtime = &runtime;
            scope.spawn(move || {
                runtime.block_on(work).unwrap();
                // ... and on one from outside, which goes before the runtime does.
                let remains = runtime.block_on(remains(say));
                REMAINS.with_borrow_mut(|list| list.push(remains));
            });
        });
        drop(runtime);
        if flavour == tests::Flavour::CurrentThread {
            REMAINS.with_borrow_mut(Vec::clear);
        }
        assert_eq!(said.iter().count(), 3);
    });
}

/// Gives way in the drop of a thread-local.
struct YieldsAtTheEnd;

impl Drop for YieldsAtTheEnd {
    fn drop(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        let polled = pin!(yield_now()).poll(&mut cx);
        assert!(polled.is_pending());
    }
}

thread_local! {
    static YIELDS: YieldsAtTheEnd = const { YieldsAtTheEnd };
}

#[test]
fn a_thread_that_ends_can_give_way() {
    // A panic there ends the process.
    if !in_own_process("reentrancy::a_thread_that_ends_can_give_way", &[]) {
        return;
    }
    each_runtime(|runtime| {
        let handle = runtime.handle().clone();
        let ends = thread::spawn(move || {
            // First, so that it is dropped last.
            YIELDS.with(|_| ());
            handle.block_on(yield_now());
        });
        ends.join().unwrap();
    });
}

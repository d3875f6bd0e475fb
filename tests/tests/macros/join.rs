//! `join!`.

use super::*;
use std::future::{pending, ready};

#[test]
fn the_outputs_come_in_the_order_of_the_branches() {
    let outputs = block_on(async { runtime::join!(after(3, 1), async { "two" }, after(1, '3')) });
    assert_eq!(outputs, (1, "two", '3'));
}

#[test]
fn every_form_of_the_list_is_accepted() {
    block_on(async {
        let () = runtime::join!();
        let () = runtime::join!(biased;);
        assert_eq!(runtime::join!(ready(1)), (1,));
        assert_eq!(runtime::join!(ready(1),), (1,));
        assert_eq!(runtime::join!(biased; ready(1)), (1,));
        assert_eq!(runtime::join!(biased; ready(1), ready(2),), (1, 2));
        // A variable of that name is no keyword.
        let biased = ready(3);
        assert_eq!(runtime::join!(biased, ready(4)), (3, 4));
    });
}

#[test]
fn futures_are_made_in_order_and_by_into_future() {
    struct Recipe<'a>(&'a Log, &'static str);
    impl<'a> IntoFuture for Recipe<'a> {
        type Output = &'static str;
        type IntoFuture = std::future::Ready<&'static str>;
        fn into_future(self) -> Self::IntoFuture {
            self.0.note(format!("make {}", self.1));
            ready(self.1)
        }
    }
    let log = Log::default();
    let outputs = block_on(async { runtime::join!(Recipe(&log, "a"), Recipe(&log, "b")) });
    assert_eq!(outputs, ("a", "b"));
    assert_eq!(log.take(), ["make a", "make b"]);
}

#[test]
fn branches_run_concurrently() {
    let turn = Cell::new(0);
    let step = |own: u32| {
        let turn = &turn;
        async move {
            for round in 0..5 {
                poll_fn(|cx| {
                    if turn.get() == 2 * round + own {
                        turn.set(turn.get() + 1);
                        return Poll::Ready(());
                    }
                    cx.waker().wake_by_ref();
                    Poll::Pending
                })
                .await;
            }
        }
    };
    block_on(async { runtime::join!(step(1), step(0)) });
    assert_eq!(turn.get(), 10);
}

#[test]
fn a_branch_that_is_done_is_not_polled_again_and_its_output_waits() {
    let log = Log::default();
    let outputs = block_on(async {
        runtime::join!(
            async {
                log.note("once");
                log.on_drop("output")
            },
            async {
                after(3, ()).await;
                log.note("late");
            },
        )
    });
    log.note("joined");
    drop(outputs);
    assert_eq!(log.take(), ["once", "late", "joined", "drop output"]);
}

/// The branches in the order in which three polls of the whole reach them.
fn orders_of_polls(make: impl AsyncFn(&Log)) -> Vec<Vec<String>> {
    let log = Log::default();
    let mut future = pin!(make(&log));
    (0..4)
        .map(|_| {
            assert!(poll_once(future.as_mut()).is_pending());
            log.take()
        })
        .collect()
}

fn note_polls(log: &Log, name: &'static str) -> impl Future<Output = Result<(), ()>> {
    poll_fn(move |_| {
        log.note(name);
        Poll::Pending
    })
}

#[test]
fn another_branch_comes_first_in_every_poll() {
    let rotated = [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ];
    assert_eq!(
        orders_of_polls(async |log| {
            let _ = runtime::join!(
                note_polls(log, "a"),
                note_polls(log, "b"),
                note_polls(log, "c")
            );
        }),
        rotated
    );
    assert_eq!(
        orders_of_polls(async |log| {
            let _ = runtime::try_join!(
                note_polls(log, "a"),
                note_polls(log, "b"),
                note_polls(log, "c")
            );
        }),
        rotated
    );
}

#[test]
fn biased_branches_are_polled_in_the_order_in_which_they_are_written() {
    let written = [["a", "b"]; 4];
    assert_eq!(
        orders_of_polls(async |log| {
            let _ = runtime::join!(biased; note_polls(log, "a"), note_polls(log, "b"));
        }),
        written
    );
    assert_eq!(
        orders_of_polls(async |log| {
            let _ = runtime::try_join!(biased; note_polls(log, "a"), note_polls(log, "b"));
        }),
        written
    );
}

#[test]
fn expressions_may_borrow_temporaries_and_leave_the_function() {
    async fn leave(early: Option<u32>) -> Option<u32> {
        let (a, b) = runtime::join!(&mut Box::pin(after(1, 1)), ready(early?));
        Some(a + b)
    }
    assert_eq!(block_on(leave(Some(2))), Some(3));
    assert_eq!(block_on(leave(None)), None);
}

#[test]
fn names_of_the_expansion_do_not_meet_those_of_the_user() {
    block_on(async {
        let (future0, futures, cx, first) = (ready(1), ready(2), ready(3), ready(4));
        assert_eq!(runtime::join!(futures, future0, first, cx), (2, 1, 4, 3));
    });
}

#[test]
fn dropping_the_join_drops_all_branches() {
    let log = Log::default();
    {
        let mut future = pin!(async {
            runtime::join!(log.never("a"), async { log.on_drop("b") }, log.never("c"))
        });
        assert!(poll_once(future.as_mut()).is_pending());
        log.note("cancel");
    }
    assert_eq!(
        log.take(),
        ["poll a", "poll c", "cancel", "drop a", "drop b", "drop c"]
    );
}

#[test]
fn the_future_is_send_and_borrows_as_its_branches_do() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let text = String::from("text");
    let length = async { text.len() };
    let empty = async { text.is_empty() };
    let joined = assert_send(async { runtime::join!(length, empty) });
    assert_eq!(block_on(joined), (4, false));
}

#[test]
fn the_future_holds_the_branches_a_pointer_and_an_index() {
    async fn branch() -> u8 {
        let bytes = [1u8; 1000];
        after(1, ()).await;
        bytes[3]
    }
    let one = size_of_val(&branch());
    let fair = async { runtime::join!(branch(), branch()) };
    let biased = async { runtime::join!(biased; branch(), branch()) };
    assert!(
        size_of_val(&fair) <= 2 * (one + 8) + 3 * 8,
        "{} for {one}",
        size_of_val(&fair)
    );
    assert!(
        size_of_val(&biased) <= 2 * (one + 8) + 2 * 8,
        "{} for {one}",
        size_of_val(&biased)
    );
}

#[test]
fn a_branch_may_never_return() {
    let mut future = pin!(async {
        let never = async { pending::<std::convert::Infallible>().await };
        runtime::join!(never, ready(1));
    });
    assert!(poll_once(future.as_mut()).is_pending());
}

#[test]
fn more_than_64_branches_can_be_joined() {
    let (.., last) = block_on(async {
        runtime::join!(
            after(0, 0),
            after(1, 1),
            after(2, 2),
            after(3, 3),
            after(4, 4),
            after(5, 5),
            after(0, 0),
            after(1, 1),
            after(2, 2),
            after(3, 3),
            after(4, 4),
            after(5, 5),
            after(0, 0),
            after(1, 1),
            after(2, 2),
            after(3, 3),
            after(4, 4),
            after(5, 5),
            after(0, 0),
            after(1, 1),
            after(2, 2),
            after(3, 3),
            after(4, 4),
            after(5, 5),
            after(0, 0),
            after(1, 1),
            after(2, 2),
            after(3, 3),
            after(4, 4),
            after(5, 5),
            after(0, 0),
            after(1, 1),
            after(2, 2),
            after(3, 3),
            after(4, 4),
            after(5, 5),
            after(0, 0),
            after(1, 1),
            after(2, 2),
            after(3, 3),
            after(4, 4),
            after(5, 5),
            after(0, 0),
            after(1, 1),
            after(2, 2),
            after(3, 3),
            after(4, 4),
            after(5, 5),
            after(0, 0),
            after(1, 1),
            after(2, 2),
            after(3, 3),
            after(4, 4),
            after(5, 5),
            after(0, 0),
            after(1, 1),
            after(2, 2),
            after(3, 3),
            after(4, 4),
            after(5, 5),
            after(0, 0),
            after(1, 1),
            after(2, 2),
            after(3, 3),
            after(4, 4),
            after(99, 65),
        )
    });
    assert_eq!(last, 65);
}

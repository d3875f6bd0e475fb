//! `select!`.

use super::*;
use std::future::{pending, ready};

// ---- What a branch may look like ----

#[test]
fn the_first_ready_branch_gives_the_value() {
    let value = block_on(async {
        runtime::select! {
            _ = after(3, ()) => 1,
            value = after(1, 2) => value,
            () = pending() => 3,
        }
    });
    assert_eq!(value, 2);
}

#[test]
fn handlers_are_blocks_and_expressions_with_and_without_commas() {
    block_on(async {
        for _ in 0..50 {
            let value = runtime::select! {
                x = ready(1) => x,
                x = ready(2) => { x }
                x = ready(3) => { x },
                x = ready(4) => match x { 4 => x, _ => 0 },
                x = ready(5) => if x > 5 { 0 } else { x },
                x = ready(6) => async { x }.await
            };
            assert!((1..=6).contains(&value));
        }
        runtime::select! { _ = ready(()) => {} }
        runtime::select! { _ = ready(()) => {}, }
        runtime::select!(_ = ready(()) => (), else => ());
        runtime::select![_ = ready(()) => {} else => {}];
    });
}

#[test]
fn a_select_with_nothing_but_else_gives_it() {
    let value: u32 = block_on(async {
        runtime::select! { else => { 7 } }
    });
    assert_eq!(value, 7);
    let value: u32 = block_on(async {
        runtime::select! { biased; else => 8, }
    });
    assert_eq!(value, 8);
}

#[test]
fn a_variable_named_biased_is_a_pattern() {
    block_on(async {
        let value = runtime::select! { biased = ready(1) => biased };
        assert_eq!(value, 1);
    });
}

#[test]
fn branches_are_made_by_into_future() {
    struct Recipe;
    impl IntoFuture for Recipe {
        type Output = u32;
        type IntoFuture = std::future::Ready<u32>;
        fn into_future(self) -> Self::IntoFuture {
            ready(5)
        }
    }
    assert_eq!(
        block_on(async {
            runtime::select! { x = Recipe => x }
        }),
        5
    );
}

#[test]
fn expressions_may_borrow_temporaries() {
    block_on(async {
        let value = runtime::select! {
            x = &mut Box::pin(after(1, 1)) => x,
            _ = &mut pending::<()>() => 2,
        };
        assert_eq!(value, 1);
    });
}

#[test]
fn names_of_the_expansion_do_not_meet_those_of_the_user() {
    block_on(async {
        let (disabled, futures, future0, cx, output, value) = (1, 2, 3, 4, 5, 6);
        let sum = runtime::select! {
            biased;
            waiting = ready(disabled + futures + future0 + cx), if output == 5 && value == 6 =>
                waiting + disabled + futures + future0 + cx + output + value,
            else => 0,
        };
        assert_eq!(sum, 31);
    });
}

#[test]
fn sixty_four_branches_can_be_selected() {
    macro_rules! select_64 {
        ($($n:literal)*) => {
            runtime::select! {
                $(x = after(if $n == 50 { 1 } else { 100 }, $n) => x,)*
            }
        };
    }
    let value = block_on(async {
        select_64! {
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
            32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60
            61 62 63
        }
    });
    assert_eq!(value, 50);
}

#[test]
fn fragments_of_other_macros_can_be_passed_on() {
    macro_rules! first {
        ($pattern:pat, $future:expr, $condition:expr, $handler:block, $other:expr) => {
            runtime::select! {
                $pattern = $future, if $condition => $handler
                else => $other
            }
        };
    }
    block_on(async {
        assert_eq!(first!(Some(_), ready(Some(1)), true, { 5 }, 3), 5);
        assert_eq!(first!(Some(_), ready(None::<u32>), true, { 5 }, 1 + 2), 3);
        assert_eq!(first!(_, ready(()), false, { 5 }, 3), 3);
    });
}

#[test]
fn what_another_macro_passes_on_stays_one_expression() {
    macro_rules! twice {
        ($e:expr) => {
            [
                runtime::select! { x = async { $e * 2 } => x },
                runtime::select! { x = ready($e * 2) => { x } },
                runtime::select! { x = ready(1) => x * $e * 2 },
                runtime::select! { x = ready(1) => { let one = x; $e * 2 * one } },
                runtime::select! { Some(x) = ready(None) => x, else => $e * 2 },
                runtime::select! { _ = ready(()), if 2 * $e != 6 => 0, else => -$e + 12 - $e },
            ]
        };
    }
    macro_rules! unless {
        ($condition:expr) => {
            runtime::select! { _ = ready(()), if !$condition => false, else => true }
        };
    }
    // What is no expression with an operator gets no parentheses, which it could not have.
    macro_rules! others {
        ($type:ty, $path:path, $block:block, $literal:literal, $lifetime:lifetime) => {
            runtime::select! {
                biased;
                x = ready($lifetime: loop { break $lifetime $literal as $type }), if $block == 1 =>
                    $path { value: x }.value + <$type>::MAX - <$type>::MAX,
            }
        };
    }
    struct Number {
        value: i8,
    }
    block_on(async {
        assert_eq!(twice!(1 + 2), [6; 6]);
        let (yes, no) = (true, false);
        assert!(unless!(no || yes));
        assert_eq!(others!(i8, Number, { 1 }, -5, 'out), -5);
    });
}

#[test]
fn what_another_macro_passes_on_stays_one_pattern() {
    macro_rules! picked {
        ($value:expr, $pattern:pat) => {
            runtime::select! {
                biased;
                x @ $pattern = ready($value) => x,
                (Some(x @ $pattern), _) = ready((Some($value + 1), 0)) => x,
                &$pattern = ready(&($value + 2)) => 0,
                else => 100,
            }
        };
    }
    block_on(async {
        assert_eq!(picked!(2, 1 | 2), 2);
        assert_eq!(picked!(1, 2 | 4), 2);
        assert_eq!(picked!(1, 3 | 4), 0);
        assert_eq!(picked!(1, 3..=4), 0);
        assert_eq!(picked!(5, 1 | 2), 100);
    });
}

// ---- Patterns ----

#[derive(Debug, PartialEq)]
enum Message {
    Text(String),
    Pair { left: u32, right: Option<String> },
    Quit,
}
use Message::Quit;

const ANSWER: u32 = 42;
#[allow(non_upper_case_globals)]
const lower_case: Option<u32> = Some(1);

/// Whether the pattern matches, and both looks (with bindings and without) agree.
macro_rules! matches_in_select {
    ($value:expr, $($pattern:tt)*) => {
        block_on(async {
            runtime::select! {
                biased;
                $($pattern)* = async { $value } => true,
                else => false,
            }
        })
    };
}

#[test]
fn a_pattern_that_does_not_match_disables_its_branch() {
    let value = block_on(async {
        runtime::select! {
            Some(x) = ready(None::<u32>) => x,
            Ok(x) = after(2, Err::<u32, ()>(())) => x,
            x = after(5, 3) => x,
        }
    });
    assert_eq!(value, 3);
}

#[test]
fn bindings_move_borrow_and_may_be_mutable() {
    block_on(async {
        let text = || ready(Message::Text("text".into()));
        let moved: String = runtime::select! { Message::Text(x) = text() => x, else => "".into() };
        assert_eq!(moved, "text");
        let changed = runtime::select! {
            Message::Text(mut x) = text() => { x.push('!'); x }
            else => "".into(),
        };
        assert_eq!(changed, "text!");
        let borrowed = runtime::select! {
            Message::Text(ref x) = text() => x.len(),
            else => 0,
        };
        assert_eq!(borrowed, 4);
        let changed = runtime::select! {
            mut x = text() => { drop(std::mem::replace(&mut x, Quit)); x }
        };
        assert_eq!(changed, Quit);
        let pushed = runtime::select! {
            Message::Text(ref mut x) = text() => { x.push('?'); x.clone() }
            else => "".into(),
        };
        assert_eq!(pushed, "text?");
    });
}

#[test]
#[allow(unused_variables, unused_mut)]
fn all_kinds_of_patterns_match_as_they_do_in_a_match() {
    let pair = || Message::Pair {
        left: 3,
        right: Some("r".into()),
    };
    assert!(matches_in_select!(pair(), Message::Pair { left: 3, .. }));
    assert!(matches_in_select!(
        pair(),
        Message::Pair {
            left: 1..=3,
            right: Some(_)
        }
    ));
    assert!(!matches_in_select!(
        pair(),
        Message::Pair { left: 4.., right }
    ));
    assert!(matches_in_select!(pair(), Message::Pair { mut left, ref right }));
    assert!(matches_in_select!(
        pair(),
        Message::Quit | Message::Pair { left: 3 | 4, .. }
    ));
    assert!(matches_in_select!(pair(), | Message::Pair { right: Some(x), .. }));
    assert!(matches_in_select!(pair(), whole @ Message::Pair { .. }));
    assert!(!matches_in_select!(pair(), whole @ (Quit | Message::Text(_))));
    assert!(matches_in_select!(Quit, Quit));
    assert!(!matches_in_select!(pair(), Quit));
    assert!(matches_in_select!((1, "a"), (1, "a")));
    assert!(!matches_in_select!((x(1), "a"), (x, "b")));
    assert!(matches_in_select!([1, 2, 3], [1, rest @ ..]));
    assert!(matches_in_select!(vec![1, 2].into_boxed_slice(), _all));
    assert!(matches_in_select!("text", "text"));
    assert!(!matches_in_select!("text", "other"));
    assert!(matches_in_select!(-3, -5..0));
    assert!(matches_in_select!((), ()));

    fn x(n: u32) -> u32 {
        n
    }
}

#[test]
#[allow(non_upper_case_globals)]
fn constants_are_told_from_bindings() {
    assert!(matches_in_select!(Some(42), Some(ANSWER)));
    assert!(!matches_in_select!(Some(43), Some(ANSWER)));
    assert!(matches_in_select!(u32::MAX, u32::MAX));
    assert!(!matches_in_select!(0, u32::MAX));
    assert!(matches_in_select!((Some(1),), (lower_case,)));
    assert!(!matches_in_select!((Some(2),), (lower_case,)));
}

#[test]
#[allow(unused_variables)]
fn references_in_patterns_work_although_the_pattern_looks_first() {
    let text = String::from("text");
    let pair = (1, &text);
    let mut numbers = (1, 2);
    assert!(matches_in_select!(&3, &3));
    assert!(!matches_in_select!(&4, &3));
    assert!(matches_in_select!(Some(&3), Some(&x)));
    assert!(matches_in_select!(Some(&pair), Some(&(1, y))));
    assert!(!matches_in_select!(Some(&pair), Some(&(2, y))));
    assert!(matches_in_select!(&mut numbers, &mut (x, 2)));
    assert!(matches_in_select!(Some(&Some(42)), Some(&Some(ANSWER))));
    assert!(matches_in_select!(Some(&u32::MAX), Some(&u32::MAX)));
    assert!(matches_in_select!(&&Message::Quit, &&Message::Quit));
    let sum = block_on(async {
        runtime::select! { Some(&x) = ready([1, 2].iter().max()) => x + 1, else => 0 }
    });
    assert_eq!(sum, 3);
}

// ---- Preconditions and else ----

#[test]
fn a_false_precondition_disables_its_branch() {
    block_on(async {
        let open = Cell::new(false);
        let value = runtime::select! {
            biased;
            _ = async { panic!("disabled branches are not polled") }, if open.get() => 1,
            _ = after(1, ()), if !open.get() => 2,
        };
        assert_eq!(value, 2);
    });
}

#[test]
fn preconditions_come_before_all_futures_and_futures_are_made_in_any_case() {
    let log = Log::default();
    let note = |what: &'static str| log.note(what);
    block_on(async {
        runtime::select! {
            biased;
            _ = { note("future 0"); ready(()) }, if { note("condition 0"); false } => unreachable!(),
            _ = { note("future 1"); ready(()) } => note("handler 1"),
            _ = { note("future 2"); pending::<()>() }, if { note("condition 2"); true } => {}
        }
    });
    assert_eq!(
        log.take(),
        [
            "condition 0",
            "condition 2",
            "future 0",
            "future 1",
            "future 2",
            "handler 1"
        ]
    );
}

#[test]
fn else_runs_when_nothing_can_match_any_more() {
    let value = block_on(async {
        runtime::select! {
            Some(x) = after(2, None::<u32>) => x,
            x = ready(1), if false => x,
            else => 9,
        }
    });
    assert_eq!(value, 9);
}

#[test]
#[should_panic(expected = "all branches are disabled and there is no else branch")]
fn without_else_that_is_a_panic() {
    block_on(async {
        runtime::select! {
            Some(()) = ready(None) => {}
            _ = ready(()), if false => {}
        }
    });
}

#[test]
fn the_panic_points_at_the_select() {
    let (place, line) = std::thread::spawn(|| {
        let seen = Arc::new(std::sync::Mutex::new(None));
        let hook = seen.clone();
        let default = std::panic::take_hook();
        let own = std::thread::current().id();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().id() == own {
                let place = info.location().map(|at| (at.file().to_owned(), at.line()));
                *hook.lock().unwrap() = place;
            } else {
                default(info);
            }
        }));
        let line = line!() + 3;
        let panicked = std::panic::catch_unwind(|| {
            block_on(async {
                runtime::select! { Some(()) = ready(None) => {} }
            })
        });
        assert!(panicked.is_err());
        let place = seen.lock().unwrap().take();
        (place, line)
    })
    .join()
    .unwrap();
    assert_eq!(place, Some((file!().to_owned(), line)));
}

#[test]
fn a_disabled_branch_is_enabled_again_in_the_next_round() {
    block_on(async {
        let mut answers = [None, Some(1)].into_iter();
        let mut rounds = 0;
        let value = loop {
            rounds += 1;
            runtime::select! {
                Some(x) = ready(answers.next().flatten()) => break x,
                else => {}
            }
        };
        assert_eq!((value, rounds), (1, 2));
    });
}

// ---- Order and life of the futures ----

#[test]
fn biased_branches_are_polled_in_the_order_in_which_they_are_written() {
    for _ in 0..100 {
        let log = Log::default();
        let value = block_on(async {
            runtime::select! {
                biased;
                _ = log.never("a") => 0,
                _ = log.never("b") => 1,
                _ = ready(()) => 2,
                _ = log.never("c") => 3,
            }
        });
        assert_eq!(value, 2);
        assert_eq!(
            log.take(),
            ["poll a", "poll b", "drop a", "drop b", "drop c"]
        );
    }
}

#[test]
fn without_biased_every_ready_branch_wins_about_equally_often() {
    const ROUNDS: u32 = 3000;
    let mut wins = [0; 3];
    block_on(async {
        for _ in 0..ROUNDS {
            let winner = runtime::select! {
                _ = ready(()) => 0,
                _ = ready(()) => 1,
                _ = ready(()) => 2,
            };
            wins[winner] += 1;
        }
    });
    // 1000 each on average, with a standard deviation of 26: 300 is more than eleven of them.
    assert!(
        wins.iter().all(|wins| (700..1300).contains(wins)),
        "{wins:?}"
    );
}

#[test]
fn the_other_futures_are_gone_when_the_handler_starts() {
    let log = Log::default();
    block_on(async {
        runtime::select! {
            biased;
            _ = log.never("loser") => {}
            kept = async { log.on_drop("output") } => {
                log.note("handler");
                drop(kept);
            }
            _ = log.never("unpolled") => {}
        }
        log.note("after");
    });
    assert_eq!(
        log.take(),
        [
            "poll loser",
            "drop loser",
            "drop unpolled",
            "handler",
            "drop output",
            "after"
        ]
    );
}

#[test]
fn handlers_use_what_the_futures_borrowed() {
    block_on(async {
        let mut numbers = vec![1, 2, 3];
        let mut text = String::new();
        let last = runtime::select! {
            last = async { numbers.pop() } => {
                numbers.push(7);
                text.push('x');
                last
            }
            _ = async { text.push('y'); pending::<()>().await } => {
                numbers.clear();
                None
            }
        };
        assert_eq!(last, Some(3));
        assert_eq!(numbers, [1, 2, 7]);
    });
}

#[test]
fn all_handlers_may_move_the_same_value() {
    block_on(async {
        let text = String::from("text");
        let got = runtime::select! {
            _ = ready(()) => text,
            _ = ready(()) => text,
        };
        assert_eq!(got, "text");
    });
}

#[test]
fn a_pinned_future_goes_on_in_the_next_round() {
    block_on(async {
        let work = after(10, "done");
        runtime::pin!(work);
        let mut rounds = 0;
        let result = loop {
            runtime::select! {
                result = &mut work => break result,
                () = after(1, ()) => rounds += 1,
            }
        };
        assert_eq!(result, "done");
        assert!(rounds > 0);
    });
}

#[test]
fn an_output_that_does_not_match_is_dropped_while_the_others_go_on() {
    let log = Log::default();
    block_on(async {
        runtime::select! {
            biased;
            Ok(()) = async { Err::<(), _>(log.on_drop("mismatch")) } => {}
            _ = async { log.note("other"); after(2, ()).await } => log.note("handler"),
        }
    });
    assert_eq!(log.take(), ["drop mismatch", "other", "handler"]);
}

#[test]
fn a_branch_that_did_not_match_is_not_polled_again() {
    let polls = Cell::new(0);
    block_on(async {
        runtime::select! {
            Some(()) = poll_fn(|_| { polls.set(polls.get() + 1); Poll::Ready(None) }) => {}
            _ = after(5, ()) => {}
        }
    });
    assert_eq!(polls.get(), 1);
}

#[test]
fn dropping_the_select_drops_all_branches() {
    let log = Log::default();
    {
        let mut future = pin!(async {
            runtime::select! {
                biased;
                _ = log.never("a") => {}
                _ = log.never("b") => {}
                _ = log.never("c"), if false => {}
            }
        });
        assert!(poll_once(future.as_mut()).is_pending());
        log.note("cancel");
    }
    assert_eq!(
        log.take(),
        ["poll a", "poll b", "cancel", "drop a", "drop b", "drop c"]
    );
}

// ---- Control flow out of handlers ----

#[test]
fn handlers_break_continue_return_and_fail_around_the_select() {
    async fn run(steps: &[Result<u32, String>]) -> Result<u32, String> {
        let mut steps = steps.iter().cloned();
        let mut sum = 0;
        'rounds: loop {
            runtime::select! {
                Some(step) = ready(steps.next()) => {
                    let step = step?;
                    match step {
                        0 => continue,
                        1 => continue 'rounds,
                        99 => return Ok(1000),
                        n => sum += n,
                    }
                    if sum > 10 {
                        break 'rounds;
                    }
                }
                else => break,
            }
        }
        Ok(sum)
    }
    block_on(async {
        assert_eq!(run(&[Ok(0), Ok(2), Ok(1), Ok(3)]).await, Ok(5));
        assert_eq!(run(&[Ok(6), Ok(7), Ok(3)]).await, Ok(13));
        assert_eq!(run(&[Ok(6), Ok(99), Ok(3)]).await, Ok(1000));
        assert_eq!(run(&[Ok(6), Err("no".into())]).await, Err("no".into()));
    });
}

#[test]
fn the_question_mark_works_in_futures_conditions_and_expression_handlers() {
    async fn run(
        future: Result<std::future::Ready<u32>, u8>,
        condition: Result<bool, u8>,
        handler: Result<u32, u8>,
    ) -> Result<u32, u8> {
        let value = runtime::select! {
            x = future?, if condition? => x + handler?,
            else => 0,
        };
        Ok(value)
    }
    block_on(async {
        assert_eq!(run(Ok(ready(1)), Ok(true), Ok(2)).await, Ok(3));
        assert_eq!(run(Ok(ready(1)), Ok(false), Ok(2)).await, Ok(0));
        assert_eq!(run(Err(4), Ok(true), Ok(2)).await, Err(4));
        assert_eq!(run(Ok(ready(1)), Err(5), Ok(2)).await, Err(5));
        assert_eq!(run(Ok(ready(1)), Ok(true), Err(6)).await, Err(6));
    });
}

#[test]
fn selects_nest_in_futures_and_in_handlers() {
    let value = block_on(async {
        runtime::select! {
            x = async { runtime::select! { x = after(1, 1) => x, _ = pending::<()>() => 0 } } =>
                runtime::select! {
                    y = after(1, 10) => x + y,
                    _ = async { runtime::join!(pending::<()>(), ready(())) } => 0,
                },
            _ = pending::<()>() => 0,
        }
    });
    assert_eq!(value, 11);
}

#[test]
fn a_handler_may_never_return() {
    async fn stop(value: Option<u32>) -> u32 {
        runtime::select! {
            Some(x) = ready(value) => x,
            else => panic!("nothing"),
        }
    }
    assert_eq!(block_on(stop(Some(1))), 1);
}

// ---- The future as a whole ----

#[test]
fn the_future_is_send_if_its_parts_are() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let future = assert_send(async {
        runtime::select! {
            text = after(1, String::from("text")) => { after(1, ()).await; text }
            text = pending::<String>() => text,
        }
    });
    assert_eq!(block_on(future), "text");
}

#[test]
fn the_future_holds_the_branches_a_pointer_and_a_mask() {
    async fn branch() -> u8 {
        let bytes = [1u8; 1000];
        after(1, ()).await;
        bytes[3]
    }
    let one = size_of_val(&branch());
    let selected = async {
        runtime::select! {
            x = branch() => x,
            x = branch() => x,
        }
    };
    assert!(
        size_of_val(&selected) <= 2 * one + 3 * 8,
        "{} for {one}",
        size_of_val(&selected)
    );
}

//! `try_join!`.

use super::*;
use std::future::ready;

#[test]
fn all_values_or_the_first_error_come_out() {
    let all: Result<(u32, &str), u8> =
        block_on(async { runtime::try_join!(async { Ok(1) }, after(2, Ok("two"))) });
    assert_eq!(all, Ok((1, "two")));
    let failed: Result<(u32, u32, ()), &str> = block_on(async {
        runtime::try_join!(
            after(9, Ok(1)),
            after(2, Err("first")),
            after(3, Err("second"))
        )
    });
    assert_eq!(failed, Err("first"));
}

#[test]
fn every_form_of_the_list_is_accepted() {
    block_on(async {
        let empty: Result<(), ()> = runtime::try_join!();
        assert_eq!(empty, Ok(()));
        let empty: Result<(), ()> = runtime::try_join!(biased;);
        assert_eq!(empty, Ok(()));
        let one: Result<(u32,), ()> = runtime::try_join!(ready(Ok(1)));
        assert_eq!(one, Ok((1,)));
        let two: Result<_, ()> = runtime::try_join!(biased; ready(Ok(1)), ready(Ok(2)),);
        assert_eq!(two, Ok((1, 2)));
    });
}

#[test]
fn the_first_error_ends_the_others_at_once() {
    let log = Log::default();
    let result: Result<((), ()), &str> = block_on(async {
        let result = runtime::try_join!(
            biased;
            async {
                after(1, ()).await;
                log.note("fail");
                Err("failed")
            },
            async {
                log.never("other").await;
                Ok(())
            },
        );
        log.note("result");
        result
    });
    assert_eq!(result, Err("failed"));
    assert_eq!(log.take(), ["poll other", "fail", "drop other", "result"]);
}

#[test]
fn values_of_finished_branches_are_dropped_when_another_fails() {
    let log = Log::default();
    let failed = block_on(async {
        runtime::try_join!(
            async { Ok::<_, &str>(log.on_drop("value")) },
            after(1, Err::<(), _>("failed")),
        )
        .is_err()
    });
    assert!(failed);
    assert_eq!(log.take(), ["drop value"]);
}

#[test]
fn the_question_mark_takes_the_tuple_apart() {
    async fn add(
        a: Result<u32, String>,
        b: Result<u32, String>,
    ) -> Result<u32, Box<dyn std::error::Error>> {
        let (a, b) = runtime::try_join!(ready(a), async { b })?;
        Ok(a + b)
    }
    assert_eq!(block_on(add(Ok(1), Ok(2))).unwrap(), 3);
    assert_eq!(
        block_on(add(Ok(1), Err("no".into())))
            .unwrap_err()
            .to_string(),
        "no"
    );
}

//! `pin!`.

use super::*;

#[test]
fn a_pinned_future_can_be_awaited_by_reference() {
    block_on(async {
        let first = after(2, 1);
        let second = after(1, 2);
        runtime::pin!(first, second);
        assert_eq!((&mut first).await, 1);
        assert_eq!(second.as_mut().await, 2);
    });
}

#[test]
fn let_statements_are_pinned_one_after_the_other() {
    block_on(async {
        let base = 3;
        runtime::pin! {
            let first = after(1, base);
            let second = async { first.as_mut().await + 1 };
        }
        assert_eq!((&mut second).await, 4);
    });
}

#[test]
fn pinned_values_live_until_the_end_of_the_block_and_go_in_reverse_order() {
    let log = Log::default();
    {
        let first = log.on_drop("first");
        let second = log.on_drop("second");
        runtime::pin!(first, second,);
        log.note("end");
    }
    assert_eq!(log.take(), ["end", "drop second", "drop first"]);
}

#[test]
fn the_macro_accepts_nothing() {
    runtime::pin!();
    runtime::pin! {}
}

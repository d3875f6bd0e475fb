use std::future::ready;

async fn no_branches() {
    runtime::select! {}
}

async fn only_biased() {
    runtime::select! { biased; }
}

async fn no_handler() {
    runtime::select! { x = ready(1) }
}

async fn no_arrow() {
    runtime::select! { x = ready(1), x }
}

async fn no_equals_sign() {
    runtime::select! { ready(1) => {} }
}

async fn no_comma_between_expressions() {
    runtime::select! {
        x = ready(1) => x
        y = ready(2) => y
    }
}

async fn else_is_not_last() {
    runtime::select! {
        else => {}
        _ = ready(()) => {}
    }
}

async fn two_elses() {
    runtime::select! {
        _ = ready(()) => {}
        else => {}
        else => {}
    }
}

async fn biased_is_not_first() {
    runtime::select! {
        _ = ready(()) => {}
        biased;
    }
}

async fn half_written() {
    let text = String::new();
    runtime::select! {
        _ = text. => {}
    }
    runtime::select! {
        _ = ready(()) => text.,
        _ = ready(()), if text. => {}
    }
}

async fn too_many_branches() {
    macro_rules! select_many {
        ($($n:tt)*) => { runtime::select! { $(_ = ready($n) => {})* } };
    }
    select_many!(
        0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
        0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
        0
    );
}

fn not_async() {
    runtime::select! { _ = ready(()) => {} }
}

fn main() {}

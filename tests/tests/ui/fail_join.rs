use std::future::ready;

async fn no_future() {
    runtime::join!(ready(1), 5);
}

async fn no_result() {
    let _: Result<_, ()> = runtime::try_join!(ready(Ok(1)), ready(5));
}

async fn different_errors() {
    let _ = runtime::try_join!(ready(Ok::<_, u8>(1)), ready(Err::<(), _>("text")));
}

async fn wrong_number() {
    let (_a, _b, _c) = runtime::join!(ready(1), ready(2));
}

async fn two_borrows() {
    let mut text = String::new();
    runtime::join!(async { text.push('x') }, async { text.push('y') });
}

fn not_async() {
    runtime::join!(ready(1));
}

fn main() {}

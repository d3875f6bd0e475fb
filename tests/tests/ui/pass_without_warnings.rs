//! The expansions cause no warning, need no `unsafe` allowed, and hide none of the user's names.

#![deny(warnings)]
#![deny(rust_2018_idioms, unused_qualifications, unreachable_pub, single_use_lifetimes)]
#![deny(unused_parens, unused_braces, unused_import_braces, non_ascii_idents, let_underscore_drop)]
#![forbid(unsafe_code)]
#![allow(dead_code)]

use std::convert::Infallible;
use std::future::{pending, ready};

// What the expansions must not pick up instead of the real ones.
#[allow(non_camel_case_types)]
struct future;
#[allow(non_upper_case_globals)]
const output: u8 = 1;
fn poll_fn() {}
fn maybe_done() {}
trait Future {}
trait IntoFuture {}
struct Pin;
enum Poll {
    Ready,
    Pending,
}
#[allow(unused_macros)]
macro_rules! unreachable {
    () => {};
}

#[derive(Clone, Copy, PartialEq)]
enum Never {}

fn keep<T>(_: T) {}

async fn select(mut number: Option<u32>) -> Option<u32> {
    runtime::select! {
        _ = ready(()) => {}
        _ = pending::<()>(), if number.is_some() => {}
    }
    runtime::select! {
        biased;
        x = pending::<Infallible>() => match x {},
        never = async { pending::<Never>().await } => match never {},
        _ = async { loop { ready(()).await } } => {}
        Some(ref mut x) = ready(number.as_mut()) => **x += 1,
        (a, mut b) = ready((1, 2)) => { b += a; keep(b); }
        whole @ (1 | 2) = ready(5) => keep(whole),
        else => return None,
    }
    let result = runtime::select! {
        Some(&x) = ready([1, 2].iter().max()) => x,
        else => 0,
    };
    runtime::select! { else => {} }
    runtime::select! {
        _ = ready(()) => return Some(result),
        _ = ready(()) => panic!("no"),
    }
}

async fn join() -> Result<(), u8> {
    let a = async {};
    let b = async { 1 };
    runtime::pin!(b);
    let ((), one) = runtime::join!(a, &mut b);
    runtime::join!(biased; async {}, async { keep(one) },);
    let (x, ()) = runtime::try_join!(ready(Ok(1)), async { Err(2) })?;
    keep(x);
    runtime::join!(pending::<Infallible>(), async {});
    runtime::join!(async { pending::<Never>().await }, async { loop { ready(()).await } });
    Ok(())
}

async fn pin() {
    runtime::pin! {
        let first = pending::<()>();
        let second = async {};
    }
    second.await;
    first.await;
}

#[runtime::main]
async fn main() {
    #![allow(clippy::needless_return)]
    runtime::join!(async {}, async {});
    return;
}

mod results {
    use runtime::runtime::Builder;

    fn builder() -> Builder {
        Builder::new_current_thread()
    }

    #[runtime::main(flavor = "multi_thread", worker_threads = 2, name = "named")]
    async fn main() -> Result<(), Box<dyn std::error::Error>> {
        let number: u32 = "5".parse()?;
        if number > 5 {
            return Err("large".into());
        }
        drop(builder());
        Ok(())
    }
}

mod never {
    #[runtime::main(flavor = "current_thread")]
    async fn main() -> ! {
        std::process::exit(0)
    }
}

mod opaque {
    #[runtime::main(flavor = "current_thread", start_paused = true, unhandled_panic = "ignore")]
    async fn main() -> impl std::process::Termination {
        std::process::ExitCode::SUCCESS
    }
}

mod renamed {
    use runtime as other;

    #[other::main(crate = "other")]
    async fn main() {}

    #[other::test(crate = "crate::renamed::other", flavor = "current_thread")]
    async fn test() {}
}

struct Program<T>(T);

impl<T: Clone> Program<T> {
    #[runtime::main]
    pub(crate) async fn run(&self, mut more: Vec<T>) -> Vec<T> {
        more.push(self.0.clone());
        ready(()).await;
        more
    }

    #[runtime::main(flavor = "current_thread")]
    async fn new(value: T) -> Self {
        Self(value)
    }

    #[runtime::main(flavor = "current_thread")]
    async fn nothing() -> Option<T> {
        None
    }
}

#[runtime::main(flavor = "current_thread")]
async fn with_arguments<'a>(text: &'a str, (n, _): (usize, u8)) -> &'a str {
    &text[..n]
}

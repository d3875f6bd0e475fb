use std::future::ready;

async fn no_future() {
    runtime::select! { _ = 5 => {} }
}

async fn wrong_pattern() {
    runtime::select! {
        Some(x) = ready(5) => drop::<u32>(x),
        else => {}
    }
}

async fn wrong_condition() {
    runtime::select! { _ = ready(()), if 1 => {} }
}

async fn different_handlers() -> u32 {
    runtime::select! {
        x = ready(5) => x,
        _ = ready(()) => "text",
    }
}

async fn unknown_names() {
    runtime::select! {
        x = future() => handler(x),
    }
}

async fn binding_out_of_reach() {
    runtime::select! {
        x = ready(1) => {}
        _ = ready(()) => drop(x),
    }
}

async fn two_borrows() {
    let mut text = String::new();
    runtime::select! {
        _ = async { text.push('x') } => {}
        _ = async { text.push('y') } => {}
    }
}

fn main() {}

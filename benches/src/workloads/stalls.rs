//! An echo server beside tasks that block their threads.

use std::time::Duration;

use super::rt::net::TcpListener;
use super::rt::time;
use super::sockets::serve_echo;
use super::{build, rt};
use crate::load::REQUEST;
use crate::row::Flavour;
use crate::stalling::{Case, Gate, Victim, hold_thread};

/// A runtime with `workers` workers and an echo server.
pub fn victim(workers: usize) -> Victim {
    let runtime = build(Flavour::MultiThread { workers });
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(serve_echo(listener, 2 * REQUEST));
    let gate = Gate::default();
    let handle = runtime.handle().clone();
    let released = gate.clone();
    Victim {
        address,
        block: Box::new(move |case| block(&handle, case, workers, &gate)),
        end: Box::new(move || {
            released.open();
            runtime.shutdown_background();
        }),
    }
}

fn block(handle: &rt::runtime::Handle, case: Case, workers: usize, gate: &Gate) {
    let gate = gate.clone();
    match case {
        Case::None => {}
        Case::OneOfN => {
            handle.spawn(async {
                loop {
                    hold_thread(Duration::from_millis(50));
                    time::sleep(Duration::from_millis(100)).await;
                }
            });
        }
        Case::AllOfN => {
            for _ in 0..workers {
                handle.spawn(async { hold_thread(Duration::from_secs(2)) });
            }
        }
        Case::Forever => {
            handle.spawn(async move { gate.sleep() });
        }
        Case::Spin => {
            handle.spawn(async move { gate.spin() });
        }
    }
}

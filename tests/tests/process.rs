//! Child processes: real ones, of the programs that every Unix has.

#![cfg(target_os = "linux")] // It looks into /proc.
#![allow(unsafe_code)] // Sending signals, and a filter of system calls.

mod process {
    mod bad_input;
    mod command;
    mod life;
    mod old_kernel;
    mod pipes;
}

use std::path::Path;
use std::process::Stdio;

use runtime::process::{Child, Command};

/// A command for the shell.
fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::null());
    command
}

/// A process that lives until it is ended, or its input is closed.
fn sleeper() -> Command {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    command
}

fn process(child: &Child) -> i32 {
    child.id().expect("it was not reaped") as i32
}

fn send(process: i32, signal: i32) {
    // SAFETY: the call takes two numbers.
    assert_eq!(unsafe { libc::kill(process, signal) }, 0);
}

/// Whether the process is in the system's table, as a zombie perhaps.
fn exists(process: i32) -> bool {
    Path::new(&format!("/proc/{process}")).exists()
}

/// Waits until the runtime has reaped a process.
async fn reaped(process: i32) {
    while exists(process) {
        runtime::task::yield_now().await;
    }
}

/// The children of this process, ended or not.
fn children() -> Vec<i32> {
    let parent = std::process::id().to_string();
    let mut children = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap() {
        let name = entry.unwrap().file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // It may be gone by now.
        let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        // After the name, which ends with the last bracket: the state, then the parent.
        let parent_of_it = stat
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.split(' ').nth(1));
        if parent_of_it == Some(&parent) {
            children.push(number);
        }
    }
    children
}

//! Processes that a program starts from itself: servers, their clients, and the lives of rows.
//!
//! A server in a process of its own has its CPU time, its context switches and its memory for
//! itself, and client and server each have as many descriptors as a process may have. A child talks
//! in lines on its standard input and output, and ends when its input does.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::{io, thread};

use crate::process::{SyscallCounter, Usage, raise_descriptor_limit, usage_of};
use crate::{life, load, serving};

/// The argument that makes a child of a program.
const MARK: &str = "--child";

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Children are started from `program` and not from the program that runs.
pub fn start_from(program: impl Into<PathBuf>) {
    // Whoever says it twice says the same.
    let _ = PROGRAM.set(program.into());
}

/// Does what the parent asks for and ends the process, if this process is a child. Every program
/// that starts children calls it first.
pub fn run_if_asked() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(MARK) {
        return;
    }
    raise_descriptor_limit();
    let kind = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    match kind.as_str() {
        "serve" => {
            // Until the parent is ready, and with it what it measures.
            let mut line = String::new();
            io::stdin().read_line(&mut line).expect("cannot read");
            thread::spawn(|| {
                let _ = io::copy(&mut io::stdin(), &mut io::sink());
                std::process::exit(0);
            });
            serving::run(&rest)
        }
        "client" => load::run_client(&rest),
        life::KIND => life::run(&rest),
        _ => panic!("there are no children of the kind `{kind}`"),
    }
    std::process::exit(0);
}

/// A child that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    // Closing it ends the child.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Child {
    /// Starts a child of this kind.
    ///
    /// # Panics
    ///
    /// If the system does not let it.
    #[must_use]
    pub fn start(kind: &str, arguments: &[String]) -> Child {
        let program: OsString = match PROGRAM.get() {
            Some(program) => program.into(),
            None => std::env::current_exe()
                .expect("this program does not know where it is")
                .into(),
        };
        let mut process = Command::new(program)
            .args([MARK, kind])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cannot start a child");
        Child {
            input: process.stdin.take(),
            output: BufReader::new(process.stdout.take().expect("it was asked for")),
            process,
        }
    }

    /// The next line that it says.
    ///
    /// # Panics
    ///
    /// If it has ended.
    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        let length = self.output.read_line(&mut line).expect("cannot read");
        assert!(length > 0, "a child has ended before its time");
        line.truncate(line.trim_end().len());
        line
    }

    /// Says a line, and gives the one that it says to that.
    ///
    /// # Panics
    ///
    /// If it has ended.
    pub fn ask(&mut self, question: &str) -> String {
        let input = self.input.as_mut().expect("it is open until the end");
        writeln!(input, "{question}").expect("a child has ended before its time");
        self.hear()
    }

    /// Tells it to end, and waits until it has.
    pub fn end(mut self) {
        drop(self.input.take());
        let _ = self.process.wait();
    }

    /// What it has used so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        usage_of(self.process.id())
    }

    /// Counts its system calls from now on, if the system lets us. Only threads that it starts later
    /// are counted besides its first, so it is for a child that has just been started.
    #[must_use]
    pub fn count_syscalls(&self) -> Option<SyscallCounter> {
        SyscallCounter::of(self.process.id())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// In a child: says a line.
pub fn say(line: &str) {
    let mut out = io::stdout().lock();
    // Without a parent there is nobody to tell.
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// In a child: answers each line of the parent until there are no more.
pub fn answer(mut reply: impl FnMut(&str) -> String) {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        say(&reply(&line));
    }
}

//! What a command passes on to the process.

use std::ffi::OsStr;
use std::io;

use runtime::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use runtime::{Builder, Runtime};
use tests::{each_runtime, panic_of};

use crate::{process, shell, sleeper};

/// What a command writes to its output, without the end of the line.
fn output(runtime: &Runtime, command: &mut Command) -> String {
    let output = runtime.block_on(async { command.output().await.unwrap() });
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

#[test]
fn arguments_environment_and_directory_arrive() {
    each_runtime(|runtime| {
        let mut command = shell("echo \"$0 $1 $2\"");
        command.args(["zero", "one"]).arg("two  two");
        assert_eq!(output(runtime, &mut command), "zero one two  two");

        let mut command = shell("echo $A $B $C $D");
        command
            .env_clear()
            .env("A", "1")
            .envs([("B", "2"), ("C", "3")]);
        command.env("D", "4").env_remove("C");
        assert_eq!(output(runtime, &mut command), "1 2 4");

        assert_eq!(output(runtime, shell("pwd").current_dir("/usr")), "/usr");

        let mut command = shell("exec cat /proc/self/cmdline");
        command.arg0("other");
        assert_eq!(output(runtime, &mut command), "cat\0/proc/self/cmdline\0");
        let mut command = Command::new("cat");
        command.arg0("other").arg("/proc/self/cmdline");
        assert_eq!(output(runtime, &mut command), "other\0/proc/self/cmdline\0");
    });
}

#[test]
fn a_command_starts_more_than_one_process() {
    each_runtime(|runtime| {
        let mut command = shell("echo again");
        for _ in 0..3 {
            assert_eq!(output(runtime, &mut command), "again");
        }
    });
}

#[test]
fn user_and_group_are_set() {
    // Only root may.
    // SAFETY: the call takes nothing.
    if unsafe { libc::geteuid() } != 0 {
        return;
    }
    each_runtime(|runtime| {
        let mut command = Command::new("id");
        command.uid(12_345).gid(23_456);
        let identity = output(runtime, &mut command);
        assert!(identity.starts_with("uid=12345 gid=23456"), "{identity}");
    });
}

#[test]
fn a_child_gets_a_process_group_of_its_own() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut child = sleeper().process_group(0).spawn().unwrap();
            let number = process(&child);
            // SAFETY: the call takes a number.
            assert_eq!(unsafe { libc::getpgid(number) }, number);
            let mut other = sleeper().process_group(number).spawn().unwrap();
            // SAFETY: as above.
            assert_eq!(unsafe { libc::getpgid(process(&other)) }, number);
            // The whole group.
            // SAFETY: the call takes two numbers.
            assert_eq!(unsafe { libc::kill(-number, libc::SIGTERM) }, 0);
            assert!(!child.wait().await.unwrap().success());
            assert!(!other.wait().await.unwrap().success());
        });
    });
}

#[test]
fn closures_run_in_the_child_and_may_refuse() {
    each_runtime(|runtime| {
        let mut command = shell("umask");
        // SAFETY: `umask` may be called after a fork.
        unsafe {
            command.pre_exec(|| {
                libc::umask(0o027);
                Ok(())
            })
        };
        assert_eq!(output(runtime, &mut command), "0027");
        // SAFETY: nothing is done.
        unsafe { command.pre_exec(|| Err(io::Error::from_raw_os_error(libc::EXDEV))) };
        let error = runtime.block_on(async { command.spawn().unwrap_err() });
        assert_eq!(error.raw_os_error(), Some(libc::EXDEV));
    });
}

#[test]
fn the_command_of_std_is_within() {
    let mut command = Command::from(std::process::Command::new("true"));
    command.arg("one");
    command.as_std_mut().arg("two");
    assert_eq!(
        command.as_std().get_args().collect::<Vec<_>>(),
        ["one", "two"].map(OsStr::new)
    );
    assert!(!command.get_kill_on_drop());
    assert!(command.kill_on_drop(true).get_kill_on_drop());
    assert!(command.into_std().status().unwrap().success());
}

#[test]
fn another_function_may_start_the_process() {
    each_runtime(|runtime| {
        runtime.block_on(async {
            let mut child = Command::new("sh")
                .spawn_with(|command| command.args(["-c", "exit 9"]).spawn())
                .unwrap();
            assert_eq!(child.wait().await.unwrap().code(), Some(9));
            let error = Command::new("sh")
                .spawn_with(|_| Err(io::ErrorKind::QuotaExceeded.into()))
                .unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
        });
    });
}

#[test]
fn outside_of_a_runtime_no_process_is_started() {
    let panic = panic_of(|| {
        Command::new("sh")
            .spawn_with(|_| unreachable!("it is started"))
            .unwrap()
    });
    assert!(panic.message.contains("within this runtime"), "{panic:?}");
    let panic = panic_of(|| Command::new("true").spawn());
    assert!(panic.file.ends_with("command.rs"), "{panic:?}");
    let panic = panic_of(|| drop(Command::new("true").output()));
    assert!(panic.file.ends_with("command.rs"), "{panic:?}");
    let without_io = Builder::new_current_thread().build().unwrap();
    let panic = panic_of(|| without_io.block_on(async { Command::new("true").spawn() }));
    assert!(panic.message.contains("enable_io"), "{panic:?}");
}

#[test]
fn everything_may_be_sent_and_shared() {
    fn check<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    check::<Command>();
    check::<Child>();
    check::<ChildStdin>();
    check::<ChildStdout>();
    check::<ChildStderr>();
    // A future outlives the command that made it.
    fn check_future(_: impl Send + Sync + 'static) {}
    each_runtime(|runtime| {
        let _guard = runtime.enter();
        check_future(shell("exit 0").status());
        check_future(shell("exit 0").output());
    });
}

//! What cannot be started, and a system without descriptors.

use std::fs;
use std::io::ErrorKind;
use std::process::Stdio;

use runtime::process::Command;
use tests::each_runtime;
use tests::process::{in_own_process, limit_descriptors, open_descriptors, wait_for_descriptors};

use crate::{children, shell, sleeper};

#[test]
fn what_cannot_be_started_gives_the_systems_error() {
    if !in_own_process(
        "process::bad_input::what_cannot_be_started_gives_the_systems_error",
        &[],
    ) {
        return;
    }
    each_runtime(|runtime| {
        let file = std::env::temp_dir().join(format!("not-executable-{}", std::process::id()));
        fs::write(&file, "#!/bin/sh\n").unwrap();
        let before = open_descriptors();
        runtime.block_on(async {
            let piped = |mut command: Command| {
                command
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped());
                command
            };
            let error = piped(Command::new("there-is-no-such-program"))
                .spawn()
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            let error = piped(Command::new("/there/is/no/such/program"))
                .spawn()
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            let error = piped(Command::new("/")).spawn().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            let error = piped(Command::new(&file)).spawn().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            let error = piped(Command::new("a\0b")).spawn().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let mut command = piped(shell("exit 0"));
            let error = command
                .current_dir("/there/is/no/such/folder")
                .spawn()
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            let error = Command::new("there-is-no-such-program")
                .output()
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            let error = Command::new("there-is-no-such-program")
                .status()
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
        });
        fs::remove_file(&file).unwrap();
        wait_for_descriptors(before);
        assert_eq!(children(), []);
    });
}

#[test]
fn without_descriptors_a_child_is_whole_or_not_there() {
    const NAME: &str = "process::bad_input::without_descriptors_a_child_is_whole_or_not_there";
    if !in_own_process(NAME, &[]) {
        return;
    }
    each_runtime(|runtime| {
        // Descriptors that are opened, to leave fewer and fewer of them.
        let limit = 100;
        limit_descriptors(limit);
        let mut fillers = Vec::new();
        while let Ok(filler) = fs::File::open("/dev/null") {
            fillers.push(filler);
        }
        let (mut failed, mut worked) = (0, 0);
        while fillers.pop().is_some() && worked < 3 {
            runtime.block_on(async {
                let mut command = sleeper();
                command.stdout(Stdio::piped()).stderr(Stdio::piped());
                match command.spawn() {
                    Ok(child) => {
                        worked += 1;
                        match child.wait_with_output().await {
                            Ok(output) => assert!(output.status.success()),
                            Err(error) => panic!("it could be started: {error}"),
                        }
                    }
                    Err(error) => {
                        failed += 1;
                        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                    }
                }
            });
        }
        assert!(
            failed > 3 && worked == 3,
            "{failed} failed, {worked} worked"
        );
        drop(fillers);
        // What was started for nothing was reaped, and nobody waits for it.
        assert_eq!(children(), []);
    });
}

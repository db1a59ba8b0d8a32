//! Runs a test in a separate process: this test program again, with that one test.

use std::process::{Command, Stdio};

const ALONE: &str = "TICKBOOK_TEST_ALONE";

/// The full name of the test whose thread calls this.
///
/// # Panics
/// On any other thread.
pub(crate) fn this_test() -> String {
    let thread = std::thread::current();
    let name = thread.name().filter(|&name| name != "main");
    name.expect("the thread has the name of a test").to_owned()
}

/// The full name of the test `function` in `module`, which is a `module_path!()`.
pub(crate) fn test_of(module: &str, function: &str) -> String {
    match module.split_once("::") {
        Some((_, module)) => format!("{module}::{function}"),
        None => function.to_owned(),
    }
}

/// Whether this process runs only the calling test. If not, runs the test in a separate process, waits
/// for its end and returns `false`; the caller must then return.
///
/// For tests that measure or change the state of the whole process.
///
/// # Panics
/// If the test fails in the separate process.
#[must_use]
pub(crate) fn is_alone() -> bool {
    let test = this_test();
    if std::env::var(ALONE).is_ok_and(|alone| alone == test) {
        return true;
    }
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args([&test, "--exact", "--nocapture"])
        .env(ALONE, &test)
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    // the process also succeeds if no test has the name
    let is_run = said.lines().any(|line| line == "running 1 test");
    assert!(
        is_run && output.status.success(),
        "{test} in a process of its own: {}",
        output.status
    );
    false
}

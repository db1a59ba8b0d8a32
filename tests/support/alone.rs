//! Tests that run in a process of their own: this program once more, with one test.

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

/// Whether this process runs the calling test alone. If not, runs the test in such a process and waits
/// for its end; the test returns then.
///
/// For tests that measure or change what belongs to the whole process.
///
/// # Panics
/// When the test fails there.
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
    // a name that no test has ends well, too
    let is_run = said.lines().any(|line| line == "running 1 test");
    assert!(
        is_run && output.status.success(),
        "{test} in a process of its own: {}",
        output.status
    );
    false
}

//! Tests of the program `suite` with commands that imitate cargo's output.

use std::path::Path;
use std::process::{Command, Output};

const GREEN: &str = "Running tests/a.rs (target/debug/deps/a-0f)
running 3 tests
test one ... ok
test two ... ok
test three ... ok

test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

/// Runs `script`, which may print `$GREEN`, with `CI` as given.
fn run(script: &str, ci: Option<&str>, allowed: Option<&Path>) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suite"));
    if let Some(allowed) = allowed {
        command.arg("--allowed").arg(allowed);
    }
    command.args(["--", "sh", "-c", script]);
    command.env_remove("CI").env("GREEN", GREEN);
    if let Some(ci) = ci {
        command.env("CI", ci);
    }
    let Output { status, stdout, .. } = command.output().expect("it runs");
    let text = String::from_utf8(stdout).expect("text");
    (status.code().expect("a code"), text)
}

fn last_line(text: &str) -> &str {
    text.lines().last().expect("a line")
}

const SKIPS: &str = r#"printf 'a-0f\ttwo\tno root\n' >>"$TICKBOOK_SKIPS"; printf '%s' "$GREEN""#;

#[test]
fn green_runs_end_with_the_sums() {
    let (code, text) = run(r#"printf '%s' "$GREEN""#, None, None);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with(GREEN), "{text}");
    assert_eq!(
        last_line(&text),
        "total: 3 passed, 0 failed, 0 skipped, in 1 programs"
    );
}

#[test]
fn failures_of_the_command_are_failures() {
    // a program that died, a failed build, and a command that succeeds without running a test
    let died =
        r#"printf '%s' "$GREEN"; echo "Running tests/b.rs (target/debug/deps/b-0f)"; exit 101"#;
    for (script, sums) in [
        (died, "total: 3 passed, 1 failed, 0 skipped, in 2 programs"),
        (
            r#"printf '%s' "$GREEN"; exit 101"#,
            "total: 3 passed, 0 failed, 0 skipped, in 1 programs",
        ),
        (
            "exit 0",
            "total: 0 passed, 0 failed, 0 skipped, in 0 programs",
        ),
    ] {
        let (code, text) = run(script, None, None);
        assert_eq!(code, 1, "{text}");
        assert_eq!(last_line(&text), sums);
    }
}

#[test]
fn skips_are_listed_with_their_reasons() {
    let (code, text) = run(SKIPS, None, None);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("\nskipped: a::two: no root\n"), "{text}");
    assert_eq!(
        last_line(&text),
        "total: 2 passed, 0 failed, 1 skipped, in 1 programs"
    );
}

#[test]
fn skips_fail_in_ci_unless_they_are_allowed() {
    let folder = tempfile::tempdir().expect("a folder");
    let allowed = folder.path().join("allowed-skips.txt");
    std::fs::write(&allowed, "# no root\na::two\n").expect("written");
    assert_eq!(run(SKIPS, Some("true"), Some(&allowed)).0, 0);
    assert_eq!(run(SKIPS, Some("false"), None).0, 0);
    for path in [None, Some(&*allowed)] {
        std::fs::write(&allowed, "a::three\n").expect("written");
        let (code, text) = run(SKIPS, Some("true"), path);
        assert_eq!(code, 1, "{text}");
        // beside the totals, where people look first
        let end: Vec<_> = text.lines().rev().take(2).collect();
        assert_eq!(
            end[1], "not allowed to be skipped where CI is set: a::two",
            "{text}"
        );
    }
}

#[test]
fn standard_error_is_read_in_its_place() {
    let script = r#"echo "Running tests/a.rs (target/debug/deps/a-0f)" >&2
        echo "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured"
        echo "Running tests/b.rs (target/debug/deps/b-0f)" >&2
        echo "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured""#;
    let (code, text) = run(script, None, None);
    assert_eq!(code, 0, "{text}");
    assert_eq!(
        last_line(&text),
        "total: 3 passed, 0 failed, 0 skipped, in 2 programs"
    );
}

#[test]
fn skips_are_written_with_program_and_test() {
    const TEST: &str = "skips_are_written_with_program_and_test";
    if std::env::var_os("TICKBOOK_SUITE_CHILD").is_some() {
        return suite::skip("no\nroot");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("skips");
    let program = std::env::current_exe().expect("this program");
    for _ in 0..2 {
        let run = Command::new(&program)
            .args(["--exact", TEST])
            .env("TICKBOOK_SUITE_CHILD", "yes")
            .env(suite::SKIPS, &path)
            .status();
        assert!(run.expect("it runs").success());
    }
    let text = std::fs::read_to_string(path).expect("written");
    let skips: Vec<_> = text.lines().filter_map(suite::Skip::parse).collect();
    let expected = suite::Skip {
        program: program
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned(),
        test: TEST.to_owned(),
        reason: "no root".to_owned(),
    };
    assert_eq!(skips, [expected.clone(), expected]);
}

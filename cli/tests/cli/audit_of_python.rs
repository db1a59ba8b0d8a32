//! An exported audit log is verified by a program of another language.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::oversight::Site;

#[test]
fn exported_chain_verifies_with_python() {
    let Some(python) = suite::program("python3") else {
        return;
    };
    let site = Site::new();
    site.run("ledger accounts rename main Zürich")
        .expect_code(0);
    site.run("ledger accounts rename missing x").expect_code(2);
    let exported = site
        .run("audit list --oldest-first --json")
        .expect_code(0)
        .stdout;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/verify_chain.py");
    let verified = |entries: &str| {
        let mut child = Command::new(&python)
            .args([script, &"07".repeat(32)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut input = child.stdin.take().expect("a pipe");
        // it may end before it has read everything
        let _ = input.write_all(entries.as_bytes());
        drop(input);
        let output = child.wait_with_output().expect("it ends");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    assert_eq!(verified(&exported), "verified 3\n");
    assert_eq!(verified(&exported.replacen("cli:ada", "cli:eve", 1)), "");
}

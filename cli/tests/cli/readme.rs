//! Tests of the commands in the README, in order.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use tickbook::Database;

use crate::support::{Cli, market_data};

const README: &str = include_str!("../../../README.md");
const MAKEFILE: &str = include_str!("../../../Makefile");

/// Programs that are not run here: they build, or need a running server or the network.
const NOT_RUN: [&str; 6] = [
    "cargo",
    "curl",
    "diesel",
    "eval",
    "export",
    "orderbook-server",
];

/// Begins commands that need a venue, or a recording of one.
const OF_VENUES: &str = "tickbook feed ";

/// The lines of all blocks of shell commands, each without its comment.
fn lines() -> Vec<&'static str> {
    let mut is_inside = false;
    let mut lines = Vec::new();
    for line in README.lines() {
        if line.starts_with("```") {
            is_inside = line == "```sh";
            continue;
        }
        let command = line.split(" # ").next().unwrap_or_default().trim();
        if is_inside && !command.is_empty() {
            lines.push(command);
        }
    }
    lines
}

/// Creates a directory with the files that the README names.
fn prepare(cli: &Cli, market_data: &Path) {
    let folder = cli.folder.path();
    let link = |from: &Path, to: &Path| symlink(from, to).expect("made");
    let symbols = "symbol-properties-database.csv";
    link(&market_data.join(symbols), &folder.join(symbols));
    link(
        &market_data.join("bars/minute/eurusd"),
        &folder.join("bars"),
    );
    for entry in fs::read_dir(market_data.join("ticks/eurusd")).expect("a folder") {
        let entry = entry.expect("read");
        link(&entry.path(), &folder.join(entry.file_name()));
    }
    fs::create_dir(folder.join("bin")).expect("made");
    let program = Path::new(env!("CARGO_BIN_EXE_tickbook"));
    link(program, &folder.join("bin/tickbook"));
}

#[test]
fn commands_of_the_readme_run_in_their_order() {
    let Some(market_data) = market_data() else {
        return;
    };
    let cli = Cli::new();
    prepare(&cli, &market_data);
    let folder = cli.folder.path();
    let path = std::env::var("PATH").expect("UTF-8");
    let path = format!("{}:{path}", folder.join("bin").display());
    let mut run = 0;
    for line in lines() {
        let program = line.split(' ').next().unwrap_or_default();
        if program == "make" {
            let target = line.split(' ').nth(1).expect("a target");
            assert!(MAKEFILE.contains(&format!("\n{target}: ")), "{line}");
            continue;
        }
        if NOT_RUN.contains(&program) || line.starts_with(OF_VENUES) {
            continue;
        }
        assert_eq!(program, "tickbook", "neither run nor known: {line}");
        let mut command = Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", line])
            .current_dir(folder);
        command.env("PATH", &path).env_remove("RUST_LOG");
        for database in [Database::Metadata, Database::Timeseries] {
            command.env(database.url_variable(), cli.scratch.url(database));
        }
        let output = command.output().expect("bash is on the PATH");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {said}");
        run += 1;
    }
    assert!(run >= 10, "{run} commands");
    let exported = fs::read_to_string(folder.join("eurusd.csv")).expect("exported");
    assert_eq!(exported.lines().count(), 532_904);
}

//! Tests of SIGINT and SIGTERM.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fault_proxy::FaultProxy;
use serde_json::Value;

use crate::support::{Cli, Run, psql};

/// Number of days; each is deleted in its own transaction.
const DAYS: u64 = 140;

const DEADLINE: Duration = Duration::from_secs(60);

fn kill(child: &Child, signal: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args([signal, &id]).status();
    assert!(sent.expect("kill is on the PATH").success());
}

/// Waits until `condition` holds while `child` runs.
fn until(child: &mut Child, what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        let ended = child.try_wait().expect("a child");
        assert!(ended.is_none(), "it ended before {what}: {ended:?}");
        assert!(
            begun.elapsed() < DEADLINE,
            "not within {DEADLINE:?}: {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn end(child: Child) -> Run {
    Run::of(child.wait_with_output().expect("it ends"))
}

fn with_ticks(count: u32) -> Cli {
    let cli = Cli::migrated();
    let mut text = String::new();
    for number in 0..count {
        writeln!(text, "{number},1.1,1.2").expect("written");
    }
    cli.file("20140501_quote.csv", text);
    cli
}

#[test]
fn interrupted_import_reports_its_progress() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let cli = with_ticks(100_000);
        let import = "import ticks 20140501_quote.csv --symbol a:B --create-symbol --format lean \
                      --batch-size 50 --json";
        let import: Vec<_> = import.split_whitespace().collect();
        let mut command = cli.command(&import);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let stored = || psql(&cli, "SELECT count(*) FROM ticks");
        until(&mut child, "the first batch", || stored() != "0");
        kill(&child, signal);
        let run = end(child).expect_code(code);
        let lines: Vec<Value> = run
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!(lines.len(), 2, "{run:?}");
        assert_eq!(lines[0]["inserted"].to_string(), stored(), "{run:?}");
        assert_eq!(lines[1]["exit_code"], code);
        for word in [
            "the ticks counted above are stored",
            "run it again",
            "interrupted by SIG",
        ] {
            assert!(run.stderr.contains(word), "{run:?}");
        }
    }
}

#[test]
fn interrupted_candle_import_reports_its_progress() {
    let cli = Cli::migrated();
    let mut text = String::new();
    for minute in 0..1_440 {
        let side = "1.1,1.4,1.0,1.2,10";
        writeln!(text, "{},{side},{side}", minute * 60_000).expect("written");
    }
    cli.file("20140501_bars.csv", &text);
    let import = "import candles 20140501_bars.csv --symbol a:B --create-symbol --format lean \
                  --batch-size 1";
    let import: Vec<_> = import.split_whitespace().collect();
    let mut command = cli.command(&import);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let stored = || psql(&cli, "SELECT count(*) FROM ohlc_candles");
    until(&mut child, "the first candle", || stored() != "0");
    kill(&child, "-INT");
    let run = end(child).expect_code(130);
    assert!(
        run.stdout.contains(&format!("stored {}, ", stored())),
        "{run:?}"
    );
}

#[test]
fn interrupted_export_leaves_no_file() {
    let cli = with_ticks(60_000);
    let import = "import ticks 20140501_quote.csv --symbol a:B --create-symbol --format lean";
    cli.run(&import.split(' ').collect::<Vec<_>>())
        .expect_code(0);
    let out = cli.folder.path().join("out");
    fs::create_dir(&out).expect("made");
    let names = || fs::read_dir(&out).expect("a folder").count();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        // a database that never responds blocks the export while its file is open
        let silent = FaultProxy::silent();
        let url = format!("postgresql://u:S3cretPw@{}/d", silent.address());
        let mut command = cli.command(&["export", "ticks", "--symbol", "a:B", "--output", "out/f"]);
        command.env("TIMESCALEDB_URL", url);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        until(&mut child, "the file of the export", || names() == 1);
        kill(&child, signal);
        let run = end(child).expect_code(code);
        assert!(run.stderr.contains("interrupted by SIG"), "{run:?}");
        assert_eq!(names(), 0, "{run:?}");
    }
}

#[test]
fn export_can_be_interrupted_while_it_writes() {
    let cli = with_ticks(60_000);
    let import = "import ticks 20140501_quote.csv --symbol a:B --create-symbol --format lean";
    cli.run(&import.split(' ').collect::<Vec<_>>())
        .expect_code(0);
    let mut command = cli.command(&["export", "ticks", "--symbol", "a:B"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut rows = BufReader::with_capacity(64, child.stdout.take().expect("piped"));
    let mut line = String::new();
    rows.read_line(&mut line).expect("a header");
    // without a reader the export waits for the pipe
    kill(&child, "-INT");
    let mut stderr = String::new();
    let mut reader = child.stderr.take().expect("piped");
    reader.read_to_string(&mut stderr).expect("UTF-8");
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{stderr}");
}

#[test]
fn interrupted_delete_reports_its_progress() {
    let cli = Cli::migrated();
    let mut text = String::from("tick_time,bid,ask\n");
    for day in 0..DAYS {
        let (month, day) = (1 + day / 28, 1 + day % 28);
        writeln!(text, "2014-{month:02}-{day:02}T00:00:00Z,1.1,1.2").expect("written");
    }
    cli.file("quotes.csv", text);
    let import = "import ticks quotes.csv --symbol a:B --create-symbol --format csv";
    cli.run(&import.split(' ').collect::<Vec<_>>())
        .expect_code(0);
    let delete = "delete ticks --symbol a:B --from 2014-01-01 --to 2015-01-01 --yes --json";
    let delete: Vec<_> = delete.split(' ').collect();
    let mut command = cli.command(&delete);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let stored = || psql(&cli, "SELECT count(*) FROM ticks");
    let all = DAYS.to_string();
    until(&mut child, "the first day", || stored() != all);
    kill(&child, "-INT");
    let run = end(child).expect_code(130);
    let reported = "the rows counted above are deleted";
    assert!(run.stderr.contains(reported), "{run:?}");
    let first = run.stdout.lines().next().unwrap_or_default();
    let reported: Value = serde_json::from_str(first).expect("JSON");
    let deleted = reported["ticks"].as_u64().expect("a number");
    assert!(deleted > 0, "{run:?}");
    // the current transaction may have been committed or not
    let left: u64 = stored().parse().expect("a number");
    let counted = DAYS - deleted;
    assert!((left..=left + 1).contains(&counted), "{left}: {run:?}");
}

/// Ticks of many days, each of which is audited separately.
fn with_days() -> Cli {
    let cli = Cli::migrated();
    let mut text = String::from("tick_time,bid,ask\n");
    for day in 0..DAYS {
        let (month, day) = (1 + day / 28, 1 + day % 28);
        // a crossed tick
        writeln!(text, "2014-{month:02}-{day:02}T00:00:00Z,1.2,1.1").expect("written");
    }
    cli.file("quotes.csv", text);
    let import = "import ticks quotes.csv --symbol a:B --create-symbol --format csv";
    cli.run(&import.split(' ').collect::<Vec<_>>())
        .expect_code(0);
    cli
}

#[test]
fn interrupted_verify_reports_its_progress() {
    let cli = with_days();
    let mut command = cli.command(&["verify", "--json", "--gap", "1h"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    // gaps are printed as they are found
    let first = lines.next().expect("a finding").expect("UTF-8");
    assert!(first.contains("\"finding\""), "{first}");
    kill(&child, "-INT");
    let rest: Vec<_> = lines.map(|line| line.expect("UTF-8")).collect();
    let run = end(child).expect_code(130);
    let reported: Vec<Value> = rest
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let [.., summary, failure] = &reported[..] else {
        panic!("{rest:?}");
    };
    assert_eq!(failure["exit_code"], 130);
    assert_eq!(summary["type"], "summary");
    let findings = reported.len() - 1;
    assert_eq!(summary["left"], findings, "{summary}");
    let place = summary["interrupted_at"].as_str().expect("a place");
    assert!(place.starts_with("a:B"), "{place}");
    assert!(
        run.stderr.contains("the data counted above was verified"),
        "{run:?}"
    );
}

#[test]
fn second_signal_ends_the_program_at_once() {
    let cli = with_days();
    // a database that never responds blocks the current call
    let silent = FaultProxy::silent();
    let url = format!("postgresql://u:S3cretPw@{}/d", silent.address());
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut command = cli.command(&["status", "-v"]);
        command.env("TIMESCALEDB_URL", &url);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        while !line.contains("loaded the settings") {
            line.clear();
            assert_ne!(stderr.read_line(&mut line).expect("UTF-8"), 0, "no log");
        }
        kill(&child, signal);
        kill(&child, signal);
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(code), "{status:?}");
    }
}

//! Tests of the outputs of exports.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::support::{Cli, Run};

const HEADER: &str = "tick_time,sequence,bid_price,";

/// Two ticks of EURUSD, and a directory `out` for the exports.
fn prepared() -> Cli {
    let cli = Cli::migrated();
    cli.file("20140501_quote.csv", "292,1.1,1.2\n60292,1.1,1.2\n");
    let import = "import ticks 20140501_quote.csv --symbol EURUSD --create-symbol --format lean";
    cli.run(&import.split(' ').collect::<Vec<_>>())
        .expect_code(0);
    fs::create_dir(cli.folder.path().join("out")).expect("made");
    cli
}

fn export(cli: &Cli, options: &[&str]) -> Run {
    cli.run(&[&["export", "ticks", "--symbol", "EURUSD"], options].concat())
}

fn listed(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("read").file_name();
    let mut names: Vec<_> = entries
        .map(|entry| name(entry).to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn file_is_replaced_when_that_is_forced() {
    let cli = prepared();
    let out = cli.folder.path().join("out");
    let run = export(&cli, &["--output", "out/a.csv"]).expect_code(0);
    assert_eq!(run.stdout, "");
    assert_eq!(run.stderr, "2 ticks in out/a.csv\n");
    let path = out.join("a.csv");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    // the same permissions as any other new file
    assert_eq!(mode(&path), mode(&cli.file("out/b.csv", "")));
    fs::remove_file(out.join("b.csv")).expect("there");
    fs::write(&path, "mine").expect("written");
    let refused = export(&cli, &["--output", "out/a.csv"]);
    assert!(
        refused.error().contains("out/a.csv: already exists"),
        "{refused:?}"
    );
    assert!(refused.error().contains("--force"), "{refused:?}");
    assert_eq!(fs::read_to_string(&path).expect("there"), "mine");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("ours");
    export(&cli, &["--output", "out/a.csv", "--force"]).expect_code(0);
    let text = fs::read_to_string(&path).expect("there");
    assert!(
        text.starts_with(HEADER) && text.lines().count() == 3,
        "{text}"
    );
    assert_eq!(mode(&path), 0o640);
    assert_eq!(listed(&out), ["a.csv"]);
}

#[test]
fn link_stays_and_its_file_is_replaced() {
    let cli = prepared();
    let out = cli.folder.path().join("out");
    fs::write(out.join("file"), "mine").expect("written");
    symlink("file", out.join("link")).expect("made");
    symlink("nothing", out.join("dangling")).expect("made");
    let refused = export(&cli, &["--output", "out/link"]);
    assert!(refused.error().contains("--force"), "{refused:?}");
    export(&cli, &["--output", "out/link", "--force"]).expect_code(0);
    assert!(out.join("link").is_symlink());
    let text = fs::read_to_string(out.join("file")).expect("there");
    assert!(text.starts_with(HEADER), "{text}");
    for force in [&[][..], &["--force"]] {
        let dangling = export(&cli, &[&["--output", "out/dangling"], force].concat());
        assert!(dangling.error().contains("a dangling link"), "{dangling:?}");
    }
    assert_eq!(listed(&out), ["dangling", "file", "link"]);
}

#[test]
fn folder_is_refused_and_leaves_no_file() {
    let cli = prepared();
    for force in [&[][..], &["--force"]] {
        let run = export(&cli, &[&["--output", "out"], force].concat());
        assert!(run.error().contains("out: is a directory"), "{run:?}");
    }
    let nowhere = export(&cli, &["--output", "out/no/file.csv"]);
    assert!(nowhere.error().contains("out/no"), "{nowhere:?}");
    // an error after the output was opened
    let nobody = ["export", "ticks", "--symbol", "GBPUSD", "--output", "out/x"];
    cli.run(&nobody).expect_code(2);
    assert!(listed(&cli.folder.path().join("out")).is_empty());
    assert_eq!(listed(cli.folder.path()), ["20140501_quote.csv", "out"]);
}

#[test]
fn dash_is_standard_output() {
    let cli = prepared();
    let run = export(&cli, &["--output", "-"]).expect_code(0);
    assert!(run.stdout.starts_with(HEADER), "{run:?}");
    assert_eq!(run.stderr, "");
    assert!(!cli.folder.path().join("-").exists());
}

/// Devices are reached through links, so that a defect replaces only the links.
#[test]
fn full_device_is_an_error_and_stays_a_device() {
    let cli = prepared();
    let out = cli.folder.path().join("out");
    for name in ["full", "null", "stdout"] {
        symlink(Path::new("/dev").join(name), out.join(name)).expect("made");
    }
    for force in [&[][..], &["--force"]] {
        let full = export(&cli, &[&["--output", "out/full"], force].concat());
        assert!(full.error().contains("No space left"), "{full:?}");
        export(&cli, &[&["--output", "out/null"], force].concat()).expect_code(0);
        let run = export(&cli, &[&["--output", "out/stdout"], force].concat()).expect_code(0);
        assert!(run.stdout.starts_with(HEADER), "{run:?}");
    }
    for name in ["full", "null"] {
        assert!(out.join(name).is_symlink(), "{name}");
        let kind = fs::metadata(out.join(name)).expect("there").file_type();
        assert!(kind.is_char_device(), "{name}");
    }
    assert_eq!(listed(&out), ["full", "null", "stdout"]);
}

#[test]
fn pipe_is_written_as_it_comes() {
    let cli = prepared();
    let pipe = cli.folder.path().join("out/pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo is on the PATH").success());
    // opening a pipe waits for a writer
    let (sender, read) = mpsc::channel();
    let reader = pipe.clone();
    thread::spawn(move || sender.send(fs::read_to_string(reader)));
    let run = export(&cli, &["--output", "out/pipe"]).expect_code(0);
    assert_eq!(run.stderr, "2 ticks in out/pipe\n");
    let text = read.recv_timeout(Duration::from_secs(60)).expect("written");
    let text = text.expect("UTF-8");
    assert!(
        text.starts_with(HEADER) && text.lines().count() == 3,
        "{text}"
    );
    assert_eq!(listed(&cli.folder.path().join("out")), ["pipe"]);
}

#[test]
fn summary_is_json_beside_the_rows() {
    let cli = prepared();
    let options = ["--output", "out/a.csv", "--json"];
    let run = export(&cli, &options).expect_code(0);
    assert_eq!(run.stderr, "");
    let expected = serde_json::json!({
        "what": "ticks", "symbol_id": 1, "symbol": "default:EURUSD", "rows": 2,
        "output": "out/a.csv"
    });
    assert_eq!(run.json(), expected);
    let run = export(&cli, &["--json"]).expect_code(0);
    assert_eq!(run.stdout.lines().count(), 3);
    let reported: serde_json::Value = serde_json::from_str(&run.stderr).expect("JSON");
    assert_eq!(
        (&reported["rows"], &reported["output"]),
        (&2.into(), &serde_json::Value::Null)
    );
    let candles = cli.run(&[
        "export",
        "candles",
        "--symbol",
        "1",
        "--output",
        "out/c.csv",
        "--json",
    ]);
    assert_eq!(candles.expect_code(0).json()["rows"], 2);
    // an error is not printed among the rows
    let failed = cli
        .run(&["export", "ticks", "--symbol", "93", "--json"])
        .expect_code(2);
    assert_eq!(failed.stdout, "");
    let last = failed.stderr.lines().last().expect("a line");
    let reported: serde_json::Value = serde_json::from_str(last).expect("JSON");
    assert_eq!(reported["exit_code"], 2);
    let options = ["--output", "out/b.csv", "--json"];
    let failed = cli.run(&[&["export", "ticks", "--symbol", "93"], &options[..]].concat());
    assert_eq!(failed.expect_code(2).json()["exit_code"], 2);
}

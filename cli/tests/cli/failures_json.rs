//! Tests of failures with `--json`, of invalid settings, and of files that are not text.

use serde_json::Value;

use crate::support::{Cli, Run};

fn failure(run: &Run) -> Value {
    let last = run.stdout.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

#[test]
fn failure_prints_an_object() {
    let cli = Cli::new();
    for (command, word) in [
        ("status --json --nonsense", "--nonsense"),
        ("export ticks --json", "--symbol"),
        (
            "import ticks x.csv --symbol EURUSD --format csv --json",
            "file not found",
        ),
        ("policies plan --json", "tickbook migrate"),
        ("verify --json", "tickbook migrate"),
        ("quarantine release --json", "--all"),
        ("spool inspect --json", "no spool"),
    ] {
        let run = cli
            .run(&command.split(' ').collect::<Vec<_>>())
            .expect_code(2);
        let failure = failure(&run);
        assert_eq!(failure["exit_code"], 2, "{run:?}");
        let error = failure["error"].as_str().expect("a text");
        assert!(error.contains(word), "{command}: {run:?}");
        assert!(!run.stderr.is_empty(), "{run:?}");
    }
    let run = cli.run(&["verify"]).expect_code(2);
    assert_eq!(run.stdout, "");
    let help = cli.run(&["verify", "--json", "--help"]).expect_code(0);
    assert!(!help.stdout.contains("exit_code\":"), "{help:?}");
}

#[test]
fn every_mistake_of_the_settings_has_a_line() {
    let cli = Cli::new();
    let variables = [
        ("TICK_BATCH_SIZE", "many"),
        ("TICKBOOK__POOL__SIZES", "3"),
        ("TICKBOOK_ENVIRONMENT", "prodution"),
    ];
    let run = cli.run_with(&["config"], &variables).expect_code(2);
    let lines: Vec<_> = run.stderr.lines().collect();
    assert_eq!(lines.len(), 4, "{run:?}");
    assert_eq!(lines[0], "error: invalid settings:");
    for word in ["TICK_BATCH_SIZE", "pool.sizes", "config/prodution.toml"] {
        let reported = lines[1..].iter().filter(|line| line.contains(word));
        assert_eq!(reported.count(), 1, "{word}: {run:?}");
    }
}

#[test]
fn binary_files_never_reach_the_terminal() {
    let cli = Cli::migrated();
    let bytes: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
    let with = |magic: &[u8]| [magic, &bytes].concat();
    for (magic, word) in [
        (&b"PAR1"[..], "Parquet"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\xfd7zXZ", "xz"),
        (b"BZh9", "bzip2"),
        (b"\x1f\x8b", "gzip"),
        (b"\x7fELF", "is not text"),
        (b"a\x1b[31mb,", "is not text"),
    ] {
        cli.file("20140501_file", with(magic));
        for format in ["csv", "lean"] {
            let import = format!("import ticks 20140501_file --symbol a:B --format {format}");
            let options = ["--create-symbol", "--json"];
            let words: Vec<_> = import.split(' ').chain(options).collect();
            let run = cli.run(&words);
            assert_ne!(run.code, 0, "{run:?}");
            let said = format!("{}{}", run.stdout, run.stderr);
            let harmful = |c: char| c.is_control() && c != '\n';
            assert!(!said.contains(harmful), "{run:?}");
            if format == "csv" {
                assert!(run.error().contains(word), "{run:?}");
            }
        }
    }
}

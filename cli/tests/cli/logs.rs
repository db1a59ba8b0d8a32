//! Tests of the log on standard error.

use std::process::Command;

use crate::support::{Cli, Run};

fn import(cli: &Cli, options: &[&str], variables: &[(&str, &str)]) -> Run {
    let import = "import ticks 20140501_quote.csv --symbol a:B --create-symbol --format lean";
    let words: Vec<_> = import.split(' ').chain(options.iter().copied()).collect();
    cli.run_with(&words, variables).expect_code(0)
}

#[test]
fn verbose_option_logs_each_step() {
    let cli = Cli::migrated();
    cli.file("20140501_quote.csv", "1,1.1,1.2\n");
    let silent = import(&cli, &[], &[]);
    assert_eq!(silent.stderr, "");
    let short = import(&cli, &["-v"], &[]).stderr;
    assert!(
        short.contains(" INFO ") && !short.contains("DEBUG"),
        "{short}"
    );
    for word in ["loaded the settings", "connected", "20140501_quote.csv"] {
        assert!(short.contains(word), "{word}: {short}");
    }
    let full = import(&cli, &["-vv"], &[]).stderr;
    assert!(
        full.contains("DEBUG") && full.contains("stored a batch"),
        "{full}"
    );
    let foreign = full.lines().filter(|line| !line.contains(" tickbook"));
    assert_eq!(foreign.count(), 0, "{full}");
    let variable = import(&cli, &["-vv"], &[("RUST_LOG", "error")]);
    assert_eq!(variable.stderr, "", "RUST_LOG counts more");
    for command in [
        &["status", "-v"][..],
        &["export", "ticks", "--symbol", "a:B", "-v"],
    ] {
        let run = cli.run(command).expect_code(0);
        assert!(run.stderr.contains(" INFO "), "{command:?}: {run:?}");
        assert!(!run.stdout.contains(" INFO "), "{command:?}: {run:?}");
    }
}

#[test]
fn log_lines_have_no_colours_when_unwanted() {
    let is_there = Command::new("script").arg("--version").output().is_ok();
    if !is_there {
        suite::skip("there is no program script");
        return;
    }
    let cli = Cli::migrated();
    let on_terminal = |variables: &[(&str, &str)]| {
        let line = format!("{} status -v", env!("CARGO_BIN_EXE_tickbook"));
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]);
        let inner = cli.command(&[]);
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        script
            .envs(variables.iter().copied())
            .current_dir(cli.folder.path());
        let output = script.output().expect("script runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let coloured = on_terminal(&[]);
    assert!(coloured.contains("\u{1b}["), "{coloured}");
    let plain = on_terminal(&[("NO_COLOR", "1")]);
    assert!(
        plain.contains("INFO") && !plain.contains('\u{1b}'),
        "{plain}"
    );
}

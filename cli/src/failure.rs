//! Reports why a command could not run.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use serde::Serialize;
use tickbook::config::InvalidConfig;
use tickbook::domain::printable;

use crate::interruption::Interrupted;
use crate::report::{print_json, print_json_to_stderr};

/// Exit code of a command that could not run; clap uses the same code.
const COULD_NOT_RUN: u8 = 2;

/// The output of `--json`, as the last line.
#[derive(Debug, Serialize)]
struct Failure<'a> {
    error: &'a str,
    exit_code: u8,
}

/// Whether the command line contains `--json`, even if it is invalid.
pub(crate) fn wants_json(arguments: impl Iterator<Item = OsString>) -> bool {
    arguments
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json")
}

/// Reports an invalid command line, or prints the requested help.
pub(crate) fn print_usage_error(error: &clap::Error, json: bool) -> ExitCode {
    let code = u8::try_from(error.exit_code()).unwrap_or(COULD_NOT_RUN);
    // nothing can be reported if standard error is closed
    let _ = error.print();
    if code != 0 && json {
        let text = error.to_string();
        let text = text.split("\n\nUsage:").next().unwrap_or_default();
        print_json_error(text.trim_start_matches("error: "), code);
    }
    ExitCode::from(code)
}

/// Prints `error`: one line for each invalid setting, otherwise one line. The JSON goes to standard error if
/// standard output contains rows.
pub(crate) fn print_error(error: &anyhow::Error, json: bool, fills_stdout: bool) -> ExitCode {
    let interrupted = error
        .chain()
        .find_map(|it| it.downcast_ref::<Interrupted>());
    let code = interrupted.map_or(COULD_NOT_RUN, |signal| signal.exit_code());
    let text = match error.downcast_ref::<InvalidConfig>() {
        Some(invalid) => {
            let lines = invalid.problems.iter().map(|problem| one_line(problem));
            let lines: Vec<_> = lines.collect();
            match &lines[..] {
                [only] => format!("invalid settings: {only}"),
                all => format!("invalid settings:\n  {}", all.join("\n  ")),
            }
        }
        None => one_line(&format!("{error:#}")),
    };
    let _ = writeln!(io::stderr(), "error: {text}");
    if json && fills_stdout {
        let failure = Failure {
            error: &text,
            exit_code: code,
        };
        let _ = print_json_to_stderr(&failure);
    } else if json {
        print_json_error(&text, code);
    }
    ExitCode::from(code)
}

fn print_json_error(error: &str, exit_code: u8) {
    // the error was already printed on standard error
    let _ = print_json(&Failure { error, exit_code });
}

fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    printable(&words.join(" "))
}

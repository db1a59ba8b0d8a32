//! Runs cargo's tests, forwards their output, and prints the totals.
#![forbid(unsafe_code)]

mod allowed;
mod output;
mod total;

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use allowed::Allowed;
use output::Output;
use suite::{SKIPS, Skip};
use total::Total;

const USAGE: &str = "\
usage: suite [--allowed FILE] -- COMMAND...

Runs COMMAND, which is `cargo test` with --no-fail-fast, forwards its output, and prints every skipped
test with the reason, every failed test, and one line with the totals.
If CI is set, the exit code is 1 if a test was skipped whose name is not in FILE.";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut allowed = None;
    loop {
        match arguments.next().as_deref() {
            Some("--allowed") => allowed = arguments.next().map(PathBuf::from),
            Some("--") => break,
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let command: Vec<_> = arguments.collect();
    match run(&command, allowed.as_deref()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("suite: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs the command; returns whether the run was successful.
fn run(command: &[String], allowed: Option<&Path>) -> io::Result<bool> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| io::Error::other(USAGE))?;
    let allowed = match allowed {
        Some(path) => Allowed::parse(&std::fs::read_to_string(path)?),
        None => Allowed::default(),
    };
    let skips = SkipsFile::new()?;
    let (reader, writer) = io::pipe()?;
    let mut child = Command::new(program)
        .args(arguments)
        .env(SKIPS, &skips.path)
        // a common pipe preserves the order of the output of cargo and the tests
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()
        .map_err(|error| io::Error::other(format!("cannot start {program}: {error}")))?;
    let sections = pass_on(reader)?.into_sections();
    let status = child.wait()?;
    let total = Total::of(sections, &skips.read()?);
    let mut is_well = status.success() && total.failed.is_empty();
    let mut text = String::from("\n");
    if total.programs == 0 {
        text.push_str("no test ran\n");
        is_well = false;
    } else if !status.success() && total.failed.is_empty() {
        text.push_str(&format!("{program} ended with {status}\n"));
    }
    let beyond = match is_ci() {
        true => total.beyond(&allowed),
        false => Vec::new(),
    };
    is_well &= beyond.is_empty();
    text.push_str(&total.text(&beyond));
    io::stdout().write_all(text.as_bytes())?;
    Ok(is_well)
}

fn pass_on(reader: impl Read) -> io::Result<Output> {
    let mut reader = BufReader::new(reader);
    let mut output = Output::default();
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        io::stdout().write_all(&line)?;
        output.read(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(output)
}

fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// The file of skipped tests, removed on drop.
struct SkipsFile {
    path: PathBuf,
}

impl SkipsFile {
    fn new() -> io::Result<Self> {
        let name = format!("tickbook-skips-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        File::create(&path)?;
        Ok(Self { path })
    }

    fn read(&self) -> io::Result<Vec<Skip>> {
        let text = std::fs::read_to_string(&self.path)?;
        text.lines()
            .map(|line| {
                Skip::parse(line).ok_or_else(|| io::Error::other(format!("invalid skip: {line:?}")))
            })
            .collect()
    }
}

impl Drop for SkipsFile {
    fn drop(&mut self) {
        // the system cleans the directory of temporary files anyway
        let _ = std::fs::remove_file(&self.path);
    }
}

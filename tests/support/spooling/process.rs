//! A separate process of a test: this test program again, with environment variables that state its task.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::support::alone::this_test;

const SPOOL: &str = "TICKBOOK_CHILD_SPOOL";
const TASK: &str = "TICKBOOK_CHILD_TASK";

/// The spool directory and the task of this process. `None` in the process that starts others.
pub(crate) fn orders() -> Option<(PathBuf, String)> {
    let spool = std::env::var_os(SPOOL)?;
    Some((spool.into(), std::env::var(TASK).expect("given")))
}

/// Prints a line for the process that started this one.
pub(crate) fn print_line(words: impl std::fmt::Display) {
    // the test harness has begun the line
    println!("\n{words}");
    std::io::stdout().flush().expect("somebody reads");
}

/// A process that runs the test which starts it.
pub(crate) struct Process {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a process. Call it on the thread of the test.
    pub(crate) fn start(spool: &Path, task: &str) -> Self {
        Self::start_with(spool, task, &[])
    }

    /// Starts a process with additional environment variables.
    pub(crate) fn start_with(spool: &Path, task: &str, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this binary"))
            .args([
                this_test().as_str(),
                "--exact",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(SPOOL, spool)
            .env(TASK, task)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let said = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, said }
    }

    /// Waits for a line that begins with `word`, and returns the rest of the line.
    ///
    /// # Panics
    /// If the process ends first.
    pub(crate) fn read_after(&mut self, word: &str) -> String {
        loop {
            let line = self.read_line_after();
            let line = line.unwrap_or_else(|| panic!("it never says {word}"));
            if let Some(rest) = line.strip_prefix(word) {
                return rest.trim().to_owned();
            }
        }
    }

    fn read_line_after(&mut self) -> Option<String> {
        let mut line = String::new();
        let count = self.said.read_line(&mut line).expect("text");
        (count > 0).then_some(line)
    }

    pub(crate) fn terminate(&self) {
        let id = self.child.id().to_string();
        let reported = Command::new("kill").args(["-TERM", &id]).status();
        assert!(reported.is_ok_and(|status| status.success()), "kill -TERM");
    }

    /// Kills the process after `patience`. Returns the numbers that it printed.
    pub(crate) fn kill_after(self, patience: Duration) -> Vec<i64> {
        self.kill_when(|_| true, patience)
    }

    /// Kills the process `patience` after it printed `count` numbers, no matter how long it takes to
    /// start. Returns the numbers that it printed.
    pub(crate) fn kill_after_numbers(self, count: usize, patience: Duration) -> Vec<i64> {
        self.kill_when(|numbers| numbers.len() >= count, patience)
    }

    fn kill_when(mut self, is_time: impl Fn(&[i64]) -> bool, patience: Duration) -> Vec<i64> {
        let mut child = Some(self.child);
        let mut killing = None;
        let mut numbers = Vec::new();
        loop {
            if is_time(&numbers)
                && let Some(mut child) = child.take()
            {
                killing = Some(std::thread::spawn(move || {
                    // the kill happens at a random instant, so this sleep waits for no condition
                    std::thread::sleep(patience);
                    child.kill().expect("kill -9");
                    child.wait().expect("its end");
                }));
            }
            let mut line = String::new();
            if !self.said.read_line(&mut line).is_ok_and(|count| count > 0) {
                break;
            }
            // a number that is cut off would be a different number
            if line.ends_with('\n') {
                numbers.extend(line.trim().parse::<i64>());
            }
        }
        let killing = killing.expect("it ends before it is killed");
        killing.join().expect("killed");
        numbers
    }

    /// Waits for the end of the process. Returns its exit code, if it was not killed, and the waiting
    /// time without the lag of the machine.
    pub(crate) fn end(mut self) -> (Option<i32>, Duration) {
        let begun = suite::Watch::start();
        let status = self.child.wait().expect("its end");
        (status.code(), begun.of_ours())
    }
}

/// Random instants at which to kill processes; prints the seed.
pub(crate) struct Deaths {
    pub(crate) count: u64,
    random: u64,
}

impl Deaths {
    /// `TICKBOOK_KILLS` instants, determined by `TICKBOOK_SEED`.
    pub(crate) fn new() -> Self {
        let number = |name: &str, default: u64| {
            let text = std::env::var(name).ok();
            text.map_or(default, |text| text.parse().expect("a number"))
        };
        let count = number("TICKBOOK_KILLS", 20);
        let seed = number("TICKBOOK_SEED", u64::from(std::process::id()));
        println!("TICKBOOK_SEED={seed} TICKBOOK_KILLS={count}");
        let random = seed | 1;
        Self { count, random }
    }

    /// The next delay, less than `longest`.
    pub(crate) fn next(&mut self, longest: Duration) -> Duration {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let longest = u64::try_from(longest.as_micros()).expect("short");
        Duration::from_micros(1_000 + self.random % longest)
    }
}

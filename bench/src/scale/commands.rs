//! The commands of the command line.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chrono::TimeDelta;
use tickbook::Database;

use crate::cpu;

use super::Samples;
use super::database::{Pair, Size};

/// The number of runs of a command in a turn: the CPU time of an ended process is known in steps of 10 ms.
const RUNS: usize = 5;

/// The longest wait for the server processes of a command to end.
const DEADLINE: Duration = Duration::from_secs(10);

/// The policies of the databases: nothing is dropped. A plan that drops data counts the rows to be dropped, of
/// which the small database has none.
const NO_DROPS: [(&str, &str); 2] = [
    ("TICKBOOK__POLICIES__TICKS__DROP_AFTER", "none"),
    ("TICKBOOK__POLICIES__CANDLES__DROP_AFTER", "none"),
];

pub(super) struct Commands<'a> {
    pair: &'a Pair,
    program: PathBuf,
    /// The process whose children serve the clients.
    postmaster: i32,
}

impl<'a> Commands<'a> {
    pub(super) fn new(pair: &'a Pair) -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("tickbook");
        ensure!(program.exists(), "{} is missing", program.display());
        let processes = pair.processes(Size::Large)?;
        let process = processes.first().context("no connection is open")?;
        Ok(Self {
            pair,
            program,
            postmaster: cpu::parent(*process)?,
        })
    }

    /// Runs every command `rounds` times in both databases.
    pub(super) fn run(&self, rounds: u32) -> Result<Samples> {
        let mut samples = Samples::new();
        for round in 0..rounds as usize {
            for (name, arguments) in [
                ("status", &["status"] as &[&str]),
                ("policies status", &["policies", "status"]),
                ("policies plan", &["policies", "plan"]),
                ("verify of a day of a symbol", &["verify", "--symbol", "1"]),
            ] {
                let mut milliseconds = [0.0; 2];
                for which in [round % 2, (round + 1) % 2] {
                    let size = [Size::Small, Size::Large][which];
                    milliseconds[which] = self.turn(size, arguments)?;
                }
                let of_name = samples.entry(name).or_default();
                for (all, one) in of_name.iter_mut().zip(milliseconds) {
                    all.push(one);
                }
            }
        }
        Ok(samples)
    }

    /// The milliseconds of CPU that a run of the command cost the database server.
    fn turn(&self, size: Size, arguments: &[&str]) -> Result<f64> {
        let known = self.pair.processes(size)?;
        let before = cpu::of_ended_children(self.postmaster)?;
        let day = self.pair.first_day(size) + TimeDelta::days(1);
        let (from, to) = (day, day + TimeDelta::days(1));
        let range = [from, to].map(|time| time.format("%F").to_string());
        for _ in 0..RUNS {
            let [metadata, timeseries] = self.pair.urls(size);
            let mut command = Command::new(&self.program);
            command
                .args(arguments)
                .env(Database::Metadata.url_variable(), metadata)
                .env(Database::Timeseries.url_variable(), timeseries)
                .envs(NO_DROPS)
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            if arguments[0] == "verify" {
                command.args(["--from", &range[0], "--to", &range[1]]);
            }
            // 1 reports a difference, which does not matter here
            let code = command.status()?.code();
            ensure!(
                matches!(code, Some(0 | 1)),
                "{arguments:?} ended with {code:?}"
            );
        }
        let begun = Instant::now();
        while self
            .pair
            .processes(size)?
            .iter()
            .any(|pid| !known.contains(pid))
        {
            ensure!(begun.elapsed() < DEADLINE, "a server process does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
        let after = cpu::of_ended_children(self.postmaster)?;
        Ok((after - before) / RUNS as f64)
    }
}

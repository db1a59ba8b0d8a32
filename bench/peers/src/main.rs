//! Measures what reading the messages of venues costs: from the text over the order book to the record, beside other
//! projects.
//!
//! All results are ratios of CPU time of contenders that alternate within one run.
#![forbid(unsafe_code)]

#[cfg(feature = "barter")]
mod barter;
mod case;
mod contender;
mod cryptofeed;
mod ours;
#[allow(dead_code, reason = "shared with the other benchmark")]
#[path = "../../src/report.rs"]
mod report;
mod rounds;
mod session;

use std::cell::RefCell;
use std::rc::Rc;

use anyhow::Result;
use clap::Parser;

use case::{Case, Kind, Venue};
use contender::{Local, Sample};
use cryptofeed::{Cryptofeed, Process};
use report::{Report, Target};
use rounds::{Entry, OURS};
use session::Sessions;

/// Measures reading of recorded messages beside cryptofeed and barter-data
#[derive(Debug, Parser)]
#[command(name = "tickbook-bench-peers")]
struct Arguments {
    /// Number of rounds; each contender has a turn in each round
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Only cases whose name contains this, such as `OKX` or `trade`
    #[arg(long, default_value = "")]
    only: String,
    /// Exits with code 1 if a target is missed
    #[arg(long)]
    strict: bool,
}

/// The peers of this run.
struct Peers {
    cryptofeed: Option<Rc<RefCell<Process>>>,
}

impl Peers {
    /// Starts the installed peers, and prints all of them.
    fn start() -> Self {
        let cryptofeed = match Process::start() {
            Ok(process) => {
                println!("{}", process.version);
                Some(Rc::new(RefCell::new(process)))
            }
            Err(error) => {
                println!("cryptofeed: skipped: {error:#}");
                None
            }
        };
        match cfg!(feature = "barter") {
            true => println!("{}", named("barter-data")),
            false => println!("barter-data: skipped: not compiled"),
        }
        Self { cryptofeed }
    }

    async fn entries<'c>(&self, case: &'c Case) -> Result<Vec<Entry<'c>>> {
        let ours = Local(ours::Ours::new(case).await?);
        let mut entries = vec![Entry::new(OURS, Box::new(ours))];
        #[cfg(feature = "barter")]
        if let Some(contender) = barter::contender(case).await? {
            entries.push(Entry::new(named("barter-data"), contender));
        }
        if let Some(process) = &self.cryptofeed
            && let Some(contender) = Cryptofeed::new(process, case)?
        {
            let name = process.borrow().version.clone();
            entries.push(Entry::new(name, Box::new(contender)));
        }
        Ok(entries)
    }
}

/// A crate with the version that is compiled in.
fn named(name: &str) -> String {
    let lock = include_str!("../Cargo.lock");
    let line = format!("name = \"{name}\"\nversion = \"");
    let version = lock.split_once(&line).map_or("", |(_, rest)| rest);
    format!("{name} {}", version.split('"').next().unwrap_or_default())
}

fn print(entries: &[Entry<'_>]) {
    println!("  {:<34}{:>14}{:>16}", "", "k messages/s", "CPU us/message");
    for entry in entries {
        println!(
            "  {:<34}{:>14.1}{:>16.3}",
            entry.name,
            entry.median(Sample::speed),
            entry.median(Sample::cpu_micros),
        );
    }
    println!();
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let sessions = match Sessions::find() {
        Ok(sessions) => sessions,
        Err(error) => {
            println!("not measured: {error}");
            return Ok(());
        }
    };
    let peers = Peers::start();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    println!("{} rounds\n", arguments.rounds);
    let mut report = Report::default();
    for venue in Venue::ALL {
        for kind in Kind::ALL {
            let title = format!("{venue}, {kind}");
            if !title.contains(&arguments.only) {
                continue;
            }
            println!("{title}");
            let case = match sessions.case(venue, kind) {
                Ok(case) => case,
                Err(error) => {
                    println!("  not measured: {error:#}\n");
                    continue;
                }
            };
            let mut entries = rounds::checked(runtime.block_on(peers.entries(&case))?)?;
            rounds::run(&mut entries, arguments.rounds)?;
            print(&entries);
            if let Some((best, ratios)) = rounds::ratios(&entries) {
                let best = best.split(',').next().unwrap_or(best);
                let what = format!("CPU of a message, {title} / {best}");
                report.add(what, Target::AtMost(0.7), ratios);
            }
        }
    }
    report.print();
    if arguments.strict && report.misses() > 0 {
        anyhow::bail!("{} targets are missed", report.misses());
    }
    Ok(())
}

//! The cost of a request in a large and a small database.

mod commands;
mod database;
mod requests;
mod server;

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::report::Report;
use crate::report::Target::AtMost;
use crate::report::median;

use commands::Commands;
use database::{Pair, Size};
use requests::{Request, requests};
use server::Server;

/// Measures every request on a large and a small database, which it creates on the server of TIMESCALEDB_URL
#[derive(Debug, clap::Args)]
pub(crate) struct ScaleArguments {
    /// Number of ticks in the large database
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(100_000..))]
    ticks: u64,
    /// Number of days, and of chunks, of the large database; the small one has its newest three
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u32).range(5..=2_000))]
    days: u32,
    /// Number of rounds after three rounds of warm-up
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(3..))]
    rounds: u32,
    /// Exits with code 1 if a target is missed
    #[arg(long)]
    strict: bool,
}

/// The largest cost of a request in the large database, relative to the small one.
const MAX_RATIO: f64 = 1.3;
/// The same for the verification of one day of a symbol.
const MAX_VERIFY_RATIO: f64 = 1.5;
/// The largest cost of one request, relative to the median of its kind.
const MAX_WORST: f64 = 5.0;

/// Rounds that fill caches and are not counted: the server plans a prepared statement at each of its first five
/// calls.
const WARM_UP: u32 = 6;

/// The numbers of connections of a pool.
const POOLS: [u32; 2] = [1, 20];

/// Milliseconds of server CPU of each measured turn, in the small and the large database.
type Samples = BTreeMap<&'static str, [Vec<f64>; 2]>;

pub(crate) async fn run(arguments: &ScaleArguments) -> Result<()> {
    let pair = Pair::create(arguments.ticks, arguments.days).await?;
    println!("{}", pair.describe()?);
    println!("{} rounds\n", arguments.rounds);
    let mut report = Report::default();
    for pool in POOLS {
        let samples = over_rest(&pair, pool, arguments.rounds).await?;
        print(&format!("REST, pool of {pool}"), &samples);
        for (name, [small, large]) in &samples {
            let ratios = small.iter().zip(large).map(|(small, large)| large / small);
            let what = format!("{name}, pool of {pool}");
            report.add(what.as_str(), AtMost(MAX_RATIO), ratios.collect());
            let worst = large.iter().copied().fold(0.0, f64::max) / median(large);
            report.add(
                format!("{what}: worst / median"),
                AtMost(MAX_WORST),
                vec![worst],
            );
        }
    }
    let samples = Commands::new(&pair)?.run(arguments.rounds.div_ceil(4))?;
    print("command line", &samples);
    for (name, [small, large]) in &samples {
        let target = match name.starts_with("verify") {
            true => MAX_VERIFY_RATIO,
            false => MAX_RATIO,
        };
        let ratios = small.iter().zip(large).map(|(small, large)| large / small);
        report.add(*name, AtMost(target), ratios.collect());
    }
    report.print();
    if arguments.strict && report.misses() > 0 {
        bail!("{} targets are missed", report.misses());
    }
    Ok(())
}

/// Sends every request in each round to both databases, in an order that mixes short and long requests.
async fn over_rest(pair: &Pair, pool: u32, rounds: u32) -> Result<Samples> {
    let servers = [
        Server::start(pair, Size::Small, pool).await?,
        Server::start(pair, Size::Large, pool).await?,
    ];
    let mut samples = Samples::new();
    for round in 0..WARM_UP + rounds {
        let requests = requests(pair, pool, round);
        for (number, Request { name, text }) in requests.iter().enumerate() {
            let mut milliseconds = [0.0; 2];
            let order = [number % 2, (number + 1) % 2];
            for which in order.map(|it| (it + round as usize) % 2) {
                milliseconds[which] = servers[which].turn(pair, text).await?;
            }
            if round >= WARM_UP {
                let of_name = samples.entry(name).or_default();
                for (all, one) in of_name.iter_mut().zip(milliseconds) {
                    all.push(one);
                }
            }
        }
    }
    Ok(samples)
}

fn print(title: &str, samples: &Samples) {
    println!("{title}, milliseconds of server CPU");
    println!("  {:<44}{:>10}{:>10}{:>8}", "", "small", "large", "ratio");
    for (name, [small, large]) in samples {
        let (small, large) = (median(small), median(large));
        println!(
            "  {name:<44}{small:>10.2}{large:>10.2}{:>8.2}",
            large / small
        );
    }
    println!();
}

//! Memory used while a long range is streamed.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use futures_util::TryStreamExt as _;
use tickbook::domain::{PageLimit, SymbolId};
use tickbook::postgres::PgTickRepository;
use tickbook::repository::{TickQuery, tick_stream};

use crate::history::History;
use crate::report::Report;
use crate::report::Target::AtMost;
use crate::server::Place;

use super::Bench;

/// Five million ticks of one symbol.
const HISTORY: History = History {
    symbols: 1,
    days: 10,
    ticks_per_minute: 360,
};
const MAX_TICKS: usize = 5_000_000;

/// Number of ticks between two measurements of memory.
const CHECK_INTERVAL: usize = 10_000;

impl Bench {
    pub(crate) async fn streaming(&self, report: &mut Report) -> Result<()> {
        let mut place = Place::migrated().await?;
        HISTORY.fill(&mut place)?;
        let ticks = Arc::new(PgTickRepository::new(place.pools().timeseries()));
        let query = TickQuery::new(SymbolId::new(1), HISTORY.range()?).limit(PageLimit::MAX);
        let mut megabytes = Vec::new();
        for _ in 0..self.rounds {
            let idle = resident_bytes()?;
            let (mut count, mut most) = (0, idle);
            let start = std::time::Instant::now();
            let mut stream = tick_stream(ticks.clone(), query);
            while count < MAX_TICKS && stream.try_next().await?.is_some() {
                count += 1;
                if count % CHECK_INTERVAL == 0 {
                    most = most.max(resident_bytes()?);
                }
            }
            ensure!(count == MAX_TICKS, "{count} ticks");
            println!(
                "streamed {count} ticks, {:.0} k ticks/s",
                count as f64 / start.elapsed().as_secs_f64() / 1e3
            );
            megabytes.push((most - idle) as f64 / f64::from(1 << 20));
        }
        println!();
        // memory that the allocator retains after a round is already in use at the start of the next
        megabytes.truncate(1);
        report.add(
            "MiB above idle while five million ticks are streamed, first round",
            AtMost(32.0),
            megabytes,
        );
        Ok(())
    }
}

fn resident_bytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .context("no VmRSS in /proc/self/status")?;
    Ok(kilobytes.trim().parse::<u64>()? * 1024)
}

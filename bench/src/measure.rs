//! One turn of one contender, measured.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};
use tickbook::domain::Tick;

use crate::contenders::Contender;
use crate::server::Place;

/// What a turn took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Seconds of a tick.
    pub(crate) seconds: f64,
    /// Microseconds of CPU of this process for a tick.
    pub(crate) cpu_micros: f64,
    /// Bytes of write-ahead log of a tick.
    pub(crate) wal_bytes: f64,
}

/// Lets `contender` write `batches`, each in a call of its own.
///
/// In a task, as a server's ticks are written; the contenders that block do so there.
pub(crate) async fn turn(
    mut contender: Box<dyn Contender>,
    place: &mut Place,
    batches: &Arc<Vec<Vec<Tick>>>,
) -> Result<(Box<dyn Contender>, Sample)> {
    contender.prepare(batches)?;
    let ticks: usize = batches.iter().map(Vec::len).sum();
    let batches = Arc::clone(batches);
    let wal = place.wal_bytes()?;
    let (contender, cpu_micros, seconds) = tokio::spawn(async move {
        let (cpu, start) = (process_cpu_micros(), Instant::now());
        contender.write_all(&batches).await?;
        let seconds = start.elapsed().as_secs_f64();
        anyhow::Ok((contender, process_cpu_micros() - cpu, seconds))
    })
    .await??;
    let wal_bytes = place.wal_bytes()? - wal;
    let ticks = ticks as f64;
    let sample = Sample {
        seconds: seconds / ticks,
        cpu_micros: cpu_micros / ticks,
        wal_bytes: wal_bytes as f64 / ticks,
    };
    Ok((contender, sample))
}

/// CPU time of all threads of this process, user and system.
fn process_cpu_micros() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

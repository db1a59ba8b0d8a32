//! Measures one turn of one contender.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use tickbook::domain::Tick;

use crate::contenders::Contender;
use crate::cpu;
use crate::server::Place;

/// Resources used by one or several turns.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sample {
    ticks: f64,
    seconds: f64,
    cpu_micros: f64,
    server_micros: f64,
    wal_bytes: f64,
}

impl Sample {
    pub(crate) fn add(&mut self, other: &Self) {
        self.ticks += other.ticks;
        self.seconds += other.seconds;
        self.cpu_micros += other.cpu_micros;
        self.server_micros += other.server_micros;
        self.wal_bytes += other.wal_bytes;
    }

    /// Seconds per tick.
    pub(crate) fn seconds(&self) -> f64 {
        self.seconds / self.ticks
    }

    /// Microseconds of CPU time of this process per tick.
    pub(crate) fn cpu_micros(&self) -> f64 {
        self.cpu_micros / self.ticks
    }

    /// Microseconds of CPU time of this process and of the server's processes per tick.
    pub(crate) fn cpu_micros_of_both(&self) -> f64 {
        (self.cpu_micros + self.server_micros) / self.ticks
    }

    /// Bytes of write-ahead log per tick.
    pub(crate) fn wal_bytes(&self) -> f64 {
        self.wal_bytes / self.ticks
    }
}

/// Lets `contender` write `batches`, each in its own call.
///
/// Runs in a task, as a server writes its ticks.
pub(crate) async fn turn(
    mut contender: Box<dyn Contender>,
    place: &mut Place,
    batches: &Arc<Vec<Vec<Tick>>>,
) -> Result<(Box<dyn Contender>, Sample)> {
    contender.prepare(batches)?;
    let ticks: usize = batches.iter().map(Vec::len).sum();
    let batches = Arc::clone(batches);
    let wal = place.wal_bytes()?;
    let server = place.server_cpu_micros()?;
    let (contender, cpu_micros, seconds) = tokio::spawn(async move {
        let (cpu, start) = (cpu::of_this_process(), Instant::now());
        contender.write_all(&batches).await?;
        let seconds = start.elapsed().as_secs_f64();
        anyhow::Ok((contender, cpu::of_this_process() - cpu, seconds))
    })
    .await??;
    let server_micros = place.server_cpu_micros()? - server;
    let wal_bytes = place.wal_bytes()? - wal;
    let sample = Sample {
        ticks: ticks as f64,
        seconds,
        cpu_micros,
        server_micros,
        wal_bytes: wal_bytes as f64,
    };
    Ok((contender, sample))
}

//! Measures whether memory, descriptors, threads and backlog of the writers grow.

use std::path::Path;
use std::time::Instant;

use super::writer::Writer;

/// Smaller growth is noise, such as a new connection or a page of the allocator.
const MEGABYTES: f64 = 16.0;
const COUNT: f64 = 8.0;
const TICKS: f64 = 500.0;
const PAGE: f64 = 4_096.0;

/// The resources that one process uses.
#[derive(Debug, Clone, Copy)]
struct Usage {
    seconds: f64,
    megabytes: f64,
    descriptors: f64,
    threads: f64,
    queued: f64,
}

pub(super) struct Measures {
    begun: Instant,
    stormy: Vec<Usage>,
    calm: Vec<Usage>,
}

impl Measures {
    pub(super) fn start(calm: &Writer) -> Self {
        let begun = Instant::now();
        Self {
            begun,
            stormy: Vec::new(),
            calm: usage(calm, begun).into_iter().collect(),
        }
    }

    pub(super) fn take(&mut self, stormy: &Writer, calm: &Writer) {
        self.stormy.extend(usage(stormy, self.begun));
        self.calm.extend(usage(calm, self.begun));
    }

    /// Prints the slopes, and asserts that nothing grew after the first quarter of the run.
    pub(super) fn assert_flat(&self) {
        for (leg, usages) in [("faulted", &self.stormy), ("control", &self.calm)] {
            let warm = &usages[usages.len() / 4..];
            for (what, noise, of) in [
                (
                    "RSS in MB",
                    MEGABYTES,
                    (|one| one.megabytes) as fn(&Usage) -> f64,
                ),
                ("descriptors", COUNT, |one| one.descriptors),
                ("threads", COUNT, |one| one.threads),
                ("backlog in ticks", TICKS, |one| one.queued),
            ] {
                let slope = slope(warm, of);
                let length = warm
                    .last()
                    .map_or(0.0, |last| last.seconds - warm[0].seconds);
                let most = warm.iter().map(of).fold(0.0, f64::max);
                println!(
                    "{leg}: {what}: {:+.2} in an hour, {most:.1} at most",
                    slope * 3_600.0
                );
                assert!(slope * length <= noise, "{leg}: {what} grows: {usages:?}");
            }
        }
    }
}

fn usage(writer: &Writer, begun: Instant) -> Option<Usage> {
    let process = format!("/proc/{}", writer.process());
    let process = Path::new(&process);
    let pages = std::fs::read_to_string(process.join("statm")).ok()?;
    let pages: f64 = pages.split(' ').nth(1)?.parse().ok()?;
    let count = |folder| Some(std::fs::read_dir(process.join(folder)).ok()?.count() as f64);
    Some(Usage {
        seconds: begun.elapsed().as_secs_f64(),
        megabytes: pages * PAGE / 1_048_576.0,
        descriptors: count("fd")?,
        threads: count("task")?,
        queued: writer.queued() as f64,
    })
}

/// The growth per second, by least squares.
fn slope(usages: &[Usage], of: fn(&Usage) -> f64) -> f64 {
    let count = usages.len() as f64;
    let mean = |value: &dyn Fn(&Usage) -> f64| usages.iter().map(value).sum::<f64>() / count;
    let (x, y) = (mean(&|one| one.seconds), mean(&of));
    let (mut above, mut below) = (0.0, 0.0);
    for one in usages {
        above += (one.seconds - x) * (of(one) - y);
        below += (one.seconds - x).powi(2);
    }
    if below > 0.0 { above / below } else { 0.0 }
}

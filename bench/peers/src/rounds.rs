//! Turns of the contenders of a case, round by round.

use anyhow::{Context as _, Result};

use crate::contender::{Contender, Sample, compare};

/// CPU time of a slice of a contender, about.
const SLICE_SECONDS: f64 = 0.02;

/// Number of slices of each contender in a round.
const SLICES: usize = 5;

/// The name of the first contender.
pub(crate) const OURS: &str = "tickbook";

/// A contender and its turns.
pub(crate) struct Entry<'c> {
    pub(crate) name: String,
    contender: Box<dyn Contender + 'c>,
    repeats: u32,
    /// One sample for each round.
    pub(crate) samples: Vec<Sample>,
}

impl<'c> Entry<'c> {
    pub(crate) fn new(name: impl Into<String>, contender: Box<dyn Contender + 'c>) -> Self {
        Self {
            name: name.into(),
            contender,
            repeats: 1,
            samples: Vec::new(),
        }
    }

    /// The median of a figure of all rounds.
    pub(crate) fn median(&self, figure: fn(&Sample) -> f64) -> f64 {
        let figures: Vec<_> = self.samples.iter().map(figure).collect();
        crate::report::median(&figures)
    }
}

/// Checks that all contenders find the same as the first one, and leaves out the others.
pub(crate) fn checked(entries: Vec<Entry<'_>>) -> Result<Vec<Entry<'_>>> {
    let mut checked = Vec::new();
    let mut ours = None;
    for mut entry in entries {
        let found = entry.contender.check();
        match &ours {
            None => ours = Some(found.context(OURS)?),
            Some(ours) => {
                if let Err(error) = found.and_then(|found| compare(ours, &found)) {
                    println!("  {}: not measured: {error:#}", entry.name);
                    continue;
                }
            }
        }
        checked.push(entry);
    }
    Ok(checked)
}

/// Lets all contenders read the messages in turn. The order changes with every slice.
pub(crate) fn run(entries: &mut [Entry<'_>], rounds: u32) -> Result<()> {
    for entry in &mut *entries {
        // the first turn warms up
        entry.contender.turn(1)?;
        let sample = entry.contender.turn(1)?;
        entry.repeats = (SLICE_SECONDS / sample.cpu_seconds).ceil().clamp(1.0, 1e4) as u32;
    }
    let contenders = entries.len();
    for round in 0..rounds as usize {
        let mut sums = vec![Sample::default(); contenders];
        for slice in 0..SLICES {
            for turn in 0..contenders {
                let whose = (turn + slice + round) % contenders;
                let entry = &mut entries[whose];
                sums[whose].add(&entry.contender.turn(entry.repeats)?);
            }
        }
        for (entry, sum) in entries.iter_mut().zip(sums) {
            entry.samples.push(sum);
        }
    }
    Ok(())
}

/// CPU time per message of the first contender divided by that of the other one that needs least, round by round,
/// and the name of the latter.
pub(crate) fn ratios<'e>(entries: &'e [Entry<'_>]) -> Option<(&'e str, Vec<f64>)> {
    let (ours, peers) = entries.split_first()?;
    let cost = |entry: &&Entry<'_>| entry.median(Sample::cpu_micros);
    let best = peers
        .iter()
        .min_by(|one, other| cost(one).total_cmp(&cost(other)))?;
    let rounds = ours.samples.iter().zip(&best.samples);
    let ratio = |(ours, best): (&Sample, &Sample)| ours.cpu_micros() / best.cpu_micros();
    Some((&best.name, rounds.map(ratio).collect()))
}

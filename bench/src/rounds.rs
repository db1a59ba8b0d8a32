//! Runs contenders in turn, round by round.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use tickbook::domain::Tick;

use crate::contenders::Contender;
use crate::market;
use crate::measure::{Sample, turn};
use crate::server::Place;

/// Number of batches before the measurement, which create the chunk, the connection and its plans.
const WARM_UP: usize = 8;

/// Number of turns of each contender in a round.
const SLICES: usize = 10;

/// A contender, its schema and the results of its turns.
pub(crate) struct Entry {
    name: &'static str,
    place: Place,
    contender: Option<Box<dyn Contender>>,
    samples: Vec<Sample>,
    round: Sample,
    slices: Vec<Arc<Vec<Vec<Tick>>>>,
    /// The share of the batches of a round that it writes: slow contenders need fewer for a measurement.
    share: f64,
    /// The table that it writes to.
    table: &'static str,
}

/// The results of all turns of all contenders.
pub(crate) struct Samples(Vec<(&'static str, Vec<Sample>)>);

impl Entry {
    pub(crate) fn new(place: Place, contender: Box<dyn Contender>) -> Self {
        Self {
            name: contender.name(),
            place,
            contender: Some(contender),
            samples: Vec::new(),
            round: Sample::default(),
            slices: Vec::new(),
            share: 1.0,
            table: "ticks",
        }
    }

    pub(crate) fn with_share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    pub(crate) fn with_table(mut self, table: &'static str) -> Self {
        self.table = table;
        self
    }

    /// Empties the table, creates the chunk of the day, and generates the batches of the round.
    async fn begin_round(&mut self, day: u32, count: usize, size: usize) -> Result<()> {
        let count = ((count as f64 * self.share) as usize).max(SLICES);
        let mut all = market::batches(day, WARM_UP + count, size);
        if self.contender.as_ref().is_some_and(|one| !one.sorts()) {
            all = market::sorted(&all);
        }
        let measured = all.split_off(WARM_UP);
        self.slices = measured
            .chunks(measured.len().div_ceil(SLICES))
            .map(|slice| Arc::new(slice.to_vec()))
            .collect();
        self.place.execute(&format!("TRUNCATE {}", self.table))?;
        self.take_turn(Arc::new(all)).await?;
        self.round = Sample::default();
        Ok(())
    }

    async fn take_turn(&mut self, batches: Arc<Vec<Vec<Tick>>>) -> Result<()> {
        let contender = self.contender.take().context("each turn returns it")?;
        let (contender, sample) = turn(contender, &mut self.place, &batches).await?;
        self.contender = Some(contender);
        self.round.add(&sample);
        Ok(())
    }
}

/// Lets each of `entries` write `count` batches of `size` ticks in each round.
///
/// Within a round they alternate slice by slice, so that other load on the machine affects all of them; the
/// order changes with every slice.
pub(crate) async fn run(
    mut entries: Vec<Entry>,
    rounds: u32,
    count: usize,
    size: usize,
) -> Result<Samples> {
    let contenders = entries.len();
    for round in 0..rounds {
        for entry in &mut entries {
            let begun = entry.begin_round(round, count, size).await;
            begun.with_context(|| entry.name)?;
        }
        for slice in 0..SLICES {
            for turn in 0..contenders {
                let whose = (turn + slice + round as usize) % contenders;
                let entry = &mut entries[whose];
                if let Some(batches) = entry.slices.get(slice).map(Arc::clone) {
                    let taken = entry.take_turn(batches).await;
                    taken.with_context(|| entry.name)?;
                }
            }
        }
        for entry in &mut entries {
            entry.samples.push(entry.round);
        }
    }
    let samples = entries.into_iter().map(|entry| (entry.name, entry.samples));
    Ok(Samples(samples.collect()))
}

impl Samples {
    pub(crate) fn of(&self, name: &str) -> &[Sample] {
        self.0
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(&[], |(_, samples)| samples)
    }

    /// Speed of `one` divided by the speed of `other`, round by round.
    pub(crate) fn speed(&self, one: &str, other: &str) -> Vec<f64> {
        self.ratios(other, one, Sample::seconds)
    }

    /// `figure` of `one` divided by that of `other`, round by round.
    pub(crate) fn ratios(&self, one: &str, other: &str, figure: fn(&Sample) -> f64) -> Vec<f64> {
        let pairs = self.of(one).iter().zip(self.of(other));
        pairs
            .map(|(one, other)| figure(one) / figure(other))
            .collect()
    }

    /// Prints a line for each contender.
    pub(crate) fn print(&self, title: &str) {
        println!("{title}");
        println!(
            "  {:<28}{:>14}{:>14}{:>14}",
            "", "k ticks/s", "CPU us/tick", "WAL B/tick"
        );
        for (name, samples) in &self.0 {
            let figure = |figure: fn(&Sample) -> f64| {
                crate::report::median(&samples.iter().map(figure).collect::<Vec<_>>())
            };
            println!(
                "  {name:<28}{:>14.1}{:>14.2}{:>14.1}",
                0.001 / figure(Sample::seconds),
                figure(Sample::cpu_micros),
                figure(Sample::wal_bytes),
            );
        }
        println!();
    }
}

//! `tickbook delete`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::Context as _;
use serde::Serialize;
use tickbook::Repositories;
use tickbook::db::DatabasePools;
use tickbook::domain::{SymbolId, TimeRange, Timeframe};
use tickbook::repository::{
    CandleCounts, DeletedCandles, DeletedTicks, DeletedTrades, deletable_candles, deletable_ticks,
    deletable_trades, delete_candles, delete_ticks, delete_trades,
};

use crate::Outcome;
use crate::args::{
    DeleteArguments, DeleteCandlesArguments, DeleteTicksArguments, DeleteTradesArguments,
};
use crate::asking::Question;
use crate::interruption;
use crate::opening::{connect, settings, symbol};
use crate::progress::{bar, counter};
use crate::refreshing::refresh;
use crate::report::{print, print_json, seconds};
use crate::times::time_text as time;

const QUESTION: Question = Question {
    text: "Delete the listed data?",
    not_asked: "nothing was deleted: repeat the command with --yes to delete the listed data",
    declined: "nothing was deleted",
};

const ENDED_EARLY: &str =
    "the command ended early: the rows counted above are deleted; run it again";

pub(crate) async fn ticks(arguments: &DeleteTicksArguments) -> anyhow::Result<Outcome> {
    let what = &arguments.what;
    let begun = Instant::now();
    let Target {
        repositories,
        pools,
        symbol_id,
        range,
    } = interruption::unless_interrupted(Target::open(what)).await?;
    let ticks = &*repositories.ticks;
    let mut progress = counter("ticks");
    if !what.yes {
        let counting = async { Ok(deletable_ticks(ticks, symbol_id, range).await?) };
        let counted = interruption::unless_interrupted(counting).await?;
        progress = bar(counted.ticks);
        let report = TicksJson::new(&counted, false, begun);
        let is_nothing = counted.ticks == 0;
        let lines = report.lines("would delete");
        let asking = is_wanted(what, &report, &lines, is_nothing);
        if !interruption::unless_interrupted(asking).await? {
            return Ok(outcome(what, is_nothing));
        }
    }
    let mut deleted = DeletedTicks::default();
    let mut days = BTreeSet::new();
    let deleting = delete_ticks(ticks, symbol_id, range, |part| {
        days.extend(part.span.map(|span| span.first));
        deleted.merge(part.clone());
        progress.set_position(deleted.ticks);
    });
    let done = interruption::unless_interrupted(async { Ok(deleting.await?) }).await;
    progress.finish_and_clear();
    let refreshed = refresh(&pools, days).await;
    let report = TicksJson::new(&deleted, true, begun);
    print_result(what, &report, &report.lines("deleted"))?;
    done.context(ENDED_EARLY)?;
    refreshed.context(
        "the ticks are deleted, but candles were not refreshed: reads are correct but slow, \
         until the maintenance refreshes them",
    )?;
    Ok(Outcome::Complete)
}

pub(crate) async fn trades(arguments: &DeleteTradesArguments) -> anyhow::Result<Outcome> {
    let what = &arguments.what;
    let begun = Instant::now();
    let Target {
        repositories,
        symbol_id,
        range,
        ..
    } = interruption::unless_interrupted(Target::open(what)).await?;
    let trades = &*repositories.trades;
    let mut progress = counter("trades");
    if !what.yes {
        let counting = async { Ok(deletable_trades(trades, symbol_id, range).await?) };
        let counted = interruption::unless_interrupted(counting).await?;
        progress = bar(counted.trades);
        let report = TradesJson::new(&counted, false, begun);
        let is_nothing = counted.trades == 0;
        let line = report.line("would delete");
        let asking = is_wanted(what, &report, &line, is_nothing);
        if !interruption::unless_interrupted(asking).await? {
            return Ok(outcome(what, is_nothing));
        }
    }
    let mut deleted = DeletedTrades::default();
    let deleting = delete_trades(trades, symbol_id, range, |part| {
        deleted.merge(part.clone());
        progress.set_position(deleted.trades);
    });
    let done = interruption::unless_interrupted(async { Ok(deleting.await?) }).await;
    progress.finish_and_clear();
    let report = TradesJson::new(&deleted, true, begun);
    print_result(what, &report, &report.line("deleted"))?;
    done.context(ENDED_EARLY)?;
    Ok(Outcome::Complete)
}

pub(crate) async fn candles(arguments: &DeleteCandlesArguments) -> anyhow::Result<Outcome> {
    let (what, timeframe) = (&arguments.what, arguments.timeframe);
    let begun = Instant::now();
    let Target {
        repositories,
        symbol_id,
        range,
        ..
    } = interruption::unless_interrupted(Target::open(what)).await?;
    let ohlc = &*repositories.ohlc;
    let mut progress = counter("candles");
    if !what.yes {
        let counting = async { Ok(deletable_candles(ohlc, symbol_id, timeframe, range).await?) };
        let counted = interruption::unless_interrupted(counting).await?;
        progress = bar(counted.candles.total());
        let report = CandlesJson::new(&counted, false, begun);
        let is_nothing = counted.candles.total() == 0;
        let lines = report.lines("would delete");
        let asking = is_wanted(what, &report, &lines, is_nothing);
        if !interruption::unless_interrupted(asking).await? {
            return Ok(outcome(what, is_nothing));
        }
    }
    let mut deleted = DeletedCandles::default();
    let deleting = delete_candles(ohlc, symbol_id, timeframe, range, |part| {
        deleted.merge(part.clone());
        progress.set_position(deleted.candles.total());
    });
    let done = interruption::unless_interrupted(async { Ok(deleting.await?) }).await;
    progress.finish_and_clear();
    let report = CandlesJson::new(&deleted, true, begun);
    print_result(what, &report, &report.lines("deleted"))?;
    done.context(ENDED_EARLY)?;
    Ok(Outcome::Complete)
}

/// The symbol and the range of a command.
struct Target {
    repositories: Repositories,
    pools: DatabasePools,
    symbol_id: SymbolId,
    range: TimeRange,
}

impl Target {
    async fn open(arguments: &DeleteArguments) -> anyhow::Result<Self> {
        let range = TimeRange::new(arguments.from, arguments.to)?;
        let (repositories, pools) = connect(&settings()?).await?;
        let symbol = symbol(&*repositories.symbols, &arguments.symbol).await?;
        Ok(Self {
            repositories,
            pools,
            symbol_id: symbol.symbol_id,
            range,
        })
    }
}

/// Shows what would be deleted, and asks for confirmation.
async fn is_wanted(
    arguments: &DeleteArguments,
    report: &impl Serialize,
    lines: &str,
    is_nothing: bool,
) -> anyhow::Result<bool> {
    print_result(arguments, report, lines)?;
    if arguments.dry_run || is_nothing {
        return Ok(false);
    }
    QUESTION.ask(arguments.json).await
}

fn print_result(
    arguments: &DeleteArguments,
    report: &impl Serialize,
    lines: &str,
) -> anyhow::Result<()> {
    match arguments.json {
        true => print_json(report),
        false => print(lines),
    }
}

/// The outcome of a command that deleted nothing.
fn outcome(arguments: &DeleteArguments, is_nothing: bool) -> Outcome {
    match arguments.dry_run || is_nothing {
        true => Outcome::Complete,
        false => Outcome::Incomplete,
    }
}

#[derive(Debug, Serialize)]
struct TicksJson {
    /// Whether they were deleted, or would be.
    deleted: bool,
    ticks: u64,
    first: Option<String>,
    last: Option<String>,
    /// Number of changed candles, by timeframe.
    candles: BTreeMap<&'static str, u64>,
    seconds: f64,
}

impl TicksJson {
    fn new(ticks: &DeletedTicks, deleted: bool, begun: Instant) -> Self {
        Self {
            deleted,
            ticks: ticks.ticks,
            first: ticks.span.map(|span| time(span.first)),
            last: ticks.span.map(|span| time(span.last)),
            candles: by_timeframe(&ticks.candles),
            seconds: seconds(begun.elapsed()),
        }
    }

    fn lines(&self, verb: &str) -> String {
        let mut line = format!("{verb} {} ticks", self.ticks);
        if let (Some(first), Some(last)) = (&self.first, &self.last) {
            line += &format!(" from {first} to {last}");
            line += &format!("\ncandles that change: {}", listed(&self.candles));
        }
        line
    }
}

#[derive(Debug, Serialize)]
struct TradesJson {
    /// Whether they were deleted, or would be.
    deleted: bool,
    trades: u64,
    first: Option<String>,
    last: Option<String>,
    seconds: f64,
}

impl TradesJson {
    fn new(trades: &DeletedTrades, deleted: bool, begun: Instant) -> Self {
        Self {
            deleted,
            trades: trades.trades,
            first: trades.span.map(|span| time(span.first)),
            last: trades.span.map(|span| time(span.last)),
            seconds: seconds(begun.elapsed()),
        }
    }

    fn line(&self, verb: &str) -> String {
        let mut line = format!("{verb} {} trades", self.trades);
        if let (Some(first), Some(last)) = (&self.first, &self.last) {
            line += &format!(" from {first} to {last}");
        }
        line
    }
}

#[derive(Debug, Serialize)]
struct CandlesJson {
    /// Whether they were deleted, or would be.
    deleted: bool,
    /// Number of candles of all bases, by timeframe.
    candles: BTreeMap<&'static str, u64>,
    /// Number of buckets of the timeframe, else of minutes, whose candles are computed from ticks and are not
    /// deleted.
    of_ticks: u64,
    seconds: f64,
}

impl CandlesJson {
    fn new(candles: &DeletedCandles, deleted: bool, begun: Instant) -> Self {
        Self {
            deleted,
            candles: by_timeframe(&candles.candles),
            of_ticks: candles.of_ticks,
            seconds: seconds(begun.elapsed()),
        }
    }

    fn lines(&self, verb: &str) -> String {
        let total: u64 = self.candles.values().sum();
        let mut line = format!("{verb} {total} candles");
        if total > 0 {
            line += &format!(": {}", listed(&self.candles));
        }
        if self.of_ticks > 0 {
            line += &format!(
                "\n{} more are computed from stored ticks and are not deleted: delete the ticks",
                self.of_ticks
            );
        }
        line
    }
}

fn by_timeframe(counts: &CandleCounts) -> BTreeMap<&'static str, u64> {
    let some = counts.iter().filter(|(_, count)| *count > 0);
    some.map(|(timeframe, count)| (timeframe.as_str(), count))
        .collect()
}

fn listed(counts: &BTreeMap<&'static str, u64>) -> String {
    let ordered = Timeframe::ALL.iter().copied();
    let parts: Vec<_> = ordered
        .filter_map(|it| Some(format!("{} of {it}", counts.get(it.as_str())?)))
        .collect();
    parts.join(", ")
}

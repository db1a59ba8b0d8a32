//! Declared policies of retention, compression and refreshes.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::{CandleInput, Timeframe, setters};

use super::policy_duration::PolicyDuration;

/// Policies of ticks, trades, candles and order books.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetentionPolicies {
    /// The age up to which the scheduled refresh includes a late tick or trade in its candles.
    pub lateness: PolicyDuration,
    /// The interval between two runs of the server's maintenance.
    pub maintain_every: PolicyDuration,
    /// The policies of `ticks`.
    pub ticks: TablePolicies,
    /// The policies of `trades`.
    pub trades: TablePolicies,
    /// The policies of `ohlc_candles`, and of the candle relations if these hold candles.
    pub candles: TablePolicies,
    /// The policies of `order_book_snapshots` and `order_book_updates`.
    pub books: TablePolicies,
    /// The refreshes of the candle relations of ticks and of trades, one for each timeframe.
    pub refresh: BTreeMap<Timeframe, RefreshPolicy>,
}

/// Policies of one kind of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TablePolicies {
    /// The length of new chunks.
    pub chunk: PolicyDuration,
    /// The age from which chunks are compressed; `None` for never.
    pub compress_after: Option<PolicyDuration>,
    /// The age from which chunks are dropped; `None` for never.
    pub drop_after: Option<PolicyDuration>,
}

/// The refresh of one timeframe. It covers `[now - start_offset, now - end_offset)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefreshPolicy {
    /// The age of the oldest candles; `None` for any age, which is never safe.
    pub start_offset: Option<PolicyDuration>,
    /// The age of the newest candles.
    pub end_offset: PolicyDuration,
    /// The interval between two runs.
    pub every: PolicyDuration,
}

/// The share of `candles.drop_after` that a chunk of candles may have.
const CHUNKS_BEFORE_DROP: i64 = 6;

impl RetentionPolicies {
    /// The policies of ticks or of trades.
    #[must_use]
    pub fn of_rows(&self, input: CandleInput) -> &TablePolicies {
        match input {
            CandleInput::Ticks => &self.ticks,
            CandleInput::Trades => &self.trades,
        }
    }

    /// The length of new chunks of the candles of `timeframe`: `candles.chunk`, or up to 16 times as long for
    /// larger timeframes, which have fewer candles in a day.
    ///
    /// A read opens every chunk of its range. Candles of all timeframes are dropped together, at the end of
    /// the longest chunk, so a chunk is at most a sixth of `candles.drop_after` long, unless `candles.chunk`
    /// is longer. All lengths are powers of two times `candles.chunk`, so that chunks end together.
    #[must_use]
    pub fn candle_chunk(&self, timeframe: Timeframe) -> PolicyDuration {
        let chunk = self.candles.chunk;
        let mut factor = match timeframe {
            Timeframe::M1 | Timeframe::M5 => 1,
            Timeframe::M15 | Timeframe::M30 => 2,
            Timeframe::H1 => 4,
            Timeframe::H4 => 8,
            // folded timeframes have no chunks of their own
            Timeframe::D1 | Timeframe::Folded(_) => 16,
        };
        let is_too_long = |factor| {
            let drop_after = self.candles.drop_after;
            drop_after.is_some_and(|drop_after| chunk * factor * CHUNKS_BEFORE_DROP > drop_after)
        };
        while factor > 1 && is_too_long(factor) {
            factor /= 2;
        }
        chunk * factor
    }
}

setters!(RetentionPolicies {
    set {
        /// Sets the age up to which the scheduled refresh includes late ticks.
        lateness: PolicyDuration,
        /// Sets the interval between two runs of the server's maintenance.
        maintain_every: PolicyDuration,
        /// Sets the policies of ticks.
        ticks: TablePolicies,
        /// Sets the policies of trades.
        trades: TablePolicies,
        /// Sets the policies of candles.
        candles: TablePolicies,
        /// Sets the policies of order books.
        books: TablePolicies,
        /// Sets the refreshes by timeframe.
        refresh: BTreeMap<Timeframe, RefreshPolicy>,
    }
});

impl TablePolicies {
    /// Creates policies with chunks of that length, which are neither compressed nor dropped.
    #[must_use]
    pub fn new(chunk: PolicyDuration) -> Self {
        Self {
            chunk,
            compress_after: None,
            drop_after: None,
        }
    }
}

setters!(TablePolicies {
    into {
        /// Sets the age from which chunks are compressed.
        compress_after: Option<PolicyDuration>,
        /// Sets the age from which chunks are dropped.
        drop_after: Option<PolicyDuration>,
    }
});

impl RefreshPolicy {
    /// Creates a refresh of candles with ages from `end_offset` to `start_offset`.
    #[must_use]
    pub fn new(
        start_offset: impl Into<Option<PolicyDuration>>,
        end_offset: PolicyDuration,
        every: PolicyDuration,
    ) -> Self {
        Self {
            start_offset: start_offset.into(),
            end_offset,
            every,
        }
    }
}

impl Default for RetentionPolicies {
    /// The compiled-in defaults.
    fn default() -> Self {
        let refresh = Timeframe::ALL.iter().map(|&timeframe| {
            let bucket = PolicyDuration::from(timeframe.duration());
            let policy = RefreshPolicy {
                start_offset: Some(PolicyDuration::days(3)),
                end_offset: bucket,
                every: bucket.clamp(PolicyDuration::seconds(60), PolicyDuration::seconds(300)),
            };
            (timeframe, policy)
        });
        let rows = TablePolicies {
            chunk: PolicyDuration::days(1),
            compress_after: Some(PolicyDuration::days(7)),
            drop_after: Some(PolicyDuration::days(90)),
        };
        Self {
            lateness: PolicyDuration::days(1),
            maintain_every: PolicyDuration::seconds(300),
            ticks: rows,
            trades: rows,
            candles: TablePolicies {
                chunk: PolicyDuration::days(7),
                compress_after: Some(PolicyDuration::days(30)),
                drop_after: Some(PolicyDuration::days(730)),
            },
            books: TablePolicies {
                chunk: PolicyDuration::days(1),
                compress_after: Some(PolicyDuration::days(1)),
                drop_after: Some(PolicyDuration::days(7)),
            },
            refresh: refresh.collect(),
        }
    }
}

/// The length, or `none`.
pub(super) fn or_none(duration: Option<PolicyDuration>) -> String {
    duration.map_or("none".to_owned(), |duration| duration.to_string())
}

impl fmt::Display for RetentionPolicies {
    /// Formats the policies as TOML, as in a file of `config/`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lateness,
            maintain_every,
            ticks,
            trades,
            candles,
            books,
            refresh,
        } = self;
        writeln!(f, "[policies]")?;
        writeln!(f, "lateness = \"{lateness}\"")?;
        writeln!(f, "maintain_every = \"{maintain_every}\"")?;
        let tables = [
            ("ticks", ticks),
            ("trades", trades),
            ("candles", candles),
            ("books", books),
        ];
        for (name, table) in tables {
            writeln!(f, "\n[policies.{name}]")?;
            writeln!(f, "chunk = \"{}\"", table.chunk)?;
            let compress_after = or_none(table.compress_after);
            writeln!(f, "compress_after = \"{compress_after}\"")?;
            writeln!(f, "drop_after = \"{}\"", or_none(table.drop_after))?;
        }
        write!(f, "\n[policies.refresh]")?;
        for (timeframe, policy) in refresh {
            write!(
                f,
                "\n{timeframe} = {{ start_offset = \"{}\", end_offset = \"{}\", every = \"{}\" }}",
                or_none(policy.start_offset),
                policy.end_offset,
                policy.every
            )?;
        }
        Ok(())
    }
}

//! What the settings declare.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::{Timeframe, setters};

use super::span::Span;

/// How ticks and candles are kept and candles refreshed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policies {
    /// Ticks that come so late still get into their candles by the regular refresh.
    pub lateness: Span,
    /// How often the server looks what there is to do.
    pub maintain_every: Span,
    /// `ticks`.
    pub ticks: TablePolicies,
    /// `ohlc_candles`, and `ohlc_1m` to `ohlc_1d` where these hold candles.
    pub candles: TablePolicies,
    /// When `ohlc_1m` to `ohlc_1d` are refreshed, one for each timeframe.
    pub refresh: BTreeMap<Timeframe, RefreshPolicy>,
}

/// How one kind of rows is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TablePolicies {
    /// How long a chunk is; counts for chunks to come.
    pub chunk: Span,
    /// Older chunks are compressed; `None`: never.
    pub compress_after: Option<Span>,
    /// Older chunks are dropped; `None`: never.
    pub drop_after: Option<Span>,
}

/// When the candles of one timeframe are refreshed: those of `[now - start_offset, now -
/// end_offset)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefreshPolicy {
    /// How old the oldest are; `None`: any age, which is never safe.
    pub start_offset: Option<Span>,
    /// How old the newest are.
    pub end_offset: Span,
    /// How often.
    pub every: Span,
}

setters!(Policies {
    set {
        /// Sets how late a tick may come for the regular refresh.
        lateness: Span,
        /// Sets how often the server looks what there is to do.
        maintain_every: Span,
        /// Sets how ticks are kept.
        ticks: TablePolicies,
        /// Sets how candles are kept.
        candles: TablePolicies,
        /// Sets when candles are refreshed.
        refresh: BTreeMap<Timeframe, RefreshPolicy>,
    }
});

impl TablePolicies {
    /// Chunks of that length, which are neither compressed nor dropped.
    #[must_use]
    pub fn new(chunk: Span) -> Self {
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
        compress_after: Option<Span>,
        /// Sets the age from which chunks are dropped.
        drop_after: Option<Span>,
    }
});

impl RefreshPolicy {
    /// Refreshes candles of ages from `start_offset` to `end_offset`.
    #[must_use]
    pub fn new(start_offset: impl Into<Option<Span>>, end_offset: Span, every: Span) -> Self {
        Self {
            start_offset: start_offset.into(),
            end_offset,
            every,
        }
    }
}

impl Default for Policies {
    /// The compiled-in defaults.
    fn default() -> Self {
        let refresh = Timeframe::ALL.iter().map(|&timeframe| {
            let bucket = Span::from(timeframe.duration());
            let policy = RefreshPolicy {
                start_offset: Some(Span::days(3)),
                end_offset: bucket,
                every: bucket.clamp(Span::seconds(60), Span::seconds(300)),
            };
            (timeframe, policy)
        });
        Self {
            lateness: Span::days(1),
            maintain_every: Span::seconds(300),
            ticks: TablePolicies {
                chunk: Span::days(1),
                compress_after: Some(Span::days(7)),
                drop_after: Some(Span::days(90)),
            },
            candles: TablePolicies {
                chunk: Span::days(7),
                compress_after: Some(Span::days(30)),
                drop_after: Some(Span::days(730)),
            },
            refresh: refresh.collect(),
        }
    }
}

/// `none`, or the length.
pub(super) fn or_none(span: Option<Span>) -> String {
    span.map_or("none".to_owned(), |span| span.to_string())
}

impl fmt::Display for Policies {
    /// As a file of `config/` would have it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lateness,
            maintain_every,
            ticks,
            candles,
            refresh,
        } = self;
        writeln!(f, "[policies]")?;
        writeln!(f, "lateness = \"{lateness}\"")?;
        writeln!(f, "maintain_every = \"{maintain_every}\"")?;
        for (name, table) in [("ticks", ticks), ("candles", candles)] {
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

//! The plan: the difference between the wanted and the present settings of each relation.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::CandleRelation;

use super::declared::{Policies, TablePolicies, or_none};
use super::span::Span;

/// The kind of a setting, in the order of application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The length of new chunks.
    Chunk,
    /// The columns that compression segments and orders by.
    Compression,
    /// The job that refreshes candles.
    Refresh,
    /// The job that compresses old chunks.
    CompressAfter,
    /// The age from which the library drops chunks, or a database job that must be removed.
    DropAfter,
}

impl Kind {
    /// The name in plans.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chunk => "chunk",
            Self::Compression => "compression",
            Self::Refresh => "refresh",
            Self::CompressAfter => "compress_after",
            Self::DropAfter => "drop_after",
        }
    }
}

/// A setting of one relation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Item {
    /// `ticks`, `ohlc_candles`, or `ohlc_1m` to `ohlc_1d`.
    pub relation: String,
    /// The kind of the setting.
    pub kind: Kind,
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// A length.
    Length(Span),
    /// The columns that compression segments and orders by.
    Columns {
        /// In the notation of the database: `symbol_id`.
        segment_by: String,
        /// In the notation of the database: `tick_time,sequence`.
        order_by: String,
    },
    /// A refresh.
    Refresh {
        /// The age of the oldest candles; `None` for any age.
        start_offset: Option<Span>,
        /// The age of the newest candles; `None` for no limit.
        end_offset: Option<Span>,
        /// The interval between two runs.
        every: Span,
    },
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(span) => span.fmt(f),
            Self::Columns {
                segment_by,
                order_by,
            } if segment_by.is_empty() && order_by.is_empty() => f.write_str("none"),
            Self::Columns {
                segment_by,
                order_by,
            } => write!(f, "by {segment_by}, sorted by {order_by}"),
            Self::Refresh {
                start_offset,
                end_offset,
                every,
            } => write!(
                f,
                "from {} to {} ago, every {every}",
                or_none(*start_offset),
                or_none(*end_offset)
            ),
        }
    }
}

/// Settings of relations. A database may have several values of one kind, such as two jobs.
pub type Settings = BTreeMap<Item, Vec<Value>>;

/// A setting that must change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The setting.
    pub item: Item,
    /// The present values, which are removed.
    pub from: Vec<Value>,
    /// The value to set; `None` for none.
    pub to: Option<Value>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Item { relation, kind } = &self.item;
        let from: Vec<_> = self.from.iter().map(ToString::to_string).collect();
        let from = if from.is_empty() {
            "none".to_owned()
        } else {
            from.join("; ")
        };
        let to = self
            .to
            .as_ref()
            .map_or("none".to_owned(), ToString::to_string);
        write!(f, "{relation} {}: {from} -> {to}", kind.as_str())
    }
}

/// The settings that a database should have.
///
/// `has_jobs` says whether the database supports compression and jobs; the Apache edition does not.
/// `has_aggregates` says whether `ohlc_1m` to `ohlc_1d` hold candles. The library drops their chunks together
/// with those of `ohlc_candles`, never a database job, because a job would not wait for writers and
/// refreshes.
#[must_use]
pub fn wanted(policies: &Policies, has_jobs: bool, has_aggregates: bool) -> Settings {
    let mut settings = Settings::new();
    let mut add = |relation: &str, kind, value: Option<Value>| {
        if let Some(value) = value {
            let relation = relation.to_owned();
            settings.insert(Item { relation, kind }, vec![value]);
        }
    };
    let mut tables: Vec<(&str, &TablePolicies, &str, &str)> = vec![
        ("ticks", &policies.ticks, "symbol_id", "tick_time,sequence"),
        (
            "ohlc_candles",
            &policies.candles,
            "symbol_id,timeframe,basis",
            "open_time",
        ),
    ];
    if has_aggregates {
        let aggregates = CandleRelation::all();
        tables.extend(aggregates.map(|it| (it.name, &policies.candles, "symbol_id", "open_time")));
    }
    for (relation, table, segment_by, order_by) in tables {
        let length = |span: Option<Span>| span.map(Value::Length);
        add(relation, Kind::Chunk, length(Some(table.chunk)));
        if matches!(relation, "ticks" | "ohlc_candles") {
            add(relation, Kind::DropAfter, length(table.drop_after));
        }
        if !has_jobs {
            continue;
        }
        let columns = Value::Columns {
            segment_by: segment_by.to_owned(),
            order_by: order_by.to_owned(),
        };
        let compresses = table.compress_after.is_some();
        add(relation, Kind::Compression, compresses.then_some(columns));
        add(relation, Kind::CompressAfter, length(table.compress_after));
    }
    if has_jobs && has_aggregates {
        for (timeframe, refresh) in &policies.refresh {
            let value = Value::Refresh {
                start_offset: refresh.start_offset,
                end_offset: Some(refresh.end_offset),
                every: refresh.every,
            };
            let relation = CandleRelation::of(*timeframe).name;
            add(relation, Kind::Refresh, Some(value));
        }
    }
    settings
}

/// The changes that turn `present` into `wanted`.
///
/// Keeps compression that is set up and no longer wanted: chunks may be compressed, and without a job the
/// setting has no effect.
#[must_use]
pub fn difference(wanted: &Settings, present: &Settings) -> Vec<Change> {
    let mut changes = Vec::new();
    for (item, values) in wanted {
        let from = present.get(item).cloned().unwrap_or_default();
        if from != *values {
            changes.push(Change {
                item: item.clone(),
                from,
                to: values.first().cloned(),
            });
        }
    }
    for (item, values) in present {
        let stays = matches!(item.kind, Kind::Compression | Kind::Chunk);
        if !wanted.contains_key(item) && !stays {
            changes.push(Change {
                item: item.clone(),
                from: values.clone(),
                to: None,
            });
        }
    }
    changes.sort_by(|a, b| a.item.cmp(&b.item));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_already_is_no_change() {
        let wanted = wanted(&Policies::default(), true, true);
        assert_eq!(difference(&wanted, &wanted), []);
        // 9 relations with 3 settings each, 2 with retention, and 7 refreshes
        assert_eq!(wanted.len(), 9 * 3 + 2 + 7);
    }

    #[test]
    fn the_apache_edition_knows_chunks_and_their_end_only() {
        let wanted = wanted(&Policies::default(), false, false);
        let changes = difference(&wanted, &Settings::new());
        let texts: Vec<_> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "ohlc_candles chunk: none -> 7d",
                "ohlc_candles drop_after: none -> 730d",
                "ticks chunk: none -> 1d",
                "ticks drop_after: none -> 90d",
            ]
        );
    }

    #[test]
    fn jobs_that_differ_or_are_too_many_or_unwanted_are_replaced() {
        let mut policies = Policies::default();
        let wanted_before = wanted(&policies, true, true);
        let mut present = wanted_before.clone();
        let item = |relation: &str, kind| Item {
            relation: relation.to_owned(),
            kind,
        };
        let refresh = present
            .get_mut(&item("ohlc_1m", Kind::Refresh))
            .expect("there");
        let null = Value::Refresh {
            start_offset: None,
            end_offset: None,
            every: Span::hours(1),
        };
        refresh.push(null);
        policies.ticks.drop_after = None;
        policies.ticks.compress_after = None;
        policies.candles.drop_after = Some(Span::days(800));
        // a job that another program added
        let length = Value::Length(Span::days(700));
        present.insert(item("ohlc_1d", Kind::DropAfter), vec![length]);
        let changes = difference(&wanted(&policies, true, true), &present);
        let texts: Vec<_> = changes.iter().map(ToString::to_string).collect();
        assert!(texts.contains(&"ticks drop_after: 90d -> none".to_owned()));
        assert!(texts.contains(&"ticks compress_after: 7d -> none".to_owned()));
        assert!(texts.contains(&"ohlc_candles drop_after: 730d -> 800d".to_owned()));
        assert!(texts.contains(&"ohlc_1d drop_after: 700d -> none".to_owned()));
        let refresh = "ohlc_1m refresh: from 3d to 1m ago, every 1m; from none to none ago, \
                       every 1h -> from 3d to 1m ago, every 1m";
        assert!(texts.contains(&refresh.to_owned()), "{texts:?}");
        assert!(!texts.iter().any(|text| text.contains("compression")));
    }
}

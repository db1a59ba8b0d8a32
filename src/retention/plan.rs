//! What would change: the settings of each relation that are wanted, less those that are there.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::CandleRelation;

use super::declared::{Policies, TablePolicies, or_none};
use super::span::Span;

/// One kind of setting; in the order in which they are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// How long new chunks are.
    Chunk,
    /// By which columns chunks are compressed.
    Compression,
    /// The job that refreshes candles.
    Refresh,
    /// The job that compresses old chunks.
    CompressAfter,
    /// When the library drops old chunks, or a job of the database that has to go.
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
    /// Which one.
    pub kind: Kind,
}

/// What a setting is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// A length.
    Length(Span),
    /// Columns by which rows are kept together, and by which they are sorted.
    Columns {
        /// As the database writes them: `symbol_id`.
        segment_by: String,
        /// As the database writes them: `tick_time,sequence`.
        order_by: String,
    },
    /// A refresh.
    Refresh {
        /// How old the oldest candles are; `None`: any age.
        start_offset: Option<Span>,
        /// How old the newest are; `None`: no age.
        end_offset: Option<Span>,
        /// How often.
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

/// Settings of relations. A database may have several of one kind, such as two jobs.
pub type Settings = BTreeMap<Item, Vec<Value>>;

/// A setting that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Of what.
    pub item: Item,
    /// What is there, and has to go.
    pub from: Vec<Value>,
    /// What has to be there; `None`: nothing.
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

/// What a database should have.
///
/// `has_jobs`: it knows compression and jobs, which the Apache edition does not; `has_aggregates`:
/// `ohlc_1m` to `ohlc_1d` hold candles. These go with `ohlc_candles`: of what is dropped no job of the
/// database may know, since it waits for nobody.
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

/// The changes that make `present` what is `wanted`.
///
/// Compression that is set up and no longer wanted stays: chunks may be compressed, and without a
/// job it does nothing.
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
        // 9 relations with 3 settings each, 2 that are dropped, and 7 refreshes
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
        // a job of somebody else's
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

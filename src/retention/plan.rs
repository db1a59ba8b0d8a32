//! The plan: the difference between the wanted and the current settings of each relation.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::{CandleInput, CandleRelation};

use super::declared::{RetentionPolicies, TablePolicies, or_none};
use super::policy_duration::PolicyDuration;

/// The kind of a setting, in the order of application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PolicyKind {
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

impl PolicyKind {
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
pub struct PolicyKey {
    /// `ticks`, `trades`, `ohlc_candles`, `order_book_snapshots`, `order_book_updates`, or one of the candle
    /// relations, `ohlc_1m` to `trade_ohlc_1d`.
    pub relation: String,
    /// The kind of the setting.
    pub kind: PolicyKind,
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyValue {
    /// A length.
    Length(PolicyDuration),
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
        start_offset: Option<PolicyDuration>,
        /// The age of the newest candles; `None` for no limit.
        end_offset: Option<PolicyDuration>,
        /// The interval between two runs.
        every: PolicyDuration,
    },
}

impl fmt::Display for PolicyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(duration) => duration.fmt(f),
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
pub type PolicySet = BTreeMap<PolicyKey, Vec<PolicyValue>>;

/// A setting that must change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyChange {
    /// The setting.
    pub key: PolicyKey,
    /// The present values, which are removed.
    pub from: Vec<PolicyValue>,
    /// The value to set; `None` for none.
    pub to: Option<PolicyValue>,
}

impl fmt::Display for PolicyChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PolicyKey { relation, kind } = &self.key;
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
/// `has_aggregates` says whether the candle relations hold candles. The library itself drops their
/// chunks, together with the chunks of `ohlc_candles`. It does not use a database job, because a job
/// would not wait for writers and refreshes.
#[must_use]
pub fn wanted(policies: &RetentionPolicies, has_jobs: bool, has_aggregates: bool) -> PolicySet {
    let mut settings = PolicySet::new();
    let mut add = |relation: &str, kind, value: Option<PolicyValue>| {
        if let Some(value) = value {
            let relation = relation.to_owned();
            settings.insert(PolicyKey { relation, kind }, vec![value]);
        }
    };
    let mut tables: Vec<(&str, &TablePolicies, PolicyDuration, &str, String)> = Vec::new();
    for &input in CandleInput::ALL {
        let (table, order_by) = (policies.of_rows(input), input.time_column());
        let order_by = format!("{order_by},sequence");
        tables.push((input.table(), table, table.chunk, "symbol_id", order_by));
    }
    tables.push((
        "ohlc_candles",
        &policies.candles,
        policies.candles.chunk,
        "symbol_id,timeframe,basis",
        "open_time".to_owned(),
    ));
    for (table, time) in [
        ("order_book_snapshots", "snapshot_time"),
        ("order_book_updates", "update_time"),
    ] {
        let (books, order_by) = (&policies.books, format!("{time},sequence"));
        tables.push((table, books, books.chunk, "symbol_id", order_by));
    }
    if has_aggregates {
        let aggregates = CandleRelation::all();
        tables.extend(aggregates.map(|it| {
            let chunk = policies.candle_chunk(it.timeframe);
            let order_by = "open_time".to_owned();
            (it.name, &policies.candles, chunk, "symbol_id", order_by)
        }));
    }
    for (relation, table, chunk, segment_by, order_by) in tables {
        let length = |duration: Option<PolicyDuration>| duration.map(PolicyValue::Length);
        add(relation, PolicyKind::Chunk, length(Some(chunk)));
        if is_table(relation) {
            add(relation, PolicyKind::DropAfter, length(table.drop_after));
        }
        if !has_jobs {
            continue;
        }
        let columns = PolicyValue::Columns {
            segment_by: segment_by.to_owned(),
            order_by,
        };
        let compresses = table.compress_after.is_some();
        add(
            relation,
            PolicyKind::Compression,
            compresses.then_some(columns),
        );
        add(
            relation,
            PolicyKind::CompressAfter,
            length(table.compress_after),
        );
    }
    if has_jobs && has_aggregates {
        for (timeframe, refresh) in &policies.refresh {
            let value = PolicyValue::Refresh {
                start_offset: refresh.start_offset,
                end_offset: Some(refresh.end_offset),
                every: refresh.every,
            };
            for &input in CandleInput::ALL {
                let relation = CandleRelation::of(input, *timeframe).name;
                add(relation, PolicyKind::Refresh, Some(value.clone()));
            }
        }
    }
    settings
}

/// Whether the relation is a table, not an aggregate. The library drops its chunks by its own age.
pub(crate) fn is_table(relation: &str) -> bool {
    matches!(
        relation,
        "ticks" | "trades" | "ohlc_candles" | "order_book_snapshots" | "order_book_updates"
    )
}

/// The changes that turn `current` into `wanted`.
///
/// Does not remove compression settings that are no longer wanted, since chunks may be compressed
/// already. Without a job the settings have no effect.
#[must_use]
pub fn difference(wanted: &PolicySet, current: &PolicySet) -> Vec<PolicyChange> {
    let mut changes = Vec::new();
    for (key, values) in wanted {
        let from = current.get(key).cloned().unwrap_or_default();
        if from != *values {
            changes.push(PolicyChange {
                key: key.clone(),
                from,
                to: values.first().cloned(),
            });
        }
    }
    for (key, values) in current {
        let stays = matches!(key.kind, PolicyKind::Compression | PolicyKind::Chunk);
        if !wanted.contains_key(key) && !stays {
            changes.push(PolicyChange {
                key: key.clone(),
                from: values.clone(),
                to: None,
            });
        }
    }
    changes.sort_by(|a, b| a.key.cmp(&b.key));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_policies_need_no_change() {
        let wanted = wanted(&RetentionPolicies::default(), true, true);
        assert_eq!(difference(&wanted, &wanted), []);
        // 19 relations with 3 settings each, 5 with retention, and 14 refreshes
        assert_eq!(wanted.len(), 19 * 3 + 5 + 14);
    }

    #[test]
    fn apache_edition_has_chunk_and_drop_policies_only() {
        let wanted = wanted(&RetentionPolicies::default(), false, false);
        let changes = difference(&wanted, &PolicySet::new());
        let texts: Vec<_> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "ohlc_candles chunk: none -> 7d",
                "ohlc_candles drop_after: none -> 730d",
                "order_book_snapshots chunk: none -> 1d",
                "order_book_snapshots drop_after: none -> 7d",
                "order_book_updates chunk: none -> 1d",
                "order_book_updates drop_after: none -> 7d",
                "ticks chunk: none -> 1d",
                "ticks drop_after: none -> 90d",
                "trades chunk: none -> 1d",
                "trades drop_after: none -> 90d",
            ]
        );
    }

    #[test]
    fn chunks_of_larger_candles_are_longer() {
        let chunks = |policies: &RetentionPolicies| {
            let wanted = wanted(policies, true, true);
            let chunk = |relation: CandleRelation| {
                let (relation, kind) = (relation.name.to_owned(), PolicyKind::Chunk);
                wanted[&PolicyKey { relation, kind }][0].to_string()
            };
            let of_trades = CandleRelation::all_of(CandleInput::Trades).map(chunk);
            let of_ticks = CandleRelation::all_of(CandleInput::Ticks).map(chunk);
            let of_trades = Vec::from_iter(of_trades).join(" ");
            let of_ticks = Vec::from_iter(of_ticks).join(" ");
            assert_eq!(of_ticks, of_trades);
            of_ticks
        };
        let mut policies = RetentionPolicies::default();
        assert_eq!(chunks(&policies), "7d 7d 14d 14d 28d 56d 112d");
        policies.candles.drop_after = None;
        policies.candles.chunk = PolicyDuration::days(30);
        assert_eq!(chunks(&policies), "30d 30d 60d 60d 120d 240d 480d");
        policies.candles.drop_after = Some(PolicyDuration::days(400));
        assert_eq!(chunks(&policies), "30d 30d 60d 60d 60d 60d 60d");
        policies.candles.drop_after = Some(PolicyDuration::days(60));
        assert_eq!(chunks(&policies), "30d 30d 30d 30d 30d 30d 30d");
    }

    #[test]
    fn wrong_and_surplus_jobs_are_replaced() {
        let mut policies = RetentionPolicies::default();
        let wanted_before = wanted(&policies, true, true);
        let mut current = wanted_before.clone();
        let key = |relation: &str, kind| PolicyKey {
            relation: relation.to_owned(),
            kind,
        };
        let refresh = current
            .get_mut(&key("ohlc_1m", PolicyKind::Refresh))
            .expect("there");
        let null = PolicyValue::Refresh {
            start_offset: None,
            end_offset: None,
            every: PolicyDuration::hours(1),
        };
        refresh.push(null);
        policies.ticks.drop_after = None;
        policies.ticks.compress_after = None;
        policies.candles.drop_after = Some(PolicyDuration::days(800));
        // a job that another program added
        let length = PolicyValue::Length(PolicyDuration::days(700));
        current.insert(key("ohlc_1d", PolicyKind::DropAfter), vec![length]);
        let changes = difference(&wanted(&policies, true, true), &current);
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

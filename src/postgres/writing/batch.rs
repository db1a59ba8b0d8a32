//! A batch prepared for the database, and its receipts.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::repository::{InsertConflict, InsertReceipt, RejectedRow};

use super::table::KeyedRow;

/// `rejected` in the order in which the rows were given.
pub(super) fn in_order_given<R: KeyedRow>(
    rejected: Vec<RejectedRow<R>>,
    given: &[R],
) -> Vec<RejectedRow<R>> {
    if rejected.is_empty() {
        return rejected;
    }
    let count = rejected.len();
    let mut by_key: HashMap<R::Key, Vec<RejectedRow<R>>> = HashMap::with_capacity(count);
    for one in rejected {
        by_key.entry(one.row.key()).or_default().push(one);
    }
    let mut ordered = Vec::with_capacity(count);
    for row in given {
        let stored = row.normalized();
        let stored = stored.as_ref().unwrap_or(row);
        let Some(of_key) = by_key.get_mut(&stored.key()) else {
            continue;
        };
        if let Some(found) = of_key.iter().position(|one| one.row == *stored) {
            let reason = of_key.remove(found).reason;
            let row = row.clone();
            ordered.push(RejectedRow { row, reason });
        }
    }
    ordered
}

/// Normalized rows by key.
#[derive(Debug, Clone)]
pub(super) struct RowBatch<R> {
    /// The first row given of each key, in key order. All writers lock rows in this order, so they cannot
    /// deadlock, and `COPY` refuses repeated keys.
    pub(super) firsts: Vec<R>,
    /// The other rows, in key order.
    pub(super) repeats: Vec<R>,
    /// The rows without a key, in the order given.
    pub(super) keyless: Vec<R>,
    /// Rows that break a rule of the domain, in the order given, and rows that are too old.
    rejected: Vec<RejectedRow<R>>,
    /// Rows before this time are late.
    pub(super) late_before: Option<DateTime<Utc>>,
}

impl<R: KeyedRow> RowBatch<R> {
    pub(super) fn new(rows: &[R]) -> Self {
        let mut sorted = Vec::with_capacity(rows.len());
        let (mut keyless, mut rejected) = (Vec::new(), Vec::new());
        for row in rows {
            match row.normalized() {
                Ok(stored) if stored.is_keyless() => keyless.push(stored),
                Ok(stored) => sorted.push(stored),
                Err(reason) => rejected.push(RejectedRow {
                    row: row.clone(),
                    reason,
                }),
            }
        }
        // stable, so that the first row given of each key stays first; a key is shorter than a row
        if !sorted.is_sorted_by_key(R::key) {
            sorted.sort_by_cached_key(R::key);
        }
        Self {
            keyless,
            rejected,
            ..Self::of_sorted(sorted)
        }
    }

    /// A batch of valid rows in key order.
    pub(super) fn of_sorted(sorted: Vec<R>) -> Self {
        // usually no key is repeated, and no row has to be moved
        if sorted.is_sorted_by(|one, next| one.key() < next.key()) {
            return Self::of_parts(sorted, Vec::new());
        }
        let mut firsts: Vec<R> = Vec::with_capacity(sorted.len());
        let mut repeats = Vec::new();
        for row in sorted {
            match firsts.last() {
                Some(last) if last.key() == row.key() => repeats.push(row),
                _ => firsts.push(row),
            }
        }
        Self::of_parts(firsts, repeats)
    }

    /// A batch of separated first and repeated rows.
    pub(super) fn of_parts(firsts: Vec<R>, repeats: Vec<R>) -> Self {
        Self {
            firsts,
            repeats,
            keyless: Vec::new(),
            rejected: Vec::new(),
            late_before: None,
        }
    }

    /// Rejects the rows for which `refusal` returns a reason.
    pub(super) fn reject(&mut self, refusal: impl Fn(&R) -> Option<String>) {
        for rows in [&mut self.firsts, &mut self.repeats] {
            let refused = rows.extract_if(.., |row| refusal(row).is_some());
            self.rejected.extend(refused.filter_map(|row| {
                let reason = refusal(&row)?;
                Some(RejectedRow { row, reason })
            }));
        }
    }

    pub(super) fn has_nothing_to_store(&self) -> bool {
        self.firsts.is_empty() && self.keyless.is_empty()
    }

    /// The receipt of a batch of which nothing could be stored.
    pub(super) fn into_receipt(self) -> InsertReceipt<R> {
        InsertReceipt {
            rejected: self.rejected,
            ..InsertReceipt::default()
        }
    }

    /// The receipt of a batch of which every first row was inserted.
    pub(super) fn all_inserted(self) -> InsertReceipt<R> {
        let inserted = self.firsts.len() as u64;
        if self.repeats.is_empty() {
            return InsertReceipt {
                inserted,
                ..self.into_receipt()
            };
        }
        let stored = self.firsts.iter().map(|row| (row.key(), row.clone()));
        let stored = stored.collect();
        self.compared(inserted, &stored)
    }

    /// The receipt of a batch of which `inserted` first rows were inserted. `stored` are the database's rows
    /// with the keys of the batch.
    pub(super) fn compared(self, inserted: u64, stored: &HashMap<R::Key, R>) -> InsertReceipt<R> {
        let mut equal: u64 = 0;
        let mut conflicts = Vec::new();
        let mut missing = self.rejected;
        // both lists are in key order, and a stable sort merges them
        let mut all = self.firsts;
        all.extend(self.repeats);
        all.sort_by_key(R::key);
        for row in all {
            match stored.get(&row.key()) {
                // compare with the stored row, not with an earlier row of the batch that was refused
                Some(stored) if !stored.has_content_of(&row) => conflicts.push(InsertConflict {
                    stored: stored.clone(),
                    refused: row,
                }),
                Some(_) => equal += 1,
                None => missing.push(RejectedRow {
                    row,
                    reason: "the database does not have it".to_owned(),
                }),
            }
        }
        InsertReceipt {
            inserted,
            // rows that this batch inserted equal themselves
            duplicates: equal.saturating_sub(inserted),
            conflicts,
            rejected: missing,
        }
    }
}

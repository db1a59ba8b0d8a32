//! Corrections of trades in memory.

use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};

use chrono::{DateTime, Utc};

use super::events::EventStore;
use super::{read, write};
use crate::domain::{Page, SymbolId, Trade, TradeCorrection};
use crate::error::RepositoryError;
use crate::repository::{
    CorrectionId, CorrectionQuery, CorrectionReceipt, InsertReceipt, MAX_CORRECTIONS,
    RecordedCorrection, RejectedRow, cancelled_trade, newest_correction, settle_receipt,
};

/// The symbol and the time of trades.
type Instant = (SymbolId, DateTime<Utc>);

/// The recorded corrections, in the order of arrival. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct TradeCorrections(Arc<RwLock<Vec<RecordedCorrection>>>);

impl TradeCorrections {
    /// Records corrections at `now`, and settles their trades.
    pub(super) fn record(
        &self,
        corrections: &[TradeCorrection],
        trades: &EventStore<Trade>,
        now: DateTime<Utc>,
    ) -> Result<CorrectionReceipt, RepositoryError> {
        if corrections.len() > MAX_CORRECTIONS {
            return Err(RepositoryError::invalid(format!(
                "too many corrections ({}): send at most {MAX_CORRECTIONS} per call",
                corrections.len()
            )));
        }
        let mut receipt = CorrectionReceipt::default();
        let mut recorded = write(&self.0);
        let mut new = Vec::new();
        for given in corrections {
            let correction = match given.normalized() {
                Ok(correction) => correction,
                Err(reason) => {
                    receipt.rejected.push(RejectedRow::invalid(given, reason));
                    continue;
                }
            };
            let mut known = recorded.iter();
            if known.any(|known| known.correction.is_repeated_by(&correction)) {
                receipt.duplicates += 1;
                continue;
            }
            let id = CorrectionId::new(recorded.len() as i64 + 1);
            new.push(id);
            recorded.push(RecordedCorrection::new(id, correction, now));
        }
        let is_new = |one: &RecordedCorrection| new.contains(&one.id);
        let instants = recorded.iter().filter(|one| is_new(one)).map(instant);
        let instants: BTreeSet<_> = instants.collect();
        settle(&mut recorded, &instants, trades);
        for one in recorded.iter().filter(|one| is_new(one)) {
            let of_trade = recorded.iter();
            let of_trade =
                of_trade.filter(|other| other.correction.is_of_trade_of(&one.correction));
            let is_newest = newest_correction(of_trade).is_some_and(|newest| newest.id == one.id);
            match (is_newest, &one.before) {
                (false, _) => receipt.superseded += 1,
                (true, Some(_)) => receipt.applied += 1,
                (true, None) => receipt.pending += 1,
            }
        }
        Ok(receipt)
    }

    /// Settles trades that a batch has stored, and changes its receipt.
    pub(super) fn settle_batch(
        &self,
        batch: &[Trade],
        receipt: &mut InsertReceipt<Trade>,
        trades: &EventStore<Trade>,
    ) {
        let mut recorded = write(&self.0);
        if recorded.is_empty() {
            return;
        }
        let stored = batch.iter().filter_map(|trade| trade.normalized().ok());
        let instants: BTreeSet<_> = stored
            .map(|trade| (trade.symbol_id, trade.trade_time))
            .collect();
        let removed = settle(&mut recorded, &instants, trades);
        settle_receipt(receipt, removed, |trade| {
            let mut corrections = recorded.iter();
            corrections.any(|one| one.correction.concerns(trade))
        });
    }

    pub(super) fn page(&self, query: &CorrectionQuery) -> Page<RecordedCorrection, CorrectionId> {
        let is_asked_for = |one: &&RecordedCorrection| {
            one.correction.symbol_id == query.symbol_id
                && query.range.contains(one.correction.trade_time)
                && query.after.is_none_or(|after| one.id > after)
        };
        let recorded = read(&self.0);
        let found = recorded.iter().filter(is_asked_for);
        let items = found.take(query.limit.get() + 1).cloned().collect();
        Page::from_limit_plus_one(items, query.limit, |one: &RecordedCorrection| one.id)
    }
}

fn instant(recorded: &RecordedCorrection) -> Instant {
    let correction = &recorded.correction;
    (correction.symbol_id, correction.trade_time)
}

/// Makes the stored trades of `instants` as the newest corrections say. Returns the number of removed rows.
fn settle(
    recorded: &mut [RecordedCorrection],
    instants: &BTreeSet<Instant>,
    trades: &EventStore<Trade>,
) -> u64 {
    let mut removed = 0;
    let of_instants = recorded
        .iter()
        .filter(|one| instants.contains(&instant(one)));
    let newest = of_instants.filter(|one| {
        let of_trade = recorded.iter();
        let of_trade = of_trade.filter(|other| other.correction.is_of_trade_of(&one.correction));
        newest_correction(of_trade).is_some_and(|newest| newest.id == one.id)
    });
    let rank = |one: &RecordedCorrection| (one.correction.corrected_at, one.id);
    let mut newest: Vec<_> = newest.map(rank).collect();
    newest.sort();
    for (_, id) in newest {
        let Some(place) = recorded.iter().position(|one| one.id == id) else {
            continue;
        };
        let correction = &recorded[place].correction;
        let cancelled = cancelled_trade(recorded.iter(), correction).cloned();
        let one = &mut recorded[place];
        let (symbol_id, time) = instant(one);
        trades.change_instant(symbol_id, time, |stored| {
            let settled = one.correction.settled(stored, cancelled.as_ref());
            if one.before.is_none() {
                one.before = settled.before;
            }
            removed += settled.removed.len() as u64;
            let replaced = settled.replaced.map(|trade| (trade.key(), Some(trade)));
            let removed = settled.removed.into_iter().map(|key| (key, None));
            replaced.into_iter().chain(removed).collect()
        });
    }
    removed
}

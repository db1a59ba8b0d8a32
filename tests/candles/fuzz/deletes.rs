//! Deletes ticks or trades, part by part, beside all calls except batches. The model decides which ticks of a batch
//! are new when the batch begins, but with a concurrent delete this is decided for each tick.
//! `tests/retention/ticks_deleted_beside_inserts.rs` tests that case.

use chrono::TimeDelta;

use super::draw;
use super::model::TRADED;
use super::report;
use super::site::Site;
use crate::support::random::Random;

const KIND: &str = "ticks deleted";

/// Deletes ticks of one symbol and some range, as `tickbook delete ticks` does.
pub(crate) async fn delete(site: &Site, random: &mut Random, writer: usize) {
    if site.leaves_out(KIND) {
        return;
    }
    let symbol_id = draw::symbol(random);
    let mut from = site.times.any(random);
    let width = match random.below(4) {
        0 => TimeDelta::microseconds(1 + random.below(200_000_000) as i64),
        1 => TimeDelta::minutes(1 + random.below(120) as i64),
        2 => TimeDelta::hours(1 + random.below(20) as i64),
        _ => TimeDelta::hours(24 + random.below(24) as i64),
    };
    if random.below(2) == 0 {
        from = draw::timeframe(random).bucket_start(from);
    }
    let mut rest = Some(draw::range(from, from + width));
    while let Some(range) = rest {
        let _alone = site.batches.write().await;
        let op = site.model.begin_delete(writer, symbol_id, range);
        let repositories = &site.repositories;
        let done = match symbol_id {
            TRADED => {
                let deleted = repositories.trades.delete_range(symbol_id, range).await;
                deleted.map(|it| (it.trades, it.rest))
            }
            _ => {
                let deleted = repositories.ticks.delete_range(symbol_id, range).await;
                deleted.map(|it| (it.ticks, it.rest))
            }
        };
        site.counts.op(KIND, done.is_err());
        rest = match done {
            Ok((count, rest)) => {
                let outcome = format!("{count} ticks, rest {rest:?}");
                let place = (symbol_id, range);
                let wrong = site
                    .model
                    .end_delete(op, place, Some((count, rest)), outcome);
                if let Some(wrong) = wrong {
                    report::difference(site, "receipts have other numbers", &wrong, None);
                }
                rest
            }
            Err(error) => {
                site.counts.error(KIND, &error);
                if !error.is_certainly_not_applied() {
                    site.model.forget(symbol_id, range);
                }
                let outcome = format!("failed: {error}");
                site.model.end_delete(op, (symbol_id, range), None, outcome);
                None
            }
        };
    }
}

//! What of a posted batch is published.

use std::collections::HashSet;

use tickbook::domain::{Tick, TickKey};
use tickbook::fanout::FanOut;
use tickbook::repository::InsertReceipt;

/// Publishes those of `ticks` that were stored by the write that `receipt` is of. Where they
/// cannot be told from those that were stored before, which the receipt only counts, a gap is
/// announced instead.
pub(crate) async fn publish_inserted(fan_out: &FanOut, ticks: &[Tick], receipt: &InsertReceipt) {
    if receipt.inserted == 0 {
        return;
    }
    let refused: HashSet<TickKey> = receipt
        .conflicts
        .iter()
        .map(|conflict| conflict.refused.key())
        .collect();
    let was_refused = |tick: &Tick| {
        refused.contains(&tick.key())
            && receipt.conflicts.iter().any(|conflict| {
                conflict.refused.key() == tick.key() && conflict.refused.has_content_of(tick)
            })
    };
    let rejected: HashSet<TickKey> = receipt
        .rejected
        .iter()
        .map(|rejected| rejected.tick.key())
        .collect();
    let mut seen = HashSet::new();
    // of several ticks of one key only the first can have been stored
    let news: Vec<Tick> = ticks
        .iter()
        .filter(|tick| seen.insert(tick.key()))
        .filter(|tick| !rejected.contains(&tick.key()) && !was_refused(tick))
        .cloned()
        .collect();
    if news.len() as u64 == receipt.inserted {
        // the server stops otherwise, and clients read the ticks when they are back
        let _ = fan_out.publish_stored(&news).await;
    } else {
        fan_out.announce_missed(&news);
    }
}

//! Conformance: ticks with one side, and unknown volumes.
//!
//! Covers `TickRepository::insert_batch`, `range`, `latest`, `latest_of` and `as_of`.

use super::samples::{
    BATCH_SIZES, EURUSD, insert, insert_new, nth_tick, read_pages, seconds, stored,
};
use crate::Repositories;
use crate::domain::{SortOrder, SymbolId, Tick, TimeRange};
use crate::repository::{TickConflict, TickQuery};

use rust_decimal::Decimal;

/// The tick at `index` of a series that alternates between the nine forms of a tick.
fn nth_form(symbol_id: SymbolId, index: usize) -> Tick {
    let both = nth_tick(symbol_id, index);
    let (bid, ask) = (both.bid_volume, both.ask_volume);
    match index % 9 {
        0 => both,
        1 => both.with_volumes(bid, None),
        2 => both.with_volumes(None, ask),
        3 => both.with_volumes(None, None),
        4 => both.with_volumes(Decimal::ZERO, Decimal::ZERO),
        5 => both.with_ask(None),
        6 => both.with_ask(None).with_bid_volume(None),
        7 => both.with_bid(None),
        _ => both.with_bid(None).with_ask_volume(None),
    }
}

fn forms(symbol_id: SymbolId, count: usize) -> Vec<Tick> {
    (0..count).map(|index| nth_form(symbol_id, index)).collect()
}

pub async fn ticks_of_one_side_read_back(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for size in BATCH_SIZES.into_iter().chain([1]) {
        let symbol_id = SymbolId::new(size as i64);
        // a batch of one tick has a bid only
        let given = match size {
            1 => vec![nth_form(symbol_id, 5)],
            _ => forms(symbol_id, size),
        };
        insert_new(ticks, &given).await;
        assert_eq!(stored(ticks, symbol_id).await, given);
        let query = TickQuery {
            order: SortOrder::Descending,
            ..TickQuery::new(symbol_id, TimeRange::all())
        };
        let mut descending = read_pages(ticks, query).await;
        descending.reverse();
        assert_eq!(descending, given);
        let again = insert(ticks, &given).await;
        assert_eq!((again.inserted, again.duplicates), (0, size as u64));
        let last = given.last();
        let latest = ticks.latest(symbol_id).await.expect("it is read");
        assert_eq!(latest.as_ref(), last);
        let latest_of = ticks.latest_of(&[symbol_id]).await.expect("they are read");
        assert_eq!(latest_of.first(), last);
        for tick in &given {
            let is_last = given
                .iter()
                .all(|other| other.tick_time != tick.tick_time || other.sequence <= tick.sequence);
            if is_last {
                let found = ticks.as_of(symbol_id, tick.tick_time).await;
                assert_eq!(found.expect("it is read").as_ref(), Some(tick));
            }
        }
    }
}

pub async fn absent_value_differs_from_zero(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let zero = Decimal::ZERO;
    let at = |second| Tick::new(EURUSD, seconds(second));
    let pairs = [
        // an unknown volume, and a volume of zero
        (
            at(0).with_bid(zero),
            at(0).with_bid(zero).with_bid_volume(zero),
        ),
        // an absent side, and a side with a price of zero
        (at(1).with_bid(zero), at(1).with_bid(zero).with_ask(zero)),
        (at(2).with_bid(zero), at(2).with_ask(zero)),
    ];
    for (one, other) in pairs {
        insert_new(ticks, std::slice::from_ref(&one)).await;
        let receipt = insert(ticks, &[other.clone(), one.clone()]).await;
        assert_eq!((receipt.inserted, receipt.duplicates), (0, 1));
        let expected = TickConflict {
            stored: one,
            refused: other,
        };
        assert_eq!(receipt.conflicts, [expected]);
    }
}

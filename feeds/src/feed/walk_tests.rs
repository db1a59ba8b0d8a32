//! Walks through histories that are made up.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{FeedChannel, FeedGap, GapEdge, GapReason, SymbolId, Trade};

use super::walk::{Step, Walk};
use crate::history::{HistoryOrder, HistoryPage, HistoryRequest, TradeHistory};
use crate::venue::Rate;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn history(order: HistoryOrder) -> TradeHistory {
    let rate = Rate::new(1, Duration::from_secs(1));
    let request = |_: &str, _: &HistoryPage<'_>| HistoryRequest::new(String::new());
    TradeHistory::new("", order, rate, request, |_, _, _| Ok(()))
}

/// The trade of each second, whose number is the second.
fn trade(number: i64) -> Trade {
    Trade::new(SymbolId::new(1), at(number), Decimal::ONE, Decimal::ONE).with_sequence(number)
}

/// A gap from second 10 to second 20, after the trade `last`.
fn gap(last: Option<i64>) -> FeedGap {
    let (id, reason) = (SymbolId::new(1), GapReason::Stopped);
    let gap = FeedGap::open("test", id, FeedChannel::Trades, at(10), reason);
    let last = last.map(|number| GapEdge::new(at(number), Some(number)));
    gap.last(last).closed(at(20))
}

/// Walks through the pages of a venue with the trades of `numbers`, `size` on each page. Returns the trades that were
/// taken, in their order, and the last step.
fn walk(history: &TradeHistory, gap: &FeedGap, numbers: &[i64], size: usize) -> (Vec<i64>, Step) {
    let mut walk = Walk::new(history, gap, 20);
    let mut taken = Vec::new();
    for _ in 0..100 {
        let page = walk.page("A");
        let numbers = numbers.iter().copied();
        let mut trades: Vec<_> = match history.order() {
            HistoryOrder::Forward => {
                let page = numbers.filter(|number| at(*number) >= page.start);
                page.take(size).map(trade).collect()
            }
            HistoryOrder::Backward => {
                let page = numbers.rev().filter(|number| *number < page.before);
                page.take(size).map(trade).collect()
            }
        };
        // the order within a page does not count
        trades.reverse();
        let (found, step) = walk.take(trades);
        taken.extend(found.iter().map(|trade| trade.sequence));
        if step != Step::More {
            taken.sort_unstable();
            return (taken, step);
        }
    }
    panic!("the walk does not end");
}

const ORDERS: [HistoryOrder; 2] = [HistoryOrder::Forward, HistoryOrder::Backward];

#[test]
fn walk_takes_each_trade_of_the_gap_once() {
    let all: Vec<_> = (1..=30).collect();
    for order in ORDERS {
        for history in [history(order), history(order).with_consecutive_numbers()] {
            for size in [2, 3, 7, 100] {
                let found = walk(&history, &gap(Some(11)), &all, size);
                assert_eq!(found, ((12..20).collect(), Step::Done), "{order:?} {size}");
                // without a trade before the gap, its start counts
                let found = walk(&history, &gap(None), &all, size);
                assert_eq!(found, ((10..20).collect(), Step::Done), "{order:?} {size}");
            }
        }
    }
}

#[test]
fn numbers_with_holes_need_their_neighbours() {
    let all: Vec<_> = (1..=10).map(|number| 3 * number).collect();
    for order in ORDERS {
        for size in [2, 3, 100] {
            let found = walk(&history(order), &gap(Some(9)), &all, size);
            assert_eq!(found, (vec![12, 15, 18], Step::Done), "{order:?} {size}");
        }
    }
}

#[track_caller]
fn assert_short(step: &Step, text: &str, expected: bool) {
    match step {
        Step::Short { reason, is_final } => {
            assert!(reason.contains(text), "{reason}");
            assert_eq!(*is_final, expected, "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn history_that_begins_late_is_short_for_good() {
    let late: Vec<_> = (15..=30).collect();
    for order in ORDERS {
        for size in [2, 100] {
            let (found, step) = walk(&history(order), &gap(Some(11)), &late, size);
            assert_short(&step, "begins with trade 15", true);
            assert!(
                found.iter().all(|number| (15..20).contains(number)),
                "{found:?}"
            );
        }
    }
    let none = walk(&history(HistoryOrder::Backward), &gap(Some(11)), &[], 9);
    assert_short(&none.1, "begins with trade 20", true);
}

#[test]
fn history_that_is_not_finished_is_read_again() {
    let early: Vec<_> = (1..=15).collect();
    let (found, step) = walk(&history(HistoryOrder::Forward), &gap(Some(11)), &early, 3);
    assert_short(&step, "ends before trade 20", false);
    assert_eq!(found, [12, 13, 14, 15]);
    // pages before a number need no end, but a missing number is noticed
    let backward = history(HistoryOrder::Backward).with_consecutive_numbers();
    let (found, step) = walk(&backward, &gap(Some(11)), &early, 3);
    assert_short(&step, "lacks 4 of 8 trades", false);
    assert_eq!(found, [12, 13, 14, 15]);
}

#[test]
fn neighbouring_numbers_have_no_trade_between() {
    for (last, is_empty) in [
        (Some(19), true),
        (Some(25), true),
        (Some(18), false),
        (None, false),
    ] {
        let walk = Walk::new(&history(HistoryOrder::Forward), &gap(last), 20);
        assert_eq!(walk.is_empty(), is_empty, "{last:?}");
    }
}

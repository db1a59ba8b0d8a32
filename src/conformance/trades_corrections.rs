//! Conformance: corrections and cancellations of trades.
//!
//! Covers `TradeRepository::correct` and `corrections`.

use chrono::{DateTime, TimeDelta, Utc};

use super::samples::{EURUSD, GBPUSD, dec, limit, range, seconds};
use super::trades_samples::{insert_new_trades, insert_trades, stored_trades, trade, trades};
use crate::Repositories;
use crate::domain::{
    AggressorSide, CorrectedTrade, TimeRange, Trade, TradeCorrection, TradeReference,
};
use crate::repository::{
    CorrectionId, CorrectionQuery, CorrectionReceipt, RecordedCorrection, TradeRepository,
    delete_trades,
};

/// A cancellation of the trade with this sequence, `after` seconds after the start.
pub(super) fn cancellation(time: DateTime<Utc>, sequence: i64, after: i64) -> TradeCorrection {
    let trade = TradeReference::Sequence(sequence);
    TradeCorrection::new(EURUSD, time, trade, seconds(after), "venue")
}

pub(super) fn correction(
    time: DateTime<Utc>,
    sequence: i64,
    after: i64,
    price: &str,
) -> TradeCorrection {
    let content = CorrectedTrade::new(dec(price), dec("2.5"))
        .with_aggressor_side(AggressorSide::Sell)
        .with_block(true);
    cancellation(time, sequence, after).with_content(content)
}

/// The trade that [`correction`] makes of `trade`.
pub(super) fn corrected(trade: &Trade, price: &str) -> Trade {
    let trade = trade.clone().with_price(dec(price));
    trade
        .with_quantity(dec("2.5"))
        .with_aggressor_side(AggressorSide::Sell)
        .with_block(true)
}

pub(super) async fn correct(
    repository: &dyn TradeRepository,
    corrections: &[TradeCorrection],
) -> CorrectionReceipt {
    let receipt = repository.correct(corrections).await.expect("recorded");
    let counted = receipt.applied + receipt.pending + receipt.superseded + receipt.duplicates;
    assert_eq!(
        counted + receipt.rejected.len() as u64,
        corrections.len() as u64,
        "the receipt counts every correction once: {receipt:?}"
    );
    receipt
}

/// Applied, pending, superseded, duplicates, rejected.
pub(super) fn counts(receipt: &CorrectionReceipt) -> [u64; 5] {
    [
        receipt.applied,
        receipt.pending,
        receipt.superseded,
        receipt.duplicates,
        receipt.rejected.len() as u64,
    ]
}

async fn recorded(repository: &dyn TradeRepository) -> Vec<RecordedCorrection> {
    let query = CorrectionQuery::new(EURUSD, TimeRange::all());
    let page = repository.corrections(&query).await.expect("answered");
    assert_eq!(page.next, None);
    page.items
}

pub async fn correction_replaces_the_trade_of_its_key(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let all = trades(EURUSD, 6);
    insert_new_trades(repository, &all).await;
    insert_new_trades(repository, &trades(GBPUSD, 6)).await;
    let target = &all[4];
    let given = correction(target.trade_time, target.sequence, 60, "-1.5");
    assert_eq!(
        counts(&correct(repository, std::slice::from_ref(&given)).await),
        [1, 0, 0, 0, 0]
    );
    let mut expected = all.clone();
    expected[4] = corrected(target, "-1.5");
    assert_eq!(stored_trades(repository, EURUSD).await, expected);
    assert_eq!(stored_trades(repository, GBPUSD).await, trades(GBPUSD, 6));
    let recorded = recorded(repository).await;
    assert_eq!(recorded.len(), 1);
    assert_eq!(recorded[0].correction, given);
    assert_eq!(recorded[0].before.as_ref(), Some(target));
}

pub async fn cancellation_removes_the_trade_of_its_key(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let all = trades(EURUSD, 6);
    insert_new_trades(repository, &all).await;
    let target = &all[2];
    let given = cancellation(target.trade_time, target.sequence, 60);
    assert_eq!(
        counts(&correct(repository, &[given]).await),
        [1, 0, 0, 0, 0]
    );
    let left = [&all[..2], &all[3..]].concat();
    assert_eq!(stored_trades(repository, EURUSD).await, left);
    assert_eq!(recorded(repository).await[0].before.as_ref(), Some(target));
}

pub async fn correction_sent_again_is_a_duplicate(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let first = trade(seconds(1), 7, "1", "2");
    insert_new_trades(repository, std::slice::from_ref(&first)).await;
    let given = [
        correction(seconds(1), 7, 60, "3"),
        correction(seconds(1), 7, 60, "3.0"),
        correction(seconds(1), 7, 61, "4"),
    ];
    // of one batch the last one decides
    assert_eq!(counts(&correct(repository, &given).await), [1, 0, 1, 1, 0]);
    assert_eq!(counts(&correct(repository, &given).await), [0, 0, 0, 3, 0]);
    let expected = [corrected(&first, "4")];
    assert_eq!(stored_trades(repository, EURUSD).await, expected);
    assert_eq!(recorded(repository).await.len(), 2);
}

pub async fn latest_correction_decides_in_any_order(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let first = trade(seconds(1), 7, "1", "2");
    insert_new_trades(repository, std::slice::from_ref(&first)).await;
    let late = correction(seconds(1), 7, 90, "9");
    assert_eq!(counts(&correct(repository, &[late]).await), [1, 0, 0, 0, 0]);
    let earlier = [
        correction(seconds(1), 7, 60, "6"),
        cancellation(seconds(1), 7, 70),
    ];
    assert_eq!(
        counts(&correct(repository, &earlier).await),
        [0, 0, 2, 0, 0]
    );
    let expected = [corrected(&first, "9")];
    assert_eq!(stored_trades(repository, EURUSD).await, expected);
    let recorded = recorded(repository).await;
    let before: Vec<_> = recorded.iter().map(|one| one.before.is_some()).collect();
    assert_eq!(before, [true, false, false]);
}

pub async fn correction_before_its_trade_waits_for_it(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let given = [
        correction(seconds(1), 7, 60, "3"),
        cancellation(seconds(2), 8, 60),
    ];
    assert_eq!(counts(&correct(repository, &given).await), [0, 2, 0, 0, 0]);
    assert_eq!(stored_trades(repository, EURUSD).await, []);
    let late = [
        trade(seconds(1), 7, "1", "2"),
        trade(seconds(2), 8, "1", "2"),
        trade(seconds(2), 9, "1", "2"),
    ];
    let receipt = insert_trades(repository, &late).await;
    assert_eq!(
        (receipt.inserted, receipt.duplicates),
        (2, 1),
        "{receipt:?}"
    );
    let expected = [corrected(&late[0], "3"), late[2].clone()];
    assert_eq!(stored_trades(repository, EURUSD).await, expected);
    let before: Vec<_> = recorded(repository).await;
    let before: Vec<_> = before.into_iter().filter_map(|one| one.before).collect();
    assert_eq!(before, late[..2]);
}

pub async fn corrected_trades_sent_again_stay_corrected(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let batch = [
        trade(seconds(1), 7, "1", "2"),
        trade(seconds(2), 8, "1", "2"),
        trade(seconds(3), 9, "1", "2"),
    ];
    insert_new_trades(repository, &batch).await;
    let given = [
        correction(seconds(1), 7, 60, "3"),
        cancellation(seconds(2), 8, 60),
    ];
    correct(repository, &given).await;
    let expected = [corrected(&batch[0], "3"), batch[2].clone()];
    let original = recorded(repository).await;
    for _ in 0..2 {
        let receipt = insert_trades(repository, &batch).await;
        assert_eq!(receipt.duplicates, 3, "{receipt:?}");
        assert_eq!(stored_trades(repository, EURUSD).await, expected);
    }
    let receipt = insert_trades(repository, &expected).await;
    assert_eq!(receipt.duplicates, 2, "{receipt:?}");
    assert_eq!(recorded(repository).await, original);
}

fn with_id(time: DateTime<Utc>, price: &str, id: &str) -> Trade {
    let trade = trade(time, 0, price, "2").with_trade_id(id.to_owned());
    trade.with_occurrence(0)
}

pub async fn trade_with_a_text_id_is_found_by_it(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let batch = [
        with_id(seconds(1), "1", "a"),
        with_id(seconds(1), "1", "b"),
        with_id(seconds(2), "1", "a"),
    ];
    insert_new_trades(repository, &batch).await;
    let by_id = |time, id: &str| {
        let trade = TradeReference::TradeId(id.to_owned());
        TradeCorrection::new(EURUSD, time, trade, seconds(60), "venue")
    };
    let content = CorrectedTrade::new(dec("5"), dec("2.5"));
    let given = [
        by_id(seconds(1), "b").with_content(content),
        by_id(seconds(2), "a"),
        by_id(seconds(3), "a"),
    ];
    assert_eq!(counts(&correct(repository, &given).await), [2, 1, 0, 0, 0]);
    let prices = |trades: Vec<Trade>| -> Vec<_> {
        let shown = trades.into_iter();
        shown
            .map(|it| (it.trade_time, it.trade_id, it.price.to_string()))
            .collect()
    };
    let expected = [("a", "1"), ("b", "5")];
    let expected = expected.map(|(id, price)| (seconds(1), Some(id.to_owned()), price.to_owned()));
    assert_eq!(prices(stored_trades(repository, EURUSD).await), expected);
    // its original content is not a second trade
    let again = insert_trades(repository, &batch).await;
    assert_eq!((again.inserted, again.duplicates), (0, 3), "{again:?}");
    assert_eq!(prices(stored_trades(repository, EURUSD).await), expected);
}

pub async fn impossible_corrections_block_no_other(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let first = trade(seconds(1), 7, "1", "2");
    insert_new_trades(repository, std::slice::from_ref(&first)).await;
    let content = CorrectedTrade::new(dec("1"), dec("0"));
    let mut nameless = cancellation(seconds(1), 7, 60);
    nameless.source = String::new();
    let given = [
        cancellation(seconds(1), 7, 60).with_content(content),
        nameless,
        cancellation(seconds(1), -1, 60),
        correction(seconds(1), 7, 60, "3"),
    ];
    let receipt = correct(repository, &given).await;
    assert_eq!(counts(&receipt), [1, 0, 0, 0, 3]);
    let rows: Vec<_> = receipt.rejected.iter().map(|one| one.row.clone()).collect();
    assert_eq!(rows, given[..3]);
    let reasons: Vec<_> = receipt.rejected.iter().map(|one| &one.reason).collect();
    for (reason, word) in reasons.into_iter().zip(["quantity", "source", "sequence"]) {
        assert!(reason.contains(word), "{reason}");
    }
    let expected = [corrected(&first, "3")];
    assert_eq!(stored_trades(repository, EURUSD).await, expected);
    let many: Vec<_> = (0..1_001)
        .map(|number| cancellation(seconds(1), number, 60))
        .collect();
    let error = repository.correct(&many).await.expect_err("too many");
    assert!(error.to_string().contains("at most 1000"), "{error}");
    assert_eq!(
        repository.correct(&[]).await.expect("none"),
        CorrectionReceipt::default()
    );
}

pub async fn pages_of_corrections_neither_skip_nor_repeat(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let given: Vec<_> = (0..25)
        .map(|index| cancellation(seconds(index % 10), index, 60))
        .collect();
    correct(repository, &given).await;
    let mut query = CorrectionQuery::new(EURUSD, range(seconds(2), seconds(8)));
    query.limit = limit(4);
    let mut found = Vec::new();
    loop {
        let page = repository.corrections(&query).await.expect("answered");
        found.extend(page.items);
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    let within = given
        .iter()
        .filter(|it| (seconds(2)..seconds(8)).contains(&it.trade_time));
    let within: Vec<_> = within.cloned().collect();
    let corrections: Vec<_> = found.iter().map(|one| one.correction.clone()).collect();
    assert_eq!(corrections, within);
    let ids: Vec<CorrectionId> = found.iter().map(|one| one.id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    let other = CorrectionQuery::new(GBPUSD, TimeRange::all());
    let page = repository.corrections(&other).await.expect("answered");
    assert_eq!(page.items, []);
}

pub async fn deleted_trades_are_stored_corrected(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let first = trade(seconds(1), 7, "1", "2");
    insert_new_trades(repository, std::slice::from_ref(&first)).await;
    correct(repository, &[correction(seconds(1), 7, 60, "3")]).await;
    let all = range(seconds(0), seconds(10));
    let deleted = delete_trades(repository, EURUSD, all, |_| ()).await;
    assert_eq!(deleted.expect("deleted").trades, 1);
    let receipt = insert_trades(repository, std::slice::from_ref(&first)).await;
    assert_eq!(receipt.inserted, 1);
    let expected = [corrected(&first, "3")];
    assert_eq!(stored_trades(repository, EURUSD).await, expected);
}

pub async fn correction_of_a_cancelled_trade_restores_it(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let first = trade(seconds(1), 7, "1", "2");
    insert_new_trades(repository, std::slice::from_ref(&first)).await;
    let given = [
        cancellation(seconds(1), 7, 60),
        correction(seconds(1), 7, 61, "3"),
        cancellation(seconds(1), 7, 62),
        correction(seconds(1), 7, 63, "4"),
    ];
    for one in &given {
        assert_eq!(
            counts(&correct(repository, std::slice::from_ref(one)).await),
            [1, 0, 0, 0, 0]
        );
        let stored = stored_trades(repository, EURUSD).await;
        assert_eq!(stored.is_empty(), one.is_cancellation());
    }
    let expected = [corrected(&first, "4")];
    assert_eq!(stored_trades(repository, EURUSD).await, expected);
}

/// The times of corrections are truncated to microseconds, as the times of trades are.
pub async fn times_of_corrections_are_truncated(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let first = trade(seconds(1), 7, "1", "2");
    insert_new_trades(repository, std::slice::from_ref(&first)).await;
    let nanos = TimeDelta::nanoseconds(999);
    let mut given = correction(seconds(1) + nanos, 7, 60, "3");
    given.corrected_at += nanos;
    assert_eq!(
        counts(&correct(repository, &[given]).await),
        [1, 0, 0, 0, 0]
    );
    let whole = correction(seconds(1), 7, 60, "3");
    assert_eq!(
        counts(&correct(repository, std::slice::from_ref(&whole)).await),
        [0, 0, 0, 1, 0]
    );
    assert_eq!(recorded(repository).await[0].correction, whole);
}

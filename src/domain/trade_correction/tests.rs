//! Tests of corrections of trades.

use chrono::TimeDelta;

use super::*;

fn time() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_398_902_400_292_000).expect("a time")
}

fn trade(sequence: i64, price: i64) -> Trade {
    Trade::new(SymbolId::new(7), time(), price.into(), 2.into()).with_sequence(sequence)
}

fn correction(trade: TradeReference) -> TradeCorrection {
    let later = time() + TimeDelta::seconds(1);
    TradeCorrection::new(SymbolId::new(7), time(), trade, later, "test")
}

fn content(price: i64) -> CorrectedTrade {
    CorrectedTrade::new(price.into(), 2.into())
}

#[test]
fn correction_replaces_only_its_trade() {
    let stored = [trade(1, 10), trade(2, 10)];
    let corrected = correction(TradeReference::Sequence(2)).with_content(content(11));
    let settled = corrected.settled(&stored, None);
    assert_eq!(settled.before, Some(trade(2, 10)));
    assert_eq!(settled.replaced, Some(trade(2, 11)));
    assert_eq!(settled.removed, []);
    assert!(corrected.settled(&[trade(2, 11)], None).changes_nothing());
    assert_eq!(
        corrected.settled(&stored[..1], None),
        SettledTrade::default()
    );
}

#[test]
fn trades_with_one_id_become_one() {
    let with_id = |sequence, price| trade(sequence, price).with_trade_id("x".to_owned());
    let stored = [with_id(3, 12), with_id(1, 10), trade(2, 10)];
    let by_id = correction(TradeReference::TradeId("x".to_owned()));
    let settled = by_id
        .clone()
        .with_content(content(11))
        .settled(&stored, None);
    assert_eq!(settled.replaced, Some(with_id(1, 11)));
    assert_eq!(settled.removed, [with_id(3, 12).key()]);
    let removed = [with_id(1, 10).key(), with_id(3, 12).key()];
    assert_eq!(by_id.settled(&stored, None).removed, removed);
}

#[test]
fn cancelled_trade_is_restored_under_a_free_key() {
    let cancelled = trade(1, 10);
    let again = correction(TradeReference::Sequence(1)).with_content(content(11));
    let settled = again.settled(&[trade(2, 5)], Some(&cancelled));
    assert_eq!(settled.before, Some(cancelled.clone()));
    assert_eq!(settled.replaced, Some(trade(1, 11)));
    let with_id = cancelled.with_trade_id("x".to_owned());
    let by_id = correction(TradeReference::TradeId("x".to_owned()));
    let settled = by_id
        .with_content(content(11))
        .settled(&[trade(1, 5)], Some(&with_id));
    let restored = trade(2, 11).with_trade_id("x".to_owned());
    assert_eq!(settled.replaced, Some(restored));
}

#[test]
fn invalid_corrections_name_their_field() {
    let valid = || correction(TradeReference::Sequence(1)).with_content(content(1));
    valid().normalized().expect("valid");
    let nothing = CorrectedTrade::new(1.into(), 0.into());
    let early = DateTime::from_timestamp(-1, 0).expect("a time");
    for (invalid, field) in [
        (valid().with_content(nothing), "quantity"),
        (correction(TradeReference::Sequence(-1)), "sequence"),
        (
            correction(TradeReference::TradeId(String::new())),
            "trade_id",
        ),
        (
            TradeCorrection {
                corrected_at: early,
                ..valid()
            },
            "corrected_at",
        ),
        (
            TradeCorrection {
                trade_time: early,
                ..valid()
            },
            "trade_time",
        ),
        (
            TradeCorrection {
                source: "x".repeat(51),
                ..valid()
            },
            "source",
        ),
    ] {
        let error = invalid.normalized().expect_err(field);
        assert_eq!(error.field(), field, "{error}");
    }
}

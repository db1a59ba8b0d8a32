//! The rules of a trade.

use super::*;
use crate::domain::latest_time;

fn trade() -> Trade {
    Trade::new(
        SymbolId::new(1),
        DateTime::from_timestamp_nanos(1_398_902_400_000_001_999),
        Decimal::new(1_292_300, 3),
        Decimal::new(20, 1),
    )
}

#[test]
fn stored_form_drops_nanoseconds_and_zeros() {
    let stored = trade().normalized().expect("valid");
    assert_eq!(stored.trade_time.timestamp_subsec_nanos(), 1_000);
    assert_eq!(stored.price.to_string(), "1292.3");
    assert_eq!(stored.quantity.to_string(), "2");
    assert!(stored.has_content_of(&trade()));
}

#[test]
fn invalid_trades_are_refused_by_field_name() {
    let before = DateTime::UNIX_EPOCH - chrono::TimeDelta::microseconds(1);
    let leap = DateTime::from_timestamp(1_483_228_799, 1_500_000_000).expect("2016-12-31");
    let large = Decimal::from(1_000_000_000_000_000_i64);
    let id = |text: &str| trade().with_trade_id(text.to_owned());
    for (bad, field) in [
        (trade().with_symbol_id(SymbolId::new(0)), "symbol_id"),
        (trade().with_trade_time(before), "trade_time"),
        (trade().with_trade_time(latest_time()), "trade_time"),
        (trade().with_trade_time(leap), "trade_time"),
        (trade().with_received_at(leap), "received_at"),
        (trade().with_sequence(-1), "sequence"),
        (trade().with_occurrence(1_000_000), "occurrence"),
        (trade().with_quantity(Decimal::ZERO), "quantity"),
        (trade().with_quantity(Decimal::NEGATIVE_ONE), "quantity"),
        (trade().with_quantity(Decimal::new(1, 13)), "quantity"),
        (trade().with_quantity(large), "quantity"),
        (trade().with_price(Decimal::new(1, 13)), "price"),
        (trade().with_price(-large), "price"),
        (id(""), "trade_id"),
        (id("a\0b"), "trade_id"),
        (id(&"x".repeat(101)), "trade_id"),
    ] {
        let error = bad.normalized().expect_err("invalid");
        assert_eq!(error.field(), field);
        assert!(error.to_string().contains(field), "{error}");
    }
}

#[test]
fn limits_of_a_trade_are_valid() {
    let largest: Decimal = "999999999999999.999999999999".parse().expect("a decimal");
    for good in [
        trade().with_price(-largest).with_quantity(largest),
        trade().with_price(Decimal::ZERO),
        trade().with_quantity(Decimal::new(1, 12)),
        trade().with_trade_id("é".repeat(100)),
        trade().with_sequence(i64::MAX).with_occurrence(999_999),
    ] {
        assert!(good.normalized().is_ok(), "{good:?}");
    }
}

#[test]
fn content_is_everything_but_identity_and_receipt() {
    let one = trade();
    let received = one.trade_time;
    let same = [
        one.clone().with_received_at(received),
        one.clone().with_sequence(9).with_occurrence(3),
        one.clone().with_price(Decimal::new(12_923, 1)),
    ];
    let different = [
        one.clone().with_price(Decimal::ONE),
        one.clone().with_quantity(Decimal::ONE),
        one.clone().with_aggressor_side(AggressorSide::Sell),
        one.clone().with_block(true),
        one.clone().with_trade_id("a".to_owned()),
    ];
    for (others, is_equal) in [(same.as_slice(), true), (different.as_slice(), false)] {
        for other in others {
            assert_eq!(one.has_content_of(other), is_equal, "{other:?}");
            assert_eq!(one.content() == other.content(), is_equal, "{other:?}");
        }
    }
}

#[test]
fn aggressor_sides_read_back_from_their_names() {
    for side in AggressorSide::ALL {
        assert_eq!(side.as_str().parse(), Ok(*side));
    }
    for text in ["", "Buy", "bid", "1"] {
        let unknown = text.parse::<AggressorSide>().expect_err("unknown");
        assert!(unknown.to_string().contains("buy or sell"), "{unknown}");
    }
}

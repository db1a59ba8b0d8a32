//! The rules of a tick.

use super::*;
use crate::domain::latest_time;

fn tick() -> Tick {
    Tick::quote(
        SymbolId::new(1),
        DateTime::from_timestamp_nanos(1_398_902_400_000_001_999),
        Decimal::new(138_676, 5),
        Decimal::new(1_386_860, 6),
    )
}

#[test]
fn leap_seconds_are_refused_by_name() {
    let leap = DateTime::from_timestamp(1_483_228_799, 1_500_000_000).expect("2016-12-31");
    let of_venue = tick().with_tick_time(leap);
    let of_receiver = tick().with_received_at(Some(leap));
    for (tick, field) in [(of_venue, "tick_time"), (of_receiver, "received_at")] {
        let refused = tick.normalized().expect_err("no store has it");
        assert_eq!(refused.field(), field);
        let text = refused.to_string();
        assert!(text.contains("leap second"), "{text}");
    }
}

#[test]
fn stored_form_drops_nanoseconds_and_trailing_zeros() {
    let stored = tick().normalized().expect("valid");
    assert_eq!(stored.tick_time.timestamp_subsec_nanos(), 1_000);
    assert_eq!(stored.ask_price.expect("an ask").to_string(), "1.38686");
    assert!(stored.has_content_of(&tick()));
}

#[test]
fn invalid_ticks_are_refused_by_field_name() {
    let before = tick().with_tick_time(DateTime::UNIX_EPOCH - chrono::TimeDelta::microseconds(1));
    let future = tick().with_tick_time(latest_time());
    let sequence = tick().with_sequence(-1);
    let volume = tick().with_bid_volume(Some(Decimal::NEGATIVE_ONE));
    let decimals = tick().with_ask(Some(Decimal::new(1, 13)));
    let sideless = tick().with_bid(None).with_ask(None);
    let lone_volume = tick().with_ask(None).with_ask_volume(Decimal::ZERO);
    let symbol = tick().with_symbol_id(SymbolId::new(0));
    for (bad, word) in [
        (symbol, "symbol_id"),
        (before, "tick_time"),
        (future, "tick_time"),
        (sequence, "sequence"),
        (volume, "bid_volume"),
        (decimals, "ask_price"),
        (sideless, "bid_price"),
        (lone_volume, "ask_volume"),
    ] {
        let error = bad.normalized().expect_err("invalid");
        assert_eq!(error.field(), word);
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn negative_price_and_a_crossed_quote_are_valid() {
    let crossed = tick()
        .with_bid(Decimal::new(-3763, 2))
        .with_ask(Decimal::new(-3764, 2));
    assert!(crossed.is_crossed());
    assert!(crossed.normalized().is_ok());
}

#[test]
fn tick_of_one_side_is_valid_and_not_crossed() {
    let both = tick().with_volumes(Decimal::ONE, Decimal::TWO);
    for one in [both.clone().with_bid(None), both.clone().with_ask(None)] {
        let stored = one.normalized().expect("one side is enough");
        assert!(stored.has_content_of(&one), "{stored:?}");
        assert!(!one.is_crossed(), "{one:?}");
        assert!(!one.has_content_of(&both), "{one:?}");
        assert_eq!(one.price(PriceBasis::Mid), None);
    }
}

#[test]
fn unknown_volume_differs_from_zero() {
    let zero = tick().with_volumes(Decimal::ZERO, Decimal::ZERO);
    assert!(!tick().has_content_of(&zero));
    assert_eq!(tick().normalized().expect("valid").bid_volume, None);
}

#[test]
fn mid_is_half_of_the_sum_of_both_sides() {
    let given = Tick::quote(
        SymbolId::new(1),
        DateTime::UNIX_EPOCH,
        Decimal::new(1, 12),
        Decimal::new(2, 12),
    );
    let prices = [PriceBasis::Bid, PriceBasis::Ask, PriceBasis::Mid];
    let prices = prices.map(|basis| given.price(basis));
    let expected = [(1, 12), (2, 12), (15, 13)];
    assert_eq!(
        prices,
        expected.map(|(n, scale)| Some(Decimal::new(n, scale)))
    );
}

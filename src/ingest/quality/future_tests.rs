//! Future times, and the rules of single symbols.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::*;
use crate::domain::{NewSymbol, Rule, SymbolId, Tick};
use crate::memory::InMemorySymbolRepository;
use crate::repository::SymbolRepository as _;

fn start() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(16_000)
}

fn tick() -> Tick {
    Tick::quote(SymbolId::new(1), start(), Decimal::ONE, Decimal::TWO)
}

fn dec(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

#[test]
fn future_time_is_found_beyond_its_limit() {
    let rules = QualityRules {
        future: RuleAction::Quarantine,
        future_limit: TimeDelta::seconds(60),
        ..QualityRules::default().all(RuleAction::Off)
    };
    let mut control = QualityControl::new(rules);
    let tick = tick();
    let at_limit = start() - TimeDelta::seconds(60);
    assert!(control.check(&tick, at_limit).is_clean());
    let beyond = control.check(&tick, at_limit - TimeDelta::microseconds(1));
    let verdict = beyond.quarantine().expect("too far ahead");
    assert_eq!(verdict.rule, Rule::Future);
    assert_eq!(
        (verdict.observed, verdict.limit),
        (dec("60.000001"), dec("60"))
    );
}

#[test]
fn future_time_is_quarantined_by_default() {
    let mut control = QualityControl::new(QualityRules::default());
    let tick = tick();
    let at_limit = start() - TimeDelta::minutes(5);
    assert!(control.check(&tick, at_limit).is_clean());
    let beyond = control.check(&tick, at_limit - TimeDelta::microseconds(1));
    let verdict = beyond.quarantine().expect("too far ahead");
    assert_eq!(verdict.rule, Rule::Future);
}

#[test]
fn future_time_is_refused_only_when_quarantined() {
    let now = start();
    let limit = TimeDelta::seconds(60);
    for future in [RuleAction::Off, RuleAction::Flag, RuleAction::Quarantine] {
        let rules = QualityRules {
            future,
            future_limit: limit,
            ..QualityRules::default().all(RuleAction::Off)
        };
        assert_eq!(rules.refuses_time(now + limit, now), None);
        let later = now + limit + TimeDelta::microseconds(1);
        let refused = rules.refuses_time(later, now);
        assert_eq!(refused.is_some(), future == RuleAction::Quarantine);
        let verdict = refused.map(|verdict| (verdict.rule, verdict.observed));
        assert_eq!(verdict, refused.map(|_| (Rule::Future, dec("60.000001"))));
        // the limits of the time type cause no overflow
        let _ = rules.refuses_time(DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC);
    }
}

#[tokio::test]
async fn rules_are_found_by_id_and_by_name() {
    let symbols = InMemorySymbolRepository::new();
    for name in ["EURUSD", "GBPUSD", "USDJPY"] {
        let new = NewSymbol::named("oanda", name);
        symbols.create(new).await.expect("memory");
    }
    let of = |seconds| QualityRules {
        future_limit: TimeDelta::seconds(seconds),
        ..QualityRules::default()
    };
    let named: BTreeMap<_, _> = [
        ("2", 2),
        ("oanda:USDJPY", 3),
        ("oanda:XAUUSD", 4),
        ("99", 5),
    ]
    .map(|(name, seconds)| (name.to_owned(), of(seconds)))
    .into();
    let found = SymbolRules::find(&of(1), &named, &symbols).await;
    let FoundRules { rules, unknown } = found.expect("memory");
    assert_eq!(unknown, ["99", "oanda:XAUUSD"]);
    let limits = [1, 2, 3, 4].map(|id| rules.of(SymbolId::new(id)).future_limit.num_seconds());
    assert_eq!(limits, [1, 2, 3, 1]);
}

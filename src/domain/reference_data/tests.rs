use super::*;
use crate::domain::exchange_session::{ExchangeSession, parse_sessions};

fn sessions(text: &str) -> Vec<ExchangeSession> {
    parse_sessions(text).expect("sessions")
}

fn nse() -> Exchange {
    Exchange::named("NSE")
        .description("India")
        .code("XNSE")
        .time_zone("Asia/Kolkata")
        .sessions(sessions("mon-fri 09:15-15:30"))
}

fn fields(changes: &[FieldChange]) -> Vec<&'static str> {
    changes.iter().map(|change| change.field).collect()
}

#[test]
fn unknown_values_are_set() {
    let merged = Exchange::named("nse").merged(&nse()).expect("valid");
    let mut expected = nse();
    expected.name = "nse".to_owned();
    assert_eq!(merged.exchange, expected);
    let all = ["description", "code", "time_zone", "sessions"];
    assert_eq!(fields(&merged.changed), all);
    assert_eq!(
        merged.changed[3].new.as_deref(),
        Some("mon-fri 09:15-15:30")
    );
    assert_eq!((merged.created, merged.kept), (false, Vec::new()));
    let again = expected.merged(&nse()).expect("valid");
    assert_eq!((again.changed, again.kept), (Vec::new(), Vec::new()));
}

#[test]
fn known_values_remain() {
    let known = Exchange::named("NSE")
        .description("theirs")
        .code("OTHER")
        .time_zone("Asia/Kolkata")
        .sessions(sessions("sat 10:00-11:00"));
    let merged = known.merged(&nse()).expect("valid");
    assert_eq!((merged.exchange, merged.changed), (known, Vec::new()));
    assert_eq!(fields(&merged.kept), ["description", "code", "sessions"]);
    // values that are not given are no differences
    let merged = nse().merged(&Exchange::named("NSE")).expect("valid");
    assert_eq!((merged.exchange, merged.kept), (nse(), Vec::new()));
}

#[test]
fn sessions_of_another_time_zone_are_not_set() {
    let known = Exchange::named("NSE").time_zone("Europe/London");
    let merged = known.merged(&nse()).expect("valid");
    assert_eq!(merged.exchange.sessions, []);
    assert_eq!(merged.exchange.time_zone.as_deref(), Some("Europe/London"));
    assert_eq!(fields(&merged.changed), ["description", "code"]);
    assert_eq!(fields(&merged.kept), ["time_zone", "sessions"]);
}

#[test]
fn seed_is_valid_and_complete() {
    let seed = ReferenceData::seed().expect("valid");
    for exchange in &seed.exchanges {
        let hours = exchange.trading_hours().expect("valid");
        assert!(hours.is_some(), "{}", exchange.name);
        assert_eq!(exchange.clone().normalized(), *exchange);
    }
    let names: Vec<_> = seed.exchanges.iter().map(|it| it.name.as_str()).collect();
    for symbol in seed.symbols {
        assert!(names.contains(&symbol.exchange.as_str()), "{symbol:?}");
        let new = symbol.into_new().expect("complete");
        assert!(new.instrument.is_some(), "{new:?}");
    }
}

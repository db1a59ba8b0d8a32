//! Conformance: sessions of exchanges.
//!
//! Covers the sessions in `SymbolRepository::create_exchange`, `SymbolRepository::describe_exchange`,
//! `SymbolRepository::get_exchange` and `SymbolRepository::list_exchanges`.

use crate::Repositories;
use crate::domain::{Exchange, ExchangeFacts, ExchangeSession, NewSymbol, parse_sessions};
use crate::error::RepositoryError;
use crate::repository::{ExchangeQuery, SymbolRepository};

fn sessions(texts: &[&str]) -> Vec<ExchangeSession> {
    let parsed = texts
        .iter()
        .flat_map(|text| parse_sessions(text).expect("sessions"));
    parsed.collect()
}

fn texts(exchange: &Exchange) -> Vec<String> {
    exchange.sessions.iter().map(ToString::to_string).collect()
}

fn new_york() -> Exchange {
    Exchange::named("nyse").time_zone("America/New_York")
}

async fn get(repository: &dyn SymbolRepository, name: &str) -> Exchange {
    let exchange = repository.get_exchange(name).await;
    exchange.expect("it is read").expect("it exists")
}

fn is_invalid<T>(result: &Result<T, RepositoryError>) -> bool {
    matches!(result, Err(RepositoryError::InvalidInput { .. }))
}

pub async fn sessions_read_back_in_order(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let given = sessions(&[
        "2099-12-31 sun 23:59-00:01",
        "tue 13:00-24:00",
        "sun 17:00-17:00",
        "tue 00:00-00:01",
        "2026-01-05 mon 09:30-16:00",
        "1970-01-02 wed 09:30-16:00",
    ]);
    let created = symbols.create_exchange(&new_york().sessions(given)).await;
    created.expect("it is created");
    let expected = [
        "tue 00:00-00:01",
        "tue 13:00-24:00",
        "sun 17:00-17:00",
        "1970-01-02 wed 09:30-16:00",
        "2026-01-05 mon 09:30-16:00",
        "2099-12-31 sun 23:59-00:01",
    ];
    assert_eq!(texts(&get(symbols, "NYSE").await), expected);
}

pub async fn sessions_are_replaced_as_a_whole(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let symbol = symbols.create(NewSymbol::named("nyse", "IBM")).await;
    symbol.expect("it is created");
    let describe = async |facts: ExchangeFacts| {
        let described = symbols.describe_exchange("NYSE", &facts).await;
        let described = described.expect("it is described");
        assert_eq!(get(symbols, "nyse").await, described);
        described
    };
    let with = |text| ExchangeFacts::default().sessions(sessions(&[text]));
    let facts = with("sun-tue 17:00-17:00").time_zone("America/New_York");
    let expected = ["mon 17:00-17:00", "tue 17:00-17:00", "sun 17:00-17:00"];
    assert_eq!(texts(&describe(facts.clone()).await), expected);
    // a repetition, and a change of another field
    assert_eq!(texts(&describe(facts).await), expected);
    let other = ExchangeFacts::default().code("XNYS");
    assert_eq!(texts(&describe(other).await), expected);
    let replaced = describe(with("mon 17:00-18:00")).await;
    assert_eq!(texts(&replaced), ["mon 17:00-18:00"]);
    let none = ExchangeFacts::default().sessions(Vec::new());
    let expected = new_york().code("XNYS");
    assert_eq!(describe(none).await, expected);
}

pub async fn invalid_sessions_change_nothing(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let overlapping = sessions(&["mon 09:00-11:00", "mon 10:00-12:00"]);
    let good = sessions(&["mon 09:00-11:00"]);
    for bad in [
        new_york().sessions(overlapping.clone()),
        Exchange::named("nyse").sessions(good.clone()),
    ] {
        let refused = symbols.create_exchange(&bad).await;
        assert!(is_invalid(&refused), "{bad:?}: {refused:?}");
    }
    let stored = new_york().sessions(good);
    let created = symbols.create_exchange(&stored).await;
    created.expect("it is created");
    for bad in [
        ExchangeFacts::default().sessions(overlapping).code("XNYS"),
        // sessions without a time zone
        ExchangeFacts::default().time_zone(""),
    ] {
        let refused = symbols.describe_exchange("nyse", &bad).await;
        assert!(is_invalid(&refused), "{bad:?}: {refused:?}");
        assert_eq!(get(symbols, "nyse").await, stored);
    }
    let facts = ExchangeFacts::default().time_zone("").sessions(Vec::new());
    let cleared = symbols.describe_exchange("nyse", &facts).await;
    assert_eq!(cleared.expect("described"), Exchange::named("nyse"));
}

pub async fn exchanges_are_listed_with_their_sessions(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let mut expected = Vec::new();
    for (name, text) in [
        ("a", "mon 09:00-10:00"),
        ("b", ""),
        ("C", "sun 22:00-05:00"),
    ] {
        let mut exchange = Exchange::named(name).time_zone("UTC");
        if !text.is_empty() {
            exchange = exchange.sessions(sessions(&[text]));
        }
        let created = symbols.create_exchange(&exchange).await;
        created.expect("it is created");
        expected.push(exchange);
    }
    let page = symbols.list_exchanges(&ExchangeQuery::default()).await;
    assert_eq!(page.expect("exchanges are listed").items, expected);
}

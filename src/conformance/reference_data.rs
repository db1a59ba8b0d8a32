//! Conformance: reference data.
//!
//! Covers `SymbolRepository::merge_reference_data`.

use tokio::task::JoinSet;

use crate::Repositories;
use crate::domain::{
    Exchange, ExchangeFacts, InvalidSymbol, MergedReferenceData, NewSymbol, ReferenceData,
    StatedSymbol, SymbolFacts, SymbolReference, parse_sessions,
};
use crate::error::RepositoryError;
use crate::repository::{ExchangeQuery, SymbolQuery, SymbolRepository};

fn nse() -> Exchange {
    let sessions = parse_sessions("mon-fri 09:15-15:30").expect("sessions");
    Exchange::named("NSE")
        .code("XNSE")
        .time_zone("Asia/Kolkata")
        .sessions(sessions)
}

fn nifty(name: &str) -> StatedSymbol {
    let facts = SymbolFacts::default().description("an index");
    StatedSymbol::named("NSE", name).facts(facts)
}

fn data() -> ReferenceData {
    ReferenceData::new(
        vec![nse(), Exchange::named("other")],
        vec![nifty("NIFTY"), nifty("BANKNIFTY")],
    )
}

async fn merge(symbols: &dyn SymbolRepository, data: &ReferenceData) -> MergedReferenceData {
    let merged = symbols.merge_reference_data(data).await;
    merged.expect("it is merged")
}

/// The numbers of created exchanges and symbols, and of changed fields.
fn counts(merged: &MergedReferenceData) -> (usize, usize, usize) {
    let symbols = merged.symbols.iter().flatten();
    let exchanges = merged.exchanges.iter();
    let changed = exchanges.clone().map(|it| it.changed.len());
    let changed = changed.chain(symbols.clone().map(|it| it.changed.len()));
    (
        exchanges.filter(|it| it.created).count(),
        symbols.filter(|it| it.created).count(),
        changed.sum(),
    )
}

async fn exchange(symbols: &dyn SymbolRepository, name: &str) -> Option<Exchange> {
    let exchange = symbols.get_exchange(name).await;
    exchange.expect("it is read")
}

pub async fn reference_data_is_created_once(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let merged = merge(symbols, &data()).await;
    assert_eq!(counts(&merged), (2, 2, 0));
    assert_eq!(merged.exchanges[0].exchange, nse());
    assert_eq!(exchange(symbols, "nse").await, Some(nse()));
    let page = symbols.list(&SymbolQuery::default()).await.expect("listed");
    let names: Vec<_> = page.items.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["NIFTY", "BANKNIFTY"]);
    let of_merge = merged.symbols.iter().flatten();
    assert!(of_merge.map(|it| &it.symbol).eq(&page.items));
    let again = merge(symbols, &data()).await;
    assert_eq!(counts(&again), (0, 0, 0));
    assert_eq!(again.exchanges[0].exchange, nse());
    let none = merge(symbols, &ReferenceData::default()).await;
    assert_eq!(none, MergedReferenceData::default());
}

pub async fn reference_data_sets_unknown_values_only(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    // made by its symbol, in another case
    let symbol = symbols.create(NewSymbol::named("nse", "NIFTY")).await;
    let symbol = symbol.expect("it is created");
    let facts = ExchangeFacts::default().code("THEIRS");
    let described = symbols.describe_exchange("nse", &facts).await;
    described.expect("it is described");
    let merged = merge(symbols, &data()).await;
    // time zone, sessions, and the description of the symbol
    assert_eq!(counts(&merged), (1, 1, 3));
    let mut expected = nse().code("THEIRS");
    expected.name = "nse".to_owned();
    assert_eq!(exchange(symbols, "NSE").await, Some(expected));
    assert_eq!(merged.exchanges[0].kept.len(), 1);
    let reference = SymbolReference::on("nse", "NIFTY");
    let found = symbols.get_by_name(&reference).await.expect("read");
    let found = found.expect("it exists");
    assert_eq!(found.symbol_id, symbol.symbol_id);
    assert_eq!((&*found.exchange, &*found.description), ("nse", "an index"));
}

pub async fn known_values_of_symbols_are_kept(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let new = NewSymbol::named("NSE", "NIFTY").description("theirs");
    let known = symbols.create(new).await.expect("it is created");
    let merged = merge(symbols, &data()).await;
    let of_nifty = merged.symbols[0].as_ref().expect("merged");
    assert_eq!(of_nifty.symbol, known);
    assert_eq!(of_nifty.changed, []);
    let kept: Vec<_> = of_nifty.kept.iter().map(|it| it.field).collect();
    assert_eq!(kept, ["description"]);
    let found = symbols.get(known.symbol_id).await.expect("read");
    assert_eq!(found, Some(known));
}

pub async fn invalid_reference_data_changes_nothing(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let mut bad = data();
    bad.exchanges[1] = Exchange::named("other").time_zone("Mars/Phobos");
    let refused = symbols.merge_reference_data(&bad).await;
    assert!(
        matches!(refused, Err(RepositoryError::InvalidInput { .. })),
        "{refused:?}"
    );
    let exchanges = symbols.list_exchanges(&ExchangeQuery::default()).await;
    assert_eq!(exchanges.expect("listed").items, []);
    let page = symbols.list(&SymbolQuery::default()).await;
    assert_eq!(page.expect("listed").items, []);
}

pub async fn refused_symbol_of_reference_data_is_reported(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let mut given = data();
    given
        .exchanges
        .push(Exchange::named("nse").description("again"));
    given.symbols.insert(1, nifty("nifty"));
    let merged = merge(symbols, &given).await;
    assert_eq!(counts(&merged), (2, 2, 1));
    let refused = &merged.symbols[1];
    assert!(
        matches!(refused, Err(InvalidSymbol::NameTaken { .. })),
        "{refused:?}"
    );
    let expected = nse().description("again");
    assert_eq!(exchange(symbols, "NSE").await, Some(expected));
}

pub async fn concurrent_reference_data_is_created_once(repositories: &Repositories) {
    let mut merges = JoinSet::new();
    for _ in 0..8 {
        let symbols = repositories.symbols.clone();
        merges.spawn(async move { counts(&merge(&*symbols, &data()).await) });
    }
    let (mut exchanges, mut symbols) = (0, 0);
    while let Some(merged) = merges.join_next().await {
        let (of_exchanges, of_symbols, changed) = merged.expect("no panic");
        exchanges += of_exchanges;
        symbols += of_symbols;
        assert_eq!(changed, 0);
    }
    assert_eq!((exchanges, symbols), (2, 2));
}

//! Conformance: names of symbols that differ only in case.
//!
//! Covers `SymbolRepository::create`, `SymbolRepository::upsert_batch`,
//! `SymbolRepository::merge_batch` and `SymbolRepository::rename`.

use std::sync::Arc;

use super::samples::EURUSD;
use crate::Repositories;
use crate::domain::{
    InvalidSymbol, NewSymbol, StatedSymbol, Symbol, SymbolFacts, SymbolId, SymbolReference,
};
use crate::error::RepositoryError;
use crate::repository::{SymbolQuery, SymbolRepository};

const TAKER: &str = "oanda:EURUSD (symbol_id 1)";

fn reference(text: &str) -> SymbolReference {
    text.parse().expect("the behaviours write references")
}

async fn create(repository: &dyn SymbolRepository, exchange: &str, name: &str) -> Symbol {
    let symbol = repository.create(NewSymbol::named(exchange, name)).await;
    symbol.expect("it is created")
}

async fn all(repository: &dyn SymbolRepository) -> Vec<Symbol> {
    let page = repository.list(&SymbolQuery::default()).await;
    page.expect("symbols are listed").items
}

fn assert_taken<T: std::fmt::Debug>(result: Result<T, RepositoryError>, taker: &str) {
    match result {
        Err(error @ RepositoryError::AlreadyExists { .. }) => {
            assert!(error.to_string().contains(taker), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

pub async fn name_in_another_case_is_taken(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let euro = create(symbols, "oanda", "EURUSD").await;
    for (exchange, name) in [
        ("oanda", "EURUSD"),
        ("oanda", "eurusd"),
        ("OANDA", "EurUsd"),
        ("Oanda", "EURUSD"),
    ] {
        let refused = symbols.create(NewSymbol::named(exchange, name)).await;
        assert_taken(refused, TAKER);
    }
    assert_eq!(all(symbols).await, [euro]);
    // letters other than A to Z are compared as they are
    create(symbols, "oanda", "ÉURUSD").await;
    create(symbols, "oanda", "éURUSD").await;
    let found = symbols.get_by_name(&reference("éurusd")).await;
    let found = found.expect("it is read").map(|found| found.name);
    assert_eq!(found.as_deref(), Some("éURUSD"));
}

pub async fn exchange_in_another_case_is_the_stored_one(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create(symbols, "Kraken", "A").await;
    assert_eq!(create(symbols, "KRAKEN", "B").await.exchange, "Kraken");
    let batch = [
        NewSymbol::named("kraken", "C"),
        NewSymbol::named("LMAX", "D"),
        NewSymbol::named("lmax", "E"),
    ];
    let upserted = symbols.upsert_batch(&batch).await.expect("accepted");
    let exchanges =
        |symbols: &[Symbol]| Vec::from_iter(symbols.iter().map(|it| it.exchange.clone()));
    assert_eq!(exchanges(&upserted), ["Kraken", "LMAX", "LMAX"]);
    let stated = [
        StatedSymbol::named("kraKen", "F"),
        StatedSymbol::named("Oanda", "G"),
        StatedSymbol::named("oanda", "H"),
    ];
    let merged = symbols.merge_batch(&stated, false).await.expect("accepted");
    let merged = Vec::from_iter(merged.into_iter().map(|one| one.expect("created").symbol));
    assert_eq!(exchanges(&merged), ["Kraken", "Oanda", "Oanda"]);
    let renamed = symbols.rename(SymbolId::new(1), &reference("LmAx:A")).await;
    assert_eq!(renamed.expect("renamed").symbol.exchange, "LMAX");
    assert_eq!(all(symbols).await.len(), 8);
}

pub async fn names_in_another_case_are_not_upserted(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let euro = create(symbols, "oanda", "EURUSD").await;
    let new = NewSymbol::named("oanda", "GBPUSD");
    let refused = symbols
        .upsert_batch(&[new.clone(), NewSymbol::named("OANDA", "eurusd")])
        .await;
    assert_taken(refused, TAKER);
    // the first symbol of the batch has the name
    let refused = symbols
        .upsert_batch(&[new, NewSymbol::named("oanda", "gbpusd")])
        .await;
    assert_taken(refused, "oanda:GBPUSD (symbol_id 2)");
    assert_eq!(all(symbols).await, [euro]);
    // if only the case of the exchange differs, it is the same symbol
    let same = NewSymbol {
        digits: 3,
        ..NewSymbol::named("OANDA", "EURUSD")
    };
    let upserted = symbols.upsert_batch(&[same]).await.expect("accepted");
    assert_eq!(all(symbols).await, upserted);
    assert_eq!((&*upserted[0].exchange, upserted[0].digits), ("oanda", 3));
}

pub async fn names_in_another_case_are_refused_by_merging(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let euro = create(symbols, "oanda", "EURUSD").await;
    let stated = [
        StatedSymbol::named("oanda", "eurusd"),
        StatedSymbol::named("oanda", "GBPUSD"),
        StatedSymbol::named("oanda", "gbpusd"),
        StatedSymbol::named("OANDA", "EURUSD"),
    ];
    let merged = symbols.merge_batch(&stated, true).await.expect("accepted");
    let taken = |name: &str, taker: &str| InvalidSymbol::NameTaken {
        name: name.to_owned(),
        taker: taker.to_owned(),
    };
    assert_eq!(merged[0], Err(taken("eurusd", TAKER)));
    assert!(merged[1].as_ref().is_ok_and(|pound| pound.created));
    assert_eq!(
        merged[2],
        Err(taken("gbpusd", "oanda:GBPUSD (symbol_id 2)"))
    );
    let same = merged[3].as_ref().expect("it is the symbol itself");
    assert_eq!((&same.symbol, same.created), (&euro, false));
    assert_eq!(all(symbols).await.len(), 2);
}

pub async fn symbol_is_renamed_to_another_case_of_its_name(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create(symbols, "oanda", "EURUSD").await;
    create(symbols, "oanda", "GBPUSD").await;
    create(symbols, "lmax", "eurusd").await;
    assert_taken(
        symbols.rename(SymbolId::new(2), &reference("eurusd")).await,
        TAKER,
    );
    assert_taken(
        symbols
            .rename(SymbolId::new(3), &reference("OANDA:EurUsd"))
            .await,
        TAKER,
    );
    let renamed = symbols.rename(EURUSD, &reference("EurUsd")).await;
    let renamed = renamed.expect("its own name");
    assert_eq!(renamed.changed.len(), 1);
    assert_eq!(renamed.symbol.name, "EurUsd");
    let described = symbols.describe(EURUSD, &SymbolFacts::default()).await;
    assert_eq!(described.expect("it is read").symbol, renamed.symbol);
}

pub async fn names_in_two_cases_at_once_create_one_symbol(repositories: &Repositories) {
    let gate = Arc::new(tokio::sync::Barrier::new(8));
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let (symbols, gate) = (Arc::clone(&repositories.symbols), Arc::clone(&gate));
            let exchange = ["oanda", "OANDA", "Oanda"][task % 3];
            let name = ["EURUSD", "eurusd"][task % 2];
            tokio::spawn(async move {
                gate.wait().await;
                symbols.create(NewSymbol::named(exchange, name)).await
            })
        })
        .collect();
    let mut created = 0;
    for task in tasks {
        match task.await.expect("no task panics") {
            Ok(_) => created += 1,
            refused => assert_taken(refused, "(symbol_id 1)"),
        }
    }
    assert_eq!(created, 1);
}

//! Conformance: creating, upserting and deactivating symbols.
//!
//! Covers `SymbolRepository::create`, `SymbolRepository::upsert_batch` and
//! `SymbolRepository::deactivate`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::samples::dec;
use crate::Repositories;
use crate::domain::{Instrument, InstrumentType, NewSymbol, PageLimit, Symbol, SymbolId};
use crate::error::RepositoryError;
use crate::repository::{SymbolQuery, SymbolRepository};

fn option_on_a_future() -> NewSymbol {
    NewSymbol {
        symbol_id: Some(SymbolId::new(41)),
        description: "crude oil, \"put\" with 'quotes' and ünïcode".to_owned(),
        digits: 12,
        active: false,
        instrument: Some(Instrument {
            instrument_type: InstrumentType::FutureOption,
            base_currency: None,
            quote_currency: "USD".to_owned(),
            tick_size: dec("0.000000000001"),
            lot_size: dec("999999999999999.999999999999"),
            contract_multiplier: dec("1000.00"),
            expiry: chrono::NaiveDate::from_ymd_opt(2026, 11, 17),
            strike: Some(dec("-37.630")),
        }),
        ..NewSymbol::named("nymex", "LO-Z6-P")
    }
}

fn pair() -> Instrument {
    Instrument {
        instrument_type: InstrumentType::Forex,
        base_currency: Some("EUR".to_owned()),
        quote_currency: "USD".to_owned(),
        tick_size: dec("0.00001"),
        lot_size: dec("1000"),
        contract_multiplier: dec("1"),
        expiry: None,
        strike: None,
    }
}

fn numbered(id: i64, name: &str) -> NewSymbol {
    NewSymbol {
        symbol_id: Some(SymbolId::new(id)),
        ..NewSymbol::named("oanda", name)
    }
}

async fn create(repository: &dyn SymbolRepository, symbol: NewSymbol) -> Symbol {
    repository.create(symbol).await.expect("it is created")
}

async fn upsert(repository: &dyn SymbolRepository, symbols: &[NewSymbol]) -> Vec<Symbol> {
    let symbols = repository.upsert_batch(symbols).await;
    symbols.expect("the batch is accepted")
}

async fn all(repository: &dyn SymbolRepository) -> Vec<Symbol> {
    let query = SymbolQuery {
        limit: PageLimit::MAX,
        ..SymbolQuery::default()
    };
    let page = repository.list(&query).await.expect("symbols are listed");
    page.items
}

fn assert_already_exists<T: std::fmt::Debug>(result: Result<T, RepositoryError>) {
    assert!(
        matches!(result, Err(RepositoryError::AlreadyExists { .. })),
        "{result:?}"
    );
}

pub async fn created_symbol_reads_back(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let given = option_on_a_future();
    let expected = given.clone().into_symbol(SymbolId::new(41));
    let created = create(symbols, given).await;
    assert_eq!(created, expected);
    assert_eq!(all(symbols).await, [expected]);
    let instrument = created.instrument.expect("it was given");
    let texts = [Some(instrument.contract_multiplier), instrument.strike];
    let texts = texts.map(|number| number.map(|number| number.to_string()));
    assert_eq!(texts, [Some("1000".into()), Some("-37.63".into())]);
}

pub async fn every_instrument_type_reads_back(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    for &instrument_type in InstrumentType::ALL {
        let given = NewSymbol {
            instrument: Some(Instrument {
                instrument_type,
                ..pair()
            }),
            ..NewSymbol::named("oanda", instrument_type.as_str())
        };
        let created = create(symbols, given.clone()).await;
        assert_eq!(created.instrument, given.instrument);
        let read = symbols.get(created.symbol_id).await.expect("it is read");
        assert_eq!(read, Some(created));
    }
}

pub async fn symbol_without_an_id_gets_the_next_id(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let created = create(symbols, NewSymbol::named("oanda", "A")).await;
    assert_eq!(created.symbol_id, SymbolId::new(1));
    create(symbols, numbered(1_000, "B")).await;
    create(symbols, numbered(500, "C")).await;
    for (name, id) in [("D", 1_001), ("E", 1_002)] {
        let created = create(symbols, NewSymbol::named("kraken", name)).await;
        assert_eq!(created.symbol_id, SymbolId::new(id));
    }
    create(symbols, numbered(1_003, "F")).await;
    let created = create(symbols, NewSymbol::named("oanda", "G")).await;
    assert_eq!(created.symbol_id, SymbolId::new(1_004));
}

pub async fn taken_id_or_name_is_refused(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let first = create(symbols, numbered(7, "EURUSD")).await;
    assert_already_exists(symbols.create(numbered(7, "GBPUSD")).await);
    assert_already_exists(symbols.create(numbered(8, "EURUSD")).await);
    assert_already_exists(symbols.create(NewSymbol::named("oanda", "EURUSD")).await);
    assert_eq!(all(symbols).await, [first]);
}

pub async fn name_is_unique_within_its_exchange_only(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    for exchange in ["oanda", "kraken", "lmax"] {
        create(symbols, NewSymbol::named(exchange, "EURUSD")).await;
    }
    assert_eq!(all(symbols).await.len(), 3);
}

pub async fn invalid_symbol_is_not_created(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let good = NewSymbol::named("oanda", "EURUSD");
    for bad in [
        numbered(0, "EURUSD"),
        NewSymbol::named("", "EURUSD"),
        NewSymbol::named("o:anda", "EURUSD"),
        NewSymbol::named("oanda", ""),
        NewSymbol::named("oa nda", "EURUSD"),
        NewSymbol::named("x".repeat(51), "EURUSD"),
        NewSymbol::named("oanda", " EURUSD"),
        NewSymbol::named("oanda", "EUR\nUSD"),
        NewSymbol::named("oanda", "x".repeat(101)),
        NewSymbol {
            digits: 13,
            ..good.clone()
        },
        NewSymbol {
            instrument: Some(Instrument {
                tick_size: dec("0"),
                ..pair()
            }),
            ..good.clone()
        },
    ] {
        let result = symbols.create(bad).await;
        assert!(
            matches!(result, Err(RepositoryError::InvalidInput { .. })),
            "{result:?}"
        );
    }
    assert_eq!(all(symbols).await, []);
    create(symbols, NewSymbol::named("é".repeat(50), "é".repeat(100))).await;
    let option = create(symbols, NewSymbol::named("cme", "ES:5000 C, 28 Nov")).await;
    let reference = "CME:es:5000 c, 28 nov".parse().expect("a reference");
    let found = symbols.get_by_name(&reference).await.expect("found");
    assert_eq!(found, Some(option));
}

pub async fn concurrent_creates_of_one_name_succeed_once(repositories: &Repositories) {
    let gate = Arc::new(tokio::sync::Barrier::new(8));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (symbols, gate) = (Arc::clone(&repositories.symbols), Arc::clone(&gate));
            tokio::spawn(async move {
                gate.wait().await;
                symbols.create(NewSymbol::named("oanda", "EURUSD")).await
            })
        })
        .collect();
    let mut created = 0;
    for task in tasks {
        match task.await.expect("no task panics") {
            Ok(_) => created += 1,
            refused => assert_already_exists(refused),
        }
    }
    assert_eq!(created, 1);
    assert_eq!(all(repositories.symbols.as_ref()).await.len(), 1);
}

pub async fn symbols_created_at_once_get_ids_of_their_own(repositories: &Repositories) {
    let gate = Arc::new(tokio::sync::Barrier::new(8));
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let (symbols, gate) = (Arc::clone(&repositories.symbols), Arc::clone(&gate));
            tokio::spawn(async move {
                gate.wait().await;
                let symbol = NewSymbol::named("oanda", format!("S{task}"));
                create(symbols.as_ref(), symbol).await.symbol_id
            })
        })
        .collect();
    let mut ids = BTreeSet::new();
    for task in tasks {
        ids.insert(task.await.expect("no task panics").get());
    }
    assert_eq!(ids, (1..=8).collect());
}

pub async fn empty_batch_of_symbols_does_nothing(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    assert_eq!(upsert(symbols, &[]).await, []);
    assert_eq!(all(symbols).await, []);
}

pub async fn upsert_creates_new_and_updates_known_symbols(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let euro = create(symbols, numbered(7, "EURUSD")).await;
    let changed = NewSymbol {
        description: "Euro".to_owned(),
        digits: 4,
        active: false,
        instrument: Some(pair()),
        ..NewSymbol::named("oanda", "EURUSD")
    };
    let batch = [numbered(9, "GBPUSD"), changed, numbered(3, "USDJPY")];
    let expected: Vec<Symbol> = [(9, 0), (7, 1), (3, 2)]
        .map(|(id, index): (i64, usize)| batch[index].clone().into_symbol(SymbolId::new(id)))
        .into();
    assert_eq!(upsert(symbols, &batch).await, expected);
    assert_ne!(expected[1], euro);
    let mut sorted = expected.clone();
    sorted.sort_by_key(|symbol| symbol.symbol_id);
    assert_eq!(all(symbols).await, sorted);
    assert_eq!(upsert(symbols, &batch).await, expected, "again");
}

pub async fn upsert_replaces_and_removes_an_instrument(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let with = |instrument| NewSymbol {
        instrument,
        ..numbered(7, "EURUSD")
    };
    let other = Instrument {
        instrument_type: InstrumentType::Cfd,
        base_currency: None,
        ..pair()
    };
    create(symbols, with(Some(pair()))).await;
    for instrument in [Some(other), None, Some(pair()), None] {
        upsert(symbols, &[with(instrument.clone())]).await;
        assert_eq!(all(symbols).await[0].instrument, instrument);
    }
}

pub async fn upserted_symbols_without_ids_get_new_ones(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create(symbols, numbered(100, "OLD")).await;
    let names = ["A", "OLD", "B", "C"];
    let batch = names.map(|name| NewSymbol::named("oanda", name));
    let ids: Vec<i64> = upsert(symbols, &batch)
        .await
        .iter()
        .map(|symbol| symbol.symbol_id.get())
        .collect();
    assert_eq!(ids, [101, 100, 102, 103]);
}

pub async fn last_of_repeated_symbols_counts(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let described = |name: &str, description: &str| NewSymbol {
        description: description.to_owned(),
        ..NewSymbol::named("oanda", name)
    };
    create(symbols, numbered(7, "EURUSD")).await;
    let batch = [
        described("EURUSD", "first"),
        described("GBPUSD", "first"),
        described("EURUSD", "last"),
        described("GBPUSD", "last"),
    ];
    let result = upsert(symbols, &batch).await;
    let names: Vec<&str> = result.iter().map(|symbol| symbol.name.as_str()).collect();
    assert_eq!(names, ["EURUSD", "GBPUSD", "EURUSD", "GBPUSD"]);
    assert!(result.iter().all(|symbol| symbol.description == "last"));
    assert_eq!(all(symbols).await, result[..2]);
}

pub async fn upsert_names_an_invalid_symbol_and_changes_nothing(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let before = create(symbols, numbered(7, "EURUSD")).await;
    let changed = NewSymbol {
        description: "changed".to_owned(),
        ..numbered(7, "EURUSD")
    };
    let batch = [
        changed,
        numbered(9, "GBPUSD"),
        numbered(10, " first bad"),
        numbered(11, " second bad"),
    ];
    match symbols.upsert_batch(&batch).await {
        Err(RepositoryError::InvalidInput { reason }) => {
            assert!(reason.contains("first bad"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(all(symbols).await, [before]);
}

pub async fn upsert_refuses_ids_of_others_and_changes_nothing(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let before = [
        create(symbols, numbered(7, "EURUSD")).await,
        create(symbols, numbered(8, "GBPUSD")).await,
    ];
    let changed = NewSymbol {
        description: "changed".to_owned(),
        ..numbered(7, "EURUSD")
    };
    // the id of another symbol, another id for a symbol, and both
    for bad in [
        numbered(8, "USDJPY"),
        numbered(9, "GBPUSD"),
        numbered(7, "GBPUSD"),
    ] {
        let batch = [changed.clone(), numbered(20, "NEW"), bad];
        assert_already_exists(symbols.upsert_batch(&batch).await);
        assert_eq!(all(symbols).await, before);
    }
}

pub async fn many_symbols_are_upserted_at_once(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let batch: Vec<NewSymbol> = (0..500)
        .map(|index| NewSymbol {
            instrument: (index % 2 == 0).then(pair),
            ..NewSymbol::named(format!("exchange{}", index % 7), format!("S{index}"))
        })
        .collect();
    let created = upsert(symbols, &batch).await;
    assert_eq!(created.len(), 500);
    assert_eq!(all(symbols).await, created);
    assert_eq!(upsert(symbols, &batch).await, created);
}

pub async fn deactivated_symbol_stays_readable(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let other = create(symbols, numbered(8, "GBPUSD")).await;
    let created = create(
        symbols,
        NewSymbol {
            instrument: Some(pair()),
            ..numbered(7, "EURUSD")
        },
    )
    .await;
    let expected = Symbol {
        active: false,
        ..created
    };
    for _ in 0..2 {
        let deactivated = symbols.deactivate(SymbolId::new(7)).await;
        assert_eq!(
            deactivated.expect("deactivating twice is not an error"),
            expected
        );
    }
    assert_eq!(all(symbols).await, [expected, other]);
    assert_already_exists(symbols.create(NewSymbol::named("oanda", "EURUSD")).await);
    let again = upsert(symbols, &[NewSymbol::named("oanda", "EURUSD")]).await;
    assert!(again[0].active, "upsert sets whether it is active");
}

pub async fn unknown_symbol_cannot_be_deactivated(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let created = create(symbols, numbered(7, "EURUSD")).await;
    match symbols.deactivate(SymbolId::new(77)).await {
        Err(error @ RepositoryError::NotFound { .. }) => {
            assert!(error.to_string().contains("77"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(all(symbols).await, [created]);
}

//! Conformance: merging, describing and renaming symbols.
//!
//! Covers `SymbolRepository::merge_batch`, `SymbolRepository::describe`, `SymbolRepository::amend` and
//! `SymbolRepository::rename`.

use std::sync::Arc;

use super::samples::{EURUSD, dec, insert_new, series, stored};
use crate::Repositories;
use crate::domain::{
    FieldChange, InstrumentFacts, InstrumentType, InvalidSymbol, MergedSymbol, NewSymbol,
    StatedSymbol, Symbol, SymbolChange, SymbolFacts, SymbolId, SymbolReference,
};
use crate::error::RepositoryError;
use crate::repository::{FeedSymbol, SymbolQuery, SymbolRepository};

fn pair() -> InstrumentFacts {
    InstrumentFacts {
        instrument_type: Some(InstrumentType::Forex),
        base_currency: Some("EUR".to_owned()),
        quote_currency: Some("USD".to_owned()),
        tick_size: Some(dec("0.00001")),
        lot_size: Some(dec("1000")),
        contract_multiplier: Some(dec("1")),
        ..InstrumentFacts::default()
    }
}

fn euro() -> StatedSymbol {
    StatedSymbol {
        facts: SymbolFacts {
            description: Some("Euro".to_owned()),
            digits: Some(5),
            active: Some(true),
            instrument: pair(),
        },
        ..StatedSymbol::named("oanda", "EURUSD")
    }
}

fn described(description: &str) -> SymbolFacts {
    SymbolFacts {
        description: Some(description.to_owned()),
        ..SymbolFacts::default()
    }
}

fn reference(text: &str) -> SymbolReference {
    text.parse().expect("the behaviours write references")
}

async fn merge(
    repository: &dyn SymbolRepository,
    stated: &[StatedSymbol],
    overwrite: bool,
) -> Vec<Result<MergedSymbol, InvalidSymbol>> {
    let merged = repository.merge_batch(stated, overwrite).await;
    let merged = merged.expect("the batch is accepted");
    assert_eq!(merged.len(), stated.len());
    merged
}

async fn merge_one(
    repository: &dyn SymbolRepository,
    stated: StatedSymbol,
    overwrite: bool,
) -> MergedSymbol {
    let mut merged = merge(repository, &[stated], overwrite).await;
    merged.remove(0).expect("it is merged")
}

async fn create(repository: &dyn SymbolRepository, exchange: &str, name: &str) -> Symbol {
    let symbol = repository.create(NewSymbol::named(exchange, name)).await;
    symbol.expect("it is created")
}

async fn all(repository: &dyn SymbolRepository) -> Vec<Symbol> {
    let page = repository.list(&SymbolQuery::default()).await;
    page.expect("symbols are listed").items
}

fn fields(changes: &[FieldChange]) -> Vec<&'static str> {
    changes.iter().map(|change| change.field).collect()
}

pub async fn missing_symbols_are_created_by_a_merge(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create(symbols, "lmax", "EURUSD").await;
    let merged = merge(symbols, &[euro(), StatedSymbol::named("oanda", "X")], false).await;
    let expected = [euro(), StatedSymbol::named("oanda", "X")];
    for (index, (merged, stated)) in merged.iter().zip(expected).enumerate() {
        let merged = merged.as_ref().expect("it is created");
        let id = SymbolId::new(index as i64 + 2);
        assert_eq!(
            merged.symbol,
            stated.into_new().expect("valid").into_symbol(id)
        );
        assert!(merged.created && merged.changed.is_empty() && merged.kept.is_empty());
        let read = symbols.get(id).await.expect("it is read");
        assert_eq!(read.as_ref(), Some(&merged.symbol));
    }
    assert!(merge(symbols, &[], true).await.is_empty());
}

pub async fn known_values_are_kept_and_reported(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    merge_one(symbols, euro(), false).await;
    let mut local = SymbolFacts {
        active: Some(false),
        ..described("ours")
    };
    local.instrument.lot_size = Some(dec("7"));
    local.instrument.expiry = chrono::NaiveDate::from_ymd_opt(2030, 1, 1);
    let before = symbols.describe(EURUSD, &local).await;
    let before = before.expect("it is described").symbol;
    let kept = merge_one(symbols, euro(), false).await;
    assert_eq!((&kept.symbol, kept.created), (&before, false));
    assert_eq!(fields(&kept.kept), ["description", "active", "lot_size"]);
    assert_eq!(fields(&kept.changed), [""; 0]);
    assert_eq!(all(symbols).await, std::slice::from_ref(&before));
    let overwritten = merge_one(symbols, euro(), true).await;
    assert_eq!(
        fields(&overwritten.changed),
        ["description", "active", "lot_size"]
    );
    let mut expected = euro().into_new().expect("valid").into_symbol(EURUSD);
    let instrument = expected.instrument.as_mut().expect("stated");
    instrument.expiry = local.instrument.expiry;
    assert_eq!(overwritten.symbol, expected);
    assert_eq!(all(symbols).await, [expected]);
}

pub async fn unknown_values_are_set_and_reported(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create(symbols, "oanda", "EURUSD").await;
    let taken = merge_one(symbols, euro(), false).await;
    assert_eq!(
        taken.symbol,
        euro().into_new().expect("valid").into_symbol(EURUSD)
    );
    assert!(taken.kept.is_empty());
    assert!(fields(&taken.changed).contains(&"tick_size"), "{taken:?}");
    assert_eq!(all(symbols).await, [taken.symbol]);
    let again = merge_one(symbols, euro(), false).await;
    assert!(
        again.changed.is_empty() && again.kept.is_empty(),
        "{again:?}"
    );
}

pub async fn repeated_symbol_merges_with_the_first(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let mut second = euro();
    second.facts = described("second");
    let merged = merge(symbols, &[euro(), second.clone()], false).await;
    let second_result = merged[1].as_ref().expect("it is merged");
    assert!(merged[0].as_ref().is_ok_and(|first| first.created));
    assert_eq!(fields(&second_result.kept), ["description"]);
    let merged = merge(symbols, &[euro(), second, euro()], true).await;
    let reported = merged
        .iter()
        .map(|one| one.as_ref().map(|one| one.changed.len()));
    assert_eq!(Vec::from_iter(reported), [Ok(0), Ok(1), Ok(1)]);
    assert_eq!(all(symbols).await[0].description, "Euro");
}

pub async fn refused_symbol_blocks_no_other(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create(symbols, "oanda", "KNOWN").await;
    let partly = |name| {
        let mut stated = StatedSymbol::named("oanda", name);
        stated.facts.instrument.lot_size = Some(dec("1"));
        stated
    };
    let mut digits = euro();
    digits.facts.digits = Some(13);
    let batch = [
        partly("NEW"),
        partly("KNOWN"),
        digits,
        StatedSymbol::named("o anda", "A"),
        StatedSymbol::named("oanda", "nul\0"),
        euro(),
    ];
    let merged = merge(symbols, &batch, true).await;
    let missing = InvalidSymbol::Missing("instrument_type");
    assert_eq!(merged[0], Err(missing.clone()));
    assert_eq!(merged[1], Err(missing));
    let is_refused: Vec<_> = merged.iter().map(Result::is_err).collect();
    assert_eq!(is_refused, [true, true, true, true, true, false]);
    assert_eq!(all(symbols).await.len(), 2);
}

pub async fn concurrent_merges_create_each_symbol_once(repositories: &Repositories) {
    let stated: Vec<_> = (0..40)
        .map(|index| StatedSymbol::named("oanda", format!("S{index}")))
        .collect();
    let gate = Arc::new(tokio::sync::Barrier::new(4));
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let (symbols, gate) = (Arc::clone(&repositories.symbols), Arc::clone(&gate));
            let mut stated = stated.clone();
            stated.rotate_left(task * 10);
            tokio::spawn(async move {
                gate.wait().await;
                let merged = merge(symbols.as_ref(), &stated, false).await;
                let created = merged.iter().flatten().filter(|one| one.created);
                created.count()
            })
        })
        .collect();
    let mut created = 0;
    for task in tasks {
        created += task.await.expect("no task panics");
    }
    assert_eq!(created, 40);
    assert_eq!(all(repositories.symbols.as_ref()).await.len(), 40);
}

pub async fn describe_changes_only_stated_values(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    merge_one(symbols, euro(), false).await;
    let other = create(symbols, "oanda", "GBPUSD").await;
    let mut facts = described("the euro");
    facts.instrument.strike = Some(dec("-1.50"));
    let changed = symbols.describe(EURUSD, &facts).await;
    let changed = changed.expect("it is described");
    assert_eq!(fields(&changed.changed), ["description", "strike"]);
    assert_eq!(changed.changed[1].new.as_deref(), Some("-1.5"));
    let mut expected = euro().into_new().expect("valid").into_symbol(EURUSD);
    expected.description = "the euro".to_owned();
    expected.instrument.as_mut().expect("stated").strike = Some(dec("-1.5"));
    assert_eq!(all(symbols).await, [expected.clone(), other.clone()]);
    let again = symbols.describe(EURUSD, &facts).await;
    assert!(again.is_ok_and(|again| again.changed.is_empty()));
    let active = |active| SymbolFacts {
        active: Some(active),
        ..SymbolFacts::default()
    };
    for (is_active, count) in [(true, 0), (false, 1), (false, 0), (true, 1)] {
        let changed = symbols.describe(EURUSD, &active(is_active)).await;
        let changed = changed.expect("it is described");
        assert_eq!(
            (changed.symbol.active, changed.changed.len()),
            (is_active, count)
        );
    }
    assert_eq!(all(symbols).await, [expected, other]);
}

pub async fn invalid_descriptions_are_refused(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let euro = merge_one(symbols, euro(), false).await.symbol;
    let missing = symbols.describe(SymbolId::new(93), &described("x")).await;
    match missing {
        Err(error @ RepositoryError::NotFound { .. }) => {
            assert!(error.to_string().contains("93"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    let mut zero = SymbolFacts::default();
    zero.instrument.tick_size = Some(dec("0"));
    let digits = SymbolFacts {
        digits: Some(-1),
        ..SymbolFacts::default()
    };
    for facts in [zero, digits, described("nul\0")] {
        let result = symbols.describe(EURUSD, &facts).await;
        let is_refused = matches!(result, Err(RepositoryError::InvalidInput { .. }));
        assert!(is_refused, "{result:?}");
    }
    assert_eq!(all(symbols).await, [euro]);
}

pub async fn renamed_symbol_keeps_its_id_and_all_else(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let before = merge_one(symbols, euro(), false).await.symbol;
    let ticks = series(EURUSD, 3);
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    let mapping = FeedSymbol {
        feed: "f".to_owned(),
        feed_key: "1".to_owned(),
        symbol_id: EURUSD,
    };
    let mapped = symbols.map_feed_symbols(&[mapping]).await;
    mapped.expect("it is mapped");
    for (name, changed, exchange) in [
        ("EUR_USD", vec!["name"], "oanda"),
        ("new-exchange:EUR_USD", vec!["exchange"], "new-exchange"),
        ("oanda:EURUSD", vec!["exchange", "name"], "oanda"),
        ("EURUSD", vec![], "oanda"),
    ] {
        let reference = reference(name);
        let renamed = symbols.rename(EURUSD, &reference).await;
        let renamed = renamed.expect("it is renamed");
        assert_eq!(fields(&renamed.changed), changed);
        let expected = Symbol {
            exchange: exchange.to_owned(),
            name: reference.name.clone(),
            ..before.clone()
        };
        assert_eq!(renamed.symbol, expected);
        assert_eq!(all(symbols).await, std::slice::from_ref(&expected));
        let found = symbols.get_by_name(&reference).await;
        assert_eq!(found.expect("it is read"), Some(expected.clone()));
        let found = symbols.get_by_feed_key("f", "1").await;
        assert_eq!(found.expect("it is read"), Some(expected));
    }
    assert_eq!(stored(repositories.ticks.as_ref(), EURUSD).await, ticks);
    // its old name is free again
    assert_eq!(
        symbols
            .rename(EURUSD, &reference("B"))
            .await
            .expect("free")
            .symbol
            .name,
        "B"
    );
    assert_eq!(
        create(symbols, "oanda", "EURUSD").await.symbol_id,
        SymbolId::new(2)
    );
}

pub async fn taken_name_is_refused_and_its_owner_named(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    for (exchange, name) in [("oanda", "EURUSD"), ("oanda", "GBPUSD"), ("lmax", "EURUSD")] {
        create(symbols, exchange, name).await;
    }
    let before = all(symbols).await;
    for (id, name, owner) in [
        (1, "GBPUSD", "oanda:GBPUSD (symbol_id 2)"),
        (3, "oanda:EURUSD", "oanda:EURUSD (symbol_id 1)"),
    ] {
        match symbols.rename(SymbolId::new(id), &reference(name)).await {
            Err(error @ RepositoryError::AlreadyExists { .. }) => {
                assert!(error.to_string().contains(owner), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    let missing = symbols.rename(SymbolId::new(93), &reference("A")).await;
    assert!(
        matches!(missing, Err(RepositoryError::NotFound { .. })),
        "{missing:?}"
    );
    let long = SymbolReference {
        exchange: None,
        name: "x".repeat(101),
    };
    let long = symbols.rename(EURUSD, &long).await;
    assert!(
        matches!(long, Err(RepositoryError::InvalidInput { .. })),
        "{long:?}"
    );
    assert_eq!(all(symbols).await, before);
}

pub async fn amended_symbol_has_the_name_and_the_values(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create(symbols, "oanda", "EURUSD").await;
    create(symbols, "LMAX", "GBPUSD").await;
    let mut change = SymbolChange::default().name(reference("lmax:EUR"));
    change.facts = described("Euro");
    let amended = symbols.amend(EURUSD, &change).await.expect("amended");
    assert_eq!(
        fields(&amended.changed),
        ["exchange", "name", "description"]
    );
    let symbol = &all(symbols).await[0];
    assert_eq!(*symbol, amended.symbol);
    let texts = (&*symbol.exchange, &*symbol.name, &*symbol.description);
    assert_eq!(texts, ("LMAX", "EUR", "Euro"));
    let again = symbols.amend(EURUSD, &change).await.expect("amended");
    assert_eq!(fields(&again.changed), [""; 0]);
}

pub async fn amendment_changes_all_or_nothing(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create(symbols, "oanda", "EURUSD").await;
    create(symbols, "oanda", "GBPUSD").await;
    let before = all(symbols).await;
    let taken = SymbolChange::default().name(reference("gbpusd"));
    let taken = symbols.amend(EURUSD, &taken.facts(described("x"))).await;
    assert!(matches!(taken, Err(RepositoryError::AlreadyExists { .. })));
    let free = SymbolChange::default().name(reference("free"));
    let invalid = free.clone().facts(SymbolFacts::default().digits(13));
    let invalid = symbols.amend(EURUSD, &invalid).await;
    assert!(matches!(invalid, Err(RepositoryError::InvalidInput { .. })));
    let missing = symbols.amend(SymbolId::new(93), &free).await;
    assert!(matches!(missing, Err(RepositoryError::NotFound { .. })));
    assert_eq!(all(symbols).await, before);
}

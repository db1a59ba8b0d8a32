//! Conformance: syncs of symbols with the lists of feeds, and versions of instruments.
//!
//! Covers `InstrumentRepository`.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::clock::now;
use crate::Repositories;
use crate::domain::{
    Instrument, InstrumentFacts, InstrumentType, InstrumentVersion, ListedSymbol, NewSymbol,
    RefusedListing, StatedSymbol, Symbol, SymbolFacts, SymbolId, SymbolList, SyncReport,
};
use crate::error::RepositoryError;
use crate::repository::{FeedSymbol, SymbolQuery};

/// An instrument with prices of `digits` digits.
fn listed(key: &str, name: &str, digits: u32) -> ListedSymbol {
    let instrument = InstrumentFacts::default()
        .instrument_type(InstrumentType::Crypto)
        .base_currency("BTC")
        .quote_currency("USD")
        .tick_size(Decimal::new(1, digits))
        .lot_size(Decimal::ONE)
        .contract_multiplier(Decimal::ONE);
    let digits = i16::try_from(digits).unwrap_or(i16::MAX);
    let stated = SymbolFacts::default().digits(digits).instrument(instrument);
    ListedSymbol::new(key, name).stated(stated)
}

fn list(instruments: &[(&str, &str)]) -> SymbolList {
    let instruments = instruments.iter().map(|(key, name)| listed(key, name, 2));
    SymbolList::of("broker", instruments.collect())
}

async fn sync(repositories: &Repositories, list: &SymbolList) -> SyncReport {
    let report = repositories.instruments.sync(list).await;
    report.expect("the list is accepted")
}

async fn all(repositories: &Repositories) -> Vec<Symbol> {
    let symbols = repositories.symbols.list(&SymbolQuery::default()).await;
    symbols.expect("symbols are listed").items
}

/// Each key with the name of its symbol, `(name)` if it is inactive.
async fn shown(repositories: &Repositories, keys: &[&str]) -> String {
    let mut texts = Vec::new();
    for key in keys {
        let symbol = repositories.symbols.get_by_feed_key("broker", key).await;
        texts.push(match symbol.expect("it is read") {
            Some(symbol) if symbol.active => format!("{key} {}", symbol.name),
            Some(symbol) => format!("{key} ({})", symbol.name),
            None => format!("no {key}"),
        });
    }
    texts.join(", ")
}

async fn versions(repositories: &Repositories, id: SymbolId) -> Vec<InstrumentVersion> {
    let versions = repositories.instruments.instrument_versions(id).await;
    versions.expect("they are read")
}

async fn as_of(
    repositories: &Repositories,
    id: SymbolId,
    time: DateTime<Utc>,
) -> Option<InstrumentVersion> {
    let version = repositories.instruments.instrument_as_of(id, time).await;
    version.expect("it is read")
}

pub async fn listed_symbols_are_created(repositories: &Repositories) {
    let new = NewSymbol::named("oanda", "X").symbol_id(SymbolId::new(40));
    repositories.symbols.create(new).await.expect("created");
    let report = sync(repositories, &list(&[("7", "A"), ("5", "B")])).await;
    assert_eq!((report.listed, report.is_complete), (2, true));
    let symbols = all(repositories).await;
    assert_eq!(symbols[1..], report.added);
    let [b, a] = &report.added[..] else {
        panic!("{report:?}");
    };
    assert_eq!((b.symbol_id.get(), a.symbol_id.get()), (41, 42));
    assert_eq!((&*a.exchange, a.digits, a.active), ("broker", 2, true));
    let instrument = Instrument::new(
        InstrumentType::Crypto,
        "USD",
        Decimal::new(1, 2),
        Decimal::ONE,
    );
    assert_eq!(a.instrument, Some(instrument.base_currency("BTC")));
    assert_eq!(shown(repositories, &["5", "7"]).await, "5 B, 7 A");
    let exchange = repositories.symbols.get_exchange("BROKER").await;
    assert!(exchange.expect("it is read").is_some());
}

pub async fn second_sync_changes_nothing(repositories: &Repositories) {
    let all_six = list(&[
        ("1", "A"),
        ("2", "B"),
        ("3", "C"),
        ("4", "D"),
        ("5", "E"),
        ("6", "F"),
    ]);
    let without = list(&[("1", "A"), ("2", "B"), ("3", "C"), ("4", "D"), ("5", "E")]);
    for list in [all_six.clone(), without, all_six] {
        assert!(!sync(repositories, &list).await.is_quiet());
        let before = all(repositories).await;
        let report = sync(repositories, &list).await;
        assert!(report.is_quiet(), "{report:?}");
        assert_eq!(all(repositories).await, before);
    }
}

pub async fn missing_symbol_is_deactivated_and_reappears(repositories: &Repositories) {
    let all_six = [
        ("1", "A"),
        ("2", "B"),
        ("3", "C"),
        ("4", "D"),
        ("5", "E"),
        ("6", "F"),
    ];
    sync(repositories, &list(&all_six)).await;
    let report = sync(repositories, &list(&all_six[..5])).await;
    assert_eq!(report.missing.len(), 1, "{report:?}");
    assert_eq!(shown(repositories, &["5", "6"]).await, "5 E, 6 (F)");
    let report = sync(repositories, &list(&all_six)).await;
    assert_eq!(report.reappeared.len(), 1, "{report:?}");
    assert_eq!(shown(repositories, &["5", "6"]).await, "5 E, 6 F");
    // two of six are too many, and an incomplete list has no missing symbols
    let report = sync(repositories, &list(&all_six[..4])).await;
    assert_eq!((report.missing.len(), report.kept_active.len()), (0, 2));
    sync(repositories, &list(&all_six[..5]).is_complete(false)).await;
    assert!(all(repositories).await.iter().all(|symbol| symbol.active));
}

pub async fn symbols_made_inactive_by_others_stay_so(repositories: &Repositories) {
    let six = list(&[
        ("1", "A"),
        ("2", "B"),
        ("3", "C"),
        ("4", "D"),
        ("5", "E"),
        ("6", "F"),
    ]);
    let report = sync(repositories, &six).await;
    let id = report.added[0].symbol_id;
    repositories
        .symbols
        .deactivate(id)
        .await
        .expect("it exists");
    assert!(sync(repositories, &six).await.is_quiet());
    assert_eq!(shown(repositories, &["1"]).await, "1 (A)");
}

pub async fn swapped_names_keep_their_keys(repositories: &Repositories) {
    let before = list(&[("1", "A"), ("2", "B"), ("3", "C")]);
    let report = sync(repositories, &before).await;
    let ids: Vec<_> = report.added.iter().map(|symbol| symbol.symbol_id).collect();
    let report = sync(repositories, &list(&[("1", "B"), ("2", "A"), ("3", "C")])).await;
    assert_eq!(report.changed.len(), 2, "{report:?}");
    assert_eq!(shown(repositories, &["1", "2", "3"]).await, "1 B, 2 A, 3 C");
    // in a circle, while a new symbol takes the name of one
    let circle = list(&[("1", "A"), ("2", "C"), ("3", "D"), ("4", "B")]);
    sync(repositories, &circle).await;
    assert_eq!(
        shown(repositories, &["1", "2", "3", "4"]).await,
        "1 A, 2 C, 3 D, 4 B"
    );
    let after = all(repositories).await;
    let kept: Vec<_> = after[..3].iter().map(|symbol| symbol.symbol_id).collect();
    assert_eq!(kept, ids);
    // the terms did not change
    assert_eq!(versions(repositories, ids[0]).await.len(), 1);
}

pub async fn another_key_of_a_name_replaces_the_old_one(repositories: &Repositories) {
    sync(repositories, &list(&[("1", "A"), ("2", "B")])).await;
    let report = sync(repositories, &list(&[("1", "A"), ("9", "B")])).await;
    assert_eq!((report.added.len(), report.missing.len()), (1, 0));
    assert_eq!(
        shown(repositories, &["1", "2", "9"]).await,
        "1 A, no 2, 9 B"
    );
    assert_eq!(all(repositories).await.len(), 2);
}

pub async fn alias_removed_by_others_is_listed_again(repositories: &Repositories) {
    let two = list(&[("1", "A"), ("2", "B")]);
    sync(repositories, &two).await;
    let removed = repositories.symbols.unmap_feed_symbol("broker", "1").await;
    removed.expect("it is removed");
    let report = sync(repositories, &two).await;
    assert_eq!(report.added.len(), 1);
    assert_eq!(shown(repositories, &["1", "2"]).await, "1 A, 2 B");
    assert_eq!(all(repositories).await.len(), 2);
}

pub async fn alias_of_another_exchange_keeps_its_symbol(repositories: &Repositories) {
    let new = NewSymbol::named("spot", "GOLD");
    let gold = repositories.symbols.create(new).await.expect("created");
    let mapping = FeedSymbol::new("broker", "1", gold.symbol_id);
    let mapped = repositories.symbols.map_feed_symbols(&[mapping]).await;
    mapped.expect("mapped");
    sync(repositories, &list(&[("1", "A")])).await;
    let symbols = all(repositories).await;
    assert_eq!((symbols.len(), &*symbols[0].name), (1, "GOLD"));
    assert!(symbols[0].instrument.is_some(), "{symbols:?}");
    sync(repositories, &list(&[]).accepts_loss(true)).await;
    assert_eq!(all(repositories).await, symbols);
}

pub async fn refused_entries_block_no_other(repositories: &Repositories) {
    let mut given = list(&[("1", "A"), ("2", " bad"), ("3", "a")]);
    given.refused = vec![RefusedListing::new("4", "D", "no tick size")];
    let report = sync(repositories, &given).await;
    let keys: Vec<_> = report.refused.iter().map(|it| &*it.key).collect();
    assert_eq!(keys, ["2", "3", "4"]);
    assert_eq!(all(repositories).await.len(), 1);
}

pub async fn invalid_feed_or_exchange_is_refused(repositories: &Repositories) {
    let long = "x".repeat(51);
    for (feed, exchange) in [("", "e"), (&*long, "e"), ("f", ""), ("f", "a:b")] {
        let mut list = list(&[("1", "A")]).exchange(exchange);
        list.feed = feed.to_owned();
        let result = repositories.instruments.sync(&list).await;
        assert!(
            matches!(result, Err(RepositoryError::InvalidInput { .. })),
            "{result:?}"
        );
    }
    assert_eq!(all(repositories).await, []);
}

pub async fn syncs_at_once_add_each_symbol_once(repositories: &Repositories) {
    let names: Vec<String> = (0..60).map(|number| format!("S{number}")).collect();
    let instruments = names.iter().map(|name| listed(name, name, 2));
    let list = SymbolList::of("broker", instruments.collect());
    let syncs = (0..4).map(|_| {
        let (instruments, list) = (repositories.instruments.clone(), list.clone());
        tokio::spawn(async move { instruments.sync(&list).await })
    });
    let mut added = 0;
    for sync in Vec::from_iter(syncs) {
        let report = sync.await.expect("no panic").expect("the list is accepted");
        assert_eq!((report.changed.len(), report.refused.len()), (0, 0));
        added += report.added.len();
    }
    assert_eq!((added, all(repositories).await.len()), (60, 60));
}

pub async fn changed_terms_are_a_new_version(repositories: &Repositories) {
    let before = now();
    let report = sync(repositories, &list(&[("1", "A")])).await;
    let id = report.added[0].symbol_id;
    let changed = SymbolList::of("broker", vec![listed("1", "A", 4)]);
    let report = sync(repositories, &changed).await;
    let fields: Vec<_> = report.changed[0]
        .changes
        .iter()
        .map(|it| it.field)
        .collect();
    assert_eq!(fields, ["digits", "tick_size"]);
    // another name is no other version
    sync(
        repositories,
        &SymbolList::of("broker", vec![listed("1", "Z", 4)]),
    )
    .await;
    let versions = versions(repositories, id).await;
    let [first, second] = &versions[..] else {
        panic!("{versions:?}");
    };
    let tick_size = |version: &InstrumentVersion| {
        let instrument = version.instrument.as_ref().expect("listed");
        (version.symbol_id, version.digits, instrument.tick_size)
    };
    assert_eq!(tick_size(first), (id, 2, Decimal::new(1, 2)));
    assert_eq!(tick_size(second), (id, 4, Decimal::new(1, 4)));
    // the clock of the store may be behind by less than a second
    assert!(
        first.valid_from > before - TimeDelta::seconds(1),
        "{first:?}"
    );
    assert!(first.valid_from < second.valid_from);
    let moment = TimeDelta::microseconds(1);
    for (time, expected) in [
        (first.valid_from - moment, None),
        (first.valid_from, Some(first)),
        (second.valid_from - moment, Some(first)),
        (second.valid_from, Some(second)),
        (second.valid_from + TimeDelta::days(1), Some(second)),
        (DateTime::<Utc>::MIN_UTC, None),
        (DateTime::<Utc>::MAX_UTC, Some(second)),
    ] {
        let found = as_of(repositories, id, time).await;
        assert_eq!(found.as_ref(), expected, "{time}");
    }
    assert_eq!(as_of(repositories, SymbolId::new(77), now()).await, None);
}

pub async fn every_change_of_terms_is_a_version(repositories: &Repositories) {
    let symbols = &repositories.symbols;
    let id = symbols
        .create(NewSymbol::named("e", "A"))
        .await
        .expect("created")
        .symbol_id;
    let mut stated = StatedSymbol::named("e", "A");
    stated.facts = listed("1", "A", 2).stated;
    symbols.merge_batch(&[stated], false).await.expect("merged");
    let facts = SymbolFacts::default().digits(7);
    symbols.describe(id, &facts).await.expect("described");
    // these change no terms
    let text = SymbolFacts::default().description("text").active(false);
    symbols.describe(id, &text).await.expect("described");
    let name = "e:B".parse().expect("a name");
    symbols.rename(id, &name).await.expect("renamed");
    symbols.deactivate(id).await.expect("deactivated");
    // removes the instrument
    symbols
        .upsert_batch(&[NewSymbol::named("e", "B")])
        .await
        .expect("stored");
    let versions = versions(repositories, id).await;
    let terms: Vec<_> = versions
        .iter()
        .map(|it| (it.digits, it.instrument.is_some()))
        .collect();
    assert_eq!(terms, [(5, false), (2, true), (7, true), (5, false)]);
    assert!(versions.is_sorted_by(|left, right| left.valid_from < right.valid_from));
}

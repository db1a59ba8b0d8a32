use rust_decimal::Decimal;

use super::*;
use crate::domain::instrument::InstrumentType;
use crate::domain::symbol::NewSymbol;

/// An instrument with prices of `digits` digits.
pub(super) fn listed(key: &str, name: &str, digits: u32) -> ListedSymbol {
    let tick_size = Decimal::new(1, digits);
    let instrument = InstrumentFacts::default()
        .instrument_type(InstrumentType::Crypto)
        .quote_currency("USD")
        .tick_size(tick_size)
        .lot_size(Decimal::ONE)
        .contract_multiplier(Decimal::ONE);
    let digits = i16::try_from(digits).expect("few digits");
    let stated = SymbolFacts::default().digits(digits).instrument(instrument);
    ListedSymbol::new(key, name).stated(stated)
}

/// A feed with numbers, of which each instrument is `number name`.
pub(super) fn feed(instruments: &[&str]) -> SymbolList {
    let instruments = instruments.iter().map(|text| {
        let (key, name) = text.split_once(' ').expect("a key and a name");
        listed(key, name, 2)
    });
    SymbolList::of("broker", instruments.collect())
}

/// The store after a sync of an empty store.
pub(super) fn synced(list: &SymbolList) -> StoredFeed {
    let empty = StoredFeed::empty("broker");
    let plan = list.compare(&empty);
    assert_eq!(plan.report.refused, []);
    empty.after(&plan)
}

pub(super) fn names(symbols: &[Symbol]) -> Vec<&str> {
    symbols.iter().map(|symbol| &*symbol.name).collect()
}

/// Each key with the name of its symbol, `(name)` if it is inactive.
pub(super) fn shown(stored: &StoredFeed) -> String {
    let texts = stored.keys.iter().map(|key| {
        let symbol = stored
            .symbols
            .iter()
            .find(|it| it.symbol_id == key.symbol_id);
        let symbol = symbol.expect("the symbol of the key");
        match symbol.active {
            true => format!("{} {}", key.key, symbol.name),
            false => format!("{} ({})", key.key, symbol.name),
        }
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// Compares, checks that a second comparison finds nothing to store, and returns what is stored then.
#[track_caller]
pub(super) fn sync(list: &SymbolList, stored: &StoredFeed) -> (StoredFeed, SyncReport) {
    let plan = list.compare(stored);
    let after = stored.after(&plan);
    let again = list.compare(&after);
    assert!(again.is_empty(), "{again:?}");
    (after, plan.report)
}

#[test]
fn outcomes_are_those_of_the_table() {
    let before = synced(&feed(&["1 A", "2 B", "3 C", "4 D", "5 E", "6 F"]));
    // the list, what is stored then, and added, changed, reappeared, missing, refused
    for (list, expected, counts) in [
        (
            vec!["1 A", "2 B", "3 C", "4 D", "5 E", "6 F"],
            "1 A, 2 B, 3 C, 4 D, 5 E, 6 F",
            [0; 5],
        ),
        // an instrument more, and one less
        (
            vec!["1 A", "2 B", "3 C", "4 D", "5 E", "6 F", "7 G"],
            "1 A, 2 B, 3 C, 4 D, 5 E, 6 F, 7 G",
            [1, 0, 0, 0, 0],
        ),
        (
            vec!["1 A", "2 B", "3 C", "4 D", "5 E"],
            "1 A, 2 B, 3 C, 4 D, 5 E, 6 (F)",
            [0, 0, 0, 1, 0],
        ),
        // another name
        (
            vec!["1 X", "2 B", "3 C", "4 D", "5 E", "6 F"],
            "1 X, 2 B, 3 C, 4 D, 5 E, 6 F",
            [0, 1, 0, 0, 0],
        ),
        // swapped names, and names in a circle
        (
            vec!["1 B", "2 A", "3 C", "4 D", "5 E", "6 F"],
            "1 B, 2 A, 3 C, 4 D, 5 E, 6 F",
            [0, 2, 0, 0, 0],
        ),
        (
            vec!["1 B", "2 C", "3 A", "4 D", "5 E", "6 F"],
            "1 B, 2 C, 3 A, 4 D, 5 E, 6 F",
            [0, 3, 0, 0, 0],
        ),
        // a new instrument takes the name of a renamed one
        (
            vec!["1 X", "2 B", "3 C", "4 D", "5 E", "6 F", "7 A"],
            "1 X, 2 B, 3 C, 4 D, 5 E, 6 F, 7 A",
            [1, 1, 0, 0, 0],
        ),
        // another number for a name
        (
            vec!["1 A", "2 B", "3 C", "4 D", "5 E", "9 F"],
            "1 A, 2 B, 3 C, 4 D, 5 E, 9 F",
            [1, 0, 0, 0, 0],
        ),
        // … and its number for another name
        (
            vec!["1 A", "2 B", "3 C", "4 D", "6 E", "5 F"],
            "1 A, 2 B, 3 C, 4 D, 5 F, 6 E",
            [0, 2, 0, 0, 0],
        ),
        // a name that a lost symbol has
        (
            vec!["1 F", "2 B", "3 C", "4 D", "5 E"],
            "1 A, 2 B, 3 C, 4 D, 5 E, 6 (F)",
            [0, 0, 0, 1, 1],
        ),
        // one key and one name twice
        (
            vec!["1 A", "1 A", "2 B", "3 C", "4 D", "5 E", "6 F"],
            "1 A, 2 B, 3 C, 4 D, 5 E, 6 F",
            [0, 0, 0, 0, 1],
        ),
        (
            vec!["1 A", "2 B", "3 C", "4 D", "5 E", "6 F", "7 a"],
            "1 A, 2 B, 3 C, 4 D, 5 E, 6 F",
            [0, 0, 0, 0, 1],
        ),
    ] {
        let (after, report) = sync(&feed(&list), &before);
        assert_eq!(shown(&after), expected, "{list:?}");
        let found = [
            report.added.len(),
            report.changed.len(),
            report.reappeared.len(),
            report.missing.len(),
            report.refused.len(),
        ];
        assert_eq!(found, counts, "{list:?}: {report:?}");
        assert_eq!(report.listed, list.len() as u64);
    }
}

#[test]
fn new_symbols_have_the_listed_terms() {
    let (after, report) = sync(&feed(&["2 B", "1 A"]), &StoredFeed::empty("broker"));
    assert_eq!(names(&report.added), ["A", "B"]);
    let symbol = &after.symbols[0];
    assert_eq!((symbol.symbol_id.get(), &*symbol.exchange), (1, "broker"));
    assert_eq!((symbol.digits, symbol.active), (2, true));
    let instrument = symbol.instrument.as_ref().expect("listed");
    assert_eq!(instrument.tick_size, Decimal::new(1, 2));
}

#[test]
fn changed_terms_are_reported_by_field() {
    let before = synced(&feed(&["1 A", "2 B"]));
    let mut list = feed(&["1 A", "2 B"]);
    list.symbols[1] = listed("2", "B", 3);
    let (after, report) = sync(&list, &before);
    let [changed] = &report.changed[..] else {
        panic!("{report:?}");
    };
    let fields: Vec<_> = changed.changes.iter().map(|change| change.field).collect();
    assert_eq!(fields, ["digits", "tick_size"]);
    assert_eq!((changed.symbol.digits, after.symbols[1].digits), (3, 3));
}

#[test]
fn names_that_operators_chose_stay() {
    let mut before = synced(&feed(&["1 A", "2 B"]));
    before.symbols[0].name = "mine".to_owned();
    let (after, report) = sync(&feed(&["1 X", "2 Y"]), &before);
    assert_eq!(shown(&after), "1 mine, 2 Y");
    assert_eq!(
        names(
            &report
                .changed
                .iter()
                .map(|it| it.symbol.clone())
                .collect::<Vec<_>>()
        ),
        ["Y"]
    );
}

#[test]
fn taken_name_is_named_and_tried_again() {
    let before = synced(&feed(&["1 A", "2 B", "3 C"]));
    // 1 wants the name of 2, which wants that of 3, which keeps it
    let list = feed(&["1 B", "2 C", "3 C"]);
    let (after, report) = sync(&list, &before);
    assert_eq!(shown(&after), "1 A, 2 B, 3 C");
    let reasons: Vec<_> = report
        .refused
        .iter()
        .map(|it| (&*it.key, &*it.reason))
        .collect();
    assert_eq!(
        reasons,
        [
            ("1", "its name is that of broker:B (symbol_id 2)"),
            ("2", "its name is that of broker:C (symbol_id 3)"),
        ]
    );
    let (after, _) = sync(&feed(&["1 B", "2 C", "3 D"]), &after);
    assert_eq!(shown(&after), "1 B, 2 C, 3 D");
}

#[test]
fn unusable_instruments_are_refused_and_not_lost() {
    let before = synced(&feed(&["1 A", "2 B"]));
    let bad_name = listed("1", " A", 2);
    let bad_digits = listed("2", "B", 13);
    let bad_key = listed("", "C", 2);
    let list = SymbolList::of("broker", vec![bad_name, bad_digits, bad_key]).accepts_loss(true);
    let (after, report) = sync(&list, &before);
    assert_eq!((&after, report.refused.len()), (&before, 3));
    let refused = vec![RefusedListing::new("1", "A", "no tick size")];
    let list = feed(&["2 B"]).refused(refused).accepts_loss(true);
    let (after, report) = sync(&list, &before);
    assert_eq!((after, report.listed, report.refused.len()), (before, 2, 1));
}

#[test]
fn assumed_values_replace_no_known_ones() {
    let mut one = listed("1", "A", 2);
    let InstrumentFacts { tick_size, .. } = one.stated.instrument;
    one.assumed = std::mem::take(&mut one.stated.instrument);
    one.stated.instrument.tick_size = tick_size;
    let list = SymbolList::of("broker", vec![one.clone()]);
    let mut before = synced(&list);
    let instrument = before.symbols[0].instrument.as_mut().expect("assumed");
    assert_eq!(instrument.quote_currency, "USD");
    instrument.quote_currency = "EUR".to_owned();
    let (after, report) = sync(&list, &before);
    assert_eq!((&after, report.changed.len()), (&before, 0));
    one.stated.instrument.tick_size = Some(Decimal::TEN);
    let (_, report) = sync(&SymbolList::of("broker", vec![one]), &before);
    let changed = report.changed[0].symbol.instrument.as_ref().expect("known");
    assert_eq!(
        (changed.tick_size, &*changed.quote_currency),
        (Decimal::TEN, "EUR")
    );
}

#[test]
fn symbols_of_other_exchanges_only_get_unknown_values() {
    let other = NewSymbol::named("spot", "GOLD").into_symbol(SymbolId::new(7));
    let before = StoredFeed {
        symbols: vec![other],
        keys: vec![ListedKey::unlisted("1", SymbolId::new(7))],
        largest_id: 7,
        ..StoredFeed::empty("broker")
    };
    let (after, report) = sync(&feed(&["1 A"]), &before);
    assert_eq!((report.added.len(), report.changed.len()), (0, 1));
    let symbol = &after.symbols[0];
    assert_eq!(
        (&*symbol.name, symbol.digits, symbol.active),
        ("GOLD", 2, true)
    );
    // neither its terms nor its activity follow the list then
    let list = SymbolList::of("broker", vec![listed("1", "A", 5)]);
    let (after, report) = sync(&list, &after);
    assert_eq!((after.symbols[0].digits, report.changed.len()), (2, 0));
    let (after, report) = sync(&feed(&[]).accepts_loss(true), &after);
    assert_eq!((after.symbols[0].active, report.missing.len()), (true, 0));
}

#[test]
fn symbol_of_the_exchange_gets_the_key_of_its_name() {
    let known = NewSymbol::named("Broker", "eurusd").into_symbol(SymbolId::new(3));
    let before = StoredFeed {
        symbols: vec![known],
        largest_id: 3,
        ..StoredFeed::empty("Broker")
    };
    let (after, report) = sync(&feed(&["1 EURUSD", "2 X"]), &before);
    assert_eq!(names(&report.added), ["eurusd", "X"]);
    assert_eq!(shown(&after), "1 eurusd, 2 X");
    assert_eq!(after.symbols[1].exchange, "Broker");
}

#[test]
fn aliases_by_name_follow_the_names() {
    let gold = NewSymbol::named("spot", "GOLD").into_symbol(SymbolId::new(7));
    let before = StoredFeed {
        symbols: vec![gold],
        keys: vec![ListedKey::unlisted("A", SymbolId::new(7))],
        largest_id: 7,
        ..StoredFeed::empty("broker")
    };
    // an operator chose another symbol for the name
    let (stored, report) = sync(&feed(&["1 A", "2 B"]), &before);
    assert_eq!(shown(&stored), "1 GOLD, 2 B, A GOLD");
    assert_eq!(names(&report.added), ["GOLD", "B"]);
    let (stored, _) = sync(&feed(&["1 B", "2 A"]), &stored);
    // 2 keeps its name, since a symbol of another exchange does not follow the list
    assert_eq!(shown(&stored), "1 GOLD, 2 A, A A");
}

#[test]
fn list_that_creates_nothing_follows_known_symbols() {
    // one symbol has the key, one only the name on the exchange
    let named = NewSymbol::named("broker", "B").into_symbol(SymbolId::new(9));
    let mut before = synced(&feed(&["1 A"]));
    before.symbols.push(named);
    before.largest_id = 9;
    let list = SymbolList::of(
        "broker",
        vec![
            listed("1", "NEW", 4),
            listed("2", "B", 3),
            listed("3", "C", 2),
        ],
    );
    let (after, report) = sync(&list.clone().creates(false), &before);
    assert_eq!(shown(&after), "1 NEW, 2 B");
    assert_eq!((report.listed, report.left_out), (3, 1));
    assert_eq!(names(&report.added), ["B"]);
    let (_, report) = sync(&feed(&[]).creates(false).accepts_loss(true), &after);
    assert_eq!(names(&report.missing), ["NEW", "B"]);
    let (after, report) = sync(&list, &after);
    assert_eq!(shown(&after), "1 NEW, 2 B, 3 C");
    assert_eq!(report.left_out, 0);
}

#[test]
fn list_order_does_not_matter() {
    let before = synced(&feed(&["1 A", "2 B", "3 C"]));
    let list = feed(&["1 B", "2 C", "3 C", "5 D", "4 D"]);
    let mut reversed = list.clone();
    reversed.symbols.reverse();
    assert_eq!(list.compare(&before), reversed.compare(&before));
}

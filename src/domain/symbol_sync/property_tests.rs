//! Any sequence of lists.

use std::collections::{BTreeMap, BTreeSet};

use super::tests::listed;
use super::*;

/// Keys are the numbers 0 to 11, and names are some letters of both cases, so that they collide often.
fn random_list(random: &mut fastrand::Rng) -> SymbolList {
    let mut symbols = Vec::new();
    for key in 0..12 {
        if random.u8(..10) < 7 {
            let name = ["A", "B", "C", "D", "E", "a", "b", "F", "G", "H", "I", "J"];
            let name = name[random.usize(..name.len())];
            let one = listed(&key.to_string(), name, random.u32(..4));
            symbols.push(one.active(random.u8(..10) > 0));
        }
    }
    random.shuffle(&mut symbols);
    SymbolList::of("broker", symbols)
        .is_complete(random.bool())
        .accepts_loss(random.bool())
}

fn by_key(stored: &StoredFeed) -> BTreeMap<&str, (&ListedKey, &Symbol)> {
    let of_key = |key: &'_ ListedKey| {
        let mut symbols = stored.symbols.iter();
        symbols.position(|symbol| symbol.symbol_id == key.symbol_id)
    };
    let keys = stored.keys.iter().map(|key| {
        let symbol = &stored.symbols[of_key(key).expect("the symbol of the key")];
        (&*key.key, (key, symbol))
    });
    keys.collect()
}

/// The store equals the list, as far as the list was not refused.
fn check(list: &SymbolList, before: &StoredFeed, plan: &SyncPlan, after: &StoredFeed) {
    let report = &plan.report;
    let names: BTreeSet<_> = after
        .symbols
        .iter()
        .map(|it| folded_name(&it.name))
        .collect();
    assert_eq!(names.len(), after.symbols.len(), "names are unique");
    let ids =
        |feed: &StoredFeed| -> Vec<_> { feed.symbols.iter().map(|it| it.symbol_id).collect() };
    assert!(ids(after).starts_with(&ids(before)), "no symbol is gone");
    let (old, new) = (by_key(before), by_key(after));
    let removed = &plan.removed_keys;
    for (key, (_, symbol)) in &old {
        match new.get(key) {
            Some((_, now)) => {
                assert_eq!(now.symbol_id, symbol.symbol_id, "keys keep their symbols")
            }
            None => assert!(removed.iter().any(|removed| removed == key)),
        }
    }
    let refused: BTreeSet<_> = report.refused.iter().map(|it| &*it.key).collect();
    let mut of_symbol: BTreeMap<SymbolId, Vec<&ListedSymbol>> = BTreeMap::new();
    for one in &list.symbols {
        if let Some((_, symbol)) = new.get(&*one.key) {
            of_symbol.entry(symbol.symbol_id).or_default().push(one);
        }
    }
    let keeps_all = !report.kept_active.is_empty();
    for symbol in &after.symbols {
        let listed = of_symbol
            .get(&symbol.symbol_id)
            .map_or(&[][..], Vec::as_slice);
        if let [one] = listed
            && !refused.contains(&*one.key)
        {
            assert!(
                symbol.name.eq_ignore_ascii_case(&one.name),
                "{symbol:?} {one:?}"
            );
            assert_eq!(Some(symbol.digits), one.stated.digits);
        }
        let is_traded = listed.iter().any(|one| one.active);
        if is_traded {
            assert!(symbol.active, "no operator made it inactive: {symbol:?}");
        } else if (list.is_complete || !listed.is_empty()) && !keeps_all {
            assert!(!symbol.active, "it is lost: {symbol:?}");
        }
    }
}

#[test]
fn stored_symbols_equal_the_last_list() {
    for case in 0..400 {
        let seed = fastrand::u64(..);
        let mut random = fastrand::Rng::with_seed(seed);
        let mut stored = StoredFeed::empty("broker");
        for step in 0..6 {
            let list = random_list(&mut random);
            let plan = list.compare(&stored);
            let after = stored.after(&plan);
            let context = std::panic::AssertUnwindSafe(|| {
                check(&list, &stored, &plan, &after);
                let again = list.compare(&after);
                assert!(again.is_empty(), "a second run changes {again:?}");
                let report = &again.report;
                let outcomes = [&report.added, &report.reappeared, &report.missing];
                assert!(outcomes.iter().all(|it| it.is_empty()) && report.changed.is_empty());
                let keys = |report: &SyncReport| -> Vec<String> {
                    report.refused.iter().map(|it| it.key.clone()).collect()
                };
                assert_eq!(keys(report), keys(&plan.report));
            });
            if let Err(panic) = std::panic::catch_unwind(context) {
                println!("seed {seed}, case {case}, step {step}: {list:?}\n{stored:?}\n{plan:?}");
                std::panic::resume_unwind(panic);
            }
            stored = after;
        }
    }
}

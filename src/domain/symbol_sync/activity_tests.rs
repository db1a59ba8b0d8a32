//! Symbols that are lost, and that reappear.

use super::tests::{feed, names, shown, sync, synced};
use super::*;

fn numbered(count: usize) -> Vec<String> {
    (1..=count)
        .map(|number| format!("{number} S{number}"))
        .collect()
}

fn of(texts: &[String]) -> SymbolList {
    feed(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn lost_symbols_reappear() {
    let all = feed(&["1 A", "2 B", "3 C", "4 D", "5 E", "6 F"]);
    let (without, report) = sync(&feed(&["1 A", "2 B", "3 C", "4 D", "5 E"]), &synced(&all));
    assert_eq!(names(&report.missing), ["F"]);
    let (after, report) = sync(&all, &without);
    assert_eq!(
        (names(&report.reappeared), report.changed.len()),
        (vec!["F"], 0)
    );
    assert!(after.symbols[5].active);
}

#[test]
fn lost_symbol_reappears_with_another_key() {
    let all = feed(&["1 A", "2 B", "3 C", "4 D", "5 E", "6 F"]);
    let (without, _) = sync(&feed(&["1 A", "2 B", "3 C", "4 D", "5 E"]), &synced(&all));
    let (after, report) = sync(&feed(&["1 A", "2 B", "3 C", "4 D", "5 E", "9 F"]), &without);
    assert_eq!(names(&report.reappeared), ["F"]);
    assert_eq!(shown(&after), "1 A, 2 B, 3 C, 4 D, 5 E, 9 F");
    // the old key is another instrument
    let (after, _) = sync(
        &feed(&["1 A", "2 B", "3 C", "4 D", "5 E", "6 Z", "9 F"]),
        &after,
    );
    assert_eq!(shown(&after), "1 A, 2 B, 3 C, 4 D, 5 E, 6 Z, 9 F");
}

#[test]
fn instruments_that_are_not_traded_are_lost() {
    let all = feed(&["1 A", "2 B", "3 C", "4 D", "5 E", "6 F"]);
    let before = synced(&all);
    let mut halted = all.clone();
    halted.symbols[0].active = false;
    let (after, report) = sync(&halted, &before);
    assert_eq!(names(&report.missing), ["A"]);
    // it is in the list, so that the list need not be complete
    let (incomplete, _) = sync(&halted.clone().is_complete(false), &before);
    assert_eq!(incomplete, after);
    let (_, report) = sync(&all, &after);
    assert_eq!(names(&report.reappeared), ["A"]);
    // a new one is inactive, and reappears when it is traded
    let (new, report) = sync(&halted, &StoredFeed::empty("broker"));
    assert!(!report.added[0].active);
    let (_, report) = sync(&all, &new);
    assert_eq!(names(&report.reappeared), ["A"]);
}

#[test]
fn incomplete_list_makes_nothing_inactive() {
    let before = synced(&feed(&["1 A", "2 B", "3 C", "4 D", "5 E", "6 F"]));
    let list = feed(&["1 X", "2 B", "3 C", "4 D", "7 G"]);
    let list = list.is_complete(false).accepts_loss(true);
    let (after, report) = sync(&list, &before);
    assert_eq!(shown(&after), "1 X, 2 B, 3 C, 4 D, 5 E, 6 F, 7 G");
    assert_eq!((report.missing.len(), report.is_complete), (0, false));
    assert!(!report.is_quiet());
}

#[test]
fn loss_of_a_fifth_makes_nothing_inactive() {
    // the active symbols before, the lost ones, and whether they become inactive
    for (count, lost, expected) in [
        (5, 1, false),
        (6, 1, true),
        (10, 2, false),
        (11, 2, true),
        (100, 20, false),
        (100, 19, true),
        (1, 1, false),
    ] {
        let all = numbered(count);
        let before = synced(&of(&all));
        let list = of(&all[lost..]);
        let (after, report) = sync(&list, &before);
        let active = after.symbols.iter().filter(|symbol| symbol.active).count();
        let (missing, kept) = (report.missing.len(), report.kept_active.len());
        match expected {
            true => assert_eq!((active, missing, kept), (count - lost, lost, 0), "{count}"),
            false => assert_eq!((active, missing, kept), (count, 0, lost), "{count}"),
        }
        let (_, report) = sync(&list.accepts_loss(true), &before);
        assert_eq!(report.missing.len(), lost);
    }
}

#[test]
fn inactive_symbols_are_no_loss() {
    let all = numbered(6);
    let mut before = synced(&of(&all));
    // an operator made two of six inactive: one of four is more than a fifth
    before.symbols[0].active = false;
    before.symbols[1].active = false;
    let (_, report) = sync(&of(&all[3..]), &before);
    assert_eq!(names(&report.kept_active), ["S3"]);
    let (after, report) = sync(&of(&all[2..]), &before);
    assert_eq!((report.missing.len(), report.kept_active.len()), (0, 0));
    // what the sync did not make inactive, it does not make active
    let (after, report) = sync(&of(&all), &after);
    assert_eq!(names(&report.reappeared), [""; 0]);
    assert!(!after.symbols[0].active);
}

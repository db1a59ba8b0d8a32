//! The order history.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use tickbook::domain::{Page, TimeRange};

use super::RelaySubject;
use super::relay_samples::{history_events, of_account};
use super::samples::{limit, range, seconds};
use crate::domain::{
    AccountId, FillReport, FillReportKind, HistoryEvent, PositionState, RecordedEvent,
};
use crate::repository::{AccountSequence, HistoryKey, HistoryQuery, HistoryReceipt};

const ACCOUNT: AccountId = AccountId::new(1);
const OTHER: AccountId = AccountId::new(2);

async fn write(
    subject: &RelaySubject,
    events: &[HistoryEvent],
    cursors: &[AccountSequence],
) -> HistoryReceipt {
    let history = &subject.relay().history;
    history.write(events, cursors).await.expect("written")
}

fn all(account_id: AccountId) -> HistoryQuery {
    HistoryQuery::new(account_id, TimeRange::all())
}

async fn events(subject: &RelaySubject, query: &HistoryQuery) -> Page<RecordedEvent, HistoryKey> {
    subject.relay().history.events(query).await.expect("read")
}

async fn fills(subject: &RelaySubject, query: &HistoryQuery) -> Page<FillReport, HistoryKey> {
    subject.relay().history.fills(query).await.expect("read")
}

async fn positions(
    subject: &RelaySubject,
    query: &HistoryQuery,
) -> Page<PositionState, HistoryKey> {
    let history = &subject.relay().history;
    history.positions(query).await.expect("read")
}

pub async fn written_events_read_back(subject: &RelaySubject) {
    let written = of_account(&history_events().await, ACCOUNT);
    let receipt = write(subject, &written, &[]).await;
    assert_eq!(receipt, HistoryReceipt::new(8, 0));
    let found = events(subject, &all(ACCOUNT)).await;
    let expected: Vec<_> = written.iter().map(|event| event.recorded.clone()).collect();
    assert_eq!((found.items, found.next), (expected, None));
}

pub async fn fills_and_positions_read_back(subject: &RelaySubject) {
    let written = of_account(&history_events().await, ACCOUNT);
    write(subject, &written, &[]).await;
    let mut expected: Vec<_> = written
        .iter()
        .filter_map(HistoryEvent::fill_report)
        .collect();
    expected.sort_by_key(|it| (it.trade_time, it.sequence));
    let found = fills(subject, &all(ACCOUNT)).await.items;
    assert_eq!(found, expected);
    let kinds: Vec<_> = found.iter().map(|it| it.kind).collect();
    use FillReportKind::{Busted, Corrected, Filled};
    assert_eq!(kinds, [Filled, Filled, Corrected, Busted]);
    let mut expected: Vec<_> = written
        .iter()
        .filter_map(HistoryEvent::position_state)
        .collect();
    expected.sort_by_key(|it| (it.as_of, it.sequence));
    let found = positions(subject, &all(ACCOUNT)).await.items;
    assert_eq!(found, expected);
    assert_eq!(found.len(), 4);
}

pub async fn events_written_again_are_duplicates(subject: &RelaySubject) {
    let written = of_account(&history_events().await, ACCOUNT);
    let first = write(subject, &written[..5], &[]).await;
    assert_eq!(first, HistoryReceipt::new(5, 0));
    let again = write(subject, &written, &[]).await;
    assert_eq!(again, HistoryReceipt::new(3, 5));
    let again = write(subject, &written, &[]).await;
    assert_eq!(again, HistoryReceipt::new(0, 8));
    assert_eq!(events(subject, &all(ACCOUNT)).await.items.len(), 8);
    assert_eq!(fills(subject, &all(ACCOUNT)).await.items.len(), 4);
    assert_eq!(positions(subject, &all(ACCOUNT)).await.items.len(), 4);
}

pub async fn cursors_are_set_with_events(subject: &RelaySubject) {
    let history = &subject.relay().history;
    let ids = [ACCOUNT, OTHER];
    let none = history.cursors(&ids).await.expect("read");
    assert_eq!(none, BTreeMap::new());
    let written = of_account(&history_events().await, ACCOUNT);
    let cursor = |sequence| AccountSequence::new(ACCOUNT, sequence);
    write(subject, &written, &[cursor(8)]).await;
    let found = history.cursors(&ids).await.expect("read");
    assert_eq!(found, BTreeMap::from([(ACCOUNT, 8)]));
    let other = AccountSequence::new(OTHER, 5);
    // smaller numbers too, and of several the last one
    write(subject, &[], &[cursor(9), other, cursor(3)]).await;
    let found = history.cursors(&ids).await.expect("read");
    assert_eq!(found, BTreeMap::from([(ACCOUNT, 3), (OTHER, 5)]));
    let found = history.cursors(&[]).await.expect("read");
    assert_eq!(found, BTreeMap::new());
}

pub async fn number_of_another_booking_is_another_event(subject: &RelaySubject) {
    let first = of_account(&history_events().await, ACCOUNT);
    let mut second = first.clone();
    for event in &mut second {
        event.recorded.recorded_at += TimeDelta::days(1);
    }
    write(subject, &first, &[]).await;
    let receipt = write(subject, &second, &[]).await;
    assert_eq!(receipt, HistoryReceipt::new(8, 0));
    assert_eq!(events(subject, &all(ACCOUNT)).await.items.len(), 16);
    assert_eq!(fills(subject, &all(ACCOUNT)).await.items.len(), 8);
    assert_eq!(positions(subject, &all(ACCOUNT)).await.items.len(), 8);
}

pub async fn histories_of_accounts_are_apart(subject: &RelaySubject) {
    let events_of = of_account(&history_events().await, ACCOUNT);
    write(subject, &events_of, &[]).await;
    write(subject, &of_account(&events_of[..3], OTHER), &[]).await;
    assert_eq!(events(subject, &all(ACCOUNT)).await.items.len(), 8);
    assert_eq!(events(subject, &all(OTHER)).await.items.len(), 3);
    let found = fills(subject, &all(OTHER)).await.items;
    assert_eq!((found.len(), found[0].account_id), (1, OTHER));
    let found = positions(subject, &all(OTHER)).await.items;
    assert_eq!((found.len(), found[0].account_id), (1, OTHER));
}

pub async fn history_is_found_by_time(subject: &RelaySubject) {
    write(subject, &of_account(&history_events().await, ACCOUNT), &[]).await;
    let of_venue = HistoryQuery::new(ACCOUNT, range(10, 20));
    let found = fills(subject, &of_venue).await.items;
    let times: Vec<_> = found.iter().map(|it| it.trade_time).collect();
    assert_eq!(times, [seconds(10)]);
    let found = positions(subject, &of_venue).await.items;
    assert_eq!(found.len(), 1);
    // events are found by the time of their booking, which is later
    assert_eq!(events(subject, &of_venue).await.items, []);
}

pub async fn pages_of_the_history_neither_skip_nor_repeat(subject: &RelaySubject) {
    write(subject, &of_account(&history_events().await, ACCOUNT), &[]).await;
    let whole = events(subject, &all(ACCOUNT)).await.items;
    let whole_fills = fills(subject, &all(ACCOUNT)).await.items;
    let whole_positions = positions(subject, &all(ACCOUNT)).await.items;
    for size in [1, 3, 4, 8, 9] {
        let query = all(ACCOUNT).limit(limit(size));
        let (mut found, mut next) = (Vec::new(), query.clone());
        loop {
            let page = events(subject, &next).await;
            found.extend(page.items);
            let Some(after) = page.next else { break };
            next = next.after(after);
        }
        assert_eq!(found, whole, "pages of {size}");
        let (mut found, mut next) = (Vec::new(), query.clone());
        loop {
            let page = fills(subject, &next).await;
            found.extend(page.items);
            let Some(after) = page.next else { break };
            next = next.after(after);
        }
        assert_eq!(found, whole_fills, "pages of {size}");
        let (mut found, mut next) = (Vec::new(), query);
        loop {
            let page = positions(subject, &next).await;
            found.extend(page.items);
            let Some(after) = page.next else { break };
            next = next.after(after);
        }
        assert_eq!(found, whole_positions, "pages of {size}");
    }
}

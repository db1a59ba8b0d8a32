//! The records of a live book.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::domain::book::{BookNumber, IntervalEnd, LevelChange, PriceLevel};

const SYMBOL: SymbolId = SymbolId::new(7);

fn at(millis: i64) -> DateTime<Utc> {
    let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    start + TimeDelta::milliseconds(millis)
}

/// A recorder with a clock that the test sets.
struct Desk {
    recorder: BookRecorder,
    now: Arc<Mutex<DateTime<Utc>>>,
    book: OrderBook,
}

impl Desk {
    fn new(config: RecorderConfig) -> Self {
        let now = Arc::new(Mutex::new(at(0)));
        let clock = Arc::clone(&now);
        let clock = Clock::new(move || *clock.lock().expect("no panic"));
        Self {
            recorder: BookRecorder::new(SYMBOL, "test", config, clock),
            now,
            book: OrderBook::new(),
        }
    }

    fn set_clock(&self, millis: i64) {
        *self.now.lock().expect("no panic") = at(millis);
    }

    fn load(&mut self, millis: i64, bids: &[LevelChange]) -> Vec<BookRecord> {
        self.book.load(bids, &[]).expect("a book");
        self.recorder.on_snapshot(&self.book, at(millis), None)
    }

    fn update(&mut self, millis: i64, bids: &[LevelChange]) -> Vec<BookRecord> {
        self.book.update(bids, &[]).expect("a valid book");
        self.recorder.on_update(&self.book, at(millis), None)
    }
}

fn change(price: i64, quantity: i64) -> LevelChange {
    let number = |units| BookNumber::new(units, 0).expect("in range");
    LevelChange::new(number(price), number(quantity))
}

fn level(price: i64, quantity: i64) -> PriceLevel {
    PriceLevel::new(price.into(), quantity.into())
}

fn only_snapshot(records: &[BookRecord]) -> &BookSnapshot {
    match records {
        [BookRecord::Snapshot(snapshot)] => snapshot,
        other => panic!("{other:?}"),
    }
}

fn closed(from: i64, to: DateTime<Utc>, reason: EndReason) -> BookRecord {
    BookInterval::open(SYMBOL, at(from))
        .closed(to, reason)
        .into()
}

#[test]
fn valid_book_opens_an_interval_with_a_snapshot() {
    let mut desk = Desk::new(RecorderConfig::default());
    assert_eq!(desk.recorder.on_timer(), []);
    assert_eq!(desk.recorder.on_stale(StaleReason::Gap), []);
    let records = desk.load(50, &[change(9, 1)]);
    assert_eq!(records[0], BookInterval::open(SYMBOL, at(50)).into());
    let snapshot = only_snapshot(&records[1..]);
    assert_eq!(snapshot.bids, [level(9, 1)]);
    assert_eq!((snapshot.depth, snapshot.valid_since), (20, at(50)));
}

#[test]
fn changed_book_has_one_snapshot_each_second() {
    let mut desk = Desk::new(RecorderConfig::default());
    desk.load(0, &[change(9, 1)]);
    desk.set_clock(999);
    assert_eq!(desk.update(990, &[change(9, 2)]), []);
    assert_eq!(desk.recorder.on_timer(), []);
    desk.set_clock(1_000);
    let records = desk.recorder.on_timer();
    let snapshot = only_snapshot(&records);
    assert_eq!(
        (snapshot.snapshot_time, snapshot.valid_since),
        (at(990), at(0))
    );
    assert_eq!(snapshot.bids, [level(9, 2)]);
    // a book that does not change has no further snapshot
    desk.set_clock(9_000);
    assert_eq!(desk.recorder.on_timer(), []);
    assert_eq!(desk.update(8_990, &[change(9, 2)]), []);
    let records = desk.update(8_995, &[change(9, 3)]);
    assert_eq!(only_snapshot(&records).snapshot_time, at(8_995));
    assert_eq!(desk.update(8_996, &[change(9, 4)]), []);
}

#[test]
fn snapshots_have_the_checksum_of_their_message() {
    let mut desk = Desk::new(RecorderConfig::default());
    desk.book.load(&[change(9, 1)], &[]).expect("a book");
    let message = BookMessage::snapshot(at(0)).with_checksum(-7_i64);
    let records = desk.recorder.on_message(&desk.book, message);
    assert_eq!(only_snapshot(&records[1..]).checksum, Some(-7));
    // a message that changes no level is not that of the snapshot
    for (millis, quantity, checksum) in [(5, 2, 8_i64), (6, 2, 9)] {
        let change = [change(9, quantity)];
        desk.book.update(&change, &[]).expect("a valid book");
        let message = BookMessage::update(at(millis)).with_checksum(checksum);
        assert_eq!(desk.recorder.on_message(&desk.book, message), []);
    }
    desk.set_clock(1_000);
    let records = desk.recorder.on_timer();
    let snapshot = only_snapshot(&records);
    assert_eq!(
        (snapshot.snapshot_time, snapshot.checksum),
        (at(5), Some(8))
    );
    // a message without one has none
    assert_eq!(desk.update(7, &[change(9, 3)]), []);
    let records = desk.recorder.stop();
    assert_eq!(only_snapshot(&records[..1]).checksum, None);
}

#[test]
fn loaded_book_has_a_snapshot_at_once() {
    let mut desk = Desk::new(RecorderConfig::default().updates(true));
    desk.load(0, &[change(9, 1)]);
    let records = desk.load(10, &[change(9, 1), change(8, 1)]);
    let snapshot = only_snapshot(&records);
    assert_eq!(
        (snapshot.snapshot_time, snapshot.valid_since),
        (at(10), at(0))
    );
}

#[test]
fn stale_book_ends_the_interval_after_its_last_state() {
    let mut desk = Desk::new(RecorderConfig::default());
    desk.load(0, &[change(9, 1)]);
    desk.update(500, &[change(9, 2)]);
    desk.set_clock(700);
    let records = desk.recorder.on_stale(StaleReason::Gap);
    assert_eq!(only_snapshot(&records[..1]).snapshot_time, at(500));
    let gap = EndReason::Stale(StaleReason::Gap);
    assert_eq!(records[1], closed(0, at(700), gap));
    assert_eq!(desk.recorder.on_stale(StaleReason::Silence), []);
    assert_eq!(desk.recorder.stop(), []);
    // a message with an earlier time than the end
    let records = desk.load(600, &[change(9, 5)]);
    let next = at(700) + MICROSECOND;
    assert_eq!(records[0], BookInterval::open(SYMBOL, next).into());
    let records = desk.recorder.stop();
    assert_eq!(records.len(), 1);
    let BookRecord::Interval(interval) = &records[0] else {
        panic!("{records:?}");
    };
    let end = IntervalEnd::new(next + MICROSECOND, EndReason::Stopped);
    assert_eq!(interval.end, Some(end));
}

#[test]
fn refused_message_ends_the_interval() {
    let mut desk = Desk::new(RecorderConfig::default());
    desk.load(0, &[change(9, 1)]);
    desk.book.update(&[], &[change(9, 1)]).expect_err("crossed");
    let records = desk.recorder.on_update(&desk.book, at(5), None);
    let crossed = EndReason::Stale(StaleReason::Crossed);
    assert_eq!(records, [closed(0, at(5), crossed)]);
    assert!(!desk.recorder.is_recording());
}

#[test]
fn numbers_that_cannot_be_stored_end_the_interval() {
    let mut desk = Desk::new(RecorderConfig::default());
    desk.load(0, &[change(9, 1)]);
    let fine = BookNumber::new(1, 13).expect("in range");
    let quantity = BookNumber::new(1, 0).expect("in range");
    let records = desk.update(5, &[LevelChange::new(fine, quantity)]);
    let overflow = EndReason::Stale(StaleReason::Overflow);
    assert_eq!(records, [closed(0, at(5), overflow)]);
    let records = desk.update(6, &[LevelChange::new(fine, BookNumber::default())]);
    assert_eq!(records.len(), 2, "recorded again: {records:?}");
}

#[test]
fn records_of_one_instant_are_in_order() {
    let mut desk = Desk::new(RecorderConfig::default().updates(true));
    desk.load(10, &[change(9, 1)]);
    let mut keys = Vec::new();
    for (quantity, (millis, sequence)) in (2..).zip([
        (10, None),
        (10, None),
        (4, None),
        (4, Some(1)),
        (11, Some(1)),
        (11, Some(7)),
    ]) {
        desk.book
            .update(&[change(9, quantity)], &[])
            .expect("valid");
        let records = desk.recorder.on_update(&desk.book, at(millis), sequence);
        let BookRecord::Update(update) = &records[0] else {
            panic!("{records:?}");
        };
        keys.push((update.update_time, update.sequence));
    }
    let (first, next) = (at(10), at(10) + MICROSECOND);
    let expected = [
        (first, 1),
        (first, 2),
        (first, 3),
        (next, 1),
        (at(11), 1),
        (at(11), 7),
    ];
    assert_eq!(keys, expected);
}

/// Changes at few prices, often quantity 0.
fn changes() -> impl Strategy<Value = Vec<LevelChange>> {
    let one = (1_i64..30, 0_i64..3).prop_map(|(price, quantity)| change(price, quantity));
    prop::collection::vec(one, 0..6)
}

proptest! {
    #[test]
    fn updates_lead_from_snapshot_to_snapshot(
        messages in prop::collection::vec((0_i64..400, changes(), any::<bool>()), 1..60),
        depth in 1_usize..8,
    ) {
        let mut desk = Desk::new(RecorderConfig::default().updates(true).depth(depth));
        let (mut time, mut records) = (0, desk.load(0, &[]));
        let mut stored: Option<BookSnapshot> = None;
        for (wait, changes, is_loaded) in messages {
            time += wait;
            desk.set_clock(time);
            records.extend(match is_loaded && wait < 20 {
                true => desk.load(time, &[change(40, 1)]),
                false => desk.update(time, &changes),
            });
            for record in records.drain(..) {
                match record {
                    BookRecord::Update(update) => {
                        let book = stored.as_mut().expect("a snapshot comes first");
                        prop_assert!(update.normalized().is_ok());
                        book.apply(&update).expect("the next one");
                    }
                    BookRecord::Snapshot(snapshot) => {
                        let is_due = stored.as_ref().is_some_and(|it| it.key() == snapshot.key());
                        if is_due {
                            prop_assert_eq!(stored.as_ref(), Some(&snapshot));
                        }
                        stored = Some(snapshot);
                    }
                    BookRecord::Interval(_) => {}
                }
            }
            let view = desk.book.view().expect("valid");
            let stored = stored.as_ref().expect("a snapshot");
            let live = BookSnapshot::new(SYMBOL, at(time), "test").with_view(view, depth);
            prop_assert_eq!(&stored.bids, &live.bids);
        }
    }
}

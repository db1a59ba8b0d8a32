//! Tests that the current code reads or refuses spools of earlier versions, which are files in
//! `tests/golden`.
//!
//! `cargo test --features files --test ingest golden_spools_are_made -- --ignored` creates the files. Run
//! it only for a new version of the records, and retain the files of old versions.
#![cfg(feature = "files")]

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tempfile::TempDir;
use tickbook::domain::{Rule, SymbolId, Tick, Trade, Verdict};
use tickbook::ingest::record::{QuarantinableRecord, RecordReader, RecordWriter};
use tickbook::ingest::{
    DeadLetter, DeadLetterReason, Persister, PersisterConfig, Record, RecordConflict, RecordStore,
    RejectedRecord, Spool, SpoolConfig, SpoolError, StoreReceipt,
};
use tickbook::repository::{Quarantined, QuarantinedTick};
use tickbook::{Clock, Database, RepositoryError};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::golden_books::book_records;
use crate::golden_trades::{quarantined_trades, trades};

const TICKS: &str = "ticks";
const TRADES: &str = "trades";
const BOOK_RECORDS: &str = "book_records";
const QUARANTINED_TICKS: &str = "quarantined_ticks";
const QUARANTINED_TRADES: &str = "quarantined_trades";
const TICKS_OF_VERSION_1: &str = "ticks_of_version_1";
const NEWER_TICKS: &str = "ticks_of_a_newer_version";
const OTHERS: &str = "records_of_an_unknown_kind";

const PLENTY: Duration = Duration::from_secs(60);

fn golden(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    folder.join(format!("spool_{name}.zip"))
}

pub(crate) fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01")
        + TimeDelta::microseconds(micros)
}

pub(crate) fn number(text: &str) -> Decimal {
    text.parse().expect("a number")
}

/// Ticks with every form of each field.
fn ticks() -> Vec<Tick> {
    let plain = |index: i64| {
        let price = Decimal::new(138_000 + index, 5);
        Tick::quote(SymbolId::new(7), time(index), price, price + Decimal::ONE)
    };
    let mut ticks: Vec<_> = (0..200).map(|index| plain(index * 137_000)).collect();
    ticks.extend([
        plain(2)
            .with_sequence(2_147_483_647)
            .with_received_at(Some(time(50_000_000))),
        plain(3)
            .with_symbol_id(SymbolId::new(i64::MAX))
            .with_bid(number("999999999999999.999999999999"))
            .with_ask(number("-999999999999999.999999999999"))
            .with_volumes(number("0.000000000001"), number("0.000")),
        plain(4)
            .with_symbol_id(SymbolId::new(-1))
            .with_tick_time(DateTime::from_timestamp(-86_400, 123_456_789).expect("in range"))
            .with_sequence(-1)
            .with_received_at(Some(time(-7))),
        plain(5).with_ask(None).with_bid_volume(number("1.50")),
        plain(6)
            .with_bid(None)
            .with_ask_volume(Decimal::ZERO)
            .with_received_at(time(7)),
        plain(7).with_ask_volume(Decimal::ONE),
    ]);
    ticks
}

fn quarantined_ticks() -> Vec<QuarantinedTick> {
    quarantined(ticks())
}

/// Records as the quarantine has them, with every rule.
pub(crate) fn quarantined<E: QuarantinableRecord>(events: Vec<E>) -> Vec<Quarantined<E>> {
    let verdict = |rule: &Rule| Verdict::new(*rule, number("8.964028776978"), number("-0.5"));
    let rules = Rule::ALL.iter().cycle();
    let events = events.into_iter().rev().zip(rules);
    events
        .map(|(event, rule)| {
            let at = Record::time(&event) + TimeDelta::milliseconds(1_500);
            Quarantined::new(event, verdict(rule), at)
        })
        .collect()
}

/// The first record as a dead letter of each kind.
fn letters<R: Record>(records: &[R]) -> Vec<DeadLetter<R>> {
    let letter = |reason| DeadLetter::new(time(1), records[0].clone(), reason);
    vec![
        letter(DeadLetterReason::Conflict(records[1].clone())),
        letter(DeadLetterReason::Rejected("a rule, § 1".to_owned())),
    ]
}

/// A tick with a number, of a kind or version that does not exist.
#[derive(Debug, Clone, PartialEq)]
struct Unknown<const KIND: u8, const VERSION: u8>(Tick, i64);

type NewerTick = Unknown<1, 255>;
type Other = Unknown<127, 1>;

impl<const KIND: u8, const VERSION: u8> Record for Unknown<KIND, VERSION> {
    type Key = i64;

    const KIND: u8 = KIND;
    const VERSION: u8 = VERSION;
    const MIN_BYTES: usize = Tick::MIN_BYTES + 1;
    const NAME: &'static str = "unknown";
    const NAMES: &'static str = "unknowns";
    const METRICS: &'static str = "unknown";

    fn key(&self) -> i64 {
        self.1
    }

    fn symbol_id(&self) -> SymbolId {
        self.0.symbol_id
    }

    fn time(&self) -> DateTime<Utc> {
        self.0.tick_time
    }

    fn encode(&self, before: Option<&Self>, writer: &mut RecordWriter) {
        self.0.encode(before.map(|before| &before.0), writer);
        writer.signed(self.1);
    }

    fn decode(before: Option<&Self>, reader: &mut RecordReader<'_>) -> Option<Self> {
        let tick = Tick::decode(before.map(|before| &before.0), reader)?;
        Some(Self(tick, reader.signed()?))
    }
}

fn unknown<const KIND: u8, const VERSION: u8>() -> Vec<Unknown<KIND, VERSION>> {
    ticks()
        .into_iter()
        .zip(0..3)
        .map(|(tick, number)| Unknown(tick, number))
        .collect()
}

/// A store that returns one receipt and is unavailable afterwards.
#[derive(Debug)]
struct Away<R>(Mutex<Option<StoreReceipt<R>>>);

#[async_trait]
impl<R: Record> RecordStore<R> for Away<R> {
    async fn insert_batch(&self, _: &[R]) -> Result<StoreReceipt<R>, RepositoryError> {
        let answer = self.0.lock().expect("no panic").take();
        answer.ok_or_else(|| RepositoryError::Unavailable {
            database: Database::Timeseries,
            reason: "away".to_owned(),
        })
    }
}

/// A store that accepts everything.
#[derive(Debug)]
struct Taking<R>(Mutex<Vec<R>>);

#[async_trait]
impl<R: Record> RecordStore<R> for Taking<R> {
    async fn insert_batch(&self, records: &[R]) -> Result<StoreReceipt<R>, RepositoryError> {
        self.0.lock().expect("no panic").extend_from_slice(records);
        Ok(StoreReceipt::inserted(records.len() as u64))
    }
}

async fn open<R: Record>(
    store: Arc<dyn RecordStore<R>>,
    folder: &Path,
) -> Result<Persister<R>, SpoolError> {
    let config = PersisterConfig::default().batch_size(20);
    let spool = SpoolConfig::new(folder.to_owned());
    Persister::open_on(store, config, &spool, Clock::standing_at(time(1))).await
}

/// Creates a spool with `records` and, if there are any, the dead letters `letters`.
async fn make<R: Record>(name: &str, records: &[R], letters: Vec<DeadLetter<R>>) {
    let folder = tempfile::tempdir().expect("a folder");
    let answer = (!letters.is_empty()).then(|| {
        let mut receipt = StoreReceipt::inserted(0);
        for letter in letters {
            let record = letter.record;
            match letter.reason {
                DeadLetterReason::Conflict(stored) => {
                    let refused = record;
                    receipt.conflicts.push(RecordConflict::new(stored, refused));
                }
                DeadLetterReason::Rejected(reason) => {
                    receipt.rejected.push(RejectedRecord::new(record, reason));
                }
            }
        }
        receipt
    });
    let has_letters = answer.is_some();
    let store = Arc::new(Away(Mutex::new(answer)));
    let persister = open(store, folder.path()).await.expect("it opens");
    if has_letters {
        for record in &records[..2] {
            persister.push(record.clone()).await.expect("open");
        }
        persister.flush().await.expect("it answers once");
    }
    for record in records {
        persister.push(record.clone()).await.expect("open");
    }
    let report = persister.stop(PLENTY).await;
    assert_eq!(report.spooled, records.len() as u64);
    let file = File::create(golden(name)).expect("made");
    let mut archive = ZipWriter::new(file);
    for file in ["format", "spool.redb"] {
        let options = SimpleFileOptions::default().compression_level(Some(9));
        archive.start_file(file, options).expect("begun");
        let bytes = fs::read(folder.path().join(file)).expect("read");
        archive.write_all(&bytes).expect("written");
    }
    archive.finish().expect("finished");
}

/// A directory with the unpacked files of a spool.
fn unpacked(name: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let file = File::open(golden(name)).expect("a golden file");
    let mut archive = ZipArchive::new(file).expect("an archive");
    for file in ["format", "spool.redb"] {
        let mut bytes = Vec::new();
        let mut packed = archive.by_name(file).expect("packed");
        packed.read_to_end(&mut bytes).expect("read");
        fs::write(folder.path().join(file), bytes).expect("written");
    }
    folder
}

async fn assert_read<R: Record>(name: &str, expected: &[R]) {
    let folder = unpacked(name);
    let spool = Spool::<R>::open(folder.path(), 1 << 30).await;
    let spool = spool.expect("it opens");
    let content = spool.content();
    assert_eq!(content.records, expected.len() as u64);
    assert_eq!((content.dead_letters, content.damaged_batches), (2, 0));
    let found = spool.dead_letters().await.expect("read");
    let found: Vec<_> = found.into_iter().map(|it| it.letter).collect();
    assert_eq!(found, letters(expected));
    spool.close().await;

    let taking = Arc::new(Taking(Mutex::default()));
    let store = Arc::clone(&taking) as Arc<dyn RecordStore<R>>;
    let persister = open(store, folder.path()).await.expect("it opens");
    persister.flush().await.expect("it takes all");
    assert_eq!(persister.stop(PLENTY).await.spooled, 0);
    let taken = taking.0.lock().expect("no panic");
    assert_eq!(*taken, expected);
}

#[tokio::test]
async fn golden_spool_of_ticks_is_read() {
    assert_read(TICKS, &ticks()).await;
}

#[tokio::test]
async fn golden_spool_of_trades_is_read() {
    assert_read(TRADES, &trades()).await;
}

#[tokio::test]
async fn golden_spool_of_book_records_is_read() {
    assert_read(BOOK_RECORDS, &book_records()).await;
}

#[tokio::test]
async fn golden_spool_of_quarantined_ticks_is_read() {
    assert_read(QUARANTINED_TICKS, &quarantined_ticks()).await;
}

#[tokio::test]
async fn golden_spool_of_quarantined_trades_is_read() {
    assert_read(QUARANTINED_TRADES, &quarantined_trades()).await;
}

/// Opens a spool as one of another kind of records. Asserts that its own records are still there
/// afterwards.
async fn refusal<R: Record, Held: Record>(name: &str, held: &[Held]) -> SpoolError {
    let folder = unpacked(name);
    let refused = Spool::<R>::open(folder.path(), 1 << 30).await;
    let refused = refused.expect_err("it holds others");
    let opened = Spool::<Held>::open(folder.path(), 1 << 30).await;
    let content = opened.expect("it is whole").content();
    assert_eq!(content.records, held.len() as u64);
    assert_eq!(content.damaged_batches, 0);
    refused
}

#[tokio::test]
async fn golden_spool_of_another_version_is_refused() {
    let refused = refusal::<Tick, _>(NEWER_TICKS, &unknown::<1, 255>()).await;
    let is_right = matches!(
        refused,
        SpoolError::OtherVersion {
            records: "ticks",
            found: 255,
            known: 2,
            ..
        }
    );
    assert!(is_right, "{refused:?}");
    assert!(refused.to_string().contains("version 255"), "{refused}");
}

#[tokio::test]
async fn golden_spool_of_version_1_is_refused() {
    let folder = unpacked(TICKS_OF_VERSION_1);
    let refused = Spool::<Tick>::open(folder.path(), 1 << 30).await;
    let refused = refused.expect_err("its volumes are never unknown");
    let is_right = matches!(
        refused,
        SpoolError::OtherVersion {
            records: "ticks",
            found: 1,
            known: 2,
            ..
        }
    );
    assert!(is_right, "{refused:?}");
}

#[tokio::test]
async fn golden_spool_of_another_kind_is_refused() {
    let unknown = refusal::<Tick, _>(OTHERS, &unknown::<127, 1>()).await;
    let ticks = refusal::<Trade, _>(TICKS, &ticks()).await;
    let trades = refusal::<QuarantinedTick, _>(TRADES, &trades()).await;
    let held_back = refusal::<Tick, _>(QUARANTINED_TICKS, &quarantined_ticks()).await;
    let of_trades = refusal::<QuarantinedTick, _>(QUARANTINED_TRADES, &quarantined_trades()).await;
    for (refused, text) in [
        (of_trades, "quarantined trades, not quarantined ticks"),
        (unknown, "records of the unknown kind 127, not ticks"),
        (ticks, "ticks, not trades"),
        (trades, "trades, not quarantined ticks"),
        (held_back, "quarantined ticks, not ticks"),
    ] {
        assert!(
            matches!(refused, SpoolError::OtherKind { .. }),
            "{refused:?}"
        );
        assert!(refused.to_string().contains(text), "{refused}");
    }
}

#[tokio::test]
#[ignore = "overwrites the golden files"]
async fn golden_spools_are_made() {
    fs::create_dir_all(golden(TICKS).parent().expect("a folder")).expect("made");
    make(TICKS, &ticks(), letters(&ticks())).await;
    make(TRADES, &trades(), letters(&trades())).await;
    make(BOOK_RECORDS, &book_records(), letters(&book_records())).await;
    let held_back = quarantined_ticks();
    make(QUARANTINED_TICKS, &held_back, letters(&held_back)).await;
    let held_back = quarantined_trades();
    make(QUARANTINED_TRADES, &held_back, letters(&held_back)).await;
    make::<NewerTick>(NEWER_TICKS, &unknown(), Vec::new()).await;
    make::<Other>(OTHERS, &unknown(), Vec::new()).await;
}

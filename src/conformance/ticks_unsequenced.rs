//! Conformance: unsequenced ticks of overlapping sources.
//!
//! Covers `TickRepository::insert_batch`: a tick of occurrence k makes the store hold k + 1 equal rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::samples::{
    BATCH_SIZES, EURUSD, GBPUSD, Random, dec, insert, insert_new, micros, quote, seconds, stored,
};
use crate::Repositories;
use crate::domain::{SymbolId, Tick, TickKey};
use crate::repository::{InsertReceipt, TickRepository};

/// Prices of each row, in key order. The sequences of an instant follow the order of arrival.
type Contents = BTreeMap<(DateTime<Utc>, Option<Decimal>, Option<Decimal>), u32>;

fn contents<'a>(ticks: impl IntoIterator<Item = &'a Tick>) -> Contents {
    let mut contents = Contents::new();
    for tick in ticks {
        let content = (tick.tick_time, tick.bid_price, tick.ask_price);
        *contents.entry(content).or_default() += 1;
    }
    contents
}

/// The ticks of one source, with their occurrences.
fn counted(ticks: &[Tick]) -> Vec<Tick> {
    let mut seen: HashMap<_, u32> = HashMap::new();
    let count = |tick: &Tick| {
        let content = (
            tick.symbol_id,
            tick.tick_time,
            tick.bid_price,
            tick.ask_price,
        );
        let seen = seen.entry(content).or_default();
        let tick = tick.clone().with_occurrence(*seen);
        *seen += 1;
        tick
    };
    ticks.iter().map(count).collect()
}

/// Ticks of few instants and few prices, by ascending time.
fn source(random: &mut Random, ticks: usize) -> Vec<Tick> {
    let mut instant = 0;
    let mut next = |_| {
        // an instant has about five ticks
        instant += i64::from(random.below(5) == 0);
        let (bid, ask) = (random.below(3), 5 + random.below(2));
        Tick::quote(EURUSD, micros(instant), bid.into(), ask.into())
    };
    (0..ticks).map(&mut next).collect()
}

/// Cuts `ticks` into overlapping pieces, in any order, which together contain all of them. `is_border`
/// decides where a piece may begin and end.
fn pieces(
    random: &mut Random,
    ticks: &[Tick],
    is_border: impl Fn(usize) -> bool,
) -> Vec<Vec<Tick>> {
    let inner = (1..ticks.len()).filter(|place| is_border(*place));
    let borders: Vec<_> = [0].into_iter().chain(inner).chain([ticks.len()]).collect();
    let mut pieces = Vec::new();
    let mut from = 0;
    while from + 1 < borders.len() {
        let to = from + 1 + random.below((borders.len() - from - 1).min(12) as u64) as usize;
        // about half of the pieces reach back into earlier ones
        let back = random.below(2) as usize * random.below(6) as usize;
        pieces.push(ticks[borders[from.saturating_sub(back)]..borders[to]].to_vec());
        from = to;
    }
    random.shuffle(&mut pieces);
    pieces
}

fn is_new_instant(ticks: &[Tick], place: usize) -> bool {
    ticks[place].tick_time != ticks[place - 1].tick_time
}

async fn insert_source(ticks: &dyn TickRepository, source: &[Tick], batch: usize) -> InsertReceipt {
    let mut sum = InsertReceipt::default();
    for batch in counted(source).chunks(batch) {
        sum.merge(insert(ticks, batch).await);
    }
    sum
}

pub async fn unsequenced_ticks_are_numbered_by_arrival(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let at = |number, sequence, bid| quote(micros(number), sequence, bid, "9");
    let first = counted(&[at(0, 0, "3"), at(0, 0, "1"), at(1, 0, "2")]);
    insert_new(ticks, &first).await;
    insert_new(ticks, &counted(&[at(0, 0, "2")])).await;
    let expected = [at(0, 0, "3"), at(0, 1, "1"), at(0, 2, "2"), at(1, 0, "2")];
    assert_eq!(stored(ticks, EURUSD).await, expected);
}

pub async fn unsequenced_ticks_sent_again_are_duplicates(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    for size in BATCH_SIZES {
        let symbol_id = SymbolId::new(size as i64);
        let source: Vec<_> = (0..size as i64)
            .map(|number| quote(micros(number / 4), 0, "1", "2").with_symbol_id(symbol_id))
            .collect();
        let source = counted(&source);
        insert_new(ticks, &source).await;
        let whole = stored(ticks, symbol_id).await;
        assert_eq!(whole.len(), size, "equal ticks of one source are different");
        assert!(whole.iter().all(|tick| tick.occurrence.is_none()));
        for _ in 0..2 {
            let receipt = insert(ticks, &source).await;
            assert_eq!(receipt.duplicates, size as u64, "{receipt:?}");
        }
        assert_eq!(stored(ticks, symbol_id).await, whole);
    }
}

pub async fn occurrence_that_comes_first_stores_all(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let tick = quote(seconds(0), 0, "1", "2");
    let receipt = insert(ticks, &[tick.clone().with_occurrence(2)]).await;
    assert_eq!((receipt.inserted, receipt.duplicates), (1, 0));
    let earlier = [0, 1, 2].map(|occurrence| tick.clone().with_occurrence(occurrence));
    let receipt = insert(ticks, &earlier).await;
    assert_eq!((receipt.inserted, receipt.duplicates), (0, 3));
    let sequences = stored(ticks, EURUSD).await;
    let sequences: Vec<_> = sequences.iter().map(|tick| tick.sequence).collect();
    assert_eq!(sequences, [0, 1, 2]);
}

pub async fn unsequenced_ticks_never_conflict(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    insert_new(ticks, &counted(&[quote(seconds(0), 0, "1", "2")])).await;
    let others = [
        quote(seconds(0), 0, "1.5", "2"),
        quote(seconds(0), 0, "1", "2.5"),
        quote(seconds(0), 0, "1", "2").with_bid_volume(dec("3")),
        quote(seconds(0), 0, "1", "2").with_ask_volume(dec("3")),
        Tick::new(EURUSD, seconds(0)).with_bid(dec("1")),
    ];
    for other in others {
        insert_new(ticks, &[other.with_occurrence(0)]).await;
    }
    assert_eq!(stored(ticks, EURUSD).await.len(), 6);
}

pub async fn sequenced_ticks_keep_their_sequences(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let sequenced = [
        quote(seconds(0), 0, "1", "2"),
        quote(seconds(0), 7, "3", "4"),
    ];
    let unsequenced = counted(&[
        quote(seconds(0), 0, "5", "6"),
        // a sequenced tick may be equal to an unsequenced one
        quote(seconds(0), 0, "3", "4"),
    ]);
    insert_new(ticks, &sequenced).await;
    let receipt = insert(ticks, &[unsequenced.clone(), sequenced.to_vec()].concat()).await;
    assert_eq!((receipt.inserted, receipt.duplicates), (1, 3));
    let whole = stored(ticks, EURUSD).await;
    assert_eq!(whole[..2], sequenced);
    assert_eq!(whole[2..], [quote(seconds(0), 8, "5", "6")]);
    // the sequence of another tick is taken, and the sequenced tick conflicts with it
    let receipt = insert(ticks, &[quote(seconds(0), 8, "3", "4")]).await;
    assert_eq!(receipt.conflicts.len(), 1);
}

pub async fn unsequenced_ticks_are_of_one_symbol(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let tick = quote(seconds(0), 0, "1", "2");
    let of_both = [tick.clone(), tick.with_symbol_id(GBPUSD)];
    insert_new(ticks, &counted(&of_both)).await;
    assert_eq!(stored(ticks, EURUSD).await.len(), 1);
    assert_eq!(stored(ticks, GBPUSD).await.len(), 1);
}

pub async fn impossible_unsequenced_ticks_are_rejected(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let good = quote(seconds(0), 0, "1", "2").with_occurrence(0);
    let wrong = [
        quote(seconds(0), 0, "1", "2").with_occurrence(1_000_000),
        quote(seconds(0), 0, "1", "0.0000000000001").with_occurrence(0),
        Tick::new(EURUSD, seconds(0)).with_occurrence(0),
    ];
    for size in BATCH_SIZES {
        let copies = (0..size as i64).map(|number| good.clone().with_tick_time(micros(number)));
        let batch: Vec<_> = copies.chain(wrong.clone()).collect();
        let receipt = insert(ticks, &batch).await;
        assert_eq!(receipt.rejected.len(), wrong.len());
        for (rejected, wrong) in receipt.rejected.iter().zip(&wrong) {
            assert_eq!(rejected.row, *wrong);
        }
    }
    assert_eq!(stored(ticks, EURUSD).await.len(), BATCH_SIZES[1]);
}

pub async fn pieces_of_whole_instants_give_the_source(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let mut random = Random::seeded();
    let source = source(&mut random, 600);
    let pieces = pieces(&mut random, &source, |place| is_new_instant(&source, place));
    for piece in pieces {
        let size = BATCH_SIZES[random.below(2) as usize];
        insert_source(ticks, &piece, size).await;
    }
    assert_eq!(contents(&stored(ticks, EURUSD).await), contents(&source));
    // the source is sent again as a whole
    let receipt = insert_source(ticks, &source, 200).await;
    assert_eq!(receipt.duplicates, source.len() as u64);
    assert_eq!(contents(&stored(ticks, EURUSD).await), contents(&source));
}

pub async fn pieces_of_instants_lose_only_equal_ticks(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let mut random = Random::seeded();
    let source = source(&mut random, 600);
    let pieces = pieces(&mut random, &source, |_| true);
    let mut expected = Contents::new();
    for piece in &pieces {
        for (content, count) in contents(piece) {
            let most = expected.entry(content).or_default();
            *most = count.max(*most);
        }
    }
    for piece in pieces {
        let size = BATCH_SIZES[random.below(2) as usize];
        insert_source(ticks, &piece, size).await;
    }
    assert_eq!(contents(&stored(ticks, EURUSD).await), expected);
    // each content is stored, and none more often than in the source
    let whole = contents(&source);
    assert!(expected.keys().eq(whole.keys()));
    assert!(
        expected
            .iter()
            .all(|(content, count)| *count <= whole[content])
    );
}

/// Each of several writers sends the whole source, in its own batches.
async fn source_is_stored_once(repositories: &Repositories, batch: usize) {
    let source = Arc::new(counted(&source(&mut Random::seeded(), 1_200)));
    let gate = Arc::new(tokio::sync::Barrier::new(4));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let ticks = Arc::clone(&repositories.ticks);
            let (source, gate) = (Arc::clone(&source), Arc::clone(&gate));
            tokio::spawn(async move {
                gate.wait().await;
                let mut sum = InsertReceipt::default();
                for batch in source.chunks(batch + writer) {
                    let receipt = ticks.insert_batch(batch).await;
                    sum.merge(receipt.expect("concurrent writers are not an error"));
                }
                sum
            })
        })
        .collect();
    let mut sum = InsertReceipt::default();
    for writer in writers {
        sum.merge(writer.await.expect("a writer does not panic"));
    }
    assert_eq!(sum.inserted, source.len() as u64);
    assert_eq!(sum.duplicates, 3 * source.len() as u64);
    let whole = stored(repositories.ticks.as_ref(), EURUSD).await;
    assert_eq!(contents(&whole), contents(source.iter()));
    let keys: Vec<_> = whole.iter().map(Tick::key).collect();
    assert!(keys.is_sorted_by(|one: &TickKey, other| one < other));
}

pub async fn writers_of_short_unsequenced_batches_agree(repositories: &Repositories) {
    source_is_stored_once(repositories, 20).await;
}

pub async fn writers_of_long_unsequenced_batches_agree(repositories: &Repositories) {
    source_is_stored_once(repositories, 300).await;
}

//! Tests of connections that are cut while a message is in transit.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use fault_proxy::{Loss, Message};
use rust_decimal::Decimal;
use tickbook::domain::{Candle, CandleSource, NewSymbol, PriceBasis, Symbol, Timeframe};
use tickbook::{Database, RepositoryError};

use crate::fault::Fault;
use crate::load::Load;
use crate::server::Server;
use crate::site::{GatedSite, repositories_on};
use crate::support::heartbeat::Heartbeat;
use crate::support::migrated_schema::{SYMBOL, start, ticks};
use crate::support::oracle::{ask, assert_exact};

#[tokio::test(flavor = "multi_thread")]
async fn fault_09_restart_under_load() {
    let fault = Fault::begin("fault_09_restart_under_load");
    stopped_under_load(fault, "fast").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_10_crash_and_recovery_under_load() {
    let fault = Fault::begin("fault_10_crash_and_recovery_under_load");
    stopped_under_load(fault, "immediate").await;
}

async fn stopped_under_load(fault: Fault, how: &str) {
    let server = match Server::start(Database::Timeseries) {
        Ok(server) => server,
        Err(reason) => return fault.skip(reason),
    };
    let (repositories, _pools) = repositories_on(&server, |_| ()).await;
    let load = Load::start(repositories.ticks);
    for _ in 0..2 {
        load.wait_for_progress(Duration::from_secs(10)).await;
        let heartbeat = Heartbeat::start();
        server.stop(how);
        // if the server starts quickly, there would be too few beats to assess
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.start_again();
        heartbeat.assert_steady().await;
        load.assert_recovers().await;
    }
    let heartbeat = Heartbeat::start();
    server.crash();
    tokio::time::sleep(Duration::from_secs(1)).await;
    heartbeat.assert_steady().await;
    server.start_again();
    load.assert_recovers().await;
    assert_exact(&server.url(), &load.finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_11_resets_without_end() {
    let _fault = Fault::begin("fault_11_resets_without_end");
    let site = GatedSite::new(11, |_| ()).await;
    let load = Load::start(site.repositories.ticks.clone());
    load.wait_for_progress(Duration::from_secs(10)).await;
    let (before, begun) = (site.timeseries.accepted(), Instant::now());
    let heartbeat = Heartbeat::start();
    let lasting = Duration::from_secs(4);
    while begun.elapsed() < lasting {
        site.timeseries.reset_all();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    heartbeat.assert_steady().await;
    let connects = site.timeseries.accepted() - before;
    assert!(connects <= 5 * lasting.as_secs() + 2, "{connects} connects");
    load.assert_recovers().await;
    assert_exact(site.ticks_url(), &load.finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_16_and_17_candle_upsert_is_cut_off() {
    let _fault = Fault::begin("fault_16_and_17_candle_upsert_is_cut_off");
    let site = GatedSite::new(16, |_| ()).await;
    let repository = &site.repositories.ohlc;
    repository
        .upsert_candles(&[candle(0)])
        .await
        .expect("stored");
    for (number, loss) in [
        Loss::Answer(UPSERT),
        Loss::Request(UPSERT),
        // of the query for a revision
        Loss::Answer(Message::Execute),
        Loss::Request(Message::Execute),
    ]
    .into_iter()
    .enumerate()
    {
        let candle = candle(number as i64 + 1);
        site.timeseries.lose_next(loss);
        let first = repository
            .upsert_candles(std::slice::from_ref(&candle))
            .await;
        assert!(site.timeseries.has_lost(), "the message never came");
        if let Err(error) = first {
            assert!(
                matches!(error, RepositoryError::Ambiguous { .. }),
                "{error:?}"
            );
            repository.upsert_candles(&[candle]).await.expect("stored");
        }
        let stored = ask(
            site.ticks_url(),
            "SELECT count(*), max(tick_count) FROM ohlc_candles",
        );
        assert_eq!(stored, [format!("{}|{}", number + 2, number + 1)]);
    }
}

/// The message with the twelve arrays of an upsert.
const UPSERT: Message = Message::ParametersLonger(200);

fn candle(number: i64) -> Candle {
    Candle::new(
        SYMBOL,
        Timeframe::M1,
        PriceBasis::Bid,
        start() + chrono::TimeDelta::minutes(number),
        [Decimal::ONE, Decimal::TWO, Decimal::ONE, Decimal::TWO],
    )
    .tick_count(number)
    .source(CandleSource::Stored("test".to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_16_and_17_symbol_upsert_is_cut_off() {
    let _fault = Fault::begin("fault_16_and_17_symbol_upsert_is_cut_off");
    let site = GatedSite::new(16, |_| ()).await;
    let repository = &site.repositories.symbols;
    let commit = Message::Query("COMMIT");
    for (number, loss) in [Loss::Answer(commit), Loss::Request(commit)]
        .into_iter()
        .enumerate()
    {
        let symbols = ["A", "B"].map(|name| NewSymbol::named("oanda", format!("{name}{number}")));
        site.metadata.lose_next(loss);
        let first = repository.upsert_batch(&symbols).await;
        assert!(site.metadata.has_lost(), "the message never came");
        let ids = |symbols: &[Symbol]| symbols.iter().map(|one| one.symbol_id).collect::<Vec<_>>();
        let again = repository.upsert_batch(&symbols).await.expect("stored");
        match first {
            Ok(first) => assert_eq!(ids(&first), ids(&again)),
            Err(error) => assert!(
                matches!(error, RepositoryError::Ambiguous { .. }),
                "{error:?}"
            ),
        }
        let stored = ask(
            site.url(Database::Metadata),
            "SELECT name FROM symbols ORDER BY symbol_id",
        );
        assert_eq!(stored.len(), 2 * (number + 1), "{stored:?}");
    }
}

/// Batches for `COPY` and for the other statement: current ticks, which one statement commits, and old
/// ticks, which are stored in a transaction.
const BATCHES: [(i64, i64, bool, Message); 4] = [
    (0, 200, true, Message::CopyDone),
    (1_000, 1_010, true, Message::Execute),
    (0, 200, false, Message::Query("COMMIT")),
    (1_000, 1_010, false, Message::Query("COMMIT")),
];

#[tokio::test(flavor = "multi_thread")]
async fn fault_16_answer_to_a_commit_is_lost() {
    let _fault = Fault::begin("fault_16_answer_to_a_commit_is_lost");
    batch_is_lost(Loss::Answer, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_17_commit_is_lost() {
    let _fault = Fault::begin("fault_17_commit_is_lost");
    batch_is_lost(Loss::Request, false).await;
}

async fn batch_is_lost(loss: fn(Message) -> Loss, is_stored: bool) {
    let old = |from, to| ticks(from, to);
    let age = suite::now() - start() - TimeDelta::minutes(30);
    let fresh = |from, to| {
        let shifted = ticks(from, to).into_iter().map(|tick| {
            let time = start() + TimeDelta::seconds(age.num_seconds()) + (tick.tick_time - start());
            tick.with_tick_time(time)
        });
        shifted.collect::<Vec<_>>()
    };
    for (from, to, is_fresh, message) in BATCHES {
        let ticks = |from, to| {
            if is_fresh {
                fresh(from, to)
            } else {
                old(from, to)
            }
        };
        let site = GatedSite::new(16, |_| ()).await;
        let repository = &site.repositories.ticks;
        // prepare the statements
        let before = ticks(from + 500, from + 500 + to - from);
        repository.insert_batch(&before).await.expect("stored");
        let batch = ticks(from, to);
        site.timeseries.lose_next(loss(message));
        let first = repository.insert_batch(&batch).await;
        assert!(site.timeseries.has_lost(), "the message never came");
        match first {
            // the repository may have retried
            Ok(_) => {}
            Err(RepositoryError::Ambiguous { .. }) => {
                if is_stored {
                    let all: Vec<_> = before.iter().chain(&batch).cloned().collect();
                    assert_exact(site.ticks_url(), &all);
                } else {
                    assert_exact(site.ticks_url(), &before);
                }
                let again = repository.insert_batch(&batch).await.expect("stored");
                let expected = if is_stored { 0 } else { batch.len() as u64 };
                assert_eq!(
                    (again.inserted, again.total()),
                    (expected, batch.len() as u64)
                );
            }
            Err(error) => panic!("the outcome is not known: {error:?}"),
        }
        let all: Vec<_> = before.into_iter().chain(batch).collect();
        assert_exact(site.ticks_url(), &all);
    }
}

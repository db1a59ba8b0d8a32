//! Ticks that are taken back, with the candles that know them: beside aggregates, compression,
//! retention and refreshes.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::collections::BTreeSet;

use crate::support::aged::{Aged, SYMBOLS, short_policies, tick};
use crate::support::random::Random;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::db::DatabasePools;
use tickbook::domain::{TimeRange, Timeframe};
use tickbook::postgres::{apply_policies, maintain, refresh_days};
use tickbook::repository::{DeletedTicks, deletable_ticks, delete_ticks};
use tickbook::retention::Span;
use tickbook::{Database, DatabaseUrl, Repositories, RepositoryError};

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

fn range(from: DateTime<Utc>, to: DateTime<Utc>) -> TimeRange {
    TimeRange::new(from, to).expect("ordered")
}

/// Deletes ticks of the first symbol, and forgets them.
async fn delete(aged: &mut Aged, range: TimeRange) -> DeletedTicks {
    let ticks = &*aged.repositories.ticks;
    let counted = deletable_ticks(ticks, SYMBOLS[0], range).await;
    let deleted = delete_ticks(ticks, SYMBOLS[0], range, |_| ()).await;
    let deleted = deleted.expect("deleted");
    assert_eq!(deleted, counted.expect("counted"));
    let before = aged.ticks.len();
    let is_left = |symbol, time| symbol != SYMBOLS[0] || !range.contains(time);
    aged.ticks
        .retain(|tick| is_left(tick.symbol_id, tick.tick_time));
    assert_eq!(deleted.ticks, (before - aged.ticks.len()) as u64);
    deleted
}

async fn refresh_all(aged: &Aged) {
    let days: BTreeSet<_> = (0..12).map(|day| aged.now - TimeDelta::days(day)).collect();
    refresh_days(&aged.db(), days).await.expect("refreshed");
}

fn refresh_by_hand(aged: &mut Aged, timeframe: Timeframe, range: TimeRange) {
    aged.execute(&format!(
        "CALL refresh_continuous_aggregate('ohlc_{timeframe}', timestamptz '{}', timestamptz '{}')",
        range.from().to_rfc3339(),
        range.to().to_rfc3339()
    ));
}

fn table_of(aged: &mut Aged, timeframe: Timeframe) -> String {
    let row: Name = sql_query(format!(
        "SELECT format('%I.%I', materialization_hypertable_schema, \
         materialization_hypertable_name) AS name \
         FROM timescaledb_information.continuous_aggregates \
         WHERE view_schema = current_schema() AND view_name = 'ohlc_{timeframe}'"
    ))
    .get_result(&mut aged.connection)
    .expect("an aggregate");
    row.name
}

/// Compresses every chunk of ticks, and of the candles of aggregates.
fn compress_all(aged: &mut Aged) {
    let set = "timescaledb.compress = true, timescaledb.compress_segmentby = 'symbol_id', \
               timescaledb.compress_orderby =";
    aged.execute(&format!(
        "ALTER TABLE ticks SET ({set} 'tick_time,sequence')"
    ));
    for &timeframe in Timeframe::ALL {
        aged.execute(&format!(
            "ALTER MATERIALIZED VIEW ohlc_{timeframe} SET ({set} 'open_time')"
        ));
        let table = table_of(aged, timeframe);
        aged.execute(&format!(
            "SELECT compress_chunk(c) FROM show_chunks('{table}') AS c"
        ));
    }
    aged.execute("SELECT compress_chunk(c) FROM show_chunks('ticks') AS c");
}

#[tokio::test]
async fn candles_follow_deleted_ticks_at_once() {
    let mut aged = Aged::ten_days().await;
    refresh_all(&aged).await;
    let from = aged.now - TimeDelta::days(6) + TimeDelta::seconds(77);
    let deleted = delete(&mut aged, range(from, from + TimeDelta::minutes(2_500))).await;
    assert!(deleted.candles.get(Timeframe::D1) >= 2, "{deleted:?}");
    aged.assert_whole(Timeframe::ALL).await;
    // the last instant
    let last = aged
        .ticks
        .iter()
        .filter(|tick| tick.symbol_id == SYMBOLS[0]);
    let time = last.map(|tick| tick.tick_time).max().expect("some");
    delete(&mut aged, range(time, time + TimeDelta::microseconds(1))).await;
    aged.assert_whole(Timeframe::ALL).await;
}

#[tokio::test]
async fn refreshes_after_a_delete_keep_candles_right() {
    let mut aged = Aged::ten_days().await;
    if !aged.is_community() {
        return;
    }
    let mut random = Random::seeded();
    refresh_all(&aged).await;
    for _ in 0..4 {
        let minute = random.below(9 * 1_440) as i64;
        let from = aged.now - TimeDelta::days(10) + TimeDelta::minutes(minute);
        let length = TimeDelta::minutes(1 + random.below(900) as i64);
        delete(&mut aged, range(from, from + length)).await;
        for _ in 0..3 {
            let timeframe = Timeframe::ALL[random.below(7) as usize];
            let before = TimeDelta::minutes(random.below(2_000) as i64);
            let after = TimeDelta::minutes(3_000 + random.below(1_500) as i64);
            let window = range(from - before, from + after);
            refresh_by_hand(&mut aged, timeframe, window);
            aged.assert_whole(Timeframe::ALL).await;
        }
    }
    refresh_all(&aged).await;
    aged.assert_materialized();
    aged.assert_whole(Timeframe::ALL).await;
}

#[tokio::test]
async fn larger_candle_is_made_of_what_is_left() {
    let mut aged = Aged::empty().await;
    if !aged.is_community() {
        return;
    }
    let start = Timeframe::D1.bucket_start(aged.now) - TimeDelta::days(3);
    aged.insert(&[tick(SYMBOLS[0], start, 0, 1)]).await;
    refresh_all(&aged).await;
    // the row of five minutes does not know it, and there is no row of its minute
    let late = start + TimeDelta::minutes(2);
    aged.insert(&[tick(SYMBOLS[0], late, 0, 90)]).await;
    delete(&mut aged, range(late, late + TimeDelta::minutes(1))).await;
    let hours = range(start, start + TimeDelta::hours(6));
    refresh_by_hand(&mut aged, Timeframe::M1, hours);
    aged.assert_whole(Timeframe::ALL).await;
}

#[tokio::test]
async fn larger_candle_of_no_smaller_row_goes() {
    let mut aged = Aged::ten_days().await;
    if !aged.is_community() {
        return;
    }
    // made of ticks through views: nothing smaller is refreshed
    let from = Timeframe::D1.bucket_start(aged.now) - TimeDelta::days(7);
    let window = range(from, from + TimeDelta::days(3));
    refresh_by_hand(&mut aged, Timeframe::H1, window);
    let noon = from + TimeDelta::hours(36);
    delete(&mut aged, range(noon, noon + TimeDelta::minutes(95))).await;
    aged.assert_whole(Timeframe::ALL).await;
    for timeframe in [Timeframe::M1, Timeframe::M5, Timeframe::H4] {
        refresh_by_hand(&mut aged, timeframe, window);
        aged.assert_whole(Timeframe::ALL).await;
    }
}

#[tokio::test]
async fn compressed_ticks_are_deleted() {
    let mut aged = Aged::ten_days().await;
    if !aged.is_community() {
        return;
    }
    refresh_all(&aged).await;
    compress_all(&mut aged);
    // a server that lets a transaction decompress one row
    let mut config = aged.schemas.config();
    let url = aged.schemas.url(Database::Timeseries);
    let limit = "timescaledb.max_tuples_decompressed_per_dml_transaction%3D1";
    let limited = match url.contains("options=") {
        true => url.replacen("options=", &format!("options=-c{limit}%20"), 1),
        false => format!("{url}?options=-c{limit}"),
    };
    config.timeseries_url = DatabaseUrl::parse(&limited).expect("a URL");
    aged.repositories = Repositories::postgres(&DatabasePools::new(&config));
    let from = aged.now - TimeDelta::days(6) + TimeDelta::seconds(77);
    delete(&mut aged, range(from, from + TimeDelta::minutes(2_500))).await;
    aged.assert_whole(Timeframe::ALL).await;
    // whole batches and chunks
    let days = range(aged.now - TimeDelta::days(9), aged.now - TimeDelta::days(7));
    delete(&mut aged, days).await;
    aged.assert_whole(Timeframe::ALL).await;
    refresh_all(&aged).await;
    aged.assert_materialized();
    aged.assert_whole(Timeframe::ALL).await;
}

#[tokio::test]
async fn imported_again_ticks_make_the_same_candles() {
    let mut aged = Aged::ten_days().await;
    refresh_all(&aged).await;
    let all = aged.ticks.clone();
    let week = range(aged.now - TimeDelta::days(8), aged.now - TimeDelta::days(1));
    delete(&mut aged, week).await;
    let again: Vec<_> = all
        .iter()
        .filter(|tick| tick.symbol_id == SYMBOLS[0] && week.contains(tick.tick_time))
        .cloned()
        .collect();
    aged.insert(&again).await;
    aged.ticks = all;
    aged.assert_whole(Timeframe::ALL).await;
    refresh_all(&aged).await;
    aged.assert_whole(Timeframe::ALL).await;
    if aged.edition == tickbook::postgres::Edition::Community {
        aged.assert_materialized();
    }
}

#[tokio::test]
async fn ticks_are_deleted_from_the_floor_on() {
    let mut aged = Aged::ten_days().await;
    let policies = short_policies(Span::days(7));
    apply_policies(&aged.db(), &policies)
        .await
        .expect("consistent");
    let report = maintain(&aged.db()).await.expect("maintained");
    assert!(report.dropped_ticks > 0, "{report:?}");
    let floor = "SELECT extract(epoch FROM ticks_dropped_before)::bigint AS number \
                 FROM applied_policies";
    let floor = DateTime::from_timestamp(aged.number(floor), 0).expect("in range");
    let stored = aged.number("SELECT count(*) AS number FROM ticks");
    for from in [floor - TimeDelta::microseconds(1), DateTime::UNIX_EPOCH] {
        let below = range(from, aged.now);
        for refused in [
            aged.repositories
                .ticks
                .delete_range(SYMBOLS[0], below)
                .await,
            aged.repositories.ticks.deletable(SYMBOLS[0], below).await,
        ] {
            let Err(RepositoryError::InvalidInput { reason }) = refused else {
                panic!("{refused:?}");
            };
            assert!(reason.contains(&floor.to_rfc3339()), "{reason}");
        }
    }
    assert_eq!(aged.number("SELECT count(*) AS number FROM ticks"), stored);
    aged.assert_whole(Timeframe::ALL).await;
    // every larger candle that knows ticks of both sides
    delete(&mut aged, range(floor, floor + TimeDelta::minutes(100))).await;
    aged.assert_whole(Timeframe::ALL).await;
    if aged.edition == tickbook::postgres::Edition::Community {
        let window = range(floor - TimeDelta::days(2), floor + TimeDelta::days(2));
        for &timeframe in Timeframe::ALL {
            refresh_by_hand(&mut aged, timeframe, window);
        }
    }
    maintain(&aged.db()).await.expect("maintained");
    aged.assert_whole(Timeframe::ALL).await;
}

#[tokio::test]
async fn candle_that_knows_more_keeps_its_ticks() {
    let mut aged = Aged::ten_days().await;
    if !aged.is_community() {
        return;
    }
    refresh_all(&aged).await;
    // by hand, and then a late tick of a minute whose ticks are gone
    let day = Timeframe::D1.bucket_start(aged.now) - TimeDelta::days(5);
    let of_day = range(day, day + TimeDelta::days(1));
    let gone = aged
        .ticks
        .iter()
        .find(|tick| of_day.contains(tick.tick_time));
    let gone = gone.expect("one a day").clone();
    aged.execute(&format!(
        "SELECT drop_chunks('ticks', older_than => timestamptz '{}', newer_than => timestamptz '{}')",
        of_day.to().to_rfc3339(),
        of_day.from().to_rfc3339()
    ));
    let receipt = aged.repositories.ticks.insert_batch(&[gone]).await;
    assert_eq!(receipt.expect("inserted").inserted, 1);
    let refused = aged
        .repositories
        .ticks
        .delete_range(SYMBOLS[0], of_day)
        .await;
    let Err(RepositoryError::InvalidInput { reason }) = refused else {
        panic!("{refused:?}");
    };
    assert!(reason.contains("counts more ticks"), "{reason}");
    let count = aged.repositories.ticks.count(SYMBOLS[0], of_day).await;
    assert_eq!(count.expect("counted"), 1);
}

#[tokio::test]
async fn refresh_in_flight_is_waited_for() {
    let mut aged = Aged::ten_days().await;
    if !aged.is_community() {
        return;
    }
    refresh_all(&aged).await;
    let from = aged.now - TimeDelta::days(3);
    let part = range(from, from + TimeDelta::hours(1));
    for timeframe in [Timeframe::M1, Timeframe::H4] {
        let table = table_of(&mut aged, timeframe);
        // what a refresh holds once it has begun to write
        let mut other = aged.schemas.connection(Database::Timeseries);
        other
            .batch_execute(&format!(
                "BEGIN; LOCK TABLE ONLY {table} IN ROW EXCLUSIVE MODE"
            ))
            .expect("locked");
        let kept_waiting = aged.repositories.ticks.delete_range(SYMBOLS[0], part).await;
        let error = kept_waiting.expect_err("a refresh is writing");
        assert!(
            error.is_transient() && error.is_certainly_not_applied(),
            "{error:?}"
        );
        other.batch_execute("ROLLBACK").expect("given back");
    }
    assert_eq!(delete(&mut aged, part).await.candles.get(Timeframe::D1), 1);
    aged.assert_whole(Timeframe::ALL).await;
}

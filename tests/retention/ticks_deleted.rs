//! Tests of deleted ticks and of the candles that include them, with aggregates, compression, retention
//! and refreshes.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::collections::BTreeSet;

use crate::support::random::Random;
use crate::support::ten_day_history::{SYMBOLS, TenDayHistory, short_policies, tick};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::db::DatabasePools;
use tickbook::domain::{TimeRange, Timeframe};
use tickbook::postgres::{apply_policies, maintain, refresh_days};
use tickbook::repository::{DeletedTicks, deletable_ticks, delete_ticks};
use tickbook::retention::PolicyDuration;
use tickbook::{Database, DatabaseUrl, Repositories, RepositoryError};

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

fn range(from: DateTime<Utc>, to: DateTime<Utc>) -> TimeRange {
    TimeRange::new(from, to).expect("ordered")
}

/// Deletes ticks of the first symbol, and removes them from the history.
async fn delete(history: &mut TenDayHistory, range: TimeRange) -> DeletedTicks {
    let ticks = &*history.repositories.ticks;
    let counted = deletable_ticks(ticks, SYMBOLS[0], range).await;
    let deleted = delete_ticks(ticks, SYMBOLS[0], range, |_| ()).await;
    let deleted = deleted.expect("deleted");
    assert_eq!(deleted, counted.expect("counted"));
    let before = history.ticks.len();
    let is_left = |symbol, time| symbol != SYMBOLS[0] || !range.contains(time);
    history
        .ticks
        .retain(|tick| is_left(tick.symbol_id, tick.tick_time));
    assert_eq!(deleted.ticks, (before - history.ticks.len()) as u64);
    deleted
}

async fn refresh_all(history: &TenDayHistory) {
    let days: BTreeSet<_> = (0..12)
        .map(|day| history.now - TimeDelta::days(day))
        .collect();
    refresh_days(&history.db(), days).await.expect("refreshed");
}

fn refresh_by_hand(history: &mut TenDayHistory, timeframe: Timeframe, range: TimeRange) {
    history.execute(&format!(
        "CALL refresh_continuous_aggregate('ohlc_{timeframe}', timestamptz '{}', timestamptz '{}')",
        range.start().to_rfc3339(),
        range.end().to_rfc3339()
    ));
}

fn table_of(history: &mut TenDayHistory, timeframe: Timeframe) -> String {
    let row: Name = sql_query(format!(
        "SELECT format('%I.%I', materialization_hypertable_schema, \
         materialization_hypertable_name) AS name \
         FROM timescaledb_information.continuous_aggregates \
         WHERE view_schema = current_schema() AND view_name = 'ohlc_{timeframe}'"
    ))
    .get_result(&mut history.connection)
    .expect("an aggregate");
    row.name
}

/// Compresses every chunk of ticks, and of the candles of aggregates.
fn compress_all(history: &mut TenDayHistory) {
    let set = "timescaledb.compress = true, timescaledb.compress_segmentby = 'symbol_id', \
               timescaledb.compress_orderby =";
    history.execute(&format!(
        "ALTER TABLE ticks SET ({set} 'tick_time,sequence')"
    ));
    for &timeframe in Timeframe::ALL {
        history.execute(&format!(
            "ALTER MATERIALIZED VIEW ohlc_{timeframe} SET ({set} 'open_time')"
        ));
        let table = table_of(history, timeframe);
        history.execute(&format!(
            "SELECT compress_chunk(c) FROM show_chunks('{table}') AS c"
        ));
    }
    history.execute("SELECT compress_chunk(c) FROM show_chunks('ticks') AS c");
}

#[tokio::test]
async fn candles_follow_deleted_ticks_at_once() {
    let mut history = TenDayHistory::ten_days().await;
    refresh_all(&history).await;
    let from = history.now - TimeDelta::days(6) + TimeDelta::seconds(77);
    let deleted = delete(&mut history, range(from, from + TimeDelta::minutes(2_500))).await;
    assert!(deleted.candles.get(Timeframe::D1) >= 2, "{deleted:?}");
    history.assert_whole(Timeframe::ALL).await;
    // the last instant of the ticks
    let last = history
        .ticks
        .iter()
        .filter(|tick| tick.symbol_id == SYMBOLS[0]);
    let time = last.map(|tick| tick.tick_time).max().expect("some");
    delete(&mut history, range(time, time + TimeDelta::microseconds(1))).await;
    history.assert_whole(Timeframe::ALL).await;
}

#[tokio::test]
async fn refreshes_after_a_delete_keep_candles_right() {
    let mut history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        return;
    }
    let mut random = Random::seeded();
    refresh_all(&history).await;
    for _ in 0..4 {
        let minute = random.below(9 * 1_440) as i64;
        let from = history.now - TimeDelta::days(10) + TimeDelta::minutes(minute);
        let length = TimeDelta::minutes(1 + random.below(900) as i64);
        delete(&mut history, range(from, from + length)).await;
        for _ in 0..3 {
            let timeframe = Timeframe::ALL[random.below(7) as usize];
            let before = TimeDelta::minutes(random.below(2_000) as i64);
            let after = TimeDelta::minutes(3_000 + random.below(1_500) as i64);
            let window = range(from - before, from + after);
            refresh_by_hand(&mut history, timeframe, window);
            history.assert_whole(Timeframe::ALL).await;
        }
    }
    refresh_all(&history).await;
    history.assert_materialized();
    history.assert_whole(Timeframe::ALL).await;
}

#[tokio::test]
async fn larger_candle_is_rebuilt_from_the_remaining_ticks() {
    let mut history = TenDayHistory::empty().await;
    if !history.is_community() {
        return;
    }
    let start = Timeframe::D1.bucket_start(history.now) - TimeDelta::days(3);
    history.insert(&[tick(SYMBOLS[0], start, 0, 1)]).await;
    refresh_all(&history).await;
    // the row of five minutes does not include the tick, and its minute has no row
    let late = start + TimeDelta::minutes(2);
    history.insert(&[tick(SYMBOLS[0], late, 0, 90)]).await;
    delete(&mut history, range(late, late + TimeDelta::minutes(1))).await;
    let hours = range(start, start + TimeDelta::hours(6));
    refresh_by_hand(&mut history, Timeframe::M1, hours);
    history.assert_whole(Timeframe::ALL).await;
}

#[tokio::test]
async fn larger_candle_without_smaller_rows_is_deleted() {
    let mut history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        return;
    }
    // computed from ticks through real-time aggregates, since nothing smaller is refreshed
    let from = Timeframe::D1.bucket_start(history.now) - TimeDelta::days(7);
    let window = range(from, from + TimeDelta::days(3));
    refresh_by_hand(&mut history, Timeframe::H1, window);
    let noon = from + TimeDelta::hours(36);
    delete(&mut history, range(noon, noon + TimeDelta::minutes(95))).await;
    history.assert_whole(Timeframe::ALL).await;
    for timeframe in [Timeframe::M1, Timeframe::M5, Timeframe::H4] {
        refresh_by_hand(&mut history, timeframe, window);
        history.assert_whole(Timeframe::ALL).await;
    }
}

#[tokio::test]
async fn compressed_ticks_are_deleted() {
    let mut history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        return;
    }
    refresh_all(&history).await;
    compress_all(&mut history);
    // a setting of the server that lets a transaction decompress only one row
    let mut config = history.schemas.config();
    let url = history.schemas.url(Database::Timeseries);
    let limit = "timescaledb.max_tuples_decompressed_per_dml_transaction%3D1";
    let limited = match url.contains("options=") {
        true => url.replacen("options=", &format!("options=-c{limit}%20"), 1),
        false => format!("{url}?options=-c{limit}"),
    };
    config.timeseries_url = DatabaseUrl::parse(&limited).expect("a URL");
    history.repositories = Repositories::postgres(&DatabasePools::new(&config));
    let from = history.now - TimeDelta::days(6) + TimeDelta::seconds(77);
    delete(&mut history, range(from, from + TimeDelta::minutes(2_500))).await;
    history.assert_whole(Timeframe::ALL).await;
    // whole batches and chunks
    let days = range(
        history.now - TimeDelta::days(9),
        history.now - TimeDelta::days(7),
    );
    delete(&mut history, days).await;
    history.assert_whole(Timeframe::ALL).await;
    refresh_all(&history).await;
    history.assert_materialized();
    history.assert_whole(Timeframe::ALL).await;
}

#[tokio::test]
async fn reimported_ticks_give_the_same_candles() {
    let mut history = TenDayHistory::ten_days().await;
    refresh_all(&history).await;
    let all = history.ticks.clone();
    let week = range(
        history.now - TimeDelta::days(8),
        history.now - TimeDelta::days(1),
    );
    delete(&mut history, week).await;
    let again: Vec<_> = all
        .iter()
        .filter(|tick| tick.symbol_id == SYMBOLS[0] && week.contains(tick.tick_time))
        .cloned()
        .collect();
    history.insert(&again).await;
    history.ticks = all;
    history.assert_whole(Timeframe::ALL).await;
    refresh_all(&history).await;
    history.assert_whole(Timeframe::ALL).await;
    if history.edition == tickbook::postgres::Edition::Community {
        history.assert_materialized();
    }
}

#[tokio::test]
async fn ticks_are_deleted_from_the_floor_on() {
    let mut history = TenDayHistory::ten_days().await;
    let policies = short_policies(PolicyDuration::days(7));
    apply_policies(&history.db(), &policies)
        .await
        .expect("consistent");
    let report = maintain(&history.db()).await.expect("maintained");
    assert!(report.dropped_ticks > 0, "{report:?}");
    let floor = "SELECT extract(epoch FROM ticks_dropped_before)::bigint AS number \
                 FROM applied_policies";
    let floor = DateTime::from_timestamp(history.number(floor), 0).expect("in range");
    let stored = history.number("SELECT count(*) AS number FROM ticks");
    for from in [floor - TimeDelta::microseconds(1), DateTime::UNIX_EPOCH] {
        let below = range(from, history.now);
        for refused in [
            history
                .repositories
                .ticks
                .delete_range(SYMBOLS[0], below)
                .await,
            history
                .repositories
                .ticks
                .deletable(SYMBOLS[0], below)
                .await,
        ] {
            let Err(RepositoryError::InvalidInput { reason }) = refused else {
                panic!("{refused:?}");
            };
            assert!(reason.contains(&floor.to_rfc3339()), "{reason}");
        }
    }
    assert_eq!(
        history.number("SELECT count(*) AS number FROM ticks"),
        stored
    );
    history.assert_whole(Timeframe::ALL).await;
    // every larger candle that includes ticks before and after the floor
    delete(&mut history, range(floor, floor + TimeDelta::minutes(100))).await;
    history.assert_whole(Timeframe::ALL).await;
    if history.edition == tickbook::postgres::Edition::Community {
        let window = range(floor - TimeDelta::days(2), floor + TimeDelta::days(2));
        for &timeframe in Timeframe::ALL {
            refresh_by_hand(&mut history, timeframe, window);
        }
    }
    maintain(&history.db()).await.expect("maintained");
    history.assert_whole(Timeframe::ALL).await;
}

#[tokio::test]
async fn candle_that_counts_more_ticks_keeps_its_ticks() {
    let mut history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        return;
    }
    refresh_all(&history).await;
    // ticks are dropped by hand, then a late tick arrives in a minute whose ticks were dropped
    let day = Timeframe::D1.bucket_start(history.now) - TimeDelta::days(5);
    let of_day = range(day, day + TimeDelta::days(1));
    let gone = history
        .ticks
        .iter()
        .find(|tick| of_day.contains(tick.tick_time));
    let gone = gone.expect("one a day").clone();
    history.execute(&format!(
        "SELECT drop_chunks('ticks', older_than => timestamptz '{}', newer_than => timestamptz '{}')",
        of_day.end().to_rfc3339(),
        of_day.start().to_rfc3339()
    ));
    let receipt = history.repositories.ticks.insert_batch(&[gone]).await;
    assert_eq!(receipt.expect("inserted").inserted, 1);
    let refused = history
        .repositories
        .ticks
        .delete_range(SYMBOLS[0], of_day)
        .await;
    let Err(RepositoryError::InvalidInput { reason }) = refused else {
        panic!("{refused:?}");
    };
    assert!(reason.contains("counts more ticks"), "{reason}");
    let count = history.repositories.ticks.count(SYMBOLS[0], of_day).await;
    assert_eq!(count.expect("counted"), 1);
}

#[tokio::test]
async fn running_refresh_is_awaited() {
    let mut history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        return;
    }
    refresh_all(&history).await;
    let from = history.now - TimeDelta::days(3);
    let part = range(from, from + TimeDelta::hours(1));
    for timeframe in [Timeframe::M1, Timeframe::H4] {
        let table = table_of(&mut history, timeframe);
        // the lock that a refresh holds when it has begun to write
        let mut other = history.schemas.connection(Database::Timeseries);
        other
            .batch_execute(&format!(
                "BEGIN; LOCK TABLE ONLY {table} IN ROW EXCLUSIVE MODE"
            ))
            .expect("locked");
        let kept_waiting = history
            .repositories
            .ticks
            .delete_range(SYMBOLS[0], part)
            .await;
        let error = kept_waiting.expect_err("a refresh is writing");
        assert!(
            error.is_transient() && error.is_certainly_not_applied(),
            "{error:?}"
        );
        other.batch_execute("ROLLBACK").expect("given back");
    }
    assert_eq!(
        delete(&mut history, part).await.candles.get(Timeframe::D1),
        1
    );
    history.assert_whole(Timeframe::ALL).await;
}

//! Tests that an accepted tick stays in its candle: the transaction that stores ticks checks the floor,
//! and ticks are dropped only when their candles include them.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::time::{Duration, Instant};

use crate::support::ten_day_history::{SYMBOLS, TenDayHistory, short_policies, tick};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Bool;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::Database;
use tickbook::domain::Timeframe;
use tickbook::postgres::{
    MaintenanceReport, apply_policies, maintain, policy_status, refresh_days,
};
use tickbook::retention::{PolicyDuration, RetentionPolicies};

const TICKS: &str = "SELECT count(*) AS number FROM ticks";
const CHANGES: &str = "SELECT count(*) AS number \
    FROM _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log \
    JOIN _timescaledb_catalog.continuous_agg ON hypertable_id = raw_hypertable_id \
    WHERE user_view_schema = current_schema() AND user_view_name = 'ohlc_1m'";

async fn maintained(history: &TenDayHistory) -> MaintenanceReport {
    maintain(&history.db()).await.expect("maintained")
}

/// Simulates that `seconds` have passed, by dropping ticks that much earlier.
fn let_pass(history: &mut TenDayHistory, seconds: i64) {
    history.execute(&format!(
        "UPDATE applied_policies SET ticks_drop_after_seconds = ticks_drop_after_seconds - {seconds}"
    ));
}

/// Policies with chunks of an hour. The chunk that ends at the returned time is due in `seconds`.
fn until_chunk_ends(now: DateTime<Utc>, seconds: i64) -> (RetentionPolicies, DateTime<Utc>) {
    let end = Timeframe::H1.bucket_start(now) - TimeDelta::days(7);
    let mut policies = short_policies(PolicyDuration::seconds((now - end).num_seconds() + seconds));
    policies.ticks.chunk = PolicyDuration::hours(1);
    (policies, end)
}

#[tokio::test]
async fn tick_accepted_above_the_floor_stays_in_its_candle() {
    let mut history = TenDayHistory::empty().await;
    let (policies, end) = until_chunk_ends(history.now, 600);
    apply_policies(&history.db(), &policies)
        .await
        .expect("consistent");
    let second = TimeDelta::seconds(1);
    let first = tick(SYMBOLS[0], end - second, 0, 1);
    history.insert(std::slice::from_ref(&first)).await;
    let report = maintained(&history).await;
    assert_eq!((report.backlog.days, report.dropped_ticks), (0, 0));
    if history.is_community() {
        assert_eq!(report.refreshed.len(), 7);
        history.assert_materialized();
    }
    let second_one = tick(SYMBOLS[0], end - second, 1, 60);
    history.insert(std::slice::from_ref(&second_one)).await;
    let_pass(&mut history, 660);
    let report = maintained(&history).await;
    assert_eq!((report.dropped_ticks, &*report.left), (1, &[][..]));
    assert_eq!(history.number(TICKS), 0);
    history.assert_whole(&[Timeframe::M1, Timeframe::D1]).await;
    // no tick is accepted there any more
    let receipt = history.repositories.ticks.insert_batch(&[first]).await;
    assert_eq!(receipt.expect("a receipt").rejected.len(), 1);
}

#[tokio::test]
async fn tick_right_after_apply_is_refused() {
    let mut history = TenDayHistory::ten_days().await;
    let old = |sequence| tick(SYMBOLS[0], history.now - TimeDelta::days(8), sequence, 1);
    let (before, after) = (old(7), old(8));
    // the writer has just read that there are no policies
    history.insert(&[before]).await;
    apply_policies(&history.db(), &short_policies(PolicyDuration::days(7)))
        .await
        .expect("consistent");
    let receipt = history.repositories.ticks.insert_batch(&[after]).await;
    let receipt = receipt.expect("a receipt");
    assert_eq!((receipt.inserted, receipt.rejected.len()), (0, 1));
    maintained(&history).await;
    history.assert_whole(&[Timeframe::M1, Timeframe::D1]).await;
}

#[tokio::test]
async fn floor_is_raised_after_the_writers_before_it() {
    let mut history = TenDayHistory::ten_days().await;
    apply_policies(&history.db(), &short_policies(PolicyDuration::days(7)))
        .await
        .expect("consistent");
    // a writer that has read the floor and has not stored yet
    let mut writer = history.schemas.connection(Database::Timeseries);
    writer
        .batch_execute(
            "BEGIN; SELECT pg_advisory_xact_lock_shared(\
             hashtextextended('tickbook retention floor ' || current_schema(), 0))",
        )
        .expect("begun");
    let db = history.db();
    let maintaining = tokio::spawn(async move { maintain(&db).await });
    let waiting = "SELECT count(*) AS number FROM pg_locks \
                   WHERE locktype = 'advisory' AND NOT granted";
    let deadline = Instant::now() + Duration::from_secs(60);
    while history.number(waiting) == 0 {
        assert!(Instant::now() < deadline, "the maintenance does not wait");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let late = tick(SYMBOLS[0], history.now - TimeDelta::days(9), 7, 1);
    let time = late.tick_time.to_rfc3339();
    let numbers = [late.bid_price, late.ask_price, late.bid_volume];
    let [bid, ask, volume] = numbers.map(|number| number.expect("known"));
    writer
        .batch_execute(&format!(
            "INSERT INTO ticks (symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, \
             ask_volume) VALUES (7, '{time}', 7, {bid}, {ask}, {volume}, NULL); COMMIT"
        ))
        .expect("stored");
    history.ticks.push(late);
    history
        .ticks
        .sort_by_key(|tick| (tick.symbol_id, tick.tick_time, tick.sequence));
    let report = maintaining.await.expect("no panic").expect("maintained");
    assert!(report.dropped_ticks > 0, "{report:?}");
    history.assert_whole(&[Timeframe::M1, Timeframe::D1]).await;
}

#[tokio::test]
async fn writer_of_old_ticks_waits_for_the_floor() {
    let mut history = TenDayHistory::ten_days().await;
    apply_policies(&history.db(), &short_policies(PolicyDuration::days(9)))
        .await
        .expect("consistent");
    // another session raises the floor
    let mut other = history.schemas.connection(Database::Timeseries);
    other
        .batch_execute(
            "BEGIN; SELECT pg_advisory_xact_lock(\
             hashtextextended('tickbook retention floor ' || current_schema(), 0)); \
             UPDATE applied_policies SET ticks_refused_before = now() - INTERVAL '7 days'",
        )
        .expect("begun");
    for sizes in [100, 10, 1] {
        let ticks: Vec<_> = (0..sizes)
            .map(|n| tick(SYMBOLS[0], history.now - TimeDelta::days(8), 7 + n, 1))
            .collect();
        let repository = std::sync::Arc::clone(&history.repositories.ticks);
        let writing = tokio::spawn(async move { repository.insert_batch(&ticks).await });
        let waiting = "SELECT count(*) AS number FROM pg_locks WHERE NOT granted \
                       AND locktype = 'advisory' AND mode = 'ShareLock'";
        let deadline = Instant::now() + Duration::from_secs(60);
        while history.number(waiting) == 0 && !writing.is_finished() {
            assert!(Instant::now() < deadline, "the writer does not wait");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // later writers find the lock free and the floor raised
        other.batch_execute("COMMIT").expect("raised");
        let receipt = writing.await.expect("no panic").expect("a receipt");
        assert_eq!(
            (receipt.inserted, receipt.rejected.len()),
            (0, sizes as usize)
        );
    }
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

#[tokio::test]
async fn running_refresh_delays_the_drop_of_ticks() {
    let mut history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        return;
    }
    let has_batches: Answer = sql_query(
        "SELECT EXISTS (SELECT FROM pg_proc WHERE proname = 'refresh_continuous_aggregate' \
         AND 'options' = ANY(proargnames)) AS answer",
    )
    .get_result(&mut history.connection)
    .expect("an answer");
    if !has_batches.answer {
        suite::skip("this release has no refresh in batches");
        return;
    }
    apply_policies(&history.db(), &short_policies(PolicyDuration::days(7)))
        .await
        .expect("consistent");
    let candles = history.minute_candles();
    // newest first, so that the chunk that is due is refreshed last
    let mut by_hand = history.schemas.connection(Database::Timeseries);
    let refreshing = std::thread::spawn(move || {
        let call = "CALL refresh_continuous_aggregate('ohlc_1m', now() - INTERVAL '11 days', \
             now() - INTERVAL '6 days', force => true, options => '{\"buckets_per_batch\": 5}')";
        loop {
            match by_hand.batch_execute(call) {
                // the other refresh removed a row of the catalog that this one was about to remove
                Err(error) if error.to_string().starts_with("tuple concurrently ") => {}
                done => return done,
            }
        }
    });
    let begun = "SELECT count(*) AS number FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) \
                 WHERE a.pid <> pg_backend_pid() AND query LIKE 'CALL refresh%buckets_per_batch%' \
                 AND l.relation = 'ticks'::regclass";
    let deadline = Instant::now() + Duration::from_secs(60);
    while history.number(begun) == 0 {
        assert!(Instant::now() < deadline, "it never began");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let report = maintained(&history).await;
    println!("{report:?}, it is over: {}", refreshing.is_finished());
    refreshing.join().expect("no panic").expect("refreshed");
    history
        .execute("CALL refresh_continuous_aggregate('ohlc_1m', now() - INTERVAL '1 day', now())");
    assert!(history.minute_candles() >= candles, "candles were erased");
    history.assert_whole(&[Timeframe::M1, Timeframe::D1]).await;
    // the next run drops it at the latest
    let next = maintained(&history).await;
    assert!(report.dropped_ticks + next.dropped_ticks >= 2, "{next:?}");
    history.assert_whole(&[Timeframe::M1, Timeframe::D1]).await;
}

#[tokio::test]
async fn refresh_after_a_drop_erases_no_candle() {
    let mut history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        return;
    }
    apply_policies(&history.db(), &short_policies(PolicyDuration::days(7)))
        .await
        .expect("consistent");
    assert!(maintained(&history).await.dropped_ticks > 0);
    let candles = history.minute_candles();
    let refresh = |timeframe: Timeframe| {
        format!("CALL refresh_continuous_aggregate('ohlc_{timeframe}', NULL, NULL, force => true)")
    };
    for &timeframe in Timeframe::ALL {
        history.execute(&refresh(timeframe));
    }
    assert_eq!(history.minute_candles(), candles);
    history.execute("SELECT compress_chunk(chunk, if_not_compressed => true) FROM show_chunks('ohlc_1m') AS chunk");
    for &timeframe in Timeframe::ALL {
        history.execute(&refresh(timeframe));
    }
    assert_eq!(history.minute_candles(), candles);
    history.assert_whole(Timeframe::ALL).await;
    // candles above the floor can be deleted
    let table = minutes(&mut history);
    let deleted = format!("DELETE FROM {table}");
    history.execute(&deleted);
    assert!(history.minute_candles() < candles);
}

#[tokio::test]
async fn wrong_candle_is_rebuilt_before_ticks_are_dropped() {
    let mut history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        return;
    }
    apply_policies(&history.db(), &short_policies(PolicyDuration::days(7)))
        .await
        .expect("consistent");
    let table = minutes(&mut history);
    history.execute(&format!(
        "DELETE FROM {table} WHERE open_time = (SELECT min(open_time) FROM {table})"
    ));
    let report = maintained(&history).await;
    assert!(
        report.dropped_ticks >= 2 && report.left.is_empty(),
        "{report:?}"
    );
    history.assert_materialized();
}

#[tokio::test]
async fn ticks_stay_while_their_candles_are_locked() {
    let mut history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        return;
    }
    apply_policies(&history.db(), &short_policies(PolicyDuration::days(7)))
        .await
        .expect("consistent");
    let table = minutes(&mut history);
    let mut other = history.schemas.connection(Database::Timeseries);
    other
        .batch_execute(&format!(
            "BEGIN; LOCK TABLE ONLY {table} IN SHARE UPDATE EXCLUSIVE MODE"
        ))
        .expect("locked");
    let report = maintained(&history).await;
    assert_eq!((report.dropped_ticks, report.left.len()), (0, 1));
    assert!(report.left[0].reason.contains("locked"), "{report:?}");
    assert_eq!(history.number(TICKS), history.ticks.len() as i64);
    other.batch_execute("COMMIT").expect("released");
    let report = maintained(&history).await;
    assert!(
        report.dropped_ticks >= 2 && report.left.is_empty(),
        "{report:?}"
    );
    history.assert_whole(&[Timeframe::M1, Timeframe::D1]).await;
}

#[tokio::test]
async fn ticks_stay_where_their_candles_count_more() {
    let mut history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        return;
    }
    apply_policies(&history.db(), &short_policies(PolicyDuration::days(9)))
        .await
        .expect("consistent");
    let hour = history.ticks[0].tick_time.to_rfc3339();
    history.execute(&format!(
        "SELECT drop_chunks('ticks', older_than => timestamptz '{hour}' + INTERVAL '1 day 1 minute')"
    ));
    history.execute(&format!(
        "INSERT INTO ticks (symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, \
         ask_volume) VALUES (7, '{hour}', 9, 9, 9, 0, 0)"
    ));
    let_pass(&mut history, 2 * 86_400);
    let report = maintained(&history).await;
    assert_eq!((report.dropped_ticks, report.left.len()), (0, 1));
    let reason = &report.left[0].reason;
    assert!(reason.contains("symbol 7 at "), "{reason}");
}

#[tokio::test]
async fn candles_of_all_timeframes_are_dropped_at_once() {
    let history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        return;
    }
    let mut policies = short_policies(PolicyDuration::days(7));
    policies.candles.chunk = PolicyDuration::days(1);
    policies.candles.drop_after = Some(PolicyDuration::days(8));
    policies.candles.compress_after = None;
    apply_policies(&history.db(), &policies)
        .await
        .expect("consistent");
    let days = history.ticks.iter().map(|tick| tick.tick_time).collect();
    refresh_days(&history.db(), days).await.expect("refreshed");
    let report = maintained(&history).await;
    assert!(
        report.dropped_candles >= 7 && report.left.is_empty(),
        "{report:?}"
    );
    let applied = policy_status(&history.db()).await.expect("answers").applied;
    let cut = applied.and_then(|applied| applied.candles.dropped_before);
    let cut = cut.expect("candles were dropped");
    assert_eq!(Timeframe::D1.bucket_start(cut), cut);
    for &timeframe in Timeframe::ALL {
        let candles = history
            .candles(timeframe, tickbook::domain::PriceBasis::Mid)
            .await;
        let first = candles.iter().map(|candle| candle.open_time).min();
        let expected = history.ticks.iter().filter(|tick| tick.tick_time >= cut);
        let expected = expected
            .map(|tick| timeframe.bucket_start(tick.tick_time))
            .min();
        assert_eq!(first, expected, "{timeframe}");
    }
}

#[tokio::test]
async fn change_log_is_emptied_without_policies() {
    let mut history = TenDayHistory::empty().await;
    if !history.is_community() {
        return;
    }
    let fill = |number: i64| {
        format!(
            "INSERT INTO _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log \
             SELECT raw_hypertable_id, 1000000::bigint * n, 1000000::bigint * n FROM generate_series(1, {number}) AS n, \
             _timescaledb_catalog.continuous_agg \
             WHERE user_view_schema = current_schema() AND user_view_name = 'ohlc_1m'"
        )
    };
    history.execute(&fill(10_000));
    maintained(&history).await;
    assert_eq!(history.number(CHANGES), 10_000, "few are left alone");
    history.execute(&fill(1));
    maintained(&history).await;
    assert_eq!(history.number(CHANGES), 0);
}

/// The materialization table of `ohlc_1m`.
fn minutes(history: &mut TenDayHistory) -> String {
    let number = history.number(
        "SELECT mat_hypertable_id::bigint AS number FROM _timescaledb_catalog.continuous_agg \
         WHERE user_view_schema = current_schema() AND user_view_name = 'ohlc_1m'",
    );
    format!("_timescaledb_internal._materialized_hypertable_{number}")
}

//! Tests that each page shows one instant while ticks are deleted and imported again, beside manual
//! refreshes. Community edition only.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::support::random::Random;
use crate::support::ten_day_history::{SYMBOLS, TenDayHistory};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::db::ScratchSchemas;
use tickbook::domain::{
    Candle, PageLimit, PriceBasis, SymbolId, Tick, TimeRange, Timeframe, fold_ticks,
};
use tickbook::postgres::refresh_days;
use tickbook::repository::{CandleQuery, delete_ticks};
use tickbook::{Database, Repositories};

const SYMBOL: SymbolId = SYMBOLS[0];
const ROUNDS: usize = 80;
const READERS: u64 = 2;

/// The stored ticks before and after each change; the last change may not have happened yet.
#[derive(Debug)]
struct States {
    states: Vec<Arc<Vec<Tick>>>,
    /// The number of completed changes.
    done: usize,
}

struct Shared {
    states: Mutex<States>,
    is_over: AtomicBool,
}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut States) -> T) -> T {
        work(&mut self.states.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::SeqCst)
    }
}

fn folded(ticks: &[Tick], timeframe: Timeframe, basis: PriceBasis) -> Vec<Candle> {
    fold_ticks(ticks, timeframe, basis, suite::now()).expect("the numbers fit")
}

async fn read(shared: Arc<Shared>, repositories: Repositories, mut random: Random) -> u64 {
    let mut reads = 0;
    while shared.goes_on() {
        let timeframe = Timeframe::ALL[random.below(7) as usize];
        let basis = PriceBasis::OF_TICKS[random.below(3) as usize];
        let query =
            CandleQuery::new(SYMBOL, timeframe, basis, TimeRange::all()).limit(PageLimit::MAX);
        let before = shared.with(|states| states.done);
        let page = repositories.ohlc.candles(&query).await;
        let after = shared.with(|states| states.states.len());
        // a read fails if chunks change during ten attempts
        let Ok(page) = page else { continue };
        let may_be: Vec<_> = shared.with(|states| {
            states.states[before..after]
                .iter()
                .map(Arc::clone)
                .collect()
        });
        // `closed` depends on the time of the read
        let read: Vec<_> = page
            .items
            .into_iter()
            .map(|it| (it.open_time, it.close, it.volume, it.tick_count))
            .collect();
        let is_one = may_be.iter().any(|ticks| {
            let made = folded(ticks, timeframe, basis).into_iter();
            read.iter()
                .copied()
                .eq(made.map(|it| (it.open_time, it.close, it.volume, it.tick_count)))
        });
        assert!(
            is_one,
            "{timeframe} {basis} candles are of none of {} instants",
            may_be.len()
        );
        reads += 1;
    }
    reads
}

/// Refreshes random windows of random aggregates. Returns the number of refreshes.
fn refresh(
    shared: &Shared,
    schemas: &ScratchSchemas,
    now: DateTime<Utc>,
    mut random: Random,
) -> u64 {
    let mut connection = schemas.connection(Database::Timeseries);
    let mut refreshes = 0;
    while shared.goes_on() {
        let timeframe = Timeframe::ALL[random.below(7) as usize];
        let from = now - TimeDelta::minutes(random.below(10 * 1_440) as i64);
        let to = from + TimeDelta::minutes(2_880 + random.below(2_880) as i64);
        let call = format!(
            "CALL refresh_continuous_aggregate('ohlc_{timeframe}', timestamptz '{}', \
             timestamptz '{}', force => {})",
            from.to_rfc3339(),
            to.to_rfc3339(),
            random.below(2) == 0
        );
        // a refresh beside a delete may fail, and then changes nothing
        refreshes += u64::from(connection.batch_execute(&call).is_ok());
    }
    refreshes
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    text: String,
}

fn text(connection: &mut PgConnection, query: &str) -> String {
    let row: Row = sql_query(query).get_result(connection).expect("a row");
    row.text
}

/// Waits until `query` returns `t`.
async fn until(connection: &mut PgConnection, query: &str) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while text(connection, query) != "t" {
        assert!(std::time::Instant::now() < deadline, "{query}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn refresh_beside_a_delete_uses_the_remaining_ticks() {
    let mut history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        return;
    }
    // the smaller aggregates have no row for which a refresh could wait
    let day = Timeframe::D1.bucket_start(history.now) - TimeDelta::days(3);
    let window = |timeframe| {
        let (from, to) = (day.to_rfc3339(), (day + TimeDelta::days(1)).to_rfc3339());
        format!("CALL refresh_continuous_aggregate('ohlc_{timeframe}', '{from}', '{to}')")
    };
    history.execute(&window("1d"));
    let of_days = text(
        &mut history.connection,
        "SELECT format('%I.%I', materialization_hypertable_schema, \
         materialization_hypertable_name) AS text FROM timescaledb_information.continuous_aggregates \
         WHERE view_schema = current_schema() AND view_name = 'ohlc_1d'",
    );
    history.execute(&format!("BEGIN; SELECT FROM {of_days} FOR UPDATE"));
    let mut looks = history.schemas.connection(Database::Timeseries);
    let repositories = history.repositories.clone();
    let range = TimeRange::new(day, day + TimeDelta::hours(20)).expect("ordered");
    let delete =
        tokio::spawn(
            async move { delete_ticks(&*repositories.ticks, SYMBOL, range, |_| ()).await },
        );
    // the delete has deleted the ticks, and waits for the row of the day
    let waits = format!(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
         AND query LIKE 'DELETE FROM {of_days}%')::text::char(1)::text AS text"
    );
    until(&mut looks, &waits).await;
    let mut by_hand = history.schemas.connection(Database::Timeseries);
    let pid = text(&mut by_hand, "SELECT pg_backend_pid()::text AS text");
    let call = window("1m");
    let refresh = std::thread::spawn(move || by_hand.batch_execute(&call));
    until(
        &mut looks,
        &format!(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {pid} \
             AND (wait_event_type = 'Lock' OR state = 'idle' AND query LIKE 'CALL%'))::text::char(1)::text AS text"
        ),
    )
    .await;
    history.execute("ROLLBACK");
    refresh.join().expect("no panic").expect("refreshed");
    let deleted = delete.await.expect("no panic").expect("deleted");
    history
        .ticks
        .retain(|tick| tick.symbol_id != SYMBOL || !range.contains(tick.tick_time));
    assert!(deleted.ticks > 0);
    history.assert_whole(Timeframe::ALL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn candles_beside_deletes_are_consistent() {
    let history = TenDayHistory::ten_days().await;
    if !history.is_community() {
        return;
    }
    let mut random = Random::seeded();
    let days: BTreeSet<_> = (0..12)
        .map(|day| history.now - TimeDelta::days(day))
        .collect();
    refresh_days(&history.db(), days).await.expect("refreshed");
    let of_symbol = history.ticks.iter().filter(|tick| tick.symbol_id == SYMBOL);
    let mut stored: Vec<Tick> = of_symbol.cloned().collect();
    let shared = Arc::new(Shared {
        states: Mutex::new(States {
            states: vec![Arc::new(stored.clone())],
            done: 0,
        }),
        is_over: AtomicBool::new(false),
    });
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..READERS {
        let seed = random.below(u64::MAX);
        let repositories = Repositories::postgres(&history.pools);
        readers.spawn(read(Arc::clone(&shared), repositories, Random::of(seed)));
    }
    let (beside, seed, now) = (Arc::clone(&shared), random.below(u64::MAX), history.now);
    let schemas = Arc::new(history.schemas);
    let of_thread = Arc::clone(&schemas);
    let hand = std::thread::spawn(move || refresh(&beside, &of_thread, now, Random::of(seed)));

    let ticks = &*history.repositories.ticks;
    for _ in 0..ROUNDS {
        // within one day, so that the delete is one part
        let day = Timeframe::D1.bucket_start(now) - TimeDelta::days(random.below(10) as i64);
        let from = day + TimeDelta::seconds(random.below(80_000) as i64);
        let length = 1 + random.below((day + TimeDelta::days(1) - from).num_seconds() as u64);
        let range =
            TimeRange::new(from, from + TimeDelta::seconds(length as i64)).expect("ordered");
        let (gone, left): (Vec<_>, Vec<_>) = stored
            .iter()
            .cloned()
            .partition(|tick| range.contains(tick.tick_time));
        shared.with(|states| states.states.push(Arc::new(left)));
        let deleted = delete_ticks(ticks, SYMBOL, range, |_| ()).await;
        assert_eq!(deleted.expect("deleted").ticks, gone.len() as u64);
        shared.with(|states| states.done += 1);
        if random.below(3) == 0 || gone.is_empty() {
            stored = shared.with(|states| states.states[states.done].to_vec());
            continue;
        }
        shared.with(|states| states.states.push(Arc::new(stored.clone())));
        let receipt = ticks.insert_batch(&gone).await;
        assert_eq!(receipt.expect("inserted").inserted, gone.len() as u64);
        shared.with(|states| states.done += 1);
    }
    shared.is_over.store(true, Ordering::SeqCst);
    let mut reads = 0;
    while let Some(read) = readers.join_next().await {
        reads += read.expect("every answer is of one instant");
    }
    let refreshes = hand.join().expect("no panic");
    println!("{reads} reads and {refreshes} refreshes beside {ROUNDS} deletes");
    assert!(reads > 0 && refreshes > 0);
}

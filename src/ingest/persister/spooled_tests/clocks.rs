//! Fault 54: the wall clock is set while ticks wait, and ticks have odd times.

use chrono::Utc;

use super::*;
use crate::ingest::spool::SpoolBatch;

/// Times of a feed whose clock is set: an hour ahead, an hour back, the repeated hour at the end of summer
/// time, the leap second of 2016, and times long before and after.
fn odd_ticks() -> Vec<Tick> {
    let hour = TimeDelta::hours(1);
    let summer_ends = DateTime::from_timestamp(1_414_285_200, 0).expect("2014-10-26 01:00");
    let leap = DateTime::from_timestamp(1_483_228_799, 999_999_000).expect("2016-12-31");
    let start = tick(0).tick_time;
    let times = [
        start,
        start + hour,
        start - hour,
        start,
        summer_ends - hour,
        summer_ends,
        leap,
        DateTime::UNIX_EPOCH,
        start + TimeDelta::days(10_000),
    ];
    let ticks = times
        .into_iter()
        .zip(0..)
        .map(|(time, sequence)| tick(sequence).with_tick_time(time).with_sequence(sequence));
    ticks.collect()
}

async fn stored_ticks(repository: &FaultyRepository) -> Vec<Tick> {
    let query = TickQuery::new(SYMBOL, TimeRange::all());
    repository.range(&query).await.expect("it is read").items
}

fn by_key(mut ticks: Vec<Tick>) -> Vec<Tick> {
    ticks.sort_by_key(Tick::key);
    ticks
}

#[tokio::test(start_paused = true)]
async fn fault_54_batch_timing_ignores_the_wall_clock() {
    let repository = Arc::new(FaultyRepository::default());
    let persister = TickPersister::start(
        Arc::clone(&repository) as Arc<dyn TickRepository>,
        PersisterConfig::default(),
    );
    // while paused, the timers advance and the wall clock hardly moves
    let on_the_wall = suite::now();
    for (count, odd) in (1..).zip(odd_ticks()) {
        let pushed = Instant::now();
        persister
            .push(odd.clone())
            .await
            .expect("the persister is open");
        sleep(Duration::from_millis(99)).await;
        assert_eq!(repository.attempts().len(), count - 1);
        sleep(Duration::from_millis(6)).await;
        let attempts = repository.attempts();
        assert_eq!(repository.batches()[count - 1], [odd.key()]);
        let waited = (attempts[count - 1].at - pushed).as_millis();
        assert!((100..105).contains(&waited), "{waited} ms");
    }
    // the pauses after failures end in time as well
    repository.set_down(Some(Fault::Unavailable));
    persister
        .push(tick(100))
        .await
        .expect("the persister is open");
    sleep(Duration::from_secs(3_600)).await;
    repository.set_down(None);
    let back = Instant::now();
    persister.flush().await.expect("the database is back");
    assert!(back.elapsed() <= Duration::from_secs(1));
    assert!(suite::now() - on_the_wall < TimeDelta::minutes(10));
    let expected = odd_ticks().into_iter().chain([tick(100)]).collect();
    assert_eq!(stored_ticks(&repository).await, by_key(expected));
}

#[tokio::test]
async fn fault_54_spool_order_ignores_changes_of_the_clock() {
    let (folder, repository) = (new_folder(), Arc::new(FaultyRepository::default()));
    let odd = odd_ticks();
    let spool = TickSpool::open(folder.path(), 1 << 30)
        .await
        .expect("it opens");
    // later records have earlier times
    for (number, (odd, hours)) in (1..).zip(odd.iter().zip([1, -1, 0, 2, -2, 1, 0, -1, 1])) {
        let batch = SpoolBatch {
            number,
            records: Arc::new(vec![odd.clone()]),
            accepted_at: suite::now() + TimeDelta::hours(hours),
        };
        spool.append(vec![batch]).await.expect("on the disk");
    }
    spool.close().await;

    repository.set_down(Some(Fault::Unavailable));
    let persister = open(&repository, &settings(folder.path(), SpoolMode::WriteAhead)).await;
    until("writes fail", || persister.stats().retries > 1).await;
    assert!(matches!(
        persister.health(),
        PersisterHealth::Degraded { .. }
    ));
    let failed = repository.attempts().len();
    repository.set_down(None);
    persister.flush().await.expect("the database is back");
    let order: Vec<TickKey> = repository.batches()[failed..].concat();
    let mut seen = std::collections::BTreeSet::new();
    let order: Vec<TickKey> = order.into_iter().filter(|key| seen.insert(*key)).collect();
    let expected: Vec<TickKey> = odd.iter().map(Tick::key).collect();
    assert_eq!(order, expected, "in the order they were accepted");
    assert_eq!(stored_ticks(&repository).await, by_key(odd));
    assert_eq!(persister.health(), PersisterHealth::Up);
    assert_eq!(persister.stop(PLENTY).await.spooled, 0);
}

/// A clock that shows the time that a test sets.
fn settable(start: DateTime<Utc>) -> (Arc<std::sync::Mutex<DateTime<Utc>>>, Clock) {
    let time = Arc::new(std::sync::Mutex::new(start));
    let reported = Arc::clone(&time);
    let clock = Clock::new(move || *reported.lock().expect("no panic"));
    (time, clock)
}

#[tokio::test]
async fn ages_and_failures_follow_the_clock() {
    for start in suite::instants() {
        let (folder, repository) = (new_folder(), Arc::new(FaultyRepository::default()));
        let spool = settings(folder.path(), SpoolMode::WriteAhead);
        let open = async |clock: Clock| {
            let repository = Arc::clone(&repository) as Arc<dyn TickRepository>;
            let opened = TickPersister::open_with_clock(repository, config(), &spool, clock).await;
            opened.expect("the spool opens")
        };
        repository.set_down(Some(Fault::Unavailable));
        let persister = open(Clock::standing_at(start)).await;
        let durable = persister.push_with(tick(0), AckLevel::Durable).await;
        durable.expect("the disk works");
        until("writes fail", || persister.stats().retries > 1).await;
        match persister.health() {
            PersisterHealth::Degraded { since, .. } => assert_eq!(since, start),
            other => panic!("{other:?}"),
        }
        assert_eq!(persister.stop(PLENTY).await.spooled, 1);

        // a write that neither fails nor ends
        repository.set_down(Some(Fault::Hang));
        let (time, clock) = settable(start);
        let persister = open(clock).await;
        assert_eq!(persister.health(), PersisterHealth::Up);
        *time.lock().expect("no panic") = start + TimeDelta::seconds(3_600);
        match persister.health() {
            PersisterHealth::Draining { oldest_age, .. } => {
                assert!(oldest_age >= Duration::from_secs(3_600), "{oldest_age:?}");
            }
            other => panic!("{other:?}"),
        }
        persister.stop(Duration::ZERO).await;

        // other stored content under the key of a waiting tick makes the tick a dead letter
        let other = tick(0).with_bid(Decimal::ONE);
        repository.set_down(None);
        let receipt = repository.stored.insert_batch(&[other]).await;
        assert_eq!(receipt.expect("memory").inserted, 1);
        let later = start + TimeDelta::days(1);
        let persister = open(Clock::standing_at(later)).await;
        persister.flush().await.expect("it is refused");
        persister.stop(PLENTY).await;
        let spool = TickSpool::open(folder.path(), 1 << 30)
            .await
            .expect("it opens");
        let letters = spool.dead_letters().await.expect("they are read");
        let times: Vec<_> = letters.iter().map(|it| it.letter.at).collect();
        assert_eq!(times, [later]);
        spool.close().await;
    }
}

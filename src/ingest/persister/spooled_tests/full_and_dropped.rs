//! A full spool, and a runtime that is dropped.

use super::*;

#[tokio::test]
async fn fault_49_full_spool_delays_or_refuses_pushes() {
    for on_full in [OnFull::Block, OnFull::Error] {
        let (folder, repository) = (new_folder(), Arc::new(FaultyRepository::default()));
        repository.set_down(Some(Fault::Unavailable));
        let spool = SpoolConfig {
            max_bytes: 64 << 10,
            on_full,
            ..settings(folder.path(), SpoolMode::WriteAhead)
        };
        let persister = open(&repository, &spool).await;
        let mut accepted = 0;
        let refused = loop {
            match timeout(Duration::from_secs(1), persister.push(tick(accepted))).await {
                Ok(Ok(())) => accepted += 1,
                Ok(Err(error)) => break Some(error),
                Err(_elapsed) => break None,
            }
        };
        match on_full {
            OnFull::Block => assert_eq!(refused, None),
            OnFull::Error => assert_eq!(refused, Some(PushError::SpoolFull)),
        }
        assert_eq!(persister.health(), PersisterHealth::Saturated);
        let content = persister.spool_content().expect("a spool");
        assert!(content.bytes <= 64 << 10, "{content:?}");
        assert!(content.records < accepted as u64, "memory has the others");

        repository.set_down(None);
        for index in accepted..accepted + 500 {
            let begun = Instant::now();
            while let Err(error) = persister.push(tick(index)).await {
                // it takes some time until there is space
                assert_eq!(error, PushError::SpoolFull);
                assert!(begun.elapsed() < PLENTY, "there is no space again");
                sleep(Duration::from_millis(2)).await;
            }
        }
        persister.flush().await.expect("the database is back");
        assert_eq!(
            stored(&repository).await,
            keys(0..accepted + 500),
            "{on_full:?}"
        );
        // no further tick is needed
        until("up", || persister.health() == PersisterHealth::Up).await;
        assert_eq!(persister.stop(PLENTY).await.spooled, 0);
    }
}

#[tokio::test]
async fn full_queue_without_a_spool_delays_or_refuses() {
    for on_full in [OnFull::Block, OnFull::Error] {
        let (folder, repository) = (new_folder(), Arc::new(FaultyRepository::default()));
        repository.set_down(Some(Fault::Unavailable));
        let spool = SpoolConfig {
            on_full,
            ..settings(folder.path(), SpoolMode::Memory)
        };
        let persister = open(&repository, &spool).await;
        let mut accepted = 0;
        let refused = loop {
            match timeout(Duration::from_secs(1), persister.push(tick(accepted))).await {
                Ok(Ok(())) => accepted += 1,
                Ok(Err(error)) => break Some(error),
                Err(_elapsed) => break None,
            }
        };
        match on_full {
            OnFull::Block => assert_eq!(refused, None),
            OnFull::Error => assert_eq!(refused, Some(PushError::SpoolFull)),
        }
        // the queue, and the writer's batches in progress
        assert!((1_000..=1_500).contains(&accepted), "{accepted}");
        assert!(!TickSpool::exists(folder.path()));

        repository.set_down(None);
        persister.flush().await.expect("the database is back");
        push(&persister, accepted..accepted + 500).await;
        persister.flush().await.expect("the persister is open");
        assert_eq!(stored(&repository).await, keys(0..accepted + 500));
        assert_eq!(persister.stop(PLENTY).await.unsaved, vec![]);
    }
}

#[test]
fn fault_57_dropped_runtime_loses_no_durable_tick() {
    let folder = new_folder();
    let repository = Arc::new(FaultyRepository::default());
    repository.set_down(Some(Fault::Unavailable));
    let spool = settings(folder.path(), SpoolMode::WriteAhead);
    let runtime = |threads: usize| {
        let mut builder = match threads {
            0 => tokio::runtime::Builder::new_current_thread(),
            _ => tokio::runtime::Builder::new_multi_thread(),
        };
        builder
            .worker_threads(threads.max(1))
            .enable_time()
            .build()
            .expect("a runtime")
    };
    for (start, threads) in [(0, 0), (500, 1)] {
        let dropped = runtime(threads);
        dropped.block_on(async {
            let persister = open_again(&repository, &spool).await;
            push(&persister, start..start + 499).await;
            let last = tick(start + 499);
            persister
                .push_with(last, AckLevel::Durable)
                .await
                .expect("durable");
        });
        drop(dropped);
    }
    repository.set_down(None);
    runtime(0).block_on(async {
        let persister = open_again(&repository, &spool).await;
        persister.flush().await.expect("the database is back");
        assert_eq!(stored(&repository).await, keys(0..1_000));
        assert_eq!(persister.stop(PLENTY).await.spooled, 0);
    });
}

/// The thread of a spool outlives the runtime for an instant.
async fn open_again(repository: &Arc<FaultyRepository>, spool: &SpoolConfig) -> TickPersister {
    let deadline = Instant::now() + PLENTY;
    loop {
        let repository = Arc::clone(repository) as Arc<dyn TickRepository>;
        match TickPersister::open(repository, config(), spool).await {
            Ok(persister) => return persister,
            Err(SpoolError::Locked { .. }) if Instant::now() < deadline => {
                sleep(Duration::from_millis(2)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

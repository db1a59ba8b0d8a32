//! Unlimited durations, and a persister that ends by itself.

use super::*;

fn endless() -> PersisterConfig {
    PersisterConfig {
        flush_interval: Duration::MAX,
        backoff: Backoff::new(Duration::MAX, Duration::MAX),
        ..PersisterConfig::default()
    }
}

#[tokio::test(start_paused = true)]
async fn unlimited_durations_do_not_stop_the_persister() {
    let repository = Arc::new(FaultyRepository::default());
    let injected = Arc::clone(&repository) as Arc<dyn TickRepository>;
    let persister = TickPersister::start(injected, endless());
    push(&persister, 0..10).await;
    persister.flush().await.expect("it lives");
    push(&persister, 10..20).await;
    // they wait for others
    sleep(Duration::from_secs(3_600)).await;
    assert_eq!(stored(&repository).await, keys(0..10));
    let report = persister.stop(Duration::MAX).await;
    assert_eq!(report.unsaved, []);
    assert_eq!(stored(&repository).await, keys(0..20));
}

/// In real time, since a paused clock does not wait for the disk.
#[tokio::test]
async fn unlimited_durations_do_not_stop_the_spooler() {
    for mode in [SpoolMode::WriteAhead, SpoolMode::OnFailure] {
        let repository = Arc::new(FaultyRepository::default());
        let folder = tempfile::tempdir().expect("a folder");
        let spool = SpoolConfig {
            mode,
            directory: folder.path().to_owned(),
            max_bytes: 1 << 30,
            on_full: OnFull::Block,
        };
        let injected = Arc::clone(&repository) as Arc<dyn TickRepository>;
        let opened = TickPersister::open(injected, endless(), &spool).await;
        let persister = opened.expect("it opens");
        push(&persister, 0..9).await;
        let durable = persister.push_with(tick(9), AckLevel::Durable).await;
        durable.expect("it lives");
        push(&persister, 10..15).await;
        let report = timeout(PLENTY, persister.stop(Duration::MAX)).await;
        let report = report.expect("it ends");
        assert_eq!(report.unsaved, [], "{mode:?}");
        assert_eq!(report.stats.inserted, 15, "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn end_of_a_persister_can_be_waited_for() {
    let repository = Arc::new(FaultyRepository::default());
    let persister = start(&repository);
    push(&persister, 0..3).await;
    let waited = timeout(PLENTY, persister.ended()).await;
    assert!(waited.is_err(), "it works");
    persister.stop(PLENTY).await;
    timeout(PLENTY, persister.ended()).await.expect("it ended");
}

use std::time::Duration;

use super::*;

fn config() -> ServerConfig {
    ServerConfig::default()
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn oldest_idle_connection_is_closed_for_a_new_one() {
    let open = OpenConnections::new(2);
    let first = open.take().expect("free");
    pass(1).await;
    let second = open.take().expect("free");
    // the first connection has had a request since
    pass(1).await;
    drop(first.connection().begin());
    let _third = open.take().expect("for the second");
    assert!(second.connection().end().is_cancelled());
    assert!(!first.connection().end().is_cancelled());
    assert_eq!(open.count(), 2);
    drop(second);
    assert_eq!(open.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn reserved_places_are_used_when_all_others_are_busy() {
    let open = OpenConnections::new(3);
    let mut places = Vec::new();
    let mut work = Vec::new();
    for index in 0..3 + RESERVED {
        let place = open.take().expect("free");
        assert_eq!(place.connection().is_reserved(), index >= 3);
        work.push(place.connection().begin());
        places.push(place);
    }
    assert!(open.take().is_none());
    // an idle connection is replaced by another one, which has no more rights
    work.pop();
    let next = open.take().expect("one is idle");
    assert!(next.connection().is_reserved());
    assert_eq!(open.count(), 3 + RESERVED);
    drop((next, places));
    assert_eq!(open.count(), 0);
    drop(work);
    assert!(
        open.lock().idle.is_empty(),
        "ended connections are not idle"
    );
}

#[tokio::test(start_paused = true)]
async fn sockets_that_do_not_end_are_bounded() {
    let open = OpenConnections::new(1);
    let places: Vec<_> = std::iter::from_fn(|| open.take()).take(1_000).collect();
    assert_eq!(places.len(), 1 + BESIDES);
    drop(places);
    assert!(open.take().is_some());
}

#[tokio::test(start_paused = true)]
async fn each_phase_has_its_deadline() {
    let open = OpenConnections::new(1);
    let config = config();
    let place = open.take().expect("free");
    let connection = place.connection();
    let start = Instant::now();
    let deadline = || connection.deadline(&config);
    assert_eq!(deadline(), Some(start + config.header_timeout));
    pass(5).await;
    connection.has_read();
    pass(1).await;
    connection.has_read();
    let head = start + Duration::from_secs(5);
    assert_eq!(deadline(), Some(head + config.header_timeout));
    let answering = connection.begin();
    assert_eq!(deadline(), None);
    connection.write_waits();
    let blocked = Instant::now();
    assert_eq!(deadline(), Some(blocked + config.write_timeout));
    pass(1).await;
    // almost nothing
    connection.wrote(PROGRESS / 2);
    connection.write_waits();
    assert_eq!(deadline(), Some(blocked + config.write_timeout));
    connection.wrote(PROGRESS / 2);
    assert_eq!(connection.blocked_since(), None);
    connection.all_written();
    drop(answering);
    let idle = Instant::now();
    assert_eq!(deadline(), Some(idle + config.idle_timeout));
}

#[tokio::test(start_paused = true)]
async fn taken_over_connections_are_never_idle() {
    let open = OpenConnections::new(1);
    let place = open.take().expect("free");
    place.connection().begin().forever();
    assert!(!place.connection().is_idle());
    assert!(
        open.take()
            .is_some_and(|other| other.connection().is_reserved())
    );
    assert!(!place.connection().end().is_cancelled());
}

//! Tests that the heartbeat detects a runtime that is blocked or late.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::heartbeat::{Beats, Heartbeat, MAX_GAP, TICK};

#[tokio::test]
async fn runtime_that_stands_still_once_is_noticed() {
    let heartbeat = Heartbeat::start();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let until = heartbeat.woken() + 2 * MAX_GAP;
    let deadline = Instant::now() + Duration::from_secs(60);
    while heartbeat.woken() < until {
        assert!(Instant::now() < deadline, "the bare threads do not wake");
        thread::sleep(TICK);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let beats = heartbeat.stop().await;
    assert!(!beats.is_steady() && !beats.is_in_time(), "{beats:?}");
}

#[tokio::test]
async fn runtime_that_never_beats_is_noticed() {
    let heartbeat = Heartbeat::start();
    let deadline = Instant::now() + Duration::from_secs(60);
    while heartbeat.woken() <= 2 * MAX_GAP {
        assert!(Instant::now() < deadline, "the bare threads do not wake");
        thread::sleep(TICK);
    }
    let beats = heartbeat.stop().await;
    assert!(!beats.is_steady(), "{beats:?}");
}

#[tokio::test]
async fn runtime_that_is_often_late_is_noticed() {
    let heartbeat = Heartbeat::start();
    for _ in 0..40 {
        thread::sleep(Duration::from_millis(25));
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    let Beats { lag, .. } = heartbeat.stop().await;
    let beside_an_idle_machine = Beats {
        count: 40,
        gap: 0,
        lag,
        machine: [Duration::ZERO; 2],
    };
    assert!(!beside_an_idle_machine.is_in_time(), "{lag:?}");
}

#[tokio::test]
async fn running_runtime_is_steady() {
    let heartbeat = Heartbeat::start();
    tokio::time::sleep(Duration::from_millis(500)).await;
    heartbeat.assert_steady().await;
}

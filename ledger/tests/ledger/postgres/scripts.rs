//! Random scripts of events, stored in PostgreSQL and folded in memory.

use tickbook::Clock;
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::domain::{AccountLedger, CostMethod};

use super::{Site, account, scope, seed};
use crate::samples::seconds;
use crate::scripts::{event, scripts};

/// Two stores take turns, so that each meets events that it does not know.
#[tokio::test]
async fn scripts_give_the_same_ledger_in_postgres() {
    let Some(scripts) = scripts() else {
        return;
    };
    let seed = seed();
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let site = Site::new().await;
    let now = seconds(86_400);
    let store = || {
        let clock = Clock::standing_at(now);
        LedgerRepositories::postgres_with_clock(site.pools().metadata(), clock)
    };
    let stores = [store(), store()];
    let mut booked = 0;
    for (number, script) in scripts.iter().enumerate() {
        let events: Vec<_> = script["events"]
            .as_array()
            .expect("events")
            .iter()
            .map(event)
            .collect();
        let method = [CostMethod::Average, CostMethod::Fifo, CostMethod::Lifo][number % 3];
        let account = account(&stores[0], &format!("script {number}"), method).await;
        let mut folded = AccountLedger::new(&account);
        let outcomes: Vec<_> = events
            .iter()
            .map(|it| folded.apply(it, now).as_str())
            .collect();
        let mut rest = &events[..];
        let mut at = 0;
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(random.usize(1..=rest.len().min(40)));
            rest = later;
            let ledger = &stores[usize::from(random.u8(..4) == 0)].ledger;
            let receipt = ledger
                .append(&scope(), account.account_id, batch, None)
                .await;
            let receipt = receipt.expect("events are appended");
            for (name, indexes) in [
                (
                    "appended",
                    receipt
                        .appended
                        .iter()
                        .map(|it| it.index)
                        .collect::<Vec<_>>(),
                ),
                (
                    "duplicate",
                    receipt.duplicates.iter().map(|it| it.index).collect(),
                ),
                (
                    "conflict",
                    receipt.conflicts.iter().map(|it| it.index).collect(),
                ),
                (
                    "quarantined",
                    receipt.quarantined.iter().map(|it| it.index).collect(),
                ),
            ] {
                for index in indexes {
                    assert_eq!(
                        outcomes[at + index],
                        name,
                        "script {number} event {}",
                        at + index
                    );
                }
            }
            assert_eq!(receipt.total(), batch.len());
            at += batch.len();
        }
        let found = stores[1]
            .ledger
            .verify(&scope(), account.account_id)
            .await
            .expect("read");
        assert_eq!(
            (found.sequence, found.stored),
            (folded.sequence(), folded.digest()),
            "script {number}"
        );
        assert_eq!(found.rebuilt, folded.digest(), "script {number}");
        booked += found.sequence;
    }
    println!("{} scripts, {booked} booked events", scripts.len());
}

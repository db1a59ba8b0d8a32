//! A process that writes events is killed at random instants.
//!
//! This program starts itself as the process that writes. `TICKBOOK_KILLS` sets the number of kills, `TICKBOOK_SEED`
//! their times.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use tickbook::DatabaseUrl;
use tickbook::db::{DatabaseConfig, DatabasePools};
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::domain::{
    AccountId, CostMethod, FillReference, OrderEvent, OrderEventKind, Side,
};

use super::{Site, account, scope, seed};
use crate::samples::{created, event, exec_id, filled};

const URL: &str = "TICKBOOK_KILLED_LEDGER";
const ORDERS: i64 = 5_000;

/// The events of an order: it is created and filled, one fill arrives late, and one is busted.
fn order(number: i64) -> Vec<OrderEvent> {
    let name = format!("o{number}");
    let exec = |part: &str| format!("E{number}{part}");
    let bust = OrderEventKind::FillBusted(FillReference::new(exec_id(&exec("b"))));
    let side = if number % 2 == 0 {
        Side::Buy
    } else {
        Side::Sell
    };
    vec![
        created(&name, side, "10"),
        filled(&name, &exec("a"), number * 3 + 1, "4", "2"),
        filled(&name, &exec("b"), number * 3 + 2, "3", "3"),
        filled(&name, &exec("c"), number * 3 - 2, "1", "5"),
        event(&name, bust).with_exec_id(exec_id(&exec("d"))),
    ]
}

/// Writes orders from the first one on and prints the number of each that is stored.
async fn write(url: &str) {
    let url = DatabaseUrl::parse(url).expect("a URL");
    let pools = DatabasePools::new(&DatabaseConfig::new(url.clone(), url));
    let store = LedgerRepositories::postgres(pools.metadata());
    for number in 0..ORDERS {
        let events = order(number);
        // some in one call, some one by one
        let size = if number % 3 == 0 { 1 } else { events.len() };
        for batch in events.chunks(size) {
            let receipt = store
                .ledger
                .append(&scope(), AccountId::new(1), batch, None)
                .await;
            let receipt = receipt.expect("events are appended");
            assert_eq!(
                receipt.appended.len() + receipt.duplicates.len(),
                batch.len()
            );
        }
        println!("stored {number}");
    }
}

#[test]
fn killed_writer_leaves_whole_events() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Ok(url) = std::env::var(URL) {
        runtime.block_on(write(&url));
        return;
    }
    let seed = seed();
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let kills = std::env::var("TICKBOOK_KILLS").map_or(6, |text| text.parse().expect("a number"));
    let site = runtime.block_on(Site::new());
    let store = site.repositories();
    let created = runtime.block_on(account(&store, "main", CostMethod::Average));
    assert_eq!(created.account_id, AccountId::new(1));
    let mut last = -1;
    for _ in 0..kills {
        let mut writer = Command::new(std::env::current_exe().expect("this program"))
            .args([
                "--exact",
                "postgres::killed::killed_writer_leaves_whole_events",
                "--nocapture",
            ])
            .env(URL, site.schemas.url(tickbook::Database::Metadata))
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(writer.stdout.take().expect("a pipe")).lines();
        let mut numbers = lines.map_while(Result::ok).filter_map(|line| {
            let number = line.split("stored ").nth(1)?;
            number.parse::<i64>().ok()
        });
        // at least one new order, and then an instant within the writes of a later one
        let found = numbers.by_ref().find(|number| *number > last);
        std::thread::sleep(Duration::from_micros(random.u64(..20_000)));
        writer.kill().expect("killed");
        writer.wait().expect("ended");
        last = numbers.last().or(found).expect("it wrote").max(last);
        let check = async {
            let found = store
                .ledger
                .verify(&scope(), AccountId::new(1))
                .await
                .expect("read");
            assert!(found.is_equal(), "{found:?}");
            assert!(
                found.sequence >= (last + 1) * 5,
                "{found:?} after order {last}"
            );
        };
        runtime.block_on(check);
    }
    println!("{kills} kills, {} orders", last + 1);
}

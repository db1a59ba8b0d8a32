//! The load of an order manager: 10,000 orders of a day, and its query of the last ones.

use std::time::Instant;

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::Clock;
use tickbook::domain::SymbolId;
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::domain::{OrderEvent, OrderEventKind, OrderId, OrderTerms, Side};
use tokio_postgres::NoTls;

use super::Bench;
use super::ledger_market::{account, scope};
use crate::report::Report;
use crate::report::Target::AtMost;
use crate::server::Place;

const VIEWS: &str = include_str!("../../../manual_sql/compatibility_views.sql");
/// The schemas that the file creates.
const SCHEMAS: [&str; 6] = [
    "s1_databaseschema",
    "s2_dual",
    "s3_okx",
    "s4_trading",
    "order_manager",
    "data_capture",
];
const ORDERS: u32 = 10_000;
const BATCH: u32 = 1_000;
const SYMBOLS: i64 = 20;
const READS: u32 = 100;

impl Bench {
    pub(crate) async fn ledger_load(&self, report: &mut Report) -> Result<()> {
        let mut place = Place::of_ledger().await?;
        let mut views = VIEWS.to_owned();
        for schema in SCHEMAS {
            // views of the database itself keep their names
            views = views.replace(schema, &format!("tickbook_bench_{schema}"));
        }
        place.execute(&views)?;
        let measured = self.orders_of_a_day(&mut place, report).await;
        for schema in SCHEMAS {
            place.execute(&format!(
                "DROP SCHEMA IF EXISTS tickbook_bench_{schema} CASCADE"
            ))?;
        }
        measured
    }

    async fn orders_of_a_day(&self, place: &mut Place, report: &mut Report) -> Result<()> {
        place.execute("INSERT INTO exchanges (name) VALUES ('B3')")?;
        for id in 1..=SYMBOLS {
            let name = if id == 1 {
                "PETR4".to_owned()
            } else {
                format!("STOCK{id}")
            };
            place.execute(&format!(
                "INSERT INTO symbols (symbol_id, exchange, name, digits) VALUES ({id}, 'B3', '{name}', 2)"
            ))?;
        }
        let repositories = LedgerRepositories::postgres(place.pools().metadata());
        let (client, connection) = tokio_postgres::connect(place.url(), NoTls).await?;
        tokio::spawn(connection);
        let (mut of_load, mut of_query) = (Vec::new(), Vec::new());
        let day = Clock::system().now() - TimeDelta::hours(1);
        for round in 0..self.rounds {
            let id = account(&repositories, &format!("load {round}")).await?;
            let begun = Instant::now();
            for first in (0..ORDERS).step_by(BATCH as usize) {
                let events: Vec<_> = (first..first + BATCH).map(order).collect::<Result<_>>()?;
                let receipt = repositories
                    .ledger
                    .append(&scope(), id, &events, None)
                    .await?;
                ensure!(receipt.appended.len() == events.len(), "{receipt:?}");
            }
            of_load.push(begun.elapsed().as_secs_f64() * 1_000.0);
            of_query.push(slowest_query(&client, day).await?);
        }
        println!("10,000 orders in batches of 1,000, milliseconds: {of_load:.0?}");
        report.add(
            "milliseconds of the slowest of 100 queries of the last 100 orders of PETR4 of a day",
            AtMost(50.0),
            of_query,
        );
        Ok(())
    }
}

fn order(number: u32) -> Result<OrderEvent> {
    let symbol = SymbolId::new(i64::from(number) % SYMBOLS + 1);
    let side = if number.is_multiple_of(3) {
        Side::Sell
    } else {
        Side::Buy
    };
    let terms = OrderTerms::limit(symbol, side, Decimal::from(100), Decimal::new(3_821, 2));
    let id = OrderId::new(format!("0192f5a0-0000-7000-8000-{number:012}"))?;
    Ok(OrderEvent::new(
        id,
        OrderEventKind::Created(Box::new(terms)),
    ))
}

async fn slowest_query(client: &tokio_postgres::Client, day: DateTime<Utc>) -> Result<f64> {
    let end = day + TimeDelta::days(1);
    let select = client
        .prepare(
            "SELECT * FROM tickbook_bench_order_manager.orders WHERE symbol = 'PETR4' \
             AND created_at >= $1 AND created_at < $2 ORDER BY created_at DESC LIMIT 100",
        )
        .await?;
    let mut slowest: f64 = 0.0;
    for _ in 0..READS {
        let begun = Instant::now();
        let rows = client.query(&select, &[&day, &end]).await?;
        ensure!(rows.len() == 100, "{} orders", rows.len());
        slowest = slowest.max(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok(slowest)
}

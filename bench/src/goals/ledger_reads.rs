//! Reads of fills and orders, and the rebuilding of an account.

use std::time::Instant;

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use tickbook::Clock;
use tickbook::domain::{PageLimit, SortOrder, SymbolId, TimeRange};
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::domain::AccountId;
use tickbook_ledger::repository::{FillQuery, OrderQuery};
use tokio_postgres::NoTls;

use super::Bench;
use super::ledger_market::{account, events, scope};
use crate::report::Report;
use crate::report::Target::AtMost;
use crate::server::Place;

/// Number of reads of a turn, and of turns in a round.
const READS: u32 = 3;
const TURNS: u32 = 6;
/// Reads of 100 orders of a turn.
const ORDER_READS: u32 = 40;
/// Orders of a day.
const ORDERS_A_DAY: u32 = 10_000;
const MILLION: u64 = 1_000_000;

impl Bench {
    /// A day of 10,000 fills, beside the same rows that tokio-postgres receives and does not decode.
    pub(crate) async fn ledger_fills(&self, report: &mut Report) -> Result<()> {
        let place = Place::of_ledger().await?;
        let repositories = LedgerRepositories::postgres(place.pools().metadata());
        let id = account(&repositories, "bench").await?;
        let start: DateTime<Utc> = "2024-05-01T00:00:00Z".parse()?;
        for batch in 0..20 {
            let events = events(batch * 1_000, 1_000, start)?;
            repositories
                .ledger
                .append(&scope(), id, &events, None)
                .await?;
        }
        let (client, connection) = tokio_postgres::connect(place.url(), NoTls).await?;
        tokio::spawn(connection);
        client.batch_execute("ANALYZE fills").await?;
        let select = client
            .prepare(
                "SELECT sequence, order_id, venue, exec_id, effect, content_hash, trade_time, venue_sequence, \
                 strategy_id, symbol_id, position_name, side, quantity, price, fee_amount, fee_currency, \
                 fee_is_taken_from_quantity, liquidity, multiplier, is_inverse, trading_day, latest_exec_id, versions, \
                 is_busted FROM fills WHERE account_id = $1 AND trade_time >= $2 AND trade_time < $3 \
                 ORDER BY trade_time, venue_sequence, sequence",
            )
            .await?;
        let end = start + TimeDelta::days(1);
        let query = FillQuery::new(id, TimeRange::new(start, end)?).limit(PageLimit::MAX);
        let mut ratios = Vec::new();
        for round in 0..=self.rounds {
            let (mut ours, mut theirs) = (0.0, 0.0);
            for turn in 0..TURNS {
                for half in 0..2 {
                    let begun = Instant::now();
                    for _ in 0..READS {
                        let found = if (turn + half) % 2 == 0 {
                            repositories
                                .ledger
                                .fills(&scope(), &query)
                                .await?
                                .items
                                .len()
                        } else {
                            client
                                .query(&select, &[&id.get(), &start, &end])
                                .await?
                                .len()
                        };
                        ensure!(found == 10_000, "{found} fills");
                    }
                    match (turn + half) % 2 {
                        0 => ours += begun.elapsed().as_secs_f64(),
                        _ => theirs += begun.elapsed().as_secs_f64(),
                    }
                }
            }
            if round > 0 {
                ratios.push(ours / theirs);
            }
        }
        report.add(
            "a day of 10,000 fills / rows of tokio-postgres, not decoded",
            AtMost(1.3),
            ratios,
        );
        Ok(())
    }

    /// The last 100 orders of a symbol of one day among 10,000 orders and among a million.
    pub(crate) async fn ledger_orders(&self, report: &mut Report) -> Result<()> {
        let mut place = Place::of_ledger().await?;
        let repositories = LedgerRepositories::postgres(place.pools().metadata());
        let few = account(&repositories, "few").await?;
        let many = account(&repositories, "many").await?;
        store_orders(&mut place, few, 1)?;
        store_orders(&mut place, many, 100)?;
        place.execute("VACUUM ANALYZE orders")?;
        let mut ratios = Vec::new();
        for round in 0..=self.rounds {
            let (mut with_few, mut with_many) = (0.0, 0.0);
            for turn in 0..TURNS {
                for half in 0..2 {
                    match (turn + half) % 2 {
                        0 => with_few += read_orders(&repositories, few, 0).await?,
                        _ => with_many += read_orders(&repositories, many, 50).await?,
                    }
                }
            }
            if round > 0 {
                ratios.push(with_many / with_few);
            }
        }
        report.add(
            "last 100 orders of a symbol of one day, of a million / of 10,000",
            AtMost(1.3),
            ratios,
        );
        Ok(())
    }

    /// A rebuild of an account whose stored positions differ from its journal.
    pub(crate) async fn ledger_rebuild(&self, report: &mut Report) -> Result<()> {
        let mut place = Place::of_ledger().await?;
        let repositories = LedgerRepositories::postgres(place.pools().metadata());
        let id = account(&repositories, "bench").await?;
        let start = Clock::system().now() - TimeDelta::days(1);
        let begun = Instant::now();
        for first in (0..MILLION).step_by(10_000) {
            let events = events(first, 10_000, start)?;
            repositories
                .ledger
                .append(&scope(), id, &events, None)
                .await?;
        }
        println!(
            "a million events in batches of 10,000: {:.1} s",
            begun.elapsed().as_secs_f64()
        );
        place.execute("VACUUM ANALYZE order_events, orders, fills, positions")?;
        let mut seconds = Vec::new();
        for _ in 0..self.rounds {
            place.execute("UPDATE positions SET realized = realized + 1")?;
            let begun = Instant::now();
            let found = repositories.ledger.rebuild(&scope(), id).await?;
            seconds.push(begun.elapsed().as_secs_f64());
            ensure!(!found.is_equal(), "the positions were changed");
        }
        let found = repositories.ledger.verify(&scope(), id).await?;
        ensure!(found.is_equal(), "{found:?}");
        report.add(
            "seconds of a rebuild of a million events",
            AtMost(30.0),
            seconds,
        );
        Ok(())
    }
}

/// The start of the day with this number.
fn day(number: i64) -> Result<DateTime<Utc>> {
    let first: DateTime<Utc> = "2024-01-01T00:00:00Z".parse()?;
    Ok(first + TimeDelta::days(number))
}

fn store_orders(place: &mut Place, id: AccountId, days: i64) -> Result<()> {
    for number in 0..days {
        place.execute(&format!(
            "INSERT INTO orders SELECT {id}, 'o-' || n, n % 20 + 1, 'buy', 'limit', 'day', 10, 100, NULL, NULL, NULL, \
             NULL, NULL, NULL, NULL, NULL, 10, 1000, 0, 0, '{{acknowledged}}', NULL, '[]', NULL, NULL, n, n, \
             timestamptz '{}' + (n - {number} * {ORDERS_A_DAY}) * interval '8 seconds', now(), 'filled', false \
             FROM generate_series({number} * {ORDERS_A_DAY} + 1, ({number} + 1) * {ORDERS_A_DAY}) AS n",
            day(number)?.to_rfc3339(),
        ))?;
    }
    Ok(())
}

/// Seconds of the reads of a turn.
async fn read_orders(repositories: &LedgerRepositories, id: AccountId, number: i64) -> Result<f64> {
    let range = TimeRange::new(day(number)?, day(number + 1)?)?;
    let begun = Instant::now();
    for read in 0..ORDER_READS {
        let query = OrderQuery::new(id)
            .symbol_id(SymbolId::new(i64::from(read % 20) + 1))
            .range(range)
            .order(SortOrder::Descending)
            .limit(PageLimit::new(100)?);
        let page = repositories.ledger.orders(&scope(), &query).await?;
        ensure!(page.items.len() == 100, "{} orders", page.items.len());
    }
    Ok(begun.elapsed().as_secs_f64())
}

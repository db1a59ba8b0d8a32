//! Writers: ticks in time and late, repeated ticks, and imports of days.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use rust_decimal::Decimal;
use tickbook::domain::{AggressorSide, Tick, Timeframe, Trade};
use tickbook::postgres::refresh_days;

use super::deletes;
use super::draw;
use super::model::{Receipt, TRADED};
use super::report;
use super::site::Site;
use crate::support::random::Random;

/// The largest number of ticks. More ticks make the fold slow and find no other differences.
const MAX_TICKS: usize = 60_000;

/// The largest number of attempts to store a batch; every writer resends a failed batch.
const ATTEMPTS: u32 = 50;

pub(crate) async fn write(site: Arc<Site>, writer: usize) {
    let mut random = site.random(100 + writer as u64);
    let mut sent: Vec<Tick> = Vec::new();
    let mut count = 0;
    while site.goes_on(false) {
        let is_full = count > MAX_TICKS;
        match random.below(20) {
            0 if writer == 0 && !is_full && site.goes_on(true) => {
                count += import(&site, &mut random, writer).await;
            }
            1..=2 if !sent.is_empty() => {
                let again = again(&mut random, writer, &sent);
                store(&site, "batch sent again", writer, &again).await;
            }
            3 if random.below(3) == 0 => deletes::delete(&site, &mut random, writer).await,
            _ => {
                let (kind, ticks) = batch(&site, &mut random, writer, is_full);
                store(&site, kind, writer, &ticks).await;
                count += ticks.len();
                if !site.leaves_out(kind) {
                    sent.extend(ticks.into_iter().take(20));
                }
            }
        }
        site.pause(&mut random, site.pace).await;
    }
}

/// Stores ticks of the whole time before the other tasks start.
pub(crate) async fn history(site: &Site) {
    let mut random = site.random(99);
    for _ in 0..4 {
        let ticks: Vec<_> = (0..1_500)
            .map(|_| {
                let symbol_id = draw::symbol(&mut random);
                let time = site.times.any(&mut random);
                draw::tick(&mut random, 3, symbol_id, time, false)
            })
            .collect();
        store(site, "history", 3, &ticks).await;
    }
}

fn batch(
    site: &Site,
    random: &mut Random,
    writer: usize,
    is_full: bool,
) -> (&'static str, Vec<Tick>) {
    let most = if is_full { 3 } else { 60 };
    let count = 1 + random.below(most);
    let symbol_id = draw::symbol(random);
    let now = site.times.now();
    let mut ticks = Vec::new();
    let kind = match random.below(160) {
        0..=47 => {
            for _ in 0..count {
                let age = TimeDelta::microseconds(random.below(3_000_000) as i64);
                ticks.push((symbol_id, now - age, false));
            }
            "batch on time"
        }
        48..=79 => {
            for _ in 0..count {
                let age = TimeDelta::seconds(random.below(4 * 3_600) as i64);
                ticks.push((draw::symbol(random), now - age, false));
            }
            "batch of the last hours"
        }
        80..=139 => {
            for _ in 0..count {
                ticks.push((draw::symbol(random), site.times.any(random), false));
            }
            "batch of any time"
        }
        140..=154 => {
            let time = site.times.any(random);
            for _ in 0..count {
                let within = TimeDelta::microseconds(random.below(3) as i64);
                ticks.push((symbol_id, time + within, false));
            }
            "batch of one instant"
        }
        155..=158 => {
            // the venue's clock is ahead
            for _ in 0..count {
                let ahead = TimeDelta::seconds(random.below(600) as i64);
                ticks.push((symbol_id, now + ahead, false));
            }
            "batch of the next minutes"
        }
        _ => {
            let minute = Timeframe::M1.bucket_start(site.times.any(random));
            for _ in 0..50 {
                let within = TimeDelta::microseconds(random.below(60_000_000) as i64);
                ticks.push((symbol_id, minute + within, true));
            }
            "batch of largest volumes"
        }
    };
    let ticks = ticks
        .into_iter()
        .map(|(symbol_id, time, is_large)| draw::tick(random, writer, symbol_id, time, is_large))
        .collect();
    (kind, ticks)
}

/// Ticks that were sent before, some with different content, and a new one.
fn again(random: &mut Random, writer: usize, sent: &[Tick]) -> Vec<Tick> {
    let mut ticks: Vec<_> = (0..1 + random.below(20))
        .map(|_| {
            let mut tick = sent[random.below(sent.len() as u64) as usize].clone();
            if random.below(5) == 0 {
                let bid = tick.bid_price.unwrap_or_default() + Decimal::ONE;
                tick = tick.with_bid(bid);
            }
            tick
        })
        .collect();
    if random.below(2) == 0 {
        let beside = &ticks[0];
        let time = beside.tick_time + TimeDelta::microseconds(1);
        ticks.push(draw::tick(random, writer, beside.symbol_id, time, false));
    }
    ticks
}

/// Imports ticks as `tickbook import ticks` does: in batches, then with a refresh of their days.
async fn import(site: &Site, random: &mut Random, writer: usize) -> usize {
    let days = 1 + random.below(3) as i64;
    let first = site.times.day(random);
    let count = 300 + random.below(3_000) as usize;
    let symbol_id = draw::symbol(random);
    let now = site.times.now();
    let mut ticks: Vec<_> = (0..count)
        .map(|_| {
            let within = random.below(days as u64 * 86_400_000) as i64;
            let time = (first + TimeDelta::milliseconds(within)).min(now);
            draw::tick(random, writer, symbol_id, time, false)
        })
        .collect();
    ticks.sort_by_key(Tick::key);
    for batch in ticks.chunks(1_000) {
        store(site, "batch of an import", writer, batch).await;
    }
    let days: BTreeSet<_> = ticks
        .iter()
        .map(|tick| Timeframe::D1.bucket_start(tick.tick_time))
        .collect();
    let text = format!("-- refreshes the days of the import: {days:?}");
    let refreshed = refresh_days(&site.db, days);
    site.done("refresh of imported days", text, refreshed).await;
    count
}

/// The trade that the model keeps as `tick`.
fn trade_of(tick: &Tick) -> Trade {
    let (price, quantity) = (tick.bid_price, tick.bid_volume);
    let side = AggressorSide::ALL[(tick.sequence % 2) as usize];
    Trade::new(
        tick.symbol_id,
        tick.tick_time,
        price.expect("each trade has one"),
        quantity.expect("each trade has one"),
    )
    .with_sequence(tick.sequence)
    .with_aggressor_side(side)
}

/// Stores the ticks and the trades among `ticks`, each as a batch.
async fn store(site: &Site, kind: &'static str, writer: usize, ticks: &[Tick]) {
    if site.leaves_out(kind) {
        return;
    }
    let all = ticks.iter().cloned();
    let (trades, ticks): (Vec<_>, Vec<_>) = all.partition(|tick| tick.symbol_id == TRADED);
    for batch in [trades, ticks] {
        if !batch.is_empty() {
            store_batch(site, kind, writer, &batch).await;
        }
    }
}

/// Stores ticks, or trades.
async fn store_batch(site: &Site, kind: &'static str, writer: usize, ticks: &[Tick]) {
    let trades: Vec<_> = match ticks[0].symbol_id {
        TRADED => ticks.iter().map(trade_of).collect(),
        _ => Vec::new(),
    };
    let _beside = site.batches.read().await;
    let batch = site.model.begin_batch(kind, writer, ticks);
    let mut is_unknown = false;
    for _ in 0..ATTEMPTS {
        let stored = match trades.is_empty() {
            true => site
                .repositories
                .ticks
                .insert_batch(ticks)
                .await
                .map(Receipt::from),
            false => site
                .repositories
                .trades
                .insert_batch(&trades)
                .await
                .map(Receipt::from),
        };
        site.counts.op(kind, stored.is_err());
        match stored {
            Ok(receipt) => {
                let wrong = site.model.end_batch(batch, &receipt, is_unknown);
                if let Some(wrong) = wrong {
                    report::difference(site, "receipts have other numbers", &wrong, None);
                }
                return;
            }
            Err(error) => {
                is_unknown |= !error.is_certainly_not_applied();
                site.counts.error(kind, &error);
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("a batch was not stored in {ATTEMPTS} attempts: {ticks:?}");
}

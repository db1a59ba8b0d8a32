//! Order events, written in batches and one by one.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use bytes::{Bytes, BytesMut};
use chrono::Utc;
use futures_util::future::try_join_all;
use futures_util::{SinkExt as _, TryStreamExt as _};
use tickbook::Clock;
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::domain::AccountId;
use tokio_postgres::{Client, NoTls};

use super::Bench;
use super::ledger_market::{account, event, events, scope};
use crate::cpu;
use crate::report::Report;
use crate::report::Target::AtLeast;
use crate::server::Place;

const BATCH: u64 = 1_000;
/// Measured batches of a round.
const BATCHES: u64 = 20;
/// Accounts that write at the same time, and the events of each in a turn.
const ACCOUNTS: usize = 16;
const CALLS: u64 = 60;
const TURNS: u64 = 6;

/// The tables that an append writes, and the rows of events from `$first` to `$last`. `$account` stands for the account
/// that the copied rows get.
const WRITTEN: &[(&str, &str)] = &[
    ("order_events", "sequence BETWEEN $first AND $last"),
    ("orders", "last_sequence BETWEEN $first AND $last"),
    (
        "order_client_ids",
        "order_id IN (SELECT order_id FROM orders WHERE account_id = $of AND last_sequence BETWEEN $first AND $last)",
    ),
    (
        "order_venue_ids",
        "order_id IN (SELECT order_id FROM orders WHERE account_id = $of AND last_sequence BETWEEN $first AND $last)",
    ),
    ("fills", "sequence BETWEEN $first AND $last"),
    ("positions", "true"),
    ("position_fees", "true"),
];

impl Bench {
    /// The CPU time of an append, beside a bare `COPY` of the same rows into the same tables of another schema.
    pub(crate) async fn ledger_batches(&self, report: &mut Report) -> Result<()> {
        let mut place = Place::of_ledger().await?;
        let peer = Place::of_ledger().await?;
        let repositories = LedgerRepositories::postgres(place.pools().metadata());
        let id = account(&repositories, "bench").await?;
        let reader = connect(&place).await?;
        let writer = connect(&peer).await?;
        let start = Clock::system().now();
        let (mut first, mut copied) = (0, 0);
        let (mut by_cpu, mut by_time) = (Vec::new(), Vec::new());
        for round in 0..=self.rounds {
            let (mut ours, mut theirs) = ([0.0; 2], [0.0; 2]);
            for batch in 0..BATCHES {
                let events = events(first, BATCH, start)?;
                let (before, begun) = (used(&mut place)?, Instant::now());
                let receipt = repositories
                    .ledger
                    .append(&scope(), id, &events, None)
                    .await?;
                let seconds = begun.elapsed().as_secs_f64();
                let after = used(&mut place)?;
                ensure!(receipt.appended.len() as u64 == BATCH, "{receipt:?}");
                // the first batch opens the connection and plans the statements
                if batch > 0 {
                    ours[0] += after - before;
                    ours[1] += seconds;
                }
                copied += 1;
                let rows = rows_of(&reader, id, copied, first + 1, first + BATCH).await?;
                prepare(&writer, copied).await?;
                let (before, begun) = (used(&mut place)?, Instant::now());
                copy(&writer, copied, rows).await?;
                let seconds = begun.elapsed().as_secs_f64();
                let after = used(&mut place)?;
                if batch > 0 {
                    theirs[0] += after - before;
                    theirs[1] += seconds;
                }
                first += BATCH;
            }
            // the first round fills the caches of the server
            if round > 0 {
                by_cpu.push(theirs[0] / ours[0]);
                by_time.push(theirs[1] / ours[1]);
            }
        }
        report.add(
            "CPU of client and server: COPY of all rows / append of 1,000 order events",
            AtLeast(0.5),
            by_cpu,
        );
        report.add(
            "time: COPY of all rows / append of 1,000 order events",
            AtLeast(0.5),
            by_time,
        );
        Ok(())
    }

    /// Calls with one event each, beside one `INSERT … RETURNING` of the journal's row for each call.
    pub(crate) async fn ledger_calls(&self, report: &mut Report) -> Result<()> {
        let place = Place::of_ledger().await?;
        let peer = Place::of_ledger().await?;
        let pools = place.pools_of(ACCOUNTS as u32);
        let repositories = LedgerRepositories::postgres(pools.metadata());
        let mut accounts = Vec::new();
        for number in 0..ACCOUNTS {
            accounts.push(account(&repositories, &format!("bench {number}")).await?);
        }
        let others = try_join_all((0..ACCOUNTS).map(|_| connect(&peer))).await?;
        for (client, id) in others.iter().zip(&accounts) {
            prepare(client, id.get()).await?;
        }
        let start = Clock::system().now();
        let mut ratios = Vec::new();
        let mut first = 0;
        for round in 0..=self.rounds {
            let (mut ours, mut theirs) = (0.0, 0.0);
            for turn in 0..TURNS {
                for half in 0..2 {
                    let begun = Instant::now();
                    if (turn + half) % 2 == 0 {
                        let calls = accounts
                            .iter()
                            .map(|id| append(&repositories, *id, first, start));
                        try_join_all(calls).await?;
                        ours += begun.elapsed().as_secs_f64();
                    } else {
                        let calls = others
                            .iter()
                            .zip(&accounts)
                            .map(|(client, id)| insert(client, *id, first));
                        try_join_all(calls).await?;
                        theirs += begun.elapsed().as_secs_f64();
                    }
                }
                first += CALLS;
            }
            if round > 0 {
                ratios.push(theirs / ours);
            }
        }
        report.add(
            "INSERT … RETURNING for each event / append of each event, 16 accounts",
            AtLeast(0.5),
            ratios,
        );
        Ok(())
    }
}

/// CPU time of this process and of the server, in microseconds.
fn used(place: &mut Place) -> Result<f64> {
    let server = place.server_cpu_micros()?;
    Ok(server + cpu::of_this_process())
}

async fn connect(place: &Place) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(place.url(), NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// The rows of a batch as binary `COPY` data, with another account.
async fn rows_of(
    reader: &Client,
    id: AccountId,
    copied: i64,
    first: u64,
    last: u64,
) -> Result<Vec<(&'static str, Bytes)>> {
    let mut all = Vec::new();
    for (table, condition) in WRITTEN {
        let columns = reader
            .query_one(
                "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute \
                 WHERE attrelid = $1::text::regclass AND attnum > 1 AND NOT attisdropped",
                &[table],
            )
            .await?;
        let columns: String = columns.get(0);
        let condition = condition
            .replace("$of", &id.to_string())
            .replace("$first", &first.to_string())
            .replace("$last", &last.to_string());
        let sql = format!(
            "COPY (SELECT {copied}::bigint, {columns} FROM {table} WHERE account_id = {id} AND {condition}) \
             TO STDOUT (FORMAT binary)"
        );
        let stream = reader.copy_out(&sql).await?;
        let bytes: BytesMut = stream
            .try_fold(BytesMut::new(), |mut all, part| async move {
                all.extend_from_slice(&part);
                Ok(all)
            })
            .await?;
        all.push((*table, bytes.freeze()));
    }
    Ok(all)
}

/// An account for the copied rows.
async fn prepare(writer: &Client, id: i64) -> Result<()> {
    let sql = format!(
        "INSERT INTO accounts VALUES ({id}, 1, 'bench {id}', 'bench', 'live', 'USD', 'UTC', 'average', 'netting', now())"
    );
    writer.batch_execute(&sql).await.context(sql)
}

async fn copy(writer: &Client, id: i64, rows: Vec<(&'static str, Bytes)>) -> Result<()> {
    writer.batch_execute("BEGIN").await?;
    for (table, bytes) in rows {
        let sink = writer
            .copy_in(&format!("COPY {table} FROM STDIN (FORMAT binary)"))
            .await?;
        let mut sink = Box::pin(sink);
        sink.send(bytes).await?;
        sink.as_mut().finish().await?;
    }
    let head = format!("INSERT INTO account_heads VALUES ({id}, {BATCH}, 0, now())");
    writer.batch_execute(&head).await?;
    writer.batch_execute("COMMIT").await?;
    Ok(())
}

async fn append(
    repositories: &LedgerRepositories,
    id: AccountId,
    first: u64,
    start: chrono::DateTime<Utc>,
) -> Result<()> {
    for number in first..first + CALLS {
        let event = [event(number, start)?];
        let receipt = repositories
            .ledger
            .append(&scope(), id, &event, None)
            .await?;
        ensure!(receipt.appended.len() == 1, "{receipt:?}");
    }
    Ok(())
}

async fn insert(client: &Client, id: AccountId, first: u64) -> Result<()> {
    let insert = client
        .prepare(
            "INSERT INTO order_events (account_id, sequence, order_id, kind, symbol_id, side, venue, exec_id, \
             client_order_id, venue_time, recorded_at, event_key, content_hash, payload) \
             VALUES ($1, $2, $3, 'acknowledged', 1, 'buy', 'bench', $4, $5, now(), now(), gen_random_uuid(), $6, \
             $7::text::jsonb) RETURNING sequence",
        )
        .await?;
    for number in first..first + CALLS {
        let sequence = number as i64 + 1;
        let order = format!("0192f5a0-0000-7000-8000-{:012}", number / 4);
        let (exec, client_id) = (format!("e-{number:015}"), format!("c-{:012}", number / 4));
        let hash = [number as u8; 32];
        let payload = format!(
            "{{\"order_id\":\"{order}\",\"exec_id\":\"{exec}\",\"venue_time\":\"2024-05-01T12:00:00.000000Z\",\
             \"kind\":{{\"filled\":{{\"quantity\":\"4\",\"price\":\"101.25\"}}}}}}"
        );
        let row = client
            .query_one(
                &insert,
                &[
                    &id.get(),
                    &sequence,
                    &order,
                    &exec,
                    &client_id,
                    &&hash[..],
                    &payload,
                ],
            )
            .await?;
        ensure!(row.get::<_, i64>(0) == sequence);
    }
    Ok(())
}

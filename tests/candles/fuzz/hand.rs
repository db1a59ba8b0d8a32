//! Commands that an operator runs with psql: refreshes, jobs, compression. Community edition only.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Bool, Integer, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::Database;

use super::draw;
use super::site::{Site, relation};
use crate::support::random::Random;

/// The relations of the round's schema that have chunks.
const RELATIONS: &str = "WITH relations AS (\
    SELECT hypertable_schema, hypertable_name, hypertable_name::text AS relation, \
    compression_enabled FROM timescaledb_information.hypertables \
    WHERE hypertable_schema = current_schema() AND hypertable_name IN ('ticks', 'trades') \
    UNION ALL SELECT materialization_hypertable_schema, materialization_hypertable_name, \
    view_name::text, compression_enabled FROM timescaledb_information.continuous_aggregates \
    WHERE view_schema = current_schema()) ";

#[derive(QueryableByName)]
struct Job {
    #[diesel(sql_type = Integer)]
    job_id: i32,
    #[diesel(sql_type = Text)]
    what: String,
}

#[derive(QueryableByName)]
struct Chunk {
    #[diesel(sql_type = Text)]
    relation: String,
    #[diesel(sql_type = Text)]
    chunk: String,
    #[diesel(sql_type = Bool)]
    compression_enabled: bool,
}

impl Chunk {
    /// Whether it has ticks or trades.
    fn is_of_rows(&self) -> bool {
        matches!(self.relation.as_str(), "ticks" | "trades")
    }
}

#[derive(QueryableByName)]
struct Process {
    #[diesel(sql_type = Integer)]
    pid: i32,
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Bool)]
    force: bool,
    #[diesel(sql_type = Bool)]
    options: bool,
}

/// Runs commands in a separate thread until the round ends.
pub(crate) fn work(site: &Arc<Site>) {
    let mut random = site.random(400);
    let mut connection = site.schemas.connection(Database::Timeseries);
    connection
        .batch_execute("SET statement_timeout = '20s'; SET client_min_messages = 'error'")
        .expect("set");
    let process: Process = sql_query("SELECT pg_backend_pid() AS pid")
        .get_result(&mut connection)
        .expect("a process");
    *site.hand.lock().unwrap_or_else(PoisonError::into_inner) = Some(process.pid);
    let known: Known = sql_query(
        "SELECT bool_or('force' = ANY(proargnames)) AS force, \
         bool_or('options' = ANY(proargnames)) AS options \
         FROM pg_proc WHERE proname = 'refresh_continuous_aggregate'",
    )
    .get_result(&mut connection)
    .expect("known");
    while site.goes_on(true) {
        std::thread::sleep(Duration::from_millis(random.below(300)));
        if !site.has_aggregates() {
            continue;
        }
        match random.below(20) {
            0..=8 => refresh(site, &mut connection, &mut random, &known),
            9..=13 => run_job(site, &mut connection, &mut random),
            14..=17 => compress(site, &mut connection, &mut random),
            _ => decompress(site, &mut connection, &mut random),
        }
    }
    // another session may get the same process id later, and must not be cancelled
    *site.hand.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

fn run(site: &Site, connection: &mut PgConnection, kind: &'static str, sql: &str) {
    if site.leaves_out(kind) {
        return;
    }
    let op = site.model.begin(kind, format!("{sql};"));
    let done = connection.batch_execute(sql);
    // Debian's and some other servers report this error although they have done the work
    let error = done
        .err()
        .filter(|it| !it.to_string().contains("cannot drop"));
    site.counts.op(kind, error.is_some());
    if let Some(error) = &error {
        site.counts.error(kind, error);
    }
    let outcome = error.map_or("done".to_owned(), |error| format!("failed: {error}"));
    site.model.end(op, outcome);
}

/// Refreshes any window, including windows whose ticks were dropped.
fn refresh(site: &Site, connection: &mut PgConnection, random: &mut Random, known: &Known) {
    let timeframe = draw::timeframe(random);
    let from = site.times.any(random);
    let length = match random.below(3) {
        0 => TimeDelta::hours(1),
        1 => TimeDelta::hours(1 + random.below(48) as i64),
        _ => timeframe.duration() * (2 + random.below(100) as i32),
    };
    let to = from + length.max(timeframe.duration() * 2);
    let mut call = format!(
        "CALL refresh_continuous_aggregate('{}{}', timestamptz '{}', timestamptz '{}'",
        ["", "", "trade_"][random.below(3) as usize],
        relation(timeframe),
        from.to_rfc3339(),
        to.to_rfc3339()
    );
    if known.force && random.below(4) == 0 {
        call += ", force => true";
    }
    if known.options && random.below(3) > 0 {
        let buckets = [0, 1, 2, 10, 60, 1_440][random.below(6) as usize];
        let newest_first = random.below(2) == 0;
        call += &format!(
            ", options => '{{\"buckets_per_batch\": {buckets}, \
             \"refresh_newest_first\": {newest_first}}}'"
        );
    }
    call += ")";
    run(site, connection, "refresh by hand", &call);
}

fn run_job(site: &Site, connection: &mut PgConnection, random: &mut Random) {
    let jobs: Result<Vec<Job>, _> = sql_query(format!(
        "{RELATIONS} SELECT DISTINCT job_id, proc_name || ' of ' || relation AS what \
         FROM timescaledb_information.jobs AS j JOIN relations AS r \
         ON (j.hypertable_schema, j.hypertable_name) = (r.hypertable_schema, r.hypertable_name) \
         OR (j.hypertable_schema, j.hypertable_name) = (current_schema(), relation) \
         ORDER BY job_id"
    ))
    .load(connection);
    match jobs {
        Ok(jobs) if jobs.is_empty() => {}
        Ok(mut jobs) => {
            // only one of many jobs drops ticks
            let is_of_rows = |what: &str| what.ends_with(" ticks") || what.ends_with(" trades");
            let dropping = |job: &Job| job.what.contains("retention") && is_of_rows(&job.what);
            if random.below(4) == 0 && jobs.iter().any(dropping) {
                jobs.retain(dropping);
            }
            let job = &jobs[random.below(jobs.len() as u64) as usize];
            let (id, what) = (job.job_id, &job.what);
            run(
                site,
                connection,
                "job",
                &format!("CALL run_job({id}) /* {what} */"),
            );
        }
        Err(error) => site.counts.error("jobs", &error),
    }
}

fn chunk(
    site: &Site,
    connection: &mut PgConnection,
    random: &mut Random,
    is_compressed: bool,
) -> Option<Chunk> {
    let chunks: Result<Vec<Chunk>, _> = sql_query(format!(
        "{RELATIONS} SELECT relation, format('%I.%I', chunk_schema, chunk_name) AS chunk, \
         compression_enabled FROM timescaledb_information.chunks JOIN relations \
         USING (hypertable_schema, hypertable_name) WHERE is_compressed = {is_compressed} \
         ORDER BY relation IN ('ticks', 'trades'), chunk"
    ))
    .load(connection);
    match chunks {
        Ok(mut chunks) => {
            // choose a chunk of ticks or trades in half of the cases
            if random.below(2) == 0 && chunks.iter().any(Chunk::is_of_rows) {
                chunks.retain(Chunk::is_of_rows);
            }
            let count = chunks.len();
            (count > 0).then(|| chunks.swap_remove(random.below(count as u64) as usize))
        }
        Err(error) => {
            site.counts.error("chunks", &error);
            None
        }
    }
}

fn compress(site: &Site, connection: &mut PgConnection, random: &mut Random) {
    let Some(chunk) = chunk(site, connection, random, false) else {
        return;
    };
    if !chunk.compression_enabled {
        let (what, order) = match chunk.relation.as_str() {
            "ticks" => ("TABLE", "tick_time,sequence"),
            "trades" => ("TABLE", "trade_time,sequence"),
            _ => ("MATERIALIZED VIEW", "open_time"),
        };
        let sql = format!(
            "ALTER {what} {} SET (timescaledb.compress = true, \
             timescaledb.compress_segmentby = 'symbol_id', \
             timescaledb.compress_orderby = '{order}')",
            chunk.relation
        );
        run(site, connection, "compression set up", &sql);
    }
    let sql = format!(
        "SELECT compress_chunk('{}', if_not_compressed => true)",
        chunk.chunk
    );
    run(
        site,
        connection,
        kind_of(
            &chunk,
            ["chunk of ticks compressed", "chunk of candles compressed"],
        ),
        &sql,
    );
}

fn decompress(site: &Site, connection: &mut PgConnection, random: &mut Random) {
    let Some(chunk) = chunk(site, connection, random, true) else {
        return;
    };
    let sql = format!(
        "SELECT decompress_chunk('{}', if_compressed => true)",
        chunk.chunk
    );
    run(
        site,
        connection,
        kind_of(
            &chunk,
            [
                "chunk of ticks decompressed",
                "chunk of candles decompressed",
            ],
        ),
        &sql,
    );
}

fn kind_of(chunk: &Chunk, [ticks, candles]: [&'static str; 2]) -> &'static str {
    if chunk.is_of_rows() { ticks } else { candles }
}

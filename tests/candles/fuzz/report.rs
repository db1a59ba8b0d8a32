//! Reports a difference, and writes a file with the events that led to it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::Database;
use tickbook::domain::Tick;

use super::model::{Inner, Op, TRADED};
use super::site::{Counts, Site};
use super::view::Call;

/// The largest number of differences to report per round.
const MAX_REPORTED: usize = 3;

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    view: String,
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Twice {
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = Nullable<Text>)]
    first: Option<String>,
}

/// Reports the difference, writes the file, and ends the round.
pub(crate) fn difference(site: &Site, kind: &'static str, text: &str, call: Option<Call>) {
    let since = site.counts.difference(kind);
    if site.leaves_out(kind) {
        return;
    }
    Counts::add(&site.counts.differences);
    let mut reported = site.reports.lock().expect("nobody panics here");
    *reported += 1;
    let number = *reported;
    site.is_wrong.store(true, Ordering::SeqCst);
    if number > MAX_REPORTED {
        return;
    }
    let inner = site.model.lock();
    let mut said = format!(
        "\n=== difference {number} of the round with seed {}, {:.1} s after its start, {:.1} s \
         after the first: {kind}\n",
        site.seed,
        site.begun.elapsed().as_secs_f64(),
        since.as_secs_f64()
    );
    if let Some(call) = call {
        let query = &call.query;
        let _ = writeln!(
            said,
            "{query:?}\nread from {} to {}",
            call.begin.1, call.end.1
        );
    }
    let _ = writeln!(said, "{text}\nrows that stand twice: {}", twice(site));
    let _ = writeln!(said, "in flight:");
    for (number, op) in inner.ops.iter().enumerate() {
        let is_over =
            |call: &Call| op.begin > call.end.0 || op.end.is_some_and(|end| end < call.begin.0);
        if call.as_ref().map_or(op.end.is_some(), is_over) {
            continue;
        }
        let what = if op.writer.is_some() {
            op.kind
        } else {
            &op.text
        };
        let _ = writeln!(said, "  {number}: {} {what}", op.began_at);
    }
    match write_script(site, &inner, call, number, &said) {
        Ok(path) => {
            let _ = writeln!(said, "what led to it: {}", path.display());
        }
        Err(error) => {
            let _ = writeln!(said, "what led to it could not be written: {error}");
        }
    }
    println!("{said}again: make fuzz-candles SEED={}", site.seed);
}

/// The number of rows of each aggregate that have the same symbol and open time as another row.
fn twice(site: &Site) -> String {
    let mut connection = site.schemas.connection(Database::Timeseries);
    let tables: Result<Vec<Table>, _> = sql_query(
        "SELECT view_name::text AS view, format('%I.%I', materialization_hypertable_schema, \
         materialization_hypertable_name) AS name \
         FROM timescaledb_information.continuous_aggregates WHERE view_schema = current_schema()",
    )
    .load(&mut connection);
    let mut reported = String::new();
    for table in tables.into_iter().flatten() {
        let rows: Result<Twice, _> = sql_query(format!(
            "SELECT count(*) - count(DISTINCT (symbol_id, open_time)) AS rows, \
             (SELECT string_agg(format('%s %s', symbol_id, open_time), ', ') FROM ( \
             SELECT symbol_id, open_time FROM {0} GROUP BY 1, 2 HAVING count(*) > 1 \
             ORDER BY 2 LIMIT 5) AS some) AS first FROM {0}",
            table.name
        ))
        .get_result(&mut connection);
        let _ = match rows {
            Ok(Twice { rows: 0, .. }) => continue,
            Ok(Twice { rows, first }) => write!(
                reported,
                "{} {rows} ({})",
                table.view,
                first.unwrap_or_default()
            ),
            Err(error) => write!(reported, "{} {error}", table.view),
        };
    }
    if reported.is_empty() {
        "none".to_owned()
    } else {
        reported
    }
}

fn write_script(
    site: &Site,
    inner: &Inner,
    call: Option<Call>,
    number: usize,
    said: &str,
) -> std::io::Result<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fuzz-candles");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{}-{number}.sql", site.seed));
    let mut script = String::from(
        "-- Everything that was done, in the order in which it was begun. Statements are for psql;\n\
         -- commands of the product are comments, and so are the times. Ticks were stored by\n\
         -- TickRepository::insert_batch, as POST /api/v1/ticks does, each batch in one transaction.\n",
    );
    for line in said.lines() {
        let _ = writeln!(script, "-- {line}");
    }
    for (number, op) in inner.ops.iter().enumerate() {
        // events after the end of the read cannot have caused the difference
        if call.is_some_and(|call| op.begin > call.end.0) {
            break;
        }
        write_op(&mut script, number, op);
    }
    std::fs::write(&path, script)?;
    Ok(path)
}

fn write_op(script: &mut String, number: usize, op: &Op) {
    let ended = op
        .ended_at
        .map_or("under way".to_owned(), |it| it.to_string());
    let (kind, began_at, outcome) = (op.kind, op.began_at, &op.outcome);
    let _ = writeln!(
        script,
        "\n-- {number}: {kind}, {began_at} to {ended}: {outcome}"
    );
    if op.ticks.is_empty() {
        for line in op.text.lines() {
            // the settings of policies follow their command as comments
            let comment = if op.text.starts_with("--") && !line.starts_with("--") {
                "-- "
            } else {
                ""
            };
            let _ = writeln!(script, "{comment}{line}");
        }
        return;
    }
    if op.ticks[0].symbol_id == TRADED {
        write_trades(script, &op.ticks);
        return;
    }
    script.push_str(
        "INSERT INTO ticks (symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, \
         ask_volume) VALUES\n",
    );
    for (index, tick) in op.ticks.iter().enumerate() {
        let Tick {
            symbol_id,
            tick_time,
            sequence,
            bid_price,
            ask_price,
            bid_volume,
            ask_volume,
            ..
        } = tick;
        let time = tick_time.to_rfc3339();
        let [bid_price, ask_price, bid_volume, ask_volume] =
            [bid_price, ask_price, bid_volume, ask_volume].map(|number| match number {
                Some(number) => number.to_string(),
                None => "NULL".to_owned(),
            });
        let end = if index + 1 == op.ticks.len() {
            "\nON CONFLICT DO NOTHING;"
        } else {
            ","
        };
        let _ = writeln!(
            script,
            "({symbol_id}, '{time}', {sequence}, {bid_price}, {ask_price}, {bid_volume}, \
             {ask_volume}){end}"
        );
    }
}

/// The trades that the model keeps as ticks.
fn write_trades(script: &mut String, trades: &[Tick]) {
    script.push_str(
        "INSERT INTO trades (symbol_id, trade_time, sequence, price, quantity, is_block) VALUES\n",
    );
    for (index, trade) in trades.iter().enumerate() {
        let (symbol, time, sequence) = (trade.symbol_id, trade.tick_time, trade.sequence);
        let price = trade.bid_price.unwrap_or_default();
        let quantity = trade.bid_volume.unwrap_or_default();
        let end = if index + 1 == trades.len() {
            "\nON CONFLICT DO NOTHING;"
        } else {
            ","
        };
        let time = time.to_rfc3339();
        let _ = writeln!(
            script,
            "({symbol}, '{time}', {sequence}, {price}, {quantity}, false){end}"
        );
    }
}

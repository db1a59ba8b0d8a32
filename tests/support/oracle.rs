//! Reads stored data with psql.

use std::process::Command;

use tickbook::domain::Tick;

/// The query for the ticks that match the condition, by key.
fn query(condition: &str) -> String {
    let numbers = ["bid_price", "ask_price", "bid_volume", "ask_volume"];
    let numbers = numbers.map(|name| format!("coalesce(trim_scale({name})::text, 'none')"));
    format!(
        "SELECT concat_ws('|', symbol_id, (extract(epoch FROM tick_time) * 1000000)::bigint, \
         sequence, {}) FROM ticks WHERE {condition} ORDER BY symbol_id, tick_time, sequence",
        numbers.join(", ")
    )
}

/// The lines that psql prints for a query.
///
/// # Panics
/// If psql fails.
pub(crate) fn ask(url: &str, sql: &str) -> Vec<String> {
    try_ask(url, sql).unwrap_or_else(|error| panic!("psql, {sql}: {error}"))
}

pub(crate) fn try_ask(url: &str, sql: &str) -> Result<Vec<String>, String> {
    let output = Command::new("psql")
        .args(["-X", "-q", "-w", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c"])
        .args([sql, url])
        .env("PGCONNECT_TIMEOUT", "5")
        .output()
        .map_err(|error| format!("psql does not start: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Asserts that exactly the ticks `expected`, whose keys all differ, are stored with the same values.
pub(crate) fn assert_exact(url: &str, expected: &[Tick]) {
    assert_exact_where(url, "true", expected);
}

/// Asserts the same for the stored ticks that match the condition.
pub(crate) fn assert_exact_where(url: &str, condition: &str, expected: &[Tick]) {
    let stored = ask(url, &query(condition));
    let mut expected: Vec<_> = expected.iter().collect();
    expected.sort_by_key(|tick| tick.key());
    let first = stored
        .iter()
        .zip(&expected)
        .find(|(stored, expected)| **stored != line(expected));
    assert!(
        first.is_none() && stored.len() == expected.len(),
        "{} ticks are stored, {} were acknowledged; the first difference: {first:?}",
        stored.len(),
        expected.len()
    );
}

/// A tick in the form that the query prints.
fn line(tick: &Tick) -> String {
    let numbers = [
        tick.bid_price,
        tick.ask_price,
        tick.bid_volume,
        tick.ask_volume,
    ];
    let numbers = numbers.map(|number| match number {
        Some(number) => number.normalize().to_string(),
        None => "none".to_owned(),
    });
    format!(
        "{}|{}|{}|{}",
        tick.symbol_id.get(),
        tick.tick_time.timestamp_micros(),
        tick.sequence,
        numbers.join("|")
    )
}

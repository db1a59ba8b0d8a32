//! Validates that a set of policies loses no candle: one pure function for each rule.

use crate::domain::{CandleInput, CandleOrigin, CandleRelation, Timeframe};

use super::conflict::{ConflictingSetting, PolicyConflict};
use super::declared::{RefreshPolicy, RetentionPolicies, TablePolicies};
use super::policy_duration::PolicyDuration;

/// The longest candle, and the unit in which late ticks are marked for a refresh.
const MAX_BUCKET: PolicyDuration = PolicyDuration::days(1);

/// The maximum number of chunks of a table. More chunks make planning slow and exhaust the server's locks.
const MAX_CHUNKS: i64 = 1_000;

/// The shortest chunk of ticks or trades: every candle up to one hour lies within one chunk.
const MIN_CHUNK: PolicyDuration = PolicyDuration::hours(1);

/// The age below which writes do not check the policies.
pub(crate) const ALWAYS_FRESH: PolicyDuration = PolicyDuration::hours(1);

/// Checks that `policies` lose no candle, regardless of late ticks and of the order of the jobs.
///
/// # Errors
/// Returns every conflict, with both values and a remedy.
///
/// # Examples
///
/// ```
/// use tickbook::retention::{RetentionPolicies, PolicyDuration, validate};
///
/// let mut policies = RetentionPolicies::default();
/// assert!(validate(&policies).is_ok());
/// policies.candles.drop_after = Some(PolicyDuration::days(10));
/// let conflicts = validate(&policies).expect_err("ticks are kept for 90 days");
/// assert!(conflicts.iter().any(|conflict| conflict.longer.name == "policies.candles.drop_after"));
/// ```
pub fn validate(policies: &RetentionPolicies) -> Result<(), Vec<PolicyConflict>> {
    let mut conflicts = Vec::new();
    conflicts.extend(lateness_is_an_hour(policies));
    conflicts.extend(chunks_are_long_enough(policies));
    conflicts.extend(chunks_end_with_candles(policies));
    conflicts.extend(chunks_are_few(policies));
    conflicts.extend(compression_comes_before_dropping(policies));
    for &input in CandleInput::ALL {
        conflicts.extend(compression_waits_for_late_rows(policies, input));
        conflicts.extend(candles_outlive_rows(policies, input));
    }
    for (timeframe, refresh) in &policies.refresh {
        let (timeframe, refresh) = (*timeframe, *refresh);
        conflicts.extend(refresh_starts_somewhere(timeframe, refresh));
        conflicts.extend(refresh_ends_before_the_forming_candle(timeframe, refresh));
        conflicts.extend(refresh_covers_two_candles(timeframe, refresh));
        conflicts.extend(refresh_reaches_late_ticks(policies, timeframe, refresh));
        for (source, table) in sources(policies, timeframe) {
            conflicts.extend(source_outlives_refresh(
                policies,
                (source, table),
                timeframe,
                refresh,
            ));
        }
        conflicts.extend(compression_waits_for_refresh(policies, timeframe, refresh));
    }
    if conflicts.is_empty() {
        Ok(())
    } else {
        Err(conflicts)
    }
}

/// Requires `longer` to be at least as long as `shorter`.
fn at_least(
    longer: (impl Into<String>, PolicyDuration),
    shorter: (impl Into<String>, PolicyDuration),
    remedy: impl FnOnce() -> String,
) -> Option<PolicyConflict> {
    (longer.1 < shorter.1).then(|| PolicyConflict {
        longer: ConflictingSetting::new(longer.0, longer.1),
        shorter: ConflictingSetting::new(shorter.0, shorter.1),
        remedy: remedy(),
    })
}

fn lateness_is_an_hour(policies: &RetentionPolicies) -> Option<PolicyConflict> {
    at_least(
        ("policies.lateness", policies.lateness),
        ("one hour", ALWAYS_FRESH),
        || "writes do not check the age of younger ticks; set lateness to 1h or more".to_owned(),
    )
}

fn chunks_are_long_enough(policies: &RetentionPolicies) -> Vec<PolicyConflict> {
    let books = ChunkUnit {
        name: "books",
        chunk: policies.books.chunk,
        unit: MIN_CHUNK,
    };
    units(policies)
        .into_iter()
        .chain([books])
        .filter_map(|ChunkUnit { name, chunk, unit }| {
            at_least(
                (format!("policies.{name}.chunk"), chunk),
                (format!("the shortest chunk of {name}"), unit),
                || {
                    format!(
                        "so many chunks exhaust the server's locks; set chunk to {unit} or more"
                    )
                },
            )
        })
        .collect()
}

fn chunks_end_with_candles(policies: &RetentionPolicies) -> Vec<PolicyConflict> {
    units(policies)
        .into_iter()
        .filter(|it| it.chunk.as_seconds() % it.unit.as_seconds() != 0)
        .map(|ChunkUnit { name, chunk, unit }| {
            let whole = unit * (chunk.as_seconds() / unit.as_seconds() + 1);
            PolicyConflict {
                longer: ConflictingSetting::new(format!("policies.{name}.chunk"), chunk),
                shorter: ConflictingSetting::new(format!("the next multiple of {unit}"), whole),
                remedy: format!(
                    "dropping a chunk that ends within a candle would drop a part of the candle's \
                     source; set chunk to {whole}"
                ),
            }
        })
        .collect()
}

struct ChunkUnit {
    name: &'static str,
    chunk: PolicyDuration,
    /// The chunk must be a multiple of this length.
    unit: PolicyDuration,
}

fn units(policies: &RetentionPolicies) -> [ChunkUnit; 3] {
    [
        ChunkUnit {
            name: "ticks",
            chunk: policies.ticks.chunk,
            // larger candles are computed from one-minute candles, which outlive the ticks
            unit: MIN_CHUNK,
        },
        ChunkUnit {
            name: "trades",
            chunk: policies.trades.chunk,
            unit: MIN_CHUNK,
        },
        ChunkUnit {
            name: "candles",
            chunk: policies.candles.chunk,
            // without aggregates only minutes are stored, and a day is computed from the remaining ones
            unit: MAX_BUCKET,
        },
    ]
}

/// The policies of each table, with the name of their section.
fn tables(policies: &RetentionPolicies) -> [(&'static str, &TablePolicies); 4] {
    [
        ("ticks", &policies.ticks),
        ("trades", &policies.trades),
        ("candles", &policies.candles),
        ("books", &policies.books),
    ]
}

fn chunks_are_few(policies: &RetentionPolicies) -> Vec<PolicyConflict> {
    tables(policies)
        .into_iter()
        .filter_map(|(name, table)| {
            let drop_after = table.drop_after?;
            at_least(
                (
                    format!("{MAX_CHUNKS} times policies.{name}.chunk"),
                    table.chunk * MAX_CHUNKS,
                ),
                (format!("policies.{name}.drop_after"), drop_after),
                || {
                    let max_seconds = MAX_CHUNKS * MIN_CHUNK.as_seconds();
                    let hours = (drop_after.as_seconds() + max_seconds - 1) / max_seconds;
                    format!(
                        "so many chunks make planning slow and exhaust the server's locks; \
                         set chunk to {} or more",
                        PolicyDuration::hours(hours)
                    )
                },
            )
        })
        .collect()
}

fn compression_waits_for_late_rows(
    policies: &RetentionPolicies,
    input: CandleInput,
) -> Option<PolicyConflict> {
    let (lateness, rows) = (policies.lateness, input.table());
    at_least(
        (
            format!("policies.{rows}.compress_after"),
            policies.of_rows(input).compress_after?,
        ),
        ("policies.lateness", lateness),
        || {
            format!(
                "late {rows} are slow to write into compressed chunks; set compress_after to \
                 {lateness} or more"
            )
        },
    )
}

fn compression_comes_before_dropping(policies: &RetentionPolicies) -> Vec<PolicyConflict> {
    tables(policies)
        .into_iter()
        .filter_map(|(name, table)| {
            let (compress_after, drop_after) = (table.compress_after?, table.drop_after?);
            at_least(
                (format!("policies.{name}.drop_after"), drop_after),
                (format!("policies.{name}.compress_after"), compress_after),
                || {
                    "nothing would ever be compressed; set compress_after below it, or to \"none\""
                        .to_owned()
                },
            )
        })
        .collect()
}

fn candles_outlive_rows(
    policies: &RetentionPolicies,
    input: CandleInput,
) -> Option<PolicyConflict> {
    let (candles, rows) = (policies.candles.drop_after?, input.table());
    let setting = format!("policies.{rows}.drop_after");
    match policies.of_rows(input).drop_after {
        Some(drop_after) => at_least(
            ("policies.candles.drop_after", candles),
            (setting, drop_after),
            || {
                format!(
                    "candles would be dropped before their {rows}; set it to {drop_after} or more"
                )
            },
        ),
        None => Some(PolicyConflict {
            longer: ConflictingSetting::new("policies.candles.drop_after", candles),
            shorter: ConflictingSetting::new(setting, "none"),
            remedy: format!(
                "candles would be dropped before their {rows}; set it to \"none\" as well"
            ),
        }),
    }
}

/// The tables that the candles of `timeframe` are computed from.
fn sources(
    policies: &RetentionPolicies,
    timeframe: Timeframe,
) -> Vec<(&'static str, &TablePolicies)> {
    let mut sources: Vec<_> = CandleInput::ALL
        .iter()
        .map(
            |&input| match CandleRelation::of(input, timeframe).computed_from {
                CandleOrigin::Rows(input) => (input.table(), policies.of_rows(input)),
                CandleOrigin::Candles(_) => ("candles", &policies.candles),
            },
        )
        .collect();
    sources.dedup_by_key(|(name, _)| *name);
    sources
}

fn name(timeframe: Timeframe, setting: &str) -> String {
    format!("policies.refresh.{timeframe}.{setting}")
}

fn refresh_starts_somewhere(
    timeframe: Timeframe,
    refresh: RefreshPolicy,
) -> Option<PolicyConflict> {
    if refresh.start_offset.is_some() {
        return None;
    }
    Some(PolicyConflict {
        longer: ConflictingSetting::new("any policy that drops", "finite"),
        shorter: ConflictingSetting::new(name(timeframe, "start_offset"), "none"),
        remedy: "a refresh of everything erases each candle whose ticks were dropped; \
                 set start_offset to a length such as 3d"
            .to_owned(),
    })
}

fn refresh_ends_before_the_forming_candle(
    timeframe: Timeframe,
    refresh: RefreshPolicy,
) -> Option<PolicyConflict> {
    let bucket = PolicyDuration::from(timeframe.duration());
    at_least(
        (name(timeframe, "end_offset"), refresh.end_offset),
        (format!("one candle of {timeframe}"), bucket),
        || format!("the forming candle would be frozen; set end_offset to {bucket} or more"),
    )
}

fn refresh_covers_two_candles(
    timeframe: Timeframe,
    refresh: RefreshPolicy,
) -> Option<PolicyConflict> {
    let least = refresh.end_offset + PolicyDuration::from(timeframe.duration()) * 2;
    at_least(
        (name(timeframe, "start_offset"), refresh.start_offset?),
        (
            format!("{} and two candles", name(timeframe, "end_offset")),
            least,
        ),
        || format!("the database rejects such a short window; set start_offset to {least} or more"),
    )
}

fn refresh_reaches_late_ticks(
    policies: &RetentionPolicies,
    timeframe: Timeframe,
    refresh: RefreshPolicy,
) -> Option<PolicyConflict> {
    let bucket = PolicyDuration::from(timeframe.duration());
    let least = policies.lateness + bucket + refresh.every * 2;
    at_least(
        (name(timeframe, "start_offset"), refresh.start_offset?),
        (
            format!("policies.lateness, one candle of {timeframe} and two runs"),
            least,
        ),
        || {
            format!(
                "late ticks would be missing from their candles; set start_offset to {least} or \
                 more, or lateness to less"
            )
        },
    )
}

fn source_outlives_refresh(
    policies: &RetentionPolicies,
    (source, table): (&str, &TablePolicies),
    timeframe: Timeframe,
    refresh: RefreshPolicy,
) -> Option<PolicyConflict> {
    let least = refresh.start_offset? + MAX_BUCKET + policies.lateness + table.chunk * 2;
    let shorter = format!(
        "{} + {MAX_BUCKET} (largest candle) + policies.lateness + two chunks of {source}",
        name(timeframe, "start_offset")
    );
    let drop_after = format!("policies.{source}.drop_after");
    at_least((drop_after, table.drop_after?), (shorter, least), || {
        format!(
            "a refresh would find its {source} dropped and erase their candles; set \
             drop_after to {least} or more, or start_offset to less"
        )
    })
}

fn compression_waits_for_refresh(
    policies: &RetentionPolicies,
    timeframe: Timeframe,
    refresh: RefreshPolicy,
) -> Option<PolicyConflict> {
    let least = refresh.start_offset? + PolicyDuration::from(timeframe.duration());
    at_least(
        (
            "policies.candles.compress_after",
            policies.candles.compress_after?,
        ),
        (
            format!(
                "{} and one candle of {timeframe}",
                name(timeframe, "start_offset")
            ),
            least,
        ),
        || {
            format!(
                "a refresh would write into compressed chunks; set compress_after to {least} or more"
            )
        },
    )
}

#[cfg(test)]
mod tests;

//! Summaries and problems that a command prints at its end.

use std::io::{self, Write as _};
use std::time::Duration;

use serde::Serialize;
use tickbook::domain::printable;

/// Further problems are counted, not listed.
const LISTED: usize = 20;

/// Rejected lines, ticks or rows, with place and reason.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    listed: Vec<String>,
    unlisted: u64,
}

impl Problems {
    /// Records a problem; `describe` is called only if it will be listed.
    pub(crate) fn add(&mut self, describe: impl FnOnce() -> String) {
        if self.listed.len() < LISTED {
            self.listed.push(describe());
        } else {
            self.unlisted += 1;
        }
    }

    /// Lists them on standard error.
    pub(crate) fn print(&self) {
        let mut stderr = io::stderr().lock();
        // nothing can be reported if standard error is closed
        for problem in &self.listed {
            let _ = writeln!(stderr, "{}", printable(problem));
        }
        if self.unlisted > 0 {
            let _ = writeln!(stderr, "… and {} more", self.unlisted);
        }
    }
}

/// The results of an import of ticks or trades.
///
/// `inserted + duplicates + conflicts + rejected` equals `read`, also if the import ended early.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct RowSummary {
    pub(crate) read: u64,
    pub(crate) inserted: u64,
    pub(crate) duplicates: u64,
    pub(crate) conflicts: u64,
    pub(crate) rejected: u64,
    /// `None` for trades.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crossed: Option<u64>,
    pub(crate) seconds: f64,
}

impl RowSummary {
    /// The summary as one line of text; `names` are the rows, such as `ticks`.
    pub(crate) fn line(&self, names: &str) -> String {
        let Self {
            read,
            inserted,
            duplicates,
            conflicts,
            rejected,
            crossed,
            seconds,
        } = self;
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = *read as f64 / seconds.max(0.001);
        let crossed = crossed.map_or(String::new(), |crossed| format!(", crossed {crossed}"));
        format!(
            "read {read}, inserted {inserted}, duplicates {duplicates}, conflicts {conflicts}, \
             rejected {rejected}{crossed} in {seconds:.1} s ({rate:.0} {names}/s)"
        )
    }
}

/// The results of an import of symbols.
///
/// `created + changed + unchanged + rejected` equals `read` unless the import ended early.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct SymbolSummary {
    pub(crate) read: u64,
    pub(crate) created: u64,
    pub(crate) changed: u64,
    pub(crate) unchanged: u64,
    /// Symbols with a stored value that differs from the file and was not changed.
    pub(crate) kept: u64,
    pub(crate) rejected: u64,
    pub(crate) seconds: f64,
}

impl SymbolSummary {
    /// The summary as one line of text.
    pub(crate) fn line(&self) -> String {
        let Self {
            read,
            created,
            changed,
            unchanged,
            kept,
            rejected,
            seconds,
        } = self;
        format!(
            "read {read}, created {created}, changed {changed}, unchanged {unchanged}, kept {kept}, \
             rejected {rejected} in {seconds:.1} s"
        )
    }
}

/// The results of an import of candles.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct CandleSummary {
    /// Number of lines.
    pub(crate) read: u64,
    /// Number of candles, up to two of each line.
    pub(crate) stored: u64,
    /// Number of lines or candles that the import does not have to store.
    pub(crate) skipped: u64,
    /// Number of rejected lines.
    pub(crate) rejected: u64,
    pub(crate) seconds: f64,
}

impl CandleSummary {
    /// The summary as one line of text.
    pub(crate) fn line(&self) -> String {
        let Self {
            read,
            stored,
            skipped,
            rejected,
            seconds,
        } = self;
        format!(
            "read {read}, stored {stored}, skipped {skipped}, rejected {rejected} in {seconds:.1} s"
        )
    }
}

/// Seconds with three decimals, as used in summaries.
pub(crate) fn seconds(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 1_000.0).round() / 1_000.0
}

/// Prints `text` and a line break to standard output; does not panic if the reader has closed it.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints `bytes` unchanged.
pub(crate) fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints `value` as one line of JSON.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&serde_json::to_string(value)?)
}

/// Prints `value` as one line of JSON to standard error, for commands whose rows are on standard output.
pub(crate) fn print_json_to_stderr(value: &impl Serialize) -> anyhow::Result<()> {
    writeln!(io::stderr(), "{}", serde_json::to_string(value)?)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_problems_are_listed_and_the_others_counted() {
        let mut problems = Problems::default();
        for number in 0..25 {
            problems.add(|| number.to_string());
        }
        assert_eq!((problems.listed.len(), problems.unlisted), (20, 5));
    }
}

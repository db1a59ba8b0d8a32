//! Progress bars, shown on a terminal only.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};
use tickbook::Repositories;
use tickbook::domain::{PageLimit, SortOrder, SymbolId, TimeRange};
use tickbook::files::{FileError, MarketFile};
use tickbook::repository::TickQuery;

const BAR: &str = "{prefix} {wide_bar} {percent} % {msg}, {eta} left";

/// A counter of `what`, such as `ticks`, without a known end.
pub(crate) fn counter(what: &str) -> ProgressBar {
    let counter = ProgressBar::new_spinner();
    let template = format!("{{spinner}} {{human_pos}} {what}, {{per_sec:.0}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        counter.set_style(style);
    }
    counter
}

/// A bar up to `length`.
pub(crate) fn bar(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        bar.set_style(style);
    }
    bar
}

/// A bar for the uncompressed bytes of `files`.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn bar_of_files(files: &[PathBuf]) -> Result<ProgressBar, FileError> {
    let mut bytes = 0;
    for path in files {
        bytes += MarketFile::open(path)?.unpacked_bytes()?;
    }
    Ok(bar(bytes))
}

/// A bar for a range of tick times.
#[derive(Debug)]
pub(crate) struct TimeBar {
    bar: ProgressBar,
    /// Start of the range, in seconds since 1970.
    first: i64,
}

impl TimeBar {
    pub(crate) fn hidden() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            first: 0,
        }
    }

    /// Hidden if there are no ticks, or if they cannot be read, which is reported elsewhere.
    pub(crate) async fn of_ticks(
        repositories: &Repositories,
        symbol_id: SymbolId,
        range: TimeRange,
        prefix: String,
    ) -> Self {
        let mut edges = Vec::new();
        let limit = PageLimit::new(1).unwrap_or_default();
        for order in [SortOrder::Ascending, SortOrder::Descending] {
            let query = TickQuery::new(symbol_id, range).order(order).limit(limit);
            if let Ok(page) = repositories.ticks.range(&query).await {
                edges.extend(page.items.first().map(|tick| tick.tick_time.timestamp()));
            }
        }
        let [first, last] = edges[..] else {
            return Self::hidden();
        };
        let bar = bar((last - first).unsigned_abs());
        bar.set_prefix(prefix);
        Self { bar, first }
    }

    pub(crate) fn reach(&self, time: DateTime<Utc>, message: String) {
        let done = (time.timestamp() - self.first).max(0).unsigned_abs();
        self.bar
            .set_position(done.min(self.bar.length().unwrap_or(0)));
        self.bar.set_message(message);
    }

    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

//! Settings of the sync of symbols with the lists of venues.

use std::time::Duration;

use tickbook::config::Sections;
use tickbook::retention::PolicyDuration;

/// Settings of the sync of symbols with the lists of venues.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SymbolsConfig {
    /// The interval of syncs; `None` never syncs.
    pub sync_every: Option<Duration>,
    /// Whether all instruments of a venue become symbols. Otherwise syncs only change symbols that exist.
    pub sync_all: bool,
}

impl Default for SymbolsConfig {
    /// The compiled-in defaults.
    fn default() -> Self {
        Self {
            sync_every: Some(Duration::from_secs(300)),
            sync_all: true,
        }
    }
}

pub(super) fn read(sections: &mut Sections<'_>) -> Option<SymbolsConfig> {
    let sync_every = sections.parsed("symbols.sync_every", interval);
    let sync_all = sections.parsed("symbols.sync", is_all);
    Some(SymbolsConfig {
        sync_every: sync_every?,
        sync_all: sync_all?,
    })
}

fn is_all(text: &str) -> Result<bool, String> {
    match text {
        "all" => Ok(true),
        "existing" => Ok(false),
        _ => Err("expected all or existing".to_owned()),
    }
}

fn interval(text: &str) -> Result<Option<Duration>, String> {
    if text == "none" {
        return Ok(None);
    }
    let interval: PolicyDuration = text.parse().map_err(|error| format!("{error}"))?;
    match u64::try_from(interval.as_seconds()) {
        Ok(seconds @ 1..) => Ok(Some(Duration::from_secs(seconds))),
        _ => Err("expected a length above 0, such as 5m, or none".to_owned()),
    }
}

//! `tickbook spool`.

mod inspecting;
mod letters;
mod replaying;

use std::path::Path;

use anyhow::bail;
use tickbook::config::Config;
use tickbook::ingest::quality::Quarantine;
use tickbook::ingest::{SpoolConfig, TickSpool};

use crate::args::SpoolArguments;
use crate::opening::settings as read_settings;

pub(crate) use inspecting::inspect;
pub(crate) use letters::dead_letter;
pub(crate) use replaying::replay;

/// Returns an error if no spool exists: a wrong directory would look like an empty spool.
fn require(directory: &Path) -> anyhow::Result<()> {
    if !TickSpool::exists(directory) && !Quarantine::exists(directory) {
        let shown = std::path::absolute(directory);
        let shown = shown.unwrap_or_else(|_| directory.to_path_buf());
        bail!(
            "there is no spool in {}: give its directory with --dir, or correct spool.directory",
            shown.display()
        );
    }
    Ok(())
}

/// Loads the settings, and the settings of an existing spool, of ticks or of the quarantine.
fn settings(arguments: &SpoolArguments) -> anyhow::Result<(Config, SpoolConfig)> {
    let config = read_settings()?;
    let mut settings = config.spool.clone();
    if let Some(directory) = &arguments.dir {
        settings.directory.clone_from(directory);
    }
    require(&settings.directory)?;
    Ok((config, settings))
}

//! `tickbook spool`.

mod inspecting;
mod letters;
mod replaying;

use std::path::Path;

use anyhow::bail;
use tickbook::config::Config;
use tickbook::domain::{Tick, Trade};
use tickbook::ingest::quality::Quarantine;
use tickbook::ingest::{BookSpool, Spool, SpoolConfig};

use crate::held_event::HeldEvent;

use crate::args::SpoolArguments;
use crate::opening::settings as read_settings;

pub(crate) use inspecting::inspect;
pub(crate) use letters::dead_letter;
pub(crate) use replaying::replay;

/// Returns an error if no spool exists: a wrong directory would look like an empty spool.
fn require(directory: &Path) -> anyhow::Result<()> {
    let settings = SpoolConfig::new(directory);
    if !exists::<Tick>(directory)
        && !exists::<Trade>(&settings.of_trades().directory)
        && !BookSpool::exists(&settings.of_books().directory)
    {
        let shown = std::path::absolute(directory);
        let shown = shown.unwrap_or_else(|_| directory.to_path_buf());
        bail!(
            "there is no spool in {}: give its directory with --dir, or correct spool.directory",
            shown.display()
        );
    }
    Ok(())
}

/// Whether a spool of events, or of their quarantine, exists.
fn exists<E: HeldEvent>(directory: &Path) -> bool {
    Spool::<E>::exists(directory) || Quarantine::<E>::exists(directory)
}

/// Loads the settings, and the settings of an existing spool of ticks; its directory has those of the trades,
/// of the order books and of the quarantines.
fn settings(arguments: &SpoolArguments) -> anyhow::Result<(Config, SpoolConfig)> {
    let config = read_settings()?;
    let mut settings = config.spool.clone();
    if let Some(directory) = &arguments.dir {
        settings.directory.clone_from(directory);
    }
    require(&settings.directory)?;
    Ok((config, settings))
}

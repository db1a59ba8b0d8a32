//! `tickbook config`.

use tickbook::config::Settings;

use crate::Outcome;
use crate::report::print;

pub(crate) fn run() -> anyhow::Result<Outcome> {
    print(&Settings::load()?.to_string())?;
    Ok(Outcome::Complete)
}

//! `tickbook aggregates apply`

use tickbook::config::Config;
use tickbook::db::{DatabasePools, apply_aggregates};

use crate::Outcome;
use crate::report::print;

pub(crate) async fn apply() -> anyhow::Result<Outcome> {
    let pools = DatabasePools::new(&Config::load()?);
    let report = apply_aggregates(&pools.timeseries()).await?;
    print(&format!("edition: {}", report.edition))?;
    for (name, kind) in &report.relations {
        let made = if report.changed.contains(name) {
            ", made now"
        } else {
            ""
        };
        print(&format!("{name}: {kind}{made}"))?;
    }
    Ok(Outcome::Complete)
}

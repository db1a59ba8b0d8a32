//! `tickbook aggregates apply`

use tickbook::db::apply_aggregates;

use crate::Outcome;
use crate::databases::Databases;
use crate::report::print;

pub(crate) async fn apply() -> anyhow::Result<Outcome> {
    let databases = Databases::load()?;
    let report = apply_aggregates(&databases.pools.timeseries()).await?;
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

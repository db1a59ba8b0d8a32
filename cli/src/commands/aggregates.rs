//! `tickbook aggregates apply`

use tickbook::Database;
use tickbook::db::DatabasePools;
use tickbook::postgres::apply_aggregates;

use crate::Outcome;
use crate::opening::{patiently, settings};
use crate::report::print;

pub(crate) async fn apply() -> anyhow::Result<Outcome> {
    let config = settings()?;
    let db = DatabasePools::new(&config.database).timeseries();
    let report = patiently(&config, &[Database::Timeseries], apply_aggregates(&db)).await?;
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

//! `tickbook migrate`

use tickbook::config::Config;
use tickbook::db::{DatabasePools, MigrationReport, migrate_metadata, migrate_timeseries};

use crate::Outcome;
use crate::args::MigrateArguments;
use crate::report::print;

pub(crate) async fn run(arguments: &MigrateArguments) -> anyhow::Result<Outcome> {
    let pools = DatabasePools::new(&Config::load()?);
    let both = arguments.metadata == arguments.timeseries;
    if both || arguments.metadata {
        tell(&migrate_metadata(&pools.metadata()).await?)?;
    }
    if both || arguments.timeseries {
        tell(&migrate_timeseries(&pools.timeseries()).await?)?;
    }
    Ok(Outcome::Complete)
}

fn tell(report: &MigrationReport) -> anyhow::Result<()> {
    let MigrationReport {
        database,
        applied,
        already_applied,
    } = report;
    if applied.is_empty() {
        return print(&format!(
            "{database}: nothing to do, all {already_applied} migrations were applied before"
        ));
    }
    for name in applied {
        print(&format!("{database}: applied {name}"))?;
    }
    Ok(())
}

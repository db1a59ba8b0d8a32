//! `tickbook migrate`.

use tickbook::Database;
use tickbook::db::DatabasePools;
use tickbook::postgres::{MigrationReport, migrate_metadata, migrate_timeseries};

use crate::Outcome;
use crate::args::MigrateArguments;
use crate::opening::{patiently, settings};
use crate::report::print;

pub(crate) async fn run(arguments: &MigrateArguments) -> anyhow::Result<Outcome> {
    let config = settings()?;
    let pools = DatabasePools::new(&config.database);
    let both = arguments.metadata == arguments.timeseries;
    if both || arguments.metadata {
        let pool = pools.metadata();
        let migrating = migrate_metadata(&pool);
        print_result(&patiently(&config, &[Database::Metadata], migrating).await?)?;
    }
    if both || arguments.timeseries {
        let pool = pools.timeseries();
        let migrating = migrate_timeseries(&pool);
        print_result(&patiently(&config, &[Database::Timeseries], migrating).await?)?;
    }
    Ok(Outcome::Complete)
}

fn print_result(report: &MigrationReport) -> anyhow::Result<()> {
    let MigrationReport {
        database,
        applied,
        already_applied,
        ..
    } = report;
    if applied.is_empty() {
        return print(&format!(
            "{database}: nothing to do, all {already_applied} migrations are already applied"
        ));
    }
    for name in applied {
        print(&format!("{database}: applied {name}"))?;
    }
    Ok(())
}

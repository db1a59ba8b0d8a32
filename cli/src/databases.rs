//! Settings, pools and repositories of a command.

use anyhow::bail;
use tickbook::config::Config;
use tickbook::db::{DatabasePools, pending_metadata_migrations, pending_timeseries_migrations};
use tickbook::{Database, Repositories};

/// Pools of both databases, as the settings say.
pub(crate) struct Databases {
    pub(crate) config: Config,
    pub(crate) pools: DatabasePools,
}

impl Databases {
    /// Reads the settings; connects to nothing yet.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let config = Config::load()?;
        let pools = DatabasePools::new(&config);
        Ok(Self { config, pools })
    }

    /// The repositories, once the databases they need have all their migrations.
    pub(crate) async fn repositories(&self, needed: &[Database]) -> anyhow::Result<Repositories> {
        for database in needed {
            let pending = match database {
                Database::Metadata => pending_metadata_migrations(&self.pools.metadata()).await?,
                Database::Timeseries => {
                    pending_timeseries_migrations(&self.pools.timeseries()).await?
                }
            };
            if !pending.is_empty() {
                let count = pending.len();
                bail!(
                    "the {database} database is not ready: {count} migrations have not run: \
                     run `tickbook migrate`"
                );
            }
        }
        // TEMPORARY
        Ok(Repositories {
            ticks: std::sync::Arc::new(tickbook::postgres::PgTickRepository::new(
                self.pools.clone(),
            )),
            ..Repositories::in_memory()
        })
    }
}

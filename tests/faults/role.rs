//! Database users that are not superusers.

use tickbook::Database;
use tickbook::db::DatabaseConfig;

use crate::site::{GatedSite, at_port, config};
use crate::support::oracle::ask;

/// An ordinary user of the time-series database, for limits that do not apply to superusers.
pub(crate) struct Role {
    name: String,
    url: String,
}

impl Role {
    pub(crate) fn create(site: &GatedSite, options: &str) -> Self {
        let schema = ask(site.ticks_url(), "SELECT current_schema()").remove(0);
        let role = Self {
            name: format!("{schema}_role"),
            url: site.ticks_url().to_owned(),
        };
        let name = &role.name;
        ask(
            &role.url,
            &format!(
                "CREATE ROLE {name} LOGIN PASSWORD 'right' {options}; \
                 GRANT USAGE ON SCHEMA {schema} TO {name}; \
                 GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA {schema} TO {name}"
            ),
        );
        role
    }

    pub(crate) fn config(&self, site: &GatedSite) -> DatabaseConfig {
        self.config_with(site, "right")
    }

    pub(crate) fn config_with(&self, site: &GatedSite, password: &str) -> DatabaseConfig {
        let url = at_port(&self.url, site.timeseries.port());
        let start = url.find("://").expect("a URL") + 3;
        let at = url.rfind('@').expect("credentials");
        let url = format!("{}{}:{password}{}", &url[..start], self.name, &url[at..]);
        config(site.url(Database::Metadata), &url)
    }

    /// Runs `sql` with the name of the role for `$role`.
    pub(crate) fn run(&self, sql: &str) {
        ask(&self.url, &sql.replace("$role", &self.name));
    }

    pub(crate) fn set_password(&self, site: &GatedSite, password: &str) {
        let name = &self.name;
        ask(
            site.ticks_url(),
            &format!("ALTER ROLE {name} PASSWORD '{password}'"),
        );
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let name = &self.name;
        // a role belongs to the server, not to the schema; its sessions may still exist
        let drop = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{name}'; \
             DROP OWNED BY {name}; DROP ROLE {name}"
        );
        if let Err(error) = crate::support::oracle::try_ask(&self.url, &drop) {
            eprintln!("the role {name} stays behind: {error}");
        }
    }
}

//! The oversight of a server that starts.

use std::sync::Arc;

use anyhow::Context as _;
use tickbook::Clock;
use tickbook::db::DatabasePools;
use tickbook_ledger::OversightRepositories;
use tickbook_ledger::audit::AnchorFile;
use tickbook_ledger::repository::AccountRepository;

use super::audit_log::AuditLog;
use crate::settings::OversightConfig;

/// The repositories of oversight: in the metadata database, or without databases in memory.
pub(crate) fn oversight_repositories(
    pools: Option<&DatabasePools>,
    accounts: &Arc<dyn AccountRepository>,
    clock: &Clock,
) -> OversightRepositories {
    match pools {
        Some(pools) => OversightRepositories::postgres(pools.clone()),
        None => OversightRepositories::in_memory_with_clock(Arc::clone(accounts), clock.clone()),
    }
}

/// The audit log, if there are keys. Says once if changes are not recorded.
///
/// # Errors
/// The keys cannot be read.
pub(crate) async fn open_audit_log(
    config: &OversightConfig,
    repositories: &OversightRepositories,
) -> anyhow::Result<Option<AuditLog>> {
    let Some(source) = config.audit_keys.clone() else {
        tracing::info!("changes are not recorded in the audit log: audit.keys is not set");
        return Ok(None);
    };
    // reading blocks, so that a thread does it
    let (report, read) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // the server has stopped meanwhile
        let _ = report.send(source.read());
    });
    let keys = read
        .await
        .context("the thread that reads audit.keys ended")?;
    let keys = keys.context("audit.keys")?;
    let anchors = config.audit_anchor_file.clone().map(AnchorFile::new);
    let repository = Arc::clone(&repositories.oversight);
    Ok(Some(AuditLog::new(repository, keys, anchors)))
}

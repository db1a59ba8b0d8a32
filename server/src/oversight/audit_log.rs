//! The audit log of the server.

use std::fmt;
use std::sync::Arc;

use metrics::counter;
use tickbook_ledger::audit::AnchorFile;
use tickbook_ledger::domain::{AuditChain, AuditChange, AuditHead, KeyRing};
use tickbook_ledger::repository::OversightRepository;
use tokio::sync::oneshot;

use crate::metrics::AUDIT_FAILURES;

/// Records changes in the chain of the installation, and the heads in the log of the server and in the anchor file.
/// Clones share it.
#[derive(Clone)]
pub struct AuditLog {
    repository: Arc<dyn OversightRepository>,
    keys: KeyRing,
    anchors: Option<AnchorFile>,
}

impl AuditLog {
    /// An audit log with these keys and an anchor file.
    #[must_use]
    pub fn new(
        repository: Arc<dyn OversightRepository>,
        keys: KeyRing,
        anchors: Option<AnchorFile>,
    ) -> Self {
        Self {
            repository,
            keys,
            anchors,
        }
    }

    /// Records a change. If it cannot be recorded, an error with the change is logged.
    pub(super) async fn record(&self, change: AuditChange) {
        let text = format!("{change:?}");
        let chain = AuditChain::INSTALLATION;
        match self
            .repository
            .record_audit(chain, change, &self.keys)
            .await
        {
            Ok(entry) => {
                let head = entry.head();
                tracing::info!(%head, "recorded a change in the audit log");
                self.anchor(head).await;
            }
            Err(error) => {
                counter!(AUDIT_FAILURES).increment(1);
                let error = error.with_causes();
                tracing::error!(%error, change = %text, "a change is not recorded in the audit log");
            }
        }
    }

    async fn anchor(&self, head: AuditHead) {
        let Some(anchors) = self.anchors.clone() else {
            return;
        };
        let (report, written) = oneshot::channel();
        // writing blocks, so that a thread does it; changes are rare
        std::thread::spawn(move || {
            // the request may have ended meanwhile
            let _ = report.send(anchors.append(&head));
        });
        if let Ok(Err(error)) = written.await {
            counter!(AUDIT_FAILURES).increment(1);
            tracing::error!(%error, "the head of the audit log is not in the anchor file");
        }
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog")
            .field("key", self.keys.current_id())
            .finish_non_exhaustive()
    }
}

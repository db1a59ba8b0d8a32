//! Verification of the audit log, and the file of heads that is kept outside of the database.
//!
//! The codes of a chain show that an entry was changed, inserted, or deleted from the middle. That entries are missing
//! at the end is shown only by a head that was stored elsewhere: in an [`AnchorFile`], in a log, or in a backup.

mod anchor_file;

use tickbook::RepositoryError;
use tickbook::domain::PageLimit;

use crate::domain::{AuditChain, AuditHead, ChainVerification, ChainVerifier, KeyRing};
use crate::repository::{AuditQuery, OversightRepository};

pub use anchor_file::{AnchorFile, AnchorFileError};

/// Reads a chain page by page and verifies it up to its first bad entry, in bounded memory. `anchors` are known heads,
/// also of other chains.
///
/// # Errors
/// The errors of the repository.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tickbook_ledger::audit::verify_chain;
/// use tickbook_ledger::domain::{AuditChain, AuditChange, KeyId, KeyRing, SecretKey};
/// use tickbook_ledger::{LedgerRepositories, OversightRepositories};
///
/// let accounts = LedgerRepositories::in_memory().accounts;
/// let oversight = OversightRepositories::in_memory(accounts).oversight;
/// let keys = KeyRing::new(KeyId::new("2026")?, SecretKey::new([7; 32]));
/// let chain = AuditChain::INSTALLATION;
/// let change = AuditChange::new("operator", "symbols.rename", "symbol", "7");
/// let anchor = oversight.record_audit(chain, change, &keys).await?.head();
/// let verified = verify_chain(&*oversight, chain, &keys, &[anchor]).await?;
/// assert!(verified.is_intact() && verified.verified == 1);
/// # Ok(())
/// # }
/// ```
pub async fn verify_chain(
    oversight: &dyn OversightRepository,
    chain: AuditChain,
    keys: &KeyRing,
    anchors: &[AuditHead],
) -> Result<ChainVerification, RepositoryError> {
    // before the entries, so that those recorded meanwhile are not missing
    let stored = oversight.audit_head(chain).await?;
    let mut verifier = ChainVerifier::new(chain, keys.clone()).anchor(stored);
    for anchor in anchors {
        verifier = verifier.anchor(*anchor);
    }
    let mut query = AuditQuery::new(chain).limit(PageLimit::default());
    loop {
        let page = oversight.audit(&query).await?;
        let is_intact = page.items.iter().all(|entry| verifier.check(entry));
        match page.next {
            Some(next) if is_intact => query = query.after(next),
            _ => return Ok(verifier.finish()),
        }
    }
}

//! Oversight in PostgreSQL: the conformance suite, and rows that are tampered with.

use diesel::connection::SimpleConnection as _;
use tickbook_ledger::OversightRepositories;
use tickbook_ledger::conformance::OversightSubject;
use tickbook_ledger::domain::{
    AuditChain, AuditChange, ChainFault, ChainVerification, ChainVerifier, KeyId, KeyRing,
    SecretKey,
};
use tickbook_ledger::repository::AuditQuery;

use super::Site;

const CHAIN: AuditChain = AuditChain::INSTALLATION;

async fn empty_store() -> OversightSubject {
    let site = Site::new().await;
    let oversight = OversightRepositories::postgres(site.pools());
    OversightSubject::guarded(site.repositories(), oversight, site.schemas)
}

tickbook_ledger::oversight_conformance_tests!(empty_store);

fn keys() -> KeyRing {
    KeyRing::new(KeyId::new("k").expect("an id"), SecretKey::new([7; 32]))
}

/// A log of five entries.
async fn log(site: &Site) -> OversightRepositories {
    let oversight = OversightRepositories::postgres(site.pools());
    for number in 1..=5 {
        let change = AuditChange::new("a", "b", "c", number.to_string()).with_detail("d", "e");
        let recorded = oversight
            .oversight
            .record_audit(CHAIN, change, &keys())
            .await;
        recorded.expect("recorded");
    }
    oversight
}

async fn verify(oversight: &OversightRepositories) -> ChainVerification {
    let store = &oversight.oversight;
    let head = store.audit_head(CHAIN).await.expect("read");
    let mut verifier = ChainVerifier::new(CHAIN, keys()).anchor(head);
    let entries = store.audit(&AuditQuery::new(CHAIN)).await.expect("read");
    for entry in &entries.items {
        verifier.check(entry);
    }
    verifier.finish()
}

/// Runs statements as the owner of the tables, without triggers.
fn tamper(site: &Site, sql: &str) {
    let sql = format!(
        "ALTER TABLE audit_log DISABLE TRIGGER USER; ALTER TABLE audit_heads DISABLE TRIGGER USER; {sql}"
    );
    site.connection().batch_execute(&sql).expect("statements");
}

#[tokio::test]
async fn triggers_refuse_changes_of_the_audit_log() {
    let site = Site::new().await;
    let oversight = log(&site).await;
    for sql in [
        "UPDATE audit_log SET actor = 'x'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "DELETE FROM audit_heads",
        "TRUNCATE audit_heads",
        "UPDATE audit_heads SET sequence = 3",
    ] {
        let error = site.connection().batch_execute(sql).expect_err(sql);
        assert!(error.to_string().contains("neither changed"), "{error}");
    }
    assert_eq!(verify(&oversight).await.verified, 5);
}

#[tokio::test]
async fn every_changed_column_is_detected() {
    let site = Site::new().await;
    let oversight = log(&site).await;
    for (change, undo) in [
        ("actor = 'x'", "actor = 'a'"),
        ("role = ''", "role = NULL"),
        ("details = '{}'", "details = '{\"d\": \"e\"}'"),
        ("ip = '127.0.0.1'", "ip = NULL"),
        ("success = false", "success = true"),
        (
            "occurred_at = occurred_at + interval '1 us'",
            "occurred_at = occurred_at - interval '1 us'",
        ),
    ] {
        tamper(
            &site,
            &format!("UPDATE audit_log SET {change} WHERE sequence = 3"),
        );
        let fault = verify(&oversight).await.fault;
        assert_eq!(fault, Some((3, ChainFault::Mac)), "{change}");
        tamper(
            &site,
            &format!("UPDATE audit_log SET {undo} WHERE sequence = 3"),
        );
        assert_eq!(verify(&oversight).await.fault, None, "{undo}");
    }
}

#[tokio::test]
async fn deleted_entries_are_detected() {
    let site = Site::new().await;
    let oversight = log(&site).await;
    let anchor = oversight.oversight.audit_head(CHAIN).await.expect("read");
    tamper(&site, "DELETE FROM audit_log WHERE sequence > 3");
    let cut = ChainFault::CutTail { anchored: 5 };
    assert_eq!(verify(&oversight).await.fault, Some((4, cut.clone())));
    // with the head as well only an anchor outside of the database detects it
    tamper(
        &site,
        "UPDATE audit_heads SET sequence = 3, mac = (SELECT mac FROM audit_log WHERE sequence = 3)",
    );
    assert_eq!(verify(&oversight).await.fault, None);
    let mut verifier = ChainVerifier::new(CHAIN, keys()).anchor(anchor);
    let query = AuditQuery::new(CHAIN);
    for entry in oversight.oversight.audit(&query).await.expect("read").items {
        verifier.check(&entry);
    }
    assert_eq!(verifier.finish().fault, Some((4, cut)));
    tamper(&site, "DELETE FROM audit_log WHERE sequence = 1");
    let missing = ChainFault::Missing { expected: 1 };
    assert_eq!(verify(&oversight).await.fault, Some((2, missing)));
}

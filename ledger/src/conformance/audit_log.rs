//! The audit log.

use tickbook::domain::{PageLimit, SortOrder, TimeRange};

use super::OversightSubject;
use super::samples::{assert_invalid, limit};
use crate::domain::{
    AuditChain, AuditChange, AuditEntry, AuditMac, ChainVerifier, KeyId, KeyRing, SecretKey,
    TenantId,
};
use crate::repository::AuditQuery;

const CHAIN: AuditChain = AuditChain::INSTALLATION;

fn key_id(id: &str) -> KeyId {
    KeyId::new(id).expect("an id")
}

fn keys() -> KeyRing {
    KeyRing::new(key_id("first"), SecretKey::new([1; 32]))
}

fn change(resource: impl Into<String>) -> AuditChange {
    AuditChange::new("token:operator", "symbols.rename", "symbol", resource)
}

async fn record(subject: &OversightSubject, chain: AuditChain, change: AuditChange) -> AuditEntry {
    let oversight = &subject.oversight().oversight;
    let recorded = oversight.record_audit(chain, change, &keys()).await;
    recorded.expect("recorded")
}

async fn list(subject: &OversightSubject, query: &AuditQuery) -> Vec<AuditEntry> {
    let oversight = &subject.oversight().oversight;
    oversight.audit(query).await.expect("read").items
}

pub async fn recorded_change_reads_back(subject: &OversightSubject) {
    let whole = change("oanda:EURUSD")
        .with_role(Some("admin".to_owned()))
        .with_detail("name", "EUR/USD \"é\"")
        .with_detail("", "")
        .with_user_agent(Some(String::new()));
    // a name of a detail has at least one character
    let oversight = &subject.oversight().oversight;
    assert_invalid(oversight.record_audit(CHAIN, whole, &keys()).await);
    let whole = change("oanda:EURUSD")
        .with_role(Some("admin".to_owned()))
        .with_detail("name", "EUR/USD \"é\"\n")
        .with_detail("a", "")
        .with_ip(Some([192, 0, 2, 1].into()))
        .with_user_agent(Some("curl/8".to_owned()));
    let made = record(subject, CHAIN, whole.clone()).await;
    let v6: std::net::IpAddr = "2001:db8::1".parse().expect("an address");
    let failed = change("").with_ip(Some(v6)).failed("it does not exist");
    let refused = record(subject, CHAIN, failed.clone()).await;
    assert_eq!((&made.change, &refused.change), (&whole, &failed));
    assert_eq!(made.previous_mac, AuditMac::FIRST);
    assert_eq!(refused.previous_mac, made.mac);
    assert!(made.occurred_at <= refused.occurred_at);
    assert_eq!(
        list(subject, &AuditQuery::new(CHAIN)).await,
        [made, refused]
    );
}

pub async fn entries_are_numbered_without_gaps(subject: &OversightSubject) {
    for number in 1..=5 {
        let entry = record(subject, CHAIN, change("x")).await;
        assert_eq!((entry.chain, entry.sequence), (CHAIN, number));
    }
}

pub async fn chains_do_not_share_entries(subject: &OversightSubject) {
    let tenant = AuditChain::tenant(TenantId::new(7));
    let first = record(subject, CHAIN, change("a")).await;
    let other = record(subject, tenant, change("b")).await;
    assert_eq!((other.sequence, other.previous_mac), (1, AuditMac::FIRST));
    assert_eq!(list(subject, &AuditQuery::new(CHAIN)).await, [first]);
    assert_eq!(list(subject, &AuditQuery::new(tenant)).await, [other]);
}

/// The result of a verification of the whole chain.
async fn verify(subject: &OversightSubject, keys: KeyRing) -> crate::domain::ChainVerification {
    let oversight = &subject.oversight().oversight;
    let head = oversight.audit_head(CHAIN).await.expect("read");
    let mut verifier = ChainVerifier::new(CHAIN, keys).anchor(head);
    let query = AuditQuery::new(CHAIN).limit(PageLimit::MAX);
    for entry in list(subject, &query).await {
        verifier.check(&entry);
    }
    verifier.finish()
}

pub async fn concurrent_changes_form_one_chain(subject: &OversightSubject) {
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let oversight = subject.oversight().oversight.clone();
            tokio::spawn(async move {
                for number in 0..5 {
                    let change = change(format!("{task}.{number}"));
                    let recorded = oversight.record_audit(CHAIN, change, &keys()).await;
                    recorded.expect("recorded");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    let result = verify(subject, keys()).await;
    assert_eq!((result.verified, result.fault), (40, None));
}

pub async fn invalid_change_is_not_recorded(subject: &OversightSubject) {
    let mut unnamed = change("x");
    unnamed.actor = String::new();
    let oversight = &subject.oversight().oversight;
    for invalid in [
        unnamed,
        change("a\nb"),
        change("x".repeat(501)),
        change("x").with_detail("a", "\0"),
        change("x").with_detail("a", "x".repeat(5_001)),
    ] {
        assert_invalid(oversight.record_audit(CHAIN, invalid, &keys()).await);
    }
    assert_eq!(list(subject, &AuditQuery::new(CHAIN)).await, []);
}

pub async fn entries_are_found_by_actor_and_action(subject: &OversightSubject) {
    let first = record(subject, CHAIN, change("1")).await;
    let mut other = change("2");
    other.actor = "cli:root".to_owned();
    other.action = "delete.ticks".to_owned();
    let second = record(subject, CHAIN, other).await;
    let query = || AuditQuery::new(CHAIN);
    let of_actor = query().actor("cli:root".to_owned());
    assert_eq!(
        list(subject, &of_actor).await,
        std::slice::from_ref(&second)
    );
    let of_action = query().action("symbols.rename".to_owned());
    assert_eq!(
        list(subject, &of_action).await,
        std::slice::from_ref(&first)
    );
    let end = second.occurred_at + chrono::TimeDelta::seconds(1);
    let later = TimeRange::new(end, end + chrono::TimeDelta::seconds(1)).expect("ordered");
    assert_eq!(list(subject, &query().range(later)).await, []);
    let newest = query().order(SortOrder::Descending);
    assert_eq!(list(subject, &newest).await, [second, first]);
}

pub async fn pages_of_the_log_neither_skip_nor_repeat(subject: &OversightSubject) {
    for number in 0..7 {
        record(subject, CHAIN, change(number.to_string())).await;
    }
    for order in SortOrder::ALL {
        let all = list(subject, &AuditQuery::new(CHAIN).order(*order)).await;
        assert_eq!(all.len(), 7);
        for size in [1, 3, 7] {
            let mut query = AuditQuery::new(CHAIN).order(*order).limit(limit(size));
            let mut found = Vec::new();
            loop {
                let page = subject.oversight().oversight.audit(&query).await;
                let page = page.expect("read");
                found.extend(page.items);
                match page.next {
                    Some(next) => query = query.after(next),
                    None => break,
                }
            }
            assert_eq!(found, all, "pages of {size}");
        }
    }
}

pub async fn chain_of_several_keys_verifies(subject: &OversightSubject) {
    record(subject, CHAIN, change("1")).await;
    let both = keys().with_current(key_id("second"), SecretKey::new([2; 32]));
    let oversight = &subject.oversight().oversight;
    let recorded = oversight.record_audit(CHAIN, change("2"), &both).await;
    assert_eq!(recorded.expect("recorded").key_id, key_id("second"));
    let result = verify(subject, both).await;
    assert_eq!((result.verified, result.fault), (2, None));
    let result = verify(subject, keys()).await;
    assert_eq!(result.fault.map(|(number, _)| number), Some(2));
}

pub async fn head_is_the_last_entry(subject: &OversightSubject) {
    let oversight = &subject.oversight().oversight;
    assert_eq!(oversight.audit_head(CHAIN).await.expect("read"), None);
    assert_eq!(oversight.audit_heads().await.expect("read"), []);
    let tenant = AuditChain::tenant(TenantId::new(3));
    let other = record(subject, tenant, change("1")).await;
    record(subject, CHAIN, change("1")).await;
    let last = record(subject, CHAIN, change("2")).await;
    let head = oversight.audit_head(CHAIN).await.expect("read");
    assert_eq!(head, Some(last.head()));
    let heads = oversight.audit_heads().await.expect("read");
    assert_eq!(heads, [last.head(), other.head()]);
}

//! Encrypted credentials. The suite stores bytes that no key opens.

use tickbook::domain::PageLimit;

use super::OversightSubject;
use super::samples::{
    TENANT, account, assert_invalid, assert_not_found, assert_taken, create, limit, scope, terms,
};
use crate::domain::{
    AccountId, AccountScope, Credential, CredentialName, KeyId, MAX_SECRET_BYTES, SEALED_BYTES,
    SealedSecret, TenantId, Venue, WrappedKey,
};
use crate::repository::CredentialQuery;

fn name(account_id: AccountId, label: &str) -> CredentialName {
    let broker = Venue::new("kraken").expect("an id");
    CredentialName::new(account_id, broker, label).expect("a name")
}

fn key(id: &str, byte: u8) -> WrappedKey {
    WrappedKey::new(KeyId::new(id).expect("an id"), [byte; 72])
}

fn sealed(byte: u8) -> SealedSecret {
    SealedSecret::new(key("first", byte), vec![byte; 50])
}

async fn put(subject: &OversightSubject, name: &CredentialName, byte: u8) -> Credential {
    let credentials = &subject.oversight().credentials;
    let version = credentials.reserve(&scope(), name).await.expect("reserved");
    let stored = credentials.put(&scope(), &version, &sealed(byte)).await;
    stored.expect("stored")
}

async fn list(subject: &OversightSubject, query: &CredentialQuery) -> Vec<Credential> {
    let credentials = &subject.oversight().credentials;
    let page = credentials.list(&scope(), query).await;
    page.expect("read").items
}

pub async fn stored_credential_reads_back(subject: &OversightSubject) {
    let name = name(account(subject.ledger()).await, "api key");
    let credentials = &subject.oversight().credentials;
    assert_eq!(credentials.get(&scope(), &name).await.expect("read"), None);
    let stored = put(subject, &name, 1).await;
    assert_eq!((stored.version.version, stored.revoked_at), (1, None));
    assert_eq!(stored.version.name, name);
    let found = credentials.get(&scope(), &name).await.expect("read");
    assert_eq!(found, Some((stored.clone(), sealed(1))));
    assert_eq!(list(subject, &CredentialQuery::default()).await, [stored]);
}

pub async fn new_version_revokes_the_one_before(subject: &OversightSubject) {
    let name = name(account(subject.ledger()).await, "a");
    let first = put(subject, &name, 1).await;
    let second = put(subject, &name, 2).await;
    assert!(first.version.credential_id < second.version.credential_id);
    assert_eq!(second.version.version, 2);
    let credentials = &subject.oversight().credentials;
    let found = credentials.get(&scope(), &name).await.expect("read");
    assert_eq!(found, Some((second.clone(), sealed(2))));
    let used = list(subject, &CredentialQuery::default()).await;
    assert_eq!(used, std::slice::from_ref(&second));
    let all = list(subject, &CredentialQuery::default().with_revoked(true)).await;
    assert_eq!(all.len(), 2);
    assert!(all[0].revoked_at.is_some() && all[1] == second, "{all:?}");
    let again = credentials.put(&scope(), &second.version, &sealed(3)).await;
    assert_taken(again);
    // nothing was changed
    let found = credentials.get(&scope(), &name).await.expect("read");
    assert_eq!(found, Some((second, sealed(2))));
}

pub async fn revoked_credential_is_not_used_again(subject: &OversightSubject) {
    let name = name(account(subject.ledger()).await, "a");
    let stored = put(subject, &name, 1).await;
    let credentials = &subject.oversight().credentials;
    let revoked = credentials.revoke(&scope(), &name).await.expect("revoked");
    assert_eq!(revoked.version, stored.version);
    assert!(revoked.revoked_at.is_some_and(|at| at >= stored.created_at));
    assert_eq!(credentials.get(&scope(), &name).await.expect("read"), None);
    assert_not_found(credentials.revoke(&scope(), &name).await);
    assert_eq!(put(subject, &name, 2).await.version.version, 2);
}

pub async fn secrets_of_invalid_length_are_refused(subject: &OversightSubject) {
    let name = name(account(subject.ledger()).await, "a");
    let credentials = &subject.oversight().credentials;
    let version = credentials
        .reserve(&scope(), &name)
        .await
        .expect("reserved");
    for length in [0, SEALED_BYTES, SEALED_BYTES + MAX_SECRET_BYTES + 1] {
        let sealed = SealedSecret::new(key("first", 1), vec![0; length]);
        assert_invalid(credentials.put(&scope(), &version, &sealed).await);
    }
    let longest = vec![0; SEALED_BYTES + MAX_SECRET_BYTES];
    let sealed = SealedSecret::new(key("first", 1), longest);
    let stored = credentials.put(&scope(), &version, &sealed).await;
    stored.expect("stored");
}

pub async fn credentials_outside_of_the_scope_do_not_exist(subject: &OversightSubject) {
    let id = account(subject.ledger()).await;
    let mut other = terms("other");
    other.tenant_id = TenantId::new(2);
    create(subject.ledger(), other).await;
    let name = name(id, "a");
    let stored = put(subject, &name, 1).await;
    let credentials = &subject.oversight().credentials;
    for outside in [
        AccountScope::tenant(TenantId::new(2)),
        AccountScope::accounts(TENANT, []),
    ] {
        assert_not_found(credentials.reserve(&outside, &name).await);
        assert_not_found(credentials.put(&outside, &stored.version, &sealed(2)).await);
        assert_not_found(credentials.revoke(&outside, &name).await);
        assert_eq!(credentials.get(&outside, &name).await.expect("read"), None);
        let page = credentials
            .list(&outside, &CredentialQuery::default())
            .await;
        assert_eq!(page.expect("read").items, []);
    }
    let inside = AccountScope::accounts(TENANT, [id]);
    let page = credentials.list(&inside, &CredentialQuery::default()).await;
    assert_eq!(page.expect("read").items, [stored]);
}

pub async fn data_key_is_replaced_once(subject: &OversightSubject) {
    let id = account(subject.ledger()).await;
    let stored = put(subject, &name(id, "a"), 1).await;
    let revoked = put(subject, &name(id, "b"), 2).await;
    let credentials = &subject.oversight().credentials;
    let done = credentials.revoke(&scope(), &revoked.version.name).await;
    done.expect("revoked");
    let (old, new) = (key("first", 1), key("second", 9));
    let (first, all) = (KeyId::new("first"), PageLimit::default());
    let none = credentials.outdated(&first.expect("an id"), all).await;
    assert_eq!(none.expect("read"), []);
    let outdated = credentials.outdated(&new.key_id, all).await.expect("read");
    assert_eq!(outdated, [(stored.clone(), sealed(1))]);
    let credential_id = stored.version.credential_id;
    let changed = credentials.rewrap(credential_id, &old, &new).await;
    assert!(changed.expect("changed"));
    let again = credentials.rewrap(credential_id, &old, &new).await;
    assert!(!again.expect("unchanged"));
    let outdated = credentials.outdated(&new.key_id, all).await.expect("read");
    assert_eq!(outdated, []);
    let found = credentials.get(&scope(), &stored.version.name).await;
    let (credential, secret) = found.expect("read").expect("in use");
    assert_eq!((&secret.key, &secret.payload), (&new, &sealed(1).payload));
    assert_eq!(credential.key_id, new.key_id);
    assert!(credential.rewrapped_at.is_some());
}

pub async fn pages_of_credentials_neither_skip_nor_repeat(subject: &OversightSubject) {
    let id = account(subject.ledger()).await;
    for number in 0..7 {
        put(subject, &name(id, &number.to_string()), 1).await;
    }
    let all = list(subject, &CredentialQuery::default().account_id(id)).await;
    assert_eq!(all.len(), 7);
    for size in [1, 3, 7] {
        let mut query = CredentialQuery::default().limit(limit(size));
        let mut found = Vec::new();
        loop {
            let page = subject.oversight().credentials.list(&scope(), &query).await;
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

//! Users and their grants.

use super::OversightSubject;
use super::samples::{
    TENANT, account, assert_invalid, assert_not_found, assert_taken, create, limit, terms,
};
use crate::domain::{AccountId, AccountScope, Grant, Role, TenantId, User, UserId, UserProfile};
use crate::repository::UserQuery;

fn profile(name: &str) -> UserProfile {
    UserProfile::new(TENANT, name)
}

async fn add(subject: &OversightSubject, profile: UserProfile) -> User {
    let created = subject.oversight().users.create(profile).await;
    created.expect("a new user")
}

async fn list(subject: &OversightSubject, query: &UserQuery) -> Vec<User> {
    let page = subject.oversight().users.list(query).await;
    page.expect("read").items
}

pub async fn created_user_reads_back(subject: &OversightSubject) {
    let mut whole = profile("ada")
        .with_email("Ada@example.com".to_owned())
        .with_display_name("Ada L.");
    whole.two_factor_enabled = true;
    whole
        .preferences
        .insert("theme".to_owned(), "dark".to_owned());
    let first = add(subject, whole.clone()).await;
    assert_eq!(
        (&first.profile, first.created_at),
        (&whole, first.updated_at)
    );
    let second = add(subject, profile("bob")).await;
    assert!(first.user_id.get() >= 1 && first.user_id < second.user_id);
    assert_eq!(list(subject, &UserQuery::default()).await, [first, second]);
}

pub async fn names_and_addresses_are_unique(subject: &OversightSubject) {
    let email = |text: &str| Some(text.to_owned());
    add(subject, profile("ada").with_email(email("a@example.com"))).await;
    let bob = add(subject, profile("bob")).await;
    let users = &subject.oversight().users;
    assert_taken(users.create(profile("ADA")).await);
    let same = profile("eve").with_email(email("A@EXAMPLE.com"));
    assert_taken(users.create(same).await);
    assert_taken(users.change(bob.user_id, profile("Ada")).await);
    // of another tenant too, since tokens name users
    let other = UserProfile::new(TenantId::new(2), "ada");
    assert_taken(users.create(other).await);
    let renamed = users.change(bob.user_id, profile("BOB")).await;
    assert_eq!(renamed.expect("its own name").profile.username, "BOB");
}

pub async fn invalid_user_is_not_created(subject: &OversightSubject) {
    let users = &subject.oversight().users;
    let tenant = UserProfile::new(TenantId::new(0), "ada");
    let mut unnamed = profile("ada");
    unnamed.preferences.insert(String::new(), String::new());
    for invalid in [profile(""), profile("a b"), tenant, unnamed] {
        assert_invalid(users.create(invalid).await);
    }
    assert_eq!(list(subject, &UserQuery::default()).await, []);
}

pub async fn changed_user_keeps_id_and_tenant(subject: &OversightSubject) {
    let user = add(subject, profile("ada")).await;
    let users = &subject.oversight().users;
    let mut changed = profile("ada").with_display_name("A");
    changed.is_active = false;
    let stored = users.change(user.user_id, changed.clone()).await;
    let stored = stored.expect("changed");
    assert_eq!((stored.user_id, &stored.profile), (user.user_id, &changed));
    assert_eq!(stored.created_at, user.created_at);
    assert!(stored.updated_at >= user.updated_at);
    let other = UserProfile::new(TenantId::new(2), "ada");
    assert_invalid(users.change(user.user_id, other).await);
    assert_not_found(users.change(UserId::new(9), changed).await);
    let inactive = UserQuery::default().active(false).username("ADA");
    assert_eq!(list(subject, &inactive).await, [stored]);
    assert_eq!(list(subject, &UserQuery::default().active(true)).await, []);
}

pub async fn grants_are_added_and_withdrawn(subject: &OversightSubject) {
    let id = account(subject.ledger()).await;
    let (user, users) = (
        add(subject, profile("ada")).await,
        &subject.oversight().users,
    );
    let all = Grant::new(None, Role::Viewer);
    let one = Grant::new(id, Role::Trader);
    let none = users.grants(user.user_id).await.expect("read");
    assert_eq!(none, Some(Vec::new()));
    for (grant, expected) in [
        (one, vec![one]),
        (all, vec![all, one]),
        (all, vec![all, one]),
    ] {
        let granted = users.grant(user.user_id, grant).await.expect("granted");
        assert_eq!(granted, expected);
    }
    let grants = users.grants(user.user_id).await.expect("read");
    let grants = grants.expect("a user");
    assert_eq!(user.scope(&grants, false), AccountScope::tenant(TENANT));
    assert_eq!(
        user.scope(&grants, true),
        AccountScope::accounts(TENANT, [id])
    );
    let left = users.withdraw(user.user_id, all).await.expect("withdrawn");
    assert_eq!(left, [one]);
    let again = users
        .withdraw(user.user_id, all)
        .await
        .expect("not an error");
    assert_eq!(again, [one]);
}

pub async fn foreign_account_is_not_granted(subject: &OversightSubject) {
    let mut other = terms("other");
    other.tenant_id = TenantId::new(2);
    let foreign = create(subject.ledger(), other).await.account_id;
    let (user, users) = (
        add(subject, profile("ada")).await,
        &subject.oversight().users,
    );
    for account in [foreign, AccountId::new(99)] {
        let grant = Grant::new(account, Role::Admin);
        assert_not_found(users.grant(user.user_id, grant).await);
    }
    let unknown = UserId::new(9);
    let grant = Grant::new(None, Role::Admin);
    assert_not_found(users.grant(unknown, grant).await);
    assert_not_found(users.withdraw(unknown, grant).await);
    assert_eq!(users.grants(unknown).await.expect("read"), None);
    let grants = users.grants(user.user_id).await.expect("read");
    assert_eq!(grants, Some(Vec::new()));
}

pub async fn pages_of_users_neither_skip_nor_repeat(subject: &OversightSubject) {
    for number in 0..7 {
        add(subject, profile(&format!("u{number}"))).await;
    }
    let all = list(subject, &UserQuery::default()).await;
    for size in [1, 3, 7] {
        let mut query = UserQuery::default().limit(limit(size));
        let mut found = Vec::new();
        loop {
            let page = subject.oversight().users.list(&query).await;
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

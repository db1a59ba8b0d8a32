//! Credentials of brokers in PostgreSQL: encrypted rows that are swapped, and a search for the secret.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use tickbook_ledger::OversightRepositories;
use tickbook_ledger::domain::{CostMethod, CredentialName, KeyId, KeyRing, SecretKey, Venue};
use tickbook_ledger::vault::secrecy::{ExposeSecret as _, SecretString};
use tickbook_ledger::vault::{Vault, VaultError};

use super::{Site, account, scope};

const SECRET: &str = "s3cr3t-of-the-broker-5f1d";

fn ring(id: &str, byte: u8) -> KeyRing {
    KeyRing::new(KeyId::new(id).expect("an id"), SecretKey::new([byte; 32]))
}

fn vault(site: &Site, keys: KeyRing) -> Vault {
    Vault::new(
        OversightRepositories::postgres(site.pools()).credentials,
        keys,
    )
}

/// A site with two accounts, and the names of a credential of each.
async fn site() -> (Site, CredentialName, CredentialName) {
    let site = Site::new().await;
    let mut names = Vec::new();
    for name in ["first", "second"] {
        let account = account(&site.repositories(), name, CostMethod::Average).await;
        let broker = Venue::new("kraken").expect("an id");
        names.push(CredentialName::new(account.account_id, broker, "key").expect("a name"));
    }
    let second = names.pop().expect("two");
    (site, names.pop().expect("two"), second)
}

async fn revealed(vault: &Vault, name: &CredentialName) -> Result<Option<String>, VaultError> {
    let secret = vault.reveal(&scope(), name).await?;
    Ok(secret.map(|secret| secret.expose_secret().to_owned()))
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// All rows of a table as text.
fn rows(site: &Site, table: &str) -> String {
    let query = format!("SELECT t::text AS line FROM {table} t");
    let lines: Vec<Line> = sql_query(query).load(&mut site.connection()).expect("rows");
    lines.into_iter().map(|it| it.line).collect()
}

#[tokio::test]
async fn database_has_no_secret() {
    let (site, name, _) = site().await;
    let vault = vault(&site, ring("a", 1));
    let secret = SecretString::from(SECRET);
    let stored = vault.add(&scope(), &name, &secret).await.expect("stored");
    let found = revealed(&vault, &name).await.expect("revealed");
    assert_eq!(found.as_deref(), Some(SECRET));
    let rows = rows(&site, "credentials");
    assert!(rows.contains("kraken"), "{rows}");
    let hex = |text: &str| -> String { text.bytes().map(|byte| format!("{byte:02x}")).collect() };
    // a dump has BYTEA in hexadecimal digits
    for text in [rows, format!("{vault:?} {stored:?} {secret:?}")] {
        for part in [SECRET, &hex(SECRET), &hex(&SECRET[..8]), &"01".repeat(16)] {
            assert!(!text.contains(part), "{text}");
        }
    }
}

#[tokio::test]
async fn swapped_rows_are_refused() {
    let (site, first, second) = site().await;
    let vault = vault(&site, ring("a", 1));
    for name in [&first, &second] {
        let stored = vault.add(&scope(), name, &SECRET.into()).await;
        stored.expect("stored");
    }
    let swap = |columns: &str| {
        format!(
            "ALTER TABLE credentials DISABLE TRIGGER USER; \
             UPDATE credentials SET ({columns}) = (SELECT {columns} FROM credentials o \
             WHERE o.credential_id <> credentials.credential_id)"
        )
    };
    for columns in [
        "wrapped_key, payload",
        "payload, key_id",
        "wrapped_key, key_id",
    ] {
        let sql = swap(columns);
        let mut connection = site.connection();
        connection.batch_execute(&sql).expect("swapped");
        for name in [&first, &second] {
            let refused = revealed(&vault, name).await;
            assert!(
                matches!(refused, Err(VaultError::Changed(_))),
                "{refused:?}"
            );
        }
        connection.batch_execute(&sql).expect("swapped back");
        for name in [&first, &second] {
            assert!(revealed(&vault, name).await.is_ok(), "{columns}");
        }
    }
}

#[tokio::test]
async fn changed_version_is_refused() {
    let (site, first, _) = site().await;
    let vault = vault(&site, ring("a", 1));
    vault
        .add(&scope(), &first, &SECRET.into())
        .await
        .expect("stored");
    let mut connection = site.connection();
    let refused = connection.batch_execute("UPDATE credentials SET version = 2");
    assert!(refused.is_err(), "the trigger refuses it");
    let sql = "ALTER TABLE credentials DISABLE TRIGGER USER; UPDATE credentials SET version = 2";
    connection.batch_execute(sql).expect("changed");
    let refused = revealed(&vault, &first).await;
    assert!(
        matches!(refused, Err(VaultError::Changed(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn rotation_is_resumed_where_it_failed() {
    let (site, first, second) = site().await;
    let old = vault(&site, ring("a", 1));
    for name in [&first, &second] {
        old.add(&scope(), name, &SECRET.into())
            .await
            .expect("stored");
    }
    let both = ring("a", 1).with_current(KeyId::new("b").expect("an id"), SecretKey::new([2; 32]));
    let rotating = vault(&site, both.clone());
    // the second row cannot be decrypted: the rotation stops after the first
    let damage = "UPDATE credentials SET wrapped_key = set_byte(wrapped_key, 30, get_byte(wrapped_key, 30) # 1) \
        WHERE credential_id = (SELECT max(credential_id) FROM credentials)";
    let mut connection = site.connection();
    connection.batch_execute(damage).expect("damaged");
    let failed = rotating.rotate().await;
    assert!(matches!(failed, Err(VaultError::Changed(_))), "{failed:?}");
    let new = vault(&site, ring("b", 2));
    let found = revealed(&new, &first).await.expect("rotated");
    assert_eq!(found.as_deref(), Some(SECRET));
    // both keys are readable meanwhile
    connection.batch_execute(damage).expect("repaired");
    assert!(revealed(&rotating, &second).await.is_ok());
    let report = rotating.rotate().await.expect("rotated");
    assert_eq!(report.rewrapped, 1);
    assert_eq!(rotating.rotate().await.expect("nothing to do").rewrapped, 0);
    let found = revealed(&new, &second).await.expect("rotated");
    assert_eq!(found.as_deref(), Some(SECRET));
    let unknown = revealed(&old, &second).await;
    assert!(
        matches!(unknown, Err(VaultError::UnknownKey { .. })),
        "{unknown:?}"
    );
}

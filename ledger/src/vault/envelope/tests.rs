use secrecy::ExposeSecret as _;

use super::*;
use crate::domain::{AccountId, CredentialName, Venue};

const SECRET: &str = "correct horse battery staple";

fn key_id(id: &str) -> KeyId {
    KeyId::new(id).expect("an id")
}

fn keys() -> KeyRing {
    KeyRing::new(key_id("a"), SecretKey::new([1; 32]))
}

fn version(id: i64, account: i64, broker: &str, label: &str, version: i32) -> CredentialVersion {
    let broker = Venue::new(broker).expect("an id");
    let name = CredentialName::new(AccountId::new(account), broker, label).expect("a name");
    CredentialVersion::new(CredentialId::new(id), name, version)
}

fn own() -> CredentialVersion {
    version(1, 2, "kraken", "key", 3)
}

fn sealed() -> SealedSecret {
    seal(&keys(), &own(), SECRET).expect("sealed")
}

fn assert_refused(version: &CredentialVersion, sealed: &SealedSecret) {
    let opened = open(&keys(), version, sealed);
    assert!(matches!(opened, Err(VaultError::Changed(_))), "{opened:?}");
}

/// Appendix A.3.1 of draft-irtf-cfrg-xchacha-03.
#[test]
fn cipher_is_that_of_the_draft() {
    let plain = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                 sunscreen would be it.";
    let key: [u8; 32] = std::array::from_fn(|at| 0x80 + at as u8);
    let nonce: [u8; 24] = std::array::from_fn(|at| 0x40 + at as u8);
    let aad = [
        0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
    ];
    let tag = [
        0xc0, 0x87, 0x59, 0x24, 0xc1, 0xc7, 0x98, 0x79, 0x47, 0xde, 0xaf, 0xd8, 0x78, 0x0a, 0xcf,
        0x49,
    ];
    let cipher = XChaCha20Poly1305::new((&key).into());
    let payload = Payload {
        msg: plain.as_bytes(),
        aad: &aad,
    };
    let encrypted = cipher
        .encrypt(&XNonce::from(nonce), payload)
        .expect("encrypted");
    assert_eq!(encrypted[..4], [0xbd, 0x6d, 0x17, 0x9d]);
    assert_eq!(encrypted[plain.len()..], tag);
    let sealed = [&nonce[..], &encrypted].concat();
    let opened = decrypt(&SecretKey::new(key), &sealed, &aad).expect("decrypted");
    assert_eq!(&opened[..], plain.as_bytes());
}

#[test]
fn sealed_secret_opens_and_is_not_repeated() {
    let (first, second) = (sealed(), sealed());
    assert_eq!(first.payload.len(), SECRET.len() + 40);
    let opened = open(&keys(), &own(), &first).expect("opened");
    assert_eq!(opened.expose_secret(), SECRET);
    assert!(first.payload != second.payload && first.key != second.key);
    let text = format!("{first:?} {opened:?} {:?}", keys());
    assert!(!text.contains("horse"), "{text}");
}

#[test]
fn every_changed_byte_is_refused() {
    let whole = sealed();
    for at in 0..whole.payload.len() {
        let mut changed = whole.clone();
        changed.payload[at] ^= 1;
        assert_refused(&own(), &changed);
    }
    for at in 0..whole.key.bytes.len() {
        let mut changed = whole.clone();
        changed.key.bytes[at] ^= 1;
        assert_refused(&own(), &changed);
    }
}

#[test]
fn truncated_secret_is_refused() {
    let whole = sealed();
    for length in 0..whole.payload.len() {
        let mut changed = whole.clone();
        changed.payload.truncate(length);
        assert_refused(&own(), &changed);
    }
    let mut longer = whole;
    longer.payload.push(0);
    assert_refused(&own(), &longer);
}

#[test]
fn secret_of_another_row_is_refused() {
    let whole = sealed();
    for other in [
        version(9, 2, "kraken", "key", 3),
        version(1, 9, "kraken", "key", 3),
        version(1, 2, "oanda", "key", 3),
        version(1, 2, "kraken", "kez", 3),
        version(1, 2, "kraken", "key", 4),
        version(1, 2, "krakenk", "ey", 3),
        version(12, 2, "kraken", "key", 3),
    ] {
        assert_refused(&other, &whole);
        // the data key alone of another row
        let mut swapped = seal(&keys(), &other, SECRET).expect("sealed");
        swapped.payload.clone_from(&whole.payload);
        assert_refused(&other, &swapped);
    }
}

#[test]
fn fields_of_one_row_cannot_be_swapped() {
    let short = seal(&keys(), &own(), &"x".repeat(32)).expect("sealed");
    let mut swapped = short.clone();
    swapped.key.bytes = short.payload.clone().try_into().expect("72 bytes");
    swapped.payload = short.key.bytes.to_vec();
    assert_refused(&own(), &swapped);
    let two = keys().with_current(key_id("b"), SecretKey::new([1; 32]));
    let mut renamed = short;
    renamed.key.key_id = key_id("b");
    let opened = open(&two, &own(), &renamed);
    assert!(matches!(opened, Err(VaultError::Changed(_))), "{opened:?}");
}

#[test]
fn rewrapped_key_opens_with_the_new_key_alone() {
    let (old, new) = (sealed(), SecretKey::new([2; 32]));
    let both = keys().with_current(key_id("b"), new.clone());
    let key = rewrap(&both, &own(), &old.key).expect("rewrapped");
    let rewrapped = SealedSecret::new(key, old.payload.clone());
    let only_new = KeyRing::new(key_id("b"), new);
    let opened = open(&only_new, &own(), &rewrapped).expect("opened");
    assert_eq!(opened.expose_secret(), SECRET);
    let unknown = open(&only_new, &own(), &old);
    assert!(
        matches!(unknown, Err(VaultError::UnknownKey { .. })),
        "{unknown:?}"
    );
}

#[test]
fn secret_without_bytes_or_with_too_many_is_refused() {
    for secret in [String::new(), "x".repeat(MAX_SECRET_BYTES + 1)] {
        let refused = seal(&keys(), &own(), &secret);
        assert!(matches!(refused, Err(VaultError::Length)), "{refused:?}");
    }
    assert!(seal(&keys(), &own(), &"x".repeat(MAX_SECRET_BYTES)).is_ok());
}

//! Entries of the audit log, and the chain of authentication codes that connects them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use tickbook::domain::excerpt;

use super::audit_change::AuditChange;
use super::ids::{KeyId, TenantId};
use super::secret_key::SecretKey;

/// The version of the bytes that an authentication code covers.
const VERSION: u8 = 1;

/// A chain of the audit log: that of the installation, or that of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuditChain(i64);

impl AuditChain {
    /// The chain of the installation, with the number 0: symbols, policies, tokens and other data of no tenant.
    pub const INSTALLATION: Self = Self(0);

    /// The chain of a tenant.
    #[must_use]
    pub const fn tenant(tenant_id: TenantId) -> Self {
        Self(tenant_id.get())
    }

    /// The chain with this number; `None` if it is negative.
    #[must_use]
    pub const fn new(number: i64) -> Option<Self> {
        if number < 0 { None } else { Some(Self(number)) }
    }

    /// The number: 0 for the installation, otherwise the id of the tenant.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for AuditChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An authentication code: HMAC-SHA-256, 32 bytes. Its text is 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuditMac([u8; 32]);

impl AuditMac {
    /// The code before the first entry of a chain: zeros.
    pub const FIRST: Self = Self([0; 32]);

    /// A code that was computed before.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for AuditMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AuditMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The last entry of a chain. Stored outside of the database, it detects that later the end of the chain is missing.
///
/// Its text is `CHAIN:SEQUENCE:MAC`, such as `0:17:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditHead {
    /// The chain.
    pub chain: AuditChain,
    /// The number of the entry; positive.
    pub sequence: i64,
    /// Its code.
    pub mac: AuditMac,
}

impl AuditHead {
    /// The head of a chain.
    #[must_use]
    pub fn new(chain: AuditChain, sequence: i64, mac: AuditMac) -> Self {
        Self {
            chain,
            sequence,
            mac,
        }
    }
}

impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.chain, self.sequence, self.mac)
    }
}

/// A text is not the head of a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid head {}: expected a chain, a number and 64 hexadecimal digits, separated by colons", excerpt(.0))]
pub struct InvalidAuditHead(pub String);

impl FromStr for AuditHead {
    type Err = InvalidAuditHead;

    fn from_str(text: &str) -> Result<Self, InvalidAuditHead> {
        let parse = || {
            let mut parts = text.split(':');
            let chain = AuditChain::new(parts.next()?.parse().ok()?)?;
            let sequence = parts.next()?.parse().ok().filter(|number| *number > 0)?;
            let digits = parts.next()?.as_bytes();
            if parts.next().is_some() || digits.len() != 64 {
                return None;
            }
            let mut mac = [0; 32];
            for (byte, pair) in mac.iter_mut().zip(digits.chunks_exact(2)) {
                let digit = |digit: u8| char::from(digit).to_digit(16);
                // two digits are below 256
                *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
            }
            Some(Self::new(chain, sequence, AuditMac(mac)))
        };
        parse().ok_or_else(|| InvalidAuditHead(text.to_owned()))
    }
}

/// An entry of the audit log.
///
/// Its code is HMAC-SHA-256 of these bytes: the version (1 byte, 1), the chain, the number and the time in microseconds
/// since 1970 (8 bytes each, big-endian), the fields, and the code of the previous entry (32 bytes). The fields
/// are the key id, actor, role, action, resource type, resource id, the number of details, the name and text of each
/// detail by ascending name, address, user agent, success (`0` or `1`) and error. Each is its length in bytes (8 bytes,
/// big-endian) and its UTF-8 text. A field without a value has the length 2^64 - 1 and no text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditEntry {
    /// The chain.
    pub chain: AuditChain,
    /// The number within the chain: 1, 2, 3 and so on, without gaps.
    pub sequence: i64,
    /// When the change was recorded, in whole microseconds; never before the previous entry.
    pub occurred_at: DateTime<Utc>,
    /// The change.
    pub change: AuditChange,
    /// The key of the code.
    pub key_id: KeyId,
    /// The code of the previous entry; zeros for the first entry.
    pub previous_mac: AuditMac,
    /// The code of this entry.
    pub mac: AuditMac,
}

impl AuditEntry {
    /// The entry after `head`; `None` is the head of an empty chain.
    #[must_use]
    pub fn following(
        head: Option<&AuditHead>,
        chain: AuditChain,
        occurred_at: DateTime<Utc>,
        change: AuditChange,
        key: (&KeyId, &SecretKey),
    ) -> Self {
        let (key_id, key) = key;
        let mut entry = Self {
            chain,
            sequence: head.map_or(0, |head| head.sequence) + 1,
            occurred_at,
            change,
            key_id: key_id.clone(),
            previous_mac: head.map_or(AuditMac::FIRST, |head| head.mac),
            mac: AuditMac::FIRST,
        };
        entry.mac = entry.computed_mac(key);
        entry
    }

    /// The entry as the head of its chain.
    #[must_use]
    pub fn head(&self) -> AuditHead {
        AuditHead::new(self.chain, self.sequence, self.mac)
    }

    /// Computes the code of the entry with a key. It equals [`mac`](Self::mac) if nothing was changed.
    #[must_use]
    pub fn computed_mac(&self, key: &SecretKey) -> AuditMac {
        let mut fields = Fields::new(key);
        fields.bytes(&[VERSION]);
        fields.number(self.chain.get());
        fields.number(self.sequence);
        fields.number(self.occurred_at.timestamp_micros());
        let AuditChange {
            actor,
            role,
            action,
            resource_type,
            resource_id,
            details,
            ip,
            user_agent,
            success,
            error,
        } = &self.change;
        fields.text(self.key_id.as_str());
        fields.text(actor);
        fields.optional(role.as_deref());
        fields.text(action);
        fields.text(resource_type);
        fields.text(resource_id);
        fields.text(&details.len().to_string());
        for (name, text) in details {
            fields.text(name);
            fields.text(text);
        }
        fields.optional(ip.map(|ip| ip.to_string()).as_deref());
        fields.optional(user_agent.as_deref());
        fields.text(if *success { "1" } else { "0" });
        fields.optional(error.as_deref());
        fields.bytes(self.previous_mac.as_bytes());
        fields.finish()
    }
}

/// Authenticates fields one after the other.
struct Fields(Hmac<Sha256>);

impl Fields {
    fn new(key: &SecretKey) -> Self {
        // the key is as long as HMAC wants it, so that it is not hashed first
        let mut block = zeroize::Zeroizing::new([0; 64]);
        block[..key.expose().len()].copy_from_slice(key.expose());
        Self(Hmac::new(&(*block).into()))
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn number(&mut self, number: i64) {
        self.bytes(&number.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.bytes(&(text.len() as u64).to_be_bytes());
        self.bytes(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.bytes(&u64::MAX.to_be_bytes()),
        }
    }

    fn finish(self) -> AuditMac {
        AuditMac(self.0.finalize().into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of a test vector, which is zero-padded to the length of a block as HMAC requires.
    fn code(key: &[u8], data: &[u8]) -> String {
        let mut padded = [0; 32];
        padded[..key.len()].copy_from_slice(key);
        let mut fields = Fields::new(&SecretKey::new(padded));
        fields.bytes(data);
        fields.finish().to_string()
    }

    #[test]
    fn codes_are_those_of_rfc_4231() {
        for (key, data, expected) in [
            (
                &[0x0b; 20][..],
                &b"Hi There"[..],
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 20],
                &[0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
        ] {
            assert_eq!(code(key, data), expected);
        }
    }

    fn entry() -> AuditEntry {
        let change = AuditChange::new("a", "b", "c", "d").with_detail("e", "f");
        let key_id = KeyId::new("k").expect("an id");
        let time = "2026-11-30T12:00:00Z".parse().expect("a time");
        let key = SecretKey::new([7; 32]);
        AuditEntry::following(
            None,
            AuditChain::INSTALLATION,
            time,
            change,
            (&key_id, &key),
        )
    }

    #[test]
    fn every_field_changes_the_code() {
        let (entry, key) = (entry(), SecretKey::new([7; 32]));
        assert_eq!(entry.computed_mac(&key), entry.mac);
        let changes: [fn(&mut AuditEntry); 15] = [
            |it| it.chain = AuditChain(1),
            |it| it.sequence = 2,
            |it| it.occurred_at += chrono::TimeDelta::microseconds(1),
            |it| it.key_id = KeyId::new("l").expect("an id"),
            |it| it.previous_mac = AuditMac([1; 32]),
            |it| it.change.actor.push('x'),
            |it| it.change.role = Some(String::new()),
            |it| it.change.action.push('x'),
            |it| it.change.resource_type.push('x'),
            |it| it.change.resource_id.push('x'),
            |it| it.change.details.clear(),
            |it| it.change.ip = Some([127, 0, 0, 1].into()),
            |it| it.change.user_agent = Some(String::new()),
            |it| it.change.success = false,
            |it| it.change.error = Some(String::new()),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut changed = entry.clone();
            change(&mut changed);
            assert_ne!(changed.computed_mac(&key), entry.mac, "change {number}");
        }
        assert_ne!(entry.computed_mac(&SecretKey::new([8; 32])), entry.mac);
        // text that moves from one field to the next one
        let mut moved = entry.clone();
        moved.change.actor = "ab".to_owned();
        moved.change.action = String::new();
        assert_ne!(moved.computed_mac(&key), entry.mac);
    }

    #[test]
    fn heads_are_read_as_they_are_written() {
        let head = entry().head();
        assert_eq!(head.to_string().parse(), Ok(head));
        let mac = head.mac.to_string();
        for text in [
            String::new(),
            format!("1:{mac}"),
            format!("-1:1:{mac}"),
            format!("0:0:{mac}"),
            format!("0:1:{mac}0"),
            format!("0:1:{mac}:"),
            format!("0:1:{}zz", &mac[2..]),
        ] {
            assert!(text.parse::<AuditHead>().is_err(), "{text}");
        }
    }
}

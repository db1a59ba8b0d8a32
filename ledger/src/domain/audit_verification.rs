//! Verification of a chain of the audit log.

use chrono::{DateTime, Utc};

use super::audit_entry::{AuditChain, AuditEntry, AuditHead, AuditMac};
use super::ids::KeyId;
use super::secret_key::KeyRing;

/// Why a chain is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainFault {
    /// An entry is missing, or entries are in another order.
    #[error("entry {expected} is missing before it")]
    Missing {
        /// The number of the missing entry.
        expected: i64,
    },
    /// The code of the previous entry is another one.
    #[error("it does not follow the entry before it")]
    PreviousMac,
    /// The content does not belong to the code.
    #[error("its content was changed")]
    Mac,
    /// There is no key with this id.
    #[error("the key {0} is unknown: give the ring that has it")]
    UnknownKey(KeyId),
    /// The time is before that of the previous entry.
    #[error("its time is before that of the entry before it")]
    Time,
    /// A known head has another code.
    #[error("its code is not the one that was stored outside of the log")]
    Anchor,
    /// Entries at the end are missing: a known head has a larger number.
    #[error("entries are missing at the end: the log had entry {anchored}")]
    CutTail {
        /// The number of the known head.
        anchored: i64,
    },
}

/// The result of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainVerification {
    /// The chain.
    pub chain: AuditChain,
    /// The number of entries without a fault, from the first on.
    pub verified: u64,
    /// The last of them; `None` for an empty chain.
    pub head: Option<AuditHead>,
    /// The number of the first bad entry, and the reason. If the end is missing, it is the number of the first missing
    /// entry.
    pub fault: Option<(i64, ChainFault)>,
}

impl ChainVerification {
    /// Whether no fault was found.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.fault.is_none()
    }
}

/// Verifies a chain entry by entry, in bounded memory.
///
/// # Examples
/// ```
/// use tickbook_ledger::domain::{
///     AuditChain, AuditChange, AuditEntry, ChainVerifier, KeyId, KeyRing, SecretKey,
/// };
///
/// let (id, key) = (KeyId::new("2026")?, SecretKey::new([7; 32]));
/// let keys = KeyRing::new(id.clone(), key.clone());
/// let chain = AuditChain::INSTALLATION;
/// let time = "2026-11-30T12:00:00Z".parse()?;
/// let change = AuditChange::new("operator", "symbols.rename", "symbol", "7");
/// let mut entry = AuditEntry::following(None, chain, time, change, (&id, &key));
///
/// let mut verifier = ChainVerifier::new(chain, keys.clone());
/// verifier.check(&entry);
/// assert!(verifier.finish().is_intact());
///
/// entry.change.actor = "nobody".to_owned();
/// let mut verifier = ChainVerifier::new(chain, keys);
/// verifier.check(&entry);
/// assert_eq!(verifier.finish().fault.map(|(number, _)| number), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ChainVerifier {
    keys: KeyRing,
    anchors: Vec<AuditHead>,
    last_time: Option<DateTime<Utc>>,
    result: ChainVerification,
}

impl ChainVerifier {
    /// A verifier of a chain from its first entry on.
    #[must_use]
    pub fn new(chain: AuditChain, keys: KeyRing) -> Self {
        Self {
            keys,
            anchors: Vec::new(),
            last_time: None,
            result: ChainVerification {
                chain,
                verified: 0,
                head: None,
                fault: None,
            },
        }
    }

    /// Returns the verifier with a known head of the chain. Heads of other chains are ignored.
    #[must_use]
    pub fn anchor(mut self, head: impl Into<Option<AuditHead>>) -> Self {
        let head = head.into();
        let head = head.filter(|head| head.chain == self.result.chain);
        self.anchors.extend(head);
        self
    }

    /// Checks the next entry. Returns whether there is no fault yet.
    pub fn check(&mut self, entry: &AuditEntry) -> bool {
        if self.result.fault.is_none() {
            match self.fault(entry) {
                Some(fault) => self.result.fault = Some((entry.sequence, fault)),
                None => {
                    self.result.verified += 1;
                    self.result.head = Some(entry.head());
                    self.last_time = Some(entry.occurred_at);
                }
            }
        }
        self.result.is_intact()
    }

    fn fault(&self, entry: &AuditEntry) -> Option<ChainFault> {
        let head = self.result.head.as_ref();
        let expected = head.map_or(0, |head| head.sequence) + 1;
        if entry.sequence != expected || entry.chain != self.result.chain {
            return Some(ChainFault::Missing { expected });
        }
        if entry.previous_mac != head.map_or(AuditMac::FIRST, |head| head.mac) {
            return Some(ChainFault::PreviousMac);
        }
        let Some(key) = self.keys.get(&entry.key_id) else {
            return Some(ChainFault::UnknownKey(entry.key_id.clone()));
        };
        if entry.computed_mac(key) != entry.mac {
            return Some(ChainFault::Mac);
        }
        if self.last_time.is_some_and(|last| entry.occurred_at < last) {
            return Some(ChainFault::Time);
        }
        let mut anchors = self.anchors.iter();
        let is_other = anchors.any(|it| it.sequence == entry.sequence && it.mac != entry.mac);
        is_other.then_some(ChainFault::Anchor)
    }

    /// The result after the last entry.
    #[must_use]
    pub fn finish(mut self) -> ChainVerification {
        let last = self.result.head.map_or(0, |head| head.sequence);
        let anchored = self.anchors.iter().map(|head| head.sequence).max();
        if self.result.fault.is_none()
            && let Some(anchored) = anchored.filter(|anchored| *anchored > last)
        {
            self.result.fault = Some((last + 1, ChainFault::CutTail { anchored }));
        }
        self.result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AuditChange, SecretKey};

    fn keys() -> KeyRing {
        KeyRing::new(KeyId::new("k").expect("an id"), SecretKey::new([7; 32]))
    }

    fn chain(length: usize) -> Vec<AuditEntry> {
        let (keys, time) = (keys(), "2026-11-30T12:00:00Z".parse().expect("a time"));
        let mut entries: Vec<AuditEntry> = Vec::new();
        for number in 0..length {
            let head = entries.last().map(AuditEntry::head);
            let change = AuditChange::new("a", "b", "c", number.to_string());
            let key = (keys.current_id(), keys.current());
            let chain = AuditChain::INSTALLATION;
            entries.push(AuditEntry::following(
                head.as_ref(),
                chain,
                time,
                change,
                key,
            ));
        }
        entries
    }

    fn fault(entries: &[AuditEntry], anchor: Option<AuditHead>) -> Option<(i64, ChainFault)> {
        let mut verifier = ChainVerifier::new(AuditChain::INSTALLATION, keys()).anchor(anchor);
        for entry in entries {
            verifier.check(entry);
        }
        verifier.finish().fault
    }

    #[test]
    fn first_bad_entry_is_named() {
        let whole = chain(5);
        assert_eq!(fault(&whole, whole.last().map(AuditEntry::head)), None);
        let mut changed = whole.clone();
        changed[2].change.actor = "b".to_owned();
        assert_eq!(fault(&changed, None), Some((3, ChainFault::Mac)));
        let mut missing = whole.clone();
        missing.remove(1);
        let expected = ChainFault::Missing { expected: 2 };
        assert_eq!(fault(&missing, None), Some((3, expected)));
        let mut swapped = whole.clone();
        swapped.swap(1, 2);
        let expected = ChainFault::Missing { expected: 2 };
        assert_eq!(fault(&swapped, None), Some((3, expected)));
        let mut renumbered = whole.clone();
        renumbered.remove(1);
        renumbered[1].sequence = 2;
        assert_eq!(fault(&renumbered, None), Some((2, ChainFault::PreviousMac)));
        let mut other_key = whole;
        other_key[0].key_id = KeyId::new("x").expect("an id");
        let found = fault(&other_key, None).map(|(number, _)| number);
        assert_eq!(found, Some(1));
    }

    #[test]
    fn anchor_detects_a_cut_tail() {
        let whole = chain(5);
        let anchor = whole.last().map(AuditEntry::head);
        assert_eq!(fault(&whole[..3], None), None);
        let expected = ChainFault::CutTail { anchored: 5 };
        assert_eq!(fault(&whole[..3], anchor), Some((4, expected)));
        let expected = ChainFault::CutTail { anchored: 5 };
        assert_eq!(fault(&[], anchor), Some((1, expected)));
    }

    #[test]
    fn anchor_detects_a_chain_written_again() {
        let whole = chain(3);
        let mut anchor = whole[1].head();
        anchor.mac = AuditMac::from_bytes([1; 32]);
        assert_eq!(fault(&whole, Some(anchor)), Some((2, ChainFault::Anchor)));
    }
}

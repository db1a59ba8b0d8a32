//! Ids of the entries of a depth.

/// The longest id in bytes.
const MAX_LENGTH: usize = 23;

/// An id of an entry, without an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct EntryId {
    length: u8,
    bytes: [u8; MAX_LENGTH],
}

impl EntryId {
    /// `None` for an id that is empty or too long.
    pub(super) fn new(id: &[u8]) -> Option<Self> {
        let length = u8::try_from(id.len()).ok().filter(|length| *length > 0)?;
        let mut bytes = [0; MAX_LENGTH];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(Self { length, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_equal_if_all_bytes_are() {
        assert_eq!(EntryId::new(b"16"), EntryId::new(b"16"));
        assert_ne!(EntryId::new(b"16"), EntryId::new(b"16\0"));
        assert_ne!(EntryId::new(b"16"), EntryId::new(b"1"));
        assert_eq!(EntryId::new(b""), None);
        assert!(EntryId::new(&[b'1'; 23]).is_some());
        assert_eq!(EntryId::new(&[b'1'; 24]), None);
    }
}

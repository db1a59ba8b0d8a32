//! The buffer of a body.

use std::io;
use std::ops::Deref;

use memmap2::MmapMut;

use super::BODY_LIMIT;
use crate::http::FREE;

/// The bytes of a body. A large body has its own memory mapping: unused pages take no memory, and the whole
/// mapping is returned to the system on drop. An allocator would retain most of it.
#[derive(Debug)]
pub(crate) enum Buffer {
    Small(Vec<u8>),
    Large { map: MmapMut, length: usize },
}

impl Buffer {
    pub(super) fn new() -> Self {
        Self::Small(Vec::new())
    }

    /// Appends received data, up to the maximum size of a body in total.
    ///
    /// # Errors
    /// The buffer would exceed the maximum size, or the system provides no memory.
    pub(super) fn extend(&mut self, data: &[u8]) -> io::Result<()> {
        if let Self::Small(bytes) = self {
            if bytes.len() + data.len() <= FREE {
                bytes.extend_from_slice(data);
                return Ok(());
            }
            let mut map = MmapMut::map_anon(BODY_LIMIT)?;
            // a huge page would be allocated in full; kernels without huge pages need no advice
            #[cfg(target_os = "linux")]
            let _ = map.advise(memmap2::Advice::NoHugePage);
            let length = bytes.len();
            if let Some(start) = map.get_mut(..length) {
                start.copy_from_slice(bytes);
            }
            *self = Self::Large { map, length };
        }
        if let Self::Large { map, length } = self {
            let end = *length + data.len();
            let room = map.get_mut(*length..end);
            room.ok_or(io::ErrorKind::FileTooLarge)?
                .copy_from_slice(data);
            *length = end;
        }
        Ok(())
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Large { map, length } => map.get(..*length).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_came() {
        let mut buffer = Buffer::new();
        let mut all = Vec::new();
        for piece in [0, 1, FREE - 1, 1, 70_000, 0, 1_000_000] {
            let fill = u8::try_from(all.len() % 251).expect("small");
            let data = vec![fill; piece];
            buffer.extend(&data).expect("memory");
            all.extend(data);
            assert_eq!(*buffer, all);
            assert_eq!(matches!(buffer, Buffer::Large { .. }), all.len() > FREE);
        }
        let rest = vec![7; BODY_LIMIT - all.len()];
        buffer.extend(&rest).expect("the longest body");
        assert_eq!(buffer.len(), BODY_LIMIT);
        assert!(buffer.extend(b"x").is_err(), "more than a body may have");
    }
}

//! The buffer of a request body or of a page of a response.

use std::io;
use std::ops::Deref;

use memmap2::MmapMut;

use crate::http::FREE;

/// The bytes of a body or a page. A large buffer has its own memory mapping: unused pages take no memory, and
/// the whole mapping is returned to the system on drop. An allocator would retain most of it, in each of its
/// arenas.
#[derive(Debug)]
pub(crate) struct Buffer {
    content: Content,
    /// Size of the first mapping in bytes.
    room: usize,
}

#[derive(Debug)]
enum Content {
    Small(Vec<u8>),
    Large { map: MmapMut, length: usize },
}

impl Buffer {
    /// Creates a buffer for `room` bytes. A longer content is copied into a larger mapping.
    pub(crate) fn with_room(room: usize) -> Self {
        Self {
            content: Content::Small(Vec::new()),
            room,
        }
    }

    /// Appends `data`.
    ///
    /// # Errors
    /// The system provides no memory.
    pub(crate) fn extend(&mut self, data: &[u8]) -> io::Result<()> {
        let end = self.len() + data.len();
        match &mut self.content {
            Content::Small(bytes) if end <= FREE => {
                if bytes.is_empty() {
                    bytes.reserve_exact(self.room.min(FREE).max(end));
                }
                bytes.extend_from_slice(data);
            }
            Content::Large { map, length } if end <= map.len() => {
                copy(data, map, *length)?;
                *length = end;
            }
            _ => {
                let room = self.room.max(end.next_power_of_two());
                let mut map = mapping(room)?;
                copy(self, &mut map, 0)?;
                copy(data, &mut map, self.len())?;
                self.content = Content::Large { map, length: end };
            }
        }
        Ok(())
    }
}

impl io::Write for Buffer {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.extend(data)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

fn mapping(bytes: usize) -> io::Result<MmapMut> {
    let map = MmapMut::map_anon(bytes)?;
    // a huge page would be allocated in full; kernels without huge pages need no advice
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::NoHugePage);
    Ok(map)
}

fn copy(data: &[u8], map: &mut MmapMut, start: usize) -> io::Result<()> {
    let room = map.get_mut(start..start + data.len());
    room.ok_or(io::ErrorKind::FileTooLarge)?
        .copy_from_slice(data);
    Ok(())
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.content {
            Content::Small(bytes) => bytes,
            Content::Large { map, length } => map.get(..*length).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 2 * 1024 * 1024;

    #[test]
    fn bytes_come_back_as_they_came() {
        let mut buffer = Buffer::with_room(ROOM);
        let mut all = Vec::new();
        for piece in [0, 1, FREE - 1, 1, 70_000, 0, 1_000_000, ROOM, 1, ROOM] {
            let fill = u8::try_from(all.len() % 251).expect("small");
            let data = vec![fill; piece];
            buffer.extend(&data).expect("memory");
            all.extend(data);
            assert_eq!(*buffer, all);
            let is_large = matches!(buffer.content, Content::Large { .. });
            assert_eq!(is_large, all.len() > FREE);
        }
    }

    #[test]
    fn first_mapping_has_the_room_asked_for() {
        let mut buffer = Buffer::with_room(ROOM);
        buffer.extend(&[1; FREE + 1]).expect("memory");
        let Content::Large { map, .. } = &buffer.content else {
            panic!("it is large");
        };
        assert_eq!(map.len(), ROOM);
    }
}

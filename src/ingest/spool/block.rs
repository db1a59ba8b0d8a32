//! Blocks of records with checksum, kind and version, which detect damage and records of another kind.

use chrono::{DateTime, Utc};

use crate::ingest::record::{Record, RecordReader, RecordWriter, names_of};

/// Checksum, kind, version, number of records, time of acceptance.
pub(super) const HEADER: usize = SEAL + 4 + 8;
/// Checksum, kind, version.
pub(super) const SEAL: usize = 4 + 1 + 1;

/// The reason why bytes are not a valid block of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BlockError {
    #[error("the checksum does not match the bytes")]
    Damaged,
    #[error("it holds {found}, not {expected}", found = names_of(*found))]
    Kind { found: u8, expected: &'static str },
    #[error("its {records} have version {found}, this program supports version {known}")]
    Version {
        records: &'static str,
        found: u8,
        known: u8,
    },
    #[error("the checksum matches, but the bytes are not valid {0}")]
    Malformed(&'static str),
}

/// Encodes records; `accepted_at` is the time at which the first one was accepted.
pub(super) fn encode<R: Record>(records: &[R], accepted_at: DateTime<Utc>) -> Vec<u8> {
    let mut writer = begin::<R>(HEADER + records.len() * 40);
    // a batch has at most 100,000 records
    writer.bytes(&(records.len() as u32).to_le_bytes());
    writer.bytes(&accepted_at.timestamp_micros().to_le_bytes());
    let mut before = None;
    for record in records {
        record.encode(before, &mut writer);
        before = Some(record);
    }
    seal(writer)
}

/// Reads the number of records and the time of acceptance from a block without checking it.
pub(super) fn header(bytes: &[u8]) -> Option<(u32, DateTime<Utc>)> {
    let mut reader = RecordReader::new(bytes.get(SEAL..)?);
    let count = u32::from_le_bytes(reader.bytes(4)?.try_into().ok()?);
    let micros = i64::from_le_bytes(reader.bytes(8)?.try_into().ok()?);
    Some((count, DateTime::from_timestamp_micros(micros)?))
}

/// Decodes the records of a block.
pub(super) fn decode<R: Record>(bytes: &[u8]) -> Result<Vec<R>, BlockError> {
    check::<R>(bytes)?;
    let malformed = BlockError::Malformed(R::NAMES);
    let (count, _) = header(bytes).ok_or(malformed)?;
    let mut reader = RecordReader::new(&bytes[HEADER..]);
    let count = count as usize;
    if count > reader.remaining() / R::MIN_BYTES.max(1) {
        return Err(malformed);
    }
    let mut records: Vec<R> = Vec::with_capacity(count);
    for _ in 0..count {
        let Some(record) = R::decode(records.last(), &mut reader) else {
            return Err(malformed);
        };
        records.push(record);
    }
    if reader.remaining() == 0 {
        Ok(records)
    } else {
        Err(malformed)
    }
}

/// Starts a block: a placeholder for the checksum, the kind and the version.
pub(super) fn begin<R: Record>(capacity: usize) -> RecordWriter {
    let mut writer = RecordWriter::with_capacity(capacity);
    writer.bytes(&[0, 0, 0, 0, R::KIND, R::VERSION]);
    writer
}

/// Finishes a block: writes the checksum of all later bytes into the first four bytes.
pub(super) fn seal(writer: RecordWriter) -> Vec<u8> {
    let mut bytes = writer.into_bytes();
    let check = crc32fast::hash(&bytes[4..]);
    bytes[..4].copy_from_slice(&check.to_le_bytes());
    bytes
}

/// Checks that a block is complete and has the expected kind and version.
pub(super) fn check<R: Record>(bytes: &[u8]) -> Result<(), BlockError> {
    let (check, rest) = bytes.split_first_chunk().ok_or(BlockError::Damaged)?;
    let [kind, version] = *rest.first_chunk().ok_or(BlockError::Damaged)?;
    if u32::from_le_bytes(*check) != crc32fast::hash(rest) {
        return Err(BlockError::Damaged);
    }
    if kind != R::KIND {
        return Err(BlockError::Kind {
            found: kind,
            expected: R::NAMES,
        });
    }
    if version != R::VERSION {
        return Err(BlockError::Version {
            records: R::NAMES,
            found: version,
            known: R::VERSION,
        });
    }
    Ok(())
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

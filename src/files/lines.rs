//! Reads the lines of an entry, up to a maximum length.

use std::io::{self, BufRead};

use super::error::{FileLocation, LineError};
use super::source::Entry;

/// A longer line is not a line of market data and is not read into memory.
const MAX_LINE_BYTES: usize = 64 * 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads line by line. Ends after an I/O error.
pub(crate) struct Lines<'a> {
    place: FileLocation,
    reader: Box<dyn BufRead + 'a>,
    number: u64,
    ended: bool,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(entry: Entry<'a>) -> Self {
        Self {
            place: entry.place,
            reader: entry.reader,
            number: 0,
            ended: false,
        }
    }

    pub(crate) fn place(&self) -> &FileLocation {
        &self.place
    }

    /// The number of the last line read, starting at 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn error(&self, reason: impl Into<String>) -> LineError {
        LineError::new(&self.place, self.number, reason)
    }

    /// Reads the next line that is not blank into `line`, without its end. Returns `false` at the end.
    pub(crate) fn next_into(&mut self, line: &mut Vec<u8>) -> Result<bool, LineError> {
        while !self.ended {
            self.number += 1;
            line.clear();
            match self.read_line(line) {
                Ok(Read::Line) => {}
                Ok(Read::TooLong) => {
                    let reason = format!("is longer than {MAX_LINE_BYTES} bytes: remove it");
                    return Err(self.error(reason));
                }
                Ok(Read::End) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    let reason = format!(
                        "the file cannot be read from here on ({error}): download it again"
                    );
                    return Err(LineError::ending(&self.place, self.number, reason));
                }
            }
            if self.number == 1 && line.starts_with(BYTE_ORDER_MARK) {
                line.drain(..BYTE_ORDER_MARK.len());
            }
            if !line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read_line(&mut self, line: &mut Vec<u8>) -> io::Result<Read> {
        let limit = MAX_LINE_BYTES as u64 + 2;
        let read = io::Read::take(&mut self.reader, limit).read_until(b'\n', line)?;
        if read == 0 {
            return Ok(Read::End);
        }
        if line.ends_with(b"\n") {
            line.pop();
            if line.ends_with(b"\r") {
                line.pop();
            }
        } else if line.len() > MAX_LINE_BYTES {
            self.reader.skip_until(b'\n')?;
            return Ok(Read::TooLong);
        }
        Ok(Read::Line)
    }
}

enum Read {
    Line,
    TooLong,
    End,
}

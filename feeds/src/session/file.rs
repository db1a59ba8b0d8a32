//! The files of sessions.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads the lines of a file, which may be compressed with gzip.
///
/// # Errors
/// The file cannot be opened. A line is an error if the file cannot be read further or is not UTF-8.
pub fn lines(path: &Path) -> io::Result<impl Iterator<Item = io::Result<String>>> {
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    Read::by_ref(&mut file).take(2).read_to_end(&mut start)?;
    file.seek(SeekFrom::Start(0))?;
    let content: Box<dyn Read> = match start == GZIP {
        true => Box::new(MultiGzDecoder::new(file)),
        false => Box::new(file),
    };
    Ok(BufReader::new(content).lines())
}

//! The files of sessions.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The size of the buffer of a file, about that of a block.
const BUFFER: usize = 64 * 1024;

/// Opens a file, which may be compressed with gzip.
fn open(path: &Path) -> io::Result<BufReader<Box<dyn Read>>> {
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    Read::by_ref(&mut file).take(2).read_to_end(&mut start)?;
    file.seek(SeekFrom::Start(0))?;
    let content: Box<dyn Read> = match start == GZIP {
        true => Box::new(MultiGzDecoder::new(file)),
        false => Box::new(file),
    };
    Ok(BufReader::with_capacity(BUFFER, content))
}

/// Reads the lines of a file, which may be compressed with gzip.
///
/// # Errors
/// The file cannot be opened. A line is an error if the file cannot be read further or is not UTF-8.
pub fn lines(path: &Path) -> io::Result<impl Iterator<Item = io::Result<String>>> {
    Ok(open(path)?.lines())
}

/// Reads the lines of a file in blocks of whole lines, about as long as what the file yields at once.
///
/// # Errors
/// As [`lines`]. The lines before an error are a block.
pub(crate) fn blocks(path: &Path) -> io::Result<impl Iterator<Item = io::Result<String>>> {
    open(path).map(blocks_of)
}

fn blocks_of<R: Read>(mut reader: BufReader<R>) -> impl Iterator<Item = io::Result<String>> {
    let mut failure = None;
    std::iter::from_fn(move || {
        let mut block = String::new();
        if failure.is_none() {
            failure = read_block(&mut reader, &mut block).err();
        }
        match block.is_empty() {
            true => failure.take().map(Err),
            false => Some(Ok(block)),
        }
    })
}

fn read_block(reader: &mut BufReader<impl Read>, block: &mut String) -> io::Result<()> {
    while reader.read_line(block)? > 0 && !reader.buffer().is_empty() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that yields these parts, one at each call.
    struct Parts(Vec<&'static str>);

    impl Read for Parts {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            match self.0.is_empty() {
                true => Ok(0),
                false => self.0.remove(0).as_bytes().read(out),
            }
        }
    }

    #[test]
    fn blocks_end_with_what_is_there() {
        let parts = vec!["one\ntwo\nth", "ree\n", "four\nfive\n", "six\n\nseven"];
        let blocks: io::Result<Vec<_>> = blocks_of(BufReader::new(Parts(parts))).collect();
        let expected = ["one\ntwo\nthree\n", "four\nfive\n", "six\n\nseven"];
        assert_eq!(blocks.expect("readable"), expected);
    }

    #[test]
    fn lines_before_an_error_are_a_block() {
        let bytes = &b"one\ntwo\n\xff\nthree\n"[..];
        let mut blocks = blocks_of(BufReader::new(bytes));
        let first = blocks.next().expect("a block").expect("readable");
        assert_eq!(first, "one\ntwo\n");
        assert!(blocks.next().is_some_and(|error| error.is_err()));
    }
}

//! Zipped and plain files, recognized by their first bytes.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zip::ZipArchive;
use zip::result::ZipError;

use super::error::{FileError, FileLocation};

const BUFFER_BYTES: usize = 64 * 1024;
const ZIP_MAGIC: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];
/// First bytes of files that are not supported, and their descriptions.
const UNREAD: [(&[u8], &str); 5] = [
    (
        b"\x1f\x8b",
        "compressed with gzip, which is not supported: unpack it, or zip it",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "compressed with zstd, which is not supported: unpack it, or zip it",
    ),
    (
        b"\xfd7zX",
        "compressed with xz, which is not supported: unpack it, or zip it",
    ),
    (
        b"BZh",
        "compressed with bzip2, which is not supported: unpack it, or zip it",
    ),
    (
        b"PAR1",
        "a Parquet file, which is not supported: convert it to CSV",
    ),
];

/// A file of market data: a zip with entries, or plain text, which counts as one entry.
///
/// # Examples
///
/// ```
/// use tickbook::files::{CsvLayout, CsvQuotes, MarketFile};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("quotes.csv");
/// std::fs::write(&path, "tick_time,bid,ask\n2024-05-01T12:00:00Z,1.1,1.2\n")?;
/// let mut file = MarketFile::open(&path)?;
/// let quotes = CsvQuotes::new(file.entry(0)?, &CsvLayout::default())?;
/// let bids: Vec<_> = quotes.map(|quote| quote.map(|quote| quote.bid_price)).collect();
/// assert_eq!(bids.len(), 1);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct MarketFile {
    path: PathBuf,
    place: FileLocation,
    content: Content,
}

enum Content {
    Plain(File),
    Zip {
        archive: ZipArchive<BufReader<File>>,
        /// Indexes of the entries that are files, ordered by name.
        files: Vec<usize>,
    },
}

impl MarketFile {
    /// Opens a file, and reads the directory of a zip.
    ///
    /// # Errors
    /// If the file cannot be read, or is a damaged or empty zip.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref().to_path_buf();
        let place = FileLocation::file(&path);
        let unreadable = |error: io::Error| FileError::new(&place, unreadable(&error));
        if path.is_dir() {
            let reason = "is a directory: choose the files in it";
            return Err(FileError::new(&place, reason));
        }
        let mut file = File::open(&path).map_err(unreadable)?;
        let magic = first_bytes(&mut file).map_err(unreadable)?;
        let unread = UNREAD.iter().find(|(start, _)| magic.starts_with(start));
        if let Some((_, what)) = unread {
            return Err(FileError::new(&place, format!("is {what}")));
        }
        let content = if ZIP_MAGIC.iter().any(|zip| magic.starts_with(zip)) {
            open_zip(file).map_err(|reason| FileError::new(&place, reason))?
        } else {
            Content::Plain(file)
        };
        Ok(Self {
            path,
            place,
            content,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of entries; 1 for a plain file.
    #[must_use]
    pub fn entry_count(&self) -> usize {
        match &self.content {
            Content::Plain(_) => 1,
            Content::Zip { files, .. } => files.len(),
        }
    }

    /// Returns the entry at `index`, starting at 0, in the order of names. It is read from its start.
    ///
    /// # Errors
    /// If there is no such entry, or it is encrypted, damaged, or compressed with an unsupported method.
    pub fn entry(&mut self, index: usize) -> Result<Entry<'_>, FileError> {
        let file_name = file_name(&self.path.to_string_lossy());
        match &mut self.content {
            Content::Plain(file) if index == 0 => {
                file.rewind()
                    .map_err(|error| FileError::new(&self.place, unreadable(&error)))?;
                Ok(Entry {
                    place: self.place.clone(),
                    names: vec![file_name],
                    reader: Box::new(BufReader::with_capacity(BUFFER_BYTES, file)),
                })
            }
            Content::Zip { archive, files } if index < files.len() => {
                let place = self.place.clone();
                let damaged = |error: ZipError| FileError::new(&place, zip_reason(index, &error));
                let packed = archive.by_index(files[index]).map_err(damaged)?;
                let name = String::from_utf8_lossy(packed.name_raw()).into_owned();
                Ok(Entry {
                    place: place.entry(&name),
                    names: vec![self::file_name(&name), file_name],
                    reader: Box::new(BufReader::with_capacity(BUFFER_BYTES, packed)),
                })
            }
            _ => {
                let reason = format!("has no entry {index}: expected an index below entry_count");
                Err(FileError::new(&self.place, reason))
            }
        }
    }
}

impl MarketFile {
    /// The total unpacked size of all entries, in bytes.
    ///
    /// # Errors
    /// If an entry cannot be found.
    pub fn unpacked_bytes(&mut self) -> Result<u64, FileError> {
        match &mut self.content {
            Content::Plain(file) => {
                let metadata = file.metadata();
                let metadata =
                    metadata.map_err(|error| FileError::new(&self.place, unreadable(&error)))?;
                Ok(metadata.len())
            }
            Content::Zip { archive, files } => {
                let mut bytes = 0;
                for &index in files.iter() {
                    let entry = archive
                        .by_index_raw(index)
                        .map_err(|error| FileError::new(&self.place, zip_reason(index, &error)))?;
                    bytes += entry.size();
                }
                Ok(bytes)
            }
        }
    }

    /// Unpacks every entry of a zip and compares it with its checksum, which an iterator checks only after
    /// the last line. A plain file has no checksum.
    ///
    /// # Errors
    /// The error of the first entry that is damaged or cannot be unpacked.
    pub fn verify(&mut self) -> Result<(), FileError> {
        if matches!(self.content, Content::Plain(_)) {
            return Ok(());
        }
        for index in 0..self.entry_count() {
            let mut entry = self.entry(index)?;
            io::copy(&mut entry.reader, &mut io::sink()).map_err(|error| {
                let reason = format!("is damaged ({error}): download the zip again");
                FileError::new(&entry.place, reason)
            })?;
        }
        Ok(())
    }
}

impl fmt::Debug for MarketFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MarketFile")
            .field("path", &self.path)
            .field("entries", &self.entry_count())
            .finish()
    }
}

/// One text of a [`MarketFile`], to be passed to a reader such as [`LeanQuotes`](super::LeanQuotes).
pub struct Entry<'a> {
    pub(crate) place: FileLocation,
    /// Names that may contain the date, in order of preference.
    pub(crate) names: Vec<String>,
    pub(crate) reader: Box<dyn BufRead + 'a>,
}

impl<'a> Entry<'a> {
    /// Adds the number of bytes read from it to `bytes`, to report progress.
    #[must_use]
    pub fn counted(mut self, bytes: Arc<AtomicU64>) -> Entry<'a> {
        self.reader = Box::new(Counted {
            reader: self.reader,
            bytes,
        });
        self
    }
}

struct Counted<'a> {
    reader: Box<dyn BufRead + 'a>,
    bytes: Arc<AtomicU64>,
}

impl io::Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl BufRead for Counted<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        self.reader.consume(count);
    }
}

impl fmt::Display for Entry<'_> {
    /// The file, and the entry if it is a zip.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.fmt(f)
    }
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entry").field(&self.place).finish()
    }
}

fn open_zip(file: File) -> Result<Content, String> {
    let mut archive = ZipArchive::new(BufReader::new(file))
        .map_err(|error| format!("is not a complete zip ({error}): download it again"))?;
    let mut files = Vec::new();
    for index in 0..archive.len() {
        let entry = archive
            .by_index_raw(index)
            .map_err(|error| zip_reason(index, &error))?;
        if entry.is_file() {
            files.push((entry.name_raw().to_vec(), index));
        }
    }
    if files.is_empty() {
        return Err("is a zip without files: choose another one".to_owned());
    }
    files.sort_unstable();
    let files = files.into_iter().map(|(_, index)| index).collect();
    Ok(Content::Zip { archive, files })
}

fn first_bytes(file: &mut File) -> io::Result<Vec<u8>> {
    let mut magic = Vec::with_capacity(4);
    file.by_ref().take(4).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(magic)
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "file not found: correct the path".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "permission denied: allow this user to read it".to_owned()
        }
        _ => format!("cannot be read ({error}): check that it is a readable file"),
    }
}

fn zip_reason(index: usize, error: &ZipError) -> String {
    match error {
        ZipError::UnsupportedArchive(what) => {
            format!("entry {index} cannot be unpacked ({what}): compress it again with deflate")
        }
        _ => format!("entry {index} is damaged ({error}): download the zip again"),
    }
}

/// The part after the last path separator of any operating system.
fn file_name(path: &str) -> String {
    path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned()
}

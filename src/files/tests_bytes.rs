use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::tests::{folder, plain, quotes, zipped};
use super::*;

#[test]
fn binary_files_are_named_without_their_bytes() {
    let folder = folder();
    for (bytes, words) in [
        (&b"PAR1\x15\x04"[..], "a Parquet file"),
        (b"\x28\xb5\x2f\xfd\x04", "zstd"),
        (b"\xfd7zXZ\0", "xz"),
        (b"BZh91AY", "bzip2"),
        (b"\x7fELF\x02,\x9b", "is not text"),
        (b"tick_time,bid,ask\x1b[31m\n", "is not text"),
        (b"tick\ttime,bid,ask\n", "has no column"),
    ] {
        let path = plain(&folder, "20140501\u{1b}[2J.csv", bytes);
        let layout = CsvLayout::default();
        let error = quotes(&path, Some(&layout)).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
        assert!(!error.contains(char::is_control), "{error:?}");
    }
}

#[test]
fn bytes_of_a_file_are_counted_while_it_is_read() {
    let folder = folder();
    let text = b"1,1.25,1.5\n".repeat(10_000);
    let entries: [(&str, &[u8]); 2] = [("20140501_a.csv", &text), ("20140501_b.csv", b"1,1,1")];
    let zip = zipped(&folder, "20140501.zip", &entries);
    let text = plain(&folder, "20140501.csv", &text);
    for (path, expected) in [(zip, 110_005), (text, 110_000)] {
        let mut file = MarketFile::open(&path).expect("it opens");
        assert_eq!(file.unpacked_bytes().expect("whole"), expected);
        let bytes = Arc::new(AtomicU64::new(0));
        for index in 0..file.entry_count() {
            let entry = file.entry(index).expect("whole");
            let mut quotes = LeanQuotes::new(entry.counted(Arc::clone(&bytes))).expect("dated");
            let before = bytes.load(Ordering::Relaxed);
            quotes.next();
            assert!(bytes.load(Ordering::Relaxed) > before);
            quotes.for_each(drop);
        }
        assert_eq!(bytes.load(Ordering::Relaxed), expected);
    }
}

//! Recorded sessions of venues.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const VARIABLE: &str = "TICKBOOK_VENUE_SESSIONS";

/// The folder of `TICKBOOK_VENUE_SESSIONS`, otherwise the default folder. If neither is there, returns `None`
/// and counts the test as skipped.
pub(crate) fn folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(VARIABLE) {
        let folder = PathBuf::from(folder);
        assert!(
            folder.is_dir(),
            "{VARIABLE}: {} is not a folder",
            folder.display()
        );
        return Some(folder);
    }
    let project = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .filter(|folder| folder.join("migrations_timeseries").is_dir())
        .last()?;
    let folder = project.parent()?.join("shared/venue-sessions");
    if folder.is_dir() {
        return Some(folder);
    }
    suite::skip(format_args!(
        "there are no recorded sessions, set {VARIABLE} to a folder of them"
    ));
    None
}

/// A line of a session.
#[derive(Debug, Clone)]
pub(crate) enum Line {
    /// A connection was opened.
    Opened,
    /// A frame was received.
    Received { at: DateTime<Utc>, text: String },
    /// An answer to an HTTP request.
    Answer {
        at: DateTime<Utc>,
        url: String,
        body: String,
    },
    /// A frame that was sent, or a note of the recorder.
    Other,
}

/// Seconds with a fraction, whose digits after the sixth are dropped.
fn time(seconds: &str) -> DateTime<Utc> {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let digits = format!("{whole}{:0<6}", &fraction[..fraction.len().min(6)]);
    DateTime::from_timestamp_micros(digits.parse().expect("digits")).expect("in range")
}

fn line(text: &str) -> Line {
    let is_time = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    let (head, rest) = text.split_once(": ").unwrap_or((text, ""));
    let (url, kind, at) = match head.split(' ').collect::<Vec<_>>()[..] {
        [at] => ("", "", at),
        [url, kind, at] => (url, kind, at),
        _ => return Line::Other,
    };
    if !is_time(at) || at.is_empty() {
        return Line::Other;
    }
    let (at, text) = (time(at), rest.to_owned());
    match kind {
        "<->" => Line::Opened,
        "" => Line::Received { at, text },
        "->" => Line::Answer {
            at,
            url: url.to_owned(),
            body: text,
        },
        _ => Line::Other,
    }
}

/// The text of a file, which may be compressed.
pub(crate) fn text(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..])
            .read_to_string(&mut text)
            .expect("compressed text");
        return text;
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// The lines of a file, the first of which has number 1.
pub(crate) fn lines(path: &Path) -> Vec<Line> {
    text(path).lines().map(line).collect()
}

/// The bodies of the answers of a file, by a part of the URL.
pub(crate) fn answers(path: &Path) -> Vec<(String, DateTime<Utc>, String)> {
    let answer = |line| match line {
        Line::Answer { at, url, body } => Some((url, at, body)),
        _ => None,
    };
    lines(path).into_iter().filter_map(answer).collect()
}

/// The independent results of a venue. Asserts that they are of the files in this folder.
pub(crate) fn expected(folder: &Path, venue: &str) -> Value {
    let expected: Value = json(&folder.join(format!("expected/{venue}.json")));
    for (file, facts) in expected["files"].as_object().expect("a map") {
        let text = text(&folder.join(venue).join(file));
        assert_eq!(digest(&text), facts["sha256_of_text"], "{venue}/{file}");
    }
    expected
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! The lines of a session.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::wire::Instant;

/// A line of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionLine<'a> {
    /// A connection was opened.
    Opened {
        /// The address.
        address: &'a str,
        /// The time, in whole microseconds.
        at: DateTime<Utc>,
    },
    /// The client sent a message.
    Sent {
        /// The address.
        address: &'a str,
        /// The time, in whole microseconds.
        at: DateTime<Utc>,
        /// The message.
        text: &'a str,
    },
    /// A message arrived.
    Received {
        /// The time, in whole microseconds.
        at: DateTime<Utc>,
        /// The message.
        text: &'a str,
    },
    /// An HTTP request got a body.
    Answer {
        /// The address.
        address: &'a str,
        /// The time, in whole microseconds.
        at: DateTime<Utc>,
        /// The body.
        body: &'a str,
    },
    /// An empty line, or a note of the recorder.
    Other,
}

impl<'a> SessionLine<'a> {
    /// Reads a line. Digits of the time after the sixth are dropped.
    #[must_use]
    pub fn parse(line: &'a str) -> Self {
        let line = line.strip_suffix('\r').unwrap_or(line);
        // a search for one byte is several times as fast as one for two
        let colons = line.match_indices(':').map(|(at, _)| at);
        let mut ends = colons.filter(|at| line.as_bytes().get(at + 1) == Some(&b' '));
        let (head, rest) = match ends.next() {
            Some(at) => (&line[..at], &line[at + 2..]),
            None => (line, ""),
        };
        let mut words = head.split(' ');
        let (first, second, third) = (words.next(), words.next(), words.next());
        if words.next().is_some() {
            return Self::Other;
        }
        let (address, kind, time) = match (first, second, third) {
            (Some(time), None, None) => ("", "", time),
            (Some(address), Some(kind), Some(time)) => (address, kind, time),
            _ => return Self::Other,
        };
        let Some(Instant(at)) = Instant::of_seconds(time).filter(|_| !time.is_empty()) else {
            return Self::Other;
        };
        match kind {
            "" => Self::Received { at, text: rest },
            "<->" => Self::Opened { address, at },
            "<-" => Self::Sent {
                address,
                at,
                text: rest,
            },
            "->" => Self::Answer {
                address,
                at,
                body: rest,
            },
            _ => Self::Other,
        }
    }
}

/// A text without ends of lines, which JSON allows only between its values.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.0.split(['\r', '\n']);
        f.write_str(parts.next().unwrap_or_default())?;
        parts.try_for_each(|part| write!(f, " {part}"))
    }
}

/// The line that [`parse`](SessionLine::parse) reads, without its end.
impl fmt::Display for SessionLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds =
            |at: &DateTime<Utc>| format!("{}.{:06}", at.timestamp(), at.timestamp_subsec_micros());
        match self {
            Self::Opened { address, at } => write!(f, "{address} <-> {}", seconds(at)),
            Self::Sent { address, at, text } => {
                write!(f, "{address} <- {}: {}", seconds(at), OneLine(text))
            }
            Self::Received { at, text } => write!(f, "{}: {}", seconds(at), OneLine(text)),
            Self::Answer { address, at, body } => {
                write!(f, "{address} -> {}: {}", seconds(at), OneLine(body))
            }
            Self::Other => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_microsecond() {
        for (text, micros) in [
            ("0", Some(0)),
            ("1.5", Some(1_500_000)),
            ("1.", Some(1_000_000)),
            ("1.0000019", Some(1_000_001)),
            ("", None),
            (".5", None),
            ("-1", None),
            ("1.x", None),
            ("1.0000000x", None),
            ("1.2.3", None),
            ("1.é", None),
            ("99999999999999999999", None),
        ] {
            let read = Instant::of_seconds(text).map(|Instant(at)| at.timestamp_micros());
            assert_eq!(read, micros, "{text}");
        }
    }

    #[test]
    fn lines_of_each_kind_are_read() {
        let at = DateTime::from_timestamp_micros(1_618_678_132_385_815).expect("in range");
        let address = "wss://a.example/x";
        for (line, expected) in [
            (
                "wss://a.example/x <-> 1618678132.3858151",
                SessionLine::Opened { address, at },
            ),
            (
                "wss://a.example/x <- 1618678132.3858151: {\"a\": 1}",
                SessionLine::Sent {
                    address,
                    at,
                    text: "{\"a\": 1}",
                },
            ),
            (
                "1618678132.3858159: [1, \"b: c\"]\r",
                SessionLine::Received {
                    at,
                    text: "[1, \"b: c\"]",
                },
            ),
            (
                "wss://a.example/x -> 1618678132.385815: []",
                SessionLine::Answer {
                    address,
                    at,
                    body: "[]",
                },
            ),
        ] {
            assert_eq!(SessionLine::parse(line), expected, "{line}");
            let written = expected.to_string();
            assert_eq!(SessionLine::parse(&written), expected, "{written}");
        }
        let text = "{\n\"a\":\r\n1}";
        let written = SessionLine::Received { at, text }.to_string();
        assert_eq!(written, "1618678132.385815: { \"a\":  1}");
        for line in [
            "",
            "configuration: {}",
            "x <- y: z",
            "a b 1: c",
            "1 2 3 4: x",
            "a <- : x",
        ] {
            assert_eq!(SessionLine::parse(line), SessionLine::Other, "{line}");
        }
    }
}

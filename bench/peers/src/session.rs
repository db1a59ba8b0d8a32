//! Reads the recorded sessions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use chrono::SecondsFormat;
use serde_json::Value;
use tickbook_feeds::session::{SessionLine, lines};

use crate::case::{Case, Kind, Message, Venue};

/// The fewest messages of a case without books; those of the session are repeated.
const FEWEST: usize = 2_000;

/// The folder of recorded sessions.
pub(crate) struct Sessions {
    folder: PathBuf,
    /// Sessions that are re-framed.
    reframed: tempfile::TempDir,
}

impl Sessions {
    /// The folder of `TICKBOOK_VENUE_SESSIONS`, otherwise that beside the project.
    pub(crate) fn find() -> Result<Self> {
        let folder = match std::env::var_os("TICKBOOK_VENUE_SESSIONS") {
            Some(folder) => PathBuf::from(folder),
            None => Path::new("../shared/venue-sessions").to_owned(),
        };
        ensure!(
            folder.is_dir(),
            "no recorded sessions in {}: set TICKBOOK_VENUE_SESSIONS",
            folder.display()
        );
        let reframed = tempfile::tempdir()?;
        Ok(Self { folder, reframed })
    }

    /// The messages of a venue and a type, with the fields that the venue added since the recording.
    pub(crate) fn case(&self, venue: Venue, kind: Kind) -> Result<Case> {
        let (mut setup, mut messages) = (Vec::new(), Vec::new());
        let mut numbers = BTreeMap::new();
        for file in files(venue, kind) {
            for line in lines(&self.path(venue, file)?)? {
                let line = line?;
                let SessionLine::Received { at, text } = SessionLine::parse(&line) else {
                    continue;
                };
                let value: Value = serde_json::from_str(text)?;
                let Some((found, is_snapshot)) = classify(venue, &value) else {
                    continue;
                };
                // an update without levels is no record to a peer
                if found != kind || is_empty(venue, &value) {
                    continue;
                }
                let text = text.to_owned();
                let message = completed(venue, kind, &value, Message { at, text }, &mut numbers);
                match is_snapshot {
                    true if kind == Kind::Book => setup.push(message),
                    // a trade from before the subscription
                    true if kind == Kind::Trade => {}
                    _ => messages.push(message),
                }
            }
        }
        ensure!(!messages.is_empty(), "the session has no such messages");
        if kind != Kind::Book {
            let repeats = FEWEST.div_ceil(messages.len());
            messages = std::iter::repeat_n(messages, repeats).flatten().collect();
        }
        if venue == Venue::CoinbaseAdvanced {
            for (number, message) in setup.iter_mut().chain(&mut messages).enumerate() {
                renumber(&mut message.text, number);
            }
        }
        let answers = match (venue, kind) {
            (Venue::Binance, Kind::Book) => self.answers()?,
            _ => BTreeMap::new(),
        };
        Ok(Case {
            venue,
            kind,
            symbols: self.symbols(venue)?,
            setup,
            answers,
            messages,
        })
    }

    /// The symbols of a session, as its independent results list them.
    fn symbols(&self, venue: Venue) -> Result<Vec<String>> {
        let path = self
            .folder
            .join(format!("expected/{}.json", venue.folder()));
        let expected: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
        let symbols = expected["books"].as_object().context("a map of books")?;
        let symbols = symbols.keys().cloned();
        Ok(match venue {
            Venue::KrakenV2 => symbols.map(|symbol| symbol.replace("XBT", "BTC")).collect(),
            _ => symbols.collect(),
        })
    }

    fn path(&self, venue: Venue, file: &str) -> Result<PathBuf> {
        let recorded = self
            .folder
            .join(venue.folder())
            .join(format!("{file}.ws.gz"));
        if !matches!(venue, Venue::KrakenV2 | Venue::CoinbaseAdvanced) {
            return Ok(recorded);
        }
        let path = self
            .reframed
            .path()
            .join(format!("{}-{file}.ws", venue.folder()));
        if !path.exists() {
            let output = Command::new("python3")
                .arg(self.folder.join("reframe.py"))
                .arg(venue.folder())
                .args([&recorded, &path])
                .output()
                .context("python3, which re-frames the session")?;
            let error = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "reframe.py failed: {error}");
        }
        Ok(path)
    }

    fn answers(&self) -> Result<BTreeMap<String, Message>> {
        let mut answers = BTreeMap::new();
        for line in lines(&self.folder.join("binance/depth.http.gz"))? {
            if let SessionLine::Answer { address, at, body } = SessionLine::parse(&line?) {
                let (_, rest) = address.split_once("symbol=").unwrap_or_default();
                let symbol = rest.split('&').next().unwrap_or_default().to_owned();
                let text = body.to_owned();
                answers.entry(symbol).or_insert(Message { at, text });
            }
        }
        Ok(answers)
    }
}

/// The files of a session without their extension.
fn files(venue: Venue, kind: Kind) -> &'static [&'static str] {
    match (venue, kind) {
        (Venue::Binance, _) => &["streams"],
        (Venue::KrakenV1 | Venue::KrakenV2, Kind::Book) => &["book"],
        (Venue::KrakenV1 | Venue::KrakenV2, Kind::Trade) => &["trades"],
        (Venue::KrakenV1 | Venue::KrakenV2, Kind::Quote) => &["ticker"],
        (Venue::CoinbaseExchange | Venue::CoinbaseAdvanced, _) => &["level2-ticker-matches"],
        (Venue::Okx, _) => &["public"],
    }
}

/// The type of a message, and whether it is a snapshot; `None` if it is not measured.
fn classify(venue: Venue, message: &Value) -> Option<(Kind, bool)> {
    let channel = match venue {
        Venue::Binance => message["stream"].as_str()?.split('@').nth(1)?,
        Venue::KrakenV1 => {
            let parts = message.as_array()?;
            parts.get(parts.len().checked_sub(2)?)?.as_str()?
        }
        Venue::KrakenV2 | Venue::CoinbaseAdvanced => message["channel"].as_str()?,
        Venue::CoinbaseExchange => message["type"].as_str()?,
        Venue::Okx if message.get("event").is_some() => return None,
        Venue::Okx => message["arg"]["channel"].as_str()?,
    };
    let is_snapshot = match venue {
        Venue::Binance => false,
        Venue::KrakenV1 => message[1].get("as").is_some(),
        Venue::KrakenV2 => message["type"] == "snapshot",
        Venue::CoinbaseExchange => channel == "snapshot",
        Venue::CoinbaseAdvanced => message["events"][0]["type"] == "snapshot",
        Venue::Okx => message["action"] == "snapshot",
    };
    let kind = match channel {
        "depth" | "book" | "snapshot" | "l2update" | "l2_data" | "books" => Kind::Book,
        name if name.starts_with("book-") => Kind::Book,
        "aggTrade" | "trade" | "match" | "market_trades" | "trades" => Kind::Trade,
        "bookTicker" | "ticker" | "tickers" => Kind::Quote,
        _ => return None,
    };
    Some((kind, is_snapshot))
}

/// Whether a message is an update of a book without levels, which OKX sends.
fn is_empty(venue: Venue, message: &Value) -> bool {
    let book = &message["data"][0];
    let is_empty = |side: &str| book[side].as_array().is_some_and(Vec::is_empty);
    venue == Venue::Okx && is_empty("asks") && is_empty("bids")
}

/// The message with fields that a peer requires and that the venue sends today. `numbers` has the number of the
/// last message of each book.
fn completed(
    venue: Venue,
    kind: Kind,
    value: &Value,
    mut message: Message,
    numbers: &mut BTreeMap<String, i64>,
) -> Message {
    let text = &mut message.text;
    match (venue, kind) {
        (Venue::Binance, Kind::Trade) => {
            let data = &value["data"];
            let stream = value["stream"].as_str().unwrap_or_default();
            let stream = stream.replace("@aggTrade", "@trade");
            *text = format!(
                r#"{{"stream":"{stream}","data":{{"e":"trade","E":{},"s":{},"t":{},"p":{},"q":{},"T":{},"m":{},"M":true}}}}"#,
                data["E"], data["s"], data["a"], data["p"], data["q"], data["T"], data["m"],
            );
        }
        (Venue::KrakenV2, Kind::Quote) => {
            let time = message.at.to_rfc3339_opts(SecondsFormat::Micros, true);
            let end = format!(r#","change":0.0,"change_pct":0.0,"timestamp":"{time}"}}]}}"#);
            *text = text.replacen("}]}", &end, 1);
        }
        (Venue::CoinbaseAdvanced, Kind::Quote) => {
            let added = r#""price_percent_chg_24_h":"0.1","best_bid":"#;
            *text = text.replacen(r#""best_bid":"#, added, 1);
        }
        (Venue::Okx, Kind::Book) => {
            let symbol = value["arg"]["instId"].as_str().unwrap_or_default();
            let number = numbers.entry(symbol.to_owned()).or_insert(-1);
            let previous = std::mem::replace(number, *number + 1_000);
            let added = format!(r#""seqId":{number},"prevSeqId":{previous},"ts":"#);
            *text = text.replacen(r#""ts":"#, &added, 1);
        }
        (Venue::Okx, Kind::Trade) => {
            *text = text.replacen(r#""ts":"#, r#""count":"1","ts":"#, 1);
        }
        _ => {}
    }
    message
}

/// Replaces the number of a message of Coinbase Advanced, which counts the messages of a connection.
fn renumber(text: &mut String, number: usize) {
    const FIELD: &str = r#""sequence_num":"#;
    if let Some(start) = text.find(FIELD).map(|at| at + FIELD.len()) {
        let digits = text[start..].bytes().take_while(u8::is_ascii_digit).count();
        text.replace_range(start..start + digits, &number.to_string());
    }
}

/// A symbol of Binance in the messages of one stream.
pub(crate) fn data_of(text: &str) -> Result<&str> {
    let start = text.find(r#""data":"#).map(|at| at + r#""data":"#.len());
    let data = start.and_then(|start| text[start..].strip_suffix('}'));
    match data {
        Some(data) => Ok(data),
        None => bail!("no data in {text}"),
    }
}

//! Settings of feeds.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use tickbook::config::Sections;
use tickbook::domain::excerpt;
use tickbook::retention::PolicyDuration;
use tickbook_feeds::{Channel, VenueName};

use crate::feed::replay::Speed;

/// The kind of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FeedKind {
    /// Simulated quotes and trades. `simulated`
    Simulated,
    /// Quotes from files. `replay`
    Replay,
    /// A trading venue, by its name.
    Venue(VenueName),
}

/// The text is not the kind of a feed. Holds the text, cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of feed {0}: expected {expected}", expected = kinds())]
pub struct UnknownFeedKind(pub String);

/// The names of all kinds, for error texts.
fn kinds() -> String {
    let venues = VenueName::ALL.iter().map(|venue| venue.as_str());
    let kinds: Vec<_> = venues.chain(["replay", "simulated"]).collect();
    kinds.join(", ")
}

impl FromStr for FeedKind {
    type Err = UnknownFeedKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "simulated" => Ok(Self::Simulated),
            "replay" => Ok(Self::Replay),
            venue => {
                let venue = venue.parse().map(Self::Venue);
                venue.map_err(|_| UnknownFeedKind(excerpt(text)))
            }
        }
    }
}

impl fmt::Display for FeedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Simulated => "simulated",
            Self::Replay => "replay",
            Self::Venue(venue) => venue.as_str(),
        })
    }
}

/// Settings of one feed. Those of other kinds of feeds have no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedConfig {
    /// The kind.
    pub kind: FeedKind,
    /// Symbols: of a venue as it names them, of a replay the symbol of the files.
    pub symbols: Vec<String>,
    /// Channels of a venue; by default quotes and trades.
    pub channels: Vec<Channel>,
    /// Another address for the WebSocket of a venue.
    pub websocket: Option<String>,
    /// Another address for the HTTP requests to a venue.
    pub http: Option<String>,
    /// How long the messages of a venue are kept; `None` records none.
    pub record: Option<PolicyDuration>,
    /// Files to replay.
    pub files: Vec<PathBuf>,
    /// Speed of a replay.
    pub speed: Speed,
    /// Seed of a simulated feed; `None` is a random one.
    pub seed: Option<u64>,
}

impl FeedConfig {
    /// The defaults of a kind.
    #[must_use]
    pub fn of(kind: FeedKind) -> Self {
        Self {
            kind,
            symbols: Vec::new(),
            channels: vec![Channel::Quotes, Channel::Trades],
            websocket: None,
            http: None,
            record: None,
            files: Vec::new(),
            speed: Speed::Times(1.0),
            seed: None,
        }
    }

    fn known(kind: FeedKind) -> &'static [&'static str] {
        match kind {
            FeedKind::Simulated => &["venue", "seed"],
            FeedKind::Replay => &["venue", "symbols", "files", "speed"],
            FeedKind::Venue(_) => &[
                "venue",
                "symbols",
                "channels",
                "websocket",
                "http",
                "record",
            ],
        }
    }
}

/// A channel that has records; the list of instruments has none.
fn channel(text: &str) -> Result<Channel, String> {
    match text.parse() {
        Ok(Channel::Instruments) => {
            Err("the instruments are always read: expected quotes, trades or book:<levels>".into())
        }
        channel => channel.map_err(|error: tickbook_feeds::UnknownChannel| error.to_string()),
    }
}

fn any(text: &str) -> Result<String, Infallible> {
    Ok(text.to_owned())
}

/// How long messages are kept.
fn kept(text: &str) -> Result<PolicyDuration, String> {
    let kept: PolicyDuration = text.parse().map_err(|error| format!("{error}"))?;
    match kept.as_seconds() {
        1.. => Ok(kept),
        _ => Err("expected a length above 0, such as 1d".to_owned()),
    }
}

fn address(text: &str, schemes: [&str; 2]) -> Result<String, String> {
    let is_address = |scheme: &&str| text.strip_prefix(*scheme).is_some_and(|it| !it.is_empty());
    match schemes.iter().any(is_address) {
        true => Ok(text.trim_end_matches('/').to_owned()),
        false => {
            let [secure, plain] = schemes;
            Err(format!("expected {secure} or {plain} and a host"))
        }
    }
}

pub(super) fn read(sections: &mut Sections<'_>) -> Option<BTreeMap<String, FeedConfig>> {
    let names = sections.names("feeds");
    let mut feeds = BTreeMap::new();
    let mut is_valid = true;
    for name in names {
        match read_one(sections, &name) {
            Some(feed) => {
                feeds.insert(name, feed);
            }
            None => is_valid = false,
        }
    }
    is_valid.then_some(feeds)
}

fn read_one(sections: &mut Sections<'_>, name: &str) -> Option<FeedConfig> {
    let section = format!("feeds.{name}");
    let key = |setting: &str| format!("{section}.{setting}");
    let kind = match sections.optional(&key("venue"), any) {
        Some(_) => sections.parsed(&key("venue"), str::parse)?,
        None => match name.parse() {
            Ok(kind) => kind,
            Err(UnknownFeedKind(_)) => {
                let expected = kinds();
                sections.problem(format!(
                    "{section} has no venue: write venue = one of {expected}"
                ));
                return None;
            }
        },
    };
    sections.only(&section, FeedConfig::known(kind));
    let of_kind = FeedConfig::of(kind);
    let websocket = sections.optional(&key("websocket"), |it| address(it, ["wss://", "ws://"]));
    let http = sections.optional(&key("http"), |it| address(it, ["https://", "http://"]));
    if websocket.is_some() != http.is_some() {
        sections.problem(format!(
            "{section} needs both websocket and http, or neither"
        ));
    }
    let number = |text: &str| {
        text.trim()
            .parse::<u64>()
            .map_err(|_| "expected a whole number")
    };
    Some(FeedConfig {
        symbols: sections.list(&key("symbols"), any).unwrap_or_default(),
        channels: sections
            .list(&key("channels"), channel)
            .unwrap_or(of_kind.channels),
        websocket,
        http,
        record: sections.optional(&key("record"), kept),
        files: sections
            .list(&key("files"), |file| any(file).map(PathBuf::from))
            .unwrap_or_default(),
        speed: sections
            .optional(&key("speed"), str::parse)
            .unwrap_or(of_kind.speed),
        seed: sections.optional(&key("seed"), number),
        kind,
    })
}

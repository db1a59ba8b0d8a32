//! The value of `--feed`.

use std::fmt;
use std::str::FromStr;

use tickbook::domain::excerpt;

/// A feed that the command line names, with symbols or with those of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedChoice {
    /// The name: a kind of feed, a section `[feeds.NAME]`, or `none`.
    pub name: String,
    /// The symbols; empty if none are given.
    pub symbols: Vec<String>,
}

/// The text is not a feed. Holds the text, cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid feed {0}: expected a name, such as simulated, or a venue with symbols, such as kraken:BTC/USD,ETH/USD"
)]
pub struct InvalidFeedChoice(pub String);

impl FeedChoice {
    /// Whether no feed is to run.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.name == "none"
    }
}

impl FromStr for FeedChoice {
    type Err = InvalidFeedChoice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidFeedChoice(excerpt(text));
        let plain =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        let (name, symbols) = match text.split_once(':') {
            Some((name, symbols)) => (name, symbols.split(',').map(str::trim).collect()),
            None => (text, Vec::new()),
        };
        let is_name = !name.is_empty() && name.chars().all(plain);
        if !is_name || symbols.contains(&"") || (name == "none" && !symbols.is_empty()) {
            return Err(invalid());
        }
        Ok(Self {
            name: name.to_owned(),
            symbols: symbols.into_iter().map(str::to_owned).collect(),
        })
    }
}

impl fmt::Display for FeedChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match self.symbols.is_empty() {
            true => Ok(()),
            false => write!(f, ":{}", self.symbols.join(",")),
        }
    }
}

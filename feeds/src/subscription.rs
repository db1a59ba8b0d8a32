//! The symbols and channels of a connection.

use std::fmt;
use std::str::FromStr;

use tickbook::domain::excerpt;

/// The depth of [`Channel::Book`] without a number.
const DEFAULT_DEPTH: usize = 100;

/// Data of a symbol that a venue sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Channel {
    /// The best prices. `quotes`
    Quotes,
    /// Trades. `trades`
    Trades,
    /// The order book, with at least this many levels on each side if the venue has them. `book` or
    /// `book:<levels>`; `book` has 100 levels
    Book(usize),
    /// The instruments, from venues that list them over WebSocket. `instruments`
    Instruments,
}

/// The text is not a channel. Holds the text, cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid channel {0}: expected quotes, trades, instruments, book, or book:<levels> such as book:100"
)]
#[non_exhaustive]
pub struct UnknownChannel(pub String);

impl FromStr for Channel {
    type Err = UnknownChannel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let levels = |text: &str| text.parse().ok().filter(|levels| *levels > 0);
        match text.split_once(':') {
            None if text == "quotes" => Some(Self::Quotes),
            None if text == "trades" => Some(Self::Trades),
            None if text == "instruments" => Some(Self::Instruments),
            None if text == "book" => Some(Self::Book(DEFAULT_DEPTH)),
            Some(("book", depth)) => levels(depth).map(Self::Book),
            _ => None,
        }
        .ok_or_else(|| UnknownChannel(excerpt(text)))
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quotes => f.write_str("quotes"),
            Self::Trades => f.write_str("trades"),
            Self::Instruments => f.write_str("instruments"),
            Self::Book(levels) => write!(f, "book:{levels}"),
        }
    }
}

/// The symbols and channels of a connection.
///
/// # Examples
/// ```
/// use tickbook_feeds::{Channel, Subscription};
///
/// let channels = ["trades".parse()?, "book:10".parse()?];
/// let subscription = Subscription::new(["BTC/USD", "ETH/USD"], channels);
/// assert_eq!(subscription.book_depth(), Some(10));
/// assert!(!subscription.has(Channel::Quotes));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscription {
    /// The symbols, as the venue names them.
    pub symbols: Vec<String>,
    /// The channels of each symbol.
    pub channels: Vec<Channel>,
}

impl Subscription {
    /// Subscribes to all `channels` of all `symbols`. Of repeated symbols the first one counts.
    #[must_use]
    pub fn new<S: Into<String>>(
        symbols: impl IntoIterator<Item = S>,
        channels: impl IntoIterator<Item = Channel>,
    ) -> Self {
        let mut unique: Vec<String> = Vec::new();
        for symbol in symbols {
            let symbol = symbol.into();
            if !unique.contains(&symbol) {
                unique.push(symbol);
            }
        }
        Self {
            symbols: unique,
            channels: channels.into_iter().collect(),
        }
    }

    /// Whether `channel` is subscribed. Compares the depth of a book as well.
    #[must_use]
    pub fn has(&self, channel: Channel) -> bool {
        self.channels.contains(&channel)
    }

    /// The largest number of levels of the subscribed books; `None` without books.
    #[must_use]
    pub fn book_depth(&self) -> Option<usize> {
        let depth = |channel: &Channel| match channel {
            Channel::Book(levels) => Some(*levels),
            _ => None,
        };
        self.channels.iter().filter_map(depth).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_read_from_their_names() {
        for text in ["quotes", "trades", "instruments", "book:25"] {
            let channel: Channel = text.parse().expect("a channel");
            assert_eq!(channel.to_string(), text);
        }
        assert_eq!("book".parse(), Ok(Channel::Book(100)));
        for text in [
            "", "book:", "book:0", "book:-1", "book:x", "Trades", "trades:1",
        ] {
            let error = text.parse::<Channel>().expect_err("no channel");
            assert!(error.to_string().contains("expected quotes"), "{error}");
        }
    }

    #[test]
    fn repeated_symbols_count_once() {
        let books = [Channel::Book(10), Channel::Book(100)];
        let subscription = Subscription::new(["B", "A", "B"], books);
        assert_eq!(subscription.symbols, ["B", "A"]);
        assert_eq!(subscription.book_depth(), Some(100));
    }
}

//! The venues by name.

use std::fmt;
use std::str::FromStr;

use tickbook::Clock;
use tickbook::domain::excerpt;

use crate::subscription::Subscription;
use crate::venue::{Endpoints, Venue};

/// A venue that the transport can connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum VenueName {
    /// Binance spot. `binance`
    #[cfg(feature = "binance")]
    Binance,
    /// Coinbase Advanced Trade. `coinbase`
    #[cfg(feature = "coinbase")]
    Coinbase,
    /// cTrader of the broker whose account the environment has. `ctrader`
    #[cfg(feature = "ctrader")]
    Ctrader,
    /// Kraken, WebSocket 2. `kraken`
    #[cfg(feature = "kraken")]
    Kraken,
    /// OKX, WebSocket 5. `okx`
    #[cfg(feature = "okx")]
    Okx,
}

/// The text is not the name of a venue. Holds the text, cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown venue {0}: expected {expected}", expected = names())]
#[non_exhaustive]
pub struct UnknownVenue(pub String);

/// The names of all venues, for error texts.
fn names() -> String {
    let names: Vec<_> = VenueName::ALL.iter().map(|venue| venue.as_str()).collect();
    names.join(", ")
}

impl VenueName {
    /// All venues whose cargo features are on.
    pub const ALL: &'static [Self] = &[
        #[cfg(feature = "binance")]
        Self::Binance,
        #[cfg(feature = "coinbase")]
        Self::Coinbase,
        #[cfg(feature = "ctrader")]
        Self::Ctrader,
        #[cfg(feature = "kraken")]
        Self::Kraken,
        #[cfg(feature = "okx")]
        Self::Okx,
    ];

    /// The name: `binance`, `coinbase`, `ctrader`, `kraken` or `okx`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            #[cfg(feature = "binance")]
            Self::Binance => "binance",
            #[cfg(feature = "coinbase")]
            Self::Coinbase => "coinbase",
            #[cfg(feature = "ctrader")]
            Self::Ctrader => "ctrader",
            #[cfg(feature = "kraken")]
            Self::Kraken => "kraken",
            #[cfg(feature = "okx")]
            Self::Okx => "okx",
        }
    }

    /// A symbol that the venue certainly has.
    #[must_use]
    pub fn usual_symbol(self) -> &'static str {
        match self {
            #[cfg(feature = "binance")]
            Self::Binance => "BTCUSDT",
            #[cfg(feature = "coinbase")]
            Self::Coinbase => "BTC-USD",
            #[cfg(feature = "ctrader")]
            Self::Ctrader => "EURUSD",
            #[cfg(feature = "kraken")]
            Self::Kraken => "BTC/USD",
            #[cfg(feature = "okx")]
            Self::Okx => "BTC-USDT",
        }
    }

    /// Creates the venue, at its public addresses or at others. `clock` gives the times of messages to venues that
    /// need them.
    ///
    /// cTrader has no public address: its address and credentials are those of
    /// [`CtraderAccount::from_environment`](crate::ctrader::CtraderAccount::from_environment), of which the address
    /// is replaced by that of the WebSocket in `endpoints`.
    ///
    /// # Errors
    /// The environment has no valid account of a venue that needs one.
    #[cfg_attr(
        not(feature = "ctrader"),
        expect(unused_variables, reason = "only ctrader needs all of them")
    )]
    pub fn create(
        self,
        subscription: Subscription,
        endpoints: Option<Endpoints>,
        clock: &Clock,
    ) -> Result<Box<dyn Venue>, UnusableVenue> {
        match self {
            #[cfg(feature = "binance")]
            Self::Binance => {
                let venue = crate::binance::BinanceVenue::new(subscription, endpoints);
                Ok(Box::new(venue))
            }
            #[cfg(feature = "coinbase")]
            Self::Coinbase => {
                let venue = crate::coinbase::CoinbaseVenue::new(subscription, endpoints);
                Ok(Box::new(venue))
            }
            #[cfg(feature = "ctrader")]
            Self::Ctrader => {
                let variable = |name: &str| std::env::var(name).ok();
                let venue = ctrader(subscription, endpoints, clock, variable)?;
                Ok(Box::new(venue))
            }
            #[cfg(feature = "kraken")]
            Self::Kraken => {
                let venue = crate::kraken::KrakenVenue::new(subscription, endpoints);
                Ok(Box::new(venue))
            }
            #[cfg(feature = "okx")]
            Self::Okx => {
                let venue = crate::okx::OkxVenue::new(subscription, endpoints);
                Ok(Box::new(venue))
            }
        }
    }
}

/// Why a venue cannot be used. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{venue} cannot be used: {reason}")]
#[non_exhaustive]
pub struct UnusableVenue {
    /// The venue.
    pub venue: VenueName,
    /// The reason, such as a missing environment variable.
    pub reason: String,
}

#[cfg(feature = "ctrader")]
fn ctrader(
    subscription: Subscription,
    endpoints: Option<Endpoints>,
    clock: &Clock,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<crate::ctrader::CtraderVenue, UnusableVenue> {
    use crate::ctrader::{CtraderAccount, CtraderVenue};

    let unusable = |reason: String| UnusableVenue {
        venue: VenueName::Ctrader,
        reason,
    };
    let address = endpoints.map(|endpoints| endpoints.websocket);
    let account = CtraderAccount::from_variables(|name| match (name, &address) {
        ("CTRADER_ADDRESS", Some(address)) => Some(address.clone()),
        _ => variable(name),
    });
    let account = account.map_err(|error| unusable(error.to_string()))?;
    let venue = CtraderVenue::new(subscription, &account, clock.clone());
    venue.map_err(|error| unusable(error.to_string()))
}

impl FromStr for VenueName {
    type Err = UnknownVenue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut venues = Self::ALL.iter();
        let venue = venues.find(|venue| venue.as_str() == text);
        venue.copied().ok_or_else(|| UnknownVenue(excerpt(text)))
    }
}

impl fmt::Display for VenueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(all(test, feature = "ctrader"))]
mod tests {
    use super::*;
    use crate::subscription::Channel;

    #[test]
    fn venue_needs_an_account() {
        let subscription = Subscription::new(["EURUSD"], [Channel::Quotes]);
        let endpoints = Endpoints::new("tcp://127.0.0.1:5201", "");
        let create = |endpoints, variables: &[(&str, &str)]| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            ctrader(subscription.clone(), endpoints, &Clock::system(), variable)
        };
        let error = create(None, &[]).expect_err("no account").to_string();
        assert_eq!(
            error,
            "ctrader cannot be used: no sender_comp_id of the cTrader account: set \
             CTRADER_SENDER_COMP_ID"
        );
        let account = [
            ("CTRADER_SENDER_COMP_ID", "demo.broker.7"),
            ("CTRADER_PASSWORD", "swordfish"),
            ("CTRADER_ADDRESS", "tls://broker.example:5211"),
        ];
        let venue = create(None, &account).expect("an account");
        assert_eq!(venue.address(), "tls://broker.example:5211");
        let venue = create(Some(endpoints), &account).expect("an account");
        assert_eq!(venue.address(), "tcp://127.0.0.1:5201");
        assert!(!format!("{venue:?}").contains("swordfish"));
    }
}

//! The time zones of LEAN's data, from its database of market hours.

use crate::domain::InstrumentType;

/// Markets whose futures have times in UTC.
const FUTURES_IN_UTC: [&str; 7] = ["cbot", "cfe", "cme", "comex", "nymex", "nyseliffe", "sgx"];

/// Describes the time zone of a type and market. Returns `None` if it is UTC or unknown.
pub(super) fn foreign_zone(
    kind: Option<InstrumentType>,
    market: Option<&str>,
) -> Option<&'static str> {
    use InstrumentType::{
        Cfd, Crypto, CryptoFuture, Equity, Forex, Future, FutureOption, Index, IndexOption, Option,
    };
    let of_market = match market {
        Some("usa") => Some("are in America/New_York"),
        Some("india") => Some("are in Asia/Kolkata"),
        Some("eurex") => Some("are in Europe/Berlin"),
        Some("hkfe") => Some("are in Asia/Hong_Kong"),
        Some("krx") => Some("are in Asia/Seoul"),
        Some("ose") => Some("are in Asia/Tokyo"),
        Some("fxcm") => Some("are in UTC-05"),
        _ => None,
    };
    match kind {
        None => of_market,
        Some(Crypto | CryptoFuture) => None,
        Some(Forex | Cfd) => of_market.filter(|_| market == Some("fxcm")),
        Some(Future | FutureOption) => match market {
            Some(market) if FUTURES_IN_UTC.contains(&market) => None,
            _ => of_market.or(Some(
                "are in UTC or in the zone of the exchange, depending on the market",
            )),
        },
        Some(Equity | Index | Option | IndexOption) => {
            of_market.or(Some("are in the zone of the exchange"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_follow_type_and_market() {
        for (kind, market, zone) in [
            ("forex", "oanda", None),
            ("forex", "fxcm", Some("UTC-05")),
            ("cfd", "oanda", None),
            ("crypto", "coinbase", None),
            ("cryptofuture", "india", None),
            ("future", "cme", None),
            ("future", "eurex", Some("Europe/Berlin")),
            ("future", "", Some("depending on the market")),
            ("futureoption", "comex", None),
            ("equity", "usa", Some("America/New_York")),
            ("equity", "lse", Some("the exchange")),
            ("option", "", Some("the exchange")),
            ("", "fxcm", Some("UTC-05")),
            ("", "oanda", None),
            ("", "", None),
        ] {
            let market = Some(market).filter(|market| !market.is_empty());
            let found = foreign_zone(kind.parse().ok(), market);
            let fits = match (found, zone) {
                (Some(found), Some(zone)) => found.contains(zone),
                (found, zone) => found == zone,
            };
            assert!(fits, "{kind} {market:?}: {found:?}");
        }
    }
}

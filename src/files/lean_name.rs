//! Parses the names of LEAN files and directories.

use std::path::Path;

use crate::domain::InstrumentType;

const RESOLUTIONS: [&str; 5] = ["tick", "second", "minute", "hour", "daily"];
const KINDS: [&str; 3] = ["quote", "trade", "openinterest"];

/// The parts of the name of an entry or file, such as `20140501_eurusd_minute_quote.csv`,
/// `20131006_es_minute_quote_201312.csv` or `20131007_quote.zip`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LeanName {
    /// Ticker and contract, such as `es 201312`, if the name has a ticker.
    pub(super) instrument: Option<String>,
    /// `tick`, `second`, `minute`, `hour` or `daily`.
    pub(super) resolution: Option<&'static str>,
    /// `quote`, `trade` or `openinterest`.
    pub(super) kind: Option<&'static str>,
    /// The type of the contract, if the name has one.
    pub(super) contract: Option<InstrumentType>,
}

impl LeanName {
    /// Returns an empty value if the name does not have the form of LEAN's names.
    pub(super) fn of(name: &str) -> Self {
        let stem = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
        let mut tokens: Vec<&str> = stem.split('_').collect();
        if !tokens[0].is_empty() && tokens[0].bytes().all(|byte| byte.is_ascii_digit()) {
            tokens.remove(0);
        }
        // an archive: 20131007_quote.zip, 20140606_quote_american.zip
        if let [kind] | [kind, _] = tokens.as_slice()
            && let Some(kind) = one_of(&KINDS, kind)
        {
            return Self {
                kind: Some(kind),
                ..Self::default()
            };
        }
        let pair = |at: usize| match (tokens.get(at), tokens.get(at + 1)) {
            (Some(one), Some(other)) => {
                let is = |one, other| Some((one_of(&RESOLUTIONS, one)?, one_of(&KINDS, other)?));
                // ticks of equities: 20131007_aig_Quote_Tick.csv
                is(one, other).or_else(|| is(other, one))
            }
            _ => None,
        };
        let Some((at, (resolution, kind))) = (1..tokens.len()).find_map(|at| Some((at, pair(at)?)))
        else {
            return Self::default();
        };
        let rest = &tokens[at + 2..];
        let is_option = rest.iter().any(|token| matches!(*token, "call" | "put"));
        let is_future = rest.iter().any(|token| is_month(token));
        let mut instrument = tokens[..at].to_vec();
        instrument.extend(rest);
        Self {
            instrument: Some(instrument.join(" ")),
            resolution: Some(resolution),
            kind: Some(kind),
            contract: match (is_option, is_future) {
                (true, _) => Some(InstrumentType::Option),
                (false, true) => Some(InstrumentType::Future),
                (false, false) => None,
            },
        }
    }
}

/// The parts of the path of LEAN's data directories, such as `forex/oanda/minute/eurusd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeanFolder {
    pub(super) instrument_type: InstrumentType,
    pub(super) market: String,
    pub(super) resolution: &'static str,
}

impl LeanFolder {
    pub(super) fn of(path: &Path) -> Option<Self> {
        let whole = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let folders: Vec<_> = whole
            .parent()?
            .iter()
            .map(|folder| folder.to_string_lossy().to_ascii_lowercase())
            .collect();
        folders.windows(3).rev().find_map(|three| {
            Some(Self {
                instrument_type: three[0].parse().ok()?,
                market: three[1].clone(),
                resolution: one_of(&RESOLUTIONS, &three[2])?,
            })
        })
    }
}

fn one_of(known: &[&'static str], token: &str) -> Option<&'static str> {
    known.iter().find(|known| **known == token).copied()
}

/// Whether `token` is the month of a contract, such as `201312`, or its day, such as `20131220`.
fn is_month(token: &str) -> bool {
    matches!(token.len(), 6 | 8) && token.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_give_instrument_kind_and_contract() {
        for (name, instrument, kind, contract) in [
            ("20140501_eurusd_tick_quote.csv", "eurusd", "quote", ""),
            ("20131007_aig_Quote_Tick.csv", "aig", "quote", ""),
            (
                "20131006_es_minute_quote_201312.csv",
                "es 201312",
                "quote",
                "future",
            ),
            (
                "20140606_aapl_minute_quote_american_call_6450000_20140606.csv",
                "aapl american call 6450000 20140606",
                "quote",
                "option",
            ),
            (
                "20221213_btcusd_minute_quote_perp.csv",
                "btcusd perp",
                "quote",
                "",
            ),
            ("20131007_trade.zip", "", "trade", ""),
            ("20210104_openinterest_european.zip", "", "openinterest", ""),
            ("20140501_quotes.csv", "", "", ""),
            ("20140501_my_trade.csv", "", "", ""),
            ("quote", "", "quote", ""),
            ("", "", "", ""),
        ] {
            let found = LeanName::of(name);
            let contract_found = found.contract.map_or("", InstrumentType::as_str);
            assert_eq!(found.instrument.unwrap_or_default(), instrument, "{name}");
            assert_eq!(found.kind.unwrap_or_default(), kind, "{name}");
            assert_eq!(contract_found, contract, "{name}");
        }
    }

    #[test]
    fn folders_give_type_market_and_resolution() {
        let folder = |path: &str| LeanFolder::of(Path::new(path));
        let found = folder("/no/Data/forex/fxcm/minute/eurusd/20140501_quote.zip").expect("one");
        let LeanFolder {
            instrument_type,
            market,
            resolution,
        } = found;
        assert_eq!(instrument_type, InstrumentType::Forex);
        assert_eq!((market.as_str(), resolution), ("fxcm", "minute"));
        let path = "/no/futureoption/cme/tick/es/202003/20200105_quote_american.zip";
        let found = folder(path).expect("one");
        assert_eq!(found.instrument_type, InstrumentType::FutureOption);
        assert_eq!(folder("/no/bars/minute/eurusd/20140501_quote.zip"), None);
    }
}

//! The instruments of Kraken.

use std::collections::BTreeMap;

use serde::Deserialize;
use tickbook::domain::InstrumentType;

use crate::error::ProtocolError;
use crate::instrument::{ListedInstrument, Listing, RefusedInstrument};
use crate::wire::{Characters, Text, read};

type Listed = Result<ListedInstrument, RefusedInstrument>;

#[derive(Deserialize)]
struct AssetPairs<'a> {
    #[serde(borrow)]
    result: BTreeMap<Text<'a>, AssetPair<'a>>,
}

#[derive(Deserialize)]
struct AssetPair<'a> {
    #[serde(borrow)]
    wsname: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    pair_decimals: u32,
    lot_decimals: u32,
}

/// Reads the body of `GET /0/public/AssetPairs`, by the names of the pairs. Symbols are the names of WebSocket
/// 1, such as `XBT/USD`. Pairs that are not traded over WebSocket are left out.
///
/// # Errors
/// A body of another form. An instrument that cannot be used is an error in the list.
pub fn instruments(body: &str) -> Result<Vec<Listed>, ProtocolError> {
    let pairs: AssetPairs<'_> = read(body)?;
    Ok(pairs.result.values().filter_map(asset_pair).collect())
}

fn asset_pair(pair: &AssetPair<'_>) -> Option<Listed> {
    let symbol = &*pair.wsname.as_ref()?.0;
    let (base, quote) = symbol.split_once('/').unwrap_or((symbol, ""));
    let step = |decimals| format!("1e-{decimals}");
    let listing = Listing {
        symbol,
        instrument_type: InstrumentType::Crypto,
        base,
        quote,
        tick_size: &step(pair.pair_decimals),
        lot_size: &step(pair.lot_decimals),
        is_active: pair
            .status
            .as_ref()
            .is_none_or(|status| status.0 == "online"),
    };
    Some(listing.read())
}

#[derive(Deserialize)]
struct InstrumentData<'a> {
    #[serde(borrow)]
    pairs: Vec<Pair<'a>>,
}

#[derive(Deserialize)]
struct Pair<'a> {
    #[serde(borrow)]
    symbol: Text<'a>,
    #[serde(borrow)]
    base: Text<'a>,
    #[serde(borrow)]
    quote: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow)]
    price_increment: Characters<'a>,
    #[serde(borrow)]
    qty_increment: Characters<'a>,
}

/// Reads the data of a message of the channel `instrument`.
pub(super) fn pairs(data: &str) -> Result<Vec<Listed>, ProtocolError> {
    let data: InstrumentData<'_> = read(data)?;
    let listed = |pair: &Pair<'_>| {
        let listing = Listing {
            symbol: &pair.symbol.0,
            instrument_type: InstrumentType::Crypto,
            base: &pair.base.0,
            quote: &pair.quote.0,
            tick_size: pair.price_increment.0,
            lot_size: pair.qty_increment.0,
            is_active: pair.status.0 == "online",
        };
        listing.read()
    };
    Ok(data.pairs.iter().map(listed).collect())
}

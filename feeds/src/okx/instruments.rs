//! The instruments of OKX.

use chrono::NaiveDate;
use serde::Deserialize;
use tickbook::domain::InstrumentType;

use crate::error::ProtocolError;
use crate::instrument::{ListedInstrument, Listing, RefusedInstrument};
use crate::wire::{Instant, Text, read};

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow, default)]
    msg: Option<Text<'a>>,
    #[serde(borrow, default)]
    data: Vec<Entry<'a>>,
}

/// Fields that an instrument does not have are empty.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(borrow)]
    inst_id: Text<'a>,
    #[serde(borrow)]
    inst_type: Text<'a>,
    #[serde(borrow)]
    base_ccy: Text<'a>,
    #[serde(borrow)]
    quote_ccy: Text<'a>,
    /// The underlying, such as `BTC-USD`.
    #[serde(borrow)]
    uly: Text<'a>,
    #[serde(borrow)]
    ct_val: Text<'a>,
    #[serde(borrow)]
    ct_mult: Text<'a>,
    #[serde(borrow)]
    stk: Text<'a>,
    #[serde(borrow)]
    exp_time: Text<'a>,
    #[serde(borrow)]
    tick_sz: Text<'a>,
    #[serde(borrow)]
    lot_sz: Text<'a>,
    #[serde(borrow)]
    state: Text<'a>,
}

/// Reads the body of `GET /api/v5/public/instruments`, in its order.
///
/// The contract multiplier of futures, swaps and options is the value of one contract (`ctVal` times `ctMult`).
/// It is in the base currency or, for inverse contracts, in the quote currency.
///
/// # Errors
/// A body of another form, or an error of the venue. An instrument that cannot be used is an error in the list.
pub fn instruments(
    body: &str,
) -> Result<Vec<Result<ListedInstrument, RefusedInstrument>>, ProtocolError> {
    let reply: Reply<'_> = read(body)?;
    if reply.code.0 != "0" {
        let message = reply.msg.as_ref().map_or("", |text| &text.0);
        let text = format!("code {}: {message}", reply.code.0);
        return Err(ProtocolError::Refused(text));
    }
    Ok(reply.data.iter().map(listed).collect())
}

fn listed(entry: &Entry<'_>) -> Result<ListedInstrument, RefusedInstrument> {
    let underlying = entry.uly.0.split_once('-').unwrap_or_default();
    let (base, quote) = match &*entry.quote_ccy.0 {
        "" => underlying,
        quote => (&*entry.base_ccy.0, quote),
    };
    let listing = Listing {
        symbol: &entry.inst_id.0,
        instrument_type: InstrumentType::Crypto,
        base,
        quote,
        tick_size: &entry.tick_sz.0,
        lot_size: &entry.lot_sz.0,
        is_active: entry.state.0 == "live",
    };
    let kind = &*entry.inst_type.0;
    let mut listed = listing.read()?;
    let instrument = &mut listed.instrument;
    instrument.instrument_type = match kind {
        "SPOT" | "MARGIN" => return Ok(listed),
        "SWAP" | "FUTURES" => InstrumentType::CryptoFuture,
        "OPTION" => InstrumentType::FutureOption,
        _ => return Err(listing.refused(&format!("its type {kind:?} is unknown"))),
    };
    let value = listing.positive("contract value", &entry.ct_val.0)?;
    let multiplier = listing.positive("contract multiplier", &entry.ct_mult.0)?;
    let contract = value.checked_mul(multiplier);
    instrument.contract_multiplier =
        contract.ok_or_else(|| listing.refused("its contract value is too large"))?;
    if !entry.exp_time.0.is_empty() {
        let day = day(&entry.exp_time.0);
        instrument.expiry =
            Some(day.ok_or_else(|| listing.refused("its expiry is not in milliseconds"))?);
    }
    if !entry.stk.0.is_empty() {
        instrument.strike = Some(listing.positive("strike", &entry.stk.0)?);
    }
    Ok(listed)
}

fn day(millis: &str) -> Option<NaiveDate> {
    let time = Instant::of_millis(millis.parse().ok()?)?;
    Some(time.0.date_naive())
}

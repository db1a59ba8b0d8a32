//! Test of exchanges and symbols of `tickbook seed` in PostgreSQL, read over REST.

use serde_json::json;
use tickbook::Repositories;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::ReferenceData;

use crate::binary::Program;
use crate::databases::{prepare, variables};

#[tokio::test]
async fn seed_is_read_over_rest() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let pools = DatabasePools::new(&schemas.config());
    let symbols = Repositories::postgres(&pools).symbols;
    let seed = ReferenceData::seed().expect("valid");
    let merged = symbols.merge_reference_data(&seed).await;
    assert_eq!(merged.expect("merged").symbols.len(), seed.symbols.len());
    let program = Program::start(&[], &variables(&schemas));
    let (status, nse) = program.get("/api/v1/exchanges/nse");
    assert_eq!(status, 200, "{nse}");
    let session = |weekday| json!({"valid_from": "1970-01-01", "weekday": weekday, "open": "09:15", "close": "15:30"});
    let sessions = ["mon", "tue", "wed", "thu", "fri"].map(session);
    assert_eq!(
        nse,
        json!({
            "name": "NSE", "description": "National Stock Exchange of India", "code": "XNSE",
            "time_zone": "Asia/Kolkata", "sessions": sessions
        })
    );
    let (_, exchanges) = program.get("/api/v1/exchanges");
    let exchanges = exchanges["data"].as_array().expect("a list");
    let names: Vec<_> = exchanges.iter().map(|it| it["name"].as_str()).collect();
    let expected = [
        "B3",
        "binance",
        "coinbase",
        "ctrader",
        "kraken",
        "NSE",
        "oanda",
        "okx",
        "simulated",
    ];
    assert_eq!(names, expected.map(Some));
    let (_, of_nse) = program.get("/api/v1/symbols?exchange=NSE");
    let of_nse = of_nse["data"].as_array().expect("a list");
    let names: Vec<_> = of_nse.iter().map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["NIFTY", "BANKNIFTY"].map(Some));
    assert_eq!(
        of_nse[0]["instrument"],
        json!({
            "instrument_type": "index", "base_currency": null, "quote_currency": "INR",
            "tick_size": "0.05", "lot_size": "1", "contract_multiplier": "1", "expiry": null,
            "strike": null
        })
    );
}

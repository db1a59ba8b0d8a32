//! Tests of `/api/v1/symbols`.

use orderbook_server::cursor::SymbolCursorText as _;
use serde_json::json;
use tickbook::domain::{Instrument, InstrumentType, Page, PageLimit, SymbolCursor, SymbolId};
use tickbook::repository::SymbolQuery;

use crate::support::{Mocks, database_errors, dec, get, internal_errors, symbol};

#[tokio::test]
async fn filters_limit_and_cursor_reach_the_repository() {
    let mut mocks = Mocks::default();
    let expected = SymbolQuery::default()
        .name("S9")
        .exchange("oanda")
        .active(true)
        .after(SymbolId::new(8))
        .limit(PageLimit::new(1).expect("in range"));
    mocks.symbols.expect_list().once().returning(move |query| {
        assert_eq!(*query, expected);
        Ok(Page::new(vec![symbol(9)], Some(SymbolId::new(9))))
    });
    let cursor = |id| {
        SymbolCursor {
            symbol_id: SymbolId::new(id),
        }
        .encode()
    };
    let path = format!(
        "/api/v1/symbols?name=S9&exchange=oanda&active=true&limit=1&cursor={}",
        cursor(8)
    );
    let answer = get(&mocks.app(), &path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let symbol = json!({
        "symbol_id": 9, "exchange": "oanda", "name": "S9", "description": "", "digits": 5,
        "active": true, "instrument": null
    });
    assert_eq!(
        answer.json(),
        json!({"data": [symbol], "next_cursor": cursor(9)})
    );
}

#[tokio::test]
async fn default_list_has_the_first_500_symbols() {
    let mut mocks = Mocks::default();
    mocks.symbols.expect_list().once().returning(|query| {
        assert_eq!(*query, SymbolQuery::default());
        Ok(Page::new(Vec::new(), None))
    });
    let answer = get(&mocks.app(), "/api/v1/symbols").await;
    assert_eq!(answer.json(), json!({"data": [], "next_cursor": null}));
}

#[tokio::test]
async fn symbol_shows_its_instrument_with_exact_numbers() {
    let mut mocks = Mocks::default();
    mocks.symbols.expect_get().once().returning(|id| {
        let mut symbol = symbol(id.get());
        symbol.instrument = Some(
            Instrument::new(
                InstrumentType::Forex,
                "USD".to_owned(),
                dec("0.000010"),
                dec("1000"),
            )
            .base_currency("EUR".to_owned())
            .contract_multiplier(dec("1"))
            .expiry(chrono::NaiveDate::from_ymd_opt(2026, 12, 18).expect("a day")),
        );
        Ok(Some(symbol))
    });
    let answer = get(&mocks.app(), "/api/v1/symbols/7").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({
            "symbol_id": 7, "exchange": "oanda", "name": "S7", "description": "", "digits": 5,
            "active": true, "instrument": {
                "instrument_type": "forex", "base_currency": "EUR", "quote_currency": "USD",
                "tick_size": "0.00001", "lot_size": "1000", "contract_multiplier": "1",
                "expiry": "2026-12-18", "strike": null
            }
        })
    );
}

#[tokio::test]
async fn unknown_symbol_is_404_and_named() {
    let app = Mocks::with_symbols().app();
    let detail = get(&app, "/api/v1/symbols/99").await.problem(404);
    assert!(detail.contains("99"), "{detail}");
}

#[tokio::test]
async fn invalid_id_is_400() {
    let app = Mocks::default().app();
    for id in ["0", "9223372036854775808", ":", "oanda:", "%20x", "%FF"] {
        let path = format!("/api/v1/symbols/{id}");
        let answer = get(&app, &path).await;
        assert_eq!(answer.status, 400, "{id}: {}", answer.text);
    }
    let detail = get(&app, "/api/v1/symbols/0").await.problem(400);
    assert!(detail.contains("symbol: invalid id"), "{detail}");
}

#[tokio::test]
async fn database_failure_is_503_without_secrets() {
    for error in database_errors() {
        let shown = format!("{error:?}");
        let mut mocks = Mocks::default();
        let error = std::sync::Mutex::new(Some(error));
        mocks
            .symbols
            .expect_list()
            .returning(move |_| Err(error.lock().expect("no panic").take().expect("one call")));
        let answer = get(&mocks.app(), "/api/v1/symbols").await;
        let detail = answer.problem(503);
        assert!(detail.contains("timeseries"), "{shown}: {detail}");
        assert!(!detail.contains("SELECT"), "{shown}: {detail}");
        let seconds: u32 = answer.header("Retry-After").parse().expect("seconds");
        assert!((1..=60).contains(&seconds), "{shown}: {seconds}");
    }
}

#[tokio::test]
async fn defect_is_500_without_secrets() {
    for error in internal_errors() {
        let mut mocks = Mocks::default();
        let error = std::sync::Mutex::new(Some(error));
        mocks
            .symbols
            .expect_get()
            .returning(move |_| Err(error.lock().expect("no panic").take().expect("one call")));
        let detail = get(&mocks.app(), "/api/v1/symbols/1").await.problem(500);
        assert!(!detail.contains("SELECT"), "{detail}");
    }
}

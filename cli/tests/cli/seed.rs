//! Tests of `tickbook seed`.

use serde_json::{Value, json};
use tickbook::Database;
use tickbook::domain::{ExchangeFacts, NewSymbol, ReferenceData};

use crate::support::{Cli, psql_in};

fn counts(created: u64, changed: u64, unchanged: u64, kept: u64) -> Value {
    json!({
        "created": created, "changed": changed, "unchanged": unchanged, "kept": kept, "rejected": 0
    })
}

/// Every row that the seed writes, with the time of the last change of each symbol.
fn rows(cli: &Cli) -> String {
    let queries = [
        "SELECT to_jsonb(exchanges) FROM exchanges ORDER BY name",
        "SELECT to_jsonb(exchange_sessions) FROM exchange_sessions ORDER BY 1",
        "SELECT to_jsonb(symbols) FROM symbols ORDER BY symbol_id",
        "SELECT to_jsonb(instruments) FROM instruments ORDER BY symbol_id",
        "SELECT to_jsonb(strategies) FROM strategies ORDER BY strategy_id",
        "SELECT to_jsonb(strategy_versions) FROM strategy_versions ORDER BY strategy_id",
    ];
    let rows = queries.map(|query| psql_in(cli, Database::Metadata, query));
    assert!(rows.iter().all(|rows| !rows.is_empty()), "{rows:?}");
    rows.join("\n")
}

#[test]
fn seed_creates_everything_once() {
    let cli = Cli::migrated();
    let seed = ReferenceData::seed().expect("valid");
    let (exchanges, symbols) = (seed.exchanges.len() as u64, seed.symbols.len() as u64);
    let first = cli.run(&["seed", "--json"]).expect_code(0).json();
    assert_eq!(
        first,
        json!({
            "exchanges": counts(exchanges, 0, 0, 0), "symbols": counts(symbols, 0, 0, 0),
            "strategies": {"created": 2, "unchanged": 0},
            "changes": [], "kept_values": [], "rejected": []
        })
    );
    let shown = cli.run(&["exchanges", "show", "nse"]).expect_code(0);
    assert!(
        shown.stdout.contains("session      mon-fri 09:15-15:30\n"),
        "{shown:?}"
    );
    let nifty = cli.run(&["symbols", "show", "NSE:NIFTY", "--json"]);
    let nifty = nifty.expect_code(0).json();
    assert_eq!(nifty["instrument"]["instrument_type"], "index");
    let strategy = cli.run(&["strategies", "show", "ema_crossover", "--json"]);
    let version = &strategy.expect_code(0).json()["versions"][0];
    assert_eq!(
        version["parameters"],
        json!({"fast_ema": 9, "slow_ema": 21})
    );
    assert_eq!(version["symbols"].as_array().map(Vec::len), Some(2));
    let before = rows(&cli);
    let again = cli.run(&["seed", "--json"]).expect_code(0).json();
    assert_eq!(again["exchanges"], counts(0, 0, exchanges, 0));
    assert_eq!(again["symbols"], counts(0, 0, symbols, 0));
    assert_eq!(again["strategies"], json!({"created": 0, "unchanged": 2}));
    assert_eq!(
        (&again["changes"], &again["kept_values"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(rows(&cli), before);
    let text = cli.run(&["seed"]).expect_code(0);
    assert_eq!(
        text.stdout,
        format!(
            "exchanges: created 0, changed 0, unchanged {exchanges}, kept 0, rejected 0\n\
             symbols: created 0, changed 0, unchanged {symbols}, kept 0, rejected 0\n\
             strategies: created 0, unchanged 2\n"
        )
    );
}

#[tokio::test]
async fn seed_keeps_values_of_the_operator() {
    let cli = Cli::migrated();
    let symbols = cli.repositories().symbols;
    let symbol = symbols.create(NewSymbol::named("nse", "NIFTY")).await;
    symbol.expect("created");
    let facts = ExchangeFacts::default().time_zone("Europe/London");
    let described = symbols.describe_exchange("nse", &facts).await;
    described.expect("described");
    // a name in another case is refused
    let refused = symbols.create(NewSymbol::named("nse", "BankNifty")).await;
    refused.expect("created");
    let run = cli.run(&["seed"]).expect_code(1);
    for line in [
        "nse: code none -> XNSE",
        "nse:NIFTY: description none -> \"NIFTY 50 index\"",
        "exchanges: created 7, changed 1, unchanged 0, kept 1, rejected 0",
        "symbols: created 1, changed 1, unchanged 0, kept 0, rejected 1",
    ] {
        assert!(run.stdout.lines().any(|it| it == line), "{line}: {run:?}");
    }
    for line in [
        "nse: time_zone Europe/London is kept, the seed has Asia/Kolkata",
        "nse: sessions none is kept, the seed has \"mon-fri 09:15-15:30\"",
        "\"BANKNIFTY\" differs from nse:BankNifty (symbol_id 2) only in case",
    ] {
        assert!(run.stderr.contains(line), "{line}: {run:?}");
    }
    let nse = symbols
        .get_exchange("NSE")
        .await
        .expect("read")
        .expect("it exists");
    assert_eq!(nse.time_zone.as_deref(), Some("Europe/London"));
    assert_eq!(nse.sessions, []);
}

//! Tests of ticks whose time is ahead of the clock.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tickbook::domain::Rule;
use tickbook::domain::{NewSymbol, PageLimit, SymbolId};
use tickbook::ingest::quality::{QualityRules, RuleAction, SymbolRules};
use tickbook::repository::QuarantineQuery;

use crate::support::{app_at, get, post, with_symbols};
use crate::whole_server::Server;

const PATH: &str = "/api/v1/ticks";

fn tick(symbol_id: i64, time: DateTime<Utc>) -> Value {
    json!({
        "symbol_id": symbol_id, "tick_time": time.to_rfc3339(),
        "bid_price": "1.38676", "ask_price": "1.38682"
    })
}

#[tokio::test]
async fn posted_future_ticks_are_rejected() {
    let limit = TimeDelta::minutes(5);
    for now in suite::instants() {
        let repositories = with_symbols().await;
        let app = app_at(repositories, SymbolRules::default(), now);
        let ticks = [
            tick(1, now),
            tick(1, now + limit),
            tick(1, now + limit + TimeDelta::microseconds(1)),
            tick(1, "2099-12-31T00:00:00Z".parse().expect("a time")),
            tick(1, now - limit),
        ];
        let receipt = post(&app, PATH, json!(ticks).to_string()).await.json();
        assert_eq!(receipt["inserted"], 3, "{receipt}");
        let rejected = receipt["rejected"].as_array().expect("a list");
        assert_eq!(rejected.len(), 2, "{receipt}");
        for (rejected, index) in rejected.iter().zip([2, 3]) {
            assert_eq!(rejected["index"], index, "{rejected}");
            assert_eq!(rejected["reason"], "tick_in_future", "{rejected}");
            assert_eq!(rejected["field"], "tick_time", "{rejected}");
            assert_eq!(rejected["tick"]["symbol_id"], 1, "{rejected}");
        }
        let latest = get(&app, "/api/v1/ticks/latest?symbols=1").await.json();
        let latest = latest["data"][0]["tick_time"].as_str().expect("a time");
        let latest: DateTime<Utc> = latest.parse().expect("a time");
        assert_eq!(latest, now + limit);
    }
}

#[tokio::test]
async fn symbol_may_override_the_future_limit() {
    let [now, ..] = suite::instants();
    let of = |future, seconds| {
        QualityRules::default()
            .future(future)
            .future_limit(TimeDelta::seconds(seconds))
    };
    let rules = SymbolRules::new(of(RuleAction::Quarantine, 60))
        .with_symbol(SymbolId::new(2), of(RuleAction::Off, 60))
        .with_symbol(SymbolId::new(3), of(RuleAction::Quarantine, 3_600));
    let app = app_at(with_symbols().await, rules, now);
    let ticks = [1, 2, 3].map(|id| tick(id, now + TimeDelta::seconds(61)));
    let receipt = post(&app, PATH, json!(ticks).to_string()).await.json();
    assert_eq!(receipt["inserted"], 2, "{receipt}");
    assert_eq!(receipt["rejected"][0]["index"], 0, "{receipt}");
}

#[tokio::test]
async fn settings_limit_the_times_of_posted_ticks() {
    let far = tick(1, "2099-12-31T00:00:00Z".parse().expect("a time"));
    let later = tick(1, suite::now() + TimeDelta::minutes(30));
    let hour = ("TICKBOOK__QUALITY__FUTURE_LIMIT_MS", "3600000");
    for (settings, inserted) in [
        (vec![], 0),
        (vec![hour], 1),
        (vec![("TICKBOOK__QUALITY__FUTURE", "flag")], 2),
        (vec![("TICKBOOK__QUALITY__FUTURE", "off")], 2),
    ] {
        let server = Server::with_symbols(&settings, 1).await;
        let receipt = server.post(&json!([far, later])).await;
        assert_eq!(receipt["inserted"], inserted, "{settings:?}: {receipt}");
        let rejected = receipt["rejected"].as_array().expect("a list").len();
        assert_eq!(rejected as u64, 2 - inserted, "{settings:?}: {receipt}");
        assert!(server.stop().await);
    }
}

#[tokio::test]
async fn rules_of_a_symbol_apply_to_posted_ticks() {
    let folder = tempfile::tempdir().expect("a folder");
    // a server in memory has one symbol at its start: the symbol of its replay
    let settings = "[quality.symbols.\"oanda:EURUSD\"]\nfuture = \"off\"\n";
    std::fs::write(folder.path().join("default.toml"), settings).expect("written");
    let quotes = ("20140501_quote.csv", "0,1.38,1.39\n");
    let server = Server::replaying(folder.path(), quotes, &[]).await;
    server.feed_ended().await;
    let other = NewSymbol::named("oanda", "GBPUSD");
    let other = server
        .repositories
        .symbols
        .create(other)
        .await
        .expect("memory");
    assert_eq!(other.symbol_id, SymbolId::new(2));
    let far = "2099-12-31T00:00:00Z".parse().expect("a time");
    let receipt = server.post(&json!([tick(1, far), tick(2, far)])).await;
    assert_eq!(receipt["inserted"], 1, "{receipt}");
    assert_eq!(receipt["rejected"][0]["index"], 1, "{receipt}");
    assert!(server.stop().await);
}

#[tokio::test]
async fn future_ticks_of_a_feed_are_quarantined_by_default() {
    let folder = tempfile::tempdir().expect("a folder");
    let quotes = ("20990501_quote.csv", "0,1.38,1.39\n10,1.38,1.39\n");
    let server = Server::replaying(folder.path(), quotes, &[]).await;
    let feed = server.feed_ended().await;
    assert_eq!(feed["inserted"], 0, "{feed}");
    let repositories = server.repositories.clone();
    let latest = repositories.ticks.latest(SymbolId::new(1)).await;
    assert_eq!(latest.expect("memory"), None);
    assert!(server.stop().await);
    let query = QuarantineQuery::default().limit(PageLimit::MAX);
    let held = repositories.quarantine.list(&query).await.expect("a page");
    let rules: Vec<_> = held
        .items
        .iter()
        .map(|entry| entry.item.verdict.rule)
        .collect();
    assert_eq!(rules, [Rule::Future, Rule::Future]);
}

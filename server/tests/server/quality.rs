//! Tests of a feed with bad ticks.

use std::time::Duration;

use serde_json::Value;
use tickbook::Repositories;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::Rule;
use tickbook::domain::{PageLimit, SymbolId, TimeRange};
use tickbook::repository::{QuarantineEntry, QuarantineQuery};

use crate::binary::Program;
use crate::databases::{prepare, proxied, until, variables};
use crate::whole_server::Server;

async fn held_back(repositories: &Repositories) -> Vec<QuarantineEntry> {
    let query = QuarantineQuery::default().limit(PageLimit::MAX);
    let page = repositories.quarantine.list(&query).await;
    page.expect("a page").items
}

#[tokio::test]
async fn bad_ticks_of_a_feed_are_quarantined_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = [
        "0,1.38,1.39",
        "10,1.40,1.38",
        "20,1.38,1.40",
        "30,13.8,13.9",
        "40,1.39,1.40",
        "50,-1,1.40",
        "60,1.39,1.41",
    ];
    let settings = [
        ("TICKBOOK__QUALITY__CROSSED", "quarantine"),
        ("TICKBOOK__QUALITY__NOT_POSITIVE", "quarantine"),
        ("TICKBOOK__QUALITY__DEVIATION", "quarantine"),
    ];
    let lines = lines.join("\n");
    let quotes = ("20140501_quote.csv", &*lines);
    let server = Server::replaying(folder.path(), quotes, &settings).await;
    let feed = server.feed_ended().await;
    assert_eq!(feed["inserted"], 4, "{feed}");
    let metrics = server.get_text("/metrics").await;
    for (rule, outcome) in [
        ("none", "pass"),
        ("crossed", "quarantine"),
        ("future", "flag"),
    ] {
        let labels = [format!("rule=\"{rule}\""), format!("outcome=\"{outcome}\"")];
        let is_it = |line: &&str| {
            line.starts_with("tick_quality_total{")
                && labels.iter().all(|label| line.contains(label))
        };
        assert!(
            metrics.lines().any(|line| is_it(&line)),
            "{rule} {outcome}: {metrics}"
        );
    }
    let repositories = server.repositories.clone();
    assert!(server.stop().await);
    let held: Vec<_> = held_back(&repositories)
        .await
        .into_iter()
        .map(|entry| {
            (
                entry.item.verdict.rule,
                entry.item.verdict.observed.to_string(),
            )
        })
        .collect();
    let expected = [
        (Rule::Crossed, "0.02".to_owned()),
        (Rule::Deviation, "8.964028776978".to_owned()),
        (Rule::NotPositive, "-1".to_owned()),
    ];
    assert_eq!(held, expected);
}

#[tokio::test]
async fn symbol_rules_override_the_rules_of_all_symbols() {
    // every tick is older than this when it is checked; all symbols of the feed are configured alike
    let of_all = "[quality]\ndelayed = \"off\"\ndelayed_limit_ms = 0\n";
    for (of_one, held_id) in [
        (
            "[quality.symbols.\"simulated:GBPUSD\"]\ndelayed = \"quarantine\"",
            2,
        ),
        ("[quality.symbols.3]\ndelayed = \"quarantine\"", 3),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = format!("{of_all}{of_one}\n");
        std::fs::write(folder.path().join("default.toml"), settings).expect("written");
        let server = Server::start_in(folder.path(), &["--feed", "simulated", "--seed", "5"]).await;
        let repositories = server.repositories.clone();
        let stored = async |id| {
            let (id, all) = (SymbolId::new(id), TimeRange::all());
            repositories.ticks.count(id, all).await.expect("counted")
        };
        let enough = async {
            while held_back(&repositories).await.len() < 5
                || stored(1).await < 5
                || stored(4).await < 5
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(20), enough).await;
        in_time.expect("one is held back, others are stored");
        assert!(server.stop().await);
        for id in 1..=4 {
            let count = stored(id).await;
            assert_eq!(count == 0, id == held_id, "{of_one}: {count} of {id}");
        }
        let held = held_back(&repositories).await;
        for entry in held {
            let kept = entry.item;
            assert_eq!(
                (kept.event.symbol_id.get(), kept.verdict.rule),
                (held_id, Rule::Delayed)
            );
        }
    }
}

#[tokio::test]
async fn quarantined_ticks_survive_an_outage_and_a_restart() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let (proxy, through_proxy) = proxied(&schemas);
    let spool = tempfile::tempdir().expect("a folder");
    let mut variables = variables(&schemas).to_vec();
    variables[1].1 = &through_proxy;
    variables.extend([
        (
            "TICKBOOK__SPOOL__DIRECTORY",
            spool.path().to_str().expect("UTF-8"),
        ),
        // every tick is older than this when it is checked
        ("TICKBOOK__QUALITY__DELAYED", "quarantine"),
        ("TICKBOOK__QUALITY__DELAYED_LIMIT_MS", "0"),
    ]);
    let repositories = Repositories::postgres(&DatabasePools::new(&schemas.config()));
    let program = Program::start(&["--feed", "simulated", "--seed", "3"], &variables);
    let waiting = |program: &Program| {
        let feed: Value = program.get("/health/ready").1["feed"].clone();
        feed["quarantine_waiting"].as_u64()
    };
    let some = async {
        while held_back(&repositories).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), some).await;
    in_time.expect("ticks are held back");
    proxy.close();
    until("ticks wait on the disk", || waiting(&program) > Some(20));
    let (status, log) = program.stop("TERM");
    assert_eq!(status.code(), Some(0), "{log}");
    let line = log.lines().find(|line| line.contains("wait on the disk"));
    let kept = line.and_then(|line| line.split("spooled=").nth(1));
    let kept: usize = kept.expect("a line").trim().parse().expect("a number");
    let before = held_back(&repositories).await.len();

    proxy.open();
    // also without a feed
    let program = Program::start(&[], &variables);
    until("the quarantine has them", || waiting(&program) == Some(0));
    let (status, log) = program.stop("TERM");
    assert_eq!(status.code(), Some(0), "{log}");
    let held = held_back(&repositories).await;
    // a write that was in progress when the proxy closed may have succeeded
    assert!(
        held.len() <= before + kept && held.len() > 20,
        "{before} {kept} {}",
        held.len()
    );
    assert!(held.len() >= kept, "{kept} {}", held.len());
    assert!(
        held.iter()
            .all(|entry| entry.item.verdict.rule == Rule::Delayed)
    );
    for id in 1..=4 {
        let count = repositories
            .ticks
            .count(SymbolId::new(id), TimeRange::all())
            .await;
        assert_eq!(count.expect("counted"), 0, "none was stored");
    }
}

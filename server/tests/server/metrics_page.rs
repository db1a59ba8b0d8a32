//! `docs/metrics.md` compared with the families of the code, and with `/metrics` of a busy server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use orderbook_server::metrics::FAMILIES;
use serde_json::json;
use tickbook::db::ScratchSchemas;

use crate::binary::Program;
use crate::databases::{prepare, until, variables};
use crate::websocket::Client;

/// A row of the tables of the page, or a family of the code.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Described {
    kind: String,
    unit: String,
    labels: BTreeSet<String>,
    help: String,
}

/// A family on the page, besides its description.
#[derive(Debug)]
struct Documented {
    described: Described,
    /// The values of labels that have a list of values.
    values: BTreeMap<String, BTreeSet<String>>,
    /// Whether it is in `/metrics` at any time.
    is_always_there: bool,
}

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    std::fs::read_to_string(path).expect("the page")
}

fn documented() -> BTreeMap<String, Documented> {
    let mut found = BTreeMap::new();
    for line in page().lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let ["", name, kind, unit, labels, appears, help, ""] = cells[..] else {
            continue;
        };
        let Some(name) = name
            .strip_prefix('`')
            .and_then(|name| name.strip_suffix('`'))
        else {
            continue;
        };
        let mut row = Documented {
            described: Described {
                kind: kind.to_owned(),
                unit: unit.to_owned(),
                labels: BTreeSet::new(),
                help: help.to_owned(),
            },
            values: BTreeMap::new(),
            is_always_there: appears.is_empty(),
        };
        for label in labels.split(';').filter(|label| !label.is_empty()) {
            let (label, values) = label.split_once(':').unwrap_or((label, ""));
            let label = label.trim().trim_matches('`').to_owned();
            let values: BTreeSet<_> = values.split_whitespace().map(str::to_owned).collect();
            if !values.is_empty() {
                row.values.insert(label.clone(), values);
            }
            row.described.labels.insert(label);
        }
        let before = found.insert(name.to_owned(), row);
        assert!(before.is_none(), "{name} is there twice");
    }
    found
}

fn of_the_code() -> BTreeMap<String, Described> {
    let families = tickbook::metrics::families();
    let of_relay = tickbook_ledger::relay::metrics::FAMILIES;
    let families = families.iter().chain(FAMILIES).chain(of_relay);
    families
        .map(|family| {
            let described = Described {
                kind: family.kind.to_string(),
                unit: family.unit.as_str().to_owned(),
                labels: family.labels.iter().map(ToString::to_string).collect(),
                help: family.help.to_string(),
            };
            (family.name.to_string(), described)
        })
        .collect()
}

#[test]
fn page_lists_every_family_of_the_code() {
    let documented = documented();
    let (of_the_code, mut wrong) = (of_the_code(), Vec::new());
    assert!(of_the_code.len() > 50);
    for (name, family) in &of_the_code {
        match documented.get(name) {
            Some(row) if row.described == *family => {}
            other => wrong.push(format!("{name}: {family:?}, but the page has {other:?}")),
        }
    }
    let names = documented.keys();
    let unknown = names.filter(|name| !of_the_code.contains_key(*name));
    wrong.extend(unknown.map(|name| format!("{name}: only the page has it")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn alerts_name_families_of_the_page() {
    let (documented, page) = (documented(), page());
    let (_, alerts) = page.split_once("\n## Alerts\n").expect("the section");
    let (alerts, _) = alerts.split_once("\n## ").expect("the next section");
    let expressions = alerts.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut count = 0;
    for expression in expressions {
        let expression = expression.split('`').next().unwrap_or_default();
        let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        // every second part is the value of a label
        let outside = expression.split('"').step_by(2);
        let words = outside.flat_map(|part| part.split(|c| !is_of_word(c)));
        for name in words.filter(|word| word.contains('_')) {
            assert!(documented.contains_key(name), "{name} in {expression}");
            count += 1;
        }
    }
    assert!(count >= 10, "{count}");
}

/// A family as in `/metrics`.
#[derive(Debug, Default)]
struct Scraped {
    kind: String,
    help: Option<String>,
    /// The labels of each series, without `le`.
    series: BTreeSet<BTreeMap<String, String>>,
}

fn labels(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split(',').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').expect("a label");
            (name.to_owned(), value.trim_matches('"').to_owned())
        })
        .filter(|(name, _)| name != "le")
        .collect()
}

fn scraped(text: &str) -> BTreeMap<String, Scraped> {
    let mut families: BTreeMap<String, Scraped> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("a text");
            families.entry(name.to_owned()).or_default().help = Some(help.to_owned());
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a type");
            current = name.to_owned();
            families.entry(current.clone()).or_default().kind = kind.to_owned();
        } else {
            // label values may contain blanks if they are wrong
            let (sample, value) = line.rsplit_once(' ').expect("a value");
            value.parse::<f64>().expect("a number");
            let (name, rest) = sample.split_once('{').unwrap_or((sample, "}"));
            let base = name
                .strip_prefix(&*current)
                .expect("a sample of the family");
            assert!(["", "_bucket", "_sum", "_count"].contains(&base), "{line}");
            let labels = labels(rest.strip_suffix('}').expect("the end of the labels"));
            let family = families.get_mut(&current).expect("its type");
            family.series.insert(labels);
        }
    }
    families
}

/// Whether a label value is as the conventions want it. Routes have parameters in braces.
fn is_plain(label: &str, value: &str) -> bool {
    let is_allowed = |c: char| {
        c.is_ascii_alphanumeric() || "_.:/-".contains(c) || (label == "route" && "{}".contains(c))
    };
    value.chars().all(is_allowed)
}

/// The differences between `/metrics` and the page.
fn differences(
    scraped: &BTreeMap<String, Scraped>,
    page: &BTreeMap<String, Documented>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, family) in scraped {
        let Some(row) = page.get(name) else {
            wrong.push(format!("{name} is not on the page"));
            continue;
        };
        if family.kind != row.described.kind {
            wrong.push(format!("{name} is a {}", family.kind));
        }
        if family.help.as_ref() != Some(&row.described.help) {
            wrong.push(format!("{name} has the description {:?}", family.help));
        }
        for series in &family.series {
            if !series.keys().eq(&row.described.labels) {
                wrong.push(format!("{name} has the labels {series:?}"));
            }
            for (label, value) in series {
                let listed = row.values.get(label);
                if !is_plain(label, value) || listed.is_some_and(|listed| !listed.contains(value)) {
                    wrong.push(format!("{name} has {label}={value:?}"));
                }
            }
        }
    }
    let missing = page
        .iter()
        .filter(|(name, row)| row.is_always_there && !scraped.contains_key(*name));
    wrong.extend(missing.map(|(name, _)| format!("{name} is missing")));
    wrong
}

/// Uses every kind of route.
async fn use_everything(program: &Program) {
    let tick = |bid: &str| {
        json!({"symbol_id": 1, "tick_time": "2014-05-01T00:00:00Z", "sequence": 1,
               "bid_price": bid, "ask_price": "1.4"})
    };
    for (body, status) in [
        (json!([tick("1.3")]), 200),
        (json!([tick("1.3"), tick("1.2")]), 200),
        (json!([tick("-1")]), 200),
        (json!({"no": "array"}), 400),
    ] {
        let (found, answer) = program.post("/api/v1/ticks", &body);
        assert_eq!(found, status, "{body}: {answer}");
    }
    for (path, status) in [
        ("/api/v1/symbols", 200),
        ("/api/v1/symbols/1", 200),
        ("/api/v1/symbols/77777", 404),
        ("/api/v1/ticks/1", 200),
        ("/api/v1/ticks/latest?symbols=1", 200),
        ("/api/v1/ohlc/1", 200),
        ("/api/v1/ohlc/1?timeframe=7x", 400),
        ("/nowhere", 404),
        ("/health/ready", 200),
    ] {
        let (found, answer) = program.get(path);
        assert_eq!(found, status, "{path}: {answer}");
    }
    let address = program.address().parse().expect("an address");
    let mut client = Client::connect_to(address).await;
    client.ticks(&[2]).await;
    assert_eq!(client.message().await["type"], "tick");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_of_a_busy_server_equal_the_page() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let arguments = ["--feed", "simulated", "--seed", "7"];
    let program = Program::start(&arguments, &variables(&schemas));
    use_everything(&program).await;
    until("ticks of the feed are stored", || {
        program.get("/health/ready").1["feed"]["inserted"]
            .as_u64()
            .is_some_and(|inserted| inserted > 3)
    });
    let page = documented();
    let text = program.get_text("/metrics");
    let scraped = scraped(&text);
    let wrong = differences(&scraped, &page);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // above 64 KiB the response counts as memory, although it is never refused
    assert!(text.len() <= 96 * 1024, "{} bytes", text.len());
    for name in ["http_request_duration_seconds", "tick_batch_size_events"] {
        let first = text
            .lines()
            .find(|line| line.starts_with(&format!("{name}_bucket")));
        assert!(
            first.is_some_and(|line| line.contains("le=\"")),
            "{name}: {first:?}"
        );
    }
    let operations = &scraped["db_client_operation_duration_seconds"].series;
    for operation in [
        "insert_batch",
        "get_many",
        "list",
        "candles",
        "check_health",
    ] {
        let has_it = operations
            .iter()
            .any(|labels| labels["operation"] == operation);
        assert!(has_it, "{operation}: {operations:?}");
    }
    let build = &scraped["orderbook_server_build_info"].series;
    let build = build.first().expect("one");
    assert_eq!(build["version"], env!("CARGO_PKG_VERSION"));
    assert!(build["rustc"].starts_with("1."), "{build:?}");
}

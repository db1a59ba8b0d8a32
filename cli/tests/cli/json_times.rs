//! Tests that all times in JSON have the same form.

use chrono::{DateTime, NaiveDateTime};
use rust_decimal::Decimal;
use serde_json::Value;
use tickbook::domain::{NewSymbol, SymbolId, Tick};
use tickbook::domain::{Rule, Verdict};
use tickbook::repository::QuarantinedTick;

use crate::spool::leave_dead_letters;
use crate::support::{Cli, Run};

fn run(cli: &Cli, command: &str) -> Run {
    cli.run(&command.split_whitespace().collect::<Vec<_>>())
}

/// The number of times in `value`; each must have the form.
fn times(value: &Value) -> usize {
    match value {
        Value::Array(values) => values.iter().map(times).sum(),
        Value::Object(values) => values.values().map(times).sum(),
        Value::String(text) => {
            let is_time = DateTime::parse_from_rfc3339(text).is_ok();
            if is_time {
                let form = "%Y-%m-%dT%H:%M:%S%.6fZ";
                let again = NaiveDateTime::parse_from_str(text, form);
                let again = again.map(|time| time.format(form).to_string());
                assert_eq!(again.as_ref(), Ok(text));
            }
            // text for people uses the same form
            assert!(!text.contains("+00:00") && !text.contains(" UTC"), "{text}");
            usize::from(is_time)
        }
        _ => 0,
    }
}

async fn prepared() -> Cli {
    let cli = Cli::migrated();
    run(&cli, "aggregates apply").expect_code(0);
    let symbols = cli.repositories().symbols;
    let created = symbols.create(NewSymbol::named("oanda", "EURUSD")).await;
    assert_eq!(created.expect("created").symbol_id, SymbolId::new(1));
    let time = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    let held = QuarantinedTick::new(
        Tick::quote(SymbolId::new(1), time, Decimal::TWO, Decimal::ONE)
            .with_received_at(Some(time)),
        Verdict::new(Rule::Crossed, Decimal::ONE, Decimal::ZERO),
        time,
    );
    let kept = cli.repositories().quarantine.put(&[held]).await;
    assert_eq!(kept.expect("kept"), 1);
    cli
}

#[test]
fn every_time_in_json_has_one_form() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let cli = runtime.block_on(prepared());
    leave_dead_letters(&cli);
    cli.file("20140501_quote.csv", "1,1.2,1.1\n86399999,1.2,1.1\n");
    cli.file(
        "20140501_bars.csv",
        "0,1.1,1.4,1.0,1.2,10,1.2,1.5,1.1,1.3,20\n",
    );
    let lean = "--symbol 1 --format lean --json";
    let range = "--symbol 1 --from 2014-05-01 --to 2014-05-02 --json";
    for (command, is_with_times) in [
        (format!("import ticks 20140501_quote.csv {lean}"), false),
        (format!("import candles 20140501_bars.csv {lean}"), false),
        ("verify --gap 1h --json".to_owned(), true),
        ("quarantine list --json".to_owned(), true),
        ("spool inspect --json".to_owned(), true),
        ("spool dead-letter --json".to_owned(), true),
        ("spool replay --json".to_owned(), false),
        ("policies plan --json".to_owned(), true),
        ("status --json".to_owned(), false),
        ("policies apply --yes --json".to_owned(), true),
        ("policies status --json".to_owned(), true),
        ("status --json".to_owned(), true),
        ("verify --json".to_owned(), true),
        (format!("delete ticks {range} --dry-run"), true),
        (format!("delete candles {range} --dry-run"), false),
        ("maintain --json".to_owned(), false),
        ("quarantine release --all --json".to_owned(), false),
        ("quarantine list --state all --json".to_owned(), true),
        ("policies remove --json".to_owned(), false),
    ] {
        let run = run(&cli, &command);
        let parse = |line| serde_json::from_str::<Value>(line).expect("JSON");
        let count: usize = run.stdout.lines().map(|line| times(&parse(line))).sum();
        assert!(!run.stdout.is_empty(), "{command}: {run:?}");
        assert!(
            count > 0 || !is_with_times,
            "{command} has no time: {run:?}"
        );
    }
}

//! Tests of `tickbook policies apply` and `tickbook maintain`, killed at random instants.
//!
//! `TICKBOOK_KILLS` sets the number of kills, `TICKBOOK_SEED` their times.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Cli, psql};

const DAYS: u32 = 8;
const TIMEFRAMES: [&str; 7] = ["1m", "5m", "15m", "30m", "1h", "4h", "1d"];
/// Candles are not dropped with their ticks.
const KEEP_CANDLES: (&str, &str) = ("TICKBOOK__POLICIES__CANDLES__DROP_AFTER", "none");

/// Imports a tick every 7 minutes on eight days of May 2014.
fn import_days(cli: &Cli) {
    let mut text = String::from("tick_time,bid,ask\n");
    for day in 1..=DAYS {
        for number in 0..205 {
            let (minute, bid) = (number * 7, 1_000 + (number * 37 + day * 11) % 101);
            writeln!(
                text,
                "2014-05-{day:02}T{:02}:{:02}:{:02}Z,{bid},{}",
                minute / 60,
                minute % 60,
                number % 60,
                bid + 1 + number % 3
            )
            .expect("written");
        }
    }
    cli.file("ticks.csv", text);
    let import = "import ticks ticks.csv --symbol EURUSD --create-symbol --format csv";
    let words: Vec<_> = import.split(' ').collect();
    cli.run(&words).expect_code(0);
}

/// The lines of all candles, without the column `source`.
fn candles(cli: &Cli) -> BTreeMap<&'static str, Vec<String>> {
    let lines = |timeframe| {
        let export = ["export", "candles", "--symbol", "EURUSD", "--timeframe"];
        let run = cli.run(&[&export[..], &[timeframe]].concat());
        let text = run.expect_code(0).stdout;
        let mut lines = text.lines();
        let header = lines.next().expect("a header");
        let source = header.split(',').position(|name| name == "source");
        lines
            .map(|line| {
                let mut fields: Vec<_> = line.split(',').collect();
                if let Some(source) = source {
                    fields.remove(source);
                }
                fields.join(",")
            })
            .collect()
    };
    TIMEFRAMES
        .into_iter()
        .map(|timeframe| (timeframe, lines(timeframe)))
        .collect()
}

fn number(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn policies_killed_at_any_time_lose_no_candle() {
    let kills = number("TICKBOOK_KILLS", 9);
    let seed = number("TICKBOOK_SEED", u64::from(std::process::id()));
    println!("TICKBOOK_SEED={seed} TICKBOOK_KILLS={kills}");
    let mut random = seed | 1;

    let cli = Cli::migrated();
    cli.run(&["aggregates", "apply"]).expect_code(0);
    import_days(&cli);
    let expected = candles(&cli);
    assert_eq!(expected["1d"].len(), DAYS as usize);
    assert_eq!(expected["1m"].len(), DAYS as usize * 205);

    // a command without work takes as long as most commands with work
    let begun = Instant::now();
    cli.run(&["maintain"]).expect_code(0);
    let usual = begun.elapsed();
    let mut ended = [0, 0];
    for kill in 0..kills {
        // one third of the kills hits `apply`, which has less work
        let is_apply = kill < kills.div_ceil(3);
        let arguments: &[&str] = if is_apply {
            &["policies", "apply", "--yes"]
        } else {
            &["maintain"]
        };
        let mut child = cli
            .command(arguments)
            .env(KEEP_CANDLES.0, KEEP_CANDLES.1)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let usual = u64::try_from(usual.as_micros()).expect("short");
        std::thread::sleep(Duration::from_micros(usual / 4 + random % usual));
        let is_over = child.try_wait().expect("asked").is_some();
        child.kill().expect("killed");
        child.wait().expect("it ends");
        ended[usize::from(is_over)] += 1;
        assert_eq!(
            candles(&cli),
            expected,
            "after kill {kill} of {arguments:?}"
        );
    }
    println!("{} were killed, {} had ended", ended[0], ended[1]);
    assert!(ended[0] > 0, "none was killed at work");

    let run = |arguments: &[&str]| cli.run_with(arguments, &[KEEP_CANDLES]).expect_code(0);
    run(&["policies", "apply", "--yes"]);
    let plan = run(&["policies", "plan", "--json"]).json();
    assert_eq!(plan["changes"], Value::Array(Vec::new()), "{plan}");
    // a killed process may hold its lock until the database notices
    let deadline = Instant::now() + Duration::from_secs(60);
    while psql(&cli, "SELECT count(*) FROM ticks") != "0" {
        assert!(Instant::now() < deadline, "ticks are left");
        run(&["maintain"]);
        assert_eq!(candles(&cli), expected);
    }
}

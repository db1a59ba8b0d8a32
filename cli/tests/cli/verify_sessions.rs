//! Tests of `tickbook verify --gap` with the sessions of exchanges.

use crate::support::Cli;

/// Imports one tick at each time.
fn import(cli: &Cli, symbol: &str, times: &[&str]) {
    let rows = times.iter().map(|time| format!("{time},1.1,1.2\n"));
    let file = format!("tick_time,bid,ask\n{}", rows.collect::<String>());
    cli.file("ticks.csv", file);
    let command = [
        "import",
        "ticks",
        "ticks.csv",
        "--format",
        "csv",
        "--create-symbol",
        "--symbol",
        symbol,
    ];
    cli.run(&command).expect_code(0);
}

/// The findings of gaps of more than five minutes, as pairs of the symbol and the gap.
fn gaps(cli: &Cli) -> Vec<(i64, String)> {
    let run = cli.run(&["verify", "--gap", "5m", "--json"]);
    let lines = run.stdout.lines();
    let parsed = lines.map(|line| serde_json::from_str(line).expect("JSON"));
    let found = parsed.filter(|line: &serde_json::Value| line["kind"] == "tick_gap");
    let pair = |line: serde_json::Value| {
        let symbol = line["symbol_id"].as_i64().expect("an id");
        (symbol, line["text"].as_str().expect("a text").to_owned())
    };
    found.map(pair).collect()
}

#[test]
fn gaps_are_counted_in_the_sessions_of_each_exchange() {
    let cli = Cli::migrated();
    cli.run(&["aggregates", "apply"]).expect_code(0);
    cli.run(&["seed"]).expect_code(0);
    // a weekend in which New York sets its clocks forward, with 3 + 2 minutes in the sessions
    let weekend = ["2026-03-06T21:57:00Z", "2026-03-08T21:02:00Z"];
    import(&cli, "ctrader:EURUSD", &weekend);
    import(&cli, "kraken:BTC/USD", &weekend);
    import(&cli, "elsewhere:EURUSD", &weekend);
    let nse = ["2026-03-02T09:57:00Z", "2026-03-03T03:48:00Z"];
    import(&cli, "NSE:NIFTY", &nse);
    let found = gaps(&cli);
    let of: Vec<_> = found.iter().map(|(symbol, _)| *symbol).collect();
    // NIFTY with 3 + 3 minutes, then the two that never close
    assert_eq!(of, [1, 5, 6], "{found:?}");
    for ((_, text), seconds) in found.iter().zip([360, 169_500, 169_500]) {
        assert!(text.contains(&format!("length {seconds} s")), "{text}");
    }
    let sessions = ["--session", "sun-thu 17:00-17:00"];
    let describe = [
        "exchanges",
        "describe",
        "elsewhere",
        "--time-zone",
        "America/New_York",
    ];
    cli.run(&[&describe[..], &sessions].concat()).expect_code(0);
    let of: Vec<_> = gaps(&cli).into_iter().map(|(symbol, _)| symbol).collect();
    assert_eq!(of, [1, 5]);
}

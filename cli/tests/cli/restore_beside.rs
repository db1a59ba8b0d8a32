//! Tests of `tickbook import candles` concurrent with a writer of ticks, on real databases.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use tickbook::Database;

use crate::support::{Cli, Run, psql};

const DEADLINE: Duration = Duration::from_secs(60);

const CANDLE: &str = "\
open_time,timeframe,basis,open,high,low,close,volume,tick_count,closed,source
2014-05-01T00:00:00Z,1m,bid,5,5,5,5,0,90,true,downsampled
";

/// A session that locks the row of the candle, and its process id.
struct Holder {
    session: Child,
    input: ChildStdin,
    pid: String,
}

impl Holder {
    fn new(cli: &Cli) -> Self {
        let mut session = Command::new("psql")
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .arg(cli.scratch.url(Database::Timeseries))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("psql is on the PATH");
        let mut input = session.stdin.take().expect("piped");
        input
            .write_all(
                b"BEGIN; INSERT INTO ohlc_candles SELECT symbol_id, timeframe, basis, \
                  open_time - INTERVAL '1 minute', close_time - INTERVAL '1 minute', open_price, \
                  high_price, low_price, close_price, volume, tick_count, source \
                  FROM ohlc_candles; SELECT pg_backend_pid();\n",
            )
            .expect("it listens");
        let mut pid = String::new();
        let output = session.stdout.take().expect("piped");
        BufReader::new(output)
            .read_line(&mut pid)
            .expect("it answers");
        let pid = pid.trim().to_owned();
        assert!(!pid.is_empty(), "it answers");
        Self {
            session,
            input,
            pid,
        }
    }

    fn let_go(mut self) {
        self.input.write_all(b"ROLLBACK;\n").expect("it listens");
        drop(self.input);
        assert!(self.session.wait().expect("it ends").success());
    }
}

fn spawn(cli: &Cli, command: &str) -> Child {
    let words: Vec<_> = command.split(' ').collect();
    let mut command = cli.command(&words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it starts")
}

fn end(child: Child) -> Run {
    Run::of(child.wait_with_output().expect("it ends"))
}

/// Waits until `query` finds a waiting session, or `child` has ended.
fn until(cli: &Cli, child: &mut Child, query: &str) {
    let begun = Instant::now();
    while psql(cli, query) == "0" && child.try_wait().expect("a child").is_none() {
        assert!(begun.elapsed() < DEADLINE, "no session waits: {query}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn tick_beside_a_restore_comes_before_or_after() {
    let cli = Cli::migrated();
    cli.file("candle.csv", CANDLE);
    cli.file("ticks.csv", "tick_time,bid,ask\n2014-05-01T00:00:30Z,1,2\n");
    // so that both chunks exist
    cli.file(
        "other.csv",
        CANDLE
            .replace("T00:00", "T00:01")
            .replace("downsampled", "mine"),
    );
    cli.file(
        "before.csv",
        "tick_time,bid,ask\n2014-05-01T07:00:00Z,1,2\n",
    );
    let to = "--format csv --symbol A --create-symbol --json";
    for (what, file) in [("candles", "other.csv"), ("ticks", "before.csv")] {
        let import = format!("import {what} {file} {to}");
        cli.run(&import.split(' ').collect::<Vec<_>>())
            .expect_code(0);
    }
    let holder = Holder::new(&cli);
    let mut candles = spawn(&cli, &format!("import candles candle.csv {to}"));
    let held = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE {} = ANY(pg_blocking_pids(pid))",
        holder.pid
    );
    until(&cli, &mut candles, &held);
    // the import has looked up the ticks, and has not stored its candle
    let mut ticks = spawn(&cli, &format!("import ticks ticks.csv {to}"));
    let waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                 AND (classid::bigint << 32) | objid::bigint = \
                 hashtextextended('tickbook retention floor ' || current_schema(), 0)";
    until(&cli, &mut ticks, waits);
    assert!(candles.try_wait().expect("a child").is_none(), "it is held");
    holder.let_go();
    let (candles, ticks) = (end(candles), end(ticks));
    let read = cli.run(&[
        "export",
        "candles",
        "--symbol",
        "A",
        "--to",
        "2014-05-01T00:01:00Z",
    ]);
    let case = format!("{candles:?}\n{ticks:?}\n{}", read.stdout);
    let is_restored = read.stdout.contains(",bid,5,5,5,5,0,90,true,downsampled");
    assert!(is_restored, "it came first: {case}");
    assert_eq!(candles.json()["stored"], 1, "{case}");
    assert_eq!(ticks.json()["inserted"], 1, "{case}");
}

#[test]
fn recent_candles_of_ticks_are_rejected() {
    let cli = Cli::migrated();
    let now = suite::now();
    let row = |minutes: i64| {
        let open = now - chrono::TimeDelta::minutes(minutes);
        let open = open.format("%Y-%m-%dT%H:%M:00Z");
        format!("{open},1m,bid,5,5,5,5,0,90,true,ticks\n")
    };
    let header = CANDLE.lines().next().expect("a header");
    let import = |rows: &str| {
        cli.file("recent.csv", format!("{header}\n{rows}"));
        let import = "import candles recent.csv --format csv --symbol A --create-symbol --json";
        cli.run(&import.split(' ').collect::<Vec<_>>())
    };
    let refused = import(&row(30)).expect_code(1);
    assert_eq!(
        (&refused.json()["stored"], &refused.json()["rejected"]),
        (&0.into(), &1.into())
    );
    assert!(
        refused.stderr.contains("less than two hours ago"),
        "{refused:?}"
    );
    let symbols = cli.run(&["symbols", "list"]).expect_code(0);
    assert!(
        !symbols.stdout.contains('A'),
        "a symbol was made: {symbols:?}"
    );

    let both = import(&[row(30), row(130)].concat()).expect_code(1);
    assert_eq!(
        (&both.json()["stored"], &both.json()["rejected"]),
        (&1.into(), &1.into())
    );
}

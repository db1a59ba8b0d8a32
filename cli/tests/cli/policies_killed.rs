//! Tests of `tickbook policies apply` and `tickbook maintain`, killed at random places of their work.
//!
//! `TICKBOOK_KILLS` sets the number of kills, `TICKBOOK_SEED` their places.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use fault_proxy::{Direction, FaultProxy};
use serde_json::Value;
use tickbook::Database;

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

const APPLY: &[&str] = &["policies", "apply", "--yes"];
const MAINTAIN: &[&str] = &["maintain"];
const DEADLINE: Duration = Duration::from_secs(60);

/// A place of the work: the bytes of one direction between the program and the database were passed so often.
#[derive(Debug, Clone, Copy)]
struct Place {
    direction: Direction,
    number: u64,
}

/// How often bytes were passed to the server and to the client.
type Passed = Arc<[AtomicU64; 2]>;

fn index(direction: Direction) -> usize {
    usize::from(direction == Direction::ToClient)
}

/// A command through a proxy that counts what passes.
fn command(cli: &Cli, proxy: &FaultProxy, arguments: &[&str]) -> Command {
    let mut command = cli.command(arguments);
    let database = Database::Timeseries;
    command
        .env(
            database.url_variable(),
            proxy.url(cli.scratch.url(database)),
        )
        .env(KEEP_CANDLES.0, KEEP_CANDLES.1)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Runs a command to its end. Returns how often bytes passed to the server and to the client.
fn measure(cli: &Cli, arguments: &[&str]) -> [u64; 2] {
    let passed = Passed::default();
    let counted = Arc::clone(&passed);
    let proxy = FaultProxy::builder_of_url(cli.scratch.url(Database::Timeseries))
        .observed_by(move |_, direction, _| {
            counted[index(direction)].fetch_add(1, Ordering::SeqCst);
        })
        .start();
    let status = command(cli, &proxy, arguments).status();
    let code = status.expect("the binary starts").code();
    // a chunk may have to wait for a job of the database
    assert!(matches!(code, Some(0 | 1)), "{arguments:?}: {code:?}");
    [0, 1].map(|index| passed[index].load(Ordering::SeqCst))
}

/// Runs a command up to a place and kills it there. A statement that was sent is executed meanwhile, and an answer
/// does not arrive. Returns whether the place was reached; otherwise the command ended before it.
fn kill_at(cli: &Cli, arguments: &[&str], place: Place) -> bool {
    let (reached, is_reached) = mpsc::channel();
    let (release, is_released) = mpsc::channel::<()>();
    let (reached, is_released) = (Mutex::new(reached), Mutex::new(is_released));
    let seen = AtomicU64::new(0);
    let proxy = FaultProxy::builder_of_url(cli.scratch.url(Database::Timeseries))
        .observed_by(move |_, direction, _| {
            if direction != place.direction
                || seen.fetch_add(1, Ordering::SeqCst) + 1 != place.number
            {
                return;
            }
            reached
                .lock()
                .expect("no panic")
                .send(())
                .expect("it waits");
            if direction == Direction::ToClient {
                // ends when the other half is dropped
                let _ = is_released.lock().expect("no panic").recv();
            }
        })
        .start();
    let mut child = command(cli, &proxy, arguments).spawn().expect("it starts");
    let begun = Instant::now();
    let is_reached = loop {
        if is_reached.recv_timeout(Duration::from_millis(5)).is_ok() {
            break true;
        }
        if child.try_wait().expect("asked").is_some() {
            break is_reached.try_recv().is_ok();
        }
        assert!(begun.elapsed() < DEADLINE, "{place:?} of {arguments:?}");
    };
    child.kill().expect("killed");
    child.wait().expect("it ends");
    // connections are reset before the answer is released
    drop(proxy);
    drop(release);
    is_reached
}

#[test]
fn policies_killed_at_any_place_lose_no_candle() {
    let kills = number("TICKBOOK_KILLS", 9);
    let seed = number("TICKBOOK_SEED", u64::from(std::process::id()));
    println!("TICKBOOK_SEED={seed} TICKBOOK_KILLS={kills}");
    let mut random = seed | 1;
    let mut below = |limit: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % limit
    };
    let prepared = || {
        let cli = Cli::migrated();
        cli.run(&["aggregates", "apply"]).expect_code(0);
        import_days(&cli);
        cli
    };
    // the same work, undisturbed
    let other = prepared();
    let whole = [APPLY, MAINTAIN].map(|arguments| measure(&other, arguments));
    println!("passed to server and client: {whole:?}");
    drop(other);

    let cli = prepared();
    let expected = candles(&cli);
    assert_eq!(expected["1d"].len(), DAYS as usize);
    assert_eq!(expected["1m"].len(), DAYS as usize * 205);
    let run = |arguments: &[&str]| cli.run_with(arguments, &[KEEP_CANDLES]).expect_code(0);
    // one third of the kills hits `apply`, which has less work
    let of_apply = kills.div_ceil(3);
    let mut killed = 0;
    for (arguments, whole, kills) in [
        (APPLY, whole[0], of_apply),
        (MAINTAIN, whole[1], kills - of_apply),
    ] {
        for kill in 0..kills {
            let direction = match below(2) {
                0 => Direction::ToServer,
                _ => Direction::ToClient,
            };
            // the first kill finds all of the work, and later ones what is left
            let limit = whole[index(direction)] / if kill == 0 { 2 } else { 1 };
            let number = 1 + below(limit);
            let place = Place { direction, number };
            let is_killed = kill_at(&cli, arguments, place);
            assert!(
                is_killed || kill > 0,
                "{arguments:?} ended before {place:?}"
            );
            killed += u64::from(is_killed);
            assert_eq!(candles(&cli), expected, "after {place:?} of {arguments:?}");
        }
        if arguments == APPLY {
            // the maintenance of policies that are not applied does nothing
            run(APPLY);
        }
    }
    println!("{killed} of {kills} were killed, the others had ended");

    run(APPLY);
    let plan = run(&["policies", "plan", "--json"]).json();
    assert_eq!(plan["changes"], Value::Array(Vec::new()), "{plan}");
    // a killed process may hold its lock until the database notices
    let deadline = Instant::now() + DEADLINE;
    while psql(&cli, "SELECT count(*) FROM ticks") != "0" {
        assert!(Instant::now() < deadline, "ticks are left");
        let run = cli.run_with(MAINTAIN, &[KEEP_CANDLES]);
        assert!(matches!(run.code, 0 | 1), "{run:?}");
        assert_eq!(candles(&cli), expected);
    }
}

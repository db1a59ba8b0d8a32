use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::CommandFactory as _;
use tickbook_feeds::{Channel, VenueName};

use super::*;
use crate::feed::replay::Speed;
use crate::settings::{FeedConfig, FeedKind};

type Configured = BTreeMap<String, FeedConfig>;

fn parse(line: &str) -> Result<Args, String> {
    let args = Args::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
    args.feeds.check().map(|()| args)
}

/// The names and settings of the feeds that would run.
fn planned(line: &str, configured: &Configured) -> Result<Vec<(String, FeedConfig)>, String> {
    let plans = parse(line)?.feeds.plan(configured)?;
    Ok(plans.into_iter().map(|it| (it.name, it.config)).collect())
}

fn kinds(line: &str) -> Result<Vec<FeedKind>, String> {
    let planned = planned(line, &Configured::new())?;
    Ok(planned.into_iter().map(|(_, it)| it.kind).collect())
}

/// The feeds `kraken` and `other`, two subscriptions to Kraken.
fn configured() -> Configured {
    let mut kraken = FeedConfig::of(FeedKind::Venue(VenueName::Kraken));
    kraken.symbols = vec!["BTC/USD".to_owned()];
    let mut other = kraken.clone();
    other.channels = vec![Channel::Book(25)];
    [("kraken".to_owned(), kraken), ("other".to_owned(), other)].into()
}

#[test]
fn definition_is_consistent() {
    Args::command().debug_assert();
}

#[test]
fn program_without_arguments_serves_the_databases() {
    let args = parse("orderbook-server").expect("valid");
    assert_eq!(args.store, StoreKind::Postgres);
    assert_eq!(args.feeds.plan(&Configured::new()), Ok(Vec::new()));
    assert_eq!(args.listen, None);
}

#[test]
fn server_listens_on_a_host_name() {
    let args = parse("orderbook-server --listen localhost:3000").expect("valid");
    let address = args.listen.map(|address| address.to_string());
    assert_eq!(address.as_deref(), Some("127.0.0.1:3000"));
    let error = parse("orderbook-server --listen 3000").expect_err("no address");
    assert!(error.contains("127.0.0.1:3000"), "{error}");
}

#[test]
fn replay_needs_files_and_a_symbol() {
    let line = "orderbook-server --feed replay --replay a.zip b.zip --symbol oanda:EURUSD";
    let planned = planned(line, &Configured::new()).expect("valid");
    let (name, replay) = &planned[0];
    assert_eq!((name.as_str(), replay.kind), ("replay", FeedKind::Replay));
    assert_eq!((replay.files.len(), replay.speed), (2, Speed::Times(1.0)));
    assert_eq!(replay.symbols, ["oanda:EURUSD"]);
    for bad in [
        "orderbook-server --feed replay",
        "orderbook-server --feed replay --replay a.zip",
        "orderbook-server --feed replay --symbol EURUSD",
        "orderbook-server --replay a.zip --symbol EURUSD",
        "orderbook-server --speed max",
        "orderbook-server --seed 7",
    ] {
        assert!(kinds(bad).is_err(), "{bad}");
    }
}

#[test]
fn several_feeds_run_each_kind_once() {
    let replay = "--feed replay --replay a.zip --symbol oanda:EURUSD";
    let line = format!("orderbook-server {replay} --feed simulated --seed 7");
    assert_eq!(
        kinds(&line),
        Ok(vec![FeedKind::Replay, FeedKind::Simulated])
    );
    for bad in [
        "orderbook-server --feed simulated --feed simulated",
        "orderbook-server --feed none --feed simulated",
        "orderbook-server --feed simulated --feed replay",
        "orderbook-server --feed simulated:EURUSD",
        "orderbook-server --feed kraken:BTC/USD --feed kraken:ETH/USD",
        &format!("orderbook-server {replay} --seed 7"),
    ] {
        assert!(kinds(bad).is_err(), "{bad}");
    }
}

#[test]
fn venues_are_given_with_their_symbols() {
    let line = "orderbook-server --feed kraken:BTC/USD,ETH/USD --feed simulated";
    let planned = planned(line, &Configured::new()).expect("valid");
    let (name, kraken) = &planned[0];
    assert_eq!(name, "kraken");
    assert_eq!(kraken.kind, FeedKind::Venue(VenueName::Kraken));
    assert_eq!(kraken.symbols, ["BTC/USD", "ETH/USD"]);
    assert_eq!(kraken.channels, [Channel::Quotes, Channel::Trades]);
    assert_eq!(planned[1].1.kind, FeedKind::Simulated);
    for (bad, reason) in [
        ("--feed kraken", "--feed kraken:BTC/USD"),
        ("--feed mtgox:BTC", "no section [feeds.mtgox]"),
        ("--feed kraken:", "invalid feed"),
        ("--feed kraken:BTC/USD,,ETH/USD", "invalid feed"),
        ("--feed :BTC/USD", "invalid feed"),
        ("--feed none:BTC/USD", "invalid feed"),
        ("--feed Kraken:BTC/USD", "invalid feed"),
    ] {
        let error = kinds(&format!("orderbook-server {bad}")).expect_err(bad);
        assert!(error.contains(reason), "{bad}: {error}");
    }
}

#[test]
fn configured_feeds_run_unless_feeds_are_named() {
    let names = |line: &str| -> Vec<String> {
        let planned = planned(line, &configured()).expect("valid");
        planned.into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names("orderbook-server"), ["kraken", "other"]);
    assert_eq!(names("orderbook-server --feed other"), ["other"]);
    assert_eq!(names("orderbook-server --feed none"), [""; 0]);
    let planned = planned("orderbook-server --feed other:ETH/USD", &configured());
    let (_, other) = &planned.expect("valid")[0];
    assert_eq!(other.symbols, ["ETH/USD"]);
    assert_eq!(other.channels, [Channel::Book(25)]);
}

#[test]
fn options_override_the_settings_of_a_replay() {
    let mut replay = FeedConfig::of(FeedKind::Replay);
    replay.files = vec![PathBuf::from("a.zip")];
    replay.symbols = vec!["7".to_owned()];
    let configured: Configured = [("old".to_owned(), replay)].into();
    let line = "orderbook-server --replay b.zip --speed 2x";
    let planned = planned(line, &configured).expect("valid");
    let (_, replay) = &planned[0];
    assert_eq!(replay.files, [PathBuf::from("b.zip")]);
    assert_eq!(
        (replay.speed, &*replay.symbols[0]),
        (Speed::Times(2.0), "7")
    );
}

#[test]
fn speed_is_a_positive_multiple_or_max() {
    for (text, speed) in [
        ("max", Speed::Max),
        ("10x", Speed::Times(10.0)),
        ("0.5x", Speed::Times(0.5)),
    ] {
        assert_eq!(text.parse(), Ok(speed));
        assert_eq!(speed.to_string(), text);
    }
    for bad in ["", "x", "0x", "-1x", "10", "infx", "NaNx", "fast"] {
        assert!(bad.parse::<Speed>().is_err(), "{bad:?}");
    }
}

//! The command line.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::settings::parse_listen;
use clap::{Parser, ValueEnum};
use tickbook::domain::SymbolReference;

use crate::app::StoreKind;
use crate::feed::replay::Speed;

const AFTER_HELP: &str = "\
Examples:
  orderbook-server
      serves the content of the databases; `tickbook migrate` prepares them
  orderbook-server --store memory --feed simulated
      needs no database; simulates quotes of four symbols
  orderbook-server --feed replay --replay 20140501_quote.zip --symbol oanda:EURUSD --speed 60x
      replays a day of quotes in 24 minutes and stores them; may be combined with --feed simulated

Requests:
  curl http://127.0.0.1:3000/api/v1/symbols
  curl 'http://127.0.0.1:3000/api/v1/ohlc/1?timeframe=5m&limit=10&order=desc'
  curl http://127.0.0.1:3000/health/ready
  /openapi.json describes all routes, /metrics returns the metrics

Environment:
  DATABASE_URL     symbols: postgresql://user:password@host:5432/orderbook_metadata
  TIMESCALEDB_URL  ticks and candles: postgresql://user:password@host:5433/orderbook_timeseries
  RUST_LOG         filter of the log on standard error [default: info]
  All settings are in config/default.toml; each can be set by a variable TICKBOOK__SECTION__KEY.

SIGTERM and SIGINT (Ctrl-C) stop the server gracefully; a second signal ends it immediately.";

/// Serves symbols, ticks and OHLC candles over HTTP, and stores the ticks of feeds
#[derive(Debug, Clone, Parser)]
#[command(name = "orderbook-server", version, after_help = AFTER_HELP)]
pub struct Args {
    /// Address or host, and port to listen on; port 0 chooses a free port [default: the setting
    /// server.listen, 127.0.0.1:3000]
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = parse_listen)]
    pub listen: Option<SocketAddr>,

    /// Where symbols and ticks are stored
    #[arg(long, value_enum, default_value_t = StoreKind::Postgres)]
    pub store: StoreKind,

    /// Feeds to run, in addition to POST /api/v1/ticks; repeat the option for several: --feed replay --feed
    /// simulated
    #[arg(long = "feed", value_enum, default_values_t = [FeedKind::None])]
    pub feeds: Vec<FeedKind>,

    /// Files to replay, in this order: with a header row (tick_time, bid_price, ask_price, …), or in the LEAN
    /// format (20140501_quote.zip); zipped or plain
    #[arg(long, value_name = "FILE", num_args = 1.., required_if_eq("feeds", "replay"))]
    pub replay: Vec<PathBuf>,

    /// Symbol of the quotes in the files: EURUSD, oanda:EURUSD or its id. If no symbol has the name, it is
    /// created, on the exchange "replay" unless you name one
    #[arg(long, value_name = "SYMBOL", required_if_eq("feeds", "replay"))]
    pub symbol: Option<SymbolReference>,

    /// Speed of the replay: 1x for real time, 10x, …, or max
    #[arg(long, default_value = "1x")]
    pub speed: Speed,

    /// Seed of the simulated feed: the same seed gives the same prices [default: random, and logged]
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}

/// A source of ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FeedKind {
    /// No feed
    None,
    /// Simulated quotes of EURUSD, GBPUSD, USDJPY and BTCUSD, several a second each
    Simulated,
    /// Quotes from files
    Replay,
}

impl fmt::Display for FeedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Simulated => "simulated",
            Self::Replay => "replay",
        })
    }
}

impl Args {
    /// Checks rules that clap cannot express.
    ///
    /// # Errors
    /// An option has no effect, or a feed is given twice.
    pub fn check(&self) -> Result<(), String> {
        for (index, feed) in self.feeds.iter().enumerate() {
            if self.feeds[..index].contains(feed) {
                return Err(format!(
                    "--feed {feed} is given twice: give each kind at most once"
                ));
            }
        }
        if self.feeds.len() > 1 && self.feeds.contains(&FeedKind::None) {
            return Err("--feed none cannot be combined with other feeds: remove it".to_owned());
        }
        if !self.feeds.contains(&FeedKind::Replay)
            && (!self.replay.is_empty() || self.symbol.is_some())
        {
            return Err("--replay and --symbol require --feed replay: add it".to_owned());
        }
        if !self.feeds.contains(&FeedKind::Simulated) && self.seed.is_some() {
            return Err("--seed requires --feed simulated: add it".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        let args = Args::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
        args.check().map(|()| args)
    }

    #[test]
    fn definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn program_without_arguments_serves_the_databases() {
        let args = parse("orderbook-server").expect("valid");
        assert_eq!(args.store, StoreKind::Postgres);
        assert_eq!(args.feeds, [FeedKind::None]);
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
        let args = parse(line).expect("valid");
        assert_eq!((args.replay.len(), args.speed), (2, Speed::Times(1.0)));
        for bad in [
            "orderbook-server --feed replay",
            "orderbook-server --feed replay --replay a.zip",
            "orderbook-server --feed replay --symbol EURUSD",
            "orderbook-server --replay a.zip --symbol EURUSD",
            "orderbook-server --seed 7",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn several_feeds_run_each_kind_once() {
        let replay = "--feed replay --replay a.zip --symbol oanda:EURUSD";
        let line = format!("orderbook-server {replay} --feed simulated --seed 7");
        let args = parse(&line).expect("valid");
        assert_eq!(args.feeds, [FeedKind::Replay, FeedKind::Simulated]);
        for bad in [
            "orderbook-server --feed simulated --feed simulated",
            "orderbook-server --feed none --feed simulated",
            "orderbook-server --feed simulated --feed replay",
            &format!("orderbook-server {replay} --seed 7"),
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
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
}

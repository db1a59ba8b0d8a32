//! The command line.

use std::net::SocketAddr;

use clap::Parser;

use crate::app::StoreKind;
use crate::feed::FeedArgs;
use crate::settings::parse_listen;

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

    /// Feeds to run.
    #[command(flatten)]
    pub feeds: FeedArgs,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::feed::FeedKind;
    use crate::feed::replay::Speed;

    fn parse(line: &str) -> Result<Args, String> {
        let args = Args::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
        args.feeds.check().map(|()| args)
    }

    #[test]
    fn definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn program_without_arguments_serves_the_databases() {
        let args = parse("orderbook-server").expect("valid");
        assert_eq!(args.store, StoreKind::Postgres);
        assert_eq!(args.feeds.kinds, [FeedKind::None]);
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
        let replay = (args.feeds.replay.len(), args.feeds.speed);
        assert_eq!(replay, (2, Speed::Times(1.0)));
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
        assert_eq!(args.feeds.kinds, [FeedKind::Replay, FeedKind::Simulated]);
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

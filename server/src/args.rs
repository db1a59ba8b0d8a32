//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

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
  orderbook-server --listen 0.0.0.0:3000 --tokens /etc/tickbook/tokens
      serves other machines, with the tokens of `tickbook tokens add`
  orderbook-server --feed kraken:BTC/USD,ETH/USD
      stores quotes and trades of a venue; `tickbook feed check kraken` tries the connection

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

    /// Who may use the server.
    #[command(flatten)]
    pub access: AccessArgs,

    /// Feeds to run.
    #[command(flatten)]
    pub feeds: FeedArgs,
}

/// The arguments about who may use the server.
#[derive(Debug, Clone, Default, clap::Args)]
#[non_exhaustive]
pub struct AccessArgs {
    /// File of the tokens, which `tickbook tokens add` creates [default: the setting access.tokens_file]
    #[arg(long, value_name = "FILE")]
    pub tokens: Option<PathBuf>,

    /// Lets clients without a token do everything, also from other machines
    #[arg(long, conflicts_with = "tokens")]
    pub allow_anonymous: bool,
}

#[cfg(test)]
mod tests;

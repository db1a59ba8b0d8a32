//! Command line of `tickbook symbols`.

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use rust_decimal::Decimal;
use tickbook::domain::{InstrumentType, SymbolReference};
use tickbook_feeds::VenueName;

#[derive(Debug, Subcommand)]
pub(crate) enum SymbolsCommand {
    /// Lists symbols in ascending order of id
    #[command(after_help = "\
--name is compared case-insensitively with the whole name: * stands for any characters, ? for one. With
--json each line is one object.

Examples:
  tickbook symbols list
  tickbook symbols list --exchange oanda --active --name 'EUR*'
  tickbook symbols list --json | jq -r 'select(.instrument == null) | .name'")]
    List(ListSymbolsArguments),
    /// Shows a symbol: its instrument, its names in feeds, its first and last tick
    #[command(after_help = "\
--count counts the ticks, which reads all of them.

Examples:
  tickbook symbols show oanda:EURUSD
  tickbook symbols show 1 --count --json")]
    Show(ShowSymbolArguments),
    /// Renames a symbol; its id, ticks and candles are unchanged
    #[command(after_help = "\
A name with an exchange moves the symbol there. Exit code 2 if another symbol has the name; the error names
that symbol. Running servers publish under the old name until they restart.

Examples:
  tickbook symbols rename oanda:EURUSD EUR_USD
  tickbook symbols rename 1 fxcm:EURUSD")]
    Rename(RenameSymbolArguments),
    /// Adds or removes the name of a symbol in a feed
    #[command(after_help = "\
A name in a feed belongs to one symbol; a symbol may have several names. Exit code 2 if the name belongs to
another symbol and --move is not given.

Examples:
  tickbook symbols alias oanda:EURUSD ctrader 1
  tickbook symbols alias oanda:EURUSD ctrader 1 --remove")]
    Alias(AliasSymbolArguments),
    /// Marks a symbol as no longer quoted; its ticks remain readable
    #[command(after_help = "\
May be repeated.

Example:
  tickbook symbols deactivate oanda:EURUSD")]
    Deactivate(OneSymbolArguments),
    /// Marks a symbol as quoted
    #[command(after_help = "\
May be repeated.

Example:
  tickbook symbols activate oanda:EURUSD")]
    Activate(OneSymbolArguments),
    /// Compares the symbols of a feed with the instruments that its venue lists, and stores the differences
    #[command(after_help = "\
New instruments become symbols, changed ones are changed, and symbols that the list does not have become inactive,
unless a fifth of the active ones or more are missing. The symbols are on the exchange with the name of the feed. No
symbol is deleted. Exit code 1 if symbols are missing and stay active; 2 if the venue gives no list.

A server does the same by itself: [symbols] sync_every and sync. The account of ctrader is in the environment (CTRADER_PASSWORD,
…); a second session of one account may end that of a running server.

Examples:
  tickbook symbols sync kraken
  tickbook symbols sync okx --feed second --json")]
    Sync(SyncSymbolsArguments),
    /// Changes the properties of a symbol; omitted properties are unchanged
    #[command(after_help = "\
To add an instrument to a symbol, give --type, --quote-currency, --tick-size, --lot-size and
--contract-multiplier together.

Examples:
  tickbook symbols describe oanda:EURUSD --description 'Euro, US dollar'
  tickbook symbols describe 7 --digits 3 --tick-size 0.001 --expiry 2026-12-18")]
    Describe(DescribeSymbolArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListSymbolsArguments {
    /// Only symbols of this exchange
    #[arg(long)]
    pub(crate) exchange: Option<String>,
    /// Only quoted symbols
    #[arg(long, conflicts_with = "inactive")]
    pub(crate) active: bool,
    /// Only symbols that are no longer quoted
    #[arg(long)]
    pub(crate) inactive: bool,
    /// Only symbols whose name matches, such as 'EUR*'
    #[arg(long, value_name = "PATTERN")]
    pub(crate) name: Option<String>,
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct OneSymbolArguments {
    /// The symbol: EURUSD, oanda:EURUSD if several exchanges have that name, or its id
    pub(crate) symbol: SymbolReference,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowSymbolArguments {
    #[command(flatten)]
    pub(crate) which: OneSymbolArguments,
    /// Counts its ticks, which reads all of them
    #[arg(long)]
    pub(crate) count: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RenameSymbolArguments {
    /// The symbol: EURUSD, oanda:EURUSD if several exchanges have that name, or its id
    pub(crate) symbol: SymbolReference,
    /// The new name, with an exchange to move the symbol there: fxcm:EURUSD
    pub(crate) name: SymbolReference,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AliasSymbolArguments {
    /// The symbol: EURUSD, oanda:EURUSD if several exchanges have that name, or its id
    pub(crate) symbol: SymbolReference,
    /// The feed, such as ctrader
    pub(crate) feed: String,
    /// The name of the symbol in the feed, such as the number of tag 55 of FIX
    pub(crate) key: String,
    /// Removes the name
    #[arg(long)]
    pub(crate) remove: bool,
    /// Moves the name from the symbol that has it; the output names that symbol
    #[arg(long = "move", conflicts_with = "remove")]
    pub(crate) moves: bool,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SyncSymbolsArguments {
    /// The venue: binance, coinbase, ctrader, kraken or okx
    pub(crate) venue: VenueName,
    /// Name of the feed [default: the venue]
    #[arg(long, value_name = "NAME")]
    pub(crate) feed: Option<String>,
    /// Deactivates missing symbols however many they are
    #[arg(long)]
    pub(crate) accept_loss: bool,
    /// Creates no symbols: only those that exist follow the list
    #[arg(long)]
    pub(crate) existing: bool,
    /// Another address of the WebSocket, without a path: ws://… or wss://…; of ctrader: tcp://… or tls://…
    #[arg(long, value_name = "URL", requires = "http")]
    pub(crate) websocket: Option<String>,
    /// Another address of HTTP, without a path: http://… or https://…
    #[arg(long, value_name = "URL", requires = "websocket")]
    pub(crate) http: Option<String>,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DescribeSymbolArguments {
    /// The symbol: EURUSD, oanda:EURUSD if several exchanges have that name, or its id
    pub(crate) symbol: SymbolReference,
    #[command(flatten)]
    pub(crate) facts: FactArguments,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The properties to change, at least one.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct FactArguments {
    /// A description for people; '' for none
    #[arg(long)]
    pub(crate) description: Option<String>,
    /// Number of decimals in which its price is usually shown, 0 to 12
    #[arg(long)]
    pub(crate) digits: Option<i16>,
    /// Type of the instrument, such as forex, cfd or crypto
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) instrument_type: Option<InstrumentType>,
    /// The asset that is bought and sold, such as EUR
    #[arg(long)]
    pub(crate) base_currency: Option<String>,
    /// The currency of prices, such as USD
    #[arg(long)]
    pub(crate) quote_currency: Option<String>,
    /// Smallest step of the price
    #[arg(long, value_name = "NUMBER")]
    pub(crate) tick_size: Option<Decimal>,
    /// Smallest step of a quantity
    #[arg(long, value_name = "NUMBER")]
    pub(crate) lot_size: Option<Decimal>,
    /// Units of the underlying per contract; 1 if there are no contracts
    #[arg(long, value_name = "NUMBER")]
    pub(crate) contract_multiplier: Option<Decimal>,
    /// Last trading day, such as 2026-12-18
    #[arg(long, value_name = "DATE")]
    pub(crate) expiry: Option<NaiveDate>,
    /// Strike price of an option
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub(crate) strike: Option<Decimal>,
}

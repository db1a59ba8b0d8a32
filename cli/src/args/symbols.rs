//! The command line of symbols.

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use rust_decimal::Decimal;
use tickbook::domain::{InstrumentType, SymbolReference};

#[derive(Debug, Subcommand)]
pub(crate) enum SymbolsCommand {
    /// Lists symbols, by ascending id
    #[command(after_help = "\
--name is compared with the whole name, whatever the case of letters: * stands for any characters, ?
for one. With --json each line is an object.

Examples:
  tickbook symbols list
  tickbook symbols list --exchange oanda --active --name 'EUR*'
  tickbook symbols list --json | jq -r 'select(.instrument == null) | .name'")]
    List(ListSymbolsArguments),
    /// Shows all that is known of a symbol: its instrument, what feeds call it, its first and last tick
    #[command(after_help = "\
--count counts the ticks, which reads all of them.

Examples:
  tickbook symbols show oanda:EURUSD
  tickbook symbols show 1 --count --json")]
    Show(ShowSymbolArguments),
    /// Gives a symbol another name; its id, ticks and candles stay
    #[command(after_help = "\
A name with an exchange moves it there. Exit code 2 when another symbol has the name, which is told.
Running servers publish under the old name until they start again.

Examples:
  tickbook symbols rename oanda:EURUSD EUR_USD
  tickbook symbols rename 1 fxcm:EURUSD")]
    Rename(RenameSymbolArguments),
    /// Says what a feed calls a symbol, or forgets it
    #[command(after_help = "\
One feed gives one name to one symbol; a symbol may have several names. Exit code 2 when the feed calls
another symbol so, unless --move is given.

Examples:
  tickbook symbols alias oanda:EURUSD ctrader 1
  tickbook symbols alias oanda:EURUSD ctrader 1 --remove")]
    Alias(AliasSymbolArguments),
    /// Marks a symbol as no longer quoted; its ticks stay readable
    #[command(after_help = "\
Harmless to repeat.

Example:
  tickbook symbols deactivate oanda:EURUSD")]
    Deactivate(OneSymbolArguments),
    /// Marks a symbol as quoted
    #[command(after_help = "\
Harmless to repeat.

Example:
  tickbook symbols activate oanda:EURUSD")]
    Activate(OneSymbolArguments),
    /// Changes what is known of a symbol; what is not given stays
    #[command(after_help = "\
The instrument of a symbol without one needs --type, --quote-currency, --tick-size, --lot-size and
--contract-multiplier at once.

Examples:
  tickbook symbols describe oanda:EURUSD --description 'Euro, US dollar'
  tickbook symbols describe 7 --digits 3 --tick-size 0.001 --expiry 2026-12-18")]
    Describe(DescribeSymbolArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListSymbolsArguments {
    /// Only those of this exchange
    #[arg(long)]
    pub(crate) exchange: Option<String>,
    /// Only those that are quoted
    #[arg(long, conflicts_with = "inactive")]
    pub(crate) active: bool,
    /// Only those that are no longer quoted
    #[arg(long)]
    pub(crate) inactive: bool,
    /// Only those whose name fits, such as 'EUR*'
    #[arg(long, value_name = "PATTERN")]
    pub(crate) name: Option<String>,
    /// Prints one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct OneSymbolArguments {
    /// Which: EURUSD, oanda:EURUSD where several exchanges have that name, or its id
    pub(crate) symbol: SymbolReference,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowSymbolArguments {
    #[command(flatten)]
    pub(crate) which: OneSymbolArguments,
    /// Counts its ticks
    #[arg(long)]
    pub(crate) count: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RenameSymbolArguments {
    /// Which: EURUSD, oanda:EURUSD where several exchanges have that name, or its id
    pub(crate) symbol: SymbolReference,
    /// Its new name, with an exchange to move it there: fxcm:EURUSD
    pub(crate) name: SymbolReference,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AliasSymbolArguments {
    /// Which: EURUSD, oanda:EURUSD where several exchanges have that name, or its id
    pub(crate) symbol: SymbolReference,
    /// The feed, such as ctrader
    pub(crate) feed: String,
    /// What it calls the symbol, such as the number of tag 55 of FIX
    pub(crate) key: String,
    /// Forgets it
    #[arg(long)]
    pub(crate) remove: bool,
    /// Takes the name from the symbol that has it
    #[arg(long = "move", conflicts_with = "remove")]
    pub(crate) moves: bool,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DescribeSymbolArguments {
    /// Which: EURUSD, oanda:EURUSD where several exchanges have that name, or its id
    pub(crate) symbol: SymbolReference,
    #[command(flatten)]
    pub(crate) facts: FactArguments,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// One at least.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct FactArguments {
    /// Text for people; '' for none
    #[arg(long)]
    pub(crate) description: Option<String>,
    /// Digits behind the point in which its price is usually shown, 0 to 12
    #[arg(long)]
    pub(crate) digits: Option<i16>,
    /// What it is, such as forex, cfd or crypto
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) instrument_type: Option<InstrumentType>,
    /// What is bought and sold, such as EUR
    #[arg(long)]
    pub(crate) base_currency: Option<String>,
    /// What prices are in, such as USD
    #[arg(long)]
    pub(crate) quote_currency: Option<String>,
    /// Smallest step of the price
    #[arg(long, value_name = "NUMBER")]
    pub(crate) tick_size: Option<Decimal>,
    /// Smallest step of a quantity
    #[arg(long, value_name = "NUMBER")]
    pub(crate) lot_size: Option<Decimal>,
    /// Units of the underlying in one contract, 1 where there are no contracts
    #[arg(long, value_name = "NUMBER")]
    pub(crate) contract_multiplier: Option<Decimal>,
    /// Last day of trading, such as 2026-12-18
    #[arg(long, value_name = "DATE")]
    pub(crate) expiry: Option<NaiveDate>,
    /// Strike price of an option
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub(crate) strike: Option<Decimal>,
}

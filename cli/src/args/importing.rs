//! Command line of `tickbook import`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use tickbook::domain::{InstrumentType, SymbolReference};
use tickbook::files::{FileColumn, PriceScale, QuoteColumn, RowFormat, TimeFormat, TradeColumn};

use super::names::row_format;

#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Creates the symbols of one market, and completes the properties of existing symbols
    #[command(after_help = "\
The market becomes the exchange of its symbols, unless --exchange names another one. Symbols keep their
ids. An empty or absent column leaves the stored value unchanged. A value of the table is stored if none is
known: for an empty description, for an unknown instrument, and for the digits of a symbol without an
instrument. A known value that differs is kept and listed on standard error, and a deactivated symbol stays
inactive; with --overwrite the table takes precedence. Each change is listed: field, old and new value.

Invalid rows are listed and the others are stored; the exit code is then 1. A market may have one name with
several types: import each type separately with --type and --exchange. The last line is
`read N, created N, changed N, unchanged N, kept N, rejected N`; kept: symbols with a kept value.

Examples:
  tickbook import symbols symbol-properties-database.csv --format lean --market oanda
  tickbook import symbols symbol-properties-database.csv --format lean --market oanda --overwrite
  tickbook import symbols symbol-properties-database.csv --format lean --market binance \\
      --type cryptofuture --exchange binance-futures")]
    Symbols(ImportSymbolsArguments),
    /// Imports the ticks of one symbol; ticks that are already stored are counted, not stored again
    #[command(after_help = "\
Files are zipped or plain and are read in the given order. A column `sequence` identifies the ticks of one
instant. Without it, a tick that two files contain is stored once, and a tick that one file contains twice is
stored twice: files may overlap, be issued again and be imported in any order. Only if two files divide the
ticks of one instant between them, equal ticks in both count once.

  lean   `milliseconds since midnight UTC,bid,ask`, or with sizes `…,bid,bid size,ask,ask size`; the
         date is at the start of the file's name (or of the entry's name in a zip). In a line with
         sizes, price and size of one side may be empty; a price of 0 is invalid and rejected
  csv    with a header row. Columns: tick_time (or time, timestamp), bid_price (bid), ask_price (ask);
         optional bid_volume (bid_size), ask_volume (ask_size), sequence, received_at. An empty price
         is an absent side, an empty volume is unknown. A row has as many columns as the header.
         `tickbook export ticks` writes such files

LEAN files are refused before anything is stored if they belong to several instruments, contain no quotes,
or if their prices seem to be multiplied by 10000 (equities, their options) or their times seem to be in
another zone (equities, indices, their options, some futures, forex of fxcm). Names, directories, the symbol
and the first lines show this. Give --price-scale and --time-zone if you know them.

A line is rejected and listed on standard error if it is invalid, or if its time is further ahead of the
clock than quality.future_limit_ms and --allow-future is not given; the others are stored. A tick whose
time and sequence belong to a stored tick with other content is a conflict: the stored tick is unchanged. The
last line is `read N, inserted N, duplicates N, conflicts N, rejected N, crossed N` (crossed: bid
above ask, stored as well). Exit code 1 if anything was rejected or in conflict. Ctrl-C ends the import
after the current batch, with this line: the counted ticks are stored, and the import may be repeated.

Examples:
  tickbook import ticks 20140501_quote.zip --symbol oanda:EURUSD --format lean
  tickbook import ticks quotes.csv --symbol oanda:EURUSD --format csv --create-symbol
  tickbook import ticks export.csv --symbol oanda:EURUSD --format csv \\
      --column tick_time=ts --column bid_price=b --column ask_price=a --time-format ms")]
    Ticks(ImportTicksArguments),
    /// Imports the trades of one symbol; trades that are already stored are counted, not stored again
    #[command(after_help = "\
Files are zipped or plain and are read in the given order. A column `sequence`, the venue's number of the
trade, identifies a trade of its instant. Without it, a trade that two files contain is stored once, and a
trade that one file contains twice is stored twice: files may overlap, be issued again and be imported in any
order. Only if two files divide the trades of one instant between them, equal trades in both count once.

  lean   `milliseconds since midnight UTC,price,quantity`, or with `…,exchange,condition,suspicious`; the
         date is at the start of the file's name (or of the entry's name in a zip). Exchange and condition
         are not stored; a line with suspicious 1 is rejected
  csv    with a header row. Columns: trade_time (or time, timestamp), price, quantity (size, volume,
         amount); optional sequence, aggressor_side (side), is_block (block), trade_id, received_at. The side
         is that of the order that removed liquidity, buy or sell, and empty if it is unknown. The block flag
         is true or false, and empty for false. If the ids of the venue are integers, they are the sequence:
         use --column sequence=trade_id. A row has as many columns as the header. `tickbook export trades`
         writes such files

LEAN files are refused before anything is stored if they belong to several instruments, contain no trades,
or if their prices seem to be multiplied by 10000 or their times seem to be in another zone, as `import ticks
--help` describes.

A line is rejected and listed on standard error if it is invalid, for example with a quantity that is not
positive, or if its time is further ahead of the clock than quality.future_limit_ms and --allow-future is
not given; the others are stored. A trade whose time and sequence belong to a stored trade with other content
is a conflict: the stored trade is unchanged. The last line is `read N, inserted N, duplicates N, conflicts N,
rejected N`. Exit code 1 if anything was rejected or in conflict. Ctrl-C ends the import after the current
batch, with this line: the counted trades are stored, and the import may be repeated.

Examples:
  tickbook import trades 20131007_gc_tick_trade_201312.csv --symbol comex:GCZ13 --format lean
  tickbook import trades trades.csv --symbol kraken:BTC/USD --format csv --create-symbol
  tickbook import trades export.csv --symbol kraken:BTC/USD --format csv \\
      --column trade_time=ts --column sequence=id --column quantity=qty --time-format ms")]
    Trades(ImportTradesArguments),
    /// Imports the candles of one symbol, overwriting stored ones
    #[command(after_help = "\
Files are zipped or plain. A stored candle takes precedence over the candle computed from ticks, and larger
timeframes are computed from it.

  lean   `milliseconds since midnight UTC,bid open,high,low,close,bid size,ask open,high,low,close,
         ask size`, one line a minute; the date is at the start of the file's name (or of the entry's
         name in a zip). A line gives a candle of the bid and one of the ask, or only one of them if
         the other side's prices are empty or 0; the volume is the sum of both sizes, and the number
         of ticks is 0 because it is unknown. `import ticks --help` lists which files are refused
  csv    the output of `tickbook export candles`, any timeframe and basis. Columns: open_time, timeframe,
         basis, open, high, low, close; optional close_time, volume, tick_count, closed, source, buy_volume, notional

The source of a csv row decides what happens to it:
  import, or another name   stored under that name
  downsampled               computed from ticks that were dropped: stored as downsampled, unless ticks of that
                            time are stored, or a candle that was imported
  ticks, of one minute      likewise, so that candles can be moved without their ticks. Import ticks first:
                            ticks that arrive later are hidden by such a candle. A candle that closed less
                            than two hours ago, whose ticks may still arrive, is rejected
  ticks, of more            skipped: computed again from ticks and smaller candles
  rolled_up                 likewise
  filled                    skipped: a placeholder, not a candle
With --source, rows of all sources except filled are stored under that name, and take precedence over
candles computed from ticks.

A line is rejected and listed on standard error if it is invalid, or if its minute is further ahead of the
clock than quality.future_limit_ms and --allow-future is not given; the others are stored. The last line is
`read N, stored N, skipped N, rejected N`: lines read, candles stored, lines skipped and rejected. Exit
code 1 if anything was rejected. May be repeated. Ctrl-C ends the import after the current batch, with this
line: the counted candles are stored.

Examples:
  tickbook import candles 20140501_quote.zip --symbol oanda:EURUSD --format lean
  tickbook import candles bars/*.zip --symbol oanda:EURUSD --format lean --create-symbol --source lean
  tickbook import candles minutes.csv --symbol oanda:EURUSD --format csv")]
    Candles(ImportCandlesArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ImportSymbolsArguments {
    /// The table, zipped or plain
    pub(crate) file: PathBuf,
    /// The format; lean: LEAN's symbol-properties-database.csv
    #[arg(long)]
    pub(crate) format: SymbolFormat,
    /// The market to import, as written in the table
    #[arg(long)]
    pub(crate) market: String,
    /// Only symbols of this type, such as forex or crypto
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) instrument_type: Option<InstrumentType>,
    /// The exchange of the symbols, instead of the market
    #[arg(long)]
    pub(crate) exchange: Option<String>,
    /// Overwrites known values with the values of the table, and activates the listed symbols
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Prints the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportTicksArguments {
    #[command(flatten)]
    pub(crate) rows: ImportRowsArguments,
    /// csv: the name of a column in the file, such as tick_time=ts; may be repeated
    #[arg(long = "column", value_name = "COLUMN=NAME", value_parser = column::<QuoteColumn>)]
    pub(crate) columns: Vec<(QuoteColumn, String)>,
}

#[derive(Debug, Args)]
pub(crate) struct ImportTradesArguments {
    #[command(flatten)]
    pub(crate) rows: ImportRowsArguments,
    /// csv: the name of a column in the file, such as trade_time=ts; may be repeated
    #[arg(long = "column", value_name = "COLUMN=NAME", value_parser = column::<TradeColumn>)]
    pub(crate) columns: Vec<(TradeColumn, String)>,
}

/// What imports of ticks and of trades have in common.
#[derive(Debug, Args)]
pub(crate) struct ImportRowsArguments {
    /// The files, zipped or plain
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The symbol of the rows: EURUSD, oanda:EURUSD if several exchanges have that name, or its id
    #[arg(long)]
    pub(crate) symbol: SymbolReference,
    /// The format of the files
    #[arg(long, value_parser = row_format())]
    pub(crate) format: RowFormat,
    /// Creates the symbol if it does not exist; on the exchange `default` if --symbol names no exchange
    #[arg(long)]
    pub(crate) create_symbol: bool,
    /// csv: the format of times: RFC 3339, or an integer of this unit since 1970
    #[arg(long, value_name = "FORMAT", default_value = "rfc3339")]
    pub(crate) time_format: TimeFormatName,
    #[command(flatten)]
    pub(crate) lean: LeanArguments,
    /// Accepts rows any time ahead of this machine's clock
    #[arg(long)]
    pub(crate) allow_future: bool,
    /// Rows in one transaction
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) batch_size: u32,
    /// Prints the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportCandlesArguments {
    /// The files, zipped or plain
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The symbol of the candles: EURUSD, oanda:EURUSD if several exchanges have that name, or its id
    #[arg(long)]
    pub(crate) symbol: SymbolReference,
    /// The format of the files
    #[arg(long)]
    pub(crate) format: CandleFormat,
    /// Creates the symbol if it does not exist; on the exchange `default` if --symbol names no exchange
    #[arg(long)]
    pub(crate) create_symbol: bool,
    /// Source to store with the candles, 1 to 50 characters [default: the source in the file, or import]
    #[arg(long)]
    pub(crate) source: Option<String>,
    #[command(flatten)]
    pub(crate) lean: LeanArguments,
    /// Accepts candles any time ahead of this machine's clock
    #[arg(long)]
    pub(crate) allow_future: bool,
    /// Lines in one transaction
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) batch_size: u32,
    /// Prints the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Properties that LEAN files do not state themselves.
#[derive(Debug, Args)]
pub(crate) struct LeanArguments {
    /// lean: factor of the prices in the file: 1, or another power of ten, such as 10000
    #[arg(long, value_name = "N")]
    pub(crate) price_scale: Option<PriceScale>,
    /// lean: time zone of the times in the file; only UTC is supported. Use it if the times are UTC
    /// although files of this market usually have another zone
    #[arg(long, value_name = "ZONE", ignore_case = true)]
    pub(crate) time_zone: Option<TimeZone>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimeZone {
    #[value(name = "UTC")]
    Utc,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SymbolFormat {
    Lean,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CandleFormat {
    Lean,
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimeFormatName {
    Rfc3339,
    S,
    Ms,
    Us,
    Ns,
}

impl From<TimeFormatName> for TimeFormat {
    fn from(name: TimeFormatName) -> Self {
        match name {
            TimeFormatName::Rfc3339 => Self::Rfc3339,
            TimeFormatName::S => Self::Seconds,
            TimeFormatName::Ms => Self::Milliseconds,
            TimeFormatName::Us => Self::Microseconds,
            TimeFormatName::Ns => Self::Nanoseconds,
        }
    }
}

fn column<C: FileColumn>(text: &str) -> Result<(C, String), String> {
    let Some((column, name)) = text.split_once('=') else {
        let first = C::ALL[0];
        return Err(format!("expected COLUMN=NAME, such as {first}=ts"));
    };
    let column: C = column.parse().map_err(|error| format!("{error}"))?;
    Ok((column, name.to_owned()))
}

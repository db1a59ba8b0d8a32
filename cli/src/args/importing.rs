//! The command line of imports.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use tickbook::domain::{InstrumentType, SymbolReference};
use tickbook::files::{PriceScale, QuoteColumn, TimeFormat};

#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Creates the symbols of one market, and completes what is known of those that exist
    #[command(after_help = "\
The market becomes the exchange of its symbols, unless --exchange says another one. Symbols keep their
ids. What the table does not say, in an empty or absent column, stays as it is. What it says is taken
where nothing is known: no description, no instrument, the digits of a symbol without instrument. A
known value that differs is kept and listed on standard error, and a deactivated symbol stays so; with
--overwrite the table counts. Each change is listed: field, old and new value.

A row that cannot be used is listed and the others are stored; the exit code is then 1. A market may
have one name with several types: import them one by one with --type and --exchange. The last line is
`read N, created N, changed N, unchanged N, kept N, rejected N`; kept: symbols with a kept value.

Examples:
  tickbook import symbols symbol-properties-database.csv --format lean --market oanda
  tickbook import symbols symbol-properties-database.csv --format lean --market oanda --overwrite
  tickbook import symbols symbol-properties-database.csv --format lean --market binance \\
      --type cryptofuture --exchange binance-futures")]
    Symbols(ImportSymbolsArguments),
    /// Imports the ticks of one symbol; what is stored already is counted, not stored again
    #[command(after_help = "\
Files are zipped or plain and read in the order given. A column `sequence` identifies the ticks of one
instant. Without it a tick that two files have is stored once, and one that a file has twice, twice:
files may overlap, be re-issued and come in any order. Only equal ticks of one instant on both sides
of a split count once.

  lean   `milliseconds since midnight UTC,bid,ask`, or with sizes `…,bid,bid size,ask,ask size`; the
         date is the one the file's name (or that of the entry in a zip) starts with. A line with
         sizes may leave price and size of one side empty; a price of 0 is none and rejected
  csv    with a header row. Columns: tick_time (or time, timestamp), bid_price (bid), ask_price (ask);
         optional bid_volume (bid_size), ask_volume (ask_size), sequence, received_at. An empty price
         is an absent side, an empty volume is unknown. A row has as many columns as the header.
         `tickbook export ticks` writes such files

LEAN files are refused before anything of them is stored when they are of several instruments, hold no
quotes, or look as if their prices were multiplied by 10000 (equities, their options) or their times
were those of another zone (equities, indices, their options, some futures, forex of fxcm). Names,
folders, the symbol and the first lines say so. Say --price-scale and --time-zone where you know.

A line that cannot be used is rejected, listed on standard error, and the others are stored; so is one
whose time is further ahead of the clock than quality.future_limit_ms, unless --allow-future is given.
A tick whose time and sequence are taken by another content is a conflict: what was stored stays. The
last line is `read N, inserted N, duplicates N, conflicts N, rejected N, crossed N` (crossed: bid
above ask, stored all the same). Exit code 1 when anything was rejected or in conflict. Ctrl-C ends it
after the batch at hand, with this line: what it counts is stored, and the import may be repeated.

Examples:
  tickbook import ticks 20140501_quote.zip --symbol oanda:EURUSD --format lean
  tickbook import ticks quotes.csv --symbol oanda:EURUSD --format csv --create-symbol
  tickbook import ticks export.csv --symbol oanda:EURUSD --format csv \\
      --column tick_time=ts --column bid_price=b --column ask_price=a --time-format ms")]
    Ticks(ImportTicksArguments),
    /// Imports the candles of one symbol; those stored already are overwritten
    #[command(after_help = "\
Files are zipped or plain. Where a candle is stored it is read instead of the one that ticks make,
and larger timeframes are made of it.

  lean   `milliseconds since midnight UTC,bid open,high,low,close,bid size,ask open,high,low,close,
         ask size`, one line a minute; the date is the one the file's name (or that of the entry in
         a zip) starts with. A line makes a candle of the bid and one of the ask, or one of them where
         the other side's prices are empty or 0; the volume is the sum of both sizes, and the number
         of ticks is 0, since it is not known. Which files are refused, `import ticks --help` says
  csv    what `tickbook export candles` wrote, of any timeframe and basis. Columns: open_time, timeframe,
         basis, open, high, low, close; optional close_time, volume, tick_count, closed, source

Rows of csv become what they were by their source:
  import, or another name   stored under that name
  sealed, downsampled       kept of ticks that were dropped: stored as sealed, unless there are ticks
                            of that time, or a candle that came as one
  ticks, of one minute      likewise, so that candles move without their ticks. Import ticks first:
                            those that come later are not seen below such a candle. One that closed
                            less than two hours ago, whose ticks may still come, is rejected
  ticks, of more; smaller   skipped: they are made again of ticks and smaller candles
  filled                    skipped: no candle
With --source, rows of all sources but filled are stored under that name, and are read instead of what
ticks make.

A line that cannot be used is rejected, listed on standard error, and the others are stored; so is one
whose minute is further ahead of the clock than quality.future_limit_ms, unless --allow-future is
given. The last line is `read N, stored N, skipped N, rejected N`: lines read, candles stored, lines
skipped and rejected. Exit code 1 when anything was rejected. Harmless to repeat. Ctrl-C ends it after
the batch at hand, with this line: what it counts is stored.

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
    /// How it is written; lean: LEAN's symbol-properties-database.csv
    #[arg(long)]
    pub(crate) format: SymbolFormat,
    /// The market whose symbols to import, as the table writes it
    #[arg(long)]
    pub(crate) market: String,
    /// Only symbols of this type, such as forex or crypto
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) instrument_type: Option<InstrumentType>,
    /// The exchange they are stored under, instead of the market
    #[arg(long)]
    pub(crate) exchange: Option<String>,
    /// Replaces known values by those of the table, and activates what it lists
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Prints the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportTicksArguments {
    /// The files, zipped or plain
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Whose ticks they are: EURUSD, oanda:EURUSD where several exchanges have that name, or its id
    #[arg(long)]
    pub(crate) symbol: SymbolReference,
    /// How they are written
    #[arg(long)]
    pub(crate) format: TickFormat,
    /// Creates the symbol if there is none; on the exchange `default` when --symbol names none
    #[arg(long)]
    pub(crate) create_symbol: bool,
    /// csv: what the file calls a column, such as tick_time=ts; may be repeated
    #[arg(long = "column", value_name = "COLUMN=NAME", value_parser = column)]
    pub(crate) columns: Vec<(QuoteColumn, String)>,
    /// csv: how times are written: RFC 3339, or a whole number of this unit since 1970
    #[arg(long, value_name = "FORMAT", default_value = "rfc3339")]
    pub(crate) time_format: TimeFormatName,
    #[command(flatten)]
    pub(crate) lean: LeanArguments,
    /// Takes ticks of times to come, however far ahead of this machine's clock they are
    #[arg(long)]
    pub(crate) allow_future: bool,
    /// Ticks in one transaction
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
    /// Whose candles they are: EURUSD, oanda:EURUSD where several exchanges have that name, or its id
    #[arg(long)]
    pub(crate) symbol: SymbolReference,
    /// How they are written
    #[arg(long)]
    pub(crate) format: CandleFormat,
    /// Creates the symbol if there is none; on the exchange `default` when --symbol names none
    #[arg(long)]
    pub(crate) create_symbol: bool,
    /// What the candles say where they come from, 1 to 50 characters; when it is left out, what the file
    /// says, or import
    #[arg(long)]
    pub(crate) source: Option<String>,
    #[command(flatten)]
    pub(crate) lean: LeanArguments,
    /// Takes candles of times to come, however far ahead of this machine's clock they are
    #[arg(long)]
    pub(crate) allow_future: bool,
    /// Lines in one transaction
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) batch_size: u32,
    /// Prints the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// What LEAN files do not say themselves.
#[derive(Debug, Args)]
pub(crate) struct LeanArguments {
    /// lean: by how much its prices are multiplied: 1, or another power of ten, such as 10000
    #[arg(long, value_name = "N")]
    pub(crate) price_scale: Option<PriceScale>,
    /// lean: the zone of its times, where it is not known to be UTC: only UTC is read
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
pub(crate) enum TickFormat {
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

fn column(text: &str) -> Result<(QuoteColumn, String), String> {
    let Some((column, name)) = text.split_once('=') else {
        return Err("write it like tick_time=ts".to_owned());
    };
    let column: QuoteColumn = column.parse().map_err(|error| format!("{error}"))?;
    Ok((column, name.to_owned()))
}

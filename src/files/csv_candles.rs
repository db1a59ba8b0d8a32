//! Reader for CSV files of candles with a header row, as exports write them.

use std::fmt;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::{
    Amount, Candle, CandleSource, PriceBasis, SymbolId, Timeframe, TradeVolumes, parse_time,
};

use super::error::{FileError, LineError};
use super::field::Columns;
use super::header::Header;
use super::lines::Lines;
use super::source::Entry;

/// The source of a row for a bucket without a candle.
pub const FILLED: &str = "filled";

const COLUMNS: [&str; 14] = [
    "open_time",
    "timeframe",
    "basis",
    "open",
    "high",
    "low",
    "close",
    "close_time",
    "volume",
    "tick_count",
    "closed",
    "source",
    "buy_volume",
    "notional",
];
/// The number of required columns, which are the first of `COLUMNS`.
const REQUIRED: usize = 7;

const OPEN_TIME: usize = 0;
const TIMEFRAME: usize = 1;
const BASIS: usize = 2;
const OPEN: usize = 3;
const HIGH: usize = 4;
const LOW: usize = 5;
const CLOSE: usize = 6;
const CLOSE_TIME: usize = 7;
const VOLUME: usize = 8;
const TICK_COUNT: usize = 9;
const CLOSED: usize = 10;
const SOURCE: usize = 11;
const BUY_VOLUME: usize = 12;
const NOTIONAL: usize = 13;

/// A candle of a file. The file does not contain its symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CsvCandle {
    /// The line number in the entry, starting at 1.
    pub line: u64,
    /// See [`Candle::timeframe`].
    pub timeframe: Timeframe,
    /// See [`Candle::basis`].
    pub basis: PriceBasis,
    /// See [`Candle::open_time`].
    pub open_time: DateTime<Utc>,
    /// See [`Candle::open`].
    pub open: Decimal,
    /// See [`Candle::high`].
    pub high: Decimal,
    /// See [`Candle::low`].
    pub low: Decimal,
    /// See [`Candle::close`].
    pub close: Decimal,
    /// See [`Candle::volume`]; 0 if the file does not contain it.
    pub volume: Decimal,
    /// See [`Candle::tick_count`]; 0 if the file does not contain it.
    pub tick_count: i64,
    /// See [`Candle::trade_volumes`]; `None` if the file does not contain them.
    pub trade_volumes: Option<TradeVolumes>,
    /// Whether the bucket had ended when the candle was exported; true if the file does not contain it.
    pub closed: bool,
    /// The source, such as `ticks`, `rolled_up` or `import`; `None` if the file does not contain it.
    pub source: Option<String>,
}

impl CsvCandle {
    /// Converts the row into a candle of `symbol_id` with the stored source `source`.
    #[must_use]
    pub fn into_candle(self, symbol_id: SymbolId, source: String) -> Candle {
        Candle {
            symbol_id,
            timeframe: self.timeframe,
            basis: self.basis,
            open_time: self.open_time,
            open: self.open,
            high: self.high,
            low: self.low,
            close: self.close,
            volume: self.volume,
            tick_count: self.tick_count,
            trade_volumes: self.trade_volumes,
            closed: self.closed,
            source: CandleSource::Stored(source),
        }
    }
}

/// Iterates over the candles of a file with a header row, in file order. Rows with the source [`FILLED`] are
/// not candles and are returned as `None`.
///
/// Required columns: `open_time`, `timeframe`, `basis`, `open`, `high`, `low`, `close`. Optional columns:
/// `close_time`, which must be the end of the bucket, `volume`, `tick_count`, `closed`, `source`, and `buy_volume`
/// and `notional`, which are empty if they are unknown. Times are RFC 3339. Lines that start with `#` are comments. A row with another number of columns than the header is
/// an error.
pub struct CsvCandles<'a> {
    lines: Lines<'a>,
    header: Header,
    /// The index of each of `COLUMNS`.
    places: [Option<usize>; COLUMNS.len()],
    line: Vec<u8>,
    columns: Columns,
}

impl<'a> CsvCandles<'a> {
    /// Reads `entry`, starting with its header row.
    ///
    /// # Errors
    /// If a required column is missing, or two columns have the same name.
    pub fn new(entry: Entry<'a>) -> Result<Self, FileError> {
        let mut lines = Lines::new(entry);
        let header = Header::read(&mut lines)?;
        let mut places = [None; COLUMNS.len()];
        for (index, name) in COLUMNS.into_iter().enumerate() {
            places[index] = match header.find(&[name]).as_slice() {
                [] if index >= REQUIRED => None,
                [] => {
                    let list = header.list();
                    let reason = format!(
                        "has no column {name} among {list}: add it, or choose a file that \
                         `tickbook export candles` wrote"
                    );
                    return Err(FileError::new(lines.place(), reason));
                }
                [place] => Some(*place),
                _ => {
                    let reason = format!("has several columns {name}: remove all but one");
                    return Err(FileError::new(lines.place(), reason));
                }
            };
        }
        Ok(Self {
            lines,
            header,
            places,
            line: Vec::new(),
            columns: Columns::default(),
        })
    }

    fn candle(&mut self) -> Result<Option<CsvCandle>, String> {
        self.columns.read(&self.line);
        self.header.check_width(&self.columns)?;
        let source = self.text(SOURCE)?.filter(|source| !source.is_empty());
        if source == Some(FILLED) {
            return Ok(None);
        }
        let open_time = self.time(OPEN_TIME)?.ok_or("open_time is missing")?;
        let timeframe = self.text(TIMEFRAME)?.unwrap_or_default();
        let timeframe = Timeframe::parse_stored(timeframe).map_err(|error| error.to_string())?;
        let basis = self.text(BASIS)?.unwrap_or_default();
        let basis: PriceBasis = basis.parse().map_err(|error| format!("{error}"))?;
        let end = open_time + timeframe.duration();
        if let Some(close_time) = self.time(CLOSE_TIME)?.filter(|time| *time != end) {
            return Err(format!(
                "close_time {close_time} is not the end of its bucket of {timeframe}: correct it"
            ));
        }
        let closed = match self.text(CLOSED)? {
            None | Some("true") => true,
            Some("false") => false,
            Some(_) => return Err("invalid closed: expected true or false".to_owned()),
        };
        Ok(Some(CsvCandle {
            line: self.lines.number(),
            timeframe,
            basis,
            open_time,
            open: self.number(OPEN)?,
            high: self.number(HIGH)?,
            low: self.number(LOW)?,
            close: self.number(CLOSE)?,
            volume: self.number(VOLUME)?,
            tick_count: self.whole(TICK_COUNT)?,
            trade_volumes: self.trade_volumes()?,
            closed,
            source: source.map(str::to_owned),
        }))
    }

    fn text(&self, column: usize) -> Result<Option<&str>, String> {
        let text = |place| self.columns.text(place, COLUMNS[column]);
        self.places[column].map(text).transpose()
    }

    fn time(&self, column: usize) -> Result<Option<DateTime<Utc>>, String> {
        let Some(text) = self.text(column)? else {
            return Ok(None);
        };
        let name = COLUMNS[column];
        parse_time(text)
            .map(Some)
            .map_err(|error| format!("{name}: {error}"))
    }

    /// Returns 0 if the file does not have the column.
    fn number(&self, column: usize) -> Result<Decimal, String> {
        let number = |place| self.columns.decimal(place, COLUMNS[column]);
        self.places[column].map_or(Ok(Decimal::ZERO), number)
    }

    fn trade_volumes(&self) -> Result<Option<TradeVolumes>, String> {
        let known = |column| {
            let text = self.text(column)?.filter(|text| !text.is_empty());
            Ok::<_, String>(text.is_some())
        };
        match (known(BUY_VOLUME)?, known(NOTIONAL)?) {
            (false, false) => Ok(None),
            (true, true) => {
                let notional = self.text(NOTIONAL)?.unwrap_or_default();
                let notional = notional.parse::<Amount>();
                let notional = notional.map_err(|error| format!("notional: {error}"))?;
                Ok(Some(TradeVolumes::new(self.number(BUY_VOLUME)?, notional)))
            }
            _ => Err("buy_volume and notional must both be known or both be empty".to_owned()),
        }
    }

    /// Returns 0 if the file does not have the column.
    fn whole(&self, column: usize) -> Result<i64, String> {
        let Some(text) = self.text(column)? else {
            return Ok(0);
        };
        let count = text.parse::<i64>().ok().filter(|count| *count >= 0);
        count.ok_or_else(|| {
            let name = COLUMNS[column];
            format!("{name} must be a whole number from 0 on: write 0 if it is unknown")
        })
    }
}

impl Iterator for CsvCandles<'_> {
    type Item = Result<Option<CsvCandle>, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.lines.next_into(&mut self.line) {
                Ok(true) if self.line.starts_with(b"#") => {}
                Ok(true) => {
                    return Some(self.candle().map_err(|reason| self.lines.error(reason)));
                }
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl fmt::Debug for CsvCandles<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CsvCandles")
            .field(self.lines.place())
            .finish()
    }
}

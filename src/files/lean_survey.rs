//! Checks before an import whether LEAN files can be stored as data of one symbol.

use std::collections::BTreeMap;
use std::path::Path;

use crate::domain::{InstrumentType, Symbol, excerpt, parse_decimal};

use super::error::{FileError, FileLocation};
use super::field::Columns;
use super::lean_day::LeanDay;
use super::lean_name::{LeanFolder, LeanName};
use super::lean_rows::LeanRows;
use super::lean_zone::foreign_zone;
use super::lines::Lines;
use super::price_scale::PriceScale;
use super::source::{Entry, MarketFile};

/// The number of lines of each entry that are inspected.
const SAMPLE: usize = 1_000;

/// Refuses LEAN files that would be stored incorrectly as data of one symbol in UTC: several instruments,
/// another kind of data, scaled prices, times of another zone, decimal commas.
///
/// A LEAN file contains none of this information, so the survey inspects names, directories, the symbol and
/// the first lines of each entry.
#[derive(Debug, Clone)]
pub struct LeanSurvey {
    rows: LeanRows,
    market: Option<String>,
    scale: Option<PriceScale>,
    is_utc: bool,
    instrument: Option<(String, FileLocation)>,
}

impl LeanSurvey {
    /// Creates a survey of files that are read as `rows`.
    #[must_use]
    pub fn new(rows: LeanRows) -> Self {
        Self {
            rows,
            market: None,
            scale: None,
            is_utc: false,
            instrument: None,
        }
    }

    /// Sets the known scale of the prices.
    #[must_use]
    pub fn with_price_scale(mut self, scale: Option<PriceScale>) -> Self {
        self.scale = scale;
        self
    }

    /// Accepts files of markets whose times are usually in another zone. Call it if the times are known
    /// to be in UTC.
    #[must_use]
    pub fn with_utc(mut self, is_utc: bool) -> Self {
        self.is_utc = is_utc;
        self
    }

    /// Sets the market or exchange of the files, such as `cme`.
    #[must_use]
    pub fn with_market(mut self, market: Option<&str>) -> Self {
        self.market = market.map(str::to_ascii_lowercase);
        self
    }

    /// Inspects the next file. All files are expected to belong to one symbol.
    ///
    /// # Errors
    /// The reason why the file cannot be stored as it is, with the remedy; a file that cannot be read.
    pub fn check(&mut self, file: &mut MarketFile) -> Result<(), FileError> {
        let folder = LeanFolder::of(file.path());
        self.check_names(file, folder.as_ref())?;
        for index in 0..file.entry_count() {
            let entry = file.entry(index)?;
            let place = entry.place.clone();
            self.check_lines(entry)
                .map_err(|reason| FileError::new(&place, reason))?;
        }
        Ok(())
    }

    /// Inspects the symbol to which the files at `path` are to be stored.
    ///
    /// # Errors
    /// If files of such a symbol cannot be stored as they are.
    pub fn check_symbol(&self, symbol: &Symbol, path: &Path) -> Result<(), FileError> {
        let Some(instrument) = &symbol.instrument else {
            return Ok(());
        };
        let market = symbol.exchange.to_ascii_lowercase();
        self.check_type(instrument.instrument_type, Some(&market))
            .map_err(|reason| {
                let reason = format!(
                    "{}:{} has the type {}: {reason}",
                    symbol.exchange, symbol.name, instrument.instrument_type
                );
                FileError::new(&FileLocation::file(path), reason)
            })
    }

    fn check_names(
        &mut self,
        file: &mut MarketFile,
        folder: Option<&LeanFolder>,
    ) -> Result<(), FileError> {
        let mut days = BTreeMap::new();
        let mut contracts = Vec::new();
        for index in 0..file.entry_count() {
            let entry = file.entry(index)?;
            let place = entry.place.clone();
            let refuse = |reason| FileError::new(&place, reason);
            let names: Vec<_> = entry.names.iter().map(|name| LeanName::of(name)).collect();
            self.check_kind(&names, folder).map_err(refuse)?;
            let day = match LeanDay::of(&entry) {
                Ok(day) => day,
                Err(error) => return Err(self.undated(entry).map_or(error, refuse)),
            };
            if let Some(instrument) = names.iter().find_map(|name| name.instrument.as_ref()) {
                self.check_instrument(instrument, &place)?;
            }
            if let Some(other) = days.insert(day, place.clone()) {
                let reason = format!(
                    "has the same day as {other}, but an archive of one instrument has one file per \
                     day: unpack it, and import each instrument as a separate symbol"
                );
                return Err(refuse(reason));
            }
            contracts.push((place, names.iter().find_map(|name| name.contract)));
        }
        for (place, contract) in contracts {
            let (market, kind) = match folder {
                Some(folder) => (Some(&folder.market), Some(folder.instrument_type)),
                None => (self.market.as_ref(), contract),
            };
            let market = market.map(String::as_str);
            let looked = match kind {
                Some(kind) => self.check_type(kind, market),
                None => self.check_zone(None, market),
            };
            looked.map_err(|reason| FileError::new(&place, reason))?;
        }
        Ok(())
    }

    /// Describes a file without a date in its name, if its first line shows its kind.
    fn undated(&self, entry: Entry<'_>) -> Option<String> {
        let (mut line, mut columns) = (Vec::new(), Columns::default());
        Lines::new(entry).next_into(&mut line).ok()?;
        columns.read(&line);
        is_long_time(columns.get(0)).then(|| self.long_bars(columns.get(0)))
    }

    fn long_bars(&self, time: &[u8]) -> String {
        let wanted = self.rows.names();
        let time = excerpt(time);
        format!("its time {time} is the time of a bar of hours or days: choose a file of {wanted}")
    }

    fn check_instrument(
        &mut self,
        instrument: &str,
        place: &FileLocation,
    ) -> Result<(), FileError> {
        match &self.instrument {
            None => self.instrument = Some((instrument.to_owned(), place.clone())),
            Some((first, _)) if first == instrument => {}
            Some((first, at)) => {
                let reason = format!(
                    "contains the instrument {instrument}, but {at} contains {first}: unpack archives of \
                     several, and import each instrument as a separate symbol"
                );
                return Err(FileError::new(place, reason));
            }
        }
        Ok(())
    }

    fn check_kind(&self, names: &[LeanName], folder: Option<&LeanFolder>) -> Result<(), String> {
        let kind = names.iter().find_map(|name| name.kind);
        if let Some(kind) = kind.filter(|kind| *kind != self.rows.kind()) {
            let other = self.rows.other_kind();
            return Err(format!("contains data of the kind {kind}, {other}"));
        }
        let resolution = names.iter().find_map(|name| name.resolution);
        let resolution = resolution.or(folder.map(|folder| folder.resolution));
        let (wanted, remedy) = self.rows.resolution();
        match resolution.filter(|resolution| *resolution != wanted) {
            Some(other) => Err(format!(
                "has the resolution {other}, not {wanted}: {remedy}"
            )),
            None => Ok(()),
        }
    }

    fn check_type(&self, kind: InstrumentType, market: Option<&str>) -> Result<(), String> {
        let is_scaled = matches!(
            kind,
            InstrumentType::Equity | InstrumentType::Option | InstrumentType::IndexOption
        );
        if is_scaled && self.scale.is_none() {
            return Err(format!(
                "LEAN multiplies the prices of the type {kind} by 10000: use --price-scale 10000, or \
                 --price-scale 1 if they are not multiplied"
            ));
        }
        self.check_zone(Some(kind), market)
    }

    fn check_zone(&self, kind: Option<InstrumentType>, market: Option<&str>) -> Result<(), String> {
        let is_scaled = self
            .scale
            .is_some_and(|scale| scale != PriceScale::default());
        // LEAN multiplies only the prices of shares and options
        let kind = kind.or(is_scaled.then_some(InstrumentType::Equity));
        let zone = foreign_zone(kind, market).filter(|_| !self.is_utc);
        zone.map_or(Ok(()), |zone| {
            Err(format!(
                "its times {zone} in LEAN's data: convert them to UTC and import them as csv, or \
                 use --time-zone UTC if they are in UTC"
            ))
        })
    }

    fn check_lines(&self, entry: Entry<'_>) -> Result<(), String> {
        let day = LeanDay::of(&entry).map_err(|error| error.to_string())?;
        let mut lines = Lines::new(entry);
        let (mut line, mut columns) = (Vec::new(), Columns::default());
        let mut seen = Seen::default();
        for _ in 0..SAMPLE {
            match lines.next_into(&mut line) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if error.ends_entry() => break,
                Err(_) => continue,
            }
            columns.read(&line);
            if is_long_time(columns.get(0)) {
                return Err(self.long_bars(columns.get(0)));
            }
            seen.add(self.rows, day, &columns);
        }
        seen.problem(self.rows, self.scale.is_some())
    }
}

/// Whether a time is like `20140606 09:00`, which bars of hours and days have.
fn is_long_time(field: &[u8]) -> bool {
    field.len() == 14
        && field[8] == b' '
        && field[11] == b':'
        && field[..8].iter().all(u8::is_ascii_digit)
}

/// Statistics of the first lines.
#[derive(Debug, Default)]
struct Seen {
    /// Lines with the width of a row.
    rows: usize,
    /// The width of the first other line.
    other_width: Option<usize>,
    prices: usize,
    /// Prices that are whole multiples of 100.
    round_prices: usize,
    /// Bars that start at a full minute, and other bars.
    on_minutes: usize,
    off_minutes: usize,
    /// Quotes with sizes that may be decimals with commas, and other quotes.
    comma_like: usize,
    no_commas: usize,
    /// Sizes with leading zeros, which are decimals of a price.
    leading_zeros: usize,
}

impl Seen {
    fn add(&mut self, rows: LeanRows, day: LeanDay, columns: &Columns) {
        let width = columns.len();
        let Some(prices) = rows.prices(width) else {
            self.other_width.get_or_insert(width);
            return;
        };
        self.rows += 1;
        let found = prices
            .iter()
            .filter_map(|at| parse_decimal(columns.get(*at)).ok());
        for price in found.filter(|price| !price.is_zero()) {
            self.prices += 1;
            let hundred = rust_decimal::Decimal::ONE_HUNDRED;
            self.round_prices += usize::from((price % hundred).is_zero());
        }
        match rows {
            LeanRows::MinuteBars => {
                if let Ok(time) = day.time(columns.get(0), "time") {
                    let is_minute = time.timestamp_micros() % 60_000_000 == 0;
                    self.on_minutes += usize::from(is_minute);
                    self.off_minutes += usize::from(!is_minute);
                }
            }
            LeanRows::Quotes if width == 5 => {
                let fields = [1, 2, 3, 4].map(|at| columns.get(at));
                let digits =
                    |field: &[u8]| !field.is_empty() && field.iter().all(u8::is_ascii_digit);
                let is_whole = fields.iter().all(|field| digits(field));
                let has_zeros = |field: &[u8]| field.len() > 1 && field[0] == b'0';
                let is_comma_like = is_whole && fields[0] == fields[2];
                self.comma_like += usize::from(is_comma_like);
                self.no_commas += usize::from(!is_comma_like);
                self.leading_zeros +=
                    usize::from(is_whole && (has_zeros(fields[1]) || has_zeros(fields[3])));
            }
            LeanRows::Quotes | LeanRows::Trades => {}
        }
    }

    fn problem(&self, rows: LeanRows, is_scale_known: bool) -> Result<(), String> {
        if let Some(width) = self.other_width.filter(|_| self.rows == 0) {
            let (wanted, remedy) = rows.widths();
            return Err(format!(
                "its lines have {width} columns, not {wanted}: choose a file of {remedy}"
            ));
        }
        if self.off_minutes > self.on_minutes {
            return Err(
                "most of its bars start within a minute: choose a file of one-minute bars"
                    .to_owned(),
            );
        }
        if self.leading_zeros > 0 || self.comma_like > self.no_commas {
            return Err(
                "its prices seem to have decimal commas, which separate columns: \
                        use decimal points"
                    .to_owned(),
            );
        }
        if self.prices > 0 && self.round_prices == self.prices && !is_scale_known {
            return Err(
                "all its prices are whole hundreds, like prices that LEAN multiplies by \
                        10000: use --price-scale 10000, or --price-scale 1 if they are not \
                        multiplied"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

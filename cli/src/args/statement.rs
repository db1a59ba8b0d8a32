//! Options of statements of brokers.

use clap::Args;
use tickbook::domain::SymbolReference;
use tickbook_ledger::domain::{Currency, Side};
use tickbook_ledger::statement::{
    StatementColumn, StatementFormat, StatementTimeFormat, Tz, UnknownStatementColumn,
};

/// The format of a statement.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of csv")]
pub(crate) struct StatementArguments {
    /// Headers of columns, such as quantity=Qty,price=Price; may be repeated
    #[arg(long = "map", value_name = "COLUMN=HEADER", value_delimiter = ',', value_parser = mapping)]
    pub(crate) columns: Vec<(StatementColumn, String)>,
    /// The character between columns; tab for a tabulator
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = delimiter)]
    pub(crate) delimiter: u8,
    /// The number of lines before the header row
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) skip_lines: u32,
    /// Decimals are written with a comma
    #[arg(long)]
    pub(crate) decimal_comma: bool,
    /// The character between groups of three digits
    #[arg(long, value_name = "CHARACTER")]
    pub(crate) thousands: Option<char>,
    /// The format of times: rfc3339, s, ms, us, ns, or a pattern such as '%d/%m/%Y %H:%M:%S'; may be
    /// repeated, the first one that fits counts
    #[arg(long, value_name = "FORMAT")]
    pub(crate) time_format: Vec<StatementTimeFormat>,
    /// The time zone of times without an offset, such as America/Sao_Paulo
    #[arg(long, value_name = "ZONE", value_parser = time_zone)]
    pub(crate) time_zone: Option<Tz>,
    /// A word for a purchase besides the usual ones; may be repeated
    #[arg(long, value_name = "WORD")]
    pub(crate) buy_word: Vec<String>,
    /// A word for a sale besides the usual ones; may be repeated
    #[arg(long, value_name = "WORD")]
    pub(crate) sell_word: Vec<String>,
    /// Fees that were paid are negative numbers
    #[arg(long)]
    pub(crate) negative_fees: bool,
    /// The currency of fees without one
    #[arg(long, value_name = "CURRENCY")]
    pub(crate) fee_currency: Option<Currency>,
    /// The symbol of all rows, for a file without such a column: EURUSD, oanda:EURUSD or its id
    #[arg(long)]
    pub(crate) symbol: Option<SymbolReference>,
    /// The exchange of symbols whose name has none
    #[arg(long)]
    pub(crate) exchange: Option<String>,
    /// A feed whose names of symbols the file may use, see `tickbook symbols alias`
    #[arg(long)]
    pub(crate) feed: Option<String>,
}

impl StatementArguments {
    pub(crate) fn format(&self) -> StatementFormat {
        let mut format = StatementFormat::default()
            .delimiter(self.delimiter)
            .skipped_lines(self.skip_lines)
            .decimal_comma(self.decimal_comma)
            .thousands(self.thousands)
            .time_zone(self.time_zone)
            .fees_are_negative(self.negative_fees)
            .fee_currency(self.fee_currency.clone())
            .symbol(self.symbol.as_ref().map(ToString::to_string));
        for (column, header) in &self.columns {
            format = format.column(*column, header.clone());
        }
        for time in &self.time_format {
            format = format.time(time.clone());
        }
        for word in &self.buy_word {
            format = format.word(Side::Buy, word.clone());
        }
        for word in &self.sell_word {
            format = format.word(Side::Sell, word.clone());
        }
        format
    }
}

fn mapping(text: &str) -> Result<(StatementColumn, String), String> {
    let (column, header) = text
        .split_once('=')
        .ok_or("expected COLUMN=HEADER, such as quantity=Qty")?;
    let column = column.trim().parse();
    let column = column.map_err(|error: UnknownStatementColumn| error.to_string())?;
    Ok((column, header.trim().to_owned()))
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [character] if character.is_ascii() => Ok(*character),
        _ => Err("expected one ASCII character such as ; or tab".to_owned()),
    }
}

pub(super) fn time_zone(text: &str) -> Result<Tz, String> {
    text.parse()
        .map_err(|_| "expected a name of the IANA database such as America/Sao_Paulo".to_owned())
}

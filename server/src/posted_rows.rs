//! Bodies of rows: ticks or trades as CSV.
//!
//! The rows have the columns of the files of `tickbook import`. Each line is parsed separately, so a stray quotation
//! mark affects no other line.

use std::borrow::Cow;

use tickbook::domain::excerpt;
use tickbook::files::FileColumn;

use crate::posted::{PostedElement, PostedEvent};
use crate::problem::Problem;
use crate::wire::{Rejection, RejectionReason};

/// The column of the symbol.
const SYMBOL: &str = "symbol_id";

/// The rows of a body.
#[derive(Debug)]
pub(crate) struct PostedRows<'a> {
    /// The numbers and texts of the lines with rows.
    lines: Vec<(u64, &'a str)>,
    /// The fields of the columns.
    fields: Vec<&'static str>,
    /// The symbol of all rows, if they have no column for it.
    symbol_id: Option<i64>,
}

impl<'a> PostedRows<'a> {
    /// Reads the header row of `body`. `symbol_id` is the symbol of all rows, if the request names one.
    ///
    /// # Errors
    /// The body is not UTF-8 or has no header row; a column is unknown, missing, or given twice; or the body has more than
    /// `max_rows` rows.
    pub(crate) fn read<E: PostedEvent>(
        body: &'a [u8],
        symbol_id: Option<i64>,
        max_rows: usize,
    ) -> Result<Self, Problem> {
        let text = std::str::from_utf8(body)
            .map_err(|_| Problem::invalid_body("the body is not UTF-8: convert it"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = (1..).zip(text.split('\n'));
        let lines = lines.map(|(number, line)| (number, line.trim_end_matches('\r')));
        let mut lines = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let header = lines.next().ok_or_else(|| {
            Problem::invalid_body(
                "the body has no header row: add one with the names of the columns",
            )
        })?;
        let fields = fields::<E>(header.1, symbol_id.is_some())?;
        let lines: Vec<_> = lines.take(max_rows + 1).collect();
        if lines.len() > max_rows {
            return Err(Problem::invalid_body(format!(
                "the body has more than {max_rows} rows: send at most {max_rows} per request"
            )));
        }
        Ok(Self {
            lines,
            fields,
            symbol_id,
        })
    }

    /// The rows as elements of an array, each with the number of its line.
    pub(crate) fn elements(&self) -> impl ExactSizeIterator<Item = PostedElement<'_>> {
        self.lines.iter().map(|(number, line)| PostedElement {
            line: Some(*number),
            json: self.element(line).map(Cow::Owned),
        })
    }

    /// A row as an object. Empty values are left out.
    fn element(&self, line: &str) -> Result<String, Rejection> {
        let values = values(line);
        if values.len() != self.fields.len() {
            let (width, wanted) = (values.len(), self.fields.len());
            return Err(Rejection {
                reason: RejectionReason::WrongColumns,
                field: None,
                detail: format!(
                    "has {width} columns, not {wanted} as the header: correct it, and write decimals with points"
                ),
            });
        }
        let mut object = serde_json::Map::new();
        if let Some(symbol_id) = self.symbol_id {
            object.insert(SYMBOL.to_owned(), symbol_id.into());
        }
        let given = self.fields.iter().zip(values);
        for (field, value) in given.filter(|(_, value)| !value.is_empty()) {
            let value = match (*field, value.parse::<i64>(), &*value) {
                (SYMBOL, Ok(number), _) => number.into(),
                ("is_block", _, "true") => true.into(),
                ("is_block", _, "false") => false.into(),
                _ => serde_json::Value::from(value.into_owned()),
            };
            object.insert((*field).to_owned(), value);
        }
        Ok(serde_json::Value::Object(object).to_string())
    }
}

/// The fields that the columns of a header row name.
fn fields<E: PostedEvent>(header: &str, has_symbol: bool) -> Result<Vec<&'static str>, Problem> {
    let mut fields = Vec::new();
    for name in values(header) {
        let is_named = |known: &&str| known.eq_ignore_ascii_case(&name);
        let mut columns = E::Column::ALL.iter();
        let column = columns.find(|column| column.names().iter().any(is_named));
        let field = match column {
            Some(column) => column.as_str(),
            None if is_named(&SYMBOL) && !has_symbol => SYMBOL,
            None if is_named(&SYMBOL) => {
                let problem = "symbol_id is a column, and symbol a parameter: give one of them";
                return Err(Problem::invalid_body(problem));
            }
            None => {
                let known: Vec<_> = E::Column::ALL.iter().map(|it| it.as_str()).collect();
                let (name, known) = (excerpt(&*name), known.join(", "));
                let problem = format!("unknown column {name}: expected {SYMBOL}, {known}");
                return Err(Problem::invalid_body(problem));
            }
        };
        if fields.contains(&field) {
            let problem = format!("the column {field} is given twice: give it once");
            return Err(Problem::invalid_body(problem));
        }
        fields.push(field);
    }
    let required = E::Column::ALL.iter().filter(|column| column.is_required());
    let mut required: Vec<_> = required.map(|column| column.as_str()).collect();
    if !has_symbol {
        required.push(SYMBOL);
    }
    match required.iter().find(|field| !fields.contains(*field)) {
        Some(&SYMBOL) => Err(Problem::invalid_body(
            "the column symbol_id is missing: add it, or the parameter symbol",
        )),
        Some(missing) => Err(Problem::invalid_body(format!(
            "the column {missing} is missing: add it"
        ))),
        None => Ok(fields),
    }
}

/// The values of a line, without surrounding spaces.
fn values(line: &str) -> Vec<Cow<'_, str>> {
    if !line.contains('"') {
        return line.split(',').map(|value| value.trim().into()).collect();
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(line.as_bytes());
    // a line of UTF-8 is a record of UTF-8
    let record = reader.records().next().and_then(Result::ok);
    let record = record.unwrap_or_default();
    record.iter().map(|value| value.to_owned().into()).collect()
}

//! Tests of statements of brokers: layouts, refused rows, ids of rows without one, booking.

use tickbook::domain::SymbolId;
use tickbook_ledger::domain::{Contract, Fee, OrderEventKind, OrderStatus, Side};
use tickbook_ledger::statement::{
    Statement, StatementColumn, StatementError, StatementFormat, StatementReader, StatementRow,
    StatementSymbol, fill_events,
};

use crate::samples::{Book, SYMBOL, dec, empty_ledger, exec_id, order_id, seconds};

fn read(text: &str, format: &StatementFormat) -> Statement {
    let reader = StatementReader::new(format).expect("a format");
    reader.read(text.as_bytes()).expect("a statement")
}

fn rows(text: &str, format: &StatementFormat) -> Vec<StatementRow> {
    let statement = read(text, format);
    assert_eq!(statement.problems, []);
    statement.rows
}

fn refused(text: &str, format: &StatementFormat) -> StatementError {
    let reader = StatementReader::new(format).expect("a format");
    reader.read(text.as_bytes()).expect_err("no statement")
}

const HEADER: &str = "time,symbol,side,quantity,price,fee,fee_currency,exec_id,order_id\n";

fn usual(lines: &[&str]) -> Vec<StatementRow> {
    let text = format!("{HEADER}{}", lines.join("\n"));
    rows(&text, &StatementFormat::default())
}

fn symbol(name: &str) -> Option<StatementSymbol> {
    let id = match name {
        "EURUSD" => SYMBOL,
        "AAPL" => SymbolId::new(8),
        _ => return None,
    };
    Some(StatementSymbol::new(id, Contract::default()))
}

#[test]
fn row_of_usual_columns_is_read_whole() {
    let found = usual(&["2024-05-01T00:00:05Z,EURUSD,sell,1000,1.0672,-0.5,USD,E1,O1"]);
    let row = &found[0];
    assert_eq!(
        (row.line, &*row.symbol, row.side),
        (2, "EURUSD", Side::Sell)
    );
    assert_eq!((row.quantity, row.price), (dec("1000"), dec("1.0672")));
    assert_eq!(row.time, seconds(5));
    let fee = Fee::new(dec("-0.5"), "USD".parse().expect("an id"));
    assert_eq!(row.fee, Some(fee));
    assert_eq!(row.exec_id, Some(exec_id("E1")));
    assert_eq!(row.order_id, Some(order_id("O1")));
}

#[test]
fn statement_in_german_is_read_with_its_format() {
    let text = "Konto 4711\nDatum;Uhrzeit;Papier;Art;Stück;Kurs;Provision\n\
                01.05.2024;09:30:00;AAPL;Kauf;1.000;170,25;-1,50\n\
                01.05.2024;09:31:00;AAPL;Verk.;1.000;171,25;0,00\n";
    let format = StatementFormat::default()
        .delimiter(b';')
        .skipped_lines(1)
        .column(StatementColumn::Date, "Datum")
        .column(StatementColumn::Time, "Uhrzeit")
        .column(StatementColumn::Symbol, "Papier")
        .column(StatementColumn::Side, "Art")
        .column(StatementColumn::Quantity, "Stück")
        .column(StatementColumn::Price, "Kurs")
        .column(StatementColumn::Fee, "provision")
        .decimal_comma(true)
        .thousands('.')
        .time("%d.%m.%Y %H:%M:%S".parse().expect("a format"))
        .time_zone("Europe/Berlin".parse().ok())
        .word(Side::Sell, "Verk.")
        .fees_are_negative(true)
        .fee_currency("EUR".parse().ok());
    let found = rows(text, &format);
    assert_eq!((found[0].line, found[1].line), (3, 4));
    assert_eq!((found[0].side, found[1].side), (Side::Buy, Side::Sell));
    assert_eq!(
        (found[0].quantity, found[0].price),
        (dec("1000"), dec("170.25"))
    );
    assert_eq!(found[0].time.to_rfc3339(), "2024-05-01T07:30:00+00:00");
    let fee = Fee::new(dec("1.5"), "EUR".parse().expect("an id"));
    assert_eq!((&found[0].fee, &found[1].fee), (&Some(fee), &None));
}

#[test]
fn sign_of_the_quantity_is_the_side_without_a_column() {
    let text = "Date/Time,Symbol,Quantity,T. Price\n\
                \"2024-05-01, 09:30:00\",AAPL,-10,170.25\n\"2024-05-01, 09:31:00\",AAPL,10,170\n";
    let format = StatementFormat::default().time_zone("UTC".parse().ok());
    let found = rows(text, &format);
    let sides: Vec<_> = found.iter().map(|row| (row.side, row.quantity)).collect();
    assert_eq!(sides, [(Side::Sell, dec("10")), (Side::Buy, dec("10"))]);
}

#[test]
fn file_of_one_symbol_needs_no_column() {
    let text = "\u{feff}time,qty,price\n\n2024-05-01T00:00:00Z,1,2\n,,\n";
    let format = StatementFormat::default().symbol("EURUSD".to_owned());
    let found = rows(text, &format);
    assert_eq!(
        (found.len(), &*found[0].symbol, found[0].line),
        (1, "EURUSD", 3)
    );
}

#[test]
fn bad_rows_are_listed_with_line_and_reason() {
    let time = "2024-05-01T00:00:00Z";
    let lines = [
        format!("{time},EURUSD,buy,1,2,,,,"),
        format!("{time},EURUSD,hold,1,2,,,,"),
        format!("{time},EURUSD,buy,0,2,,,,"),
        format!("{time},EURUSD,buy,-1,2,,,,"),
        format!("{time},EURUSD,sell,-1,2,,,,"),
        format!("{time},EURUSD,buy,1,two,,,,"),
        format!("{time},,buy,1,2,,,,"),
        ",EURUSD,buy,1,2,,,,".to_owned(),
        "yesterday,EURUSD,buy,1,2,,,,".to_owned(),
        format!("{time},EURUSD,buy,1,2,3,,,"),
        format!("{time},EURUSD,buy,1,2"),
        format!("{time},EURUSD,buy,1.0000000000001,2,,,,"),
        format!("{time},EURUSD,buy,1,2,,,{},", "x".repeat(101)),
        "Total,,,1,,,,,".to_owned(),
    ];
    let text = format!("{HEADER}{}", lines.join("\n"));
    let found = read(&text, &StatementFormat::default());
    assert_eq!(found.rows.len(), 2);
    let expected = [
        (3, "invalid side \"hold\""),
        (4, "quantity is 0"),
        (5, "quantity of a purchase is negative"),
        (7, "price \"two\" is not a decimal"),
        (8, "symbol is empty"),
        (9, "time is empty"),
        (10, "invalid time \"yesterday\""),
        (11, "the fee has no currency"),
        (12, "has 5 columns, not 9"),
        (13, "quantity \"1.0000000000001\""),
        (14, "invalid exec_id"),
        (15, ""),
    ];
    assert_eq!(found.problems.len(), expected.len(), "{:?}", found.problems);
    for (problem, (line, reason)) in found.problems.iter().zip(expected) {
        assert_eq!(problem.line, line, "{problem}");
        assert!(problem.reason.contains(reason), "{problem}");
    }
    assert!(found.problems[0].to_string().starts_with("line 3: "));
}

#[test]
fn file_without_a_required_column_is_refused() {
    let format = StatementFormat::default();
    let error = refused("time,symbol,side,price\n", &format).to_string();
    assert!(error.contains("no column quantity or qty"), "{error}");
    assert!(error.contains("time, symbol, side, price"), "{error}");
    let error = refused("symbol,qty,price\n", &format).to_string();
    assert!(error.contains("column time"), "{error}");
    let error = refused("time,qty,quantity,symbol,price\n", &format).to_string();
    assert!(error.contains("several columns"), "{error}");
    assert!(matches!(refused("", &format), StatementError::NoHeader));
    let mapped = format.column(StatementColumn::Price, "Kurs");
    let error = refused("time,symbol,qty,price\n", &mapped).to_string();
    assert!(error.contains("no column Kurs"), "{error}");
    let quote = StatementFormat::default().delimiter(b'"');
    assert!(matches!(
        StatementReader::new(&quote),
        Err(StatementError::Delimiter)
    ));
}

#[test]
fn column_with_another_meaning_has_no_usual_one() {
    let text = "time,symbol,side,quantity,shares,price\n2024-05-01T00:00:00Z,AAPL,buy,9,5,2\n";
    let format = StatementFormat::default().column(StatementColumn::Quantity, "shares");
    assert_eq!(rows(text, &format)[0].quantity, dec("5"));
    let text = "time,symbol,side,qty,price,fee\n2024-05-01T00:00:00Z,AAPL,buy,9,5,2\n";
    let format = StatementFormat::default().column(StatementColumn::Price, "fee");
    let row = &rows(text, &format)[0];
    assert_eq!((row.price, &row.fee), (dec("2"), &None));
}

#[test]
fn equal_rows_of_one_file_are_booked_each() {
    let line = "2024-05-01T00:00:05Z,EURUSD,buy,1000,1.0672,,,,";
    let other = "2024-05-01T00:00:05Z,EURUSD,buy,1000,1.0673,,,,";
    let mut ledger = empty_ledger();
    let events = fill_events(&usual(&[line, other, line]), symbol);
    let ids: Vec<_> = events
        .iter()
        .map(|it| it.event.exec_id.as_ref().expect("an id").to_string())
        .collect();
    assert!(
        ids[0].starts_with("csv-") && ids[0].ends_with("-0"),
        "{ids:?}"
    );
    assert!(ids[1].ends_with("-0") && ids[2].ends_with("-1"), "{ids:?}");
    for it in &events {
        assert_eq!(ledger.book(&it.event).as_str(), "appended");
    }
    // another file with one of them, written in another way
    let again = usual(&["2024-05-01T02:00:05+02:00,EURUSD,BOT,1000.00,1.06720,0,,,"]);
    for it in fill_events(&again, symbol) {
        assert_eq!(ledger.book(&it.event).as_str(), "duplicate");
    }
    let (_, position) = ledger.positions().next().expect("one");
    assert_eq!(position.quantity, dec("3000"));
}

#[test]
fn rows_of_an_order_are_one_external_order() {
    let lines = [
        "2024-05-01T00:00:05Z,EURUSD,sell,600,1.2,,,E1,O1",
        "2024-05-01T00:00:06Z,EURUSD,sell,400,1.1,,,E2,O1",
        "2024-05-01T00:00:07Z,EURUSD,buy,5,1.1,,,E3,",
    ];
    let mut ledger = empty_ledger();
    for it in fill_events(&usual(&lines), symbol) {
        assert_eq!(ledger.book(&it.event).as_str(), "appended");
    }
    let order = ledger.order(&order_id("O1")).expect("external");
    assert!(order.is_external);
    assert_eq!(
        (order.status(), order.leaves()),
        (OrderStatus::Filled, dec("0"))
    );
    assert_eq!(order.terms.quantity, Some(dec("1000")));
    let order = ledger.order(&order_id("E3")).expect("external");
    assert_eq!(order.status(), OrderStatus::Filled);
}

#[test]
fn newest_row_first_is_booked_last() {
    let lines = [
        "2024-05-01T00:00:07Z,EURUSD,buy,1,3,,,E4,",
        "2024-05-01T00:00:06Z,EURUSD,buy,1,2,,,E3,",
        "2024-05-01T00:00:06Z,EURUSD,buy,1,2,,,E2,",
        "2024-05-01T00:00:05Z,EURUSD,buy,1,1,,,E1,",
    ];
    let events = fill_events(&usual(&lines), symbol);
    let found: Vec<_> = events.iter().map(|it| it.line).collect();
    assert_eq!(found, [5, 4, 3, 2]);
}

#[test]
fn rows_of_unknown_symbols_are_left_out() {
    let lines = [
        "2024-05-01T00:00:05Z,EURUSD,buy,1,3,,,,",
        "2024-05-01T00:00:06Z,GBPUSD,buy,1,3,,,,",
    ];
    let events = fill_events(&usual(&lines), symbol);
    assert_eq!(events.len(), 1);
    let contract = Contract::linear(dec("50"));
    let events = fill_events(&usual(&lines[..1]), |_| {
        Some(StatementSymbol::new(SYMBOL, contract))
    });
    let OrderEventKind::Filled(execution) = &events[0].event.kind else {
        panic!("{events:?}");
    };
    assert_eq!(execution.contract, contract);
}

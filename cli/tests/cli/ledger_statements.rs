//! Tests of the import of statements of brokers.

use serde_json::json;
use tickbook::Database;

use crate::ledger::{CREATE, lines, run};
use crate::support::{Cli, psql_in};

/// Databases with the account `main` and the symbols `nasdaq:AAPL` and `oanda:EURUSD`.
fn prepared() -> Cli {
    let cli = Cli::migrated();
    run(&cli, CREATE).expect_code(0);
    psql_in(
        &cli,
        Database::Metadata,
        "INSERT INTO exchanges (name) VALUES ('nasdaq'), ('oanda'), ('xetra'); \
         INSERT INTO symbols (symbol_id, exchange, name, digits) VALUES \
         (1, 'nasdaq', 'AAPL', 2), (2, 'oanda', 'EURUSD', 5), (3, 'xetra', 'AAPL', 2)",
    );
    cli
}

const STATEMENT: &str = "\
Date/Time,Symbol,Buy/Sell,Quantity,Price,Commission,Order ID\n\
\"2024-05-01, 09:30:00\",AAPL,BUY,10,170.25,1.00,A1\n\
\"2024-05-01, 09:30:00\",AAPL,BUY,10,170.25,1.00,A1\n\
\"2024-05-01, 10:00:00\",AAPL,SELL,-5,171,1.00,\n";

const IMPORT: &str = "ledger import fills.csv --account main --format csv --exchange nasdaq \
                      --time-zone America/New_York --fee-currency USD";

#[test]
fn statement_is_booked_once() {
    let cli = prepared();
    cli.file("fills.csv", STATEMENT);
    let tried = run(&cli, &format!("{IMPORT} --dry-run --json")).expect_code(0);
    assert_eq!(
        tried.json(),
        json!({
            "read": 3, "appended": 0, "duplicates": 0, "conflicts": 0, "refused": 0, "bad_lines": 0,
            "is_booked": false
        })
    );
    let booked = run(&cli, IMPORT).expect_code(0);
    assert!(
        booked.stdout.starts_with(
            "read 3, appended 3, duplicates 0, conflicts 0, refused 0, bad lines 0 in "
        ),
        "{booked:?}"
    );
    let again = run(&cli, IMPORT).expect_code(0);
    assert!(
        again
            .stdout
            .starts_with("read 3, appended 0, duplicates 3,"),
        "{again:?}"
    );
    let query = "SELECT quantity::numeric(10, 2), symbol_id FROM positions";
    assert_eq!(psql_in(&cli, Database::Metadata, query), "15.00|1");
    let query =
        "SELECT order_id, status, quantity::numeric(10, 2) FROM orders WHERE order_id = 'A1'";
    assert_eq!(psql_in(&cli, Database::Metadata, query), "A1|filled|20.00");
    let query = "SELECT min(trade_time) AT TIME ZONE 'UTC' FROM fills";
    assert_eq!(
        psql_in(&cli, Database::Metadata, query),
        "2024-05-01 13:30:00"
    );
}

#[test]
fn overlapping_statement_adds_only_what_is_new() {
    let cli = prepared();
    cli.file("fills.csv", STATEMENT);
    run(&cli, IMPORT).expect_code(0);
    let more = "\"2024-05-02, 10:00:00\",AAPL,SELL,-5,172,1.00,\n";
    let (header, rows) = STATEMENT.split_once('\n').expect("a header");
    let last = rows.lines().last().expect("rows");
    cli.file("fills.csv", format!("{header}\n{last}\n{more}"));
    let booked = run(&cli, IMPORT).expect_code(0);
    assert!(
        booked
            .stdout
            .starts_with("read 2, appended 1, duplicates 1,"),
        "{booked:?}"
    );
}

#[test]
fn statement_with_other_headers_and_commas_is_mapped() {
    let cli = prepared();
    let text = "Konto 4711\nDatum;Papier;Art;Menge;Kurs;Geb\n\
                01.05.2024 09:30:00;Apfel;Kauf;1.000;170,25;-1,50\n\
                01.05.2024 09:31:00;Apfel;Verk.;1.000;171,25;-1,50\n";
    cli.file("auszug.csv", text);
    run(&cli, "symbols alias xetra:AAPL bank Apfel").expect_code(0);
    let arguments = [
        "ledger import auszug.csv --account main --format csv --feed bank --delimiter ; --skip-lines 1",
        "--map time=Datum,symbol=Papier,side=Art,quantity=Menge --map price=Kurs,fee=Geb",
        "--decimal-comma --thousands . --sell-word Verk. --time-zone Europe/Berlin",
        "--negative-fees --fee-currency EUR --json --time-format",
    ]
    .join(" ");
    let mut arguments: Vec<_> = arguments.split(' ').collect();
    arguments.push("%d.%m.%Y %H:%M:%S");
    let booked = cli.run(&arguments).expect_code(0).json();
    assert_eq!(booked["appended"], 2);
    let query = "SELECT symbol_id, realized::numeric(10, 2), amount::numeric(10, 2), currency \
                 FROM positions JOIN position_fees USING (account_id, strategy_id, symbol_id, position_name)";
    assert_eq!(
        psql_in(&cli, Database::Metadata, query),
        "3|1000.00|3.00|EUR"
    );
}

#[test]
fn bad_rows_are_listed_and_nothing_is_booked() {
    let cli = prepared();
    let bad = "\"2024-05-01, 11:00:00\",MSFT,BUY,1,1,,\n\"2024-05-01, 11:00:00\",AAPL,HOLD,1,1,,\nTotal,,,,,,\n";
    cli.file("fills.csv", format!("{STATEMENT}{bad}"));
    let refused = run(&cli, IMPORT).expect_code(1);
    let listed: Vec<_> = refused.stderr.lines().collect();
    assert_eq!(listed.len(), 4, "{refused:?}");
    assert!(
        listed[0].starts_with("fills.csv: line 5: there is no symbol nasdaq:MSFT: "),
        "{refused:?}"
    );
    assert!(
        listed[1].starts_with("fills.csv: line 6: invalid side"),
        "{refused:?}"
    );
    assert!(listed[2].starts_with("fills.csv: line 7: "), "{refused:?}");
    assert!(listed[3].starts_with("nothing was booked"), "{refused:?}");
    let count = "SELECT count(*) FROM order_events";
    assert_eq!(psql_in(&cli, Database::Metadata, count), "0");
    let booked = run(&cli, &format!("{IMPORT} --skip-bad-lines")).expect_code(1);
    assert!(
        booked.stdout.starts_with("read 6, appended 3,"),
        "{booked:?}"
    );
}

#[test]
fn file_that_cannot_be_read_is_refused_whole() {
    let cli = prepared();
    cli.file("fills.csv", "a,b\n1,2\n");
    let refused = run(&cli, IMPORT);
    assert!(
        refused.error().contains("fills.csv: has no column ")
            && refused.error().contains("among a, b"),
        "{refused:?}"
    );
    let missing = run(&cli, &IMPORT.replace("fills", "none"));
    assert!(
        missing.error().contains("none.csv: cannot be read"),
        "{missing:?}"
    );
    cli.file("fills.csv", STATEMENT);
    let several = run(&cli, &IMPORT.replace(" --exchange nasdaq", "")).expect_code(1);
    assert!(several.stderr.contains("several exchanges"), "{several:?}");
    for (option, error) in [
        ("--map volume=x", "invalid column"),
        ("--map price", "expected COLUMN=HEADER"),
        ("--delimiter ab", "one ASCII character"),
        ("--time-zone Mars", "IANA"),
        ("--time-format day", "invalid time format"),
    ] {
        let base = "ledger import fills.csv --account main --format csv";
        let refused = run(&cli, &format!("{base} {option}")).expect_code(2);
        assert!(refused.stderr.contains(error), "{option}: {refused:?}");
    }
}

#[test]
fn statement_of_one_symbol_needs_no_column() {
    let cli = prepared();
    cli.file(
        "fills.csv",
        "time,qty,price,exec_id\n2024-05-01T12:00:00Z,-3,1.25,T1\n",
    );
    let command = "ledger import fills.csv --account main --format csv --symbol oanda:EURUSD";
    run(&cli, command).expect_code(0);
    let exported = run(&cli, "ledger export --account main").expect_code(0);
    let event = &lines(&exported)[0];
    assert_eq!(
        (&event["exec_id"], &event["order_id"]),
        (&json!("T1"), &json!("T1"))
    );
    assert_eq!(
        event["external"],
        json!({"symbol_id": 2, "side": "sell", "order_type": "market", "time_in_force": "day", "quantity": "3"})
    );
    let filled = json!({"filled": {"quantity": "3", "price": "1.25"}});
    assert_eq!(event["kind"], filled);
}

//! `tickbook export books`.

use std::sync::Arc;

use anyhow::ensure;
use tickbook::domain::book::{BookSide, PriceLevel};
use tickbook::repository::{BookReplayEvent, book_replay};

use super::Export;
use crate::Outcome;
use crate::args::{BookRows, ExportBooksArguments};
use crate::progress::TimeBar;
use crate::times::time_text;

const COLUMNS: [&str; 7] = [
    "event", "time", "sequence", "side", "price", "quantity", "reason",
];

type Row = [String; COLUMNS.len()];

pub(crate) async fn books(arguments: &ExportBooksArguments) -> anyhow::Result<Outcome> {
    let only = arguments.only;
    ensure!(
        arguments.depth.is_none() || only == Some(BookRows::Snapshots),
        "--depth requires --only snapshots: updates change levels of every depth"
    );
    let depth = arguments.depth.map_or(usize::MAX, usize::from);
    let export = Export::open(&arguments.what).await?;
    let books = Arc::clone(&export.repositories.books);
    let events = book_replay(books, export.symbol.symbol_id, export.range);
    let rows = |event: &BookReplayEvent| match event {
        BookReplayEvent::Snapshot(_) if only == Some(BookRows::Updates) => Vec::new(),
        BookReplayEvent::Update(_) if only == Some(BookRows::Snapshots) => Vec::new(),
        event => rows(event, depth),
    };
    let time = BookReplayEvent::time;
    export
        .write(
            &COLUMNS,
            events,
            "rows of books",
            rows,
            time,
            TimeBar::hidden(),
        )
        .await
}

/// The rows of an event: one for each level.
fn rows(event: &BookReplayEvent, depth: usize) -> Vec<Row> {
    match event {
        BookReplayEvent::Snapshot(snapshot) => {
            let key = (snapshot.snapshot_time, snapshot.sequence);
            let first = ["snapshot".to_owned(), time_text(key.0), key.1.to_string()];
            let [bids, asks] = [BookSide::Bid, BookSide::Ask].map(|side| snapshot.side(side));
            let bids = levels(&first, BookSide::Bid, &bids[..bids.len().min(depth)]);
            let asks = levels(&first, BookSide::Ask, &asks[..asks.len().min(depth)]);
            let rows: Vec<_> = bids.chain(asks).collect();
            match rows.is_empty() {
                true => vec![with_first(&first, [const { String::new() }; 4])],
                false => rows,
            }
        }
        BookReplayEvent::Update(update) => {
            let (time, sequence) = (time_text(update.update_time), update.sequence);
            let first = ["update".to_owned(), time, sequence.to_string()];
            let bids = levels(&first, BookSide::Bid, &update.bids);
            bids.chain(levels(&first, BookSide::Ask, &update.asks))
                .collect()
        }
        BookReplayEvent::Ended(end) => {
            let first = ["end".to_owned(), time_text(end.at), String::new()];
            let reason = end.reason.as_str().to_owned();
            let rest = [String::new(), String::new(), String::new(), reason];
            vec![with_first(&first, rest)]
        }
        _ => Vec::new(),
    }
}

fn levels<'a>(
    first: &'a [String; 3],
    side: BookSide,
    levels: &'a [PriceLevel],
) -> impl Iterator<Item = Row> + 'a {
    levels.iter().map(move |level| {
        let (price, quantity) = (level.price.normalize(), level.quantity.normalize());
        let rest = [
            side.as_str().to_owned(),
            price.to_string(),
            quantity.to_string(),
            String::new(),
        ];
        with_first(first, rest)
    })
}

fn with_first(first: &[String; 3], rest: [String; 4]) -> Row {
    let [event, time, sequence] = first.clone();
    let [side, price, quantity, reason] = rest;
    [event, time, sequence, side, price, quantity, reason]
}

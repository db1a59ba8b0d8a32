//! The session of OKX.

use tickbook_feeds::okx::Okx;

use crate::oracle::{check_books, check_quotes, check_trades, symbols};
use crate::replay::Replay;
use crate::sessions;

#[test]
fn okx_checksums_and_books_equal_the_oracle() {
    let Some(folder) = sessions::folder() else {
        return;
    };
    let expected = sessions::expected(&folder, "okx");
    let mut protocol = Okx::new(symbols(&expected));
    let lines = sessions::lines(&folder.join("okx/public.ws.gz"));
    let replay = Replay::of(&mut protocol, &lines);
    assert_eq!(replay.notices, []);
    check_books(&replay, &protocol, &expected, str::to_owned);
    check_trades(&replay, &expected, str::to_owned);
    check_quotes(&replay, &expected);
    // each message has a checksum, and a wrong one makes the book stale
    let messages = replay
        .books
        .values()
        .map(|facts| facts.updates + facts.snapshots);
    assert_eq!(messages.sum::<u64>(), 290);
}

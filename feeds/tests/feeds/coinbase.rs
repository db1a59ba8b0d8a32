//! The session of Coinbase Exchange.

use tickbook_feeds::coinbase::CoinbaseExchange;

use crate::oracle::{check_books, check_quotes, check_times, check_trades, symbols};
use crate::replay::Replay;
use crate::sessions;

#[test]
fn coinbase_books_and_trades_equal_the_oracle() {
    let Some(folder) = sessions::folder() else {
        return;
    };
    let expected = sessions::expected(&folder, "coinbase");
    let mut protocol = CoinbaseExchange::new(symbols(&expected));
    let lines = sessions::lines(&folder.join("coinbase/level2-ticker-matches.ws.gz"));
    let replay = Replay::of(&mut protocol, &lines);
    assert_eq!(replay.notices, []);
    check_books(&replay, &protocol, &expected, str::to_owned);
    check_times(&replay, &expected);
    check_trades(&replay, &expected, str::to_owned);
    check_quotes(&replay, &expected);
}

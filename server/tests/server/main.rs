//! Tests of the order-book server from the outside: routes with mocks, and whole servers in memory and on
//! real databases.

mod binary;
mod book_events;
mod books;
mod books_simulated;
mod busy;
mod databases;
mod exchanges;
mod exchanges_stored;
mod feed_gaps;
mod feeds;
mod forged_cursors;
mod future_ticks;
mod health;
mod hostile;
mod insert_ticks;
mod limits;
mod long_work;
mod maintenance;
#[path = "../../../tests/support/market_data.rs"]
mod market_data;
#[path = "../../../tests/support/market_trades.rs"]
mod market_trades;
mod metrics_page;
mod ohlc;
mod ohlc_trades;
mod openapi;
mod oracle;
mod oracle_trades;
mod parameters;
mod posting;
mod quality;
mod rabbitmq;
mod rejected_ticks;
mod replay;
mod slow_clients;
mod support;
mod symbol_sync;
mod symbols;
mod symbols_changing;
mod ticks;
mod trade_corrections;
mod trades;
mod venue_session;
mod venues;
mod venues_killed;
mod websocket;
mod websocket_books;
mod websocket_books_copied;
mod websocket_candles;
mod websocket_limits;
mod websocket_lookups;
mod websocket_trade_candles;
mod websocket_trades;
mod whole_server;
mod wide_sequences;

//! Tests of the order-book server from the outside: routes with mocks, and whole servers in memory and on
//! real databases.

mod binary;
mod busy;
mod databases;
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
mod metrics_page;
mod ohlc;
mod openapi;
mod oracle;
mod parameters;
mod posting;
mod quality;
mod rabbitmq;
mod rejected_ticks;
mod replay;
mod slow_clients;
mod support;
mod symbols;
mod ticks;
mod trades;
mod websocket;
mod websocket_candles;
mod websocket_limits;
mod websocket_lookups;
mod whole_server;
mod wide_sequences;

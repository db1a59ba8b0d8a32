//! The order-book server from the outside: routes over mocks, whole servers over memory and over
//! real databases.

mod binary;
mod databases;
mod gate;
mod health;
mod insert_ticks;
mod ohlc;
mod openapi;
mod parameters;
mod support;
mod symbols;
mod ticks;
mod whole_server;

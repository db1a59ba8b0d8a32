//! Faults of network, server and disk, each a test with its number, against real servers.
//!
//! What is stored is always asked of psql and compared with what was generated; no number of the
//! library is trusted. The tests run one after another, since they measure times. Those that take
//! long run with `TICKBOOK_FAULTS=all`, as `make faults` does.

#[path = "../support/mod.rs"]
mod support;

mod fault;
mod load;
mod role;
mod server;
mod site;
mod small_disk;
mod timed;

mod cut_connections;
mod frozen_server;
mod heartbeat;
mod heavy_readers;
mod large_batch;
mod late_writes;
mod memory;
mod name_resolution;
mod no_connection;
mod odd_values;
mod on_failure;
mod one_half_down;
mod other_language;
mod packet_loss;
mod recovery;
mod refusals;
mod slow_network;
mod soak;
mod transport_security;

//! Tests of faults of network, server and disk, on real servers. The name of each test has the number of
//! its fault.
//!
//! The tests read the stored data with psql and compare it with the generated data; they do not rely on
//! counts of the library. They run one after another, since they measure times. The long tests run with
//! `TICKBOOK_FAULTS=all`, which `make faults` sets.

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

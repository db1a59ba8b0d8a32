//! Every implementation of the repositories, and the code itself, keeps to what the documents say.

#[path = "../support/mod.rs"]
mod support;

mod changing_it;
mod dependencies;
mod layers;
mod memory;
mod mocks_in_a_server;
mod postgres;

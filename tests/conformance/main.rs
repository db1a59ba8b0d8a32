//! Tests that every backend fulfils the contract of the repositories, and that the code fulfils the rules
//! of the documents.

#[path = "../support/mod.rs"]
mod support;

mod changing_it;
mod dependencies;
mod layers;
mod memory;
mod mocks_in_a_server;
mod postgres;
mod source_documents;

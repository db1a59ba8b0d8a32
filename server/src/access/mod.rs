//! Who may use the server: tokens with scopes, origins of web pages, names of the server, and rates of requests.
//! `docs/access.md` is for operators and authors of clients.
//!
//! [`Gate`] checks each request before its handler runs. [`scopes`] has the scope that each route needs.

mod authentication;
mod caller;
mod client;
mod edge;
mod gate;
mod guard;
mod hosts;
mod open_api;
mod origins;
mod rates;
mod refused;
pub mod scopes;
mod security_headers;
mod starting;
mod token_store;
mod write_log;

pub(crate) use caller::Caller;
pub(crate) use client::{ClientAccess, Granted};
pub(crate) use edge::finish;
pub use gate::Gate;
pub(crate) use guard::guard;
pub use hosts::{HostName, InvalidHostName};
pub(crate) use open_api::describe;
pub use origins::{InvalidOrigin, Origin};
pub use security_headers::OverTls;
pub(crate) use security_headers::SECURITY_HEADERS;
pub use starting::start;
pub use token_store::TokenStore;

//! TLS of the server: its certificate, which is read again when its files change.

mod certificate;
mod files;
mod reload;

use anyhow::Context as _;
use tickbook::Clock;
use tokio_util::sync::CancellationToken;

use crate::settings::TlsConfig;
use crate::shutdown;

pub use certificate::{CertificateState, InvalidCertificate};
pub use reload::{CertificateWatch, ServerTls};

/// Reads the certificate, and reads it again when its files change, and at SIGHUP, until `stop`.
///
/// # Errors
/// The certificate cannot be used, or the system has no more threads.
pub(crate) fn start(
    config: &TlsConfig,
    clock: &Clock,
    stop: &CancellationToken,
) -> anyhow::Result<ServerTls> {
    let tls = ServerTls::load(config.clone(), clock.clone());
    let tls = tls.context("cannot use the certificate of server.tls")?;
    let reload = tls.watch().context("cannot watch the certificate")?;
    shutdown::reload_on_hangup(reload, stop.clone()).context("cannot handle SIGHUP")?;
    Ok(tls)
}

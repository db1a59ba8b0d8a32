//! Settings of TLS.

use std::path::PathBuf;
use std::time::Duration;

use tickbook::config::Sections;

/// The largest number of days before the end of a certificate.
const MAX_DAYS: i64 = 3_650;

/// Settings of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The file with the chain of certificates in PEM, that of the server first.
    pub certificate: PathBuf,
    /// The file with the private key in PEM. Other users of the system must not be able to read it.
    pub private_key: PathBuf,
    /// How often the files are read again.
    pub check_every: Duration,
    /// The health names a certificate that ends within this time.
    pub warn_before: Duration,
}

/// Reads `server.tls`; `Some(None)` without a certificate.
pub(super) fn read(sections: &mut Sections<'_>) -> Option<Option<TlsConfig>> {
    let certificate = sections.text("server.tls.certificate");
    let private_key = sections.text("server.tls.private_key");
    let check_every = sections.millis("server.tls.check_every_ms", 86_400_000);
    let days: u64 = sections.number("server.tls.warn_days", 0, MAX_DAYS);
    match (certificate.is_empty(), private_key.is_empty()) {
        (true, true) => Some(None),
        (false, false) => Some(Some(TlsConfig {
            certificate: certificate.into(),
            private_key: private_key.into(),
            check_every,
            warn_before: Duration::from_secs(days * 86_400),
        })),
        _ => {
            sections.problem(
                "server.tls needs certificate and private_key: set both, or neither for plain HTTP",
            );
            None
        }
    }
}

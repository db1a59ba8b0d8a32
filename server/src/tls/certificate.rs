//! A certificate chain with its private key, read from PEM.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// Why a certificate and its key cannot be used. Contains neither of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCertificate {
    /// A file cannot be read.
    #[error("cannot read {file}: {reason}")]
    Unreadable {
        /// The path.
        file: String,
        /// The error of the system.
        reason: String,
    },
    /// Other users of the system may read the private key.
    #[error("{file} can be read by every user: run `chmod o= {file}`")]
    PublicKeyFile {
        /// The path of the private key.
        file: String,
    },
    /// The file has no certificate in PEM.
    #[error("{file} has no certificate: expected PEM with BEGIN CERTIFICATE")]
    NoCertificate {
        /// The path.
        file: String,
    },
    /// The first certificate is not a certificate of X.509.
    #[error("{file} has an invalid certificate: expected X.509")]
    NotX509 {
        /// The path.
        file: String,
    },
    /// The file has no private key in PEM, or one with a password.
    #[error("{file} has no private key: expected PEM with BEGIN PRIVATE KEY, without a password")]
    NoKey {
        /// The path.
        file: String,
    },
    /// The key does not belong to the certificate, or its kind is not supported.
    #[error("the private key does not fit the certificate: {reason}")]
    Mismatch {
        /// The error of the TLS library.
        reason: String,
    },
}

/// A certificate and its key, ready for use.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) not_before: DateTime<Utc>,
    /// The last second at which it is valid.
    pub(super) not_after: DateTime<Utc>,
}

/// Whether a certificate can be used at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateState {
    /// It is valid.
    Valid,
    /// It is valid, and ends soon.
    ExpiresSoon,
    /// It is valid later.
    NotYetValid,
    /// It was valid before. Clients refuse it.
    Expired,
}

impl CertificateState {
    /// `valid`, `expires soon`, `not yet valid` or `expired`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::ExpiresSoon => "expires soon",
            Self::NotYetValid => "not yet valid",
            Self::Expired => "expired",
        }
    }
}

impl Certificate {
    /// Reads a chain, the certificate of the server first, and its key. The names of the files are for errors.
    pub(super) fn parse(
        (chain_file, chain): (&str, &[u8]),
        (key_file, key): (&str, &[u8]),
        provider: &CryptoProvider,
    ) -> Result<Self, InvalidCertificate> {
        let no_certificate = || InvalidCertificate::NoCertificate {
            file: chain_file.to_owned(),
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = chain.map_err(|_| no_certificate())?;
        let first = chain.first().ok_or_else(no_certificate)?;
        let (_, parsed) = x509_parser::parse_x509_certificate(first).map_err(|_| {
            InvalidCertificate::NotX509 {
                file: chain_file.to_owned(),
            }
        })?;
        let time = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        let not_before = time(parsed.validity().not_before.timestamp());
        let not_after = time(parsed.validity().not_after.timestamp());
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| InvalidCertificate::NoKey {
            file: key_file.to_owned(),
        })?;
        let key = CertifiedKey::from_der(chain, key, provider).map_err(|error| {
            InvalidCertificate::Mismatch {
                reason: error.to_string(),
            }
        })?;
        Ok(Self {
            key: Arc::new(key),
            not_before,
            not_after,
        })
    }

    /// The state at `now`; it expires soon within `warning` of its end.
    pub(super) fn state(&self, now: DateTime<Utc>, warning: TimeDelta) -> CertificateState {
        if now > self.not_after {
            CertificateState::Expired
        } else if now < self.not_before {
            CertificateState::NotYetValid
        } else if self.not_after - now <= warning {
            CertificateState::ExpiresSoon
        } else {
            CertificateState::Valid
        }
    }
}

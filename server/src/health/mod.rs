//! Faults that do not keep the server from serving: silent feeds, stale books, disks that become full, a certificate
//! that ends, databases of another version.

mod disks;
mod forecast;
mod start;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tickbook::domain::book::EndReason;
use tickbook::ingest::book::{LiveBooks, LiveState};
use utoipa::ToSchema;

use crate::app::AppState;
use crate::settings::HealthConfig;
use crate::tls::CertificateWatch;
use crate::wire::TimeText;

pub use disks::{DiskBody, Disks};
pub use forecast::{DiskForecast, DiskSample};
pub(crate) use start::start;

/// A book counts as stale after this time, since a new snapshot usually arrives within it.
const SNAPSHOT_WITHIN: TimeDelta = TimeDelta::seconds(10);

/// Maximum number of symbols that a fault names.
const NAMED: usize = 10;

/// A fault that does not keep the server from serving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FaultBody {
    /// `certificate`, `feed`, `books`, `disk` or `database`.
    #[schema(example = "feed")]
    pub part: String,
    /// The feed, the disk or the database.
    #[schema(example = "kraken")]
    pub name: Option<String>,
    /// The fault.
    #[schema(example = "no message for 75 s")]
    pub problem: String,
}

/// The certificate of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateBody {
    /// `valid`, `expires soon`, `not yet valid` or `expired`.
    #[schema(example = "valid")]
    pub state: String,
    /// The last second at which it is valid.
    pub not_after: TimeText,
    /// Why a changed file is not in use; null if the files are in use.
    pub problem: Option<String>,
}

impl From<CertificateWatch> for CertificateBody {
    fn from(watch: CertificateWatch) -> Self {
        Self {
            state: watch.state.as_str().to_owned(),
            not_after: TimeText(watch.not_after),
            problem: watch.problem.map(|problem| problem.to_string()),
        }
    }
}

impl FaultBody {
    fn new(part: &str, name: Option<&str>, problem: impl Into<String>) -> Self {
        Self {
            part: part.to_owned(),
            name: name.map(str::to_owned),
            problem: problem.into(),
        }
    }
}

/// All present faults.
pub(crate) fn faults(app: &AppState, certificate: Option<&CertificateBody>) -> Vec<FaultBody> {
    let now = app.clock.now();
    let mut faults = Vec::new();
    faults.extend(certificate.into_iter().flat_map(of_certificate));
    for (feed, venue) in app.venues.iter() {
        let state = venue.state();
        let problem = of_feed(state.is_connected, state.last_message_at, now, &app.health);
        faults.extend(problem.map(|problem| FaultBody::new("feed", Some(feed), problem)));
    }
    for (source, problem) in of_books(&app.books, now) {
        faults.push(FaultBody::new("books", Some(&source), problem));
    }
    for disk in app.disks.states() {
        let problem = disk.problem.clone();
        faults.extend(problem.map(|problem| FaultBody::new("disk", Some(&disk.name), problem)));
    }
    for database in app.readiness.databases() {
        if let [first, ..] = &database.unknown_migrations[..] {
            let count = database.unknown_migrations.len();
            let problem = format!(
                "{count} migrations, from {first} on, are newer than this server: update the server"
            );
            faults.push(FaultBody::new(
                "database",
                Some(&database.database),
                problem,
            ));
        }
    }
    faults
}

fn of_certificate(certificate: &CertificateBody) -> Vec<FaultBody> {
    let CertificateBody {
        state,
        not_after,
        problem,
    } = certificate;
    let mut problems = Vec::new();
    let end = not_after.0.format("%Y-%m-%dT%H:%M:%SZ");
    match state.as_str() {
        "valid" => {}
        "expired" => problems.push(format!("it has expired at {end}: renew it")),
        "expires soon" => problems.push(format!("it expires at {end}: renew it")),
        other => problems.push(format!("it is {other}: check the clock of this machine")),
    }
    problems.extend(problem.clone());
    let fault = |problem| FaultBody::new("certificate", None, problem);
    problems.into_iter().map(fault).collect()
}

fn of_feed(
    is_connected: bool,
    last_message: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    config: &HealthConfig,
) -> Option<String> {
    if !is_connected {
        return Some("it is not connected to its venue".to_owned());
    }
    let silence = (now - last_message?).to_std().unwrap_or_default();
    let limit = config.feed_silence?;
    (silence > limit).then(|| format!("no message for {} s", silence.as_secs()))
}

/// The faults of the books of each feed.
fn of_books(books: &LiveBooks, now: DateTime<Utc>) -> BTreeMap<String, String> {
    let mut stale: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for book in books.all() {
        let LiveState::Stale { reason, since, .. } = book.state else {
            continue;
        };
        // the books of a feed that has ended are expected to be stale
        if reason == EndReason::Stopped || now - since < SNAPSHOT_WITHIN {
            continue;
        }
        let of_source = stale.entry(book.source.to_string()).or_default();
        of_source.push(book.symbol_id.to_string());
    }
    let describe = |symbols: Vec<String>| {
        let named = symbols[..symbols.len().min(NAMED)].join(", ");
        let others = symbols.len().saturating_sub(NAMED);
        let count = symbols.len();
        match others {
            0 => format!("{count} books are not valid: symbols {named}"),
            _ => format!("{count} books are not valid: symbols {named} and {others} others"),
        }
    };
    stale
        .into_iter()
        .map(|(source, symbols)| (source, describe(symbols)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn silent_feed_is_a_fault() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
        let at = |seconds| Some(now - TimeDelta::seconds(seconds));
        let config = HealthConfig {
            feed_silence: Some(Duration::from_secs(60)),
            ..HealthConfig::default()
        };
        assert_eq!(of_feed(true, at(60), now, &config), None);
        assert_eq!(of_feed(true, None, now, &config), None);
        let silent = of_feed(true, at(75), now, &config);
        assert_eq!(silent.as_deref(), Some("no message for 75 s"));
        let off = HealthConfig {
            feed_silence: None,
            ..HealthConfig::default()
        };
        assert_eq!(of_feed(true, at(9_999), now, &off), None);
        assert!(of_feed(false, at(1), now, &off).is_some());
    }

    #[test]
    fn certificate_faults_name_the_end() {
        let certificate = |state: &str, problem: Option<&str>| CertificateBody {
            state: state.to_owned(),
            not_after: TimeText(DateTime::UNIX_EPOCH),
            problem: problem.map(str::to_owned),
        };
        let problems = |certificate: &CertificateBody| {
            let faults = of_certificate(certificate);
            faults
                .into_iter()
                .map(|fault| fault.problem)
                .collect::<Vec<_>>()
        };
        assert_eq!(problems(&certificate("valid", None)), Vec::<String>::new());
        assert_eq!(
            problems(&certificate("expired", Some("no key"))),
            ["it has expired at 1970-01-01T00:00:00Z: renew it", "no key"]
        );
    }
}

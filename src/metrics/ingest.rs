//! The metric families of feeds, persisters, the spool and the fan-out.

use metrics::Unit;

use super::family::Family;

pub(crate) const DAMAGED_BATCHES: &str = "spool_damaged_batches_total";
pub(crate) const FSYNC_TIME: &str = "spool_fsync_seconds";
pub(crate) const SINKS: &str = "fan_out_sinks";
pub(crate) const EVICTED_SINKS: &str = "fan_out_evicted_sinks_total";
pub(crate) const QUALITY: &str = "tick_quality_total";
pub(crate) const QUALITY_OF_TRADES: &str = "trade_quality_total";
pub(crate) const FEED_TICKS: &str = "feed_ticks_total";
pub(crate) const FEED_TRADES: &str = "feed_trades_total";
/// The events of sessions of feeds, by the labels `feed` and `event`.
pub const FEED_SESSION_EVENTS: &str = "feed_session_events_total";
pub(crate) const FEED_BOOK_EVENTS: &str = "feed_book_events_total";
pub(crate) const BOOKS_LIVE: &str = "books_live";
pub(crate) const BOOK_STALE: &str = "book_stale_total";
pub(crate) const FEED_RUNNING: &str = "feed_running";

/// From a disk with a battery-backed cache to a disk that hangs.
const FSYNC_SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
];
/// From one record to several times the default batch.
const BATCH_RECORDS: &[f64] = &[
    1.0, 10.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0,
];

const FAMILIES: &[Family] = &[
    Family::counter(
        DAMAGED_BATCHES,
        "Damaged batches that the spool has set aside.",
    ),
    Family::histogram(
        FSYNC_TIME,
        Unit::Seconds,
        FSYNC_SECONDS,
        "Time to write one transaction of a spool to the disk.",
    ),
    Family::gauge(SINKS, Unit::Count, "Open queues of sinks.").labels(&["records", "sink"]),
    Family::counter(
        EVICTED_SINKS,
        "Queues that were closed because the queues of their name held too many events.",
    )
    .labels(&["records", "sink"]),
    Family::counter(
        QUALITY,
        "Matches of a quality rule with a tick of a feed, and ticks without a match.",
    )
    .labels(&["rule", "outcome"]),
    Family::counter(
        FEED_TICKS,
        "Ticks of a feed that were published or held back by a quality rule.",
    )
    .labels(&["feed", "outcome"]),
    Family::counter(
        QUALITY_OF_TRADES,
        "Matches of a quality rule with a trade of a feed, and trades without a match.",
    )
    .labels(&["rule", "outcome"]),
    Family::counter(
        FEED_TRADES,
        "Trades of a feed that were published or held back by a quality rule.",
    )
    .labels(&["feed", "outcome"]),
    Family::counter(
        FEED_SESSION_EVENTS,
        "Events of the FIX session of a feed, such as gaps and repeated messages.",
    )
    .labels(&["feed", "event"]),
    Family::counter(
        FEED_BOOK_EVENTS,
        "Events of order books of a feed that changed a live book, or had no effect.",
    )
    .labels(&["feed", "outcome"]),
    Family::gauge(
        BOOKS_LIVE,
        Unit::Count,
        "Live order books that are valid or stale.",
    )
    .labels(&["state"]),
    Family::counter(BOOK_STALE, "Valid live order books that became stale.").labels(&["reason"]),
    Family::gauge(
        FEED_RUNNING,
        Unit::Count,
        "1 while the feed runs, 0 after its end.",
    )
    .labels(&["feed"]),
];

/// The families of this module and of the records of this library.
pub(super) fn families() -> Vec<Family> {
    let mut families = FAMILIES.to_vec();
    families.push(refused("ticks", "Ticks"));
    families.push(refused("trades", "Trades"));
    families.push(refused("book records", "Rows of order books"));
    families.extend(FanOutNames::new("ticks").families());
    families.extend(FanOutNames::new("trades").families());
    families.extend(
        PersisterNames::new("tick", "tick_buffer_size_events".to_owned()).families("ticks"),
    );
    families.extend(
        PersisterNames::new("trade", "trade_buffer_size_events".to_owned()).families("trades"),
    );
    families.extend(
        PersisterNames::new("book", "book_buffer_size_events".to_owned()).families("book records"),
    );
    let waiting = "tick_quarantine_waiting".to_owned();
    families.extend(PersisterNames::new("tick_quarantine", waiting).families("quarantined ticks"));
    let waiting = "trade_quarantine_waiting".to_owned();
    families
        .extend(PersisterNames::new("trade_quarantine", waiting).families("quarantined trades"));
    families
}

/// The name of the counter of the records of feeds that were refused; `records` is their plural.
pub(crate) fn feed_refused(records: &str) -> String {
    format!("feed_{}_refused_total", records.replace(' ', "_"))
}

fn refused(records: &'static str, capitalized: &str) -> Family {
    let help = format!("{capitalized} of feeds that were lost because the spool was full.");
    Family::counter("", "").named(feed_refused(records), help)
}

/// The names of the families of a fan-out of one type of records.
#[derive(Debug)]
pub(crate) struct FanOutNames {
    records: &'static str,
    pub(crate) published: String,
    pub(crate) delivered: String,
    pub(crate) missed: String,
}

impl FanOutNames {
    /// `records` is the plural of the records, such as `ticks`.
    pub(crate) fn new(records: &'static str) -> Self {
        let name = |done: &str| format!("fan_out_{done}_{}_total", records.replace(' ', "_"));
        Self {
            records,
            published: name("published"),
            delivered: name("delivered"),
            missed: name("missed"),
        }
    }

    pub(crate) fn families(self) -> [Family; 3] {
        let records = self.records;
        let family = |name, help: String| Family::counter("", "").named(name, help);
        [
            family(
                self.published,
                format!("Number of {records} published to sinks."),
            ),
            family(
                self.delivered,
                format!("Number of {records} that sinks have taken from their queues."),
            )
            .labels(&["sink"]),
            family(
                self.missed,
                format!(
                    "Number of {records} that a sink missed because its queue was full. \
                     A gap reports them to the sink."
                ),
            )
            .labels(&["sink"]),
        ]
    }
}

/// The names of the families of a persister of one type of records.
#[derive(Debug)]
pub(crate) struct PersisterNames {
    pub(crate) received: String,
    pub(crate) sent: String,
    pub(crate) discarded: String,
    pub(crate) dead_letters: String,
    pub(crate) dead_letters_in_log: String,
    pub(crate) retries: String,
    pub(crate) batch: String,
    pub(crate) waiting: String,
    pub(crate) waiting_bytes: String,
    pub(crate) oldest_age: String,
}

impl PersisterNames {
    /// `prefix` begins every name but that of `waiting`, the gauge of the records that wait.
    pub(crate) fn new(prefix: &str, waiting: String) -> Self {
        let name = |rest: &str| format!("{prefix}_{rest}");
        Self {
            received: name("buffer_received_events_total"),
            sent: name("buffer_sent_events_total"),
            discarded: name("buffer_discarded_events_total"),
            dead_letters: name("dead_letter_total"),
            dead_letters_in_log: name("dead_letter_in_log_only_total"),
            retries: name("retry_total"),
            batch: name("batch_size_events"),
            waiting,
            waiting_bytes: name("buffer_size_bytes"),
            oldest_age: name("buffer_oldest_age_seconds"),
        }
    }

    /// `records` is the plural of the records, such as `ticks`.
    pub(crate) fn families(self, records: &str) -> Vec<Family> {
        let counter = |name, help: String| Family::counter("", "").named(name, help);
        let gauge = |name, unit, help: String| Family::gauge("", unit, "").named(name, help);
        vec![
            counter(
                self.received,
                format!("Number of {records} that the persister has accepted."),
            ),
            counter(
                self.sent,
                format!("Number of {records} that are stored, including those stored before."),
            ),
            counter(
                self.discarded,
                format!("Number of {records} that the store has refused."),
            )
            .labels(&["reason"]),
            counter(
                self.dead_letters,
                format!("Number of refused {records} that the spool keeps as dead letters."),
            ),
            counter(
                self.dead_letters_in_log,
                format!(
                    "Number of refused {records} that only the log contains, because the spool \
                     could not keep them."
                ),
            ),
            counter(
                self.retries,
                format!("Failed writes of {records}. Each is retried."),
            )
            .labels(&["class"]),
            Family::histogram("", Unit::Count, BATCH_RECORDS, "").named(
                self.batch,
                format!("Number of {records} in one successful write."),
            ),
            gauge(
                self.waiting,
                Unit::Count,
                format!("Number of {records} that wait to be stored."),
            ),
            gauge(
                self.waiting_bytes,
                Unit::Bytes,
                format!("Size of the {records} in the spool."),
            ),
            gauge(
                self.oldest_age,
                Unit::Seconds,
                format!("Age of the oldest of the {records} that wait to be stored."),
            ),
        ]
    }
}

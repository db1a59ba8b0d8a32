//! The metric families of the server: names, units, labels and descriptions.

use tickbook::metrics::{Family, Unit};

pub(crate) const BUILD_INFO: &str = "orderbook_server_build_info";
pub(crate) const REQUESTS: &str = "http_requests_total";
pub(crate) const IN_FLIGHT: &str = "http_requests_in_flight";
pub(crate) const DURATION: &str = "http_request_duration_seconds";
pub(crate) const HTTP_CONNECTIONS: &str = "http_connections";
pub(crate) const HTTP_CONNECTIONS_CLOSED: &str = "http_connections_closed_total";
pub(crate) const HTTP_REFUSED: &str = "http_refused_total";
pub(crate) const ACCESS_REFUSED: &str = "access_refused_total";
pub(crate) const ACCESS_TOKENS: &str = "access_tokens";
pub(crate) const ACCESS_RELOAD_FAILURES: &str = "access_reload_failures_total";
pub(crate) const FAILED_JOBS: &str = "database_jobs_failed";
pub(crate) const RECEIVED: &str = "ticks_received_total";
pub(crate) const INSERTED: &str = "ticks_inserted_total";
pub(crate) const DUPLICATES: &str = "ticks_duplicate_total";
pub(crate) const CONFLICTS: &str = "ticks_conflict_total";
pub(crate) const REJECTED: &str = "ticks_rejected_total";
pub(crate) const CROSSED: &str = "ticks_crossed_total";
pub(crate) const TRADES_RECEIVED: &str = "trades_received_total";
pub(crate) const TRADES_INSERTED: &str = "trades_inserted_total";
pub(crate) const TRADES_DUPLICATES: &str = "trades_duplicate_total";
pub(crate) const TRADES_CONFLICTS: &str = "trades_conflict_total";
pub(crate) const TRADES_REJECTED: &str = "trades_rejected_total";
pub(crate) const FEED_TRADES_WAITING: &str = "feed_trades_waiting";
pub(crate) const WRITE_RETRIES: &str = "feed_write_retries_total";
pub(crate) const FEED_TICKS_WAITING: &str = "feed_ticks_waiting";
pub(crate) const FEED_CONNECTED: &str = "feed_connected";
pub(crate) const FEED_MESSAGE_AGE: &str = "feed_last_message_age_seconds";
pub(crate) const FEED_MESSAGES: &str = "feed_messages_total";
pub(crate) const FEED_MESSAGES_REFUSED: &str = "feed_messages_refused_total";
pub(crate) const FEED_CONNECTIONS: &str = "feed_connections_total";
pub(crate) const FEED_CONNECTION_ENDS: &str = "feed_connection_ends_total";
pub(crate) const FEED_FAILED_ATTEMPTS: &str = "feed_connect_failures_total";
pub(crate) const FEED_BOOKS: &str = "feed_books";
pub(crate) const FEED_STALE_BOOKS: &str = "feed_stale_books_total";
pub(crate) const FEED_GAPS: &str = "feed_gaps_total";
pub(crate) const FEED_OPEN_GAPS: &str = "feed_gaps_open";
pub(crate) const FEED_GAPS_FILLED: &str = "feed_gaps_filled_total";
pub(crate) const FEED_TRADES_FILLED: &str = "feed_trades_filled_total";
pub(crate) const SYNC_SYMBOLS: &str = "symbol_sync_symbols_total";
pub(crate) const SYNC_FAILURES: &str = "symbol_sync_failures_total";
pub(crate) const SYNC_TIME: &str = "symbol_sync_last_time_seconds";
pub(crate) const BACKLOG_AGE: &str = "candle_refresh_backlog_oldest_age_seconds";
pub(crate) const CHANGES_WAITING: &str = "candle_changes_waiting";
pub(crate) const DISK_FREE: &str = "disk_free_bytes";
pub(crate) const DISK_DAYS_LEFT: &str = "disk_days_left";
pub(crate) const TLS_HANDSHAKES: &str = "tls_handshakes_total";
pub(crate) const CERTIFICATE_EXPIRY: &str = "tls_certificate_expiry_time_seconds";
pub(crate) const CERTIFICATE_RELOADS: &str = "tls_certificate_reloads_total";
pub(crate) const WEBSOCKET_CLOSED: &str = "websocket_closed_total";
pub(crate) const CANDLE_BUFFER_FULL: &str = "websocket_candle_buffer_full_total";
pub(crate) const BOOK_CHANGES_MERGED: &str = "websocket_book_changes_merged_total";
pub(crate) const LEDGER_APPENDED: &str = "ledger_events_appended_total";
pub(crate) const LEDGER_DUPLICATES: &str = "ledger_events_duplicate_total";
pub(crate) const LEDGER_CONFLICTS: &str = "ledger_events_conflict_total";
pub(crate) const LEDGER_QUARANTINED: &str = "ledger_events_quarantined_total";
pub(crate) const LEDGER_REJECTED: &str = "ledger_events_rejected_total";
pub(crate) const RISK_EVENTS: &str = "risk_events_total";
pub(crate) const RISK_EVENT_FAILURES: &str = "risk_event_failures_total";
pub(crate) const AUDIT_FAILURES: &str = "audit_failures_total";
pub(crate) const LEDGER_OVERFILLS: &str = "ledger_overfills_total";
pub(crate) const LEDGER_APPEND_DURATION: &str = "ledger_append_duration_seconds";
pub(crate) const LEDGER_EVENTS_MISSED: &str = "websocket_order_events_missed_total";
pub(crate) const RABBITMQ_CONNECTED: &str = "rabbitmq_connected";
pub(crate) const RABBITMQ_CONNECTIONS: &str = "rabbitmq_connections_total";
/// A family of the fan-out of the library. Events that wait for a name have left its queues.
pub(crate) const MISSED_TICKS: &str = "fan_out_missed_ticks_total";
pub(crate) const MISSED_TRADES: &str = "fan_out_missed_trades_total";
pub(crate) const RABBITMQ_WAITING: &str = "rabbitmq_waiting_for_symbols";

/// From a read of memory to the time limit of a request.
const REQUEST_SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0,
];

/// Every family of the server itself. [`families`](tickbook::metrics::families) has those of the library.
pub const FAMILIES: &[Family] = &[
    Family::gauge(
        BUILD_INFO,
        Unit::Count,
        "Always 1. The labels have the version of the server, the revision of its source and the compiler.",
    )
    .labels(&["version", "revision", "rustc"]),
    Family::counter(REQUESTS, "Responses by route and status.")
        .labels(&["method", "route", "status"]),
    Family::gauge(
        IN_FLIGHT,
        Unit::Count,
        "Requests that are being answered.",
    ),
    Family::histogram(
        DURATION,
        Unit::Seconds,
        REQUEST_SECONDS,
        "Time from the head of a request to the head of its response.",
    )
    .labels(&["method", "route"]),
    Family::gauge(HTTP_CONNECTIONS, Unit::Count, "Open HTTP connections."),
    Family::counter(
        HTTP_CONNECTIONS_CLOSED,
        "HTTP connections that the server refused or closed because of a limit.",
    )
    .labels(&["reason"]),
    Family::gauge(
        DISK_FREE,
        Unit::Bytes,
        "Bytes that can still be used on a watched disk.",
    )
    .labels(&["disk"]),
    Family::gauge(
        DISK_DAYS_LEFT,
        Unit::Count,
        "Days until a watched disk is full, at the growth of the last 24 hours; infinite if it does not grow.",
    )
    .labels(&["disk"]),
    Family::counter(
        TLS_HANDSHAKES,
        "Connections to a server with TLS, by the outcome of their handshakes; plain is a client without TLS.",
    )
    .labels(&["outcome"]),
    Family::gauge(
        CERTIFICATE_EXPIRY,
        Unit::Seconds,
        "The end of the certificate in use, in seconds since 1970-01-01 UTC.",
    ),
    Family::counter(
        CERTIFICATE_RELOADS,
        "Changed files of the certificate that were read.",
    )
    .labels(&["outcome"]),
    Family::counter(
        HTTP_REFUSED,
        "Requests that were answered with 503 because of a limit.",
    )
    .labels(&["reason"]),
    Family::counter(
        ACCESS_REFUSED,
        "Requests and WebSocket clients that were refused for their token, scope, rate, origin or host.",
    )
    .labels(&["reason"]),
    Family::gauge(
        ACCESS_TOKENS,
        Unit::Count,
        "Tokens that have not expired.",
    ),
    Family::counter(
        ACCESS_RELOAD_FAILURES,
        "Changes of the tokens file that could not be read. The tokens read before stay valid.",
    ),
    Family::gauge(
        FAILED_JOBS,
        Unit::Count,
        "Jobs of a database whose last run failed. /health/ready names them.",
    )
    .labels(&["database"]),
    Family::counter(
        RECEIVED,
        "Ticks received, without those of requests that were refused as a whole.",
    )
    .labels(&["source"]),
    Family::counter(INSERTED, "Ticks newly stored.").labels(&["source"]),
    Family::counter(DUPLICATES, "Ticks that were stored before.").labels(&["source"]),
    Family::counter(
        CONFLICTS,
        "Ticks refused because other content is stored under their key.",
    )
    .labels(&["source"]),
    Family::counter(REJECTED, "Invalid ticks, which can never be stored.").labels(&["source"]),
    Family::counter(
        CROSSED,
        "Ticks whose bid is above the ask. They are stored as well.",
    )
    .labels(&["source"]),
    Family::counter(
        TRADES_RECEIVED,
        "Trades received, except in requests that were refused as a whole.",
    )
    .labels(&["source"]),
    Family::counter(TRADES_INSERTED, "Trades newly stored.").labels(&["source"]),
    Family::counter(TRADES_DUPLICATES, "Trades that were stored before.").labels(&["source"]),
    Family::counter(
        TRADES_CONFLICTS,
        "Trades refused because other content is stored under their key.",
    )
    .labels(&["source"]),
    Family::counter(TRADES_REJECTED, "Invalid trades, which can never be stored.")
        .labels(&["source"]),
    Family::counter(WRITE_RETRIES, "Retries of writes of feed ticks."),
    Family::gauge(
        FEED_TICKS_WAITING,
        Unit::Count,
        "Feed ticks that wait to be stored.",
    ),
    Family::gauge(
        FEED_TRADES_WAITING,
        Unit::Count,
        "Feed trades that wait to be stored.",
    ),
    Family::gauge(
        FEED_CONNECTED,
        Unit::Count,
        "1 while the feed is connected to its venue, otherwise 0.",
    )
    .labels(&["feed"]),
    Family::gauge(
        FEED_MESSAGE_AGE,
        Unit::Seconds,
        "Time since the last message of the venue of the feed.",
    )
    .labels(&["feed"]),
    Family::counter(FEED_MESSAGES, "Messages that the venue of the feed sent.").labels(&["feed"]),
    Family::counter(
        FEED_MESSAGES_REFUSED,
        "Messages of the venue of the feed that were not applied.",
    )
    .labels(&["feed"]),
    Family::counter(
        FEED_CONNECTIONS,
        "Connections to the venue of the feed that were opened.",
    )
    .labels(&["feed"]),
    Family::counter(
        FEED_FAILED_ATTEMPTS,
        "Attempts to connect to the venue of the feed that opened no connection.",
    )
    .labels(&["feed"]),
    Family::counter(
        FEED_CONNECTION_ENDS,
        "Connections to the venue of the feed that ended.",
    )
    .labels(&["feed", "reason"]),
    Family::gauge(FEED_BOOKS, Unit::Count, "Subscribed books of the feed.")
        .labels(&["feed", "state"]),
    Family::counter(
        FEED_STALE_BOOKS,
        "Times that a book of the feed became stale.",
    )
    .labels(&["feed"]),
    Family::counter(
        FEED_GAPS,
        "Gaps of the feed that began: times in which records of a symbol and channel may be lost.",
    )
    .labels(&["feed"]),
    Family::gauge(FEED_OPEN_GAPS, Unit::Count, "Gaps of the feed that last.").labels(&["feed"]),
    Family::counter(
        FEED_GAPS_FILLED,
        "Gaps of the feed whose trades were stored later.",
    )
    .labels(&["feed"]),
    Family::counter(
        FEED_TRADES_FILLED,
        "Trades that were stored to fill gaps of the feed.",
    )
    .labels(&["feed"]),
    Family::counter(
        SYNC_SYMBOLS,
        "Symbols that syncs with the list of the venue of the feed found new, changed, missing, or unusable.",
    )
    .labels(&["feed", "outcome"]),
    Family::counter(
        SYNC_FAILURES,
        "Syncs of symbols that failed, since the venue of the feed gave no list or the list was not stored.",
    )
    .labels(&["feed"]),
    Family::gauge(
        SYNC_TIME,
        Unit::Seconds,
        "Time of the last sync of the symbols of the feed, in seconds since 1970-01-01 UTC.",
    )
    .labels(&["feed"]),
    Family::gauge(
        BACKLOG_AGE,
        Unit::Seconds,
        "Age of the oldest late tick whose candles wait for a refresh.",
    ),
    Family::gauge(
        CHANGES_WAITING,
        Unit::Count,
        "Changes of ticks that wait for a refresh of candles. Every read of candles examines all of them.",
    ),
    Family::counter(
        WEBSOCKET_CLOSED,
        "WebSocket connections that the server has closed.",
    )
    .labels(&["code"]),
    Family::counter(
        CANDLE_BUFFER_FULL,
        "Times that the ticks or trades of a series did not fit into websocket.candle_buffer. Its candles arrive later.",
    ),
    Family::counter(
        BOOK_CHANGES_MERGED,
        "Changes of live order books that a WebSocket client got in one message with later ones.",
    ),
    Family::counter(
        LEDGER_APPENDED,
        "Order events that were booked.",
    )
    .labels(&["kind"]),
    Family::counter(
        LEDGER_DUPLICATES,
        "Order events that were booked before, with the same content.",
    )
    .labels(&["kind"]),
    Family::counter(
        LEDGER_CONFLICTS,
        "Order events that were quarantined, since their id is booked with other content.",
    )
    .labels(&["kind"]),
    Family::counter(
        LEDGER_QUARANTINED,
        "Order events that were quarantined, since they cannot be booked.",
    )
    .labels(&["reason"]),
    Family::counter(
        LEDGER_REJECTED,
        "Elements of requests that are not order events, or name an unknown symbol. They are not stored.",
    ),
    Family::counter(RISK_EVENTS, "Risk events that were recorded."),
    Family::counter(
        RISK_EVENT_FAILURES,
        "Risk events that could not be recorded; the log has them.",
    ),
    Family::counter(
        AUDIT_FAILURES,
        "Changes that could not be recorded in the audit log, or whose head could not be written; the log has them.",
    ),
    Family::counter(
        LEDGER_OVERFILLS,
        "Events by which more of an order was executed than ordered. They are booked.",
    ),
    Family::histogram(
        LEDGER_APPEND_DURATION,
        Unit::Seconds,
        REQUEST_SECONDS,
        "Duration of an append of order events in the store.",
    )
    .labels(&["outcome"]),
    Family::counter(
        LEDGER_EVENTS_MISSED,
        "Order events that a WebSocket client missed because too many waited. A gap reports them to the client.",
    ),
    Family::gauge(
        RABBITMQ_CONNECTED,
        Unit::Count,
        "1 while the server is connected to RabbitMQ, otherwise 0.",
    )
    .labels(&["records"]),
    Family::counter(
        RABBITMQ_CONNECTIONS,
        "Connections to RabbitMQ that were opened.",
    )
    .labels(&["records"]),
    Family::gauge(
        RABBITMQ_WAITING,
        Unit::Count,
        "Events that wait for the name of their symbol before they are published to RabbitMQ.",
    )
    .labels(&["records"]),
    Family::counter(
        "process_cpu_seconds_total",
        "User and system processor time of the process, in whole seconds.",
    )
    .unit(Unit::Seconds),
    Family::gauge(
        "process_open_fds",
        Unit::Count,
        "Open file descriptors of the process.",
    ),
    Family::gauge(
        "process_max_fds",
        Unit::Count,
        "Maximum number of open file descriptors of the process, 0 if unlimited.",
    ),
    Family::gauge(
        "process_resident_memory_bytes",
        Unit::Bytes,
        "Resident memory of the process.",
    ),
    Family::gauge(
        "process_virtual_memory_bytes",
        Unit::Bytes,
        "Virtual memory of the process.",
    ),
    Family::gauge(
        "process_virtual_memory_max_bytes",
        Unit::Bytes,
        "Maximum virtual memory of the process, 0 if unlimited.",
    ),
    Family::gauge(
        "process_start_time_seconds",
        Unit::Seconds,
        "Start of the process, in seconds since 1970-01-01 UTC.",
    ),
    Family::gauge("process_threads", Unit::Count, "Threads of the process."),
];

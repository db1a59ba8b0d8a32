//! The records of feeds.

use crate::ingest::quality::CheckedEvent;
use crate::ingest::record::QuarantinableRecord;

/// A record that feeds deliver: a tick or a trade.
pub trait FeedRecord: QuarantinableRecord + CheckedEvent {}

impl<R: QuarantinableRecord + CheckedEvent> FeedRecord for R {}

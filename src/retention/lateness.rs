//! The age of rows that the scheduled refresh includes.

use super::declared::{RefreshPolicy, RetentionPolicies};
use super::policy_duration::PolicyDuration;
use crate::domain::Timeframe;

/// The age beyond which a tick or trade may be missed by the scheduled refresh, regardless of job timing.
#[must_use]
pub fn late_after(policies: &RetentionPolicies) -> PolicyDuration {
    policies
        .refresh
        .iter()
        .filter_map(|(timeframe, refresh)| reach(*timeframe, *refresh))
        .min()
        .unwrap_or(policies.lateness)
}

/// The largest age at which a tick or trade may arrive so that a later run still refreshes the whole bucket
/// of it.
fn reach(timeframe: Timeframe, refresh: RefreshPolicy) -> Option<PolicyDuration> {
    let bucket = PolicyDuration::from(timeframe.duration());
    // the tick may arrive just after a run, and the next run may be late by the same interval
    Some(refresh.start_offset? - bucket - refresh.every * 2)
}

//! Risk events and entries of the audit log as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tickbook_ledger::domain::{AccountId, AuditEntry, RiskEvent, StrategyId};
use utoipa::ToSchema;

use crate::wire::{DecimalText, TimeText};

/// A risk event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "risk_event_id": 17, "kind": "position_limit", "severity": "critical", "account_id": 7, "strategy_id": null,
    "symbol_id": 1, "metric": "quantity", "observed": "120.5", "threshold": "100", "action": null,
    "details": {"position": "net"}, "occurred_at": "2026-12-01T09:30:00.000000Z",
    "recorded_at": "2026-12-01T09:30:00.000100Z", "acknowledgement": null
}))]
pub struct RiskEventBody {
    /// The id, positive.
    #[schema(example = 17, minimum = 1)]
    pub risk_event_id: i64,
    /// overfill, position_limit, drawdown, stale_feed or conflict_rate.
    #[schema(example = "position_limit")]
    pub kind: String,
    /// info, warning or critical.
    #[schema(example = "critical")]
    pub severity: String,
    /// The account; null if the event is about no account.
    pub account_id: Option<i64>,
    /// The strategy.
    pub strategy_id: Option<i64>,
    /// The symbol.
    pub symbol_id: Option<i64>,
    /// The name of the observed number.
    #[schema(example = "quantity")]
    pub metric: String,
    /// Its value.
    pub observed: DecimalText,
    /// Its limit.
    pub threshold: DecimalText,
    /// What was done about it.
    pub action: Option<String>,
    /// Further facts.
    pub details: BTreeMap<String, String>,
    /// When it was observed.
    pub occurred_at: TimeText,
    /// When it was recorded.
    pub recorded_at: TimeText,
    /// Who has seen it; null if nobody has said so.
    pub acknowledgement: Option<AcknowledgementBody>,
}

/// Who has seen a risk event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AcknowledgementBody {
    /// Who.
    #[schema(example = "token:operator")]
    pub by: String,
    /// A note.
    #[schema(example = "limit raised")]
    pub note: String,
    /// When.
    pub at: TimeText,
}

impl From<RiskEvent> for RiskEventBody {
    fn from(stored: RiskEvent) -> Self {
        let event = stored.event;
        let acknowledgement = stored.acknowledgement.map(|it| AcknowledgementBody {
            by: it.by,
            note: it.note,
            at: TimeText(it.at),
        });
        Self {
            risk_event_id: stored.risk_event_id.get(),
            kind: event.kind.as_str().to_owned(),
            severity: event.severity.as_str().to_owned(),
            account_id: event.account_id.map(AccountId::get),
            strategy_id: event.strategy_id.map(StrategyId::get),
            symbol_id: event.symbol_id.map(|id| id.get()),
            metric: event.metric,
            observed: DecimalText(event.observed),
            threshold: DecimalText(event.threshold),
            action: event.action,
            details: event.details,
            occurred_at: TimeText(event.occurred_at),
            recorded_at: TimeText(stored.recorded_at),
            acknowledgement,
        }
    }
}

/// A page of risk events.
#[derive(Debug, Serialize, ToSchema)]
pub struct RiskEventList {
    /// The events.
    pub data: Vec<RiskEventBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// An acknowledgement of a risk event. Unknown fields are refused.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"note": "limit raised"}))]
pub struct NewAcknowledgementBody {
    /// A note, at most 500 printable characters.
    #[serde(default)]
    #[schema(example = "limit raised")]
    pub note: String,
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "chain": 0, "sequence": 1, "occurred_at": "2026-12-01T09:30:00.000000Z", "actor": "token:operator", "role": "admin",
    "action": "PATCH /api/v1/symbols/{symbol}", "resource_type": "symbols", "resource_id": "7",
    "details": {"body": "{\"name\": \"EUR/USD\"}", "status": "200"}, "ip": "192.0.2.1", "user_agent": "curl/8",
    "success": true, "error": null, "key_id": "2026-12",
    "previous_mac": "0000000000000000000000000000000000000000000000000000000000000000",
    "mac": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
}))]
pub struct AuditEntryBody {
    /// The chain: 0 for the installation, otherwise the tenant.
    #[schema(example = 0, minimum = 0)]
    pub chain: i64,
    /// The number within the chain, without gaps.
    #[schema(example = 1, minimum = 1)]
    pub sequence: i64,
    /// When the change was recorded.
    pub occurred_at: TimeText,
    /// Who made the change.
    #[schema(example = "token:operator")]
    pub actor: String,
    /// The scopes or roles of the actor.
    pub role: Option<String>,
    /// The kind of change.
    #[schema(example = "symbols.rename")]
    pub action: String,
    /// The kind of resource.
    #[schema(example = "symbol")]
    pub resource_type: String,
    /// The resource.
    #[schema(example = "7")]
    pub resource_id: String,
    /// Arguments of the change.
    pub details: BTreeMap<String, String>,
    /// The address of the client.
    pub ip: Option<String>,
    /// The program of the client.
    pub user_agent: Option<String>,
    /// Whether the change was made.
    pub success: bool,
    /// Why it was not made.
    pub error: Option<String>,
    /// The key of the code.
    #[schema(example = "2026-12")]
    pub key_id: String,
    /// The code of the previous entry: 64 hexadecimal digits.
    pub previous_mac: String,
    /// The code of this entry.
    pub mac: String,
}

impl From<AuditEntry> for AuditEntryBody {
    fn from(entry: AuditEntry) -> Self {
        let change = entry.change;
        Self {
            chain: entry.chain.get(),
            sequence: entry.sequence,
            occurred_at: TimeText(entry.occurred_at),
            actor: change.actor,
            role: change.role,
            action: change.action,
            resource_type: change.resource_type,
            resource_id: change.resource_id,
            details: change.details,
            ip: change.ip.map(|ip| ip.to_string()),
            user_agent: change.user_agent,
            success: change.success,
            error: change.error,
            key_id: entry.key_id.to_string(),
            previous_mac: entry.previous_mac.to_string(),
            mac: entry.mac.to_string(),
        }
    }
}

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntryList {
    /// The entries.
    pub data: Vec<AuditEntryBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

//! Strategies and versions as JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tickbook::domain::SymbolId;
use tickbook_ledger::domain::{
    JsonObject, NewStrategy, NewStrategyVersion, Strategy, StrategyVersion, TenantId,
};
use utoipa::ToSchema;

use crate::wire::TimeText;

/// A strategy. What it does is in its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "strategy_id": 1, "tenant_id": 1, "name": "ema_crossover", "description": "Crossover of two averages",
    "class_name": "EmaCrossover", "strategy_type": "trend", "last_version": 3,
    "created_at": "2024-05-01T12:00:00.100000Z"
}))]
pub struct StrategyBody {
    /// The id, positive.
    #[schema(example = 1, minimum = 1)]
    pub strategy_id: i64,
    /// The owner, positive.
    #[schema(example = 1, minimum = 1)]
    pub tenant_id: i64,
    /// The name, unique within the tenant.
    #[schema(example = "ema_crossover")]
    pub name: String,
    /// Free text; may be empty.
    #[schema(example = "Crossover of two averages")]
    pub description: String,
    /// The class or function that implements the strategy.
    pub class_name: Option<String>,
    /// The kind of strategy.
    pub strategy_type: Option<String>,
    /// The number of the last version; 0 without versions.
    #[schema(example = 3, minimum = 0)]
    pub last_version: i32,
    /// When the strategy was created.
    pub created_at: TimeText,
}

impl From<Strategy> for StrategyBody {
    fn from(strategy: Strategy) -> Self {
        let terms = strategy.terms;
        Self {
            strategy_id: strategy.strategy_id.get(),
            tenant_id: terms.tenant_id.get(),
            name: terms.name,
            description: terms.description,
            class_name: terms.class_name,
            strategy_type: terms.strategy_type,
            last_version: strategy.last_version,
            created_at: TimeText(strategy.created_at),
        }
    }
}

/// A page of strategies, by ascending `strategy_id`.
#[derive(Debug, Serialize, ToSchema)]
pub struct StrategyList {
    /// The strategies.
    pub data: Vec<StrategyBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// A new strategy. Unknown fields are refused.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "ema_crossover", "class_name": "EmaCrossover", "strategy_type": "trend"}))]
pub struct NewStrategyBody {
    /// The owner, positive; 1 if omitted.
    #[serde(default)]
    #[schema(example = 1, minimum = 1)]
    pub tenant_id: Option<i64>,
    /// The name, unique within the tenant; 1 to 100 printable characters.
    #[schema(example = "ema_crossover")]
    pub name: String,
    /// Up to 1,000 printable characters.
    #[serde(default)]
    pub description: Option<String>,
    /// The class or function that implements the strategy; 1 to 100 printable characters.
    #[serde(default)]
    pub class_name: Option<String>,
    /// The kind of strategy; 1 to 100 printable characters.
    #[serde(default)]
    pub strategy_type: Option<String>,
}

impl NewStrategyBody {
    /// Converts the body into the strategy to create.
    #[must_use]
    pub fn into_strategy(self) -> NewStrategy {
        NewStrategy::new(TenantId::new(self.tenant_id.unwrap_or(1)), self.name)
            .description(self.description.unwrap_or_default())
            .class_name(self.class_name)
            .strategy_type(self.strategy_type)
    }
}

/// A version of a strategy. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "strategy_id": 1, "version": 3, "parameters": {"fast_ema": 9, "slow_ema": 21},
    "risk_limits": {"max_loss": "1000"}, "symbols": [1], "code_ref": "git:8f14e45",
    "content_hash": "d4d21fc1a5a9d3a2a3b4ed3ea1f2b80c2a2b6a5cf28a0f9d5b8b6cf8a1e1ab01", "created_by": null,
    "created_at": "2024-05-01T12:00:00.100000Z"
}))]
pub struct StrategyVersionBody {
    /// The strategy.
    #[schema(example = 1, minimum = 1)]
    pub strategy_id: i64,
    /// The number within the strategy: 1, 2, 3 and so on.
    #[schema(example = 3, minimum = 1)]
    pub version: i32,
    /// The parameters, in canonical form.
    #[schema(value_type = Object)]
    pub parameters: Value,
    /// The limits of risk, in canonical form.
    #[schema(value_type = Object)]
    pub risk_limits: Value,
    /// The symbols that the strategy trades, by ascending id.
    pub symbols: Vec<i64>,
    /// The code, such as a commit or the digest of an image.
    #[schema(example = "git:8f14e45")]
    pub code_ref: String,
    /// The SHA-256 digest of the content.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub content_hash: String,
    /// Who added the version.
    pub created_by: Option<String>,
    /// When the version was added.
    pub created_at: TimeText,
}

impl From<StrategyVersion> for StrategyVersionBody {
    fn from(version: StrategyVersion) -> Self {
        let terms = version.terms;
        Self {
            strategy_id: version.strategy_id.get(),
            version: version.version,
            parameters: terms.parameters.into_value(),
            risk_limits: terms.risk_limits.into_value(),
            symbols: terms.symbols.iter().map(|id| id.get()).collect(),
            code_ref: terms.code_ref,
            content_hash: version.content_hash.to_string(),
            created_by: terms.created_by,
            created_at: TimeText(version.created_at),
        }
    }
}

/// A page of versions, by ascending number.
#[derive(Debug, Serialize, ToSchema)]
pub struct StrategyVersionList {
    /// The versions.
    pub data: Vec<StrategyVersionBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// A new version. Unknown fields are refused.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "code_ref": "git:8f14e45", "parameters": {"fast_ema": 9, "slow_ema": 21}, "symbols": [1]
}))]
pub struct NewStrategyVersionBody {
    /// The code, such as a commit or the digest of an image; 1 to 300 printable characters.
    #[schema(example = "git:8f14e45")]
    pub code_ref: String,
    /// An object; empty if omitted. Write decimals that have to be exact as strings.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Value>,
    /// An object; empty if omitted.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub risk_limits: Option<Value>,
    /// The symbols that the strategy trades, at most 1,000.
    #[serde(default)]
    pub symbols: Vec<i64>,
    /// Who adds the version; 1 to 100 printable characters.
    #[serde(default)]
    pub created_by: Option<String>,
}

fn object(name: &str, value: Option<Value>) -> Result<JsonObject, String> {
    let object = value.map_or_else(|| Ok(JsonObject::default()), JsonObject::new);
    object.map_err(|error| format!("{name}: {error}"))
}

impl NewStrategyVersionBody {
    /// Converts the body into the version to add.
    ///
    /// # Errors
    /// The parameters or the limits are not an object, or cannot be stored exactly.
    pub fn into_version(self) -> Result<NewStrategyVersion, String> {
        let symbols = self.symbols.into_iter().map(SymbolId::new);
        Ok(NewStrategyVersion::new(self.code_ref)
            .parameters(object("parameters", self.parameters)?)
            .risk_limits(object("risk_limits", self.risk_limits)?)
            .symbols(symbols)
            .created_by(self.created_by))
    }
}

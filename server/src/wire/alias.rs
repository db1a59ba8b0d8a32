//! Names of symbols in feeds as JSON.

use serde::{Deserialize, Serialize};
use tickbook::repository::FeedSymbol;
use utoipa::ToSchema;

use super::element::{Field, Value};
use super::rejection::Rejection;

/// The name of a symbol in a feed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AliasBody {
    /// The feed, 1 to 50 characters.
    #[schema(example = "ctrader")]
    pub feed: String,
    /// The name or number of the symbol in the feed, 1 to 100 characters.
    #[schema(example = "1")]
    pub key: String,
}

/// The names of a symbol in feeds, by ascending feed and key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AliasList {
    /// The names.
    pub data: Vec<AliasBody>,
    /// Always null: a symbol has few names.
    pub next_cursor: Option<String>,
}

/// A name to add. Unknown and repeated fields are refused.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"feed": "ctrader", "key": "1"}))]
pub struct NewAlias {
    /// The feed, 1 to 50 characters.
    pub feed: String,
    /// The name or number of the symbol in the feed, 1 to 100 characters.
    pub key: String,
    /// Whether the name is taken from the symbol that has it; false if omitted.
    #[serde(default)]
    #[schema(required = false)]
    pub r#move: bool,
}

impl NewAlias {
    /// Parses a name from valid JSON.
    ///
    /// # Errors
    /// The first problem.
    pub fn read(json: &str) -> Result<Self, Rejection> {
        let [feed, key, moves] = Field::all_of(json, "name", ["feed", "key", "move"])?;
        let moves = moves.given().map(Value::boolean).transpose()?;
        Ok(Self {
            feed: feed.required()?.string()?,
            key: key.required()?.string()?,
            r#move: moves.unwrap_or(false),
        })
    }
}

impl From<FeedSymbol> for AliasBody {
    fn from(name: FeedSymbol) -> Self {
        Self {
            feed: name.feed,
            key: name.feed_key,
        }
    }
}

impl From<Vec<FeedSymbol>> for AliasList {
    fn from(names: Vec<FeedSymbol>) -> Self {
        Self {
            data: names.into_iter().map(Into::into).collect(),
            next_cursor: None,
        }
    }
}

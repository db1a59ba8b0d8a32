//! Strategies and their versions.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use tickbook::domain::SymbolId;

use super::checked_text::{InvalidText, check_text};
use super::event_key::{ContentHash, Hasher};
use super::ids::{MAX_ID_CHARS, StrategyId, TenantId};
use super::json_object::JsonObject;

/// The largest number of characters of the description of a strategy.
pub const MAX_DESCRIPTION_CHARS: usize = 1_000;
/// The largest number of characters of a code reference.
pub const MAX_CODE_REF_CHARS: usize = 300;
/// The largest number of symbols of a version.
pub const MAX_VERSION_SYMBOLS: usize = 1_000;

/// Why a strategy or a version is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidStrategy {
    /// The tenant is below 1.
    #[error("invalid tenant_id {0}: expected 1 or more")]
    Tenant(TenantId),
    /// A text is invalid.
    #[error(transparent)]
    Text(#[from] InvalidText),
    /// A symbol is below 1.
    #[error("invalid symbol_id {0} in symbols: expected 1 or more")]
    Symbol(SymbolId),
    /// There are too many symbols. Holds their number.
    #[error("invalid symbols: expected at most {MAX_VERSION_SYMBOLS}, got {0}")]
    Symbols(usize),
}

/// A strategy to create.
///
/// # Examples
/// ```
/// use tickbook_ledger::domain::{NewStrategy, TenantId};
///
/// let strategy = NewStrategy::new(TenantId::new(1), "ema_crossover").class_name("EmaCrossover".to_owned());
/// assert!(strategy.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewStrategy {
    /// The owner.
    pub tenant_id: TenantId,
    /// The name, unique within the tenant; 1 to 100 printable characters.
    pub name: String,
    /// Free text of up to 1,000 printable characters; empty by default.
    pub description: String,
    /// The class or function that implements the strategy; 1 to 100 printable characters.
    pub class_name: Option<String>,
    /// The kind of strategy, such as `trend`; 1 to 100 printable characters.
    pub strategy_type: Option<String>,
}

impl NewStrategy {
    /// A strategy without a description.
    #[must_use]
    pub fn new(tenant_id: TenantId, name: impl Into<String>) -> Self {
        Self {
            tenant_id,
            name: name.into(),
            description: String::new(),
            class_name: None,
            strategy_type: None,
        }
    }

    /// Sets the description.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Sets the class that implements the strategy.
    #[must_use]
    pub fn class_name(mut self, name: impl Into<Option<String>>) -> Self {
        self.class_name = name.into();
        self
    }

    /// Sets the kind of strategy.
    #[must_use]
    pub fn strategy_type(mut self, name: impl Into<Option<String>>) -> Self {
        self.strategy_type = name.into();
        self
    }

    /// Checks the tenant and the texts.
    ///
    /// # Errors
    /// The first invalid field.
    pub fn check(&self) -> Result<(), InvalidStrategy> {
        if self.tenant_id.get() < 1 {
            return Err(InvalidStrategy::Tenant(self.tenant_id));
        }
        check_text("name", &self.name, 1, MAX_ID_CHARS)?;
        check_text("description", &self.description, 0, MAX_DESCRIPTION_CHARS)?;
        for (field, text) in [
            ("class_name", &self.class_name),
            ("strategy_type", &self.strategy_type),
        ] {
            if let Some(text) = text {
                check_text(field, text, 1, MAX_ID_CHARS)?;
            }
        }
        Ok(())
    }
}

/// A strategy. What it does is in its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Strategy {
    /// The id.
    pub strategy_id: StrategyId,
    /// The values that the strategy was created with.
    pub terms: NewStrategy,
    /// When it was created, in whole microseconds.
    pub created_at: DateTime<Utc>,
    /// The number of its last version; 0 without versions.
    pub last_version: i32,
}

impl Strategy {
    /// A strategy without versions.
    #[must_use]
    pub fn new(strategy_id: StrategyId, terms: NewStrategy, created_at: DateTime<Utc>) -> Self {
        Self {
            strategy_id,
            terms,
            created_at,
            last_version: 0,
        }
    }
}

/// A version of a strategy to add: everything that determines what the strategy does.
///
/// # Examples
/// ```
/// use tickbook::domain::SymbolId;
/// use tickbook_ledger::domain::NewStrategyVersion;
///
/// let version = NewStrategyVersion::new("git:8f14e45").parameters(r#"{"fast_ema": 9, "slow_ema": 21}"#.parse()?);
/// let same = NewStrategyVersion::new("git:8f14e45").parameters(r#"{"slow_ema": 21.0, "fast_ema": 9}"#.parse()?);
/// assert_eq!(version.content_hash(), same.content_hash());
/// assert_ne!(version.content_hash(), same.symbols([SymbolId::new(7)]).content_hash());
/// # Ok::<_, tickbook_ledger::domain::InvalidJson>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewStrategyVersion {
    /// The parameters.
    pub parameters: JsonObject,
    /// The limits of risk.
    pub risk_limits: JsonObject,
    /// The symbols that the strategy trades; at most 1,000.
    pub symbols: BTreeSet<SymbolId>,
    /// The code, such as a commit or the digest of an image; 1 to 300 printable characters.
    pub code_ref: String,
    /// Who adds the version; 1 to 100 printable characters. It does not belong to the content.
    pub created_by: Option<String>,
}

impl NewStrategyVersion {
    /// A version without parameters, limits and symbols.
    #[must_use]
    pub fn new(code_ref: impl Into<String>) -> Self {
        Self {
            parameters: JsonObject::default(),
            risk_limits: JsonObject::default(),
            symbols: BTreeSet::new(),
            code_ref: code_ref.into(),
            created_by: None,
        }
    }

    /// Sets the parameters.
    #[must_use]
    pub fn parameters(mut self, parameters: JsonObject) -> Self {
        self.parameters = parameters;
        self
    }

    /// Sets the limits of risk.
    #[must_use]
    pub fn risk_limits(mut self, limits: JsonObject) -> Self {
        self.risk_limits = limits;
        self
    }

    /// Sets the symbols.
    #[must_use]
    pub fn symbols(mut self, symbols: impl IntoIterator<Item = SymbolId>) -> Self {
        self.symbols = symbols.into_iter().collect();
        self
    }

    /// Sets who adds the version.
    #[must_use]
    pub fn created_by(mut self, name: impl Into<Option<String>>) -> Self {
        self.created_by = name.into();
        self
    }

    /// Checks the texts and the symbols.
    ///
    /// # Errors
    /// The first invalid field.
    pub fn check(&self) -> Result<(), InvalidStrategy> {
        check_text("code_ref", &self.code_ref, 1, MAX_CODE_REF_CHARS)?;
        if let Some(name) = &self.created_by {
            check_text("created_by", name, 1, MAX_ID_CHARS)?;
        }
        if self.symbols.len() > MAX_VERSION_SYMBOLS {
            return Err(InvalidStrategy::Symbols(self.symbols.len()));
        }
        match self.symbols.first() {
            Some(symbol) if symbol.get() < 1 => Err(InvalidStrategy::Symbol(*symbol)),
            _ => Ok(()),
        }
    }

    /// Returns the digest of parameters, limits, symbols and code reference. Two versions have the same digest if and
    /// only if these are equal.
    #[must_use]
    pub fn content_hash(&self) -> ContentHash {
        let mut hasher = Hasher::default();
        hasher.field(&self.parameters).field(&self.risk_limits);
        hasher.field(self.symbols.len());
        for symbol in &self.symbols {
            hasher.field(symbol);
        }
        hasher.field(&self.code_ref);
        hasher.finish()
    }
}

/// A version of a strategy. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StrategyVersion {
    /// The strategy.
    pub strategy_id: StrategyId,
    /// The number within the strategy: 1, 2, 3 and so on, without gaps.
    pub version: i32,
    /// The content.
    pub terms: NewStrategyVersion,
    /// The digest of the content.
    pub content_hash: ContentHash,
    /// When it was added, in whole microseconds.
    pub created_at: DateTime<Utc>,
}

impl StrategyVersion {
    /// A version with the digest of its content.
    #[must_use]
    pub fn new(
        strategy_id: StrategyId,
        version: i32,
        terms: NewStrategyVersion,
        created_at: DateTime<Utc>,
    ) -> Self {
        Self {
            strategy_id,
            version,
            content_hash: terms.content_hash(),
            terms,
            created_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_content_is_in_the_hash() {
        let json = |text: &str| text.parse::<JsonObject>().expect("an object");
        let version = NewStrategyVersion::new("c1").symbols([SymbolId::new(1), SymbolId::new(2)]);
        let hash = version.content_hash();
        let others = [
            NewStrategyVersion::new("c2").symbols(version.symbols.clone()),
            version.clone().parameters(json(r#"{"a":1}"#)),
            version.clone().risk_limits(json(r#"{"a":1}"#)),
            version.clone().symbols([SymbolId::new(12)]),
        ];
        let hashes: BTreeSet<_> = others.iter().map(|it| it.content_hash()).collect();
        assert_eq!(hashes.len(), others.len());
        assert!(!hashes.contains(&hash));
        let by_another = version.created_by("x".to_owned());
        assert_eq!(by_another.content_hash(), hash);
    }

    #[test]
    fn hash_of_a_content_stays_the_same() {
        // each field as its length in eight bytes, and its text: {}, {}, 1, 7, git:8f14e45
        let version = NewStrategyVersion::new("git:8f14e45").symbols([SymbolId::new(7)]);
        let expected = "bbdcf6e4f2c2b993262683a8092965c66947e1894a47cb04243a0392381a6d0a";
        assert_eq!(version.content_hash().to_string(), expected);
    }

    #[test]
    fn invalid_strategies_are_refused_with_the_field() {
        let strategy = |name: &str| NewStrategy::new(TenantId::new(1), name);
        assert_eq!(strategy("a").check(), Ok(()));
        for (invalid, field) in [
            (strategy(""), "name"),
            (strategy("a").class_name(String::new()), "class_name"),
            (
                strategy("a").strategy_type("\n".to_owned()),
                "strategy_type",
            ),
            (strategy("a").description("x".repeat(1_001)), "description"),
        ] {
            let error = invalid.check().expect_err(field).to_string();
            assert!(error.starts_with(&format!("invalid {field} ")), "{error}");
        }
        let many = (1..=1_001).map(SymbolId::new);
        for (invalid, field) in [
            (NewStrategyVersion::new(""), "code_ref"),
            (
                NewStrategyVersion::new("a").created_by(String::new()),
                "created_by",
            ),
            (
                NewStrategyVersion::new("a").symbols([SymbolId::new(0)]),
                "symbol_id",
            ),
            (NewStrategyVersion::new("a").symbols(many), "symbols"),
        ] {
            let error = invalid.check().expect_err(field).to_string();
            assert!(error.starts_with(&format!("invalid {field}")), "{error}");
        }
    }
}

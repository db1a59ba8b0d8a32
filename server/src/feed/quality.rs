//! The quality rules of the settings.

use tickbook::RepositoryError;
use tickbook::config::QualityConfig;
use tickbook::ingest::quality::SymbolRules;
use tickbook::repository::SymbolRepository;

/// The rules of the settings. The log names symbols of them that do not exist.
///
/// # Errors
/// What the repository says.
pub async fn rules(
    config: &QualityConfig,
    symbols: &dyn SymbolRepository,
) -> Result<SymbolRules, RepositoryError> {
    let found = SymbolRules::find(&config.rules, &config.symbols, symbols).await?;
    for name in found.unknown {
        tracing::warn!(
            name,
            "[quality.symbols] names a symbol that does not exist: its rules are not used"
        );
    }
    Ok(found.rules)
}

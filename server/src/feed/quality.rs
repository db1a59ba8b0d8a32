//! The quality rules of the settings.

use tickbook::RepositoryError;
use tickbook::config::QualityConfig;
use tickbook::ingest::quality::SymbolRules;
use tickbook::repository::SymbolRepository;

/// Reads the quality rules from the settings. Symbols in the settings that do not exist are logged.
///
/// # Errors
/// The errors of the repository.
pub async fn rules(
    config: &QualityConfig,
    symbols: &dyn SymbolRepository,
) -> Result<SymbolRules, RepositoryError> {
    let found = SymbolRules::find(&config.rules, &config.symbols, symbols).await?;
    for name in found.unknown {
        tracing::warn!(
            name,
            "[quality.symbols] names a symbol that does not exist: its rules are ignored"
        );
    }
    Ok(found.rules)
}

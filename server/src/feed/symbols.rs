//! The symbols of a feed.

use tickbook::RepositoryError;
use tickbook::domain::{NewSymbol, Symbol, SymbolReference};
use tickbook::repository::SymbolRepository;

/// The symbol that `reference` names, or `new`, created, when there is none.
///
/// # Errors
/// Several exchanges have the name; and what the repository says.
pub async fn find_or_create(
    symbols: &dyn SymbolRepository,
    reference: &SymbolReference,
    new: NewSymbol,
) -> Result<Symbol, RepositoryError> {
    if let Some(symbol) = symbols.get_by_name(reference).await? {
        return Ok(symbol);
    }
    match symbols.create(new).await {
        // somebody else was quicker
        Err(error @ RepositoryError::AlreadyExists { .. }) => {
            symbols.get_by_name(reference).await?.ok_or(error)
        }
        created => created,
    }
}

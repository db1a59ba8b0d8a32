//! Looks up or creates the symbols of a feed.

use tickbook::RepositoryError;
use tickbook::domain::{NewSymbol, Symbol, SymbolReference};
use tickbook::repository::{SymbolRepository, find_symbol};

/// Returns the symbol that `reference` identifies by id or name. If no symbol has the name, creates `new`.
///
/// # Errors
/// Several exchanges have a symbol of that name; no symbol has the id; and the errors of the repository.
pub async fn find_or_create(
    symbols: &dyn SymbolRepository,
    reference: &SymbolReference,
    new: NewSymbol,
) -> Result<Symbol, RepositoryError> {
    if let Some(symbol) = find_symbol(symbols, reference).await? {
        return Ok(symbol);
    }
    if let Some(id) = reference.id() {
        return Err(RepositoryError::invalid(format!(
            "no symbol has the id {id}: to create one, give its name, such as {}:{}",
            new.exchange, new.name
        )));
    }
    match symbols.create(new).await {
        // another process has created it first
        Err(error @ RepositoryError::AlreadyExists { .. }) => {
            symbols.get_by_name(reference).await?.ok_or(error)
        }
        created => created,
    }
}

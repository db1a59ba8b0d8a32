//! The symbols of a feed.

use tickbook::RepositoryError;
use tickbook::domain::{NewSymbol, Symbol, SymbolReference};
use tickbook::repository::{SymbolRepository, find_symbol};

/// The symbol that `reference` means by its id or its name, or `new`, created, when there is none of that
/// name.
///
/// # Errors
/// Several exchanges have the name; no symbol has the id; and what the repository says.
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
            "there is no symbol with the id {id}: name the one to create, such as {}:{}",
            new.exchange, new.name
        )));
    }
    match symbols.create(new).await {
        // somebody else was quicker
        Err(error @ RepositoryError::AlreadyExists { .. }) => {
            symbols.get_by_name(reference).await?.ok_or(error)
        }
        created => created,
    }
}

//! Runs blocking calls outside of the async runtime.

use crate::error::RepositoryError;

/// Runs `work` on a thread that may block, within the present tracing span.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where blocking calls leave the runtime"
)]
pub(super) fn spawn<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
}

/// The error of an operation whose thread panicked or was cancelled.
pub(super) fn internal(operation: &'static str, error: &tokio::task::JoinError) -> RepositoryError {
    let reason = if error.is_panic() {
        "it panicked"
    } else {
        "the runtime is shutting down"
    };
    RepositoryError::Internal {
        operation,
        reason: reason.to_owned(),
    }
}

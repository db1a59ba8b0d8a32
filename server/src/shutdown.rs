//! Signals that ask the server to stop.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels `stop` at the first SIGTERM or SIGINT, and ends the process at the second.
///
/// # Errors
/// The signal handlers cannot be installed.
pub fn on_signals(stop: CancellationToken) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let mut count = 0;
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            count += 1;
            if count > 1 {
                tracing::warn!("a second signal: ending immediately");
                // a normal exit would unload the TLS library while other threads use it
                signal_hook::low_level::exit(1);
            }
            tracing::info!("stopping: a second signal ends the server immediately");
            stop.cancel();
        }
    });
    Ok(())
}

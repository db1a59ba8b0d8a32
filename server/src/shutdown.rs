//! Signals that ask the server to stop, or to read its certificate again.

use std::io;
use std::sync::mpsc::Sender;

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

/// Sends a message at each SIGHUP until `stop`.
///
/// # Errors
/// The signal handler cannot be installed.
pub fn reload_on_hangup(reload: Sender<()>, stop: CancellationToken) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while let Some(Some(())) = stop.run_until_cancelled(hangup.recv()).await {
            // its receiver ends after this sender
            let _ = reload.send(());
        }
    });
    Ok(())
}

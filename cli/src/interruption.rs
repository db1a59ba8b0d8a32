//! Handles SIGINT (Ctrl-C) and SIGTERM.

use std::fmt;
use std::io;
use std::sync::OnceLock;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The signal that asked the command to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupted {
    /// SIGINT, such as from Ctrl-C.
    Int,
    /// SIGTERM.
    Term,
}

impl Interrupted {
    /// 128 plus the signal number, as in shells.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Int => 130,
            Self::Term => 143,
        }
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Int => "interrupted by SIGINT",
            Self::Term => "interrupted by SIGTERM",
        })
    }
}

impl std::error::Error for Interrupted {}

static INTERRUPTION: OnceLock<watch::Sender<Option<Interrupted>>> = OnceLock::new();

/// Records the first signal from now on; a second signal ends the process immediately.
pub(crate) fn listen() -> io::Result<()> {
    let mut int = signal(SignalKind::interrupt())?;
    let mut term = signal(SignalKind::terminate())?;
    let signalled = INTERRUPTION.get_or_init(|| watch::Sender::new(None));
    tokio::spawn(async move {
        loop {
            let this = tokio::select! {
                _ = int.recv() => Interrupted::Int,
                _ = term.recv() => Interrupted::Term,
            };
            if signalled.borrow().is_some() {
                // a normal exit would unload the TLS library while other threads use it
                signal_hook::low_level::exit(this.exit_code().into());
            }
            signalled.send_replace(Some(this));
        }
    });
    Ok(())
}

/// Returns an error after a signal.
pub(crate) fn check() -> Result<(), Interrupted> {
    match INTERRUPTION.get().and_then(|signalled| *signalled.borrow()) {
        Some(signal) => Err(signal),
        None => Ok(()),
    }
}

/// Waits for the first signal.
pub(crate) async fn interrupted() -> Interrupted {
    let mut signalled = INTERRUPTION
        .get_or_init(|| watch::Sender::new(None))
        .subscribe();
    let first = signalled.wait_for(Option::is_some).await.map(|it| *it);
    match first {
        Ok(Some(signal)) => signal,
        // the sender is static
        _ => std::future::pending().await,
    }
}

/// Runs `work` until a signal arrives; then drops it.
pub(crate) async fn unless_interrupted<T>(
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    tokio::select! {
        biased;
        done = work => done,
        signal = interrupted() => Err(signal.into()),
    }
}

//! Serving a router on a listener.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How long requests that have begun may take when the server stops.
pub const DRAIN: Duration = Duration::from_secs(10);

/// Serves `app` until `shutdown` is done, then takes no new connection and waits for the requests
/// that have begun, ten seconds at most.
///
/// # Errors
/// Those of the listener.
pub async fn run(
    listener: TcpListener,
    app: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "small answers may be delayed");
        }
    });
    let stopping = CancellationToken::new();
    let stopped = stopping.clone();
    let serving = axum::serve(listener, app).with_graceful_shutdown(async move {
        shutdown.await;
        stopped.cancel();
    });
    let too_long = async {
        stopping.cancelled().await;
        sleep(DRAIN).await;
    };
    tokio::select! {
        served = async { serving.await } => served,
        () = too_long => {
            tracing::warn!("requests that were still being answered are broken off");
            Ok(())
        }
    }
}

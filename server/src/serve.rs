//! Serves a router on a listener.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::{Http, serve};

/// Maximum time for active requests when the server stops.
pub const DRAIN: Duration = Duration::from_secs(10);

/// Maximum time for incomplete bodies when the server stops.
const LAST_BODIES: Duration = Duration::from_secs(1);

/// Delay after a failed accept, which would fail again immediately if descriptors are exhausted.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves `app` within the limits of `http` until `shutdown` completes. Then it accepts no new connections,
/// closes idle ones, waits one second for incomplete bodies and ten seconds for active requests.
///
/// # Errors
/// None at present: a failed accept is retried.
pub async fn run(
    listener: TcpListener,
    app: Router,
    http: Http,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
    let tasks = TaskTracker::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if !is_of_client(&error) {
                    tracing::error!(%error, "cannot accept a connection");
                    sleep(PAUSE).await;
                }
                continue;
            }
        };
        let Some(place) = http.open().take() else {
            // let connections that were asked to end release their slots
            tokio::task::yield_now().await;
            continue;
        };
        tracing::trace!(%peer, "a connection was accepted");
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY: small responses may be delayed");
        }
        let tokens = (stop.clone(), kill.clone());
        tasks.spawn(serve(
            stream,
            peer,
            place,
            app.clone(),
            http.clone(),
            tokens,
        ));
    }
    drop(listener);
    stop.cancel();
    tasks.close();
    let draining = async {
        if timeout(LAST_BODIES, tasks.wait()).await.is_err() {
            http.no_more_bodies().cancel();
            tasks.wait().await;
        }
    };
    if timeout(DRAIN, draining).await.is_err() {
        tracing::warn!("active requests were aborted");
        kill.cancel();
    }
    Ok(())
}

/// Whether the client disconnected before it was accepted.
fn is_of_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

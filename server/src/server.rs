//! Serving a router on a listener.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::{Http, serve};

/// How long requests that are being answered may take when the server stops.
pub const DRAIN: Duration = Duration::from_secs(10);

/// How long bodies may come after the server was told to stop.
const LAST_BODIES: Duration = Duration::from_secs(1);

/// After a failed accept, which fails again at once where descriptors are short.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves `app` within the limits of `http` until `shutdown` is done. Then it takes no new
/// connection, closes those without a request, waits a second for bodies that have not come whole
/// and ten for requests that are being answered.
///
/// # Errors
/// None at present: a listener that fails is tried again.
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
                    tracing::error!(%error, "a connection cannot be accepted");
                    sleep(PAUSE).await;
                }
                continue;
            }
        };
        let Some(place) = http.open().take() else {
            // those that were told to end have their turn
            tokio::task::yield_now().await;
            continue;
        };
        tracing::trace!(%peer, "a connection was accepted");
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "small answers may be delayed");
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
        tracing::warn!("requests that were still being answered are broken off");
        kill.cancel();
    }
    Ok(())
}

/// The client has gone before it was accepted.
fn is_of_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

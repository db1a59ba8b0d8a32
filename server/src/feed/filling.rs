//! Fills the gaps of venues in the background.

use std::sync::Arc;

use async_trait::async_trait;
use tickbook::RepositoryError;
use tickbook::domain::Trade;
use tickbook::repository::InsertReceipt;
use tickbook_feeds::feed::{FilledTrades, GapFiller};
use tokio_util::sync::CancellationToken;

use crate::app::AppState;
use crate::publish::store_and_publish;

/// Stores trades, and publishes new ones as posted trades are.
#[derive(Debug)]
struct Publishing(AppState);

#[async_trait]
impl FilledTrades for Publishing {
    async fn store(&self, trades: Vec<Trade>) -> Result<InsertReceipt<Trade>, RepositoryError> {
        store_and_publish(&self.0, Arc::new(trades), ()).await
    }
}

/// Runs fillers until `stop` is cancelled.
pub(crate) fn start(fillers: Vec<GapFiller>, app: &AppState, stop: &CancellationToken) {
    for filler in fillers {
        let filler = filler.with_target(Arc::new(Publishing(app.clone())));
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = filler.run() => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

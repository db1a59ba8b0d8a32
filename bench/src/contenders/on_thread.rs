//! Blocking contenders. Each call runs on a thread for blocking work, as in a server and in the library, so
//! that all contenders have the same overhead.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use tickbook::domain::Tick;

use super::Contender;

/// A way to write ticks over one connection that blocks the calling thread.
pub(crate) trait BlockingContender: Send + 'static {
    fn name(&self) -> &'static str;

    /// Preparation that is not measured.
    fn prepare(&mut self, _batches: &[Vec<Tick>]) -> Result<()> {
        Ok(())
    }

    /// Writes `batch`, the prepared batch with the index `number`.
    fn write(&mut self, number: usize, batch: &[Tick]) -> Result<()>;
}

/// A blocking contender, called from the runtime.
pub(crate) struct OnThread<C>(Option<C>);

impl<C> OnThread<C> {
    pub(crate) fn new(contender: C) -> Self {
        Self(Some(contender))
    }
}

#[async_trait]
impl<C: BlockingContender> Contender for OnThread<C> {
    fn name(&self) -> &'static str {
        self.0.as_ref().map_or("", BlockingContender::name)
    }

    fn prepare(&mut self, batches: &[Vec<Tick>]) -> Result<()> {
        self.0
            .as_mut()
            .context("an earlier call failed")?
            .prepare(batches)
    }

    async fn write_all(&mut self, batches: &Arc<Vec<Vec<Tick>>>) -> Result<()> {
        for number in 0..batches.len() {
            let mut contender = self.0.take().context("an earlier call failed")?;
            let batches = Arc::clone(batches);
            #[expect(
                clippy::disallowed_methods,
                reason = "the peers have no executor of connections"
            )]
            let call = tokio::task::spawn_blocking(move || {
                contender.write(number, &batches[number])?;
                anyhow::Ok(contender)
            });
            self.0 = Some(call.await??);
        }
        Ok(())
    }
}

//! Contenders that block: each call goes to a thread for blocking work and back, as a server has to
//! make it and as the library makes it, so that none pays or saves what the others do not.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use tickbook::domain::Tick;

use super::Contender;

/// One way to write ticks over one connection, which blocks the thread that it is called on.
pub(crate) trait BlockingContender: Send + 'static {
    fn name(&self) -> &'static str;

    /// What is not measured.
    fn prepare(&mut self, _batches: &[Vec<Tick>]) -> Result<()> {
        Ok(())
    }

    /// Writes `batch`, which is the one at `number` of those that were prepared.
    fn write(&mut self, number: usize, batch: &[Tick]) -> Result<()>;
}

/// A contender that blocks, called from the runtime.
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
        self.0.as_mut().context("it failed")?.prepare(batches)
    }

    async fn write_all(&mut self, batches: &Arc<Vec<Vec<Tick>>>) -> Result<()> {
        for number in 0..batches.len() {
            let mut contender = self.0.take().context("it failed")?;
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

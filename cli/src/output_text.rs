//! Writes texts to an output on a separate thread.

use std::io;

use anyhow::Context as _;
use tokio::sync::{mpsc, oneshot};

use crate::output_file::Output;

/// Texts that may wait to be written; bounds the memory of an export.
const WAITING: usize = 2;

/// Texts that are being written to an output.
pub(crate) struct OutputText {
    sender: mpsc::Sender<Vec<u8>>,
    written: oneshot::Receiver<io::Result<()>>,
    output: Output,
}

impl OutputText {
    /// Starts to write to `output`.
    pub(crate) fn create(output: Output) -> Self {
        let open = output.opener();
        let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(WAITING);
        let (report_written, written) = oneshot::channel();
        std::thread::spawn(move || {
            let write = || {
                let mut target = open()?;
                while let Some(text) = receiver.blocking_recv() {
                    target.write_all(&text)?;
                }
                target.flush()
            };
            // an aborted export does not wait for the result
            let _ = report_written.send(write());
        });
        Self {
            sender,
            written,
            output,
        }
    }

    /// Adds a text; returns whether the output still accepts texts.
    pub(crate) async fn write(&mut self, text: Vec<u8>) -> bool {
        self.sender.send(text).await.is_ok()
    }

    /// Waits until everything is written, and gives the file its final name.
    pub(crate) async fn finish(self) -> anyhow::Result<()> {
        drop(self.sender);
        match self.written.await.context("writing ended unexpectedly")? {
            Ok(()) => {}
            // the reading program has closed the pipe
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && self.output.is_stream() => {}
            Err(error) => return Err(error).context("cannot write the file: check its disk"),
        }
        self.output.finish()
    }
}

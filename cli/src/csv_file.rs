//! CSV writer with a separate thread.

use std::io;

use anyhow::{Context as _, anyhow};
use tokio::sync::{mpsc, oneshot};

use crate::output_file::Output;

/// Buffers that may wait to be written; bounds the memory of an export.
const WAITING: usize = 2;

/// Size in bytes at which a buffer is passed to the thread.
const TEXT_BYTES: usize = 256 * 1024;

/// Rows that are being written to an output.
pub(crate) struct CsvFile {
    rows: csv::Writer<Vec<u8>>,
    sender: mpsc::Sender<Vec<u8>>,
    written: oneshot::Receiver<io::Result<()>>,
    output: Output,
}

impl CsvFile {
    /// Starts to write to `output`.
    pub(crate) fn create(output: Output, header: &[&str]) -> anyhow::Result<Self> {
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
        let mut rows = csv::Writer::from_writer(Vec::new());
        rows.write_record(header)?;
        Ok(Self {
            rows,
            sender,
            written,
            output,
        })
    }

    /// Adds a row; returns whether the output still accepts rows.
    pub(crate) async fn write(&mut self, row: &[&str]) -> anyhow::Result<bool> {
        self.rows.write_record(row)?;
        // the CSV writer itself buffers some more kilobytes
        if self.rows.get_ref().len() < TEXT_BYTES {
            return Ok(true);
        }
        self.send().await
    }

    async fn send(&mut self) -> anyhow::Result<bool> {
        let empty = csv::Writer::from_writer(Vec::new());
        let full = std::mem::replace(&mut self.rows, empty);
        let text = full.into_inner().map_err(|error| anyhow!("{error}"))?;
        Ok(self.sender.send(text).await.is_ok())
    }

    /// Waits until everything is written, and gives the file its final name.
    pub(crate) async fn finish(mut self) -> anyhow::Result<()> {
        self.send().await?;
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

//! CSV writer with a separate thread.

use anyhow::anyhow;

use crate::output_file::Output;
use crate::output_text::OutputText;

/// Size in bytes at which a buffer is passed to the thread.
const TEXT_BYTES: usize = 256 * 1024;

/// Rows that are being written to an output.
pub(crate) struct CsvFile {
    rows: csv::Writer<Vec<u8>>,
    text: OutputText,
}

impl CsvFile {
    /// Starts to write to `output`.
    pub(crate) fn create(output: Output, header: &[&str]) -> anyhow::Result<Self> {
        let mut rows = csv::Writer::from_writer(Vec::new());
        rows.write_record(header)?;
        let text = OutputText::create(output);
        Ok(Self { rows, text })
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
        Ok(self.text.write(text).await)
    }

    /// Waits until everything is written, and gives the file its final name.
    pub(crate) async fn finish(mut self) -> anyhow::Result<()> {
        self.send().await?;
        self.text.finish().await
    }
}

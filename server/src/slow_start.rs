//! Warns when files are slow to open at the start, for example on a disk that hangs.

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

/// Interval of the warnings.
const EVERY: Duration = Duration::from_secs(5);

/// Waits for `opening`, and logs a warning every five seconds until it completes.
pub(crate) async fn warn_while_slow<T>(
    file: &str,
    directory: &Path,
    opening: impl Future<Output = T>,
) -> T {
    let mut opening = pin!(opening);
    let mut waited = Duration::ZERO;
    loop {
        if let Ok(opened) = tokio::time::timeout(EVERY, &mut opening).await {
            return opened;
        }
        waited += EVERY;
        tracing::warn!(
            directory = %directory.display(),
            seconds = waited.as_secs(),
            "opening the {file} takes long: the server starts when the disk responds"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn disk_that_hangs_at_the_start_is_logged() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let opening = async {
            tokio::time::sleep(Duration::from_secs(11)).await;
            7
        };
        let opened = warn_while_slow("spool", Path::new("data/spool"), opening).await;
        assert_eq!(opened, 7);
        let text = String::from_utf8(log.0.lock().expect("no panic").clone()).expect("UTF-8");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        for (line, seconds) in lines.iter().zip(["seconds=5", "seconds=10"]) {
            assert!(line.contains("opening the spool takes long"), "{line}");
            assert!(line.contains(seconds), "{line}");
        }
    }
}

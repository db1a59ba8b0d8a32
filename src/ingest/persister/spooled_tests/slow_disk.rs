//! A stop while the disk is busy with the spool's file.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::StorageBackend;

use super::*;
use crate::ingest::spool::Disk;
use crate::ingest::spool::model::ModelDisk;

/// A disk that does not close a file while it is busy.
#[derive(Debug, Clone, Default)]
struct BusyDisk {
    disk: ModelDisk,
    is_busy: Arc<AtomicBool>,
}

#[derive(Debug)]
struct BusyFile {
    file: Box<dyn StorageBackend>,
    is_busy: Arc<AtomicBool>,
}

impl Disk for BusyDisk {
    fn open(&self, path: &Path) -> Result<Box<dyn StorageBackend>, redb::Error> {
        Ok(Box::new(BusyFile {
            file: self.disk.open(path)?,
            is_busy: Arc::clone(&self.is_busy),
        }))
    }
}

impl StorageBackend for BusyFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        while self.is_busy.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.file.close()
    }
}

/// With ten ticks on the disk and no database.
async fn persister_on(disk: &BusyDisk, folder: &Path) -> TickPersister {
    let repository = Arc::new(FaultyRepository::default());
    repository.set_down(Some(Fault::Unavailable));
    let spool = Spool::open_on(folder, 1 << 30, Arc::new(disk.clone())).await;
    let spool = Some(spool.expect("it opens"));
    let shared = Shared::new(config(), spool, SpoolMode::WriteAhead, OnFull::Block);
    let persister = TickPersister::begin(repository, shared);
    push(&persister, 0..9).await;
    let last = persister.push_with(tick(9), AckLevel::Durable).await;
    last.expect("the disk works");
    persister
}

#[tokio::test]
async fn a_stop_waits_for_the_disk_as_long_as_it_may() {
    let (folder, disk) = (new_folder(), BusyDisk::default());
    let persister = persister_on(&disk, folder.path()).await;
    disk.is_busy.store(true, Ordering::SeqCst);
    let is_busy = Arc::clone(&disk.is_busy);
    let busy_for = Duration::from_millis(2_500);
    let begun = Instant::now();
    let ending = tokio::spawn(async move {
        sleep(busy_for).await;
        is_busy.store(false, Ordering::SeqCst);
    });
    let report = persister.stop(PLENTY).await;
    assert_eq!((report.unsaved.len(), report.spooled), (0, 10));
    let took = begun.elapsed();
    assert!(took >= busy_for && took < PLENTY, "{took:?}");
    // it is free at once
    let opened = Spool::open_on(folder.path(), 1 << 30, Arc::new(disk.clone())).await;
    assert_eq!(opened.expect("it is closed").content().ticks, 10);
    ending.await.expect("no panic");
}

#[tokio::test]
async fn a_spool_that_is_still_being_closed_is_told_to_be_held_by_this_process() {
    let (folder, disk) = (new_folder(), BusyDisk::default());
    let persister = persister_on(&disk, folder.path()).await;
    disk.is_busy.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    let report = persister.stop(Duration::ZERO).await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!((report.unsaved.len(), report.spooled), (0, 10));
    let open = async || Spool::open_on(folder.path(), 1 << 30, Arc::new(disk.clone())).await;
    let refused = open().await.expect_err("its file is not closed");
    let own = Some(std::process::id());
    assert!(
        matches!(refused, SpoolError::Locked { pid, .. } if pid == own),
        "{refused:?}"
    );
    let text = refused.to_string();
    assert!(
        text.contains("this process") && text.contains("still closing"),
        "{text}"
    );
    disk.is_busy.store(false, Ordering::SeqCst);
    let deadline = Instant::now() + PLENTY;
    let spool = loop {
        match open().await {
            Ok(spool) => break spool,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        sleep(Duration::from_millis(2)).await;
    };
    assert_eq!(spool.content().ticks, 10);
}

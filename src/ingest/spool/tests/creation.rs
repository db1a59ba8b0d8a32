//! Fault 51: a start that was interrupted, at each of its steps.

use super::*;
use crate::ingest::spool::database::SpoolDatabase;
use crate::ingest::spool::model::ModelDisk;

#[tokio::test]
async fn fault_51_start_succeeds_after_an_interrupted_start() {
    // before the format was written, after it, and before the file existed
    for files in [
        vec![],
        vec!["owner.lock"],
        vec!["owner.lock", "format.new"],
        vec!["owner.lock", "format.new", "format"],
        vec!["format"],
        vec!["format", "reserve"],
        vec!["format", "reserve", "spool.redb"],
    ] {
        let folder = new_folder();
        for file in files {
            let text = match file {
                "format" => "tickbook spool format 1\n",
                "spool.redb" | "owner.lock" => "",
                _ => "tick",
            };
            fs::write(folder.path().join(file), text).expect("written");
        }
        with_batches(folder.path(), 2).await;
        assert_eq!(open_at(folder.path()).await.content().records, 20);
    }
}

#[tokio::test]
async fn fault_51_partial_reserve_is_completed() {
    let folder = new_folder();
    with_batches(folder.path(), 2).await;
    let reserve = folder.path().join("reserve");
    let whole = fs::metadata(&reserve).expect("there").len();
    for part in [0, 1, whole / 2, whole - 1] {
        let file = fs::File::options().write(true).open(&reserve);
        file.expect("opens").set_len(part).expect("cut");
        let spool = open_at(folder.path()).await;
        assert_eq!(spool.content().records, 20);
        assert_eq!(fs::metadata(&reserve).expect("there").len(), whole);
        spool.close().await;
    }
    fs::remove_file(&reserve).expect("removed");
    assert_eq!(open_at(folder.path()).await.content().records, 20);
    assert_eq!(fs::metadata(&reserve).expect("there").len(), whole);
}

/// The process ends between two changes of the new file; the operating system has all earlier ones.
#[test]
fn fault_51_partly_created_file_is_created_again() {
    let folder = new_folder();
    let open =
        |disk: &ModelDisk| SpoolDatabase::<Tick>::open(folder.path(), LARGE, disk, Arc::default());
    let disk = ModelDisk::default();
    drop(open(&disk).expect("it opens"));
    let history = disk.history();
    assert!(history.len() > 3, "{}", history.len());
    let mut file = Vec::new();
    for (step, change) in history.iter().enumerate() {
        let cut = ModelDisk::with(file.clone());
        let store = open(&cut).unwrap_or_else(|error| panic!("cut off before {step}: {error}"));
        assert_eq!(store.content(), SpoolContent::default());
        change.apply(&mut file);
    }
}

#[tokio::test]
async fn folders_of_a_spool_survive_a_power_cut() {
    let folder = new_folder();
    let whole = folder.path().join("data").join("spool");
    for round in ["made", "there already"] {
        let disk = ModelDisk::default();
        let spool = TickSpool::open_on(&whole, LARGE, Arc::new(disk.clone())).await;
        let synced = disk.folders();
        for folder in [whole.as_path(), &folder.path().join("data"), folder.path()] {
            let is_synced = synced.iter().any(|one| one == folder);
            assert!(is_synced, "{round}: {} of {synced:?}", folder.display());
        }
        spool.expect("it opens").close().await;
    }
}

//! Resends: writing stored ticks again costs little and leaves no rows or dead rows.

use std::sync::Arc;

use anyhow::Result;

use crate::contenders::{Contender, Library, SqlxUnnest};
use crate::market;
use crate::measure::turn;
use crate::report::Report;
use crate::report::Target::{AtLeast, AtMost};
use crate::server::Place;

use super::Bench;

const BATCHES: usize = 50;
const SIZE: usize = 1_000;

/// The results of one pass over stored ticks.
struct Pass {
    seconds: f64,
    rows_added: f64,
    heap_added: f64,
}

impl Bench {
    pub(crate) async fn resend(&self, report: &mut Report) -> Result<()> {
        let mut library_place = Place::migrated().await?;
        let mut library: Box<dyn Contender> = Box::new(Library::new(library_place.pools()));
        let mut peer_place = Place::of_peer().await?;
        let mut peer: Box<dyn Contender> = Box::new(SqlxUnnest::connect(peer_place.url()).await?);
        let (mut speed, mut rows, mut heap) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..self.rounds {
            let given = market::batches(round, BATCHES, SIZE);
            let sorted = Arc::new(market::sorted(&given));
            let given = Arc::new(given);
            let (of_library, of_peer);
            if round % 2 == 0 {
                (library, of_library) = twice(library, &mut library_place, &given).await?;
                (peer, of_peer) = twice(peer, &mut peer_place, &sorted).await?;
            } else {
                (peer, of_peer) = twice(peer, &mut peer_place, &sorted).await?;
                (library, of_library) = twice(library, &mut library_place, &given).await?;
            }
            speed.push(of_peer.seconds / of_library.seconds);
            rows.push(of_library.rows_added);
            heap.push(of_library.heap_added);
        }
        report.add(
            "resend of stored batches of 1,000 / prepared UNNEST",
            AtLeast(0.9),
            speed,
        );
        report.add("rows that a resend adds", AtMost(0.0), rows);
        report.add("bytes of heap that a resend adds", AtMost(0.0), heap);
        Ok(())
    }
}

/// Writes `batches` into the empty table, and then again.
async fn twice(
    contender: Box<dyn Contender>,
    place: &mut Place,
    batches: &Arc<Vec<Vec<tickbook::domain::Tick>>>,
) -> Result<(Box<dyn Contender>, Pass)> {
    place.execute("TRUNCATE ticks")?;
    let (contender, _) = turn(contender, place, batches).await?;
    let (rows, heap) = (place.rows()?, place.heap_bytes()?);
    let (contender, sample) = turn(contender, place, batches).await?;
    let pass = Pass {
        seconds: sample.seconds(),
        rows_added: (place.rows()? - rows) as f64,
        heap_added: (place.heap_bytes()? - heap) as f64,
    };
    Ok((contender, pass))
}

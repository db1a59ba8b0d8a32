//! Faults of connections: ends, cuts, announced ends, late snapshots.

use tickbook_feeds::transport::EndReason;
use venue_server::Step;

use super::serve;
use super::whole::{binance, check_whole, okx};

#[tokio::test]
async fn closed_connections_lose_and_double_nothing() {
    let Some((mut play, expected)) = okx() else {
        return;
    };
    for position in [1, 40, 120, 121, 300] {
        play.extra.insert(position, Step::Close);
    }
    let served = serve(play).await;
    check_whole(&served, &expected, str::to_owned);
    assert_eq!(served.recorder.opened, 6);
    assert_eq!(served.recorder.ends, [EndReason::Closed; 5]);
}

#[tokio::test]
async fn cut_frame_ends_the_connection() {
    let Some((mut play, expected)) = okx() else {
        return;
    };
    let text = "{\"arg\":{\"channel\":\"books\"}}";
    play.extra.insert(150, Step::Cut(text.to_owned()));
    let served = serve(play).await;
    check_whole(&served, &expected, str::to_owned);
    assert_eq!(served.recorder.ends, [EndReason::Failed]);
}

#[tokio::test]
async fn late_snapshots_meet_their_events() {
    for lag in [1, 7, 60, 10_000] {
        let Some((mut play, expected)) = binance() else {
            return;
        };
        play.lag = lag;
        // in lockstep, so that the lag is that of the client as well
        play.lockstep = 0..play.parts().len();
        for position in [100, 160] {
            play.extra.insert(position, Step::Close);
        }
        let served = serve(play).await;
        check_whole(&served, &expected, str::to_owned);
        assert_eq!(served.recorder.opened, 3, "lag {lag}");
    }
}

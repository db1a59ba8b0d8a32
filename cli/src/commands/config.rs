//! `tickbook config`

use tickbook::config::Config;

use crate::Outcome;
use crate::report::print;

pub(crate) fn run() -> anyhow::Result<Outcome> {
    print(&describe(&Config::load()?))?;
    Ok(Outcome::Complete)
}

/// The settings as a file of `config/` would have them; URLs show `***` for their password.
fn describe(config: &Config) -> String {
    let Config {
        metadata_url,
        timeseries_url,
        pool,
        ticks,
        spool,
        policies,
        server,
        websocket,
        rabbitmq,
    } = config;
    format!(
        "[metadata]\nurl = \"{metadata_url}\"\n\n\
         [timeseries]\nurl = \"{timeseries_url}\"\n\n\
         [pool]\nsize = {}\ncall_timeout_ms = {}\nconnect_timeout_ms = {}\n\
         statement_timeout_ms = {}\nlock_timeout_ms = {}\n\n\
         [ticks]\nbatch_size = {}\nflush_interval_ms = {}\nsynchronous_commit = \"{}\"\nqueue = {}\n\n\
         [spool]\nmode = \"{}\"\ndirectory = {:?}\nmax_bytes = {}\non_full = \"{}\"\n\n\
         {policies}\n\n\
         [server]\nlisten = \"{}\"\n\n\
         [websocket]\nheartbeat_ms = {}\nqueue = {}\nmost_gaps = {}\nsend_timeout_ms = {}\n\n\
         [rabbitmq]\nurl = \"{}\"\nexchange = \"{}\"\nqueue = {}",
        pool.size,
        pool.call_timeout.as_millis(),
        pool.connect_timeout.as_millis(),
        pool.statement_timeout.as_millis(),
        pool.lock_timeout.as_millis(),
        ticks.batch_size,
        ticks.flush_interval.as_millis(),
        ticks.synchronous_commit,
        ticks.queue,
        spool.mode.as_str(),
        spool.directory,
        spool.max_bytes,
        spool.on_full.as_str(),
        server.listen,
        websocket.heartbeat.as_millis(),
        websocket.queue,
        websocket.most_gaps,
        websocket.send_timeout.as_millis(),
        rabbitmq.url.as_ref().map_or("", |_| "***"),
        rabbitmq.exchange,
        rabbitmq.queue,
    )
}

//! `tickbook config`

use tickbook::config::{Config, QualityConfig};
use tickbook::quality::QualityRules;

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
        timeseries_read_url,
        pool,
        ticks,
        spool,
        quality,
        policies,
        server,
        websocket,
        rabbitmq,
    } = config;
    let read_url = timeseries_read_url.as_ref();
    let read_url = read_url.map_or(String::new(), ToString::to_string);
    format!(
        "[metadata]\nurl = \"{metadata_url}\"\n\n\
         [timeseries]\nurl = \"{timeseries_url}\"\nread_url = \"{read_url}\"\n\n\
         [pool]\nsize = {}\nkept_for_writes = {}\nmin_idle = {}\n\
         idle_timeout_ms = {}\nmax_lifetime_ms = {}\ncall_timeout_ms = {}\nconnect_timeout_ms = {}\n\
         statement_timeout_ms = {}\nlock_timeout_ms = {}\n\n\
         [ticks]\nbatch_size = {}\nflush_interval_ms = {}\nsynchronous_commit = \"{}\"\nqueue = {}\n\n\
         [spool]\nmode = \"{}\"\ndirectory = {:?}\nmax_bytes = {}\non_full = \"{}\"\n\n\
         {}\n\n\
         {policies}\n\n\
         [server]\nlisten = \"{}\"\n\n\
         [websocket]\nheartbeat_ms = {}\nqueue = {}\nmost_gaps = {}\nsend_timeout_ms = {}\n\n\
         [rabbitmq]\nurl = \"{}\"\nexchange = \"{}\"\nqueue = {}",
        pool.size,
        pool.kept_for_writes,
        pool.min_idle,
        pool.idle_timeout.as_millis(),
        pool.max_lifetime.as_millis(),
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
        describe_quality(quality),
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

fn describe_quality(config: &QualityConfig) -> String {
    let mut text = format!("[quality]\n{}", describe_rules(&config.rules));
    for (symbol, rules) in &config.symbols {
        let rules = describe_rules(rules);
        text.push_str(&format!("\n\n[quality.symbols.{symbol:?}]\n{rules}"));
    }
    text
}

fn describe_rules(rules: &QualityRules) -> String {
    let actions = [
        ("future", rules.future),
        ("stale", rules.stale),
        ("not_positive", rules.not_positive),
        ("crossed", rules.crossed),
        ("repeated", rules.repeated),
        ("flat_line", rules.flat_line),
        ("deviation", rules.deviation),
        ("z_score", rules.z_score),
    ];
    let actions = actions.map(|(name, action)| format!("{name} = \"{}\"", action.as_str()));
    format!(
        "{}\nfuture_limit_ms = {}\nstale_limit_ms = {}\nrepeated_limit = {}\n\
         flat_line_ticks = {}\nflat_line_ms = {}\ndeviation_limit = \"{}\"\n\
         z_score_limit = \"{}\"\nz_score_window = {}\nz_score_floor = \"{}\"\n\
         price_memory_ms = {}\nprice_confirmations = {}",
        actions.join("\n"),
        rules.future_limit.num_milliseconds(),
        rules.stale_limit.num_milliseconds(),
        rules.repeated_limit,
        rules.flat_line_ticks,
        rules.flat_line_time.num_milliseconds(),
        rules.deviation_limit,
        rules.z_score_limit,
        rules.z_score_window,
        rules.z_score_floor,
        rules.price_memory.num_milliseconds(),
        rules.price_confirmations,
    )
}

//! Sets up the server that the arguments and the settings ask for.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use tickbook::config::Config;
use tickbook::ingest::fanout::FanOut;
use tickbook::ingest::feed::{Pipeline, PipelineBuilder};
use tickbook::ingest::quality::{Quarantine, SymbolRules};
use tickbook::ingest::{SpoolError, SpoolMode, TickPersister, TickSpool};
use tickbook::{Clock, Connected, Repositories};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::{AppState, StoreKind};
use crate::args::Args;
use crate::feed::quality;
use crate::http::{BESIDES, Http, descriptors};
use crate::long_work::LongWork;
use crate::readiness::Readiness;
use crate::router::router;
use crate::settings::ServerSettings;
use crate::sinks::Sinks;
use crate::slow_start::warn_while_slow;
use crate::{maintenance, metrics};

/// Maximum time to store waiting ticks when the server stops.
pub const FLUSH: Duration = Duration::from_secs(10);

/// A server that is ready to run.
#[derive(Debug)]
pub struct Started {
    /// The listener.
    pub listener: TcpListener,
    /// The routes.
    pub app: Router,
    /// The pipeline of the feeds, which already run.
    pub pipeline: Option<Pipeline>,
    /// The limits of clients.
    pub http: Http,
    /// The receivers of published ticks.
    pub sinks: Sinks,
    /// The repositories.
    pub repositories: Repositories,
}

/// Binds the address, connects the store and starts the feeds. Timers end at `stop`, feeds when the pipeline
/// is stopped. `long_work` runs requests that take long, and WebSocket clients. Everything in this process
/// uses `clock`, except the repositories of databases.
///
/// # Errors
/// The address is in use, a database cannot be reached or lacks migrations, or a file cannot be read.
pub async fn start(
    args: &Args,
    settings: &ServerSettings,
    long_work: &LongWork,
    clock: &Clock,
    stop: &CancellationToken,
) -> anyhow::Result<Started> {
    let listen = args.listen.unwrap_or(settings.server.listen);
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("cannot listen on {listen}: choose another address with --listen")
    })?;
    let handle = metrics::install().context("cannot install the metrics recorder")?;
    let settings = &within_descriptors(settings);
    let config = &settings.library;
    let http = Http::new(settings.server.clone());
    let (repositories, pools) = match args.store {
        StoreKind::Memory => (Repositories::in_memory_by(clock), None),
        StoreKind::Postgres => {
            // migrations are left to `tickbook migrate`, which may need other privileges
            let Connected {
                repositories,
                pools,
                ..
            } = Repositories::connect(&config.database).await?;
            maintenance::start(
                pools.timeseries(),
                config.policies.maintain_every.into(),
                clock.clone(),
                stop.clone(),
            );
            (repositories, Some(pools))
        }
    };
    let readiness = match &pools {
        Some(pools) => Readiness::watch(Arc::new(pools.clone()), stop.clone()).await,
        None => Readiness::fixed(Vec::new()),
    };
    let fan_out = FanOut::new();
    let sinks = Sinks::start(settings, &fan_out, &repositories, stop)?;
    let feeds = args.feeds.create(&repositories, clock).await?;
    // after the feeds, which create the symbols they need
    let rules = quality::rules(&config.quality, &*repositories.symbols).await?;
    let pipeline = if feeds.is_empty() {
        leftover(args, config, &repositories, &fan_out, clock).await?
    } else {
        let persister = make_persister(args, config, &repositories, clock).await?;
        let is_lasting =
            args.store == StoreKind::Postgres && config.spool.mode != SpoolMode::Memory;
        let directory = is_lasting.then_some(config.spool.directory.as_path());
        let quarantine = open_quarantine(&repositories, directory, clock).await?;
        let pipeline = Pipeline::builder(persister)
            .fan_out(fan_out.clone())
            .quality(rules.clone(), quarantine, clock.clone());
        Some(
            feeds
                .into_iter()
                .fold(pipeline, PipelineBuilder::feed)
                .start(),
        )
    };
    tokio::spawn(metrics::upkeep(handle.clone(), stop.clone()));
    let state = AppState {
        store: args.store,
        pools,
        feed: pipeline.as_ref().map(Pipeline::monitor),
        rules,
        clock: clock.clone(),
        fan_out,
        websockets: sinks.websockets(),
        http: http.clone(),
        long_work: long_work.clone(),
        ..AppState::new(repositories.clone(), readiness, handle)
    };
    Ok(Started {
        listener,
        app: router(state),
        pipeline,
        http,
        sinks,
        repositories,
    })
}

/// Reduces the number of connections to the available descriptors. WebSocket clients, which stay connected,
/// leave a quarter of the connections to requests.
fn within_descriptors(settings: &ServerSettings) -> ServerSettings {
    let mut settings = settings.clone();
    let limit = descriptors::raise();
    // descriptors of the pools, the spool, RabbitMQ and the runtime
    let others = 64 + BESIDES + 3 * settings.library.database.pool.size as usize;
    let wanted = settings.server.max_connections;
    let max_connections = descriptors::connections(wanted, limit, others);
    if max_connections < wanted {
        tracing::warn!(
            wanted,
            max_connections,
            limit,
            "the limit of open files allows fewer connections than server.max_connections: raise it"
        );
    }
    settings.server.max_connections = max_connections;
    let websockets = &mut settings.websocket.max_connections;
    *websockets = (*websockets).min(max_connections / 4 * 3);
    settings
}

/// Starts a pipeline that stores the ticks which an earlier server with a feed left in its spool. Returns
/// `None` if no spool exists, or if another process uses it and stores them itself.
async fn leftover(
    args: &Args,
    config: &Config,
    repositories: &Repositories,
    fan_out: &FanOut,
    clock: &Clock,
) -> anyhow::Result<Option<Pipeline>> {
    let directory = &config.spool.directory;
    // even if the spool is disabled it may contain ticks: the setting may be new
    if args.store == StoreKind::Memory || !TickSpool::exists(directory) {
        return Ok(None);
    }
    let mut spool = config.spool.clone();
    if spool.mode == SpoolMode::Memory {
        spool.mode = SpoolMode::OnFailure;
    }
    let ticks = Arc::clone(&repositories.ticks);
    let opening =
        TickPersister::open_with_clock(ticks, (&config.ticks).into(), &spool, clock.clone());
    match warn_while_slow("spool", directory, opening).await {
        Ok(persister) => {
            let ticks = persister
                .spool_content()
                .map_or(0, |content| content.records);
            if ticks > 0 {
                tracing::info!(ticks, "storing ticks that an earlier run left in the spool");
            }
            let mut pipeline = Pipeline::builder(persister).fan_out(fan_out.clone());
            if Quarantine::exists(directory) {
                let quarantine = open_quarantine(repositories, Some(directory), clock).await?;
                // no new tick arrives to be checked, but the quarantine may have records left
                pipeline = pipeline.quality(SymbolRules::default(), quarantine, clock.clone());
            }
            let pipeline = pipeline.start();
            pipeline.give_back_when_drained(FLUSH);
            Ok(Some(pipeline))
        }
        Err(error @ SpoolError::Locked { .. }) => {
            tracing::info!(%error, "this server does not use the spool");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Opens the persister; it has a spool unless the store is in memory.
async fn make_persister(
    args: &Args,
    config: &Config,
    repositories: &Repositories,
    clock: &Clock,
) -> anyhow::Result<TickPersister> {
    let mut spool = config.spool.clone();
    if args.store == StoreKind::Memory {
        spool.mode = SpoolMode::Memory;
    } else if spool.mode == SpoolMode::Memory && TickSpool::exists(&spool.directory) {
        let directory = spool.directory.display();
        tracing::warn!(
            %directory,
            "a spool exists, which spool.mode = \"memory\" does not use: `tickbook spool inspect` \
             shows its content, `tickbook spool replay` stores it"
        );
    }
    let ticks = Arc::clone(&repositories.ticks);
    let opening =
        TickPersister::open_with_clock(ticks, (&config.ticks).into(), &spool, clock.clone());
    Ok(warn_while_slow("spool", &spool.directory, opening).await?)
}

async fn open_quarantine(
    repositories: &Repositories,
    directory: Option<&Path>,
    clock: &Clock,
) -> anyhow::Result<Quarantine> {
    let repository = Arc::clone(&repositories.quarantine);
    let opening = Quarantine::open_with_clock(repository, directory, clock.clone());
    let directory = directory.unwrap_or(Path::new(""));
    Ok(warn_while_slow("spool of the quarantine", directory, opening).await?)
}

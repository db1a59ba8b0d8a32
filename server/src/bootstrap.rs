//! Sets up the server that the arguments and the settings ask for.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use tickbook::config::Config;
use tickbook::db::DatabasePools;
use tickbook::domain::{Tick, Trade};
use tickbook::ingest::book::{BookRecording, LiveBooks};
use tickbook::ingest::fanout::FanOut;
use tickbook::ingest::feed::{FeedRecord, Pipeline, PipelineBuilder};
use tickbook::ingest::quality::{Quarantine, SymbolRules};
use tickbook::ingest::{
    BookPersister, BookSpool, Persister, RepositoryRecord, SpoolConfig, SpoolError, SpoolMode,
    TickPersister, TickSpool, TradePersister, TradeSpool,
};
use tickbook::repository::QuarantineRepository;
use tickbook::{Clock, Connected, Repositories};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::app::{AppState, HistoryValidators, StoreKind};
use crate::args::Args;
use crate::feed::{CreatedFeeds, filling, quality};
use crate::http::{BESIDES, Http, descriptors};
use crate::ledger::{Ledger, ledger_repositories, start_relay};
use crate::long_work::LongWork;
use crate::oversight::{Oversight, open_audit_log, oversight_repositories, watch_feeds};
use crate::readiness::Readiness;
use crate::router::router;
use crate::settings::ServerSettings;
use crate::sinks::Sinks;
use crate::slow_start::warn_while_slow;
use crate::{access, health, maintenance, metrics, tls};

/// Maximum time for records of an earlier run before the feeds start.
const LEFTOVERS: Duration = Duration::from_secs(5);

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
    /// The present order books of the feeds.
    pub books: LiveBooks,
    /// Risk events, the audit log and users.
    pub oversight: Oversight,
}

/// Binds the address, connects the store and starts the feeds. Timers end at `stop`, feeds when the pipeline
/// is stopped. `long_work` runs requests that take long, and WebSocket clients. Everything in this process
/// uses `clock`, except the repositories of databases.
///
/// # Errors
/// The address is in use or needs tokens, a database cannot be reached or lacks migrations, or a file cannot be read.
pub async fn start(
    args: &Args,
    settings: &ServerSettings,
    long_work: &LongWork,
    clock: &Clock,
    stop: &CancellationToken,
) -> anyhow::Result<Started> {
    let listen = args.listen.unwrap_or(settings.server.listen);
    let gate = access::start(&args.access, &settings.access, listen, clock).await?;
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("cannot listen on {listen}: choose another address with --listen")
    })?;
    let handle = metrics::install().context("cannot install the metrics recorder")?;
    let settings = &within_descriptors(settings);
    let config = &settings.library;
    let http = Http::new(settings.server.clone());
    if let Some(config) = &settings.server.tls {
        http.use_tls(tls::start(config, clock, stop)?);
    }
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
            start_relay(&pools, clock, stop);
            (repositories, Some(pools))
        }
    };
    let readiness = match &pools {
        Some(pools) => Readiness::watch(Arc::new(pools.clone()), stop.clone()).await,
        None => Readiness::fixed(Vec::new()),
    };
    let ledger = ledger_repositories(pools.as_ref(), clock);
    let oversight = oversight_repositories(pools.as_ref(), &ledger.accounts, clock);
    let audit_log = open_audit_log(&settings.oversight, &oversight).await?;
    let limits = settings.oversight.limits.clone();
    let oversight = Oversight::new(&oversight, audit_log, limits, clock.clone());
    let (fan_out, trade_fan_out, books) = (FanOut::new(), FanOut::new(), LiveBooks::new());
    let fan_outs = (&fan_out, &trade_fan_out);
    let mut sinks = Sinks::start(settings, fan_outs, &repositories, stop)?;
    let CreatedFeeds {
        feeds,
        venues,
        fillers,
        messages,
        syncs,
    } = args
        .feeds
        .create(&settings.feeds, &settings.symbols, &repositories, clock)
        .await?;
    for sync in syncs {
        tokio::spawn(sync.run(stop.clone()));
    }
    sinks.add_messages(messages);
    // after the feeds, which create the symbols they need
    let rules = quality::rules(&config.quality, &*repositories.symbols).await?;
    let pipeline = if feeds.is_empty() {
        leftover(args, config, &repositories, fan_outs, clock).await?
    } else {
        let (ticks, trades, of_books) = make_persisters(args, config, &repositories, clock).await?;
        store_leftovers(&ticks, &trades, of_books.as_ref()).await;
        let is_lasting =
            args.store == StoreKind::Postgres && config.spool.mode != SpoolMode::Memory;
        let of_trades = config.spool.of_trades().directory;
        let directory = is_lasting.then_some(config.spool.directory.as_path());
        let of_trades = is_lasting.then_some(of_trades.as_path());
        let Repositories {
            quarantine,
            trade_quarantine,
            ..
        } = &repositories;
        let quarantine = open_quarantine(quarantine, directory, clock).await?;
        let trade_quarantine = open_quarantine(trade_quarantine, of_trades, clock).await?;
        let mut pipeline = Pipeline::builder(ticks)
            .fan_out(fan_out.clone())
            .quality(rules.clone(), quarantine, clock.clone())
            .trades(trades, trade_fan_out.clone())
            .quality_of_trades(rules.clone(), trade_quarantine, clock.clone())
            .books(books.clone());
        if let Some(persister) = of_books {
            pipeline = pipeline.record_books(recording(persister, config, &repositories, clock));
        }
        Some(
            feeds
                .into_iter()
                .fold(pipeline, PipelineBuilder::feed)
                .start(),
        )
    };
    tokio::spawn(metrics::upkeep(handle.clone(), stop.clone()));
    watch_feeds(oversight.risks.clone(), venues.clone(), stop.clone());
    let disks = health::start(settings, pools.as_ref(), clock, stop)?;
    let state = AppState {
        store: args.store,
        history: Arc::new(HistoryValidators::new(
            pools.as_ref().map(DatabasePools::timeseries_reads),
        )),
        pools,
        feed: pipeline.as_ref().map(Pipeline::monitor),
        venues,
        ledger: Ledger::new(ledger, args.store, clock.clone()).overseen_by(&oversight),
        oversight: oversight.clone(),
        rules,
        clock: clock.clone(),
        fan_out,
        trade_fan_out,
        books: books.clone(),
        disks,
        health: settings.health.clone(),
        websockets: sinks.websockets(),
        gate,
        http: http.clone(),
        long_work: long_work.clone(),
        ..AppState::new(repositories.clone(), readiness, handle)
    };
    filling::start(fillers, &state, stop);
    Ok(Started {
        listener,
        app: router(state),
        pipeline,
        http,
        sinks,
        repositories,
        books,
        oversight,
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

fn recording(
    persister: BookPersister,
    config: &Config,
    repositories: &Repositories,
    clock: &Clock,
) -> BookRecording {
    let books = Arc::clone(&repositories.books);
    BookRecording::new(persister, books, config.books.recorder(), clock.clone())
}

/// Whether a spool of ticks, trades or order books exists.
fn has_spool(spool: &SpoolConfig) -> bool {
    TickSpool::exists(&spool.directory)
        || TradeSpool::exists(&spool.of_trades().directory)
        || BookSpool::exists(&spool.of_books().directory)
}

/// Starts a pipeline that stores the records which an earlier server with a feed left in its spools.
/// Returns `None` if no spool exists, or if another process uses them and stores their content itself.
async fn leftover(
    args: &Args,
    config: &Config,
    repositories: &Repositories,
    (fan_out, trade_fan_out): (&FanOut, &FanOut<Trade>),
    clock: &Clock,
) -> anyhow::Result<Option<Pipeline>> {
    let mut spool = config.spool.clone();
    let of_trades = spool.of_trades().directory;
    // even if the spool is disabled it may contain records: the setting may be new
    if args.store == StoreKind::Memory || !has_spool(&spool) {
        return Ok(None);
    }
    if spool.mode == SpoolMode::Memory {
        spool.mode = SpoolMode::OnFailure;
    }
    let opening = async {
        let ticks = open_persister(&repositories.ticks, config, &spool, clock).await?;
        let of_trades = spool.of_trades();
        let trades = open_persister(&repositories.trades, config, &of_trades, clock).await?;
        let of_books = spool.of_books();
        let books = open_persister(&repositories.books, config, &of_books, clock).await?;
        Ok((ticks, trades, books))
    };
    let (ticks, trades, books): (TickPersister, TradePersister, BookPersister) = match opening.await
    {
        Ok(persisters) => persisters,
        Err(error @ SpoolError::Locked { .. }) => {
            tracing::info!(%error, "this server does not use the spool");
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let left = [
        ticks.spool_content(),
        trades.spool_content(),
        books.spool_content(),
    ];
    let records: u64 = left.into_iter().flatten().map(|it| it.records).sum();
    if records > 0 {
        tracing::info!(
            records,
            "storing records that an earlier run left in the spool"
        );
    }
    let mut pipeline = Pipeline::builder(ticks)
        .fan_out(fan_out.clone())
        .trades(trades, trade_fan_out.clone())
        .books(LiveBooks::new())
        .record_books(recording(books, config, repositories, clock));
    // no new record arrives to be checked, but a quarantine may have records left
    if Quarantine::<Tick>::exists(&spool.directory) {
        let directory = Some(spool.directory.as_path());
        let quarantine = open_quarantine(&repositories.quarantine, directory, clock).await?;
        pipeline = pipeline.quality(SymbolRules::default(), quarantine, clock.clone());
    }
    if Quarantine::<Trade>::exists(&of_trades) {
        let directory = Some(of_trades.as_path());
        let quarantine = open_quarantine(&repositories.trade_quarantine, directory, clock).await?;
        pipeline = pipeline.quality_of_trades(SymbolRules::default(), quarantine, clock.clone());
    }
    let pipeline = pipeline.start();
    pipeline.give_back_when_drained(FLUSH);
    Ok(Some(pipeline))
}

/// Waits until the records that an earlier run left in the spools are stored, so that the feeds know the last ones of
/// that run. A database that cannot be reached delays them by some seconds.
async fn store_leftovers(
    ticks: &TickPersister,
    trades: &TradePersister,
    books: Option<&BookPersister>,
) {
    let left = [
        ticks.spool_content(),
        trades.spool_content(),
        books.and_then(BookPersister::spool_content),
    ];
    if left.iter().flatten().all(|spool| spool.records == 0) {
        return;
    }
    let of_books = async {
        match books {
            Some(books) => books.flush().await,
            None => Ok(()),
        }
    };
    let stored = async { tokio::join!(ticks.flush(), trades.flush(), of_books) };
    if timeout(LEFTOVERS, stored).await.is_err() {
        tracing::warn!(
            "records of an earlier run are not stored yet: the gap since then begins before them"
        );
    }
}

/// Opens the persisters of ticks, of trades and, if they are stored, of books; they have spools unless the store is in
/// memory.
async fn make_persisters(
    args: &Args,
    config: &Config,
    repositories: &Repositories,
    clock: &Clock,
) -> anyhow::Result<(TickPersister, TradePersister, Option<BookPersister>)> {
    let mut spool = config.spool.clone();
    if args.store == StoreKind::Memory {
        spool.mode = SpoolMode::Memory;
    } else if spool.mode == SpoolMode::Memory && has_spool(&spool) {
        let directory = spool.directory.display();
        tracing::warn!(
            %directory,
            "a spool exists, which spool.mode = \"memory\" does not use: `tickbook spool inspect` \
             shows its content, `tickbook spool replay` stores it"
        );
    }
    let ticks = open_persister(&repositories.ticks, config, &spool, clock).await?;
    let (of_trades, of_books) = (spool.of_trades(), spool.of_books());
    let trades = open_persister(&repositories.trades, config, &of_trades, clock).await?;
    let books = match config.books.record {
        true => Some(open_persister(&repositories.books, config, &of_books, clock).await?),
        false => None,
    };
    Ok((ticks, trades, books))
}

async fn open_persister<R: RepositoryRecord>(
    repository: &Arc<R::Repository>,
    config: &Config,
    spool: &SpoolConfig,
    clock: &Clock,
) -> Result<Persister<R>, SpoolError> {
    let (repository, settings) = (Arc::clone(repository), (&config.ticks).into());
    let opening = Persister::open_with_clock(repository, settings, spool, clock.clone());
    warn_while_slow("spool", &spool.directory, opening).await
}

async fn open_quarantine<E: FeedRecord>(
    repository: &Arc<dyn QuarantineRepository<E>>,
    directory: Option<&Path>,
    clock: &Clock,
) -> anyhow::Result<Quarantine<E>> {
    let repository = Arc::clone(repository);
    let opening = Quarantine::open_with_clock(repository, directory, clock.clone());
    let directory = directory.unwrap_or(Path::new(""));
    Ok(warn_while_slow("spool of the quarantine", directory, opening).await?)
}

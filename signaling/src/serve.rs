//! Composes the service and runs it.

use crate::assets::Assets;
use crate::clock::Clock;
use crate::config::{Config, MAX_SOCKETS, REQUEST_LIMIT, SHUTDOWN_LIMIT};
use crate::http::{self, App};
use crate::identity::Identity;
use crate::media::{AskTrial, MediaMetrics, MediaPlane};
use crate::metrics::Metrics;
use crate::retention::Retention;
use crate::rooms::Rooms;
use crate::sort::Sorter;
use crate::store::{Store, StoreError};
use crate::webhooks::{self, Messages, Sender};
use crate::{files, leaver, operator, revocation, tls};
use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use conclave_wire::control::{Command, Event};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory or a file in it cannot be used.
    #[error("the data directory cannot be used")]
    DataDir(#[source] io::Error),
    /// The database cannot be used.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// There is no certificate.
    #[error("TLS cannot be set up")]
    Tls(#[from] tls::TlsError),
    /// The address cannot be listened on.
    #[error("the address cannot be listened on")]
    Listen(#[source] io::Error),
    /// What tells endpoints of events cannot be set up.
    #[error("the sender of webhooks cannot be set up")]
    Sender(#[from] reqwest::Error),
    /// The metrics cannot be set up.
    #[error("the metrics cannot be set up")]
    Metrics(#[from] prometheus::Error),
}

/// A running service. Dropping it stops the service at once, as a crash would.
pub struct Serving {
    address: SocketAddr,
    handle: Handle<SocketAddr>,
    shutdown: watch::Sender<bool>,
    app: Arc<App>,
    server: JoinHandle<io::Result<()>>,
    events: JoinHandle<()>,
    retention: JoinHandle<()>,
    webhooks: JoinHandle<()>,
}

/// Starts the service; it listens when this returns.
///
/// # Errors
/// What is missing.
pub async fn serve(
    config: Config,
    assets: Assets,
    media: MediaPlane,
) -> Result<Serving, StartError> {
    files::create_dir(&config.data_dir).map_err(StartError::DataDir)?;
    let tls = tls::server_config(&config)?;
    let (shutdown, stopping) = watch::channel(false);
    let (streams, events) = (media.streams, media.events);
    let app = compose(
        &config,
        assets,
        (media.commands, media.metrics, media.trial),
        stopping,
    )
    .await?;
    let rooms = app.rooms.clone();
    for room in rooms.store.rooms_in_use().await? {
        rooms.wake(room);
    }
    // Before anybody can resume a stay. What is not done in time goes on, and
    // keeps nobody else from their calls.
    if revocation::end_stays(&rooms).await.is_err() {
        tracing::error!("stays of devices that were revoked could not be ended");
    }
    tokio::spawn(leaver::resume(rooms.clone()));
    let sorter = Sorter::new(streams, rooms.metrics.strangers.clone());
    let listener = std::net::TcpListener::bind(config.listen).map_err(StartError::Listen)?;
    listener.set_nonblocking(true).map_err(StartError::Listen)?;
    let address = listener.local_addr().map_err(StartError::Listen)?;
    let handle = Handle::new();
    let tls = RustlsConfig::from_config(Arc::new(tls));
    let mut server = axum_server::from_tcp(listener)
        .map_err(StartError::Listen)?
        .acceptor(RustlsAcceptor::new(tls).acceptor(sorter))
        .handle(handle.clone());
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_LIMIT);
    *server.http_builder() = builder;
    let forgetting = app.clone();
    let periods = config.periods;
    let retention = tokio::spawn(async move {
        let App {
            rooms, identity, ..
        } = forgetting.as_ref();
        let retention = Retention {
            rooms,
            identity,
            periods,
        };
        retention.run().await;
    });
    let webhooks = tokio::spawn(webhooks::run(app.clone()));
    let service = http::router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    Ok(Serving {
        address,
        handle,
        shutdown,
        app,
        server: tokio::spawn(server.serve(service)),
        events: tokio::spawn(pass_events(rooms, events)),
        retention,
        webhooks,
    })
}

/// The HTTP interface alone, for requests that somebody else listens for: no
/// media plane is behind it, and sockets end as in a shutdown. A peer's address
/// is what axum's `ConnectInfo` says.
///
/// # Errors
/// What is missing.
pub async fn interface(config: &Config, assets: Assets) -> Result<Router, StartError> {
    let (commands, _) = mpsc::channel(1);
    let (_, running) = watch::channel(false);
    let app = compose(config, assets, (commands, None, None), running).await?;
    Ok(http::router(app))
}

/// What answers requests, and what it keeps.
async fn compose(
    config: &Config,
    assets: Assets,
    (commands, media_metrics, media_trial): (
        mpsc::Sender<Command>,
        Option<MediaMetrics>,
        Option<AskTrial>,
    ),
    shutdown: watch::Receiver<bool>,
) -> Result<Arc<App>, StartError> {
    let operator = operator::load_or_create(&config.data_dir).map_err(StartError::DataDir)?;
    let identity = Identity::open(&config.data_dir, &config.origin).map_err(StartError::DataDir)?;
    let store = match &config.database {
        Some(url) => Store::connect(url).await?,
        None => Store::open(&config.data_dir.join("conclave.sqlite")).await?,
    };
    if !identity.fits(&store).await? {
        tracing::error!(
            "the file identity-key is not the one that this database's second factors, roots and \
             secrets of providers and webhooks are sealed with: stop the server, put the one of \
             the backup into the data folder, and start it again"
        );
    }
    let metrics = Arc::new(Metrics::new()?);
    Ok(Arc::new(App {
        rooms: Rooms::new(store, Clock::start(), metrics, commands),
        assets,
        operator,
        identity,
        suite: config.suite,
        reach: config.reach,
        sender: Sender::new(config.reach)?,
        messages: Messages::default(),
        strict_transport: config.tls.is_some(),
        sockets: Arc::new(Semaphore::new(MAX_SOCKETS as usize)),
        media_metrics,
        media_trial,
        draining: AtomicBool::new(false),
        shutdown,
    }))
}

async fn pass_events(rooms: Arc<Rooms>, mut events: mpsc::Receiver<Event>) {
    while let Some(event) = events.recv().await {
        rooms.media_event(event).await;
    }
}

impl Serving {
    /// Where the service listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the listener fails.
    ///
    /// # Errors
    /// Why it failed.
    pub async fn wait(&mut self) -> io::Result<()> {
        match (&mut self.server).await {
            Ok(result) => result,
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Says at `/readyz` that the service is about to end, and goes on with all
    /// else: whoever sends others here by that has time to send them elsewhere.
    pub fn drain(&self) {
        self.app.draining.store(true, Ordering::Relaxed);
    }

    /// Ends the service gracefully: it is no longer ready, sockets are closed
    /// so that clients resume (1012), running requests are answered.
    pub async fn shutdown(mut self) {
        // Nobody watches when no request and no socket is left.
        let _ = self.shutdown.send(true);
        self.handle.graceful_shutdown(Some(SHUTDOWN_LIMIT));
        // What the listener says at its end is no longer of use.
        let _ = (&mut self.server).await;
        // Each socket gives its permit back when it has said goodbye; one that
        // cannot is cut off.
        let goodbyes = self.app.sockets.acquire_many(MAX_SOCKETS);
        let _ = tokio::time::timeout(SHUTDOWN_LIMIT, goodbyes).await;
        self.retention.abort();
        self.webhooks.abort();
        self.app.rooms.stop();
        self.app.rooms.store.close().await;
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.app.rooms.stop();
        self.events.abort();
        self.retention.abort();
        self.webhooks.abort();
        self.server.abort();
        self.handle.shutdown();
        let _ = self.shutdown.send(true);
    }
}

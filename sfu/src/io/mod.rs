//! The shell: a socket and a thread around each [`Shard`](crate::shard::Shard).
//! It decides nothing.
//!
//! There is one shard now. A second one has its own socket, thread and port;
//! what is missing is whoever tells rooms which shard they live on.

mod clock;
mod sendmmsg;
mod thread;
mod udp;

use crate::config::Config;
use crate::dtls::{Identity, NoIdentity};
use crate::metrics::{Metrics, Snapshot};
use crate::shard::{Parts, Shard};
use conclave_wire::control::{Command, Event};
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use thread::{Instruction, Port, Worker};

/// Where the SFU's events come out.
pub type EventReceiver = tokio::sync::mpsc::UnboundedReceiver<Event>;

/// Why an SFU did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No address to tell clients.
    #[error("no address to announce is configured")]
    NothingAnnounced,
    /// The socket cannot be opened.
    #[error("the media socket cannot be opened: {0}")]
    Socket(#[from] std::io::Error),
    /// The certificate cannot be made.
    #[error(transparent)]
    Identity(#[from] NoIdentity),
}

/// The SFU's thread has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the media plane has stopped")]
pub struct Stopped;

/// A running SFU. Clones are cheap; the SFU stops when the last is dropped.
#[derive(Debug, Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    instructions: mpsc::Sender<Instruction>,
    waker: Arc<mio::Waker>,
    metrics: Arc<Metrics>,
    candidates: Vec<SocketAddr>,
}

impl Handle {
    /// Sends a command; its effect and its answer come later.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn send(&self, command: Command) -> Result<(), Stopped> {
        let instruction = Instruction::Command(Box::new(command));
        self.inner
            .instructions
            .send(instruction)
            .map_err(|_| Stopped)?;
        self.inner.waker.wake().map_err(|_| Stopped)
    }

    /// The counters of all shards.
    pub fn snapshot(&self) -> Snapshot {
        self.inner.metrics.snapshot()
    }

    /// The addresses clients are told.
    pub fn candidates(&self) -> &[SocketAddr] {
        &self.inner.candidates
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A thread that has ended already needs no telling.
        let _ = self.instructions.send(Instruction::Stop);
        let _ = self.waker.wake();
    }
}

/// Opens the socket and starts the thread.
///
/// # Errors
/// [`StartError`].
pub fn start(config: &Config) -> Result<(Handle, EventReceiver), StartError> {
    if config.announce.is_empty() {
        return Err(StartError::NothingAnnounced);
    }
    let (socket, receiver, sender) = udp::Socket::bind(config.bind)?;
    let bound = socket.local_address()?;
    let candidates: Vec<_> = config
        .announce
        .iter()
        .map(|address| match address.port() {
            0 => SocketAddr::new(address.ip(), bound.port()),
            _ => *address,
        })
        .collect();
    let metrics = Arc::new(Metrics::default());
    let mut shard = Shard::new(Parts {
        identity: Arc::new(Identity::generate()?),
        candidates: candidates.clone(),
        limits: config.limits,
        metrics: metrics.clone(),
        clock: clock::now(),
    });
    shard.set_segments(socket.segments());
    let (instructions, inbox) = mpsc::channel();
    let (events, event_receiver) = tokio::sync::mpsc::unbounded_channel();
    let port = Port {
        socket,
        receiver,
        sender,
    };
    let (worker, waker) = Worker::new(shard, port, inbox, events)?;
    let core = config.core;
    std::thread::Builder::new()
        .name("sfu-0".to_owned())
        .spawn(move || {
            if let Some(core) = core {
                core_affinity::set_for_current(core_affinity::CoreId { id: core });
            }
            worker.run();
        })?;
    let inner = Arc::new(Inner {
        instructions,
        waker,
        metrics,
        candidates,
    });
    Ok((Handle { inner }, event_receiver))
}

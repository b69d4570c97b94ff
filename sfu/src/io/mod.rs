//! The shell: a socket and a thread around each [`Shard`](crate::shard::Shard).
//! It decides nothing.
//!
//! A shard has a thread and a port of its own; [`Placement`] says which of them
//! a command is for. Threads wake each other where a room spans their shards.

mod affinity;
mod clock;
pub mod framing;
mod sendmmsg;
mod tcp;
mod thread;
mod udp;

use crate::config::{Config, SHARDS_MAX};
use crate::dtls::{Identity, NoIdentity};
use crate::ice::{self, Credentials};
use crate::link::{self, Link};
use crate::metrics::{Metrics, Snapshot};
use crate::placement::Placement;
use crate::reach::Reach;
use crate::shard::{Clock, Parts, Shard};
use aws_lc_rs::rand::SystemRandom;
use conclave_wire::control::{Command, Event};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
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
    /// The system has no randomness.
    #[error("the system has no randomness")]
    NoRandomness(#[from] aws_lc_rs::error::Unspecified),
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
    shards: Vec<Running>,
    /// Only commands take this lock, in their order; packets never do.
    placement: Mutex<Placement>,
    candidates: Vec<SocketAddr>,
    /// Those of the shard that answers trials, and where it does.
    reach: Credentials,
    reached_at: Vec<SocketAddr>,
    tcp: OnceLock<Vec<SocketAddr>>,
}

/// How somebody finds out whether media would come through
/// ([`reach`](crate::reach)).
#[derive(Debug, Clone)]
pub struct Trial {
    /// The credentials of its checks.
    pub credentials: Credentials,
    /// Where checks are answered over UDP.
    pub udp: Vec<SocketAddr>,
    /// Where TCP connections for them are taken.
    pub tcp: Vec<SocketAddr>,
}

/// A shard's thread.
#[derive(Debug)]
struct Running {
    instructions: mpsc::Sender<Instruction>,
    waker: Arc<mio::Waker>,
    metrics: Arc<Metrics>,
}

impl Running {
    fn tell(&self, instruction: Instruction) -> Result<(), Stopped> {
        self.instructions.send(instruction).map_err(|_| Stopped)?;
        self.waker.wake().map_err(|_| Stopped)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A thread that has ended already needs no telling.
        let _ = self.tell(Instruction::Stop);
    }
}

impl Handle {
    /// Sends a command; its effect and its answer come later.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn send(&self, command: Command) -> Result<(), Stopped> {
        let placement = self.inner.placement.lock();
        // Whatever panicked holding it left it whole: it has no steps between.
        let mut placement = placement.unwrap_or_else(PoisonError::into_inner);
        for (shard, order) in placement.orders(command) {
            let shard = self.inner.shards.get(shard).ok_or(Stopped)?;
            shard.tell(Instruction::Order(Box::new(order)))?;
        }
        Ok(())
    }

    /// Takes over a TCP connection that a client has opened for media. `first`
    /// is its first frame (RFC 4571), length and all, which is still to be read
    /// from it: whose check it is says which shard it is for.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn take_stream(&self, stream: std::net::TcpStream, first: &[u8]) -> Result<(), Stopped> {
        let shards = &self.inner.shards;
        let owner = first.get(2..).and_then(ice::shard);
        let shard = owner.and_then(|owner| shards.get(owner));
        let shard = shard.or(shards.first()).ok_or(Stopped)?;
        shard.tell(Instruction::Stream(stream))
    }

    /// Says where clients may open such connections, once.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn announce_tcp(&self, candidates: &[SocketAddr]) -> Result<(), Stopped> {
        let tcp = self.inner.tcp.get_or_init(|| candidates.to_vec());
        let told = |shard: &Running| shard.tell(Instruction::AnnounceTcp(tcp.clone()));
        self.inner.shards.iter().try_for_each(told)
    }

    /// What somebody needs to know who wants to try.
    pub fn trial(&self) -> Trial {
        Trial {
            credentials: self.inner.reach.clone(),
            udp: self.inner.reached_at.clone(),
            tcp: self.inner.tcp.get().cloned().unwrap_or_default(),
        }
    }

    /// The counters of each shard.
    pub fn snapshots(&self) -> impl Iterator<Item = Snapshot> + '_ {
        let shards = self.inner.shards.iter();
        shards.map(|shard| shard.metrics.snapshot())
    }

    /// The counters of all shards together.
    pub fn snapshot(&self) -> Snapshot {
        let sum = self.snapshots().reduce(|mut sum, shard| {
            sum.add(&shard);
            sum
        });
        sum.unwrap_or_default()
    }

    /// The addresses clients are told, of all shards.
    pub fn candidates(&self) -> &[SocketAddr] {
        &self.inner.candidates
    }
}

/// Opens the sockets and starts the threads.
///
/// # Errors
/// [`StartError`].
pub fn start(config: &Config) -> Result<(Handle, EventReceiver), StartError> {
    if config.announce.is_empty() {
        return Err(StartError::NothingAnnounced);
    }
    let (events, event_receiver) = tokio::sync::mpsc::unbounded_channel();
    let count = config.shards.clamp(1, SHARDS_MAX);
    let mut inner = Inner {
        shards: Vec::with_capacity(count),
        placement: Mutex::new(Placement::new(count, config.spill)),
        candidates: Vec::new(),
        reach: Credentials::random(&SystemRandom::new(), 0)?,
        reached_at: Vec::new(),
        tcp: OnceLock::new(),
    };
    let shared = Shared {
        identity: Arc::new(Identity::generate()?),
        clock: clock::now(),
        events,
    };
    let mut workers = Vec::with_capacity(count);
    for (index, links) in link::all(count).into_iter().enumerate() {
        let reach = (index == 0).then(|| Reach::new(inner.reach.clone()));
        let (worker, running, candidates) = open_shard(config, (index, links, reach), &shared)?;
        if index == 0 {
            inner.reached_at.clone_from(&candidates);
        }
        workers.push(worker);
        inner.shards.push(running);
        inner.candidates.extend(candidates);
    }
    let wakers: Vec<_> = inner.shards.iter().map(|s| s.waker.clone()).collect();
    let cores = affinity::cores(config.pinning, count);
    for (index, worker) in workers.into_iter().enumerate() {
        let (wakers, core) = (wakers.clone(), cores.get(index).copied());
        std::thread::Builder::new()
            .name(format!("sfu-{index}"))
            .spawn(move || {
                if let Some(core) = core {
                    affinity::pin(core);
                }
                worker.run(&wakers);
            })?;
    }
    let inner = Arc::new(inner);
    Ok((Handle { inner }, event_receiver))
}

/// What all shards share.
struct Shared {
    identity: Arc<Identity>,
    /// One for all: they tell each other moments in it.
    clock: Clock,
    events: tokio::sync::mpsc::UnboundedSender<Event>,
}

fn open_shard(
    config: &Config,
    (index, links, reach): (usize, Vec<Option<Link>>, Option<Reach>),
    shared: &Shared,
) -> Result<(Worker, Running, Vec<SocketAddr>), StartError> {
    let (socket, receiver, sender) = udp::Socket::bind(numbered(config.bind, index)?)?;
    let bound = socket.local_address()?;
    let announced = config.announce.iter().map(|address| match address.port() {
        0 => Ok(SocketAddr::new(address.ip(), bound.port())),
        _ => numbered(*address, index),
    });
    let candidates = announced.collect::<Result<Vec<_>, _>>()?;
    let metrics = Arc::new(Metrics::default());
    let mut shard = Shard::new(Parts {
        identity: shared.identity.clone(),
        candidates: candidates.clone(),
        limits: config.limits,
        metrics: metrics.clone(),
        clock: shared.clock,
    });
    shard.set_segments(socket.segments());
    shard.set_index(index);
    shard.set_hold(config.hold);
    shard.set_links(links);
    if let Some(reach) = reach {
        shard.set_reach(reach);
    }
    let (instructions, inbox) = mpsc::channel();
    let port = Port {
        socket,
        receiver,
        sender,
    };
    let (worker, waker) = Worker::new(shard, port, inbox, shared.events.clone())?;
    let running = Running {
        instructions,
        waker,
        metrics,
    };
    Ok((worker, running, candidates))
}

/// A shard's address: the first one's with the port that many further, unless
/// the kernel chooses.
fn numbered(first: SocketAddr, index: usize) -> Result<SocketAddr, std::io::Error> {
    if first.port() == 0 {
        return Ok(first);
    }
    let port = u16::try_from(index)
        .ok()
        .and_then(|index| first.port().checked_add(index));
    port.map(|port| SocketAddr::new(first.ip(), port))
        .ok_or_else(|| std::io::Error::other("more shards than ports"))
}

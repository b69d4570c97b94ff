//! A shard's thread: waits for the socket, a command or the time, tells the
//! shard, does what it says.

use super::sendmmsg;
use super::tcp::Streams;
use super::udp::{self, Receiver, Sender, Socket};
use crate::address::Address;
use crate::drop::DropReason;
use crate::egress::Run;
use crate::placement::Order;
use crate::relay::bits;
use crate::shard::{Input, Output, Shard};
use conclave_wire::control::Event;
use mio::{Events, Interest, Poll, Token, Waker};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{self, TryRecvError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);

/// Batches received before commands and timers have their turn.
const BATCHES_PER_TURN: usize = 16;

/// The poll counts in this unit and rounds up: what is shorter is waited for
/// otherwise.
const POLL_UNIT: Duration = Duration::from_millis(1);

/// What reaches the thread.
#[derive(Debug)]
pub(super) enum Instruction {
    /// Something for the shard.
    Order(Box<Order>),
    /// A TCP connection for media.
    Stream(TcpStream),
    /// Where clients may open such connections.
    AnnounceTcp(Vec<SocketAddr>),
    /// The last handle is gone.
    Stop,
}

/// The socket and both its sides.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) socket: Socket,
    pub(super) receiver: Receiver,
    pub(super) sender: Sender,
}

/// The thread's state.
#[derive(Debug)]
pub(super) struct Worker {
    shard: Shard,
    port: Port,
    streams: Streams,
    poll: Poll,
    inbox: mpsc::Receiver<Instruction>,
    events: UnboundedSender<Event>,
    wake: Option<Instant>,
    /// Every shard's, its own among them: the last handle wakes the thread and
    /// is gone before it looks.
    wakers: Vec<Arc<Waker>>,
}

impl Worker {
    pub(super) fn new(
        shard: Shard,
        mut port: Port,
        inbox: mpsc::Receiver<Instruction>,
        events: UnboundedSender<Event>,
    ) -> io::Result<(Self, Arc<Waker>)> {
        let poll = Poll::new()?;
        poll.registry()
            .register(&mut port.socket.socket, SOCKET, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let worker = Self {
            shard,
            port,
            streams: Streams::new(),
            poll,
            inbox,
            events,
            wake: None,
            wakers: vec![waker.clone()],
        };
        Ok((worker, waker))
    }

    /// Runs until the last handle is gone.
    pub(super) fn run(mut self, wakers: &[Arc<Waker>]) {
        self.wakers = wakers.to_vec();
        let mut ready = Events::with_capacity(64);
        let mut readable = true;
        loop {
            let mut linked = false;
            let wake = self.wake.into_iter().chain(self.streams.wake()).min();
            let wait = match readable || self.streams.is_readable() {
                true => Some(Duration::ZERO),
                false => wake.map(|wake| wake.saturating_duration_since(Instant::now())),
            };
            let wait = match wait {
                Some(short) if !short.is_zero() && short < POLL_UNIT => {
                    sendmmsg::wait_readable(self.poll.registry().as_fd(), short);
                    Some(Duration::ZERO)
                }
                wait => wait,
            };
            if let Err(error) = self.poll.poll(&mut ready, wait)
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "the media thread cannot wait for its socket");
                return;
            }
            // Readiness is told once: read until there is nothing.
            for event in &ready {
                match event.token() {
                    SOCKET => readable = true,
                    WAKER => linked = true,
                    stream => {
                        let readable = event.is_readable() || event.is_error();
                        self.streams.ready(stream, readable, event.is_writable());
                    }
                }
            }
            if !self.obey() {
                return;
            }
            if linked {
                self.shard.handle_input(Instant::now(), Input::Linked);
                self.drain();
            }
            if readable {
                readable = self.read();
            }
            if self.streams.is_readable() {
                self.read_streams();
            }
            self.streams.sweep(&mut self.shard, Instant::now());
            if self.wake.is_some_and(|wake| wake <= Instant::now()) {
                self.shard.handle_input(Instant::now(), Input::Timeout);
                self.drain();
            }
        }
    }

    /// Carries out what was sent; false when the thread is to end.
    fn obey(&mut self) -> bool {
        loop {
            match self.inbox.try_recv() {
                Ok(Instruction::Order(order)) => {
                    let input = match *order {
                        Order::Command(command) => Input::Command(command),
                        Order::Spans { room, others } => Input::Spans { room, others },
                    };
                    self.shard.handle_input(Instant::now(), input);
                    self.drain();
                }
                Ok(Instruction::Stream(stream)) => {
                    let (registry, now) = (self.poll.registry(), Instant::now());
                    if let Err(error) = self.streams.add(stream, registry, &self.shard, now) {
                        tracing::debug!(%error, "a stream was gone before it was taken");
                    }
                }
                Ok(Instruction::AnnounceTcp(candidates)) => {
                    self.shard.set_tcp_candidates(candidates);
                }
                Ok(Instruction::Stop) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
            }
        }
    }

    /// Reads for one turn; whether there may be more. What was read goes out
    /// when the socket is empty, or sooner if it fills a burst: the more load,
    /// the more goes out at once, and nothing waits while there is none.
    fn read(&mut self) -> bool {
        let mut more = true;
        for _ in 0..BATCHES_PER_TURN {
            let received = self.port.receiver.receive(&self.port.socket);
            let now = Instant::now();
            let Self {
                shard,
                port,
                streams,
                wakers,
                ..
            } = self;
            for (from, bytes) in port.receiver.datagrams() {
                let from = from.into();
                shard.handle_input(now, Input::Datagram { from, bytes });
                if shard.is_full() {
                    wake(shard, wakers);
                    transmit(shard, &port.socket, &mut port.sender, streams);
                }
            }
            match received {
                Ok(true) => {}
                Ok(false) => {
                    more = false;
                    break;
                }
                // An ICMP error of some client's; the next read goes on.
                Err(error) => {
                    tracing::debug!(%error, "receive failed");
                    break;
                }
            }
        }
        self.drain();
        more
    }

    /// Reads the TCP connections for one turn.
    fn read_streams(&mut self) {
        let Self {
            shard,
            port,
            streams,
            wakers,
            ..
        } = self;
        streams.read(shard, Instant::now(), |shard, streams| {
            wake(shard, wakers);
            transmit(shard, &port.socket, &mut port.sender, streams);
        });
        self.drain();
    }

    fn drain(&mut self) {
        let Self {
            shard,
            port,
            streams,
            wakers,
            ..
        } = self;
        wake(shard, wakers);
        transmit(shard, &port.socket, &mut port.sender, streams);
        loop {
            match self.shard.poll_output() {
                Output::Event(event) => {
                    // Nobody listens any more: the handles are gone too.
                    let _ = self.events.send(event);
                }
                // All were taken in batches.
                Output::Transmit { .. } => {}
                Output::Wake(shard) => wake_one(&self.wakers, shard),
                Output::Timeout(wake) => {
                    self.wake = wake;
                    return;
                }
            }
        }
    }
}

/// Wakes the shards that packets were sent to, before this one seals its own
/// receivers' copies of them.
fn wake(shard: &mut Shard, wakers: &[Arc<Waker>]) {
    bits(shard.take_wakes()).for_each(|shard| wake_one(wakers, shard));
}

fn wake_one(wakers: &[Arc<Waker>], shard: usize) {
    let woken = wakers.get(shard).map_or(Ok(()), |waker| waker.wake());
    if let Err(error) = woken {
        tracing::error!(%error, shard, "a media thread cannot be woken");
    }
}

/// Sends what waits.
fn transmit(shard: &mut Shard, socket: &Socket, sender: &mut Sender, streams: &mut Streams) {
    loop {
        let (mut refused, mut full, mut splits) = (0, 0, true);
        let (mut runs, arena) = shard.take_runs(udp::RUNS);
        if runs.is_empty() {
            return;
        }
        while !runs.is_empty() {
            if let Address::Tcp(stream) = runs[0].to {
                full += streams.send(stream, &runs[0], arena);
                runs = &runs[1..];
                continue;
            }
            let other = |run: &Run| matches!(run.to, Address::Tcp(_));
            let datagrams = runs.iter().position(other).unwrap_or(runs.len());
            let (datagrams, rest) = runs.split_at(datagrams);
            splits &= sender.send(socket, datagrams, arena, |error| {
                tracing::trace!(%error, "send failed");
                refused += 1;
            });
            runs = rest;
        }
        for (reason, count) in [
            (DropReason::SocketRefused, refused),
            (DropReason::StreamFull, full),
        ] {
            if count > 0 {
                shard.metrics().add_drops(reason, count);
            }
        }
        if !splits {
            shard.set_segments(1);
        }
    }
}

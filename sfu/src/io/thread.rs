//! A shard's thread: waits for the socket, a command or the time, tells the
//! shard, does what it says.

use super::udp::Socket;
use crate::drop::DropReason;
use crate::shard::{Input, Output, Shard};
use conclave_wire::control::{Command, Event};
use mio::{Events, Interest, Poll, Token, Waker};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;
use tokio::sync::mpsc::UnboundedSender;

const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);

/// Batches received before commands and timers have their turn.
const BATCHES_PER_TURN: usize = 16;

/// What reaches the thread.
#[derive(Debug)]
pub(super) enum Instruction {
    /// A command for the shard.
    Command(Box<Command>),
    /// The last handle is gone.
    Stop,
}

/// The thread's state.
#[derive(Debug)]
pub(super) struct Worker {
    shard: Shard,
    socket: Socket,
    poll: Poll,
    inbox: Receiver<Instruction>,
    events: UnboundedSender<Event>,
    wake: Option<Instant>,
    /// Kept open: the last handle wakes the thread and is gone before it looks.
    _waker: Arc<Waker>,
}

impl Worker {
    pub(super) fn new(
        shard: Shard,
        mut socket: Socket,
        inbox: Receiver<Instruction>,
        events: UnboundedSender<Event>,
    ) -> io::Result<(Self, Arc<Waker>)> {
        let poll = Poll::new()?;
        poll.registry()
            .register(&mut socket.socket, SOCKET, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let worker = Self {
            shard,
            socket,
            poll,
            inbox,
            events,
            wake: None,
            _waker: waker.clone(),
        };
        Ok((worker, waker))
    }

    /// Runs until the last handle is gone.
    pub(super) fn run(mut self) {
        let mut ready = Events::with_capacity(8);
        let mut readable = true;
        loop {
            let wait = match (readable, self.wake) {
                (true, _) => Some(std::time::Duration::ZERO),
                (false, wake) => wake.map(|wake| wake.saturating_duration_since(Instant::now())),
            };
            if let Err(error) = self.poll.poll(&mut ready, wait)
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "the media thread cannot wait for its socket");
                return;
            }
            // Readiness is told once: read until there is nothing.
            readable |= ready.iter().any(|event| event.token() == SOCKET);
            if !self.obey() {
                return;
            }
            if readable {
                readable = self.read();
            }
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
                Ok(Instruction::Command(command)) => {
                    let now = Instant::now();
                    self.shard.handle_input(now, Input::Command(*command));
                    self.drain();
                }
                Ok(Instruction::Stop) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
            }
        }
    }

    /// Reads for one turn; whether there may be more.
    fn read(&mut self) -> bool {
        for _ in 0..BATCHES_PER_TURN {
            let now = Instant::now();
            let shard = &mut self.shard;
            let received = self.socket.receive(|from, bytes| {
                shard.handle_input(now, Input::Datagram { from, bytes });
            });
            self.drain();
            match received {
                Ok(true) => {}
                Ok(false) => return false,
                // An ICMP error of some client's; the next read goes on.
                Err(error) => {
                    tracing::debug!(%error, "receive failed");
                    return true;
                }
            }
        }
        true
    }

    fn drain(&mut self) {
        loop {
            match self.shard.poll_output() {
                Output::Transmit { to, bytes, segment } => {
                    if let Err(error) = self.socket.send(to, bytes, segment) {
                        tracing::trace!(%error, "send failed");
                        self.shard.metrics().count_drop(DropReason::SocketRefused);
                    }
                }
                Output::Event(event) => {
                    // Nobody listens any more: the handles are gone too.
                    let _ = self.events.send(event);
                }
                Output::Timeout(wake) => {
                    self.wake = wake;
                    return;
                }
            }
        }
    }
}

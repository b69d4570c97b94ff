//! TCP connections that carry datagrams in frames ([`framing`](super::framing)).
//! Clients open them, where UDP does not get through; somebody else accepts
//! them and hands them over.

use super::framing::{Frames, Malformed, PREFIX};
use crate::address::Stream;
use crate::drop::DropReason;
use crate::egress::Run;
use crate::metrics::Counter;
use crate::shard::{Input, Shard};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Bytes that may wait for one connection: half a second at 1 Mbit/s. More
/// would play later what is late already; what does not fit is lost, which the
/// sender's congestion control notices.
const QUEUE_MAX: usize = 64 << 10;

/// Bytes that the kernel may hold beside those on their way. What waits there
/// cannot be dropped any more.
const UNSENT_MAX: u32 = 16 << 10;

/// What a client acknowledges nothing for is gone.
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);

/// How long a connection may be none of a participant's.
const STRANGER: Duration = Duration::from_secs(5);

/// Connections of one address that are none of a participant's yet. An office
/// behind one address joins one by one.
const STRANGERS_MAX: usize = 16;

/// Connections of all.
const STREAMS_MAX: usize = 4096;

/// Between two looks for strangers.
const SWEEP: Duration = Duration::from_secs(1);

/// Bytes of one read, and reads of one turn.
const CHUNK: usize = 16 << 10;
const READS: usize = 4;

/// The first token that is a connection's.
const FIRST: usize = 2;

/// The connections of a shard.
#[derive(Debug)]
pub(super) struct Streams {
    open: HashMap<u64, Connection>,
    next: u64,
    sweep: Option<Instant>,
    chunk: Box<[u8]>,
    /// Connections that may have more to read.
    readable: Vec<u64>,
}

#[derive(Debug)]
struct Connection {
    socket: TcpStream,
    stream: Stream,
    opened: Instant,
    inbound: Frames,
    /// Frames that wait, of which `sent` bytes are gone.
    outbound: Vec<u8>,
    sent: usize,
}

impl Streams {
    pub(super) fn new() -> Self {
        Self {
            open: HashMap::new(),
            next: 0,
            sweep: None,
            chunk: vec![0; CHUNK].into_boxed_slice(),
            readable: Vec::new(),
        }
    }

    /// Takes a connection over.
    pub(super) fn add(
        &mut self,
        socket: std::net::TcpStream,
        registry: &Registry,
        shard: &Shard,
        now: Instant,
    ) -> io::Result<()> {
        let peer = canonical(socket.peer_addr()?);
        if self.open.len() >= STREAMS_MAX || self.strangers(peer.ip(), shard) >= STRANGERS_MAX {
            shard.metrics().count_drop(DropReason::StreamRefused);
            return Ok(());
        }
        socket.set_nonblocking(true)?;
        let options = SockRef::from(&socket);
        options.set_tcp_nodelay(true)?;
        options.set_tcp_notsent_lowat(UNSENT_MAX)?;
        options.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
        let mut socket = TcpStream::from_std(socket);
        let id = self.next;
        self.next += 1;
        let token = Token(FIRST + id as usize);
        registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
        let connection = Connection {
            socket,
            stream: Stream { peer, id },
            opened: now,
            inbound: Frames::default(),
            outbound: Vec::new(),
            sent: 0,
        };
        self.open.insert(id, connection);
        self.readable.push(id);
        self.sweep.get_or_insert(now + SWEEP);
        shard.metrics().count(Counter::StreamsOpened);
        Ok(())
    }

    /// Connections from an address that nobody's check came over.
    fn strangers(&self, ip: IpAddr, shard: &Shard) -> usize {
        let open = self.open.values();
        let strange = |stream: &Stream| stream.peer.ip() == ip && !shard.knows(&(*stream).into());
        open.filter(|open| strange(&open.stream)).count()
    }

    /// Notes what the kernel says of a connection.
    pub(super) fn ready(&mut self, token: Token, readable: bool, writable: bool) {
        let Some(id) = token.0.checked_sub(FIRST).map(|id| id as u64) else {
            return;
        };
        if writable && let Some(connection) = self.open.get_mut(&id) {
            // An error shows when the connection is read.
            let _ = connection.flush();
        }
        if readable && !self.readable.contains(&id) {
            self.readable.push(id);
        }
    }

    /// Whether a connection may have more to read.
    pub(super) fn is_readable(&self) -> bool {
        !self.readable.is_empty()
    }

    /// When [`Streams::sweep`] is due.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.sweep
    }

    /// Reads each connection for one turn. `drain` is called when the shard
    /// cannot take more.
    pub(super) fn read(
        &mut self,
        shard: &mut Shard,
        now: Instant,
        mut drain: impl FnMut(&mut Shard, &mut Self),
    ) {
        let ready = std::mem::take(&mut self.readable);
        for id in ready {
            for turn in 1..=READS {
                match self.read_one(id, shard, now) {
                    Ok(false) => break,
                    Ok(true) if turn == READS => self.readable.push(id),
                    Ok(true) => {}
                    Err(reason) => {
                        self.close(id, shard, now, reason);
                        break;
                    }
                }
                if shard.is_full() {
                    drain(shard, self);
                }
            }
        }
    }

    /// Reads once; whether there may be more. An error ends the connection.
    fn read_one(
        &mut self,
        id: u64,
        shard: &mut Shard,
        now: Instant,
    ) -> Result<bool, Option<DropReason>> {
        let Some(connection) = self.open.get_mut(&id) else {
            return Ok(false);
        };
        match connection.socket.read(&mut self.chunk) {
            Ok(0) => Err(None),
            Ok(len) => {
                let bytes = self.chunk.get(..len).unwrap_or_default();
                let from = connection.stream.into();
                let taken = connection.inbound.take(bytes, |bytes| {
                    shard.handle_input(now, Input::Datagram { from, bytes });
                });
                taken.map_err(|Malformed| Some(DropReason::StreamMalformed))?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(_) => Err(None),
        }
    }

    /// Sends a run's datagrams; gives how many were dropped, because they do
    /// not fit or the connection is gone.
    pub(super) fn send(&mut self, stream: Stream, run: &Run, arena: &[u8]) -> u64 {
        let bytes = arena.get(run.bytes.clone()).unwrap_or_default();
        let Some(connection) = self.open.get_mut(&stream.id) else {
            return run.datagrams() as u64;
        };
        let datagrams = bytes.chunks(run.segment.max(1));
        let dropped = datagrams.filter(|datagram| !connection.push(datagram));
        let dropped = dropped.count() as u64;
        // An error shows when the connection is read.
        let _ = connection.flush();
        dropped
    }

    /// Closes the connections that are nobody's.
    pub(super) fn sweep(&mut self, shard: &mut Shard, now: Instant) {
        if self.sweep.is_none_or(|due| now < due) {
            return;
        }
        let strange = |connection: &Connection| {
            now.saturating_duration_since(connection.opened) >= STRANGER
                && !shard.knows(&connection.stream.into())
        };
        let open = self.open.iter();
        let strangers: Vec<_> = open
            .filter(|(_, c)| strange(c))
            .map(|(id, _)| *id)
            .collect();
        for id in strangers {
            self.close(id, shard, now, None);
        }
        self.sweep = (!self.open.is_empty()).then_some(now + SWEEP);
    }

    fn close(&mut self, id: u64, shard: &mut Shard, now: Instant, reason: Option<DropReason>) {
        if let Some(reason) = reason {
            shard.metrics().count_drop(reason);
        }
        // Closing the socket takes it out of the registry.
        if let Some(connection) = self.open.remove(&id) {
            let from = connection.stream.into();
            shard.handle_input(now, Input::Closed { from });
        }
    }
}

impl Connection {
    /// Queues a datagram, if there is room.
    fn push(&mut self, datagram: &[u8]) -> bool {
        let waiting = self.outbound.len() - self.sent;
        let Ok(len) = u16::try_from(datagram.len()) else {
            return false;
        };
        if waiting + PREFIX + datagram.len() > QUEUE_MAX {
            return false;
        }
        if self.outbound.len() + PREFIX + datagram.len() > 2 * QUEUE_MAX {
            self.outbound.drain(..self.sent);
            self.sent = 0;
        }
        self.outbound.extend_from_slice(&len.to_be_bytes());
        self.outbound.extend_from_slice(datagram);
        true
    }

    /// Writes what the kernel takes.
    fn flush(&mut self) -> io::Result<()> {
        while self.sent < self.outbound.len() {
            match self.socket.write(&self.outbound[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.outbound.clear();
        self.sent = 0;
        Ok(())
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_and_arrives_whole_and_in_order() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let (socket, peer) = listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut connection = Connection {
            socket: TcpStream::from_std(socket),
            stream: Stream { peer, id: 0 },
            opened: Instant::now(),
            inbound: Frames::default(),
            outbound: Vec::new(),
            sent: 0,
        };
        for round in 0..3 {
            let waiting = (0..=u8::MAX).take_while(|n| connection.push(&[*n; 1000]));
            assert_eq!(waiting.count(), QUEUE_MAX / 1002, "{round}");
            let mut frame = [0; 1002];
            for n in 0..(QUEUE_MAX / 1002) as u8 {
                connection.flush().unwrap();
                client.read_exact(&mut frame).unwrap();
                assert_eq!(frame[..2], 1000u16.to_be_bytes());
                assert!(frame[2..].iter().all(|byte| *byte == n), "{n}");
            }
        }
    }
}

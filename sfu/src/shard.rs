//! The core of one shard: all connections of one UDP port, without the port.
//! It is told the time and what came, and says what to send and when to be
//! woken.
//!
//! The law of its use: **mutate, then drain**. After every
//! [`Shard::handle_input`] (or a few of them), call [`Shard::poll_output`] until
//! it yields [`Output::Timeout`].
//!
//! A packet's walk is [`Shard::forward`] up to where one becomes many, and
//! [`crate::deliver`] from there; what commands do stands in
//! [`crate::control`], what RTCP does in [`crate::feedback`], what time does in
//! [`crate::upkeep`].

use crate::address::Address;
use crate::allocate::{Ladder, Standing};
use crate::burst::{self, Burst};
use crate::config::{HOLD, Limits, SECTIONS_MAX, TICK};
use crate::demux::{Class, Classified, Datagram, classify};
use crate::drop::DropReason;
use crate::dtls::{Identity, Outcome};
use crate::egress::{Egress, Run};
use crate::ice::{ANSWER_MAX, Check};
use crate::link::Link;
use crate::metrics::{Counter, Metrics};
use crate::peer::{Peer, PeerKey, SessionKeys};
use crate::pool::{Pool, SLOT_LEN};
use crate::reach::Reach;
use crate::relay::{Links, bits};
use crate::room::Room;
use crate::rtp::rtcp::ReportBlock;
use crate::slot::Serial;
use crate::srtp::Profile;
use crate::track::{Subscriber, Track};
use crate::{route, unprotect};
use aws_lc_rs::rand::SystemRandom;
use conclave_wire::control::{Command, Event, SourceOf};
use conclave_wire::id::{ParticipantId, RoomId};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Slots for packets that are on their way and in no history: a burst that
/// waits, and what is being opened.
const SLOTS_IN_FLIGHT: usize = burst::PACKETS_MAX + 4;

/// What happens to a shard.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram came.
    Datagram {
        /// From where.
        from: Address,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// A TCP connection is no more.
    Closed {
        /// Which.
        from: Address,
    },
    /// The signaling service says something.
    Command(Command),
    /// A room has members on other shards, too.
    Spans {
        /// The room.
        room: RoomId,
        /// On which, one bit each; on none: it has them no more.
        others: u64,
    },
    /// Another shard said [`Output::Wake`], or this one.
    Linked,
    /// The time of [`Output::Timeout`] has come.
    Timeout,
}

/// What a shard wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Send datagrams to one address.
    Transmit {
        /// Where to.
        to: Address,
        /// Datagrams back to back, each `segment` bytes long but the last,
        /// which may be shorter.
        bytes: &'a [u8],
        /// Bytes of a datagram.
        segment: usize,
    },
    /// Tell the signaling service.
    Event(Event),
    /// Give a shard, which may be this one, [`Input::Linked`].
    Wake(usize),
    /// Nothing more; call with [`Input::Timeout`] then, or never.
    Timeout(Option<Instant>),
}

/// Wall-clock time for sender reports: told once, then counted from the
/// monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// A moment.
    pub start: Instant,
    /// The same moment in NTP time, 32.32 fixed point (RFC 3550 section 4).
    pub ntp: u64,
}

impl Clock {
    /// NTP time of a moment.
    pub fn ntp(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.start);
        let fraction = (u64::from(elapsed.subsec_nanos()) << 32) / 1_000_000_000;
        self.ntp
            .wrapping_add(elapsed.as_secs() << 32)
            .wrapping_add(fraction)
    }
}

/// What a shard is made of.
#[derive(Debug)]
pub struct Parts {
    /// Its certificate; shards of one SFU share it.
    pub identity: Arc<Identity>,
    /// The addresses clients are told.
    pub candidates: Vec<SocketAddr>,
    /// What it may hold.
    pub limits: Limits,
    /// Its counters.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Clock,
}

/// The core of one shard.
#[derive(Debug)]
pub struct Shard {
    pub(crate) identity: Arc<Identity>,
    pub(crate) fingerprint: String,
    pub(crate) candidates: Vec<SocketAddr>,
    pub(crate) tcp_candidates: Vec<SocketAddr>,
    pub(crate) index: usize,
    pub(crate) reach: Option<Reach>,
    pub(crate) limits: Limits,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
    pub(crate) rng: SystemRandom,
    pub(crate) peers: Vec<Option<Peer>>,
    pub(crate) by_participant: HashMap<ParticipantId, PeerKey>,
    pub(crate) by_address: HashMap<Address, PeerKey>,
    pub(crate) by_ufrag: HashMap<String, PeerKey>,
    pub(crate) rooms: HashMap<RoomId, Room>,
    pub(crate) tracks: Vec<Option<Track>>,
    pub(crate) by_source: HashMap<SourceOf, usize>,
    pub(crate) pool: Pool,
    pub(crate) burst: Burst,
    pub(crate) egress: Egress,
    pub(crate) links: Links,
    pub(crate) events: VecDeque<Event>,
    pub(crate) next_tick: Option<Instant>,
    pub(crate) hold: Duration,
    /// There is so much to send that packets wait for others.
    pub(crate) busy: bool,
    /// The time as it was told last.
    pub(crate) now: Instant,
    pub(crate) scratch: Scratch,
    pub(crate) serials: u64,
}

/// Buffers that are used again and again, so that no packet allocates.
#[derive(Debug)]
pub(crate) struct Scratch {
    /// A compound packet that is being written.
    pub(crate) compound: Vec<u8>,
    /// A compound packet that was opened.
    pub(crate) opened: Box<[u8]>,
    /// Sequence numbers to ask for.
    pub(crate) lost: Vec<u16>,
    /// What slots could take, and which they are.
    pub(crate) ladders: Vec<Ladder>,
    pub(crate) standings: Vec<Standing>,
    pub(crate) shared: Vec<usize>,
    /// Report blocks.
    pub(crate) blocks: Vec<ReportBlock>,
    /// Slots that left a track while packets were delivered.
    pub(crate) left: Vec<(usize, Subscriber)>,
}

impl Shard {
    /// A shard without connections.
    pub fn new(parts: Parts) -> Self {
        let mut pool = Pool::new(parts.limits.packet_slots + SLOTS_IN_FLIGHT);
        pool.reserve(SLOTS_IN_FLIGHT);
        Self {
            fingerprint: parts.identity.fingerprint(),
            identity: parts.identity,
            candidates: parts.candidates,
            tcp_candidates: Vec::new(),
            index: 0,
            reach: None,
            burst: Burst::new(),
            egress: Egress::new(parts.limits.egress_bytes),
            limits: parts.limits,
            metrics: parts.metrics,
            clock: parts.clock,
            rng: SystemRandom::new(),
            peers: Vec::new(),
            by_participant: HashMap::new(),
            by_address: HashMap::new(),
            by_ufrag: HashMap::new(),
            rooms: HashMap::new(),
            tracks: Vec::new(),
            by_source: HashMap::new(),
            pool,
            links: Links::default(),
            events: VecDeque::new(),
            next_tick: None,
            hold: HOLD,
            busy: false,
            now: parts.clock.start,
            scratch: Scratch {
                compound: Vec::with_capacity(SLOT_LEN),
                opened: vec![0; SLOT_LEN].into_boxed_slice(),
                lost: Vec::with_capacity(512),
                ladders: Vec::with_capacity(SECTIONS_MAX),
                standings: Vec::with_capacity(SECTIONS_MAX),
                shared: Vec::with_capacity(SECTIONS_MAX),
                blocks: Vec::with_capacity(32),
                left: Vec::with_capacity(64),
            },
            serials: 0,
        }
    }

    /// How many datagrams to one address [`Output::Transmit`] may hold: what
    /// the socket can segment.
    pub fn set_segments(&mut self, segments: usize) {
        self.egress.set_segments(segments);
    }

    /// How long a packet waits for others of its frame where there is much to
    /// send; [`HOLD`] until it is said.
    pub fn set_hold(&mut self, hold: Duration) {
        self.hold = hold;
    }

    /// The addresses at which clients may open TCP connections, told from the
    /// next answer on.
    pub fn set_tcp_candidates(&mut self, candidates: Vec<SocketAddr>) {
        self.tcp_candidates = candidates;
    }

    /// Which of an SFU's shards it is, at most the 63rd; 0 until it is said.
    pub fn set_index(&mut self, index: usize) {
        self.index = index;
    }

    /// Answers checks of nobody's under these credentials; none until it is said.
    pub fn set_reach(&mut self, reach: Reach) {
        self.reach = Some(reach);
    }

    /// Its links to the SFU's shards, by their indices; none to itself.
    pub fn set_links(&mut self, links: Vec<Option<Link>>) {
        self.links = Links::new(links);
    }

    /// Takes what happened at `now`, which never goes back.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        self.now = now;
        match input {
            Input::Datagram { from, bytes } => {
                self.metrics.count(Counter::Received);
                self.metrics.add(Counter::ReceivedBytes, bytes.len() as u64);
                if let Err(reason) = self.datagram(now, Datagram { from, bytes }) {
                    self.metrics.count_drop(reason);
                }
            }
            Input::Closed { from } => self.path_closed(from),
            Input::Command(command) => self.command(now, command),
            Input::Spans { room, others } => self.span(room, others),
            Input::Linked => self.linked(now),
            Input::Timeout => {}
        }
        self.burst.pass(now);
        if self.next_tick.is_some_and(|due| due <= now) {
            self.next_tick = None;
            self.upkeep(now);
        }
        let idle = self.by_participant.is_empty() && self.links.slack.is_empty();
        if self.next_tick.is_none() && !idle {
            self.next_tick = Some(now + TICK);
        }
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> Output<'_> {
        if let Some(event) = self.events.pop_front() {
            return Output::Event(event);
        }
        if let Some(shard) = bits(self.links.wakes).next() {
            self.links.wakes &= !(1 << shard);
            return Output::Wake(shard);
        }
        let wake = self.next_tick.into_iter().chain(self.burst.wake()).min();
        let (runs, arena) = self.take_runs(1);
        match runs.first() {
            Some(run) => Output::Transmit {
                to: run.to,
                bytes: &arena[run.bytes.clone()],
                segment: run.segment,
            },
            None => Output::Timeout(wake),
        }
    }

    /// At most `runs` of the runs that [`Output::Transmit`] would give one by
    /// one, and the arena they lie in; none when nothing waits.
    pub fn take_runs(&mut self, runs: usize) -> (&[Run], &[u8]) {
        self.egress.recycle();
        while self.egress.is_empty() && self.burst.is_ready() {
            self.deliver();
        }
        let (runs, arena) = self.egress.take(runs);
        let datagrams: usize = runs.iter().map(Run::datagrams).sum();
        let bytes: usize = runs.iter().map(|run| run.bytes.len()).sum();
        self.metrics.add(Counter::Sent, datagrams as u64);
        self.metrics.add(Counter::SentBytes, bytes as u64);
        (runs, arena)
    }

    /// The shards for which [`Output::Wake`] would be said, one bit each.
    pub fn take_wakes(&mut self) -> u64 {
        std::mem::take(&mut self.links.wakes)
    }

    /// Whether to drain before the next input: what came since fills a burst.
    pub fn is_full(&self) -> bool {
        self.burst.is_full()
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn datagram(&mut self, now: Instant, datagram: Datagram<'_>) -> Result<(), DropReason> {
        if datagram.bytes.len() > SLOT_LEN {
            return Err(DropReason::Size);
        }
        let class = classify(datagram.bytes)?;
        if class == Class::Stun {
            return self.check(now, datagram);
        }
        let peer = *self
            .by_address
            .get(&datagram.from)
            .ok_or(DropReason::UnknownAddress)?;
        let classified = Classified { peer, datagram };
        match class {
            Class::Rtp => self.forward(now, &classified),
            Class::Rtcp => self.rtcp(now, &classified),
            Class::Dtls => self.handshake(now, &classified),
            Class::Stun => Err(DropReason::UnknownClass),
        }
    }

    /// A packet's walk to where it becomes many: unprotect, route. Then it
    /// waits for [`Shard::deliver`].
    fn forward(&mut self, now: Instant, packet: &Classified<'_>) -> Result<(), DropReason> {
        let peer = self
            .peers
            .get_mut(packet.peer.0)
            .and_then(Option::as_mut)
            .ok_or(DropReason::UnknownAddress)?;
        let authentic = unprotect::rtp(peer, packet, now, &mut self.pool);
        if peer.paths.follow(now, packet.datagram.from, &authentic) {
            self.metrics.count(Counter::AddressChanges);
        }
        let authentic = authentic?;
        let serials = &mut self.serials;
        let fresh = || {
            *serials += 1;
            Serial(*serials)
        };
        let routed = route::route(
            peer,
            &mut self.tracks,
            &mut self.pool,
            &authentic,
            fresh,
            now,
        )?;
        if routed.restarted {
            self.resubscribe(routed.origin);
        }
        if routed.repaired {
            self.metrics.count(Counter::Repaired);
        }
        self.relay(&routed);
        self.enlist(now, routed)
    }

    /// A connectivity check: the only thing that makes an address known.
    fn check(&mut self, now: Instant, datagram: Datagram<'_>) -> Result<(), DropReason> {
        let check = Check::parse(datagram.bytes)?;
        if let Some(reach) = self.reach.as_mut().filter(|reach| reach.is_for(&check)) {
            let mut answer = [0; ANSWER_MAX];
            let check = (&check, datagram.from.socket());
            let len = reach.answer(now, check, &mut answer)?;
            return self.egress.push(datagram.from, &answer[..len]);
        }
        let key = *self
            .by_ufrag
            .get(check.local_ufrag)
            .ok_or(DropReason::StunUnknownUser)?;
        let Some(Some(peer)) = self.peers.get_mut(key.0) else {
            return Err(DropReason::StunUnknownUser);
        };
        let known = peer.paths.contains(datagram.from);
        let Some(ice) = peer.generation(check.local_ufrag, check.remote_ufrag) else {
            return Err(DropReason::StunUnknownUser);
        };
        if !check.verify(&ice.integrity) {
            return Err(DropReason::StunForged);
        }
        let fresh = ice.seen.note(check.transaction());
        // A client that got no answer may ask again from where it asked first.
        if !fresh && !known {
            return Err(DropReason::StunReplayed);
        }
        let mut answer = [0; ANSWER_MAX];
        let (len, success) = check.answer(&ice.integrity, datagram.from.socket(), &mut answer);
        peer.paths.repeated(now, datagram.from);
        if success && fresh {
            peer.heard = now;
            if let Some(old) = peer.paths.check(now, datagram.from) {
                self.by_address.remove(&old);
            }
            if check.nominates {
                if peer.paths.nominate(now, datagram.from) {
                    self.metrics.count(Counter::AddressChanges);
                }
                if check.local_ufrag == peer.ice.local.ufrag
                    && let Some(before) = peer.ice_before.take()
                {
                    self.by_ufrag.remove(&before.local.ufrag);
                }
            }
            let before = self.by_address.insert(datagram.from, key);
            if let Some(before) = before.filter(|before| *before != key)
                && let Some(Some(before)) = self.peers.get_mut(before.0)
            {
                // The address has moved to this connection.
                before.paths.forget(datagram.from);
            }
        }
        self.egress.push(datagram.from, &answer[..len])?;
        self.announce(key);
        Ok(())
    }

    /// Whether an address passed a check of somebody's who is connected.
    pub fn knows(&self, address: &Address) -> bool {
        self.by_address.contains_key(address)
    }

    /// A client can no longer be reached where it was; it says where it can.
    fn path_closed(&mut self, address: Address) {
        let key = self.by_address.remove(&address);
        if let Some(Some(peer)) = key.and_then(|key| self.peers.get_mut(key.0)) {
            peer.paths.forget(address);
        }
    }

    fn handshake(&mut self, now: Instant, packet: &Classified<'_>) -> Result<(), DropReason> {
        let Some(Some(peer)) = self.peers.get_mut(packet.peer.0) else {
            return Err(DropReason::UnknownAddress);
        };
        let to = peer.paths.nominated().unwrap_or(packet.datagram.from);
        let (egress, metrics) = (&mut self.egress, &self.metrics);
        let outcome =
            peer.dtls
                .handle_packet(&self.identity, now, packet.datagram.bytes, |record| {
                    if let Err(reason) = egress.push(to, record) {
                        metrics.count_drop(reason);
                    }
                });
        self.handshaken(packet.peer, outcome)
    }

    /// Acts on what a handshake came to.
    pub(crate) fn handshaken(
        &mut self,
        key: PeerKey,
        outcome: Option<Outcome>,
    ) -> Result<(), DropReason> {
        match outcome {
            None => Ok(()),
            Some(Outcome::Keys(profile, keys)) => {
                self.metrics.count(match profile {
                    Profile::Aead128Gcm => Counter::AgreedAead128,
                    Profile::Aead256Gcm => Counter::AgreedAead256,
                    Profile::Aes128CmSha1 => Counter::AgreedCm,
                });
                let (open, seal) = *keys;
                if let Some(Some(peer)) = self.peers.get_mut(key.0) {
                    peer.keys = Some(SessionKeys { open, seal });
                }
                self.announce(key);
                Ok(())
            }
            Some(Outcome::Closed) => {
                self.lose(key);
                Ok(())
            }
            Some(Outcome::Failed) => {
                self.lose(key);
                Err(DropReason::DtlsFailed)
            }
            Some(Outcome::WrongFingerprint) => {
                self.lose(key);
                Err(DropReason::DtlsFingerprint)
            }
        }
    }

    /// Says once that a connection is up: an address is chosen and keys are
    /// agreed.
    fn announce(&mut self, key: PeerKey) {
        let Some(Some(peer)) = self.peers.get_mut(key.0) else {
            return;
        };
        if peer.announced || peer.paths.nominated().is_none() || peer.keys.is_none() {
            return;
        }
        peer.announced = true;
        self.metrics.count(Counter::Connected);
        self.events.push_back(Event::Connected {
            participant: peer.participant,
        });
        self.want_waiting(key);
    }

    /// A serial that no run had before.
    pub(crate) fn fresh_serial(&mut self) -> Serial {
        self.serials += 1;
        Serial(self.serials)
    }
}

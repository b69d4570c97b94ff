//! A connection: one client's ICE, DTLS, keys, received streams and slots.

use crate::address::Address;
use crate::allowance::Allowance;
use crate::codec::CodecId;
use crate::config::{CONSENT_SILENT, STREAMS_MAX};
use crate::dtls;
use crate::estimate::{Estimate, OVERHEAD};
use crate::ice::Generation;
use crate::pace::Pace;
use crate::path::Paths;
use crate::reception::Reception;
use crate::rtp::allocation::Allocation;
use crate::rtp::extension::Ids;
use crate::rtp::seq::{ExtSeq, ReplayWindow};
use crate::rtp::{Pt, Ssrc};
use crate::slot::Slot;
use crate::srtp::Keys;
use crate::twcc::Arrivals;
use conclave_wire::id::{Mid, ParticipantId, RoomId};
use std::collections::HashMap;
use std::time::Instant;

/// A connection's place in the shard's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerKey(pub usize);

/// A section the client sends.
#[derive(Debug)]
pub struct SendingSection {
    /// Its tag.
    pub mid: Mid,
    /// Its track's place in the shard's table.
    pub track: usize,
    /// Payload types: what they mean, and whether they are retransmissions.
    pub payloads: Vec<(Pt, CodecId, Payload)>,
    /// Whether lost packets may be asked for.
    pub repairs: bool,
    /// The names of its encodings, lowest first; none when there is one
    /// without a name.
    pub rids: Vec<String>,
}

/// What a payload type stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// The codec's packets.
    Media,
    /// Retransmissions of them.
    Repair,
}

/// A stream (SSRC) that is received.
#[derive(Debug)]
pub struct Inbound {
    /// The stream.
    pub ssrc: Ssrc,
    /// The index in the peer's sections.
    pub section: usize,
    /// Which of the section's encodings it belongs to.
    pub encoding: usize,
    /// What it carries; learned from the first packet's payload type where the
    /// offer did not say.
    pub payload: Payload,
    /// The highest number that proved authentic.
    pub highest: Option<ExtSeq>,
    /// What was received.
    pub window: ReplayWindow,
    /// Figures and losses.
    pub reception: Reception,
}

/// SRTP keys of both directions.
#[derive(Debug)]
pub struct SessionKeys {
    /// What the client seals with.
    pub open: Keys,
    /// What the SFU seals with.
    pub seal: Keys,
}

/// A connection.
#[derive(Debug)]
pub struct Peer {
    /// Who.
    pub participant: ParticipantId,
    /// Where.
    pub room: RoomId,
    /// What tells the client's connection object from its others: the id of
    /// its SDP session (RFC 8866 section 5.2).
    pub session: u64,
    /// The credentials that the last answer named.
    pub ice: Generation,
    /// Those before a restart, until the client has chosen an address under
    /// the new ones.
    pub ice_before: Option<Generation>,
    /// Where it can be reached.
    pub paths: Paths,
    /// When the client was last heard authentically.
    pub heard: Instant,
    /// The handshake.
    pub dtls: dtls::Session,
    /// The keys, once agreed.
    pub keys: Option<SessionKeys>,
    /// Whether [`Connected`](conclave_wire::control::Event::Connected) was said.
    pub announced: bool,
    /// The SFU's own SSRC towards this client, for RTCP.
    pub rtcp_ssrc: Ssrc,
    /// The next SRTCP index.
    pub rtcp_index: u32,
    /// Indices of RTCP packets that were received, by sender.
    pub rtcp_windows: Vec<(Ssrc, ReplayWindow)>,
    /// Sections the client sends.
    pub sections: Vec<SendingSection>,
    /// Header extension ids of what the client sends.
    pub ids: Ids,
    /// What the client said last of a source's layers.
    pub allocation: Box<Allocation>,
    /// Streams that are received.
    pub inbound: Vec<Inbound>,
    /// Where they lie.
    pub by_ssrc: HashMap<Ssrc, usize>,
    /// Receive slots.
    pub slots: Vec<Slot>,
    /// What its path carries; nothing if it does not report arrivals.
    pub estimate: Option<Box<Estimate>>,
    /// What it may be sent again.
    pub repairs: Allowance,
    /// What it is owed of shared screens.
    pub pace: Pace,
    /// Transport-wide arrivals.
    pub arrivals: Arrivals,
    /// Whether feedback may stand alone in a packet.
    pub reduced_size: bool,
    /// From the client's NTP clock to the SFU's.
    pub ntp_offset: Option<u64>,
    /// Answers given, for the version in SDP.
    pub answers: u64,
    /// When transport feedback is due.
    pub feedback_due: Instant,
    /// When its bandwidth is divided again.
    pub share_due: Instant,
    /// When reports are due.
    pub reports_due: Instant,
}

impl Peer {
    /// Where to send media, if the client still wants it.
    pub fn destination(&self, now: Instant) -> Option<Address> {
        self.paths
            .nominated()
            .filter(|_| now.saturating_duration_since(self.heard) < CONSENT_SILENT)
    }

    /// Whether media can be sealed for it and has somewhere to go.
    pub fn is_reachable(&self, now: Instant) -> bool {
        self.keys.is_some() && self.destination(now).is_some()
    }

    /// A packet of so many bytes of payload leaves for a slot: its
    /// transport-wide number, if the client reports arrivals.
    pub fn depart(&mut self, slot: usize, payload: usize, now: Instant) -> Option<u16> {
        self.slots.get(slot).filter(|slot| slot.transport_cc != 0)?;
        let estimate = self.estimate.as_mut()?;
        self.pace.spend(payload + OVERHEAD);
        Some(estimate.number(now, payload))
    }

    /// The generation of a check's credentials, if it is one of this client's.
    pub fn generation(&mut self, local: &str, remote: &str) -> Option<&mut Generation> {
        let before = self.ice_before.as_mut();
        std::iter::once(&mut self.ice)
            .chain(before)
            .find(|ice| ice.local.ufrag == local && ice.remote.ufrag == remote)
    }

    /// The slot that sends a stream.
    pub fn slot_of(&self, ssrc: Ssrc) -> Option<usize> {
        self.slots.iter().position(|slot| slot.streams.ssrc == ssrc)
    }

    /// Begins to receive a stream.
    pub fn add_inbound(
        &mut self,
        ssrc: Ssrc,
        section: usize,
        encoding: usize,
        payload: Payload,
    ) -> Option<usize> {
        if self.inbound.len() >= STREAMS_MAX || self.by_ssrc.contains_key(&ssrc) {
            return None;
        }
        let known = self.sections.get(section)?;
        let clock_rate = known
            .payloads
            .first()
            .map_or(90_000, |(_, codec, _)| codec.codec().clock_rate);
        let repairs = known.repairs && payload == Payload::Media;
        self.inbound.push(Inbound {
            ssrc,
            section,
            encoding,
            payload,
            highest: None,
            window: ReplayWindow::new(),
            reception: Reception::new(clock_rate, repairs),
        });
        self.by_ssrc.insert(ssrc, self.inbound.len() - 1);
        Some(self.inbound.len() - 1)
    }
}

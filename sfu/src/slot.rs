//! A receive slot: one of a client's recvonly sections. It has streams of its
//! own, whose numbers stay contiguous whatever it carries.

use crate::codec::{CodecId, MediaKind};
use crate::config::RETRANSMITS_PER_TICK;
use crate::history::Packet;
use crate::layer::Target;
use crate::negotiate::{Section, SlotStreams};
use crate::rtp::Pt;
use crate::rtp::seq::ExtSeq;
use conclave_wire::control::SourceOf;
use conclave_wire::id::Mid;
use std::time::Instant;

/// Names one run of a published stream's sequence numbers: another track, or
/// the same one after its sender changed SSRC, has another serial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Serial(pub u64);

/// How many past runs a slot remembers for retransmissions.
const RUNS: usize = 4;

/// What a slot forwards now, and how its numbers are mapped.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// The published stream.
    pub serial: Serial,
    /// Where its track lies in the shard's table.
    pub track: usize,
    first_in: ExtSeq,
    first_out: ExtSeq,
    timestamp_offset: u32,
    picture_id_offset: u16,
    tl0_offset: u8,
}

impl Run {
    /// The slot's number for one of the source's.
    pub fn seq(&self, seq: ExtSeq) -> Option<ExtSeq> {
        let distance = seq.0.checked_sub(self.first_in.0)?;
        Some(ExtSeq(self.first_out.0 + distance))
    }

    /// The slot's timestamp for one of the source's.
    pub fn timestamp(&self, timestamp: u32) -> u32 {
        timestamp.wrapping_add(self.timestamp_offset)
    }

    /// The slot's picture id for one of the source's.
    pub fn picture_id(&self, picture_id: u16) -> u16 {
        picture_id.wrapping_add(self.picture_id_offset) & 0x7fff
    }

    /// The slot's TL0PICIDX for one of the source's.
    pub fn tl0_pic_idx(&self, tl0: u8) -> u8 {
        tl0.wrapping_add(self.tl0_offset)
    }
}

/// The payload types of a codec in a slot.
#[derive(Debug, Clone, Copy)]
pub struct SlotCodec {
    /// Which codec.
    pub codec: CodecId,
    /// The receiver's payload type for it.
    pub pt: Pt,
    /// The receiver's payload type for retransmissions.
    pub rtx: Option<Pt>,
}

/// The highest numbers that were sent: where the next run goes on.
#[derive(Debug, Clone, Copy)]
struct Sent {
    seq: ExtSeq,
    timestamp: u32,
    at: Instant,
    picture_id: u16,
    tl0: u8,
}

/// One receive slot.
#[derive(Debug)]
pub struct Slot {
    /// Its section.
    pub mid: Mid,
    /// What it can carry.
    pub kind: MediaKind,
    /// Its streams.
    pub streams: SlotStreams,
    /// The codecs its receiver takes.
    pub codecs: Vec<SlotCodec>,
    /// The receiver's id of the audio level; zero is none.
    pub audio_level: u8,
    /// The receiver's id of the transport-wide number; zero is none.
    pub transport_cc: u8,
    /// What it is to carry, whether or not that exists.
    pub carries: Option<SourceOf>,
    /// The stream it switches to at the next keyframe, and its track.
    pub pending: Option<(Serial, usize)>,
    /// What it is to take of what it carries.
    pub target: Target,
    /// Packets sent, for sender reports.
    pub packets: u32,
    /// Payload bytes sent, for sender reports.
    pub octets: u32,
    runs: [Option<Run>; RUNS],
    forwarding: bool,
    sent: Option<Sent>,
    start: ExtSeq,
    next_rtx: ExtSeq,
    budget: u16,
}

impl Slot {
    /// A slot that carries nothing. Its numbers begin at `start`, below half of
    /// their range: nobody then confuses the first wrap (RFC 3711 section
    /// 3.3.1).
    pub fn new(section: &Section, kind: MediaKind, streams: SlotStreams, start: u16) -> Self {
        let mut slot = Self {
            mid: section.mid.clone(),
            kind,
            streams,
            codecs: Vec::new(),
            audio_level: 0,
            transport_cc: 0,
            carries: None,
            pending: None,
            target: Target::default(),
            packets: 0,
            octets: 0,
            runs: [None; RUNS],
            forwarding: false,
            sent: None,
            start: ExtSeq::first(start & 0x7fff),
            next_rtx: ExtSeq::first(start & 0x7fff),
            budget: RETRANSMITS_PER_TICK,
        };
        slot.update(section);
        slot
    }

    /// Takes over what a renegotiation changed.
    pub fn update(&mut self, section: &Section) {
        self.audio_level = section.ids.audio_level;
        self.transport_cc = section.ids.transport_cc;
        self.codecs = section
            .codecs
            .iter()
            .map(|codec| SlotCodec {
                codec: codec.codec,
                pt: codec.pt,
                rtx: codec.rtx,
            })
            .collect();
    }

    /// The payload types for a codec.
    pub fn codec(&self, codec: CodecId) -> Option<SlotCodec> {
        self.codecs
            .iter()
            .copied()
            .find(|known| known.codec == codec)
    }

    /// What is forwarded now.
    pub fn current(&self) -> Option<Run> {
        self.runs[0].filter(|_| self.forwarding)
    }

    /// Forwards nothing more.
    pub fn quiet(&mut self) {
        self.forwarding = false;
        self.pending = None;
    }

    /// The slot's track is gone: forwards nothing of it, and does not wait for
    /// it.
    pub fn lose(&mut self, track: usize) {
        if self.runs[0].is_some_and(|run| run.track == track) {
            self.forwarding = false;
        }
        if self.pending.is_some_and(|(_, pending)| pending == track) {
            self.pending = None;
        }
    }

    /// Goes on with another stream, of which `packet` is the first.
    pub fn switch(&mut self, serial: Serial, track: usize, packet: &Packet, now: Instant) -> Run {
        let clock = packet.codec.codec().clock_rate;
        let picture_id = packet
            .vp9
            .and_then(|vp9| vp9.picture_id)
            .map_or(0, |id| id.value);
        let tl0 = packet
            .vp9
            .and_then(|vp9| vp9.tl0_pic_idx)
            .map_or(0, |(tl0, _)| tl0);
        let run = match self.sent {
            None => Run {
                serial,
                track,
                first_in: packet.seq,
                first_out: self.start,
                timestamp_offset: 0,
                picture_id_offset: 0,
                tl0_offset: 0,
            },
            Some(sent) => {
                // The slot's clock goes on as the wall clock did, by at least
                // one tick: a receiver sees a pause, never a jump.
                let elapsed = now.saturating_duration_since(sent.at).as_micros();
                let ticks = (elapsed * u128::from(clock) / 1_000_000).max(1) as u32;
                Run {
                    serial,
                    track,
                    first_in: packet.seq,
                    first_out: sent.seq.next(),
                    timestamp_offset: sent
                        .timestamp
                        .wrapping_add(ticks)
                        .wrapping_sub(packet.timestamp),
                    picture_id_offset: sent.picture_id.wrapping_add(1).wrapping_sub(picture_id),
                    tl0_offset: sent.tl0.wrapping_add(1).wrapping_sub(tl0),
                }
            }
        };
        self.runs.rotate_right(1);
        self.runs[0] = Some(run);
        self.forwarding = true;
        self.pending = None;
        run
    }

    /// Notes a packet that was sent on the media stream.
    pub fn sent(&mut self, run: &Run, packet: &Packet, seq: ExtSeq, now: Instant) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(u32::from(packet.len));
        if self.sent.is_some_and(|sent| sent.seq >= seq) {
            return;
        }
        let (last_id, last_tl0) = self.sent.map_or((0, 0), |sent| (sent.picture_id, sent.tl0));
        let ids = packet.vp9.map(|vp9| (vp9.picture_id, vp9.tl0_pic_idx));
        self.sent = Some(Sent {
            seq,
            timestamp: run.timestamp(packet.timestamp),
            at: now,
            picture_id: ids
                .and_then(|(id, _)| id)
                .map_or(last_id, |id| run.picture_id(id.value)),
            tl0: ids
                .and_then(|(_, tl0)| tl0)
                .map_or(last_tl0, |(tl0, _)| run.tl0_pic_idx(tl0)),
        });
    }

    /// Which packet of which run the slot sent under that number.
    pub fn resolve(&self, seq: u16) -> Option<(Run, ExtSeq)> {
        let sent = self.sent?;
        let seq = sent.seq.nearest(seq);
        if seq > sent.seq {
            return None;
        }
        let mut runs = self.runs.iter().flatten();
        let run = *runs.find(|run| run.first_out <= seq)?;
        Some((run, ExtSeq(run.first_in.0 + (seq.0 - run.first_out.0))))
    }

    /// Takes the number of the next retransmission, if the budget has one.
    pub fn take_retransmission(&mut self) -> Option<ExtSeq> {
        self.budget = self.budget.checked_sub(1)?;
        let seq = self.next_rtx;
        self.next_rtx = seq.next();
        Some(seq)
    }

    /// The next number on the stream of retransmissions, and the timestamp of
    /// the slot's newest packet: for padding, which is sent there.
    pub fn take_padding(&mut self) -> (ExtSeq, u32) {
        let seq = self.next_rtx;
        self.next_rtx = seq.next();
        (seq, self.sent.map_or(0, |sent| sent.timestamp))
    }

    /// Fills the budget of retransmissions again.
    pub fn refill(&mut self) {
        self.budget = RETRANSMITS_PER_TICK;
    }
}

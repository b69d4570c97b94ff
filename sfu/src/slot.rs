//! A receive slot: one of a client's recvonly sections. It has streams of its
//! own, whose numbers stay contiguous whatever it carries.

use crate::allocate::Standing;
use crate::choice::{Choice, Order};
use crate::codec::{CodecId, MediaKind};
use crate::config::{RETRANSMITS_PER_TICK, SEGMENTS_AUDIO, SEGMENTS_VIDEO};
use crate::encoding::Described;
use crate::history::Packet;
use crate::layer::{Layer, Target};
use crate::negotiate::{Section, SlotStreams};
use crate::numbers::{LeftOut, Numbers};
use crate::resent::Resent;
use crate::rtp::Pt;
use crate::rtp::dependency::{Active, all};
use crate::rtp::picture::{Picture, PictureId, Tl0};
use crate::rtp::seq::ExtSeq;
use crate::track::Track;
use conclave_wire::control::{Show, ShownAs, SlotAssignment, Source, SourceOf};
use conclave_wire::id::Mid;
use std::time::Instant;

/// Names one run of a published stream's sequence numbers: another track, or
/// the same one after its sender changed SSRC, has another serial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Serial(pub u64);

/// How many past runs a slot remembers for retransmissions.
const RUNS: usize = 4;

/// Where a packet comes from: an encoding of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The published stream.
    pub serial: Serial,
    /// Where its track lies in the shard's table.
    pub track: usize,
    /// Which of the track's encodings it is.
    pub encoding: usize,
}

/// What a slot forwards now, and how its numbers are mapped. Sequence numbers
/// are mapped by [`Numbers`].
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// What is forwarded.
    pub origin: Origin,
    ordinal: u32,
    timestamp_offset: u32,
    picture_id_offset: u16,
    tl0_offset: u8,
    frame_offset: u16,
}

impl Run {
    /// The slot's timestamp for one of the source's.
    pub fn timestamp(&self, timestamp: u32) -> u32 {
        timestamp.wrapping_add(self.timestamp_offset)
    }

    /// The source's timestamp for one of the slot's.
    fn source_timestamp(&self, timestamp: u32) -> u32 {
        timestamp.wrapping_sub(self.timestamp_offset)
    }

    /// The slot's numbers for a picture of the source.
    pub fn picture(&self, picture: Picture) -> Picture {
        Picture {
            id: picture.id.map(|id| PictureId {
                value: id.value.wrapping_add(self.picture_id_offset) & 0x7fff,
                ..id
            }),
            tl0: picture.tl0.map(|tl0| Tl0 {
                value: tl0.value.wrapping_add(self.tl0_offset),
                ..tl0
            }),
        }
    }

    /// The slot's frame number for one of the source's.
    pub fn frame_number(&self, number: u16) -> u16 {
        number.wrapping_add(self.frame_offset)
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
    frame_number: u16,
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
    /// The receiver's id of the Dependency Descriptor; zero is none.
    pub dependency: u8,
    /// Whether the receiver takes long header extensions (RFC 8285 section
    /// 4.3).
    pub long_extensions: bool,
    /// What it is to carry, whether or not that exists.
    pub carries: Option<SourceOf>,
    /// It carries nobody in particular, but whoever is heard.
    pub floats: bool,
    /// The track it switches to at the next keyframe.
    pub pending: Option<usize>,
    /// How the client shows it.
    pub show: Show,
    /// What it is to take of what it carries.
    pub target: Target,
    /// What it gets of its receiver's bandwidth.
    pub standing: Standing,
    /// Since when it is sent nothing for want of bandwidth.
    pub paused_since: Option<Instant>,
    /// Whether its receiver was told so.
    pub told_paused: bool,
    /// The target was set from outside: bandwidth does not change it.
    pub aimed: bool,
    /// Packets sent, for sender reports.
    pub packets: u32,
    /// Payload bytes sent, for sender reports.
    pub octets: u32,
    /// Which layers of what it carries it takes now.
    pub choice: Choice,
    numbers: Numbers,
    says_active: bool,
    /// Timestamp and layer of the latest packet.
    latest: Option<(u32, Layer)>,
    runs: [Option<Run>; RUNS],
    next_run: u32,
    forwarding: bool,
    sent: Option<Sent>,
    start: ExtSeq,
    next_rtx: ExtSeq,
    budget: u16,
    /// When packets were last sent again.
    pub resent: Resent,
    /// When it was last sent the first packet of a keyframe.
    pub entered: Option<Instant>,
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
            dependency: 0,
            long_extensions: false,
            carries: None,
            floats: false,
            pending: None,
            show: Show::default(),
            target: Target::default(),
            standing: Standing::default(),
            paused_since: None,
            told_paused: false,
            aimed: false,
            packets: 0,
            octets: 0,
            choice: Choice::new(),
            numbers: Numbers::new(match kind {
                MediaKind::Audio => SEGMENTS_AUDIO,
                MediaKind::Video => SEGMENTS_VIDEO,
            }),
            says_active: false,
            latest: None,
            runs: [None; RUNS],
            next_run: 0,
            forwarding: false,
            sent: None,
            start: ExtSeq::first(start & 0x7fff),
            next_rtx: ExtSeq::first(start & 0x7fff),
            budget: RETRANSMITS_PER_TICK,
            resent: Resent::new(kind == MediaKind::Video),
            entered: None,
        };
        slot.update(section);
        slot
    }

    /// Takes over what a renegotiation changed.
    pub fn update(&mut self, section: &Section) {
        self.audio_level = section.ids.audio_level;
        self.transport_cc = section.ids.transport_cc;
        self.dependency = section.ids.dependency;
        self.long_extensions = section.long_extensions;
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

    /// Takes over what its client wants of it. What was there before is let go
    /// of at once, and what is newly shown large need not wait.
    pub fn assign(&mut self, assignment: &SlotAssignment) {
        let (before, after) = (self.show, assignment.show);
        let larger = after.height > before.height || after.rank < before.rank;
        if larger {
            self.standing = self.standing.anew();
        }
        if self.carries != assignment.carries {
            (self.standing, self.entered) = (Standing::default(), None);
            self.carries = assignment.carries;
            (self.target, self.paused_since, self.aimed) = (self.begin(), None, false);
        }
        self.show = after;
        let floats = self.kind == MediaKind::Audio
            && assignment.carries.is_none()
            && after.rank == ShownAs::Speaker;
        if self.floats && !floats {
            self.quiet();
        }
        self.floats = floats;
    }

    /// Whether it is to carry a shared screen.
    pub fn carries_screen(&self) -> bool {
        self.carries
            .is_some_and(|carries| carries.source == Source::Screen)
    }

    /// What it takes until its receiver's bandwidth is divided: of a screen the
    /// smallest stream, whose first picture says what the path carries.
    fn begin(&self) -> Target {
        match self.carries_screen() {
            true => Target::UpTo(Layer {
                spatial: 0,
                ..Layer::HIGHEST
            }),
            false => Target::default(),
        }
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

    /// Forwards nothing of what it carries until it can begin anew.
    pub fn pause(&mut self, track: usize) {
        self.forwarding = false;
        self.pending.get_or_insert(track);
    }

    /// The slot's track is gone: forwards nothing of it, and does not wait for
    /// it.
    pub fn lose(&mut self, track: usize) {
        if self.runs[0].is_some_and(|run| run.origin.track == track) {
            self.forwarding = false;
        }
        if self.pending == Some(track) {
            self.pending = None;
        }
    }

    /// Whether a keyframe of an encoding would help the slot.
    pub fn awaits(&self, index: usize, track: &Track, encoding: usize) -> bool {
        let Target::UpTo(target) = self.target else {
            return false;
        };
        let serial = track
            .encodings
            .get(encoding)
            .map(|encoding| encoding.serial);
        match self.current().filter(|run| run.origin.track == index) {
            Some(run) if Some(run.origin.serial) == serial => self.choice.awaits_keyframe(),
            None if self.pending != Some(index) => false,
            _ => track.desired(target) == encoding,
        }
    }

    /// Goes on with another stream, of which `packet` is the first. `moved` is
    /// how far the source's own clock moved since the packet sent last, where
    /// that is known, in ticks.
    pub fn switch(
        &mut self,
        origin: Origin,
        packet: &Packet,
        moved: Option<u32>,
        now: Instant,
    ) -> Run {
        let clock = packet.codec.codec().clock_rate;
        let picture_id = packet.picture.id.map_or(0, |id| id.value);
        let tl0 = packet.picture.tl0.map_or(0, |tl0| tl0.value);
        let frame_number = packet.dependency.map_or(0, |dependency| dependency.number);
        let mut run = Run {
            origin,
            ordinal: self.next_run,
            timestamp_offset: 0,
            picture_id_offset: 0,
            tl0_offset: 0,
            frame_offset: 0,
        };
        let mut first_out = self.start;
        if let Some(sent) = self.sent {
            // The slot's clock goes on as the wall clock did, by at least
            // one tick: a receiver sees a pause, never a jump.
            let elapsed = now.saturating_duration_since(sent.at).as_micros();
            let elapsed = (elapsed * u128::from(clock) / 1_000_000) as u32;
            let ticks = moved.unwrap_or(elapsed).max(1);
            let timestamp = sent.timestamp.wrapping_add(ticks);
            run.timestamp_offset = timestamp.wrapping_sub(packet.timestamp);
            run.picture_id_offset = sent.picture_id.wrapping_add(1).wrapping_sub(picture_id);
            run.tl0_offset = sent.tl0.wrapping_add(1).wrapping_sub(tl0);
            run.frame_offset = sent.frame_number.wrapping_add(1).wrapping_sub(frame_number);
            first_out = sent.seq.next();
        }
        self.numbers.begin(run.ordinal, packet.seq, first_out);
        self.choice = Choice::new();
        self.latest = None;
        self.next_run = self.next_run.wrapping_add(1);
        self.runs.rotate_right(1);
        self.runs[0] = Some(run);
        self.forwarding = true;
        if self.pending == Some(origin.track) {
            self.pending = None;
        }
        run
    }

    /// The decode targets to say that are active, with a packet of the present
    /// run: those that the sender makes and the slot takes. Said with every
    /// packet from the first that is left out until a keyframe with all.
    pub fn active(
        &mut self,
        packet: &Packet,
        described: &Described,
        entry: bool,
    ) -> Option<Active> {
        let active = self.taken(packet, described)?;
        let whole = active.targets == all(u32::from(active.count));
        self.says_active = !whole || (self.says_active && !entry);
        self.says_active.then(|| active.among(described.active))
    }

    /// The same with a packet that is sent again.
    pub fn active_again(
        &self,
        run: &Run,
        packet: &Packet,
        described: &Described,
    ) -> Option<Active> {
        let current = self.runs[0].is_some_and(|current| current.ordinal == run.ordinal);
        let active = self.taken(packet, described)?;
        (self.says_active && current).then(|| active.among(described.active))
    }

    fn taken(&self, packet: &Packet, described: &Described) -> Option<Active> {
        let at = packet
            .dependency
            .filter(|_| self.dependency != 0)?
            .active_at?;
        let targets = described.structure.targets();
        Some(Active {
            targets: self.choice.forwarded(packet.seq, targets),
            count: targets.len() as u8,
            at,
        })
    }

    /// The marker bit of a packet that is sent again.
    pub fn marker(&self, run: &Run, packet: &Packet) -> bool {
        match self.runs[0] {
            Some(current) if current.ordinal == run.ordinal => self.choice.marker(packet),
            _ => packet.marker,
        }
    }

    /// The source's timestamp of what was sent last, and of which run.
    pub fn last_sent(&self) -> Option<(Run, u32)> {
        let (run, sent) = (self.current()?, self.sent?);
        Some((run, run.source_timestamp(sent.timestamp)))
    }

    /// How a packet of the present run comes.
    pub fn order(&self, packet: &Packet) -> Order {
        self.numbers.order(packet.seq)
    }

    /// Whether a packet is of another picture than the latest.
    pub fn is_new_picture(&self, packet: &Packet) -> bool {
        self.latest
            .is_none_or(|(timestamp, _)| timestamp != packet.timestamp)
    }

    /// What has not come before `first` of the present run is left out.
    pub fn skip_to(&mut self, first: ExtSeq) {
        self.numbers.skip_to(first);
    }

    /// The number of a packet that is forwarded.
    pub fn forward(&mut self, run: &Run, packet: &Packet, now: Instant) -> Option<ExtSeq> {
        if self.order(packet) != Order::Late {
            self.latest = Some((packet.timestamp, packet.layer));
        }
        let seq = self.numbers.forward(packet.seq)?;
        self.sent(run, packet, seq, now);
        Some(seq)
    }

    /// Leaves a packet out; the number that is now to be filled, if later ones
    /// were given already.
    pub fn leave_out(&mut self, packet: &Packet, begins: bool) -> Option<ExtSeq> {
        let frame = Some((packet.timestamp, packet.layer));
        let joined = !begins && self.latest == frame;
        if self.order(packet) != Order::Late {
            self.latest = frame;
        }
        match self.numbers.leave_out(packet.seq, joined) {
            LeftOut::Closed => None,
            LeftOut::Hole(seq) => {
                self.packets = self.packets.wrapping_add(1);
                Some(seq)
            }
        }
    }

    /// Notes a packet that is sent on the media stream.
    fn sent(&mut self, run: &Run, packet: &Packet, seq: ExtSeq, now: Instant) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(u32::from(packet.len));
        if self.sent.is_some_and(|sent| sent.seq >= seq) {
            return;
        }
        let last = self.sent;
        let picture = run.picture(packet.picture);
        self.sent = Some(Sent {
            seq,
            timestamp: run.timestamp(packet.timestamp),
            at: now,
            picture_id: picture
                .id
                .map(|id| id.value)
                .or(last.map(|sent| sent.picture_id))
                .unwrap_or_default(),
            tl0: picture
                .tl0
                .map(|tl0| tl0.value)
                .or(last.map(|sent| sent.tl0))
                .unwrap_or_default(),
            frame_number: packet
                .dependency
                .map(|dependency| run.frame_number(dependency.number))
                .or(last.map(|sent| sent.frame_number))
                .unwrap_or_default(),
        });
    }

    /// Whether another run has followed that one.
    pub fn is_over(&self, run: &Run) -> bool {
        self.runs[0].is_some_and(|latest| latest.ordinal != run.ordinal)
    }

    /// Which packet of which run the slot sent under that number.
    pub fn resolve(&self, seq: u16) -> Option<(Run, ExtSeq)> {
        let sent = self.sent?;
        let seq = sent.seq.nearest(seq);
        if seq > sent.seq {
            return None;
        }
        let (ordinal, source) = self.numbers.resolve(seq)?;
        let mut runs = self.runs.iter().flatten();
        let run = *runs.find(|run| run.ordinal == ordinal)?;
        Some((run, source))
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

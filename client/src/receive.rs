//! The receiving side: packets of slots become opened frames of participants.
//!
//! ```text
//!   Incoming ─▶ Reorder ─▶ Assembler (video) ─▶ Session::open ─▶ by the KID's leaf:
//!                        └─ Opus is a frame a packet ─┘          Meter, Header, counts
//! ```
//!
//! Whose frame it is says the key that opened it, never the slot it came in.
//! Media and commits go different ways: a frame that is ahead of its commit
//! waits for it a little ([`early`]).

pub mod assemble;
mod early;
pub mod pace;
pub mod reorder;

use crate::audio::RATE;
use crate::audio::meter::Meter;
use crate::publish::EPOCHS;
use crate::transport::{Incoming, Kind};
use crate::vp9::header::Header;
use assemble::{Assembler, Step};
use conclave_e2ee::{FrameDrop, Session};
use conclave_wire::control::Source;
use conclave_wire::id::{Mid, ParticipantId};
use early::{Early, Waiting};
use opus::{Channels, Decoder};
use pace::Pace;
use reorder::{Ordered, Reorder};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Longest Opus packet, decoded: 120 ms (RFC 6716 section 2.1.4).
const MAX_SAMPLES: usize = RATE as usize * 120 / 1000;

/// Shortest time between two keyframe requests of a slot, milliseconds.
/// Shorter recovers from a lost request sooner and annoys a slow sender.
const ASK_AGAIN_MS: u64 = 500;

/// What a received packet led to.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// The first frame of a participant's source was opened.
    First(ParticipantId, Source),
    /// A participant's voice is a tone, and was not this one before.
    Tone(ParticipantId, f32),
    /// The sender behind this slot is to be asked for a keyframe.
    WantKeyframe(Mid),
}

/// What was received of one participant.
#[derive(Default)]
pub struct Remote {
    /// The name in the credential of the last opened frame's leaf.
    pub name: String,
    /// The leaf of the last opened frame.
    pub leaf: u16,
    /// Epochs of which frames were opened.
    pub epochs: BTreeSet<u64>,
    /// Sound by source.
    pub sounds: BTreeMap<Source, Sound>,
    /// Pictures by source.
    pub pictures: BTreeMap<Source, Pictures>,
}

/// Frames of one source that were sealed in one epoch and opened here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Span {
    /// The lowest counter among them; a sender's first frame of an epoch has 0.
    pub first: u64,
    /// The highest counter among them.
    pub last: u64,
    /// How many they are; none opens twice.
    pub opened: u64,
}

/// Frames of one source.
#[derive(Debug, Default, Clone)]
pub struct Frames {
    /// Opened.
    pub opened: u64,
    /// Sealed by the sender but never opened here: holes in the counter.
    pub missing: u64,
    /// When the first one was opened, milliseconds of the caller's clock.
    pub first_ms: Option<u64>,
    /// Opened, by epoch; of the last 64 epochs.
    pub epochs: BTreeMap<u64, Span>,
    /// Last counter and its epoch.
    last: Option<(u64, u64)>,
}

/// What was heard of one source.
#[derive(Default)]
pub struct Sound {
    /// Counts.
    pub frames: Frames,
    /// Frames that opened but are no Opus.
    pub undecodable: u64,
    /// What the samples were.
    pub meter: Meter,
    decoder: Option<Decoder>,
}

/// What was seen of one source.
#[derive(Debug, Default)]
pub struct Pictures {
    /// Counts.
    pub frames: Frames,
    /// How evenly those followed each other that could be shown.
    pub pace: Pace,
    /// Opened frames that are keyframes.
    pub keyframes: u64,
    /// Frames that opened but are no VP9 of profile 0.
    pub undecodable: u64,
    /// The last keyframe's width, pixels.
    pub width: u16,
    /// The last keyframe's height, pixels.
    pub height: u16,
}

#[derive(Default)]
struct Slot {
    reorder: Reorder,
    assembler: Assembler,
    kind: Option<Kind>,
    asked_ms: Option<u64>,
    /// A frame of this slot could not be decoded until a keyframe comes.
    stale: bool,
}

/// All slots of a participant.
#[derive(Default)]
pub struct Receiver {
    slots: HashMap<Mid, Slot>,
    remotes: BTreeMap<ParticipantId, Remote>,
    packets: u64,
    lost: u64,
    broken: u64,
    drops: BTreeMap<&'static str, u64>,
    early: Early,
}

/// What became of a sealed frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Opened,
    /// Waits for its commit.
    Early,
    Dropped,
}

impl Receiver {
    /// Takes a packet and opens what becomes complete.
    pub fn packet(&mut self, packet: Incoming, session: &mut Session, now_ms: u64) -> Vec<Notice> {
        let mut notices = self.catch_up(session, now_ms);
        self.packets += 1;
        let mid = packet.slot.clone();
        let slot = self.slots.entry(mid.clone()).or_default();
        slot.kind = Some(packet.kind);
        slot.reorder.push(packet, now_ms);
        self.drain(&mid, session, now_ms, &mut notices);
        notices
    }

    /// Lets time pass: gaps that were waited for long enough are given up, and
    /// what waited for a commit is opened when it has come. To be called
    /// after each.
    pub fn tick(&mut self, session: &mut Session, now_ms: u64) -> Vec<Notice> {
        let mut notices = self.catch_up(session, now_ms);
        let due: Vec<Mid> = self
            .slots
            .iter()
            .filter(|(_, slot)| slot.reorder.next_timeout().is_some_and(|at| at <= now_ms))
            .map(|(mid, _)| mid.clone())
            .collect();
        for mid in due {
            self.drain(&mid, session, now_ms, &mut notices);
        }
        notices
    }

    /// When [`Receiver::tick`] has something to do, milliseconds.
    pub fn next_timeout(&self) -> Option<u64> {
        self.slots
            .values()
            .filter_map(|slot| slot.reorder.next_timeout())
            .chain(self.early.next_timeout())
            .min()
    }

    /// A new media connection: its slots begin anew.
    pub fn reset_slots(&mut self) {
        self.slots.clear();
        self.early.clear();
    }

    /// What was received, by participant.
    pub fn remotes(&self) -> &BTreeMap<ParticipantId, Remote> {
        &self.remotes
    }

    /// Packets that came in.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Packets that never came.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Pictures that could not be put together.
    pub fn broken(&self) -> u64 {
        self.broken
    }

    /// Frames that did not open, by the reason's code. Who sent them nobody
    /// can tell.
    pub fn drops(&self) -> &BTreeMap<&'static str, u64> {
        &self.drops
    }

    fn drain(&mut self, mid: &Mid, session: &mut Session, now_ms: u64, notices: &mut Vec<Notice>) {
        let mut want_keyframe = false;
        while let Some((kind, ordered)) = self.next_ordered(mid, now_ms) {
            self.lost += ordered.lost;
            if kind == Kind::Audio {
                let sealed = &ordered.packet.payload;
                self.open(mid, sealed, false, session, now_ms, notices);
                continue;
            }
            want_keyframe |= ordered.lost > 0;
            let step = match self.slots.get_mut(mid) {
                Some(slot) => slot.assembler.push(&ordered),
                None => return,
            };
            match step {
                Step::More => {}
                Step::Broken => {
                    self.broken += 1;
                    want_keyframe = true;
                }
                Step::Frame { sealed, predicted } => {
                    let stale = want_keyframe || self.is_stale(mid);
                    let whole = !predicted || !stale;
                    let fate = self.open(mid, &sealed, whole, session, now_ms, notices);
                    want_keyframe |= fate == Fate::Dropped;
                    if let Some(slot) = self.slots.get_mut(mid) {
                        slot.stale |= want_keyframe;
                        if fate != Fate::Dropped && !predicted {
                            slot.stale = false;
                            want_keyframe = false;
                        }
                    }
                }
            }
        }
        if let Some(slot) = self.slots.get_mut(mid) {
            slot.stale |= want_keyframe;
            let patient = slot.asked_ms.is_none_or(|at| at + ASK_AGAIN_MS <= now_ms);
            if slot.stale && patient {
                slot.asked_ms = Some(now_ms);
                notices.push(Notice::WantKeyframe(mid.clone()));
            }
        }
    }

    /// Opens what waited for a commit that has come, and gives up what has
    /// waited too long.
    fn catch_up(&mut self, session: &mut Session, now_ms: u64) -> Vec<Notice> {
        let mut notices = Vec::new();
        for frame in self.early.due(session.ready_epoch(), now_ms) {
            let Waiting { sealed, whole, .. } = &frame;
            match self.try_open(sealed, *whole, session, now_ms, &mut notices) {
                Ok(()) => {}
                // One commit came; it waits for a later one.
                Err(FrameDrop::EarlyEpoch) if now_ms < frame.until_ms => self.wait(frame),
                Err(drop) => self.give_up(&frame.slot, drop),
            }
        }
        notices
    }

    fn wait(&mut self, frame: Waiting) {
        for out in self.early.hold(frame) {
            self.give_up(&out.slot, FrameDrop::EarlyEpoch);
        }
    }

    /// A frame that waited is not opened any more.
    fn give_up(&mut self, slot: &Mid, drop: FrameDrop) {
        self.count(drop);
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.stale |= slot.kind == Some(Kind::Video);
        }
    }

    /// Whether what a predicted frame of this slot refers to was lost.
    fn is_stale(&self, mid: &Mid) -> bool {
        self.slots.get(mid).is_some_and(|slot| slot.stale)
    }

    fn next_ordered(&mut self, mid: &Mid, now_ms: u64) -> Option<(Kind, Ordered)> {
        let slot = self.slots.get_mut(mid)?;
        Some((slot.kind?, slot.reorder.pop(now_ms)?))
    }

    /// Opens a sealed frame, or lets it wait for its commit. A picture is
    /// `whole` if nothing it refers to was lost.
    fn open(
        &mut self,
        slot: &Mid,
        sealed: &[u8],
        whole: bool,
        session: &mut Session,
        now_ms: u64,
        notices: &mut Vec<Notice>,
    ) -> Fate {
        // Silence may be sent as packets without a payload.
        if sealed.is_empty() {
            return Fate::Dropped;
        }
        match self.try_open(sealed, whole, session, now_ms, notices) {
            Ok(()) => Fate::Opened,
            Err(FrameDrop::EarlyEpoch) => {
                self.wait(Waiting::new(slot, sealed, whole, now_ms));
                Fate::Early
            }
            Err(drop) => {
                self.count(drop);
                Fate::Dropped
            }
        }
    }

    /// Opens a sealed frame and looks at it.
    fn try_open(
        &mut self,
        sealed: &[u8],
        whole: bool,
        session: &mut Session,
        now_ms: u64,
        notices: &mut Vec<Notice>,
    ) -> Result<(), FrameDrop> {
        let mut frame = Vec::with_capacity(sealed.len());
        let opened = session.open(sealed, now_ms, &mut frame)?;
        let participant = ParticipantId(opened.sender.participant.0);
        let source = source(opened.context.source());
        let remote = self.remotes.entry(participant).or_default();
        if remote.name.is_empty() {
            remote.name = opened.sender.name.as_str().to_owned();
        }
        remote.leaf = opened.sender.leaf.index();
        remote.epochs.insert(opened.epoch);
        let (first, tone) = match Kind::of(source) {
            Kind::Audio => {
                let sound = remote.sounds.entry(source).or_default();
                let first = sound.frames.count(opened.epoch, opened.counter, now_ms);
                (first, sound.hear(&frame))
            }
            Kind::Video => {
                let pictures = remote.pictures.entry(source).or_default();
                let first = pictures.frames.count(opened.epoch, opened.counter, now_ms);
                pictures.see(&frame);
                if whole {
                    pictures.pace.show(now_ms);
                }
                (first, None)
            }
        };
        if first {
            notices.push(Notice::First(participant, source));
        }
        if let Some(hertz) = tone {
            notices.push(Notice::Tone(participant, hertz));
        }
        Ok(())
    }

    fn count(&mut self, drop: FrameDrop) {
        *self.drops.entry(drop.code()).or_default() += 1;
    }
}

impl Frames {
    /// Counts an opened frame; whether it was the first.
    fn count(&mut self, epoch: u64, counter: u64, now_ms: u64) -> bool {
        self.opened += 1;
        let span = self.epochs.entry(epoch).or_insert(Span {
            first: counter,
            last: counter,
            opened: 0,
        });
        span.first = span.first.min(counter);
        span.last = span.last.max(counter);
        span.opened += 1;
        while self.epochs.len() > EPOCHS {
            self.epochs.pop_first();
        }
        if let Some((last_epoch, last)) = self.last
            && last_epoch == epoch
            && counter > last
        {
            self.missing += counter - last - 1;
        }
        // A frame of an older epoch that comes late changes nothing.
        if self.last.is_none_or(|last| last < (epoch, counter)) {
            self.last = Some((epoch, counter));
        }
        let first = self.first_ms.is_none();
        self.first_ms.get_or_insert(now_ms);
        first
    }
}

impl Sound {
    fn hear(&mut self, packet: &[u8]) -> Option<f32> {
        if self.decoder.is_none() {
            self.decoder = Decoder::new(RATE, Channels::Mono).ok();
        }
        let decoder = self.decoder.as_mut()?;
        let mut samples = [0.0; MAX_SAMPLES];
        match decoder.decode_float(packet, &mut samples, false) {
            Ok(len) => self.meter.hear(samples.get(..len)?),
            Err(_) => {
                self.undecodable += 1;
                None
            }
        }
    }
}

impl Pictures {
    fn see(&mut self, frame: &[u8]) {
        match Header::parse(frame) {
            Some(Header::Key { width, height }) => {
                self.keyframes += 1;
                (self.width, self.height) = (width, height);
            }
            Some(Header::Other) => {}
            None => self.undecodable += 1,
        }
    }
}

fn source(source: conclave_e2ee::Source) -> Source {
    match source {
        conclave_e2ee::Source::Microphone => Source::Microphone,
        conclave_e2ee::Source::Camera => Source::Camera,
        conclave_e2ee::Source::Screen => Source::Screen,
        conclave_e2ee::Source::ScreenAudio => Source::ScreenAudio,
    }
}

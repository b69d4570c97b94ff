//! Whether a slot takes a packet: the one place where slots switch, between
//! sources and encodings at keyframes, between layers as [`Choice`] allows.
//!
//! [`Choice`]: crate::choice::Choice

use crate::address::Address;
use crate::choice::Verdict;
use crate::codec::{Entry, MediaKind};
use crate::drop::DropReason;
use crate::encoding::PublisherClock;
use crate::history::Packet;
use crate::layer::{Layer, Target};
use crate::peer::Peer;
use crate::route::Routed;
use crate::rtp::dependency::Active;
use crate::rtp::seq::ExtSeq;
use crate::slot::{Origin, Run, Slot, SlotCodec};
use crate::track::Track;
use std::time::Instant;

/// A packet that a slot takes.
#[derive(Debug, Clone, Copy)]
pub struct Selected {
    /// Where it goes.
    pub to: Address,
    /// How its numbers are mapped.
    pub run: Run,
    /// Its number in the slot.
    pub seq: ExtSeq,
    /// Its payload types there.
    pub codec: SlotCodec,
    /// Its transport-wide number, which it is given when it leaves.
    pub transport: Option<u16>,
    /// Its marker bit there.
    pub marker: bool,
    /// The decode targets to say that are active.
    pub active: Option<Active>,
    /// It is not taken, but others that came before it were given later
    /// numbers: a packet of nothing takes its place.
    pub filler: bool,
    /// The slot switched with it: what it carried before.
    pub left: Option<Run>,
    /// The slot began to carry something with it.
    pub switched: bool,
}

impl Selected {
    /// Bytes of payload that go to the receiver.
    pub fn len(&self, packet: &Packet) -> usize {
        if self.filler {
            0
        } else {
            usize::from(packet.len)
        }
    }
}

/// Decides for one slot.
///
/// # Errors
/// Why the slot does not take the packet.
pub fn select(
    receiver: &mut Peer,
    slot: usize,
    track: &Track,
    routed: &Routed,
    now: Instant,
) -> Result<Selected, DropReason> {
    let to = receiver.destination(now).ok_or(DropReason::NoConsent)?;
    // A slot that began before anything can be sealed would lose its keyframe.
    receiver.keys.as_ref().ok_or(DropReason::NoKeys)?;
    let slot = receiver
        .slots
        .get_mut(slot)
        .ok_or(DropReason::UnknownStream)?;
    let packet = &routed.packet;
    let codec = slot
        .codec(packet.codec)
        .ok_or(DropReason::CodecNotNegotiated)?;
    let before = slot.current();
    let going_on = before.filter(|run| run.origin.serial == routed.origin.serial);
    let target = match slot.target {
        Target::UpTo(target) => target,
        // A picture that was begun is finished.
        Target::Paused if going_on.is_some() && !slot.is_new_picture(packet) => Layer::HIGHEST,
        Target::Paused => {
            if going_on.is_some() {
                slot.pause(routed.origin.track);
            }
            return Err(DropReason::SlotPaused);
        }
    };
    let (run, switched) = match going_on {
        Some(run) => (run, false),
        None => {
            begins(slot, track, target, routed)?;
            let moved = moved(slot, track, routed);
            (slot.switch(routed.origin, packet, moved, now), true)
        }
    };
    let verdict = match codec.codec.codec().entry {
        Entry::Anywhere => {
            slot.skip_to(routed.since);
            Verdict::Forward {
                marker: packet.marker,
            }
        }
        Entry::Vp9Descriptor | Entry::Dependency => {
            let order = slot.order(packet);
            let target = match track.is_simulcast() {
                true => Layer {
                    temporal: target.temporal,
                    ..Layer::HIGHEST
                },
                false => target,
            };
            slot.choice.judge(target, packet, &routed.frame, order)
        }
    };
    let (marker, seq) = match verdict {
        Verdict::Forward { marker } => {
            if routed.frame.entry && slot.kind == MediaKind::Video {
                slot.entered = Some(now);
            }
            let seq = slot.forward(&run, packet, now);
            (Some(marker), seq.ok_or(DropReason::BeforeSwitch)?)
        }
        Verdict::Cut { awaits_keyframe } => {
            let hole = slot.leave_out(packet, routed.frame.begins);
            let reason = match awaits_keyframe {
                true => DropReason::AwaitingKeyframe,
                false => DropReason::LayerCut,
            };
            (None, hole.ok_or(reason)?)
        }
    };
    let described = track.encodings.get(routed.origin.encoding);
    let active = described
        .filter(|_| marker.is_some())
        .and_then(|encoding| slot.active(packet, &encoding.described, routed.frame.entry));
    Ok(Selected {
        to,
        run,
        seq,
        codec,
        transport: None,
        marker: marker.unwrap_or_default(),
        active,
        filler: marker.is_none(),
        left: before.filter(|_| switched),
        switched,
    })
}

/// Whether the slot begins to carry the packet's stream with it.
fn begins(slot: &Slot, track: &Track, target: Layer, routed: &Routed) -> Result<(), DropReason> {
    let Origin {
        serial,
        track: index,
        encoding,
    } = routed.origin;
    let present = track.encodings.get(encoding).map(|known| known.serial);
    if present != Some(serial) {
        // It has begun anew since the packet came.
        return Err(DropReason::BeforeSwitch);
    }
    let here = slot.current().filter(|run| run.origin.track == index);
    if here.is_none() && slot.pending != Some(index) && !slot.floats {
        return Err(DropReason::BeforeSwitch);
    }
    let desired = track.desired(target);
    let fits = match here.map(|run| run.origin.encoding) {
        // Up by every step there is, down at once.
        Some(now) if now != encoding => {
            encoding == desired || (now < encoding && encoding < desired)
        }
        _ => encoding <= desired,
    };
    match (fits, routed.frame.entry) {
        (false, _) => Err(DropReason::LayerCut),
        (true, false) => Err(DropReason::AwaitingKeyframe),
        (true, true) => Ok(()),
    }
}

/// By how much the publisher's own clock moved from what the slot sent last to
/// a packet of another encoding of the same source, where its reports say so
/// of both.
fn moved(slot: &Slot, track: &Track, routed: &Routed) -> Option<u32> {
    let (run, timestamp) = slot.last_sent()?;
    if run.origin.track != routed.origin.track || track.kind != MediaKind::Video {
        return None;
    }
    let clock =
        |encoding: usize| -> Option<PublisherClock> { track.encodings.get(encoding)?.clock };
    let encoding = track.encodings.get(run.origin.encoding)?;
    if encoding.serial != run.origin.serial {
        return None;
    }
    let rate = routed.packet.codec.codec().clock_rate;
    let from = clock(run.origin.encoding)?.moment(timestamp, rate);
    let to = clock(routed.origin.encoding)?.moment(routed.packet.timestamp, rate);
    let moved = i128::from(to.wrapping_sub(from) as i64);
    let ticks = (moved * i128::from(rate)) >> 32;
    // Reports that contradict each other are not believed.
    u32::try_from(ticks.max(1))
        .ok()
        .filter(|ticks| *ticks < 10 * rate)
}

//! From a stream to its track: where the one packet becomes many.

use crate::codec::{CodecId, Entry, Format, MediaKind};
use crate::drop::DropReason;
use crate::encoding::Described;
use crate::frame::Frame;
use crate::history::{Dependency, Packet};
use crate::peer::{Payload, Peer};
use crate::pool::{HEADROOM, Pool, SlotId};
use crate::rtp::dependency::{self, Descriptor, Structure};
use crate::rtp::picture::Picture;
use crate::rtp::seq::ExtSeq;
use crate::rtp::{Ssrc, be16};
use crate::rtp::{vp8, vp9};
use crate::slot::{Origin, Serial};
use crate::track::Track;
use crate::unprotect::Authentic;
use std::ops::Range;
use std::time::Instant;

/// A packet of a track.
#[derive(Debug, Clone, Copy)]
pub struct Routed {
    /// Where it comes from.
    pub origin: Origin,
    /// The packet.
    pub packet: Packet,
    /// What it says of its frame.
    pub frame: Frame,
    /// It was lost and came back.
    pub repaired: bool,
    /// The track's numbers begin anew with it.
    pub restarted: bool,
    /// The first of the numbers that lie together with it: what came before and
    /// was not sent was left out for everybody.
    pub since: ExtSeq,
}

/// Finds the track of a packet, and its place in it.
///
/// # Errors
/// Why it goes no further; the pool then has its slot back.
pub fn route(
    peer: &mut Peer,
    tracks: &mut [Option<Track>],
    pool: &mut Pool,
    authentic: &Authentic,
    fresh: impl FnOnce() -> Serial,
    now: Instant,
) -> Result<Routed, DropReason> {
    let result = place(peer, tracks, pool, authentic, fresh, now);
    if result.is_err() {
        pool.give(authentic.slot());
    }
    result
}

fn place(
    peer: &mut Peer,
    tracks: &mut [Option<Track>],
    pool: &mut Pool,
    authentic: &Authentic,
    fresh: impl FnOnce() -> Serial,
    now: Instant,
) -> Result<Routed, DropReason> {
    let header = authentic.header();
    let inbound = &mut peer.inbound[authentic.inbound()];
    let section = peer
        .sections
        .get(inbound.section)
        .ok_or(DropReason::UnknownStream)?;
    let (_, codec, payload) = *section
        .payloads
        .iter()
        .find(|(pt, ..)| *pt == header.pt)
        .ok_or(DropReason::UnknownPayload)?;
    let index = section.track;
    let track = tracks
        .get_mut(index)
        .and_then(Option::as_mut)
        .ok_or(DropReason::UnknownStream)?;
    let number = inbound.encoding;
    let encoding = track
        .encodings
        .get_mut(number)
        .ok_or(DropReason::UnknownStream)?;
    let mut arrived = Arrived {
        encoding: number,
        ssrc: header.ssrc,
        seq: authentic.seq(),
        timestamp: header.timestamp,
        marker: header.marker,
        codec,
        audio_level: authentic.audio_level(),
        slot: authentic.slot(),
        len: authentic.len(),
        dependency: authentic.dependency(),
        repaired: false,
    };
    match payload {
        Payload::Media => {
            let reception = &mut inbound.reception;
            reception.received(arrived.seq, header.timestamp, now);
        }
        Payload::Repair => {
            // RFC 4588 section 4: the original number, then the payload.
            // Without a payload it is a probe for bandwidth.
            let len = authentic.len().checked_sub(2).filter(|len| *len > 0);
            let len = len.ok_or(DropReason::Padding)?;
            let bytes = pool.slot(authentic.slot());
            let original = be16(bytes, HEADROOM).ok_or(DropReason::Padding)?;
            bytes.copy_within(HEADROOM + 2..HEADROOM + 2 + len, HEADROOM);
            let highest = encoding.highest.ok_or(DropReason::UnknownStream)?;
            arrived.ssrc = encoding.ssrc.ok_or(DropReason::UnknownStream)?;
            arrived.seq = highest.nearest(original);
            arrived.len = len;
            arrived.repaired = true;
        }
    }
    let spoken_for = authentic.allocated() && payload == Payload::Media;
    if spoken_for && track.kind == MediaKind::Video {
        track.plan(&peer.allocation);
    }
    let routed = accept(index, track, pool, arrived.clone(), fresh, now)?;
    if arrived.repaired {
        let media = peer.by_ssrc.get(&arrived.ssrc);
        if let Some(media) = media.and_then(|index| peer.inbound.get_mut(*index)) {
            media.reception.repaired(arrived.seq);
        }
    }
    Ok(routed)
}

/// A packet whose track is known, with what its headers say.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// Which of the track's encodings it is of.
    pub encoding: usize,
    /// The encoding's own stream, not the one of its retransmissions.
    pub ssrc: Ssrc,
    /// Its number there.
    pub seq: ExtSeq,
    /// The publisher's timestamp.
    pub timestamp: u32,
    /// The marker bit.
    pub marker: bool,
    /// The codec.
    pub codec: CodecId,
    /// The audio level byte (RFC 6464).
    pub audio_level: Option<u8>,
    /// The slot that holds the payload.
    pub slot: SlotId,
    /// Bytes of payload.
    pub len: usize,
    /// Where in the slot its Dependency Descriptor lies, at least the mandatory
    /// fields.
    pub dependency: Option<Range<usize>>,
    /// It was lost and came back.
    pub repaired: bool,
}

/// Takes a packet into its track, which lies at `index`: what is known of its
/// frame, and whether it is the first of its number.
///
/// # Errors
/// Why it goes no further; its slot stays the caller's.
pub fn accept(
    index: usize,
    track: &mut Track,
    pool: &mut Pool,
    arrived: Arrived,
    fresh: impl FnOnce() -> Serial,
    now: Instant,
) -> Result<Routed, DropReason> {
    let (number, seq, len) = (arrived.encoding, arrived.seq, arrived.len);
    let (codec, repaired) = (arrived.codec, arrived.repaired);
    let encoding = track
        .encodings
        .get_mut(number)
        .ok_or(DropReason::UnknownStream)?;
    let mut restarted = false;
    if !repaired {
        match encoding.ssrc {
            Some(ssrc) if ssrc == arrived.ssrc => {}
            None => encoding.ssrc = Some(arrived.ssrc),
            Some(_) => {
                encoding.restart(fresh(), arrived.ssrc);
                track.voice.restart();
                restarted = true;
            }
        }
        encoding.highest = encoding.highest.max(Some(seq));
    }
    if !encoding.forwarded.admits(seq.0) {
        return Err(DropReason::Duplicate);
    }
    let bytes = pool.slot(arrived.slot);
    let payload = &bytes[HEADROOM..HEADROOM + len];
    let (mut picture, mut vp9) = (Picture::default(), None);
    match codec.codec().format {
        Format::Vp8 if len > 0 => {
            picture = vp8::parse(payload).ok_or(DropReason::RtpMalformed)?;
        }
        Format::Vp9 if len > 0 => {
            let descriptor = vp9::Descriptor::parse(payload);
            let descriptor = descriptor.ok_or(DropReason::RtpMalformed)?;
            picture = descriptor.picture;
            vp9 = Some(descriptor);
        }
        Format::Bare | Format::Vp8 | Format::Vp9 => {}
    }
    let read = arrived.dependency.and_then(|at| {
        let descriptor = bytes.get(at.clone())?;
        let described = describe(&mut encoding.described, seq, descriptor);
        let dependency = Dependency {
            at: at.start as u16,
            len: at.len() as u8,
            number: be16(descriptor, 1)?,
            active_at: described.map(|(_, active_at)| active_at),
        };
        Some((dependency, described.map(|(frame, _)| frame)))
    });
    let dependency = read.map(|(dependency, _)| dependency);
    let described = read.and_then(|(_, frame)| frame);
    // Padding, which belongs to no frame.
    let padding = Frame {
        entry: false,
        begins: false,
        ends: false,
        ..Frame::WHOLE
    };
    let frame = match codec.codec().entry {
        Entry::Anywhere => Frame {
            entry: len > 0,
            ..Frame::WHOLE
        },
        Entry::Vp9Descriptor => described
            .or(vp9.as_ref().map(Frame::of_vp9))
            .unwrap_or(padding),
        Entry::Dependency if len == 0 => padding,
        Entry::Dependency => described.ok_or(DropReason::Undescribed)?,
    };
    encoding.forwarded.insert(seq.0);
    let origin = Origin {
        serial: encoding.serial,
        track: index,
        encoding: number,
    };
    track.hear(number, frame.layer, len, now);
    Ok(Routed {
        origin,
        packet: Packet {
            slot: arrived.slot,
            len: len as u16,
            seq,
            timestamp: arrived.timestamp,
            marker: arrived.marker,
            codec,
            audio_level: arrived.audio_level,
            picture,
            dependency,
            layer: frame.layer,
            ends: frame.ends,
        },
        frame,
        repaired,
        restarted,
        since: ExtSeq(0),
    })
}

/// What the Dependency Descriptor says of a packet's frame, and where in it the
/// active decode targets stand; nothing while its template is not known.
fn describe(described: &mut Described, seq: ExtSeq, bytes: &[u8]) -> Option<(Frame, u16)> {
    let late = described.since.is_some_and(|since| seq < since);
    let descriptor = if late && dependency::brings_structure(bytes) {
        // A keyframe that comes late must not bring its templates back.
        Descriptor::parse(bytes, &mut Structure::default()).ok()?
    } else {
        Descriptor::parse(bytes, &mut described.structure).ok()?
    };
    if let Some(active) = descriptor.active.filter(|_| !late) {
        described.active = active;
    }
    if descriptor.structure && !late {
        described.since = Some(seq);
    }
    let number = described.extend(descriptor.number);
    let frame = Frame::of_dependency(&descriptor, &described.structure, number);
    Some((frame, descriptor.active_at))
}

//! From a stream to its track: where the one packet becomes many.

use crate::codec::Entry;
use crate::drop::DropReason;
use crate::history::Packet;
use crate::peer::{Payload, Peer};
use crate::pool::{HEADROOM, Pool};
use crate::rtp::be16;
use crate::rtp::vp9;
use crate::slot::Serial;
use crate::track::Track;
use crate::unprotect::Authentic;
use std::time::Instant;

/// A packet of a track.
#[derive(Debug, Clone, Copy)]
pub struct Routed {
    /// The track's place in the shard's table.
    pub track: usize,
    /// The packet.
    pub packet: Packet,
    /// A receiver can begin at it.
    pub entry: bool,
    /// It was lost and came back.
    pub repaired: bool,
    /// The track's numbers begin anew with it.
    pub restarted: bool,
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
    let bytes = pool.slot(authentic.slot());
    let mut len = authentic.len();
    let mut restarted = false;
    let seq = match payload {
        Payload::Media => {
            match track.ssrc {
                Some(ssrc) if ssrc == header.ssrc => {}
                None => track.ssrc = Some(header.ssrc),
                Some(_) => {
                    track.restart(fresh(), header.ssrc);
                    restarted = true;
                }
            }
            let seq = authentic.seq();
            track.highest = Some(track.highest.map_or(seq, |highest| highest.max(seq)));
            inbound.reception.received(seq, header.timestamp, now);
            seq
        }
        Payload::Repair => {
            // RFC 4588 section 4: the original number, then the payload.
            // Without a payload it is a probe for bandwidth.
            len = len
                .checked_sub(2)
                .filter(|len| *len > 0)
                .ok_or(DropReason::Padding)?;
            let original = be16(bytes, HEADROOM).ok_or(DropReason::Padding)?;
            bytes.copy_within(HEADROOM + 2..HEADROOM + 2 + len, HEADROOM);
            let highest = track.highest.ok_or(DropReason::UnknownStream)?;
            highest.nearest(original)
        }
    };
    if !track.forwarded.admits(seq.0) {
        return Err(DropReason::Duplicate);
    }
    let mut descriptor = None;
    if codec.codec().entry == Entry::Vp9Descriptor && len > 0 {
        let parsed = vp9::Descriptor::parse(&bytes[HEADROOM..HEADROOM + len]);
        descriptor = Some(parsed.ok_or(DropReason::RtpMalformed)?);
    }
    track.forwarded.insert(seq.0);
    let repaired = payload == Payload::Repair;
    if repaired {
        let media = track.ssrc.and_then(|ssrc| peer.by_ssrc.get(&ssrc));
        if let Some(media) = media.and_then(|index| peer.inbound.get_mut(*index)) {
            media.reception.repaired(seq);
        }
    }
    let entry = match codec.codec().entry {
        Entry::Anywhere => len > 0,
        Entry::Vp9Descriptor => descriptor.is_some_and(|vp9| vp9.keyframe_start),
    };
    Ok(Routed {
        track: index,
        packet: Packet {
            slot: authentic.slot(),
            len: len as u16,
            seq,
            timestamp: header.timestamp,
            marker: header.marker,
            codec,
            audio_level: authentic.audio_level(),
            vp9: descriptor,
        },
        entry,
        repaired,
        restarted,
    })
}

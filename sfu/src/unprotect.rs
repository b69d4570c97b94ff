//! SRTP and SRTCP in: the only place where an [`Authentic`] packet comes from.
//! No state of a stream moves before the tag has verified.

use crate::burst::PADDING_MAX;
use crate::config::STREAMS_MAX;
use crate::demux::Classified;
use crate::drop::DropReason;
use crate::peer::{Inbound, Payload, Peer};
use crate::pool::{HEADROOM, PAYLOAD_MAX, Pool, SlotId};
use crate::rtp::allocation::Allocation;
use crate::rtp::header::Header;
use crate::rtp::seq::{ExtSeq, ReplayWindow};
use crate::rtp::{Pt, Ssrc};
use crate::srtp::{self, Keys};
use std::ops::Range;
use std::time::Instant;

/// A media packet whose tag verified. Its payload lies opened in a pool slot,
/// which whoever holds this owns.
#[derive(Debug)]
pub struct Authentic {
    header: Header,
    inbound: usize,
    seq: ExtSeq,
    slot: SlotId,
    len: usize,
    audio_level: Option<u8>,
    dependency: Option<Range<usize>>,
    allocated: bool,
}

impl Authentic {
    /// Its header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The stream it came on: the index in the peer's.
    pub fn inbound(&self) -> usize {
        self.inbound
    }

    /// Its extended sequence number.
    pub fn seq(&self) -> ExtSeq {
        self.seq
    }

    /// Where its payload lies.
    pub fn slot(&self) -> SlotId {
        self.slot
    }

    /// Bytes of payload, padding removed.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no payload.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where in the slot its Dependency Descriptor lies, if it has one of at
    /// least the mandatory fields.
    pub fn dependency(&self) -> Option<Range<usize>> {
        self.dependency.clone()
    }

    /// Whether it brought the allocation that its peer has.
    pub fn allocated(&self) -> bool {
        self.allocated
    }

    /// The audio level byte, if the packet has one.
    pub fn audio_level(&self) -> Option<u8> {
        self.audio_level
    }
}

/// Opens a media packet.
///
/// # Errors
/// Why it goes no further; the pool then has its slot back.
pub fn rtp(
    peer: &mut Peer,
    packet: &Classified<'_>,
    now: Instant,
    pool: &mut Pool,
) -> Result<Authentic, DropReason> {
    let bytes = packet.datagram.bytes;
    let header = Header::parse(bytes).ok_or(DropReason::RtpMalformed)?;
    let keys = &peer.keys.as_ref().ok_or(DropReason::NoKeys)?.open;
    let inbound = peer.by_ssrc.get(&header.ssrc).copied();
    let state = inbound.and_then(|index| peer.inbound.get(index));
    let seq = state
        .and_then(|state| state.highest)
        .map_or_else(|| ExtSeq::first(header.seq), |h| h.nearest(header.seq));
    if let Some(state) = state
        && !state.window.admits(seq.0)
    {
        return Err(DropReason::Replayed);
    }
    if state.is_none() && peer.inbound.len() >= STREAMS_MAX {
        return Err(DropReason::TooManyStreams);
    }
    let slot = pool.take().ok_or(DropReason::PoolEmpty)?;
    let opened = open(keys, &header, seq, bytes, pool.slot(slot));
    let result = opened.and_then(|len| {
        peer.heard = now;
        let elements = Elements::read(peer, &header, bytes);
        if let Some(seq) = elements.transport_cc {
            peer.arrivals.record(seq, now);
        }
        let inbound = match inbound {
            Some(index) => index,
            None => learn(peer, header.ssrc, header.pt, &elements)?,
        };
        let dependency = elements.dependency.and_then(|bytes| {
            // Behind the payload, where the tag was, and behind its padding.
            let at = HEADROOM + len + usize::from(PADDING_MAX);
            let place = at..at + bytes.len();
            pool.slot(slot)
                .get_mut(place.clone())?
                .copy_from_slice(bytes);
            Some(place)
        });
        let allocation = elements.allocation.and_then(Allocation::parse);
        if let Some(allocation) = allocation {
            *peer.allocation = allocation;
        }
        let state = &mut peer.inbound[inbound];
        state.window.insert(seq.0);
        state.highest = Some(state.highest.map_or(seq, |highest| highest.max(seq)));
        Ok(Authentic {
            header,
            inbound,
            seq,
            slot,
            len,
            audio_level: elements.audio_level,
            dependency,
            allocated: allocation.is_some(),
        })
    });
    if result.is_err() {
        pool.give(slot);
    }
    result
}

fn open(
    keys: &Keys,
    header: &Header,
    seq: ExtSeq,
    bytes: &[u8],
    slot: &mut [u8],
) -> Result<usize, DropReason> {
    if bytes.len() - header.payload_at > PAYLOAD_MAX {
        return Err(DropReason::Size);
    }
    let payload = &mut slot[HEADROOM..];
    let len = keys
        .open_rtp(header.ssrc, seq, bytes, header.payload_at, payload)
        .map_err(|srtp::Failed| DropReason::Forged)?;
    if !header.padding {
        return Ok(len);
    }
    // RFC 3550 section 5.1: the last byte counts the padding, itself included.
    let padding = len
        .checked_sub(1)
        .map_or(0, |last| usize::from(payload[last]));
    match len.checked_sub(padding) {
        Some(len) if padding > 0 => Ok(len),
        _ => Err(DropReason::RtpMalformed),
    }
}

#[derive(Default)]
struct Elements<'a> {
    mid: Option<&'a [u8]>,
    rid: Option<&'a [u8]>,
    repaired_rid: Option<&'a [u8]>,
    transport_cc: Option<u16>,
    audio_level: Option<u8>,
    dependency: Option<&'a [u8]>,
    allocation: Option<&'a [u8]>,
}

impl<'a> Elements<'a> {
    fn read(peer: &Peer, header: &Header, bytes: &'a [u8]) -> Self {
        let mut read = Self::default();
        let ids = peer.ids;
        for (id, value) in header.elements(bytes) {
            if id == ids.mid {
                read.mid = Some(value);
            } else if id == ids.transport_cc {
                read.transport_cc = crate::rtp::be16(value, 0);
            } else if id == ids.audio_level {
                read.audio_level = value.first().copied();
            } else if id == ids.dependency {
                read.dependency = Some(value).filter(|value| value.len() >= 3);
            } else if id == ids.allocation {
                read.allocation = Some(value);
            } else if id == ids.rid {
                read.rid = Some(value);
            } else if id == ids.repaired_rid {
                read.repaired_rid = Some(value);
            }
        }
        read
    }
}

/// Finds the section and the encoding of a stream that no `a=ssrc` line
/// announced: by its MID, or by a payload type that only one section has (RFC
/// 8843 section 9.2), and in a simulcast by its RID (RFC 8853 section 5.4).
fn learn(
    peer: &mut Peer,
    ssrc: Ssrc,
    pt: Pt,
    elements: &Elements<'_>,
) -> Result<usize, DropReason> {
    let payload_in = |section: usize| {
        let payloads = &peer.sections[section].payloads;
        payloads
            .iter()
            .find(|(known, ..)| *known == pt)
            .map(|(.., payload)| *payload)
    };
    let sections = 0..peer.sections.len();
    let section = match elements.mid {
        Some(mid) => sections
            .clone()
            .find(|section| peer.sections[*section].mid.as_str().as_bytes() == mid),
        None => {
            let mut fitting = sections.clone().filter(|s| payload_in(*s).is_some());
            fitting.next().filter(|_| fitting.next().is_none())
        }
    };
    let section = section.ok_or(DropReason::UnknownStream)?;
    let payload = payload_in(section).ok_or(DropReason::UnknownPayload)?;
    let rids = &peer.sections[section].rids;
    let encoding = match rids.as_slice() {
        [] => Some(0),
        rids => {
            let rid = match payload {
                Payload::Media => elements.rid,
                Payload::Repair => elements.repaired_rid,
            };
            rids.iter().position(|known| Some(known.as_bytes()) == rid)
        }
    };
    let encoding = encoding.ok_or(DropReason::UnknownStream)?;
    peer.add_inbound(ssrc, section, encoding, payload)
        .ok_or(DropReason::TooManyStreams)
}

impl Inbound {
    /// Whether the stream carries media itself.
    pub fn is_media(&self) -> bool {
        self.payload == Payload::Media
    }
}

/// Opens a compound RTCP packet into `out`; gives its length.
///
/// # Errors
/// Why it goes no further.
pub fn rtcp(
    peer: &mut Peer,
    packet: &Classified<'_>,
    now: Instant,
    out: &mut [u8],
) -> Result<usize, DropReason> {
    let bytes = packet.datagram.bytes;
    let keys = &peer.keys.as_ref().ok_or(DropReason::NoKeys)?.open;
    let (ssrc, index, _) =
        srtp::rtcp_index(bytes, keys.profile_is_gcm()).ok_or(DropReason::RtcpMalformed)?;
    let known = peer
        .rtcp_windows
        .iter()
        .position(|(known, _)| *known == ssrc);
    match known {
        Some(known) if !peer.rtcp_windows[known].1.admits(u64::from(index)) => {
            return Err(DropReason::Replayed);
        }
        None if peer.rtcp_windows.len() >= STREAMS_MAX => return Err(DropReason::TooManyStreams),
        _ => {}
    }
    let len = keys
        .open_rtcp(bytes, out)
        .map_err(|srtp::Failed| DropReason::Forged)?;
    peer.heard = now;
    let known = known.unwrap_or_else(|| {
        peer.rtcp_windows.push((ssrc, ReplayWindow::new()));
        peer.rtcp_windows.len() - 1
    });
    peer.rtcp_windows[known].1.insert(u64::from(index));
    Ok(len)
}

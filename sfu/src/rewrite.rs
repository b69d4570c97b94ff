//! A packet's header and payload descriptor as its receiver is to see them.
//! The frame behind the descriptor is never touched.

use crate::address::Address;
use crate::history::Packet;
use crate::pool::HEADROOM;
use crate::rtp::dependency::{self, Active, LEN_MAX};
use crate::rtp::header::{Dependency, OUTGOING_MAX, Outgoing};
use crate::rtp::seq::ExtSeq;
use crate::rtp::{Pt, Ssrc};
use crate::select::Selected;
use crate::slot::{Run, Slot, SlotCodec};
use std::ops::Range;

/// A packet ready to be sealed: its header, and where its payload lies in its
/// pool slot.
#[derive(Debug, Clone)]
pub struct Rewritten {
    header: [u8; OUTGOING_MAX],
    header_len: usize,
    /// Where it goes.
    pub to: Address,
    /// The stream it goes out on.
    pub ssrc: Ssrc,
    /// Its number there.
    pub seq: ExtSeq,
    /// Its payload, within the pool slot.
    pub payload: Range<usize>,
}

impl Rewritten {
    /// The header's bytes.
    pub fn header(&self) -> &[u8] {
        &self.header[..self.header_len]
    }
}

/// Rewrites a packet that is forwarded with so many bytes of padding; `bytes` is
/// its pool slot.
pub fn forward(
    slot: &Slot,
    selected: &Selected,
    packet: &Packet,
    padding: u8,
    bytes: &mut [u8],
) -> Rewritten {
    if selected.filler {
        return fill(slot, selected, packet);
    }
    patch(&selected.run, packet, bytes);
    let end = HEADROOM + usize::from(packet.len);
    let padded = end + usize::from(padding);
    if let Some([rest @ .., last]) = bytes.get_mut(end..padded) {
        rest.fill(0);
        *last = padding;
    }
    let header = outgoing(
        slot,
        &selected.run,
        selected.codec,
        packet,
        selected.active,
        bytes,
    );
    let transport = selected.transport.map(|number| (slot.transport_cc, number));
    finish(
        &Outgoing {
            seq: selected.seq.wire(),
            marker: selected.marker,
            transport,
            padding: padding > 0,
            ..header
        },
        selected.to,
        selected.seq,
        HEADROOM..padded,
    )
}

/// A packet without a payload: receivers note its number and nothing else.
fn fill(slot: &Slot, selected: &Selected, packet: &Packet) -> Rewritten {
    let header = Outgoing {
        ssrc: slot.streams.ssrc,
        seq: selected.seq.wire(),
        timestamp: selected.run.timestamp(packet.timestamp),
        pt: selected.codec.pt,
        marker: false,
        audio_level: None,
        transport: selected.transport.map(|number| (slot.transport_cc, number)),
        padding: false,
        dependency: None,
    };
    finish(&header, selected.to, selected.seq, HEADROOM..HEADROOM)
}

/// What a retransmission says (RFC 4588 section 4).
#[derive(Debug, Clone, Copy)]
pub struct Retransmission {
    /// Where it goes.
    pub to: Address,
    /// How the packet's numbers were mapped.
    pub run: Run,
    /// The payload types; nothing is sent again without one for it.
    pub codec: SlotCodec,
    /// The decode targets to say that are active.
    pub active: Option<Active>,
    /// The number the packet was sent under.
    pub original: u16,
    /// Its number on the retransmission stream.
    pub seq: ExtSeq,
    /// Its transport-wide number.
    pub transport: Option<u16>,
}

/// Rewrites a packet that is sent again; `bytes` is its pool slot. Nothing
/// when the receiver has no payload type for it.
pub fn retransmit(
    slot: &Slot,
    again: &Retransmission,
    packet: &Packet,
    bytes: &mut [u8],
) -> Option<Rewritten> {
    let pt = again.codec.rtx?;
    patch(&again.run, packet, bytes);
    bytes
        .get_mut(HEADROOM - 2..HEADROOM)?
        .copy_from_slice(&again.original.to_be_bytes());
    let header = outgoing(slot, &again.run, again.codec, packet, again.active, bytes);
    Some(finish(
        &Outgoing {
            ssrc: slot.streams.rtx,
            seq: again.seq.wire(),
            pt,
            // What was above the layers of its time was never sent.
            marker: slot.marker(&again.run, packet),
            transport: again.transport.map(|number| (slot.transport_cc, number)),
            ..header
        },
        again.to,
        again.seq,
        HEADROOM - 2..HEADROOM + usize::from(packet.len),
    ))
}

fn outgoing<'a>(
    slot: &Slot,
    run: &Run,
    codec: SlotCodec,
    packet: &Packet,
    active: Option<Active>,
    bytes: &'a [u8],
) -> Outgoing<'a> {
    let dependency = packet.dependency.and_then(|dependency| {
        let at = usize::from(dependency.at);
        Some(Dependency {
            id: slot.dependency,
            bytes: bytes.get(at..at + usize::from(dependency.len))?,
            number: run.frame_number(dependency.number),
            active,
        })
    });
    Outgoing {
        ssrc: slot.streams.ssrc,
        seq: 0,
        timestamp: run.timestamp(packet.timestamp),
        pt: codec.pt,
        marker: packet.marker,
        audio_level: packet
            .audio_level
            .filter(|_| slot.audio_level != 0)
            .map(|level| (slot.audio_level, level)),
        transport: None,
        padding: false,
        dependency: dependency
            .filter(|dependency| dependency.id != 0)
            .filter(|dependency| slot.long_extensions || !dependency.is_long())
            .filter(|told| dependency::written_len(told.bytes, told.active) <= LEN_MAX),
    }
}

/// What padding says.
#[derive(Debug, Clone, Copy)]
pub struct Padding {
    /// Where it goes.
    pub to: Address,
    /// The payload type of retransmissions.
    pub pt: Pt,
    /// Its number on the retransmission stream.
    pub seq: ExtSeq,
    /// The timestamp of the slot's newest packet.
    pub timestamp: u32,
    /// Its transport-wide number.
    pub transport: u16,
}

/// The longest payload that is all padding (RFC 3550 section 5.1): its last
/// byte says how long it is.
pub const PADDING: [u8; 255] = {
    let mut bytes = [0; 255];
    bytes[254] = 255;
    bytes
};

/// A packet of nothing but [`PADDING`] on a slot's retransmission stream.
pub fn padding(slot: &Slot, padding: &Padding) -> Rewritten {
    finish(
        &Outgoing {
            ssrc: slot.streams.rtx,
            seq: padding.seq.wire(),
            timestamp: padding.timestamp,
            pt: padding.pt,
            marker: false,
            audio_level: None,
            transport: Some((slot.transport_cc, padding.transport)),
            padding: true,
            dependency: None,
        },
        padding.to,
        padding.seq,
        0..PADDING.len(),
    )
}

/// Always from the publisher's numbers, so that what an earlier receiver's
/// rewrite left in the slot does not matter.
fn patch(run: &Run, packet: &Packet, bytes: &mut [u8]) {
    run.picture(packet.picture).write(&mut bytes[HEADROOM..]);
}

fn finish(header: &Outgoing<'_>, to: Address, seq: ExtSeq, payload: Range<usize>) -> Rewritten {
    let mut rewritten = Rewritten {
        header: [0; OUTGOING_MAX],
        header_len: 0,
        to,
        ssrc: header.ssrc,
        seq,
        payload,
    };
    rewritten.header_len = header.write(&mut rewritten.header);
    rewritten
}

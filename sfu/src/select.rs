//! Whether a slot takes a packet: the one place where slots switch.

use crate::drop::DropReason;
use crate::peer::Peer;
use crate::route::Routed;
use crate::rtp::seq::ExtSeq;
use crate::slot::{Run, Serial, SlotCodec};
use std::net::SocketAddr;
use std::time::Instant;

/// A packet that a slot takes.
#[derive(Debug, Clone, Copy)]
pub struct Selected {
    /// Where it goes.
    pub to: SocketAddr,
    /// How its numbers are mapped.
    pub run: Run,
    /// Its number in the slot.
    pub seq: ExtSeq,
    /// Its payload types there.
    pub codec: SlotCodec,
    /// Its transport-wide number, if its receiver reports arrivals.
    pub transport: Option<u16>,
    /// The slot switched with it: what it carried before.
    pub left: Option<Run>,
    /// The slot began to carry something with it.
    pub switched: bool,
}

/// Decides for one slot.
///
/// # Errors
/// Why the slot does not take the packet.
pub fn select(
    receiver: &mut Peer,
    slot: usize,
    serial: Serial,
    routed: &Routed,
    now: Instant,
) -> Result<Selected, DropReason> {
    let to = receiver.destination(now).ok_or(DropReason::NoConsent)?;
    let slot = receiver
        .slots
        .get_mut(slot)
        .ok_or(DropReason::UnknownStream)?;
    let packet = &routed.packet;
    let codec = slot
        .codec(packet.codec)
        .ok_or(DropReason::CodecNotNegotiated)?;
    let before = slot.current();
    let (run, switched) = match before {
        Some(run) if run.serial == serial => (run, false),
        _ if slot.pending.is_none_or(|(pending, _)| pending != serial) => {
            return Err(DropReason::BeforeSwitch);
        }
        _ if !routed.entry => return Err(DropReason::AwaitingKeyframe),
        _ => (slot.switch(serial, routed.track, packet, now), true),
    };
    let seq = run.seq(packet.seq).ok_or(DropReason::BeforeSwitch)?;
    slot.sent(&run, packet, seq, now);
    let numbered = slot.transport_cc != 0;
    let estimate = receiver.estimate.as_mut().filter(|_| numbered);
    Ok(Selected {
        to,
        run,
        seq,
        codec,
        transport: estimate.map(|estimate| estimate.number(now, usize::from(packet.len))),
        left: before.filter(|_| switched),
        switched,
    })
}

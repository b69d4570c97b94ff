//! SRTP and SRTCP out: sealing is the only copy a forwarded payload makes.
//!
//! No nonce is used twice: a stream's numbers only come from its slot, which
//! gives each once; RTCP has a counter of its own.

use crate::address::Address;
use crate::drop::DropReason;
use crate::egress::Egress;
use crate::peer::{Peer, SessionKeys};
use crate::rewrite::Rewritten;
use crate::srtp::{Failed, OVERHEAD_MAX};

/// Seals a packet into the batch; `bytes` is its pool slot.
///
/// # Errors
/// Why it is not sent.
pub fn rtp(
    keys: &SessionKeys,
    packet: &Rewritten,
    bytes: &[u8],
    egress: &mut Egress,
) -> Result<(), DropReason> {
    let payload = bytes
        .get(packet.payload.clone())
        .ok_or(DropReason::SealFailed)?;
    let room = egress.room(packet.header().len() + payload.len() + OVERHEAD_MAX)?;
    let len = keys
        .seal
        .seal_rtp(packet.ssrc, packet.seq, packet.header(), payload, room)
        .map_err(|Failed| DropReason::SealFailed)?;
    egress.commit(packet.to, len);
    Ok(())
}

/// Seals a compound packet into the batch.
///
/// # Errors
/// Why it is not sent.
pub fn rtcp(
    peer: &mut Peer,
    to: Address,
    compound: &[u8],
    egress: &mut Egress,
) -> Result<(), DropReason> {
    let keys = peer.keys.as_ref().ok_or(DropReason::NoKeys)?;
    let room = egress.room(compound.len() + OVERHEAD_MAX)?;
    let index = peer.rtcp_index;
    let len = keys
        .seal
        .seal_rtcp(index, compound, room)
        .map_err(|Failed| DropReason::SealFailed)?;
    peer.rtcp_index = index.saturating_add(1);
    egress.commit(to, len);
    Ok(())
}

//! RTCP in: what clients say about what they send and receive.

use crate::codec::MediaKind;
use crate::config::{KEYFRAME_ON_FULL, TICK};
use crate::demux::Classified;
use crate::drop::DropReason;
use crate::encoding::PublisherClock;
use crate::estimate::OVERHEAD;
use crate::layer::Target;
use crate::metrics::Counter;
use crate::negotiate::CNAME;
use crate::peer::PeerKey;
use crate::rewrite::{self, Retransmission};
use crate::rtp::Ssrc;
use crate::rtp::rtcp::{Compound, Malformed, Message, Nacks, Writer};
use crate::shard::Shard;
use crate::track::Owner;
use crate::{estimate, protect, unprotect};
use std::time::Instant;

impl Shard {
    /// Takes a protected compound packet.
    pub(crate) fn rtcp(&mut self, now: Instant, packet: &Classified<'_>) -> Result<(), DropReason> {
        let Some(Some(peer)) = self.peers.get_mut(packet.peer.0) else {
            return Err(DropReason::UnknownAddress);
        };
        let mut opened = std::mem::take(&mut self.scratch.opened);
        let result = unprotect::rtcp(peer, packet, now, &mut opened);
        if peer.paths.follow(now, packet.datagram.from, &result) {
            self.metrics.count(Counter::AddressChanges);
        }
        let result = result.and_then(|len| self.compound(now, packet.peer, &opened[..len]));
        self.scratch.opened = opened;
        result
    }

    fn compound(&mut self, now: Instant, from: PeerKey, packet: &[u8]) -> Result<(), DropReason> {
        for message in Compound::new(packet) {
            let message = message.map_err(|Malformed| DropReason::RtcpMalformed)?;
            if let Err(reason) = self.message(now, from, message) {
                self.metrics.count_drop(reason);
            }
        }
        Ok(())
    }

    fn message(
        &mut self,
        now: Instant,
        from: PeerKey,
        message: Message<'_>,
    ) -> Result<(), DropReason> {
        match message {
            Message::SenderReport { ssrc, ntp, rtp } => {
                self.sender_report(now, from, ssrc, ntp, rtp)
            }
            Message::Nack { media, entries } => self.nack(now, from, media, entries),
            Message::KeyframeRequest { media } => self.keyframe_request(now, from, media),
            Message::Bye { ssrc } => {
                let Some(Some(peer)) = self.peers.get_mut(from.0) else {
                    return Ok(());
                };
                let inbound = peer.by_ssrc.get(&ssrc).copied();
                let inbound = inbound.ok_or(DropReason::FeedbackUnknownStream)?;
                peer.inbound[inbound].reception.ended();
                Ok(())
            }
            Message::TransportFeedback { information } => {
                self.transport_report(now, from, information)
            }
            // Transport feedback says the same, and when.
            Message::ReceiverReport { .. } | Message::Other => Ok(()),
        }
    }

    fn sender_report(
        &mut self,
        now: Instant,
        from: PeerKey,
        ssrc: Ssrc,
        ntp: u64,
        rtp: u32,
    ) -> Result<(), DropReason> {
        let Some(Some(peer)) = self.peers.get_mut(from.0) else {
            return Ok(());
        };
        let inbound = peer.by_ssrc.get(&ssrc).copied();
        let inbound = inbound.ok_or(DropReason::FeedbackUnknownStream)?;
        let inbound = &mut peer.inbound[inbound];
        inbound.reception.sender_report(ntp, now);
        // One offset for all streams of a client keeps its sound and picture
        // together, in one clock for all clients.
        let here = self.clock.ntp(now);
        let offset = *peer.ntp_offset.get_or_insert(here.wrapping_sub(ntp));
        if inbound.is_media()
            && let Some(section) = peer.sections.get(inbound.section)
            && let Some(Some(track)) = self.tracks.get_mut(section.track)
            && let Some(encoding) = track.encodings.get_mut(inbound.encoding)
            && encoding.ssrc == Some(ssrc)
        {
            let clock = PublisherClock {
                ntp: ntp.wrapping_add(offset),
                rtp,
            };
            encoding.clock = Some(clock);
            let (track, encoding) = (section.track, inbound.encoding);
            self.relay_clock(track, encoding, clock);
        }
        Ok(())
    }

    fn transport_report(
        &mut self,
        now: Instant,
        from: PeerKey,
        information: &[u8],
    ) -> Result<(), DropReason> {
        let peer = self.peers.get_mut(from.0).and_then(Option::as_mut);
        let estimate = peer.and_then(|peer| peer.estimate.as_mut());
        estimate
            .ok_or(DropReason::FeedbackUnknownStream)?
            .feedback(now, information)
            .map_err(|estimate::Malformed| DropReason::RtcpMalformed)?;
        self.metrics.count(Counter::TransportFeedbackReceived);
        Ok(())
    }

    fn nack(
        &mut self,
        now: Instant,
        from: PeerKey,
        media: Ssrc,
        entries: Nacks<'_>,
    ) -> Result<(), DropReason> {
        let slot = self.peer(from).and_then(|peer| peer.slot_of(media));
        let slot = slot.ok_or(DropReason::FeedbackUnknownStream)?;
        for lost in entries.lost() {
            match self.retransmit(now, from, slot, lost) {
                Ok(()) => self.metrics.count(Counter::Retransmitted),
                Err(reason) => {
                    self.metrics.count_drop(reason);
                    if reason == DropReason::RetransmitBudget {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn retransmit(
        &mut self,
        now: Instant,
        to: PeerKey,
        slot: usize,
        lost: u16,
    ) -> Result<(), DropReason> {
        let Some(Some(peer)) = self.peers.get_mut(to.0) else {
            return Err(DropReason::UnknownAddress);
        };
        let destination = peer.destination(now).ok_or(DropReason::NoConsent)?;
        let slot = &mut peer.slots[slot];
        let (run, seq) = slot.resolve(lost).ok_or(DropReason::NotInHistory)?;
        // What follows begins with a keyframe, and a full path has no room for more.
        let full = peer.estimate.as_ref().is_some_and(|path| path.binds());
        if full && slot.is_over(&run) {
            return Err(DropReason::RetransmitOutdated);
        }
        let encoding = self
            .tracks
            .get(run.origin.track)
            .and_then(Option::as_ref)
            .and_then(|track| track.encodings.get(run.origin.encoding))
            .filter(|encoding| encoding.serial == run.origin.serial)
            .ok_or(DropReason::NotInHistory)?;
        let Some(packet) = encoding.history.packet(seq) else {
            self.ask_across(now, run.origin, seq);
            return Err(DropReason::NotInHistory);
        };
        let codec = slot
            .codec(packet.codec)
            .filter(|codec| codec.rtx.is_some())
            .ok_or(DropReason::CodecNotNegotiated)?;
        let numbered = slot.transport_cc != 0;
        let estimate = peer.estimate.as_mut().filter(|_| numbered);
        let pause = estimate
            .as_ref()
            .map_or(TICK, |estimate| estimate.round_trip());
        if !slot.resent.may(lost, now, pause) {
            return Err(DropReason::RetransmitUnderWay);
        }
        let bytes = u64::from(packet.len) + OVERHEAD as u64;
        if !peer.repairs.take(bytes) {
            return Err(DropReason::RetransmitBudget);
        }
        let again = Retransmission {
            to: destination,
            run,
            codec,
            active: slot.active_again(&run, packet, &encoding.described),
            original: lost,
            seq: slot
                .take_retransmission()
                .ok_or(DropReason::RetransmitBudget)?,
            transport: estimate.map(|estimate| estimate.number_again(now, usize::from(packet.len))),
        };
        slot.resent.sent(lost, now);
        peer.pace.spend(usize::from(packet.len) + OVERHEAD);
        let bytes = self.pool.slot(packet.slot);
        let rewritten = rewrite::retransmit(slot, &again, packet, bytes)
            .ok_or(DropReason::CodecNotNegotiated)?;
        let keys = peer.keys.as_ref().ok_or(DropReason::NoKeys)?;
        protect::rtp(keys, &rewritten, bytes, &mut self.egress)
    }

    fn keyframe_request(
        &mut self,
        now: Instant,
        from: PeerKey,
        media: Ssrc,
    ) -> Result<(), DropReason> {
        self.metrics.count(Counter::KeyframeRequestsReceived);
        let peer = self.peer(from).ok_or(DropReason::UnknownAddress)?;
        let index = peer
            .slot_of(media)
            .ok_or(DropReason::FeedbackUnknownStream)?;
        let slot = &peer.slots[index];
        let Target::UpTo(target) = slot.target else {
            return Ok(());
        };
        // A screen's is on its way, or its losses are: another would take their place.
        let full = peer.estimate.as_ref().is_some_and(|path| path.looks_full());
        let lately = |entered| now.saturating_duration_since(entered) < KEYFRAME_ON_FULL;
        let repaired = full && slot.carries_screen() && slot.entered.is_some_and(lately);
        if repaired || peer.pace.owes(index) {
            return Ok(());
        }
        let origin = slot.current().map(|run| run.origin);
        let index = origin.map(|origin| origin.track).or(slot.pending);
        if let Some(index) = index
            && let Some(Some(track)) = self.tracks.get_mut(index)
            && track.kind == MediaKind::Video
        {
            let desired = track.desired(target);
            let encoding = origin.map_or(desired, |origin| origin.encoding);
            if let Some(encoding) = track.encodings.get_mut(encoding) {
                encoding.keyframes.want();
            }
            self.ask_keyframe(now, index);
        }
        Ok(())
    }

    /// Asks a track's sender for the keyframes it is time to ask for.
    pub(crate) fn ask_keyframe(&mut self, now: Instant, index: usize) {
        let Some(Some(track)) = self.tracks.get(index) else {
            return;
        };
        let (owner, encodings) = (track.owner, track.encodings.len());
        let Owner::Peer(owner) = owner else {
            return self.ask_keyframe_across(now, index);
        };
        let reachable = self
            .peer(owner)
            .is_some_and(|peer| peer.keys.is_some() && peer.destination(now).is_some());
        for encoding in (0..encodings).filter(|_| reachable) {
            let Some(Some(track)) = self.tracks.get_mut(index) else {
                return;
            };
            // A keyframe of a stream that has stopped comes as one of every other stream.
            if track.has_stopped(encoding) {
                continue;
            }
            let encoding = &mut track.encodings[encoding];
            let Some(media) = encoding.ssrc else { continue };
            if encoding.keyframes.due(now)
                && self.send_rtcp(now, owner, |writer, sender| writer.pli(sender, media))
            {
                self.metrics.count(Counter::KeyframeRequestsSent);
            }
        }
    }

    /// Writes and sends a compound packet; whether it was sent.
    pub(crate) fn send_rtcp(
        &mut self,
        now: Instant,
        to: PeerKey,
        write: impl FnOnce(&mut Writer<'_>, Ssrc),
    ) -> bool {
        let Some(Some(peer)) = self.peers.get_mut(to.0) else {
            return false;
        };
        let Some(destination) = peer.destination(now) else {
            return false;
        };
        let mut writer = Writer::new(&mut self.scratch.compound);
        if !peer.reduced_size {
            // RFC 3550 section 6.1: a report and a name come first.
            writer.receiver_report(peer.rtcp_ssrc, &[]);
            writer.cname(peer.rtcp_ssrc, CNAME);
        }
        write(&mut writer, peer.rtcp_ssrc);
        let sent = protect::rtcp(peer, destination, &self.scratch.compound, &mut self.egress);
        match sent {
            Ok(()) => true,
            Err(reason) => {
                self.metrics.count_drop(reason);
                false
            }
        }
    }
}

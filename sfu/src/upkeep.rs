//! What time alone brings about, every [`TICK`](crate::config::TICK):
//! consent runs out, handshakes are retransmitted, losses asked for, feedback
//! and reports sent, keyframes asked for.

use crate::codec::MediaKind;
use crate::config::{
    CONSENT_LOST, HOLD_FROM, KEYFRAME_RETRY, REPORTS, TICK, TRANSPORT_FEEDBACK, UNREPORTED_REPAIRS,
};
use crate::estimate::OVERHEAD;
use crate::metrics::Counter;
use crate::negotiate::CNAME;
use crate::peer::PeerKey;
use crate::rewrite::{PADDING, Padding};
use crate::rtp::Ssrc;
use crate::rtp::rtcp::Writer;
use crate::shard::Shard;
use crate::slot::Slot;
use crate::{protect, rewrite};
use std::time::Instant;

/// Most blocks of one receiver report: what the five-bit count can say.
const BLOCKS_MAX: usize = 31;

/// Whether padding can be sent on a slot's retransmission stream, and reported.
fn pads(slot: &Slot) -> bool {
    slot.transport_cc != 0 && slot.codecs.iter().any(|codec| codec.rtx.is_some())
}

impl Shard {
    /// Does what is due.
    pub(crate) fn upkeep(&mut self, now: Instant) {
        self.busy = self.burst.take_copies() >= HOLD_FROM;
        for index in 0..self.peers.len() {
            let key = PeerKey(index);
            let Some(Some(peer)) = self.peers.get_mut(index) else {
                continue;
            };
            for slot in &mut peer.slots {
                slot.refill();
            }
            let media = peer.estimate.as_mut().map_or(0, |path| path.take_media());
            match peer.estimate.as_ref().filter(|path| path.looks_full()) {
                Some(path) => peer.repairs.refill(path.rate(), media, TICK),
                None => peer.repairs.refill(UNREPORTED_REPAIRS, 0, TICK),
            }
            if let Some(path) = &peer.estimate {
                peer.pace.refill(path.rate(), path.follows(), TICK);
            }
            if now.saturating_duration_since(peer.heard) >= CONSENT_LOST {
                self.lose(key);
                continue;
            }
            self.retransmit_handshake(now, key);
            self.feed_back(now, key);
            self.share(now, key);
            self.pay(now, key);
            self.probe(now, key);
        }
        for track in 0..self.tracks.len() {
            self.look_after_waiting(now, track);
            self.ask_wanted(now, track);
            self.ask_keyframe(now, track);
        }
        self.settle_spanning(now);
    }

    fn retransmit_handshake(&mut self, now: Instant, key: PeerKey) {
        let Some(Some(peer)) = self.peers.get_mut(key.0) else {
            return;
        };
        let to = peer.paths.nominated().or(peer.paths.latest());
        let Some(to) = to.filter(|_| peer.dtls.wake().is_some_and(|wake| wake <= now)) else {
            return;
        };
        let (egress, metrics) = (&mut self.egress, &self.metrics);
        let outcome = peer.dtls.handle_timeout(now, |record| {
            if let Err(reason) = egress.push(to, record) {
                metrics.count_drop(reason);
            }
        });
        if let Err(reason) = self.handshaken(key, outcome) {
            self.metrics.count_drop(reason);
        }
    }

    /// NACKs, transport feedback and reports to one client.
    fn feed_back(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peer(key) else { return };
        if peer.keys.is_none() || peer.destination(now).is_none() {
            return;
        }
        let (feedback, reports) = (peer.feedback_due <= now, peer.reports_due <= now);
        let streams = peer.inbound.len();
        for stream in 0..streams {
            self.ask_for_losses(now, key, stream);
        }
        if feedback {
            self.transport_feedback(now, key);
        }
        if reports {
            self.receiver_report(now, key);
            self.sender_reports(now, key);
        }
    }

    /// What a probe asks for: what is owed at any rate, and else padding.
    fn probe(&mut self, now: Instant, key: PeerKey) {
        let Some(Some(peer)) = self.peers.get_mut(key.0) else {
            return;
        };
        // A probe of which nothing could leave would fail.
        if !peer.is_reachable(now) || !peer.slots.iter().any(pads) {
            return;
        }
        let Some(estimate) = &mut peer.estimate else {
            return;
        };
        let mut bytes = estimate.padding(now);
        while bytes > 0
            && !self.egress.is_full()
            && let Some(Some(peer)) = self.peers.get_mut(key.0)
            && let Some(owed) = peer.pace.next_for_probe()
        {
            let sent = self.pay_one(now, key, &owed).unwrap_or_default();
            bytes = bytes.saturating_sub(sent + OVERHEAD);
        }
        self.pad(now, key, bytes);
    }

    /// So many bytes of padding on the first retransmission stream there is.
    fn pad(&mut self, now: Instant, key: PeerKey, mut bytes: usize) {
        let Some(Some(peer)) = self.peers.get_mut(key.0) else {
            return;
        };
        let (Some(keys), Some(to)) = (&peer.keys, peer.destination(now)) else {
            return;
        };
        let Some(slot) = peer.slots.iter_mut().find(|slot| pads(slot)) else {
            return;
        };
        let pt = slot.codecs.iter().find_map(|codec| codec.rtx);
        let (Some(estimate), Some(pt)) = (&mut peer.estimate, pt) else {
            return;
        };
        while bytes > 0 {
            bytes = bytes.saturating_sub(PADDING.len() + OVERHEAD);
            peer.pace.spend(PADDING.len() + OVERHEAD);
            let (seq, timestamp) = slot.take_padding();
            let padding = rewrite::padding(
                slot,
                &Padding {
                    to,
                    pt,
                    seq,
                    timestamp,
                    transport: estimate.number(now, PADDING.len()),
                },
            );
            match protect::rtp(keys, &padding, &PADDING, &mut self.egress) {
                Ok(()) => self.metrics.count(Counter::PaddingSent),
                Err(reason) => return self.metrics.count_drop(reason),
            }
        }
    }

    fn ask_for_losses(&mut self, now: Instant, key: PeerKey, stream: usize) {
        let mut lost = std::mem::take(&mut self.scratch.lost);
        let mut media = None;
        if let Some(Some(peer)) = self.peers.get_mut(key.0) {
            let inbound = &mut peer.inbound[stream];
            inbound.reception.ask(now, &mut lost);
            media = Some(inbound.ssrc);
        }
        if let Some(media) = media.filter(|_| !lost.is_empty())
            && self.send_rtcp(now, key, |writer, sender| writer.nack(sender, media, &lost))
        {
            self.metrics.add(Counter::NacksSent, lost.len() as u64);
        }
        self.scratch.lost = lost;
    }

    fn transport_feedback(&mut self, now: Instant, key: PeerKey) {
        let Some(Some(peer)) = self.peers.get_mut(key.0) else {
            return;
        };
        peer.feedback_due = now + TRANSPORT_FEEDBACK;
        let Some(destination) = peer.destination(now) else {
            return;
        };
        let media = peer.inbound.first().map_or(Ssrc(0), |stream| stream.ssrc);
        while peer.arrivals.pending() {
            let mut writer = Writer::new(&mut self.scratch.compound);
            if !peer.reduced_size {
                writer.receiver_report(peer.rtcp_ssrc, &[]);
                writer.cname(peer.rtcp_ssrc, CNAME);
            }
            if !peer.arrivals.report(&mut writer, peer.rtcp_ssrc, media) {
                break;
            }
            let compound = &self.scratch.compound;
            match protect::rtcp(peer, destination, compound, &mut self.egress) {
                Ok(()) => self.metrics.count(Counter::TransportFeedbackSent),
                Err(reason) => self.metrics.count_drop(reason),
            }
        }
    }

    fn receiver_report(&mut self, now: Instant, key: PeerKey) {
        let mut blocks = std::mem::take(&mut self.scratch.blocks);
        blocks.clear();
        if let Some(Some(peer)) = self.peers.get_mut(key.0) {
            peer.reports_due = now + REPORTS;
            let streams = peer.inbound.iter_mut().filter(|stream| stream.is_media());
            let reports = streams.filter_map(|stream| stream.reception.report(stream.ssrc, now));
            blocks.extend(reports.take(BLOCKS_MAX));
        }
        self.send_rtcp(now, key, |writer, sender| {
            writer.receiver_report(sender, &blocks);
            writer.cname(sender, CNAME);
        });
        self.scratch.blocks = blocks;
    }

    /// A report for every slot whose publisher's clock is known (RFC 3550
    /// section 6.4.1): the slot's timestamps in the SFU's NTP time.
    fn sender_reports(&mut self, now: Instant, key: PeerKey) {
        let slots = self.peer(key).map_or(0, |peer| peer.slots.len());
        let ntp = self.clock.ntp(now);
        for index in 0..slots {
            let Some(peer) = self.peer(key) else { return };
            let slot = &peer.slots[index];
            let Some(run) = slot.current() else { continue };
            if !self.is_heard(run.origin.track) {
                continue;
            }
            let clock = self
                .tracks
                .get(run.origin.track)
                .and_then(Option::as_ref)
                .and_then(|track| track.encodings.get(run.origin.encoding))
                .filter(|encoding| encoding.serial == run.origin.serial)
                .and_then(|encoding| encoding.clock);
            let rate = slot
                .codecs
                .first()
                .map(|codec| codec.codec.codec().clock_rate);
            let (Some(clock), Some(rate)) = (clock, rate) else {
                continue;
            };
            let elapsed = i128::from(ntp.wrapping_sub(clock.ntp) as i64);
            let ticks = (elapsed * i128::from(rate)) >> 32;
            let rtp = run.timestamp(clock.rtp).wrapping_add(ticks as u32);
            let (ssrc, packets, octets) = (slot.streams.ssrc, slot.packets, slot.octets);
            self.send_rtcp(now, key, |writer, _| {
                writer.sender_report(ssrc, ntp, rtp, packets, octets);
                writer.cname(ssrc, CNAME);
            });
        }
    }

    /// A request or its keyframe can be lost: slots that still wait ask again.
    fn look_after_waiting(&mut self, now: Instant, index: usize) {
        let encodings = match self.tracks.get_mut(index) {
            Some(Some(track)) => {
                track.tick(now);
                track.encodings.len()
            }
            _ => 0,
        };
        for encoding in 0..encodings {
            let Some(Some(track)) = self.tracks.get(index) else {
                return;
            };
            let waiting = &track.encodings[encoding];
            let asked = waiting.keyframes.last();
            let rested =
                asked.is_none_or(|last| now.saturating_duration_since(last) >= KEYFRAME_RETRY);
            if !waiting.waiting || !rested {
                continue;
            }
            let waits = track.kind == MediaKind::Video
                && track.subscribers.iter().any(|subscriber| {
                    self.peer(subscriber.peer)
                        .and_then(|peer| peer.slots.get(subscriber.slot))
                        .is_some_and(|slot| slot.awaits(index, track, encoding))
                });
            let Some(Some(track)) = self.tracks.get_mut(index) else {
                return;
            };
            let waiting = &mut track.encodings[encoding];
            waiting.waiting = waits;
            if waits {
                waiting.keyframes.want();
            }
        }
    }
}

//! Looks at what comes in: counts it, takes keyframe requests (PLI, RFC 4585
//! section 6.3.1; FIR, RFC 5104 section 4.3.1) out of the RTCP and hands on whose
//! stream they are about.

use rtc::interceptor::{Interceptor, Packet, Slot, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::mpsc;

/// Past every interceptor that acts on packets: this one only looks.
pub(super) const SLOT: Slot = Slot::Custom(12_500);

/// Counts what comes, and sends the SSRC of each stream of which a keyframe is
/// requested to a channel. A request that finds the channel full is forgotten:
/// the ones in it ask for the same.
pub(super) struct Inbound {
    wanted: mpsc::Sender<u32>,
    received: Arc<AtomicU64>,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
}

impl Inbound {
    pub(super) fn new(wanted: mpsc::Sender<u32>, received: Arc<AtomicU64>) -> Self {
        Self {
            wanted,
            received,
            inbound: VecDeque::new(),
            outbound: VecDeque::new(),
        }
    }

    fn look(&self, packet: &dyn rtc::rtcp::Packet) {
        let any = packet.as_any();
        if let Some(pli) = any.downcast_ref::<PictureLossIndication>() {
            let _ = self.wanted.try_send(pli.media_ssrc);
        } else if let Some(fir) = any.downcast_ref::<FullIntraRequest>() {
            for entry in &fir.fir {
                let _ = self.wanted.try_send(entry.ssrc);
            }
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Inbound {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.received.fetch_add(1, Ordering::Relaxed);
        if let Packet::Rtcp(packets) = &packet.message.packet {
            for rtcp in packets {
                self.look(rtcp.as_ref());
            }
        }
        self.inbound.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inbound.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.outbound.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outbound.pop_front()
    }
}

impl Interceptor for Inbound {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

//! What is known of a stream the SFU receives: the figures of receiver reports
//! (RFC 3550 section 6.4 and appendix A), and which packets to ask for again.

use crate::rtp::Ssrc;
use crate::rtp::rtcp::ReportBlock;
use crate::rtp::seq::ExtSeq;
use std::time::{Duration, Instant};

/// Most packets of one stream that are asked for at a time. A longer gap is
/// not repaired: receivers then ask for a keyframe.
const MISSING_MAX: usize = 256;

/// How often one packet is asked for. Ten times 40 ms is as long as a picture
/// may be late.
const ASKED_MAX: u8 = 10;

/// Between two requests for the same packet: about one round trip.
const ASK_AGAIN: Duration = Duration::from_millis(40);

#[derive(Debug, Clone, Copy)]
struct Missing {
    seq: ExtSeq,
    asked: u8,
    due: Instant,
}

/// The figures of one stream.
#[derive(Debug)]
pub struct Reception {
    clock_rate: u32,
    first: Option<ExtSeq>,
    highest: ExtSeq,
    received: u64,
    expected_prior: u64,
    received_prior: u64,
    jitter: f64,
    transit: Option<(u32, Instant)>,
    last_report: Option<(u64, Instant)>,
    missing: Vec<Missing>,
    repairs: bool,
}

impl Reception {
    /// Nothing received. `repairs` says whether losses are asked for.
    pub fn new(clock_rate: u32, repairs: bool) -> Self {
        Self {
            clock_rate,
            first: None,
            highest: ExtSeq(0),
            received: 0,
            expected_prior: 0,
            received_prior: 0,
            jitter: 0.0,
            transit: None,
            last_report: None,
            missing: Vec::with_capacity(if repairs { MISSING_MAX } else { 0 }),
            repairs,
        }
    }

    /// A packet came on the stream itself.
    pub fn received(&mut self, seq: ExtSeq, timestamp: u32, now: Instant) {
        self.received += 1;
        let Some(_) = self.first else {
            self.first = Some(seq);
            self.highest = seq;
            self.transit = Some((timestamp, now));
            return;
        };
        if let Some((last, at)) = self.transit.replace((timestamp, now)) {
            let arrived = now.saturating_duration_since(at).as_secs_f64();
            let arrived = arrived * f64::from(self.clock_rate);
            let sent = f64::from(timestamp.wrapping_sub(last) as i32);
            self.jitter += ((arrived - sent).abs() - self.jitter) / 16.0;
        }
        if seq <= self.highest {
            self.forget(seq);
            return;
        }
        if self.repairs {
            let gap = (seq.0 - self.highest.0 - 1) as usize;
            if gap + self.missing.len() > MISSING_MAX {
                self.missing.clear();
            } else {
                let lost = (self.highest.0 + 1..seq.0).map(|seq| Missing {
                    seq: ExtSeq(seq),
                    asked: 0,
                    due: now,
                });
                self.missing.extend(lost);
            }
        }
        self.highest = seq;
    }

    /// A packet came back on the retransmission stream; whether it was missed.
    pub fn repaired(&mut self, seq: ExtSeq) -> bool {
        self.forget(seq)
    }

    /// The stream ended: nothing of it is asked for any more.
    pub fn ended(&mut self) {
        self.missing.clear();
    }

    /// The highest number that came on the stream itself.
    pub fn highest(&self) -> Option<ExtSeq> {
        self.first.map(|_| self.highest)
    }

    /// Puts into `lost` what is to be asked for now, in order.
    pub fn ask(&mut self, now: Instant, lost: &mut Vec<u16>) {
        lost.clear();
        for missing in &mut self.missing {
            if missing.due <= now {
                missing.asked += 1;
                missing.due = now + ASK_AGAIN;
                lost.push(missing.seq.wire());
            }
        }
        self.missing.retain(|missing| missing.asked < ASKED_MAX);
    }

    /// The publisher's clock, from its sender report.
    pub fn sender_report(&mut self, ntp: u64, now: Instant) {
        self.last_report = Some((ntp, now));
    }

    /// The block of the next receiver report; nothing before the first packet.
    pub fn report(&mut self, ssrc: Ssrc, now: Instant) -> Option<ReportBlock> {
        let first = self.first?;
        let expected = self.highest.0 - first.0.min(self.highest.0) + 1;
        let lost = expected.saturating_sub(self.received);
        let expected_now = expected.saturating_sub(self.expected_prior);
        let received_now = self.received - self.received_prior;
        let lost_now = expected_now.saturating_sub(received_now);
        self.expected_prior = expected;
        self.received_prior = self.received;
        let (last_sr, since_last_sr) = self.last_report.map_or((0, 0), |(ntp, at)| {
            let since = now.saturating_duration_since(at).as_secs_f64() * 65_536.0;
            ((ntp >> 16) as u32, since as u32)
        });
        Some(ReportBlock {
            ssrc: ssrc.0,
            fraction_lost: (lost_now * 256)
                .checked_div(expected_now)
                .map_or(0, |fraction| fraction.min(255) as u8),
            lost: lost.min(0x7f_ffff) as u32,
            highest: (self.highest.0 - ExtSeq::ORIGIN) as u32,
            jitter: self.jitter as u32,
            last_sr,
            since_last_sr,
        })
    }

    fn forget(&mut self, seq: ExtSeq) -> bool {
        let known = self.missing.iter().position(|missing| missing.seq == seq);
        if let Some(at) = known {
            self.missing.remove(at);
        }
        known.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_asked_for_until_it_is_filled_or_given_up() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut reception = Reception::new(90_000, true);
        let mut lost = Vec::new();
        reception.received(ExtSeq::first(10), 0, at(0));
        reception.received(ExtSeq::first(14), 0, at(1));
        reception.ask(at(2), &mut lost);
        assert_eq!(lost, [11, 12, 13]);
        reception.ask(at(3), &mut lost);
        assert!(lost.is_empty());
        assert!(reception.repaired(ExtSeq::first(12)));
        reception.received(ExtSeq::first(11), 0, at(4));
        reception.ask(at(50), &mut lost);
        assert_eq!(lost, [13]);
        for round in 0..20 {
            reception.ask(at(100 + 50 * round), &mut lost);
        }
        assert!(lost.is_empty(), "given up");
    }

    #[test]
    fn a_hopeless_gap_is_not_asked_for() {
        let start = Instant::now();
        let mut reception = Reception::new(90_000, true);
        let mut lost = Vec::new();
        reception.received(ExtSeq::first(10), 0, start);
        reception.received(ExtSeq::first(2_000), 0, start);
        reception.ask(start, &mut lost);
        assert!(lost.is_empty());
    }

    #[test]
    fn a_report_counts_losses_of_its_interval() {
        let start = Instant::now();
        let mut reception = Reception::new(48_000, false);
        assert_eq!(reception.report(Ssrc(1), start), None);
        for seq in [1, 2, 4] {
            reception.received(ExtSeq::first(seq), 0, start);
        }
        let block = reception.report(Ssrc(1), start).expect("block");
        assert_eq!((block.lost, block.fraction_lost, block.highest), (1, 64, 4));
        reception.received(ExtSeq::first(5), 0, start);
        let block = reception.report(Ssrc(1), start).expect("block");
        assert_eq!((block.lost, block.fraction_lost), (1, 0));
    }
}

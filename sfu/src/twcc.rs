//! Transport-wide feedback to senders: when each of their packets arrived
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01). A browser's estimate
//! of what it may send rests on it.

use crate::rtp::Ssrc;
use crate::rtp::rtcp::Writer;
use crate::rtp::seq::ExtSeq;
use std::time::{Duration, Instant};

/// Arrivals remembered. At 60 ms between messages, 1024 are 17 000 packets a
/// second.
const WINDOW: u64 = 1024;

/// Most packets one message reports: fits into one datagram with room to
/// spare, and what is left goes into the next message at once.
const REPORTED_MAX: usize = 400;

/// A quarter of a millisecond: the unit of arrival deltas.
const TICK_MICROS: u128 = 250;

/// Ticks of the reference time's unit, 64 ms.
const REFERENCE_TICKS: u64 = 256;

/// What one sender's packets did.
#[derive(Debug)]
pub struct Arrivals {
    start: Instant,
    ring: Box<[Option<(ExtSeq, u64)>]>,
    highest: Option<ExtSeq>,
    unreported: Option<ExtSeq>,
    messages: u8,
    symbols: Vec<u8>,
    deltas: Vec<i16>,
}

impl Arrivals {
    /// Nothing arrived yet; times count from `start`.
    pub fn new(start: Instant) -> Self {
        Self {
            start,
            ring: vec![None; WINDOW as usize].into_boxed_slice(),
            highest: None,
            unreported: None,
            messages: 0,
            symbols: Vec::with_capacity(REPORTED_MAX),
            deltas: Vec::with_capacity(REPORTED_MAX),
        }
    }

    /// Notes a packet's arrival.
    pub fn record(&mut self, seq: u16, now: Instant) {
        let seq = self
            .highest
            .map_or_else(|| ExtSeq::first(seq), |highest| highest.nearest(seq));
        let highest = self.highest.unwrap_or(seq).max(seq);
        if highest.0 - seq.0 >= WINDOW {
            return;
        }
        self.highest = Some(highest);
        let ticks = now.saturating_duration_since(self.start).as_micros() / TICK_MICROS;
        self.ring[(seq.0 % WINDOW) as usize] = Some((seq, ticks as u64));
        let oldest = ExtSeq(highest.0.saturating_sub(WINDOW - 1));
        let unreported = self.unreported.unwrap_or(seq).min(seq);
        self.unreported = Some(unreported.max(oldest));
    }

    /// Whether something arrived that was not reported.
    pub fn pending(&self) -> bool {
        self.unreported.is_some()
    }

    /// Writes a message about what arrived since the last one; false when
    /// there is nothing to say.
    pub fn report(&mut self, writer: &mut Writer<'_>, sender: Ssrc, media: Ssrc) -> bool {
        let (Some(mut first), Some(highest)) = (self.unreported, self.highest) else {
            return false;
        };
        // Begin with an arrival: the reference time is its time.
        while first < highest && self.arrival(first).is_none() {
            first = first.next();
        }
        let Some(start) = self.arrival(first) else {
            self.unreported = None;
            return false;
        };
        let reference = start / REFERENCE_TICKS;
        let mut previous = reference * REFERENCE_TICKS;
        self.symbols.clear();
        self.deltas.clear();
        let mut seq = first;
        while seq <= highest && self.symbols.len() < REPORTED_MAX {
            match self.arrival(seq) {
                None => self.symbols.push(0),
                Some(ticks) => {
                    let Ok(delta) = i16::try_from(ticks.wrapping_sub(previous) as i64) else {
                        break;
                    };
                    self.symbols
                        .push(if (0..256).contains(&delta) { 1 } else { 2 });
                    self.deltas.push(delta);
                    previous = ticks;
                }
            }
            seq = seq.next();
        }
        self.unreported = (seq <= highest).then_some(seq);
        let message = self.messages;
        self.messages = self.messages.wrapping_add(1);
        writer.transport_feedback(sender, media, |out| {
            out.extend_from_slice(&first.wire().to_be_bytes());
            out.extend_from_slice(&(self.symbols.len() as u16).to_be_bytes());
            out.extend_from_slice(&(reference as u32).to_be_bytes()[1..]);
            out.push(message);
            chunks(&self.symbols, out);
            let mut deltas = self.deltas.iter();
            for symbol in &self.symbols {
                match (symbol, deltas.as_slice().first()) {
                    (1, Some(delta)) => out.push(*delta as u8),
                    (2, Some(delta)) => out.extend_from_slice(&delta.to_be_bytes()),
                    _ => continue,
                }
                deltas.next();
            }
        });
        true
    }

    fn arrival(&self, seq: ExtSeq) -> Option<u64> {
        self.ring[(seq.0 % WINDOW) as usize]
            .filter(|(known, _)| *known == seq)
            .map(|(_, ticks)| ticks)
    }
}

/// How far a time of the report can lie from the SFU's.
pub const RESOLUTION: Duration = Duration::from_micros(TICK_MICROS as u64);

/// Packs symbols into run-length chunks where they repeat, and into vectors of
/// seven two-bit symbols where they do not (section 3.1.3 and 3.1.4).
fn chunks(mut symbols: &[u8], out: &mut Vec<u8>) {
    while let Some(first) = symbols.first() {
        let run = symbols.iter().take_while(|symbol| *symbol == first).count();
        let (chunk, used) = if run >= 7 || run == symbols.len() {
            (u16::from(*first) << 13 | run as u16, run)
        } else {
            let used = symbols.len().min(7);
            let vector = symbols[..used]
                .iter()
                .fold(0u16, |v, s| v << 2 | u16::from(*s));
            (0xc000 | vector << (2 * (7 - used)), used)
        };
        out.extend_from_slice(&chunk.to_be_bytes());
        symbols = &symbols[used..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a report back: sequence number and ticks of what arrived.
    fn read(packet: &[u8]) -> Vec<(u16, Option<u64>)> {
        let body = &packet[12..];
        let base = u16::from_be_bytes([body[0], body[1]]);
        let count = usize::from(u16::from_be_bytes([body[2], body[3]]));
        let reference = u32::from_be_bytes([0, body[4], body[5], body[6]]);
        let mut at = 8;
        let mut symbols = Vec::new();
        while symbols.len() < count {
            let chunk = u16::from_be_bytes([body[at], body[at + 1]]);
            at += 2;
            if chunk & 0x8000 == 0 {
                let run = usize::from(chunk & 0x1fff);
                symbols.extend(std::iter::repeat_n((chunk >> 13) as u8, run));
            } else {
                symbols.extend((0..7).map(|i| (chunk >> (12 - 2 * i) & 3) as u8));
            }
        }
        let mut now = u64::from(reference) * REFERENCE_TICKS;
        (0..count)
            .map(|i| {
                let seq = base.wrapping_add(i as u16);
                match symbols[i] {
                    1 => {
                        now += u64::from(body[at]);
                        at += 1;
                        (seq, Some(now))
                    }
                    2 => {
                        let delta = i16::from_be_bytes([body[at], body[at + 1]]);
                        now = now.wrapping_add_signed(i64::from(delta));
                        at += 2;
                        (seq, Some(now))
                    }
                    _ => (seq, None),
                }
            })
            .collect()
    }

    fn report(arrivals: &mut Arrivals) -> Option<Vec<(u16, Option<u64>)>> {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out);
        arrivals
            .report(&mut writer, Ssrc(1), Ssrc(2))
            .then(|| read(&out))
    }

    #[test]
    fn arrivals_losses_and_reordering_are_reported_across_a_wrap() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        let mut expected = Vec::new();
        for (seq, ms) in [(65_533u16, 70), (65_534, 71), (0, 72), (3, 74), (2, 200)] {
            arrivals.record(seq, start + Duration::from_millis(ms));
            expected.push((seq, ms * 4));
        }
        let read = report(&mut arrivals).expect("a report");
        assert_eq!(read.len(), 7);
        for (seq, ticks) in &read {
            let known = expected.iter().find(|(s, _)| s == seq).map(|(_, t)| *t);
            assert_eq!(*ticks, known, "{seq}");
        }
        assert!(!arrivals.pending());
        assert_eq!(report(&mut arrivals), None);
    }

    #[test]
    fn a_long_run_takes_several_messages_and_nothing_is_left_out() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        for seq in 0..900u16 {
            if seq % 13 != 5 {
                let at = start + Duration::from_micros(u64::from(seq) * 300);
                arrivals.record(seq, at);
            }
        }
        let mut seen = 0;
        while let Some(read) = report(&mut arrivals) {
            seen += read.iter().filter(|(_, ticks)| ticks.is_some()).count();
        }
        assert_eq!(seen, (0..900).filter(|seq| seq % 13 != 5).count());
    }

    #[test]
    fn a_pause_longer_than_a_delta_can_say_begins_a_new_message() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        arrivals.record(1, start);
        arrivals.record(2, start + Duration::from_secs(60));
        assert_eq!(report(&mut arrivals), Some(vec![(1, Some(0))]));
        assert_eq!(report(&mut arrivals), Some(vec![(2, Some(240_000))]));
        assert_eq!(report(&mut arrivals), None);
    }
}

//! Transport-wide feedback as a receiver writes it
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).

use crate::rtp::be16;

/// Packets one message may speak of. A receiver reports at least every 250 ms;
/// the length of the count alone would let 20 bytes claim 65 535.
const COUNT_MAX: u16 = 4_096;

/// A quarter of a millisecond: the unit of deltas, in microseconds.
const DELTA: i64 = 250;

/// The unit of the reference time, in microseconds.
const REFERENCE: i64 = 64_000;

/// A message that does not hold what it announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// Walks the packets of a message: a number, and when it arrived in the
/// receiver's clock in microseconds, or that it has not.
#[derive(Debug)]
pub(super) struct Feedback<'a> {
    /// The message's number: it rises by one from message to message.
    pub(super) message: u8,
    /// The first packet it speaks of.
    pub(super) seq: u16,
    /// And how many.
    pub(super) left: u16,
    chunks: &'a [u8],
    deltas: &'a [u8],
    run: Run,
    arrival: i64,
}

/// What is left of a chunk: symbols of `bits` bits, or one symbol `len` times.
#[derive(Debug, Clone, Copy)]
struct Run {
    symbols: u16,
    bits: u16,
    len: u16,
}

impl<'a> Feedback<'a> {
    /// Reads the head of a message, and where its deltas begin.
    pub(super) fn parse(information: &'a [u8]) -> Result<Self, Malformed> {
        let base = be16(information, 0).ok_or(Malformed)?;
        let count = be16(information, 2).ok_or(Malformed)?;
        let reference = match information.get(4..7) {
            Some(&[a, b, c]) => i32::from_be_bytes([a, b, c, 0]) >> 8,
            _ => return Err(Malformed),
        };
        if count == 0 || count > COUNT_MAX {
            return Err(Malformed);
        }
        let (Some(&message), Some(rest)) = (information.get(7), information.get(8..)) else {
            return Err(Malformed);
        };
        let mut told = 0u16;
        let mut chunks = 0;
        while told < count {
            let chunk = be16(rest, chunks).ok_or(Malformed)?;
            let run = Run::of(chunk);
            if run.len == 0 {
                return Err(Malformed);
            }
            told = told.saturating_add(run.len);
            chunks += 2;
        }
        let (chunks, deltas) = rest.split_at(chunks);
        Ok(Self {
            message,
            seq: base,
            left: count,
            chunks,
            deltas,
            run: Run {
                symbols: 0,
                bits: 0,
                len: 0,
            },
            arrival: i64::from(reference) * REFERENCE,
        })
    }

    fn delta(&mut self, symbol: u16) -> Option<i64> {
        if symbol == 1 {
            let (delta, rest) = self.deltas.split_first()?;
            self.deltas = rest;
            return Some(i64::from(*delta));
        }
        let delta = be16(self.deltas, 0)? as i16;
        self.deltas = self.deltas.get(2..)?;
        Some(i64::from(delta))
    }
}

impl Run {
    fn of(chunk: u16) -> Self {
        match chunk >> 14 {
            // One symbol, repeated.
            0 | 1 => Self {
                symbols: chunk >> 13 & 3,
                bits: 0,
                len: chunk & 0x1fff,
            },
            // Fourteen symbols of one bit, seven of two.
            2 => Self {
                symbols: chunk << 2,
                bits: 1,
                len: 14,
            },
            _ => Self {
                symbols: chunk << 2,
                bits: 2,
                len: 7,
            },
        }
    }

    fn next(&mut self) -> Option<u16> {
        self.len = self.len.checked_sub(1)?;
        if self.bits == 0 {
            return Some(self.symbols);
        }
        let symbol = self.symbols >> (16 - self.bits);
        self.symbols <<= self.bits;
        Some(symbol)
    }
}

impl Iterator for Feedback<'_> {
    type Item = Result<(u16, Option<i64>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let symbol = match self.run.next() {
            Some(symbol) => symbol,
            None => {
                let chunk = be16(self.chunks, 0)?;
                self.chunks = self.chunks.get(2..)?;
                self.run = Run::of(chunk);
                self.run.next()?
            }
        };
        let seq = self.seq;
        self.seq = seq.wrapping_add(1);
        if symbol == 0 {
            return Some(Ok((seq, None)));
        }
        let delta = (symbol != 3).then(|| self.delta(symbol)).flatten();
        let Some(delta) = delta else {
            self.left = 0;
            return Some(Err(Malformed));
        };
        self.arrival += delta * DELTA;
        Some(Ok((seq, Some(self.arrival))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(information: &[u8]) -> Result<Vec<(u16, Option<i64>)>, Malformed> {
        Feedback::parse(information)?.collect()
    }

    #[test]
    fn runs_and_both_vectors_are_read() {
        // Base 65535, 11 packets, reference 2: two arrived, one lost; one-bit
        // vector of which the last eight count.
        let information = [
            0xff, 0xff, 0, 11, 0, 0, 2, 0, 0x20, 2, 0x00, 1, 0xa0, 0x02, 4, 8, 1,
        ];
        let read = read(&information).expect("reads");
        assert_eq!(read[0], (65_535, Some(129_000)));
        assert_eq!(read[1], (0, Some(131_000)));
        assert_eq!(read[2], (1, None));
        assert_eq!(read[3], (2, Some(131_250)));
        assert_eq!(read.len(), 11);
        // Two-bit symbols: small, large and negative, lost.
        let information = [0, 1, 0, 3, 0, 0, 0, 0, 0xd8, 0, 4, 0xff, 0xfe];
        assert_eq!(
            super::tests::read(&information),
            Ok(vec![(1, Some(1_000)), (2, Some(500)), (3, None)])
        );
    }

    #[test]
    fn what_does_not_hold_what_it_announces_is_refused() {
        assert_eq!(read(&[]), Err(Malformed));
        assert_eq!(read(&[0, 1, 0, 0, 0, 0, 0, 0]), Err(Malformed), "nothing");
        let endless = [0, 1, 0xff, 0xff, 0, 0, 0, 0, 0x1f, 0xff];
        assert_eq!(read(&endless), Err(Malformed), "too many");
        let empty_run = [0, 1, 0, 2, 0, 0, 0, 0, 0x20, 0, 0x20, 0];
        assert_eq!(read(&empty_run), Err(Malformed), "an empty run");
        let reserved = [0, 1, 0, 1, 0, 0, 0, 0, 0x60, 1, 0, 0];
        assert_eq!(read(&reserved), Err(Malformed), "a reserved symbol");
        let cut = [0, 1, 0, 2, 0, 0, 0, 0, 0x20, 2, 4];
        assert_eq!(read(&cut), Err(Malformed), "a delta is missing");
    }
}

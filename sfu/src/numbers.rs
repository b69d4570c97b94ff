//! A slot's sequence numbers: contiguous although packets are left out.
//!
//! The numbers of what is forwarded are cut into *segments*, within which the
//! slot's number grows with the source's. Where packets are left out a segment
//! ends; the next begins with the number after the last. Packets that have not
//! come yet keep their place: if such a one is left out after all, the place
//! is to be filled with a packet of nothing, or its receiver asks for it for
//! ever.

use crate::choice::Order;
use crate::rtp::seq::ExtSeq;

/// A stretch of numbers without anything left out.
#[derive(Debug, Clone, Copy)]
struct Segment {
    /// The run it belongs to.
    run: u32,
    first_in: ExtSeq,
    first_out: ExtSeq,
}

impl Segment {
    fn map(&self, seq: ExtSeq) -> ExtSeq {
        ExtSeq(self.first_out.0 + (seq.0 - self.first_in.0))
    }
}

/// What leaving a packet out means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// Nothing: later numbers move up.
    Closed,
    /// Later numbers were given already: this one is to be filled.
    Hole(ExtSeq),
}

/// The numbers of a slot.
#[derive(Debug)]
pub struct Numbers {
    /// Oldest first.
    segments: Box<[Option<Segment>]>,
    /// The highest number seen of the source.
    highest: ExtSeq,
    /// The latest packets left out, first and last, where nothing after them
    /// was forwarded.
    pending: Option<(ExtSeq, ExtSeq)>,
}

impl Numbers {
    /// No numbers; `segments` are remembered. With 30 pictures a second and an
    /// upper layer left out of each, 64 are two seconds.
    pub fn new(segments: usize) -> Self {
        Self {
            segments: vec![None; segments.max(2)].into_boxed_slice(),
            highest: ExtSeq(0),
            pending: None,
        }
    }

    /// Goes on with another run.
    pub fn begin(&mut self, run: u32, first_in: ExtSeq, first_out: ExtSeq) {
        self.push(Segment {
            run,
            first_in,
            first_out,
        });
        self.highest = ExtSeq(first_in.0.saturating_sub(1));
        self.pending = None;
    }

    /// How a packet of the run comes.
    pub fn order(&self, seq: ExtSeq) -> Order {
        match seq.0.checked_sub(self.highest.0) {
            Some(1) => Order::Next,
            Some(2..) => Order::AfterGap,
            _ => Order::Late,
        }
    }

    /// The number of a packet that is forwarded; none when its place is gone.
    pub fn forward(&mut self, seq: ExtSeq) -> Option<ExtSeq> {
        if seq > self.highest {
            self.settle();
            self.highest = seq;
        }
        self.place(seq)
    }

    /// Leaves a packet out. `joined`: everything between it and the highest
    /// number seen is of the same frame, and left out, too.
    pub fn leave_out(&mut self, seq: ExtSeq, joined: bool) -> LeftOut {
        if seq <= self.highest {
            return self.place(seq).map_or(LeftOut::Closed, LeftOut::Hole);
        }
        match &mut self.pending {
            Some((_, last)) if last.next() == seq || (joined && *last == self.highest) => {
                *last = seq;
            }
            _ => {
                self.settle();
                self.pending = Some((seq, seq));
            }
        }
        self.highest = seq;
        LeftOut::Closed
    }

    /// Which packet of which run was sent under a number.
    pub fn resolve(&self, out: ExtSeq) -> Option<(u32, ExtSeq)> {
        let mut segments = self.segments.iter().rev().flatten();
        let segment = segments.find(|segment| segment.first_out <= out)?;
        let seq = ExtSeq(segment.first_in.0 + (out.0 - segment.first_out.0));
        Some((segment.run, seq))
    }

    /// Everything that has not come before `first` is left out.
    pub fn skip_to(&mut self, first: ExtSeq) {
        let next = self.highest.next();
        if first <= next {
            return;
        }
        let last = ExtSeq(first.0 - 1);
        match &mut self.pending {
            Some((_, end)) if *end == self.highest => *end = last,
            _ => {
                self.settle();
                self.pending = Some((next, last));
            }
        }
        self.highest = last;
    }

    fn current(&self) -> Option<Segment> {
        *self.segments.last()?
    }

    fn push(&mut self, segment: Segment) {
        match self.segments.last_mut() {
            // Nothing was sent in the segment before.
            Some(Some(last)) if last.first_out == segment.first_out => *last = segment,
            _ => {
                self.segments.rotate_left(1);
                if let Some(last) = self.segments.last_mut() {
                    *last = Some(segment);
                }
            }
        }
    }

    /// What was left out last is closed behind.
    fn settle(&mut self) {
        if let Some((first, last)) = self.pending.take()
            && let Some(current) = self.current()
        {
            self.push(Segment {
                run: current.run,
                first_in: last.next(),
                first_out: current.map(first),
            });
        }
    }

    /// The place of a packet, unless it is in what was left out.
    fn place(&self, seq: ExtSeq) -> Option<ExtSeq> {
        if self.pending.is_some_and(|(first, _)| seq >= first) {
            return None;
        }
        let current = self.current()?;
        let mut end = None;
        for segment in self.segments.iter().rev().flatten() {
            if segment.run != current.run {
                return None;
            }
            if segment.first_in <= seq {
                let out = segment.map(seq);
                return Some(out).filter(|out| end.is_none_or(|end| *out < end));
            }
            end = Some(segment.first_out);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Numbers {
        let mut numbers = Numbers::new(8);
        numbers.begin(1, ExtSeq(100), ExtSeq(500));
        numbers
    }

    fn forward(numbers: &mut Numbers, seq: u64) -> Option<u64> {
        numbers.forward(ExtSeq(seq)).map(|out| out.0)
    }

    #[test]
    fn numbers_close_behind_what_is_left_out_and_resolve_back() {
        let mut numbers = numbers();
        assert_eq!(forward(&mut numbers, 100), Some(500));
        assert_eq!(numbers.leave_out(ExtSeq(101), false), LeftOut::Closed);
        assert_eq!(numbers.leave_out(ExtSeq(102), true), LeftOut::Closed);
        assert_eq!(forward(&mut numbers, 103), Some(501));
        assert_eq!(forward(&mut numbers, 104), Some(502));
        assert_eq!(numbers.leave_out(ExtSeq(105), false), LeftOut::Closed);
        assert_eq!(forward(&mut numbers, 106), Some(503));
        for (out, seq) in [(500, 100), (501, 103), (502, 104), (503, 106)] {
            assert_eq!(numbers.resolve(ExtSeq(out)), Some((1, ExtSeq(seq))));
        }
        assert_eq!(numbers.resolve(ExtSeq(499)), None);
        assert_eq!(forward(&mut numbers, 102), None, "it was left out");
    }

    #[test]
    fn a_missing_packet_keeps_its_place_and_leaves_a_hole_if_left_out() {
        let mut numbers = numbers();
        assert_eq!(forward(&mut numbers, 100), Some(500));
        assert_eq!(forward(&mut numbers, 103), Some(503));
        assert_eq!(forward(&mut numbers, 101), Some(501));
        let hole = LeftOut::Hole(ExtSeq(502));
        assert_eq!(numbers.leave_out(ExtSeq(102), false), hole);
        assert_eq!(forward(&mut numbers, 104), Some(504));
    }

    #[test]
    fn a_gap_within_a_frame_that_is_left_out_is_left_out_with_it() {
        let mut numbers = numbers();
        assert_eq!(forward(&mut numbers, 100), Some(500));
        assert_eq!(numbers.leave_out(ExtSeq(101), false), LeftOut::Closed);
        assert_eq!(numbers.leave_out(ExtSeq(104), true), LeftOut::Closed);
        assert_eq!(forward(&mut numbers, 105), Some(501));
        assert_eq!(numbers.leave_out(ExtSeq(102), true), LeftOut::Closed);
        // A gap between frames keeps its place.
        assert_eq!(numbers.leave_out(ExtSeq(106), false), LeftOut::Closed);
        assert_eq!(numbers.leave_out(ExtSeq(108), false), LeftOut::Closed);
        assert_eq!(forward(&mut numbers, 109), Some(503));
        assert_eq!(forward(&mut numbers, 107), Some(502));
    }

    #[test]
    fn a_stretch_that_is_skipped_leaves_no_gap_and_no_place() {
        let mut numbers = numbers();
        assert_eq!(forward(&mut numbers, 100), Some(500));
        numbers.skip_to(ExtSeq(101));
        assert_eq!(forward(&mut numbers, 101), Some(501));
        numbers.skip_to(ExtSeq(901));
        assert_eq!(forward(&mut numbers, 901), Some(502));
        assert_eq!(forward(&mut numbers, 900), None, "it was left out");
        numbers.skip_to(ExtSeq(901));
        assert_eq!(forward(&mut numbers, 902), Some(503));
        numbers.leave_out(ExtSeq(903), false);
        numbers.skip_to(ExtSeq(1_000));
        assert_eq!(forward(&mut numbers, 1_001), Some(505), "1000 is missing");
        assert_eq!(forward(&mut numbers, 1_000), Some(504));
    }

    #[test]
    fn another_run_goes_on_and_the_one_before_is_still_resolved() {
        let mut numbers = numbers();
        forward(&mut numbers, 100);
        numbers.leave_out(ExtSeq(101), false);
        numbers.begin(2, ExtSeq(9), ExtSeq(501));
        assert_eq!(forward(&mut numbers, 9), Some(501));
        assert_eq!(forward(&mut numbers, 8), None);
        assert_eq!(numbers.resolve(ExtSeq(500)), Some((1, ExtSeq(100))));
        assert_eq!(numbers.resolve(ExtSeq(501)), Some((2, ExtSeq(9))));
    }

    #[test]
    fn what_is_older_than_the_segments_has_no_place() {
        let mut numbers = numbers();
        for seq in (100..200).step_by(2) {
            assert!(forward(&mut numbers, seq).is_some());
            numbers.leave_out(ExtSeq(seq + 1), false);
        }
        assert_eq!(forward(&mut numbers, 100), None);
        assert_eq!(numbers.resolve(ExtSeq(500)), None);
    }
}

//! Frames that are ahead of their commit. Media takes the short way and the
//! log the long one: whoever was quicker seals with an epoch that we are only
//! about to enter, most of all after a removal, which waits for nobody. Such a
//! frame waits here until the commit has come.

use conclave_wire::id::Mid;
use std::collections::VecDeque;

/// How long a frame waits for its commit, milliseconds: as long as the switch
/// to a new epoch may take. Longer would show what nobody waits for any more.
const WAIT_MS: u64 = 2_000;

/// Most frames that wait: half a second of six voices and nine pictures twice
/// over. Who makes frames up makes these wait in vain, and no more of them.
const FRAMES: usize = 512;

/// Most bytes that wait.
const BYTES: usize = 4 << 20;

/// A sealed frame that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    /// The slot it came in.
    pub(super) slot: Mid,
    /// The frame.
    pub(super) sealed: Vec<u8>,
    /// Whether nothing it refers to was lost, of a picture.
    pub(super) whole: bool,
    /// When it is given up, milliseconds.
    pub(super) until_ms: u64,
}

impl Waiting {
    /// A frame that came now.
    pub(super) fn new(slot: &Mid, sealed: &[u8], whole: bool, now_ms: u64) -> Self {
        Self {
            slot: slot.clone(),
            sealed: sealed.to_vec(),
            whole,
            until_ms: now_ms.saturating_add(WAIT_MS),
        }
    }
}

/// All that wait, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Early {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// The newest epoch when they were last looked through.
    epoch: Option<u64>,
}

impl Early {
    /// Lets a frame wait; gives those that have to make room.
    pub(super) fn hold(&mut self, frame: Waiting) -> Vec<Waiting> {
        self.bytes += frame.sealed.len();
        self.waiting.push_back(frame);
        let mut out = Vec::new();
        while self.waiting.len() > FRAMES || self.bytes > BYTES {
            out.extend(self.pop());
        }
        out
    }

    /// Everything, if an epoch was entered since the last time; else what has
    /// waited long enough.
    pub(super) fn due(&mut self, epoch: Option<u64>, now_ms: u64) -> Vec<Waiting> {
        let entered = std::mem::replace(&mut self.epoch, epoch) != epoch;
        let mut due = Vec::new();
        while let Some(first) = self.waiting.front()
            && (entered || first.until_ms <= now_ms)
        {
            due.extend(self.pop());
        }
        due
    }

    /// When something has waited long enough, milliseconds.
    pub(super) fn next_timeout(&self) -> Option<u64> {
        Some(self.waiting.front()?.until_ms)
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.bytes = 0;
    }

    fn pop(&mut self) -> Option<Waiting> {
        let first = self.waiting.pop_front()?;
        self.bytes -= first.sealed.len();
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(n: u8, now_ms: u64) -> Waiting {
        let slot = "0".parse().expect("a mid");
        Waiting::new(&slot, &[n; 100], true, now_ms)
    }

    fn numbers(frames: &[Waiting]) -> Vec<u8> {
        frames.iter().map(|frame| frame.sealed[0]).collect()
    }

    #[test]
    fn frames_wait_in_their_order_until_an_epoch_is_entered() {
        let mut early = Early::default();
        assert_eq!(early.due(Some(4), 0), []);
        for n in 0..3 {
            assert_eq!(early.hold(frame(n, 10)), []);
        }
        assert_eq!(early.due(Some(4), 11), []);
        assert_eq!(numbers(&early.due(Some(5), 12)), [0, 1, 2]);
        assert_eq!((early.next_timeout(), early.bytes), (None, 0));
    }

    #[test]
    fn no_frame_waits_longer_than_a_switch_may_take() {
        let mut early = Early::default();
        early.due(Some(4), 0);
        early.hold(frame(1, 10));
        early.hold(frame(2, 500));
        assert_eq!(early.next_timeout(), Some(2_010));
        assert_eq!(early.due(Some(4), 2_009), []);
        assert_eq!(numbers(&early.due(Some(4), 2_010)), [1]);
        assert_eq!(early.next_timeout(), Some(2_500));
    }

    #[test]
    fn what_waits_is_bounded_and_the_oldest_makes_room() {
        let mut early = Early::default();
        for n in 0..2_000 {
            let out = early.hold(frame(n as u8, n));
            assert_eq!(out.len(), usize::from(n >= 512));
        }
        let slot = "0".parse().expect("a mid");
        let out = early.hold(Waiting::new(&slot, &vec![0; BYTES], true, 0));
        assert_eq!((out.len(), early.waiting.len()), (512, 1));
        assert!(early.bytes <= BYTES);
    }
}

//! The batch of datagrams that wait for the socket, back to back in one arena
//! that is allocated once. Equal datagrams to one address form a [`Run`], which
//! the kernel takes as one message.

use crate::address::Address;
use crate::drop::DropReason;
use std::ops::Range;

/// Average message that the arena is counted in; smaller ones fill the list of
/// runs first.
const RUN_LEN: usize = 128;

/// Most bytes of a run: an IP packet's length has 16 bits, and a cellular
/// network's headers want some of them.
const RUN_MAX: usize = 0xf000;

/// Bytes after which a batch is better sent than grown: what was sealed is
/// still in the processor's second cache when the kernel copies it.
const FULL_BYTES: usize = 192 * 1024;

/// Runs after which it is better sent: what one system call takes.
const FULL_RUNS: usize = 64;

/// Datagrams that go to one address and, but for the last, have one length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Where to.
    pub to: Address,
    /// The datagrams, back to back in the batch's arena.
    pub bytes: Range<usize>,
    /// Bytes of a datagram; the last may be shorter.
    pub segment: usize,
}

impl Run {
    /// How many datagrams it holds.
    pub fn datagrams(&self) -> usize {
        self.bytes.len().div_ceil(self.segment.max(1))
    }

    /// Whether another datagram can follow.
    fn takes(&self, to: Address, len: usize, segments: usize) -> bool {
        len <= self.segment
            && self.bytes.len().is_multiple_of(self.segment.max(1))
            && self.bytes.len() + len <= RUN_MAX.min(self.segment * segments)
            && self.to == to
    }
}

/// The batch.
#[derive(Debug)]
pub struct Egress {
    arena: Vec<u8>,
    used: usize,
    runs: Vec<Run>,
    taken: usize,
    segments: usize,
}

impl Egress {
    /// A batch of at most `bytes` bytes, one datagram a run.
    pub fn new(bytes: usize) -> Self {
        Self {
            arena: vec![0; bytes],
            used: 0,
            runs: Vec::with_capacity(bytes / RUN_LEN),
            taken: 0,
            segments: 1,
        }
    }

    /// How many datagrams a run may hold: what the socket can segment.
    pub fn set_segments(&mut self, segments: usize) {
        self.segments = segments.max(1);
    }

    /// Room for one datagram of at most `len` bytes.
    ///
    /// # Errors
    /// [`DropReason::EgressFull`].
    pub fn room(&mut self, len: usize) -> Result<&mut [u8], DropReason> {
        if self.runs.len() == self.runs.capacity() {
            return Err(DropReason::EgressFull);
        }
        self.arena
            .get_mut(self.used..self.used + len)
            .ok_or(DropReason::EgressFull)
    }

    /// Sends the first `len` bytes of the room that was given last.
    pub fn commit(&mut self, to: Address, len: usize) {
        let end = self.used + len;
        let open = self.runs.get_mut(self.taken..).and_then(<[_]>::last_mut);
        match open {
            Some(run) if run.takes(to, len, self.segments) => run.bytes.end = end,
            _ => self.runs.push(Run {
                to,
                bytes: self.used..end,
                segment: len,
            }),
        }
        self.used = end;
    }

    /// Copies a datagram in.
    ///
    /// # Errors
    /// [`DropReason::EgressFull`].
    pub fn push(&mut self, to: Address, bytes: &[u8]) -> Result<(), DropReason> {
        self.room(bytes.len())?.copy_from_slice(bytes);
        self.commit(to, bytes.len());
        Ok(())
    }

    /// Whether the batch is better sent than grown.
    pub fn is_full(&self) -> bool {
        self.used >= FULL_BYTES || self.runs.len() >= FULL_RUNS
    }

    /// Whether everything was taken.
    pub fn is_empty(&self) -> bool {
        self.taken == self.runs.len()
    }

    /// Takes at most `runs` runs, and the arena that they lie in. Once
    /// everything is taken, the next datagram begins the batch anew.
    pub fn take(&mut self, runs: usize) -> (&[Run], &[u8]) {
        let first = self.taken;
        self.taken = self.runs.len().min(first.saturating_add(runs));
        (&self.runs[first..self.taken], &self.arena)
    }

    /// Begins anew if everything was taken.
    pub fn recycle(&mut self) {
        if self.is_empty() {
            self.runs.clear();
            self.taken = 0;
            self.used = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(egress: &mut Egress, runs: usize) -> Vec<(Address, Vec<u8>, usize)> {
        let (runs, arena) = egress.take(runs);
        runs.iter()
            .map(|run| (run.to, arena[run.bytes.clone()].to_vec(), run.segment))
            .collect()
    }

    fn udp(text: &str) -> Address {
        Address::Udp(text.parse().expect("an address"))
    }

    fn addresses() -> (Address, Address) {
        let (a, b) = ("127.0.0.1:1", "127.0.0.1:2");
        (udp(a), udp(b))
    }

    #[test]
    fn equal_datagrams_to_one_address_are_taken_together() {
        let (a, b) = addresses();
        let mut egress = Egress::new(4096);
        egress.set_segments(8);
        for (to, bytes) in [
            (a, &b"xx"[..]),
            (a, b"yy"),
            (a, b"z"),
            (a, b"zz"),
            (b, b"v"),
        ] {
            egress.push(to, bytes).expect("room");
        }
        assert_eq!(taken(&mut egress, 1), [(a, b"xxyyz".to_vec(), 2)]);
        assert!(!egress.is_empty());
        egress.recycle();
        assert_eq!(
            taken(&mut egress, 8),
            [(a, b"zz".to_vec(), 2), (b, b"v".to_vec(), 1)]
        );
        assert!(egress.is_empty());
        egress.push(b, &[7; 4090]).expect_err("the arena is in use");
        egress.recycle();
        egress.push(b, &[7; 4090]).expect("the arena is free again");
    }

    #[test]
    fn a_run_never_grows_after_it_was_taken() {
        let (a, _) = addresses();
        let mut egress = Egress::new(4096);
        egress.set_segments(8);
        egress.push(a, b"x").expect("room");
        assert_eq!(taken(&mut egress, 8), [(a, b"x".to_vec(), 1)]);
        egress.push(a, b"y").expect("room");
        assert_eq!(taken(&mut egress, 8), [(a, b"y".to_vec(), 1)]);
    }

    #[test]
    fn a_run_has_as_many_datagrams_as_the_socket_segments_and_as_many_bytes_as_a_packet() {
        let (a, _) = addresses();
        for (segments, len, runs) in [
            (3, 1, &[3, 3, 1][..]),
            (1, 9, &[1; 7]),
            (9, 20_000, &[3, 3, 1]),
        ] {
            let mut egress = Egress::new(1 << 20);
            egress.set_segments(segments);
            for _ in 0..7 {
                egress.push(a, &vec![1; len]).expect("room");
            }
            let (taken, _) = egress.take(99);
            let datagrams: Vec<_> = taken.iter().map(Run::datagrams).collect();
            assert_eq!(datagrams, runs, "{segments} segments of {len} bytes");
        }
    }

    #[test]
    fn a_full_batch_refuses() {
        let (to, _) = addresses();
        let mut egress = Egress::new(1024);
        egress.push(to, &[0; 1000]).expect("room");
        assert_eq!(egress.push(to, &[0; 25]), Err(DropReason::EgressFull));
    }
}

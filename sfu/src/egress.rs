//! The batch of datagrams that wait for the socket, back to back in one arena
//! that is allocated once.

use crate::drop::DropReason;
use std::net::SocketAddr;

/// Average datagram that the arena is counted in; smaller ones fill the list
/// of datagrams first.
const DATAGRAM_LEN: usize = 128;

/// The batch.
#[derive(Debug)]
pub struct Egress {
    arena: Vec<u8>,
    used: usize,
    queue: Vec<(SocketAddr, usize, usize)>,
    next: usize,
}

impl Egress {
    /// A batch of at most `bytes` bytes.
    pub fn new(bytes: usize) -> Self {
        Self {
            arena: vec![0; bytes],
            used: 0,
            queue: Vec::with_capacity(bytes / DATAGRAM_LEN),
            next: 0,
        }
    }

    /// Room for one datagram of at most `len` bytes.
    ///
    /// # Errors
    /// [`DropReason::EgressFull`].
    pub fn room(&mut self, len: usize) -> Result<&mut [u8], DropReason> {
        if self.queue.len() == self.queue.capacity() {
            return Err(DropReason::EgressFull);
        }
        self.arena
            .get_mut(self.used..self.used + len)
            .ok_or(DropReason::EgressFull)
    }

    /// Sends the first `len` bytes of the room that was given last.
    pub fn commit(&mut self, to: SocketAddr, len: usize) {
        self.queue.push((to, self.used, len));
        self.used += len;
    }

    /// Copies a datagram in.
    ///
    /// # Errors
    /// [`DropReason::EgressFull`].
    pub fn push(&mut self, to: SocketAddr, bytes: &[u8]) -> Result<(), DropReason> {
        self.room(bytes.len())?.copy_from_slice(bytes);
        self.commit(to, bytes.len());
        Ok(())
    }

    /// The next datagrams that go to one address and, but for the last, have
    /// one length: where to, their bytes back to back, and that length. The
    /// arena is free again once nothing is left.
    pub fn next(&mut self, segments: usize) -> Option<(SocketAddr, &[u8], usize)> {
        let Some(&(to, start, segment)) = self.queue.get(self.next) else {
            self.queue.clear();
            self.next = 0;
            self.used = 0;
            return None;
        };
        let mut end = start + segment;
        self.next += 1;
        // The kernel takes at most 64 KiB at a time.
        for _ in 1..segments {
            match self.queue.get(self.next) {
                Some(&(same, _, len))
                    if same == to && len <= segment && end + len - start <= 0xf000 =>
                {
                    end += len;
                    self.next += 1;
                    if len < segment {
                        break;
                    }
                }
                _ => break,
            }
        }
        self.arena.get(start..end).map(|bytes| (to, bytes, segment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_datagrams_to_one_address_are_taken_together() {
        let (a, b) = ("127.0.0.1:1", "127.0.0.1:2");
        let (a, b) = (a.parse().expect("a"), b.parse().expect("b"));
        let mut egress = Egress::new(4096);
        for (to, bytes) in [
            (a, &b"xx"[..]),
            (a, b"yy"),
            (a, b"z"),
            (a, b"zz"),
            (b, b"v"),
        ] {
            egress.push(to, bytes).expect("room");
        }
        assert_eq!(egress.next(8), Some((a, &b"xxyyz"[..], 2)));
        assert_eq!(egress.next(1), Some((a, &b"zz"[..], 2)));
        assert_eq!(egress.next(8), Some((b, &b"v"[..], 1)));
        assert_eq!(egress.next(8), None);
        egress.push(b, &[7; 4000]).expect("the arena is free again");
    }

    #[test]
    fn a_full_batch_refuses() {
        let to = "127.0.0.1:1".parse().expect("address");
        let mut egress = Egress::new(1024);
        egress.push(to, &[0; 1000]).expect("room");
        assert_eq!(egress.push(to, &[0; 25]), Err(DropReason::EgressFull));
    }
}

//! What lies between two shards of one SFU: a ring of opened packets each way,
//! which neither side waits for, and signals about them.
//!
//! A packet is copied into the ring once, whoever receives it on the other
//! side, and out of it once: a shard never looks into another's memory. What
//! has no room is dropped and counted.

use crate::codec::{CodecId, MediaKind};
use crate::drop::DropReason;
use crate::encoding::PublisherClock;
use crate::pool::SLOT_LEN;
use crate::rtp::Ssrc;
use crate::rtp::seq::ExtSeq;
use crate::wanted::Extent;
use conclave_wire::control::{Source, SourceOf};
use conclave_wire::id::RoomId;
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::mpsc;

/// Packets that wait in a ring: 100 ms of a room of two hundred voices and
/// twenty-five pictures. More outlasts a longer stall of the other shard, and
/// then comes late.
const PACKETS: usize = 2_048;

/// Bytes that wait in a ring. They cost memory once they were used.
const BYTES: usize = 1 << 20;

/// Names a track towards other shards, for as long as its shard runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Relay {
    /// Where it lies in its shard's table.
    pub track: usize,
    /// Tells it from what lay there before.
    pub serial: u64,
}

/// A packet that crosses: what its headers say. Its payload and its Dependency
/// Descriptor lie in the ring of bytes.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// Its track.
    pub relay: Relay,
    /// Which of the track's encodings it is of.
    pub encoding: usize,
    /// The encoding's stream.
    pub ssrc: Ssrc,
    /// Its number there.
    pub seq: ExtSeq,
    /// The publisher's timestamp.
    pub timestamp: u32,
    /// The marker bit.
    pub marker: bool,
    /// The codec.
    pub codec: CodecId,
    /// The audio level byte (RFC 6464).
    pub audio_level: Option<u8>,
    /// Bytes of payload.
    pub len: usize,
    /// Bytes of the Dependency Descriptor behind it; zero is none.
    pub dependency: usize,
    /// It comes out of order: its publisher or its shard sent it again.
    pub repaired: bool,
}

/// What slots carry of members elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wish {
    /// One source.
    Source(SourceOf),
    /// Whoever is heard: every microphone, since each shard itself finds the
    /// loudest of all.
    Microphones,
}

impl Wish {
    /// Whether a source is part of it.
    pub fn covers(self, source: SourceOf) -> bool {
        match self {
            Self::Source(wanted) => wanted == source,
            Self::Microphones => source.source == Source::Microphone,
        }
    }
}

/// A packet that a shard has not got.
#[derive(Debug, Clone, Copy)]
pub struct Missing {
    /// Of which encoding of its track.
    pub encoding: usize,
    /// Of which of the encoding's streams.
    pub ssrc: Ssrc,
    /// Its number there.
    pub seq: ExtSeq,
}

/// What shards say to each other besides packets.
#[derive(Debug, Clone, Copy)]
pub enum Signal {
    /// Slots of a room's members carry that: its packets are wanted as long as
    /// it is there.
    Want(RoomId, Wish),
    /// No slot carries it any more.
    Leave(RoomId, Wish),
    /// A source that is wanted is not there; what comes later is told.
    Absent(RoomId, SourceOf),
    /// A source that is wanted is there.
    Begins {
        /// What its packets are sent as.
        relay: Relay,
        /// Whose members may receive it.
        room: RoomId,
        /// Which it is.
        source: SourceOf,
        /// Audio or video.
        kind: MediaKind,
        /// How many encodings it has.
        encodings: usize,
    },
    /// A source is no more.
    Ends(Relay),
    /// Slots wait for a keyframe of an encoding.
    Keyframe(Relay, usize),
    /// A packet is asked for that has not come.
    Lost(Relay, Missing),
    /// How much of a source is received.
    Received(Relay, Extent),
    /// The publisher's clock.
    Clock {
        /// Of which track.
        relay: Relay,
        /// Of which encoding.
        encoding: usize,
        /// What it says.
        clock: PublisherClock,
    },
}

/// One shard's end of what connects it to another.
#[derive(Debug)]
pub struct Link {
    heads_out: Producer<Head>,
    bytes_out: Producer<u8>,
    heads_in: Consumer<Head>,
    bytes_in: Consumer<u8>,
    said: mpsc::Sender<Signal>,
    heard: mpsc::Receiver<Signal>,
}

/// Both ends of a connection.
pub fn pair() -> (Link, Link) {
    pair_of(PACKETS, BYTES)
}

/// The same with rings of a size of one's own, in packets and in bytes.
pub fn pair_of(packets: usize, bytes: usize) -> (Link, Link) {
    let (heads_a, to_b) = RingBuffer::new(packets);
    let (heads_b, to_a) = RingBuffer::new(packets);
    let (bytes_a, bytes_to_b) = RingBuffer::new(bytes);
    let (bytes_b, bytes_to_a) = RingBuffer::new(bytes);
    let (said_a, heard_b) = mpsc::channel();
    let (said_b, heard_a) = mpsc::channel();
    let a = Link {
        heads_out: heads_a,
        bytes_out: bytes_a,
        heads_in: to_a,
        bytes_in: bytes_to_a,
        said: said_a,
        heard: heard_a,
    };
    let b = Link {
        heads_out: heads_b,
        bytes_out: bytes_b,
        heads_in: to_b,
        bytes_in: bytes_to_b,
        said: said_b,
        heard: heard_b,
    };
    (a, b)
}

/// The links between that many shards: by shard, and then by the other one.
pub fn all(shards: usize) -> Vec<Vec<Option<Link>>> {
    let mut all: Vec<Vec<_>> = Vec::with_capacity(shards);
    for _ in 0..shards {
        let (ends, others) = all.iter().map(|_| pair()).unzip::<_, _, Vec<_>, Vec<_>>();
        for (known, other) in all.iter_mut().zip(others) {
            known.push(Some(other));
        }
        let to_itself = std::iter::once(None);
        all.push(ends.into_iter().map(Some).chain(to_itself).collect());
    }
    all
}

impl Link {
    /// Sends a packet across.
    ///
    /// # Errors
    /// [`DropReason::LinkFull`]; nothing was sent then.
    pub fn send(
        &mut self,
        head: Head,
        payload: &[u8],
        dependency: &[u8],
    ) -> Result<(), DropReason> {
        let len = payload.len() + dependency.len();
        if self.heads_out.is_full() || self.bytes_out.slots() < len {
            return Err(DropReason::LinkFull);
        }
        // The bytes first: whoever sees the head sees them, too.
        let bytes = &mut self.bytes_out;
        bytes
            .push_entire_slice(payload)
            .and_then(|()| bytes.push_entire_slice(dependency))
            .map_err(|_| DropReason::LinkFull)?;
        let head = Head {
            len: payload.len(),
            dependency: dependency.len(),
            ..head
        };
        self.heads_out.push(head).map_err(|_| DropReason::LinkFull)
    }

    /// How many packets have come across.
    pub fn waiting(&self) -> usize {
        self.heads_in.slots()
    }

    /// The next packet that came across; its bytes have to be read next.
    pub fn take(&mut self) -> Option<Head> {
        self.heads_in.pop().ok()
    }

    /// The bytes of the packet that [`Link::take`] gave: its payload, then its
    /// Dependency Descriptor. Without room for them they are lost.
    ///
    /// # Errors
    /// [`DropReason::Size`].
    pub fn read(&mut self, head: &Head, into: Option<&mut [u8]>) -> Result<(), DropReason> {
        let len = head.len + head.dependency;
        let chunk = self.bytes_in.read_chunk(len);
        let chunk = chunk.map_err(|_| DropReason::Size)?;
        let (first, second) = chunk.as_slices();
        let copied = match into.map(|into| into.get_mut(..len)) {
            Some(Some(into)) => {
                let (start, end) = into.split_at_mut(first.len());
                start.copy_from_slice(first);
                end.copy_from_slice(second);
                Ok(())
            }
            Some(None) => Err(DropReason::Size),
            None => Ok(()),
        };
        chunk.commit_all();
        copied
    }

    /// Says something. What a shard says that has stopped reaches nobody.
    pub fn say(&self, signal: Signal) {
        let _ = self.said.send(signal);
    }

    /// What the other shard said next.
    pub fn hear(&self) -> Option<Signal> {
        self.heard.try_recv().ok()
    }
}

/// The largest packet must fit into an empty ring.
const _: () = assert!(SLOT_LEN < BYTES);

#[cfg(test)]
mod tests {
    use super::*;

    fn head(seq: u64) -> Head {
        Head {
            relay: Relay {
                track: 0,
                serial: 1,
            },
            encoding: 0,
            ssrc: Ssrc(1),
            seq: ExtSeq(seq),
            timestamp: 0,
            marker: false,
            codec: CodecId::all().next().expect("codec"),
            audio_level: None,
            len: 0,
            dependency: 0,
            repaired: false,
        }
    }

    #[test]
    fn packets_come_across_whole_and_in_order_around_the_end_of_the_ring() {
        let (mut a, mut b) = pair_of(4, 100);
        let mut into = [0; 64];
        for seq in 0..50u8 {
            let (payload, dependency) = ([seq; 37], [seq ^ 0xff; 5]);
            a.send(head(seq.into()), &payload, &dependency)
                .expect("room");
            assert_eq!(b.waiting(), 1);
            let head = b.take().expect("a packet");
            assert_eq!(
                (head.seq, head.len, head.dependency),
                (ExtSeq(seq.into()), 37, 5)
            );
            b.read(&head, Some(&mut into)).expect("read");
            assert_eq!(into[..37], payload);
            assert_eq!(into[37..42], dependency);
        }
        assert_eq!(b.waiting(), 0);
    }

    #[test]
    fn a_full_ring_takes_nothing_and_goes_on_when_it_was_read() {
        let (mut a, mut b) = pair_of(4, 100);
        assert_eq!(a.send(head(0), &[0; 60], &[]), Ok(()));
        let full = Err(DropReason::LinkFull);
        assert_eq!(a.send(head(1), &[0; 60], &[]), full, "bytes");
        for seq in 2..5 {
            assert_eq!(a.send(head(seq), &[], &[]), Ok(()));
        }
        assert_eq!(a.send(head(5), &[], &[]), full, "heads");
        let first = b.take().expect("a packet");
        assert_eq!(b.read(&first, None), Ok(()));
        assert_eq!(a.send(head(6), &[6; 60], &[]), Ok(()));
        let rest: Vec<_> = std::iter::from_fn(|| b.take().map(|head| head.seq.0)).collect();
        assert_eq!(rest, [2, 3, 4, 6]);
    }

    #[test]
    fn what_does_not_fit_its_place_does_not_shift_what_follows() {
        let (mut a, mut b) = pair_of(4, 100);
        assert_eq!(a.send(head(0), &[1; 30], &[]), Ok(()));
        assert_eq!(a.send(head(1), &[2; 10], &[]), Ok(()));
        let mut into = [0; 20];
        let long = b.take().expect("a packet");
        assert_eq!(b.read(&long, Some(&mut into)), Err(DropReason::Size));
        let short = b.take().expect("a packet");
        assert_eq!(b.read(&short, Some(&mut into)), Ok(()));
        assert_eq!(into[..10], [2; 10]);
    }
}

//! RTCP: compound packets (RFC 3550 section 6), feedback (RFC 4585, RFC 5104)
//! and transport-wide congestion control feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).

use super::{Ssrc, be16, be32};

/// One message of a compound packet, as far as the SFU acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// A sender's clock: NTP time and RTP timestamp of the same moment.
    SenderReport {
        /// Which stream.
        ssrc: Ssrc,
        /// NTP time, 32.32 fixed point.
        ntp: u64,
        /// RTP timestamp.
        rtp: u32,
    },
    /// Reports on what was received: how many.
    ReceiverReport {
        /// Report blocks in it.
        blocks: u8,
    },
    /// Lost packets to send again; pairs of first number and bitmask.
    Nack {
        /// Of which stream.
        media: Ssrc,
        /// The FCI entries.
        entries: Nacks<'a>,
    },
    /// Which packets arrived, and when
    /// (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).
    TransportFeedback {
        /// What follows the two SSRCs.
        information: &'a [u8],
    },
    /// A new keyframe is wanted (PLI or FIR).
    KeyframeRequest {
        /// Of which stream.
        media: Ssrc,
    },
    /// Streams end.
    Bye {
        /// The first of them; WebRTC senders name one.
        ssrc: Ssrc,
    },
    /// Anything else that is well formed.
    Other,
}

/// The entries of a NACK (RFC 4585 section 6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nacks<'a>(&'a [u8]);

impl Nacks<'_> {
    /// Every sequence number that is asked for.
    pub fn lost(self) -> impl Iterator<Item = u16> {
        self.0.chunks_exact(4).flat_map(|entry| {
            let first = u16::from_be_bytes([entry[0], entry[1]]);
            let mask = u16::from_be_bytes([entry[2], entry[3]]);
            std::iter::once(first).chain(
                (0..16)
                    .filter(move |bit| mask & (1 << bit) != 0)
                    .map(move |bit| first.wrapping_add(bit + 1)),
            )
        })
    }
}

/// Walks a compound packet. The walk yields `Err(Malformed)` once and ends when
/// a message's length or version is wrong.
#[derive(Debug, Clone)]
pub struct Compound<'a> {
    rest: &'a [u8],
}

/// A message whose lengths do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl<'a> Compound<'a> {
    /// Messages of `packet`.
    pub fn new(packet: &'a [u8]) -> Self {
        Self { rest: packet }
    }

    fn message(&mut self) -> Option<Message<'a>> {
        let first = *self.rest.first()?;
        let kind = *self.rest.get(1)?;
        let len = 4 * (usize::from(be16(self.rest, 2)?) + 1);
        if first >> 6 != 2 || len > self.rest.len() {
            return None;
        }
        let (packet, rest) = self.rest.split_at(len);
        self.rest = rest;
        let count = first & 0x1f;
        match (kind, count) {
            (200, _) => Some(Message::SenderReport {
                ssrc: Ssrc(be32(packet, 4)?),
                ntp: u64::from(be32(packet, 8)?) << 32 | u64::from(be32(packet, 12)?),
                rtp: be32(packet, 16)?,
            }),
            (201, blocks) => Some(Message::ReceiverReport { blocks }),
            (203, 1..) => Some(Message::Bye {
                ssrc: Ssrc(be32(packet, 4)?),
            }),
            (205, 1) => Some(Message::Nack {
                media: Ssrc(be32(packet, 8)?),
                entries: Nacks(packet.get(12..)?),
            }),
            (205, 15) => Some(Message::TransportFeedback {
                information: packet.get(12..)?,
            }),
            (206, 1) => Some(Message::KeyframeRequest {
                media: Ssrc(be32(packet, 8)?),
            }),
            (206, 4) => Some(Message::KeyframeRequest {
                media: Ssrc(be32(packet, 12)?),
            }),
            _ => Some(Message::Other),
        }
    }
}

impl<'a> Iterator for Compound<'a> {
    type Item = Result<Message<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match self.message() {
            Some(message) => Some(Ok(message)),
            None => {
                self.rest = &[];
                Some(Err(Malformed))
            }
        }
    }
}

/// What is said about one received stream (RFC 3550 section 6.4.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream.
    pub ssrc: u32,
    /// Lost since the last report, of 256.
    pub fraction_lost: u8,
    /// Lost in all, 24 bits.
    pub lost: u32,
    /// Extended highest sequence number.
    pub highest: u32,
    /// Interarrival jitter in timestamp units.
    pub jitter: u32,
    /// Middle 32 bits of the last sender report's NTP time.
    pub last_sr: u32,
    /// Since that report, in 1/65536 s.
    pub since_last_sr: u32,
}

/// Appends messages of a compound packet to a buffer that is used again and
/// again.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Starts a packet: clears the buffer.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        out.clear();
        Self { out }
    }

    fn message(&mut self, count: u8, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
        let start = self.out.len();
        self.out.extend_from_slice(&[0x80 | count, kind, 0, 0]);
        body(self.out);
        while !(self.out.len() - start).is_multiple_of(4) {
            self.out.push(0);
        }
        let words = ((self.out.len() - start) / 4 - 1) as u16;
        self.out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
    }

    /// A receiver report of at most 31 blocks.
    pub fn receiver_report(&mut self, sender: Ssrc, blocks: &[ReportBlock]) {
        let blocks = &blocks[..blocks.len().min(31)];
        self.message(blocks.len() as u8, 201, |out| {
            put32(out, sender.0);
            for block in blocks {
                put32(out, block.ssrc);
                put32(
                    out,
                    u32::from(block.fraction_lost) << 24 | (block.lost & 0x00ff_ffff),
                );
                put32(out, block.highest);
                put32(out, block.jitter);
                put32(out, block.last_sr);
                put32(out, block.since_last_sr);
            }
        });
    }

    /// A sender report without blocks.
    pub fn sender_report(&mut self, sender: Ssrc, ntp: u64, rtp: u32, packets: u32, octets: u32) {
        self.message(0, 200, |out| {
            put32(out, sender.0);
            out.extend_from_slice(&ntp.to_be_bytes());
            put32(out, rtp);
            put32(out, packets);
            put32(out, octets);
        });
    }

    /// The canonical name of a source (RFC 3550 section 6.5.1).
    pub fn cname(&mut self, source: Ssrc, name: &str) {
        let name = &name.as_bytes()[..name.len().min(255)];
        self.message(1, 202, |out| {
            put32(out, source.0);
            out.extend_from_slice(&[1, name.len() as u8]);
            out.extend_from_slice(name);
            out.push(0);
        });
    }

    /// Picture loss indication (RFC 4585 section 6.3.1).
    pub fn pli(&mut self, sender: Ssrc, media: Ssrc) {
        self.message(1, 206, |out| {
            put32(out, sender.0);
            put32(out, media.0);
        });
    }

    /// A NACK for the given numbers, ascending; packs them into entries of 17.
    pub fn nack(&mut self, sender: Ssrc, media: Ssrc, lost: &[u16]) {
        self.message(1, 205, |out| {
            put32(out, sender.0);
            put32(out, media.0);
            let mut lost = lost.iter().copied().peekable();
            while let Some(first) = lost.next() {
                let mut mask = 0u16;
                while let Some(distance @ 1..=16) = lost.peek().map(|n| n.wrapping_sub(first)) {
                    mask |= 1 << (distance - 1);
                    lost.next();
                }
                out.extend_from_slice(&first.to_be_bytes());
                out.extend_from_slice(&mask.to_be_bytes());
            }
        });
    }

    /// Transport-wide feedback; `body` writes what follows the two SSRCs.
    pub fn transport_feedback(
        &mut self,
        sender: Ssrc,
        media: Ssrc,
        body: impl FnOnce(&mut Vec<u8>),
    ) {
        self.message(15, 205, |out| {
            put32(out, sender.0);
            put32(out, media.0);
            body(out);
        });
    }
}

fn put32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nack_names_the_numbers_it_was_given_across_a_wrap() {
        let lost = [65_530, 65_531, 2, 11, 400];
        let mut out = Vec::new();
        Writer::new(&mut out).nack(Ssrc(1), Ssrc(2), &lost);
        let mut messages = Compound::new(&out);
        let Some(Ok(Message::Nack { media, entries })) = messages.next() else {
            panic!("a NACK");
        };
        assert_eq!(media, Ssrc(2));
        assert_eq!(entries.lost().collect::<Vec<_>>(), lost);
        assert_eq!(messages.next(), None);
    }

    #[test]
    fn a_compound_is_walked_in_order() {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out);
        writer.sender_report(Ssrc(1), 5 << 32 | 6, 7, 8, 9);
        writer.cname(Ssrc(1), "sfu");
        writer.pli(Ssrc(1), Ssrc(3));
        let messages: Vec<_> = Compound::new(&out).collect();
        assert_eq!(
            messages,
            [
                Ok(Message::SenderReport {
                    ssrc: Ssrc(1),
                    ntp: 5 << 32 | 6,
                    rtp: 7
                }),
                Ok(Message::Other),
                Ok(Message::KeyframeRequest { media: Ssrc(3) }),
            ]
        );
    }

    #[test]
    fn a_length_beyond_the_packet_ends_the_walk() {
        let packet = [0x81, 206, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2];
        let messages: Vec<_> = Compound::new(&packet).collect();
        assert_eq!(messages, [Err(Malformed)]);
        let cut = [0x81, 206, 0, 1, 0, 0, 0, 1];
        assert_eq!(Compound::new(&cut).next(), Some(Err(Malformed)));
    }
}

//! The RTP header (RFC 3550 section 5.1).

use super::dependency::{self, Active};
use super::extension::Elements;
use super::{Pt, Ssrc, be16, be32};

/// Length of the fixed header in bytes.
pub const FIXED_LEN: usize = 12;

/// A header as it stands in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Who sends.
    pub ssrc: Ssrc,
    /// The sequence number.
    pub seq: u16,
    /// The media timestamp, in the codec's clock.
    pub timestamp: u32,
    /// The payload type.
    pub pt: Pt,
    /// The marker bit: last packet of a video frame, first of a talk spurt.
    pub marker: bool,
    /// Whether the payload ends in padding. The length stands in the last
    /// byte, which is encrypted: it is read after unprotecting.
    pub padding: bool,
    /// Where the payload starts: after CSRCs and header extension.
    pub payload_at: usize,
    extension: Option<(u16, usize, usize)>,
}

impl Header {
    /// Reads the header of `packet`; nothing when it is no RTP version 2
    /// packet or lengths in it reach beyond its end.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let first = *packet.first()?;
        let second = *packet.get(1)?;
        if first >> 6 != 2 || packet.len() < FIXED_LEN {
            return None;
        }
        let mut payload_at = FIXED_LEN + 4 * usize::from(first & 0x0f);
        let mut extension = None;
        if first & 0x10 != 0 {
            let profile = be16(packet, payload_at)?;
            let len = 4 * usize::from(be16(packet, payload_at + 2)?);
            extension = Some((profile, payload_at + 4, len));
            payload_at += 4 + len;
        }
        if payload_at > packet.len() {
            return None;
        }
        Some(Self {
            ssrc: Ssrc(be32(packet, 8)?),
            seq: be16(packet, 2)?,
            timestamp: be32(packet, 4)?,
            pt: Pt(second & 0x7f),
            marker: second & 0x80 != 0,
            padding: first & 0x20 != 0,
            payload_at,
            extension,
        })
    }

    /// The header extension elements of the packet this header was read from.
    pub fn elements<'a>(&self, packet: &'a [u8]) -> Elements<'a> {
        match self.extension {
            Some((profile, at, len)) => {
                Elements::new(profile, packet.get(at..at + len).unwrap_or_default())
            }
            None => Elements::new(0, &[]),
        }
    }
}

/// A Dependency Descriptor to write.
#[derive(Debug, Clone, Copy)]
pub struct Dependency<'a> {
    /// The receiver's id of it.
    pub id: u8,
    /// The descriptor as it was read.
    pub bytes: &'a [u8],
    /// The frame number to write instead of the one in it.
    pub number: u16,
    /// The active decode targets to write instead of what it says of them.
    pub active: Option<Active>,
}

impl Dependency<'_> {
    /// Whether it only fits into a two-byte header element.
    pub fn is_long(&self) -> bool {
        self.len() > 16
    }

    fn len(&self) -> usize {
        dependency::written_len(self.bytes, self.active)
    }
}

/// What a header that the SFU writes says.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// Who sends.
    pub ssrc: Ssrc,
    /// The sequence number.
    pub seq: u16,
    /// The media timestamp.
    pub timestamp: u32,
    /// The payload type.
    pub pt: Pt,
    /// The marker bit.
    pub marker: bool,
    /// The audio level element (RFC 6464): the receiver's id and the byte.
    pub audio_level: Option<(u8, u8)>,
    /// The transport-wide number: the receiver's id and the number.
    pub transport: Option<(u8, u16)>,
    /// Whether the payload ends in padding.
    pub padding: bool,
    /// The Dependency Descriptor, of at most [`dependency::LEN_MAX`] bytes.
    pub dependency: Option<Dependency<'a>>,
}

/// Longest header that [`Outgoing::write`] makes: profile and length, the
/// elements with two bytes before each, padding.
pub const OUTGOING_MAX: usize = FIXED_LEN + 4 + 3 + 4 + 2 + dependency::LEN_MAX + 2;

impl Outgoing<'_> {
    /// Writes the header into `out` and gives its length, at most
    /// [`OUTGOING_MAX`].
    pub fn write(&self, out: &mut [u8; OUTGOING_MAX]) -> usize {
        out[0] = 0x80;
        out[1] = (self.pt.0 & 0x7f) | (u8::from(self.marker) << 7);
        out[2..4].copy_from_slice(&self.seq.to_be_bytes());
        out[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        out[8..12].copy_from_slice(&self.ssrc.0.to_be_bytes());
        out[0] |= u8::from(self.padding) << 5;
        if self.audio_level.is_none() && self.transport.is_none() && self.dependency.is_none() {
            return FIXED_LEN;
        }
        let long = self.dependency.is_some_and(|value| value.is_long());
        let mut elements = Writer {
            out,
            at: FIXED_LEN + 4,
            long,
        };
        if let Some((id, level)) = self.audio_level
            && let Some(value) = elements.place(id, 1)
        {
            value.copy_from_slice(&[level]);
        }
        if let Some((id, number)) = self.transport
            && let Some(value) = elements.place(id, 2)
        {
            value.copy_from_slice(&number.to_be_bytes());
        }
        if let Some(told) = &self.dependency
            && let Some(value) = elements.place(told.id, told.len())
        {
            dependency::write(value, told.bytes, told.number, told.active);
        }
        let at = elements.at;
        let end = at.next_multiple_of(4);
        out[at..end].fill(0);
        out[0] |= 0x10;
        let profile: u16 = if long { 0x1000 } else { 0xbede };
        let words = ((end - FIXED_LEN - 4) / 4) as u16;
        out[FIXED_LEN..FIXED_LEN + 2].copy_from_slice(&profile.to_be_bytes());
        out[FIXED_LEN + 2..FIXED_LEN + 4].copy_from_slice(&words.to_be_bytes());
        end
    }
}

/// Writes header extension elements (RFC 8285 sections 4.2 and 4.3) into a
/// header.
struct Writer<'a> {
    out: &'a mut [u8; OUTGOING_MAX],
    at: usize,
    long: bool,
}

impl Writer<'_> {
    /// Room for one's value, or nothing when there is none.
    fn place(&mut self, id: u8, len: usize) -> Option<&mut [u8]> {
        let head = if self.long { 2 } else { 1 };
        let place = self.out.get_mut(self.at..self.at + head + len)?;
        let (intro, value) = place.split_at_mut(head);
        match intro {
            [first, second] => (*first, *second) = (id, len as u8),
            [first] => *first = id << 4 | (len as u8).wrapping_sub(1) & 0x0f,
            _ => return None,
        }
        self.at += head + len;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut out = [0; OUTGOING_MAX];
        let header = Outgoing {
            ssrc: Ssrc(7),
            seq: 9,
            timestamp: 11,
            pt: Pt(98),
            marker: true,
            audio_level: Some((3, 0x85)),
            transport: None,
            padding: false,
            dependency: None,
        };
        let both = Outgoing {
            transport: Some((5, 0x1234)),
            padding: true,
            ..header
        };
        let number = Outgoing {
            audio_level: None,
            ..both
        };
        let (level, place) = ((3, &[0x85][..]), (5, &[0x12, 0x34][..]));
        for (header, len, wanted) in [
            (header, 20, vec![level]),
            (both, 24, vec![level, place]),
            (number, 20, vec![place]),
        ] {
            assert_eq!(header.write(&mut out), len);
            let read = Header::parse(&out[..len]).expect("parses");
            assert_eq!((read.ssrc, read.seq, read.timestamp), (Ssrc(7), 9, 11));
            assert_eq!((read.pt, read.marker, read.payload_at), (Pt(98), true, len));
            assert_eq!(read.padding, header.padding);
            let elements: Vec<_> = read.elements(&out).collect();
            assert_eq!(elements, wanted);
        }
    }

    #[test]
    fn a_descriptor_is_written_with_another_number_in_the_form_it_fits_into() {
        for len in [3, 16, 17, 255] {
            let descriptor: Vec<u8> = (0..len).map(|n| n as u8).collect();
            let mut out = [0xff; OUTGOING_MAX];
            let header = Outgoing {
                ssrc: Ssrc(7),
                seq: 9,
                timestamp: 11,
                pt: Pt(98),
                marker: false,
                audio_level: Some((3, 0x85)),
                transport: Some((14, 0x1234)),
                padding: false,
                dependency: Some(Dependency {
                    id: 12,
                    bytes: &descriptor,
                    number: 0xabcd,
                    active: None,
                }),
            };
            let end = header.write(&mut out);
            let read = Header::parse(&out[..end]).expect("parses");
            assert_eq!(read.payload_at, end);
            let mut expected = descriptor;
            expected[1..3].copy_from_slice(&[0xab, 0xcd]);
            let elements: Vec<_> = read.elements(&out).collect();
            let wanted = [(3, &[0x85][..]), (14, &[0x12, 0x34]), (12, &expected)];
            assert_eq!(elements, wanted, "{len}");
        }
    }

    #[test]
    fn lengths_beyond_the_packet_are_refused() {
        let mut packet = [0u8; 16];
        packet[0] = 0x80;
        assert!(Header::parse(&packet[..11]).is_none());
        assert!(Header::parse(&packet[..12]).is_some());
        packet[0] = 0x82;
        assert!(Header::parse(&packet).is_none(), "CSRCs");
        packet[0] = 0x90;
        packet[15] = 1;
        assert!(Header::parse(&packet).is_none(), "extension");
        packet[0] = 0x40;
        assert!(Header::parse(&packet).is_none(), "version");
    }
}

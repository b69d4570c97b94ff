//! RTP header extension elements (RFC 8285).

/// The header extensions this SFU negotiates, by meaning. Ids differ from
/// peer to peer and never leave the peer they belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The media section a packet belongs to (RFC 9143).
    Mid,
    /// The transport-wide sequence number
    /// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    TransportCc,
    /// How loud the packet is (RFC 6464).
    AudioLevel,
    /// The encoding of a simulcast a packet belongs to (RFC 8852).
    Rid,
    /// The encoding a retransmission belongs to (RFC 8852).
    RepairedRid,
    /// What a frame depends on ([`dependency`](super::dependency)).
    Dependency,
    /// What a sender's layers are to cost ([`allocation`](super::allocation)).
    Allocation,
}

impl Kind {
    /// Every kind with the URI that names it in SDP.
    pub const URIS: [(Self, &'static str); 7] = [
        (Self::Mid, "urn:ietf:params:rtp-hdrext:sdes:mid"),
        (
            Self::TransportCc,
            "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        ),
        (
            Self::AudioLevel,
            "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        ),
        (Self::Rid, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"),
        (
            Self::RepairedRid,
            "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
        ),
        (
            Self::Dependency,
            "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
        ),
        (
            Self::Allocation,
            "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00",
        ),
    ];
}

/// One peer's ids. An id of zero is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ids {
    /// The id of [`Kind::Mid`].
    pub mid: u8,
    /// The id of [`Kind::TransportCc`].
    pub transport_cc: u8,
    /// The id of [`Kind::AudioLevel`].
    pub audio_level: u8,
    /// The id of [`Kind::Rid`].
    pub rid: u8,
    /// The id of [`Kind::RepairedRid`].
    pub repaired_rid: u8,
    /// The id of [`Kind::Dependency`].
    pub dependency: u8,
    /// The id of [`Kind::Allocation`].
    pub allocation: u8,
}

impl Ids {
    /// The id of a kind.
    pub fn of(&self, kind: Kind) -> u8 {
        match kind {
            Kind::Mid => self.mid,
            Kind::TransportCc => self.transport_cc,
            Kind::AudioLevel => self.audio_level,
            Kind::Rid => self.rid,
            Kind::RepairedRid => self.repaired_rid,
            Kind::Dependency => self.dependency,
            Kind::Allocation => self.allocation,
        }
    }

    /// Notes the id of a kind.
    pub fn set(&mut self, kind: Kind, id: u8) {
        match kind {
            Kind::Mid => self.mid = id,
            Kind::TransportCc => self.transport_cc = id,
            Kind::AudioLevel => self.audio_level = id,
            Kind::Rid => self.rid = id,
            Kind::RepairedRid => self.repaired_rid = id,
            Kind::Dependency => self.dependency = id,
            Kind::Allocation => self.allocation = id,
        }
    }
}

/// Walks the elements of an extension block: id, which is never zero, and
/// value. Ends at the first element that does not fit.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    rest: &'a [u8],
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    OneByte,
    TwoByte,
    Unknown,
}

impl<'a> Elements<'a> {
    /// The elements of a block with that "defined by profile" field.
    pub fn new(profile: u16, block: &'a [u8]) -> Self {
        let form = match profile {
            0xbede => Form::OneByte,
            0x1000..=0x100f => Form::TwoByte,
            _ => Form::Unknown,
        };
        Self { rest: block, form }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&first, rest) = self.rest.split_first()?;
            // A zero byte is padding in both forms.
            if first == 0 {
                self.rest = rest;
                continue;
            }
            let (id, len, rest) = match self.form {
                // Id 15 is reserved, and 0 is none: what follows is not read
                // (RFC 8285 section 4.2).
                Form::OneByte if matches!(first >> 4, 1..=14) => {
                    (first >> 4, usize::from(first & 0x0f) + 1, rest)
                }
                Form::TwoByte => {
                    let (&len, rest) = rest.split_first()?;
                    (first, usize::from(len), rest)
                }
                Form::OneByte | Form::Unknown => return None,
            };
            if len > rest.len() {
                self.rest = &[];
                return None;
            }
            let (value, rest) = rest.split_at(len);
            self.rest = rest;
            return Some((id, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_walked() {
        let one: Vec<_> = Elements::new(0xbede, &[0x10, 0xaa, 0, 0x21, 1, 2, 0]).collect();
        assert_eq!(one, [(1, &[0xaa][..]), (2, &[1, 2][..])]);
        let two: Vec<_> = Elements::new(0x1000, &[1, 0, 0, 200, 2, 8, 9]).collect();
        assert_eq!(two, [(1, &[][..]), (200, &[8, 9][..])]);
    }

    #[test]
    fn an_element_beyond_the_block_ends_the_walk() {
        assert_eq!(Elements::new(0xbede, &[0x13, 1, 2]).count(), 0);
        assert_eq!(Elements::new(0x1000, &[1, 9, 2]).count(), 0);
        assert_eq!(Elements::new(0xbede, &[0xf0, 1, 0x10, 2]).count(), 0);
    }

    #[test]
    fn an_element_without_an_id_is_not_taken_for_what_was_not_negotiated() {
        let walked: Vec<_> = Elements::new(0xbede, &[0x10, 1, 0x01, 7, 7, 0x10, 2]).collect();
        assert_eq!(walked, [(1, &[1][..])]);
    }
}

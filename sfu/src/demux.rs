//! What a datagram is (RFC 7983, RFC 5761), and whose.

use crate::address::Address;
use crate::drop::DropReason;
use crate::peer::PeerKey;

/// A datagram as it came.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    /// From where.
    pub from: Address,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// What a datagram's first bytes say it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A connectivity check.
    Stun,
    /// A DTLS record.
    Dtls,
    /// A media packet.
    Rtp,
    /// Feedback and reports.
    Rtcp,
}

/// A datagram of a known connection.
#[derive(Debug, Clone, Copy)]
pub struct Classified<'a> {
    /// Whose.
    pub peer: PeerKey,
    /// The datagram.
    pub datagram: Datagram<'a>,
}

/// Tells the class of a datagram.
///
/// # Errors
/// [`DropReason::UnknownClass`].
pub fn classify(bytes: &[u8]) -> Result<Class, DropReason> {
    match (bytes.first(), bytes.get(1)) {
        (Some(0..=3), _) => Ok(Class::Stun),
        (Some(20..=63), _) => Ok(Class::Dtls),
        (Some(128..=191), Some(192..=223)) => Ok(Class::Rtcp),
        (Some(128..=191), Some(_)) => Ok(Class::Rtp),
        _ => Err(DropReason::UnknownClass),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_the_class() {
        assert_eq!(classify(&[0, 1]), Ok(Class::Stun));
        assert_eq!(classify(&[22, 254]), Ok(Class::Dtls));
        assert_eq!(classify(&[0x80, 0x80 | 98]), Ok(Class::Rtp));
        assert_eq!(classify(&[0x80, 200]), Ok(Class::Rtcp));
        for bytes in [&[][..], &[0x80], &[64, 0], &[255, 0]] {
            assert_eq!(classify(bytes), Err(DropReason::UnknownClass));
        }
    }
}

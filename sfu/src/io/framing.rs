//! Datagrams in a stream: two bytes of length, then the datagram (RFC 4571,
//! RFC 6544 section 3).

use crate::ice;
use crate::pool::SLOT_LEN;

/// Bytes of a frame's length.
pub(super) const PREFIX: usize = 2;

/// A frame is longer than a datagram may be, or no connectivity check came
/// first: whoever is there speaks something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no frames of datagrams that a connectivity check begins")]
pub struct Malformed;

/// What a connection sends, frame by frame.
#[derive(Debug, Default)]
pub struct Frames {
    /// A frame that is not whole.
    part: Vec<u8>,
    /// Whether a connectivity check came first, as it must.
    begun: bool,
}

impl Frames {
    /// Takes what was read, and hands on each datagram that is whole now.
    ///
    /// # Errors
    /// [`Malformed`]; the connection is of no use any more.
    pub fn take(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), Malformed> {
        self.part.extend_from_slice(bytes);
        let mut rest = self.part.as_slice();
        while let Some((prefix, behind)) = rest.split_at_checked(PREFIX) {
            let len = usize::from(u16::from_be_bytes([prefix[0], prefix[1]]));
            if len > SLOT_LEN {
                return Err(Malformed);
            }
            let Some((datagram, behind)) = behind.split_at_checked(len) else {
                break;
            };
            rest = behind;
            self.begun |= ice::is_check(datagram);
            if !self.begun {
                return Err(Malformed);
            }
            each(datagram);
        }
        let taken = self.part.len() - rest.len();
        self.part.drain(..taken);
        Ok(())
    }

    /// Bytes of a frame that is not whole: fewer than two and the longest
    /// datagram.
    pub fn held(&self) -> usize {
        self.part.len()
    }
}

//! One key's cipher: seals and opens single frames (RFC 9605 section 4.4).
//!
//! It keeps no counter and no window: the caller owns both, and must never
//! give one counter twice.

use super::kid::Kid;
use crate::error::{Error, FrameDrop};
use crate::suite::MediaSuite;
use sframe::frame::{EncryptedFrameView, MediaFrameView, SingleUseCounter};
use sframe::header::SframeHeader;
use sframe::key::{DecryptionKey, EncryptionKey};

/// What the clear header of a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Which key sealed the frame.
    pub kid: Kid,
    /// Which frame of that key it is.
    pub counter: u64,
}

impl FrameHeader {
    /// Reads the header in front of a frame.
    ///
    /// # Errors
    /// [`FrameDrop::Malformed`] if it is cut off or not in its shortest form
    /// (RFC 9605 section 4.3), which is the only form a sender may write.
    pub fn parse(frame: &[u8]) -> Result<Self, FrameDrop> {
        let header = SframeHeader::deserialize(frame).map_err(|_| FrameDrop::Malformed)?;
        if header != SframeHeader::new(header.key_id(), header.counter()) {
            return Err(FrameDrop::Malformed);
        }
        Ok(Self {
            kid: Kid(header.key_id()),
            counter: header.counter(),
        })
    }

    /// Bytes of the header, 1 to 17; the ciphertext follows.
    pub fn encoded_len(&self) -> usize {
        SframeHeader::new(self.kid.0, self.counter).len()
    }
}

/// Key and salt of one key id, wiped when dropped.
pub struct FrameCipher {
    seal: EncryptionKey,
    open: DecryptionKey,
}

impl FrameCipher {
    /// Derives key and salt of a key id from an epoch's base key.
    ///
    /// # Errors
    /// [`Error::Internal`] if HKDF refuses, which it does for no valid suite.
    pub fn derive(suite: MediaSuite, base_key: &[u8], kid: Kid) -> Result<Self, Error> {
        let suite = suite.sframe();
        Ok(Self {
            seal: EncryptionKey::derive_from(suite, kid.0, base_key)
                .map_err(|_| Error::Internal)?,
            open: DecryptionKey::derive_from(suite, kid.0, base_key)
                .map_err(|_| Error::Internal)?,
        })
    }

    /// Seals a payload into `out`, which afterwards holds exactly the frame:
    /// header, ciphertext, tag. `metadata` is authenticated and not sent;
    /// calls use none.
    ///
    /// # Errors
    /// [`Error::Internal`] if the payload exceeds what AES-GCM takes (64 GiB).
    pub fn seal(
        &self,
        counter: u64,
        metadata: &[u8],
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut counter = SingleUseCounter::new(counter);
        MediaFrameView::try_with_meta_data(&mut counter, payload, metadata)
            .and_then(|view| view.encrypt_into(&self.seal, out).map(drop))
            .map_err(|_| Error::Internal)?;
        // The crate puts the metadata in front; it is no part of the frame.
        out.drain(..metadata.len());
        Ok(())
    }

    /// Opens a frame into `out`, which afterwards holds exactly the payload,
    /// or nothing if the frame is not authentic.
    ///
    /// # Errors
    /// [`FrameDrop::Malformed`] or [`FrameDrop::NotAuthentic`].
    pub fn open(&self, frame: &[u8], metadata: &[u8], out: &mut Vec<u8>) -> Result<(), FrameDrop> {
        let opened = EncryptedFrameView::try_with_meta_data(frame, metadata)
            .map_err(|_| FrameDrop::Malformed)
            .and_then(|view| {
                view.decrypt_into(&self.open, out)
                    .map(drop)
                    .map_err(|_| FrameDrop::NotAuthentic)
            });
        match opened {
            Ok(()) => drop(out.drain(..metadata.len())),
            Err(_) => out.clear(),
        }
        opened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cipher() -> FrameCipher {
        FrameCipher::derive(MediaSuite::Aes128GcmSha256, &[3; 16], Kid(9)).unwrap()
    }

    #[test]
    fn a_frame_that_fails_leaves_nothing_in_the_buffer() {
        let (mut frame, mut out) = (Vec::new(), vec![1; 400]);
        cipher().seal(7, &[], b"payload", &mut frame).unwrap();
        assert_eq!(
            FrameHeader::parse(&frame),
            Ok(FrameHeader {
                kid: Kid(9),
                counter: 7
            })
        );
        *frame.last_mut().unwrap() ^= 1;
        assert_eq!(
            cipher().open(&frame, &[], &mut out),
            Err(FrameDrop::NotAuthentic)
        );
        assert!(out.is_empty());
    }

    #[test]
    fn a_header_longer_than_needed_is_malformed() {
        // KID 9 in two bytes, and counter 1 in an extended byte.
        for header in [&[0b1001_0001, 0, 9][..], &[0b1000_1000, 9, 1]] {
            assert_eq!(
                FrameHeader::parse(&[header, &[0; 20]].concat()),
                Err(FrameDrop::Malformed)
            );
        }
        assert_eq!(FrameHeader::parse(&[]), Err(FrameDrop::Malformed));
        assert_eq!(FrameHeader::parse(&[0xff; 16]), Err(FrameDrop::Malformed));
    }
}

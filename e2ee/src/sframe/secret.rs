//! Key and salt of a key id (RFC 9605 section 4.4.2), for who opens frames with
//! an AES-GCM of its own: a browser's is several times as fast as ours is there.

use super::kid::Kid;
use crate::error::Error;
use crate::suite::MediaSuite;
use hkdf::Hkdf;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

/// Bytes of a nonce: AEAD.Nn of both suites.
pub const NONCE_LEN: usize = 12;

/// Key and salt of one key id, wiped when dropped.
pub struct FrameSecret {
    key: Zeroizing<Vec<u8>>,
    salt: Zeroizing<[u8; NONCE_LEN]>,
}

impl FrameSecret {
    /// Derives them from an epoch's base key.
    ///
    /// # Errors
    /// [`Error::Internal`] if HKDF refuses, which it does for no valid suite.
    pub fn derive(suite: MediaSuite, base_key: &[u8], kid: Kid) -> Result<Self, Error> {
        let mut secret = Self {
            key: Zeroizing::new(vec![0; suite.key_len()]),
            salt: Zeroizing::new([0; NONCE_LEN]),
        };
        let expand = |label: &str, out: &mut [u8]| {
            let kid = kid.0.to_be_bytes();
            let info = [label.as_bytes(), &kid, &suite.id().to_be_bytes()];
            match suite {
                MediaSuite::Aes128GcmSha256 => {
                    Hkdf::<Sha256>::new(None, base_key).expand_multi_info(&info, out)
                }
                MediaSuite::Aes256GcmSha512 => {
                    Hkdf::<Sha512>::new(None, base_key).expand_multi_info(&info, out)
                }
            }
            .map_err(|_| Error::Internal)
        };
        expand("SFrame 1.0 Secret key ", &mut secret.key)?;
        expand("SFrame 1.0 Secret salt ", secret.salt.as_mut_slice())?;
        Ok(secret)
    }

    /// The AES key.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The nonce of a frame: salt XOR counter (RFC 9605 section 4.4.3).
    pub fn nonce(&self, counter: u64) -> [u8; NONCE_LEN] {
        let mut nonce = *self.salt;
        for (byte, counter) in nonce[NONCE_LEN - 8..].iter_mut().zip(counter.to_be_bytes()) {
            *byte ^= counter;
        }
        nonce
    }
}

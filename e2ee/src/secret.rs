//! The link secret and what is derived from it.
//!
//! The secret travels in the link's fragment, which browsers never send. Two
//! independent keys come out of it, bound to the room:
//!
//! ```text
//! HKDF-SHA256(salt = room id, ikm = link secret)
//!   "conclave 1 knock" -> 32 bytes, MAC key of knocks
//!   "conclave 1 psk"   -> 32 bytes, external PSK of every commit that adds
//! ```

use crate::error::{Error, Misuse};
use crate::identity::{ParticipantId, RoomId};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use openmls_rust_crypto::RustCrypto;
use openmls_traits::random::OpenMlsRand;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The secret of a room link: 32 bytes that only those who hold the link know.
///
/// It can neither be cloned nor printed; [`fragment`](Self::fragment) is the one way out.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct LinkSecret([u8; 32]);

impl LinkSecret {
    /// Draws a fresh secret from the operating system.
    ///
    /// # Errors
    /// [`Error::Internal`] if the system gives no randomness.
    pub fn generate() -> Result<Self, Error> {
        RustCrypto::default()
            .random_array()
            .map(Self)
            .map_err(|_| Error::Internal)
    }

    /// Takes a secret over; the caller wipes its own copy.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the part of a link after `#`: unpadded base64url of 32 bytes.
    ///
    /// # Errors
    /// [`Misuse::InvalidLinkSecret`] for anything else.
    pub fn from_fragment(fragment: &str) -> Result<Self, Error> {
        let mut secret = Self([0; 32]);
        // The decoder wants room for its own length estimate, 33 bytes here.
        let mut buffer = Zeroizing::new([0; 36]);
        match URL_SAFE_NO_PAD.decode_slice(fragment, buffer.as_mut_slice()) {
            Ok(32) => {
                secret.0.copy_from_slice(&buffer[..32]);
                Ok(secret)
            }
            _ => Err(Misuse::InvalidLinkSecret.into()),
        }
    }

    /// The text to put behind `#` in a link, 43 characters.
    pub fn fragment(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0))
    }

    /// Derives the room's keys (module documentation).
    pub(crate) fn keys(&self, room: RoomId) -> Result<LinkKeys, Error> {
        let hkdf = Hkdf::<Sha256>::new(Some(&room.0), &self.0);
        let mut keys = LinkKeys {
            knock: [0; 32],
            psk: [0; 32],
        };
        hkdf.expand(b"conclave 1 knock", &mut keys.knock)
            .map_err(|_| Error::Internal)?;
        hkdf.expand(b"conclave 1 psk", &mut keys.psk)
            .map_err(|_| Error::Internal)?;
        Ok(keys)
    }
}

/// The keys of one room derived from its link secret.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct LinkKeys {
    knock: [u8; 32],
    psk: [u8; 32],
}

impl LinkKeys {
    /// The external PSK that every commit adding members mixes in.
    pub(crate) fn psk(&self) -> &[u8; 32] {
        &self.psk
    }

    /// Tag of a knock: HMAC-SHA256 over "knock" ‖ room ‖ participant ‖ key package.
    pub(crate) fn knock_tag(
        &self,
        room: RoomId,
        participant: ParticipantId,
        key_package: &[u8],
    ) -> Result<[u8; 32], Error> {
        Ok(self
            .knock_mac(room, participant, key_package)?
            .finalize()
            .into_bytes()
            .into())
    }

    /// Compares a tag in constant time.
    pub(crate) fn verifies_knock(
        &self,
        room: RoomId,
        participant: ParticipantId,
        key_package: &[u8],
        tag: &[u8],
    ) -> Result<bool, Error> {
        Ok(self
            .knock_mac(room, participant, key_package)?
            .verify_slice(tag)
            .is_ok())
    }

    fn knock_mac(
        &self,
        room: RoomId,
        participant: ParticipantId,
        key_package: &[u8],
    ) -> Result<Hmac<Sha256>, Error> {
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(&self.knock).map_err(|_| Error::Internal)?;
        mac.update(b"knock");
        mac.update(&room.0);
        mac.update(&participant.0);
        mac.update(key_package);
        Ok(mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_survives_and_is_43_characters() {
        let secret = LinkSecret::from_bytes([0xab; 32]);
        let fragment = secret.fragment();
        assert_eq!(fragment.len(), 43);
        assert_eq!(
            LinkSecret::from_fragment(&fragment).map(|s| s.0).ok(),
            Some([0xab; 32])
        );
    }

    #[test]
    fn fragments_of_another_length_or_alphabet_are_refused() {
        let padded = format!("{}=", "A".repeat(43));
        for bad in [
            "",
            "AAAA",
            &"A".repeat(42),
            &"A".repeat(44),
            &"A".repeat(400),
            &"+".repeat(43),
            &padded,
        ] {
            assert!(LinkSecret::from_fragment(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn another_room_derives_other_keys() {
        let secret = LinkSecret::from_bytes([1; 32]);
        let (a, b) = (
            secret.keys(RoomId([1; 16])).unwrap(),
            secret.keys(RoomId([2; 16])).unwrap(),
        );
        assert_ne!(a.psk, b.psk);
        assert_ne!(a.knock, b.knock);
        assert_ne!(a.knock, a.psk);
    }

    #[test]
    fn generated_secrets_differ() {
        let (a, b) = (
            LinkSecret::generate().unwrap(),
            LinkSecret::generate().unwrap(),
        );
        assert_ne!(a.0, b.0);
    }
}

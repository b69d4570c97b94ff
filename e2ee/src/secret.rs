//! The link secret and what is derived from it.
//!
//! The secret travels in the link's fragment, which browsers never send. Four
//! independent keys come out of it, bound to the room; where the link has a
//! password, out of both together:
//!
//! ```text
//! HKDF-SHA256(no salt, ikm = link secret)
//!   "conclave 1 password salt"  -> 16 bytes
//! Argon2id(password, that salt) -> 32 bytes, the password key
//!
//! HKDF-SHA256(no salt, ikm = password key)
//!   "conclave 1 password proof" -> 32 bytes, shown to the server
//!
//! HKDF-SHA256(salt = room id, ikm = link secret, or link secret ‖ password key)
//!   "conclave 1 knock" -> 32 bytes, MAC key of knocks
//!   "conclave 1 psk"   -> 32 bytes, external PSK of every commit that adds
//!   "conclave 1 word"    -> 32 bytes, for what members say to one who waits
//!   "conclave 1 devices" -> 32 bytes, for what one who waits says of devices
//! ```
//!
//! The salt comes from what the server never sees: it has nothing to try
//! passwords against. Salt and proof know no room, because whoever makes a room
//! says what proves the password before the server has named it; a link secret
//! is of one room anyway.

use crate::error::{Error, Misuse};
use crate::identity::{ParticipantId, RoomId};
use crate::password::{Password, SALT_LEN};
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

    /// Derives what joining takes; of a link that has a password, from both.
    /// That costs a fifth of a second and 64 MiB, more in a browser.
    ///
    /// # Errors
    /// [`Error::Internal`], as where there are no 64 MiB.
    pub fn keys(&self, room: RoomId, password: Option<&Password>) -> Result<LinkKeys, Error> {
        let password = password
            .map(|password| self.password_key(password))
            .transpose()?;
        let ikm = match &password {
            Some(key) => Zeroizing::new([self.0, **key].concat()),
            None => Zeroizing::new(self.0.to_vec()),
        };
        let mut keys = LinkKeys {
            room,
            knock: [0; 32],
            psk: [0; 32],
            word: [0; 32],
            devices: [0; 32],
            proof: password.map(|key| proof(&key)).transpose()?,
        };
        let hkdf = Hkdf::<Sha256>::new(Some(&room.0), &ikm);
        expand(&hkdf, "conclave 1 knock", &mut keys.knock)?;
        expand(&hkdf, "conclave 1 psk", &mut keys.psk)?;
        expand(&hkdf, "conclave 1 word", &mut keys.word)?;
        expand(&hkdf, "conclave 1 devices", &mut keys.devices)?;
        Ok(keys)
    }

    /// What will prove the password to the server: 32 bytes, of which whoever
    /// makes the room gives the server the SHA-256. As expensive as
    /// [`keys`](Self::keys).
    ///
    /// # Errors
    /// As [`keys`](Self::keys).
    pub fn password_proof(&self, password: &Password) -> Result<Zeroizing<[u8; 32]>, Error> {
        let key = self.password_key(password)?;
        proof(&key).map(Zeroizing::new)
    }

    fn password_key(&self, password: &Password) -> Result<Zeroizing<[u8; 32]>, Error> {
        let mut salt = Zeroizing::new([0; SALT_LEN]);
        let hkdf = Hkdf::<Sha256>::new(None, &self.0);
        expand(&hkdf, "conclave 1 password salt", salt.as_mut_slice())?;
        password.key(&salt)
    }
}

fn proof(password_key: &[u8; 32]) -> Result<[u8; 32], Error> {
    let mut proof = [0; 32];
    let hkdf = Hkdf::<Sha256>::new(None, password_key);
    expand(&hkdf, "conclave 1 password proof", &mut proof)?;
    Ok(proof)
}

fn expand(hkdf: &Hkdf<Sha256>, label: &str, out: &mut [u8]) -> Result<(), Error> {
    hkdf.expand(label.as_bytes(), out)
        .map_err(|_| Error::Internal)
}

/// What joining a room takes, derived from its link and the link's password;
/// wiped when dropped. Neither of the two can be had back from it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct LinkKeys {
    #[zeroize(skip)]
    room: RoomId,
    knock: [u8; 32],
    psk: [u8; 32],
    word: [u8; 32],
    devices: [u8; 32],
    /// Of a link that has a password.
    proof: Option<[u8; 32]>,
}

impl LinkKeys {
    /// Proves the password to the server, if the link has one: 32 bytes.
    pub fn proof(&self) -> Option<&[u8; 32]> {
        self.proof.as_ref()
    }

    /// The room whose keys they are.
    pub(crate) fn room(&self) -> RoomId {
        self.room
    }

    /// The same keys for another stay, which needs no proof any more.
    pub(crate) fn for_a_stay(&self) -> Self {
        Self {
            room: self.room,
            knock: self.knock,
            psk: self.psk,
            word: self.word,
            devices: self.devices,
            proof: None,
        }
    }

    /// The external PSK that every commit adding members mixes in.
    pub(crate) fn psk(&self) -> &[u8; 32] {
        &self.psk
    }

    /// What members say to one who waits is sealed with keys from it.
    pub(crate) fn word(&self) -> &[u8; 32] {
        &self.word
    }

    /// What one who waits says of their devices is sealed with keys from it.
    pub(crate) fn devices(&self) -> &[u8; 32] {
        &self.devices
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
            secret.keys(RoomId([1; 16]), None).unwrap(),
            secret.keys(RoomId([2; 16]), None).unwrap(),
        );
        assert_ne!(a.psk, b.psk);
        assert_ne!(a.knock, b.knock);
        let own = [a.knock, a.psk, a.word, a.devices];
        for (at, key) in own.iter().enumerate() {
            assert!(!own[..at].contains(key));
        }
        assert_ne!((a.word, a.devices), (b.word, b.devices));
    }

    #[test]
    fn generated_secrets_differ() {
        let (a, b) = (
            LinkSecret::generate().unwrap(),
            LinkSecret::generate().unwrap(),
        );
        assert_ne!(a.0, b.0);
    }

    /// The derivation is part of the protocol: another version has to come to
    /// the same. The values were computed by another program than this one
    /// (`e2ee/vectors/README.md`).
    #[test]
    fn the_keys_of_a_link_with_a_password_are_pinned() {
        let secret = LinkSecret::from_bytes([0x5e; 32]);
        let password = Password::parse("k7dm-4xqz-w2pa").unwrap();
        let keys = secret.keys(RoomId([0xc0; 16]), Some(&password)).unwrap();
        assert_eq!(
            hex(&keys.knock),
            "a8197ec5201d3ad02bc259a733537530439dc945c4e39345f290a96e0e9c0af2"
        );
        assert_eq!(
            hex(&keys.psk),
            "8073864156e59f3251f6dd92ec43d57ab5a94771f33933286306f0fd3e74a82b"
        );
        assert_eq!(
            hex(keys.proof().unwrap()),
            "68d80d09cd4cb66c1419938c1aeca2965ea90a1e58c6d9d2c3d8c83b897cc10c"
        );
        let proof = secret.password_proof(&password).unwrap();
        assert_eq!(*proof, *keys.proof().unwrap());
    }

    #[test]
    fn the_keys_of_a_link_without_a_password_are_pinned() {
        let secret = LinkSecret::from_bytes([0x5e; 32]);
        let keys = secret.keys(RoomId([0xc0; 16]), None).unwrap();
        assert_eq!(
            hex(&keys.knock),
            "6e2db7ab3ace945a19432c111e31ff6ab242bab62a9d6e10c2b3c0b34cf50471"
        );
        assert_eq!(
            hex(&keys.psk),
            "107ba7bd08a19fa31cba65c1e9e08f6250a0387cff1d06b9d284ac6618df409b"
        );
        assert!(keys.proof().is_none());
    }

    #[test]
    fn another_password_or_another_link_proves_and_opens_something_else() {
        let room = RoomId([1; 16]);
        let (link, other) = (
            LinkSecret::from_bytes([1; 32]),
            LinkSecret::from_bytes([2; 32]),
        );
        let (right, wrong) = (
            Password::parse("000000000000").unwrap(),
            Password::parse("000000000001").unwrap(),
        );
        let all = [
            link.keys(room, Some(&right)).unwrap(),
            link.keys(room, Some(&wrong)).unwrap(),
            other.keys(room, Some(&right)).unwrap(),
        ];
        for (at, a) in all.iter().enumerate() {
            for b in &all[..at] {
                assert_ne!(a.proof, b.proof);
                assert_ne!(a.knock, b.knock);
                assert_ne!(a.psk, b.psk);
            }
        }
        let bare = link.keys(room, None).unwrap();
        assert_ne!(bare.knock, all[0].knock);
        assert_ne!(bare.psk, all[0].psk);
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

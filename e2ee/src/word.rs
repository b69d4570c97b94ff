//! What is said through the closed door: a member answers one who waits, and
//! one who waits says whether their devices are ready. The server passes it on
//! and sees neither which of it is said nor how long it is.
//!
//! ```text
//! key   = HKDF-SHA256(salt = SHA-256(KeyPackage), ikm = word key or devices key, info = participant id (16))
//! bytes = nonce (12) ‖ AES-256-GCM(key, nonce, plaintext)
//! word    = kind (1) ‖ length (2) ‖ UTF-8 ‖ zeros up to 803 bytes
//! devices = microphone 1 ‖ camera 2, in one byte
//! ```
//!
//! One who waits is not in the group yet, so all of it rests on the link: who
//! has the link of the room, or another of its links, could make such bytes, if
//! the server passed them on.

use crate::error::{Error, Misuse, PeerMisbehaved};
use crate::identity::ParticipantId;
use hkdf::Hkdf;
use openmls_rust_crypto::RustCrypto;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::random::OpenMlsRand;
use openmls_traits::types::AeadType;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Longest free text, in characters.
pub const MAX_TEXT: usize = 200;
/// The same in bytes: four a character at most.
const MAX_TEXT_BYTES: usize = 4 * MAX_TEXT;
/// Every word has this length before it is sealed.
const WORD_LEN: usize = 3 + MAX_TEXT_BYTES;
const NONCE_LEN: usize = 12;
/// Most words that one who waits takes. More were never said honestly, and each
/// is remembered.
const MAX_HEARD: usize = 1024;

const SEEN: u8 = 0;
const TEXT: u8 = 255;

/// What a member says to one who waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// The knock is on the screen of somebody who may admit.
    Seen,
    /// One of the prepared texts, which each side reads in its own language.
    Phrase(Phrase),
    /// Something else.
    Text(Text),
}

/// The prepared texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phrase {
    /// Your turn is next.
    Soon = 1,
    /// Five minutes, please.
    FiveMinutes = 2,
    /// Ten minutes, please.
    TenMinutes = 3,
    /// Please look at camera and microphone.
    CheckDevices = 4,
    /// We call you by telephone.
    ByTelephone = 5,
}

impl Phrase {
    /// All of them, as they are offered.
    pub const ALL: [Self; 5] = [
        Self::Soon,
        Self::FiveMinutes,
        Self::TenMinutes,
        Self::CheckDevices,
        Self::ByTelephone,
    ];

    /// Stable identifier for other languages; kebab case.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Soon => "soon",
            Self::FiveMinutes => "five-minutes",
            Self::TenMinutes => "ten-minutes",
            Self::CheckDevices => "check-devices",
            Self::ByTelephone => "by-telephone",
        }
    }

    /// The one with this identifier.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phrase| phrase.code() == code)
    }
}

/// A free text: 1 to [`MAX_TEXT`] characters, none of them a control character,
/// no space at its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// Takes a text that may be said.
    ///
    /// # Errors
    /// [`Misuse::InvalidText`].
    pub fn new(text: &str) -> Result<Self, Error> {
        let fits = !text.is_empty()
            && text.trim() == text
            && text.chars().count() <= MAX_TEXT
            && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned()))
            .ok_or_else(|| Misuse::InvalidText.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which devices of one who waits are ready.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Devices {
    /// The microphone.
    pub microphone: bool,
    /// The camera.
    pub camera: bool,
}

/// The words that were heard: each counts once, whatever the server repeats.
#[derive(Default)]
pub(crate) struct Heard(Vec<[u8; NONCE_LEN]>);

/// Between members and one knock.
pub(crate) struct Door {
    /// Who knocks.
    pub(crate) participant: ParticipantId,
    /// SHA-256 of their key package as it was sent.
    pub(crate) key_package: [u8; 32],
}

impl Door {
    /// That of a knock.
    pub(crate) fn new(participant: ParticipantId, key_package: &[u8]) -> Self {
        Self {
            participant,
            key_package: Sha256::digest(key_package).into(),
        }
    }

    pub(crate) fn seal_word(&self, word_key: &[u8; 32], word: &Word) -> Result<Vec<u8>, Error> {
        let (kind, text) = match word {
            Word::Seen => (SEEN, ""),
            Word::Phrase(phrase) => (*phrase as u8, ""),
            Word::Text(text) => (TEXT, text.as_str()),
        };
        let mut plain = [0; WORD_LEN];
        let length = u16::try_from(text.len()).map_err(|_| Error::Internal)?;
        plain[0] = kind;
        plain[1..3].copy_from_slice(&length.to_be_bytes());
        let place = plain.get_mut(3..3 + text.len()).ok_or(Error::Internal)?;
        place.copy_from_slice(text.as_bytes());
        self.seal(word_key, &plain)
    }

    pub(crate) fn open_word(
        &self,
        word_key: &[u8; 32],
        sealed: &[u8],
        heard: &mut Heard,
    ) -> Result<Word, Error> {
        let (nonce, plain) = self.open(word_key, sealed, WORD_LEN)?;
        if heard.0.contains(&nonce) || heard.0.len() >= MAX_HEARD {
            return Err(PeerMisbehaved::WordRepeated.into());
        }
        heard.0.push(nonce);
        let length = usize::from(u16::from_be_bytes([plain[1], plain[2]]));
        let rest = &plain[3..];
        let text = rest.get(..length).ok_or(PeerMisbehaved::Malformed)?;
        match plain[0] {
            SEEN => Ok(Word::Seen),
            TEXT => {
                let text = std::str::from_utf8(text).map_err(|_| PeerMisbehaved::Malformed)?;
                let text = Text::new(text).map_err(|_| PeerMisbehaved::Malformed)?;
                Ok(Word::Text(text))
            }
            number => Phrase::ALL
                .into_iter()
                .find(|phrase| *phrase as u8 == number)
                .map(Word::Phrase)
                .ok_or_else(|| PeerMisbehaved::Malformed.into()),
        }
    }

    pub(crate) fn seal_devices(&self, key: &[u8; 32], devices: Devices) -> Result<Vec<u8>, Error> {
        let Devices { microphone, camera } = devices;
        self.seal(key, &[u8::from(microphone) | u8::from(camera) << 1])
    }

    pub(crate) fn open_devices(&self, key: &[u8; 32], sealed: &[u8]) -> Result<Devices, Error> {
        let (_, plain) = self.open(key, sealed, 1)?;
        match plain[0] {
            bits @ 0..=3 => Ok(Devices {
                microphone: bits & 1 != 0,
                camera: bits & 2 != 0,
            }),
            _ => Err(PeerMisbehaved::Malformed.into()),
        }
    }

    fn key(&self, ikm: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, Error> {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(Some(&self.key_package), ikm)
            .expand(&self.participant.0, key.as_mut_slice())
            .map_err(|_| Error::Internal)?;
        Ok(key)
    }

    fn seal(&self, ikm: &[u8; 32], plain: &[u8]) -> Result<Vec<u8>, Error> {
        let crypto = RustCrypto::default();
        let nonce: [u8; NONCE_LEN] = crypto.random_array().map_err(|_| Error::Internal)?;
        let key = self.key(ikm)?;
        let sealed = crypto
            .aead_encrypt(AeadType::Aes256Gcm, key.as_slice(), plain, &nonce, &[])
            .map_err(|_| Error::Internal)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// The nonce, and exactly `length` bytes.
    fn open(
        &self,
        ikm: &[u8; 32],
        sealed: &[u8],
        length: usize,
    ) -> Result<([u8; NONCE_LEN], Vec<u8>), Error> {
        // A tag of another length is not looked at.
        if sealed.len() != NONCE_LEN + length + 16 {
            return Err(PeerMisbehaved::Malformed.into());
        }
        let (nonce, sealed) = sealed
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(PeerMisbehaved::Malformed)?;
        let key = self.key(ikm)?;
        let plain = RustCrypto::default()
            .aead_decrypt(AeadType::Aes256Gcm, key.as_slice(), sealed, nonce, &[])
            .map_err(|_| PeerMisbehaved::WordForged)?;
        if plain.len() != length {
            return Err(PeerMisbehaved::Malformed.into());
        }
        Ok((*nonce, plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn door() -> Door {
        Door::new(ParticipantId([1; 16]), b"key package")
    }

    fn words() -> Vec<Word> {
        let mut words = vec![Word::Seen];
        words.extend(Phrase::ALL.map(Word::Phrase));
        for text in ["Zehn Minuten, bitte", &"ä".repeat(200), &"😀".repeat(200)] {
            words.push(Word::Text(Text::new(text).unwrap()));
        }
        words
    }

    #[test]
    fn every_word_is_heard_as_it_was_said_and_has_one_length() {
        let mut heard = Heard::default();
        for word in words() {
            let sealed = door().seal_word(&KEY, &word).unwrap();
            assert_eq!(sealed.len(), NONCE_LEN + WORD_LEN + 16);
            assert_eq!(door().open_word(&KEY, &sealed, &mut heard).unwrap(), word);
        }
    }

    #[test]
    fn a_word_is_for_one_knock_and_under_one_key() {
        let sealed = door().seal_word(&KEY, &Word::Seen).unwrap();
        let others = [
            (Door::new(ParticipantId([2; 16]), b"key package"), KEY),
            (Door::new(ParticipantId([1; 16]), b"another"), KEY),
            (door(), [8; 32]),
        ];
        for (door, key) in others {
            let opened = door.open_word(&key, &sealed, &mut Heard::default());
            assert_eq!(opened, Err(PeerMisbehaved::WordForged.into()));
        }
        for at in [0, 12, sealed.len() - 1] {
            let mut other = sealed.clone();
            other[at] ^= 1;
            let opened = door().open_word(&KEY, &other, &mut Heard::default());
            assert_eq!(opened, Err(PeerMisbehaved::WordForged.into()));
        }
    }

    #[test]
    fn a_word_that_is_repeated_is_not_heard_again_and_the_memory_is_bounded() {
        let mut heard = Heard::default();
        let sealed = door().seal_word(&KEY, &Word::Seen).unwrap();
        door().open_word(&KEY, &sealed, &mut heard).unwrap();
        let repeated = Err(PeerMisbehaved::WordRepeated.into());
        assert_eq!(door().open_word(&KEY, &sealed, &mut heard), repeated);
        heard.0.resize(MAX_HEARD, [0; NONCE_LEN]);
        let fresh = door().seal_word(&KEY, &Word::Seen).unwrap();
        assert_eq!(door().open_word(&KEY, &fresh, &mut heard), repeated);
    }

    #[test]
    fn what_is_no_word_is_refused() {
        let sealed = |plain: &[u8]| door().seal(&KEY, plain).unwrap();
        let mut long = [0; WORD_LEN];
        long[..3].copy_from_slice(&[TEXT, 0xff, 0xff]);
        let mut unknown = [0; WORD_LEN];
        unknown[0] = 200;
        let mut control = [0; WORD_LEN];
        control[..4].copy_from_slice(&[TEXT, 0, 1, 7]);
        for bytes in [
            sealed(&long),
            sealed(&unknown),
            sealed(&control),
            sealed(&[0; 10]),
            vec![],
        ] {
            let opened = door().open_word(&KEY, &bytes, &mut Heard::default());
            assert_eq!(opened, Err(PeerMisbehaved::Malformed.into()));
        }
    }

    #[test]
    fn devices_are_told_and_nothing_else() {
        for (microphone, camera) in [(false, false), (true, false), (false, true), (true, true)] {
            let devices = Devices { microphone, camera };
            let sealed = door().seal_devices(&KEY, devices).unwrap();
            assert_eq!(door().open_devices(&KEY, &sealed), Ok(devices));
        }
        let sealed = door().seal(&KEY, &[4]).unwrap();
        let malformed = Err(PeerMisbehaved::Malformed.into());
        assert_eq!(door().open_devices(&KEY, &sealed), malformed);
    }

    #[test]
    fn a_text_has_one_to_two_hundred_characters_and_no_controls() {
        for text in ["", " a", "a ", "a\nb", &"a".repeat(201)] {
            assert!(Text::new(text).is_err(), "{text:?}");
        }
        assert!(Text::new(&"a".repeat(200)).is_ok());
    }
}

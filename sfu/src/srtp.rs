//! SRTP and SRTCP transforms: AEAD_AES_128_GCM and AEAD_AES_256_GCM (RFC 7714),
//! and AES128_CM_HMAC_SHA1_80 (RFC 3711) for peers that offer nothing better.
//! Keys of one direction, no stream state: who may open or seal which packet
//! index is decided in [`crate::unprotect`] and [`crate::protect`].

use crate::rtp::Ssrc;
use crate::rtp::seq::ExtSeq;
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{self, AES_128, AES_256, EncryptingKey, UnboundCipherKey};
use aws_lc_rs::{constant_time, hmac, iv::FixedLength};
use zeroize::Zeroizing;

/// Most bytes any profile adds to a packet, the SRTCP index included.
pub const OVERHEAD_MAX: usize = 20;

/// Most packets one SRTCP key may protect (RFC 3711 section 9.2).
pub const RTCP_INDEX_MAX: u32 = 0x7fff_ffff;

const E_FLAG: u32 = 0x8000_0000;
const GCM_TAG: usize = 16;
const CM_TAG: usize = 10;

/// A protection profile (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// AEAD_AES_128_GCM.
    Aead128Gcm,
    /// AEAD_AES_256_GCM.
    Aead256Gcm,
    /// SRTP_AES128_CM_HMAC_SHA1_80.
    Aes128CmSha1,
}

impl Profile {
    /// Bytes of the master key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aead128Gcm | Self::Aes128CmSha1 => 16,
            Self::Aead256Gcm => 32,
        }
    }

    /// Bytes of the master salt.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::Aead128Gcm | Self::Aead256Gcm => 12,
            Self::Aes128CmSha1 => 14,
        }
    }

    /// Bytes that protecting adds to an RTP packet.
    pub const fn rtp_overhead(self) -> usize {
        match self {
            Self::Aead128Gcm | Self::Aead256Gcm => GCM_TAG,
            Self::Aes128CmSha1 => CM_TAG,
        }
    }
}

/// The transform did not succeed: wrong key, altered bytes, or no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed;

impl From<aws_lc_rs::error::Unspecified> for Failed {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self
    }
}

/// The session keys of one direction of a connection. The key bytes live in
/// the cryptographic library's contexts, which erase them when dropped.
pub struct Keys {
    rtp: Transform,
    rtcp: Transform,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// Both directions, as DTLS exports them for its server (RFC 5764 section
/// 4.2): client key, server key, client salt, server salt.
///
/// # Errors
/// When the material is not as long as the profile needs.
pub fn split(profile: Profile, material: &[u8]) -> Result<(Keys, Keys), Failed> {
    let (key, salt) = (profile.key_len(), profile.salt_len());
    if material.len() != 2 * (key + salt) {
        return Err(Failed);
    }
    let (keys, salts) = material.split_at(2 * key);
    let client = Keys::derive(profile, &keys[..key], &salts[..salt])?;
    let server = Keys::derive(profile, &keys[key..], &salts[salt..])?;
    Ok((client, server))
}

impl Keys {
    /// Derives session keys (RFC 3711 section 4.3.1; RFC 7714 section 11).
    ///
    /// # Errors
    /// When key or salt have another length than the profile's.
    pub fn derive(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, Failed> {
        if key.len() != profile.key_len() || salt.len() != profile.salt_len() {
            return Err(Failed);
        }
        Ok(Self {
            rtp: Transform::derive(profile, key, salt, 0)?,
            rtcp: Transform::derive(profile, key, salt, 3)?,
        })
    }

    /// Writes `header` and the protected `payload` into `out`; gives the
    /// length. The encryption is the copy.
    ///
    /// # Errors
    /// When `out` is too short or the cipher fails.
    pub fn seal_rtp(
        &self,
        ssrc: Ssrc,
        seq: ExtSeq,
        header: &[u8],
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Failed> {
        let body = header.len() + payload.len();
        match &self.rtp {
            Transform::Gcm { key, salt } => {
                let total = body + GCM_TAG;
                let out = out.get_mut(..total).ok_or(Failed)?;
                let (head, rest) = out.split_at_mut(header.len());
                let (ciphertext, tag) = rest.split_at_mut(payload.len());
                head.copy_from_slice(header);
                let nonce = rtp_nonce(salt, ssrc, seq);
                key.seal_out_of_place_scatter(
                    nonce,
                    Aad::from(header),
                    payload,
                    ciphertext,
                    &[],
                    tag,
                )?;
                Ok(total)
            }
            Transform::Cm { key, auth, salt } => {
                let total = body + CM_TAG;
                let out = out.get_mut(..total).ok_or(Failed)?;
                let (packet, tag) = out.split_at_mut(body);
                packet[..header.len()].copy_from_slice(header);
                packet[header.len()..].copy_from_slice(payload);
                counter_mode(
                    key,
                    cm_iv(salt, ssrc, seq.0 - ExtSeq::ORIGIN),
                    &mut packet[header.len()..],
                )?;
                tag.copy_from_slice(&cm_tag(auth, packet, seq.rollover()));
                Ok(total)
            }
        }
    }

    /// Opens the payload of `packet` into `out`; gives its length. On failure
    /// `out` holds nothing of use.
    ///
    /// # Errors
    /// When the tag does not verify or `out` is too short.
    pub fn open_rtp(
        &self,
        ssrc: Ssrc,
        seq: ExtSeq,
        packet: &[u8],
        payload_at: usize,
        out: &mut [u8],
    ) -> Result<usize, Failed> {
        let tag_len = match &self.rtp {
            Transform::Gcm { .. } => GCM_TAG,
            Transform::Cm { .. } => CM_TAG,
        };
        let tag_at = packet.len().checked_sub(tag_len).ok_or(Failed)?;
        let ciphertext = packet.get(payload_at..tag_at).ok_or(Failed)?;
        let out = out.get_mut(..ciphertext.len()).ok_or(Failed)?;
        match &self.rtp {
            Transform::Gcm { key, salt } => {
                key.open_separate_gather(
                    rtp_nonce(salt, ssrc, seq),
                    Aad::from(&packet[..payload_at]),
                    ciphertext,
                    &packet[tag_at..],
                    out,
                )?;
            }
            Transform::Cm { key, auth, salt } => {
                let tag = cm_tag(auth, &packet[..tag_at], seq.rollover());
                constant_time::verify_slices_are_equal(&tag, &packet[tag_at..])?;
                out.copy_from_slice(ciphertext);
                counter_mode(
                    key,
                    cm_iv(salt, ssrc, seq.0.wrapping_sub(ExtSeq::ORIGIN)),
                    out,
                )?;
            }
        }
        Ok(ciphertext.len())
    }

    /// Protects a compound packet into `out`; gives the length.
    ///
    /// # Errors
    /// When the packet is shorter than its first header, `out` is too short or
    /// the index is worn out.
    pub fn seal_rtcp(&self, index: u32, packet: &[u8], out: &mut [u8]) -> Result<usize, Failed> {
        if packet.len() < 8 || index > RTCP_INDEX_MAX {
            return Err(Failed);
        }
        let ssrc = Ssrc(u32::from_be_bytes([
            packet[4], packet[5], packet[6], packet[7],
        ]));
        let trailer = (index | E_FLAG).to_be_bytes();
        match &self.rtcp {
            Transform::Gcm { key, salt } => {
                let total = packet.len() + GCM_TAG + 4;
                let out = out.get_mut(..total).ok_or(Failed)?;
                out[..8].copy_from_slice(&packet[..8]);
                let (ciphertext, rest) = out[8..].split_at_mut(packet.len() - 8);
                let (tag, last) = rest.split_at_mut(GCM_TAG);
                last.copy_from_slice(&trailer);
                key.seal_out_of_place_scatter(
                    rtcp_nonce(salt, ssrc, index),
                    Aad::from(rtcp_aad(packet, trailer)),
                    &packet[8..],
                    ciphertext,
                    &[],
                    tag,
                )?;
                Ok(total)
            }
            Transform::Cm { key, auth, salt } => {
                let total = packet.len() + 4 + CM_TAG;
                let out = out.get_mut(..total).ok_or(Failed)?;
                let (body, rest) = out.split_at_mut(packet.len());
                body.copy_from_slice(packet);
                counter_mode(key, cm_iv(salt, ssrc, u64::from(index)), &mut body[8..])?;
                rest[..4].copy_from_slice(&trailer);
                let tag = cm_tag(auth, body, index | E_FLAG);
                rest[4..].copy_from_slice(&tag);
                Ok(total)
            }
        }
    }

    /// Opens a compound packet into `out`; gives its length.
    ///
    /// # Errors
    /// When the tag does not verify or lengths do not fit.
    pub fn open_rtcp(&self, packet: &[u8], out: &mut [u8]) -> Result<usize, Failed> {
        let (ssrc, index, encrypted) = rtcp_index(packet, self.profile_is_gcm()).ok_or(Failed)?;
        match &self.rtcp {
            Transform::Gcm { key, salt } => {
                let trailer_at = packet.len() - 4;
                let tag_at = trailer_at.checked_sub(GCM_TAG).ok_or(Failed)?;
                let nonce = rtcp_nonce(salt, ssrc, index);
                let trailer = [
                    packet[trailer_at],
                    packet[trailer_at + 1],
                    packet[trailer_at + 2],
                    packet[trailer_at + 3],
                ];
                if !encrypted {
                    // RFC 7714 section 9.3 also allows authenticated clear text;
                    // nobody who negotiates GCM for WebRTC sends it.
                    return Err(Failed);
                }
                let ciphertext = packet.get(8..tag_at).ok_or(Failed)?;
                let out = out.get_mut(..tag_at).ok_or(Failed)?;
                out[..8].copy_from_slice(&packet[..8]);
                key.open_separate_gather(
                    nonce,
                    Aad::from(rtcp_aad(packet, trailer)),
                    ciphertext,
                    &packet[tag_at..trailer_at],
                    &mut out[8..],
                )?;
                Ok(tag_at)
            }
            Transform::Cm { key, auth, salt } => {
                let tag_at = packet.len().checked_sub(CM_TAG).ok_or(Failed)?;
                let body_end = tag_at.checked_sub(4).ok_or(Failed)?;
                let word = if encrypted { index | E_FLAG } else { index };
                let body = packet.get(..body_end).ok_or(Failed)?;
                let tag = cm_tag(auth, body, word);
                constant_time::verify_slices_are_equal(&tag, &packet[tag_at..])?;
                let out = out.get_mut(..body_end).ok_or(Failed)?;
                out.copy_from_slice(body);
                if encrypted {
                    let rest = out.get_mut(8..).ok_or(Failed)?;
                    counter_mode(key, cm_iv(salt, ssrc, u64::from(index)), rest)?;
                }
                Ok(body_end)
            }
        }
    }

    /// Whether RTCP packets carry their tag before the index, as in GCM.
    pub(crate) fn profile_is_gcm(&self) -> bool {
        matches!(self.rtcp, Transform::Gcm { .. })
    }
}

/// Sender, index and whether it is encrypted, from a protected RTCP packet.
pub(crate) fn rtcp_index(packet: &[u8], gcm: bool) -> Option<(Ssrc, u32, bool)> {
    let tail = if gcm { 4 } else { 4 + CM_TAG };
    let at = packet.len().checked_sub(tail).filter(|at| *at >= 8)?;
    let word = crate::rtp::be32(packet, at)?;
    let ssrc = Ssrc(crate::rtp::be32(packet, 4)?);
    Some((ssrc, word & RTCP_INDEX_MAX, word & E_FLAG != 0))
}

enum Transform {
    Gcm {
        key: LessSafeKey,
        salt: [u8; 12],
    },
    Cm {
        key: Box<EncryptingKey>,
        auth: Box<hmac::Key>,
        salt: [u8; 14],
    },
}

impl Transform {
    /// `first_label` is 0 for RTP and 3 for RTCP: key, authentication, salt.
    fn derive(profile: Profile, key: &[u8], salt: &[u8], first_label: u8) -> Result<Self, Failed> {
        let mut session = Zeroizing::new([0u8; 32]);
        let session = &mut session[..profile.key_len()];
        derive_into(key, salt, first_label, session)?;
        let mut session_salt = Zeroizing::new([0u8; 14]);
        derive_into(
            key,
            salt,
            first_label + 2,
            &mut session_salt[..profile.salt_len()],
        )?;
        match profile {
            Profile::Aead128Gcm | Profile::Aead256Gcm => {
                let algorithm = if profile == Profile::Aead128Gcm {
                    &AES_128_GCM
                } else {
                    &AES_256_GCM
                };
                let mut salt = [0; 12];
                salt.copy_from_slice(&session_salt[..12]);
                Ok(Self::Gcm {
                    key: LessSafeKey::new(UnboundKey::new(algorithm, session)?),
                    salt,
                })
            }
            Profile::Aes128CmSha1 => {
                let mut auth = Zeroizing::new([0u8; 20]);
                derive_into(key, salt, first_label + 1, &mut auth[..])?;
                Ok(Self::Cm {
                    key: Box::new(EncryptingKey::ctr(UnboundCipherKey::new(
                        &AES_128, session,
                    )?)?),
                    auth: Box::new(hmac::Key::new(
                        hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                        &auth[..],
                    )),
                    salt: *session_salt,
                })
            }
        }
    }
}

/// The key derivation of RFC 3711 section 4.3.3 with a derivation rate of zero.
fn derive_into(key: &[u8], salt: &[u8], label: u8, out: &mut [u8]) -> Result<(), Failed> {
    let algorithm = if key.len() == 32 { &AES_256 } else { &AES_128 };
    let mut iv = [0; 16];
    iv[..salt.len()].copy_from_slice(salt);
    iv[7] ^= label;
    let cipher = EncryptingKey::ctr(UnboundCipherKey::new(algorithm, key)?)?;
    out.fill(0);
    counter_mode(&cipher, iv, out)
}

fn counter_mode(key: &EncryptingKey, iv: [u8; 16], in_out: &mut [u8]) -> Result<(), Failed> {
    key.less_safe_encrypt(
        in_out,
        cipher::EncryptionContext::Iv128(FixedLength::from(iv)),
    )?;
    Ok(())
}

fn rtp_nonce(salt: &[u8; 12], ssrc: Ssrc, seq: ExtSeq) -> Nonce {
    // In one word, since it is made for every copy of every packet.
    let rollover = u128::from(seq.rollover()) << 16;
    let place = u128::from(ssrc.0) << 48 | rollover | u128::from(seq.wire());
    let mut word = [0; 16];
    word[4..].copy_from_slice(salt);
    let word = (u128::from_be_bytes(word) ^ place).to_be_bytes();
    let mut nonce = [0; 12];
    nonce.copy_from_slice(&word[4..]);
    Nonce::assume_unique_for_key(nonce)
}

fn rtcp_nonce(salt: &[u8; 12], ssrc: Ssrc, index: u32) -> Nonce {
    let mut nonce = [0; 12];
    nonce[2..6].copy_from_slice(&ssrc.0.to_be_bytes());
    nonce[8..].copy_from_slice(&index.to_be_bytes());
    xor(&mut nonce, salt);
    Nonce::assume_unique_for_key(nonce)
}

fn rtcp_aad(packet: &[u8], trailer: [u8; 4]) -> [u8; 12] {
    let mut aad = [0; 12];
    aad[..8].copy_from_slice(&packet[..8]);
    aad[8..].copy_from_slice(&trailer);
    aad
}

fn cm_iv(salt: &[u8; 14], ssrc: Ssrc, index: u64) -> [u8; 16] {
    let mut iv = [0; 16];
    iv[4..8].copy_from_slice(&ssrc.0.to_be_bytes());
    iv[8..14].copy_from_slice(&(index & 0xffff_ffff_ffff).to_be_bytes()[2..]);
    xor(&mut iv[..14], salt);
    iv
}

fn cm_tag(auth: &hmac::Key, packet: &[u8], word: u32) -> [u8; CM_TAG] {
    let mut context = hmac::Context::with_key(auth);
    context.update(packet);
    context.update(&word.to_be_bytes());
    let mut tag = [0; CM_TAG];
    tag.copy_from_slice(&context.sign().as_ref()[..CM_TAG]);
    tag
}

fn xor(into: &mut [u8], salt: &[u8]) {
    for (byte, salt) in into.iter_mut().zip(salt) {
        *byte ^= salt;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILES: [Profile; 3] = [
        Profile::Aead128Gcm,
        Profile::Aead256Gcm,
        Profile::Aes128CmSha1,
    ];

    fn keys(profile: Profile) -> Keys {
        let material: Vec<u8> = (0..46).collect();
        Keys::derive(
            profile,
            &material[..profile.key_len()],
            &material[32..32 + profile.salt_len()],
        )
        .expect("keys")
    }

    /// RFC 3711 appendix B.3.
    #[test]
    fn the_key_derivation_matches_the_rfc() {
        let key = [
            0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0, 0xd6, 0x4f, 0xa3, 0x2c, 0x06, 0xde,
            0x41, 0x39,
        ];
        let salt = [
            0x0e, 0xc6, 0x75, 0xad, 0x49, 0x8a, 0xfe, 0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6,
        ];
        let mut out = [0; 16];
        derive_into(&key, &salt, 0, &mut out).expect("derives");
        assert_eq!(
            out,
            [
                0xc6, 0x1e, 0x7a, 0x93, 0x74, 0x4f, 0x39, 0xee, 0x10, 0x73, 0x4a, 0xfe, 0x3f, 0xf7,
                0xa0, 0x87
            ]
        );
        let mut out = [0; 14];
        derive_into(&key, &salt, 2, &mut out).expect("derives");
        assert_eq!(
            out,
            [
                0x30, 0xcb, 0xbc, 0x08, 0x86, 0x3d, 0x8c, 0x85, 0xd4, 0x9d, 0xb3, 0x4a, 0x9a, 0xe1
            ]
        );
    }

    #[test]
    fn every_profile_opens_what_it_sealed_and_nothing_else() {
        let header = [0x80, 98, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        let payload = [0x5a; 100];
        for profile in PROFILES {
            let keys = keys(profile);
            let seq = ExtSeq::first(1);
            let mut sealed = [0; 200];
            let len = keys
                .seal_rtp(Ssrc(3), seq, &header, &payload, &mut sealed)
                .expect("seals");
            assert_eq!(len, 112 + profile.rtp_overhead());
            let mut opened = [0; 200];
            let n = keys
                .open_rtp(Ssrc(3), seq, &sealed[..len], 12, &mut opened)
                .expect("opens");
            assert_eq!(opened[..n], payload);
            for at in [1, 12, 60, len - 1] {
                let mut altered = sealed;
                altered[at] ^= 1;
                let result = keys.open_rtp(Ssrc(3), seq, &altered[..len], 12, &mut opened);
                assert_eq!(result, Err(Failed), "{profile:?} byte {at}");
            }
            let wrong_rollover = ExtSeq(seq.0 + ExtSeq::ORIGIN);
            assert!(
                keys.open_rtp(Ssrc(3), wrong_rollover, &sealed[..len], 12, &mut opened)
                    .is_err()
            );
        }
    }

    #[test]
    fn every_profile_opens_the_rtcp_it_sealed() {
        let packet: Vec<u8> = [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9].to_vec();
        for profile in PROFILES {
            let keys = keys(profile);
            let mut sealed = [0; 64];
            let len = keys.seal_rtcp(77, &packet, &mut sealed).expect("seals");
            assert_eq!(
                rtcp_index(&sealed[..len], keys.profile_is_gcm()),
                Some((Ssrc(1), 77, true))
            );
            let mut opened = [0; 64];
            let n = keys.open_rtcp(&sealed[..len], &mut opened).expect("opens");
            assert_eq!(opened[..n], packet);
            sealed[9] ^= 1;
            assert!(keys.open_rtcp(&sealed[..len], &mut opened).is_err());
            for short in 0..len {
                assert!(keys.open_rtcp(&sealed[..short], &mut opened).is_err());
            }
        }
    }
}

//! Sealing one RTP packet after another of a stream, as the SFU does it and as
//! `rtc-srtp` does it.

use conclave_sfu::rtp::Ssrc;
use conclave_sfu::rtp::seq::ExtSeq;
use conclave_sfu::srtp::{Keys, OVERHEAD_MAX, Profile};
use rtc_rtp::Header;
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;
use std::hint::black_box;

/// A way to seal, with the stream it seals.
pub(crate) struct Candidate {
    pub(crate) name: String,
    /// Seals the stream's next packet.
    pub(crate) seal: Box<dyn FnMut()>,
}

const HEADER_LEN: usize = 12;
const PAYLOAD_TYPE: u8 = 98;
const SSRC: u32 = 0x1234_5678;

/// Master key and salt of the measured streams: what they hold changes no time.
const MATERIAL: [u8; 46] = [0x5a; 46];

/// Both ways with every profile that browsers offer; the SFU's first choice
/// first. Packets are `len` bytes before they are sealed.
pub(crate) fn candidates(len: usize) -> Vec<Candidate> {
    vec![
        ours("AEAD_AES_128_GCM", Profile::Aead128Gcm, len),
        ours("AEAD_AES_256_GCM", Profile::Aead256Gcm, len),
        ours("AES128_CM_HMAC_SHA1_80", Profile::Aes128CmSha1, len),
        theirs("AEAD_AES_128_GCM", ProtectionProfile::AeadAes128Gcm, len),
        theirs("AEAD_AES_256_GCM", ProtectionProfile::AeadAes256Gcm, len),
        theirs(
            "AES128_CM_HMAC_SHA1_80",
            ProtectionProfile::Aes128CmHmacSha1_80,
            len,
        ),
    ]
}

fn ours(profile_name: &str, profile: Profile, len: usize) -> Candidate {
    let (key, salt) = MATERIAL.split_at(profile.key_len());
    let keys = Keys::derive(profile, key, &salt[..profile.salt_len()]).unwrap();
    let packet = vec![0x5a; len];
    let mut out = vec![0; len + OVERHEAD_MAX];
    let mut seq = ExtSeq::first(0);
    let seal = move || {
        seq = seq.next();
        let mut header = [0; HEADER_LEN];
        header[..2].copy_from_slice(&[0x80, PAYLOAD_TYPE]);
        header[2..4].copy_from_slice(&seq.wire().to_be_bytes());
        header[8..].copy_from_slice(&SSRC.to_be_bytes());
        let payload = black_box(&packet[HEADER_LEN..]);
        let sealed = keys.seal_rtp(Ssrc(SSRC), seq, &header, payload, &mut out);
        black_box(sealed.unwrap());
    };
    Candidate {
        name: format!("conclave-sfu (aws-lc-rs), {profile_name}"),
        seal: Box::new(seal),
    }
}

fn theirs(profile_name: &str, profile: ProtectionProfile, len: usize) -> Candidate {
    let crypto = rtc_srtp::crypto::default_provider().unwrap();
    let (key, salt) = MATERIAL.split_at(profile.key_len());
    let salt = &salt[..profile.salt_len()];
    let mut context = Context::new(key, salt, profile, None, None, crypto.crypto()).unwrap();
    let mut packet = vec![0x5a; len];
    let mut header = Header {
        version: 2,
        payload_type: PAYLOAD_TYPE,
        ssrc: SSRC,
        ..Header::default()
    };
    let seal = move || {
        header.sequence_number = header.sequence_number.wrapping_add(1);
        packet[..2].copy_from_slice(&[0x80, PAYLOAD_TYPE]);
        packet[2..4].copy_from_slice(&header.sequence_number.to_be_bytes());
        packet[8..HEADER_LEN].copy_from_slice(&SSRC.to_be_bytes());
        let sealed = context.encrypt_rtp_with_header(black_box(&packet), &header);
        black_box(sealed.unwrap());
    };
    Candidate {
        name: format!("rtc-srtp (aws-lc-rs), {profile_name}"),
        seal: Box::new(seal),
    }
}

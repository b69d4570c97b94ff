//! The test vectors of RFC 9605 (`vectors/README.md`), natively and in wasm.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use conclave_e2ee::sframe::{FrameCipher, FrameHeader, FrameSecret, Kid};
use conclave_e2ee::suite::MediaSuite;
use serde::Deserialize;
use sframe::CipherSuite;
use sframe::frame::{EncryptedFrameView, MediaFrameView, SingleUseCounter};
use sframe::header::SframeHeader;
use sframe::key::{DecryptionKey, EncryptionKey};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[derive(Deserialize)]
struct Vectors {
    header: Vec<HeaderVector>,
    sframe: Vec<FrameVector>,
}

#[derive(Deserialize)]
struct HeaderVector {
    kid: u64,
    ctr: u64,
    encoded: String,
}

#[derive(Deserialize)]
struct FrameVector {
    cipher_suite: u16,
    kid: u64,
    ctr: u64,
    base_key: String,
    #[serde(default)]
    sframe_key: String,
    #[serde(default)]
    nonce: String,
    metadata: String,
    pt: String,
    ct: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/rfc9605.json")).unwrap()
}

/// The vectors of the suites that calls use.
fn ours() -> [(MediaSuite, FrameVector); 2] {
    let suites = [
        (4, MediaSuite::Aes128GcmSha256),
        (5, MediaSuite::Aes256GcmSha512),
    ];
    let mut vectors = vectors().sframe;
    suites.map(|(number, suite)| {
        let at = vectors
            .iter()
            .position(|vector| vector.cipher_suite == number);
        (suite, vectors.swap_remove(at.unwrap()))
    })
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn headers_are_written_and_read_as_in_the_vectors() {
    let vectors = vectors().header;
    assert_eq!(vectors.len(), 289);
    for vector in vectors {
        let encoded = hex(&vector.encoded);
        let header = SframeHeader::new(vector.kid, vector.ctr);
        assert_eq!(Vec::from(&header), encoded);
        let parsed = FrameHeader::parse(&encoded).unwrap();
        assert_eq!((parsed.kid, parsed.counter), (Kid(vector.kid), vector.ctr));
    }
}

#[test]
fn frames_of_our_suites_are_sealed_and_opened_as_in_the_vectors() {
    for (suite, vector) in ours() {
        let (frame, metadata, payload) = (hex(&vector.ct), hex(&vector.metadata), hex(&vector.pt));
        let cipher = FrameCipher::derive(suite, &hex(&vector.base_key), Kid(vector.kid)).unwrap();
        let (mut sealed, mut opened) = (Vec::new(), Vec::new());
        cipher
            .seal(vector.ctr, &metadata, &payload, &mut sealed)
            .unwrap();
        assert_eq!(sealed, frame);
        cipher.open(&frame, &metadata, &mut opened).unwrap();
        assert_eq!(opened, payload);
        let header = FrameHeader::parse(&frame).unwrap();
        assert_eq!((header.kid, header.counter), (Kid(vector.kid), vector.ctr));
    }
}

#[test]
fn key_and_nonce_for_another_aes_gcm_are_those_of_the_vectors() {
    for (suite, vector) in ours() {
        let secret = FrameSecret::derive(suite, &hex(&vector.base_key), Kid(vector.kid)).unwrap();
        assert_eq!(secret.key(), hex(&vector.sframe_key));
        assert_eq!(secret.nonce(vector.ctr).as_slice(), hex(&vector.nonce));
    }
}

/// Calls use no CTR suite; the vectors show that the primitives below are right in all.
#[test]
fn frames_of_all_suites_match_the_vectors() {
    let vectors = vectors().sframe;
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let suite = match vector.cipher_suite {
            1 => CipherSuite::AesCtr128HmacSha256_80,
            2 => CipherSuite::AesCtr128HmacSha256_64,
            3 => CipherSuite::AesCtr128HmacSha256_32,
            4 => CipherSuite::AesGcm128Sha256,
            _ => CipherSuite::AesGcm256Sha512,
        };
        let (key, frame) = (hex(&vector.base_key), hex(&vector.ct));
        let (metadata, payload) = (hex(&vector.metadata), hex(&vector.pt));
        let seal = EncryptionKey::derive_from(suite, vector.kid, &key).unwrap();
        let open = DecryptionKey::derive_from(suite, vector.kid, &key).unwrap();
        let mut counter = SingleUseCounter::new(vector.ctr);
        let media = MediaFrameView::try_with_meta_data(&mut counter, &payload, &metadata).unwrap();
        let sealed = media.encrypt(&seal).unwrap();
        assert_eq!(
            sealed.sframe_cipher_text(),
            frame,
            "suite {}",
            vector.cipher_suite
        );
        let view = EncryptedFrameView::try_with_meta_data(&frame, &metadata).unwrap();
        assert_eq!(view.decrypt(&open).unwrap().payload(), payload);
    }
}

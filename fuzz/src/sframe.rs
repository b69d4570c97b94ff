//! SFrame headers and frames (RFC 9605).

use crate::choices::Choices;
use conclave_e2ee::sframe::{FrameCipher, FrameHeader, Kid};
use conclave_e2ee::suite::MediaSuite;

const SUITE: MediaSuite = MediaSuite::Aes128GcmSha256;
const TAG: usize = 16;

/// Bytes as a frame, and as what is to be sealed: a header has one form, only
/// what was sealed opens, and only as it was sealed.
pub fn frame(data: &[u8]) {
    let mut out = vec![1; 8];
    let Ok(header) = FrameHeader::parse(data) else {
        let cipher = FrameCipher::derive(SUITE, &[7; 16], Kid(0)).expect("a cipher");
        assert!(cipher.open(data, &[], &mut out).is_err() && out.is_empty());
        return;
    };
    let cipher = FrameCipher::derive(SUITE, &[7; 16], header.kid).expect("a cipher");
    assert!(cipher.open(data, &[], &mut out).is_err() && out.is_empty());

    let mut choices = Choices::new(data);
    let (at, flip) = (usize::from(choices.word()), choices.byte());
    let payload = choices.rest();
    let mut sealed = Vec::new();
    cipher
        .seal(header.counter, &[], payload, &mut sealed)
        .expect("seals");
    assert_eq!(FrameHeader::parse(&sealed), Ok(header));
    let head = sealed.len() - payload.len() - TAG;
    assert_eq!(sealed[..head], data[..head], "one form");
    assert_eq!(cipher.open(&sealed, &[], &mut out), Ok(()));
    assert_eq!(out, payload);
    if flip != 0 {
        let at = at % sealed.len();
        sealed[at] ^= flip;
        assert!(cipher.open(&sealed, &[], &mut out).is_err() && out.is_empty());
    }
}

//! Datagrams as a media port gets them, written byte by byte: well-formed
//! ones to begin with, for a test to damage.

use hmac::{Hmac, Mac};
use rtc::stun::fingerprint::fingerprint_value;
use sha1::Sha1;

const MAGIC_COOKIE: u32 = 0x2112_A442;

/// An ICE binding request (RFC 8445 section 7.1.1) of the controlling side.
///
/// # Panics
/// Never: HMAC takes a key of any length.
pub fn binding_request(transaction: [u8; 12], user: &str, password: &str) -> Vec<u8> {
    let mut message = vec![0x00, 0x01, 0, 0];
    message.extend(MAGIC_COOKIE.to_be_bytes());
    message.extend(transaction);
    attribute(&mut message, 0x0006, user.as_bytes());
    attribute(&mut message, 0x0024, &0x6EFF_FFFF_u32.to_be_bytes());
    attribute(&mut message, 0x802A, &7_u64.to_be_bytes());
    attribute(&mut message, 0x0025, &[]);
    // The lengths over which both sums run include the attribute that carries them.
    set_length(&mut message, 24);
    let mut mac = Hmac::<Sha1>::new_from_slice(password.as_bytes()).expect("any length");
    mac.update(&message);
    let tag = mac.finalize().into_bytes();
    attribute(&mut message, 0x0008, &tag);
    set_length(&mut message, 8);
    let sum = fingerprint_value(&message);
    attribute(&mut message, 0x8028, &sum.to_be_bytes());
    set_length(&mut message, 0);
    message
}

fn attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

fn set_length(message: &mut [u8], more: usize) {
    let length = (message.len() - 20 + more) as u16;
    message[2..4].copy_from_slice(&length.to_be_bytes());
}

/// A DTLS 1.2 ClientHello (RFC 6347 section 4.2.1) that offers one cipher
/// suite and the SRTP profiles.
pub fn client_hello(random: [u8; 32]) -> Vec<u8> {
    let mut hello = vec![0xfe, 0xfd];
    hello.extend(random);
    hello.extend([0, 0]);
    hello.extend([0, 2, 0xc0, 0x2b]);
    hello.extend([1, 0]);
    let mut extensions = Vec::new();
    for (kind, body) in [
        (10_u16, &[0, 4, 0, 23, 0, 29][..]),
        (11, &[1, 0]),
        (13, &[0, 4, 4, 3, 8, 4]),
        (14, &[0, 4, 0, 7, 0, 1, 0]),
        (23, &[]),
    ] {
        extensions.extend(kind.to_be_bytes());
        extensions.extend((body.len() as u16).to_be_bytes());
        extensions.extend(body);
    }
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);

    let length = hello.len() as u32;
    let mut handshake = vec![1];
    handshake.extend(&length.to_be_bytes()[1..]);
    handshake.extend([0, 0, 0, 0, 0]);
    handshake.extend(&length.to_be_bytes()[1..]);
    handshake.extend(hello);

    let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0];
    record.extend((handshake.len() as u16).to_be_bytes());
    record.extend(handshake);
    record
}

/// An RTP packet (RFC 3550 section 5.1) with a one-byte header extension, as
/// long as one with an SRTP tag.
pub fn rtp(payload_type: u8, sequence: u16, ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x90, payload_type & 0x7f];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 3, 192]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0xbe, 0xde, 0, 1, 0x10, b'0', 0, 0]);
    packet.resize(packet.len() + 96, 0xA5);
    packet
}

/// An SRTCP-sized picture loss indication (RFC 4585 section 6.3.1).
pub fn rtcp(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x81, 206, 0, 2, 0, 0, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet.resize(packet.len() + 20, 0x5A);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_request_is_what_another_implementation_takes() {
        let raw = binding_request([3; 12], "them:us", "secret password");
        let mut message = rtc::stun::message::Message::new();
        message.unmarshal_binary(&raw).expect("STUN");
        rtc::stun::fingerprint::FINGERPRINT
            .check(&message)
            .expect("the fingerprint");
        assert_eq!(
            message
                .get(rtc::stun::attributes::ATTR_USERNAME)
                .ok()
                .as_deref(),
            Some(&b"them:us"[..])
        );
    }
}

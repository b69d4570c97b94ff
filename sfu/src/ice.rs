//! ICE-lite (RFC 8445 section 2.5): the SFU answers connectivity checks and
//! never sends its own. A check that verifies proves an address and renews
//! consent (RFC 7675); nothing else does.
//!
//! A check that does not verify gets no answer at all: RFC 8489 would have a
//! 401 sent, which serves only those who forge addresses.

use crate::drop::DropReason;
use crate::rtp::{be16, be32};
use crate::seen::Seen;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use std::net::{IpAddr, SocketAddr};

const COOKIE: u32 = 0x2112_a442;
const HEADER: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;
const FINGERPRINT_XOR: u32 = 0x5354_554e;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;

/// Longest answer this module writes.
pub const ANSWER_MAX: usize = 128;

/// Whether a datagram looks like a connectivity check; nothing is verified.
pub fn is_check(datagram: &[u8]) -> bool {
    be16(datagram, 0) == Some(BINDING_REQUEST) && be32(datagram, 4) == Some(COOKIE)
}

/// The shard that a connectivity check is for; nothing is verified.
pub fn shard(datagram: &[u8]) -> Option<usize> {
    let letter = *Check::parse(datagram)
        .ok()?
        .local_ufrag
        .as_bytes()
        .first()?;
    ICE_CHARS.iter().position(|known| *known == letter)
}

/// Short-term credentials (RFC 8445 section 5.3).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The username fragment.
    pub ufrag: String,
    /// The password.
    pub pwd: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl Credentials {
    /// Fresh ones: 42 random bits of name behind the shard's own letter, 144 of
    /// password.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn random(rng: &SystemRandom, shard: usize) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let mut bytes = [0; 32];
        rng.fill(&mut bytes)?;
        bytes[0] = shard as u8;
        let text: String = bytes
            .iter()
            .map(|byte| char::from(ICE_CHARS[usize::from(byte & 63)]))
            .collect();
        Ok(Self {
            ufrag: text[..8].to_owned(),
            pwd: text[8..].to_owned(),
        })
    }

    /// The key that message integrity is computed with.
    pub fn integrity_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.pwd.as_bytes())
    }
}

const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The credentials of both ends between two restarts (RFC 8445 section 9), and
/// the checks under them.
#[derive(Debug)]
pub struct Generation {
    /// The SFU's credentials.
    pub local: Credentials,
    /// The client's credentials.
    pub remote: Credentials,
    /// The key of the SFU's password.
    pub integrity: hmac::Key,
    /// Checks that were seen.
    pub seen: Seen,
}

impl Generation {
    /// Fresh credentials of a shard for a client that has `remote`.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn new(
        rng: &SystemRandom,
        shard: usize,
        remote: Credentials,
    ) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let local = Credentials::random(rng, shard)?;
        Ok(Self {
            integrity: local.integrity_key(),
            local,
            remote,
            seen: Seen::new(),
        })
    }
}

/// A well-formed binding request that has not been verified yet.
#[derive(Debug, Clone, Copy)]
pub struct Check<'a> {
    bytes: &'a [u8],
    integrity_at: usize,
    /// The name fragment that belongs to the SFU.
    pub local_ufrag: &'a str,
    /// The name fragment that belongs to the client.
    pub remote_ufrag: &'a str,
    /// The client chose the address the check came from.
    pub nominates: bool,
    /// The client believes that the SFU controls.
    controlled: bool,
    unknown: Option<u16>,
}

impl<'a> Check<'a> {
    /// Reads a datagram.
    ///
    /// # Errors
    /// When it is no STUN message, or no binding request with credentials.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DropReason> {
        let kind = be16(bytes, 0).ok_or(DropReason::StunMalformed)?;
        let len = be16(bytes, 2).ok_or(DropReason::StunMalformed)?;
        if be32(bytes, 4) != Some(COOKIE)
            || usize::from(len) + HEADER != bytes.len()
            || !len.is_multiple_of(4)
        {
            return Err(DropReason::StunMalformed);
        }
        if kind != BINDING_REQUEST {
            return Err(DropReason::StunUnexpected);
        }
        let mut username = None;
        let mut integrity_at = None;
        let (mut nominates, mut controlled, mut unknown) = (false, false, None);
        let mut at = HEADER;
        while at < bytes.len() {
            let kind = be16(bytes, at).ok_or(DropReason::StunMalformed)?;
            let len = usize::from(be16(bytes, at + 2).ok_or(DropReason::StunMalformed)?);
            let value = bytes
                .get(at + 4..at + 4 + len)
                .ok_or(DropReason::StunMalformed)?;
            match kind {
                FINGERPRINT => {
                    let expected = crc32(&bytes[..at]) ^ FINGERPRINT_XOR;
                    if be32(value, 0) != Some(expected) || at + 8 != bytes.len() {
                        return Err(DropReason::StunMalformed);
                    }
                }
                // What follows the integrity is not covered by it, and not
                // read (RFC 8489 section 14.5).
                _ if integrity_at.is_some() => {}
                USERNAME => username = std::str::from_utf8(value).ok(),
                MESSAGE_INTEGRITY if len == 20 => integrity_at = Some(at),
                USE_CANDIDATE => nominates = true,
                ICE_CONTROLLED => controlled = true,
                PRIORITY => {}
                0..0x8000 => unknown = unknown.or(Some(kind)),
                _ => {}
            }
            at += 4 + len.next_multiple_of(4);
        }
        let (local_ufrag, remote_ufrag) = username
            .and_then(|name| name.split_once(':'))
            .ok_or(DropReason::StunUnexpected)?;
        Ok(Self {
            bytes,
            integrity_at: integrity_at.ok_or(DropReason::StunForged)?,
            local_ufrag,
            remote_ufrag,
            nominates,
            controlled,
            unknown,
        })
    }

    /// What tells the check from every other of the client's.
    pub fn transaction(&self) -> &'a [u8] {
        &self.bytes[8..HEADER]
    }

    /// Verifies the message integrity.
    pub fn verify(&self, key: &hmac::Key) -> bool {
        let (signed, rest) = self.bytes.split_at(self.integrity_at);
        let len = (self.integrity_at + 24 - HEADER) as u16;
        // The length field counts up to the integrity attribute only.
        let mut context = Vec::with_capacity(signed.len());
        context.extend_from_slice(signed);
        context[2..4].copy_from_slice(&len.to_be_bytes());
        rest.get(4..24)
            .is_some_and(|tag| hmac::verify(key, &context, tag).is_ok())
    }

    /// Writes the answer to a check that verified, seen from `from`; gives its
    /// length and whether it is a success.
    pub fn answer(
        &self,
        key: &hmac::Key,
        from: SocketAddr,
        out: &mut [u8; ANSWER_MAX],
    ) -> (usize, bool) {
        let mut answer = Answer {
            out,
            len: HEADER,
            transaction: self.bytes[8..HEADER].try_into().unwrap_or([0; 12]),
        };
        let kind = if let Some(unknown) = self.unknown {
            answer.attribute(ERROR_CODE, &[0, 0, 4, 20]);
            answer.attribute(UNKNOWN_ATTRIBUTES, &unknown.to_be_bytes());
            BINDING_ERROR
        } else if self.controlled {
            // A lite agent never controls a full one: 487, role conflict.
            answer.attribute(ERROR_CODE, &[0, 0, 4, 87]);
            BINDING_ERROR
        } else {
            answer.mapped_address(from);
            BINDING_SUCCESS
        };
        (answer.finish(kind, key), kind == BINDING_SUCCESS)
    }
}

struct Answer<'a> {
    out: &'a mut [u8; ANSWER_MAX],
    len: usize,
    transaction: [u8; 12],
}

impl Answer<'_> {
    fn attribute(&mut self, kind: u16, value: &[u8]) {
        let at = self.len;
        let padded = value.len().next_multiple_of(4);
        self.out[at..at + 2].copy_from_slice(&kind.to_be_bytes());
        self.out[at + 2..at + 4].copy_from_slice(&(value.len() as u16).to_be_bytes());
        self.out[at + 4..at + 4 + padded].fill(0);
        self.out[at + 4..at + 4 + value.len()].copy_from_slice(value);
        self.len = at + 4 + padded;
    }

    fn mapped_address(&mut self, from: SocketAddr) {
        let mut value = [0; 20];
        let port = from.port() ^ (COOKIE >> 16) as u16;
        value[2..4].copy_from_slice(&port.to_be_bytes());
        let mut mask = [0; 16];
        mask[..4].copy_from_slice(&COOKIE.to_be_bytes());
        mask[4..].copy_from_slice(&self.transaction);
        let len = match from.ip() {
            IpAddr::V4(ip) => {
                value[1] = 1;
                value[4..8].copy_from_slice(&ip.octets());
                8
            }
            IpAddr::V6(ip) => {
                value[1] = 2;
                value[4..20].copy_from_slice(&ip.octets());
                20
            }
        };
        for (byte, mask) in value[4..len].iter_mut().zip(mask) {
            *byte ^= mask;
        }
        self.attribute(XOR_MAPPED_ADDRESS, &value[..len]);
    }

    fn header(&mut self, kind: u16, len: usize) {
        self.out[..2].copy_from_slice(&kind.to_be_bytes());
        self.out[2..4].copy_from_slice(&((len - HEADER) as u16).to_be_bytes());
        self.out[4..8].copy_from_slice(&COOKIE.to_be_bytes());
        self.out[8..HEADER].copy_from_slice(&self.transaction);
    }

    fn finish(mut self, kind: u16, key: &hmac::Key) -> usize {
        self.header(kind, self.len + 24);
        let tag = hmac::sign(key, &self.out[..self.len]);
        self.attribute(MESSAGE_INTEGRITY, tag.as_ref());
        self.header(kind, self.len + 8);
        let crc = crc32(&self.out[..self.len]) ^ FINGERPRINT_XOR;
        self.attribute(FINGERPRINT, &crc.to_be_bytes());
        self.len
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 256 {
            let mut crc = i as u32;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 {
                    (crc >> 1) ^ 0xedb8_8320
                } else {
                    crc >> 1
                };
                bit += 1;
            }
            table[i] = crc;
            i += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, byte| {
        TABLE[usize::from((crc as u8) ^ byte)] ^ (crc >> 8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 section 2.1: the sample request, password and all.
    const SAMPLE: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\x00\x06\x00\x09evtj:h6vY\x20\x20\x20\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

    fn sample_key() -> hmac::Key {
        Credentials {
            ufrag: String::new(),
            pwd: "VOkJxbRl1RmTxUk/WvJxBt".to_owned(),
        }
        .integrity_key()
    }

    #[test]
    fn the_sample_request_of_the_rfc_verifies() {
        let check = Check::parse(SAMPLE).expect("parses");
        assert_eq!((check.local_ufrag, check.remote_ufrag), ("evtj", "h6vY"));
        assert!(check.verify(&sample_key()));
        let mut out = [0; ANSWER_MAX];
        let from = "192.0.2.1:32853".parse().expect("address");
        // The sample says ICE-CONTROLLED, which a lite agent refuses.
        assert!(!check.answer(&sample_key(), from, &mut out).1);
    }

    #[test]
    fn a_check_names_its_shard() {
        for (at, letter) in ICE_CHARS.iter().enumerate() {
            let made = Credentials::random(&SystemRandom::new(), at).expect("randomness");
            assert_eq!(made.ufrag.as_bytes()[0], *letter);
            let name = [b"\x00\x06\x00\x09", &[*letter][..], b"vtj:h6vY\x00\x00\x00"].concat();
            let mut check = vec![0, 1, 0, 40, 0x21, 0x12, 0xa4, 0x42];
            check.extend([7; 12]);
            check.extend(name);
            check.extend([0, 8, 0, 20]);
            check.extend([0; 20]);
            assert_eq!(shard(&check), Some(at));
            assert_eq!(shard(&check[..60 - 1]), None);
        }
    }

    /// RFC 5769 section 2.2 maps 192.0.2.1:32853 under the same transaction.
    #[test]
    fn a_mapped_address_is_masked_as_in_the_rfc() {
        let mut out = [0; ANSWER_MAX];
        let mut answer = Answer {
            out: &mut out,
            len: HEADER,
            transaction: SAMPLE[8..20].try_into().expect("12"),
        };
        answer.mapped_address("192.0.2.1:32853".parse().expect("address"));
        assert_eq!(
            out[HEADER..HEADER + 12],
            *b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"
        );
    }

    #[test]
    fn altered_and_cut_requests_are_refused() {
        // The fingerprint's own eight bytes are not covered by the integrity.
        for at in 0..SAMPLE.len() - 8 {
            let mut altered = SAMPLE.to_vec();
            altered[at] ^= 0x01;
            let verified = Check::parse(&altered).is_ok_and(|check| check.verify(&sample_key()));
            assert!(!verified, "byte {at}");
        }
        for cut in 0..SAMPLE.len() {
            assert!(Check::parse(&SAMPLE[..cut]).is_err(), "cut at {cut}");
        }
    }
}

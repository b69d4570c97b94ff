//! DTLS as the server (RFC 5763, RFC 5764): one handshake a connection, which
//! yields the SRTP keys of both directions and nothing else.
//!
//! The client's certificate is accepted only when its fingerprint is the one
//! its offer named: the offer came over an authenticated channel.

use crate::srtp::{self, Keys, Profile};
use dimpl::{Dtls, DtlsCertificate, Output, SrtpProfile};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Record sizes of a handshake stay below what every path carries.
const MTU: usize = 1200;

/// A handshake that takes longer than this has failed.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);

/// Longest datagram the DTLS library hands out.
const OUT_LEN: usize = 2048;

/// A SHA-256 certificate fingerprint (RFC 8122).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Reads the colon-separated hexadecimal form of SDP.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let hex = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
            let part = parts.next().filter(hex)?;
            *byte = u8::from_str_radix(part, 16).ok()?;
        }
        parts.next().is_none().then_some(Self(bytes))
    }
}

/// What all handshakes of an SFU share: its certificate, made at start.
pub struct Identity {
    certificate: DtlsCertificate,
    config: Arc<dimpl::Config>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// The certificate could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the DTLS certificate could not be made")]
pub struct NoIdentity;

impl Identity {
    /// Makes an ECDSA P-256 certificate that lives as long as the process.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> Result<Self, NoIdentity> {
        let certificate =
            dimpl::certificate::generate_self_signed_certificate().map_err(|_| NoIdentity)?;
        let config = dimpl::Config::builder()
            .mtu(MTU)
            .handshake_timeout(HANDSHAKE_TIMEOUT)
            // The cookie proves the address; a verified connectivity check has
            // done so before any DTLS is looked at. Saves a round trip.
            .use_server_cookie(false)
            .build()
            .map_err(|_| NoIdentity)?;
        Ok(Self {
            certificate,
            config: Arc::new(config),
        })
    }

    /// The fingerprint as it stands in SDP.
    pub fn fingerprint(&self) -> String {
        self.certificate.fingerprint_str()
    }
}

/// What a handshake came to.
#[derive(Debug)]
pub enum Outcome {
    /// The profile, and the keys of both directions: the client's, then the
    /// server's.
    Keys(Profile, Box<(Keys, Keys)>),
    /// The client closed the connection.
    Closed,
    /// It failed for good.
    Failed,
    /// The certificate is not the offer's.
    WrongFingerprint,
}

/// One connection's DTLS.
pub struct Session {
    dtls: Option<Dtls>,
    expected: Fingerprint,
    fingerprint_seen: bool,
    keys: Option<(Profile, Box<(Keys, Keys)>)>,
    wake: Option<Instant>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// A session that waits for the client's first flight.
    pub fn new(expected: Fingerprint) -> Self {
        Self {
            dtls: None,
            expected,
            fingerprint_seen: false,
            keys: None,
            wake: None,
        }
    }

    /// When [`Session::handle_timeout`] is due.
    pub fn wake(&self) -> Option<Instant> {
        self.wake
    }

    /// Takes a datagram; answers go to `send`.
    pub fn handle_packet(
        &mut self,
        identity: &Identity,
        now: Instant,
        datagram: &[u8],
        send: impl FnMut(&[u8]),
    ) -> Option<Outcome> {
        let dtls = self
            .dtls
            .get_or_insert_with(|| accept(identity, now, datagram));
        let result = dtls
            .handle_timeout(now)
            .and_then(|()| dtls.handle_packet(datagram));
        self.drain(result, send)
    }

    /// Retransmits what is due.
    pub fn handle_timeout(&mut self, now: Instant, send: impl FnMut(&[u8])) -> Option<Outcome> {
        let result = self.dtls.as_mut()?.handle_timeout(now);
        self.drain(result, send)
    }

    fn drain(
        &mut self,
        result: Result<(), dimpl::Error>,
        mut send: impl FnMut(&[u8]),
    ) -> Option<Outcome> {
        let dtls = self.dtls.as_mut()?;
        let mut buffer = [0; OUT_LEN];
        let mut outcome = None;
        // The library drains to a timeout; the bound is against its defects.
        for _ in 0..64 {
            match dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => send(packet),
                Output::PeerCert(der) => {
                    let seen = dimpl::certificate::calculate_fingerprint(der);
                    self.fingerprint_seen = seen == self.expected.0;
                    if !self.fingerprint_seen {
                        return Some(Outcome::WrongFingerprint);
                    }
                }
                Output::KeyingMaterial(material, profile) => {
                    let profile = match profile {
                        SrtpProfile::AEAD_AES_128_GCM => Profile::Aead128Gcm,
                        SrtpProfile::AEAD_AES_256_GCM => Profile::Aead256Gcm,
                        SrtpProfile::AES128_CM_SHA1_80 => Profile::Aes128CmSha1,
                        _ => return Some(Outcome::Failed),
                    };
                    match srtp::split(profile, &material) {
                        Ok(keys) => self.keys = Some((profile, Box::new(keys))),
                        Err(srtp::Failed) => return Some(Outcome::Failed),
                    }
                }
                Output::CloseNotify => outcome = Some(Outcome::Closed),
                // Data channels are not negotiated: what comes is not read.
                Output::ApplicationData(_) | Output::Connected => {}
                Output::Timeout(at) => {
                    self.wake = Some(at);
                    break;
                }
                _ => return Some(Outcome::Failed),
            }
        }
        if result.is_err() {
            return Some(Outcome::Failed);
        }
        if outcome.is_none()
            && self.fingerprint_seen
            && let Some((profile, keys)) = self.keys.take()
        {
            outcome = Some(Outcome::Keys(profile, keys));
        }
        outcome
    }
}

/// Chooses the version by the client's first flight.
///
/// The DTLS library takes the client's first SRTP profile under DTLS 1.3, and
/// AES-GCM whenever it is offered under 1.2. Chromium names AES-CM with SHA-1
/// first, which costs several times as much for every packet of the call: such
/// a client gets 1.2.
fn accept(identity: &Identity, now: Instant, first: &[u8]) -> Dtls {
    let config = identity.config.clone();
    let certificate = identity.certificate.clone();
    if first_profile(first).is_some_and(|profile| matches!(profile, 0x0007 | 0x0008)) {
        Dtls::new_auto(config, certificate, now)
    } else {
        Dtls::new_12(config, certificate, now)
    }
}

/// The first SRTP profile a whole, unfragmented ClientHello names (RFC 6347
/// section 4.2, RFC 5764 section 4.1.1).
fn first_profile(datagram: &[u8]) -> Option<u16> {
    const RECORD: usize = 13;
    const HANDSHAKE: usize = 12;
    const USE_SRTP: u16 = 14;
    let u16_at = |bytes: &[u8], at: usize| crate::rtp::be16(bytes, at).map(usize::from);
    if datagram.first() != Some(&22) || datagram.get(RECORD) != Some(&1) {
        return None;
    }
    let mut rest = datagram.get(RECORD + HANDSHAKE + 2 + 32..)?;
    let session = usize::from(*rest.first()?);
    rest = rest.get(1 + session..)?;
    let cookie = usize::from(*rest.first()?);
    rest = rest.get(1 + cookie..)?;
    let suites = u16_at(rest, 0)?;
    rest = rest.get(2 + suites..)?;
    let compressions = usize::from(*rest.first()?);
    rest = rest.get(1 + compressions + 2..)?;
    loop {
        let kind = crate::rtp::be16(rest, 0)?;
        let len = u16_at(rest, 2)?;
        let body = rest.get(4..4 + len)?;
        if kind == USE_SRTP {
            return crate::rtp::be16(body, 2);
        }
        rest = &rest[4 + len..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_thirty_two_bytes_of_hexadecimal() {
        let text = (0..32).map(|b| format!("{b:02X}")).collect::<Vec<_>>();
        let parsed = Fingerprint::parse(&text.join(":")).expect("parses");
        assert_eq!(parsed.0[31], 31);
        assert_eq!(Fingerprint::parse(&text[..31].join(":")), None);
        assert_eq!(
            Fingerprint::parse(&text.join(":").replace("1F", "+F")),
            None
        );
        assert_eq!(Fingerprint::parse(""), None);
    }

    #[test]
    fn a_cut_client_hello_names_no_profile() {
        let mut hello = vec![22; 13];
        hello.push(1);
        hello.extend([0; 11 + 34]);
        hello.extend([0, 0, 0, 2, 0xc0, 0x2b, 1, 0]);
        hello.extend([0, 12, 0, 14, 0, 7, 0, 4, 0, 7, 0, 1, 0]);
        assert_eq!(first_profile(&hello), Some(7));
        for cut in 0..hello.len() - 3 {
            assert_eq!(first_profile(&hello[..cut]), None, "{cut}");
        }
    }
}

//! DTLS 1.2 as the server (RFC 5763, RFC 5764, RFC 6347): one handshake a
//! connection, which yields the SRTP keys of both directions and nothing else.
//!
//! The client's certificate is accepted only when its fingerprint is the one
//! its offer named: the offer came over an authenticated channel.
//!
//! The library knows the messages and the cryptography. What it may see is
//! for [`inbox`] to say, which SRTP profile is agreed on for [`hello`], and
//! when a flight is sent again for [`flight`].

mod flight;
mod hello;
mod inbox;
#[cfg(test)]
mod tests;

use crate::srtp::{self, Keys, Profile};
use aws_lc_rs::digest;
use bytes::BytesMut;
use flight::Flight;
use inbox::{Inbox, News};
use rtc_dtls::cipher_suite::CipherSuiteId;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::crypto_provider::RTCCryptoProvider;
use rtc_dtls::crypto_provider::providers::AwsLcRsProvider;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Records of a handshake stay below what every path carries, headers
/// included.
const MTU: usize = 1150;

/// A handshake that takes longer than this has failed.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);

/// The label of the exported keys (RFC 5764 section 4.2).
const EXPORTER: &str = "EXTRACTOR-dtls_srtp";

/// The library tells connections apart by address. Here each has a library of
/// its own, and may change its address.
const CLIENT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// handshake_failure, fatal, in clear (RFC 5246 section 7.2), with a record
/// number that the library does not come to.
const REFUSAL: [u8; 15] = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 2, 40];

/// The type of the message a client begins with.
const CLIENT_HELLO: u8 = 1;

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

impl Fingerprint {
    fn of(certificate: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, certificate).as_ref());
        Self(bytes)
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

/// What all handshakes of an SFU share: its certificate, made at start.
pub struct Identity {
    fingerprint: Fingerprint,
    /// One for each SRTP profile, which it insists on: of a list, the library
    /// would take what the client names first.
    short_aead: Arc<HandshakeConfig>,
    long_aead: Arc<HandshakeConfig>,
    cm: Arc<HandshakeConfig>,
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
        let provider: Arc<dyn RTCCryptoProvider> = Arc::new(AwsLcRsProvider::new());
        let names = vec!["conclave".to_owned()];
        let certificate = Certificate::generate_self_signed(names, provider.crypto());
        let certificate = certificate.map_err(|_| NoIdentity)?;
        let der = certificate.certificate.first().ok_or(NoIdentity)?;
        let fingerprint = Fingerprint::of(der);
        let insisting_on = |profile| {
            let config = ConfigBuilder::default()
                .with_crypto_provider(provider.clone())
                .with_certificates(vec![certificate.clone()])
                // What every WebRTC client has (RFC 8827 section 6.5).
                .with_cipher_suites(vec![
                    CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256,
                ])
                .with_srtp_protection_profiles(vec![profile])
                // The library does not compare what the client's Finished
                // says. It need not: this makes the keys depend on every
                // message up to the client's key exchange, and its signature
                // covers them, so a Finished that decrypts has seen the same.
                .with_extended_master_secret(ExtendedMasterSecretType::Require)
                // Certificates are held to their fingerprints, not to a chain.
                .with_client_auth(ClientAuthType::RequireAnyClientCert)
                .with_insecure_skip_verify(true)
                .with_mtu(MTU)
                .build(false, None);
            config.map(Arc::new).map_err(|_| NoIdentity)
        };
        Ok(Self {
            fingerprint,
            short_aead: insisting_on(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm)?,
            long_aead: insisting_on(SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm)?,
            cm: insisting_on(SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80)?,
        })
    }

    /// The fingerprint as it stands in SDP.
    pub fn fingerprint(&self) -> String {
        self.fingerprint.to_string()
    }

    fn config(&self, profile: Profile) -> Arc<HandshakeConfig> {
        let config = match profile {
            Profile::Aead128Gcm => &self.short_aead,
            Profile::Aead256Gcm => &self.long_aead,
            Profile::Aes128CmSha1 => &self.cm,
        };
        config.clone()
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
    expected: Fingerprint,
    inbox: Inbox,
    /// There once the client's first message is.
    library: Option<Library>,
    flight: Flight,
    /// When a handshake that has begun has failed.
    deadline: Option<Instant>,
}

/// The library, and the SRTP profile it was told to agree on.
struct Library {
    endpoint: Endpoint,
    profile: Profile,
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
            expected,
            inbox: Inbox::default(),
            library: None,
            flight: Flight::default(),
            deadline: None,
        }
    }

    /// The fingerprint that the client's certificate must have.
    pub fn expected(&self) -> Fingerprint {
        self.expected
    }

    /// When [`Session::handle_timeout`] is due.
    pub fn wake(&self) -> Option<Instant> {
        let deadline = self.deadline?;
        Some(self.flight.due().map_or(deadline, |due| due.min(deadline)))
    }

    /// Takes a datagram; answers go to `send`.
    pub fn handle_packet(
        &mut self,
        identity: &Identity,
        now: Instant,
        datagram: &[u8],
        mut send: impl FnMut(&[u8]),
    ) -> Option<Outcome> {
        let mut records = Vec::new();
        let news = self.inbox.take(datagram, &mut records);
        if news == News::Some && self.library.is_none() {
            self.deadline.get_or_insert(now + HANDSHAKE_TIMEOUT);
        }
        for record in &records {
            let outcome = self.step(identity, now, record, &mut send);
            if outcome.is_some() {
                return outcome;
            }
        }
        if news == News::Repeated {
            self.flight.missed(now, send);
        }
        None
    }

    /// Sends again what is due; ends a handshake that takes too long.
    pub fn handle_timeout(&mut self, now: Instant, send: impl FnMut(&[u8])) -> Option<Outcome> {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            return Some(Outcome::Failed);
        }
        self.flight.timeout(now, send);
        None
    }

    /// Hands one record to the library.
    fn step(
        &mut self,
        identity: &Identity,
        now: Instant,
        record: &[u8],
        send: &mut impl FnMut(&[u8]),
    ) -> Option<Outcome> {
        let library = match &mut self.library {
            // Behind the cookie the client says again what it offers. The
            // library keeps to what it said first, which is in no transcript
            // and so could be a downgrade by somebody on the path.
            Some(library) if !library.agrees_with(record) => {
                send(&REFUSAL);
                return Some(Outcome::Failed);
            }
            Some(library) => library,
            // Encrypted records before the first message are somebody else's.
            None if inbox::message(record).is_none() => return None,
            none => {
                let Some(library) = Library::accept(identity, record) else {
                    send(&REFUSAL);
                    return Some(Outcome::Failed);
                };
                none.insert(library)
            }
        };
        let endpoint = &mut library.endpoint;
        let events = endpoint.read(now, CLIENT, None, BytesMut::from(record));
        let mut outcome = None;
        for event in events.iter().flatten() {
            match event {
                EndpointEvent::HandshakeComplete => {
                    match library.keys(self.expected) {
                        Outcome::Keys(profile, keys) => {
                            outcome = Some(Outcome::Keys(profile, keys));
                        }
                        // Its answer would tell the client that all is well.
                        refused => return Some(refused),
                    }
                    self.inbox.finish();
                    self.deadline = None;
                }
                EndpointEvent::PeerClosed => outcome = Some(Outcome::Closed),
                // Data channels are not negotiated: what comes is not read.
                _ => {}
            }
        }
        let mut flight = Vec::new();
        while let Some(transmit) = library.endpoint.poll_transmit() {
            send(&transmit.message);
            flight.push(transmit.message);
        }
        if !flight.is_empty() {
            self.flight = Flight::sent(flight, now, self.deadline.is_none());
        }
        match events {
            Err(_) => Some(Outcome::Failed),
            Ok(_) => outcome,
        }
    }
}

impl Library {
    /// Begins to serve a client whose first message is there.
    fn accept(identity: &Identity, record: &[u8]) -> Option<Self> {
        let (_, body) = inbox::message(record).filter(|(kind, _)| *kind == CLIENT_HELLO)?;
        let profile = hello::profile(body)?;
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 2));
        let config = Some(identity.config(profile));
        Some(Self {
            endpoint: Endpoint::new(local, Default::default(), config),
            profile,
        })
    }

    /// Whether a record is no hello, or one to which the same profile is best.
    fn agrees_with(&self, record: &[u8]) -> bool {
        match inbox::message(record) {
            Some((CLIENT_HELLO, body)) => hello::profile(body) == Some(self.profile),
            _ => true,
        }
    }

    /// The keys of a handshake that is over, if the certificate is `expected`.
    fn keys(&self, expected: Fingerprint) -> Outcome {
        let Some(state) = self.endpoint.get_connection_state(CLIENT) else {
            return Outcome::Failed;
        };
        let certificate = state.peer_certificates.first();
        if certificate.map(|der| Fingerprint::of(der)) != Some(expected) {
            return Outcome::WrongFingerprint;
        }
        let agreed = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => Profile::Aead128Gcm,
            SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm => Profile::Aead256Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => Profile::Aes128CmSha1,
            _ => return Outcome::Failed,
        };
        let len = 2 * (agreed.key_len() + agreed.salt_len());
        let Ok(material) = state.export_keying_material(EXPORTER, &[], len) else {
            return Outcome::Failed;
        };
        match srtp::split(agreed, material.as_ref()) {
            Ok(keys) if agreed == self.profile => Outcome::Keys(agreed, Box::new(keys)),
            _ => Outcome::Failed,
        }
    }
}

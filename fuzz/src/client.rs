//! A client of a shard that is connected as any is (offer, connectivity check,
//! DTLS), and then seals whatever it is told to.

use aws_lc_rs::{digest, hmac};
use conclave_sfu::rtp::Ssrc;
use conclave_sfu::rtp::header::Header;
use conclave_sfu::rtp::rtcp::Compound;
use conclave_sfu::rtp::seq::ExtSeq;
use conclave_sfu::shard::{Input, Output, Shard};
use conclave_sfu::srtp::{self, Keys, Profile};
use conclave_wire::control::{Command, Event, Sending, Source};
use conclave_wire::id::{ParticipantId, RoomId};
use rtc_dtls::cipher_suite::CipherSuiteId;
use rtc_dtls::config::{ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::crypto_provider::RTCCryptoProvider;
use rtc_dtls::crypto_provider::providers::AwsLcRsProvider;
use rtc_dtls::endpoint::Endpoint;
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// The room of all clients.
pub const ROOM: RoomId = RoomId([9; 16]);

/// The sections of every client's offer: two that it sends on, then slots.
pub const AUDIO_SLOT: usize = 2;
/// The first and the second slot of pictures.
pub const VIDEO_SLOTS: [usize; 2] = [3, 4];

/// Ids of header extensions.
pub const MID: u8 = 4;
/// The transport-wide number.
pub const NUMBER: u8 = 3;
/// The audio level.
pub const LEVEL: u8 = 1;
/// The name of an encoding.
pub const RID: u8 = 10;
/// The Dependency Descriptor.
pub const DEPENDENCY: u8 = 12;
/// The video layers allocation.
pub const ALLOCATION: u8 = 9;

const SFU: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7000);
const LABEL: &str = "EXTRACTOR-dtls_srtp";
const CREDENTIALS: (&str, &str) = ("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1");

/// What all clients share: a certificate, and its fingerprint as SDP has it.
static HANDSHAKE: OnceLock<(Arc<HandshakeConfig>, String)> = OnceLock::new();

fn handshake() -> &'static (Arc<HandshakeConfig>, String) {
    HANDSHAKE.get_or_init(|| {
        let provider: Arc<dyn RTCCryptoProvider> = Arc::new(AwsLcRsProvider::new());
        let names = vec!["client".to_owned()];
        let certificate = Certificate::generate_self_signed(names, provider.crypto());
        let certificate = certificate.expect("a certificate");
        let print = digest::digest(&digest::SHA256, &certificate.certificate[0]);
        let print: Vec<_> = print
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        let config = ConfigBuilder::default()
            .with_crypto_provider(provider)
            .with_certificates(vec![certificate])
            .with_cipher_suites(vec![CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256])
            .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_insecure_skip_verify(true)
            .build(true, None);
        (Arc::new(config.expect("a configuration")), print.join(":"))
    })
}

/// A connected client, and what it was sent.
pub struct Client {
    /// Who it is.
    pub participant: ParticipantId,
    /// Where it is.
    pub address: SocketAddr,
    /// Streams and numbers that it was sent.
    pub received: Vec<(u32, u16)>,
    simulcast: bool,
    keys: (Keys, Keys),
    /// Password and user name of the shard's ICE.
    ice: (String, String),
    checks: u8,
    index: u32,
    sent: HashMap<u32, ExtSeq>,
    highest: HashMap<u32, ExtSeq>,
    nonces: HashSet<(u32, u64)>,
}

impl Client {
    /// Connects the client of that number to a shard.
    pub fn connect(shard: &mut Shard, now: Instant, number: u8, simulcast: bool) -> Self {
        let participant = ParticipantId([number; 16]);
        let address = SocketAddr::from(([10, 0, 0, number], 5000));
        let answer = offer(shard, now, participant, simulcast).expect("an answer");
        let value = |name: &str| {
            let line = answer.lines().find_map(|line| line.strip_prefix(name));
            line.expect("ICE credentials").to_owned()
        };
        let user = format!("{}:{}", value("a=ice-ufrag:"), CREDENTIALS.0);
        let ice = (value("a=ice-pwd:"), user);
        take(shard, now, address, &check(&ice, 0));
        Self {
            participant,
            address,
            received: Vec::new(),
            simulcast,
            keys: keys(shard, now, address),
            ice,
            checks: 0,
            index: 0,
            sent: HashMap::new(),
            highest: HashMap::new(),
            nonces: HashSet::new(),
        }
    }

    /// Offers again what it has.
    pub fn offer_again(&self, shard: &mut Shard, now: Instant) {
        let answer = offer(shard, now, self.participant, self.simulcast);
        assert!(answer.is_some(), "it was good before");
    }

    /// Says that it is still there.
    pub fn check(&mut self, shard: &mut Shard, now: Instant) {
        self.checks = self.checks.wrapping_add(1);
        take(shard, now, self.address, &check(&self.ice, self.checks));
    }

    /// Seals a media packet, if it has a header, and sends it.
    pub fn send(&mut self, shard: &mut Shard, now: Instant, packet: &[u8]) {
        let mut out = [0; 4096];
        let Some(header) = Header::parse(packet) else {
            return take(shard, now, self.address, packet);
        };
        let seq = match self.sent.get(&header.ssrc.0) {
            Some(highest) => highest.nearest(header.seq),
            None => ExtSeq::first(header.seq),
        };
        let (head, payload) = packet.split_at(header.payload_at);
        if let Ok(len) = self
            .keys
            .0
            .seal_rtp(header.ssrc, seq, head, payload, &mut out)
        {
            let highest = self.sent.entry(header.ssrc.0).or_insert(seq);
            *highest = seq.max(*highest);
            take(shard, now, self.address, &out[..len]);
        }
    }

    /// Seals feedback and sends it.
    pub fn report(&mut self, shard: &mut Shard, now: Instant, compound: &[u8]) {
        let mut out = [0; 4096];
        if let Ok(len) = self.keys.0.seal_rtcp(self.index, compound, &mut out) {
            self.index += 1;
            take(shard, now, self.address, &out[..len]);
        }
    }

    /// Opens what the shard has sent; the payload of a media packet that
    /// carries one.
    pub fn receive(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        assert!(
            (12..=1500).contains(&datagram.len()),
            "{} bytes",
            datagram.len()
        );
        let mut out = [0; 2048];
        if datagram[0] >> 6 != 2 {
            return None;
        }
        if (192..=223).contains(&datagram[1]) {
            let len = self.keys.1.open_rtcp(datagram, &mut out);
            let mut messages = Compound::new(&out[..len.expect("feedback opens")]);
            assert!(messages.all(|message| message.is_ok()));
            return None;
        }
        let header = Header::parse(datagram).expect("a header");
        let Ssrc(ssrc) = header.ssrc;
        let seq = match self.highest.get(&ssrc) {
            Some(highest) => highest.nearest(header.seq),
            None => ExtSeq::first(header.seq),
        };
        let opened = self
            .keys
            .1
            .open_rtp(header.ssrc, seq, datagram, header.payload_at, &mut out);
        let len = opened.expect("media opens");
        let highest = self.highest.entry(ssrc).or_insert(seq);
        *highest = seq.max(*highest);
        assert!(self.nonces.insert((ssrc, seq.0)), "no nonce is used twice");
        self.received.push((ssrc, header.seq));
        (!header.padding).then(|| out[..len].to_vec())
    }
}

fn take(shard: &mut Shard, now: Instant, from: SocketAddr, bytes: &[u8]) {
    let from = from.into();
    shard.handle_input(now, Input::Datagram { from, bytes });
}

/// Sends an offer; the answer, if it was not refused.
fn offer(shard: &mut Shard, now: Instant, who: ParticipantId, simulcast: bool) -> Option<String> {
    let sources = [Source::Microphone, Source::Camera].into_iter().enumerate();
    let sending = sources.map(|(mid, source)| Sending {
        mid: mid.to_string().parse().expect("a tag"),
        source,
    });
    let command = Command::Connect {
        room: ROOM,
        participant: who,
        request: 1,
        offer: text(simulcast),
        sending: sending.collect(),
        discreet: false,
    };
    shard.handle_input(now, Input::Command(command));
    loop {
        match shard.poll_output() {
            Output::Event(Event::Answer { answer, .. }) => return Some(answer),
            Output::Timeout(_) => return None,
            _ => {}
        }
    }
}

fn text(simulcast: bool) -> String {
    let print = &handshake().1;
    let mut sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        a=group:BUNDLE 0 1 2 3 4\r\na=extmap-allow-mixed\r\n"
        .to_owned();
    let video = "96 97 98 99 45 46";
    for mid in 0..5 {
        let sound = mid == 0 || mid == AUDIO_SLOT;
        let (kind, formats) = if sound {
            ("audio", "111")
        } else {
            ("video", video)
        };
        let direction = if mid < AUDIO_SLOT {
            "sendonly"
        } else {
            "recvonly"
        };
        let (ufrag, pwd) = CREDENTIALS;
        let _ = write!(
            sdp,
            "m={kind} 9 UDP/TLS/RTP/SAVPF {formats}\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:{ufrag}\r\n\
             a=ice-pwd:{pwd}\r\na=fingerprint:sha-256 {print}\r\na=setup:actpass\r\na=mid:{mid}\r\n\
             a={direction}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n\
             a=extmap:{MID} urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
             a=extmap:{NUMBER} http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
        );
        if sound {
            let _ = write!(
                sdp,
                "a=extmap:{LEVEL} urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
                 a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n"
            );
            continue;
        }
        let _ = write!(
            sdp,
            "a=extmap:{RID} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
             a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n\
             a=extmap:{DEPENDENCY} https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension\r\n\
             a=extmap:{ALLOCATION} http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00\r\n"
        );
        for (pt, name) in [(96, "VP8"), (98, "VP9"), (45, "AV1")] {
            let _ = write!(
                sdp,
                "a=rtpmap:{pt} {name}/90000\r\na=rtcp-fb:{pt} transport-cc\r\na=rtcp-fb:{pt} nack\r\n\
                 a=rtcp-fb:{pt} nack pli\r\na=rtpmap:{0} rtx/90000\r\na=fmtp:{0} apt={pt}\r\n",
                pt + 1
            );
        }
        sdp.push_str("a=packetization:45 raw\r\n");
        if simulcast && mid == 1 {
            sdp.push_str(
                "a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\n",
            );
        }
    }
    sdp
}

/// A connectivity check that nominates its path.
fn check((password, user): &(String, String), number: u8) -> Vec<u8> {
    let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    message.extend([number; 12]);
    for (kind, value) in [(6_u16, user.as_bytes()), (0x25, &[])] {
        message.extend(kind.to_be_bytes());
        message.extend((value.len() as u16).to_be_bytes());
        message.extend(value);
        message.resize(message.len().next_multiple_of(4), 0);
    }
    let len = (message.len() + 24 - 20) as u16;
    message[2..4].copy_from_slice(&len.to_be_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let tag = hmac::sign(&key, &message);
    message.extend([0, 8, 0, 20]);
    message.extend(tag.as_ref());
    message
}

/// The handshake: the keys of the client, and those of the shard.
fn keys(shard: &mut Shard, now: Instant, address: SocketAddr) -> (Keys, Keys) {
    let mut endpoint = Endpoint::new(address, Default::default(), None);
    let config = handshake().0.clone();
    endpoint.connect(now, SFU, config, None).expect("begins");
    loop {
        let mut still = true;
        while let Some(transmit) = endpoint.poll_transmit() {
            still = false;
            take(shard, now, address, &transmit.message);
        }
        loop {
            match shard.poll_output() {
                Output::Transmit { bytes, segment, .. } => {
                    for datagram in bytes.chunks(segment) {
                        if (20..64).contains(&datagram[0]) {
                            still = false;
                            endpoint
                                .read(now, SFU, None, datagram.into())
                                .expect("reads");
                        }
                    }
                }
                Output::Timeout(_) => break,
                _ => {}
            }
        }
        if still {
            break;
        }
    }
    let profile = Profile::Aead128Gcm;
    let state = endpoint.get_connection_state(SFU).expect("connected");
    let len = 2 * (profile.key_len() + profile.salt_len());
    let material = state.export_keying_material(LABEL, &[], len).expect("keys");
    srtp::split(profile, material.as_ref()).expect("keys")
}

//! One DTLS handshake in memory, both ends by the same crate: ECDSA P-256
//! certificates on both sides, AES-128-GCM records, until both ends have SRTP
//! keys; and the SFU's own handling of `rtc-dtls`, with that crate's client.
//! Certificates are made before; the connection's state is not.

use conclave_sfu::dtls::{Fingerprint, Identity, Outcome, Session};
use dimpl::crypto::{Dtls12CipherSuite, Dtls13CipherSuite};
use dimpl::{Dtls, DtlsCertificate, NamedGroup};
use rtc_dtls::cipher_suite::CipherSuiteId;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::Endpoint;
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A crate, and how it is configured.
pub(crate) struct Candidate {
    pub(crate) name: &'static str,
    pub(crate) shake: Box<dyn Fn() -> Spent>,
}

/// What a handshake took at each end, and the SRTP profile it came to.
pub(crate) struct Spent {
    pub(crate) server: Duration,
    pub(crate) client: Duration,
    pub(crate) profile: String,
}

/// The candidates; what the SFU does first.
pub(crate) fn candidates() -> Vec<Candidate> {
    let certificates = [certificate(), certificate()];
    let with_dimpl = |name, new: New, group| {
        let certificates = certificates.clone();
        let config = dimpl_config(group);
        let make = move |role: usize| {
            let now = Instant::now();
            let mut dtls = new(config.clone(), certificates[role].clone(), now);
            dtls.set_active(role == CLIENT);
            Box::new(Dimpl {
                dtls,
                now,
                profile: None,
            }) as Box<dyn End>
        };
        Candidate {
            name,
            shake: Box::new(move || shake(&make)),
        }
    };
    let (client, fingerprint) = rtc_config(CLIENT);
    let configs = [rtc_config(SERVER).0, client];
    let identity = Arc::new(Identity::generate().unwrap());
    let ours = {
        let (identity, client) = (identity.clone(), configs[CLIENT].clone());
        move |role: usize| match role {
            SERVER => Box::new(Ours::new(&identity, fingerprint)) as Box<dyn End>,
            _ => Box::new(Rtc::new(role, &client)),
        }
    };
    let with_rtc = move |role: usize| Box::new(Rtc::new(role, &configs[role])) as Box<dyn End>;
    vec![
        Candidate {
            name: "conclave-sfu (rtc-dtls), 1.2, P-256",
            shake: Box::new(move || shake(&ours)),
        },
        with_dimpl("dimpl, 1.2, P-256", Dtls::new_12, NamedGroup::Secp256r1),
        with_dimpl("dimpl, 1.3, P-256", Dtls::new_13, NamedGroup::Secp256r1),
        Candidate {
            name: "rtc-dtls, 1.2, P-256",
            shake: Box::new(move || shake(&with_rtc)),
        },
        with_dimpl("dimpl, 1.2, X25519", Dtls::new_12, NamedGroup::X25519),
        with_dimpl("dimpl, 1.3, X25519", Dtls::new_13, NamedGroup::X25519),
    ]
}

const SERVER: usize = 0;
const CLIENT: usize = 1;

type New = fn(Arc<dimpl::Config>, DtlsCertificate, Instant) -> Dtls;

/// One end of a handshake.
trait End {
    /// Takes a datagram, or starts without one; answers go to `out`.
    fn step(&mut self, datagram: Option<&[u8]>, out: &mut Vec<Vec<u8>>);

    /// The SRTP profile, once the keys are there.
    fn profile(&self) -> Option<String>;
}

fn shake(make: &dyn Fn(usize) -> Box<dyn End>) -> Spent {
    let mut spent = [Duration::ZERO; 2];
    let mut timed = |role: usize, work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        spent[role] += start.elapsed();
    };
    let mut ends: Vec<Box<dyn End>> = Vec::with_capacity(2);
    let mut inboxes = [Vec::new(), Vec::new()];
    for role in [SERVER, CLIENT] {
        let out = &mut inboxes[1 - role];
        timed(role, &mut || {
            let mut end = make(role);
            end.step(None, out);
            ends.push(end);
        });
    }
    while inboxes.iter().any(|inbox| !inbox.is_empty()) {
        for role in [SERVER, CLIENT] {
            for datagram in std::mem::take(&mut inboxes[role]) {
                let out = &mut inboxes[1 - role];
                timed(role, &mut || ends[role].step(Some(&datagram), out));
            }
        }
    }
    let profile = ends[SERVER].profile().unwrap();
    assert_eq!(Some(&profile), ends[CLIENT].profile().as_ref());
    Spent {
        server: spent[SERVER],
        client: spent[CLIENT],
        profile,
    }
}

struct Dimpl {
    dtls: Dtls,
    now: Instant,
    profile: Option<String>,
}

fn certificate() -> DtlsCertificate {
    dimpl::certificate::generate_self_signed_certificate().unwrap()
}

/// Without the cookie's round trip, as the SFU has it.
fn dimpl_config(group: NamedGroup) -> Arc<dimpl::Config> {
    let config = dimpl::Config::builder()
        .use_server_cookie(false)
        .kx_groups(&[group])
        .dtls12_cipher_suites(&[Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256])
        .dtls13_cipher_suites(&[Dtls13CipherSuite::AES_128_GCM_SHA256])
        .build();
    Arc::new(config.unwrap())
}

impl End for Dimpl {
    fn step(&mut self, datagram: Option<&[u8]>, out: &mut Vec<Vec<u8>>) {
        self.dtls.handle_timeout(self.now).unwrap();
        if let Some(datagram) = datagram {
            self.dtls.handle_packet(datagram).unwrap();
        }
        let mut buffer = [0; 2048];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                dimpl::Output::Packet(packet) => out.push(packet.to_vec()),
                dimpl::Output::KeyingMaterial(_, profile) => {
                    self.profile = Some(profile.to_string());
                }
                dimpl::Output::Timeout(_) => return,
                _ => {}
            }
        }
    }

    fn profile(&self) -> Option<String> {
        self.profile.clone()
    }
}

struct Ours {
    identity: Arc<Identity>,
    session: Session,
    now: Instant,
    profile: Option<String>,
}

impl Ours {
    fn new(identity: &Arc<Identity>, client: Fingerprint) -> Self {
        Self {
            identity: identity.clone(),
            session: Session::new(client),
            now: Instant::now(),
            profile: None,
        }
    }
}

impl End for Ours {
    fn step(&mut self, datagram: Option<&[u8]>, out: &mut Vec<Vec<u8>>) {
        let Some(datagram) = datagram else { return };
        let outcome = self
            .session
            .handle_packet(&self.identity, self.now, datagram, |sent| {
                out.push(sent.to_vec());
            });
        match outcome {
            Some(Outcome::Keys(profile, _)) => {
                self.profile = Some(format!(
                    "{:?}",
                    SrtpProtectionProfile::from(match profile {
                        conclave_sfu::srtp::Profile::Aead128Gcm => 7,
                        conclave_sfu::srtp::Profile::Aead256Gcm => 8,
                        conclave_sfu::srtp::Profile::Aes128CmSha1 => 1,
                    })
                ));
            }
            Some(failed) => panic!("{failed:?}"),
            None => {}
        }
    }

    fn profile(&self) -> Option<String> {
        self.profile.clone()
    }
}

struct Rtc {
    endpoint: Endpoint,
    now: Instant,
    remote: SocketAddr,
    /// Taken when the handshake starts; a server has none.
    connect: Option<Arc<HandshakeConfig>>,
    profile: Option<String>,
}

/// The client names its profiles as Chromium does. The server lists only the
/// one it wants: the crate takes the client's first that the server lists.
fn rtc_config(role: usize) -> (Arc<HandshakeConfig>, Fingerprint) {
    use SrtpProtectionProfile::{
        Srtp_Aead_Aes_128_Gcm, Srtp_Aead_Aes_256_Gcm, Srtp_Aes128_Cm_Hmac_Sha1_80,
    };
    let profiles = if role == CLIENT {
        vec![
            Srtp_Aes128_Cm_Hmac_Sha1_80,
            Srtp_Aead_Aes_256_Gcm,
            Srtp_Aead_Aes_128_Gcm,
        ]
    } else {
        vec![Srtp_Aead_Aes_128_Gcm]
    };
    let provider = rtc_dtls::crypto_provider::default_provider().unwrap();
    let names = vec!["conclave".to_owned()];
    let certificate = Certificate::generate_self_signed(names, provider.crypto()).unwrap();
    let fingerprint = dimpl::certificate::calculate_fingerprint(&certificate.certificate[0]);
    let config = ConfigBuilder::default()
        .with_crypto_provider(provider)
        .with_certificates(vec![certificate])
        .with_cipher_suites(vec![
            CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256,
        ])
        .with_srtp_protection_profiles(profiles)
        .with_extended_master_secret(ExtendedMasterSecretType::Require)
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        // Certificates are held to their fingerprints, not to a chain.
        .with_insecure_skip_verify(true)
        .build(role == CLIENT, None);
    let fingerprint = Fingerprint(fingerprint.try_into().unwrap());
    (Arc::new(config.unwrap()), fingerprint)
}

impl Rtc {
    fn new(role: usize, config: &Arc<HandshakeConfig>) -> Self {
        let addresses = [7000, 5000].map(|port| SocketAddr::from(([10, 0, 0, 1], port)));
        let accept = (role == SERVER).then(|| config.clone());
        Self {
            endpoint: Endpoint::new(addresses[role], Default::default(), accept),
            now: Instant::now(),
            remote: addresses[1 - role],
            connect: (role == CLIENT).then(|| config.clone()),
            profile: None,
        }
    }
}

impl End for Rtc {
    fn step(&mut self, datagram: Option<&[u8]>, out: &mut Vec<Vec<u8>>) {
        if let Some(config) = self.connect.take() {
            let connected = self.endpoint.connect(self.now, self.remote, config, None);
            connected.unwrap();
        }
        if let Some(datagram) = datagram {
            let read = self
                .endpoint
                .read(self.now, self.remote, None, datagram.into());
            if !read.unwrap().is_empty() {
                let state = self.endpoint.get_connection_state(self.remote).unwrap();
                let profile = state.srtp_protection_profile();
                let material = state.export_keying_material("EXTRACTOR-dtls_srtp", &[], 56);
                std::hint::black_box(material.unwrap());
                self.profile = Some(format!("{profile:?}"));
            }
        }
        while let Some(transmit) = self.endpoint.poll_transmit() {
            out.push(transmit.message.to_vec());
        }
    }

    fn profile(&self) -> Option<String> {
        self.profile.clone()
    }
}

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use SrtpProtectionProfile::{
    Srtp_Aead_Aes_128_Gcm as SHORT, Srtp_Aead_Aes_256_Gcm as LONG,
    Srtp_Aes128_Cm_Hmac_Sha1_32 as WEAK, Srtp_Aes128_Cm_Hmac_Sha1_80 as CM,
};
use std::collections::VecDeque;

/// What a client is made of.
struct Make {
    profiles: Vec<SrtpProtectionProfile>,
    certificate: Option<Certificate>,
    extended: ExtendedMasterSecretType,
    suite: CipherSuiteId,
}

impl Make {
    fn usual() -> Self {
        Self {
            profiles: vec![CM, LONG, SHORT],
            certificate: Some(certificate()),
            extended: ExtendedMasterSecretType::Require,
            suite: CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256,
        }
    }
}

fn certificate() -> Certificate {
    let names = vec!["client".to_owned()];
    Certificate::generate_self_signed(names, AwsLcRsProvider::new().crypto()).unwrap()
}

/// Both ends, and the datagrams between them. Time is virtual.
struct Pair {
    identity: Identity,
    server: Session,
    client: Endpoint,
    now: Instant,
    outcome: Option<Outcome>,
    /// The client's keys, or why it has none.
    client_done: Option<Result<(), ()>>,
    to_server: VecDeque<Vec<u8>>,
    to_client: VecDeque<Vec<u8>>,
}

const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

impl Pair {
    fn new(make: Make) -> Self {
        let expected = match &make.certificate {
            Some(certificate) => Fingerprint::of(&certificate.certificate[0]),
            None => Fingerprint([0; 32]),
        };
        let config = ConfigBuilder::default()
            .with_crypto_provider(Arc::new(AwsLcRsProvider::new()))
            .with_certificates(make.certificate.into_iter().collect())
            .with_cipher_suites(vec![make.suite])
            .with_srtp_protection_profiles(make.profiles)
            .with_extended_master_secret(make.extended)
            .with_insecure_skip_verify(true)
            .build(true, None)
            .unwrap();
        let now = Instant::now();
        let mut client = Endpoint::new(CLIENT, Default::default(), None);
        client.connect(now, SERVER, Arc::new(config), None).unwrap();
        let mut pair = Self {
            identity: Identity::generate().unwrap(),
            server: Session::new(expected),
            client,
            now,
            outcome: None,
            client_done: None,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
        };
        pair.drain_client();
        pair
    }

    fn drain_client(&mut self) {
        while let Some(transmit) = self.client.poll_transmit() {
            self.to_server.push_back(transmit.message.to_vec());
        }
    }

    fn give_server(&mut self, datagram: &[u8]) {
        if self.outcome.is_some() && !matches!(self.outcome, Some(Outcome::Keys(..))) {
            return;
        }
        let out = &mut self.to_client;
        let outcome = self
            .server
            .handle_packet(&self.identity, self.now, datagram, |sent| {
                out.push_back(sent.to_vec());
            });
        self.outcome = outcome.or(self.outcome.take());
    }

    fn give_client(&mut self, datagram: &[u8]) {
        match self.client.read(self.now, SERVER, None, datagram.into()) {
            Ok(events) if events.is_empty() => {}
            Ok(_) => self.client_done = self.client_done.or(Some(Ok(()))),
            Err(_) => self.client_done = self.client_done.or(Some(Err(()))),
        }
        self.drain_client();
    }

    /// Carries datagrams to and fro until there are none.
    fn exchange(&mut self, mut arrives: impl FnMut(bool, &mut Vec<u8>) -> bool) {
        for _ in 0..1000 {
            if let Some(mut datagram) = self.to_server.pop_front() {
                if arrives(true, &mut datagram) {
                    self.give_server(&datagram);
                }
            } else if let Some(mut datagram) = self.to_client.pop_front() {
                if arrives(false, &mut datagram) {
                    self.give_client(&datagram);
                }
            } else {
                return;
            }
        }
        panic!("they never stop");
    }

    /// Lets time pass until the next thing that is due.
    fn wait(&mut self, step: Duration) {
        self.now += step;
        if self.server.wake().is_some_and(|wake| wake <= self.now) {
            let out = &mut self.to_client;
            let outcome = self.server.handle_timeout(self.now, |sent| {
                out.push_back(sent.to_vec());
            });
            self.outcome = outcome.or(self.outcome.take());
        }
        let _ = self.client.handle_timeout(SERVER, self.now);
        self.drain_client();
    }

    fn agreed(&self) -> Option<Profile> {
        match &self.outcome {
            Some(Outcome::Keys(profile, _)) => Some(*profile),
            _ => None,
        }
    }
}

#[test]
fn the_profile_is_the_best_that_the_client_offers() {
    let cases = [
        (vec![CM, LONG, SHORT], Some(Profile::Aead128Gcm)),
        (vec![SHORT], Some(Profile::Aead128Gcm)),
        (vec![LONG, CM], Some(Profile::Aead256Gcm)),
        (vec![CM, LONG], Some(Profile::Aead256Gcm)),
        (vec![WEAK, CM], Some(Profile::Aes128CmSha1)),
        (vec![WEAK], None),
        (vec![], None),
    ];
    for (profiles, best) in cases {
        let mut pair = Pair::new(Make {
            profiles: profiles.clone(),
            ..Make::usual()
        });
        pair.exchange(|_, _| true);
        assert_eq!(pair.agreed(), best, "{profiles:?}");
        match best {
            Some(_) => {
                assert_eq!(pair.client_done, Some(Ok(())));
                // Both ends have the same keys.
                let state = pair.client.get_connection_state(SERVER).unwrap();
                assert_eq!(
                    Some(state.srtp_protection_profile()),
                    pair.agreed().map(named)
                );
                assert_eq!(exported(state), exported(pair.server_state()));
            }
            None => {
                assert!(matches!(pair.outcome, Some(Outcome::Failed)));
                assert_eq!(pair.client_done, Some(Err(())), "is told");
            }
        }
    }
}

fn named(profile: Profile) -> SrtpProtectionProfile {
    match profile {
        Profile::Aead128Gcm => SHORT,
        Profile::Aead256Gcm => LONG,
        Profile::Aes128CmSha1 => CM,
    }
}

fn exported(state: &rtc_dtls::state::State) -> Vec<u8> {
    let material = state.export_keying_material(EXPORTER, &[], 88).unwrap();
    material.as_ref().to_vec()
}

impl Pair {
    fn server_state(&self) -> &rtc_dtls::state::State {
        let library = self.server.library.as_ref().unwrap();
        library.endpoint.get_connection_state(CLIENT).unwrap()
    }
}

#[test]
fn another_certificate_than_the_offers_gets_no_keys_and_no_answer() {
    let mut pair = Pair::new(Make::usual());
    pair.server = Session::new(Fingerprint::of(&certificate().certificate[0]));
    pair.exchange(|_, _| true);
    assert!(matches!(pair.outcome, Some(Outcome::WrongFingerprint)));
    assert_eq!(pair.client_done, None);
}

#[test]
fn nobody_on_the_path_chooses_the_profile() {
    let mut pair = Pair::new(Make::usual());
    let mut first = true;
    pair.exchange(|_, datagram| {
        if std::mem::take(&mut first) {
            let list = [0, 6, 0, 1, 0, 8, 0, 7];
            let at = datagram.windows(8).position(|bytes| bytes == list).unwrap();
            datagram[at..at + 8].copy_from_slice(&[0, 6, 0, 1, 0, 1, 0, 1]);
        }
        true
    });
    assert!(matches!(pair.outcome, Some(Outcome::Failed)));
}

#[test]
fn a_client_without_certificate_extended_secret_or_cipher_is_refused() {
    let without = [
        Make {
            certificate: None,
            ..Make::usual()
        },
        Make {
            extended: ExtendedMasterSecretType::Disable,
            ..Make::usual()
        },
        Make {
            suite: CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_256_Cbc_Sha,
            ..Make::usual()
        },
    ];
    for (case, make) in without.into_iter().enumerate() {
        let mut pair = Pair::new(make);
        pair.exchange(|_, _| true);
        assert!(matches!(pair.outcome, Some(Outcome::Failed)), "{case}");
    }
}

#[test]
fn any_datagram_may_be_lost() {
    let mut sent = 0;
    let mut pair = Pair::new(Make::usual());
    pair.exchange(|_, _| {
        sent += 1;
        true
    });
    assert!(sent >= 6, "{sent}");
    for lost in 0..sent {
        let mut pair = Pair::new(Make::usual());
        let start = pair.now;
        let mut at = 0;
        for _ in 0..100 {
            pair.exchange(|_, _| {
                at += 1;
                at != lost + 1
            });
            if pair.agreed().is_some() && pair.client_done.is_some() {
                break;
            }
            pair.wait(Duration::from_millis(50));
        }
        assert_eq!(pair.client_done, Some(Ok(())), "{lost} of {sent}");
        let took = pair.now - start;
        assert!(took < Duration::from_secs(2), "{lost}: {took:?}");
    }
}

#[test]
fn a_client_that_repeats_its_hello_still_gets_the_answer_it_lost() {
    let mut pair = Pair::new(Make::usual());
    let hello = pair.to_server[0].clone();
    let mut from_server = 0;
    let mut second = Vec::new();
    // Everything after the cookie is lost.
    pair.exchange(|to_server, datagram| {
        if to_server {
            second = datagram.clone();
        }
        from_server += u32::from(!to_server);
        to_server || from_server == 1
    });
    for _ in 0..4 {
        pair.now += PAUSE_BETWEEN;
        pair.give_server(&hello);
        pair.give_server(&second);
        pair.give_server(&second);
    }
    assert!(pair.to_client.len() >= 4, "answered, at a measure");
    assert!(pair.to_client.len() <= 8);
    pair.exchange(|_, _| true);
    assert_eq!(pair.client_done, Some(Ok(())));
}

const PAUSE_BETWEEN: Duration = Duration::from_millis(60);

#[test]
fn flights_are_repeated_ever_more_slowly_and_then_no_more() {
    let mut pair = Pair::new(Make::usual());
    let start = pair.now;
    let hello = pair.to_server.pop_front().unwrap();
    pair.give_server(&hello);
    let mut at = Vec::new();
    while let Some(wake) = pair.server.wake().filter(|_| pair.outcome.is_none()) {
        pair.to_client.clear();
        pair.wait(wake - pair.now);
        if !pair.to_client.is_empty() {
            at.push((pair.now - start).as_millis());
        }
    }
    assert_eq!(at[..6], [200, 600, 1400, 3000, 6200, 9400]);
    assert!(matches!(pair.outcome, Some(Outcome::Failed)));
    assert_eq!(pair.now - start, HANDSHAKE_TIMEOUT);
}

#[test]
fn a_connected_client_that_lost_the_last_flight_gets_it_again() {
    let mut pair = Pair::new(Make::usual());
    let mut last = Vec::new();
    pair.exchange(|to_server, datagram| {
        if to_server {
            last = datagram.clone();
        }
        true
    });
    assert!(pair.agreed().is_some());
    assert_eq!(pair.server.wake(), None, "nothing is due any more");
    pair.now += PAUSE_BETWEEN;
    pair.give_server(&last);
    assert!(!pair.to_client.is_empty(), "at once");
    for _ in 0..100 {
        pair.now += PAUSE_BETWEEN;
        pair.give_server(&last);
    }
    let answers = pair.to_client.len();
    assert!((1..=64).contains(&answers), "{answers}");
    assert!(pair.agreed().is_some());
}

#[test]
fn a_farewell_ends_the_connection() {
    let mut pair = Pair::new(Make::usual());
    pair.exchange(|_, _| true);
    assert!(pair.agreed().is_some());
    // In clear it could be anybody's.
    pair.give_server(&[21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 1, 0]);
    assert!(pair.agreed().is_some());
    let _ = pair.client.close(pair.now);
    pair.drain_client();
    pair.exchange(|_, _| true);
    assert!(matches!(pair.outcome, Some(Outcome::Closed)));
}

/// A small generator: xorshift64*.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let value = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        value as usize % bound.max(1)
    }

    /// Alters, cuts or lengthens one datagram of `of`; false if it is lost.
    fn spoil(&mut self, of: usize, datagram: &mut Vec<u8>) -> bool {
        if self.below(of) != 0 {
            return true;
        }
        match self.below(6) {
            0 => return false,
            1 => datagram.truncate(self.below(datagram.len())),
            2 => {
                let at = self.below(datagram.len());
                datagram.splice(at..at, (0..9).map(|byte| byte * 31));
            }
            _ => {
                for _ in 0..=self.below(3) {
                    let at = self.below(datagram.len());
                    if let Some(byte) = datagram.get_mut(at) {
                        *byte = [0, 1, 0x7f, 0xff, *byte ^ 0x10][self.below(5)];
                    }
                }
            }
        }
        true
    }
}

/// Every handshake here meets datagrams that are altered, cut, lost, repeated
/// and swapped, towards the server and towards the client, whose answers then
/// are what no honest client says.
#[test]
fn spoilt_handshakes_complete_or_fail_within_their_bounds() {
    let (mut completed, mut failed) = (0, 0);
    for seed in 1..=2000 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ seed);
        let of = 2 + dice.below(20);
        let mut pair = Pair::new(Make::usual());
        let start = pair.now;
        while pair.outcome.is_none() {
            assert!(pair.now - start <= 2 * HANDSHAKE_TIMEOUT, "seed {seed}");
            for _ in 0..40 {
                if dice.below(4) == 0 && pair.to_server.len() > 1 {
                    pair.to_server.rotate_left(1);
                }
                if let Some(mut datagram) = pair.to_server.pop_front() {
                    if dice.below(6) == 0 {
                        pair.to_server.push_back(datagram.clone());
                    }
                    if dice.spoil(of, &mut datagram) {
                        pair.give_server(&datagram);
                    }
                }
                if let Some(mut datagram) = pair.to_client.pop_front()
                    && dice.spoil(of, &mut datagram)
                    && pair.client_done.is_none()
                {
                    pair.give_client(&datagram);
                }
            }
            pair.wait(Duration::from_millis(100));
            // A client whose handshake failed has nothing more to say, nor has
            // one that was never heard.
            let given_up = pair.server.wake().is_none() && pair.now - start > HANDSHAKE_TIMEOUT / 2;
            if pair.client_done == Some(Err(())) || given_up {
                break;
            }
        }
        match pair.agreed() {
            Some(profile) => {
                assert_eq!(profile, Profile::Aead128Gcm, "seed {seed}");
                completed += 1;
            }
            None => failed += 1,
        }
    }
    println!("{completed} completed, {failed} failed");
    assert!(completed > 300 && failed > 300, "{completed} {failed}");
}

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
fn a_client_that_never_finishes_takes_little_memory() {
    let mut pair = Pair::new(Make::usual());
    // Both hellos arrive, the rest is what costs the most.
    let mut from_client = 0;
    pair.exchange(|to_server, _| {
        from_client += u32::from(to_server);
        !to_server || from_client <= 2
    });
    let record = |kind: u8, epoch: u8, body: &[u8]| {
        let mut record = vec![kind, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 9];
        record.extend((body.len() as u16).to_be_bytes());
        record.extend(body);
        record
    };
    let spent = allocation_counter::measure(|| {
        for round in 0..20_000_u32 {
            let (seq, offset) = (round % 9, round / 9 % 8192);
            let mut part = vec![11, 0, 0x20, 0, 0, seq as u8, 0];
            part.extend((offset as u16).to_be_bytes());
            part.extend([0, 0, 1, 7]);
            pair.give_server(&record(22, 0, &part));
            pair.give_server(&record(22, 1, &[7; 48]));
            pair.to_client.clear();
        }
    });
    assert!(pair.outcome.is_none());
    assert!(spent.bytes_max < 128 << 10, "{}", spent.bytes_max);
}

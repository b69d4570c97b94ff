//! DTLS records of one who is not yet connected.

use crate::choices::Choices;
use conclave_sfu::dtls::{Fingerprint, Identity, Outcome, Session};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The server's certificate; making one takes longer than an input.
static IDENTITY: OnceLock<Identity> = OnceLock::new();

/// Datagrams that a datagram may be answered with: a flight, a repeated one,
/// and an alert.
const ANSWERS: usize = 24;

/// Datagrams of a client, some of them late: no keys without the client's
/// certificate, an end that lasts, and answers that are bounded.
pub fn records(data: &[u8]) {
    let identity = IDENTITY.get_or_init(|| Identity::generate().expect("an identity"));
    let mut choices = Choices::new(data);
    let mut session = Session::new(Fingerprint([0x5a; 32]));
    let mut now = Instant::now();
    while !choices.are_over() {
        now += Duration::from_millis(u64::from(choices.byte()) * 4);
        let datagram = choices.long_chunk();
        let mut sent = Vec::new();
        let outcome =
            session.handle_packet(identity, now, datagram, |bytes| sent.push(bytes.len()));
        assert!(sent.len() <= ANSWERS, "{} answers", sent.len());
        assert!(sent.iter().all(|len| (1..=1500).contains(len)), "{sent:?}");
        match outcome {
            None => {}
            Some(Outcome::Keys(..)) => panic!("keys for one without a certificate"),
            Some(Outcome::Closed | Outcome::Failed | Outcome::WrongFingerprint) => return,
        }
        let Some(wake) = session.wake() else { continue };
        if wake <= now || choices.flip() {
            now = now.max(wake);
            let mut sent = 0;
            if session.handle_timeout(now, |_| sent += 1).is_some() {
                return;
            }
            assert!(sent <= ANSWERS);
            assert!(session.wake().is_none_or(|wake| wake > now), "never rests");
        }
    }
}

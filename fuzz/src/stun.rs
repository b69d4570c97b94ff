//! Connectivity checks.

use crate::choices::Choices;
use aws_lc_rs::hmac;
use conclave_sfu::config::SHARDS_MAX;
use conclave_sfu::ice::{self, ANSWER_MAX, Check, Credentials};
use std::net::SocketAddr;

const HEADER: usize = 20;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// What an attribute of MESSAGE-INTEGRITY is long.
const INTEGRITY: usize = 24;

/// A datagram as it is, and as a request that the password's owner signed: the
/// first never verifies, the second always does where it can be read, and the
/// answer to either is a message of the same transaction.
pub fn check(data: &[u8]) {
    let key = Credentials {
        ufrag: "us".to_owned(),
        pwd: "a password of the target".to_owned(),
    }
    .integrity_key();
    let mut choices = Choices::new(data);
    let from = address(&mut choices);
    let message = choices.rest();
    if let Some(read) = read(message) {
        assert!(!read.verify(&key), "forged");
        answered(&read, &key, from);
    }
    let signed = sign(message, &key);
    if let Some(read) = read(&signed) {
        // An earlier attribute of that kind counts, and was not made with the key.
        let first = !has_integrity(message);
        assert_eq!(read.verify(&key), first);
        answered(&read, &key, from);
    }
}

fn read(datagram: &[u8]) -> Option<Check<'_>> {
    let shard = ice::shard(datagram);
    assert!(shard.is_none_or(|shard| shard < SHARDS_MAX));
    let read = Check::parse(datagram).ok()?;
    assert!(ice::is_check(datagram));
    assert_eq!(read.transaction(), &datagram[8..HEADER]);
    assert!(!read.local_ufrag.contains(':'));
    Some(read)
}

fn answered(check: &Check<'_>, key: &hmac::Key, from: SocketAddr) {
    let mut out = [0xff; ANSWER_MAX];
    let (len, success) = check.answer(key, from, &mut out);
    let answer = &out[..len];
    assert_eq!(answer[..2], if success { [1, 1] } else { [1, 0x11] });
    assert_eq!(
        usize::from(u16::from_be_bytes([answer[2], answer[3]])) + HEADER,
        len
    );
    assert_eq!(answer[4..8], COOKIE);
    assert_eq!(answer[8..HEADER], *check.transaction());
    // What an answer is, a check is not.
    assert!(Check::parse(answer).is_err());
}

fn address(choices: &mut Choices<'_>) -> SocketAddr {
    let port = choices.word();
    match choices.flip() {
        true => SocketAddr::from(([0xfe80, 0, 0, 0, 0, 0, 0, choices.word()], port)),
        false => SocketAddr::from(([192, 0, 2, choices.byte()], port)),
    }
}

/// Makes a binding request of the attributes in a message and signs it.
fn sign(message: &[u8], key: &hmac::Key) -> Vec<u8> {
    let attributes = message.get(HEADER..).unwrap_or_default();
    let attributes = &attributes[..attributes.len() / 4 * 4];
    let mut signed = vec![0, 1];
    signed.extend(((attributes.len() + INTEGRITY) as u16).to_be_bytes());
    signed.extend(COOKIE);
    signed.extend([7; 12]);
    signed.extend(attributes);
    let tag = hmac::sign(key, &signed);
    signed.extend([0, 8, 0, 20]);
    signed.extend(tag.as_ref());
    signed
}

/// Whether a walk over the attributes meets MESSAGE-INTEGRITY.
fn has_integrity(message: &[u8]) -> bool {
    let mut rest = message.get(HEADER..).unwrap_or_default();
    while let [a, b, c, d, behind @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*c, *d]));
        if [*a, *b] == [0, 8] && len == 20 {
            return true;
        }
        rest = behind.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    false
}

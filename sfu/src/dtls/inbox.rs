//! What of a client's datagrams the DTLS library gets to see: each message of
//! the handshake whole, in order and once, as one record of its own; then the
//! short encrypted records.
//!
//! The library's own reassembly recurses once a fragment and keeps two
//! megabytes; its queues have no bound. Here a client is held to
//! [`HELD_MAX`] bytes and [`MESSAGES_MAX`] messages, however it cuts, repeats
//! and reorders them (RFC 6347 section 4.2.3).

use crate::rtp::be16;

const RECORD: usize = 13;
const HANDSHAKE: usize = 12;

const CHANGE_CIPHER_SPEC: u8 = 20;
/// Content type of alerts.
pub(super) const ALERT: u8 = 21;
const HANDSHAKE_MESSAGE: u8 = 22;

/// Longest message. A ClientHello with post-quantum key shares has some two
/// kilobytes, a certificate one.
const MESSAGE_MAX: usize = 8 << 10;

/// Most bytes of messages that have begun and are not whole.
const HELD_MAX: usize = 2 * MESSAGE_MAX;

/// A client sends two hellos, certificate, key exchange, verification.
const MESSAGES_MAX: u16 = 8;

/// The body of an encrypted Finished under AES-GCM: nonce, header, twelve
/// bytes, tag. Nothing else that is looked at is longer.
const FINISHED: usize = 8 + HANDSHAKE + 12 + 16;

/// Most encrypted records looked at before the handshake is over.
const ENCRYPTED_MAX: u32 = 64;

/// What a datagram brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// Something that was not there before.
    Some,
    /// Parts of messages that have been passed on: the client repeats itself,
    /// for it has not got the answer.
    Repeated,
    /// Nothing.
    None,
}

/// A message of which a part is there.
struct Partial {
    seq: u16,
    kind: u8,
    bytes: Vec<Option<u8>>,
    missing: usize,
}

/// One connection's messages.
#[derive(Default)]
pub(super) struct Inbox {
    partial: Vec<Partial>,
    /// The message that is to be passed on next.
    next: u16,
    /// Record number of what is passed on unencrypted.
    record: u64,
    encrypted: u32,
    finished: bool,
}

impl Inbox {
    /// Takes a datagram; appends what the library is to see to `out`, a
    /// datagram of one record each.
    pub(super) fn take(&mut self, datagram: &[u8], out: &mut Vec<Vec<u8>>) -> News {
        let (mut fresh, mut repeated) = (false, false);
        let mut rest = datagram;
        while let Some((record, body, behind)) = split_record(rest) {
            rest = behind;
            let news = match (be16(record, 3), record[0]) {
                (Some(0), HANDSHAKE_MESSAGE) if !self.finished => self.fragments(body, out),
                (Some(0), HANDSHAKE_MESSAGE) => News::Repeated,
                // An alert in clear could be anybody's (RFC 6347 section
                // 4.1.2.7), a ChangeCipherSpec says what the epoch of the next
                // record says.
                (Some(1), HANDSHAKE_MESSAGE | ALERT) if body.len() <= FINISHED => {
                    self.encrypted(record[0], record, body, out)
                }
                _ => News::None,
            };
            fresh |= news == News::Some;
            repeated |= news == News::Repeated;
        }
        match (fresh, repeated) {
            (true, _) => News::Some,
            (false, true) => News::Repeated,
            (false, false) => News::None,
        }
    }

    /// The handshake is over: from here on, only alerts are passed on.
    pub(super) fn finish(&mut self) {
        self.finished = true;
        self.partial = Vec::new();
    }

    fn fragments(&mut self, mut body: &[u8], out: &mut Vec<Vec<u8>>) -> News {
        let (mut fresh, mut repeated) = (false, false);
        while let Some((header, behind)) = body.split_at_checked(HANDSHAKE) {
            let len = be24(&header[9..]);
            let Some((fragment, behind)) = behind.split_at_checked(len) else {
                break;
            };
            body = behind;
            if be16(header, 4).is_some_and(|seq| seq < self.next) {
                repeated = true;
            } else {
                fresh |= self.fill(header, fragment);
            }
        }
        while let Some(at) = self
            .partial
            .iter()
            .position(|partial| partial.seq == self.next && partial.missing == 0)
        {
            let whole = self.partial.swap_remove(at);
            self.pass_on(&whole, out);
            self.next += 1;
        }
        match (fresh, repeated) {
            (true, _) => News::Some,
            (false, true) => News::Repeated,
            (false, false) => News::None,
        }
    }

    /// Copies a fragment into its message; whether it brought anything.
    fn fill(&mut self, header: &[u8], fragment: &[u8]) -> bool {
        let (kind, len, offset) = (header[0], be24(&header[1..]), be24(&header[6..]));
        let seq = be16(header, 4).filter(|seq| *seq < MESSAGES_MAX);
        let (Some(seq), true) = (seq, offset + fragment.len() <= len) else {
            return false;
        };
        let held: usize = self.partial.iter().map(|known| known.bytes.len()).sum();
        let known = self.partial.iter().position(|known| known.seq == seq);
        let at = match known {
            Some(at) => at,
            None if len > MESSAGE_MAX || held + len > HELD_MAX => return false,
            None => {
                self.partial.push(Partial {
                    seq,
                    kind,
                    bytes: vec![None; len],
                    missing: len,
                });
                self.partial.len() - 1
            }
        };
        let partial = &mut self.partial[at];
        if partial.kind != kind || partial.bytes.len() != len {
            return false;
        }
        let before = partial.missing;
        for (place, byte) in partial.bytes[offset..].iter_mut().zip(fragment) {
            if place.is_none() {
                *place = Some(*byte);
                partial.missing -= 1;
            }
        }
        partial.missing < before || (known.is_none() && len == 0)
    }

    fn pass_on(&mut self, whole: &Partial, out: &mut Vec<Vec<u8>>) {
        let len = whole.bytes.len();
        let mut record = self.header(HANDSHAKE_MESSAGE, HANDSHAKE + len);
        let len = (len as u32).to_be_bytes();
        record.push(whole.kind);
        record.extend_from_slice(&len[1..]);
        record.extend_from_slice(&whole.seq.to_be_bytes());
        record.extend_from_slice(&[0, 0, 0]);
        record.extend_from_slice(&len[1..]);
        record.extend(whole.bytes.iter().flatten());
        out.push(record);
    }

    fn encrypted(&mut self, kind: u8, header: &[u8], body: &[u8], out: &mut Vec<Vec<u8>>) -> News {
        if self.finished {
            if kind == HANDSHAKE_MESSAGE {
                return News::Repeated;
            }
        } else {
            if self.encrypted == ENCRYPTED_MAX {
                return News::None;
            }
            if self.encrypted == 0 {
                let mut change = self.header(CHANGE_CIPHER_SPEC, 1);
                change.push(1);
                out.push(change);
            }
            self.encrypted += 1;
        }
        out.push([header, body].concat());
        News::Some
    }

    /// The header of an unencrypted record.
    fn header(&mut self, kind: u8, len: usize) -> Vec<u8> {
        let mut header = Vec::with_capacity(RECORD + len);
        header.extend_from_slice(&[kind, 0xfe, 0xfd, 0, 0]);
        header.extend_from_slice(&self.record.to_be_bytes()[2..]);
        header.extend_from_slice(&(len as u16).to_be_bytes());
        self.record += 1;
        header
    }
}

/// The kind and the body of a handshake message that an [`Inbox`] passed on in
/// clear: what an encrypted one is cannot be seen.
pub(super) fn message(record: &[u8]) -> Option<(u8, &[u8])> {
    (record.first() == Some(&HANDSHAKE_MESSAGE) && be16(record, 3) == Some(0))
        .then(|| Some((*record.get(RECORD)?, record.get(RECORD + HANDSHAKE..)?)))
        .flatten()
}

/// Header and body of the first record, and what follows.
fn split_record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (header, behind) = bytes.split_at_checked(RECORD)?;
    let version = header[1] == 0xfe && matches!(header[2], 0xfd | 0xff);
    let len = usize::from(be16(header, 11).filter(|_| version)?);
    let (body, behind) = behind.split_at_checked(len)?;
    Some((header, body, behind))
}

fn be24(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: u8 = 1;

    fn record(epoch: u16, kind: u8, body: &[u8]) -> Vec<u8> {
        let mut out = vec![kind, 0xfe, 0xff];
        out.extend(epoch.to_be_bytes());
        out.extend([0; 6]);
        out.extend((body.len() as u16).to_be_bytes());
        out.extend(body);
        out
    }

    fn fragment(seq: u16, len: usize, offset: usize, bytes: &[u8]) -> Vec<u8> {
        let three = |value: usize| (value as u32).to_be_bytes()[1..].to_vec();
        let mut out = vec![HELLO];
        out.extend(three(len));
        out.extend(seq.to_be_bytes());
        out.extend(three(offset));
        out.extend(three(bytes.len()));
        out.extend(bytes);
        out
    }

    fn datagram(seq: u16, len: usize, offset: usize, bytes: &[u8]) -> Vec<u8> {
        record(0, 22, &fragment(seq, len, offset, bytes))
    }

    fn bodies(out: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let body = |record: &Vec<u8>| message(record).map(|(_, body)| body.to_vec());
        out.iter().filter_map(body).collect()
    }

    #[test]
    fn an_encrypted_message_is_no_hello_whatever_its_first_byte() {
        let body = [HELLO; FINISHED];
        assert!(message(&record(0, 22, &body)).is_some());
        assert_eq!(message(&record(1, 22, &body)), None);
    }

    #[test]
    fn a_message_is_whole_wherever_it_was_cut_and_in_whatever_order() {
        let whole: Vec<u8> = (0..40).collect();
        for cut in 0..=whole.len() {
            for swapped in [false, true] {
                let mut inbox = Inbox::default();
                let mut out = Vec::new();
                let mut parts = [
                    datagram(0, 40, 0, &whole[..cut]),
                    datagram(0, 40, cut, &whole[cut..]),
                ];
                if swapped {
                    parts.reverse();
                }
                for part in &parts {
                    inbox.take(part, &mut out);
                }
                assert_eq!(bodies(&out), [&whole[..]], "{cut} {swapped}");
                assert_eq!(inbox.take(&parts[0], &mut out), News::Repeated);
                assert_eq!(out.len(), 1, "once");
            }
        }
    }

    #[test]
    fn messages_of_one_record_and_of_several_come_in_their_order() {
        let mut inbox = Inbox::default();
        let mut out = Vec::new();
        let later = [fragment(2, 1, 0, b"c"), fragment(1, 2, 1, b"B")].concat();
        assert_eq!(inbox.take(&record(0, 22, &later), &mut out), News::Some);
        assert!(out.is_empty());
        let first = [datagram(0, 1, 0, b"a"), datagram(1, 2, 0, b"b")].concat();
        assert_eq!(inbox.take(&first, &mut out), News::Some);
        assert_eq!(bodies(&out), [&b"a"[..], b"bB", b"c"]);
        // Each is a record of its own number.
        let numbers: Vec<u8> = out.iter().map(|record| record[10]).collect();
        assert_eq!(numbers, [0, 1, 2]);
    }

    #[test]
    fn overlaps_keep_what_came_first() {
        let mut inbox = Inbox::default();
        let mut out = Vec::new();
        assert_eq!(inbox.take(&datagram(0, 6, 1, b"bcd"), &mut out), News::Some);
        assert_eq!(inbox.take(&datagram(0, 6, 1, b"BCD"), &mut out), News::None);
        assert_eq!(
            inbox.take(&datagram(0, 6, 0, b"aBCDe"), &mut out),
            News::Some
        );
        assert_eq!(inbox.take(&datagram(0, 6, 5, b"f"), &mut out), News::Some);
        assert_eq!(bodies(&out), [b"abcdef"]);
    }

    #[test]
    fn what_contradicts_itself_or_is_too_long_is_not_held() {
        let mut inbox = Inbox::default();
        let mut out = Vec::new();
        let mut none = |bytes: &[u8]| {
            assert_eq!(inbox.take(bytes, &mut out), News::None);
            assert!(out.is_empty());
            assert!(inbox.partial.is_empty());
        };
        none(&datagram(0, 3, 1, b"abc"));
        none(&datagram(0, MESSAGE_MAX + 1, 0, b"a"));
        none(&datagram(0, 0xff_ffff, 0xff_ffff, b""));
        none(&datagram(MESSAGES_MAX, 1, 0, b"a"));
        none(&datagram(u16::MAX, 1, 0, b"a"));
        none(&record(2, 22, &fragment(0, 1, 0, b"a")));
        let mut cut = datagram(0, 1, 0, b"a");
        for len in 0..cut.len() {
            none(&cut[..len]);
        }
        // A fragment that says it is longer than its record.
        cut[RECORD + 11] = 9;
        none(&cut);
        let mut foreign = datagram(0, 1, 0, b"a");
        foreign[1] = 3;
        none(&foreign);
    }

    #[test]
    fn another_length_or_kind_for_the_same_message_is_ignored() {
        let mut inbox = Inbox::default();
        let mut out = Vec::new();
        inbox.take(&datagram(0, 2, 0, b"a"), &mut out);
        let mut other = datagram(0, 2, 1, b"x");
        other[RECORD] = 11;
        assert_eq!(inbox.take(&other, &mut out), News::None);
        assert_eq!(inbox.take(&datagram(0, 3, 1, b"xx"), &mut out), News::None);
        inbox.take(&datagram(0, 2, 1, b"b"), &mut out);
        assert_eq!(bodies(&out), [b"ab"]);
    }

    #[test]
    fn a_client_holds_no_more_than_its_share() {
        let mut inbox = Inbox::default();
        let mut out = Vec::new();
        for seq in 0..u16::MAX {
            inbox.take(&datagram(seq, MESSAGE_MAX, 1, b"a"), &mut out);
            inbox.take(&record(1, 22, &[0; FINISHED]), &mut out);
            inbox.take(&record(1, 22, &[0; FINISHED + 1]), &mut out);
            inbox.take(&record(1, 23, &[0; 8]), &mut out);
            inbox.take(&record(0, 21, &[2, 40]), &mut out);
        }
        let held: usize = inbox
            .partial
            .iter()
            .map(|partial| partial.bytes.len())
            .sum();
        assert_eq!(held, HELD_MAX);
        // The change of the epoch, and the records of the next.
        assert_eq!(out.len(), 1 + ENCRYPTED_MAX as usize);
        assert_eq!(out[0][0], CHANGE_CIPHER_SPEC);
    }

    #[test]
    fn after_the_handshake_only_encrypted_alerts_pass() {
        let mut inbox = Inbox::default();
        let mut out = Vec::new();
        inbox.take(&datagram(0, 2, 0, b"a"), &mut out);
        inbox.finish();
        let repeated = [
            datagram(0, 2, 0, b"a"),
            datagram(7, 2, 0, b"a"),
            record(1, 22, &[0; FINISHED]),
        ];
        for datagram in repeated {
            assert_eq!(inbox.take(&datagram, &mut out), News::Repeated);
        }
        assert!(out.is_empty() && inbox.partial.is_empty());
        let alert = record(1, 21, &[0; 26]);
        assert_eq!(inbox.take(&alert, &mut out), News::Some);
        assert_eq!(out, [alert]);
    }
}

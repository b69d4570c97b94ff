//! The password of a room's links, on its way to somebody's telephone: what may
//! be sent, what the organisation's endpoint is told, and how often one account
//! may ask for it. Of number and password nothing is kept, here or elsewhere
//! (`docs/adr/0016-password-by-sms.md`).

use super::Millis;
use super::webhook::timestamp;
use crate::config::{MAX_SENDERS, MESSAGE_EVERY, MESSAGES_IN_A_ROW};
use conclave_wire::code::Code;
use conclave_wire::id::AccountId;
use conclave_wire::webhook::{EventKind, PasswordEvent, PasswordMessage};
use std::collections::HashMap;
use std::time::Duration;
use zeroize::{Zeroize as _, Zeroizing};

/// Symbols of passwords, and how many stand in each of their groups
/// (`docs/protocol.md` section 2).
const SYMBOLS: &[u8] = b"0123456789abcdefghjkmnpqrstvwxyz";
const GROUPS: [usize; 3] = [4; 3];

/// Digits of a number in E.164, the country's among them. The shortest that are
/// given out have eight.
const DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// Room for what an endpoint is told, bytes: it takes about 150, and a text that
/// had to grow would leave its beginning in memory.
const MAX_EVENT: usize = 512;

/// A password and the number it goes to, wiped when they are gone.
pub struct Message(PasswordMessage);

impl Message {
    /// One that may be sent.
    ///
    /// # Errors
    /// [`Code::BadMessage`] for what is no number or no password.
    pub fn new(asked: PasswordMessage) -> Result<Self, Code> {
        let message = Self(asked);
        match is_number(&message.0.to) && is_password(&message.0.password) {
            true => Ok(message),
            false => Err(Code::BadMessage),
        }
    }

    /// What the endpoint is told: neither which room it is of, nor whose.
    pub fn event(mut self, at: Millis) -> Zeroizing<String> {
        let mut event = PasswordEvent {
            kind: EventKind::PasswordSend,
            timestamp: timestamp(at),
            data: PasswordMessage {
                to: std::mem::take(&mut self.0.to),
                password: std::mem::take(&mut self.0.password),
                language: self.0.language,
            },
        };
        let mut text = Vec::with_capacity(MAX_EVENT);
        // Writing to a vector cannot fail.
        serde_json::to_writer(&mut text, &event).unwrap_or_default();
        event.data.to.zeroize();
        event.data.password.zeroize();
        Zeroizing::new(String::from_utf8(text).unwrap_or_default())
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        self.0.to.zeroize();
        self.0.password.zeroize();
    }
}

/// Whether it is a number as it stands in E.164, which no country begins with 0.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default().as_bytes();
    DIGITS.contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
        && digits.first() != Some(&b'0')
}

/// Whether it is written as passwords are drawn. So nobody has anything else
/// sent to a telephone.
fn is_password(text: &str) -> bool {
    let mut groups = text.split('-');
    let are_groups = GROUPS.iter().all(|length| {
        let group = groups.next().unwrap_or_default().as_bytes();
        group.len() == *length && group.iter().all(|symbol| SYMBOLS.contains(symbol))
    });
    are_groups && groups.next().is_none()
}

/// How many passwords may still be sent: so many in a row, and one more whenever
/// [`MESSAGE_EVERY`] has gone by. Each costs the organisation money, and rings
/// somebody's telephone.
#[derive(Debug, Default)]
pub struct Allowance {
    /// When each would have sent all that it has, had it sent no faster than it
    /// may for long (a generic cell rate algorithm, ITU-T I.371). Without an
    /// account it is the operator.
    until: HashMap<Option<AccountId>, Millis>,
}

impl Allowance {
    /// Takes one.
    ///
    /// # Errors
    /// How long to wait for the next one.
    pub fn take(&mut self, now: Millis, by: Option<AccountId>) -> Result<(), Duration> {
        self.until.retain(|_, until| *until > now);
        let until = self.until.get(&by).copied().unwrap_or(now);
        let free = MESSAGE_EVERY * (MESSAGES_IN_A_ROW - 1);
        let ahead = until.since(now);
        if ahead > free {
            return Err(ahead - free);
        }
        if self.until.len() >= MAX_SENDERS && until == now {
            return Err(MESSAGE_EVERY);
        }
        self.until.insert(by, until + MESSAGE_EVERY);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclave_wire::http::Language;

    const NOW: Millis = Millis(1_700_000_000_123);
    const ANNA: Option<AccountId> = Some(AccountId([1; 16]));

    fn message(to: &str, password: &str) -> Result<Message, Code> {
        Message::new(PasswordMessage {
            to: to.to_owned(),
            password: password.to_owned(),
            language: Language::De,
        })
    }

    #[test]
    fn the_endpoint_is_told_number_password_and_language_and_nothing_else() {
        let message = message("+4915123456789", "k7dm-4xqz-w2pa").ok();
        assert_eq!(
            message.unwrap().event(NOW).as_str(),
            r#"{"type":"password.send","timestamp":"2023-11-14T22:13:20.123Z","data":{"to":"+4915123456789","password":"k7dm-4xqz-w2pa","language":"de"}}"#
        );
    }

    #[test]
    fn what_is_no_number_or_no_password_is_not_sent() {
        let password = "k7dm-4xqz-w2pa";
        for number in ["+49151234", "+4915123456789", "+123456789012345"] {
            assert!(message(number, password).is_ok(), "{number}");
        }
        for number in [
            "",
            "+",
            "4915123456789",
            "0151234567",
            "004915123456789",
            "+0151234567",
            "+4915123",
            "+1234567890123456",
            "+49 151 23456789",
            "+49151234567a",
            "+٤٩١٥١٢٣٤٥٦",
            "++4915123456789",
            "+4915123456789\n",
        ] {
            assert!(message(number, password).is_err(), "{number}");
        }
        for password in [
            "",
            "k7dm4xqzw2pa",
            "k7dm-4xqz",
            "k7dm-4xqz-w2p",
            "k7dm-4xqz-w2pa-",
            "k7dm-4xqz-w2pa-w2pa",
            "K7DM-4XQZ-W2PA",
            "k7dm-4xqz-w2pl",
            "k7dm 4xqz w2pa",
            "k7dm-4xq-zw2pa",
            "ring-mich-anüü",
        ] {
            assert!(message("+4915123456789", password).is_err(), "{password}");
        }
    }

    #[test]
    fn so_many_are_sent_in_a_row_and_the_next_one_waits() {
        let mut allowance = Allowance::default();
        for _ in 0..MESSAGES_IN_A_ROW {
            assert_eq!(allowance.take(NOW, ANNA), Ok(()));
        }
        assert_eq!(allowance.take(NOW, ANNA), Err(MESSAGE_EVERY));
        assert_eq!(allowance.take(NOW, None), Ok(()), "another has their own");
        let early = NOW + (MESSAGE_EVERY - Duration::from_millis(1));
        assert!(allowance.take(early, ANNA).is_err(), "and that is none");
        assert_eq!(allowance.take(NOW + MESSAGE_EVERY, ANNA), Ok(()));
        assert!(allowance.take(NOW + MESSAGE_EVERY, ANNA).is_err());
        let rested = NOW + MESSAGE_EVERY * (MESSAGES_IN_A_ROW + 1);
        for _ in 0..MESSAGES_IN_A_ROW {
            assert_eq!(allowance.take(rested, ANNA), Ok(()));
        }
        assert!(allowance.take(rested, ANNA).is_err());
    }

    #[test]
    fn who_sends_no_more_is_forgotten_and_never_more_than_so_many_are_known() {
        let mut allowance = Allowance::default();
        let account = |number: usize| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&number.to_be_bytes());
            Some(AccountId(id))
        };
        for number in 0..MAX_SENDERS {
            assert_eq!(allowance.take(NOW, account(number)), Ok(()));
        }
        let another = account(MAX_SENDERS);
        assert_eq!(allowance.take(NOW, another), Err(MESSAGE_EVERY));
        assert_eq!(allowance.take(NOW, account(0)), Ok(()), "who is known may");
        let later = NOW + MESSAGE_EVERY;
        assert_eq!(allowance.take(later, another), Ok(()));
        assert_eq!(allowance.until.len(), 2, "the others are forgotten");
    }
}

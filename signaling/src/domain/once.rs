//! What makes something is made once, however often it is asked for under the
//! same key (The Idempotency-Key HTTP Header Field,
//! draft-ietf-httpapi-idempotency-key-header).

use super::Millis;
use conclave_wire::code::Code;
use conclave_wire::id::AccountId;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// For how long an answer is given again. Shorter lets a program that was
/// switched off overnight make things twice, longer keeps secrets for nothing.
pub const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest key, bytes.
const MAX_KEY: usize = 255;

/// A request under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Who asks, for what kind of thing, with which key.
    pub id: [u8; 32],
    /// What exactly is asked for.
    pub request: [u8; 32],
    /// By whom; without one it is the operator.
    pub account: Option<AccountId>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The route, without what differs between requests: `/api/v1/rooms`.
    pub route: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// The body.
    pub body: &'a [u8],
}

impl Asked {
    /// A request as it came.
    ///
    /// # Errors
    /// [`Code::BadMessage`] for a key that is none: 1 to 255 visible characters
    /// of ASCII.
    pub fn new(account: Option<AccountId>, key: &[u8], wanted: Wanted<'_>) -> Result<Self, Code> {
        let visible = key.iter().all(|byte| (0x21..=0x7e).contains(byte));
        if key.is_empty() || key.len() > MAX_KEY || !visible {
            return Err(Code::BadMessage);
        }
        let who = account.as_ref().map_or(&[][..], |account| &account.0);
        Ok(Self {
            id: digest([who, wanted.route.as_bytes(), key]),
            request: digest([wanted.target.as_bytes(), wanted.body, &[]]),
            account,
        })
    }

    /// For whom its answer is sealed.
    pub fn owner(&self) -> [u8; 16] {
        let mut owner = [0; 16];
        owner.copy_from_slice(&self.id[..16]);
        owner
    }
}

/// SHA-256 of parts, each behind its length.
fn digest(parts: [&[u8]; 3]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What was asked for under it.
    pub request: [u8; 32],
    /// When.
    pub at: Millis,
    /// The answer, sealed; nothing while it is being made, or was when the
    /// server stopped.
    pub answer: Option<Vec<u8>>,
}

/// What is to be done with a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Do,
    /// It was done: this was the answer, sealed.
    Repeat(Vec<u8>),
}

/// Whether a request is done.
///
/// # Errors
/// [`Code::KeyReused`] when something else was asked for under the key,
/// [`Code::KeyInUse`] while there is no answer to the first.
pub fn verdict(now: Millis, asked: &Asked, known: Option<Known>) -> Result<Verdict, Code> {
    match known {
        None => Ok(Verdict::Do),
        Some(known) if now.since(known.at) >= KEPT => Ok(Verdict::Do),
        Some(known) if known.request != asked.request => Err(Code::KeyReused),
        Some(Known { answer: None, .. }) => Err(Code::KeyInUse),
        Some(Known {
            answer: Some(answer),
            ..
        }) => Ok(Verdict::Repeat(answer)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000_000_000_000);
    const ANNA: AccountId = AccountId([1; 16]);
    const ROOMS: Wanted<'_> = Wanted {
        route: "/api/v1/rooms",
        target: "/api/v1/rooms?tenant=a",
        body: b"{}",
    };

    fn asked(account: Option<AccountId>, key: &str, wanted: Wanted<'_>) -> Asked {
        Asked::new(account, key.as_bytes(), wanted).unwrap()
    }

    #[test]
    fn a_key_is_of_who_asks_and_for_one_kind_of_thing() {
        let own = asked(Some(ANNA), "key", ROOMS);
        let links = Wanted {
            route: "/api/v1/rooms/{room}/links",
            ..ROOMS
        };
        for other in [
            asked(None, "key", ROOMS),
            asked(Some(AccountId([2; 16])), "key", ROOMS),
            asked(Some(ANNA), "other", ROOMS),
            asked(Some(ANNA), "key", links),
        ] {
            assert_ne!(other.id, own.id);
        }
        let body = Wanted {
            body: b"{ }",
            ..ROOMS
        };
        let target = Wanted {
            target: "/api/v1/rooms?tenant=b",
            ..ROOMS
        };
        for other in [body, target] {
            let other = asked(Some(ANNA), "key", other);
            assert_eq!(other.id, own.id);
            assert_ne!(other.request, own.request);
        }
    }

    #[test]
    fn a_key_is_of_visible_characters() {
        let long = "a".repeat(MAX_KEY + 1);
        for bad in ["", "a b", "a\t", "ä", &long] {
            let refused = Asked::new(None, bad.as_bytes(), ROOMS);
            assert_eq!(refused, Err(Code::BadMessage), "{bad}");
        }
        assert!(Asked::new(None, &long.as_bytes()[1..], ROOMS).is_ok());
    }

    #[test]
    fn the_first_is_done_and_the_others_are_told_what_came_of_it() {
        let own = asked(Some(ANNA), "key", ROOMS);
        let known = |request, answer: Option<&[u8]>| {
            Some(Known {
                request,
                at: NOW,
                answer: answer.map(<[u8]>::to_vec),
            })
        };
        let at = |now, known| verdict(now, &own, known);
        assert_eq!(at(NOW, None), Ok(Verdict::Do));
        let running = known(own.request, None);
        assert_eq!(at(NOW, running.clone()), Err(Code::KeyInUse));
        let done = known(own.request, Some(b"sealed"));
        let last = Millis((NOW + KEPT).0 - 1);
        assert_eq!(
            at(last, done.clone()),
            Ok(Verdict::Repeat(b"sealed".to_vec()))
        );
        for other in [known([9; 32], None), known([9; 32], Some(b"sealed"))] {
            assert_eq!(at(NOW, other), Err(Code::KeyReused));
        }
        for over in [running, done, known([9; 32], None)] {
            assert_eq!(at(NOW + KEPT, over), Ok(Verdict::Do));
        }
    }
}

//! A short code that people read to each other, safe although it is short:
//! everybody is bound to their part of it before anybody knows the others'.
//!
//! ```text
//! E          = MLS-Exporter("conclave 1 compare", "", 32)
//! commitment = SHA-256("conclave 1 compare commitment" ‖ E ‖ leaf (2) ‖ nonce (32))
//! code       = SHA-256("conclave 1 compare code" ‖ E ‖ members (2)
//!                      ‖ leaf (2) ‖ commitment (32) ‖ nonce (32), by ascending leaf)
//!              first 8 bytes, big-endian, mod 10^8 -> "4821 7730"
//!
//! every member     01 ‖ commitment ──▶ all       at most one of each,
//! holds all of them? 02 ‖ nonce    ──▶ all       in any order of arrival
//! ```
//!
//! A [`Round`] belongs to one epoch and ends with it. E stands for the group,
//! its members and their signature keys: a server that split a call into two
//! groups has two of them. Who sits in both halves and wants their codes to
//! agree has one try a round, at one in 10^8, because the nonces of the others
//! are out only after its own is fixed. [`Allowance`] bounds the tries.

use crate::identity::Leaf;
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::fmt;
use zeroize::Zeroizing;

/// Most members whose devices take part: each sends two messages to all others.
pub const MAX_COMPARING: usize = 100;

/// After so long, milliseconds, a device that has not answered is named. It may
/// still answer: nothing in a round depends on when.
pub const ANSWER_MS: u64 = 5_000;

/// Most nonces that a device reveals within [`ALLOWANCE_MS`]. Every nonce
/// revealed is one try for an adversary, and every epoch can have a round;
/// higher lets a call that people keep joining have its code sooner.
pub const MAX_REVEALS: usize = 8;

/// See [`MAX_REVEALS`]; milliseconds.
pub const ALLOWANCE_MS: u64 = 120_000;

/// Label of E.
pub(crate) const LABEL: &str = "conclave 1 compare";
/// Length of E, of a nonce and of a commitment.
pub(crate) const LEN: usize = 32;

const COMMITMENT: u8 = 1;
const NONCE: u8 = 2;

/// The code of one round, two groups of four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpokenCode(u64);

impl SpokenCode {
    const MODULUS: u64 = 100_000_000;
}

impl fmt::Display for SpokenCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04} {:04}", self.0 / 10_000, self.0 % 10_000)
    }
}

/// How far a round is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// Nobody has asked for a code in this epoch.
    Idle,
    /// Answers of these members' devices are missing.
    Waiting {
        /// Whose, by ascending leaf.
        missing: Vec<Leaf>,
        /// [`ANSWER_MS`] are over.
        overdue: bool,
    },
    /// All devices are bound to their parts; ours is shown when its
    /// [`Allowance`] permits.
    Held,
    /// The code, the same on all devices.
    Agreed(SpokenCode),
    /// There will be none in this epoch.
    Broken {
        /// The member whose device broke the rules.
        leaf: Leaf,
        /// How.
        wrong: Wrong,
    },
}

/// What a member's device did that no correct one does. MLS proves whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// It said what is neither a commitment nor a nonce.
    Malformed,
    /// It committed or revealed a second time.
    Twice,
    /// What it revealed is not what it had committed to.
    OtherNonce,
}

impl Wrong {
    /// Stable identifier for other languages; snake case.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Twice => "twice",
            Self::OtherNonce => "other_nonce",
        }
    }
}

/// One member's part.
struct Seat {
    leaf: Leaf,
    commitment: Option<[u8; LEN]>,
    nonce: Option<[u8; LEN]>,
}

/// One epoch's round.
pub struct Round {
    secret: Zeroizing<[u8; LEN]>,
    nonce: Zeroizing<[u8; LEN]>,
    own: Leaf,
    /// By ascending leaf.
    seats: Vec<Seat>,
    since_ms: u64,
    broken: Option<(Leaf, Wrong)>,
}

impl Round {
    /// A round among `leaves`, of which `own` is one, and our commitment for
    /// all the others. `secret` is E, `nonce` 32 fresh random bytes.
    pub fn begin(
        secret: Zeroizing<[u8; LEN]>,
        nonce: Zeroizing<[u8; LEN]>,
        own: Leaf,
        leaves: impl IntoIterator<Item = Leaf>,
        now_ms: u64,
    ) -> (Self, Vec<u8>) {
        let commitment = commitment(&secret, own, &nonce);
        let mut seats: Vec<Seat> = leaves
            .into_iter()
            .map(|leaf| Seat {
                leaf,
                commitment: (leaf == own).then_some(commitment),
                nonce: None,
            })
            .collect();
        seats.sort_by_key(|seat| seat.leaf);
        let round = Self {
            secret,
            nonce,
            own,
            seats,
            since_ms: now_ms,
            broken: None,
        };
        (round, word(COMMITMENT, &commitment))
    }

    /// Takes what the device of `from` said to all, as MLS authenticated it.
    pub fn hear(&mut self, from: Leaf, said: &[u8]) {
        if self.broken.is_some() || from == self.own {
            return;
        }
        let Some(seat) = self.seats.iter_mut().find(|seat| seat.leaf == from) else {
            return;
        };
        self.broken = seat
            .take(&self.secret, said)
            .err()
            .map(|wrong| (from, wrong));
    }

    /// Whether everybody is bound to their part and ours is not out: the one
    /// moment at which [`Round::reveal`] is safe.
    pub fn may_reveal(&self) -> bool {
        self.broken.is_none() && self.all_committed() && !self.has_revealed()
    }

    /// Our nonce for all the others; nothing unless [`Round::may_reveal`].
    pub fn reveal(&mut self) -> Option<Vec<u8>> {
        if !self.may_reveal() {
            return None;
        }
        let seat = self.seats.iter_mut().find(|seat| seat.leaf == self.own)?;
        seat.nonce = Some(*self.nonce);
        Some(word(NONCE, &self.nonce))
    }

    /// How far it is.
    pub fn state(&self, now_ms: u64) -> Comparison {
        if let Some((leaf, wrong)) = self.broken {
            return Comparison::Broken { leaf, wrong };
        }
        if self.may_reveal() {
            return Comparison::Held;
        }
        if let Some(code) = self.code() {
            return Comparison::Agreed(code);
        }
        let all_committed = self.all_committed();
        let missing = |seat: &&Seat| match all_committed {
            true => seat.nonce.is_none(),
            false => seat.commitment.is_none(),
        };
        Comparison::Waiting {
            missing: self.seats.iter().filter(missing).map(|s| s.leaf).collect(),
            overdue: now_ms.saturating_sub(self.since_ms) >= ANSWER_MS,
        }
    }

    fn all_committed(&self) -> bool {
        self.seats.iter().all(|seat| seat.commitment.is_some())
    }

    fn has_revealed(&self) -> bool {
        self.seats
            .iter()
            .any(|seat| seat.leaf == self.own && seat.nonce.is_some())
    }

    fn code(&self) -> Option<SpokenCode> {
        let members = u16::try_from(self.seats.len()).ok()?;
        let mut hash = Sha256::new();
        hash.update(b"conclave 1 compare code");
        hash.update(&self.secret[..]);
        hash.update(members.to_be_bytes());
        for seat in &self.seats {
            hash.update(seat.leaf.0.to_be_bytes());
            hash.update(seat.commitment?);
            hash.update(seat.nonce?);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let (number, _) = digest.split_first_chunk::<8>()?;
        Some(SpokenCode(
            u64::from_be_bytes(*number) % SpokenCode::MODULUS,
        ))
    }
}

impl Seat {
    fn take(&mut self, secret: &[u8; LEN], said: &[u8]) -> Result<(), Wrong> {
        let (kind, value) = said.split_first().ok_or(Wrong::Malformed)?;
        let value: [u8; LEN] = value.try_into().map_err(|_| Wrong::Malformed)?;
        let place = match *kind {
            COMMITMENT => &mut self.commitment,
            NONCE => &mut self.nonce,
            _ => return Err(Wrong::Malformed),
        };
        if place.replace(value).is_some() {
            return Err(Wrong::Twice);
        }
        // The server may deliver a nonce before its commitment. That binds its
        // sender no less: we reveal ours only when we hold all commitments.
        match (self.commitment, self.nonce) {
            (Some(bound), Some(nonce)) if commitment(secret, self.leaf, &nonce) != bound => {
                Err(Wrong::OtherNonce)
            }
            _ => Ok(()),
        }
    }
}

fn word(kind: u8, value: &[u8; LEN]) -> Vec<u8> {
    [&[kind][..], value].concat()
}

fn commitment(secret: &[u8; LEN], leaf: Leaf, nonce: &[u8; LEN]) -> [u8; LEN] {
    let mut hash = Sha256::new();
    hash.update(b"conclave 1 compare commitment");
    hash.update(secret);
    hash.update(leaf.0.to_be_bytes());
    hash.update(nonce);
    hash.finalize().into()
}

/// When our nonces went out, as far as it still matters.
#[derive(Default)]
pub(crate) struct Allowance {
    reveals: VecDeque<u64>,
}

impl Allowance {
    /// Counts one nonce, if there may be one now.
    pub(crate) fn spend(&mut self, now_ms: u64) -> bool {
        while self
            .reveals
            .front()
            .is_some_and(|at| at.saturating_add(ALLOWANCE_MS) <= now_ms)
        {
            self.reveals.pop_front();
        }
        if self.reveals.len() >= MAX_REVEALS {
            return false;
        }
        self.reveals.push_back(now_ms);
        true
    }

    /// When there may be one again, if there may be none now.
    pub(crate) fn next(&self) -> Option<u64> {
        let oldest = self.reveals.front()?;
        (self.reveals.len() >= MAX_REVEALS).then(|| oldest.saturating_add(ALLOWANCE_MS))
    }
}

#[cfg(test)]
mod tests;

//! The password of a room's links (`docs/protocol.md` section 2): who shows the
//! proof may enter, and wrong proofs lock the link that they came by. Not the
//! address: an attacker has many of those, and a household has one.
//!
//! ```text
//!          wrong, fewer than five          the fifth wrong
//!   open ──────────────────────▶ open ─────────────────────▶ locked
//!     ▲ right: none counts any more                            │
//!     └──────────── a host (the guests' link), the operator ───┘
//! ```

use super::Digest;
use crate::config::MAX_WRONG_PASSWORDS;
use conclave_wire::code::Code;
use conclave_wire::id::LinkId;

/// By which of a room's links somebody comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// By the guests' own of the room.
    Guest,
    /// By a guest's own.
    Link(LinkId),
    /// By the host's: the host key was given.
    Host,
}

/// What is kept of a password, and how often it was missed by the room's own
/// links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Password {
    /// The digest of what proves it.
    pub proof: Digest,
    /// Tries by the guests' link.
    pub guest: Tries,
    /// Tries by the host's link.
    pub host: Tries,
}

/// Wrong tries by one link since the last right one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tries(pub u32);

/// How a try to enter ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// The proof is right; whether the count of wrong ones changed.
    Right {
        /// It did.
        forgiven: bool,
    },
    /// It is not; with the code to answer.
    Wrong(Code),
    /// It was not looked at.
    Unheard(Code),
}

impl Tries {
    /// Looks at a proof and counts it. A link that is locked hears nobody:
    /// otherwise it would still tell the right password from wrong ones.
    pub fn hear(&mut self, right: Digest, proof: Option<Digest>) -> Tried {
        if self.is_locked() {
            return Tried::Unheard(Code::LinkLocked);
        }
        let Some(proof) = proof else {
            return Tried::Unheard(Code::PasswordNeeded);
        };
        if proof == right {
            return Tried::Right {
                forgiven: self.forgive(),
            };
        }
        self.0 += 1;
        Tried::Wrong(match self.is_locked() {
            true => Code::LinkLocked,
            false => Code::PasswordWrong,
        })
    }

    /// Forgets the wrong tries; whether there were any.
    pub fn forgive(&mut self) -> bool {
        std::mem::take(&mut self.0) > 0
    }

    /// Whether nobody enters by the link.
    pub fn is_locked(self) -> bool {
        self.left() == 0
    }

    /// How many more wrong tries lock the link.
    pub fn left(self) -> u32 {
        MAX_WRONG_PASSWORDS.saturating_sub(self.0)
    }
}

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

/// By which of a room's two links somebody comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// By the guests'.
    Guest,
    /// By the host's: the host key was given.
    Host,
}

/// What is kept of a password, and how often it was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Password {
    /// The digest of what proves it.
    pub proof: Digest,
    /// Wrong tries by the guests' link since the last right one.
    pub guest_failures: u32,
    /// Wrong tries by the host's link, likewise.
    pub host_failures: u32,
}

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

impl Password {
    /// Looks at a proof and counts it. A link that is locked hears nobody:
    /// otherwise it would still tell the right password from wrong ones.
    pub fn try_proof(&mut self, door: Door, proof: Option<Digest>) -> Tried {
        if self.is_locked(door) {
            return Tried::Unheard(Code::LinkLocked);
        }
        let Some(proof) = proof else {
            return Tried::Unheard(Code::PasswordNeeded);
        };
        let right = proof == self.proof;
        let failures = self.failures(door);
        if right {
            let forgiven = std::mem::take(failures) > 0;
            return Tried::Right { forgiven };
        }
        *failures += 1;
        Tried::Wrong(match self.is_locked(door) {
            true => Code::LinkLocked,
            false => Code::PasswordWrong,
        })
    }

    /// Forgets the wrong tries by a link; whether there were any.
    pub fn forgive(&mut self, door: Door) -> bool {
        std::mem::take(self.failures(door)) > 0
    }

    /// Whether nobody enters by that link.
    pub fn is_locked(&self, door: Door) -> bool {
        self.tries_left(door) == 0
    }

    /// How many more wrong tries lock that link.
    pub fn tries_left(&self, door: Door) -> u32 {
        MAX_WRONG_PASSWORDS.saturating_sub(self.failed(door))
    }

    /// The wrong tries by that link.
    pub fn failed(&self, door: Door) -> u32 {
        match door {
            Door::Guest => self.guest_failures,
            Door::Host => self.host_failures,
        }
    }

    fn failures(&mut self, door: Door) -> &mut u32 {
        match door {
            Door::Guest => &mut self.guest_failures,
            Door::Host => &mut self.host_failures,
        }
    }
}

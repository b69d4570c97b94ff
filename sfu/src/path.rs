//! The addresses a client was proved to be at, and the one it is sent to.
//!
//! A client chooses by a check that nominates. One that does not know of its
//! new address cannot choose it: a router forgot its mapping, or a telephone
//! moved to another network behind a tunnel. So the SFU also follows: an
//! address from which authentic packets come, while none come from the chosen
//! one, becomes the chosen one. It must have passed a check since the choice:
//! media alone proves a sender, and a check that a return path was asked for.
//!
//! Somebody on the path who sends copies from elsewhere moves nothing. A copy
//! of a check counts as a check only where it comes first, a copy of a packet
//! is authentic only where it comes first, and what the client sent itself then
//! comes late, which still says that the chosen address is alive. Who can keep
//! it from coming at all is a router, and may be followed.

use crate::address::Address;
use crate::config::{ADDRESSES_MAX, FOLLOW};
use crate::drop::DropReason;
use std::time::Instant;

/// The far ends of one connection.
#[derive(Debug, Default)]
pub struct Paths {
    /// What passed a check, oldest first.
    checked: Vec<Checked>,
    nominated: Option<Nominated>,
}

#[derive(Debug, Clone, Copy)]
struct Checked {
    address: Address,
    /// When the last check came that counts.
    at: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Nominated {
    address: Address,
    since: Instant,
    /// When something of the client's last came from there.
    alive: Instant,
}

impl Paths {
    /// Where the client is sent to.
    pub fn nominated(&self) -> Option<Address> {
        self.nominated.map(|nominated| nominated.address)
    }

    /// Where to send before anything is chosen.
    pub fn latest(&self) -> Option<Address> {
        self.checked.last().map(|checked| checked.address)
    }

    /// Whether an address passed a check.
    pub fn contains(&self, address: Address) -> bool {
        self.checked.iter().any(|known| known.address == address)
    }

    /// What passed a check.
    pub fn iter(&self) -> impl Iterator<Item = Address> {
        self.checked.iter().map(|checked| checked.address)
    }

    /// A check came that was never seen; gives the address that made room.
    pub fn check(&mut self, now: Instant, address: Address) -> Option<Address> {
        let mut known = self.checked.iter_mut();
        if let Some(known) = known.find(|known| known.address == address) {
            known.at = now;
            return None;
        }
        self.checked.push(Checked { address, at: now });
        if self.checked.len() <= ADDRESSES_MAX {
            return None;
        }
        let nominated = self.nominated();
        let mut known = self.checked.iter();
        let oldest = known.position(|known| Some(known.address) != nominated)?;
        Some(self.checked.remove(oldest).address)
    }

    /// The client chooses; whether it had chosen another address before.
    pub fn nominate(&mut self, now: Instant, address: Address) -> bool {
        let changed = self.nominated().is_some_and(|before| before != address);
        self.nominated = Some(Nominated {
            address,
            since: now,
            alive: now,
        });
        changed
    }

    /// A media packet came, and this is what became of it; whether the client is
    /// followed to where it came from.
    pub fn follow<T>(
        &mut self,
        now: Instant,
        from: Address,
        opened: &Result<T, DropReason>,
    ) -> bool {
        match opened {
            Ok(_) => return self.hear(now, from),
            Err(DropReason::Replayed) => self.repeated(now, from),
            Err(_) => {}
        }
        false
    }

    fn hear(&mut self, now: Instant, from: Address) -> bool {
        let Some(nominated) = &mut self.nominated else {
            return false;
        };
        if nominated.address == from {
            nominated.alive = now;
            return false;
        }
        let silent = now.saturating_duration_since(nominated.alive) >= FOLLOW;
        let since = nominated.since;
        let proved = |known: &Checked| known.address == from && known.at > since;
        silent && self.checked.iter().any(proved) && self.nominate(now, from)
    }

    /// Something of the client's came that counts for nothing else: it was seen
    /// before.
    pub fn repeated(&mut self, now: Instant, from: Address) {
        if let Some(nominated) = &mut self.nominated
            && nominated.address == from
        {
            nominated.alive = now;
        }
    }

    /// An address is no longer this client's.
    pub fn forget(&mut self, address: Address) {
        self.checked.retain(|known| known.address != address);
        self.nominated = self.nominated.filter(|known| known.address != address);
    }
}

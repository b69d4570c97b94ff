//! A running call: its log, its epochs, and the leaves whose owners are gone.

use super::Millis;
use super::board::Board;
use super::delivery::Log;
use super::epoch::Switch;
use conclave_wire::id::{DeviceId, ParticipantId};
use std::collections::BTreeSet;

/// A call.
#[derive(Debug)]
pub struct Call {
    /// The log.
    pub log: Log,
    /// What members said in the running epoch.
    pub board: Board,
    /// Which epoch senders use.
    pub switch: Switch,
    /// Who left and is still in the MLS tree.
    pub departed: BTreeSet<ParticipantId>,
    /// Whether a host has locked the room.
    pub locked: bool,
    /// Devices whose stays a host has removed: none of them is certified for
    /// another stay. Not stored: a restart forgets them.
    pub banned: BTreeSet<DeviceId>,
}

impl Call {
    /// A call that has just begun.
    pub fn begin(now: Millis) -> Self {
        Self {
            log: Log::default(),
            board: Board::default(),
            switch: Switch::new(now, 0, 0),
            departed: BTreeSet::new(),
            locked: false,
            banned: BTreeSet::new(),
        }
    }
}

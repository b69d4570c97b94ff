//! What becomes of a call, as its owner is told.

use conclave_e2ee::{Devices, Misuse, Word};
use conclave_wire::code::Code;
use conclave_wire::control::Wanted;
use conclave_wire::id::{Mid, ParticipantId};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The knock is at the door.
    Waiting {
        /// Whether the call runs.
        call_running: bool,
        /// Whether a host is there.
        host_present: bool,
    },
    /// Somebody who may admit says something to us while we wait.
    Told {
        /// What.
        word: Word,
    },
    /// Whether the devices of somebody who knocks are ready.
    Devices {
        /// Who.
        participant: ParticipantId,
        /// Which are.
        devices: Devices,
    },
    /// We are a member.
    Admitted {
        /// The epoch we came in with.
        epoch: u64,
    },
    /// Somebody knocks, with a valid knock.
    Knock {
        /// Who.
        participant: ParticipantId,
        /// What they call themselves.
        name: String,
    },
    /// Somebody knocks whose knock does not verify.
    FalseKnock {
        /// Who, as the server says.
        participant: ParticipantId,
    },
    /// The group is in a new epoch.
    Epoch {
        /// Which.
        epoch: u64,
        /// Who came, with their authenticated names.
        joined: Vec<(ParticipantId, String)>,
        /// Who went.
        left: Vec<(ParticipantId, String)>,
    },
    /// The code that people of this epoch read to each other.
    SpokenCode {
        /// Which.
        epoch: u64,
        /// Two groups of four digits.
        code: String,
    },
    /// This epoch has no code, because a member's device broke the rules.
    NoSpokenCode {
        /// Which.
        epoch: u64,
        /// Whose device.
        participant: ParticipantId,
        /// How: the stable code of `conclave_e2ee::compare::Wrong`.
        wrong: &'static str,
    },
    /// The log cannot be followed: entries are missing. We knock again, and
    /// neither send nor hear much until somebody brings us back.
    Behind,
    /// A member brought us back to the same call.
    CaughtUp {
        /// The epoch it is in.
        epoch: u64,
    },
    /// Frames are sealed with this epoch from now on.
    Activated {
        /// Which.
        epoch: u64,
    },
    /// The roster changed; slots may have to.
    Roster,
    /// The server has named others than those who hold the keys for so long
    /// that nothing under way explains it. All of them, at each change.
    RosterDiffers {
        /// Whom only the server names.
        named: Vec<ParticipantId>,
        /// Whom it leaves out.
        hidden: Vec<ParticipantId>,
    },
    /// The server names those who hold the keys again.
    RosterAgrees,
    /// The SFU lost our media connection.
    MediaLost,
    /// These slots are sent nothing: the path carries too little.
    Paused {
        /// All of them.
        slots: Vec<Mid>,
    },
    /// Whether wrong passwords have locked the guests' link.
    LinkLocked {
        /// They have.
        locked: bool,
    },
    /// Whether a host has locked the room.
    RoomLocked {
        /// It is.
        locked: bool,
    },
    /// A host has muted us.
    Muted {
        /// Who.
        by: ParticipantId,
    },
    /// What is received of our sources; those not named are wanted whole.
    Wanted {
        /// The others.
        sources: Vec<Wanted>,
    },
    /// The stay went on after a lost socket.
    Resumed {
        /// Whether the media connection must be offered anew.
        media_lost: bool,
    },
    /// These members' frames come and do not open, or their commit does not
    /// follow from ours: the server may have split the call. All of them, at
    /// each change.
    Split {
        /// Who.
        participants: Vec<ParticipantId>,
    },
    /// Nobody is apart any more.
    Whole,
    /// A request of ours was refused.
    Refused(Code),
}

/// Why the call cannot go on for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The room's calls use a ciphersuite this client refuses.
    #[error("the room's MLS ciphersuite {0:#06x} is not one this client takes")]
    Suite(u16),
    /// The MLS state machine refused what the log says.
    #[error("the log cannot be followed: {0}")]
    Mls(#[from] conclave_e2ee::Error),
    /// The server skipped part of the log again and again.
    #[error("the log has a gap")]
    LogGap,
    /// The log could not be followed, and no member vouched for us: they were
    /// not there, or have another history.
    #[error("the log cannot be followed, and nobody brings us back; the call may be split")]
    NotBroughtBack,
    /// The server refused to let us knock or start.
    #[error("the server refused: {0}")]
    Refused(Code),
}

impl From<Misuse> for CallError {
    fn from(misuse: Misuse) -> Self {
        Self::Mls(misuse.into())
    }
}

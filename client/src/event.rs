//! What a participant tells while the call runs; as JSON lines, what scripts
//! and tests wait for instead of sleeping.

use conclave_wire::code::Code;
use conclave_wire::control::Source;
use conclave_wire::id::ParticipantId;
use serde::Serialize;

/// Something happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The stay at the server began.
    Joined {
        /// Who we are for the server.
        participant: ParticipantId,
    },
    /// We knocked and wait.
    Waiting {
        /// Whether the call runs.
        call_running: bool,
        /// Whether a host is there.
        host_present: bool,
    },
    /// Somebody who may admit says something to us while we wait.
    Told {
        /// `seen`, or the prepared text.
        #[serde(skip_serializing_if = "Option::is_none")]
        word: Option<&'static str>,
        /// Or a text of theirs.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// Whether the devices of somebody who knocks are ready.
    Devices {
        /// Who.
        participant: ParticipantId,
        /// The microphone.
        microphone: bool,
        /// The camera.
        camera: bool,
    },
    /// We are a member of the call.
    Admitted {
        /// The epoch we came in with.
        epoch: u64,
        /// Its code.
        call_code: Option<String>,
    },
    /// Somebody knocks.
    Knock {
        /// Who.
        participant: ParticipantId,
        /// What they call themselves.
        name: String,
    },
    /// Somebody knocks without knowing the link secret.
    FalseKnock {
        /// Who.
        participant: ParticipantId,
    },
    /// The group is in a new epoch.
    Epoch {
        /// Which.
        epoch: u64,
        /// Its code.
        call_code: Option<String>,
    },
    /// The code that the people of this epoch read to each other.
    SpokenCode {
        /// Which.
        epoch: u64,
        /// Two groups of four digits.
        code: String,
    },
    /// This epoch has no such code: a member's device broke the rules.
    NoSpokenCode {
        /// Which.
        epoch: u64,
        /// Whose device.
        participant: ParticipantId,
        /// How.
        wrong: &'static str,
    },
    /// A new epoch seals our frames.
    Activated {
        /// Which.
        epoch: u64,
    },
    /// A member came.
    MemberJoined {
        /// Who.
        participant: ParticipantId,
        /// The name in their credential.
        name: String,
    },
    /// A member went, and has no keys any more.
    MemberLeft {
        /// Who.
        participant: ParticipantId,
        /// The name in their credential.
        name: String,
    },
    /// What these members send cannot be opened, or their commit does not
    /// follow from ours: the server may have split this call. Compare the call
    /// code, and hang up if it differs.
    Split {
        /// Who is apart from us.
        participants: Vec<ParticipantId>,
    },
    /// What all members send opens again.
    Whole,
    /// For three seconds the server has named others than those who hold the
    /// keys. Say nothing confidential.
    RosterDiffers {
        /// Whom only the server names.
        named: Vec<ParticipantId>,
        /// Whom it leaves out.
        hidden: Vec<ParticipantId>,
    },
    /// The server names those who hold the keys again.
    RosterAgrees,
    /// Parts of the log are missing: the server lost them or keeps them back.
    /// We knock again; nothing of ours is sent meanwhile.
    Behind,
    /// A member brought us back to the same call.
    CaughtUp {
        /// The epoch it is in.
        epoch: u64,
    },
    /// Media flows.
    MediaConnected,
    /// Nothing comes any more: another path is looked for.
    MediaInterrupted,
    /// The media connection is lost and made anew.
    MediaLost,
    /// So many slots are sent nothing, because the path carries too little.
    Paused {
        /// How many.
        slots: usize,
    },
    /// The first frame of a source was opened.
    FirstFrame {
        /// Whose.
        from: ParticipantId,
        /// Of what.
        source: Source,
    },
    /// A voice is a tone.
    Tone {
        /// Whose.
        from: ParticipantId,
        /// Its frequency.
        hz: f32,
    },
    /// Somebody asks for a keyframe of ours.
    KeyframeWanted {
        /// Of what.
        source: Source,
    },
    /// The socket is lost and made anew.
    Disconnected,
    /// The stay went on.
    Reconnected,
    /// The server refused something.
    Denied {
        /// Why.
        code: Code,
    },
    /// Whether wrong passwords have locked the guests' link; told to hosts.
    LinkLocked {
        /// They have.
        locked: bool,
    },
    /// Whether a host has locked the room.
    RoomLocked {
        /// It is.
        locked: bool,
    },
    /// A host has muted us: our microphone is off.
    Muted {
        /// Who.
        by: ParticipantId,
    },
    /// We left.
    Left,
    /// A host turned our knock away.
    Refused,
    /// Somebody removed us.
    Removed,
    /// The call was ended for everyone.
    Ended,
    /// The stay was resumed elsewhere.
    Replaced,
    /// The link by which we came was revoked.
    Revoked,
    /// The consent that our link needed was withdrawn.
    Withdrawn,
    /// Our device was revoked, or its account has ended.
    DeviceRevoked,
    /// The stay was lost for good.
    Gone,
}

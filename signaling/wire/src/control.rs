//! Commands from the signaling service to an SFU, and the SFU's events back.
//! In one process they cross a channel; they are serialisable so that they can
//! cross a bus.

use crate::code::Code;
use crate::id::{Mid, ParticipantId, RoomId};
use serde::{Deserialize, Serialize};

/// What a media section a client sends carries. The SFU routes by it and never
/// learns more.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Speech.
    Microphone,
    /// The participant's camera.
    Camera,
    /// A shared screen, window or tab.
    Screen,
    /// The sound that belongs to a shared screen.
    ScreenAudio,
}

/// One media section of a client's offer that it sends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sending {
    /// The section's mid in the offer.
    pub mid: Mid,
    /// What it carries.
    pub source: Source,
}

/// What one receive slot of a client is to carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SlotAssignment {
    /// The slot: the mid of a section the client only receives on.
    pub mid: Mid,
    /// Whose what; nothing empties the slot.
    pub carries: Option<SourceOf>,
    /// How it is shown; what it carries is shown large if that is not said.
    #[serde(default)]
    #[ts(as = "Option<Show>", optional)]
    pub show: Show,
}

/// How a client shows what a slot carries. The SFU divides what the client's
/// path carries by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Show {
    /// Height of the picture in pixels of the screen, any number.
    pub height: u16,
    /// As what.
    #[serde(rename = "as")]
    pub rank: ShownAs,
}

impl Default for Show {
    fn default() -> Self {
        Self {
            height: 720,
            rank: ShownAs::Tile,
        }
    }
}

/// As what a slot is shown, the most important first. A shared screen comes
/// before all of these.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "kebab-case")]
pub enum ShownAs {
    /// Large, because the person chose it.
    Pinned,
    /// Large, because it speaks.
    Speaker,
    /// One of many.
    Tile,
    /// Not at all: nothing of it is sent.
    Hidden,
}

/// What is wanted of one of a participant's video sources, if not all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wanted {
    /// Which.
    pub source: Source,
    /// The highest layer that anybody receives: the SVC layer or simulcast
    /// encoding, lowest first from 0. Nothing: nobody receives the source.
    pub spatial: Option<u8>,
}

/// One participant's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceOf {
    /// Whose.
    pub participant: ParticipantId,
    /// Which of theirs.
    pub source: Source,
}

/// What the signaling service tells an SFU. Only members of a call are ever
/// connected: admission is decided before a command is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Command {
    /// Negotiate media with a participant. Same ICE credentials as the running
    /// connection: a renegotiation; others: a new connection that takes the
    /// place of the old one. Answered by [`Event::Answer`] or
    /// [`Event::Refused`].
    Connect {
        /// The room whose members may receive what this participant sends.
        room: RoomId,
        /// Who.
        participant: ParticipantId,
        /// Chosen by the caller, repeated in the events that answer it.
        request: u64,
        /// The client's SDP offer (RFC 8866, RFC 9429).
        offer: String,
        /// What the offer's sending sections carry.
        sending: Vec<Sending>,
        /// Whether sound says as little of itself as it can, whatever the offer
        /// says: no level (RFC 6464), and Opus at a constant rate (RFC 7587
        /// section 6.1).
        discreet: bool,
    },
    /// Change what slots carry. Slots not named stay as they are; a source that
    /// does not exist yet is remembered and served once it does.
    Assign {
        /// Whose slots.
        participant: ParticipantId,
        /// The changes.
        slots: Vec<SlotAssignment>,
    },
    /// Ask every sender of the room for a keyframe, as at an epoch switch
    /// (RFC 9605 section 6.2).
    RequestKeyframes {
        /// The room.
        room: RoomId,
    },
    /// Forget a participant: from this moment nothing is received from or sent
    /// to them.
    Disconnect {
        /// Who.
        participant: ParticipantId,
    },
    /// Forget a room and everyone in it.
    Close {
        /// The room.
        room: RoomId,
    },
}

/// What an SFU tells the signaling service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event {
    /// The answer to a [`Command::Connect`].
    Answer {
        /// Whose.
        participant: ParticipantId,
        /// The command's request number.
        request: u64,
        /// The SFU's SDP answer.
        answer: String,
    },
    /// A [`Command::Connect`] that cannot be served; a running connection is
    /// untouched.
    Refused {
        /// Whose.
        participant: ParticipantId,
        /// The command's request number.
        request: u64,
        /// Why.
        code: Code,
    },
    /// ICE and DTLS are up: media flows.
    Connected {
        /// Who.
        participant: ParticipantId,
    },
    /// Consent ran out (RFC 7675) or the client closed DTLS; the connection is
    /// gone, the participant may connect again.
    Lost {
        /// Who.
        participant: ParticipantId,
    },
    /// Which of a participant's slots are sent nothing because the path to them
    /// carries too little. All of them, at each change.
    Paused {
        /// Whose.
        participant: ParticipantId,
        /// The slots.
        slots: Vec<Mid>,
    },
    /// What is wanted of a participant's sources. Of those not named everything
    /// is; all others, at each change.
    Wanted {
        /// Whose.
        participant: ParticipantId,
        /// The sources.
        sources: Vec<Wanted>,
    },
}

//! The WebSocket messages between a client and the signaling service: JSON
//! text frames, one message a frame. `docs/protocol.md` section 3 is the
//! normative text; the limits here are the service's.

use crate::code::Code;
use crate::control::{Sending, SlotAssignment, Source, Wanted};
use crate::http::Sharing;
use crate::id::{Blob, LinkId, Mid, ParticipantId};
use serde::{Deserialize, Serialize};

/// Largest frame a client may send, bytes. A commit that updates the path in
/// a tree of 500 unfilled leaves takes about 0.6 MB, as base64url a third
/// more.
pub const MAX_FRAME: usize = 1 << 20;

/// The WebSocket subprotocol (RFC 6455 section 1.9) both sides name.
pub const SUBPROTOCOL: &str = "conclave.v1";

/// A frame from a client: a request and the number its answer repeats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct ClientFrame {
    /// Chosen by the client, rising within a stay. A request that is sent
    /// again after a resume keeps its number and its content.
    pub id: u32,
    /// The request.
    #[serde(flatten)]
    pub request: Request,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Request {
    /// First message of a new stay. Answered by [`ServerFrame::Entered`].
    Enter {
        /// The room's host key, if the sender has it: 32 bytes.
        #[serde(default)]
        #[ts(optional)]
        host_key: Option<Blob>,
        /// Proves the password, where the link has one: 32 bytes, derived from
        /// password and link secret. Without it nothing of the room is given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        password: Option<Blob>,
        /// By which of the room's links a guest comes, where guests have links
        /// of their own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        link: Option<LinkId>,
    },
    /// First message on a new socket of a running stay. Answered by
    /// [`ServerFrame::Entered`], then by the entries after `after`.
    Resume {
        /// The stay.
        participant: ParticipantId,
        /// The token [`ServerFrame::Entered`] gave.
        token: Blob,
        /// The last log entry the client has applied; 0 for none.
        after: u32,
    },
    /// A host begins the call: the sender's MLS group of one is at epoch 0.
    StartCall {},
    /// Ask to be let in, or, as a member that cannot follow the log any more,
    /// to be brought back. Sending it again replaces the earlier knock.
    Knock {
        /// An MLS KeyPackage (RFC 9420 section 10) whose credential carries
        /// the sender's participant id and name.
        key_package: Blob,
        /// HMAC-SHA256 under the knock key of the link secret: 32 bytes.
        tag: Blob,
    },
    /// A member offers a commit for the running epoch.
    Commit {
        /// The epoch the commit ends.
        epoch: u32,
        /// The MLSMessage with the commit (RFC 9420 section 6).
        message: Blob,
        /// The knockers whose KeyPackages the commit adds. Members that knock
        /// again are in `removes`, too.
        #[serde(default)]
        adds: Vec<ParticipantId>,
        /// The Welcome for them; there if `adds` is not empty.
        #[serde(default)]
        #[ts(optional)]
        welcome: Option<Blob>,
        /// The members whose leaves the commit removes.
        #[serde(default)]
        removes: Vec<ParticipantId>,
    },
    /// Say something to a knocker before they are let in.
    Tell {
        /// Whom.
        participant: ParticipantId,
        /// What, sealed for them.
        word: Blob,
    },
    /// One who waits says whether their devices are ready. Replaces what they
    /// said before.
    ShowDevices {
        /// It, sealed for those who may admit.
        devices: Blob,
    },
    /// Turn a knocker away.
    Refuse {
        /// Whom.
        participant: ParticipantId,
    },
    /// The sender can decrypt this epoch.
    Ready {
        /// Which.
        epoch: u32,
    },
    /// Say something to all other members of the running epoch. The same
    /// again does no harm.
    Post {
        /// The epoch it is said in.
        epoch: u32,
        /// The MLSMessage: an application message in a PrivateMessage.
        message: Blob,
    },
    /// Negotiate media. Answered by [`ServerFrame::Answer`].
    Offer {
        /// The SDP offer.
        sdp: String,
        /// What its sending sections carry.
        sending: Vec<Sending>,
    },
    /// Change what the sender's receive slots carry.
    Assign {
        /// The changes.
        slots: Vec<SlotAssignment>,
    },
    /// The sources the sender has live now (a muted microphone is not).
    Live {
        /// All of them.
        sources: Vec<Source>,
    },
    /// The sender leaves for good.
    Leave {},
    /// A host ends the call for everyone.
    EndCall {},
    /// A host opens the guests' link again, which wrong passwords have locked.
    Unlock {},
    /// A host lets nobody else into the room, or lets them in again. Who is in
    /// it, waiting too, stays and may resume; hosts enter. Ends with the call.
    Lock {
        /// Whether it is to be locked.
        locked: bool,
    },
    /// A host has a member switch the microphone off. Switching it on again is
    /// the member's own affair: there is no request for it.
    Mute {
        /// Whom.
        participant: ParticipantId,
    },
    /// A host makes another member a host, too, for as long as their stay lasts.
    MakeHost {
        /// Whom.
        participant: ParticipantId,
    },
    /// A host makes a member a presenter, for as long as their stay lasts: they
    /// share their screen where only hosts and presenters do.
    MakePresenter {
        /// Whom.
        participant: ParticipantId,
    },
    /// Is the server there? Answered by an acknowledgement.
    Ping {},
}

/// A frame from the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum ServerFrame {
    /// The stay has begun, or goes on.
    Entered {
        /// The request this answers.
        re: u32,
        /// The stay.
        participant: ParticipantId,
        /// Resumes the stay on another socket; 32 bytes. A resume gives the
        /// same one again.
        token: Blob,
        /// Whether the sender is a host.
        host: bool,
        /// The MLS ciphersuite of the room's calls (RFC 9420 section 17.1).
        suite: u16,
        /// Where the sender stands.
        standing: Standing,
        /// Whether the media connection must be offered anew.
        media_lost: bool,
        /// Who shares a screen in the room's calls.
        #[serde(default, skip_serializing_if = "Sharing::is_all")]
        #[ts(as = "Option<_>", optional)]
        sharing: Sharing,
        /// The room's marking, if it has one. It says what is wanted; whether
        /// it holds, members compute from the certificates in the tree.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        marking: Option<String>,
        /// Whether the organisation wants nobody let in unasked: a host's client
        /// that would do it does not.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[ts(as = "Option<_>", optional)]
        lobby: bool,
    },
    /// The request was done.
    Ack {
        /// Which.
        re: u32,
    },
    /// The request was refused; nothing of it was done.
    Error {
        /// Which; nothing if the frame could not be read so far.
        #[ts(optional)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        re: Option<u32>,
        /// Why.
        code: Code,
        /// With `stale-epoch`: the log from the commit's epoch on.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        missed: Vec<LogEntry>,
        /// With `password-wrong`: how many more wrong ones lock the link.
        #[ts(optional)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tries_left: Option<u32>,
    },
    /// The SFU's answer to an offer.
    Answer {
        /// The request this answers.
        re: u32,
        /// The SDP answer.
        sdp: String,
    },
    /// The next entry of the room's log.
    Entry(LogEntry),
    /// Every member can decrypt this epoch, or time is up: encrypt with it.
    Activate {
        /// Which.
        epoch: u32,
    },
    /// Another member said something to all.
    Posted {
        /// Who.
        by: ParticipantId,
        /// The epoch it was said in: the one that runs.
        epoch: u32,
        /// The MLSMessage.
        message: Blob,
    },
    /// Who is in the call, whole, after each change. To members.
    Roster {
        /// Everyone, the receiver included.
        members: Vec<Member>,
    },
    /// Who waits, whole, after each change. To members that may admit.
    Knocks {
        /// In the order of their arrival.
        knocks: Vec<KnockNotice>,
    },
    /// Which members knock again because they fell behind, whole, after each
    /// change. To members. None after `entered`, until it is told.
    Resyncs {
        /// In the order of their knocks.
        knocks: Vec<KnockNotice>,
    },
    /// To one who waits: whether someone who may admit is there.
    Waiting {
        /// Whether the call runs.
        call_running: bool,
        /// Whether a host is there.
        host_present: bool,
    },
    /// To one who waits: what somebody who may admit says to them. After a
    /// resume the last ones are told again.
    Told {
        /// It, sealed for them.
        word: Blob,
    },
    /// To members that may admit: whether the devices of one who waits are
    /// ready, at each change.
    Devices {
        /// Who waits.
        participant: ParticipantId,
        /// It, sealed for those who may admit.
        devices: Blob,
    },
    /// Which slots are sent nothing because the path to the client carries too
    /// little: all of them, at each change. None after `entered`.
    Paused {
        /// The slots.
        slots: Vec<Mid>,
    },
    /// What of the sender's sources is received: all that are not received
    /// whole, at each change. All are wanted whole after `entered`.
    Wanted {
        /// The sources.
        sources: Vec<Wanted>,
    },
    /// To hosts: whether wrong passwords have locked the guests' link, at each
    /// change. It is not after `entered`, until it is told.
    LinkLocked {
        /// Whether it is.
        locked: bool,
    },
    /// To members: whether the room is locked, at each change. It is not after
    /// `entered`, until it is told.
    RoomLocked {
        /// Whether it is.
        locked: bool,
    },
    /// A host has muted the receiver: switch the microphone off.
    Muted {
        /// Who.
        by: ParticipantId,
    },
    /// The media connection is lost at the SFU; offer anew.
    MediaLost {},
    /// The stay is over; the server closes the socket.
    Over {
        /// Why.
        reason: Reason,
    },
}

/// Where a participant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Has not knocked.
    Arrived,
    /// Has knocked and waits.
    Waiting,
    /// Is a member of the call.
    Member,
}

/// Why a stay is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A host turned the knock away.
    Refused,
    /// A member's commit removed the participant.
    Removed,
    /// The call was ended for everyone, or its last member left.
    Ended,
    /// The stay was resumed on another socket.
    Replaced,
    /// The link by which the participant came was revoked.
    Revoked,
    /// The consent that the link needed was withdrawn.
    Withdrawn,
    /// The device that the stay's certificate is for was revoked, or its
    /// account has ended.
    DeviceRevoked,
}

/// One entry of a room's ordered log. Every member applies the entries in the
/// order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// 1 for the first entry of a call, then one more each.
    pub seq: u32,
    /// What happened.
    pub event: LogEvent,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum LogEvent {
    /// A host began the call.
    Started {
        /// Who.
        by: ParticipantId,
    },
    /// A commit was accepted: the epoch it ends is over.
    Commit {
        /// The epoch the commit ends.
        epoch: u32,
        /// Who committed; their own commit comes back to them, too.
        by: ParticipantId,
        /// The MLSMessage.
        message: Blob,
        /// Who was added.
        adds: Vec<ParticipantId>,
        /// Who was removed.
        removes: Vec<ParticipantId>,
        /// To those who were added, and to nobody else.
        #[ts(optional)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        welcome: Option<Blob>,
    },
    /// A member left or was lost; some member is to commit the removal.
    Left {
        /// Who.
        participant: ParticipantId,
    },
}

/// A member as the server sees one: no name, for names come from the MLS tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Who.
    pub participant: ParticipantId,
    /// Whether they came with the host key, or a host has made them one.
    pub host: bool,
    /// Whether a host has made them a presenter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<_>", optional)]
    pub presenter: bool,
    /// Whether their socket is there.
    pub present: bool,
    /// What they have live.
    pub live: Vec<Source>,
}

/// A knock as members see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct KnockNotice {
    /// Who knocks.
    pub participant: ParticipantId,
    /// Their KeyPackage.
    pub key_package: Blob,
    /// The tag over it.
    pub tag: Blob,
    /// How long ago they knocked first, in whole seconds.
    pub waiting_seconds: u32,
    /// Whether their devices are ready, sealed, if they said so.
    #[ts(optional)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<Blob>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Show, ShownAs};

    #[test]
    fn a_request_reads_as_the_protocol_writes_it() {
        let text = r#"{"id":7,"type":"commit","epoch":3,"message":"AAEC","removes":["AAAAAAAAAAAAAAAAAAAAAA"]}"#;
        let frame: ClientFrame = serde_json::from_str(text).expect("parses");
        assert_eq!(frame.id, 7);
        let Request::Commit {
            epoch,
            message,
            adds,
            welcome,
            removes,
        } = frame.request
        else {
            panic!("another request");
        };
        assert_eq!(
            (epoch, message, adds, welcome),
            (3, Blob(vec![0, 1, 2]), vec![], None)
        );
        assert_eq!(removes, [ParticipantId([0; 16])]);
    }

    #[test]
    fn an_assignment_need_not_say_how_it_is_shown() {
        let text = r#"{"id":1,"type":"assign","slots":[{"mid":"3","carries":null},
            {"mid":"4","carries":null,"show":{"height":180,"as":"hidden"}}]}"#;
        let frame: ClientFrame = serde_json::from_str(text).expect("parses");
        let Request::Assign { slots } = frame.request else {
            panic!("another request");
        };
        let shown: Vec<_> = slots.iter().map(|slot| slot.show).collect();
        let hidden = Show {
            height: 180,
            rank: ShownAs::Hidden,
        };
        assert_eq!(shown, [Show::default(), hidden]);
    }

    #[test]
    fn every_request_without_content_is_an_object_with_a_type() {
        let frame = ClientFrame {
            id: 1,
            request: Request::Leave {},
        };
        assert_eq!(
            serde_json::to_string(&frame).expect("serialises"),
            r#"{"id":1,"type":"leave"}"#
        );
    }

    #[test]
    fn an_entry_reads_as_the_protocol_writes_it() {
        let frame = ServerFrame::Entry(LogEntry {
            seq: 2,
            event: LogEvent::Left {
                participant: ParticipantId([0; 16]),
            },
        });
        assert_eq!(
            serde_json::to_string(&frame).expect("serialises"),
            r#"{"type":"entry","seq":2,"event":{"type":"left","participant":"AAAAAAAAAAAAAAAAAAAAAA"}}"#
        );
    }
}

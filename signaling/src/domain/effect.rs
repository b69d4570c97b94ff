//! What goes into a room's machine, and what it asks for.

use super::credential::{Digest, Token};
use super::link::{GuestLink, Stage};
use super::password::Door;
use super::stay::Knock;
use conclave_wire::client::{LogEntry, Request, ServerFrame};
use conclave_wire::control::{Command, Event};
use conclave_wire::http::Consent;
use conclave_wire::id::{DeviceId, LinkId, ParticipantId};
use std::ops::Add;
use std::time::Duration;

/// A moment, milliseconds: of the calendar since the Unix epoch, or of a clock
/// that goes on evenly while the process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    /// How long ago `earlier` was; zero if it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Millis {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(span))
    }
}

/// What time it is, twice: somebody may set the one, and nothing ever sets the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// By a clock that goes on evenly, for what takes some time.
    pub timer: Millis,
    /// By the calendar, since the Unix epoch, for what was agreed on.
    pub calendar: Millis,
}

/// One socket, numbered by the process. A stay may have several in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// How a socket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// With close code 1000 or 1001: the participant leaves.
    Left,
    /// In any other way: the participant may resume.
    Lost,
}

/// The close codes a room's machine uses (RFC 6455 section 7.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// 1000: the stay is over.
    Done,
    /// 1008: the socket could not begin or resume a stay.
    Refused,
    /// 1013: no place for another stay; later, perhaps.
    TryLater,
}

/// Something a room is told.
pub enum Input {
    /// A socket begins a stay.
    Enter {
        /// The socket.
        connection: ConnectionId,
        /// The request to answer.
        re: u32,
        /// The host key the sender gave, if any.
        host_key: Option<Digest>,
        /// What the sender gave to prove the password, if anything.
        password: Option<Digest>,
        /// By which of the guests' links the sender comes, if by one.
        link: Option<LinkId>,
        /// The fresh identifier of the stay.
        participant: ParticipantId,
        /// The fresh resume token of the stay.
        token: Token,
    },
    /// A socket continues a stay.
    Resume {
        /// The socket.
        connection: ConnectionId,
        /// The request to answer.
        re: u32,
        /// The stay.
        participant: ParticipantId,
        /// The resume token.
        token: Token,
        /// The last entry the client applied.
        after: u32,
    },
    /// A socket of a stay asks for something else.
    Request {
        /// The socket.
        connection: ConnectionId,
        /// The request's number.
        re: u32,
        /// The request.
        request: Request,
    },
    /// A socket ended.
    Closed {
        /// The socket.
        connection: ConnectionId,
        /// How.
        closing: Closing,
    },
    /// The media plane says something about a participant.
    Media(Event),
    /// Time has passed.
    Tick,
}

/// Something that who may do it has the room do, whoever is in it.
#[derive(Debug, Clone, Copy)]
pub enum Order {
    /// Open all of the room's links again that wrong passwords have locked.
    Unlock,
    /// Delete the room.
    Delete,
    /// Make a link for a guest.
    MakeLink {
        /// Its fresh identifier.
        id: LinkId,
        /// What it is to be.
        link: GuestLink,
    },
    /// Hand a guest's link out: from now on its guest may consent.
    HandOutLink(LinkId),
    /// A link's guest consents.
    Consent {
        /// Which link.
        id: LinkId,
        /// What is kept of it.
        consent: Consent,
    },
    /// The consent to a link is withdrawn: throw out who came by it.
    WithdrawConsent(LinkId),
    /// Take a guest's link back, and throw out who came by it.
    RevokeLink(LinkId),
    /// Bind a stay to the device it gets a certificate for.
    Certify {
        /// The stay.
        participant: ParticipantId,
        /// Its resume token.
        token: Digest,
        /// The device.
        device: DeviceId,
    },
    /// End the stays that are bound to a device.
    EndDevice(DeviceId),
    /// Forget the guests' links that were over by then.
    ForgetLinks {
        /// When.
        over: Millis,
    },
}

/// Something to be done, in the order of the buffer, after every
/// [`Effect::Store`] of the buffer is durable.
#[derive(Debug)]
pub enum Effect {
    /// Write a change of the room down.
    Store(Change),
    /// Tell sockets something.
    Send {
        /// Which.
        to: Vec<ConnectionId>,
        /// What.
        frame: ServerFrame,
    },
    /// Close a socket once what was sent to it is out.
    Close {
        /// Which.
        connection: ConnectionId,
        /// With which code.
        code: CloseCode,
    },
    /// Command the media plane.
    Media(Command),
}

/// A change of what is stored of a room.
#[derive(Debug, Clone)]
pub enum Change {
    /// A stay began.
    StayBegan {
        /// Who.
        participant: ParticipantId,
        /// The resume token's digest.
        token: Digest,
        /// Whether the host key was given.
        host: bool,
        /// The guest's link by which they came.
        link: Option<LinkId>,
    },
    /// A guest's link was made.
    LinkMade {
        /// Which.
        id: LinkId,
        /// What it is.
        link: GuestLink,
    },
    /// Something has become of a guest's link.
    LinkStaged {
        /// Which.
        id: LinkId,
        /// What.
        stage: Stage,
    },
    /// Consent was given to a guest's link.
    LinkConsented {
        /// Which.
        id: LinkId,
        /// What is kept of it.
        consent: Consent,
    },
    /// A guest's link was over long ago.
    LinkForgotten {
        /// Which.
        id: LinkId,
    },
    /// A participant knocked, or knocked anew.
    Knocked {
        /// Who.
        participant: ParticipantId,
        /// The knock.
        knock: Knock,
    },
    /// A participant became a member.
    Joined {
        /// Who.
        participant: ParticipantId,
        /// Their first log entry.
        first: u32,
    },
    /// The password was tried, or wrong tries were forgiven.
    PasswordsTried {
        /// By which link.
        link: Door,
        /// The wrong tries there are now.
        failures: u32,
    },
    /// A stay was bound to the device it gets a certificate for.
    Certified {
        /// Whose.
        participant: ParticipantId,
        /// The device.
        device: DeviceId,
    },
    /// A stay is over.
    StayEnded {
        /// Whose.
        participant: ParticipantId,
    },
    /// A call began, at epoch 0.
    CallBegan,
    /// An entry was appended to the log.
    Logged(LogEntry),
    /// The oldest entries were given up.
    Trimmed {
        /// The first entry that is still there.
        first: u32,
    },
    /// The call's epoch went on.
    Advanced {
        /// The epoch that runs.
        epoch: u32,
        /// The MLS group id.
        group: Vec<u8>,
    },
    /// Senders were told to encrypt with this epoch.
    Activated {
        /// Which.
        epoch: u32,
    },
    /// A member left; the leaf is still in the tree.
    Departed {
        /// Who.
        participant: ParticipantId,
    },
    /// A host locked the room, or opened it again.
    RoomLocked {
        /// Whether it is locked.
        locked: bool,
    },
    /// A member became a host.
    HostMade {
        /// Who.
        participant: ParticipantId,
    },
    /// A member became a presenter.
    PresenterMade {
        /// Who.
        participant: ParticipantId,
    },
    /// The leaf of one who had left is out of the tree.
    Pruned {
        /// Who.
        participant: ParticipantId,
    },
    /// The call is over: nothing of it and of its stays remains, but for those
    /// that wait, if they wait on for the next one.
    CallEnded {
        /// Whether they do.
        waiting_stay: bool,
    },
    /// The room is gone.
    RoomDeleted,
}

//! One participant's stay in a room, from `enter` to `over`.

use super::words::Words;
use super::{ConnectionId, Digest, Millis};
use conclave_wire::client::{Member, Standing};
use conclave_wire::control::{Source, Wanted};
use conclave_wire::id::{Blob, DeviceId, LinkId, Mid, ParticipantId};
use std::time::Duration;

/// How long a stay outlives its socket. Longer survives longer outages, shorter
/// frees the tiles of those who are gone sooner.
pub const GRACE: Duration = Duration::from_secs(60);

/// The same for one who waits: a telephone that is laid aside sleeps, and keeps
/// its place. Longer shows the hosts people who have gone.
pub const WAITING_GRACE: Duration = Duration::from_secs(180);

/// How long the media plane may take to answer an offer.
pub const OFFER_LIMIT: Duration = Duration::from_secs(5);

/// A request to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knock {
    /// The MLS KeyPackage.
    pub key_package: Blob,
    /// The tag over it under the link secret.
    pub tag: Blob,
    /// When it came.
    pub since: Millis,
}

/// Where a stay stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Has not knocked.
    Arrived,
    /// Has knocked and waits.
    Waiting(Knock),
    /// Is a member of the call.
    Member {
        /// Their first log entry.
        first: u32,
        /// Their knock, if they fell behind and knock again.
        again: Option<Knock>,
    },
}

impl Place {
    /// How long a stay there outlives its socket.
    pub fn grace(&self) -> Duration {
        match self {
            Self::Waiting(_) => WAITING_GRACE,
            Self::Arrived | Self::Member { .. } => GRACE,
        }
    }
}

/// Whether a stay has a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// It has.
    Present(ConnectionId),
    /// It has none; the stay ends at this moment.
    Lost(Millis),
}

/// An offer the media plane has not answered.
#[derive(Debug)]
pub struct PendingOffer {
    /// The client's request.
    pub re: u32,
    /// The command's number.
    pub request: u64,
    /// When it is given up.
    pub deadline: Millis,
}

/// What this stay's present socket was last told of the things that are told
/// whole at each change.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The version of the roster.
    pub roster: Option<u64>,
    /// The version of the knocks.
    pub knocks: Option<u64>,
    /// The version of the knocks of members; 0 while there were none.
    pub resyncs: u64,
    /// `call_running` and `host_present`.
    pub waiting: Option<(bool, bool)>,
    /// That the guests' link is locked.
    pub locked: bool,
    /// That the room is locked.
    pub room_locked: bool,
    /// The slots that are paused.
    pub paused: Vec<Mid>,
    /// What is wanted of its sources.
    pub wanted: Vec<Wanted>,
}

/// One stay.
#[derive(Debug)]
pub struct Stay {
    /// The resume token's digest.
    pub token: Digest,
    /// Whether the host key was given, or a host has made them one.
    pub host: bool,
    /// Whether a host has made them a presenter.
    pub presenter: bool,
    /// The guest's link by which it came.
    pub guest_link: Option<LinkId>,
    /// The device that it has a certificate for.
    pub device: Option<DeviceId>,
    /// Where it stands.
    pub place: Place,
    /// Its socket.
    pub link: Link,
    /// What it has live.
    pub live: Vec<Source>,
    /// What is said through the door while it waits.
    pub words: Words,
    /// Whether the media plane holds no connection of it.
    pub media_lost: bool,
    /// Slots the media plane sends nothing to for want of bandwidth.
    pub paused: Vec<Mid>,
    /// What the media plane wants of its sources.
    pub wanted: Vec<Wanted>,
    /// Offers the media plane has not answered.
    pub offers: Vec<PendingOffer>,
    /// When it last knocked again, as a member; at most [`MAX_RESYNCS`].
    ///
    /// [`MAX_RESYNCS`]: crate::config::MAX_RESYNCS
    pub resyncs: Vec<Millis>,
    /// What its socket knows.
    pub told: Told,
}

impl Stay {
    /// A stay without a past.
    pub fn new(token: Digest, host: bool, link: Link) -> Self {
        Self {
            token,
            host,
            presenter: false,
            guest_link: None,
            device: None,
            place: Place::Arrived,
            link,
            live: Vec::new(),
            words: Words::default(),
            media_lost: true,
            paused: Vec::new(),
            wanted: Vec::new(),
            offers: Vec::new(),
            resyncs: Vec::new(),
            told: Told::default(),
        }
    }

    /// Its socket, if it has one.
    pub fn connection(&self) -> Option<ConnectionId> {
        match self.link {
            Link::Present(connection) => Some(connection),
            Link::Lost(_) => None,
        }
    }

    /// Its first log entry, if it is a member.
    pub fn first_entry(&self) -> Option<u32> {
        match self.place {
            Place::Member { first, .. } => Some(first),
            Place::Arrived | Place::Waiting(_) => None,
        }
    }

    /// Whether it is a member.
    pub fn is_member(&self) -> bool {
        self.first_entry().is_some()
    }

    /// Whether it waits.
    pub fn is_waiting(&self) -> bool {
        matches!(self.place, Place::Waiting(_))
    }

    /// Since when it waits, if it does.
    pub fn waiting_since(&self) -> Option<Millis> {
        match &self.place {
            Place::Waiting(knock) => Some(knock.since),
            Place::Arrived | Place::Member { .. } => None,
        }
    }

    /// Its knock, if it is a member that knocks again.
    pub fn knocks_again(&self) -> Option<&Knock> {
        match &self.place {
            Place::Member { again, .. } => again.as_ref(),
            Place::Arrived | Place::Waiting(_) => None,
        }
    }

    /// Where it stands, for the wire.
    pub fn standing(&self) -> Standing {
        match self.place {
            Place::Arrived => Standing::Arrived,
            Place::Waiting(_) => Standing::Waiting,
            Place::Member { .. } => Standing::Member,
        }
    }

    /// How the others see it.
    pub fn member(&self, participant: ParticipantId) -> Member {
        Member {
            participant,
            host: self.host,
            presenter: self.presenter,
            present: self.connection().is_some(),
            live: self.live.clone(),
        }
    }
}

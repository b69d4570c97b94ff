//! A room with clients that check what they get, and a store that can be
//! restarted from at any moment.

use super::super::framing::Content;
use super::super::framing::tests::{commit, private_message};
use super::super::link::GuestLink;
use super::super::password::{Door, Password, Tries};
use super::super::room::{StoredCall, StoredStay};
use super::super::stay::Place;
use super::super::{
    Change, Closing, ConnectionId, Digest, Effect, Guests, Input, Millis, Now, Order, Room,
    Snapshot, Token,
};
use conclave_wire::client::{LogEntry, LogEvent, Reason, Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::control::{Command, Event};
use conclave_wire::http::Sharing;
use conclave_wire::id::{Blob, LinkId, ParticipantId, RoomId};
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) const ROOM: RoomId = RoomId([0xaa; 16]);
const HOST_KEY: [u8; 32] = [0x55; 32];

/// Everything a client has been told.
#[derive(Debug, Default)]
pub(super) struct Client {
    pub(super) participant: Option<ParticipantId>,
    pub(super) connection: Option<ConnectionId>,
    pub(super) token: Vec<u8>,
    pub(super) frames: Vec<ServerFrame>,
    /// The number of the last entry it applied.
    pub(super) applied: u32,
    pub(super) over: Option<Reason>,
    pub(super) left: bool,
    pub(super) knocked: bool,
    pub(super) activated: Option<u32>,
    /// It is a member and knocks again.
    pub(super) again: bool,
    /// Entries that it needs may have been given up.
    pub(super) may_skip: bool,
}

impl Client {
    /// Whether it could come back, for all it knows.
    pub(super) fn is_here(&self) -> bool {
        self.over.is_none() && !self.left
    }
}

/// A room and its clients.
pub(super) struct World {
    pub(super) room: Room,
    pub(super) now: Millis,
    /// What the calendar was set to, if it says something else.
    pub(super) calendar: Option<Millis>,
    pub(super) clients: Vec<Client>,
    pub(super) media: Vec<Command>,
    pub(super) stored: Snapshot,
    /// The log of the running call, as any member was told of it.
    pub(super) told: BTreeMap<u32, LogEvent>,
    next: u64,
    re: u32,
}

impl World {
    pub(super) fn new() -> Self {
        let stored = Snapshot {
            id: ROOM,
            suite: 1,
            most: 100,
            host_key: Token::from_random(HOST_KEY).digest(),
            password: None,
            guests: Guests::Open,
            people: None,
            max_people: None,
            sharing: Sharing::All,
            marking: None,
            hosts_log_in: false,
            lobby: false,
            stays: vec![],
            call: None,
        };
        Self::of(stored)
    }

    /// A room of an organisation whose calls have so many members at most.
    pub(super) fn of_at_most(most: usize) -> Self {
        let mut world = Self::new();
        world.stored.most = most;
        Self::of(world.stored)
    }

    /// A room whose links have a password, proven by `proof`.
    pub(super) fn with_password(proof: [u8; 32]) -> Self {
        let mut world = Self::new();
        world.stored.password = Some(Password {
            proof: Token::from_random(proof).digest(),
            guest: Tries(0),
            host: Tries(0),
        });
        Self::of(world.stored)
    }

    /// A room whose guests come by links of their own.
    pub(super) fn scheduled() -> Self {
        let mut world = Self::new();
        world.stored.guests = Guests::ByLink(BTreeMap::new());
        Self::of(world.stored)
    }

    /// A room for so many people.
    pub(super) fn for_at_most(people: u32) -> Self {
        let mut world = Self::new();
        world.stored.max_people = Some(people);
        Self::of(world.stored)
    }

    /// A room whose calls are marked so.
    pub(super) fn marked(marking: &str) -> Self {
        let mut world = Self::new();
        world.stored.marking = Some(marking.to_owned());
        Self::of(world.stored)
    }

    /// A room of an organisation whose hosts log in.
    pub(super) fn hosts_log_in() -> Self {
        let mut world = Self::new();
        world.stored.hosts_log_in = true;
        Self::of(world.stored)
    }

    /// The same room, in whose calls others share their screens.
    pub(super) fn sharing(mut self, sharing: Sharing) -> Self {
        self.stored.sharing = sharing;
        Self::of(self.stored)
    }

    /// A room for consultations of so many people.
    pub(super) fn consultation(people: u8) -> Self {
        let mut world = Self::new();
        world.stored.people = Some(people);
        Self::of(world.stored)
    }

    /// The same with a password, proven by `proof`.
    pub(super) fn scheduled_with_password(proof: [u8; 32]) -> Self {
        let mut world = Self::with_password(proof);
        world.stored.guests = Guests::ByLink(BTreeMap::new());
        Self::of(world.stored)
    }

    fn of(stored: Snapshot) -> Self {
        Self {
            room: Room::restore(Millis(0), copy(&stored)),
            now: Millis(1_000_000),
            calendar: None,
            clients: vec![],
            media: vec![],
            stored,
            told: BTreeMap::new(),
            next: 1,
            re: 0,
        }
    }

    /// A client that has entered.
    pub(super) fn enter(&mut self, host: bool) -> usize {
        self.enter_with(host, None)
    }

    /// A client that wants to enter with this proof of a password.
    pub(super) fn enter_with(&mut self, host: bool, proof: Option<[u8; 32]>) -> usize {
        self.come(host, proof, None)
    }

    /// A guest who wants to enter by this link.
    pub(super) fn enter_by(&mut self, link: LinkId) -> usize {
        self.come(false, None, Some(link))
    }

    /// Somebody who wants to enter.
    pub(super) fn come(
        &mut self,
        host: bool,
        proof: Option<[u8; 32]>,
        link: Option<LinkId>,
    ) -> usize {
        let index = self.clients.len();
        let number = self.number();
        let connection = ConnectionId(number);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        self.clients.push(Client {
            participant: Some(ParticipantId(id)),
            connection: Some(connection),
            token: vec![number as u8; 32],
            ..Client::default()
        });
        self.input(Input::Enter {
            connection,
            re: 0,
            host_key: host.then(|| Token::from_random(HOST_KEY).digest()),
            password: proof.map(|proof| Token::from_random(proof).digest()),
            link,
            participant: ParticipantId(id),
            token: Token::from_random([number as u8; 32]),
        });
        index
    }

    pub(super) fn id(&self, client: usize) -> ParticipantId {
        self.clients[client].participant.expect("has entered")
    }

    /// Sends a request; the frame that answers it, if one did at once.
    pub(super) fn request(&mut self, client: usize, request: Request) -> Option<ServerFrame> {
        let connection = self.clients[client].connection?;
        self.re += 1;
        let re = self.re;
        let before = self.clients[client].frames.len();
        self.input(Input::Request {
            connection,
            re,
            request,
        });
        let mut answers = self.clients[client].frames[before..]
            .iter()
            .filter(|frame| {
                matches!(frame,
                ServerFrame::Ack { re: of }
                | ServerFrame::Answer { re: of, .. }
                | ServerFrame::Error { re: Some(of), .. } if *of == re)
            });
        let answer = answers.next().cloned();
        assert!(answers.next().is_none(), "answered twice");
        answer
    }

    /// The code with which a request is refused.
    pub(super) fn refused(&mut self, client: usize, request: Request) -> Code {
        match self.request(client, request) {
            Some(ServerFrame::Error { code, .. }) => code,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub(super) fn done(&mut self, client: usize, request: Request) {
        let answer = self.request(client, request);
        assert!(
            matches!(answer, Some(ServerFrame::Ack { .. })),
            "{answer:?}"
        );
    }

    pub(super) fn knock(&mut self, client: usize) {
        self.done(client, knock(client));
    }

    /// A member knocks again; every `nth` has another KeyPackage.
    pub(super) fn knock_again(&mut self, client: usize, nth: u8) {
        self.done(client, knock_again(client, nth));
        self.clients[client].again = true;
    }

    /// The commit a client would send for `epoch`.
    pub(super) fn commit_of(
        &self,
        client: usize,
        epoch: u32,
        adds: &[usize],
        removes: &[usize],
    ) -> Request {
        let ids = |clients: &[usize]| clients.iter().map(|client| self.id(*client)).collect();
        let group = [ROOM.as_bytes(), &[7; 16]].concat();
        Request::Commit {
            epoch,
            message: Blob(commit(&group, epoch.into(), &[client as u8; 40])),
            adds: ids(adds),
            welcome: (!adds.is_empty()).then(|| Blob(b"welcome".to_vec())),
            removes: ids(removes),
        }
    }

    /// What a client would say to all in `epoch`; another `nth` is another
    /// message.
    pub(super) fn post_of(&self, client: usize, epoch: u32, nth: u8) -> Request {
        let group = [ROOM.as_bytes(), &[7; 16]].concat();
        let body = [client as u8, nth];
        let message = private_message(Content::Application, &group, epoch.into(), &body);
        Request::Post {
            epoch,
            message: Blob(message),
        }
    }

    /// The epoch that runs, as the log tells.
    pub(super) fn epoch(&self) -> u32 {
        let commits = |event: &&LogEvent| matches!(event, LogEvent::Commit { .. });
        u32::try_from(self.told.values().filter(commits).count()).expect("fits")
    }

    pub(super) fn admit(&mut self, host: usize, newcomer: usize) {
        self.knock(newcomer);
        let commit = self.commit_of(host, self.epoch(), &[newcomer], &[]);
        self.done(host, commit);
    }

    /// A call of a host (0) and some members (1 …).
    pub(super) fn call_of(members: usize) -> Self {
        let mut world = Self::new();
        let host = world.enter(true);
        world.done(host, Request::StartCall {});
        for _ in 1..members {
            let newcomer = world.enter(false);
            world.admit(host, newcomer);
        }
        world
    }

    pub(super) fn drop_socket(&mut self, client: usize, closing: Closing) {
        if let Some(connection) = self.clients[client].connection.take() {
            self.clients[client].left |= closing == Closing::Left;
            self.input(Input::Closed {
                connection,
                closing,
            });
        }
    }

    /// Resumes on a new socket; the frames that came at once.
    pub(super) fn resume(&mut self, client: usize) -> Vec<ServerFrame> {
        let number = self.number();
        let connection = ConnectionId(number);
        let previous = self.clients[client].connection.replace(connection);
        let token: [u8; 32] = self.clients[client]
            .token
            .clone()
            .try_into()
            .expect("a token");
        let before = self.clients[client].frames.len();
        let input = Input::Resume {
            connection,
            re: 0,
            participant: self.id(client),
            token: Token::from_random(token),
            after: self.clients[client].applied,
        };
        let mut effects = Vec::new();
        self.room.handle(self.what_time(), input, &mut effects);
        // The replaced socket is told so, and nothing else.
        effects.retain(|effect| match effect {
            Effect::Send { to, frame }
                if previous.is_some() && to.contains(&previous.expect("some")) =>
            {
                assert!(matches!(
                    frame,
                    ServerFrame::Over {
                        reason: Reason::Replaced
                    }
                ));
                false
            }
            _ => true,
        });
        self.execute(effects);
        self.clients[client].frames[before..].to_vec()
    }

    pub(super) fn pass(&mut self, span: Duration) {
        self.now = self.now + span;
        self.input(Input::Tick);
    }

    pub(super) fn media_event(&mut self, event: Event) {
        self.input(Input::Media(event));
    }

    /// The process is killed and started again: every socket is gone.
    pub(super) fn restart(&mut self) {
        self.room = Room::restore(self.now, copy(&self.stored));
        for client in &mut self.clients {
            client.connection = None;
        }
    }

    fn what_time(&self) -> Now {
        Now {
            timer: self.now,
            calendar: self.calendar.unwrap_or(self.now),
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn input(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.room.handle(self.what_time(), input, &mut effects);
        self.execute(effects);
    }

    pub(super) fn order(&mut self, order: Order) -> Result<(), Code> {
        let mut effects = Vec::new();
        let verdict = self.room.order(self.what_time(), order, &mut effects);
        assert!(verdict.is_ok() || effects.is_empty(), "{effects:?}");
        self.execute(effects);
        verdict
    }

    fn execute(&mut self, effects: Vec<Effect>) {
        for effect in &effects {
            if let Effect::Store(change) = effect {
                self.store(change);
            }
        }
        self.assert_durable();
        for effect in effects {
            match effect {
                Effect::Store(_) => {}
                Effect::Media(command) => self.media.push(command),
                Effect::Send { to, frame } => {
                    for connection in to {
                        self.deliver(connection, &frame);
                    }
                }
                Effect::Close { connection, .. } => {
                    for client in &mut self.clients {
                        if client.connection == Some(connection) {
                            client.connection = None;
                            client.left = true;
                        }
                    }
                }
            }
        }
    }

    /// A room that is loaded now is the room that runs.
    fn assert_durable(&self) {
        let mut stored: Vec<_> = self
            .stored
            .stays
            .iter()
            .map(|stay| {
                let place = stay.place.clone();
                let roles = (stay.host, stay.presenter);
                (stay.participant, stay.token, roles, stay.link, place)
            })
            .collect();
        stored.sort_by_key(|(participant, ..)| *participant);
        let running: Vec<_> = self
            .room
            .stays
            .iter()
            .map(|(participant, stay)| {
                let place = stay.place.clone();
                let roles = (stay.host, stay.presenter);
                (*participant, stay.token, roles, stay.guest_link, place)
            })
            .collect();
        assert_eq!(stored, running);
        assert_eq!(self.stored.guests, self.room.guests);
        assert_eq!(self.stored.password, self.room.password);
        let stored = self.stored.call.as_ref().map(|call| {
            let last = call.log.last().map_or(0, |entry| entry.seq);
            let departed = call.departed.iter().copied().collect();
            (call.epoch, call.active, last + 1, departed, call.locked)
        });
        let running = self.room.call.as_ref().map(|call| {
            let (log, switch) = (&call.log, &call.switch);
            (
                log.epoch(),
                switch.active(),
                log.next(),
                call.departed.clone(),
                call.locked,
            )
        });
        assert_eq!(stored, running);
    }

    /// What no client may ever see differently.
    fn deliver(&mut self, connection: ConnectionId, frame: &ServerFrame) {
        let client = self
            .clients
            .iter_mut()
            .find(|client| client.connection == Some(connection))
            .expect("nothing is sent to a socket that is gone");
        assert!(client.over.is_none(), "over is the last frame");
        let me = client.participant.expect("has entered");
        match frame {
            ServerFrame::Entry(LogEntry { seq, event }) => {
                let mut shared = event.clone();
                if let LogEvent::Commit { adds, welcome, .. } = &mut shared {
                    assert_eq!(welcome.is_some(), adds.contains(&me), "whose welcome");
                    *welcome = None;
                }
                let told = self.told.entry(*seq).or_insert_with(|| shared.clone());
                assert_eq!(*told, shared, "one log for everybody");
                if client.applied == 0 {
                    let admitted = match event {
                        LogEvent::Started { by } => *by == me,
                        LogEvent::Commit { adds, .. } => adds.contains(&me),
                        LogEvent::Left { .. } => false,
                    };
                    assert!(admitted, "the first entry is the own admission");
                } else {
                    let back = matches!(event, LogEvent::Commit { adds, .. } if adds.contains(&me));
                    assert_eq!(client.again && back, back, "who did not knock again");
                    let next = *seq == client.applied + 1;
                    let skips = (back || client.may_skip) && *seq > client.applied;
                    assert!(next || skips, "no entry is missing or repeated");
                    client.again &= !back;
                }
                client.applied = *seq;
            }
            ServerFrame::Activate { epoch } => {
                assert!(client.applied > 0, "only members are told of epochs");
                assert!(client.activated.is_none_or(|last| last <= *epoch));
                client.activated = Some(*epoch);
            }
            ServerFrame::Posted { by, epoch, .. } => {
                assert!(client.applied > 0 && *by != me, "to the other members");
                let commits = |event: &&LogEvent| matches!(event, LogEvent::Commit { .. });
                let running = self.told.values().filter(commits).count();
                assert_eq!(*epoch as usize, running, "of the epoch that runs");
            }
            ServerFrame::Told { .. } => {
                assert!(client.applied == 0, "only to those who wait");
            }
            ServerFrame::Devices { participant, .. } => {
                assert!(client.applied > 0 && *participant != me, "to members");
            }
            ServerFrame::Roster { members } => {
                assert!(members.iter().any(|member| member.participant == me));
            }
            ServerFrame::Over { reason } => client.over = Some(*reason),
            _ => {}
        }
        client.frames.push(frame.clone());
    }

    fn store(&mut self, change: &Change) {
        let stays = &mut self.stored.stays;
        let stay = |stays: &mut Vec<StoredStay>, who: &ParticipantId, place: Place| {
            let stay = stays.iter_mut().find(|stay| stay.participant == *who);
            stay.expect("a stored stay").place = place;
        };
        let call = self.stored.call.as_mut();
        match change {
            Change::StayBegan {
                participant,
                token,
                host,
                link,
            } => stays.push(StoredStay {
                participant: *participant,
                token: *token,
                host: *host,
                presenter: false,
                link: *link,
                device: None,
                place: Place::Arrived,
            }),
            Change::Knocked { participant, knock } => {
                let before = stays.iter().find(|stay| stay.participant == *participant);
                let place = match before.expect("a stored stay").place {
                    Place::Member { first, .. } => Place::Member {
                        first,
                        again: Some(knock.clone()),
                    },
                    _ => Place::Waiting(knock.clone()),
                };
                stay(stays, participant, place);
            }
            Change::Joined { participant, first } => {
                let (first, again) = (*first, None);
                stay(stays, participant, Place::Member { first, again });
            }
            Change::Certified {
                participant,
                device,
            } => {
                let bound = |stay: &&mut StoredStay| stay.participant == *participant;
                stays.iter_mut().find(bound).expect("a stored stay").device = Some(*device);
            }
            Change::StayEnded { participant } => {
                stays.retain(|stay| stay.participant != *participant);
            }
            Change::CallBegan => {
                self.told.clear();
                self.stored.call = Some(StoredCall {
                    epoch: 0,
                    active: 0,
                    group: None,
                    log: vec![],
                    departed: vec![],
                    locked: false,
                });
            }
            Change::Logged(entry) => {
                let log = &mut call.expect("a call").log;
                assert_eq!(entry.seq, log.last().map_or(1, |last| last.seq + 1));
                log.push(entry.clone());
            }
            Change::Trimmed { first } => {
                let log = &mut call.expect("a call").log;
                log.retain(|entry| entry.seq >= *first);
            }
            Change::Advanced { epoch, group } => {
                let call = call.expect("a call");
                assert_eq!(*epoch, call.epoch + 1, "one commit an epoch");
                call.epoch = *epoch;
                call.group = Some(group.clone());
            }
            Change::Activated { epoch } => call.expect("a call").active = *epoch,
            Change::RoomLocked { locked } => call.expect("a call").locked = *locked,
            Change::HostMade { participant } => {
                let made = |stay: &&mut StoredStay| stay.participant == *participant;
                stays.iter_mut().find(made).expect("a stored stay").host = true;
            }
            Change::PresenterMade { participant } => {
                let made = |stay: &&mut StoredStay| stay.participant == *participant;
                stays
                    .iter_mut()
                    .find(made)
                    .expect("a stored stay")
                    .presenter = true;
            }
            Change::Departed { participant } => {
                call.expect("a call").departed.push(*participant);
            }
            Change::Pruned { participant } => {
                call.expect("a call")
                    .departed
                    .retain(|who| who != participant);
            }
            Change::CallEnded { waiting_stay } => {
                self.stored.call = None;
                let waits = |stay: &StoredStay| matches!(stay.place, Place::Waiting(_));
                self.stored
                    .stays
                    .retain(|stay| *waiting_stay && waits(stay));
            }
            Change::PasswordsTried { link, failures } => {
                let password = self.stored.password.as_mut().expect("a password");
                let tries = match link {
                    Door::Guest => &mut password.guest,
                    Door::Host => &mut password.host,
                    Door::Link(id) => &mut self.link(id).tries,
                };
                *tries = Tries(*failures);
            }
            Change::LinkMade { id, link } => {
                assert!(self.links().insert(*id, *link).is_none(), "made twice");
            }
            Change::LinkConsented { id, consent } => self.link(id).consent = Some(*consent),
            Change::LinkStaged { id, stage } => self.link(id).stage = *stage,
            Change::LinkForgotten { id } => {
                self.links().remove(id).expect("a link");
            }
            Change::RoomDeleted => {}
        }
    }

    fn links(&mut self) -> &mut BTreeMap<LinkId, GuestLink> {
        match &mut self.stored.guests {
            Guests::ByLink(links) => links,
            Guests::Open => panic!("no room of links"),
        }
    }

    fn link(&mut self, id: &LinkId) -> &mut GuestLink {
        self.links().get_mut(id).expect("a link")
    }

    /// Nothing of a call that is over is stored.
    pub(super) fn nothing_is_stored(&self) -> bool {
        self.stored.stays.is_empty() && self.stored.call.is_none()
    }
}

/// A word to `client`; another `nth` is another word.
pub(super) fn word_to(participant: ParticipantId, nth: u8) -> Request {
    Request::Tell {
        participant,
        word: Blob(vec![nth; 831]),
    }
}

pub(super) fn knock(client: usize) -> Request {
    Request::Knock {
        key_package: Blob(vec![client as u8 + 1; 300]),
        tag: Blob(vec![3; 32]),
    }
}

pub(super) fn knock_again(client: usize, nth: u8) -> Request {
    Request::Knock {
        key_package: Blob(vec![client as u8 + 1, nth, 1]),
        tag: Blob(vec![4; 32]),
    }
}

fn copy(stored: &Snapshot) -> Snapshot {
    let call = stored.call.as_ref().map(|call| StoredCall {
        epoch: call.epoch,
        active: call.active,
        group: call.group.clone(),
        log: call.log.clone(),
        departed: call.departed.clone(),
        locked: call.locked,
    });
    Snapshot {
        id: stored.id,
        suite: stored.suite,
        most: stored.most,
        host_key: Digest(stored.host_key.0),
        password: stored.password,
        guests: stored.guests.clone(),
        people: stored.people,
        max_people: stored.max_people,
        sharing: stored.sharing,
        marking: stored.marking.clone(),
        hosts_log_in: stored.hosts_log_in,
        lobby: stored.lobby,
        stays: stored
            .stays
            .iter()
            .map(|stay| StoredStay {
                participant: stay.participant,
                token: stay.token,
                host: stay.host,
                presenter: stay.presenter,
                link: stay.link,
                device: stay.device,
                place: stay.place.clone(),
            })
            .collect(),
        call,
    }
}

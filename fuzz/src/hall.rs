//! A room with guests at its doors, and a store that can be started from at
//! any moment. Everything that the room says goes through [`Hall::deliver`],
//! which holds it to `docs/protocol.md` section 3.

use conclave_signaling::domain::epoch::READY_LIMIT;
use conclave_signaling::domain::link::GuestLink;
use conclave_signaling::domain::password::{Door, Password, Tries};
use conclave_signaling::domain::room::{StoredCall, StoredStay};
use conclave_signaling::domain::stay::Place;
use conclave_signaling::domain::{
    Change, Closing, ConnectionId, Digest, Effect, Guests, Input, Millis, Now, Order, Room,
    Snapshot, Token,
};
use conclave_wire::client::{LogEntry, LogEvent, Reason, Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::control::{Command, Event};
use conclave_wire::http::Sharing;
use conclave_wire::id::{DeviceId, LinkId, ParticipantId, RoomId};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// The room.
pub const ROOM: RoomId = RoomId([0xc0; 16]);

const HOST_KEY: [u8; 32] = [0x55; 32];
const PROOF: [u8; 32] = [0x66; 32];

/// What one who entered knows.
#[derive(Debug)]
pub struct Guest {
    /// Who.
    pub participant: ParticipantId,
    /// The socket, if there is one.
    pub connection: Option<ConnectionId>,
    /// Frames that were sent and not yet looked at.
    pub inbox: VecDeque<ServerFrame>,
    /// The number of the last entry that was sent.
    pub told: u32,
    /// The number of the entry that admitted the guest.
    pub first: u32,
    /// The epoch that was last said to be active.
    pub active: u32,
    /// Why the stay is over, if it is; leaving is a reason, too.
    pub over: Option<Reason>,
    token: [u8; 32],
    /// Numbers of requests that are not answered.
    asked: Vec<u32>,
}

/// The room, and who came to it.
pub struct Hall {
    /// The machine.
    pub room: Room,
    /// What time it is.
    pub now: Millis,
    /// Everybody who ever entered.
    pub guests: Vec<Guest>,
    /// Requests to the media plane that were not answered.
    pub offers: VecDeque<(ParticipantId, u64)>,
    /// The log of the call that runs, or of the last, without welcomes.
    pub log: BTreeMap<u32, LogEvent>,
    stored: Snapshot,
    next: u64,
}

impl Default for Hall {
    fn default() -> Self {
        Self::with(Guests::Open)
    }
}

impl Hall {
    /// A room whose guests come by links of their own.
    pub fn scheduled() -> Self {
        Self::with(Guests::ByLink(BTreeMap::new()))
    }

    fn with(guests: Guests) -> Self {
        let stored = Snapshot {
            id: ROOM,
            suite: 1,
            most: 100,
            host_key: Token::from_random(HOST_KEY).digest(),
            password: Some(Password {
                proof: Token::from_random(PROOF).digest(),
                guest: Tries(4),
                host: Tries(0),
            }),
            guests,
            people: None,
            max_people: None,
            sharing: Sharing::All,
            marking: None,
            hosts_log_in: false,
            lobby: false,
            stays: vec![],
            call: None,
        };
        let now = Millis(1_000_000);
        Self {
            room: Room::restore(now, copy(&stored)),
            now,
            guests: vec![],
            offers: VecDeque::new(),
            log: BTreeMap::new(),
            stored,
            next: 1,
        }
    }

    /// Somebody enters, with the host key or without.
    pub fn enter(&mut self, host: bool) -> usize {
        self.come(host, None)
    }

    /// A guest wants to enter by a link.
    pub fn enter_by(&mut self, link: LinkId) -> usize {
        self.come(false, Some(link))
    }

    fn come(&mut self, host: bool, link: Option<LinkId>) -> usize {
        let index = self.guests.len();
        let connection = self.connection();
        // What the service draws by chance is only different here.
        let participant = ParticipantId([index as u8 + 1; 16]);
        let token = [index as u8 + 1; 32];
        self.guests.push(Guest {
            participant,
            connection: Some(connection),
            inbox: VecDeque::new(),
            told: 0,
            first: 0,
            active: 0,
            over: None,
            token,
            asked: vec![],
        });
        self.input(Input::Enter {
            connection,
            re: 0,
            host_key: host.then(|| Token::from_random(HOST_KEY).digest()),
            password: Some(Token::from_random(PROOF).digest()),
            link,
            participant,
            token: Token::from_random(token),
        });
        index
    }

    /// Makes a guest's link.
    ///
    /// # Errors
    /// As the room says.
    pub fn make_link(&mut self, id: LinkId, link: GuestLink) -> Result<(), Code> {
        self.order(Order::MakeLink { id, link })
    }

    /// Takes a guest's link back.
    ///
    /// # Errors
    /// As the room says.
    pub fn revoke_link(&mut self, id: LinkId) -> Result<(), Code> {
        self.order(Order::RevokeLink(id))
    }

    /// Binds a guest's stay to a device: if there is one, and to no second.
    pub fn certify(&mut self, guest: usize, device: DeviceId) {
        let Guest {
            participant, token, ..
        } = self.guests[guest];
        let mut stays = self.stored.stays.iter();
        let expected = match stays.find(|stay| stay.participant == participant) {
            None => Err(Code::Gone),
            Some(stay) if stay.device.is_none_or(|bound| bound == device) => Ok(()),
            Some(_) => Err(Code::OtherDevice),
        };
        let done = self.order(Order::Certify {
            participant,
            token: Token::from_random(token).digest(),
            device,
        });
        assert_eq!(done, expected);
    }

    /// Ends the stays of a device: nobody who is bound to it stays.
    pub fn end_device(&mut self, device: DeviceId) {
        assert_eq!(self.order(Order::EndDevice(device)), Ok(()));
        let mut stays = self.stored.stays.iter();
        assert!(stays.all(|stay| stay.device != Some(device)), "still here");
    }

    /// The guests' links as they are stored.
    pub fn links(&self) -> impl Iterator<Item = (LinkId, &GuestLink)> {
        self.stored.guests.links()
    }

    /// Those who came by a link and are here: whether each is a member.
    pub fn came_by(&self, link: LinkId) -> impl Iterator<Item = bool> {
        let stays = self.stored.stays.iter();
        let stays = stays.filter(move |stay| stay.link == Some(link));
        stays.map(|stay| matches!(stay.place, Place::Member { .. }))
    }

    /// Whether everybody here is a host or came by a link.
    pub fn everybody_has_a_link(&self) -> bool {
        let mut stays = self.stored.stays.iter();
        stays.all(|stay| stay.host || stay.link.is_some())
    }

    /// Asks for something; the answer, unless it comes later.
    pub fn ask(&mut self, guest: usize, request: Request) -> Option<ServerFrame> {
        let connection = self.guests[guest].connection?;
        let re = u32::try_from(self.next).expect("short");
        self.next += 1;
        let later = matches!(request, Request::Offer { .. });
        self.guests[guest].asked.push(re);
        let before = self.guests[guest].inbox.len();
        self.input(Input::Request {
            connection,
            re,
            request,
        });
        let guest = &mut self.guests[guest];
        let answer = guest
            .inbox
            .iter()
            .skip(before)
            .position(|frame| answers(frame) == Some(re));
        let answer = answer.and_then(|at| guest.inbox.remove(before + at));
        assert!(later || answer.is_some(), "not answered");
        answer
    }

    /// A socket is gone.
    pub fn close(&mut self, guest: usize, closing: Closing) {
        let guest = &mut self.guests[guest];
        guest.asked.clear();
        if let Some(connection) = guest.connection.take() {
            if closing == Closing::Left {
                guest.over.get_or_insert(Reason::Ended);
            }
            self.input(Input::Closed {
                connection,
                closing,
            });
        }
    }

    /// Somebody comes back on another socket, having applied the entries up to
    /// `after`. Whether they may.
    pub fn resume(&mut self, guest: usize, after: u32) -> bool {
        let connection = self.connection();
        let returning = &mut self.guests[guest];
        returning.connection = Some(connection);
        returning.asked.clear();
        returning.told = match after < returning.first {
            true => 0,
            false => returning.told.min(after),
        };
        let (participant, token) = (returning.participant, returning.token);
        self.input(Input::Resume {
            connection,
            re: 0,
            participant,
            token: Token::from_random(token),
            after,
        });
        self.guests[guest].connection == Some(connection)
    }

    /// Time goes by.
    pub fn pass(&mut self, span: Duration) {
        self.now = self.now + span;
        self.input(Input::Tick);
    }

    /// The media plane says something.
    pub fn media(&mut self, event: Event) {
        self.input(Input::Media(event));
    }

    /// The process is killed and started again.
    pub fn restart(&mut self) {
        self.room = Room::restore(self.now, copy(&self.stored));
        self.offers.clear();
        for guest in &mut self.guests {
            guest.connection = None;
            guest.asked.clear();
        }
    }

    /// Whether a guest could come back, for all it knows.
    pub fn is_here(&self, guest: usize) -> bool {
        self.guests[guest].over.is_none()
    }

    /// Whether a host has locked the room.
    pub fn is_locked(&self) -> bool {
        self.stored.call.as_ref().is_some_and(|call| call.locked)
    }

    /// The epoch that runs, as the log tells.
    pub fn epoch(&self) -> u32 {
        let commits = |event: &&LogEvent| matches!(event, LogEvent::Commit { .. });
        u32::try_from(self.log.values().filter(commits).count()).expect("short")
    }

    /// Everybody goes, and the time to come back runs out: nothing remains.
    pub fn empty(mut self) {
        for guest in 0..self.guests.len() {
            self.close(guest, Closing::Lost);
        }
        self.pass(Duration::from_secs(181));
        assert!(self.room.is_idle());
        assert_eq!(self.room.deadline(), None);
        assert!(self.stored.stays.is_empty() && self.stored.call.is_none());
    }

    fn connection(&mut self) -> ConnectionId {
        self.next += 1;
        ConnectionId(self.next)
    }

    fn input(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.room.handle(self.what_time(), input, &mut effects);
        self.perform(effects);
    }

    fn order(&mut self, order: Order) -> Result<(), Code> {
        let mut effects = Vec::new();
        let verdict = self.room.order(self.what_time(), order, &mut effects);
        assert!(verdict.is_ok() || effects.is_empty(), "{effects:?}");
        self.perform(effects);
        verdict
    }

    fn what_time(&self) -> Now {
        Now {
            timer: self.now,
            calendar: self.now,
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in &effects {
            if let Effect::Store(change) = effect {
                self.is_allowed(change);
                self.store(change);
            }
        }
        for effect in effects {
            match effect {
                Effect::Store(_) => {}
                Effect::Media(command) => {
                    if let Command::Connect {
                        participant,
                        request,
                        ..
                    } = command
                    {
                        self.offers.push_back((participant, request));
                    }
                }
                Effect::Send { to, frame } => {
                    for connection in to {
                        self.deliver(connection, &frame);
                    }
                }
                Effect::Close { connection, .. } => {
                    let at = |guest: &&mut Guest| guest.connection == Some(connection);
                    if let Some(guest) = self.guests.iter_mut().find(at) {
                        guest.connection = None;
                        guest.over.get_or_insert(Reason::Ended);
                    }
                }
            }
        }
        let due = self.room.deadline();
        assert!(due.is_none_or(|due| due > self.now), "what is due was done");
        self.is_stored();
    }

    /// What runs is what would be loaded.
    fn is_stored(&self) {
        let members = |stay: &&StoredStay| matches!(stay.place, Place::Member { .. });
        let members = self.stored.stays.iter().filter(members).count();
        assert_eq!(self.room.member_count(), members);
        assert_eq!(self.room.has_call(), self.stored.call.is_some());
        let idle = self.stored.stays.is_empty() && self.stored.call.is_none();
        assert_eq!(self.room.is_idle(), idle);
        if let Some(call) = &self.stored.call {
            assert!(members > 0, "a call without members");
            assert!(call.active <= call.epoch);
            let soon = self.now + READY_LIMIT;
            let waits = self.room.deadline().is_some_and(|due| due <= soon);
            assert!(
                waits || call.active == call.epoch,
                "an epoch waits for ever"
            );
            assert_eq!(call.epoch, self.epoch());
            assert_eq!(
                call.log.last().map_or(0, |entry| entry.seq) as usize,
                self.log.len()
            );
        }
    }

    /// What nobody may ever see differently.
    fn deliver(&mut self, connection: ConnectionId, frame: &ServerFrame) {
        let running = self.epoch();
        let at = |guest: &&mut Guest| guest.connection == Some(connection);
        let Some(guest) = self.guests.iter_mut().find(at) else {
            // A socket that another of the same stay has replaced is told that.
            let reason = Reason::Replaced;
            assert_eq!(*frame, ServerFrame::Over { reason }, "to nobody");
            return;
        };
        assert_eq!(guest.over, None, "over is the last frame");
        let me = guest.participant;
        if let Some(re) = answers(frame).filter(|re| *re != 0) {
            let asked = guest.asked.iter().position(|asked| *asked == re);
            guest.asked.remove(asked.expect("answered once, if asked"));
        }
        match frame {
            ServerFrame::Entry(LogEntry { seq, event }) => {
                let mut shared = event.clone();
                if let LogEvent::Commit { adds, welcome, .. } = &mut shared {
                    assert_eq!(welcome.is_some(), adds.contains(&me), "whose welcome");
                    *welcome = None;
                }
                assert_eq!(self.log.get(seq), Some(&shared), "one log for everybody");
                let admitted = match event {
                    LogEvent::Started { by } => *by == me,
                    LogEvent::Commit { adds, .. } => adds.contains(&me),
                    LogEvent::Left { .. } => false,
                };
                let next = *seq == guest.told + 1;
                let back = admitted && *seq > guest.told;
                assert!(back || next && guest.told != 0, "entry {seq}");
                // Or let in again, after it fell behind.
                if admitted {
                    guest.first = *seq;
                }
                guest.told = *seq;
            }
            ServerFrame::Activate { epoch } => {
                assert!(guest.told > 0, "only members are told of epochs");
                assert!((guest.active..=self.log.len() as u32).contains(epoch));
                guest.active = *epoch;
            }
            ServerFrame::Posted { by, epoch, .. } => {
                assert!(*by != me && guest.told > 0, "to the other members");
                assert_eq!(*epoch, running, "of the epoch that runs");
            }
            ServerFrame::Told { .. } => assert_eq!(guest.told, 0, "to those who wait"),
            ServerFrame::Devices { participant, .. } => {
                assert!(*participant != me && guest.told > 0, "to members");
            }
            ServerFrame::Roster { members } => {
                assert!(members.iter().any(|member| member.participant == me));
            }
            ServerFrame::Over { reason } => guest.over = Some(*reason),
            _ => {}
        }
        guest.inbox.push_back(frame.clone());
    }

    /// Only a host admits while a host is here; whoever fell behind is brought
    /// back by anybody else.
    fn is_allowed(&self, change: &Change) {
        let Change::Logged(LogEntry { event, .. }) = change else {
            return;
        };
        let LogEvent::Commit {
            by, adds, removes, ..
        } = event
        else {
            return;
        };
        if adds == removes {
            return assert!(!adds.contains(by), "nobody brings themselves back");
        }
        let is_here = |who: &ParticipantId| {
            let mut guests = self.guests.iter();
            guests.any(|guest| guest.participant == *who && guest.connection.is_some())
        };
        let is_member = |stay: &&StoredStay| matches!(stay.place, Place::Member { .. });
        let hosts = self.stored.stays.iter().filter(|stay| stay.host);
        let hosts = hosts.filter(is_member).map(|stay| stay.participant);
        let mut hosts = hosts.filter(|host| !adds.contains(host) && is_here(host));
        let by_host = hosts.clone().any(|host| host == *by);
        assert!(adds.is_empty() || by_host || hosts.next().is_none());
    }

    fn store(&mut self, change: &Change) {
        fn stay<'a>(stored: &'a mut Snapshot, who: &ParticipantId) -> &'a mut StoredStay {
            let mut stays = stored.stays.iter_mut();
            let stay = stays.find(|stay| stay.participant == *who);
            stay.expect("a stored stay")
        }
        let stored = &mut self.stored;
        let call = "a stored call";
        match change {
            Change::StayBegan {
                participant,
                token,
                host,
                link,
            } => stored.stays.push(StoredStay {
                participant: *participant,
                token: *token,
                host: *host,
                presenter: false,
                link: *link,
                device: None,
                place: Place::Arrived,
            }),
            Change::Knocked { participant, knock } => {
                let place = &mut stay(stored, participant).place;
                match place {
                    Place::Member { again, .. } => *again = Some(knock.clone()),
                    Place::Arrived | Place::Waiting(_) => *place = Place::Waiting(knock.clone()),
                }
            }
            Change::Joined { participant, first } => {
                let place = &mut stay(stored, participant).place;
                let knocked = !matches!(place, Place::Member { again: None, .. });
                assert!(knocked, "a member comes back unasked");
                let (first, again) = (*first, None);
                *place = Place::Member { first, again };
            }
            Change::Certified {
                participant,
                device,
            } => stay(stored, participant).device = Some(*device),
            Change::StayEnded { participant } => {
                stay(stored, participant);
                stored.stays.retain(|stay| stay.participant != *participant);
            }
            Change::RoomLocked { locked } => stored.call.as_mut().expect(call).locked = *locked,
            Change::HostMade { participant } => stay(stored, participant).host = true,
            Change::PresenterMade { participant } => stay(stored, participant).presenter = true,
            Change::CallBegan => {
                self.log.clear();
                assert!(stored.call.is_none(), "one call");
                stored.call = Some(StoredCall {
                    epoch: 0,
                    active: 0,
                    group: None,
                    log: vec![],
                    departed: vec![],
                    locked: false,
                });
            }
            Change::Logged(entry) => {
                let log = &mut stored.call.as_mut().expect(call).log;
                let next = log.last().map_or(1, |last| last.seq + 1);
                assert_eq!(entry.seq, next, "no entry is lost");
                log.push(entry.clone());
                let mut shared = entry.event.clone();
                if let LogEvent::Commit { welcome, .. } = &mut shared {
                    *welcome = None;
                }
                assert_eq!(self.log.insert(entry.seq, shared), None);
            }
            Change::Trimmed { first } => {
                let log = &mut stored.call.as_mut().expect(call).log;
                log.retain(|entry| entry.seq >= *first);
            }
            Change::Advanced { epoch, group } => {
                let call = stored.call.as_mut().expect(call);
                assert_eq!(*epoch, call.epoch + 1, "one winner an epoch");
                assert!(call.group.as_ref().is_none_or(|known| known == group));
                call.epoch = *epoch;
                call.group = Some(group.clone());
            }
            Change::Activated { epoch } => {
                let call = stored.call.as_mut().expect(call);
                assert!(*epoch > call.active, "never back");
                call.active = *epoch;
            }
            Change::Departed { participant } => {
                stored
                    .call
                    .as_mut()
                    .expect(call)
                    .departed
                    .push(*participant);
            }
            Change::Pruned { participant } => {
                let departed = &mut stored.call.as_mut().expect(call).departed;
                let at = departed.iter().position(|who| who == participant);
                departed.remove(at.expect("who has departed"));
            }
            Change::PasswordsTried { link, failures } => {
                let password = "a password";
                let tries = match link {
                    Door::Guest => &mut stored.password.as_mut().expect(password).guest,
                    Door::Host => &mut stored.password.as_mut().expect(password).host,
                    Door::Link(id) => &mut links(stored).get_mut(id).expect("a link").tries,
                };
                *tries = Tries(*failures);
            }
            Change::LinkMade { id, link } => {
                assert!(links(stored).insert(*id, *link).is_none(), "made twice");
            }
            Change::LinkStaged { id, stage } => {
                links(stored).get_mut(id).expect("a link").stage = *stage;
            }
            Change::LinkConsented { id, consent } => {
                links(stored).get_mut(id).expect("a link").consent = Some(*consent);
            }
            Change::LinkForgotten { id } => {
                links(stored).remove(id).expect("a link");
            }
            // The hall's calls are no consultations: nobody waits on.
            Change::CallEnded { .. } | Change::RoomDeleted => {
                stored.call = None;
                stored.stays.clear();
            }
        }
    }
}

/// The request that a frame answers.
fn answers(frame: &ServerFrame) -> Option<u32> {
    match frame {
        ServerFrame::Ack { re }
        | ServerFrame::Answer { re, .. }
        | ServerFrame::Entered { re, .. } => Some(*re),
        ServerFrame::Error { re, .. } => *re,
        _ => None,
    }
}

fn links(stored: &mut Snapshot) -> &mut BTreeMap<LinkId, GuestLink> {
    match &mut stored.guests {
        Guests::ByLink(links) => links,
        Guests::Open => panic!("the room has no guests' links"),
    }
}

fn copy(stored: &Snapshot) -> Snapshot {
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
        stays: stored.stays.iter().map(copy_stay).collect(),
        call: stored.call.as_ref().map(|call| StoredCall {
            epoch: call.epoch,
            active: call.active,
            group: call.group.clone(),
            log: call.log.clone(),
            departed: call.departed.clone(),
            locked: call.locked,
        }),
    }
}

fn copy_stay(stay: &StoredStay) -> StoredStay {
    StoredStay {
        participant: stay.participant,
        token: stay.token,
        host: stay.host,
        presenter: stay.presenter,
        link: stay.link,
        device: stay.device,
        place: stay.place.clone(),
    }
}

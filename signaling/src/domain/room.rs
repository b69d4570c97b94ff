//! One room: who is in it, and what each of them may do
//! (`docs/protocol.md` sections 3 and 6). [`Room::handle`] is the whole
//! machine; the requests of members are in [`super::request`].

use super::board::Board;
use super::call::Call;
use super::delivery::{self, Log};
use super::effect::{Change, CloseCode, Closing, ConnectionId, Effect, Input, Millis, Now, Order};
use super::epoch::Switch;
use super::guests::Guests;
use super::notice::Notices;
use super::password::{Door, Password, Tried, Tries};
use super::resync::Resyncs;
use super::stay::{Link, Place, Stay, Told};
use super::{Digest, Token};
use crate::config;
use conclave_wire::client::{LogEntry, LogEvent, Reason, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::control::{Command, Event};
use conclave_wire::http::Sharing;
use conclave_wire::id::{Blob, DeviceId, LinkId, ParticipantId, RoomId};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A room's machine.
pub struct Room {
    pub(super) id: RoomId,
    suite: u16,
    /// Members a call has at most.
    pub(super) most: usize,
    host_key: Digest,
    pub(super) password: Option<Password>,
    pub(super) guests: Guests,
    /// For how many people its calls are, if they are consultations.
    pub(super) people: Option<u8>,
    /// For how many people its calls are at most, if that was said of it.
    pub(super) max_people: Option<u32>,
    /// Who shares a screen in its calls.
    pub(super) sharing: Sharing,
    /// What its calls are marked as, if they are.
    pub(super) marking: Option<String>,
    /// Whether hosts need a certificate beside the host key.
    pub(super) hosts_log_in: bool,
    /// Whether hosts' clients let nobody in unasked.
    lobby: bool,
    pub(super) stays: BTreeMap<ParticipantId, Stay>,
    connections: HashMap<ConnectionId, ParticipantId>,
    pub(super) call: Option<Call>,
    pub(super) notices: Notices,
    pub(super) resyncs: Resyncs,
    /// The number of the next offer to the media plane.
    pub(super) next_offer: u64,
}

/// A room as it was stored.
#[derive(Debug)]
pub struct Snapshot {
    /// The room.
    pub id: RoomId,
    /// The MLS ciphersuite of its calls.
    pub suite: u16,
    /// Members a call may have in its organisation.
    pub most: usize,
    /// The host key's digest.
    pub host_key: Digest,
    /// Its links' password, if they have one.
    pub password: Option<Password>,
    /// How guests come in.
    pub guests: Guests,
    /// For how many people its calls are, if they are consultations.
    pub people: Option<u8>,
    /// For how many people its calls are at most, if that was said of it.
    pub max_people: Option<u32>,
    /// Who shares a screen in its calls.
    pub sharing: Sharing,
    /// What its calls are marked as, if they are.
    pub marking: Option<String>,
    /// Whether hosts need a certificate beside the host key, as its organisation
    /// says.
    pub hosts_log_in: bool,
    /// Whether hosts' clients let nobody in unasked, as its organisation says.
    pub lobby: bool,
    /// The stays that were not over.
    pub stays: Vec<StoredStay>,
    /// The call, if one runs.
    pub call: Option<StoredCall>,
}

/// A stay as it was stored.
#[derive(Debug)]
pub struct StoredStay {
    /// Whose.
    pub participant: ParticipantId,
    /// The resume token's digest.
    pub token: Digest,
    /// Whether the host key was given.
    pub host: bool,
    /// Whether a host has made them a presenter.
    pub presenter: bool,
    /// The guest's link by which it came.
    pub link: Option<LinkId>,
    /// The device that it has a certificate for.
    pub device: Option<DeviceId>,
    /// Where it stands.
    pub place: Place,
}

/// A call as it was stored.
#[derive(Debug)]
pub struct StoredCall {
    /// The epoch that runs.
    pub epoch: u32,
    /// The epoch activated last.
    pub active: u32,
    /// The MLS group id, from the first commit on.
    pub group: Option<Vec<u8>>,
    /// The entries, ascending.
    pub log: Vec<LogEntry>,
    /// Who left and is still in the tree.
    pub departed: Vec<ParticipantId>,
    /// Whether a host has locked the room.
    pub locked: bool,
}

impl Room {
    /// The room as it was stored. No socket outlived the process: everyone has
    /// [`Place::grace`] to come back, and must offer media anew.
    pub fn restore(now: Millis, stored: Snapshot) -> Self {
        let stays = stored.stays.into_iter().map(|stay| {
            let lost = Link::Lost(now + stay.place.grace());
            let mut restored = Stay::new(stay.token, stay.host, lost);
            restored.place = stay.place;
            restored.guest_link = stay.link;
            restored.device = stay.device;
            restored.presenter = stay.presenter;
            (stay.participant, restored)
        });
        Self {
            id: stored.id,
            suite: stored.suite,
            most: stored.most.min(config::MAX_MEMBERS),
            host_key: stored.host_key,
            password: stored.password,
            guests: stored.guests,
            people: stored.people,
            max_people: stored.max_people,
            sharing: stored.sharing,
            marking: stored.marking,
            hosts_log_in: stored.hosts_log_in,
            lobby: stored.lobby,
            stays: stays.collect(),
            connections: HashMap::new(),
            call: stored.call.map(|call| Call {
                switch: Switch::new(now, call.active, call.epoch),
                log: Log::restore(call.log.into(), call.epoch, call.group),
                board: Board::default(),
                departed: call.departed.into_iter().collect(),
                locked: call.locked,
                banned: BTreeSet::new(),
            }),
            notices: Notices::default(),
            resyncs: Resyncs::default(),
            next_offer: 0,
        }
    }

    /// Whether nobody is here and nothing runs: the machine can be put away.
    pub fn is_idle(&self) -> bool {
        self.stays.is_empty() && self.call.is_none()
    }

    /// Whether a call runs.
    pub fn has_call(&self) -> bool {
        self.call.is_some()
    }

    /// How many members the call has.
    pub fn member_count(&self) -> usize {
        self.stays.values().filter(|stay| stay.is_member()).count()
    }

    /// How many people its calls are for, if that was said of it.
    pub(super) fn most_people(&self) -> Option<usize> {
        let most = self.people.map(u32::from).or(self.max_people)?;
        usize::try_from(most).ok()
    }

    /// Whether as many are in the call as the room is for. To a consultation
    /// the next one comes early and waits.
    fn is_complete(&self) -> bool {
        let most = self.most_people().filter(|_| self.people.is_none());
        most.is_some_and(|most| self.member_count() >= most)
    }

    /// When [`Input::Tick`] is due.
    pub fn deadline(&self) -> Option<Millis> {
        let stays = self.stays.values().flat_map(|stay| {
            let lost = match stay.link {
                Link::Lost(until) => Some(until),
                Link::Present(_) => None,
            };
            lost.into_iter()
                .chain(stay.offers.iter().map(|offer| offer.deadline))
        });
        let switch = self.call.as_ref().and_then(|call| call.switch.deadline());
        stays.chain(switch).min()
    }

    /// Takes one input and appends what is to be done.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Enter {
                connection,
                re,
                host_key,
                password,
                link,
                participant,
                token,
            } => {
                let ticket = Ticket {
                    host_key,
                    password,
                    link,
                };
                self.enter(now, (connection, re), ticket, (participant, token), out);
            }
            Input::Resume {
                connection,
                re,
                participant,
                token,
                after,
            } => self.resume(connection, re, (participant, token), after, out),
            Input::Request {
                connection,
                re,
                request,
            } => {
                if let Some(participant) = self.connections.get(&connection).copied() {
                    self.answer(now.timer, (participant, connection, re), request, out);
                }
            }
            Input::Closed {
                connection,
                closing,
            } => self.closed(now.timer, connection, closing, out),
            Input::Media(event) => self.media(event, out),
            Input::Tick => {}
        }
        self.expire(now.timer, out);
        self.settle(now, out);
    }

    /// Does what who may have it done wants, and appends the rest of it.
    ///
    /// # Errors
    /// The code to refuse it with; then nothing of it was done.
    pub fn order(&mut self, now: Now, order: Order, out: &mut Vec<Effect>) -> Result<(), Code> {
        match order {
            Order::Unlock => {
                self.unlock(Door::Host, out);
                self.unlock_guests(out);
            }
            Order::Delete => {
                self.end_call(out);
                out.push(Effect::Store(Change::RoomDeleted));
            }
            Order::MakeLink { id, link } => self.make_link(now.calendar, (id, link), out)?,
            Order::HandOutLink(id) => self.hand_out_link(now.calendar, id, out)?,
            Order::Consent { id, consent } => {
                self.consent_to_link(now.calendar, (id, consent), out)?;
            }
            Order::WithdrawConsent(id) => self.withdraw_consent(id, out)?,
            Order::RevokeLink(id) => self.revoke_link(id, out)?,
            Order::Certify {
                participant,
                token,
                device,
            } => self.certify((participant, token), device, out)?,
            Order::EndDevice(device) => self.end_device(device, out),
            Order::ForgetLinks { over } => self.forget_links(over, out),
        }
        self.expire(now.timer, out);
        self.settle(now, out);
        Ok(())
    }

    fn enter(
        &mut self,
        now: Now,
        (connection, re): (ConnectionId, u32),
        ticket: Ticket,
        (participant, token): (ParticipantId, Token),
        out: &mut Vec<Effect>,
    ) {
        let Ticket {
            host_key,
            password,
            link,
        } = ticket;
        let door = match host_key {
            Some(_) if link.is_some() => Err(Code::BadMessage),
            Some(given) if given != self.host_key => Err(Code::Unauthorized),
            Some(_) => Ok(Door::Host),
            None => self.guests.door(now.calendar, link),
        };
        let door = match door {
            Ok(door) => door,
            Err(code) => return turn_away(connection, re, code, out),
        };
        // Before anything else is said: not even that the room is full.
        if let Err(frame) = self.hear_password(re, door, password, out) {
            out.push(send(connection, *frame));
            let code = CloseCode::Refused;
            return out.push(Effect::Close { connection, code });
        }
        let host = host_key.is_some();
        if !host && self.is_locked() {
            return turn_away(connection, re, Code::RoomLocked, out);
        }
        if !host && self.is_complete() {
            return turn_away(connection, re, Code::PeopleLimit, out);
        }
        if self.stays.len() >= config::MAX_STAYS {
            return turn_away(connection, re, Code::Full, out);
        }
        let digest = token.digest();
        let mut stay = Stay::new(digest, host, Link::Present(connection));
        stay.media_lost = false;
        stay.guest_link = link;
        out.push(Effect::Store(Change::StayBegan {
            participant,
            token: digest,
            host,
            link,
        }));
        out.push(self.entered(connection, re, (participant, token), &stay));
        self.connections.insert(connection, participant);
        self.stays.insert(participant, stay);
    }

    /// Lets pass who proves the password; else gives the frame to refuse with.
    fn hear_password(
        &mut self,
        re: u32,
        link: Door,
        proof: Option<Digest>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Box<ServerFrame>> {
        let Some((right, tries)) = self.tries(link) else {
            return Ok(());
        };
        let (changed, code) = match tries.hear(right, proof) {
            Tried::Right { forgiven } => (forgiven, None),
            Tried::Wrong(code) => (true, Some(code)),
            Tried::Unheard(code) => (false, Some(code)),
        };
        let tries = *tries;
        if changed {
            let failures = tries.0;
            out.push(Effect::Store(Change::PasswordsTried { link, failures }));
        }
        let Some(code) = code else { return Ok(()) };
        let mut frame = refusal(re, code);
        if let (Code::PasswordWrong, ServerFrame::Error { tries_left, .. }) = (code, &mut frame) {
            *tries_left = Some(tries.left());
        }
        Err(Box::new(frame))
    }

    /// What proves the password, and the tries by a link; nothing if there is
    /// no password.
    fn tries(&mut self, link: Door) -> Option<(Digest, &mut Tries)> {
        let password = self.password.as_mut()?;
        let tries = match link {
            Door::Guest => &mut password.guest,
            Door::Host => &mut password.host,
            Door::Link(id) => self.guests.tries(id)?,
        };
        Some((password.proof, tries))
    }

    /// Forgets the wrong passwords that were tried by a link.
    fn unlock(&mut self, link: Door, out: &mut Vec<Effect>) {
        if let Some((_, tries)) = self.tries(link)
            && tries.forgive()
        {
            let failures = tries.0;
            out.push(Effect::Store(Change::PasswordsTried { link, failures }));
        }
    }

    /// Forgets the wrong passwords that were tried by the links of guests.
    pub(super) fn unlock_guests(&mut self, out: &mut Vec<Effect>) {
        let links: Vec<LinkId> = self.guests.links().map(|(id, _)| id).collect();
        self.unlock(Door::Guest, out);
        for id in links {
            self.unlock(Door::Link(id), out);
        }
    }

    /// Whether wrong passwords have locked a link of guests that would open,
    /// by the calendar.
    pub(super) fn is_a_link_locked(&self, now: Millis) -> bool {
        let room = self
            .password
            .is_some_and(|password| password.guest.is_locked());
        let mut links = self.guests.links();
        room || links.any(|(_, link)| link.tries.is_locked() && link.opens(now).is_ok())
    }

    fn resume(
        &mut self,
        connection: ConnectionId,
        re: u32,
        (participant, token): (ParticipantId, Token),
        after: u32,
        out: &mut Vec<Effect>,
    ) {
        let Some(mut stay) = self.stays.remove(&participant) else {
            return turn_away(connection, re, Code::Gone, out);
        };
        if stay.token != token.digest() {
            self.stays.insert(participant, stay);
            return turn_away(connection, re, Code::Unauthorized, out);
        }
        let missed = self.missed(participant, &stay, after);
        if let Some(previous) = stay.connection() {
            self.connections.remove(&previous);
            tell_over(previous, Reason::Replaced, out);
        }
        stay.link = Link::Present(connection);
        stay.told = Told::default();
        // The client sends what was not answered again, on this socket.
        stay.offers.clear();
        out.push(self.entered(connection, re, (participant, token), &stay));
        for entry in missed {
            out.push(send(connection, ServerFrame::Entry(entry)));
        }
        out.extend(stay.words.again().map(|told| send(connection, told)));
        if let (Some(call), true) = (&self.call, stay.is_member()) {
            let epoch = call.switch.active();
            out.push(send(connection, ServerFrame::Activate { epoch }));
            let posts = call.board.posts(call.log.epoch(), participant);
            out.extend(posts.map(|posted| send(connection, posted)));
        }
        self.connections.insert(connection, participant);
        self.stays.insert(participant, stay);
    }

    /// The entries after `after` that the stay may see. If some of them are
    /// given up, the newest alone: its number says so, and the member knocks
    /// again.
    fn missed(&self, reader: ParticipantId, stay: &Stay, after: u32) -> Vec<LogEntry> {
        let (Some(call), Some(first)) = (&self.call, stay.first_entry()) else {
            return Vec::new();
        };
        let from = after.saturating_add(1).max(first);
        let missed = call.log.since(from, reader);
        missed.unwrap_or_else(|| call.log.newest(reader).into_iter().collect())
    }

    fn entered(
        &self,
        connection: ConnectionId,
        re: u32,
        (participant, token): (ParticipantId, Token),
        stay: &Stay,
    ) -> Effect {
        let frame = ServerFrame::Entered {
            re,
            participant,
            token: Blob(token.expose().to_vec()),
            host: stay.host,
            suite: self.suite,
            standing: stay.standing(),
            media_lost: stay.media_lost,
            sharing: self.sharing,
            marking: self.marking.clone(),
            lobby: self.lobby,
        };
        send(connection, frame)
    }

    fn closed(
        &mut self,
        now: Millis,
        connection: ConnectionId,
        closing: Closing,
        out: &mut Vec<Effect>,
    ) {
        let Some(participant) = self.connections.remove(&connection) else {
            return;
        };
        match closing {
            Closing::Left => self.depart(participant, out),
            Closing::Lost => {
                if let Some(stay) = self.stays.get_mut(&participant) {
                    stay.link = Link::Lost(now + stay.place.grace());
                    stay.offers.clear();
                }
            }
        }
    }

    fn media(&mut self, event: Event, out: &mut Vec<Effect>) {
        match event {
            Event::Answer {
                participant,
                request,
                answer,
            } => self.negotiated(participant, request, Ok(answer), out),
            Event::Refused {
                participant,
                request,
                code,
            } => self.negotiated(participant, request, Err(code), out),
            Event::Connected { .. } => {}
            Event::Lost { participant } => {
                let Some(stay) = self.stays.get_mut(&participant) else {
                    return;
                };
                stay.media_lost = true;
                stay.paused.clear();
                stay.wanted.clear();
                if let Some(connection) = stay.connection() {
                    out.push(send(connection, ServerFrame::MediaLost {}));
                }
            }
            Event::Paused { participant, slots } => {
                if let Some(stay) = self.stays.get_mut(&participant) {
                    stay.paused = slots;
                }
            }
            Event::Wanted {
                participant,
                sources,
            } => {
                if let Some(stay) = self.stays.get_mut(&participant) {
                    stay.wanted = sources;
                }
            }
        }
    }

    /// Passes the media plane's verdict on an offer on, unless the offer was
    /// given up.
    fn negotiated(
        &mut self,
        participant: ParticipantId,
        request: u64,
        verdict: Result<String, Code>,
        out: &mut Vec<Effect>,
    ) {
        let Some(stay) = self.stays.get_mut(&participant) else {
            return;
        };
        let Some(index) = stay
            .offers
            .iter()
            .position(|offer| offer.request == request)
        else {
            return;
        };
        let re = stay.offers.swap_remove(index).re;
        let frame = match verdict {
            Ok(sdp) => {
                stay.media_lost = false;
                ServerFrame::Answer { re, sdp }
            }
            Err(code) => refusal(re, code),
        };
        if let Some(connection) = stay.connection() {
            out.push(send(connection, frame));
        }
    }

    /// Ends what has lasted too long.
    fn expire(&mut self, now: Millis, out: &mut Vec<Effect>) {
        for stay in self.stays.values_mut() {
            let Link::Present(connection) = stay.link else {
                continue;
            };
            stay.offers.retain(|offer| {
                let expired = offer.deadline <= now;
                if expired {
                    out.push(send(connection, refusal(offer.re, Code::MediaUnavailable)));
                }
                !expired
            });
        }
        let lost: Vec<ParticipantId> = self
            .stays
            .iter()
            .filter(|(_, stay)| matches!(stay.link, Link::Lost(until) if until <= now))
            .map(|(participant, _)| *participant)
            .collect();
        for participant in lost {
            self.depart(participant, out);
        }
    }

    /// Ends a stay because its participant left or was lost.
    pub(super) fn depart(&mut self, participant: ParticipantId, out: &mut Vec<Effect>) {
        let Some(stay) = self.end_stay(participant, out) else {
            return;
        };
        if !stay.is_member() {
            return;
        }
        if self.member_count() == 0 {
            return self.end_call(out);
        }
        let Some(call) = &mut self.call else { return };
        call.departed.insert(participant);
        out.push(Effect::Store(Change::Departed { participant }));
        // The numbers of a log are used up after 2^32 entries; a call that has
        // come so far ends.
        if self.log(LogEvent::Left { participant }, out).is_err() {
            self.end_call(out);
        }
    }

    /// Takes a stay out; a member is cut off from media before anything else.
    pub(super) fn end_stay(
        &mut self,
        participant: ParticipantId,
        out: &mut Vec<Effect>,
    ) -> Option<Stay> {
        let stay = self.stays.remove(&participant)?;
        if let Some(connection) = stay.connection() {
            self.connections.remove(&connection);
        }
        out.push(Effect::Store(Change::StayEnded { participant }));
        if stay.is_member() {
            out.push(Effect::Media(Command::Disconnect { participant }));
        }
        Some(stay)
    }

    /// Appends to the log and tells every present member.
    pub(super) fn log(&mut self, event: LogEvent, out: &mut Vec<Effect>) -> Result<(), Code> {
        let call = self.call.as_mut().ok_or(Code::NoCall)?;
        let entry = call.log.append(event)?;
        out.push(Effect::Store(Change::Logged(entry.clone())));
        if let Some(first) = call.log.trim() {
            out.push(Effect::Store(Change::Trimmed { first }));
        }
        let added: BTreeSet<ParticipantId> = match &entry.event {
            LogEvent::Commit { adds, .. } => adds.iter().copied().collect(),
            LogEvent::Started { .. } | LogEvent::Left { .. } => BTreeSet::new(),
        };
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for (participant, stay) in self.present_members() {
            let to = if added.contains(participant) {
                &mut new
            } else {
                &mut old
            };
            to.extend(stay.connection());
        }
        for (to, entry) in [(old, delivery::without_welcome(&entry)), (new, entry)] {
            if !to.is_empty() {
                out.push(Effect::Send {
                    to,
                    frame: ServerFrame::Entry(entry),
                });
            }
        }
        Ok(())
    }

    /// Ends the call and every stay in the room, but for those that wait for a
    /// consultation: theirs is the next one, and who was before them is none of
    /// their business.
    pub(super) fn end_call(&mut self, out: &mut Vec<Effect>) {
        let waiting_stay = self.people.is_some();
        self.call = None;
        self.end_links(out);
        out.push(Effect::Store(Change::CallEnded { waiting_stay }));
        out.push(Effect::Media(Command::Close { room: self.id }));
        let (waiting, ended): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut self.stays)
            .into_iter()
            .partition(|(_, stay)| waiting_stay && stay.is_waiting());
        self.connections
            .retain(|_, participant| waiting.contains_key(participant));
        self.stays = waiting;
        for connection in ended.values().filter_map(Stay::connection) {
            tell_over(connection, Reason::Ended, out);
        }
    }

    /// The members that have a socket.
    pub(super) fn present_members(&self) -> impl Iterator<Item = (&ParticipantId, &Stay)> {
        self.stays
            .iter()
            .filter(|(_, stay)| stay.is_member() && stay.connection().is_some())
    }

    /// Whether members that are no hosts may admit: where no host is present,
    /// and never to a consultation.
    pub(super) fn all_may_admit(&self) -> bool {
        self.people.is_none() && !self.host_present()
    }

    /// Whether a host is in the call.
    pub(super) fn host_present(&self) -> bool {
        self.present_members().any(|(_, stay)| stay.host)
    }
}

/// What somebody shows who wants to enter.
struct Ticket {
    host_key: Option<Digest>,
    password: Option<Digest>,
    link: Option<LinkId>,
}

/// One frame to one socket.
pub(super) fn send(connection: ConnectionId, frame: ServerFrame) -> Effect {
    Effect::Send {
        to: vec![connection],
        frame,
    }
}

/// The answer that refuses a request.
pub(super) fn refusal(re: u32, code: Code) -> ServerFrame {
    ServerFrame::Error {
        re: Some(re),
        code,
        missed: vec![],
        tries_left: None,
    }
}

/// The last frame of a stay, and the end of its socket.
pub(super) fn tell_over(connection: ConnectionId, reason: Reason, out: &mut Vec<Effect>) {
    out.push(send(connection, ServerFrame::Over { reason }));
    out.push(Effect::Close {
        connection,
        code: CloseCode::Done,
    });
}

/// Refuses a socket that has no stay yet.
fn turn_away(connection: ConnectionId, re: u32, code: Code, out: &mut Vec<Effect>) {
    out.push(send(connection, refusal(re, code)));
    out.push(Effect::Close {
        connection,
        code: match code {
            Code::Full | Code::PeopleLimit => CloseCode::TryLater,
            _ => CloseCode::Refused,
        },
    });
}

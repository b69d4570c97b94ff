//! What a participant may ask for, each with the checks of
//! `docs/protocol.md` in their order. A refused request changes nothing.

use super::board::Posted;
use super::call::Call;
use super::delivery::{Offered, Verdict};
use super::effect::{Change, CloseCode, ConnectionId, Effect, Millis};
use super::role::InCall;
use super::room::{Room, refusal, send, tell_over};
use super::stay::{Knock, Link, OFFER_LIMIT, PendingOffer, Place, Stay};
use super::words::Words;
use crate::config;
use conclave_wire::client::{LogEntry, LogEvent, Reason, Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::control::{Command, Sending, SlotAssignment, Source};
use conclave_wire::id::{Blob, ParticipantId};
use std::collections::BTreeSet;

/// How a request that was not refused is answered.
enum Done {
    /// With an acknowledgement.
    Ack,
    /// With one, and then the socket is closed.
    AckAndClose,
    /// Later, by the media plane.
    Later,
}

/// Why a request is refused.
struct Refusal {
    code: Code,
    missed: Vec<LogEntry>,
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self {
            code,
            missed: Vec::new(),
        }
    }
}

/// A commit as it was requested.
pub(super) struct Commit {
    epoch: u32,
    message: Blob,
    pub(super) adds: Vec<ParticipantId>,
    welcome: Option<Blob>,
    pub(super) removes: Vec<ParticipantId>,
}

impl Room {
    /// Does what a participant asks for, or refuses it.
    pub(super) fn answer(
        &mut self,
        now: Millis,
        (sender, connection, re): (ParticipantId, ConnectionId, u32),
        request: Request,
        out: &mut Vec<Effect>,
    ) {
        let answer = out.len();
        let done = match request {
            // Only the first frame of a socket may be one of these.
            Request::Enter { .. } | Request::Resume { .. } => Err(Code::Forbidden.into()),
            Request::StartCall {} => self.start_call(now, sender, out),
            Request::Knock { key_package, tag } => {
                let knock = Knock {
                    key_package,
                    tag,
                    since: now,
                };
                self.knock(now, sender, knock, out)
            }
            Request::Commit {
                epoch,
                message,
                adds,
                welcome,
                removes,
            } => {
                let commit = Commit {
                    epoch,
                    message,
                    adds,
                    welcome,
                    removes,
                };
                self.commit(now, sender, commit, out)
            }
            Request::Tell { participant, word } => self.tell(now, sender, (participant, word), out),
            Request::ShowDevices { devices } => self
                .show_devices(now, sender, devices, out)
                .map(|()| Done::Ack)
                .map_err(Refusal::from),
            Request::Refuse { participant } => self.refuse(sender, participant, out),
            Request::Ready { epoch } => self.ready(sender, epoch),
            Request::Post { epoch, message } => self.post(sender, epoch, message, out),
            Request::Offer { sdp, sending } => self.offer(now, (sender, re), (sdp, sending), out),
            Request::Assign { slots } => self.assign(sender, slots, out),
            Request::Live { sources } => self.live(sender, sources),
            Request::Leave {} => {
                self.depart(sender, out);
                Ok(Done::AckAndClose)
            }
            Request::EndCall {} => {
                self.if_may(sender, InCall::EndForAll, |room| room.end_call_for_all(out))
            }
            Request::Unlock {} => self.if_may(sender, InCall::UnlockLinks, |room| {
                room.unlock_for_guests(out)
            }),
            Request::Lock { locked } => {
                self.if_may(sender, InCall::Lock, |room| room.lock(locked, out))
            }
            Request::Mute { participant } => self.if_may(sender, InCall::MuteOthers, |room| {
                room.mute(sender, participant, out)
            }),
            Request::MakeHost { participant } => self.if_may(sender, InCall::MakeHost, |room| {
                room.make_host(participant, out)
            }),
            Request::MakePresenter { participant } => {
                self.if_may(sender, InCall::MakePresenter, |room| {
                    room.make_presenter(participant, out)
                })
            }
            Request::Ping {} => Ok(Done::Ack),
        };
        // The answer comes before what follows from the request: `over` is the
        // last frame of a stay, the sender's own too.
        match done {
            Ok(Done::Later) => {}
            Ok(Done::Ack) => out.insert(answer, send(connection, ServerFrame::Ack { re })),
            Ok(Done::AckAndClose) => {
                out.insert(answer, send(connection, ServerFrame::Ack { re }));
                let code = CloseCode::Done;
                out.push(Effect::Close { connection, code });
            }
            Err(Refusal { code, missed }) => {
                let mut frame = refusal(re, code);
                if let ServerFrame::Error { missed: with, .. } = &mut frame {
                    *with = missed;
                }
                out.push(send(connection, frame));
            }
        }
    }

    fn stay(&self, participant: ParticipantId) -> Result<&Stay, Code> {
        self.stays.get(&participant).ok_or(Code::Gone)
    }

    fn member(&self, participant: ParticipantId) -> Result<&Stay, Code> {
        let stay = self.stay(participant)?;
        if stay.is_member() {
            Ok(stay)
        } else {
            Err(Code::Forbidden)
        }
    }

    /// Does what not everybody may have done.
    fn if_may(
        &mut self,
        sender: ParticipantId,
        action: InCall,
        what: impl FnOnce(&mut Self) -> Result<(), Code>,
    ) -> Result<Done, Refusal> {
        self.may(self.stay(sender)?, action)?;
        what(self)?;
        Ok(Done::Ack)
    }

    fn start_call(
        &mut self,
        now: Millis,
        sender: ParticipantId,
        out: &mut Vec<Effect>,
    ) -> Result<Done, Refusal> {
        let stay = self.stay(sender)?;
        self.may(stay, InCall::StartCall)?;
        self.may_take_part(stay)?;
        if self.call.is_some() {
            // Sent again after a resume: the sender did begin this call.
            return match stay.place {
                Place::Member { first: 1, .. } => Ok(Done::Ack),
                _ => Err(Code::CallRunning.into()),
            };
        }
        self.call = Some(Call::begin(now));
        out.push(Effect::Store(Change::CallBegan));
        self.join(now, sender, 1, out);
        self.log(LogEvent::Started { by: sender }, out)?;
        Ok(Done::Ack)
    }

    fn join(&mut self, now: Millis, participant: ParticipantId, first: u32, out: &mut Vec<Effect>) {
        if let Some(stay) = self.stays.get_mut(&participant) {
            stay.place = Place::Member { first, again: None };
            stay.words = Words::default();
            // Let in while away: from now on a member who is awaited.
            if let Link::Lost(until) = &mut stay.link {
                *until = now + stay.place.grace();
            }
            let link = stay.guest_link;
            out.push(Effect::Store(Change::Joined { participant, first }));
            if let Some(id) = link {
                self.let_in_by(id, out);
            }
        }
    }

    fn knock(
        &mut self,
        now: Millis,
        sender: ParticipantId,
        mut knock: Knock,
        out: &mut Vec<Effect>,
    ) -> Result<Done, Refusal> {
        if knock.key_package.0.len() > config::MAX_KEY_PACKAGE {
            return Err(Code::TooLarge.into());
        }
        if knock.key_package.0.is_empty() || knock.tag.0.len() != config::KNOCK_TAG_LEN {
            return Err(Code::BadMessage.into());
        }
        self.may_take_part(self.stay(sender)?)?;
        let waiting = self.stays.values().filter(|stay| stay.is_waiting()).count();
        let stay = self.stays.get_mut(&sender).ok_or(Code::Gone)?;
        match &stay.place {
            Place::Member { .. } => {
                self.knock_again(now, sender, knock, out)?;
                return Ok(Done::Ack);
            }
            Place::Arrived if waiting >= config::MAX_KNOCKS => return Err(Code::Full.into()),
            Place::Arrived => {}
            Place::Waiting(earlier) => {
                knock.since = earlier.since;
                if *earlier == knock {
                    return Ok(Done::Ack);
                }
                self.notices.knocks_changed();
            }
        }
        stay.place = Place::Waiting(knock.clone());
        stay.told.waiting = None;
        // What was said so far is sealed for the earlier knock.
        stay.words = Words::default();
        out.push(Effect::Store(Change::Knocked {
            participant: sender,
            knock,
        }));
        Ok(Done::Ack)
    }

    pub(super) fn may_admit(&self, stay: &Stay) -> bool {
        stay.is_member() && self.may(stay, InCall::Admit).is_ok()
    }

    fn commit(
        &mut self,
        now: Millis,
        sender: ParticipantId,
        commit: Commit,
        out: &mut Vec<Effect>,
    ) -> Result<Done, Refusal> {
        let Some(group) = self.check_commit(sender, &commit)? else {
            return Ok(Done::Ack);
        };
        let resync = self.is_resync(sender, &commit)?;
        // Nobody is to be kept from hearing one who has fallen behind.
        let removal = !resync && !commit.removes.is_empty();
        let next = commit.epoch.checked_add(1).ok_or(Code::Full)?;
        let call = self.call.as_mut().ok_or(Code::NoCall)?;
        let first = call.log.next();
        call.log.set_group(group.clone());
        out.push(Effect::Store(Change::Advanced { epoch: next, group }));
        if resync {
            for participant in &commit.adds {
                self.rejoin(now, *participant, first, out);
            }
        } else {
            for participant in &commit.removes {
                self.close_link_of(*participant, out);
                self.remove(*participant, out);
            }
            for participant in &commit.adds {
                self.join(now, *participant, first, out);
            }
        }
        let event = LogEvent::Commit {
            epoch: commit.epoch,
            by: sender,
            message: commit.message,
            adds: commit.adds,
            removes: commit.removes,
            welcome: commit.welcome,
        };
        self.log(event, out)?;
        if let Some(call) = &mut self.call {
            if removal {
                call.switch.activate(next);
                self.tell_activated(next, out);
            } else {
                call.switch.committed(now, next);
            }
        }
        Ok(Done::Ack)
    }

    /// The group id if the commit may be logged, nothing if it was already.
    fn check_commit(
        &self,
        sender: ParticipantId,
        commit: &Commit,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let call = self.call.as_ref().ok_or(Code::NoCall)?;
        let stay = self.member(sender)?;
        let offered = Offered {
            by: sender,
            epoch: commit.epoch,
            message: &commit.message,
        };
        let group = match call.log.judge(self.id, &offered) {
            Verdict::Fits(group) => group,
            Verdict::Again => return Ok(None),
            Verdict::Malformed => return Err(Code::BadMessage.into()),
            Verdict::Stale => {
                let first = stay.first_entry().unwrap_or(u32::MAX);
                return Err(Refusal {
                    code: Code::StaleEpoch,
                    missed: call.log.missed(commit.epoch, first, sender),
                });
            }
        };
        if self.is_resync(sender, commit)? {
            distinct(&commit.adds)?;
        } else {
            self.check_adds(stay, commit, call)?;
            self.check_removes(sender, stay, commit, call)?;
        }
        if commit.welcome.is_some() == commit.adds.is_empty() || call.log.next() == u32::MAX {
            return Err(Code::BadMessage.into());
        }
        Ok(Some(group))
    }

    fn check_adds(&self, sender: &Stay, commit: &Commit, call: &Call) -> Result<(), Code> {
        let adds = distinct(&commit.adds)?;
        if !adds
            .iter()
            .all(|add| self.stays.get(add).is_some_and(Stay::is_waiting))
        {
            return Err(Code::NoSuchParticipant);
        }
        if !adds.is_empty() && !self.may_admit(sender) {
            return Err(Code::Forbidden);
        }
        let removed = commit.removes.iter();
        let removed = removed.filter(|who| self.stays.get(who).is_some_and(Stay::is_member));
        let people = (self.member_count() + adds.len()).saturating_sub(removed.count());
        if !adds.is_empty() && self.most_people().is_some_and(|most| people > most) {
            return Err(Code::PeopleLimit);
        }
        let leaves = self.member_count() + call.departed.len();
        let after = (leaves + adds.len()).saturating_sub(commit.removes.len());
        if !adds.is_empty() && after > self.most {
            return Err(Code::Full);
        }
        Ok(())
    }

    fn check_removes(
        &self,
        sender: ParticipantId,
        stay: &Stay,
        commit: &Commit,
        call: &Call,
    ) -> Result<(), Code> {
        let removes = distinct(&commit.removes)?;
        let is_member = |who: &ParticipantId| self.stays.get(who).is_some_and(Stay::is_member);
        if !removes
            .iter()
            .all(|who| call.departed.contains(who) || is_member(who))
        {
            return Err(Code::NoSuchParticipant);
        }
        let all_departed = removes.iter().all(|who| call.departed.contains(who));
        if removes.contains(&sender) {
            return Err(Code::Forbidden);
        }
        match all_departed {
            true => Ok(()),
            false => self.may(stay, InCall::Remove),
        }
    }

    fn remove(&mut self, participant: ParticipantId, out: &mut Vec<Effect>) {
        if let Some(stay) = self.end_stay(participant, out) {
            if let Some(connection) = stay.connection() {
                tell_over(connection, Reason::Removed, out);
            }
        } else if let Some(call) = &mut self.call
            && call.departed.remove(&participant)
        {
            out.push(Effect::Store(Change::Pruned { participant }));
        }
    }

    fn tell(
        &mut self,
        now: Millis,
        sender: ParticipantId,
        (participant, word): (ParticipantId, Blob),
        out: &mut Vec<Effect>,
    ) -> Result<Done, Refusal> {
        if !self.may_admit(self.member(sender)?) {
            return Err(Code::Forbidden.into());
        }
        self.tell_waiting(now, participant, word, out)?;
        Ok(Done::Ack)
    }

    fn refuse(
        &mut self,
        sender: ParticipantId,
        participant: ParticipantId,
        out: &mut Vec<Effect>,
    ) -> Result<Done, Refusal> {
        if !self.may_admit(self.member(sender)?) {
            return Err(Code::Forbidden.into());
        }
        if !self.stays.get(&participant).is_some_and(Stay::is_waiting) {
            return Err(Code::NoSuchParticipant.into());
        }
        if let Some(connection) = self
            .end_stay(participant, out)
            .and_then(|stay| stay.connection())
        {
            tell_over(connection, Reason::Refused, out);
        }
        Ok(Done::Ack)
    }

    fn ready(&mut self, sender: ParticipantId, epoch: u32) -> Result<Done, Refusal> {
        self.member(sender)?;
        let call = self.call.as_mut().ok_or(Code::NoCall)?;
        if epoch > call.log.epoch() {
            return Err(Code::BadMessage.into());
        }
        call.switch.ready(sender, epoch);
        Ok(Done::Ack)
    }

    fn post(
        &mut self,
        sender: ParticipantId,
        epoch: u32,
        message: Blob,
        out: &mut Vec<Effect>,
    ) -> Result<Done, Refusal> {
        self.member(sender)?;
        if message.0.len() > config::MAX_POST {
            return Err(Code::TooLarge.into());
        }
        let call = self.call.as_mut().ok_or(Code::NoCall)?;
        call.log.judge_post(self.id, epoch, &message)?;
        match call.board.post(epoch, sender, &message) {
            Posted::Again => {}
            Posted::TooMany => return Err(Code::TooMany.into()),
            Posted::New => out.push(Effect::Send {
                to: self
                    .present_members()
                    .filter(|(participant, _)| **participant != sender)
                    .filter_map(|(_, stay)| stay.connection())
                    .collect(),
                frame: ServerFrame::Posted {
                    by: sender,
                    epoch,
                    message,
                },
            }),
        }
        Ok(Done::Ack)
    }

    /// Whether a member may send these. What a section carries is what the
    /// sender calls it: of what is in a picture the service sees nothing.
    fn may_send(&self, stay: &Stay, mut sources: impl Iterator<Item = Source>) -> Result<(), Code> {
        match sources.any(|source| matches!(source, Source::Screen | Source::ScreenAudio)) {
            true => self.may(stay, InCall::ShareScreen),
            false => Ok(()),
        }
    }

    fn offer(
        &mut self,
        now: Millis,
        (sender, re): (ParticipantId, u32),
        (sdp, sending): (String, Vec<Sending>),
        out: &mut Vec<Effect>,
    ) -> Result<Done, Refusal> {
        let sources = sending.iter().map(|sending| sending.source);
        self.may_send(self.member(sender)?, sources)?;
        if sdp.len() > config::MAX_SDP || sending.len() > config::MAX_SENDING {
            return Err(Code::TooLarge.into());
        }
        let stay = self.stays.get_mut(&sender).ok_or(Code::Gone)?;
        if stay.offers.len() >= config::MAX_PENDING_OFFERS {
            return Err(Code::TooMany.into());
        }
        let request = self.next_offer;
        self.next_offer += 1;
        stay.offers.push(PendingOffer {
            re,
            request,
            deadline: now + OFFER_LIMIT,
        });
        out.push(Effect::Media(Command::Connect {
            room: self.id,
            participant: sender,
            request,
            offer: sdp,
            sending,
            discreet: self.people.is_some(),
        }));
        Ok(Done::Later)
    }

    fn assign(
        &mut self,
        sender: ParticipantId,
        slots: Vec<SlotAssignment>,
        out: &mut Vec<Effect>,
    ) -> Result<Done, Refusal> {
        self.member(sender)?;
        if slots.len() > config::MAX_SLOTS {
            return Err(Code::TooLarge.into());
        }
        out.push(Effect::Media(Command::Assign {
            participant: sender,
            slots,
        }));
        Ok(Done::Ack)
    }

    fn live(&mut self, sender: ParticipantId, sources: Vec<Source>) -> Result<Done, Refusal> {
        self.may_send(self.member(sender)?, sources.iter().copied())?;
        let distinct: BTreeSet<Source> = sources.into_iter().collect();
        if let Some(stay) = self.stays.get_mut(&sender) {
            stay.live = distinct.into_iter().collect();
        }
        Ok(Done::Ack)
    }
}

/// The participants, if nobody is named twice.
fn distinct(participants: &[ParticipantId]) -> Result<BTreeSet<ParticipantId>, Code> {
    let set: BTreeSet<ParticipantId> = participants.iter().copied().collect();
    if set.len() == participants.len() {
        Ok(set)
    } else {
        Err(Code::BadMessage)
    }
}

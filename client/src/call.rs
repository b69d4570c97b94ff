//! One participant's way through a call: knock or start, be admitted, follow
//! the log, admit others, remove those who left, leave. Sans-IO: told what the
//! server says and what time it is, it answers with requests and events.
//!
//! ```text
//!   Arrived ──start-call──▶ Member ◀──welcome── Waiting ◀──knock── Arrived
//!                             │ entries: process, ready; own commit: confirm;
//!                             │ one that does not follow: knock again
//!                             ▼
//!                            Over
//! ```
//!
//! At most one commit of ours is under way. Whatever it was made for is kept
//! until the log says that it happened, so a commit that lost the race for its
//! epoch is made again for the next one.

use crate::stay::{Answer, Heard, Tag};
use conclave_e2ee::{
    Config, LinkKeys, Member as Leaf, PeerMisbehaved, Processed, Session, Suite, VerifiedKnock,
};
use conclave_wire::client::{
    KnockNotice, LogEntry, LogEvent, Member, Request, ServerFrame, Standing,
};
use conclave_wire::code::Code;
use conclave_wire::http::Sharing;
use conclave_wire::id::{Blob, ParticipantId, RoomId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

mod comparing;
mod door;
mod event;
mod renewal;
mod resync;
mod roster;
mod turn;

pub use event::{CallError, Event};

/// Most knocks that are added by one commit. More make one commit larger than
/// a frame may be; the rest follow with the next.
const ADDS_A_COMMIT: usize = 32;

/// Whom a participant that may admit lets in by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Admit {
    /// Nobody; [`Call::admit`] does.
    #[default]
    Nobody,
    /// Everyone whose knock verifies.
    All,
    /// Those who go by this name. A name is what someone typed.
    Named(String),
}

/// How to take part.
pub struct Setup {
    /// The room.
    pub room: RoomId,
    /// What its link and its password open.
    pub keys: LinkKeys,
    /// The name to go by.
    pub name: String,
    /// Begin the call if there is none and we are a host.
    pub start: bool,
    /// Whom to let in.
    pub admit: Admit,
    /// What time it was by the calendar at the time 0 that the call is told,
    /// milliseconds since the Unix epoch: certificates of others are good until
    /// some time.
    pub began_unix_ms: u64,
}

/// What the machine wants done.
#[derive(Debug)]
pub enum Output {
    /// Send a request; its answer is brought back with the tag.
    Ask(Tag, Request),
    /// Tell the user.
    Event(Event),
}

/// The machine.
pub struct Call {
    setup: Setup,
    standing: Standing,
    host: bool,
    /// Who shares a screen in the room's calls.
    sharing: Sharing,
    suite: Suite,
    session: Option<Session>,
    roster: Vec<Member>,
    /// Between that roster and the tree.
    difference: roster::Watch,
    knocks: BTreeMap<ParticipantId, Knocker>,
    admitting: BTreeSet<ParticipantId>,
    /// Of those, who was in a commit of several that failed: each is tried once
    /// more, alone.
    alone: BTreeSet<ParticipantId>,
    removing: BTreeSet<ParticipantId>,
    /// Our keys are to be renewed.
    renewing: bool,
    renewal: renewal::Renewal,
    resync: resync::Resync,
    /// Members whose `left` entry came, and when it did.
    departed: BTreeMap<ParticipantId, u64>,
    commit: Option<Commit>,
    /// The last epoch whose comparison's outcome was told.
    compared: Option<u64>,
    /// An activation that came before its epoch did.
    early: Option<u64>,
    applied: u32,
    next_tag: u64,
    opening: Option<Tag>,
    /// Who was last said to be apart from us.
    apart: Vec<conclave_e2ee::ParticipantId>,
    outputs: VecDeque<Output>,
}

struct Knocker {
    notice: KnockNotice,
    /// Nothing if the knock does not verify.
    verified: Option<VerifiedKnock>,
}

struct Commit {
    tag: Tag,
    epoch: u64,
    adds: Vec<ParticipantId>,
    removes: Vec<ParticipantId>,
}

impl Commit {
    fn adds_several(&self) -> bool {
        self.adds.len() > 1
    }
}

impl Call {
    /// A call that was not entered yet.
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            standing: Standing::Arrived,
            host: false,
            sharing: Sharing::All,
            suite: Suite::default(),
            session: None,
            roster: Vec::new(),
            difference: roster::Watch::default(),
            knocks: BTreeMap::new(),
            admitting: BTreeSet::new(),
            alone: BTreeSet::new(),
            removing: BTreeSet::new(),
            renewing: false,
            renewal: renewal::Renewal::default(),
            resync: resync::Resync::default(),
            departed: BTreeMap::new(),
            commit: None,
            compared: None,
            early: None,
            applied: 0,
            next_tag: 0,
            opening: None,
            apart: Vec::new(),
            outputs: VecDeque::new(),
        }
    }

    /// What to do next; nothing until more is heard or time passes.
    pub fn poll(&mut self) -> Option<Output> {
        self.look_for_split();
        self.outputs.pop_front()
    }

    /// Frames are opened past this machine; what they told the session is news here.
    fn look_for_split(&mut self) {
        let now = self.session.as_ref().map_or(&[][..], Session::apart);
        if now == self.apart {
            return;
        }
        self.apart = now.to_vec();
        let participants: Vec<_> = now.iter().map(|who| ParticipantId(who.0)).collect();
        self.event(match participants.is_empty() {
            true => Event::Whole,
            false => Event::Split { participants },
        });
    }

    /// Sends a request that the machine has no part in; gives its tag.
    pub fn ask(&mut self, request: Request) -> Tag {
        self.next_tag += 1;
        let tag = Tag(self.next_tag);
        self.outputs.push_back(Output::Ask(tag, request));
        tag
    }

    /// The keys and members, once the stay has begun.
    pub fn session(&mut self) -> Option<&mut Session> {
        self.session.as_mut()
    }

    /// The keys and members, to look at.
    pub fn members(&self) -> &[Leaf] {
        self.session
            .as_ref()
            .map_or(&[], |session| session.members())
    }

    /// The roster as the server says it.
    pub fn roster(&self) -> &[Member] {
        &self.roster
    }

    /// Who we are for the server, once the stay has begun.
    pub fn participant(&self) -> Option<ParticipantId> {
        let session = self.session.as_ref()?;
        Some(ParticipantId(session.participant().0))
    }

    /// Whether we are a member.
    pub fn is_member(&self) -> bool {
        self.standing == Standing::Member
    }

    /// Whether we may share a screen, as the server says.
    pub fn may_share(&self) -> bool {
        let me = self.participant();
        let mut members = self.roster.iter();
        let named = members.find(|member| Some(member.participant) == me);
        let is_presenter = named.is_some_and(|member| member.host || member.presenter);
        self.sharing.is_all() || self.host || is_presenter
    }

    /// Lets someone in who knocks.
    pub fn admit(&mut self, participant: ParticipantId) {
        self.admitting.insert(participant);
        self.commit_next();
    }

    /// Removes a member, as only a host may.
    pub fn remove(&mut self, participant: ParticipantId) {
        self.removing.insert(participant);
        self.commit_next();
    }

    /// Renews our keys.
    pub fn renew(&mut self) {
        self.renewing = true;
        self.commit_next();
    }

    /// When [`Call::tick`] has something to do, milliseconds.
    pub fn next_timeout(&self) -> Option<u64> {
        let keys = self.session.as_ref().and_then(Session::next_timeout);
        let roster = self.difference.due();
        [
            self.removal_due(),
            self.comparison_due(),
            self.renewal_due(),
            self.resync_due(),
            self.resync.gives_up(),
            roster,
            keys,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// [`CallError::NotBroughtBack`]: leave the call.
    pub fn tick(&mut self, now_ms: u64) -> Result<(), CallError> {
        self.tick_keys(now_ms);
        self.settle_roster(now_ms);
        if self.comparison_due().is_some_and(|due| due <= now_ms) {
            self.compare(now_ms);
        }
        if self.removal_due().is_some_and(|due| due <= now_ms) {
            let departed: Vec<_> = self.departed.keys().copied().collect();
            self.removing.extend(departed);
            self.commit_next();
        }
        if self.resync_due().is_some_and(|due| due <= now_ms) {
            self.bring_back();
        }
        if self.renewal_due().is_some_and(|due| due <= now_ms) {
            self.renew();
        }
        match self.resync.gives_up().is_some_and(|at| at <= now_ms) {
            true => Err(CallError::NotBroughtBack),
            false => Ok(()),
        }
    }

    /// Lets time pass for the keys: an epoch that nobody activated may begin.
    fn tick_keys(&mut self, now_ms: u64) {
        let unix_s = self.unix_s(now_ms);
        let Some(session) = &mut self.session else {
            return;
        };
        let before = session.send_epoch();
        session.tick(now_ms);
        session.tell_time(unix_s);
        let now = session.send_epoch().filter(|now| Some(*now) != before);
        if let Some(epoch) = now {
            self.event(Event::Activated { epoch });
        }
    }

    /// Takes what the stay heard. [`Heard::Over`] is the owner's.
    ///
    /// # Errors
    /// [`CallError`]: the call cannot go on for us; leave it.
    pub fn hear(&mut self, heard: Heard, now_ms: u64) -> Result<(), CallError> {
        let unix_s = self.unix_s(now_ms);
        if let Some(session) = &mut self.session {
            session.tell_time(unix_s);
        }
        match heard {
            Heard::Entered {
                participant,
                host,
                suite,
                standing,
                media_lost,
                sharing,
                lobby,
                resumed,
            } => {
                if resumed {
                    self.interrupted();
                    self.event(Event::Resumed { media_lost });
                    self.post_again();
                    return Ok(());
                }
                let suite = Suite::from_id(suite).ok_or(CallError::Suite(suite))?;
                self.host = host;
                self.sharing = sharing;
                if lobby && matches!(self.setup.admit, Admit::All) {
                    self.setup.admit = Admit::Nobody;
                }
                self.standing = standing;
                self.suite = suite;
                self.session = Some(self.fresh_session(participant, now_ms)?);
                self.come_in(now_ms)
            }
            Heard::Answered(tag, answer) => self.answered(tag, answer, now_ms),
            Heard::Frame(frame) => self.frame(frame, now_ms),
            Heard::Over(_) => Ok(()),
        }
    }

    fn fresh_session(&self, participant: ParticipantId, now_ms: u64) -> Result<Session, CallError> {
        let mut session = Session::with_keys(
            // VP9 in its own payload format is all we read.
            Config {
                suite: self.suite,
                raw_video: false,
            },
            conclave_e2ee::ParticipantId(participant.0),
            &self.setup.name,
            &self.setup.keys,
        )?;
        session.tell_time(self.unix_s(now_ms));
        Ok(session)
    }

    /// The calendar's time, seconds since the Unix epoch.
    fn unix_s(&self, now_ms: u64) -> u64 {
        self.setup.began_unix_ms.saturating_add(now_ms) / 1000
    }

    /// Begins the call, or knocks at it.
    fn come_in(&mut self, now_ms: u64) -> Result<(), CallError> {
        let start = self.host && self.setup.start;
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let request = if start {
            session.create_group(now_ms)?;
            Request::StartCall {}
        } else {
            let knock = session.knock()?;
            Request::Knock {
                key_package: Blob(knock.key_package),
                tag: Blob(knock.tag.to_vec()),
            }
        };
        self.opening = Some(self.ask(request));
        Ok(())
    }

    fn answered(&mut self, tag: Tag, answer: Answer, now_ms: u64) -> Result<(), CallError> {
        if self.opening == Some(tag) {
            self.opening = None;
            return self.opened(answer, now_ms);
        }
        if self.resync.is_knock(tag) {
            return match answer {
                Answer::Refused { code, .. } => Err(CallError::Refused(code)),
                Answer::Done | Answer::Sdp(_) => Ok(()),
            };
        }
        let ours = self.commit.as_ref().is_some_and(|commit| commit.tag == tag);
        match answer {
            Answer::Refused { code, missed } if ours => self.commit_refused(code, missed, now_ms),
            // What we said in an epoch that is over: nobody waits for it now.
            Answer::Refused {
                code: Code::StaleEpoch,
                ..
            } => Ok(()),
            Answer::Refused { code, .. } => {
                self.event(Event::Refused(code));
                Ok(())
            }
            // The entry, not the acknowledgement, confirms a commit.
            Answer::Done | Answer::Sdp(_) => Ok(()),
        }
    }

    fn opened(&mut self, answer: Answer, now_ms: u64) -> Result<(), CallError> {
        match answer {
            Answer::Refused {
                code: Code::CallRunning,
                ..
            } if self.setup.start => {
                // Somebody was quicker: the group of one is worth nothing.
                self.setup.start = false;
                let Some(participant) = self.participant() else {
                    return Ok(());
                };
                self.session = Some(self.fresh_session(participant, now_ms)?);
                self.come_in(now_ms)
            }
            Answer::Refused { code, .. } => Err(CallError::Refused(code)),
            Answer::Done | Answer::Sdp(_) => {
                if self.standing == Standing::Arrived && !self.setup.start {
                    self.standing = Standing::Waiting;
                }
                Ok(())
            }
        }
    }

    fn commit_refused(
        &mut self,
        code: Code,
        missed: Vec<LogEntry>,
        now_ms: u64,
    ) -> Result<(), CallError> {
        let refused = self.drop_commit();
        match code {
            Code::StaleEpoch => {
                for entry in missed {
                    self.entry(entry, now_ms)?;
                }
            }
            _ if refused.as_ref().is_some_and(Commit::adds_several) => {
                let adds = refused.into_iter().flat_map(|commit| commit.adds);
                self.try_alone(adds.collect());
            }
            code => {
                // It would be refused again; only new reasons start anew.
                for participant in refused.iter().flat_map(|commit| &commit.adds) {
                    self.admitting.remove(participant);
                    self.resync.give_up(*participant);
                }
                for participant in refused.iter().flat_map(|commit| &commit.removes) {
                    self.removing.remove(participant);
                    self.departed.remove(participant);
                }
                if std::mem::take(&mut self.renewing) {
                    // Tried is as good as done: the next time is as far off.
                    self.renewed(now_ms);
                }
                self.event(Event::Refused(code));
            }
        }
        self.commit_next();
        Ok(())
    }

    fn frame(&mut self, frame: ServerFrame, now_ms: u64) -> Result<(), CallError> {
        match frame {
            ServerFrame::Entry(entry) => {
                self.entry(entry, now_ms)?;
                self.check_roster(now_ms);
                self.commit_next();
            }
            ServerFrame::Activate { epoch } => self.activate(u64::from(epoch), now_ms)?,
            ServerFrame::Posted { message, .. } => self.posted(&message.0, now_ms),
            ServerFrame::Roster { members } => {
                self.roster = members;
                self.event(Event::Roster);
                self.check_roster(now_ms);
            }
            ServerFrame::Knocks { knocks } => {
                self.take_knocks(knocks);
                self.commit_next();
            }
            ServerFrame::Resyncs { knocks } => self.take_resyncs(knocks, now_ms),
            ServerFrame::Waiting {
                call_running,
                host_present,
            } => self.event(Event::Waiting {
                call_running,
                host_present,
            }),
            ServerFrame::Told { word } => self.told(&word.0),
            ServerFrame::Devices {
                participant,
                devices,
            } => self.shown(participant, &devices.0),
            ServerFrame::MediaLost {} => self.event(Event::MediaLost),
            ServerFrame::LinkLocked { locked } => self.event(Event::LinkLocked { locked }),
            ServerFrame::RoomLocked { locked } => self.event(Event::RoomLocked { locked }),
            ServerFrame::Muted { by } => self.event(Event::Muted { by }),
            ServerFrame::Paused { slots } => self.event(Event::Paused { slots }),
            ServerFrame::Wanted { sources } => self.event(Event::Wanted { sources }),
            // Answers and ends are the stay's.
            ServerFrame::Entered { .. }
            | ServerFrame::Ack { .. }
            | ServerFrame::Error { .. }
            | ServerFrame::Answer { .. }
            | ServerFrame::Over { .. } => {}
        }
        Ok(())
    }

    fn entry(&mut self, entry: LogEntry, now_ms: u64) -> Result<(), CallError> {
        if entry.seq <= self.applied {
            return Ok(());
        }
        if self.resync.is_behind() {
            return self.entry_while_behind(entry, now_ms);
        }
        // A newcomer's log begins with the commit that added them.
        if self.applied != 0 && entry.seq != self.applied + 1 {
            self.applied = entry.seq;
            return self.fall_behind(now_ms, CallError::LogGap);
        }
        match entry.event {
            LogEvent::Started { by } => {
                if Some(by) != self.participant() || self.session_epoch() != Some(0) {
                    return Ok(());
                }
                self.become_member(0, now_ms);
            }
            LogEvent::Commit {
                epoch,
                by,
                message,
                adds,
                welcome,
                ..
            } => {
                if self.session_epoch().is_some() {
                    self.process(by, &message.0, now_ms)?;
                    // Every commit of ours renews our keys.
                    if Some(by) == self.participant() {
                        self.renewing = false;
                        self.renewed(now_ms);
                    }
                } else if let (Some(welcome), Some(me)) = (welcome, self.participant())
                    && adds.contains(&me)
                {
                    self.join(&welcome.0, u64::from(epoch) + 1, now_ms)?;
                } else {
                    return Ok(());
                }
            }
            LogEvent::Left { participant } => {
                let leaf = conclave_e2ee::ParticipantId(participant.0);
                if self.members().iter().any(|m| m.participant == leaf) {
                    self.departed.insert(participant, now_ms);
                }
            }
        }
        self.applied = entry.seq;
        Ok(())
    }

    fn join(&mut self, welcome: &[u8], epoch: u64, now_ms: u64) -> Result<(), CallError> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        session.join(welcome)?;
        session.activate(epoch, now_ms)?;
        self.become_member(epoch, now_ms);
        self.ready(epoch);
        Ok(())
    }

    fn become_member(&mut self, epoch: u64, now_ms: u64) {
        self.renewed(now_ms);
        self.standing = Standing::Member;
        self.event(Event::Admitted { epoch });
    }

    fn process(&mut self, by: ParticipantId, message: &[u8], now_ms: u64) -> Result<(), CallError> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let advance = match session.process(message, now_ms) {
            Ok(Processed::Advanced(advance)) => advance,
            // The server says `over` next.
            Ok(Processed::SelfRemoved) => return Ok(()),
            Err(conclave_e2ee::Error::Misbehaved(PeerMisbehaved::StaleEpoch)) => return Ok(()),
            Err(
                error @ conclave_e2ee::Error::Misbehaved(
                    PeerMisbehaved::FutureEpoch | PeerMisbehaved::ForgottenCommit,
                ),
            ) => return self.fall_behind(now_ms, error.into()),
            Err(error) => {
                // Made where another commit was taken before, or by nobody.
                if error == PeerMisbehaved::InvalidCommit.into() {
                    let participants = vec![by];
                    self.event(Event::Split { participants });
                }
                return Err(error.into());
            }
        };
        if self
            .commit
            .as_ref()
            .is_some_and(|commit| commit.epoch < advance.epoch)
        {
            // Ours came back, or another's won; either way it is over.
            self.drop_commit();
        }
        let id = |leaf: &Leaf| ParticipantId(leaf.participant.0);
        for leaf in &advance.removed {
            self.departed.remove(&id(leaf));
            self.removing.remove(&id(leaf));
        }
        for leaf in &advance.added {
            self.admitting.remove(&id(leaf));
            self.knocks.remove(&id(leaf));
        }
        for leaf in &advance.returned {
            self.resync.returned(id(leaf));
        }
        let named = |leaves: &[Leaf]| -> Vec<(ParticipantId, String)> {
            leaves
                .iter()
                .map(|leaf| (id(leaf), leaf.name.as_str().to_owned()))
                .collect()
        };
        let (joined, left) = (named(&advance.added), named(&advance.removed));
        self.event(Event::Epoch {
            epoch: advance.epoch,
            joined,
            left,
        });
        self.ready(advance.epoch);
        self.judge_returns();
        if advance.active {
            self.event(Event::Activated {
                epoch: advance.epoch,
            });
        }
        if self.early.is_some_and(|early| early <= advance.epoch)
            && let Some(epoch) = self.early.take()
        {
            self.activate(epoch, now_ms)?;
        }
        Ok(())
    }

    fn activate(&mut self, epoch: u64, now_ms: u64) -> Result<(), CallError> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let reached = session.ready_epoch().is_some_and(|ready| ready >= epoch);
        if !reached || self.resync.is_behind() {
            self.early = Some(epoch);
            return Ok(());
        }
        if session.send_epoch().is_some_and(|sending| sending >= epoch) {
            return Ok(());
        }
        session.activate(epoch, now_ms)?;
        self.event(Event::Activated { epoch });
        Ok(())
    }

    fn ready(&mut self, epoch: u64) {
        // The log's epochs have 32 bits; a call does not live that long.
        if let Ok(epoch) = u32::try_from(epoch) {
            self.ask(Request::Ready { epoch });
        }
    }

    fn take_knocks(&mut self, notices: Vec<KnockNotice>) {
        let mut before = std::mem::take(&mut self.knocks);
        for mut notice in notices {
            let participant = notice.participant;
            let devices = notice.devices.take();
            let known = before.remove(&participant).filter(|knocker| {
                knocker.notice.key_package == notice.key_package && knocker.notice.tag == notice.tag
            });
            let knocker = known.unwrap_or_else(|| self.judge(notice));
            self.knocks.insert(participant, knocker);
            if let Some(devices) = devices {
                self.shown(participant, &devices.0);
            }
        }
        let knocks = &self.knocks;
        self.admitting
            .retain(|participant| knocks.contains_key(participant));
    }

    /// Verifies a new knock and decides whether to let it in.
    fn judge(&mut self, notice: KnockNotice) -> Knocker {
        let participant = notice.participant;
        let id = conclave_e2ee::ParticipantId(participant.0);
        let verified = self.session.as_ref().and_then(|session| {
            session
                .verify_knock(id, &notice.key_package.0, &notice.tag.0)
                .ok()
        });
        match &verified {
            None => self.event(Event::FalseKnock { participant }),
            Some(knock) => {
                let name = knock.name().as_str().to_owned();
                let welcome = match &self.setup.admit {
                    Admit::Nobody => false,
                    Admit::All => true,
                    Admit::Named(named) => *named == name,
                };
                if welcome {
                    self.admitting.insert(participant);
                }
                self.event(Event::Knock { participant, name });
            }
        }
        Knocker { notice, verified }
    }

    /// Makes the next commit there is a reason for, removals first, then whoever
    /// fell behind.
    fn commit_next(&mut self) {
        if self.commit.is_some() || !self.is_member() || self.resync.is_behind() {
            return;
        }
        let Some(session) = &mut self.session else {
            return;
        };
        let removes: Vec<ParticipantId> = self
            .removing
            .iter()
            .copied()
            .filter(|participant| {
                let id = conclave_e2ee::ParticipantId(participant.0);
                id != session.participant() && session.members().iter().any(|m| m.participant == id)
            })
            .collect();
        let (alone, together): (Vec<_>, Vec<_>) = self
            .admitting
            .iter()
            .filter_map(|participant| {
                let verified = self.knocks.get(participant)?.verified.clone()?;
                // The knock of a member, which only a server that means harm
                // shows, must not keep other commits from being made.
                let id = verified.participant();
                let inside = session.members().iter().any(|m| m.participant == id);
                (!inside).then_some((verified, *participant))
            })
            .partition(|(_, participant)| self.alone.contains(participant));
        let now = match together.is_empty() {
            true => alone.into_iter().take(1),
            false => together.into_iter().take(ADDS_A_COMMIT),
        };
        let (knocks, adds): (Vec<VerifiedKnock>, Vec<ParticipantId>) = now.unzip();
        let (made, adds, removes) = if !removes.is_empty() {
            let ids: Vec<_> = removes
                .iter()
                .map(|participant| conclave_e2ee::ParticipantId(participant.0))
                .collect();
            (session.remove(&ids), Vec::new(), removes)
        } else if let Some((who, pending)) = self.resync.readmit(session) {
            (Ok(pending), vec![who], vec![who])
        } else if !adds.is_empty() {
            (session.admit(&knocks), adds, Vec::new())
        } else if self.renewing {
            (session.update(), Vec::new(), Vec::new())
        } else {
            return;
        };
        let pending = match made {
            Ok(pending) => pending,
            Err(_) if adds.len() > 1 => {
                self.try_alone(adds);
                return self.commit_next();
            }
            Err(error) => {
                // Nothing was sent; the reasons for it are not good ones.
                tracing::warn!(code = error.code(), "a commit cannot be made");
                self.admitting.clear();
                self.removing.clear();
                self.departed.clear();
                self.renewing = false;
                self.renewal = renewal::Renewal::default();
                return;
            }
        };
        let Ok(epoch) = u32::try_from(pending.epoch) else {
            return;
        };
        let tag = self.ask(Request::Commit {
            epoch,
            message: Blob(pending.commit),
            adds: adds.clone(),
            welcome: pending.welcome.map(Blob),
            removes: removes.clone(),
        });
        self.commit = Some(Commit {
            tag,
            epoch: pending.epoch,
            adds,
            removes,
        });
    }

    /// A commit that adds several came to nothing: one of them has gone, say,
    /// and must not keep the others out.
    fn try_alone(&mut self, adds: Vec<ParticipantId>) {
        let admitting = &self.admitting;
        self.alone.retain(|who| admitting.contains(who));
        self.alone.extend(adds);
    }

    /// Forgets the commit that is under way. What it was for stays wanted.
    fn drop_commit(&mut self) -> Option<Commit> {
        if let Some(session) = &mut self.session {
            // Nothing is pending when the log already decided.
            let _ = session.discard_pending();
        }
        self.commit.take()
    }

    fn session_epoch(&self) -> Option<u64> {
        self.session.as_ref()?.epoch().ok()
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

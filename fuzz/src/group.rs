//! Members with real MLS and SFrame behind the room's machine, which is their
//! delivery service: every order of commits, losses, returns and restarts,
//! and members that fall behind in between, leaves all of them in one epoch, with one call code and one list of
//! members, and each hears the others.

use crate::choices::Choices;
use crate::hall::{Hall, ROOM};
use crate::mls;
use conclave_e2ee::{
    self as e2ee, Context, Misuse, PeerMisbehaved, Pending, Processed, Session, VerifiedKnock,
};
use conclave_signaling::domain::Closing;
use conclave_wire::client::{KnockNotice, LogEntry, LogEvent, Request, ServerFrame};
use conclave_wire::id::{Blob, ParticipantId};
use std::collections::BTreeSet;
use std::time::Duration;

/// Most who enter, and operations of an input: each operation of MLS takes
/// about a millisecond.
const GUESTS: usize = 6;
const OPERATIONS: usize = 60;

struct Party {
    hall: Hall,
    sessions: Vec<Session>,
    /// The knocks each was last told of.
    knocks: Vec<Vec<KnockNotice>>,
    /// Those of members that fell behind.
    returns: Vec<Vec<KnockNotice>>,
    /// The last entry that each had applied when it last fell behind, or 0.
    fell: Vec<u32>,
}

/// A call of a host and whoever is let in.
pub fn operations(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut party = Party {
        hall: Hall::default(),
        sessions: Vec::new(),
        knocks: Vec::new(),
        returns: Vec::new(),
        fell: Vec::new(),
    };
    assert_eq!(ROOM.0, [0xc0; 16], "the room of the sessions");
    party.enter(true);
    party.sessions[0].create_group(0).expect("a group");
    party.hall.ask(0, Request::StartCall {});
    for _ in 0..OPERATIONS {
        if choices.are_over() {
            break;
        }
        party.step(&mut choices);
    }
    party.settle();
    party.agree();
    if party.hall.is_here(0) && party.hall.guests[0].connection.is_some() {
        party.hall.ask(0, Request::EndCall {});
        assert!(party.hall.room.is_idle(), "nothing is left after the call");
    }
    party.hall.empty();
}

impl Party {
    fn enter(&mut self, host: bool) {
        let index = self.hall.enter(host);
        self.sessions.push(mls::session(index as u8 + 1));
        self.knocks.push(Vec::new());
        self.returns.push(Vec::new());
        self.fell.push(0);
    }

    fn now(&self) -> u64 {
        self.hall.now.0
    }

    fn step(&mut self, choices: &mut Choices<'_>) {
        let operation = choices.below(14);
        let who = choices.below(self.sessions.len());
        match operation {
            0 if self.sessions.len() < GUESTS => {
                self.enter(choices.below(3) == 0);
                self.knock(self.sessions.len() - 1);
            }
            0 | 1 => self.take(who, 1),
            2 | 3 => self.take(who, usize::MAX),
            4 | 5 => {
                let knocks = self.verified(who);
                let pending = self.sessions[who].admit(&knocks);
                let adds = knocks.iter().map(VerifiedKnock::participant);
                self.offer(who, pending, adds.collect(), &[]);
            }
            6 => {
                let pending = self.sessions[who].update();
                self.offer(who, pending, vec![], &[]);
            }
            7 | 8 => {
                let whom = choices.below(self.sessions.len());
                let whom = e2ee::ParticipantId(self.hall.guests[whom].participant.0);
                let pending = self.sessions[who].remove(&[whom]);
                self.offer(who, pending, vec![], &[whom]);
            }
            9 => {
                let left = choices.below(4) == 0;
                self.hall
                    .close(who, if left { Closing::Left } else { Closing::Lost });
                self.lose(who);
            }
            10 => self.come_back(who),
            11 => self.fall_behind(who),
            12 => self.bring_back(who),
            _ => match choices.below(6) {
                0 => {
                    self.hall.restart();
                    (0..self.sessions.len()).for_each(|who| self.lose(who));
                }
                1 => self.hall.pass(Duration::from_secs(61)),
                _ => self.hall.pass(Duration::from_millis(choices.byte().into())),
            },
        }
    }

    fn knock(&mut self, who: usize) {
        let knock = self.sessions[who].knock().expect("knocks");
        let knock = Request::Knock {
            key_package: Blob(knock.key_package),
            tag: Blob(knock.tag.to_vec()),
        };
        let answer = self.hall.ask(who, knock);
        assert!(
            matches!(answer, Some(ServerFrame::Ack { .. }) | None),
            "{answer:?}"
        );
    }

    /// A member gives its group up, as one does that cannot follow the log.
    fn fall_behind(&mut self, who: usize) {
        let now = self.now();
        let Some(reached) = self.reached(who) else {
            return;
        };
        if self.hall.guests[who].connection.is_none() {
            return;
        }
        self.fell[who] = reached;
        let session = &mut self.sessions[who];
        let knock = session.resync(now).expect("a member");
        let knock = Request::Knock {
            key_package: Blob(knock.key_package),
            tag: Blob(knock.tag.to_vec()),
        };
        // Three times a minute; then it stays where it is.
        self.hall.ask(who, knock);
    }

    /// Brings the first back that one was told of.
    fn bring_back(&mut self, who: usize) {
        let Some(knock) = self.returns[who].first().cloned() else {
            return;
        };
        let participant = e2ee::ParticipantId(knock.participant.0);
        let session = &mut self.sessions[who];
        match session.verify_return(participant, &knock.key_package.0, &knock.tag.0) {
            Ok(returning) => {
                let pending = session.readmit(&returning);
                self.offer(who, pending, vec![participant], &[participant]);
            }
            // It is back, or one of both has not come so far.
            Err(error) => assert!(
                error == PeerMisbehaved::StaleReturn.into()
                    || matches!(error, e2ee::Error::Misuse(_)),
                "{error}"
            ),
        }
        assert!(self.sessions[who].apart().is_empty(), "nobody is in a fork");
    }

    /// The knocks that one was told of.
    fn verified(&self, who: usize) -> Vec<VerifiedKnock> {
        let session = &self.sessions[who];
        let verify = |knock: &KnockNotice| {
            let participant = e2ee::ParticipantId(knock.participant.0);
            let verified = session.verify_knock(participant, &knock.key_package.0, &knock.tag.0);
            verified.expect("an honest knock")
        };
        self.knocks[who].iter().map(verify).collect()
    }

    /// Offers a commit, if one could be made, and gives it up when it comes
    /// too late.
    fn offer(
        &mut self,
        who: usize,
        pending: Result<Pending, e2ee::Error>,
        adds: Vec<e2ee::ParticipantId>,
        removes: &[e2ee::ParticipantId],
    ) {
        let pending = match pending {
            Ok(pending) => pending,
            Err(error) => {
                let misuse = matches!(error, e2ee::Error::Misuse(_));
                return assert!(misuse, "{error}");
            }
        };
        let wire = |ids: &[e2ee::ParticipantId]| ids.iter().map(|id| ParticipantId(id.0)).collect();
        let commit = Request::Commit {
            epoch: u32::try_from(pending.epoch).expect("short"),
            message: Blob(pending.commit),
            adds: wire(&adds),
            welcome: pending.welcome.map(Blob),
            removes: wire(removes),
        };
        match self.hall.ask(who, commit) {
            Some(ServerFrame::Ack { .. }) => {}
            Some(ServerFrame::Error { .. }) => {
                self.sessions[who].discard_pending().expect("a member");
            }
            // Without a socket it was never sent, and is not sent again.
            None => self.sessions[who].discard_pending().expect("a member"),
            other => panic!("{other:?}"),
        }
    }

    /// Looks at some of what was sent to one.
    fn take(&mut self, who: usize, count: usize) {
        for _ in 0..count {
            let Some(frame) = self.hall.guests[who].inbox.pop_front() else {
                return;
            };
            match frame {
                ServerFrame::Entry(entry) => self.apply(who, entry),
                ServerFrame::Activate { epoch } => self.activate(who, epoch.into()),
                ServerFrame::Knocks { knocks } => self.knocks[who] = knocks,
                ServerFrame::Resyncs { knocks } => self.returns[who] = knocks,
                _ => {}
            }
        }
    }

    fn apply(&mut self, who: usize, entry: LogEntry) {
        let now = self.now();
        let session = &mut self.sessions[who];
        let LogEvent::Commit {
            epoch,
            message,
            adds,
            welcome,
            ..
        } = entry.event
        else {
            return;
        };
        if adds.contains(&self.hall.guests[who].participant) {
            // The entry comes again to one who was not known to have it.
            if session.epoch().is_err() {
                session.join(&welcome.expect("a welcome").0).expect("joins");
            }
        } else if session.epoch().is_err() {
            // Behind: nothing but its return matters to it.
            return;
        } else {
            match session.process(&message.0, now) {
                Ok(Processed::Advanced(advance)) => assert_eq!(advance.epoch, u64::from(epoch) + 1),
                Ok(Processed::SelfRemoved) => panic!("the room is told first"),
                Err(error) => assert_eq!(error, PeerMisbehaved::StaleEpoch.into(), "seen before"),
            }
        }
        let ready = u32::try_from(session.ready_epoch().expect("a member")).expect("short");
        let answer = self.hall.ask(who, Request::Ready { epoch: ready });
        assert!(
            !matches!(answer, Some(ServerFrame::Error { .. })),
            "{answer:?}"
        );
    }

    fn activate(&mut self, who: usize, epoch: u64) {
        let now = self.now();
        match self.sessions[who].activate(epoch, now) {
            Ok(()) => {}
            // Said to one who has not come so far; it is said again.
            Err(error) => assert_eq!(error, Misuse::UnknownEpoch.into()),
        }
    }

    /// What was on its way to a socket is gone with it.
    fn lose(&mut self, who: usize) {
        self.hall.guests[who].inbox.clear();
    }

    fn come_back(&mut self, who: usize) {
        if !self.hall.is_here(who) || self.hall.guests[who].connection.is_some() {
            return;
        }
        let after = self.applied(who);
        self.hall.guests[who].inbox.clear();
        self.hall.resume(who, after);
    }

    /// The last entry that one has looked at, or that it had when it fell behind.
    fn applied(&self, who: usize) -> u32 {
        let guest = &self.hall.guests[who];
        let unseen = |frame: &ServerFrame| matches!(frame, ServerFrame::Entry(_));
        assert!(!guest.inbox.iter().any(unseen), "lost with the socket");
        self.reached(who).unwrap_or(self.fell[who])
    }

    /// The entry that one is at; nothing while it is outside or behind.
    fn reached(&self, who: usize) -> Option<u32> {
        let guest = &self.hall.guests[who];
        let epoch = self.sessions[who].epoch().ok()?;
        // The entry of the commit that began the session's epoch.
        let commits = self.hall.log.iter();
        let mut commits = commits.filter(|(_, event)| matches!(event, LogEvent::Commit { .. }));
        let before = (epoch as usize).checked_sub(1);
        let begun = before.and_then(|before| commits.nth(before));
        Some(begun.map_or(guest.first.min(1), |(seq, _)| *seq))
    }

    /// Everybody who may comes back and takes everything that was sent.
    fn settle(&mut self) {
        for who in 0..self.sessions.len() {
            self.come_back(who);
        }
        for _ in 0..4 {
            for who in 0..self.sessions.len() {
                self.take(who, usize::MAX);
            }
        }
        self.hall.pass(Duration::from_secs(2));
        for who in 0..self.sessions.len() {
            self.take(who, usize::MAX);
        }
    }

    /// What all members must have in common.
    fn agree(&mut self) {
        let here = |who: &usize| {
            let guest = &self.hall.guests[*who];
            let inside = self.sessions[*who].epoch().is_ok();
            guest.over.is_none() && guest.connection.is_some() && guest.told > 0 && inside
        };
        let members: Vec<usize> = (0..self.sessions.len()).filter(here).collect();
        let Some(first) = members.first() else { return };
        let epoch = u64::from(self.hall.epoch());
        let code = self.sessions[*first].call_code().expect("a code");
        let mut leaves = BTreeSet::new();
        for event in self.hall.log.values() {
            match event {
                LogEvent::Started { by } => drop(leaves.insert(by.0)),
                LogEvent::Commit { adds, removes, .. } => {
                    leaves.retain(|leaf| !removes.iter().any(|gone| gone.0 == *leaf));
                    leaves.extend(adds.iter().map(|added| added.0));
                }
                LogEvent::Left { .. } => {}
            }
        }
        for who in &members {
            let session = &self.sessions[*who];
            assert_eq!(session.epoch(), Ok(epoch));
            assert_eq!(session.call_code(), Ok(code));
            assert_eq!(session.send_epoch(), Some(epoch), "active after 2 s");
            let tree: BTreeSet<_> = session
                .members()
                .iter()
                .map(|one| one.participant.0)
                .collect();
            assert_eq!(tree, leaves, "the tree is what the log says");
        }
        let now = self.now();
        let (mut frame, mut out) = (Vec::new(), Vec::new());
        for sender in &members {
            let sealed = self.sessions[*sender].seal(Context::CAMERA, b"hello", &mut frame);
            sealed.expect("seals");
            let from = self.sessions[*sender].participant();
            for receiver in members.iter().filter(|receiver| *receiver != sender) {
                let opened = self.sessions[*receiver].open(&frame, now, &mut out);
                assert_eq!(opened.expect("opens").sender.participant, from);
                assert_eq!(out, b"hello");
            }
            // Whoever is out of the tree hears nothing.
            for (index, outsider) in self.sessions.iter_mut().enumerate() {
                if !leaves.contains(&outsider.participant().0) && !members.contains(&index) {
                    assert!(outsider.open(&frame, now, &mut out).is_err());
                }
            }
        }
    }
}

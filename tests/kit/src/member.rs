//! A participant whose every step the test takes itself: a bare socket and an
//! MLS session, without the client's own judgement between them.

use crate::deadline::{PATIENCE, within};
use crate::door::Door;
use crate::raw::{Raw, Stay};
use crate::room::Room;
use conclave_e2ee::{Config, ParticipantId as MlsParticipant, Pending, Processed, Session};
use conclave_wire::client::{
    KnockNotice, LogEntry, LogEvent, Member as Listed, Reason, Request, ServerFrame, Standing,
};
use conclave_wire::code::Code;
use conclave_wire::id::{Blob, ParticipantId};
use std::time::Instant;

/// A scripted participant.
pub struct Member {
    /// Its socket.
    pub raw: Raw,
    /// Its MLS state and media keys.
    pub session: Session,
    /// Who it is.
    pub stay: Stay,
    /// The entries it has applied, in order.
    pub log: Vec<LogEntry>,
    /// The last roster it was sent.
    pub roster: Vec<Listed>,
    /// The last knocks it was sent.
    pub knocks: Vec<KnockNotice>,
    /// Why its stay is over, once it is.
    pub over: Option<Reason>,
    /// The last `entered` said that the media connection is gone, or
    /// `media-lost` came.
    pub media_lost: bool,
    door: Door,
    room: Room,
    /// Requests that no answer came for, with their numbers.
    unanswered: Vec<(u32, Request)>,
    clock: Instant,
}

impl Member {
    /// Enters the room, with the host key if `host`; has not knocked.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn enter(door: &Door, room: &Room, name: &str, host: bool) -> Self {
        let mut raw = Raw::open(door, room.id).await.expect("a socket");
        let stay = raw.enter(host.then(|| room.host_key.clone())).await;
        let session = Session::new(
            Config::default(),
            room.mls(),
            MlsParticipant(stay.participant.0),
            name,
            &room.link_secret(),
        )
        .expect("a session");
        Self {
            raw,
            session,
            stay,
            log: Vec::new(),
            roster: Vec::new(),
            knocks: Vec::new(),
            over: None,
            media_lost: false,
            door: door.clone(),
            room: room.clone(),
            unanswered: Vec::new(),
            clock: Instant::now(),
        }
    }

    /// A host that has started the call.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn host(door: &Door, room: &Room, name: &str) -> Self {
        let mut member = Self::enter(door, room, name, true).await;
        member.session.create_group(0).expect("a group of one");
        member.raw.done(Request::StartCall {}).await;
        member
            .until("the call has started", |member| !member.log.is_empty())
            .await;
        member
    }

    /// A guest that has knocked.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn guest(door: &Door, room: &Room, name: &str) -> Self {
        let mut member = Self::enter(door, room, name, false).await;
        member.knock().await;
        member
    }

    /// Knocks.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn knock(&mut self) {
        let knock = self.session.knock().expect("a knock");
        self.raw
            .done(Request::Knock {
                key_package: knock.key_package.into(),
                tag: knock.tag.to_vec().into(),
            })
            .await;
    }

    /// Who it is.
    pub fn id(&self) -> ParticipantId {
        self.stay.participant
    }

    /// Milliseconds of its own clock.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The MLS epoch it is in.
    ///
    /// # Panics
    /// When it is in none.
    pub fn epoch(&self) -> u64 {
        self.session.epoch().expect("in the group")
    }

    /// What only members of the same epoch of the same group share.
    ///
    /// # Panics
    /// When it is in none.
    pub fn shared(&self) -> Vec<u8> {
        self.session
            .export("conclave test", b"", 32)
            .expect("in the group")
            .to_vec()
    }

    /// Applies the next frame, and gives it; nothing once the socket is closed.
    ///
    /// # Panics
    /// When none comes, or an entry does not fit its state.
    pub async fn step(&mut self) -> Option<ServerFrame> {
        let frame = self.raw.next().await?;
        self.apply(&frame).await;
        Some(frame)
    }

    /// Applies frames until the condition holds.
    ///
    /// # Panics
    /// When it never does, or the socket closes before.
    pub async fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let what = format!("{} sees: {what}", self.session.name().as_str());
        within(PATIENCE, what.clone(), async {
            while !condition(self) {
                assert!(self.step().await.is_some(), "{what}: the socket closed");
            }
        })
        .await;
    }

    /// Applies frames until it is in this MLS epoch.
    ///
    /// # Panics
    /// As [`until`](Self::until).
    pub async fn until_epoch(&mut self, epoch: u64) {
        self.until(&format!("epoch {epoch}"), |member| {
            member.session.epoch().is_ok_and(|now| now >= epoch)
        })
        .await;
    }

    /// Applies frames until everything it has sent is answered and everything
    /// said before that is applied.
    ///
    /// # Panics
    /// As [`until`](Self::until).
    pub async fn settle(&mut self) {
        let ping = self.send(Request::Ping {}).await.expect("a socket");
        self.until("the answer to a ping", |member| {
            member.unanswered.iter().all(|(id, _)| *id != ping)
        })
        .await;
        self.until("every answer", |member| member.unanswered.is_empty())
            .await;
    }

    /// Sends a commit without waiting for what becomes of it.
    ///
    /// # Errors
    /// When the socket is gone; the commit is sent again by
    /// [`resume`](Self::resume).
    pub async fn send_commit(
        &mut self,
        pending: Pending,
        adds: Vec<ParticipantId>,
        removes: Vec<ParticipantId>,
    ) -> Result<u32, tokio_tungstenite::tungstenite::Error> {
        let request = Request::Commit {
            epoch: u32::try_from(pending.epoch).expect("a small epoch"),
            message: pending.commit.into(),
            adds,
            welcome: pending.welcome.map(Blob),
            removes,
        };
        self.send(request).await
    }

    /// Sends a request that is repeated after a resume if no answer came.
    ///
    /// # Errors
    /// When the socket is gone.
    pub async fn send(
        &mut self,
        request: Request,
    ) -> Result<u32, tokio_tungstenite::tungstenite::Error> {
        let id = self.raw.take_id();
        self.unanswered.push((id, request.clone()));
        self.raw.send_as(id, request).await?;
        Ok(id)
    }

    /// Commits, and waits until the commit came back as an entry.
    ///
    /// # Panics
    /// When it does not.
    pub async fn commit(
        &mut self,
        pending: Pending,
        adds: Vec<ParticipantId>,
        removes: Vec<ParticipantId>,
    ) {
        let next = pending.epoch + 1;
        self.send_commit(pending, adds, removes)
            .await
            .expect("a socket");
        self.until_epoch(next).await;
    }

    /// Waits for the knock and commits its Add.
    ///
    /// # Panics
    /// When there is no such knock, it does not verify, or the commit is refused.
    pub async fn admit(&mut self, who: ParticipantId) {
        self.until("the knock", |member| {
            member.knocks.iter().any(|knock| knock.participant == who)
        })
        .await;
        let notice = self
            .knocks
            .iter()
            .find(|knock| knock.participant == who)
            .expect("it is there")
            .clone();
        let knock = self
            .session
            .verify_knock(MlsParticipant(who.0), &notice.key_package.0, &notice.tag.0)
            .expect("a true knock");
        let pending = self.session.admit(&[knock]).expect("a commit");
        self.commit(pending, vec![who], vec![]).await;
    }

    /// Commits a member's removal.
    ///
    /// # Panics
    /// When there is no such member, or the commit is refused.
    pub async fn remove(&mut self, who: ParticipantId) {
        let pending = self
            .session
            .remove(&[MlsParticipant(who.0)])
            .expect("a commit");
        self.commit(pending, vec![], vec![who]).await;
    }

    /// Renews its keys.
    ///
    /// # Panics
    /// When the commit is refused.
    pub async fn rekey(&mut self) {
        let pending = self.session.update().expect("a commit");
        self.commit(pending, vec![], vec![]).await;
    }

    /// Goes on with the stay on a new socket, and sends again what was not
    /// answered. Gives where the stay stands.
    ///
    /// # Errors
    /// The code, when the server refuses.
    ///
    /// # Panics
    /// When there is no socket to be had.
    pub async fn resume(&mut self) -> Result<Standing, Code> {
        let door = self.door.clone();
        self.resume_at(&door).await
    }

    /// As [`resume`](Self::resume), through another door.
    ///
    /// # Errors
    /// The code, when the server refuses.
    ///
    /// # Panics
    /// When there is no socket to be had.
    pub async fn resume_at(&mut self, door: &Door) -> Result<Standing, Code> {
        let next_id = self.raw.take_id();
        self.raw = Raw::open(door, self.room.id).await.expect("a socket");
        self.raw.count_from(next_id);
        let after = self.log.last().map_or(0, |entry| entry.seq);
        let (participant, token) = (self.id(), self.stay.token.clone());
        let standing = match self
            .raw
            .ask(Request::Resume {
                participant,
                token,
                after,
            })
            .await
        {
            ServerFrame::Entered {
                standing,
                media_lost,
                ..
            } => {
                self.media_lost = media_lost;
                standing
            }
            ServerFrame::Error { code, .. } => return Err(code),
            answer => panic!("resume: {answer:?}"),
        };
        for (id, request) in self.unanswered.clone() {
            self.raw.send_as(id, request).await.expect("a socket");
        }
        Ok(standing)
    }

    async fn apply(&mut self, frame: &ServerFrame) {
        match frame {
            ServerFrame::Ack { re } | ServerFrame::Answer { re, .. } => {
                self.unanswered.retain(|(id, _)| id != re)
            }
            ServerFrame::Error {
                re: Some(re),
                code,
                missed,
                ..
            } => {
                if let Some(at) = self.unanswered.iter().position(|(id, _)| id == re) {
                    let (_, request) = self.unanswered.remove(at);
                    assert!(
                        !self.is_logged(&request),
                        "a commit that was accepted is refused: {code}"
                    );
                }
                if *code == Code::StaleEpoch {
                    self.session.discard_pending().expect("in the group");
                    for entry in missed {
                        self.apply_entry(entry).await;
                    }
                }
            }
            ServerFrame::Entry(entry) => self.apply_entry(entry).await,
            ServerFrame::Activate { epoch } => {
                let now = self.now_ms();
                let _ = self.session.activate(u64::from(*epoch), now);
            }
            ServerFrame::Roster { members } => self.roster.clone_from(members),
            ServerFrame::Knocks { knocks } => self.knocks.clone_from(knocks),
            ServerFrame::MediaLost {} => self.media_lost = true,
            ServerFrame::Over { reason } => self.over = Some(*reason),
            _ => {}
        }
    }

    /// Whether the request is a commit that is in the log, as its own.
    fn is_logged(&self, request: &Request) -> bool {
        let Request::Commit { message: sent, .. } = request else {
            return false;
        };
        self.log.iter().any(|entry| {
            matches!(&entry.event, LogEvent::Commit { by, message, .. }
                if *by == self.id() && message == sent)
        })
    }

    async fn apply_entry(&mut self, entry: &LogEntry) {
        match self.log.last() {
            Some(last) if entry.seq <= last.seq => return,
            Some(last) => assert_eq!(entry.seq, last.seq + 1, "an entry is missing"),
            None => {}
        }
        let now = self.now_ms();
        if let LogEvent::Commit {
            message,
            welcome,
            adds,
            ..
        } = &entry.event
        {
            if adds.contains(&self.id()) {
                let welcome = welcome.as_ref().expect("a welcome for who was added");
                self.session
                    .join(&welcome.0)
                    .expect("the welcome is for us");
                let epoch = self.epoch();
                self.session
                    .activate(epoch, now)
                    .expect("the welcome's epoch");
            } else {
                assert!(welcome.is_none(), "a welcome for somebody else");
                let processed = self
                    .session
                    .process(&message.0, now)
                    .expect("the commit fits");
                if processed == Processed::SelfRemoved {
                    self.log.push(entry.clone());
                    return;
                }
            }
            let epoch = u32::try_from(self.epoch()).expect("a small epoch");
            let _ = self.raw.send(Request::Ready { epoch }).await;
        }
        self.log.push(entry.clone());
    }
}

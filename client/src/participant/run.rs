//! The participant's task: waits for the socket, the media connection, commands
//! and the clock, and carries what one of them says to the others.

use super::media::Media;
use super::{Command, JoinError, Options};
use crate::audio::source::AudioSource;
use crate::call::{self, Call, Output, Setup};
use crate::event::Event;
use crate::publish::Publisher;
use crate::receive::{Notice, Receiver};
use crate::report::{self, Ending, Own, Report};
use crate::signaling::{self, Signaling};
use crate::stay::{Answer, End, Heard, Tag, Ticket};
use crate::transport::{self, TransportError};
use conclave_e2ee::{LinkKeys, Word};
use conclave_wire::client::Request;
use conclave_wire::code::Code;
use conclave_wire::control::Source;
use conclave_wire::id::ParticipantId;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Longest sleep of the loop; everything that needs attention sooner says so.
const IDLE: Duration = Duration::from_secs(1);

/// How long leaving may take before it is done without an answer.
const LEAVING: Duration = Duration::from_secs(2);

/// What every participant's offer can send. A source that is not used costs a
/// section in the offer and nothing else.
const SOURCES: [Source; 3] = [Source::Microphone, Source::Camera, Source::Screen];

struct Run {
    call: Call,
    signaling: Signaling,
    media: Media,
    publisher: Publisher,
    receiver: Receiver,
    events: mpsc::UnboundedSender<Event>,
    started: Instant,
    name: String,
    me: Option<ParticipantId>,
    admitted: Option<Duration>,
    leave_after: Option<Duration>,
    end: bool,
    /// The request that leaves, and when to stop waiting for its answer.
    leaving: Option<(Tag, Duration)>,
    reconnects: u64,
    /// Whether the last offer had the screen in it, once there was one.
    screen_offered: Option<bool>,
    call_code: Option<String>,
    epoch: Option<u64>,
    ending: Option<Ending>,
}

pub(super) async fn run(
    options: Options,
    mut commands: mpsc::Receiver<Command>,
    events: mpsc::UnboundedSender<Event>,
) -> Result<Report, JoinError> {
    // Argon2id keeps a core busy for a while.
    let derived = tokio::task::spawn_blocking(move || (link_keys(&options), options));
    let (keys, options) = derived.await.map_err(|_| JoinError::Broken)?;
    let mut run = Run::new(options, keys?, events)?;
    let result = run.work(&mut commands).await;
    if result.is_ok() {
        run.tell_ending();
    }
    let report = run.report().await;
    run.media.close().await;
    run.signaling.close().await;
    result.map(|()| report)
}

/// What link and password open together.
fn link_keys(options: &Options) -> Result<LinkKeys, JoinError> {
    let password = options.password.as_ref();
    match (options.link.password, password) {
        (true, None) => return Err(JoinError::PasswordNeeded),
        (false, Some(_)) => return Err(JoinError::PasswordUnexpected),
        (true, Some(_)) | (false, None) => {}
    }
    let room = conclave_e2ee::RoomId(options.link.room.0);
    let keys = options.link.secret.keys(room, password);
    keys.map_err(JoinError::Keys)
}

impl Run {
    fn new(
        options: Options,
        keys: LinkKeys,
        events: mpsc::UnboundedSender<Event>,
    ) -> Result<Self, JoinError> {
        let mut publisher = Publisher::default();
        if let Some(signal) = options.sound {
            let failed = crate::publish::PublishError::Opus;
            let mut audio = AudioSource::new(signal).map_err(failed)?;
            if options.link.consultation {
                audio.keep_rate_constant().map_err(failed)?;
            }
            publisher.set_microphone(audio);
        }
        let pictures = [
            (Source::Camera, options.camera),
            (Source::Screen, options.screen),
        ];
        for (source, clip) in pictures {
            if let Some(clip) = clip {
                publisher.set_pictures(source, clip);
            }
        }
        let link = options.link;
        let ticket = Ticket {
            host_key: link.host_key.as_ref().map(|key| key.to_wire()),
            password: keys.proof().map(|proof| proof.to_vec().into()),
            link: link.name,
        };
        let signaling = Signaling::open(link.server, link.room, ticket, options.trust);
        let started = Instant::now();
        let began = SystemTime::now().duration_since(UNIX_EPOCH);
        // A clock before 1970 takes no certificate.
        let began_unix_ms = began.map_or(0, |began| began.as_millis() as u64);
        let call = Call::new(Setup {
            room: link.room,
            keys,
            name: options.name.clone(),
            start: options.start,
            admit: options.admit,
            began_unix_ms,
        });
        let media = Media::new(transport::Config {
            tcp: false,
            bind: options.bind,
            sources: SOURCES.to_vec(),
            discreet: link.consultation,
            audio_slots: options.audio_slots,
            video_slots: options.video_slots,
        });
        Ok(Self {
            call,
            signaling,
            media,
            publisher,
            receiver: Receiver::default(),
            events,
            started,
            name: options.name,
            me: None,
            admitted: None,
            leave_after: options.leave_after,
            end: options.end,
            leaving: None,
            reconnects: 0,
            screen_offered: None,
            call_code: None,
            epoch: None,
            ending: None,
        })
    }

    async fn work(&mut self, commands: &mut mpsc::Receiver<Command>) -> Result<(), JoinError> {
        let mut commanded = true;
        while self.ending.is_none() {
            let wake = self.started + self.next_wake();
            tokio::select! {
                event = self.signaling.next() => match event {
                    Some(event) => self.signaled(event).await?,
                    None => return Err(JoinError::Broken),
                },
                event = self.media.next() => self.transported(event).await?,
                command = commands.recv(), if commanded => match command {
                    Some(command) => self.command(command).await,
                    None => commanded = false,
                },
                () = tokio::time::sleep_until(wake) => {}
            }
            self.tick().await?;
            self.settle().await?;
        }
        Ok(())
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn now_ms(&self) -> u64 {
        self.now().as_millis() as u64
    }

    fn tell(&self, event: Event) {
        // Nobody has to listen.
        let _ = self.events.send(event);
    }

    fn next_wake(&self) -> Duration {
        let now = self.now();
        let publish = match self.media.is_connected() && !self.call.is_behind() {
            true => self.publisher.next_due(now),
            false => None,
        };
        let ms = Duration::from_millis;
        let leave = self.leave_after.zip(self.admitted).map(|(a, b)| a + b);
        [
            publish,
            self.receiver.next_timeout().map(ms),
            self.call.next_timeout().map(ms),
            self.media.again(),
            self.media.tcp_from(),
            self.media.look_at(),
            self.leaving.as_ref().map(|(_, until)| *until).or(leave),
        ]
        .into_iter()
        .flatten()
        .fold(now + IDLE, Duration::min)
    }

    /// Everything that is due by now.
    async fn tick(&mut self) -> Result<(), JoinError> {
        let (now, now_ms) = (self.now(), self.now_ms());
        let ticked = self.call.tick(now_ms);
        if ticked.is_err() {
            // Why the call cannot go on is told before it ends.
            self.settle().await?;
        }
        ticked?;
        if let Some(session) = self.call.session() {
            let notices = self.receiver.tick(session, now_ms);
            self.notice(notices).await;
        }
        if self.media.is_connected()
            && let Some(session) = self.call.session()
        {
            let packets = self.publisher.produce(session, now)?;
            if let Err(error) = self.media.send(packets).await {
                // The connection says so itself, too, and is made anew then.
                tracing::debug!(%error, "a packet cannot be sent");
            }
        }
        if self.media.again().is_some_and(|at| at <= now) {
            self.offer().await?;
        }
        if self.media.fell_silent(now) {
            self.restart().await?;
        }
        if self.media.tcp_from().is_some_and(|at| at <= now) {
            self.media.use_tcp();
            self.tell(Event::MediaLost);
            self.offer().await?;
        }
        match &self.leaving {
            Some((_, until)) if *until <= now => self.ending = Some(Ending::Left),
            Some(_) => {}
            None => {
                let stay = self.leave_after.zip(self.admitted).map(|(a, b)| a + b);
                if stay.is_some_and(|until| until <= now) {
                    self.leave(self.end);
                }
            }
        }
        Ok(())
    }

    /// Carries out what the call machine wants.
    async fn settle(&mut self) -> Result<(), JoinError> {
        while let Some(output) = self.call.poll() {
            match output {
                Output::Ask(tag, request) => self.signaling.ask(tag, request),
                Output::Event(event) => self.called(event).await?,
            }
        }
        Ok(())
    }

    async fn signaled(&mut self, event: signaling::Event) -> Result<(), JoinError> {
        let heard = match event {
            signaling::Event::Heard(heard) => heard,
            signaling::Event::Lost => {
                self.call.interrupted();
                self.tell(Event::Disconnected);
                return Ok(());
            }
            signaling::Event::GaveUp(_) if self.me.is_some() => {
                self.ending = Some(Ending::Gone);
                return Ok(());
            }
            signaling::Event::GaveUp(error) => return Err(error.into()),
        };
        match &heard {
            Heard::Entered {
                participant,
                resumed: false,
                ..
            } => {
                self.me = Some(*participant);
                self.tell(Event::Joined {
                    participant: *participant,
                });
            }
            Heard::Over(End::Said(reason)) => self.ending = Some((*reason).into()),
            Heard::Over(End::Refused { code, tries_left }) => match (self.me, tries_left) {
                (Some(_), _) => self.ending = Some(Ending::Gone),
                (None, &Some(tries_left)) => return Err(JoinError::PasswordWrong { tries_left }),
                (None, None) => return Err(JoinError::Refused(*code)),
            },
            Heard::Answered(tag, answer) => {
                if self
                    .leaving
                    .as_ref()
                    .is_some_and(|(leaving, _)| leaving == tag)
                {
                    self.left(answer);
                }
                if self.media.is_offer(*tag) {
                    return self.offer_answered(answer.clone()).await;
                }
            }
            _ => {}
        }
        let now_ms = self.now_ms();
        let heard = self.call.hear(heard, now_ms);
        if heard.is_err() {
            // Why the call cannot go on is told before it ends.
            self.settle().await?;
        }
        Ok(heard?)
    }

    /// The request that leaves was answered.
    fn left(&mut self, answer: &Answer) {
        match answer {
            Answer::Refused { code, .. } => {
                self.tell(Event::Denied { code: *code });
                self.leaving = None;
                self.leave_after = None;
            }
            // After `end-call`, the stay's own `over` says the rest.
            Answer::Done | Answer::Sdp(_) if self.end => {}
            Answer::Done | Answer::Sdp(_) => self.ending = Some(Ending::Left),
        }
    }

    async fn called(&mut self, event: call::Event) -> Result<(), JoinError> {
        match event {
            call::Event::Waiting {
                call_running,
                host_present,
            } => self.tell(Event::Waiting {
                call_running,
                host_present,
            }),
            call::Event::Told { word } => {
                let (word, text) = match &word {
                    Word::Seen => (Some("seen"), None),
                    Word::Phrase(phrase) => (Some(phrase.code()), None),
                    Word::Text(text) => (None, Some(text.as_str().to_owned())),
                };
                self.tell(Event::Told { word, text });
            }
            call::Event::Devices {
                participant,
                devices,
            } => self.tell(Event::Devices {
                participant,
                microphone: devices.microphone,
                camera: devices.camera,
            }),
            call::Event::Admitted { epoch } => {
                self.admitted = Some(self.now());
                self.entered_epoch(epoch);
                let call_code = self.call_code.clone();
                self.tell(Event::Admitted { epoch, call_code });
                self.offer().await?;
            }
            call::Event::Knock { participant, name } => {
                self.tell(Event::Knock { participant, name });
            }
            call::Event::FalseKnock { participant } => {
                self.tell(Event::FalseKnock { participant });
            }
            call::Event::Epoch {
                epoch,
                joined,
                left,
            } => {
                self.entered_epoch(epoch);
                let call_code = self.call_code.clone();
                self.tell(Event::Epoch { epoch, call_code });
                for (participant, name) in joined {
                    self.tell(Event::MemberJoined { participant, name });
                }
                for (participant, name) in left {
                    self.tell(Event::MemberLeft { participant, name });
                }
            }
            call::Event::SpokenCode { epoch, code } => {
                self.tell(Event::SpokenCode { epoch, code });
            }
            call::Event::NoSpokenCode {
                epoch,
                participant,
                wrong,
            } => self.tell(Event::NoSpokenCode {
                epoch,
                participant,
                wrong,
            }),
            call::Event::Behind => self.tell(Event::Behind),
            call::Event::CaughtUp { epoch } => self.tell(Event::CaughtUp { epoch }),
            call::Event::Activated { epoch } => {
                // Whoever comes in with this epoch can begin at a keyframe only.
                for source in SOURCES {
                    self.publisher.want_keyframe(source);
                }
                self.tell(Event::Activated { epoch });
            }
            call::Event::Roster => {
                self.assign();
                // Made a presenter: what was left out is offered.
                if self.screen_offered == Some(false) && self.call.may_share() {
                    self.offer().await?;
                }
            }
            call::Event::RosterDiffers { named, hidden } => {
                self.tell(Event::RosterDiffers { named, hidden });
            }
            call::Event::RosterAgrees => self.tell(Event::RosterAgrees),
            call::Event::MediaLost => self.media_lost().await?,
            call::Event::LinkLocked { locked } => self.tell(Event::LinkLocked { locked }),
            call::Event::RoomLocked { locked } => self.tell(Event::RoomLocked { locked }),
            call::Event::Muted { by } => {
                self.publisher.set_live(Source::Microphone, false);
                self.say_live();
                self.tell(Event::Muted { by });
            }
            call::Event::Paused { slots } => self.tell(Event::Paused { slots: slots.len() }),
            call::Event::Wanted { sources } => self.publisher.set_wanted(&sources),
            call::Event::Resumed { media_lost } => {
                self.reconnects += 1;
                self.tell(Event::Reconnected);
                // What is wanted now is told again.
                self.publisher.set_wanted(&[]);
                if media_lost && self.call.is_member() {
                    self.media_lost().await?;
                }
            }
            call::Event::Split { participants } => self.tell(Event::Split { participants }),
            call::Event::Whole => self.tell(Event::Whole),
            call::Event::Refused(code) => self.tell(Event::Denied { code }),
        }
        Ok(())
    }

    fn entered_epoch(&mut self, epoch: u64) {
        self.epoch = Some(epoch);
        self.call_code = self
            .call
            .session()
            .and_then(|session| session.call_code().ok())
            .map(|code| code.to_string());
    }

    async fn media_lost(&mut self) -> Result<(), JoinError> {
        // An offer that is under way is the answer to this already.
        if self.media.is_offering() || self.media.again().is_some() {
            return Ok(());
        }
        self.tell(Event::MediaLost);
        self.offer().await
    }

    async fn offer(&mut self) -> Result<(), JoinError> {
        let offer = self.media.open().await?;
        self.receiver.reset_slots();
        self.publisher.set_wanted(&[]);
        self.send_offer(offer);
        Ok(())
    }

    /// Looks for another path for the connection there is.
    async fn restart(&mut self) -> Result<(), JoinError> {
        if let Some(offer) = self.media.restart().await? {
            self.tell(Event::MediaInterrupted);
            self.send_offer(offer);
        }
        Ok(())
    }

    fn send_offer(&mut self, offer: transport::Offer) {
        let may_share = self.call.may_share();
        self.screen_offered = Some(may_share);
        let mut sending = offer.sending;
        sending.retain(|sending| may_share || sending.source != Source::Screen);
        let tag = self.call.ask(Request::Offer {
            sdp: offer.sdp,
            sending,
        });
        self.media.offered(tag);
    }

    async fn offer_answered(&mut self, answer: Answer) -> Result<(), JoinError> {
        match answer {
            Answer::Sdp(sdp) => {
                let now = self.now();
                match self.media.accept(&sdp, now).await {
                    Err(TransportError::OtherConnection) => return self.offer().await,
                    accepted => accepted?,
                }
                self.say_live();
                self.assign();
            }
            Answer::Refused {
                code: Code::MediaUnavailable | Code::Internal | Code::TooMany,
                ..
            } => self.media.refused(self.now()).await,
            Answer::Refused { code, .. } => return Err(JoinError::MediaRefused(code)),
            Answer::Done => return Err(TransportError::NoMid.into()),
        }
        Ok(())
    }

    fn say_live(&mut self) {
        let mut sources = self.publisher.live();
        sources.retain(|source| self.call.may_share() || *source != Source::Screen);
        self.call.ask(Request::Live { sources });
    }

    fn assign(&mut self) {
        let Some(me) = self.me else { return };
        let slots = self.media.fit(self.call.roster(), me);
        if !slots.is_empty() {
            self.call.ask(Request::Assign { slots });
        }
    }

    async fn transported(&mut self, event: transport::Event) -> Result<(), JoinError> {
        match event {
            transport::Event::Connected => {
                self.media.connected();
                self.tell(Event::MediaConnected);
            }
            transport::Event::Interrupted => self.restart().await?,
            transport::Event::Lost => self.media_lost().await?,
            transport::Event::KeyframeWanted(source) => {
                self.publisher.want_keyframe(source);
                self.tell(Event::KeyframeWanted { source });
            }
            transport::Event::Packet(packet) => {
                let now_ms = self.now_ms();
                if let Some(session) = self.call.session() {
                    let notices = self.receiver.packet(packet, session, now_ms);
                    self.notice(notices).await;
                }
            }
        }
        Ok(())
    }

    async fn notice(&mut self, notices: Vec<Notice>) {
        for notice in notices {
            self.media.act_on(&notice).await;
            match notice {
                Notice::First(from, source) => self.tell(Event::FirstFrame { from, source }),
                Notice::Tone(from, hz) => self.tell(Event::Tone { from, hz }),
                Notice::WantKeyframe(_) => {}
            }
        }
    }

    async fn command(&mut self, command: Command) {
        match command {
            Command::Admit(participant) => self.call.admit(participant),
            Command::Refuse(participant) => {
                self.call.ask(Request::Refuse { participant });
            }
            Command::Remove(participant) => self.call.remove(participant),
            Command::Show(source, clip) => {
                self.publisher.set_pictures(source, clip);
                self.say_live();
            }
            Command::SetLive(source, live) => {
                self.publisher.set_live(source, live);
                self.say_live();
            }
            Command::Update => self.call.renew(),
            Command::Unlock => {
                self.call.ask(Request::Unlock {});
            }
            Command::Lock(locked) => {
                self.call.ask(Request::Lock { locked });
            }
            Command::Mute(participant) => {
                self.call.ask(Request::Mute { participant });
            }
            Command::MakeHost(participant) => {
                self.call.ask(Request::MakeHost { participant });
            }
            Command::MakePresenter(participant) => {
                self.call.ask(Request::MakePresenter { participant });
            }
            Command::Compare => {
                let now_ms = self.now_ms();
                self.call.compare(now_ms);
            }
            Command::Report(answer) => {
                let _ = answer.send(self.report().await);
            }
            Command::Export(label, len, answer) => {
                let secret = self
                    .call
                    .session()
                    .and_then(|session| session.export(&label, &[], len).ok());
                let _ = answer.send(secret);
            }
            Command::Leave => self.leave(false),
            Command::EndCall => self.leave(true),
        }
    }

    fn leave(&mut self, end: bool) {
        if self.leaving.is_some() {
            return;
        }
        self.end = end;
        let request = if end {
            Request::EndCall {}
        } else {
            Request::Leave {}
        };
        let tag = self.call.ask(request);
        self.leaving = Some((tag, self.now() + LEAVING));
    }

    fn tell_ending(&self) {
        let event = match self.ending {
            Some(Ending::Left) => Event::Left,
            Some(Ending::Refused) => Event::Refused,
            Some(Ending::Removed) => Event::Removed,
            Some(Ending::Ended) => Event::Ended,
            Some(Ending::Replaced) => Event::Replaced,
            Some(Ending::Revoked) => Event::Revoked,
            Some(Ending::Withdrawn) => Event::Withdrawn,
            Some(Ending::DeviceRevoked) => Event::DeviceRevoked,
            Some(Ending::Gone) => Event::Gone,
            Some(Ending::Running) | None => return,
        };
        self.tell(event);
    }

    async fn report(&mut self) -> Report {
        let admitted = self.admitted.unwrap_or_else(|| self.now());
        let round_trip = self.media.round_trip().await;
        Report {
            participant: self.me.unwrap_or(ParticipantId([0; 16])),
            name: self.name.clone(),
            ending: self.ending.unwrap_or(Ending::Running),
            seconds: (self.now() - admitted).as_secs_f64(),
            call_code: self.call_code.clone(),
            epoch: self.epoch,
            own: Own {
                frames_sent: self.publisher.sent(),
                frames_sealed: self.publisher.sealed().clone(),
                packets_sent: self.media.packets_sent(),
                packets_received: self.receiver.packets(),
                packets_lost: self.receiver.lost(),
                pictures_broken: self.receiver.broken(),
                reconnects: self.reconnects,
                media_connections: self.media.made(),
                round_trip_ms: round_trip.map(|rtt| rtt.as_secs_f64() * 1_000.0),
            },
            remotes: report::remotes(&self.receiver, admitted.as_millis() as u64),
            drops: self
                .receiver
                .drops()
                .iter()
                .map(|(code, count)| ((*code).to_owned(), *count))
                .collect(),
        }
    }
}

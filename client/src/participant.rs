//! A participant at work: one task that owns the call machine, the socket, the
//! media connection and both directions of media, and a handle to it.
//!
//! ```text
//!              ┌──────────────── task ─────────────────┐
//!  signaling ◀▶│ Call ─▶ Session ◀─ Publisher          │◀▶ transport
//!              │            ▲──────── Receiver         │
//!              └───▲───────────────────────────┬───────┘
//!        Command ──┘  Participant (handle)  ◀──┘ Event
//! ```

mod media;
mod run;
mod silence;

use crate::audio::source::Signal;
use crate::call::{Admit, CallError};
use crate::event::Event;
use crate::link::Link;
use crate::publish::PublishError;
use crate::report::Report;
use crate::signaling::SignalingError;
use crate::transport::TransportError;
use crate::trust::Trust;
use crate::vp9::ivf::Clip;
use conclave_e2ee::Password;
use conclave_wire::code::Code;
use conclave_wire::control::Source;
use conclave_wire::id::ParticipantId;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

/// Commands that may queue.
const COMMANDS: usize = 64;

/// How to take part.
pub struct Options {
    /// Where, and with which secrets.
    pub link: Link,
    /// Whom to believe to be the server.
    pub trust: Trust,
    /// The link's password, if it has one.
    pub password: Option<Password>,
    /// The name to go by.
    pub name: String,
    /// What the microphone sends.
    pub sound: Option<Signal>,
    /// What the camera sends.
    pub camera: Option<Clip>,
    /// What the screen sends, from the beginning.
    pub screen: Option<Clip>,
    /// Begin the call if there is none and the link is a host's.
    pub start: bool,
    /// Whom to let in.
    pub admit: Admit,
    /// How long to stay after admission; nothing to stay until told.
    pub leave_after: Option<Duration>,
    /// Leave by ending the call for everyone.
    pub end: bool,
    /// Local addresses for media.
    pub bind: Vec<SocketAddr>,
    /// Receive slots for sound.
    pub audio_slots: usize,
    /// Receive slots for pictures.
    pub video_slots: usize,
}

impl Options {
    /// A participant that sends nothing and stays until told.
    pub fn new(link: Link, trust: Trust, name: &str) -> Self {
        let media = crate::transport::Config::default();
        Self {
            link,
            trust,
            password: None,
            name: name.to_owned(),
            sound: None,
            camera: None,
            screen: None,
            start: false,
            admit: Admit::Nobody,
            leave_after: None,
            end: false,
            bind: media.bind,
            audio_slots: media.audio_slots,
            video_slots: media.video_slots,
        }
    }
}

/// Why a stay failed. One that was refused or removed did not fail: the
/// report's ending says so.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// No connection to the signaling service.
    #[error(transparent)]
    Signaling(#[from] SignalingError),
    /// The server refused to let us in.
    #[error("the server refused: {0}")]
    Refused(Code),
    /// The link has a password, and none was given.
    #[error("the link needs its password")]
    PasswordNeeded,
    /// A password was given, and the link has none.
    #[error("the link has no password")]
    PasswordUnexpected,
    /// The password is another.
    #[error("the password is wrong; {tries_left} more wrong ones lock the link")]
    PasswordWrong {
        /// How many.
        tries_left: u32,
    },
    /// The link's keys cannot be derived.
    #[error("the link's keys cannot be derived")]
    Keys(#[source] conclave_e2ee::Error),
    /// The call cannot be followed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// No media connection.
    #[error(transparent)]
    Media(#[from] TransportError),
    /// The server refused the media connection.
    #[error("the server refused the media connection: {0}")]
    MediaRefused(Code),
    /// A source cannot be sent.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The task ended without a result.
    #[error("the participant's task broke off")]
    Broken,
}

enum Command {
    Admit(ParticipantId),
    Refuse(ParticipantId),
    Remove(ParticipantId),
    Show(Source, Clip),
    SetLive(Source, bool),
    Update,
    Unlock,
    Lock(bool),
    Mute(ParticipantId),
    MakeHost(ParticipantId),
    MakePresenter(ParticipantId),
    Compare,
    Report(oneshot::Sender<Report>),
    Export(String, usize, oneshot::Sender<Option<Zeroizing<Vec<u8>>>>),
    Leave,
    EndCall,
}

/// A handle to a participant. Dropping it breaks the stay off without a word,
/// as a crash would.
pub struct Participant {
    commands: mpsc::Sender<Command>,
    events: mpsc::UnboundedReceiver<Event>,
    task: JoinHandle<Result<Report, JoinError>>,
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Participant {
    /// Enters the room in the background.
    pub fn start(options: Options) -> Self {
        let (commands, inbox) = mpsc::channel(COMMANDS);
        // Unbounded, so that a stay does not stall because nobody reads its
        // events; they are few.
        let (outbox, events) = mpsc::unbounded_channel();
        let task = tokio::spawn(run::run(options, inbox, outbox));
        Self {
            commands,
            events,
            task,
        }
    }

    /// The next event; nothing after the last.
    pub async fn next_event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Waits for an event that is wanted, passing over the others; nothing if
    /// the stay ends before.
    pub async fn wait_for(&mut self, mut wanted: impl FnMut(&Event) -> bool) -> Option<Event> {
        loop {
            let event = self.next_event().await?;
            if wanted(&event) {
                return Some(event);
            }
        }
    }

    /// Lets someone in who knocks.
    pub async fn admit(&self, participant: ParticipantId) {
        self.command(Command::Admit(participant)).await;
    }

    /// Turns someone away who knocks.
    pub async fn refuse(&self, participant: ParticipantId) {
        self.command(Command::Refuse(participant)).await;
    }

    /// Removes a member, as only a host may.
    pub async fn remove(&self, participant: ParticipantId) {
        self.command(Command::Remove(participant)).await;
    }

    /// Sends a clip as camera or screen.
    pub async fn show(&self, source: Source, clip: Clip) {
        self.command(Command::Show(source, clip)).await;
    }

    /// Mutes or stops a source, or goes on with it.
    pub async fn set_live(&self, source: Source, live: bool) {
        self.command(Command::SetLive(source, live)).await;
    }

    /// Renews our keys by a commit of our own.
    pub async fn update(&self) {
        self.command(Command::Update).await;
    }

    /// Opens the guests' link again, which wrong passwords have locked, as only
    /// a host may.
    pub async fn unlock_link(&self) {
        self.command(Command::Unlock).await;
    }

    /// Lets nobody else into the room, or lets them in again, as only a host may.
    pub async fn lock(&self, locked: bool) {
        self.command(Command::Lock(locked)).await;
    }

    /// Has a member switch the microphone off, as only a host may.
    pub async fn mute(&self, participant: ParticipantId) {
        self.command(Command::Mute(participant)).await;
    }

    /// Makes a member a host, as only a host may.
    pub async fn make_host(&self, participant: ParticipantId) {
        self.command(Command::MakeHost(participant)).await;
    }

    /// Makes a member a presenter, as only a host may.
    pub async fn make_presenter(&self, participant: ParticipantId) {
        self.command(Command::MakePresenter(participant)).await;
    }

    /// Asks all members' devices for the code that people read to each other;
    /// [`Event::SpokenCode`] tells it.
    pub async fn compare(&self) {
        self.command(Command::Compare).await;
    }

    /// What was received so far; nothing if the stay is over.
    pub async fn report(&self) -> Option<Report> {
        let (answer, report) = oneshot::channel();
        self.command(Command::Report(answer)).await;
        report.await.ok()
    }

    /// A secret of the call's present epoch (MLS-Exporter with an empty
    /// context), for tests that search for it where it must not be.
    pub async fn export(&self, label: &str, len: usize) -> Option<Zeroizing<Vec<u8>>> {
        let (answer, secret) = oneshot::channel();
        self.command(Command::Export(label.to_owned(), len, answer))
            .await;
        secret.await.ok().flatten()
    }

    /// Leaves the call.
    pub async fn leave(&self) {
        self.command(Command::Leave).await;
    }

    /// Ends the call for everyone, as only a host may.
    pub async fn end_call(&self) {
        self.command(Command::EndCall).await;
    }

    /// Waits until the stay is over.
    ///
    /// # Errors
    /// [`JoinError`] says what failed.
    pub async fn finish(mut self) -> Result<Report, JoinError> {
        (&mut self.task).await.unwrap_or(Err(JoinError::Broken))
    }

    async fn command(&self, command: Command) {
        // A closed queue means that the stay is over, which was told.
        let _ = self.commands.send(command).await;
    }
}

/// Takes part in a call until it is over for us, telling what happens.
///
/// # Errors
/// [`JoinError`] says what failed.
pub async fn join(options: Options, mut tell: impl FnMut(&Event)) -> Result<Report, JoinError> {
    let mut participant = Participant::start(options);
    while let Some(event) = participant.next_event().await {
        tell(&event);
    }
    participant.finish().await
}

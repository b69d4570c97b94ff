//! The native participant, in this process, with a memory: what it told can be
//! awaited and looked up, whenever it came.

use crate::deadline::{PATIENCE, eventually, within};
use crate::door::Door;
use conclave_client::audio::source::Signal;
use conclave_client::call::Admit;
use conclave_client::event::Event;
use conclave_client::link::Link;
use conclave_client::participant::{Options, Participant};
use conclave_client::report::{RemoteReport, Report};
use conclave_client::trust::Trust;
use conclave_client::vp9::ivf::Clip;
use conclave_wire::control::Source;
use conclave_wire::id::ParticipantId;
use futures_util::FutureExt;
use std::time::{Duration, Instant};

/// The camera's clip: VP9, 320 by 180, 15 frames a second.
pub const CAMERA: &[u8] = include_bytes!("../../media/camera.ivf");
/// The screen's clip: VP9, 640 by 360, 5 frames a second.
pub const SCREEN: &[u8] = include_bytes!("../../media/screen.ivf");

/// A native participant.
pub struct Native {
    /// The handle the product gives.
    pub inner: Participant,
    /// The name it goes by.
    pub name: String,
    /// Everything it told, and when.
    pub history: Vec<(Instant, Event)>,
    /// Where [`until`](Self::until) begins to look.
    mark: usize,
}

/// Options for a participant behind that door: sends nothing, admits nobody.
///
/// # Panics
/// When the link or the door's certificate is no good.
pub fn options(door: &Door, link: &str, name: &str) -> Options {
    let authority = std::fs::read(door.authority()).expect("the certificate");
    let trust = Trust::new(Some(&authority)).expect("a certificate");
    let mut options = Options::new(Link::parse(link).expect("a link"), trust, name);
    options.bind = vec![([127, 0, 0, 1], 0).into()];
    options.audio_slots = 4;
    options.video_slots = 6;
    options
}

/// A clip of the test media.
///
/// # Panics
/// When it is no VP9.
pub fn clip(file: &[u8]) -> Clip {
    Clip::parse(file).expect("a clip")
}

impl Native {
    /// Enters with these options.
    pub fn start(options: Options) -> Self {
        let name = options.name.clone();
        Self {
            inner: Participant::start(options),
            name,
            history: Vec::new(),
            mark: 0,
        }
    }

    /// A host who starts the call, lets everybody in, and sends a tone and the camera.
    pub fn host(door: &Door, link: &str, name: &str, hertz: f32) -> Self {
        let mut options = options(door, link, name);
        options.start = true;
        options.admit = Admit::All;
        Self::start(sending(options, hertz))
    }

    /// A guest who sends a tone and the camera.
    pub fn guest(door: &Door, link: &str, name: &str, hertz: f32) -> Self {
        Self::start(sending(options(door, link, name), hertz))
    }

    /// Forgets for [`until`](Self::until) what was told so far.
    pub fn from_now_on(&mut self) {
        while let Some(Some(event)) = self.inner.next_event().now_or_never() {
            self.history.push((Instant::now(), event));
        }
        self.mark = self.history.len();
    }

    /// The first wanted event since the start or the last
    /// [`from_now_on`](Self::from_now_on); waits for it if it has not come.
    ///
    /// # Panics
    /// When it does not come in time.
    pub async fn until<T>(
        &mut self,
        limit: Duration,
        what: &str,
        wanted: impl Fn(&Event) -> Option<T>,
    ) -> (Instant, T) {
        let what = format!("{}: {what}", self.name);
        let mut at = self.mark;
        within(limit, what.clone(), async {
            loop {
                while let Some((when, event)) = self.history.get(at) {
                    if let Some(found) = wanted(event) {
                        return (*when, found);
                    }
                    at += 1;
                }
                let event = self.inner.next_event().await;
                let event = event
                    .unwrap_or_else(|| panic!("{what}: the stay ended, {:?}", self.history.last()));
                self.history.push((Instant::now(), event));
            }
        })
        .await
    }

    /// Waits for this very event.
    ///
    /// # Panics
    /// When it does not come in time.
    pub async fn told(&mut self, limit: Duration, event: Event) -> Instant {
        self.until(limit, &format!("{event:?}"), |told| {
            (*told == event).then_some(())
        })
        .await
        .0
    }

    /// Who it is; waits until it has entered.
    ///
    /// # Panics
    /// When it does not enter.
    pub async fn id(&mut self) -> ParticipantId {
        let mark = std::mem::take(&mut self.mark);
        let joined = |event: &Event| match event {
            Event::Joined { participant } => Some(*participant),
            _ => None,
        };
        let (_, id) = self.until(PATIENCE, "enters", joined).await;
        self.mark = mark;
        id
    }

    /// Waits until it is a member; gives when that was told.
    ///
    /// # Panics
    /// When it is not let in.
    pub async fn admitted(&mut self) -> Instant {
        self.until(PATIENCE, "is admitted", |event| {
            matches!(event, Event::Admitted { .. }).then_some(())
        })
        .await
        .0
    }

    /// What it got so far.
    ///
    /// # Panics
    /// When its stay is over.
    pub async fn report(&self) -> Report {
        let report = within(PATIENCE, "a report", self.inner.report()).await;
        report.unwrap_or_else(|| panic!("{}: the stay is over", self.name))
    }

    /// Waits until, counted from now, that many pictures and sounds of each of
    /// the others were opened.
    ///
    /// # Panics
    /// When they were not in time.
    pub async fn gets(&self, limit: Duration, frames: u64, others: &[ParticipantId]) {
        let before = self.report().await;
        let what = format!("{} gets {frames} pictures and sounds of each", self.name);
        eventually(limit, what, async || {
            let now = self.report().await;
            let more = |who: &ParticipantId| {
                let (before, now) = (opened(&before, *who), opened(&now, *who));
                now.0 >= before.0 + frames && now.1 >= before.1 + frames
            };
            others.iter().all(more).then_some(())
        })
        .await;
    }

    /// The call code it shows now.
    ///
    /// # Panics
    /// When it shows none.
    pub async fn code(&self) -> String {
        self.report()
            .await
            .call_code
            .unwrap_or_else(|| panic!("{} shows no call code", self.name))
    }
}

/// Pictures of the camera and sounds of the microphone that were opened.
fn opened(report: &Report, who: ParticipantId) -> (u64, u64) {
    remote(report, who).map_or((0, 0), |remote| {
        let camera = remote
            .camera
            .as_ref()
            .map_or(0, |pictures| pictures.frames_opened);
        (
            camera,
            remote.audio.as_ref().map_or(0, |sound| sound.frames_opened),
        )
    })
}

/// What was got of that participant.
pub fn remote(report: &Report, who: ParticipantId) -> Option<&RemoteReport> {
    report
        .remotes
        .iter()
        .find(|remote| remote.participant == who)
}

/// The first frame of a source of a participant.
pub fn first_frame(from: ParticipantId, source: Source) -> Event {
    Event::FirstFrame { from, source }
}

fn sending(mut options: Options, hertz: f32) -> Options {
    options.sound = Some(Signal::Tone(hertz));
    options.camera = Some(clip(CAMERA));
    options
}

//! The sending side: at each source's pace, encoded frames are sealed and cut
//! into packets.
//!
//! ```text
//!   AudioSource / Clip ─▶ Session::seal ─▶ one packet / packetize ─▶ Outgoing
//! ```
//!
//! Sealing comes first: no byte of a frame is cut, looked at or sent in clear.

use crate::audio::FRAME;
use crate::audio::source::AudioSource;
use crate::transport::{AUDIO_CLOCK, Outgoing, VIDEO_CLOCK};
use crate::vp9::descriptor::{Picture, packetize};
use crate::vp9::ivf::Clip;
use bytes::Bytes;
use conclave_e2ee::{Context, Session};
use conclave_wire::control::{Source, Wanted};
use std::collections::BTreeMap;
use std::time::Duration;

/// A source that is this late has been paused; it goes on from now instead of
/// sending everything at once.
const PAUSED: Duration = Duration::from_millis(500);

/// Epochs of which frames are counted apart: as many as a key id tells apart.
pub(crate) const EPOCHS: usize = 64;

/// Why a source cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Opus could not encode.
    #[error("Opus: {0}")]
    Opus(#[from] opus::Error),
    /// The frame could not be sealed.
    #[error("a frame cannot be sealed: {0}")]
    Seal(#[from] conclave_e2ee::Error),
}

/// All sources of a participant.
#[derive(Default)]
pub struct Publisher {
    sound: Option<SoundLine>,
    pictures: Vec<PictureLine>,
    sent: u64,
    sealed: BTreeMap<Source, BTreeMap<u64, u64>>,
}

struct SoundLine {
    audio: AudioSource,
    pace: Pace,
    muted: bool,
}

struct PictureLine {
    source: Source,
    clip: Clip,
    position: usize,
    picture_id: u16,
    pace: Pace,
    want_keyframe: bool,
    stopped: bool,
    /// Nobody receives it.
    unwanted: bool,
}

/// When frames are due, counted so that no rounding adds up.
struct Pace {
    interval: u32,
    clock: u32,
    /// Where the time of frame 0 lies.
    origin: Option<Duration>,
    frames: u64,
    timestamp: u32,
}

impl Publisher {
    /// Sends a sound as microphone.
    pub fn set_microphone(&mut self, audio: AudioSource) {
        self.sound = Some(SoundLine {
            audio,
            pace: Pace::new(FRAME as u32, AUDIO_CLOCK),
            muted: false,
        });
    }

    /// Sends a clip as camera or screen, in place of what was sent before.
    pub fn set_pictures(&mut self, source: Source, clip: Clip) {
        // A receiver goes by the picture id and the timestamp: they run on.
        let before = self.pictures.iter().position(|line| line.source == source);
        let before = before.map(|at| self.pictures.remove(at));
        let interval = clip.interval();
        let (picture_id, mut pace) = match before {
            Some(line) => (line.picture_id, line.pace),
            None => (0, Pace::new(interval, VIDEO_CLOCK)),
        };
        pace.interval = interval;
        pace.origin = None;
        self.pictures.push(PictureLine {
            source,
            clip,
            position: 0,
            picture_id,
            pace,
            want_keyframe: true,
            stopped: false,
            unwanted: false,
        });
    }

    /// Stops or goes on with a source.
    pub fn set_live(&mut self, source: Source, live: bool) {
        if source == Source::Microphone
            && let Some(line) = &mut self.sound
        {
            line.muted = !live;
        }
        for line in self.pictures.iter_mut().filter(|l| l.source == source) {
            line.stopped = !live;
            line.want_keyframe |= live;
        }
    }

    /// What is received of the sources: those not named are wanted whole. What
    /// nobody receives is not sent; it goes on with a keyframe.
    pub fn set_wanted(&mut self, sources: &[Wanted]) {
        for line in &mut self.pictures {
            let unwanted = sources
                .iter()
                .any(|wanted| wanted.source == line.source && wanted.spatial.is_none());
            line.want_keyframe |= line.unwanted && !unwanted;
            line.unwanted = unwanted;
        }
    }

    /// What is live now, whether or not anybody receives it.
    pub fn live(&self) -> Vec<Source> {
        let sound = self.sound.iter().filter(|line| !line.muted);
        let pictures = self.pictures.iter().filter(|line| !line.stopped);
        let mut live: Vec<Source> = sound
            .map(|_| Source::Microphone)
            .chain(pictures.map(|line| line.source))
            .collect();
        live.sort();
        live
    }

    /// The next frame of a source is to be a keyframe: the clip goes on from
    /// its next one.
    pub fn want_keyframe(&mut self, source: Source) {
        for line in self.pictures.iter_mut().filter(|l| l.source == source) {
            line.want_keyframe = true;
        }
    }

    /// Frames that were sealed and handed out.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Those by source and by the epoch that sealed them, of the last 64 epochs.
    pub fn sealed(&self) -> &BTreeMap<Source, BTreeMap<u64, u64>> {
        &self.sealed
    }

    /// When the next frame is due; nothing if nothing is sent.
    pub fn next_due(&self, now: Duration) -> Option<Duration> {
        let sound = self.sound.iter().filter(|line| !line.muted);
        let pictures = self.pictures.iter().filter(|line| line.flows());
        sound
            .map(|line| line.pace.due(now))
            .chain(pictures.map(|line| line.pace.due(now)))
            .min()
    }

    /// Seals what is due.
    ///
    /// # Errors
    /// When a frame can be neither encoded nor sealed.
    pub fn produce(
        &mut self,
        session: &mut Session,
        now: Duration,
    ) -> Result<Vec<(Source, Outgoing)>, PublishError> {
        let mut out = Vec::new();
        let Some(epoch) = session.send_epoch() else {
            return Ok(out);
        };
        if let Some(line) = self.sound.as_mut().filter(|line| !line.muted) {
            while let Some(timestamp) = line.pace.take(now) {
                let frame = line.audio.next_frame()?;
                let mut sealed = Vec::new();
                session.seal(Context::MICROPHONE, &frame.packet, &mut sealed)?;
                self.sent += 1;
                count(&mut self.sealed, Source::Microphone, epoch);
                let outgoing = Outgoing {
                    timestamp,
                    marker: false,
                    level: Some(frame.level),
                    payload: Bytes::from(sealed),
                };
                out.push((Source::Microphone, outgoing));
            }
        }
        for line in self.pictures.iter_mut().filter(|line| line.flows()) {
            while let Some(timestamp) = line.pace.take(now) {
                line.seal(session, timestamp, &mut out)?;
                self.sent += 1;
                count(&mut self.sealed, line.source, epoch);
            }
        }
        Ok(out)
    }
}

fn count(sealed: &mut BTreeMap<Source, BTreeMap<u64, u64>>, source: Source, epoch: u64) {
    let epochs = sealed.entry(source).or_default();
    *epochs.entry(epoch).or_default() += 1;
    while epochs.len() > EPOCHS {
        epochs.pop_first();
    }
}

impl PictureLine {
    fn seal(
        &mut self,
        session: &mut Session,
        timestamp: u32,
        out: &mut Vec<(Source, Outgoing)>,
    ) -> Result<(), PublishError> {
        if std::mem::take(&mut self.want_keyframe) {
            self.position = self.clip.keyframe_from(self.position);
        }
        let frame = self.clip.frame(self.position);
        let context = match self.source {
            Source::Screen => Context::SCREEN,
            _ => Context::CAMERA,
        };
        let mut sealed = Vec::new();
        session.seal(context, &frame.data, &mut sealed)?;
        let payloads = packetize(Picture {
            sealed: &sealed,
            picture_id: self.picture_id,
            keyframe: frame.keyframe,
        });
        self.position += 1;
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        let last = payloads.len() - 1;
        for (n, payload) in payloads.into_iter().enumerate() {
            let outgoing = Outgoing {
                timestamp,
                marker: n == last,
                level: None,
                payload,
            };
            out.push((self.source, outgoing));
        }
        Ok(())
    }
}

impl PictureLine {
    /// Whether frames are sent.
    fn flows(&self) -> bool {
        !self.stopped && !self.unwanted
    }
}

impl Pace {
    fn new(interval: u32, clock: u32) -> Self {
        Self {
            interval,
            clock,
            origin: None,
            frames: 0,
            timestamp: 0,
        }
    }

    fn due(&self, now: Duration) -> Duration {
        let ticks = self.frames * u64::from(self.interval);
        let since = Duration::from_micros(ticks * 1_000_000 / u64::from(self.clock));
        self.origin.map_or(now, |origin| origin + since)
    }

    /// The timestamp of the next frame if it is due.
    fn take(&mut self, now: Duration) -> Option<u32> {
        let due = self.due(now);
        if due > now {
            return None;
        }
        if self.origin.is_none() || now - due > PAUSED {
            // The media clock runs through a pause as the wall's does.
            let paused = if self.origin.is_some() {
                now - due
            } else {
                Duration::ZERO
            };
            let ticks = paused.as_micros() * u128::from(self.clock) / 1_000_000;
            self.timestamp = self.timestamp.wrapping_add(ticks as u32);
            self.origin = Some(now);
            self.frames = 0;
        }
        let timestamp = self.timestamp;
        self.timestamp = self.timestamp.wrapping_add(self.interval);
        self.frames += 1;
        Some(timestamp)
    }
}

//! What a participant got, as JSON. No secret is ever in it; the call code is
//! made to be read aloud.

use crate::receive::{Frames, Pictures, Receiver, Remote, Sound, Span};
use conclave_wire::client::Reason;
use conclave_wire::control::Source;
use conclave_wire::id::ParticipantId;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A participant's whole stay.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Who we were for the server.
    pub participant: ParticipantId,
    /// The name we went by.
    pub name: String,
    /// How the stay came to its end.
    pub ending: Ending,
    /// From admission to the end, seconds.
    pub seconds: f64,
    /// The code of the last epoch, to compare.
    pub call_code: Option<String>,
    /// The epoch at the end.
    pub epoch: Option<u64>,
    /// What we did.
    pub own: Own,
    /// What we got of each other participant, in the order of their ids.
    pub remotes: Vec<RemoteReport>,
    /// Frames that did not open, by reason.
    pub drops: BTreeMap<String, u64>,
}

/// How a stay came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It has not.
    Running,
    /// We left.
    Left,
    /// A host turned the knock away.
    Refused,
    /// Somebody removed us.
    Removed,
    /// The call was ended for everyone.
    Ended,
    /// The stay was resumed elsewhere.
    Replaced,
    /// The link by which we came was revoked.
    Revoked,
    /// The consent that our link needed was withdrawn.
    Withdrawn,
    /// Our device was revoked, or its account has ended.
    DeviceRevoked,
    /// The stay was lost for longer than the server keeps one.
    Gone,
}

impl From<Reason> for Ending {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Refused => Self::Refused,
            Reason::Removed => Self::Removed,
            Reason::Ended => Self::Ended,
            Reason::Replaced => Self::Replaced,
            Reason::Revoked => Self::Revoked,
            Reason::Withdrawn => Self::Withdrawn,
            Reason::DeviceRevoked => Self::DeviceRevoked,
        }
    }
}

/// What we did.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Own {
    /// Frames that were sealed and sent.
    pub frames_sent: u64,
    /// Those of the last 64 epochs, by source and epoch.
    pub frames_sealed: BTreeMap<Source, BTreeMap<u64, u64>>,
    /// RTP packets that were sent.
    pub packets_sent: u64,
    /// RTP packets that came in.
    pub packets_received: u64,
    /// RTP packets that never came.
    pub packets_lost: u64,
    /// Pictures that could not be put together.
    pub pictures_broken: u64,
    /// Sockets that were lost and resumed.
    pub reconnects: u64,
    /// Media connections that were made, the first included.
    pub media_connections: u64,
    /// The last round trip to the SFU, milliseconds.
    pub round_trip_ms: Option<f64>,
}

/// What we got of one participant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RemoteReport {
    /// Who it is for the server.
    pub participant: ParticipantId,
    /// The name in their credential.
    pub name: String,
    /// Their leaf.
    pub leaf: u16,
    /// Epochs of which frames were opened.
    pub epochs: BTreeSet<u64>,
    /// Their microphone.
    pub audio: Option<SoundReport>,
    /// Their camera.
    pub camera: Option<PicturesReport>,
    /// Their screen.
    pub screen: Option<PicturesReport>,
    /// Their screen's sound.
    pub screen_audio: Option<SoundReport>,
}

/// What was heard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SoundReport {
    /// Frames that were opened.
    pub frames_opened: u64,
    /// Frames that were sealed but never opened here.
    pub frames_missing: u64,
    /// Which frames were opened of each of the last 64 epochs.
    pub epochs: BTreeMap<u64, Span>,
    /// Frames that opened but are no Opus.
    pub undecodable: u64,
    /// From our admission to the first frame, milliseconds.
    pub first_frame_ms: Option<u64>,
    /// Decoded sound, seconds.
    pub seconds: f64,
    /// Root mean square; full scale is 1.
    pub rms: f64,
    /// The last tone, hertz.
    pub tone_hz: Option<f32>,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PicturesReport {
    /// Frames that were opened.
    pub frames_opened: u64,
    /// Frames that were sealed but never opened here.
    pub frames_missing: u64,
    /// Which frames were opened of each of the last 64 epochs.
    pub epochs: BTreeMap<u64, Span>,
    /// Frames that opened but are no VP9 of profile 0.
    pub undecodable: u64,
    /// From our admission to the first frame, milliseconds.
    pub first_frame_ms: Option<u64>,
    /// Opened frames that could be shown: nothing they refer to was lost.
    pub frames_shown: u64,
    /// Freezes, as a browser's `freezeCount` counts them.
    pub freezes: u64,
    /// How long they were together, milliseconds.
    pub frozen_ms: u64,
    /// The longest time between two shown frames, milliseconds.
    pub longest_gap_ms: u64,
    /// Opened frames that are keyframes.
    pub keyframes: u64,
    /// The last keyframe's width, pixels.
    pub width: u16,
    /// The last keyframe's height, pixels.
    pub height: u16,
}

/// The remotes of a receiver; times count from our admission.
pub(crate) fn remotes(receiver: &Receiver, admitted_ms: u64) -> Vec<RemoteReport> {
    receiver
        .remotes()
        .iter()
        .map(|(participant, remote)| RemoteReport::new(*participant, remote, admitted_ms))
        .collect()
}

impl RemoteReport {
    fn new(participant: ParticipantId, remote: &Remote, admitted_ms: u64) -> Self {
        let sound = |source| {
            let sound = remote.sounds.get(&source)?;
            Some(SoundReport::new(sound, admitted_ms))
        };
        let pictures = |source| {
            let pictures = remote.pictures.get(&source)?;
            Some(PicturesReport::new(pictures, admitted_ms))
        };
        Self {
            participant,
            name: remote.name.clone(),
            leaf: remote.leaf,
            epochs: remote.epochs.clone(),
            audio: sound(Source::Microphone),
            camera: pictures(Source::Camera),
            screen: pictures(Source::Screen),
            screen_audio: sound(Source::ScreenAudio),
        }
    }
}

impl SoundReport {
    fn new(sound: &Sound, admitted_ms: u64) -> Self {
        Self {
            frames_opened: sound.frames.opened,
            frames_missing: sound.frames.missing,
            epochs: sound.frames.epochs.clone(),
            undecodable: sound.undecodable,
            first_frame_ms: first_frame(&sound.frames, admitted_ms),
            seconds: sound.meter.seconds(),
            rms: sound.meter.rms(),
            tone_hz: sound.meter.tone(),
        }
    }
}

impl PicturesReport {
    fn new(pictures: &Pictures, admitted_ms: u64) -> Self {
        Self {
            frames_opened: pictures.frames.opened,
            frames_missing: pictures.frames.missing,
            epochs: pictures.frames.epochs.clone(),
            undecodable: pictures.undecodable,
            first_frame_ms: first_frame(&pictures.frames, admitted_ms),
            frames_shown: pictures.pace.shown(),
            freezes: pictures.pace.freezes(),
            frozen_ms: pictures.pace.frozen_ms(),
            longest_gap_ms: pictures.pace.longest_ms(),
            keyframes: pictures.keyframes,
            width: pictures.width,
            height: pictures.height,
        }
    }
}

fn first_frame(frames: &Frames, admitted_ms: u64) -> Option<u64> {
    Some(frames.first_ms?.saturating_sub(admitted_ms))
}

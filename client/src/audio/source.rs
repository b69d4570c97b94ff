//! What a microphone section sends: Opus frames of a tone or of a file.

use crate::audio::{FRAME, RATE};
use opus::{Application, Bitrate, Channels, Encoder};

/// Bits a second: plenty for one voice. Higher only costs bandwidth.
const BITRATE: i32 = 32_000;
/// Longest Opus frame, bytes (RFC 6716 section 3.2.1, code 0).
const MAX_PACKET: usize = 1275;
/// A quarter of full scale, about -12 dB: clear, and far from clipping.
const AMPLITUDE: f32 = 0.25;

/// The level that stands for no sound, in −dBov (RFC 6464 section 3).
const SILENCE: u8 = 127;
/// Levels are told in steps of so many dB: enough to find out who speaks, and
/// as little as possible of how.
const LEVEL_STEP: f32 = 10.0;

/// An encoded frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The Opus packet.
    pub packet: Vec<u8>,
    /// How loud it is, in −dBov: a multiple of ten, or 127 for no sound.
    pub level: u8,
}

/// Where the samples come from.
#[derive(Debug, Clone)]
pub enum Signal {
    /// A sine of this many hertz.
    Tone(f32),
    /// Samples at 48 kHz, one channel, again and again.
    Samples(Vec<f32>),
}

/// An endless row of Opus frames, 20 ms each.
pub struct AudioSource {
    signal: Signal,
    position: u64,
    encoder: Encoder,
}

impl AudioSource {
    /// A source at its beginning.
    ///
    /// # Errors
    /// When libopus cannot allocate an encoder.
    pub fn new(signal: Signal) -> Result<Self, opus::Error> {
        let mut encoder = Encoder::new(RATE, Channels::Mono, Application::Audio)?;
        encoder.set_bitrate(Bitrate::Bits(BITRATE))?;
        encoder.set_inband_fec(true)?;
        Ok(Self {
            signal,
            position: 0,
            encoder,
        })
    }

    /// From now on every frame has one size: sizes say nothing of what is said.
    ///
    /// # Errors
    /// When libopus refuses.
    pub fn keep_rate_constant(&mut self) -> Result<(), opus::Error> {
        self.encoder.set_vbr(false)
    }

    /// Encodes the next 20 ms.
    ///
    /// # Errors
    /// When libopus fails, which on valid input it does not.
    pub fn next_frame(&mut self) -> Result<Frame, opus::Error> {
        let mut samples = [0.0; FRAME];
        for (n, sample) in samples.iter_mut().enumerate() {
            *sample = self.signal.at(self.position + n as u64);
        }
        self.position += FRAME as u64;
        Ok(Frame {
            packet: self.encoder.encode_vec_float(&samples, MAX_PACKET)?,
            level: level(&samples),
        })
    }
}

/// The level of a frame, rounded to whole steps.
fn level(samples: &[f32; FRAME]) -> u8 {
    let energy = samples.iter().map(|sample| sample * sample).sum::<f32>();
    let steps = -10.0 * (energy / FRAME as f32).log10() / LEVEL_STEP;
    let level = steps.round().max(0.0) * LEVEL_STEP;
    if level < f32::from(SILENCE) {
        level as u8
    } else {
        SILENCE
    }
}

impl Signal {
    fn at(&self, position: u64) -> f32 {
        match self {
            Self::Tone(hertz) => {
                let cycles = position as f64 * f64::from(*hertz) / f64::from(RATE);
                (cycles.fract() * std::f64::consts::TAU).sin() as f32 * AMPLITUDE
            }
            Self::Samples(samples) if samples.is_empty() => 0.0,
            Self::Samples(samples) => samples[(position % samples.len() as u64) as usize],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_told_in_whole_steps() {
        let of = |amplitude: f32| level(&[amplitude; FRAME]);
        assert_eq!([of(1.0), of(0.25), of(0.01), of(0.0)], [0, 10, 40, 127]);
        assert_eq!(of(2.0), 0, "clipped");
        assert_eq!(of(1e-9), 127);
    }

    #[test]
    fn a_frame_of_a_tone_says_how_loud_it_is() {
        let mut tone = AudioSource::new(Signal::Tone(440.0)).expect("an encoder");
        assert_eq!(tone.next_frame().expect("a frame").level, 20);
        let mut silence = AudioSource::new(Signal::Samples(Vec::new())).expect("an encoder");
        assert_eq!(silence.next_frame().expect("a frame").level, 127);
    }

    #[test]
    fn frames_at_a_constant_rate_have_one_size_whatever_is_said() {
        let mut samples = vec![0.0; 3 * FRAME];
        for (n, sample) in samples.iter_mut().enumerate().skip(FRAME) {
            *sample = ((n * n) as f32).sin() * 0.9;
        }
        let sizes = |constant: bool| {
            let signal = Signal::Samples(samples.clone());
            let mut source = AudioSource::new(signal).expect("an encoder");
            if constant {
                source.keep_rate_constant().expect("libopus takes it");
            }
            let frames = (0..50).map(|_| source.next_frame().expect("encodes").packet.len());
            frames.collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(sizes(true).len(), 1);
        assert!(sizes(false).len() > 1, "else this test shows nothing");
    }
}

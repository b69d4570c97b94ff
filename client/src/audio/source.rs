//! What a microphone section sends: Opus frames of a tone or of a file.

use crate::audio::{FRAME, RATE};
use opus::{Application, Bitrate, Channels, Encoder};

/// Bits a second: plenty for one voice. Higher only costs bandwidth.
const BITRATE: i32 = 32_000;
/// Longest Opus frame, bytes (RFC 6716 section 3.2.1, code 0).
const MAX_PACKET: usize = 1275;
/// A quarter of full scale, about -12 dB: clear, and far from clipping.
const AMPLITUDE: f32 = 0.25;

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

    /// Encodes the next 20 ms.
    ///
    /// # Errors
    /// When libopus fails, which on valid input it does not.
    pub fn next_frame(&mut self) -> Result<Vec<u8>, opus::Error> {
        let mut samples = [0.0; FRAME];
        for (n, sample) in samples.iter_mut().enumerate() {
            *sample = self.signal.at(self.position + n as u64);
        }
        self.position += FRAME as u64;
        self.encoder.encode_vec_float(&samples, MAX_PACKET)
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

//! Measures decoded sound: how much of it, how loud, and which tone.

use crate::audio::RATE;

/// Samples that are averaged into one before a tone is looked for: 8 kHz is
/// plenty for the tones that are sent, and six times cheaper.
const DECIMATE: usize = 6;
/// Averaged samples the tone is looked for in: half a second, a resolution of
/// 2 Hz. More would be sharper and later.
const WINDOW: usize = RATE as usize / DECIMATE / 2;
/// Tones are looked for from here, hertz.
pub const LOWEST: usize = 80;
/// Tones are looked for up to here, hertz.
pub const HIGHEST: usize = 3_000;
/// Steps between the frequencies that are tried, hertz: the window's resolution.
const STEP: usize = 2;
/// Averaged samples of the parts of a window in which a tone is looked for
/// first, roughly: 32 Hz apart are told apart then. To try every frequency on
/// the whole window at once took two thirds of two processors for 50 voices.
const PART: usize = WINDOW / 16;
/// Steps between the frequencies that are tried on parts, hertz: half of that.
const COARSE: usize = 16;
/// A window is a tone if one frequency holds this share of its energy. Half way
/// between two that are tried, each still shows 0.4 of a pure sine.
const SHARE: f64 = 0.35;
/// Windows quieter than this are silence: -60 dB of full scale.
const SILENCE: f64 = 0.001;

/// Collects the samples of one voice.
#[derive(Debug, Default)]
pub struct Meter {
    /// The sum of the samples that make up the next averaged one.
    sum: f32,
    summed: usize,
    window: Vec<f32>,
    samples: u64,
    energy: f64,
    tone: Option<f32>,
}

impl Meter {
    /// Takes decoded samples, 48 kHz, one channel. Gives the tone when one is
    /// heard that was not the last one.
    pub fn hear(&mut self, samples: &[f32]) -> Option<f32> {
        self.samples += samples.len() as u64;
        self.energy += energy(samples);
        let mut news = None;
        for &sample in samples {
            self.sum += sample;
            self.summed += 1;
            if self.summed < DECIMATE {
                continue;
            }
            self.window.push(self.sum / DECIMATE as f32);
            (self.sum, self.summed) = (0.0, 0);
            if self.window.len() == WINDOW {
                let tone = dominant(&self.window, self.tone);
                if tone.is_some() && tone != self.tone {
                    news = tone;
                }
                self.tone = tone.or(self.tone);
                self.window.clear();
            }
        }
        news
    }

    /// How much was heard, seconds.
    pub fn seconds(&self) -> f64 {
        self.samples as f64 / f64::from(RATE)
    }

    /// Root mean square of everything that was heard; full scale is 1.
    pub fn rms(&self) -> f64 {
        if self.samples == 0 {
            return 0.0;
        }
        (self.energy / self.samples as f64).sqrt()
    }

    /// The last tone that was heard, hertz.
    pub fn tone(&self) -> Option<f32> {
        self.tone
    }
}

fn energy(samples: &[f32]) -> f64 {
    samples.iter().map(|s| f64::from(*s) * f64::from(*s)).sum()
}

/// The frequency that holds most of a window's energy, if one does. Who sends
/// a tone mostly goes on with the one that is `known`.
fn dominant(window: &[f32], known: Option<f32>) -> Option<f32> {
    let total = energy(window);
    let length = window.len() as f64;
    if (total / length).sqrt() < SILENCE {
        return None;
    }
    // A pure sine of n samples has |X|^2 = n * energy / 2.
    let is_tone = |power: f64| power > SHARE * length * total / 2.0;
    if known.is_some_and(|hertz| is_tone(goertzel(window, hertz.into()))) {
        return known;
    }
    let (about, _) = strongest(LOWEST, HIGHEST, COARSE, |hertz| {
        let parts = window.chunks(PART);
        parts.map(|part| goertzel(part, hertz)).sum()
    })?;
    let (from, to) = (LOWEST.max(about - COARSE), HIGHEST.min(about + COARSE));
    let (hertz, power) = strongest(from, to, STEP, |hertz| goertzel(window, hertz))?;
    is_tone(power).then_some(hertz as f32)
}

/// Which frequency has most power, of those from one to another, and how much.
fn strongest(
    from: usize,
    to: usize,
    step: usize,
    power: impl Fn(f64) -> f64,
) -> Option<(usize, f64)> {
    (from..=to)
        .step_by(step)
        .map(|hertz| (hertz, power(hertz as f64)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The squared magnitude of one frequency (Goertzel's recurrence).
fn goertzel(window: &[f32], hertz: f64) -> f64 {
    let rate = f64::from(RATE) / DECIMATE as f64;
    let turn = 2.0 * (std::f64::consts::TAU * hertz / rate).cos();
    let (mut one, mut two) = (0.0, 0.0);
    for &sample in window {
        let zero = f64::from(sample) + turn * one - two;
        two = one;
        one = zero;
    }
    one * one + two * two - turn * one * two
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::FRAME;
    use crate::audio::source::{AudioSource, Signal};
    use opus::{Channels, Decoder};

    fn through_opus(signal: Signal, frames: usize) -> (Meter, Vec<f32>) {
        let mut source = AudioSource::new(signal).expect("encoder");
        let mut decoder = Decoder::new(RATE, Channels::Mono).expect("decoder");
        let mut meter = Meter::default();
        let mut tones = Vec::new();
        for _ in 0..frames {
            let packet = source.next_frame().expect("encodes");
            let mut samples = [0.0; FRAME];
            let len = decoder
                .decode_float(&packet.packet, &mut samples, false)
                .expect("decodes");
            tones.extend(meter.hear(&samples[..len]));
        }
        (meter, tones)
    }

    #[test]
    fn a_tone_is_recognised_after_opus_within_two_hertz() {
        for hertz in [80.0_f32, 87.0, 100.0, 441.0, 1000.0, 2501.0, 3000.0] {
            let (meter, tones) = through_opus(Signal::Tone(hertz), 60);
            let heard = meter.tone().expect("a tone");
            assert!((heard - hertz).abs() <= 2.0, "{hertz} heard as {heard}");
            assert!(!tones.is_empty());
            assert!((meter.seconds() - 1.2).abs() < 1e-9);
            assert!(meter.rms() > 0.1, "{}", meter.rms());
        }
    }

    #[test]
    fn silence_and_noise_are_no_tone() {
        let mut state = 1_u32;
        let noise = (0..RATE)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 - 1.0
            })
            .collect();
        for signal in [Signal::Samples(vec![]), Signal::Samples(noise)] {
            let (meter, tones) = through_opus(signal, 60);
            assert_eq!((meter.tone(), tones), (None, vec![]));
        }
    }

    #[test]
    fn a_change_of_tone_is_told() {
        let mut meter = Meter::default();
        let tone = |hertz: f32| -> Vec<f32> {
            (0..RATE)
                .map(|n| (n as f32 * hertz * std::f32::consts::TAU / RATE as f32).sin() * 0.2)
                .collect()
        };
        assert_eq!(meter.hear(&tone(400.0)), Some(400.0));
        assert_eq!(meter.hear(&tone(400.0)), None);
        assert_eq!(meter.hear(&tone(600.0)), Some(600.0));
    }
}

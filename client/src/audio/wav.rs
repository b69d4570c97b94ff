//! WAV files: 16-bit PCM or 32-bit float, any number of channels and any
//! common rate, brought to one channel at 48 kHz.

use crate::audio::RATE;

/// Why a file cannot be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    /// Not a RIFF WAVE file, or a chunk that is cut off.
    #[error("not a WAV file")]
    NotWav,
    /// Another encoding than 16-bit PCM or 32-bit float.
    #[error("only 16-bit PCM and 32-bit float are supported")]
    Encoding,
    /// No channel, or a rate outside 8000 to 192000 samples a second.
    #[error("channels or sample rate out of range")]
    Format,
    /// No sample in it.
    #[error("the file is empty")]
    Empty,
}

struct Format {
    float: bool,
    channels: usize,
    rate: u32,
}

/// Reads a file into samples of -1 to 1, one channel, 48 kHz.
///
/// # Errors
/// [`WavError`] for anything else than a WAV file with sound in it.
pub fn read(file: &[u8]) -> Result<Vec<f32>, WavError> {
    if file.get(..4) != Some(b"RIFF") || file.get(8..12) != Some(b"WAVE") {
        return Err(WavError::NotWav);
    }
    let mut rest = &file[12..];
    let mut format = None;
    while let Some((head, body)) = rest.split_first_chunk::<8>() {
        let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        match &head[..4] {
            b"fmt " => format = Some(Format::parse(body.get(..len).ok_or(WavError::NotWav)?)?),
            b"data" => {
                let format = format.ok_or(WavError::NotWav)?;
                // A stream that was cut off while written still has sound.
                let data = &body[..len.min(body.len())];
                return format.samples(data);
            }
            _ => {}
        }
        // Chunks are padded to even lengths.
        rest = len
            .checked_add(len & 1)
            .and_then(|len| body.get(len..))
            .ok_or(WavError::NotWav)?;
    }
    Err(WavError::NotWav)
}

impl Format {
    fn parse(chunk: &[u8]) -> Result<Self, WavError> {
        let head: &[u8; 16] = chunk.first_chunk().ok_or(WavError::NotWav)?;
        let word = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        let mut encoding = word(0);
        if encoding == 0xfffe {
            // Extensible: the encoding is the first word of the sub-format.
            let sub: [u8; 2] = chunk
                .get(24..26)
                .and_then(|sub| sub.try_into().ok())
                .ok_or(WavError::NotWav)?;
            encoding = u16::from_le_bytes(sub);
        }
        let float = match (encoding, word(14)) {
            (1, 16) => false,
            (3, 32) => true,
            _ => return Err(WavError::Encoding),
        };
        let rate = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let channels = usize::from(word(2));
        if channels == 0 || !(8_000..=192_000).contains(&rate) {
            return Err(WavError::Format);
        }
        Ok(Self {
            float,
            channels,
            rate,
        })
    }

    fn samples(&self, data: &[u8]) -> Result<Vec<f32>, WavError> {
        let all: Vec<f32> = if self.float {
            let (samples, _) = data.as_chunks::<4>();
            samples.iter().map(|b| f32::from_le_bytes(*b)).collect()
        } else {
            let (samples, _) = data.as_chunks::<2>();
            samples
                .iter()
                .map(|b| f32::from(i16::from_le_bytes(*b)) / 32_768.0)
                .collect()
        };
        let mono: Vec<f32> = all
            .chunks_exact(self.channels)
            .map(|frame| frame.iter().sum::<f32>() / self.channels as f32)
            .map(|sample| {
                if sample.is_finite() {
                    sample.clamp(-1.0, 1.0)
                } else {
                    0.0
                }
            })
            .collect();
        if mono.is_empty() {
            return Err(WavError::Empty);
        }
        Ok(resample(&mono, self.rate))
    }
}

/// Linear interpolation: good enough for speech, and its tones stay in place.
fn resample(samples: &[f32], rate: u32) -> Vec<f32> {
    if rate == RATE {
        return samples.to_vec();
    }
    let step = f64::from(rate) / f64::from(RATE);
    let len = (samples.len() as f64 / step) as usize;
    (0..len)
        .map(|n| {
            let position = n as f64 * step;
            let at = position as usize;
            let part = (position - at as f64) as f32;
            let here = samples[at.min(samples.len() - 1)];
            let next = samples[(at + 1).min(samples.len() - 1)];
            here + (next - here) * part
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(encoding: u16, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
        file.extend(encoding.to_le_bytes());
        file.extend(channels.to_le_bytes());
        file.extend(rate.to_le_bytes());
        file.extend([0; 6]);
        file.extend(bits.to_le_bytes());
        file.extend(b"data");
        file.extend((data.len() as u32).to_le_bytes());
        file.extend(data);
        file
    }

    #[test]
    fn channels_are_mixed() {
        let data: Vec<u8> = [16_384_i16, -16_384, 8_192, 8_192]
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        assert_eq!(read(&file(1, 2, 48_000, 16, &data)), Ok(vec![0.0, 0.25]));
    }

    #[test]
    fn other_rates_become_48_kilohertz() {
        let data: Vec<u8> = [0.0_f32, 0.5, 1.0]
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        assert_eq!(
            read(&file(3, 1, 24_000, 32, &data)),
            Ok(vec![0.0, 0.25, 0.5, 0.75, 1.0, 1.0])
        );
    }

    #[test]
    fn damaged_and_foreign_files_are_refused() {
        let good = file(1, 1, 48_000, 16, &[0, 0]);
        for cut in 0..good.len() - 2 {
            assert!(read(&good[..cut]).is_err(), "cut at {cut}");
        }
        assert_eq!(read(&file(1, 1, 48_000, 8, &[0])), Err(WavError::Encoding));
        assert_eq!(read(&file(1, 0, 48_000, 16, &[])), Err(WavError::Format));
        assert_eq!(read(&file(1, 1, 1, 16, &[])), Err(WavError::Format));
        assert_eq!(read(&file(1, 1, 48_000, 16, &[])), Err(WavError::Empty));
        let mut endless = good;
        endless[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(read(&endless), Err(WavError::NotWav));
    }

    #[test]
    fn samples_that_are_no_numbers_are_silence() {
        let data: Vec<u8> = [f32::NAN, f32::INFINITY, 9.0]
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        assert_eq!(
            read(&file(3, 1, 48_000, 32, &data)),
            Ok(vec![0.0, 0.0, 1.0])
        );
    }
}

//! IVF, the container of a pre-encoded picture source: a 32-byte header, then
//! frames, each behind its length and time.

use crate::vp9::header::Header;
use bytes::Bytes;

const FILE_HEADER: usize = 32;
const FRAME_HEADER: usize = 12;

/// Longest frame that is taken, bytes. A larger one is no frame a participant
/// could send in time.
const MAX_FRAME: usize = 1 << 20;

/// Why a file cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IvfError {
    /// Not an IVF file, or a header that is cut off.
    #[error("not an IVF file")]
    NotIvf,
    /// Another codec than VP9.
    #[error("the file is not VP9")]
    NotVp9,
    /// No frame rate can be told from the file.
    #[error("the file has no usable time base")]
    TimeBase,
    /// A frame that is cut off, empty or too long.
    #[error("frame {0} is damaged")]
    Frame(usize),
    /// A frame that is not one of VP9 profile 0, or hides several in one.
    #[error("frame {0} is not a plain VP9 profile 0 frame")]
    Bitstream(usize),
    /// The file does not begin with a keyframe.
    #[error("the file does not begin with a keyframe")]
    NoKeyframe,
}

/// One frame of a clip.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The encoded frame.
    pub data: Bytes,
    /// Width and height if it is a keyframe.
    pub keyframe: Option<(u16, u16)>,
}

/// A pre-encoded clip: at least one frame, the first a keyframe.
#[derive(Debug, Clone)]
pub struct Clip {
    frames: Vec<Frame>,
    /// Ticks of the 90 kHz clock from one frame to the next.
    interval: u32,
}

impl Clip {
    /// Reads a file.
    ///
    /// # Errors
    /// [`IvfError`] for anything that is not VP9 profile 0 in IVF, beginning
    /// with a keyframe.
    pub fn parse(file: &[u8]) -> Result<Self, IvfError> {
        let header = file.get(..FILE_HEADER).ok_or(IvfError::NotIvf)?;
        if &header[..4] != b"DKIF" {
            return Err(IvfError::NotIvf);
        }
        if &header[8..12] != b"VP90" {
            return Err(IvfError::NotVp9);
        }
        let start = usize::from(u16::from_le_bytes([header[6], header[7]]));
        let rate = le32(&header[16..20]);
        let scale = le32(&header[20..24]);
        let interval = (u64::from(scale) * 90_000)
            .checked_div(u64::from(rate))
            .and_then(|ticks| u32::try_from(ticks).ok())
            .filter(|ticks| (90..=900_000).contains(ticks))
            .ok_or(IvfError::TimeBase)?;

        let mut rest = file.get(start.max(FILE_HEADER)..).ok_or(IvfError::NotIvf)?;
        let mut frames = Vec::new();
        while !rest.is_empty() {
            let number = frames.len();
            let head = rest.get(..FRAME_HEADER).ok_or(IvfError::Frame(number))?;
            let len = le32(&head[..4]) as usize;
            let data = rest
                .get(FRAME_HEADER..)
                .and_then(|body| body.get(..len))
                .filter(|data| (1..=MAX_FRAME).contains(&data.len()))
                .ok_or(IvfError::Frame(number))?;
            frames.push(Frame::read(data).ok_or(IvfError::Bitstream(number))?);
            rest = &rest[FRAME_HEADER + len..];
        }
        match frames.first() {
            Some(first) if first.keyframe.is_some() => Ok(Self { frames, interval }),
            _ => Err(IvfError::NoKeyframe),
        }
    }

    /// Ticks of the 90 kHz clock from one frame to the next.
    pub fn interval(&self) -> u32 {
        self.interval
    }

    /// The frame at a position, counted around the end.
    pub fn frame(&self, position: usize) -> &Frame {
        &self.frames[position % self.frames.len()]
    }

    /// The first keyframe at or after a position, counted around the end.
    pub fn keyframe_from(&self, position: usize) -> usize {
        (0..self.frames.len())
            .map(|step| (position + step) % self.frames.len())
            .find(|&at| self.frames[at].keyframe.is_some())
            .unwrap_or(0)
    }
}

impl Frame {
    fn read(data: &[u8]) -> Option<Self> {
        // A superframe's index ends with a marker byte 0b110xxxxx, repeated at
        // its start (VP9 bitstream specification, annex B).
        let last = *data.last()?;
        if last & 0xe0 == 0xc0 {
            let frames = usize::from(last & 0x07) + 1;
            let bytes = usize::from(last >> 3 & 0x03) + 1;
            let index = 2 + frames * bytes;
            if data.len() >= index && data[data.len() - index] == last {
                return None;
            }
        }
        let keyframe = match Header::parse(data)? {
            Header::Key { width, height } => Some((width, height)),
            Header::Other => None,
        };
        Some(Self {
            data: Bytes::copy_from_slice(data),
            keyframe,
        })
    }
}

fn le32(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, &byte| value << 8 | u32::from(byte))
}

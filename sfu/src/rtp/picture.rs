//! The numbers of pictures that a payload descriptor carries beside what it
//! says of layers: they run on for a receiver although what it is sent changes.

/// The numbers, and where they stand in the payload. A descriptor may have
/// neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Picture {
    /// The picture id.
    pub id: Option<PictureId>,
    /// TL0PICIDX: how many pictures of the lowest temporal layer there were.
    pub tl0: Option<Tl0>,
}

/// A picture id: 7 or 15 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureId {
    /// The number.
    pub value: u16,
    /// Whether it has 15 bits.
    pub wide: bool,
    /// Its place in the payload, bytes.
    pub at: u8,
}

/// A TL0PICIDX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tl0 {
    /// The number.
    pub value: u8,
    /// Its place in the payload, bytes.
    pub at: u8,
}

impl PictureId {
    /// Reads a picture id, whose first bit says whether it is a wide one;
    /// nothing when it is longer than the payload.
    pub fn parse(payload: &[u8], at: u8) -> Option<Self> {
        let place = usize::from(at);
        let high = *payload.get(place)?;
        let wide = high & 0x80 != 0;
        let mut value = u16::from(high & 0x7f);
        if wide {
            value = value << 8 | u16::from(*payload.get(place + 1)?);
        }
        Some(Self { value, wide, at })
    }

    /// How many bytes it takes.
    pub fn size(&self) -> u8 {
        1 + u8::from(self.wide)
    }
}

impl Picture {
    /// Writes the numbers where they stand. `payload` is the one they were
    /// read from; a number with more bits than there are loses the upper ones.
    pub fn write(&self, payload: &mut [u8]) {
        match self.id {
            Some(PictureId {
                value,
                wide: true,
                at,
            }) => {
                let at = usize::from(at);
                if let Some(bytes) = payload.get_mut(at..at + 2) {
                    bytes.copy_from_slice(&(value | 0x8000).to_be_bytes());
                }
            }
            Some(PictureId { value, at, .. }) => {
                if let Some(byte) = payload.get_mut(usize::from(at)) {
                    *byte = (value & 0x7f) as u8;
                }
            }
            None => {}
        }
        if let Some(Tl0 { value, at }) = self.tl0
            && let Some(byte) = payload.get_mut(usize::from(at))
        {
            *byte = value;
        }
    }
}

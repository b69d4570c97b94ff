//! The Dependency Descriptor (RTP Payload Format For AV1, appendix A): a header
//! extension that says of a frame what it refers to and which decode targets
//! need it, whatever the codec and without a byte of the frame.
//!
//! A sender describes its templates once, in the first packet of a keyframe;
//! every later descriptor names one. The [`Structure`] is therefore kept for
//! each stream. Everything is bounded: at most 64 templates, 32 decode targets
//! and [`REFERENCES_MAX`] references of a frame; what says more is refused.

use crate::layer::Layer;

/// Most templates a template id of six bits can tell apart.
const TEMPLATES_MAX: usize = 64;

/// Most decode targets: what the five-bit count can say.
const TARGETS_MAX: usize = 32;

/// Most references of one frame. AV1 has seven reference slots.
pub const REFERENCES_MAX: usize = 8;

/// The longest descriptor: what a two-byte header's length can say.
pub const LEN_MAX: usize = 255;

/// Where the frame number stands, in bytes.
const NUMBER_AT: usize = 1;

/// A descriptor makes no sense, or not with the structure that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// Which earlier frames a frame refers to: how many frames ago each was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct References {
    distances: [u16; REFERENCES_MAX],
    count: u8,
}

impl References {
    /// The distances in frame numbers, 1 to 4096.
    pub fn distances(&self) -> &[u16] {
        &self.distances[..usize::from(self.count)]
    }

    fn push(&mut self, distance: u16) -> Result<(), Malformed> {
        let place = self.distances.get_mut(usize::from(self.count));
        *place.ok_or(Malformed)? = distance;
        self.count += 1;
        Ok(())
    }
}

/// What a frame is for one decode target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indication {
    /// It does not belong to it.
    NotPresent,
    /// Nothing of the target refers to it.
    Discardable,
    /// From here on everything of the target can be decoded, if this can.
    Switch,
    /// Others of the target refer to it.
    Required,
}

/// The indications of a frame, two bits for each decode target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Indications(u64);

impl Indications {
    fn set(&mut self, target: usize, bits: u32) {
        self.0 |= u64::from(bits & 3) << (2 * target);
    }

    fn of(self, target: usize) -> Indication {
        match self.0 >> (2 * target) & 3 {
            0 => Indication::NotPresent,
            1 => Indication::Discardable,
            2 => Indication::Switch,
            _ => Indication::Required,
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Template {
    layer: Layer,
    indications: Indications,
    references: References,
}

/// The templates of a stream.
#[derive(Debug, Clone)]
pub struct Structure {
    id_offset: u8,
    templates: [Template; TEMPLATES_MAX],
    template_count: usize,
    /// The highest layer of each decode target.
    targets: [Layer; TARGETS_MAX],
    target_count: usize,
    chain_count: usize,
}

impl Default for Structure {
    fn default() -> Self {
        Self {
            id_offset: 0,
            templates: [Template::default(); TEMPLATES_MAX],
            template_count: 0,
            targets: [Layer::LOWEST; TARGETS_MAX],
            target_count: 0,
            chain_count: 0,
        }
    }
}

impl Structure {
    /// The highest layers of the decode targets, in their order.
    pub fn targets(&self) -> &[Layer] {
        &self.targets[..self.target_count]
    }

    fn template(&self, id: u8) -> Result<&Template, Malformed> {
        let index = usize::from((id + 64 - self.id_offset) % 64);
        self.templates[..self.template_count]
            .get(index)
            .ok_or(Malformed)
    }
}

/// A descriptor, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    /// The packet is the frame's first.
    pub begins: bool,
    /// The packet is the frame's last.
    pub ends: bool,
    /// The frame's number.
    pub number: u16,
    /// The frame's layer.
    pub layer: Layer,
    /// What the frame refers to.
    pub references: References,
    /// The descriptor carries the structure: the frame is a keyframe.
    pub structure: bool,
    /// Decode targets that are active from here on, the lowest bit for the
    /// first, if the descriptor says so: what it does not say goes on.
    pub active: Option<u32>,
    /// Where it says so, or would: bits from its beginning.
    pub active_at: u16,
    indications: Indications,
}

impl Descriptor {
    /// Reads a descriptor by the structure `known` of its stream, which one
    /// that comes with it replaces.
    ///
    /// # Errors
    /// [`Malformed`]; `known` is then what it was.
    pub fn parse(bytes: &[u8], known: &mut Structure) -> Result<Self, Malformed> {
        let mut bits = Bits { bytes, at: 0 };
        let begins = bits.flag()?;
        let ends = bits.flag()?;
        let template = bits.take(6)? as u8;
        let number = bits.take(16)? as u16;
        let mut extended = Extended::default();
        let mut brought = None;
        if bytes.len() > 3 {
            extended = Extended {
                structure: bits.flag()?,
                active: bits.flag()?,
                indications: bits.flag()?,
                references: bits.flag()?,
                chains: bits.flag()?,
            };
            if extended.structure {
                brought = Some(bits.structure()?);
            }
        }
        let structure = brought.as_ref().unwrap_or(known);
        let targets = structure.target_count as u32;
        let active_at = bits.at as u16;
        let active = match (extended.active, extended.structure) {
            (true, _) => Some(bits.take(targets)?),
            // A structure without more activates all of it.
            (false, true) => Some(all(targets)),
            (false, false) => None,
        };
        let named = structure.template(template)?;
        let mut descriptor = Self {
            begins,
            ends,
            number,
            layer: named.layer,
            references: named.references,
            structure: extended.structure,
            active,
            active_at,
            indications: named.indications,
        };
        if extended.indications {
            descriptor.indications = bits.indications(structure.target_count)?;
        }
        if extended.references {
            descriptor.references = bits.custom_references()?;
        }
        if extended.chains {
            bits.skip(8 * structure.chain_count)?;
        }
        if let Some(brought) = brought {
            *known = brought;
        }
        Ok(descriptor)
    }

    /// What the frame is for a decode target of its stream.
    pub fn indication(&self, target: usize) -> Indication {
        self.indications.of(target.min(TARGETS_MAX - 1))
    }
}

/// Whether a descriptor comes with the structure of its stream.
pub fn brings_structure(bytes: &[u8]) -> bool {
    bytes.get(3).is_some_and(|flags| flags & 0x80 != 0)
}

/// A set of so many decode targets.
pub fn all(targets: u32) -> u32 {
    u32::MAX.checked_shr(32 - targets.min(32)).unwrap_or(0)
}

/// The active decode targets to write into a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Active {
    /// Which, the lowest bit for the first.
    pub targets: u32,
    /// How many targets there are, 1 to 32.
    pub count: u8,
    /// Where they go ([`Descriptor::active_at`]).
    pub at: u16,
}

impl Active {
    /// Only those that are in `targets`, too.
    pub fn among(self, targets: u32) -> Self {
        Self {
            targets: self.targets & targets,
            ..self
        }
    }
}

/// The flags of the extended fields, in bits from the descriptor's beginning.
const FLAGS_AT: usize = 24;
const ACTIVE_FLAG_AT: usize = FLAGS_AT + 1;
const FLAGS_END: usize = FLAGS_AT + 5;

fn says_active(bytes: &[u8]) -> bool {
    bytes.get(3).is_some_and(|flags| flags & 0x40 != 0)
}

/// The length of a descriptor that [`write`] is to say more in.
pub fn written_len(bytes: &[u8], active: Option<Active>) -> usize {
    match active {
        Some(active) if !says_active(bytes) => {
            let bits = if bytes.len() == 3 {
                FLAGS_END
            } else {
                8 * bytes.len()
            };
            (bits + usize::from(active.count)).div_ceil(8)
        }
        _ => bytes.len(),
    }
}

/// Writes a descriptor into `out`, of [`written_len`] bytes, with another frame
/// number and, where given, other active decode targets. Every other bit stays
/// as it was.
pub fn write(out: &mut [u8], bytes: &[u8], number: u16, active: Option<Active>) {
    match active {
        Some(active) if !says_active(bytes) => {
            out.fill(0);
            let at = usize::from(active.at).max(FLAGS_END);
            let mut writer = BitsOut { bytes: out, at: 0 };
            writer.copy(bytes, 0..at);
            writer.put(active.targets, active.count);
            writer.copy(bytes, at..8 * bytes.len());
            if let Some(byte) = out.get_mut(ACTIVE_FLAG_AT / 8) {
                *byte |= 0x80 >> (ACTIVE_FLAG_AT % 8);
            }
        }
        _ => {
            out.copy_from_slice(bytes);
            if let Some(active) = active {
                let at = usize::from(active.at);
                let mut writer = BitsOut { bytes: out, at };
                writer.put(active.targets, active.count);
            }
        }
    }
    if let Some(place) = out.get_mut(NUMBER_AT..NUMBER_AT + 2) {
        place.copy_from_slice(&number.to_be_bytes());
    }
}

/// Writes bits from the highest of the first byte on.
struct BitsOut<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl BitsOut<'_> {
    fn bit(&mut self, set: bool) {
        if let Some(byte) = self.bytes.get_mut(self.at / 8) {
            let mask = 0x80 >> (self.at % 8);
            *byte = if set { *byte | mask } else { *byte & !mask };
        }
        self.at += 1;
    }

    fn put(&mut self, value: u32, count: u8) {
        for bit in (0..count.min(32)).rev() {
            self.bit(value >> bit & 1 == 1);
        }
    }

    /// Bits beyond the end of `bytes` are zero.
    fn copy(&mut self, bytes: &[u8], bits: std::ops::Range<usize>) {
        for at in bits {
            let byte = bytes.get(at / 8).copied().unwrap_or(0);
            self.bit(byte >> (7 - at % 8) & 1 == 1);
        }
    }
}

#[derive(Default)]
struct Extended {
    structure: bool,
    active: bool,
    indications: bool,
    references: bool,
    chains: bool,
}

/// Reads bits from the highest of the first byte on.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next `count` bits, at most 32.
    fn take(&mut self, count: u32) -> Result<u32, Malformed> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8).ok_or(Malformed)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }

    fn flag(&mut self) -> Result<bool, Malformed> {
        Ok(self.take(1)? == 1)
    }

    fn skip(&mut self, count: usize) -> Result<(), Malformed> {
        self.at += count;
        match self.at <= 8 * self.bytes.len() {
            true => Ok(()),
            false => Err(Malformed),
        }
    }

    /// A number below `limit` in as few bits as possible: ns(n) of the AV1
    /// bitstream, section 4.10.7.
    fn below(&mut self, limit: u32) -> Result<u32, Malformed> {
        let width = 32 - limit.leading_zeros();
        let short = (1 << width) - limit;
        let value = self.take(width.saturating_sub(1))?;
        if value < short {
            return Ok(value);
        }
        Ok((value << 1) - short + self.take(1)?)
    }

    fn indications(&mut self, targets: usize) -> Result<Indications, Malformed> {
        let mut indications = Indications::default();
        for target in 0..targets {
            indications.set(target, self.take(2)?);
        }
        Ok(indications)
    }

    fn custom_references(&mut self) -> Result<References, Malformed> {
        let mut references = References::default();
        loop {
            let size = self.take(2)?;
            if size == 0 {
                return Ok(references);
            }
            references.push(self.take(4 * size)? as u16 + 1)?;
        }
    }

    fn structure(&mut self) -> Result<Structure, Malformed> {
        let mut structure = Structure {
            id_offset: self.take(6)? as u8,
            target_count: self.take(5)? as usize + 1,
            ..Structure::default()
        };
        self.template_layers(&mut structure)?;
        let templates = structure.template_count;
        let targets = structure.target_count;
        for template in &mut structure.templates[..templates] {
            template.indications = self.indications(targets)?;
        }
        for template in &mut structure.templates[..templates] {
            while self.flag()? {
                template.references.push(self.take(4)? as u16 + 1)?;
            }
        }
        structure.chain_count = self.below(targets as u32 + 1)? as usize;
        if structure.chain_count > 0 {
            for _ in 0..targets {
                self.below(structure.chain_count as u32)?;
            }
            self.skip(4 * templates * structure.chain_count)?;
        }
        let mut highest = 0;
        for template in &structure.templates[..templates] {
            highest = highest.max(template.layer.spatial);
            for target in 0..targets {
                if template.indications.of(target) != Indication::NotPresent {
                    let layer = &mut structure.targets[target];
                    layer.spatial = layer.spatial.max(template.layer.spatial);
                    layer.temporal = layer.temporal.max(template.layer.temporal);
                }
            }
        }
        if self.flag()? {
            // Render resolutions: width and height of every spatial layer.
            self.skip(32 * (usize::from(highest) + 1))?;
        }
        Ok(structure)
    }

    fn template_layers(&mut self, structure: &mut Structure) -> Result<(), Malformed> {
        let mut layer = Layer::LOWEST;
        loop {
            let place = structure.templates.get_mut(structure.template_count);
            place.ok_or(Malformed)?.layer = layer;
            structure.template_count += 1;
            match self.take(2)? {
                0 => {}
                1 => layer.temporal += 1,
                2 => {
                    layer.temporal = 0;
                    layer.spatial += 1;
                }
                _ => return Ok(()),
            }
            if !layer.within(Layer::HIGHEST) {
                return Err(Malformed);
            }
        }
    }
}

#[cfg(test)]
mod tests;

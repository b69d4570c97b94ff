//! What the headers say of the frame a packet belongs to, whichever header it
//! was: the Dependency Descriptor where the sender sends it, else the payload
//! descriptor.

use crate::layer::Layer;
use crate::rtp::dependency::{self, Indication, References, Structure};
use crate::rtp::vp9;

/// How many layers an index of three bits can tell apart.
pub const LAYERS: usize = 8;

/// What a frame cannot be decoded without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// The next lower spatial layer of its picture.
    LayerBelow,
    /// Frames at these distances before it.
    Frames(References),
    /// Pictures before it that the headers do not name.
    Earlier,
}

/// From a frame on, what can be decoded if the frame can: for every spatial
/// layer the temporal layers up to which everything can, a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Switch([u8; LAYERS]);

impl Switch {
    /// Everything: a keyframe.
    pub const ALL: Self = Self([0xff; LAYERS]);

    /// Whether everything of a spatial layer up to a temporal layer follows
    /// from the frame.
    pub fn reaches(self, spatial: u8, temporal: u8) -> bool {
        self.0
            .get(usize::from(spatial))
            .is_some_and(|reached| reached >> temporal.min(7) & 1 == 1)
    }

    fn of_layer(spatial: u8) -> Self {
        let mut switch = Self::default();
        if let Some(reached) = switch.0.get_mut(usize::from(spatial)) {
            *reached = 0xff;
        }
        switch
    }

    fn of_targets(descriptor: &dependency::Descriptor, structure: &Structure) -> Self {
        let mut switch = Self::default();
        let mut highest = [0; LAYERS];
        for target in structure.targets() {
            let highest = &mut highest[usize::from(target.spatial)];
            *highest = target.temporal.max(*highest);
        }
        for (index, target) in structure.targets().iter().enumerate() {
            if descriptor.indication(index) == Indication::Switch {
                let spatial = usize::from(target.spatial);
                // The highest temporal layer there is stands for any higher.
                let all = target.temporal == highest[spatial];
                let reached = if all { 0xff } else { 1 };
                switch.0[spatial] |= reached << target.temporal;
            }
        }
        switch
    }
}

/// What a packet says of its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The frame's layer.
    pub layer: Layer,
    /// The packet is the frame's first.
    pub begins: bool,
    /// The packet is the frame's last.
    pub ends: bool,
    /// A receiver can begin here.
    pub entry: bool,
    /// The frame's number, if it has one.
    pub number: Option<u64>,
    /// What it cannot be decoded without.
    pub needs: Needs,
    /// What can be decoded from it on.
    pub switch: Switch,
}

impl Frame {
    /// A packet that stands for itself, as of sound.
    pub const WHOLE: Self = Self {
        layer: Layer::LOWEST,
        begins: true,
        ends: true,
        entry: true,
        number: None,
        needs: Needs::Nothing,
        switch: Switch::ALL,
    };

    /// By the VP9 payload descriptor.
    pub fn of_vp9(vp9: &vp9::Descriptor) -> Self {
        let entry = vp9.keyframe_start();
        Self {
            layer: vp9.layer,
            begins: vp9.begins,
            ends: vp9.ends,
            entry,
            number: None,
            needs: match (vp9.predicted, vp9.inter_layer) {
                (true, _) => Needs::Earlier,
                (false, true) => Needs::LayerBelow,
                (false, false) => Needs::Nothing,
            },
            switch: if entry {
                Switch::ALL
            } else if vp9.switching_up || !vp9.predicted {
                Switch::of_layer(vp9.layer.spatial)
            } else {
                Switch::default()
            },
        }
    }

    /// By the Dependency Descriptor, whose number is known as `number`.
    pub fn of_dependency(
        descriptor: &dependency::Descriptor,
        structure: &Structure,
        number: u64,
    ) -> Self {
        let independent = descriptor.references.distances().is_empty();
        Self {
            layer: descriptor.layer,
            begins: descriptor.begins,
            ends: descriptor.ends,
            entry: descriptor.begins
                && descriptor.structure
                && independent
                && descriptor.layer.spatial == 0,
            number: Some(number),
            needs: match independent {
                true => Needs::Nothing,
                false => Needs::Frames(descriptor.references),
            },
            switch: Switch::of_targets(descriptor, structure),
        }
    }
}

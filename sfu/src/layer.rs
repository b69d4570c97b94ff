//! Layers of a picture: what a sender offers and a slot takes.

/// A spatial and a temporal layer. Ordered by spatial, then by temporal layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Layer {
    /// The SVC layer or the simulcast encoding, lowest first, 0 to 7.
    pub spatial: u8,
    /// The temporal layer, 0 to 7.
    pub temporal: u8,
}

impl Layer {
    /// The smallest picture at the lowest rate.
    pub const LOWEST: Self = Self {
        spatial: 0,
        temporal: 0,
    };

    /// Above every layer there is.
    pub const HIGHEST: Self = Self {
        spatial: 7,
        temporal: 7,
    };

    /// Whether what this layer shows is part of what `other` shows: neither
    /// index is higher.
    pub fn within(self, other: Self) -> bool {
        self.spatial <= other.spatial && self.temporal <= other.temporal
    }
}

/// What a slot is to take of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// Nothing for now.
    Paused,
    /// Everything up to that layer, as soon as it can be decoded.
    UpTo(Layer),
}

impl Default for Target {
    fn default() -> Self {
        Self::UpTo(Layer::HIGHEST)
    }
}

/// What a layer of a source costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerRate {
    /// The layer.
    pub layer: Layer,
    /// Bits a second of payload, over about the last second, of everything a
    /// slot takes whose target is this layer.
    pub bits_per_second: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_ordered_by_size_and_contained_by_both_indices() {
        let layer = |spatial, temporal| Layer { spatial, temporal };
        assert!(layer(0, 2) < layer(1, 0));
        assert!(layer(1, 0) < layer(1, 1));
        assert!(!layer(0, 2).within(layer(1, 0)));
        assert!(layer(0, 1).within(layer(1, 1)));
        assert!(layer(7, 7).within(Layer::HIGHEST));
    }
}

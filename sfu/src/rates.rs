//! What the layers of a stream cost, measured over the last second without
//! keeping a packet.

use crate::config::{RATE_STEP, RATE_STEPS};
use crate::layer::Layer;
use std::time::Instant;

/// Spatial layers and temporal layers that are told apart; what is higher
/// counts as the highest.
const SIDE: usize = 4;

/// Bytes of each layer in each of the latest steps of time.
#[derive(Debug)]
pub struct Rates {
    steps: [[[u32; SIDE]; SIDE]; RATE_STEPS],
    now: usize,
    since: Option<Instant>,
    full: usize,
}

impl Rates {
    /// Nothing counted.
    pub const fn new() -> Self {
        Self {
            steps: [[[0; SIDE]; SIDE]; RATE_STEPS],
            now: 0,
            since: None,
            full: 0,
        }
    }

    /// Counts a packet.
    pub fn count(&mut self, layer: Layer, bytes: usize) {
        let spatial = usize::from(layer.spatial).min(SIDE - 1);
        let temporal = usize::from(layer.temporal).min(SIDE - 1);
        let count = &mut self.steps[self.now][spatial][temporal];
        *count = count.saturating_add(bytes as u32);
    }

    /// Tells the time; whether a step has ended.
    pub fn tick(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) < RATE_STEP {
            return false;
        }
        self.since = Some(now);
        self.now = (self.now + 1) % RATE_STEPS;
        self.steps[self.now] = [[0; SIDE]; SIDE];
        self.full = (self.full + 1).min(RATE_STEPS - 1);
        true
    }

    /// The layers that were seen, lowest first, each with its own bits a
    /// second, over the steps that have ended.
    pub fn layers(&self) -> impl Iterator<Item = (Layer, u64)> + '_ {
        (0..SIDE).flat_map(move |spatial| {
            (0..SIDE).filter_map(move |temporal| {
                let steps = self.steps.iter().enumerate();
                let ended = steps.filter(|(index, _)| *index != self.now);
                let bytes: u64 = ended
                    .map(|(_, step)| u64::from(step[spatial][temporal]))
                    .sum();
                let millis = RATE_STEP.as_millis() as u64 * self.full as u64;
                let rate = (8_000 * bytes).checked_div(millis)?;
                let layer = Layer {
                    spatial: spatial as u8,
                    temporal: temporal as u8,
                };
                (rate > 0).then_some((layer, rate))
            })
        })
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn layers_are_measured_over_the_last_second() {
        let start = Instant::now();
        let mut rates = Rates::new();
        let upper = Layer {
            spatial: 1,
            temporal: 9,
        };
        for ms in 0..3_000 {
            rates.tick(start + Duration::from_millis(ms));
            rates.count(Layer::LOWEST, 125);
            if ms < 1_500 {
                rates.count(upper, 1_000);
            }
            if ms == 1_400 {
                let known = Layer {
                    temporal: 3,
                    ..upper
                };
                let told: Vec<_> = rates.layers().collect();
                assert_eq!(told, [(Layer::LOWEST, 1_000_000), (known, 8_000_000)]);
            }
        }
        let told: Vec<_> = rates.layers().collect();
        assert_eq!(told, [(Layer::LOWEST, 1_000_000)]);
    }
}

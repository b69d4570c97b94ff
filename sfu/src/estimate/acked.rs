//! What arrives at the receiver in a second.

/// One bin, in microseconds of the receiver's clock.
const BIN: i64 = 50_000;

/// Bins of the window: longer is steadier, and learns of a fall later.
const BINS: usize = 10;

/// Bytes by time of arrival.
#[derive(Debug)]
pub(super) struct Acked {
    bins: [u32; BINS],
    /// The newest bin's number since the receiver's clock began.
    newest: Option<i64>,
    /// Bins that have been filled.
    filled: usize,
}

impl Acked {
    pub(super) fn new() -> Self {
        Self {
            bins: [0; BINS],
            newest: None,
            filled: 0,
        }
    }

    /// A packet arrived.
    pub(super) fn arrived(&mut self, arrival: i64, len: u16) {
        let bin = arrival.div_euclid(BIN);
        let newest = *self.newest.get_or_insert(bin);
        let ahead = bin - newest;
        if ahead <= -(BINS as i64) || ahead >= 10 * BINS as i64 {
            // The receiver's clock jumped, or nothing came for seconds.
            *self = Self::new();
            self.newest = Some(bin);
        } else if ahead > 0 {
            for skipped in 1..=ahead {
                self.bins[place(newest + skipped)] = 0;
            }
            self.filled = (self.filled + ahead as usize).min(BINS - 1);
            self.newest = Some(bin);
        }
        self.bins[place(bin)] = self.bins[place(bin)].saturating_add(u32::from(len));
    }

    /// Bits a second over the full bins, once there are a few. The newest bin
    /// is not full yet.
    pub(super) fn rate(&self) -> Option<f64> {
        let newest = self.newest.filter(|_| self.filled >= 3)?;
        let full = (1..=self.filled as i64).map(|back| self.bins[place(newest - back)]);
        let bytes: u64 = full.map(u64::from).sum();
        Some(bytes as f64 * 8e6 / (self.filled as f64 * BIN as f64))
    }
}

fn place(bin: i64) -> usize {
    bin.rem_euclid(BINS as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_is_measured_and_a_pause_counts() {
        let mut acked = Acked::new();
        assert_eq!(acked.rate(), None);
        for at in 0..100 {
            acked.arrived(at * 10_000, 1_250);
        }
        let rate = acked.rate().expect("a rate");
        assert!((rate - 1e6).abs() < 1e4, "{rate}");
        acked.arrived(1_200_000, 1_250);
        let rate = acked.rate().expect("a rate");
        assert!(rate < 7e5, "{rate}");
        acked.arrived(-5_000_000, 1_250);
        assert_eq!(acked.rate(), None, "another clock");
    }
}

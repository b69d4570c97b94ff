//! Chance that can be thrown again: a seeded generator for hostile input and
//! for the moments at which something is broken.

/// SplitMix64 (Steele, Lea, Flood 2014). Not for secrets.
pub struct Dice(u64);

impl Dice {
    /// The seed in `CONCLAVE_SEED`, else the given one; printed, so that a
    /// failure shows it.
    pub fn new(what: &str, seed: u64) -> Self {
        let seed = std::env::var("CONCLAVE_SEED")
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(seed);
        println!("{what}: CONCLAVE_SEED={seed}");
        Self::seeded(seed)
    }

    /// This seed, which whoever threw it has printed.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound.max(1) as u64) as usize
    }

    /// A number from 0 on and below 1.
    pub fn share(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// That many bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.roll() as u8).collect()
    }

    /// The bytes with one to four of them changed, sometimes cut short,
    /// sometimes with more behind them.
    pub fn mutate(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            if let Some(at) = (!bytes.is_empty()).then(|| self.below(bytes.len())) {
                bytes[at] = self.roll() as u8;
            }
        }
        match self.below(4) {
            0 => bytes.truncate(self.below(bytes.len() + 1)),
            1 => {
                let more = self.below(64);
                bytes.extend(self.bytes(more));
            }
            _ => {}
        }
        bytes
    }
}

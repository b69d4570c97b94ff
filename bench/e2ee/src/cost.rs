//! Samples and their median.

use crate::platform::cpu_ms;

/// Processor time that something takes, milliseconds, and its result.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = cpu_ms();
    let result = work();
    (cpu_ms() - start, result)
}

/// Samples of one figure.
#[derive(Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn add(&mut self, sample: f64) {
        self.0.push(sample);
    }

    /// 0 where there are none.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub(crate) fn quantile(&self, at: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        let index = (last as f64 * at).round() as usize;
        sorted.get(index).copied().unwrap_or(0.0)
    }
}

/// Bytes as KiB.
pub(crate) fn kib(bytes: f64) -> f64 {
    bytes / 1024.0
}

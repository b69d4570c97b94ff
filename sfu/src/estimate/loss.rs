//! A bound from losses. A path that loses at random loses as much at half the
//! rate; one that is full does not. Which it is is tried: the rate falls to
//! what arrives, and the next window tells.

/// Packets that were counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    /// All of them.
    pub(super) sent: u32,
    /// Those that did not arrive.
    pub(super) lost: u32,
}

impl Ledger {
    pub(super) fn count(&mut self, arrived: bool) {
        self.sent = self.sent.saturating_add(1);
        self.lost = self.lost.saturating_add(u32::from(!arrived));
    }

    fn share(self) -> f64 {
        f64::from(self.lost) / f64::from(self.sent.max(1))
    }
}

/// A window is at least so long, in microseconds.
const WINDOW: u64 = 500_000;

/// And holds at least so many packets.
const PACKETS: u32 = 50;

/// More lost than the path loses anyway by this share: it may be full (section
/// 6.2 of the draft).
const CONGESTED: f64 = 0.10;

/// Lost by less than this share more: room to grow.
const FREE: f64 = 0.02;

/// Growth in a second.
const GROWTH: f64 = 1.08;

/// A probe lifts the bound by no more than this: a short burst may pass where
/// the same rate for longer does not.
const LIFT: f64 = 1.15;

/// No path is believed to lose more than this by itself.
const INHERENT_MAX: f64 = 0.35;

/// What a trial has shown is believed less with every window, so that it is
/// tried again: half of it after 35.
const FORGET: f64 = 0.98;

/// The bound.
#[derive(Debug, Default)]
pub(super) struct Loss {
    bound: Option<f64>,
    /// What the path loses at any rate, and what it was seen to at most.
    inherent: f64,
    inherent_most: f64,
    trial: Option<Trial>,
    /// Smoothed.
    lost: f64,
    /// When the window began.
    began: u64,
}

/// The rate was lowered to see whether losses fall.
#[derive(Debug, Clone, Copy)]
struct Trial {
    lost: f64,
    bound: Option<f64>,
    /// The window in which packets of before still count has passed.
    clean: bool,
}

impl Loss {
    /// A rate within the bound.
    pub(super) fn bound(&self, rate: f64) -> f64 {
        self.bound.map_or(rate, |bound| bound.min(rate))
    }

    /// The share that is lost, smoothed.
    pub(super) fn lost(&self) -> f64 {
        self.lost
    }

    /// The share the path loses at any rate, at most [`INHERENT_MAX`].
    pub(super) fn inherent(&self) -> f64 {
        self.inherent
    }

    /// What was lost lately does not count; what the path loses anyway does.
    pub(super) fn forget(&mut self) {
        (self.bound, self.trial) = (None, None);
    }

    /// Whether the path seems full.
    pub(super) fn congested(&self) -> bool {
        self.trial.is_some()
    }

    /// A probe arrived at that rate.
    pub(super) fn proved(&mut self, proved: f64) {
        if let Some(bound) = self.bound.filter(|_| self.trial.is_none()) {
            self.bound = Some(proved.clamp(bound, LIFT * bound));
        }
    }

    /// Looks at what was counted, once a window; `rate` is the other bound,
    /// `acked` what arrives. Gives the rate of a path that has proved full.
    pub(super) fn update(
        &mut self,
        at: u64,
        ledger: &mut Ledger,
        rate: f64,
        acked: Option<f64>,
    ) -> Option<f64> {
        let elapsed = at.saturating_sub(self.began);
        // A trial decides for long: it takes a closer look.
        let looks = if self.trial.is_some() { 2 } else { 1 };
        if elapsed < WINDOW || ledger.sent < looks * PACKETS {
            return None;
        }
        let lost = ledger.share();
        // How far a window lies from the path's own losses by chance.
        let chance = 2.5 * (self.inherent * (1.0 - self.inherent) / f64::from(ledger.sent)).sqrt();
        *ledger = Ledger::default();
        self.began = at;
        self.lost += 0.3 * (lost - self.lost);
        if let Some(trial) = self.trial {
            return self.tried(trial, lost);
        }
        // Follows what is lost, but up only as far as a trial has shown.
        self.inherent_most *= FORGET;
        self.inherent += 0.2 * (lost - self.inherent);
        self.inherent = self.inherent.min(self.inherent_most);
        let excess = lost - self.inherent;
        let current = self.bound(rate);
        if let Some(acked) = acked.filter(|_| excess > CONGESTED.max(chance)) {
            self.trial = Some(Trial {
                lost,
                bound: self.bound,
                clean: false,
            });
            self.bound = Some(acked.min(current));
        } else if excess < FREE
            && let Some(bound) = self.bound
        {
            let grown = bound * GROWTH.powf((elapsed as f64 / 1e6).min(1.0));
            self.bound = Some(grown).filter(|grown| *grown < rate);
        }
        None
    }

    fn tried(&mut self, trial: Trial, lost: f64) -> Option<f64> {
        if !trial.clean {
            self.trial = Some(Trial {
                clean: true,
                ..trial
            });
            return None;
        }
        self.trial = None;
        if lost > 0.4 * trial.lost {
            self.inherent = lost
                .max(trial.lost * 0.8)
                .max(self.inherent)
                .min(INHERENT_MAX);
            self.inherent_most = self.inherent;
            self.bound = trial.bound;
            return None;
        }
        self.bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(loss: &mut Loss, second: u64, lost: u32, acked: f64) {
        let mut ledger = Ledger { sent: 100, lost };
        loss.update(second * 1_000_000, &mut ledger, 1e6, Some(acked));
    }

    #[test]
    fn losses_that_fall_with_the_rate_leave_a_bound() {
        let mut loss = Loss::default();
        window(&mut loss, 1, 30, 7e5);
        assert_eq!(loss.bound(1e6), 7e5);
        window(&mut loss, 2, 20, 7e5);
        let mut ledger = Ledger { sent: 100, lost: 0 };
        assert_eq!(
            loss.update(3_000_000, &mut ledger, 1e6, Some(7e5)),
            Some(7e5)
        );
        assert_eq!(loss.bound(1e6), 7e5);
        loss.proved(1e6);
        assert!(loss.bound(1e6) < 8.1e5, "a burst is not all");
        window(&mut loss, 4, 0, 7e5);
        assert!(loss.bound(1e6) > 7.5e5, "and it grows again");
    }

    #[test]
    fn losses_that_do_not_fall_with_the_rate_are_the_paths_own() {
        let mut loss = Loss::default();
        window(&mut loss, 1, 20, 8e5);
        window(&mut loss, 2, 20, 8e5);
        window(&mut loss, 3, 19, 8e5);
        assert_eq!(loss.bound(1e6), 1e6);
        for second in 4..60 {
            window(&mut loss, second, 20, 8e5);
        }
        assert_eq!(loss.bound(1e6), 1e6);
        window(&mut loss, 60, 45, 5.5e5);
        assert_eq!(loss.bound(1e6), 5.5e5, "more than that is congestion");
    }
}

//! Whether a queue grows on the path: groups of packets are compared in how
//! far apart they left and arrived, and a line is laid through how the
//! difference adds up (draft-ietf-rmcat-gcc-02 section 5, with the trendline
//! that took the Kalman filter's place in practice).

/// Packets that leave within this time are one group, in microseconds.
const BURST: u64 = 5_000;

/// Differences the line is laid through.
const WINDOW: usize = 20;

/// Weight of what was before, when differences are smoothed.
const SMOOTHING: f64 = 0.9;

/// From the slope to the threshold's milliseconds.
const GAIN: f64 = 4.0;

/// Most differences the slope is multiplied by.
const DELTAS_MAX: f64 = 60.0;

/// How fast the threshold follows the slope up and down (section 5.4), a
/// millisecond.
const FOLLOW_UP: f64 = 0.008_7;
const FOLLOW_DOWN: f64 = 0.039;

/// The threshold's bounds and its first value, in milliseconds.
const THRESHOLD_MIN: f64 = 6.0;
const THRESHOLD_MAX: f64 = 600.0;
const THRESHOLD_FIRST: f64 = 12.5;

/// Over the threshold for so many milliseconds: the queue grows.
const OVERUSE_MS: f64 = 10.0;

/// The queue is not taken to grow before its shortest wait has, by so many
/// microseconds, and by as much as waits differ anyway: jitter moves single
/// packets, a queue moves all of them.
const RISEN: i64 = 15_000;

/// A queue that stays is no better than one that grows: the shortest wait has
/// risen by so much, for this long, in microseconds.
const STANDING: i64 = 80_000;
const STANDING_FOR: u64 = 300_000;

/// Said so often in vain, it is no queue: the path has become longer.
const STANDING_MOST: u32 = 5;

/// Packets whose shortest wait is the present one.
const RECENT: usize = 32;

/// The shortest wait of the path is looked for in so many spans of so many
/// microseconds: longer than a queue stays, shorter than clocks drift apart by
/// [`RISEN`].
const SPANS: usize = 10;
const SPAN: u64 = 2_000_000;

/// A gap of this many microseconds in either clock begins anew.
const GAP: i64 = 3_000_000;

/// What the path's queue does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    /// Nothing.
    Normal,
    /// It grows.
    Over,
    /// It drains.
    Under,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent: u64,
    last_sent: u64,
    arrived: i64,
}

/// The shortest wait lately, and of the path. Clocks differ: only differences
/// mean something.
#[derive(Debug)]
struct Waits {
    recent: [i64; RECENT],
    count: usize,
    spans: [i64; SPANS],
    span: u64,
    /// The mean wait and how far waits lie from it.
    mean: i64,
    spread: i64,
    /// Since when the queue stands, and how often that was said.
    stands: Option<u64>,
    said: u32,
}

impl Waits {
    fn new() -> Self {
        Self {
            recent: [i64::MAX; RECENT],
            count: 0,
            spans: [i64::MAX; SPANS],
            span: 0,
            mean: 0,
            spread: 0,
            stands: None,
            said: 0,
        }
    }

    fn note(&mut self, wait: i64, now: u64) {
        if self.count == 0 {
            self.mean = wait;
        }
        self.mean += (wait - self.mean) / 16;
        self.spread += ((wait - self.mean).abs() - self.spread) / 64;
        self.recent[self.count % RECENT] = wait;
        self.count = self.count.wrapping_add(1);
        let span = now / SPAN;
        for passed in (self.span + 1..=span).take(SPANS) {
            self.spans[(passed % SPANS as u64) as usize] = i64::MAX;
        }
        self.span = span;
        let kept = &mut self.spans[(span % SPANS as u64) as usize];
        *kept = wait.min(*kept);
    }

    /// By how much the shortest wait has risen.
    fn rise(&self) -> i64 {
        let least = |waits: &[i64]| waits.iter().copied().min().unwrap_or(i64::MAX);
        least(&self.recent).saturating_sub(least(&self.spans))
    }

    fn risen(&self) -> bool {
        self.rise() > RISEN.max(self.spread)
    }

    /// Whether a queue stands; said once every [`STANDING_FOR`].
    fn stand(&mut self, now: u64) -> bool {
        if self.rise() <= STANDING + 2 * self.spread {
            (self.stands, self.said) = (None, 0);
            return false;
        }
        let since = *self.stands.get_or_insert(now);
        if now.saturating_sub(since) < STANDING_FOR {
            return false;
        }
        self.stands = Some(now);
        self.said += 1;
        if self.said > STANDING_MOST {
            self.spans = [i64::MAX; SPANS];
            (self.stands, self.said) = (None, 0);
            return false;
        }
        true
    }
}

/// The detector.
#[derive(Debug)]
pub(super) struct Delay {
    current: Option<Group>,
    previous: Option<Group>,
    /// Milliseconds: time of arrival, smoothed sum of differences.
    points: [(f64, f64); WINDOW],
    count: usize,
    deltas: f64,
    sum: f64,
    smoothed: f64,
    origin: i64,
    threshold: f64,
    updated: Option<u64>,
    over_for: Option<f64>,
    over_count: u32,
    slope: f64,
    usage: Usage,
    waits: Waits,
}

impl Delay {
    pub(super) fn new() -> Self {
        Self {
            current: None,
            previous: None,
            points: [(0.0, 0.0); WINDOW],
            count: 0,
            deltas: 0.0,
            sum: 0.0,
            smoothed: 0.0,
            origin: 0,
            threshold: THRESHOLD_FIRST,
            updated: None,
            over_for: None,
            over_count: 0,
            slope: 0.0,
            usage: Usage::Normal,
            waits: Waits::new(),
        }
    }

    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// What comes now is not compared with what came before; the threshold
    /// and the shortest wait stay as the path has made them.
    pub(super) fn forget(&mut self) {
        let waits = std::mem::replace(&mut self.waits, Waits::new());
        *self = Self {
            threshold: self.threshold,
            waits,
            ..Self::new()
        };
    }

    /// A packet that left at `sent` arrived at `arrival` in the receiver's
    /// clock, and that was told at `now`; microseconds, in order of numbers.
    pub(super) fn arrived(&mut self, sent: u64, arrival: i64, now: u64) {
        self.waits.note(arrival - sent as i64, now);
        let Some(group) = &mut self.current else {
            self.current = Some(Group::of(sent, arrival));
            self.origin = arrival;
            return;
        };
        if sent < group.first_sent {
            // Overtaken: its group is over.
            return;
        }
        if sent - group.first_sent <= BURST || group.bunches(sent, arrival) {
            group.last_sent = group.last_sent.max(sent);
            group.arrived = group.arrived.max(arrival);
            return;
        }
        let done = *group;
        self.current = Some(Group::of(sent, arrival));
        if let Some(previous) = self.previous.replace(done) {
            let left = done.last_sent as i64 - previous.last_sent as i64;
            let came = done.arrived - previous.arrived;
            if left.abs() > GAP || came.abs() > GAP {
                // One of the clocks jumped, or nothing was sent for long.
                *self = Self {
                    threshold: self.threshold,
                    ..Self::new()
                };
                return;
            }
            self.difference(left as f64 / 1e3, came as f64 / 1e3, done.arrived, now);
        }
    }

    fn difference(&mut self, left: f64, came: f64, arrived: i64, now: u64) {
        self.deltas = (self.deltas + 1.0).min(1_000.0);
        self.sum += came - left;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.sum;
        let at = (arrived - self.origin) as f64 / 1e3;
        self.points.rotate_left(1);
        self.points[WINDOW - 1] = (at, self.smoothed);
        self.count = (self.count + 1).min(WINDOW);
        let slope = match self.count == WINDOW {
            true => slope(&self.points).unwrap_or(self.slope),
            false => self.slope,
        };
        self.detect(slope, left, now);
    }

    fn detect(&mut self, slope: f64, left: f64, now: u64) {
        let trend = slope * self.deltas.min(DELTAS_MAX) * GAIN;
        if trend > self.threshold {
            let over_for = self.over_for.map_or(left / 2.0, |before| before + left);
            self.over_for = Some(over_for);
            self.over_count += 1;
            if over_for > OVERUSE_MS
                && self.over_count > 1
                && slope >= self.slope
                && self.waits.risen()
            {
                self.over_for = Some(0.0);
                self.over_count = 0;
                self.usage = Usage::Over;
            }
        } else {
            self.over_for = None;
            self.over_count = 0;
            self.usage = match trend < -self.threshold {
                true => Usage::Under,
                false if self.waits.stand(now) => Usage::Over,
                false => Usage::Normal,
            };
        }
        self.slope = slope;
        self.follow(trend.abs(), now);
    }

    /// The threshold follows the jitter, so that it neither takes jitter for a
    /// queue nor loses against flows that fill theirs (section 5.4).
    fn follow(&mut self, trend: f64, now: u64) {
        let last = self.updated.replace(now).unwrap_or(now);
        if trend > self.threshold + 15.0 {
            return;
        }
        let rate = if trend < self.threshold {
            FOLLOW_DOWN
        } else {
            FOLLOW_UP
        };
        let elapsed = (now.saturating_sub(last) as f64 / 1e3).min(100.0);
        self.threshold = (self.threshold + rate * (trend - self.threshold) * elapsed)
            .clamp(THRESHOLD_MIN, THRESHOLD_MAX);
    }
}

impl Group {
    fn of(sent: u64, arrival: i64) -> Self {
        Self {
            first_sent: sent,
            last_sent: sent,
            arrived: arrival,
        }
    }

    /// Held back on the path and let go together, as radio links do.
    fn bunches(&self, sent: u64, arrival: i64) -> bool {
        let left = sent as i64 - self.last_sent as i64;
        let came = arrival - self.arrived;
        came - left < 0 && (0..=5_000).contains(&came) && sent - self.first_sent < 100_000
    }
}

/// The slope of the line of least squares; nothing where all is one moment.
fn slope(points: &[(f64, f64); WINDOW]) -> Option<f64> {
    let count = WINDOW as f64;
    let (x, y) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (x, y) = (x / count, y / count);
    let (above, below) = points.iter().fold((0.0, 0.0), |(above, below), point| {
        let distance = point.0 - x;
        (
            above + distance * (point.1 - y),
            below + distance * distance,
        )
    });
    (below > 0.0).then(|| above / below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(delay: &mut Delay, packets: u64, extra: impl Fn(u64) -> i64) -> Vec<Usage> {
        (0..packets)
            .map(|n| {
                let sent = n * 20_000;
                let arrival = sent as i64 + 50_000 + extra(n);
                delay.arrived(sent, arrival, sent + 100_000);
                delay.usage()
            })
            .collect()
    }

    #[test]
    fn a_growing_queue_is_seen_and_a_constant_one_is_not() {
        let seen = run(&mut Delay::new(), 100, |n| n as i64 * 4_000);
        assert!(seen.contains(&Usage::Over));
        let seen = run(&mut Delay::new(), 100, |_| 300_000);
        assert!(seen.iter().all(|usage| *usage == Usage::Normal));
    }

    #[test]
    fn a_queue_that_stands_is_seen_and_a_longer_path_is_got_used_to() {
        let step = |n| if n < 100 { 0 } else { 200_000 };
        let seen = run(&mut Delay::new(), 1_000, step);
        assert!(seen[150..200].contains(&Usage::Over));
        assert!(!seen[350..].contains(&Usage::Over), "a longer path");
    }

    #[test]
    fn a_draining_queue_is_seen() {
        let seen = run(&mut Delay::new(), 100, |n| 400_000 - n as i64 * 4_000);
        assert!(seen.contains(&Usage::Under));
        assert!(!seen.contains(&Usage::Over));
    }
}

//! One direction of a path: what goes in comes out later, or never. Knows no
//! socket and no clock; with the same seed, packets and times it does the same
//! again.
//!
//! ```text
//!   push ─▶ outage? ─▶ lost? ─▶ bottleneck with its queue ─▶ delay ± jitter ─▶ pop
//! ```

use super::conditions::{Conditions, Loss};
use crate::dice::Dice;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// Most packets on the way. A second of 200 Mbit/s; more than a test sends.
const MOST_ON_THE_WAY: usize = 1 << 14;

/// What became of the packets of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// Came in.
    pub packets: u64,
    /// Their payloads, bytes.
    pub bytes: u64,
    /// Lost by chance.
    pub lost: u64,
    /// Did not fit into the queue.
    pub overflowed: u64,
    /// Came in during an outage.
    pub cut_off: u64,
    /// Went out.
    pub delivered: u64,
    /// Their payloads, bytes.
    pub delivered_bytes: u64,
}

/// One direction. `T` is what is carried.
pub struct Link<T> {
    conditions: Conditions,
    since: Instant,
    seed: u64,
    dice: Dice,
    /// The state of the chain behind [`Loss::Bursty`].
    bad: bool,
    /// When the bottleneck will have passed on all it has taken.
    busy_until: Instant,
    /// When the last packet arrives that may not be overtaken.
    latest: Instant,
    on_the_way: BinaryHeap<Reverse<Travelling<T>>>,
    counts: Counts,
}

struct Travelling<T> {
    arrives: Instant,
    number: u64,
    bytes: usize,
    load: T,
}

impl<T> Link<T> {
    /// A link that passes everything on at once.
    pub fn new(seed: u64, now: Instant) -> Self {
        Self {
            conditions: Conditions::default(),
            since: now,
            seed,
            dice: Dice::seeded(seed),
            bad: false,
            busy_until: now,
            latest: now,
            on_the_way: BinaryHeap::new(),
            counts: Counts::default(),
        }
    }

    /// From now on these conditions. What is on the way already arrives as it
    /// would have. Chance begins anew, so that a condition does the same each
    /// time whatever was before it.
    pub fn set(&mut self, conditions: Conditions, now: Instant) {
        self.conditions = conditions;
        self.since = now;
        self.dice = Dice::seeded(self.seed);
        self.bad = false;
        self.busy_until = now;
        self.latest = now;
    }

    /// A packet comes in.
    pub fn push(&mut self, load: T, bytes: usize, now: Instant) {
        self.counts.packets += 1;
        self.counts.bytes += bytes as u64;
        let since = now.saturating_duration_since(self.since);
        if self.conditions.outages.iter().any(|out| out.covers(since)) {
            self.counts.cut_off += 1;
            return;
        }
        if self.loses() {
            self.counts.lost += 1;
            return;
        }
        let Some(departs) = self.departs(bytes, now) else {
            self.counts.overflowed += 1;
            return;
        };
        let mut arrives = departs + self.travels();
        if !self.conditions.reorder {
            arrives = arrives.max(self.latest);
            self.latest = arrives;
        }
        self.on_the_way.push(Reverse(Travelling {
            arrives,
            number: self.counts.packets,
            bytes,
            load,
        }));
    }

    /// The next packet that has arrived.
    pub fn pop(&mut self, now: Instant) -> Option<T> {
        if self.next_timeout()? > now {
            return None;
        }
        let Reverse(travelling) = self.on_the_way.pop()?;
        self.counts.delivered += 1;
        self.counts.delivered_bytes += travelling.bytes as u64;
        Some(travelling.load)
    }

    /// When [`pop`](Self::pop) has something.
    pub fn next_timeout(&self) -> Option<Instant> {
        let Reverse(first) = self.on_the_way.peek()?;
        Some(first.arrives)
    }

    /// What became of the packets so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn loses(&mut self) -> bool {
        match self.conditions.loss {
            Loss::None => false,
            Loss::Random(share) => self.dice.share() < share,
            Loss::Bursty { share, run } => {
                // Leaving the bad state with 1/run makes runs that long; the rest
                // follows from the share of time in it.
                let leave = 1.0 / run.max(1.0);
                let enter = share * leave / (1.0 - share).max(f64::EPSILON);
                let turn = self.dice.share() < if self.bad { leave } else { enter };
                self.bad ^= turn;
                self.bad
            }
        }
    }

    /// When the bottleneck has passed it on, or `None` if its queue is full.
    fn departs(&mut self, bytes: usize, now: Instant) -> Option<Instant> {
        if self.on_the_way.len() >= MOST_ON_THE_WAY {
            return None;
        }
        let Some(rate) = self.conditions.rate else {
            return Some(now);
        };
        // A full bucket is a bottleneck that was done some time ago.
        let full = now.checked_sub(rate.time_for(rate.burst.into()));
        let begins = full.map_or(self.busy_until, |full| self.busy_until.max(full));
        let done = begins + rate.time_for(bytes as u64);
        if done.saturating_duration_since(now) > rate.longest_wait() {
            return None;
        }
        self.busy_until = done;
        Some(done.max(now))
    }

    fn travels(&mut self) -> Duration {
        let (delay, jitter) = (
            f64::from(self.conditions.delay_ms),
            f64::from(self.conditions.jitter_ms),
        );
        // Thrown even where it changes nothing: jitter alone does not shift the losses.
        let side = self.dice.share() * 2.0 - 1.0;
        Duration::from_secs_f64((delay + jitter * side).max(0.0) / 1_000.0)
    }
}

impl<T> PartialEq for Travelling<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Travelling<T> {}

impl<T> PartialOrd for Travelling<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Travelling<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.arrives, self.number).cmp(&(other.arrives, other.number))
    }
}

#[cfg(test)]
mod tests {
    use super::super::conditions::{Outage, Queue, Rate};
    use super::*;

    const PACKET: usize = 1_000;
    const MS: Duration = Duration::from_millis(1);

    /// One packet each `every` for `count` packets: number and travel time of
    /// each that came through, in the order of arrival.
    fn run(seed: u64, conditions: Conditions, count: u32, every: Duration) -> Vec<(u32, Duration)> {
        let start = Instant::now();
        let mut link = Link::new(seed, start);
        link.set(conditions, start);
        let mut out = Vec::new();
        let mut take = |link: &mut Link<(u32, Instant)>, until: Option<Instant>| {
            while let Some(at) = link.next_timeout() {
                if until.is_some_and(|until| at > until) {
                    break;
                }
                let (number, sent) = link.pop(at).expect("it is time");
                out.push((number, at - sent));
            }
        };
        for number in 0..count {
            let now = start + every * number;
            take(&mut link, Some(now));
            link.push((number, now), PACKET, now);
        }
        take(&mut link, None);
        out
    }

    /// How many in a row did not come through.
    fn gaps(arrived: &[(u32, Duration)]) -> Vec<u32> {
        arrived
            .windows(2)
            .map(|pair| pair[1].0 - pair[0].0 - 1)
            .filter(|gap| *gap > 0)
            .collect()
    }

    #[test]
    fn nothing_happens_on_a_good_network() {
        let arrived = run(1, Conditions::default(), 1_000, MS);
        assert_eq!(arrived.len(), 1_000);
        assert!(arrived.iter().all(|(_, travelled)| travelled.is_zero()));
    }

    #[test]
    fn a_seed_does_the_same_again_and_another_does_not() {
        let bad = Conditions {
            loss: Loss::Bursty {
                share: 0.1,
                run: 3.0,
            },
            delay_ms: 50,
            jitter_ms: 20,
            reorder: true,
            rate: Some(Rate::kbit(900)),
            outages: vec![Outage {
                after_ms: 400,
                lasting_ms: 100,
            }],
        };
        let once = run(7, bad.clone(), 2_000, 10 * MS);
        assert_eq!(once, run(7, bad.clone(), 2_000, 10 * MS));
        assert_ne!(once, run(8, bad, 2_000, 10 * MS));
    }

    #[test]
    fn a_condition_does_the_same_whatever_was_before_it() {
        let start = Instant::now();
        let lossy = Conditions {
            loss: Loss::Random(0.5),
            ..Conditions::default()
        };
        let survivors = |before: u32| {
            let mut link = Link::new(3, start);
            link.set(lossy.clone(), start);
            for number in 0..before {
                link.push(number, PACKET, start);
            }
            while link.pop(start).is_some() {}
            link.set(lossy.clone(), start);
            for number in 0..100 {
                link.push(number, PACKET, start);
            }
            std::iter::from_fn(|| link.pop(start)).collect::<Vec<_>>()
        };
        assert_eq!(survivors(0), survivors(17));
    }

    #[test]
    fn random_loss_takes_its_share_one_by_one() {
        let conditions = Conditions {
            loss: Loss::Random(0.1),
            ..Conditions::default()
        };
        let arrived = run(2, conditions, 20_000, MS);
        let share = 1.0 - arrived.len() as f64 / 20_000.0;
        assert!((share - 0.1).abs() < 0.01, "{share}");
        let gaps = gaps(&arrived);
        let mean = f64::from(gaps.iter().sum::<u32>()) / gaps.len() as f64;
        assert!((mean - 1.0 / 0.9).abs() < 0.05, "{mean}");
    }

    #[test]
    fn bursty_loss_takes_its_share_in_runs() {
        let conditions = Conditions {
            loss: Loss::Bursty {
                share: 0.1,
                run: 5.0,
            },
            ..Conditions::default()
        };
        let arrived = run(2, conditions, 50_000, MS);
        let share = 1.0 - arrived.len() as f64 / 50_000.0;
        assert!((share - 0.1).abs() < 0.02, "{share}");
        let gaps = gaps(&arrived);
        let mean = f64::from(gaps.iter().sum::<u32>()) / gaps.len() as f64;
        assert!((mean - 5.0).abs() < 0.5, "{mean}");
    }

    #[test]
    fn jitter_stays_in_its_bounds_and_reorders_only_if_told() {
        let jittery = |reorder| Conditions {
            delay_ms: 200,
            jitter_ms: 50,
            reorder,
            ..Conditions::default()
        };
        let overtaken = |arrived: &[(u32, Duration)]| {
            arrived.windows(2).filter(|two| two[0].0 > two[1].0).count()
        };
        let free = run(4, jittery(true), 2_000, 10 * MS);
        assert!(
            free.iter()
                .all(|(_, took)| (150 * MS..=250 * MS).contains(took))
        );
        let mean = free.iter().map(|(_, took)| *took).sum::<Duration>() / 2_000;
        assert!((198 * MS..202 * MS).contains(&mean), "{mean:?}");
        assert!(overtaken(&free) > 100);
        let ordered = run(4, jittery(false), 2_000, 10 * MS);
        assert_eq!(overtaken(&ordered), 0);
        assert_eq!(ordered.len(), 2_000);
    }

    #[test]
    fn a_rate_is_kept_and_its_queue_is_bounded() {
        let narrow = |queue| Conditions {
            rate: Some(Rate {
                kbit: 400,
                burst: 0,
                queue,
            }),
            ..Conditions::default()
        };
        // 800 kbit/s into 400: a packet takes 20 ms and one comes each 10 ms.
        for queue in [Queue::Ms(300), Queue::Bytes(15_000)] {
            let arrived = run(5, narrow(queue), 1_000, 10 * MS);
            let (number, took) = *arrived.last().expect("some");
            let end = 10 * MS * number + took;
            let kbit = (arrived.len() * PACKET * 8) as f64 / 1_000.0 / end.as_secs_f64();
            assert!((kbit - 400.0).abs() < 1.0, "{queue:?}: {kbit}");
            let longest = arrived.iter().map(|(_, took)| *took).max().expect("some");
            assert!((280 * MS..=300 * MS).contains(&longest), "{longest:?}");
        }
    }

    #[test]
    fn a_bucket_that_was_left_alone_lets_a_burst_pass() {
        let start = Instant::now();
        let mut link = Link::new(6, start);
        let rate = Rate {
            kbit: 400,
            burst: 2 * PACKET as u32,
            queue: Queue::Ms(300),
        };
        let conditions = Conditions {
            rate: Some(rate),
            ..Conditions::default()
        };
        link.set(conditions, start);
        let later = start + 1_000 * MS;
        for number in 0..3 {
            link.push(number, PACKET, later);
        }
        let at_once: Vec<_> = std::iter::from_fn(|| link.pop(later)).collect();
        assert_eq!(at_once, [0, 1]);
        assert_eq!(link.next_timeout(), Some(later + 20 * MS));
    }

    #[test]
    fn nothing_that_comes_in_during_an_outage_arrives() {
        let conditions = Conditions {
            delay_ms: 30,
            outages: vec![Outage {
                after_ms: 100,
                lasting_ms: 50,
            }],
            ..Conditions::default()
        };
        let arrived = run(7, conditions, 20, 10 * MS);
        let numbers: Vec<_> = arrived.iter().map(|(number, _)| *number).collect();
        let expected: Vec<_> = (0..10).chain(15..20).collect();
        assert_eq!(numbers, expected);
    }

    #[test]
    fn every_packet_is_counted_once() {
        let start = Instant::now();
        let mut link = Link::new(8, start);
        let conditions = Conditions {
            loss: Loss::Random(0.2),
            rate: Some(Rate::kbit(100)),
            outages: vec![Outage::now(5)],
            ..Conditions::default()
        };
        link.set(conditions, start);
        for number in 0..100 {
            link.push(number, PACKET, start + MS * number);
        }
        while link.pop(start + 10_000 * MS).is_some() {}
        let counts = link.counts();
        assert_eq!(counts.packets, 100);
        assert_eq!(counts.cut_off, 5);
        assert!(counts.lost > 0 && counts.overflowed > 0 && counts.delivered > 0);
        assert_eq!(
            counts.cut_off + counts.lost + counts.overflowed + counts.delivered,
            100
        );
    }
}

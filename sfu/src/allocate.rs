//! Divides what a receiver's path carries over its slots, by what the client
//! shows in them. Pure.
//!
//! Sound is never taken from. Then the slots climb, step by step, in one order
//! that does not depend on how much there is:
//!
//! 1. a shared screen to its full size at its lowest frame rate: text stays
//!    readable;
//! 2. every other slot to its lowest layer;
//! 3. the screen to its full frame rate;
//! 4. what is pinned, then who speaks, to what is shown of it;
//! 5. the tiles, one step each in turn.
//!
//! A step that does not fit is left out, and its slot climbs no further; what
//! comes after it may still fit. So what is first in the order never gets less
//! because there is more.

use crate::layer::{Layer, LayerRate, Target};
use std::time::{Duration, Instant};

/// Steps of one slot: four sizes at four rates are 16; a camera climbs through
/// fewer.
const STEPS: usize = 16;

/// Wishes of one receiver: [`SECTIONS_MAX`](crate::config::SECTIONS_MAX).
const WISHES: usize = crate::config::SECTIONS_MAX;

/// More is taken up only when it would still fit into this share of the
/// estimate.
pub const HEADROOM: f64 = 0.85;

/// And when it has for so long. Shorter shows more sooner, and flaps more.
const HOLD: Duration = Duration::from_secs(2);

/// For so long a shared screen takes no more than the estimate carries although
/// the path has not shown to be full: its first large picture is seconds of a
/// narrow path's time, and a small stream shows the same text. Longer shows it
/// later to whoever is reported on badly.
const CAUTIOUS: Duration = Duration::from_secs(4);

/// Heights a sender's sizes are taken for, from the largest down: each is half
/// of the one above it.
const CAMERA_HEIGHT: u32 = 720;

/// How much smaller than shown a picture may be.
const SHRUNK: f64 = 0.8;

/// What a slot is shown as, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// A shared screen, however it is shown.
    Screen,
    /// What the person has chosen to see large.
    Pinned,
    /// Who speaks.
    Speaker,
    /// One of many.
    Tile,
}

/// What one slot could take, as steps of rising cost.
#[derive(Debug, Clone, Copy)]
pub struct Ladder {
    rank: Rank,
    steps: [LayerRate; STEPS],
    len: usize,
    /// Steps to be taken before anybody else has one more.
    base: usize,
    /// What whoever has every step takes: also what is not known yet.
    all: Layer,
}

impl Ladder {
    /// A source shown at `height` pixels, of which the layers are known, lowest
    /// first; of nothing when none is. `cost` is what a layer's payload costs
    /// with everything around it.
    pub fn new(rank: Rank, height: u16, layers: &[LayerRate], cost: impl Fn(u64) -> u64) -> Self {
        let nothing = LayerRate {
            layer: Layer::LOWEST,
            bits_per_second: 0,
        };
        let mut ladder = Self {
            rank,
            steps: [nothing; STEPS],
            len: 0,
            base: 1,
            all: Layer::HIGHEST,
        };
        let top = layers.iter().map(|rate| rate.layer.spatial).max();
        let top = top.unwrap_or(0);
        let size = match rank {
            Rank::Screen => top,
            Rank::Pinned | Rank::Speaker | Rank::Tile => shown(height, top),
        };
        if size < top || rank == Rank::Screen {
            ladder.all.spatial = size;
        }
        for spatial in 0..=size {
            let of = layers.iter().filter(|rate| rate.layer.spatial == spatial);
            let fastest = of.clone().map(|rate| rate.layer.temporal).max();
            for rate in of {
                // A larger picture comes at its full frame rate, but for text:
                // there the frame rate gives first.
                if rank == Rank::Screen || spatial == 0 || Some(rate.layer.temporal) == fastest {
                    ladder.push(LayerRate {
                        bits_per_second: cost(rate.bits_per_second),
                        ..*rate
                    });
                }
            }
            if rank == Rank::Screen && spatial == size {
                let mut steps = ladder.steps().iter();
                let full = steps.position(|step| step.layer.spatial == size);
                ladder.base = full.map_or(1, |full| full + 1);
            }
        }
        ladder
    }

    fn push(&mut self, step: LayerRate) {
        if let Some(place) = self.steps.get_mut(self.len) {
            *place = step;
            self.len += 1;
        }
    }

    fn steps(&self) -> &[LayerRate] {
        &self.steps[..self.len]
    }

    /// The cost of the first `steps` steps together, in bits a second.
    pub fn cost(&self, steps: usize) -> u64 {
        let last = steps.checked_sub(1).and_then(|at| self.steps().get(at));
        last.map_or(0, |step| step.bits_per_second)
    }

    /// What everything costs that is shown of it.
    pub fn whole(&self) -> u64 {
        self.cost(self.len)
    }

    /// How many steps lie within a target.
    pub fn within(&self, target: Target) -> usize {
        let Target::UpTo(layer) = target else {
            return 0;
        };
        let mut steps = self.steps().iter();
        steps
            .rposition(|step| step.layer.within(layer))
            .map_or(0, |at| at + 1)
    }

    /// The target of so many steps. Whoever has all of them takes what a sender
    /// adds, too, before it has been measured.
    pub fn target(&self, steps: usize) -> Target {
        if steps > 0 && steps >= self.len {
            return Target::UpTo(self.all);
        }
        match steps.checked_sub(1).and_then(|at| self.steps().get(at)) {
            Some(step) => Target::UpTo(step.layer),
            None => Target::Paused,
        }
    }
}

/// The smallest size that is not smaller than what is shown.
fn shown(height: u16, top: u8) -> u8 {
    let wanted = SHRUNK * f64::from(height);
    (0..top)
        .find(|size| f64::from(CAMERA_HEIGHT >> (top - size).min(8)) >= wanted)
        .unwrap_or(top)
}

/// Divides `budget` bits a second. `steps` says how many each may have at most,
/// and then how many it has.
pub fn divide(budget: u64, ladders: &[Ladder], steps: &mut [usize]) {
    divide_beyond([0; WISHES], budget, ladders, steps);
}

/// The same, where everyone keeps the steps they have, if need be on credit.
fn divide_beyond(held: [usize; WISHES], budget: u64, ladders: &[Ladder], steps: &mut [usize]) {
    let mut most = [0; WISHES];
    for (most, steps) in most.iter_mut().zip(steps.iter_mut()) {
        *most = std::mem::take(steps);
    }
    let mut division = Division {
        left: i64::try_from(budget).unwrap_or(i64::MAX),
        ladders,
        held,
        most,
        steps,
    };
    let of = |rank| move |ladder: &Ladder| ladder.rank == rank;
    division.climb(of(Rank::Screen), |ladder| ladder.base);
    for rank in [Rank::Pinned, Rank::Speaker, Rank::Tile] {
        division.climb(of(rank), |_| 1);
    }
    for rank in [Rank::Screen, Rank::Pinned, Rank::Speaker] {
        division.climb(of(rank), |ladder| ladder.len);
    }
    for step in 2..=STEPS {
        division.climb(of(Rank::Tile), |_| step);
    }
}

struct Division<'a> {
    left: i64,
    ladders: &'a [Ladder],
    held: [usize; WISHES],
    /// How many each may have: no more than it has, once a step did not fit.
    most: [usize; WISHES],
    steps: &'a mut [usize],
}

impl Division<'_> {
    /// Lets some climb up to so many steps.
    fn climb(&mut self, who: impl Fn(&Ladder) -> bool, up_to: impl Fn(&Ladder) -> usize) {
        let places = self.ladders.iter().zip(self.steps.iter_mut());
        for (((ladder, step), most), held) in places.zip(&mut self.most).zip(self.held) {
            if !who(ladder) {
                continue;
            }
            while *step < up_to(ladder).min(ladder.len).min(*most) {
                let more = ladder.cost(*step + 1).saturating_sub(ladder.cost(*step));
                let left = self.left.saturating_sub_unsigned(more);
                if left >= 0 || *step < held {
                    (self.left, *step) = (left, *step + 1);
                } else {
                    *most = *step;
                }
            }
        }
    }
}

/// What one slot has, and since when it could have more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// What it takes; nothing before the first division.
    pub target: Option<Target>,
    /// It has had something.
    shown: bool,
    more_since: Option<Instant>,
    /// Since when it takes a screen.
    began: Option<Instant>,
}

/// What there is to divide, in bits a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// What is not exceeded.
    pub most: u64,
    /// What the path is known to carry; it may carry more.
    pub sure: u64,
    /// It will be found out how much more.
    pub proved: bool,
    /// Something of a screen is still to be sent: no time for a larger picture.
    pub owing: bool,
    /// And for long: screens are sent more than is sure already.
    pub behind: bool,
}

/// Divides again: down at once, up when it has been possible for
/// [a while](HOLD) with room to spare, from nothing the first time at once. A
/// screen has what is sure, and [for a while](CAUTIOUS) also where that will not
/// be proved.
pub fn settle(budget: Budget, ladders: &[Ladder], standings: &mut [Standing], now: Instant) {
    let count = ladders.len().min(standings.len()).min(WISHES);
    let mut steps = [STEPS; WISHES];
    let steps = &mut steps[..count];
    let (ladders, standings) = (&ladders[..count], &mut standings[..count]);
    // Whoever comes first keeps what they have, also where it leaves less room
    // to spare: the others do not climb into room that is not there.
    let mut held = [0; WISHES];
    for ((held, standing), ladder) in held.iter_mut().zip(standings.iter()).zip(ladders) {
        *held = standing.target.map_or(0, |target| ladder.within(target));
    }
    let Budget { most, sure, .. } = budget;
    divide_beyond(held, (most as f64 * HEADROOM) as u64, ladders, steps);
    let mut known = [STEPS; WISHES];
    divide(sure, ladders, &mut known[..count]);
    let each = standings.iter_mut().zip(ladders).zip(steps.iter_mut());
    for (((standing, ladder), steps), (held, known)) in each.zip(held.into_iter().zip(known)) {
        let safe = std::mem::replace(steps, standing.may_have(held, *steps, now));
        if ladder.rank != Rank::Screen {
            continue;
        }
        let begins = standing.begins(now);
        if budget.behind {
            *steps = (*steps).min(known.min(held).max(1));
        } else if budget.owing {
            *steps = (*steps).min(held.max(1));
        } else if begins || budget.proved {
            // Nothing flaps that has not shown a limit: what is sure is had at once.
            let could = if sure < most { safe } else { *steps };
            *steps = could.min(known.max(held).max(1));
        }
    }
    divide(most, ladders, steps);
    for (((standing, steps), held), ladder) in
        standings.iter_mut().zip(steps).zip(held).zip(ladders)
    {
        if *steps > held {
            standing.more_since = None;
        }
        standing.shown |= *steps > 0;
        standing.target = Some(ladder.target(*steps));
    }
}

impl Standing {
    /// The same, of which more is newly wanted.
    pub fn anew(self) -> Self {
        Self {
            began: self.began,
            ..Self::default()
        }
    }

    /// Whether it has taken its screen for a short while only.
    fn begins(&mut self, now: Instant) -> bool {
        let began = *self.began.get_or_insert(now);
        now.saturating_duration_since(began) < CAUTIOUS
    }

    /// How many steps it may have now, when so many are safe.
    fn may_have(&mut self, held: usize, safe: usize, now: Instant) -> usize {
        if !self.shown {
            return STEPS;
        }
        if safe <= held {
            self.more_since = None;
            return held;
        }
        let since = *self.more_since.get_or_insert(now);
        match now.saturating_duration_since(since) >= HOLD {
            true => safe,
            false => held,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random and are the same in every run (SplitMix64).
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) % limit
        }

        /// Layers whose costs rise with both indices.
        fn layers(&mut self) -> Vec<LayerRate> {
            let (sizes, rates) = (1 + self.below(3) as u8, 1 + self.below(3) as u8);
            let mut layers = Vec::new();
            let mut base = 0;
            for spatial in 0..sizes {
                for temporal in 0..rates {
                    let own = 30_000 + self.below(400_000) * u64::from(spatial + 1);
                    let below: u64 = base + own;
                    let last = layers
                        .last()
                        .map_or(0, |rate: &LayerRate| rate.bits_per_second);
                    layers.push(LayerRate {
                        layer: Layer { spatial, temporal },
                        bits_per_second: last.max(below),
                    });
                }
                base = layers.last().expect("one").bits_per_second;
            }
            layers
        }

        fn ladders(&mut self) -> Vec<Ladder> {
            const RANKS: [Rank; 4] = [Rank::Screen, Rank::Pinned, Rank::Speaker, Rank::Tile];
            (0..1 + self.below(10))
                .map(|_| {
                    let rank = RANKS[self.below(4) as usize];
                    Ladder::new(rank, self.below(1_200) as u16, &self.layers(), |rate| rate)
                })
                .collect()
        }
    }

    fn sure(budget: u64) -> Budget {
        Budget {
            most: budget,
            sure: budget,
            proved: true,
            owing: false,
            behind: false,
        }
    }

    fn divided(budget: u64, ladders: &[Ladder]) -> Vec<usize> {
        let mut steps = vec![STEPS; ladders.len()];
        divide(budget, ladders, &mut steps);
        steps
    }

    fn cost(ladders: &[Ladder], steps: &[usize]) -> u64 {
        let each = ladders.iter().zip(steps);
        each.map(|(ladder, steps)| ladder.cost(*steps)).sum()
    }

    fn layers(rates: &[(u8, u8, u64)]) -> Vec<LayerRate> {
        let each = rates.iter().map(|(spatial, temporal, kilobits)| LayerRate {
            layer: Layer {
                spatial: *spatial,
                temporal: *temporal,
            },
            bits_per_second: kilobits * 1_000,
        });
        each.collect()
    }

    /// A camera as a browser sends it.
    fn camera(rank: Rank, height: u16) -> Ladder {
        let all = [
            (0, 0, 60),
            (0, 1, 90),
            (0, 2, 120),
            (1, 2, 400),
            (2, 2, 1_200),
        ];
        Ladder::new(rank, height, &layers(&all), |rate| rate)
    }

    fn screen() -> Ladder {
        let all = [(0, 0, 150), (0, 1, 250), (1, 0, 500), (1, 1, 1_000)];
        Ladder::new(Rank::Screen, 200, &layers(&all), |rate| rate)
    }

    fn steps_of(ladders: &[Ladder], standings: &[Standing]) -> Vec<usize> {
        let each = ladders.iter().zip(standings);
        each.map(|(ladder, standing)| standing.target.map_or(0, |target| ladder.within(target)))
            .collect()
    }

    #[test]
    fn never_more_than_there_is_and_nothing_left_that_fits() {
        let seed = 0xd1_51de;
        println!("seed {seed:#x}");
        let mut random = Random(seed);
        for _ in 0..3_000 {
            let ladders = random.ladders();
            let budget = random.below(8_000_000);
            let steps = divided(budget, &ladders);
            let spent = cost(&ladders, &steps);
            assert!(spent <= budget, "{spent} of {budget}");
            let whole: u64 = ladders.iter().map(Ladder::whole).sum();
            if budget >= whole {
                assert_eq!(spent, whole);
            }
        }
    }

    #[test]
    fn with_more_the_first_never_gets_less() {
        let seed = 0x0dd;
        println!("seed {seed:#x}");
        let mut random = Random(seed);
        for _ in 0..2_000 {
            let ladders = random.ladders();
            let first = (0..ladders.len()).min_by_key(|at| (ladders[*at].rank, *at));
            let first = first.expect("one");
            // A screen comes first up to its full size; others up to their lowest layer.
            let mut before = 0;
            for budget in (0..6_000_000).step_by(150_000) {
                let base = ladders[first].base.min(ladders[first].len);
                let steps = divided(budget, &ladders)[first].min(base);
                assert!(steps >= before, "{steps} after {before} of {ladders:?}");
                before = steps;
            }
        }
    }

    #[test]
    fn no_tile_gets_a_second_layer_before_every_slot_has_one() {
        let mut ladders = vec![camera(Rank::Tile, 200); 5];
        ladders.push(camera(Rank::Speaker, 700));
        for budget in (0..2_000_000).step_by(10_000) {
            let steps = divided(budget, &ladders);
            if budget >= 6 * 60_000 {
                assert!(steps.iter().all(|steps| *steps > 0), "{budget}: {steps:?}");
            }
            let tiles = &steps[..5];
            let (least, most) = (tiles.iter().min(), tiles.iter().max());
            let apart = most.zip(least).map_or(0, |(most, least)| most - least);
            assert!(apart <= 1, "{budget}: {tiles:?}");
            if tiles.iter().any(|steps| *steps > 1) {
                assert!(Some(&steps[5]) >= most, "the speaker comes first");
            }
        }
    }

    #[test]
    fn text_comes_before_cameras_and_keeps_its_size() {
        let ladders = [camera(Rank::Pinned, 700), screen()];
        assert_eq!(divided(450_000, &ladders)[1], 2, "smaller, if need be");
        let steps = divided(500_000, &ladders);
        assert_eq!(steps, [0, 3], "its full size before a camera's first layer");
        let large_and_slow = Layer {
            spatial: 1,
            temporal: 0,
        };
        assert_eq!(ladders[1].target(3), Target::UpTo(large_and_slow));
        assert_eq!(divided(999_999, &ladders), [4, 3]);
        assert_eq!(divided(1_060_000, &ladders), [1, 4], "then its frame rate");
    }

    #[test]
    fn a_small_tile_takes_no_large_picture() {
        assert_eq!(camera(Rank::Tile, 200).whole(), 120_000);
        assert_eq!(camera(Rank::Tile, 400).whole(), 400_000);
        assert_eq!(camera(Rank::Tile, 500).whole(), 1_200_000);
        let unknown = Ladder::new(Rank::Tile, 500, &[], |rate| rate);
        assert_eq!(unknown.whole(), 0);
    }

    #[test]
    fn a_screen_begins_with_what_is_sure_and_takes_the_rest_after_a_while() {
        let start = Instant::now();
        let ladders = [camera(Rank::Pinned, 700), screen()];
        let of = |sure| Budget {
            most: 20_000_000,
            sure,
            proved: false,
            owing: false,
            behind: false,
        };
        let mut standings = [Standing::default(); 2];
        let mut steps = |budget, ms| {
            let now = start + Duration::from_millis(ms);
            settle(budget, &ladders, &mut standings, now);
            steps_of(&ladders, &standings)
        };
        assert_eq!(
            steps(of(100_000), 0),
            [5, 1],
            "never nothing, only a screen"
        );
        assert_eq!(steps(of(300_000), 100), [5, 2], "as soon as it is sure");
        assert_eq!(steps(of(500_000), 200), [5, 3]);
        assert_eq!(steps(of(10_000), 300), [5, 3], "it keeps what it has");
        assert_eq!(steps(of(10_000), 3_999), [5, 3]);
        let owing = Budget {
            owing: true,
            ..of(5_000_000)
        };
        assert_eq!(
            steps(owing, 4_100),
            [5, 3],
            "the picture before is on its way"
        );
        assert_eq!(steps(of(10_000), 4_200), [5, 4]);
        let behind = Budget {
            behind: true,
            ..of(300_000)
        };
        assert_eq!(steps(behind, 4_300), [5, 2], "more comes than leaves");
        let proved = Budget {
            proved: true,
            ..of(500_000)
        };
        assert_eq!(steps(proved, 60_000), [5, 3], "no more than that");
        standings[1] = standings[1].anew();
        let now = start + Duration::from_secs(61);
        settle(of(0), &ladders, &mut standings, now);
        assert_eq!(steps_of(&ladders, &standings), [5, 4], "shown larger");
    }

    #[test]
    fn what_one_takes_is_found_again() {
        for ladder in [screen(), camera(Rank::Tile, 300)] {
            for steps in 0..=ladder.len {
                assert_eq!(ladder.within(ladder.target(steps)), steps);
            }
            assert_eq!(ladder.within(Target::default()), ladder.len);
        }
    }

    #[test]
    fn with_noise_of_a_tenth_nothing_that_rose_falls_again() {
        let seed = 0xf1a9;
        println!("seed {seed:#x}");
        let mut random = Random(seed);
        let start = Instant::now();
        for _ in 0..200 {
            let ladders = random.ladders();
            let mean = 100_000 + random.below(4_000_000);
            let mut standings = vec![Standing::default(); ladders.len()];
            let mut rose = vec![false; ladders.len()];
            for tick in 0..600u64 {
                let before = steps_of(&ladders, &standings);
                let budget = mean * (900 + random.below(201)) / 1_000;
                let now = start + Duration::from_millis(100 * tick);
                settle(sure(budget), &ladders, &mut standings, now);
                let steps = steps_of(&ladders, &standings);
                assert!(cost(&ladders, &steps) <= budget);
                // One that rises may take from those that come after it.
                let taken = before
                    .iter()
                    .zip(&steps)
                    .any(|(before, steps)| steps > before);
                for ((before, steps), rose) in before.iter().zip(&steps).zip(&mut rose) {
                    assert!(!*rose || steps >= before || taken, "{mean}: {ladders:?}");
                    // From nothing it may be worth a try.
                    *rose |= *before > 0 && steps > before;
                }
            }
        }
    }

    #[test]
    fn down_is_at_once_and_up_after_a_while_with_room() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let ladders = [camera(Rank::Pinned, 700)];
        let mut standings = [Standing::default()];
        let mut steps = |budget, ms| {
            settle(sure(budget), &ladders, &mut standings, at(ms));
            steps_of(&ladders, &standings)[0]
        };
        assert_eq!(steps(1_200_000, 0), 5, "the first time");
        assert_eq!(steps(1_199_999, 100), 4);
        assert_eq!(steps(1_300_000, 200), 4);
        assert_eq!(steps(1_300_000, 9_000), 4, "no room to spare");
        assert_eq!(steps(1_500_000, 10_000), 4);
        assert_eq!(steps(1_500_000, 11_900), 4, "not for long enough");
        assert_eq!(steps(1_500_000, 12_000), 5);
        assert_eq!(steps(10_000, 12_100), 0);
        assert_eq!(steps(1_200_000, 12_200), 0);
        let mut fresh = [Standing::default()];
        settle(sure(10_000), &ladders, &mut fresh, start);
        settle(sure(60_000), &ladders, &mut fresh, at(100));
        assert_eq!(steps_of(&ladders, &fresh), [1], "as soon as there is room");
    }
}

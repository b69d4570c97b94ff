//! Tells a dead path from a quiet one: the server answers what it gets with
//! reports, several a second. ICE's own checks are few and may be lost, so it
//! takes them four times as long to be sure.

use std::time::Duration;

/// How often to look.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// No answer for so long is a dead path. The SFU learns of an address that
/// changed within 500 ms; shorter restarts where it would have, and on paths
/// that falter.
const DEAD: Duration = Duration::from_millis(800);

/// Packets that leave between two looks where there is something to answer.
const ANSWERED: u64 = 3;

/// Packets in all, since the connection began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) received: u64,
}

/// Watches one path. Times are the participant's.
#[derive(Debug, Default)]
pub(super) struct Silence {
    last: Option<(Duration, Counts)>,
    /// Since when nothing is answered.
    since: Option<Duration>,
}

impl Silence {
    /// When to look next.
    pub(super) fn due(&self) -> Duration {
        self.last.map_or(Duration::ZERO, |(at, _)| at + LOOK_EVERY)
    }

    /// Looks, if it is time; whether the path is dead.
    pub(super) fn look(&mut self, counts: Counts, now: Duration) -> bool {
        let Some((at, last)) = self.last else {
            self.last = Some((now, counts));
            return false;
        };
        if now < at + LOOK_EVERY {
            return false;
        }
        self.last = Some((now, counts));
        if counts.received != last.received || counts.sent < last.sent + ANSWERED {
            self.since = None;
            return false;
        }
        now >= *self.since.get_or_insert(at) + DEAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path on which so many packets leave and come between two looks; when
    /// it is called dead.
    fn dead(looks: impl IntoIterator<Item = (u64, u64)>) -> Option<Duration> {
        let mut silence = Silence::default();
        let mut counts = Counts {
            sent: 0,
            received: 0,
        };
        let mut now = Duration::from_secs(7);
        assert!(!silence.look(counts, now));
        for (sent, received) in looks {
            now = silence.due();
            counts.sent += sent;
            counts.received += received;
            if silence.look(counts, now) {
                return Some(now - Duration::from_secs(7));
            }
        }
        None
    }

    #[test]
    fn a_path_that_answers_nothing_for_800_ms_is_dead() {
        let after = |ms| Some(Duration::from_millis(ms));
        assert_eq!(dead([(12, 0); 9]), after(800));
        let alive_at_first = [(12, 5), (12, 5)].into_iter().chain([(12, 0); 9]);
        assert_eq!(dead(alive_at_first), after(1_200));
    }

    #[test]
    fn one_packet_now_and_then_keeps_a_path_alive() {
        let faltering = [(12, 0), (12, 0), (12, 0), (12, 1)];
        assert_eq!(dead(faltering.repeat(20)), None);
    }

    #[test]
    fn a_path_on_which_next_to_nothing_leaves_is_only_quiet() {
        assert_eq!(dead([(2, 0); 40]), None);
    }

    #[test]
    fn it_looks_no_more_often_than_it_has_to() {
        let mut silence = Silence::default();
        let mut counts = Counts {
            sent: 0,
            received: 0,
        };
        // A millisecond alone never has enough packets to be answered.
        for ms in 0..2_000 {
            counts.sent += 1;
            let dead = silence.look(counts, Duration::from_millis(ms));
            assert_eq!(dead, ms >= 800 && ms % 200 == 0, "after {ms} ms");
        }
    }
}

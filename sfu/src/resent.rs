//! When packets of a slot were last sent again. A receiver may ask for one
//! several times before the answer can be there; each answer would then take
//! the place of other packets on a path that is narrow already.

use std::time::{Duration, Instant};

/// Packets that are remembered: more than are missing at a time on a path
/// that can carry pictures.
const REMEMBERED: usize = 128;

/// The latest retransmissions of a slot.
#[derive(Debug)]
pub struct Resent {
    start: Option<Instant>,
    /// By number: which one, and milliseconds since the start.
    latest: Box<[Option<(u16, u32)>]>,
}

impl Resent {
    /// Nothing was sent again, or nothing ever will be.
    pub fn new(retransmits: bool) -> Self {
        let remembered = if retransmits { REMEMBERED } else { 0 };
        Self {
            start: None,
            latest: vec![None; remembered].into(),
        }
    }

    /// Whether that packet may be sent again now: what was sent less than
    /// `pause` ago is still on its way.
    pub fn may(&self, seq: u16, now: Instant, pause: Duration) -> bool {
        let Some((Some((number, at)), start)) = self.place(seq).zip(self.start) else {
            return true;
        };
        number != seq || now >= start + Duration::from_millis(at.into()) + pause
    }

    /// It was sent again.
    pub fn sent(&mut self, seq: u16, now: Instant) {
        let start = *self.start.get_or_insert(now);
        let at = now.saturating_duration_since(start).as_millis() as u32;
        let places = self.latest.len().max(1);
        if let Some(place) = self.latest.get_mut(usize::from(seq) % places) {
            *place = Some((seq, at));
        }
    }

    fn place(&self, seq: u16) -> Option<Option<(u16, u32)>> {
        let places = self.latest.len().max(1);
        self.latest.get(usize::from(seq) % places).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_packet_is_sent_again_when_the_last_time_must_have_arrived() {
        let start = Instant::now();
        let mut resent = Resent::new(true);
        assert!(resent.may(7, start, 100 * MS));
        resent.sent(7, start);
        assert!(!resent.may(7, start + 99 * MS, 100 * MS));
        assert!(resent.may(7, start + 100 * MS, 100 * MS));
        assert!(resent.may(8, start, 100 * MS));
        resent.sent(7, start + 100 * MS);
        assert!(!resent.may(7, start + 150 * MS, 100 * MS));
    }

    #[test]
    fn what_is_forgotten_may_be_sent_again() {
        let start = Instant::now();
        let mut resent = Resent::new(true);
        resent.sent(7, start);
        resent.sent(7 + REMEMBERED as u16, start);
        assert!(resent.may(7, start, 100 * MS));
        assert!(!resent.may(7 + REMEMBERED as u16, start, 100 * MS));
    }

    #[test]
    fn a_slot_that_retransmits_nothing_remembers_nothing() {
        let start = Instant::now();
        let mut resent = Resent::new(false);
        resent.sent(7, start);
        assert!(resent.may(7, start, 100 * MS));
    }
}

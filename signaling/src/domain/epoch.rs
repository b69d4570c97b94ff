//! When senders change to the keys of a new epoch: as soon as every present
//! member can decrypt it, or after [`READY_LIMIT`]; at once when somebody was
//! removed.

use super::Millis;
use conclave_wire::id::ParticipantId;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// Longest wait for every member's `ready`. Longer spares slow members a gap,
/// shorter lets newcomers be heard sooner.
pub const READY_LIMIT: Duration = Duration::from_secs(2);

/// Epochs that may wait at a time; one more activates the oldest.
const MAX_PENDING: usize = 32;

/// An epoch that not everybody is known to decrypt.
#[derive(Debug)]
struct Pending {
    epoch: u32,
    deadline: Millis,
    ready: BTreeSet<ParticipantId>,
}

/// Which epoch senders encrypt with, and which are to follow.
#[derive(Debug)]
pub struct Switch {
    active: u32,
    /// Ascending by epoch, all above `active`.
    pending: VecDeque<Pending>,
}

impl Switch {
    /// A switch at which `active` is in use and the epochs up to `latest` wait.
    pub fn new(now: Millis, active: u32, latest: u32) -> Self {
        let mut switch = Self {
            active,
            pending: VecDeque::new(),
        };
        if latest > active {
            switch.committed(now, latest);
        }
        switch
    }

    /// The epoch senders were last told to encrypt with.
    pub fn active(&self) -> u32 {
        self.active
    }

    /// A commit began `epoch` and removed nobody.
    pub fn committed(&mut self, now: Millis, epoch: u32) {
        self.pending.push_back(Pending {
            epoch,
            deadline: now + READY_LIMIT,
            ready: BTreeSet::new(),
        });
    }

    /// A commit began `epoch` and removed somebody: no sender may use an older
    /// one for another moment.
    pub fn activate(&mut self, epoch: u32) {
        self.active = epoch;
        self.pending.retain(|pending| pending.epoch > epoch);
    }

    /// A member can decrypt `epoch`, and so every earlier one.
    pub fn ready(&mut self, who: ParticipantId, epoch: u32) {
        for pending in &mut self.pending {
            if pending.epoch <= epoch {
                pending.ready.insert(who);
            }
        }
    }

    /// Activates the latest epoch whose time has come, if any.
    pub fn poll(&mut self, now: Millis, present: &[ParticipantId]) -> Option<u32> {
        let over = self.pending.len().saturating_sub(MAX_PENDING);
        let due = |(index, pending): (usize, &Pending)| {
            index < over
                || pending.deadline <= now
                || present.iter().all(|member| pending.ready.contains(member))
        };
        let index = (0..self.pending.len())
            .rev()
            .find(|&index| due((index, &self.pending[index])))?;
        let epoch = self.pending[index].epoch;
        self.activate(epoch);
        Some(epoch)
    }

    /// When [`Switch::poll`] has something to do without any further event.
    pub fn deadline(&self) -> Option<Millis> {
        self.pending.front().map(|pending| pending.deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: ParticipantId = ParticipantId([1; 16]);
    const BEN: ParticipantId = ParticipantId([2; 16]);
    const START: Millis = Millis(1_000);

    #[test]
    fn an_epoch_is_activated_when_every_present_member_is_ready() {
        let mut switch = Switch::new(START, 0, 0);
        switch.committed(START, 1);
        switch.ready(ANNA, 1);
        assert_eq!(switch.poll(START, &[ANNA, BEN]), None);
        switch.ready(BEN, 1);
        assert_eq!(switch.poll(START, &[ANNA, BEN]), Some(1));
        assert_eq!(switch.poll(START, &[ANNA, BEN]), None);
        assert_eq!((switch.active(), switch.deadline()), (1, None));
    }

    #[test]
    fn nobody_is_waited_for_longer_than_the_limit() {
        let mut switch = Switch::new(START, 0, 0);
        switch.committed(START, 1);
        assert_eq!(switch.deadline(), Some(START + READY_LIMIT));
        assert_eq!(switch.poll(Millis(START.0 + 1_999), &[ANNA]), None);
        assert_eq!(switch.poll(START + READY_LIMIT, &[ANNA]), Some(1));
    }

    #[test]
    fn one_who_went_away_is_not_waited_for() {
        let mut switch = Switch::new(START, 0, 0);
        switch.committed(START, 1);
        switch.ready(ANNA, 1);
        assert_eq!(switch.poll(START, &[ANNA]), Some(1));
    }

    #[test]
    fn a_removal_overtakes_what_was_waiting() {
        let mut switch = Switch::new(START, 0, 0);
        switch.committed(START, 1);
        switch.activate(2);
        switch.ready(ANNA, 1);
        assert_eq!(switch.poll(START + READY_LIMIT, &[ANNA]), None);
        assert_eq!(switch.active(), 2);
    }

    #[test]
    fn commits_in_quick_succession_do_not_put_activation_off() {
        let mut switch = Switch::new(START, 0, 0);
        for n in 1..=4 {
            switch.committed(Millis(START.0 + u64::from(n) * 1_000), n);
        }
        assert_eq!(switch.poll(Millis(START.0 + 3_000), &[ANNA]), Some(1));
        assert_eq!(switch.poll(Millis(START.0 + 4_000), &[ANNA]), Some(2));
        switch.ready(ANNA, 4);
        assert_eq!(switch.poll(Millis(START.0 + 4_000), &[ANNA]), Some(4));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut switch = Switch::new(START, 0, 0);
        for epoch in 1..=1_000 {
            switch.committed(START, epoch);
            switch.poll(START, &[ANNA]);
        }
        assert!(switch.pending.len() <= MAX_PENDING);
        assert_eq!(
            switch.active(),
            1_000 - u32::try_from(MAX_PENDING).expect("fits")
        );
    }
}

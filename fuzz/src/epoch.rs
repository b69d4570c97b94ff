//! The switch of epochs.

use crate::choices::Choices;
use conclave_signaling::domain::Millis;
use conclave_signaling::domain::epoch::{READY_LIMIT, Switch};
use conclave_wire::id::ParticipantId;
use std::collections::BTreeMap;
use std::time::Duration;

/// Epochs that may wait.
const PENDING: usize = 32;

/// Commits, removals, members that say *ready* or go away, restarts and time,
/// as the room's machine orders them: the active epoch never goes back and
/// never ahead of the commits, it waits until everybody is ready or for the
/// limit and no longer, and a removal is active at once.
pub fn operations(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut now = Millis(1_000);
    let mut switch = Switch::new(now, 0, 0);
    let mut latest = 0_u32;
    // When the latest epoch began to wait.
    let mut since = now;
    // When each epoch that waits did, and who has said to open it.
    let mut waiting = BTreeMap::new();
    let mut ready = BTreeMap::new();
    let mut present = Vec::new();
    while !choices.are_over() {
        let before = switch.active();
        match choices.below(8) {
            0 | 1 => {
                latest += 1;
                since = now;
                waiting.insert(latest, now);
                switch.committed(now, latest);
            }
            2 => {
                latest += 1;
                switch.activate(latest);
                assert_eq!(switch.active(), latest);
            }
            3 | 4 => {
                // The room refuses those of epochs that have not begun.
                let epoch = latest.saturating_sub(choices.below(4) as u32);
                let who = member(choices.byte());
                let said = ready.entry(who).or_insert(0);
                *said = epoch.max(*said);
                switch.ready(who, epoch);
            }
            5 => {
                let here = choices.byte();
                present = (0..8)
                    .filter(|bit| here >> bit & 1 == 1)
                    .map(member)
                    .collect();
            }
            6 => now = now + Duration::from_millis(u64::from(choices.byte()) * 16),
            _ => {
                switch = Switch::new(now, switch.active(), latest);
                since = now;
                waiting = BTreeMap::from([(latest, now)]);
                ready.clear();
            }
        }
        let waited = switch.poll(now, &present);
        assert_eq!(switch.poll(now, &present), None, "one poll is enough");
        assert!(waited.is_none_or(|epoch| epoch == switch.active() && epoch > before));
        if let Some(epoch) = waited {
            let open = |who| ready.get(who).is_some_and(|said| *said >= epoch);
            let due = waiting
                .get(&epoch)
                .is_some_and(|at| *at + READY_LIMIT <= now);
            let many = waiting.range(epoch..).count() > PENDING;
            assert!(due || many || present.iter().all(open), "too soon");
        }
        waiting.retain(|epoch, _| *epoch > switch.active());
        assert!((before..=latest).contains(&switch.active()));
        match switch.deadline() {
            Some(deadline) => {
                assert!(switch.active() < latest);
                assert!(deadline > now && deadline <= now + READY_LIMIT);
            }
            None => assert_eq!(switch.active(), latest),
        }
        assert!(now < since + READY_LIMIT || switch.active() == latest);
        assert!(
            !present.is_empty() || switch.active() == latest,
            "nobody to wait for"
        );
    }
    for who in &present {
        switch.ready(*who, latest);
    }
    switch.poll(now, &present);
    assert_eq!(switch.active(), latest, "everybody is ready");
}

fn member(number: u8) -> ParticipantId {
    ParticipantId([number % 8; 16])
}

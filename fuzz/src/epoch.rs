//! The switch of epochs.

use crate::choices::Choices;
use conclave_signaling::domain::Millis;
use conclave_signaling::domain::epoch::{READY_LIMIT, Switch};
use conclave_wire::id::ParticipantId;
use std::time::Duration;

/// Commits, removals, members that say *ready* or go away, restarts and time,
/// as the room's machine orders them: the active epoch never goes back and
/// never ahead of the commits, a removal is active at once, and nothing waits
/// for longer than the limit.
pub fn operations(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut now = Millis(1_000);
    let mut switch = Switch::new(now, 0, 0);
    let mut latest = 0_u32;
    // When the latest epoch began to wait.
    let mut since = now;
    let mut present = Vec::new();
    while !choices.are_over() {
        let before = switch.active();
        match choices.below(8) {
            0 | 1 => {
                latest += 1;
                since = now;
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
                switch.ready(member(choices.byte()), epoch);
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
            }
        }
        let waited = switch.poll(now, &present);
        assert_eq!(switch.poll(now, &present), None, "one poll is enough");
        assert!(waited.is_none_or(|epoch| epoch == switch.active() && epoch > before));
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

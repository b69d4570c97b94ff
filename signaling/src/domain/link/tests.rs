//! Every state of a link against everything that can happen to it, and what
//! holds whatever happens in whatever order.

use super::*;
use proptest::prelude::*;

const FROM: Millis = Millis(1_000);
const UNTIL: Millis = Millis(2_000);

fn link(uses: Uses, stage: Stage) -> GuestLink {
    let slot = Slot::new(FROM, UNTIL).unwrap();
    GuestLink {
        stage,
        ..GuestLink::new(slot, uses)
    }
}

/// What needs consent is closed, in its slot as well, and after it over.
fn closed(state: LinkState) -> [LinkState; 6] {
    let over = LinkState::Expired;
    [state, state, state, state, over, over]
}

#[test]
fn each_state_follows_from_stage_and_time() {
    use LinkState as S;
    let moments = [0, 999, 1_000, 1_999, 2_000, u64::MAX].map(Millis);
    let table = [
        (
            Stage::Active,
            [
                S::Early,
                S::Early,
                S::Active,
                S::Active,
                S::Expired,
                S::Expired,
            ],
        ),
        (Stage::InUse, [S::InUse; 6]),
        (Stage::Used, [S::Used; 6]),
        (Stage::Revoked, [S::Revoked; 6]),
        (Stage::Withdrawn, [S::Withdrawn; 6]),
        (Stage::Draft, closed(S::Draft)),
        (Stage::Consent, closed(S::Consent)),
    ];
    for uses in [Uses::Once, Uses::Series] {
        for (stage, states) in table {
            for (now, state) in moments.into_iter().zip(states) {
                let link = link(uses, stage);
                assert_eq!(link.state(now), state, "{stage:?} at {now:?}");
                let opens = match state {
                    S::Active | S::InUse => Ok(()),
                    S::Early => Err(Code::LinkEarly),
                    S::Expired => Err(Code::LinkExpired),
                    S::Used => Err(Code::LinkUsed),
                    S::Revoked => Err(Code::LinkRevoked),
                    S::Withdrawn => Err(Code::ConsentWithdrawn),
                    S::Draft => Err(Code::LinkDraft),
                    S::Consent => Err(Code::ConsentNeeded),
                };
                assert_eq!(link.opens(now), opens, "{stage:?} at {now:?}");
            }
        }
    }
}

#[test]
fn each_event_moves_each_stage_where_the_picture_says() {
    use Stage::{Active, Consent, Draft, InUse, Revoked, Used, Withdrawn};
    type Event = (&'static str, fn(&mut GuestLink) -> bool);
    let events: [Event; 3] = [
        ("let in", GuestLink::let_in),
        ("the call ends", GuestLink::call_ended),
        ("revoke", GuestLink::revoke),
    ];
    let table = [
        (Uses::Once, Active, [InUse, Active, Revoked]),
        (Uses::Once, InUse, [InUse, Used, Revoked]),
        (Uses::Once, Used, [Used, Used, Revoked]),
        (Uses::Once, Revoked, [Revoked, Revoked, Revoked]),
        (Uses::Series, Active, [InUse, Active, Revoked]),
        (Uses::Series, InUse, [InUse, Active, Revoked]),
        (Uses::Series, Used, [Used, Used, Revoked]),
        (Uses::Series, Revoked, [Revoked, Revoked, Revoked]),
        (Uses::Once, Draft, [Draft, Draft, Revoked]),
        (Uses::Once, Consent, [Consent, Consent, Revoked]),
        (Uses::Once, Withdrawn, [Withdrawn, Withdrawn, Withdrawn]),
    ];
    for (uses, before, after) in table {
        for ((name, event), after) in events.into_iter().zip(after) {
            let mut link = link(uses, before);
            let changed = event(&mut link);
            assert_eq!(link.stage, after, "{uses:?} {before:?}: {name}");
            assert_eq!(changed, before != after, "{uses:?} {before:?}: {name}");
        }
    }
}

#[test]
fn a_slot_has_an_end_after_its_beginning_and_at_most_31_days_later() {
    let month = 31 * 24 * 60 * 60 * 1_000;
    for (from, until, fits) in [
        (0, 1, true),
        (5, 5, false),
        (6, 5, false),
        (7, 7 + month, true),
        (7, 8 + month, false),
        (0, u64::MAX, false),
        (u64::MAX - 1, u64::MAX, true),
    ] {
        let slot = Slot::new(Millis(from), Millis(until));
        assert_eq!(slot.is_some(), fits, "{from} to {until}");
    }
}

#[test]
fn a_link_is_over_with_its_slot_unless_it_is_in_use() {
    for stage in [
        Stage::Draft,
        Stage::Consent,
        Stage::Active,
        Stage::InUse,
        Stage::Used,
        Stage::Revoked,
        Stage::Withdrawn,
    ] {
        let link = link(Uses::Once, stage);
        assert!(!link.was_over(Millis(UNTIL.0 - 1)), "{stage:?}");
        assert_eq!(link.was_over(UNTIL), stage != Stage::InUse, "{stage:?}");
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    LetIn,
    CallEnded,
    Revoke,
    Look(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::LetIn),
        4 => Just(Event::CallEnded),
        1 => Just(Event::Revoke),
        4 => (0..3_000_u64).prop_map(Event::Look),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_a_link_keeps_its_promises(
        once in any::<bool>(),
        events in prop::collection::vec(event(), 0..40),
    ) {
        let uses = if once { Uses::Once } else { Uses::Series };
        let mut link = link(uses, Stage::Active);
        let (mut calls, mut revoked) = (0, false);
        for event in events {
            let before = link;
            match event {
                Event::LetIn => { link.let_in(); }
                Event::CallEnded => calls += u32::from(link.call_ended()),
                Event::Revoke => { link.revoke(); revoked = true; }
                Event::Look(now) => {
                    let _ = (link.state(Millis(now)), link.opens(Millis(now)));
                    prop_assert_eq!(link, before, "looking uses nothing up");
                }
            }
            let opens = |now| link.opens(Millis(now)).is_ok();
            // Revoked is for ever; once is for one call; and out of its slot a
            // link opens while somebody is in a call by it, and never else.
            prop_assert!(!revoked || !(0..3_000).any(opens));
            prop_assert!(!once || calls <= 1);
            prop_assert!(!once || calls == 0 || !(0..3_000).any(opens));
            let outside = opens(999) || opens(2_000);
            prop_assert_eq!(outside, link.stage == Stage::InUse);
            prop_assert_eq!(link.slot, before.slot);
        }
    }
}

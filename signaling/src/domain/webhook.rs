//! What an organisation's programs are told, and when: which acts are events,
//! what is sent of one, when an attempt that failed is made again, and when an
//! endpoint is given up. The format and the waits are those of Standard Webhooks
//! (standardwebhooks.com, version 1.0.0).

use super::Millis;
use super::audit::Deed;
use super::effect::Change;
use super::link::Stage;
use conclave_wire::audit::Act;
use conclave_wire::id::{AccountId, LinkId, RoomId, TenantId};
use conclave_wire::webhook::{EventData, EventKind, WebhookEvent};
use std::time::Duration;
use time::OffsetDateTime;

/// How long is waited behind each failure; behind the last of them the event is
/// given up. Three days in all: longer than a weekend.
const WAITS: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(14 * 3600),
    Duration::from_secs(20 * 3600),
    Duration::from_secs(24 * 3600),
];

/// After how long without anything that it took an endpoint is switched off.
pub const PATIENCE: Duration = Duration::from_secs(5 * 24 * 3600);

/// For how long the secret before the present one signs as well, so that nothing
/// is refused while receivers are told the new one.
pub const OLD_SECRET: Duration = Duration::from_secs(24 * 3600);

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurred {
    /// What.
    pub kind: EventKind,
    /// When.
    pub at: Millis,
    /// Where, and to what.
    pub data: EventData,
}

impl Occurred {
    /// Which event something is that is noted in the audit log. Those of links
    /// [come](Self::of_change) from their room.
    pub fn of_deed(deed: &Deed) -> Option<Self> {
        let kind = match deed.act {
            Act::AccountMade => EventKind::AccountMade,
            Act::AccountDisabled => EventKind::AccountDisabled,
            Act::AccountEnabled => EventKind::AccountEnabled,
            Act::AccountDeleted => EventKind::AccountDeleted,
            Act::RoomMade => EventKind::RoomMade,
            Act::RoomDeleted => EventKind::RoomDeleted,
            _ => return None,
        };
        let is_room = matches!(kind, EventKind::RoomMade | EventKind::RoomDeleted);
        let (room, account) = match is_room {
            true => (deed.object.map(RoomId), None),
            false => (None, deed.object.map(AccountId)),
        };
        let data = EventData {
            tenant: deed.tenant,
            account,
            room,
            link: None,
        };
        let at = deed.at;
        Some(Self { kind, at, data })
    }

    /// The same of what becomes of a guest's link. That it is used is not told:
    /// it would say when who talks.
    pub fn of_change(change: &Change) -> Option<(EventKind, LinkId)> {
        match change {
            Change::LinkMade { id, .. } => Some((EventKind::LinkMade, *id)),
            Change::LinkConsented { id, .. } => Some((EventKind::ConsentGiven, *id)),
            Change::LinkStaged { id, stage } => match stage {
                Stage::Consent => Some((EventKind::LinkHandedOut, *id)),
                Stage::Revoked => Some((EventKind::LinkRevoked, *id)),
                Stage::Withdrawn => Some((EventKind::ConsentWithdrawn, *id)),
                Stage::Draft | Stage::Active | Stage::InUse | Stage::Used => None,
            },
            _ => None,
        }
    }

    /// What became of a link.
    pub fn to_link(
        (kind, link): (EventKind, LinkId),
        (tenant, room): (TenantId, RoomId),
        at: Millis,
    ) -> Self {
        let data = EventData {
            tenant,
            account: None,
            room: Some(room),
            link: Some(link),
        };
        Self { kind, at, data }
    }

    /// What is sent of it.
    pub fn body(&self) -> String {
        let event = WebhookEvent {
            kind: self.kind,
            timestamp: timestamp(self.at),
            data: self.data.clone(),
        };
        serde_json::to_string(&event).unwrap_or_default()
    }
}

/// A moment in UTC (RFC 3339 section 5.6).
pub fn timestamp(at: Millis) -> String {
    let nanos = i128::from(at.0) * 1_000_000;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos);
    let at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (date, time) = (at.date(), at.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.millisecond()
    )
}

/// What an endpoint said to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A status of 200 to 299: it has the event.
    Taken,
    /// Another, none in time, or it could not be asked.
    Refused,
    /// 410: it wants no more.
    Gone,
}

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is done.
    Delivered,
    /// It is tried again then.
    Again(Millis),
    /// It is given up.
    GivenUp,
}

/// How an endpoint stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It took the last event.
    Well,
    /// It has taken nothing since then.
    Failing(Millis),
    /// It is told nothing more.
    Off,
}

/// What follows from an attempt. `failures`: how many came before it for this
/// event; `dice`: random, so that what failed together does not come again
/// together, up to a tenth later.
pub fn after(
    (answer, now): (Answer, Millis),
    failures: u32,
    failing_since: Option<Millis>,
    dice: u8,
) -> (Next, Standing) {
    let since = failing_since.unwrap_or(now);
    let standing = match answer {
        Answer::Taken => return (Next::Delivered, Standing::Well),
        Answer::Gone => Standing::Off,
        Answer::Refused if now.since(since) >= PATIENCE => Standing::Off,
        Answer::Refused => Standing::Failing(since),
    };
    let wait = usize::try_from(failures).ok().and_then(|n| WAITS.get(n));
    let next = match (standing, wait) {
        (Standing::Off, _) | (_, None) => Next::GivenUp,
        (_, Some(wait)) => Next::Again(now + *wait + *wait * u32::from(dice) / 2550),
    };
    (next, standing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tenant;

    const NOW: Millis = Millis(1_700_000_000_123);
    const LINK: LinkId = LinkId([2; 16]);

    #[test]
    fn an_event_says_what_when_and_to_what_and_nothing_else() {
        let deed = Deed {
            actor: Some(AccountId([9; 16])),
            object: Some([1; 16]),
            detail: Some("a name".to_owned()),
            ..Deed::operators(Act::RoomMade, NOW)
        };
        let made = Occurred::of_deed(&deed).unwrap();
        assert_eq!(
            made.body(),
            r#"{"type":"room.made","timestamp":"2023-11-14T22:13:20.123Z","data":{"tenant":"AAAAAAAAAAAAAAAAAAAAAA","room":"AQEBAQEBAQEBAQEBAQEBAQ"}}"#
        );
        let of = (tenant::DEFAULT, RoomId([1; 16]));
        let consent = Occurred::to_link((EventKind::ConsentGiven, LINK), of, NOW);
        let event: WebhookEvent = serde_json::from_str(&consent.body()).unwrap();
        assert_eq!((event.kind, event.data), (consent.kind, consent.data));
    }

    #[test]
    fn what_concerns_an_account_names_it() {
        for act in Act::ALL {
            let deed = Deed {
                object: Some([1; 16]),
                ..Deed::operators(*act, NOW)
            };
            let Some(event) = Occurred::of_deed(&deed) else {
                continue;
            };
            let account = act.as_str().starts_with("account.");
            assert_eq!(event.kind.as_str(), act.as_str());
            assert_eq!(event.data.account.is_some(), account, "{act:?}");
            assert_eq!(event.data.room.is_some(), !account, "{act:?}");
        }
    }

    #[test]
    fn that_a_link_is_used_is_no_event() {
        let staged = |stage| Occurred::of_change(&Change::LinkStaged { id: LINK, stage });
        for stage in [Stage::InUse, Stage::Used, Stage::Active, Stage::Draft] {
            assert_eq!(staged(stage), None, "{stage:?}");
        }
        let revoked = Some((EventKind::LinkRevoked, LINK));
        assert_eq!(staged(Stage::Revoked), revoked);
    }

    #[test]
    fn what_fails_is_tried_ten_times_in_three_days_ever_later() {
        for dice in [0, 255] {
            let (mut now, mut failures, mut waited) = (NOW, 0, Duration::ZERO);
            loop {
                let tried = (Answer::Refused, now);
                let (next, standing) = after(tried, failures, Some(NOW), dice);
                assert_eq!(standing, Standing::Failing(NOW));
                failures += 1;
                let Next::Again(at) = next else { break };
                let (wait, least) = (at.since(now), WAITS[failures as usize - 1]);
                assert!(wait >= least && wait <= least + least / 10, "{wait:?}");
                assert_eq!(wait == least, dice == 0);
                waited += wait;
                now = at;
            }
            assert_eq!(failures, 10);
            assert!(waited >= Duration::from_secs(75 * 3600) && waited < PATIENCE);
        }
    }

    #[test]
    fn an_endpoint_is_given_up_after_five_days_of_failures_in_a_row_or_when_it_says_so() {
        let at = |answer, since| after((answer, NOW + PATIENCE), 0, since, 0);
        let early = Millis(NOW.0 + 1);
        let off = (Next::GivenUp, Standing::Off);
        assert_eq!(at(Answer::Refused, Some(NOW)), off);
        assert_eq!(at(Answer::Gone, None), off);
        let (next, standing) = at(Answer::Refused, Some(early));
        assert!(matches!(next, Next::Again(_)));
        assert_eq!(standing, Standing::Failing(early));
        let well = (Next::Delivered, Standing::Well);
        assert_eq!(at(Answer::Taken, Some(NOW)), well);
        let (_, first) = at(Answer::Refused, None);
        assert_eq!(first, Standing::Failing(NOW + PATIENCE));
    }
}

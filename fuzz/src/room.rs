//! The room's machine under requests in any order, sensible or not. Its MLS
//! messages have only the public framing; [`crate::group`] has real ones.

use crate::choices::Choices;
use crate::delivery;
use crate::hall::{Hall, ROOM};
use conclave_signaling::domain::Closing;
use conclave_wire::client::{Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::control::{Event, Sending, ShownAs, SlotAssignment, Source, Wanted};
use conclave_wire::id::{Blob, DeviceId, ParticipantId};
use std::time::Duration;

/// Most who enter in one input.
const GUESTS: usize = 12;

/// Operations on one room; what must hold is said in [`crate::hall`].
pub fn operations(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut hall = Hall::default();
    hall.enter(true);
    hall.ask(0, Request::StartCall {});
    while !choices.are_over() {
        step(&mut hall, &mut choices);
    }
    // Whoever may come back does, and has then missed nothing.
    for guest in (0..hall.guests.len())
        .filter(|guest| hall.is_here(*guest))
        .collect::<Vec<_>>()
    {
        let after = hall.guests[guest].told;
        hall.resume(guest, after);
    }
    let last = hall.log.len() as u32;
    for guest in &hall.guests {
        let member = guest.connection.is_some() && guest.told > 0;
        assert!(!member || guest.told == last, "{} of {last}", guest.told);
    }
    hall.empty();
}

fn somebody(hall: &Hall, choices: &mut Choices<'_>) -> ParticipantId {
    hall.guests[choices.below(hall.guests.len())].participant
}

/// One operation.
pub(crate) fn step(hall: &mut Hall, choices: &mut Choices<'_>) {
    let operation = choices.below(18);
    let who = choices.below(hall.guests.len());
    match operation {
        0 if hall.guests.len() < GUESTS => {
            hall.enter(choices.below(4) == 0);
        }
        0 => {}
        1 => {
            let package = vec![who as u8 + 1; choices.below(40)];
            let len = if choices.below(8) == 0 { 31 } else { 32 };
            let knock = Request::Knock {
                key_package: Blob(package),
                tag: Blob(vec![choices.byte(); len]),
            };
            hall.ask(who, knock);
        }
        // Lets in whoever of some guests waits: the usual commit.
        2 | 3 => {
            let chosen = u32::from(choices.word());
            let adds = some(hall, chosen);
            let request = commit(who, hall.epoch(), adds, vec![]);
            hall.ask(who, request);
        }
        // Brings back whoever of some guests fell behind and knocks again.
        15 => {
            let chosen = u32::from(choices.word());
            let back = some(hall, chosen);
            let request = commit(who, hall.epoch(), back.clone(), back);
            hall.ask(who, request);
        }
        4 | 5 => {
            let epoch = hall.epoch().saturating_sub(choices.below(3) as u32);
            let (adds, removes) = (choices.word().into(), choices.word().into());
            let (adds, removes) = match choices.below(4) {
                0 => (some(hall, adds), some(hall, removes)),
                1 => (vec![], some(hall, removes)),
                _ => (vec![], vec![]),
            };
            let request = commit(who, epoch, adds, removes);
            stale(hall.ask(who, request), who, hall);
        }
        6 => {
            let participant = somebody(hall, choices);
            hall.ask(who, Request::Refuse { participant });
        }
        7 | 8 => {
            let epoch = (hall.epoch() + 1).saturating_sub(choices.below(4) as u32);
            hall.ask(who, Request::Ready { epoch });
        }
        9 => {
            let request = media_request(hall, choices);
            hall.ask(who, request);
        }
        10 => {
            let request = match choices.below(16) {
                7 | 8 => {
                    let epoch = hall.epoch().saturating_sub(choices.below(4) as u32 / 3);
                    let group = [ROOM.as_bytes(), &[7; 8]].concat();
                    let body = [who as u8, choices.below(3) as u8];
                    let message = delivery::said(&group, epoch.into(), &body);
                    Request::Post { epoch, message }
                }
                9 | 10 => Request::Tell {
                    participant: somebody(hall, choices),
                    word: Blob(vec![choices.byte(); choices.below(3) * 600]),
                },
                11 => Request::ShowDevices {
                    devices: Blob(vec![choices.byte(); choices.below(70)]),
                },
                0 => Request::StartCall {},
                1 => Request::Unlock {},
                2 => Request::Leave {},
                12 => Request::Lock {
                    locked: choices.below(2) == 0,
                },
                13 => Request::Mute {
                    participant: somebody(hall, choices),
                },
                14 => Request::MakeHost {
                    participant: somebody(hall, choices),
                },
                15 => Request::MakePresenter {
                    participant: somebody(hall, choices),
                },
                3 => Request::EndCall {},
                4 => Request::Enter {
                    host_key: None,
                    password: None,
                    link: None,
                },
                5 => Request::Resume {
                    participant: hall.guests[who].participant,
                    token: Blob(vec![0; 32]),
                    after: 0,
                },
                _ => Request::Ping {},
            };
            hall.ask(who, request);
        }
        11 => {
            let left = choices.below(4) == 0;
            hall.close(who, if left { Closing::Left } else { Closing::Lost });
        }
        12 | 13 => {
            if hall.is_here(who) {
                let guest = &hall.guests[who];
                let back = guest.told.saturating_sub(choices.below(4) as u32);
                let after = if back < guest.first { 0 } else { back };
                hall.resume(who, after);
            }
        }
        14 => hall.pass(match choices.below(4) {
            0 => Duration::from_secs(61),
            1 => Duration::from_secs(6),
            2 => Duration::from_secs(2),
            _ => Duration::from_millis(choices.byte().into()),
        }),
        16 => {
            let device = DeviceId([choices.below(3) as u8; 16]);
            match choices.below(2) {
                0 => hall.end_device(device),
                _ => hall.certify(who, device),
            }
        }
        _ => match choices.below(8) {
            0 => hall.restart(),
            _ => {
                let event = media_event(hall, who, choices);
                hall.media(event);
            }
        },
    }
}

/// The guests that a set of bits names.
fn some(hall: &Hall, bits: u32) -> Vec<ParticipantId> {
    let named = hall.guests.iter().enumerate();
    let named = named.filter(|(index, _)| bits >> index & 1 == 1);
    named.map(|(_, guest)| guest.participant).collect()
}

fn commit(
    who: usize,
    epoch: u32,
    adds: Vec<ParticipantId>,
    removes: Vec<ParticipantId>,
) -> Request {
    let group = [ROOM.as_bytes(), &[7; 8]].concat();
    Request::Commit {
        epoch,
        message: delivery::commit(&group, epoch.into(), &[who as u8; 8]),
        welcome: (!adds.is_empty()).then(|| Blob(b"welcome".to_vec())),
        adds,
        removes,
    }
}

/// One whose commit comes too late is told what went before it.
fn stale(answer: Option<ServerFrame>, who: usize, hall: &Hall) {
    let Some(ServerFrame::Error {
        code: Code::StaleEpoch,
        missed,
        ..
    }) = answer
    else {
        return;
    };
    let mut next = None;
    for entry in missed {
        assert!(entry.seq >= hall.guests[who].first);
        assert!(hall.log.contains_key(&entry.seq));
        assert!(next.is_none_or(|next| next == entry.seq));
        next = Some(entry.seq + 1);
    }
}

fn mid(choices: &mut Choices<'_>) -> conclave_wire::id::Mid {
    choices.byte().to_string().parse().expect("a tag")
}

fn media_request(hall: &Hall, choices: &mut Choices<'_>) -> Request {
    match choices.below(3) {
        0 => Request::Offer {
            sdp: String::from_utf8_lossy(choices.chunk()).into_owned(),
            sending: (0..choices.below(20))
                .map(|_| Sending {
                    mid: mid(choices),
                    source: Source::Camera,
                })
                .collect(),
        },
        1 => Request::Assign {
            slots: (0..choices.below(4))
                .map(|_| SlotAssignment {
                    mid: mid(choices),
                    carries: None,
                    show: conclave_wire::control::Show {
                        height: hall.guests.len() as u16,
                        rank: ShownAs::Tile,
                    },
                })
                .collect(),
        },
        _ => Request::Live {
            sources: vec![Source::Camera; choices.below(4)],
        },
    }
}

fn media_event(hall: &mut Hall, who: usize, choices: &mut Choices<'_>) -> Event {
    let participant = hall.guests[who].participant;
    match choices.below(5) {
        kind @ 0..=1 => {
            let offer = hall.offers.pop_front();
            let (participant, request) = offer.unwrap_or((participant, choices.byte().into()));
            match kind {
                0 => Event::Answer {
                    participant,
                    request,
                    answer: "v=0".to_owned(),
                },
                _ => Event::Refused {
                    participant,
                    request,
                    code: Code::BadOffer,
                },
            }
        }
        2 => Event::Lost { participant },
        3 => Event::Paused {
            participant,
            slots: vec![mid(choices)],
        },
        _ => Event::Wanted {
            participant,
            sources: vec![Wanted {
                source: Source::Camera,
                spatial: Some(choices.byte()),
            }],
        },
    }
}

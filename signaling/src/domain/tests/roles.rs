//! What is done in a call, tried on a real room for each role, cell by cell of
//! the table in [`role`](super::super::role); and that no role is heard or seen
//! before every member sees it.

use super::super::Closing;
use super::super::link::{GuestLink, Slot};
use super::super::role::{IN_CALL, InCall, When, in_call};
use super::super::{Millis, Order};
use super::world::{World, word_to};
use conclave_wire::account::Role;
use conclave_wire::client::{Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::control::{Command, Sending, Source};
use conclave_wire::http::{Sharing, Uses};
use conclave_wire::id::LinkId;
use std::time::Duration;

const HOST: usize = 0;

const IN_A_CALL: [Role; 4] = [Role::Host, Role::Presenter, Role::Member, Role::Guest];

/// A call with its host (0), somebody of a role, another member, and somebody
/// who waits.
struct Scene {
    world: World,
    one: usize,
    other: usize,
    waits: usize,
}

fn scene(role: Role, sharing: Sharing) -> Scene {
    let guests = role == Role::Guest;
    let world = if guests {
        World::scheduled()
    } else {
        World::new()
    };
    let mut world = world.sharing(sharing);
    let link = LinkId([9; 16]);
    if guests {
        let hour = Duration::from_secs(60 * 60);
        let slot = Slot::new(Millis(0), Millis(0) + hour).expect("a slot");
        let link_made = GuestLink::new(slot, Uses::Series);
        let order = Order::MakeLink {
            id: link,
            link: link_made,
        };
        world.order(order).expect("a link");
    }
    let host = world.enter(true);
    assert_eq!(host, HOST);
    world.done(host, Request::StartCall {});
    let come = |world: &mut World| match guests {
        true => world.enter_by(link),
        false => world.enter(false),
    };
    let one = match role {
        Role::Host => world.enter(true),
        _ => come(&mut world),
    };
    world.admit(host, one);
    let other = come(&mut world);
    world.admit(host, other);
    let waits = come(&mut world);
    world.knock(waits);
    if role == Role::Presenter {
        let participant = world.id(one);
        world.done(host, Request::MakePresenter { participant });
    }
    Scene {
        world,
        one,
        other,
        waits,
    }
}

fn offer_of(sources: &[Source]) -> Request {
    let mids = ["0", "1", "2", "3"];
    let sending = mids.iter().zip(sources).map(|(mid, source)| Sending {
        mid: mid.parse().expect("a mid"),
        source: *source,
    });
    Request::Offer {
        sdp: "v=0".to_owned(),
        sending: sending.collect(),
    }
}

/// All the ways to ask for it, none of which asks for what cannot be done.
fn ways(scene: &Scene, action: InCall) -> Vec<Request> {
    let Scene {
        world,
        one,
        other,
        waits,
    } = scene;
    let (other_id, waiting) = (world.id(*other), world.id(*waits));
    let commit =
        |adds: &[usize], removes: &[usize]| world.commit_of(*one, world.epoch(), adds, removes);
    match action {
        InCall::StartCall => vec![Request::StartCall {}],
        InCall::Admit => vec![
            word_to(waiting, 1),
            commit(&[*waits], &[]),
            Request::Refuse {
                participant: waiting,
            },
        ],
        InCall::Remove => vec![commit(&[], &[*other])],
        InCall::Lock => vec![Request::Lock { locked: true }],
        InCall::UnlockLinks => vec![Request::Unlock {}],
        InCall::MuteOthers => vec![Request::Mute {
            participant: other_id,
        }],
        InCall::MakeHost => vec![Request::MakeHost {
            participant: world.id(HOST),
        }],
        InCall::MakePresenter => vec![Request::MakePresenter {
            participant: other_id,
        }],
        InCall::ShareScreen => vec![
            offer_of(&[Source::Microphone, Source::Screen]),
            offer_of(&[Source::ScreenAudio]),
            Request::Live {
                sources: vec![Source::Camera, Source::Screen],
            },
            Request::Live {
                sources: vec![Source::ScreenAudio],
            },
        ],
        InCall::EndForAll => vec![Request::EndCall {}],
    }
}

/// Whether it is done, whichever way it is asked for.
fn is_done(role: Role, action: InCall, sharing: Sharing, host_there: bool) -> bool {
    let count = ways(&scene(role, sharing), action).len();
    let verdicts: Vec<bool> = (0..count)
        .map(|way| {
            let mut scene = scene(role, sharing);
            let request = ways(&scene, action).swap_remove(way);
            if !host_there {
                scene.world.drop_socket(HOST, Closing::Lost);
            }
            let commands = scene.world.media.len();
            let refused = match scene.world.request(scene.one, request) {
                Some(ServerFrame::Error { code, .. }) => Some(code),
                _ => None,
            };
            // Who begins a call that runs was heard, and came too late.
            let refused = refused.filter(|code| *code != Code::CallRunning);
            let refused = refused.filter(|code| *code != Code::NoSuchParticipant);
            assert!(
                matches!(refused, None | Some(Code::Forbidden)),
                "{refused:?}"
            );
            if refused.is_some() {
                assert_eq!(scene.world.media.len(), commands, "{role:?} {action:?}");
            }
            refused.is_none()
        })
        .collect();
    assert!(
        verdicts.iter().all(|verdict| *verdict == verdicts[0]),
        "{role:?} {action:?}: {verdicts:?}"
    );
    verdicts[0]
}

#[test]
fn in_a_call_each_role_may_do_what_the_table_says_and_nothing_else() {
    let mut cells = 0;
    for role in IN_A_CALL {
        for (action, _) in IN_CALL {
            for (sharing, host_there) in [
                (Sharing::All, true),
                (Sharing::All, false),
                (Sharing::Presenters, true),
                (Sharing::Presenters, false),
            ] {
                // A second host is one who is there.
                let no_host = !host_there && role != Role::Host;
                let expected = match in_call(role, action) {
                    When::Always => true,
                    When::NoHost => no_host,
                    When::AllShare => sharing == Sharing::All,
                    When::Never => false,
                };
                let done = is_done(role, action, sharing, host_there);
                assert_eq!(
                    done, expected,
                    "{role:?} {action:?} {sharing:?} {host_there}"
                );
            }
            cells += 1;
        }
    }
    assert_eq!(cells, 40);
}

/// Said once more, apart from the table.
#[test]
fn the_table_of_calls_is_this_one() {
    for (action, cells) in IN_CALL {
        let [host, presenter, member, guest, assistant, admin] = cells;
        assert_eq!(host, When::Always, "{action:?}");
        let expected = match action {
            InCall::Admit => [When::NoHost; 3],
            InCall::ShareScreen => [When::Always, When::AllShare, When::AllShare],
            _ => [When::Never; 3],
        };
        assert_eq!([presenter, member, guest], expected, "{action:?}");
        // Their accounts open no call.
        assert_eq!([assistant, admin], [When::Never; 2], "{action:?}");
    }
}

#[test]
fn nobody_but_a_host_begins_a_call() {
    let mut world = World::new();
    let (guest, host) = (world.enter(false), world.enter(true));
    assert_eq!(world.refused(guest, Request::StartCall {}), Code::Forbidden);
    world.done(host, Request::StartCall {});
}

#[test]
fn a_presenter_stays_one_over_a_restart_and_all_members_see_it() {
    let Scene {
        mut world,
        one,
        other,
        waits,
    } = scene(Role::Presenter, Sharing::Presenters);
    let participant = world.id(one);
    let presenters = |world: &World, client: usize| {
        let frames = &world.clients[client].frames;
        let roster = frames.iter().rev().find_map(|frame| match frame {
            ServerFrame::Roster { members } => Some(members.clone()),
            _ => None,
        });
        let members = roster.expect("a roster").into_iter();
        let presenters = members.filter(|member| member.presenter);
        presenters
            .map(|member| member.participant)
            .collect::<Vec<_>>()
    };
    for client in [HOST, one, other] {
        assert_eq!(presenters(&world, client), [participant]);
    }
    world.restart();
    let entered = world.resume(one);
    assert!(entered.iter().any(|frame| matches!(
        frame,
        ServerFrame::Entered {
            sharing: Sharing::Presenters,
            ..
        }
    )));
    let screen = Request::Live {
        sources: vec![Source::Screen],
    };
    world.done(one, screen.clone());
    world.resume(other);
    assert_eq!(world.refused(other, screen), Code::Forbidden);
    // Nobody becomes one who is not in the call, and nothing of it outlasts the stay.
    world.resume(HOST);
    world.resume(waits);
    let participant = world.id(waits);
    let make = Request::MakePresenter { participant };
    assert_eq!(world.refused(HOST, make), Code::NoSuchParticipant);
    world.done(one, Request::Leave {});
    assert_eq!(presenters(&world, HOST), []);
}

#[test]
fn no_role_gains_media_before_every_member_sees_it() {
    for role in IN_A_CALL {
        for host_key in [false, true] {
            let Scene {
                mut world,
                other,
                waits,
                ..
            } = scene(role, Sharing::All);
            // Whoever comes by the host key is nobody in the call either.
            let newcomer = if host_key { world.enter(true) } else { waits };
            let id = world.id(newcomer);
            let commands = world.media.len();
            for request in [
                offer_of(&[Source::Microphone]),
                offer_of(&[]),
                Request::Assign { slots: vec![] },
                Request::Live {
                    sources: vec![Source::Microphone],
                },
                Request::Ready { epoch: 1 },
            ] {
                assert_eq!(world.refused(newcomer, request), Code::Forbidden);
            }
            assert_eq!(world.media.len(), commands, "{role:?}");
            if host_key {
                world.knock(newcomer);
            }
            let commit = world.commit_of(HOST, world.epoch(), &[newcomer], &[]);
            world.done(HOST, commit);
            for client in [HOST, other] {
                let frames = &world.clients[client].frames;
                let seen = frames.iter().any(|frame| match frame {
                    ServerFrame::Roster { members } => {
                        members.iter().any(|member| member.participant == id)
                    }
                    _ => false,
                });
                assert!(seen, "{role:?}: {client} was not told");
            }
            world.request(newcomer, offer_of(&[Source::Microphone]));
            let connects = |command: &Command| matches!(command, Command::Connect { participant, .. } if *participant == id);
            assert!(world.media.last().is_some_and(connects), "{role:?}");
        }
    }
}

/// By the room's own link somebody is a stranger with fresh keys each time: a
/// host can lock, and somebody has to admit. Neither the stay nor the knock that
/// was removed is good for anything again.
#[test]
fn who_was_removed_does_not_come_back_by_their_stay_or_their_knock() {
    let mut world = World::call_of(3);
    let removal = world.commit_of(HOST, world.epoch(), &[], &[1]);
    world.done(HOST, removal);
    // They try it all the same.
    world.clients[1].over = None;
    let frames = world.resume(1);
    assert!(frames.iter().any(|frame| matches!(
        frame,
        ServerFrame::Error {
            code: Code::Gone,
            ..
        }
    )));
    let again = world.commit_of(HOST, world.epoch(), &[1], &[]);
    assert_eq!(world.refused(HOST, again), Code::NoSuchParticipant);
    let back = world.enter(false);
    assert_ne!(world.id(back), world.id(1));
    let sends = offer_of(&[Source::Microphone]);
    assert_eq!(world.refused(back, sends), Code::Forbidden);
    world.done(HOST, Request::Lock { locked: true });
    let locked_out = world.enter(false);
    assert!(
        world.clients[locked_out]
            .frames
            .iter()
            .any(|frame| matches!(
                frame,
                ServerFrame::Error {
                    code: Code::RoomLocked,
                    ..
                }
            ))
    );
}

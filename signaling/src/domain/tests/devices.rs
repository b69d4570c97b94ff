//! Whose stay a certificate is for, and what ends with its device.

use super::world::World;
use crate::domain::{Closing, Order, Token};
use conclave_wire::client::{LogEvent, Reason, Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::control::Command;
use conclave_wire::id::DeviceId;

const LOST: DeviceId = DeviceId([1; 16]);
const KEPT: DeviceId = DeviceId([2; 16]);

/// Binds a client's stay to a device.
pub(super) fn certify(world: &mut World, client: usize, device: DeviceId) -> Result<(), Code> {
    let token = Token::parse(&world.clients[client].token).unwrap().digest();
    let participant = world.id(client);
    world.order(Order::Certify {
        participant,
        token,
        device,
    })
}

/// To which device a client's stay is bound, if it has one.
pub(super) fn device(world: &World, client: usize) -> Option<Option<DeviceId>> {
    let mut stays = world.stored.stays.iter();
    let stay = stays.find(|stay| stay.participant == world.id(client))?;
    Some(stay.device)
}

#[test]
fn a_stay_is_bound_to_one_device_by_whoever_holds_its_token() {
    let mut world = World::call_of(2);
    let stranger = Order::Certify {
        participant: world.id(1),
        token: Token::from_random([0xee; 32]).digest(),
        device: KEPT,
    };
    assert_eq!(world.order(stranger), Err(Code::Gone));
    assert_eq!(device(&world, 1), Some(None));
    assert_eq!(certify(&mut world, 1, KEPT), Ok(()));
    for _ in 0..2 {
        assert_eq!(certify(&mut world, 1, KEPT), Ok(()), "renewed");
        assert_eq!(certify(&mut world, 1, LOST), Err(Code::OtherDevice));
        assert_eq!(device(&world, 1), Some(Some(KEPT)));
        world.restart();
    }
    world.resume(1);
    world.done(1, Request::Leave {});
    assert_eq!(certify(&mut world, 1, KEPT), Err(Code::Gone));
}

#[test]
fn the_end_of_a_device_ends_all_stays_that_are_bound_to_it_and_no_other() {
    let mut world = World::call_of(4);
    let (waits, arrived, away) = (world.enter(false), world.enter(false), world.enter(false));
    world.knock(waits);
    for client in [1, 2, waits, arrived, away] {
        certify(&mut world, client, LOST).unwrap();
    }
    certify(&mut world, 3, KEPT).unwrap();
    world.drop_socket(away, Closing::Lost);
    world.media.clear();
    world.order(Order::EndDevice(LOST)).unwrap();

    for client in [1, 2, waits, arrived] {
        let over = world.clients[client].over;
        assert_eq!(over, Some(Reason::DeviceRevoked), "{client}");
    }
    let mut cut_off = world.media.clone();
    cut_off.retain(|command| matches!(command, Command::Disconnect { .. }));
    let members = [1, 2].map(|client| Command::Disconnect {
        participant: world.id(client),
    });
    assert_eq!(cut_off, members);
    assert!(world.clients[0].is_here() && world.clients[3].is_here());
    // Members now commit the removals.
    for client in [1, 2] {
        let participant = world.id(client);
        let left = LogEvent::Left { participant };
        assert!(world.told.values().any(|event| *event == left));
    }
    let removal = world.commit_of(3, world.epoch(), &[], &[1, 2]);
    world.done(3, removal);
    let frames = world.resume(away);
    assert!(
        matches!(
            &frames[..],
            [ServerFrame::Error {
                code: Code::Gone,
                ..
            }]
        ),
        "{frames:?}"
    );
    world.order(Order::EndDevice(LOST)).unwrap();
    assert!(world.clients[3].is_here(), "nobody is bound to it now");
}

#[test]
fn a_device_ends_its_stays_after_a_restart_too() {
    let mut world = World::call_of(2);
    certify(&mut world, 1, LOST).unwrap();
    world.restart();
    world.order(Order::EndDevice(LOST)).unwrap();
    let frames = world.resume(1);
    assert!(matches!(
        &frames[..],
        [ServerFrame::Error {
            code: Code::Gone,
            ..
        }]
    ));
    let participant = world.id(1);
    let left = LogEvent::Left { participant };
    assert!(world.stored.call.as_ref().unwrap().log[2].event == left);
}

#[test]
fn in_a_marked_room_nobody_takes_part_without_a_certificate() {
    let mut world = World::marked("VS-NfD");
    let (host, guest) = (world.enter(true), world.enter(false));
    for client in [host, guest] {
        let entered = world.clients[client].frames.first();
        let Some(ServerFrame::Entered { marking, .. }) = entered else {
            panic!("not entered: {entered:?}");
        };
        assert_eq!(marking.as_deref(), Some("VS-NfD"));
        assert_eq!(
            world.refused(client, super::world::knock(client)),
            Code::CertificateNeeded
        );
    }
    let start = || Request::StartCall {};
    assert_eq!(world.refused(host, start()), Code::CertificateNeeded);
    certify(&mut world, host, KEPT).unwrap();
    world.done(host, start());
    assert_eq!(
        world.refused(guest, super::world::knock(guest)),
        Code::CertificateNeeded
    );
    certify(&mut world, guest, LOST).unwrap();
    world.admit(host, guest);
    // A member that fell behind has its certificate still, over a restart too.
    world.restart();
    world.resume(guest);
    world.knock_again(guest, 1);
    world.order(Order::EndDevice(LOST)).unwrap();
    assert_eq!(world.clients[guest].over, Some(Reason::DeviceRevoked));
}

#[test]
fn where_hosts_log_in_the_host_key_alone_makes_nobody_a_host() {
    let mut world = World::hosts_log_in();
    let (host, guest) = (world.enter(true), world.enter(false));
    let alone = [
        Request::StartCall {},
        super::world::knock(host),
        Request::Lock { locked: true },
        Request::Unlock {},
        Request::EndCall {},
    ];
    for request in alone {
        assert_eq!(world.refused(host, request), Code::CertificateNeeded);
    }
    certify(&mut world, host, KEPT).unwrap();
    world.done(host, Request::StartCall {});
    // Guests come in as ever, and are made hosts once they have logged in, too.
    world.admit(host, guest);
    let participant = world.id(guest);
    let make = || Request::MakeHost { participant };
    assert_eq!(world.refused(host, make()), Code::CertificateNeeded);
    certify(&mut world, guest, LOST).unwrap();
    world.done(host, make());
    world.restart();
    world.resume(guest);
    world.done(guest, Request::Lock { locked: true });
    // The device is revoked, and by the host's link it comes back as no host.
    world.order(Order::EndDevice(LOST)).unwrap();
    let back = world.enter(true);
    assert_eq!(
        world.refused(back, Request::Lock { locked: false }),
        Code::CertificateNeeded
    );
    assert_eq!(
        world.refused(back, super::world::knock(back)),
        Code::CertificateNeeded
    );
}

#[test]
fn a_device_that_a_host_removed_is_certified_for_no_other_stay_of_that_call() {
    let mut world = World::marked("VS-NfD");
    let (host, removed) = (world.enter(true), world.enter(false));
    certify(&mut world, host, KEPT).unwrap();
    world.done(host, Request::StartCall {});
    certify(&mut world, removed, LOST).unwrap();
    world.admit(host, removed);
    let commit = world.commit_of(host, world.epoch(), &[], &[removed]);
    world.done(host, commit);
    let back = world.enter(false);
    assert_eq!(certify(&mut world, back, LOST), Err(Code::Forbidden));
    let knock = super::world::knock(back);
    assert_eq!(world.refused(back, knock), Code::CertificateNeeded);
    // To the next call it comes again, and who only left comes to this one.
    world.done(host, Request::EndCall {});
    let again = world.enter(false);
    certify(&mut world, again, LOST).unwrap();
}

#[test]
fn a_colleague_is_made_host_of_a_consultation_and_its_guest_never() {
    let mut world = World::consultation(3);
    let (host, colleague, guest) = (world.enter(true), world.enter(false), world.enter(false));
    world.done(host, Request::StartCall {});
    certify(&mut world, colleague, KEPT).unwrap();
    world.admit(host, colleague);
    world.admit(host, guest);
    for (whom, made) in [(guest, false), (colleague, true)] {
        let participant = world.id(whom);
        let make = Request::MakeHost { participant };
        match made {
            true => world.done(host, make),
            false => assert_eq!(world.refused(host, make), Code::Forbidden),
        }
    }
    world.done(colleague, Request::Lock { locked: true });
}

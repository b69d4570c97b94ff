//! Random operations, in any order, sensible or not: what [`World`] checks
//! holds for every client, and a restart at any moment changes nothing.

use super::super::{Closing, Order};
use super::devices;
use super::world::{World, knock, knock_again, word_to};
use conclave_wire::client::{Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::control::Source;
use conclave_wire::id::{Blob, DeviceId};
use proptest::prelude::*;
use std::time::Duration;

mod links;

/// Who is meant: clients are picked by number among those the operation could
/// sensibly mean, or, now and then, among all.
#[derive(Debug, Clone, Copy)]
enum Who {
    Any(usize),
    Member(usize),
}

#[derive(Debug, Clone)]
enum Operation {
    Enter {
        host: bool,
    },
    Start(Who),
    Knock(Who),
    Admit {
        by: Who,
        count: usize,
    },
    Commit {
        by: Who,
        behind: u32,
        adds: Vec<Who>,
        removes: Vec<Who>,
    },
    KnockAgain {
        who: Who,
        nth: u8,
    },
    Readmit {
        by: Who,
        count: usize,
    },
    Refuse {
        by: Who,
        whom: Who,
    },
    Tell {
        by: Who,
        whom: Who,
        nth: u8,
    },
    ShowDevices(Who),
    Ready(Who),
    Post {
        by: Who,
        behind: u32,
        nth: u8,
    },
    Live(Who),
    Leave(Who),
    End(Who),
    Lock(Who, bool),
    Mute {
        by: Who,
        whom: Who,
    },
    MakePresenter {
        by: Who,
        whom: Who,
    },
    MakeHost {
        by: Who,
        whom: Who,
    },
    Drop {
        who: Who,
        left: bool,
    },
    Resume(Who),
    Pass(u64),
    Restart,
    Certify(Who, u8),
    EndDevice(u8),
    Link(links::Operation),
}

fn operation() -> impl Strategy<Value = Operation> {
    let anyone = || (0..8_usize).prop_map(Who::Any);
    let member = || prop_oneof![6 => (0..8_usize).prop_map(Who::Member), 1 => anyone()];
    let some = || prop::collection::vec(prop_oneof![anyone(), member()], 0..3);
    prop_oneof![
        4 => any::<bool>().prop_map(|host| Operation::Enter { host }),
        3 => anyone().prop_map(Operation::Start),
        8 => anyone().prop_map(Operation::Knock),
        8 => (member(), 1..3_usize).prop_map(|(by, count)| Operation::Admit { by, count }),
        6 => (member(), prop_oneof![3 => Just(0), 1 => 0..3_u32]).prop_map(|(by, behind)| {
            Operation::Commit { by, behind, adds: vec![], removes: vec![] }
        }),
        4 => (member(), some(), some()).prop_map(|(by, adds, removes)| {
            Operation::Commit { by, behind: 0, adds, removes }
        }),
        4 => (member(), 0..4_u8).prop_map(|(who, nth)| Operation::KnockAgain { who, nth }),
        4 => (member(), 1..3_usize).prop_map(|(by, count)| Operation::Readmit { by, count }),
        1 => (member(), anyone()).prop_map(|(by, whom)| Operation::Refuse { by, whom }),
        3 => (member(), anyone(), any::<u8>()).prop_map(|(by, whom, nth)| Operation::Tell { by, whom, nth }),
        2 => anyone().prop_map(Operation::ShowDevices),
        6 => member().prop_map(Operation::Ready),
        6 => (member(), prop_oneof![5 => Just(0), 1 => 0..3_u32], 0..3_u8).prop_map(|(by, behind, nth)| {
            Operation::Post { by, behind, nth }
        }),
        1 => member().prop_map(Operation::Live),
        1 => member().prop_map(Operation::Leave),
        1 => anyone().prop_map(Operation::End),
        1 => (anyone(), any::<bool>()).prop_map(|(by, locked)| Operation::Lock(by, locked)),
        1 => (anyone(), anyone()).prop_map(|(by, whom)| Operation::Mute { by, whom }),
        1 => (anyone(), anyone()).prop_map(|(by, whom)| Operation::MakeHost { by, whom }),
        1 => (anyone(), anyone()).prop_map(|(by, whom)| Operation::MakePresenter { by, whom }),
        4 => (member(), prop::bool::weighted(0.2)).prop_map(|(who, left)| Operation::Drop { who, left }),
        8 => anyone().prop_map(Operation::Resume),
        3 => prop_oneof![4 => Just(500), 2 => Just(2_500), 1 => Just(61_000), 1 => Just(181_000)].prop_map(Operation::Pass),
        1 => Just(Operation::Restart),
        3 => (anyone(), 0..3_u8).prop_map(|(who, device)| Operation::Certify(who, device)),
        1 => (0..3_u8).prop_map(Operation::EndDevice),
        8 => links::operation().prop_map(Operation::Link),
    ]
}

fn pick(world: &World, who: Who) -> usize {
    let everyone: Vec<usize> = (0..world.clients.len()).collect();
    let members: Vec<usize> = everyone
        .iter()
        .copied()
        .filter(|client| world.clients[*client].applied > 0 && world.clients[*client].is_here())
        .collect();
    match who {
        Who::Member(number) if !members.is_empty() => members[number % members.len()],
        Who::Any(number) | Who::Member(number) => {
            // The latest are the likeliest to be here.
            everyone[everyone.len() - 1 - number % everyone.len()]
        }
    }
}

/// Notes a knock that was taken, of one who waits then or of a member.
fn took_knock(world: &mut World, client: usize, answer: Option<ServerFrame>) {
    let taken = matches!(answer, Some(ServerFrame::Ack { .. }));
    let client = &mut world.clients[client];
    let member = client.applied > 0;
    client.again |= taken && member;
    client.knocked |= taken && !member;
}

fn run(world: &mut World, links: &mut links::Links, operation: Operation) {
    let alone = matches!(operation, Operation::Enter { .. } | Operation::Link(_));
    if world.clients.is_empty() && !alone {
        return;
    }
    let pick = |world: &World, who| pick(world, who);
    match operation {
        Operation::Enter { host } => {
            world.enter(host);
        }
        Operation::Start(who) => drop(world.request(pick(world, who), Request::StartCall {})),
        Operation::Knock(who) => {
            let client = pick(world, who);
            let answer = world.request(client, knock(client));
            took_knock(world, client, answer);
        }
        Operation::Admit { by, count } => {
            let waits = |client: &usize| {
                let client = &world.clients[*client];
                client.knocked && client.applied == 0 && client.is_here()
            };
            let adds: Vec<usize> = (0..world.clients.len()).filter(waits).take(count).collect();
            let by = pick(world, by);
            let commit = world.commit_of(by, world.epoch(), &adds, &[]);
            world.request(by, commit);
        }
        Operation::Commit {
            by,
            behind,
            adds,
            removes,
        } => {
            let epoch = world.epoch().saturating_sub(behind);
            let all = |clients: Vec<Who>| {
                clients
                    .into_iter()
                    .map(|who| pick(world, who))
                    .collect::<Vec<_>>()
            };
            let by = pick(world, by);
            let commit = world.commit_of(by, epoch, &all(adds), &all(removes));
            world.request(by, commit);
        }
        Operation::KnockAgain { who, nth } => {
            let client = pick(world, who);
            let answer = world.request(client, knock_again(client, nth));
            took_knock(world, client, answer);
        }
        Operation::Readmit { by, count } => {
            let again = |client: &usize| {
                let client = &world.clients[*client];
                client.again && client.is_here()
            };
            let back: Vec<usize> = (0..world.clients.len()).filter(again).take(count).collect();
            let by = pick(world, by);
            let commit = world.commit_of(by, world.epoch(), &back, &back);
            world.request(by, commit);
        }
        Operation::Refuse { by, whom } => {
            let participant = world.id(pick(world, whom));
            world.request(pick(world, by), Request::Refuse { participant });
        }
        Operation::Tell { by, whom, nth } => {
            let participant = world.id(pick(world, whom));
            world.request(pick(world, by), word_to(participant, nth));
        }
        Operation::ShowDevices(who) => {
            let devices = Blob(vec![1; 29]);
            world.request(pick(world, who), Request::ShowDevices { devices });
        }
        Operation::Ready(who) => {
            let epoch = world.epoch();
            world.request(pick(world, who), Request::Ready { epoch });
        }
        Operation::Post { by, behind, nth } => {
            let by = pick(world, by);
            let post = world.post_of(by, world.epoch().saturating_sub(behind), nth);
            world.request(by, post);
        }
        Operation::Live(who) => {
            let sources = vec![Source::Camera, Source::Microphone, Source::Camera];
            world.request(pick(world, who), Request::Live { sources });
        }
        Operation::Leave(who) => drop(world.request(pick(world, who), Request::Leave {})),
        Operation::End(who) => drop(world.request(pick(world, who), Request::EndCall {})),
        Operation::Lock(by, locked) => {
            drop(world.request(pick(world, by), Request::Lock { locked }))
        }
        Operation::Mute { by, whom } => {
            let participant = world.id(pick(world, whom));
            world.request(pick(world, by), Request::Mute { participant });
        }
        Operation::MakePresenter { by, whom } => {
            let participant = world.id(pick(world, whom));
            world.request(pick(world, by), Request::MakePresenter { participant });
        }
        Operation::MakeHost { by, whom } => {
            let participant = world.id(pick(world, whom));
            world.request(pick(world, by), Request::MakeHost { participant });
        }
        Operation::Drop { who, left } => {
            let closing = if left { Closing::Left } else { Closing::Lost };
            world.drop_socket(pick(world, who), closing);
        }
        Operation::Resume(who) => {
            let client = pick(world, who);
            if world.clients[client].is_here() {
                world.resume(client);
            }
        }
        Operation::Pass(millis) => world.pass(Duration::from_millis(millis)),
        Operation::Restart => world.restart(),
        Operation::Certify(who, device) => {
            let client = pick(world, who);
            let before = devices::device(world, client);
            let asked = DeviceId([device; 16]);
            let call = world.room.call.as_ref();
            let banned = call.is_some_and(|call| call.banned.contains(&asked));
            let done = devices::certify(world, client, asked);
            let expected = match before {
                None => Err(Code::Gone),
                Some(_) if banned => Err(Code::Forbidden),
                Some(Some(bound)) if bound.0[0] != device => Err(Code::OtherDevice),
                Some(_) => Ok(()),
            };
            assert_eq!(done, expected);
        }
        Operation::EndDevice(device) => {
            let device = DeviceId([device; 16]);
            assert_eq!(world.order(Order::EndDevice(device)), Ok(()));
            let mut stays = world.stored.stays.iter();
            assert!(stays.all(|stay| stay.device != Some(device)), "still here");
        }
        Operation::Link(operation) => links.run(world, &operation),
    }
}

/// What runs, and how guests come in, when the operations begin.
#[derive(Debug, Clone, Copy)]
enum Begun {
    Nothing,
    Call,
    /// A call of a host and a guest who came by a link of their own.
    Scheduled,
}

impl Begun {
    fn world(self, links: &mut links::Links) -> World {
        match self {
            Self::Nothing => World::new(),
            Self::Call => World::call_of(2),
            Self::Scheduled => {
                let mut world = World::scheduled();
                let host = world.enter(true);
                world.done(host, Request::StartCall {});
                links.begin(&mut world);
                world
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 900, ..ProptestConfig::default() })]

    #[test]
    fn every_client_sees_one_contiguous_log(
        begun in prop_oneof![Just(Begun::Nothing), Just(Begun::Call), Just(Begun::Scheduled)],
        operations in prop::collection::vec(operation(), 1..120),
    ) {
        let mut links = links::Links::default();
        let mut world = begun.world(&mut links);
        links.hold(&world);
        for operation in operations {
            run(&mut world, &mut links, operation);
            links.hold(&world);
        }
        // Whoever may come back does, and has then missed nothing.
        for client in 0..world.clients.len() {
            if world.clients[client].is_here() {
                world.resume(client);
            }
        }
        let last = world.told.keys().last().copied().unwrap_or(0);
        for client in world.clients.iter().filter(|client| client.connection.is_some() && client.applied > 0) {
            prop_assert_eq!(client.applied, last);
        }
        // And when everybody is gone for good, so is everything that was stored.
        for client in 0..world.clients.len() {
            world.drop_socket(client, Closing::Lost);
        }
        world.pass(Duration::from_secs(181));
        prop_assert!(world.room.is_idle());
        prop_assert!(world.nothing_is_stored());
    }
}

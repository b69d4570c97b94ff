//! Random operations, in any order, sensible or not: what [`World`] checks
//! holds for every client, and a restart at any moment changes nothing.

use super::super::Closing;
use super::world::{World, knock};
use conclave_wire::client::Request;
use conclave_wire::control::Source;
use proptest::prelude::*;
use std::time::Duration;

#[derive(Debug, Clone)]
enum Operation {
    Enter {
        host: bool,
    },
    Start(usize),
    Knock(usize),
    Commit {
        by: usize,
        behind: u32,
        adds: Vec<usize>,
        removes: Vec<usize>,
    },
    Refuse {
        by: usize,
        whom: usize,
    },
    Ready(usize),
    Live(usize),
    Leave(usize),
    End(usize),
    Drop {
        who: usize,
        left: bool,
    },
    Resume(usize),
    Pass(u64),
    Restart,
}

fn operation() -> impl Strategy<Value = Operation> {
    let who = || 0..6_usize;
    let some = || prop::collection::vec(0..6_usize, 0..3);
    prop_oneof![
        4 => any::<bool>().prop_map(|host| Operation::Enter { host }),
        3 => who().prop_map(Operation::Start),
        6 => who().prop_map(Operation::Knock),
        10 => (who(), prop_oneof![5 => Just(0), 1 => 0..3_u32], some(), prop_oneof![3 => Just(vec![]), 1 => some()])
            .prop_map(|(by, behind, adds, removes)| Operation::Commit { by, behind, adds, removes }),
        1 => (who(), who()).prop_map(|(by, whom)| Operation::Refuse { by, whom }),
        4 => who().prop_map(Operation::Ready),
        1 => who().prop_map(Operation::Live),
        1 => who().prop_map(Operation::Leave),
        1 => who().prop_map(Operation::End),
        3 => (who(), prop::bool::weighted(0.2)).prop_map(|(who, left)| Operation::Drop { who, left }),
        6 => who().prop_map(Operation::Resume),
        2 => prop_oneof![Just(500), Just(2_500), Just(61_000)].prop_map(Operation::Pass),
        1 => Just(Operation::Restart),
    ]
}

fn run(world: &mut World, operation: Operation) {
    let count = world.clients.len();
    // Operations name one of the last six clients; with none there is nothing to do.
    let pick = |who: usize| count.saturating_sub(1).saturating_sub(who % count.max(1));
    if count == 0 && !matches!(operation, Operation::Enter { .. }) {
        return;
    }
    match operation {
        Operation::Enter { host } => {
            world.enter(host);
        }
        Operation::Start(who) => drop(world.request(pick(who), Request::StartCall {})),
        Operation::Knock(who) => drop(world.request(pick(who), knock(pick(who)))),
        Operation::Commit {
            by,
            behind,
            adds,
            removes,
        } => {
            let epoch = world.epoch().saturating_sub(behind);
            let all = |clients: Vec<usize>| clients.into_iter().map(pick).collect::<Vec<_>>();
            let commit = world.commit_of(pick(by), epoch, &all(adds), &all(removes));
            world.request(pick(by), commit);
        }
        Operation::Refuse { by, whom } => {
            let participant = world.id(pick(whom));
            world.request(pick(by), Request::Refuse { participant });
        }
        Operation::Ready(who) => {
            let epoch = world.epoch();
            world.request(pick(who), Request::Ready { epoch });
        }
        Operation::Live(who) => {
            let sources = vec![Source::Camera, Source::Microphone, Source::Camera];
            world.request(pick(who), Request::Live { sources });
        }
        Operation::Leave(who) => drop(world.request(pick(who), Request::Leave {})),
        Operation::End(who) => drop(world.request(pick(who), Request::EndCall {})),
        Operation::Drop { who, left } => {
            let closing = if left { Closing::Left } else { Closing::Lost };
            world.drop_socket(pick(who), closing);
        }
        Operation::Resume(who) => {
            let client = &world.clients[pick(who)];
            if client.over.is_none() && !client.left {
                world.resume(pick(who));
            }
        }
        Operation::Pass(millis) => world.pass(Duration::from_millis(millis)),
        Operation::Restart => world.restart(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_client_sees_one_contiguous_log(operations in prop::collection::vec(operation(), 1..120)) {
        let mut world = World::new();
        for operation in operations {
            run(&mut world, operation);
        }
        // Whoever may come back does, and has then missed nothing.
        for client in 0..world.clients.len() {
            if world.clients[client].over.is_none() && !world.clients[client].left {
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
        world.pass(Duration::from_secs(61));
        prop_assert!(world.room.is_idle());
        prop_assert!(world.nothing_is_stored());
    }
}

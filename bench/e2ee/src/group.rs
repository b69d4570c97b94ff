//! Join, leave and update at every size: what they cost the committer, a member
//! and the newcomer, and when everybody sends in the new epoch.

use crate::cost::{Samples, kib, timed};
use crate::delivery::{self, SWITCH_MS};
use crate::platform::say;
use crate::rig::{Rig, Tree};
use conclave_e2ee::{Pending, Suite};

/// Rounds whose median counts; one more comes first and does not.
const ROUNDS: usize = 5;

/// What one kind of commit costs.
#[derive(Default)]
struct Costs {
    made_ms: Samples,
    confirmed_ms: Samples,
    member_ms: Samples,
    newcomer_ms: Samples,
    commit: Samples,
    welcome: Samples,
}

/// Prints the table.
pub(crate) fn measure(suite: Suite, sizes: &[usize]) {
    say(&format!(
        "{suite:?}; processor time in ms, medians of {ROUNDS}; {}",
        delivery::MODEL
    ));
    say(
        "| members | tree | commit | committer | its commit, KiB | a member | Welcome, KiB | newcomer | all send after |",
    );
    say("|--:|---|---|--:|--:|--:|--:|--:|--:|");
    for &size in sizes {
        for tree in [Tree::AsJoined, Tree::Settled] {
            at(suite, size, tree);
        }
    }
}

fn at(suite: Suite, size: usize, tree: Tree) {
    let mut rig = Rig::new(suite, size, tree);
    let [mut join, mut leave, mut update] = [(); 3].map(|()| Costs::default());
    for round in 0..=ROUNDS {
        let mut newcomers = rig.newcomers(1);
        let knocks = rig.knocks(&mut newcomers);
        let (made, pending) = timed(|| rig.committer.admit(&knocks).unwrap());
        follow(&mut rig, &mut join, round, made, &pending);
        for mut newcomer in newcomers {
            let welcome = pending.welcome.as_ref().unwrap();
            let (joined, ()) = timed(|| newcomer.join(welcome).unwrap());
            if round > 0 {
                join.newcomer_ms.add(joined);
                join.welcome.add(welcome.len() as f64);
            }
            if tree == Tree::Settled {
                rig.update_of(&mut newcomer);
            }
            rig.leaves.push(newcomer.participant());
        }
        let (made, pending) = timed(|| rig.committer.update().unwrap());
        follow(&mut rig, &mut update, round, made, &pending);
        // Somebody from the middle, whose leaf the next newcomer gets.
        let gone = rig.leaves.swap_remove(rig.leaves.len() / 2);
        let (made, pending) = timed(|| rig.committer.remove(&[gone]).unwrap());
        follow(&mut rig, &mut leave, round, made, &pending);
    }
    for (name, costs) in [("join", join), ("leave", leave), ("update", update)] {
        row(size, tree, name, &costs);
    }
}

fn follow(rig: &mut Rig, costs: &mut Costs, round: usize, made: f64, pending: &Pending) {
    let (confirmed, ()) = timed(|| rig.confirm());
    let (member, ()) = timed(|| rig.observe(pending));
    if round > 0 {
        costs.made_ms.add(made);
        costs.confirmed_ms.add(confirmed);
        costs.member_ms.add(member);
        costs.commit.add(pending.commit.len() as f64);
    }
}

fn row(size: usize, tree: Tree, name: &str, costs: &Costs) {
    let made = costs.made_ms.median();
    let (confirmed, member) = (costs.confirmed_ms.median(), costs.member_ms.median());
    let newcomer = costs.newcomer_ms.median();
    let (commit, welcome) = (costs.commit.median(), costs.welcome.median());
    // Committer and members take the commit when the server has accepted it.
    let taken = delivery::to_all(commit, size) + member.max(confirmed);
    let all_send = match name {
        // Nobody waits for `ready` after a removal.
        "leave" => made + taken,
        "join" => {
            let in_call = delivery::to_newcomer(commit, welcome) + newcomer;
            made + taken.max(in_call) + SWITCH_MS
        }
        _ => made + taken + SWITCH_MS,
    };
    let tree = match tree {
        Tree::AsJoined => "as joined",
        Tree::Settled => "settled",
    };
    let only = |figure: f64| match name {
        "join" => format!("{figure:.1}"),
        _ => String::new(),
    };
    say(&format!(
        "| {size} | {tree} | {name} | {:.1} | {:.1} | {member:.1} | {} | {} | {all_send:.0} |",
        made + confirmed,
        kib(commit),
        only(kib(welcome)),
        only(newcomer),
    ));
}

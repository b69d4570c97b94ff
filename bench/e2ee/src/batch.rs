//! One commit of many changes against a commit for each.

use crate::cost::{Samples, kib, timed};
use crate::platform::say;
use crate::rig::{Rig, Tree};
use conclave_e2ee::{Pending, Suite};

/// Changes that come at once.
const CHANGES: [usize; 3] = [2, 8, 32];

/// Rounds whose median counts; one more comes first and does not.
const ROUNDS: usize = 3;

/// What a run of commits costs altogether.
#[derive(Default)]
struct Costs {
    committer_ms: Samples,
    member_ms: Samples,
    bytes: Samples,
}

/// Prints the table.
pub(crate) fn measure(suite: Suite, sizes: &[usize]) {
    say(&format!(
        "{suite:?}, tree as joined; processor time in ms, medians of {ROUNDS}; commits and Welcomes together"
    ));
    say(
        "| members | changes | committer: one commit | one each | ratio | a member: one commit | one each | ratio | KiB: one commit | one each |",
    );
    say("|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for &size in sizes {
        for changes in CHANGES {
            at(suite, size, changes);
        }
    }
}

fn at(suite: Suite, size: usize, changes: usize) {
    let mut rig = Rig::new(suite, size, Tree::AsJoined);
    let [mut adds, mut removes] = [(); 2].map(|()| [Costs::default(), Costs::default()]);
    for round in 0..=ROUNDS {
        for (way, at_once) in [changes, 1].into_iter().enumerate() {
            let mut newcomers = rig.newcomers(changes);
            let knocks = rig.knocks(&mut newcomers);
            let costs = run(&mut rig, knocks.chunks(at_once), |rig, knocks| {
                rig.committer.admit(knocks).unwrap()
            });
            note(&mut adds[way], round, costs);
            let gone: Vec<_> = newcomers.iter().map(|who| who.participant()).collect();
            let costs = run(&mut rig, gone.chunks(at_once), |rig, gone| {
                rig.committer.remove(gone).unwrap()
            });
            note(&mut removes[way], round, costs);
        }
    }
    for (name, [one, each]) in [("Adds", adds), ("Removes", removes)] {
        let committer = [&one, &each].map(|costs| costs.committer_ms.median());
        let member = [&one, &each].map(|costs| costs.member_ms.median());
        let bytes = [&one, &each].map(|costs| kib(costs.bytes.median()));
        say(&format!(
            "| {size} | {changes} {name} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.0} | {:.0} |",
            committer[0],
            committer[1],
            committer[1] / committer[0],
            member[0],
            member[1],
            member[1] / member[0],
            bytes[0],
            bytes[1],
        ));
    }
}

/// Committer's and member's time and the bytes of a commit for each chunk.
fn run<'a, T: 'a>(
    rig: &mut Rig,
    chunks: impl Iterator<Item = &'a [T]>,
    mut commit: impl FnMut(&mut Rig, &[T]) -> Pending,
) -> [f64; 3] {
    let mut costs = [0.0; 3];
    for chunk in chunks {
        let (made, pending) = timed(|| commit(rig, chunk));
        let (confirmed, ()) = timed(|| rig.confirm());
        let (member, ()) = timed(|| rig.observe(&pending));
        let welcome = pending.welcome.as_ref().map_or(0, Vec::len);
        costs[0] += made + confirmed;
        costs[1] += member;
        costs[2] += (pending.commit.len() + welcome) as f64;
    }
    costs
}

fn note(to: &mut Costs, round: usize, [committer, member, bytes]: [f64; 3]) {
    if round > 0 {
        to.committer_ms.add(committer);
        to.member_ms.add(member);
        to.bytes.add(bytes);
    }
}

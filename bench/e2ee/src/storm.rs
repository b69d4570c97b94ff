//! A hundred arrivals within ten seconds: a knock every tenth of a second, and
//! one member who lets everybody in. Its commits are made and taken for real;
//! what is between them is the model's.

use crate::cost::{Samples, kib, timed};
use crate::delivery::{self, ONE_WAY_MS};
use crate::platform::say;
use crate::rig::{ADDS_A_COMMIT, Rig, Tree};
use conclave_e2ee::{Session, Suite, VerifiedKnock};

const ARRIVALS: usize = 100;
const WITHIN_MS: f64 = 10_000.0;

/// Prints the table.
pub(crate) fn measure(suite: Suite, sizes: &[usize]) {
    say(&format!(
        "{suite:?}; {ARRIVALS} arrivals within {:.0} s; {}",
        WITHIN_MS / 1e3,
        delivery::MODEL
    ));
    say(
        "| members before | Adds a commit | commits | knock to sending, ms: median | last of all | committer, share of a core | a member, ms | to a member, KiB |",
    );
    say("|--:|---|--:|--:|--:|--:|--:|--:|");
    for &size in sizes {
        for at_most in [ADDS_A_COMMIT, 1] {
            at(suite, size, at_most);
        }
    }
}

fn at(suite: Suite, size: usize, at_most: usize) {
    let mut rig = Rig::new(suite, size, Tree::AsJoined);
    let mut people = rig.newcomers(ARRIVALS);
    let knocks: Vec<VerifiedKnock> = rig.knocks(&mut people);
    let knocked_ms = |person: usize| person as f64 * WITHIN_MS / ARRIVALS as f64;
    let mut waits = Samples::default();
    let [mut now_ms, mut committer_ms, mut member_ms, mut bytes] = [0.0f64; 4];
    let (mut commits, mut inside) = (0, 0);
    while inside < ARRIVALS {
        // A knock takes the way there and back before the committer has it.
        let at_door = (inside..ARRIVALS)
            .take(at_most)
            .take_while(|person| knocked_ms(*person) + 2.0 * ONE_WAY_MS <= now_ms)
            .count();
        if at_door == 0 {
            now_ms = knocked_ms(inside) + 2.0 * ONE_WAY_MS;
            continue;
        }
        let batch = inside..inside + at_door;
        let (made, pending) = timed(|| rig.committer.admit(&knocks[batch.clone()]).unwrap());
        let (confirmed, ()) = timed(|| rig.confirm());
        let (member, ()) = timed(|| rig.observe(&pending));
        let welcome = pending.welcome.as_deref().unwrap_or_default();
        let newcomer: Option<&mut Session> = people.get_mut(inside);
        let joined = newcomer.map_or(0.0, |first| timed(|| first.join(welcome).unwrap()).0);
        let (commit_len, welcome_len) = (pending.commit.len() as f64, welcome.len() as f64);
        let in_call = now_ms + made + delivery::to_newcomer(commit_len, welcome_len) + joined;
        for person in batch {
            waits.add(in_call - knocked_ms(person));
        }
        // The next commit can be made when this one has come back.
        now_ms += made + 2.0 * ONE_WAY_MS + confirmed;
        committer_ms += made + confirmed;
        member_ms += member;
        bytes += commit_len;
        commits += 1;
        inside += at_door;
    }
    say(&format!(
        "| {size} | {} | {commits} | {:.0} | {:.0} | {:.1} % | {member_ms:.0} | {:.0} |",
        if at_most == 1 {
            "1".to_owned()
        } else {
            format!("up to {at_most}")
        },
        waits.median(),
        waits.quantile(1.0),
        100.0 * committer_ms / now_ms,
        kib(bytes),
    ));
}

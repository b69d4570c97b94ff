//! Lies about when a new epoch begins to be used.

use crate::{Pair, until_epoch};
use conclave_client::event::Event;
use conclave_kit::liar::Numbers;
use conclave_kit::{Native, PATIENCE};
use conclave_wire::client::ServerFrame;

/// What an honest server says but when to switch.
fn without_switches(frame: ServerFrame) -> Vec<ServerFrame> {
    match frame {
        ServerFrame::Activate { .. } => vec![],
        frame => vec![frame],
    }
}

async fn seals_with(member: &mut Native, epoch: u64) {
    member.told(PATIENCE, Event::Activated { epoch }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_who_are_never_told_to_switch_do_so_by_themselves() {
    let mut pair = Pair::meet(Numbers::Kept).await;
    for liar in [&pair.at_anna, &pair.at_ben] {
        liar.tells(without_switches);
    }
    pair.anna.inner.update().await;
    for member in [&mut pair.anna, &mut pair.ben] {
        until_epoch(member, 2).await;
        seals_with(member, 2).await;
    }
    // A newcomer has no older keys: it hears those who switched.
    let door = pair.server.door();
    let mut carl = Native::guest(&door, &pair.room.link(&door), "Carl", 880.0);
    carl.admitted().await;
    let others = [pair.anna.id().await, pair.ben.id().await];
    carl.gets(PATIENCE, 10, &others).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_told_early_or_to_epochs_that_are_not_there_disturbs_nobody() {
    let mut pair = Pair::meet(Numbers::Kept).await;
    let ids = [pair.anna.id().await, pair.ben.id().await];
    for (liar, member) in [
        (&pair.at_anna, &mut pair.anna),
        (&pair.at_ben, &mut pair.ben),
    ] {
        liar.tells(without_switches);
        // The next epoch's comes last: it is the one that is remembered.
        for epoch in [0, u32::MAX, 65, 2] {
            liar.says(ServerFrame::Activate { epoch });
        }
        member.from_now_on();
    }
    pair.ben.gets(PATIENCE, 1, &ids[..1]).await;
    let before = pair.ben.report().await;
    pair.anna.gets(PATIENCE, 10, &ids[1..]).await;
    pair.ben.gets(PATIENCE, 10, &ids[..1]).await;
    let report = pair.ben.report().await;
    assert_eq!((report.epoch, &report.drops), (Some(1), &before.drops));
    pair.anna.inner.update().await;
    for member in [&mut pair.anna, &mut pair.ben] {
        seals_with(member, 2).await;
        let switched = member.history.iter().filter_map(|(_, event)| match event {
            Event::Activated { epoch } => Some(*epoch),
            _ => None,
        });
        assert_eq!(switched.max(), Some(2));
    }
    pair.anna.gets(PATIENCE, 10, &ids[1..]).await;
    pair.ben.gets(PATIENCE, 10, &ids[..1]).await;
}

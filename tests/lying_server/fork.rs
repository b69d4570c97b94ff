//! Two parts of a call that are given different commits of the same epoch.

use crate::{Pair, failed, is_commit, misbehaved, until_epoch};
use conclave_client::event::Event;
use conclave_e2ee::PeerMisbehaved;
use conclave_kit::liar::{Numbers, Said};
use conclave_kit::{Native, PATIENCE};
use conclave_wire::client::{ClientFrame, LogEntry, LogEvent, Request, ServerFrame};
use conclave_wire::id::ParticipantId;

/// Anna's commit is what the service has; Ben is given his own in its place.
pub(crate) async fn forked() -> Pair {
    let mut pair = Pair::meet(Numbers::Anew).await;
    let by = pair.ben.id().await;
    let mut kept_from_him = false;
    pair.at_ben.lies(move |said| match said {
        Said::Client(ClientFrame {
            id,
            request: Request::Commit { epoch, message, .. },
        }) => {
            let event = LogEvent::Commit {
                epoch,
                by,
                message,
                adds: vec![],
                removes: vec![],
                welcome: None,
            };
            [
                ServerFrame::Ack { re: id },
                ServerFrame::Entry(LogEntry { seq: 0, event }),
            ]
            .map(Said::Server)
            .into()
        }
        Said::Server(frame) if is_commit(&frame) && !kept_from_him => {
            kept_from_him = true;
            vec![]
        }
        said => vec![said],
    });
    pair.anna.inner.update().await;
    until_epoch(&mut pair.anna, 2).await;
    pair.ben.inner.update().await;
    until_epoch(&mut pair.ben, 2).await;
    pair
}

pub(crate) async fn told_of_split(member: &mut Native, from: ParticipantId) {
    let participants = vec![from];
    member.told(PATIENCE, Event::Split { participants }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_of_a_forked_call_are_told() {
    let mut pair = forked().await;
    let (anna, ben) = (pair.anna.id().await, pair.ben.id().await);
    told_of_split(&mut pair.anna, ben).await;
    told_of_split(&mut pair.ben, anna).await;
    assert_ne!(pair.anna.code().await, pair.ben.code().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_from_the_other_side_of_a_fork_is_told_and_ends_the_call() {
    let mut pair = forked().await;
    let anna = pair.anna.id().await;
    pair.anna.inner.update().await;
    told_of_split(&mut pair.ben, anna).await;
    let error = failed(pair.ben).await;
    assert_eq!(misbehaved(&error), Some(PeerMisbehaved::InvalidCommit));
}

//! What real participants make of a server that lies to them. Each lie is told
//! to one of them, on their socket; the others hear the truth.

mod fork;
mod links;
mod log;
mod media;
mod resync;
mod switch;

use conclave_client::call::CallError;
use conclave_client::event::Event;
use conclave_client::participant::JoinError;
use conclave_e2ee::{Error, PeerMisbehaved};
use conclave_kit::liar::Numbers;
use conclave_kit::{Liar, Native, PATIENCE, Room, Server, within};
use conclave_wire::client::{LogEvent, ServerFrame};

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// Anna, a host who lets everybody in, and Ben, each behind a server of their own
/// that lies to nobody else; both are members.
struct Pair {
    server: Server,
    room: Room,
    at_anna: Liar,
    at_ben: Liar,
    anna: Native,
    ben: Native,
}

impl Pair {
    async fn meet(numbers: Numbers) -> Self {
        let server = Server::start(PROGRAM).await;
        let room = server.room().await;
        let at_anna = Liar::before(&server, numbers).await;
        let at_ben = Liar::before(&server, numbers).await;
        let (door, other) = (at_anna.door(), at_ben.door());
        let mut anna = Native::host(door, &room.host_link(door), "Anna", 440.0);
        anna.admitted().await;
        let mut ben = Native::guest(other, &room.link(other), "Ben", 660.0);
        ben.admitted().await;
        until_epoch(&mut anna, 1).await;
        Self {
            server,
            room,
            at_anna,
            at_ben,
            anna,
            ben,
        }
    }
}

async fn until_epoch(member: &mut Native, wanted: u64) {
    let what = format!("is in epoch {wanted}");
    let reached = |event: &Event| match event {
        Event::Epoch { epoch, .. } | Event::Admitted { epoch, .. } => {
            (*epoch >= wanted).then_some(())
        }
        _ => None,
    };
    member.until(PATIENCE, &what, reached).await;
}

/// How the stay of a participant ended that does not end well.
async fn failed(member: Native) -> JoinError {
    let finished = within(PATIENCE, "the stay is over", member.inner.finish()).await;
    finished.expect_err("the call goes on")
}

fn misbehaved(error: &JoinError) -> Option<PeerMisbehaved> {
    match error {
        JoinError::Call(CallError::Mls(Error::Misbehaved(why))) => Some(*why),
        _ => None,
    }
}

fn is_commit(frame: &ServerFrame) -> bool {
    matches!(frame, ServerFrame::Entry(entry) if matches!(entry.event, LogEvent::Commit { .. }))
}

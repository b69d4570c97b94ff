//! A socket that breaks loses nothing: not the stay, not an entry of the log,
//! not a commit that was on its way.

use conclave_client::event::Event;
use conclave_kit::{Dice, Member, Native, PATIENCE, Relay, Server};
use conclave_wire::client::{LogEvent, Standing};
use conclave_wire::code::Code;
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// Everybody is in the same epoch of the same group, and has seen the same log.
fn assert_together(members: &[&Member]) {
    let last = |member: &Member| member.log.last().map(|entry| entry.seq);
    for member in &members[1..] {
        assert_eq!(member.epoch(), members[0].epoch());
        assert_eq!(member.shared(), members[0].shared());
        assert_eq!(last(member), last(members[0]));
    }
}

#[tokio::test]
async fn commits_on_a_breaking_socket_are_neither_lost_nor_doubled() {
    let mut dice = Dice::new("cuts", 4711);
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let relay = Relay::to(door.address()).await.expect("a relay");
    let shaky = door.at(relay.port());

    let mut host = Member::host(&door, &room, "Anna").await;
    let mut ben = Member::guest(&shaky, &room, "Ben").await;
    host.admit(ben.id()).await;
    ben.until_epoch(1).await;

    for round in 0..12_u64 {
        // Ben commits; the connection breaks at some moment about the time the answer comes.
        let pending = ben.session.update().expect("a commit");
        let message = pending.commit.clone();
        let sent = ben.send_commit(pending, vec![], vec![]).await;
        tokio::time::sleep(Duration::from_micros(dice.roll() % 4_000)).await;
        relay.cut();
        sent.expect("the socket was there");
        // Meanwhile somebody else commits as well: one of the two is first.
        if round % 3 == 0 {
            let pending = host.session.update().expect("a commit");
            host.send_commit(pending, vec![], vec![])
                .await
                .expect("a socket");
        }
        assert_eq!(ben.resume().await, Ok(Standing::Member), "round {round}");
        let goal = 2 + round;
        ben.until_epoch(goal).await;
        host.until_epoch(goal).await;
        // Ben's commit may have been too late for its epoch; then it is made anew.
        if !ben.log.iter().any(
            |entry| matches!(&entry.event, LogEvent::Commit { message: m, .. } if m.0 == message),
        ) {
            assert_eq!(
                round % 3,
                0,
                "round {round}: the only commit of the epoch is gone"
            );
        }
        ben.settle().await;
        host.settle().await;
        assert_together(&[&host, &ben]);
    }
    let commits = |member: &Member| {
        let epochs = member.log.iter().filter_map(|entry| match &entry.event {
            LogEvent::Commit { epoch, .. } => Some(*epoch),
            _ => None,
        });
        epochs.collect::<Vec<_>>()
    };
    assert_eq!(
        commits(&host),
        (0..=12).collect::<Vec<_>>(),
        "each epoch ended once"
    );
}

#[tokio::test]
async fn one_who_was_away_gets_every_entry_and_the_running_epoch() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let relay = Relay::to(door.address()).await.expect("a relay");
    let mut host = Member::host(&door, &room, "Anna").await;
    let mut ben = Member::guest(&door.at(relay.port()), &room, "Ben").await;
    host.admit(ben.id()).await;
    ben.until_epoch(1).await;

    relay.cut();
    host.until("Ben is away", |host| {
        host.roster.iter().any(|member| !member.present)
    })
    .await;
    let mut clara = Member::guest(&door, &room, "Clara").await;
    host.admit(clara.id()).await;
    host.rekey().await;
    clara.until_epoch(3).await;
    host.remove(clara.id()).await;
    host.rekey().await;

    assert_eq!(ben.resume().await, Ok(Standing::Member));
    ben.until_epoch(5).await;
    ben.settle().await;
    host.settle().await;
    assert_together(&[&host, &ben]);
    assert_eq!(
        ben.log.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
        [2, 3, 4, 5, 6]
    );
    ben.until("the running epoch", |ben| {
        ben.session.send_epoch() == Some(5)
    })
    .await;

    // With another token, or another participant's, nobody gets on.
    ben.stay.token.0[0] ^= 1;
    assert_eq!(ben.resume().await, Err(Code::Unauthorized));
}

#[tokio::test]
async fn a_knock_outlives_its_socket() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let relay = Relay::to(door.address()).await.expect("a relay");
    let mut host = Member::host(&door, &room, "Anna").await;
    let mut ben = Member::guest(&door.at(relay.port()), &room, "Ben").await;
    host.until("the knock", |host| !host.knocks.is_empty())
        .await;
    relay.cut();
    // Admitted while away: the welcome is an entry, and comes with the resume.
    host.admit(ben.id()).await;
    assert_eq!(ben.resume().await, Ok(Standing::Member));
    ben.until_epoch(1).await;
    assert_together(&[&host, &ben]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_participants_come_back_by_themselves_and_media_never_stops() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let relay = Relay::to(door.address()).await.expect("a relay");
    let shaky = door.at(relay.port());
    let mut anna = Native::host(&door, &room.host_link(&door), "Anna", 440.0);
    anna.admitted().await;
    let mut ben = Native::guest(&shaky, &room.link(&shaky), "Ben", 660.0);
    ben.admitted().await;
    let (anna_id, ben_id) = (anna.id().await, ben.id().await);
    ben.gets(PATIENCE, 10, &[anna_id]).await;

    for _ in 0..3 {
        ben.from_now_on();
        ben.inner.update().await;
        relay.cut();
        ben.told(PATIENCE, Event::Disconnected).await;
        ben.told(PATIENCE, Event::Reconnected).await;
        ben.gets(PATIENCE, 5, &[anna_id]).await;
        anna.gets(PATIENCE, 5, &[ben_id]).await;
    }
    // The three renewals are done, whichever socket carried them.
    for native in [&mut anna, &mut ben] {
        native
            .until(PATIENCE, "reaches epoch 4", |event| {
                matches!(event, Event::Epoch { epoch: 4.., .. }).then_some(())
            })
            .await;
    }
    let report = ben.report().await;
    assert_eq!(
        (report.own.reconnects, report.own.media_connections),
        (3, 1),
        "media has no part in the socket"
    );
    assert_eq!(anna.code().await, ben.code().await);
}

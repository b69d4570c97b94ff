//! The server dies in the middle of a call and starts again: the members come
//! back to the same MLS group, and nothing that was promised is forgotten.

use conclave_client::audio::source::Signal;
use conclave_client::call::Admit;
use conclave_client::event::Event;
use conclave_kit::native::{CAMERA, clip, options};
use conclave_kit::{Dice, Member, Native, PATIENCE, Raw, Server, eventually, quiet};
use conclave_wire::client::{LogEvent, Request, Standing};
use conclave_wire::code::Code;
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// From the server's new start until a member is back.
const BACK: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_three_goes_on_after_the_server_was_killed() {
    let _turn = quiet().await;
    let mut server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut anna = Native::host(&door, &room.host_link(&door), "Anna", 440.0);
    anna.admitted().await;
    let mut call = vec![anna];
    for (name, hertz) in [("Ben", 660.0), ("Clara", 880.0)] {
        let mut native = Native::guest(&door, &room.link(&door), name, hertz);
        native.admitted().await;
        call.push(native);
    }
    let mut ids = Vec::new();
    for native in &mut call {
        ids.push(native.id().await);
    }
    let others = |ids: &[_], me| {
        ids.iter()
            .copied()
            .filter(|id| *id != me)
            .collect::<Vec<_>>()
    };
    for (native, id) in call.iter().zip(&ids) {
        native.gets(PATIENCE, 5, &others(&ids, *id)).await;
    }
    let code = call[0].code().await;
    let secret = async |native: &Native| {
        native
            .inner
            .export("conclave test", 32)
            .await
            .expect("in the group")
            .to_vec()
    };
    let before = secret(&call[0]).await;

    for native in &mut call {
        native.from_now_on();
    }
    server.kill();
    for native in &mut call {
        native.told(PATIENCE, Event::Disconnected).await;
    }
    let started = Instant::now();
    server.start_again().await;
    for native in &mut call {
        let back = native
            .told(PATIENCE, Event::Reconnected)
            .await
            .duration_since(started);
        assert!(back <= BACK, "{} is back after {back:?}", native.name);
    }
    for (native, id) in call.iter().zip(&ids) {
        native.gets(PATIENCE, 10, &others(&ids, *id)).await;
        println!(
            "{}: media flows {:?} after the new start",
            native.name,
            started.elapsed()
        );
    }
    for native in &mut call {
        assert_eq!(
            native.code().await,
            code,
            "{} is in another group or epoch",
            native.name
        );
        assert_eq!(secret(native).await, before);
        native.from_now_on();
        let again = |event: &Event| {
            matches!(
                event,
                Event::Knock { .. } | Event::Admitted { .. } | Event::Epoch { .. }
            )
        };
        let since = native.history.iter().filter(|(when, _)| *when >= started);
        assert_eq!(
            since.filter(|(_, event)| again(event)).count(),
            0,
            "{:?}",
            native.history
        );
    }

    // It is a whole call still: one joins, one renews its keys, one leaves.
    let mut dora = Native::guest(&door, &room.link(&door), "Dora", 1100.0);
    dora.admitted().await;
    let dora_id = dora.id().await;
    dora.gets(PATIENCE, 5, &ids).await;
    call[1].inner.update().await;
    let epoch = |wanted: u64| {
        move |event: &Event| {
            matches!(event, Event::Epoch { epoch, .. } if *epoch >= wanted).then_some(())
        }
    };
    for native in &mut call {
        native.until(PATIENCE, "reaches epoch 4", epoch(4)).await;
    }
    call[2].inner.leave().await;
    let clara = ids[2];
    for native in call[..2].iter_mut().chain([&mut dora]) {
        native.until(PATIENCE, "reaches epoch 5", epoch(5)).await;
        native
            .until(PATIENCE, "sees Clara go", |event| {
                matches!(event, Event::MemberLeft { participant, .. } if *participant == clara)
                    .then_some(())
            })
            .await;
    }
    call[0].gets(PATIENCE, 5, &[ids[1], dora_id]).await;
    assert_eq!(call[0].code().await, dora.code().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_drops_no_call_and_forgets_neither_who_waits_nor_the_lock() {
    let _turn = quiet().await;
    // It ends by itself when it has drained.
    let mut server = Server::start_with(PROGRAM, &[("CONCLAVE_DRAIN", "1")]).await;
    let (door, room) = (server.door(), server.room().await);
    let mut hosting = options(&door, &room.host_link(&door), "Anna");
    hosting.start = true;
    hosting.admit = Admit::Named("Ben".to_owned());
    hosting.sound = Some(Signal::Tone(440.0));
    hosting.camera = Some(clip(CAMERA));
    let mut anna = Native::start(hosting);
    anna.admitted().await;
    let mut ben = Native::guest(&door, &room.link(&door), "Ben", 660.0);
    ben.admitted().await;
    let (anna_id, ben_id) = (anna.id().await, ben.id().await);
    anna.gets(PATIENCE, 5, &[ben_id]).await;
    ben.gets(PATIENCE, 5, &[anna_id]).await;
    let mut clara = Member::guest(&door, &room, "Clara").await;
    let clara_id = clara.id();
    anna.until(PATIENCE, "hears Clara knock", |event| {
        matches!(event, Event::Knock { participant, .. } if *participant == clara_id).then_some(())
    })
    .await;
    anna.inner.lock(true).await;
    let locked = Event::RoomLocked { locked: true };
    anna.told(PATIENCE, locked.clone()).await;

    anna.from_now_on();
    ben.from_now_on();
    server.terminate();
    for native in [&mut anna, &mut ben] {
        native.told(PATIENCE, Event::Disconnected).await;
    }
    let goodbye = clara.raw.until_closed().await.expect("a goodbye");
    assert_eq!(u16::from(goodbye.code), 1012, "{goodbye:?}");
    server.ended().await;

    let started = Instant::now();
    server.start_again().await;
    for native in [&mut anna, &mut ben] {
        let back = native.told(PATIENCE, Event::Reconnected).await;
        let back = back.duration_since(started);
        assert!(back <= BACK, "{} is back after {back:?}", native.name);
    }
    anna.gets(PATIENCE, 10, &[ben_id]).await;
    ben.gets(PATIENCE, 10, &[anna_id]).await;
    anna.told(PATIENCE, locked).await;
    let mut late = Raw::open(&door, room.id).await.expect("a socket");
    let enter = Request::Enter {
        host_key: None,
        password: None,
        link: None,
    };
    assert_eq!(late.refused(enter).await, Code::RoomLocked);

    // Who waited waits, and is let in by the same call.
    assert_eq!(clara.resume().await, Ok(Standing::Waiting));
    anna.inner.admit(clara_id).await;
    clara.until_epoch(2).await;
    anna.gets(PATIENCE, 5, &[ben_id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_drains_says_so_and_serves_on_until_it_is_told_again() {
    // Far longer than the test may take.
    let mut server = Server::start_with(PROGRAM, &[("CONCLAVE_DRAIN", "600")]).await;
    let (door, room) = (server.door(), server.room().await);
    let mut anna = Member::host(&door, &room, "Anna").await;
    assert_eq!(door.get("/readyz").await.expect("a reply").status, 200);
    server.terminate();
    eventually(PATIENCE, "it is not ready any more", async || {
        let status = door.get("/readyz").await.expect("a reply").status;
        (status == 503).then_some(())
    })
    .await;

    // Who is there stays, and who comes meanwhile is let in.
    assert_eq!(door.get("/livez").await.expect("a reply").status, 200);
    let ben = Member::guest(&door, &room, "Ben").await;
    anna.admit(ben.id()).await;
    assert!(server.lives());

    server.terminate();
    let goodbye = anna.raw.until_closed().await.expect("a goodbye");
    assert_eq!(u16::from(goodbye.code), 1012, "{goodbye:?}");
    server.ended().await;
}

#[tokio::test]
async fn a_start_without_the_databases_key_says_so() {
    let mut server = Server::start(PROGRAM).await;
    // Something is sealed with it.
    let root = "GET /api/v1/root?tenant=default";
    let made = server.door().request(root, &server.operator(), &[]).await;
    assert_eq!(made.expect("a reply").status, 200);
    let key = server.data().join("identity-key");
    let kept = std::fs::read(&key).expect("the key");
    let said = |server: &Server| server.log().matches("identity-key").count();

    server.kill();
    std::fs::remove_file(&key).expect("it was there");
    server.start_again().await;
    assert_eq!(said(&server), 1, "{}", server.log());
    // Nor is the one that this start has made the right one.
    server.kill();
    server.start_again().await;
    assert_eq!(said(&server), 2, "{}", server.log());
    server.kill();
    std::fs::write(&key, kept).expect("it is put back");
    server.start_again().await;
    assert_eq!(said(&server), 2, "{}", server.log());
}

#[tokio::test]
async fn no_handshake_message_is_lost_whenever_the_server_is_killed() {
    let _turn = quiet().await;
    let mut dice = Dice::new("kills", 1973);
    let mut server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut host = Member::host(&door, &room, "Anna").await;
    let mut members = Vec::new();
    for name in ["Ben", "Clara"] {
        let guest = Member::guest(&door, &room, name).await;
        host.admit(guest.id()).await;
        members.push(guest);
    }
    for member in &mut members {
        member.until_epoch(2).await;
    }
    let mut epoch = 2;

    for round in 0..10 {
        // A commit is on its way: an Add, a removal or a renewal.
        let mut newcomer = None;
        let what = match round % 3 {
            0 => {
                let guest = Member::guest(&door, &room, &format!("Guest {round}")).await;
                let id = guest.id();
                host.until("the knock", |host| {
                    host.knocks.iter().any(|knock| knock.participant == id)
                })
                .await;
                let notice = host
                    .knocks
                    .iter()
                    .find(|knock| knock.participant == id)
                    .expect("a knock");
                let knock = host
                    .session
                    .verify_knock(
                        conclave_e2ee::ParticipantId(id.0),
                        &notice.key_package.0,
                        &notice.tag.0,
                    )
                    .expect("a true knock");
                let pending = host.session.admit(&[knock]).expect("a commit");
                host.send_commit(pending, vec![id], vec![])
                    .await
                    .expect("a socket");
                newcomer = Some(guest);
                "an Add"
            }
            1 => {
                let gone = members.pop().expect("somebody to remove");
                let pending = host
                    .session
                    .remove(&[conclave_e2ee::ParticipantId(gone.id().0)])
                    .expect("a commit");
                host.send_commit(pending, vec![], vec![gone.id()])
                    .await
                    .expect("a socket");
                "a removal"
            }
            _ => {
                let pending = members[0].session.update().expect("a commit");
                members[0]
                    .send_commit(pending, vec![], vec![])
                    .await
                    .expect("a socket");
                "a renewal"
            }
        };
        // Somewhere from before the commit arrives until after everybody was told.
        let moment = Duration::from_micros(dice.roll() % 12_000);
        tokio::time::sleep(moment).await;
        server.kill();
        server.start_again().await;
        println!("round {round}: killed {moment:?} after {what} was sent");
        epoch += 1;

        // The committer, the members and who waited go on where they were.
        assert_eq!(host.resume().await, Ok(Standing::Member), "round {round}");
        for member in &mut members {
            assert_eq!(member.resume().await, Ok(Standing::Member), "round {round}");
        }
        host.until_epoch(epoch).await;
        if let Some(mut guest) = newcomer {
            guest
                .resume()
                .await
                .expect("the knock or the membership is kept");
            guest.until_epoch(epoch).await;
            members.push(guest);
        }
        for member in &mut members {
            member.until_epoch(epoch).await;
            member.settle().await;
        }
        host.settle().await;
        for member in &members {
            assert_eq!(
                (member.epoch(), host.epoch()),
                (epoch, epoch),
                "round {round}"
            );
            assert_eq!(member.shared(), host.shared(), "round {round}");
            assert_eq!(
                member.log.last().map(without_welcome),
                host.log.last().cloned(),
                "round {round}"
            );
        }
    }
    let ended = host
        .log
        .iter()
        .filter(|entry| matches!(entry.event, LogEvent::Commit { .. }))
        .count();
    assert_eq!(
        u64::try_from(ended),
        Ok(epoch),
        "each commit is in the log once"
    );
    host.raw.done(Request::EndCall {}).await;
}

/// An entry as everyone gets it who was not added by it.
fn without_welcome(entry: &conclave_wire::client::LogEntry) -> conclave_wire::client::LogEntry {
    let mut entry = entry.clone();
    if let LogEvent::Commit { welcome, .. } = &mut entry.event {
        *welcome = None;
    }
    entry
}

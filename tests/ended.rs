//! What a call leaves behind when it has ended: nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conclave_kit::{Member, Needle, PATIENCE, Server, eventually};
use conclave_wire::client::{LogEvent, Reason, Request};

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// The bytes, raw and as the wire writes them.
fn needles(what: &str, bytes: &[u8]) -> [Needle; 2] {
    [
        Needle::new(what, bytes),
        Needle::new(format!("{what} as text"), URL_SAFE_NO_PAD.encode(bytes)),
    ]
}

#[tokio::test]
async fn an_ended_call_leaves_no_byte_and_the_room_hosts_another() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut host = Member::host(&door, &room, "Anna").await;
    let mut ben = Member::guest(&door, &room, "Ben").await;
    host.admit(ben.id()).await;
    ben.until_epoch(1).await;
    let mut clara = Member::guest(&door, &room, "Clara").await;
    host.until("the knock", |host| !host.knocks.is_empty())
        .await;
    host.rekey().await;
    ben.until_epoch(2).await;

    let mut wanted = Vec::new();
    for (what, member) in [("host", &host), ("member", &ben), ("knocker", &clara)] {
        wanted.extend(needles(&format!("{what}'s participant id"), &member.id().0));
    }
    // From the middle: what stands at the beginning of every such message is no trace of this
    // one. At a multiple of three bytes, so that its text is a part of the whole's text.
    let middle = |bytes: &[u8]| bytes[bytes.len() / 6 * 3..][..24].to_vec();
    wanted.extend(needles(
        "key package",
        &middle(&host.knocks[0].key_package.0),
    ));
    wanted.extend(needles("commit", &middle(&commit(&host, 0))));
    wanted.extend(needles("update", &middle(&commit(&host, 1))));

    // While the call runs the search finds it: the needles are the right ones.
    let found = server.stored(&wanted);
    for needle in [
        "host's participant id",
        "member's participant id",
        "knocker's participant id",
        "key package",
        "commit",
        "update",
    ] {
        assert!(
            found.iter().any(|name| name.starts_with(needle)),
            "{needle} is not in {found:?}"
        );
    }

    host.raw.done(Request::EndCall {}).await;
    for member in [&mut host, &mut ben, &mut clara] {
        member
            .until("the end", |member| member.over == Some(Reason::Ended))
            .await;
        member.raw.until_closed().await;
    }
    eventually(PATIENCE, "nothing of the call is kept", async || {
        let found = server.stored(&wanted);
        if !found.is_empty() {
            println!("still there: {found:?}");
        }
        found.is_empty().then_some(())
    })
    .await;

    let mut again = Member::host(&door, &room, "Anna").await;
    assert_eq!(again.log[0].seq, 1, "the next call's log begins anew");
    let mut dora = Member::guest(&door, &room, "Dora").await;
    again.admit(dora.id()).await;
    dora.until_epoch(1).await;
    assert_eq!(again.shared(), dora.shared());
}

#[tokio::test]
async fn a_call_whose_last_member_left_is_over_for_who_waits() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut host = Member::host(&door, &room, "Anna").await;
    let mut guest = Member::guest(&door, &room, "Ben").await;
    host.raw.done(Request::Leave {}).await;
    guest
        .until("the end", |guest| guest.over == Some(Reason::Ended))
        .await;
    let wanted = needles("participant id", &guest.id().0);
    eventually(PATIENCE, "nothing of the call is kept", async || {
        server.stored(&wanted).is_empty().then_some(())
    })
    .await;
}

/// The n-th commit of the member's log.
fn commit(member: &Member, nth: usize) -> Vec<u8> {
    let mut commits = member.log.iter().filter_map(|entry| match &entry.event {
        LogEvent::Commit { message, .. } => Some(message.0.clone()),
        _ => None,
    });
    commits.nth(nth).expect("the commit is in the log")
}

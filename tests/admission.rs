//! Who gets in, and who does not: admission is a member's commit, and the
//! server can only carry the knock to one.

use conclave_client::event::Event;
use conclave_e2ee::{Error, ParticipantId as MlsParticipant, PeerMisbehaved};
use conclave_kit::{Member, Native, PATIENCE, Raw, Server};
use conclave_wire::client::{Reason, Request, ServerFrame, Standing};
use conclave_wire::code::Code;
use conclave_wire::control::Source;

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// A sound offer as far as admission is concerned: it is judged only later.
fn offer() -> Request {
    Request::Offer {
        sdp: "v=0\r\n".into(),
        sending: vec![],
    }
}

#[tokio::test]
async fn a_guest_waits_for_a_host_and_is_admitted() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);

    let mut guest = Member::guest(&door, &room, "Ben").await;
    let waiting = |frame: &ServerFrame| match frame {
        ServerFrame::Waiting {
            call_running,
            host_present,
        } => Some((*call_running, *host_present)),
        _ => None,
    };
    assert_eq!(
        guest.raw.until("that there is no call", waiting).await,
        (false, false)
    );
    assert_eq!(
        guest.raw.refused(Request::StartCall {}).await,
        Code::Forbidden
    );

    let mut host = Member::host(&door, &room, "Anna").await;
    assert!(host.stay.host && !guest.stay.host);
    guest
        .raw
        .until("that the call runs", |frame| {
            (waiting(frame)? == (true, true)).then_some(())
        })
        .await;

    host.admit(guest.id()).await;
    guest.until_epoch(1).await;
    assert_eq!(guest.shared(), host.shared());
    assert_eq!(
        guest.log.first().map(|entry| entry.seq),
        Some(2),
        "a newcomer's log begins with their admission"
    );
    let names: Vec<_> = guest
        .session
        .members()
        .iter()
        .map(|member| member.name.as_str().to_owned())
        .collect();
    assert_eq!(names, ["Anna", "Ben"]);
    guest
        .until("both in the roster", |guest| guest.roster.len() == 2)
        .await;
}

#[tokio::test]
async fn a_refused_knock_is_over() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut host = Member::host(&door, &room, "Anna").await;
    let mut guest = Member::guest(&door, &room, "Mallory").await;
    let id = guest.id();

    host.until("the knock", |host| {
        host.knocks.iter().any(|knock| knock.participant == id)
    })
    .await;
    host.raw.done(Request::Refuse { participant: id }).await;
    guest
        .until("the refusal", |guest| guest.over == Some(Reason::Refused))
        .await;
    guest.raw.until_closed().await;
    assert_eq!(guest.resume().await, Err(Code::Gone));
    host.until("no knock", |host| host.knocks.is_empty()).await;
}

#[tokio::test]
async fn a_host_key_that_is_not_the_rooms_lets_nobody_in() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut raw = Raw::open(&door, room.id).await.expect("a socket");
    assert_eq!(
        raw.refused(Request::Enter {
            host_key: Some(vec![7; 32].into()),
            password: None,
            link: None,
        })
        .await,
        Code::Unauthorized
    );
}

#[tokio::test]
async fn a_knock_made_without_the_link_secret_is_not_admissible() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut host = Member::host(&door, &room, "Anna").await;

    // Who knows the room but not the secret, as the server does.
    let stranger = Member::guest(&door, &room.with_wrong_secret(), "Anna's sister").await;
    // Who knows both, and whose key package the server exchanges for another.
    let guest = Member::guest(&door, &room, "Ben").await;
    host.until("two knocks", |host| host.knocks.len() == 2)
        .await;

    let find = |who: &Member| {
        host.knocks
            .iter()
            .find(|knock| knock.participant == who.id())
            .expect("it is there")
    };
    let (forged, honest) = (find(&stranger), find(&guest));
    let verify = |participant, package, tag| {
        host.session
            .verify_knock(MlsParticipant(participant), package, tag)
            .map(|knock| knock.name().as_str().to_owned())
    };
    let forgery = Err(Error::Misbehaved(PeerMisbehaved::KnockForged));
    assert_eq!(
        verify(stranger.id().0, &forged.key_package.0, &forged.tag.0),
        forgery
    );
    assert_eq!(
        verify(guest.id().0, &forged.key_package.0, &honest.tag.0),
        forgery,
        "the server's own key package"
    );
    assert_eq!(
        verify(guest.id().0, &forged.key_package.0, &forged.tag.0),
        forgery
    );
    assert_eq!(
        verify(stranger.id().0, &honest.key_package.0, &honest.tag.0),
        forgery,
        "under another participant"
    );
    assert_eq!(
        verify(guest.id().0, &honest.key_package.0, &honest.tag.0),
        Ok("Ben".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_who_admits_everybody_does_not_admit_a_forged_knock() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut host = Native::host(&door, &room.host_link(&door), "Anna", 440.0);
    host.admitted().await;
    let forged = Member::guest(&door, &room.with_wrong_secret(), "Eve").await;
    let participant = forged.id();
    host.told(PATIENCE, Event::FalseKnock { participant }).await;

    let mut ben = Member::guest(&door, &room, "Ben").await;
    ben.until_epoch(1).await;
    host.told(
        PATIENCE,
        Event::Knock {
            participant: ben.id(),
            name: "Ben".into(),
        },
    )
    .await;
    let shown = host.history.iter().any(|(_, event)| {
        matches!(event, Event::Knock { participant: who, .. }
            | Event::MemberJoined { participant: who, .. } if *who == participant)
    });
    assert!(!shown, "{:?}", host.history);
    let tree = ben.session.members().len();
    assert_eq!(tree, 2, "only the host and Ben are in the tree");
}

#[tokio::test]
async fn one_who_waits_gets_nothing_of_the_call() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut host = Member::host(&door, &room, "Anna").await;
    let mut guest = Member::guest(&door, &room, "Ben").await;

    for request in [
        offer(),
        Request::Assign { slots: vec![] },
        Request::Live {
            sources: vec![Source::Microphone],
        },
        Request::Ready { epoch: 0 },
        Request::Commit {
            epoch: 0,
            message: vec![1; 64].into(),
            adds: vec![guest.id()],
            welcome: Some(vec![1].into()),
            removes: vec![],
        },
        Request::Refuse {
            participant: host.id(),
        },
        Request::EndCall {},
    ] {
        assert_eq!(
            guest.raw.refused(request.clone()).await,
            Code::Forbidden,
            "{request:?}"
        );
    }
    // Nothing of it happened: the call goes on, and the guest may still be admitted.
    host.admit(guest.id()).await;
    guest.until_epoch(1).await;
    assert_eq!(guest.shared(), host.shared());
}

#[tokio::test]
async fn a_guest_can_neither_end_the_call_nor_remove_nor_refuse() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut host = Member::host(&door, &room, "Anna").await;
    let mut ben = Member::guest(&door, &room, "Ben").await;
    host.admit(ben.id()).await;
    ben.until_epoch(1).await;
    let mut clara = Member::guest(&door, &room, "Clara").await;
    host.admit(clara.id()).await;
    clara.until_epoch(2).await;
    ben.until_epoch(2).await;

    assert_eq!(ben.raw.refused(Request::EndCall {}).await, Code::Forbidden);
    let dora = Member::guest(&door, &room, "Dora").await;
    host.until("Dora's knock", |host| !host.knocks.is_empty())
        .await;
    assert_eq!(
        ben.raw
            .refused(Request::Refuse {
                participant: dora.id()
            })
            .await,
        Code::Forbidden
    );

    let removal = ben
        .session
        .remove(&[MlsParticipant(clara.id().0)])
        .expect("a commit");
    let request = Request::Commit {
        epoch: 2,
        message: removal.commit.into(),
        adds: vec![],
        welcome: None,
        removes: vec![clara.id()],
    };
    assert_eq!(ben.raw.refused(request).await, Code::Forbidden);
    ben.session.discard_pending().expect("a commit to give up");
    // Saying that it removes nobody does not make the service forget anyone, and the members refuse what it does:
    // the removal of Clara is not among the entry's removes, but nobody can be fooled about the tree.
    ben.rekey().await;
    host.until_epoch(3).await;
    clara.until_epoch(3).await;
    assert_eq!(host.shared(), clara.shared());
    assert_eq!(host.roster.len(), 3);
}

#[tokio::test]
async fn without_a_host_every_member_may_admit() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut host = Member::host(&door, &room, "Anna").await;
    let mut ben = Member::guest(&door, &room, "Ben").await;
    host.admit(ben.id()).await;
    ben.until_epoch(1).await;
    let mut clara = Member::guest(&door, &room, "Clara").await;
    host.until("the knock", |host| !host.knocks.is_empty())
        .await;
    assert!(
        ben.knocks.is_empty(),
        "a guest sees no knock while a host is there"
    );

    host.raw.done(Request::Leave {}).await;
    ben.admit(clara.id()).await;
    clara.until_epoch(2).await;
    assert_eq!(clara.shared(), ben.shared());
    assert_eq!(clara.resume().await, Ok(Standing::Member));
}

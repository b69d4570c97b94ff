//! Guests' links over HTTPS and WebSocket, and across restarts.

#![allow(clippy::panic)]

mod common;

use common::{Answer, Page, Server, commit};
use conclave_wire::client::{Reason, Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::control::Command;
use conclave_wire::http::{
    ConsentRule, LinkInfo, LinkList, LinkRequest, LinkState, RoomCreated, RoomInfo, Uses,
};
use conclave_wire::id::LinkId;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const HOUR: u64 = 60 * 60 * 1_000;
const DAY: u64 = 24 * HOUR;

fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time");
    u64::try_from(since.as_millis()).expect("fits")
}

async fn operator(server: &Server, method: &str, path: &str, body: &[u8]) -> Answer {
    let operator = server.operator();
    let headers = [("authorization", operator.as_str())];
    server.http(method, path, &headers, body).await
}

async fn scheduled_room(server: &Server) -> RoomCreated {
    let answer = operator(server, "POST", "/api/v1/rooms", br#"{"scheduled":true}"#).await;
    assert_eq!(answer.status, 201);
    serde_json::from_slice(&answer.body).expect("a room")
}

fn links(room: &RoomCreated) -> String {
    format!("/api/v1/rooms/{}/links", room.room)
}

fn path(room: &RoomCreated, link: LinkId) -> String {
    format!("{}/{link}", links(room))
}

async fn ask_for(server: &Server, room: &RoomCreated, terms: LinkRequest) -> Answer {
    let body = serde_json::to_vec(&terms).expect("json");
    operator(server, "POST", &links(room), &body).await
}

/// A link whose slot lies so far ahead and is so long, milliseconds.
async fn make(
    server: &Server,
    room: &RoomCreated,
    (ahead, long): (u64, u64),
    uses: Uses,
) -> LinkId {
    let from = now() + ahead;
    let until = from + long;
    let consent = ConsentRule::None;
    let terms = LinkRequest {
        from,
        until,
        uses,
        consent,
    };
    let answer = ask_for(server, room, terms).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    let made: LinkInfo = serde_json::from_slice(&answer.body).expect("a link");
    assert_eq!((made.from, made.until, made.uses), (from, until, uses));
    assert_eq!(answer.headers["location"], path(room, made.link));
    made.link
}

async fn listed(server: &Server, room: &RoomCreated) -> Vec<LinkInfo> {
    let answer = operator(server, "GET", &links(room), &[]).await;
    assert_eq!(answer.status, 200);
    let list: LinkList = serde_json::from_slice(&answer.body).expect("a list");
    list.links
}

async fn come(server: &Server, room: &RoomCreated, link: LinkId) -> (Page, ServerFrame) {
    let mut page = server.page(room.room).await;
    let id = page
        .send(Request::Enter {
            host_key: None,
            password: None,
            link: Some(link),
        })
        .await;
    let answer = page.answer(id).await;
    if let ServerFrame::Entered {
        participant, token, ..
    } = &answer
    {
        (page.participant, page.token) = (Some(*participant), token.clone());
    }
    (page, answer)
}

async fn enters(server: &Server, room: &RoomCreated, link: LinkId) -> Page {
    let (page, answer) = come(server, room, link).await;
    assert!(matches!(answer, ServerFrame::Entered { .. }), "{answer:?}");
    page
}

/// What the page is answered before it opens the socket, and what the socket
/// answers: the same.
async fn refused(server: &Server, room: &RoomCreated, link: LinkId) -> (u16, Code) {
    let answer = server.get(&path(room, link)).await;
    let code = answer.problem().code;
    let (mut page, frame) = come(server, room, link).await;
    assert!(
        matches!(frame, ServerFrame::Error { code: of, .. } if of == code),
        "{frame:?} for {code:?}"
    );
    assert_eq!(page.closed().await, 1008);
    (answer.status, code)
}

/// Waits for time to change how the link is answered.
async fn until_not(server: &Server, room: &RoomCreated, link: LinkId, status: u16) {
    while server.get(&path(room, link)).await.status == status {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A call of a host and somebody who came by this link.
async fn call_by(server: &Server, room: &RoomCreated, link: LinkId) -> (Page, Page) {
    let mut anna = server.enter(room, true).await;
    anna.done(Request::StartCall {}).await;
    let mut ben = enters(server, room, link).await;
    ben.knock().await;
    anna.done(commit(room.room, 0, &[ben.id()], &[], b"first"))
        .await;
    ben.entry().await;
    (anna, ben)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_opens_in_its_slot_and_looking_at_it_uses_nothing_up() {
    let server = Server::start().await;
    let room = scheduled_room(&server).await;
    let info = server.get(&format!("/api/v1/rooms/{}", room.room)).await;
    let info: RoomInfo = serde_json::from_slice(&info.body).expect("a room");
    assert!(info.scheduled);

    let early = make(&server, &room, (HOUR, HOUR), Uses::Once).await;
    let answer = server.get(&path(&room, early)).await;
    let opens = answer.problem().opens.expect("when it opens");
    assert!(
        opens.wait <= HOUR && opens.wait > HOUR - 60_000,
        "{opens:?}"
    );
    assert!(opens.at > now());
    assert_eq!(refused(&server, &room, early).await, (403, Code::LinkEarly));

    let soon = make(&server, &room, (400, HOUR), Uses::Once).await;
    until_not(&server, &room, soon, 403).await;
    for _ in 0..5 {
        for method in ["GET", "HEAD"] {
            let answer = server.http(method, &path(&room, soon), &[], &[]).await;
            assert_eq!(answer.status, 200, "{method}");
            assert_eq!(answer.headers["cache-control"], "no-store");
            let page = format!("/r/{}", room.room);
            assert_eq!(server.http(method, &page, &[], &[]).await.status, 200);
        }
    }
    // Nor does coming and going without having been let in.
    for _ in 0..2 {
        enters(&server, &room, soon)
            .await
            .done(Request::Leave {})
            .await;
    }

    let brief = make(&server, &room, (0, 3_000), Uses::Series).await;
    until_not(&server, &room, brief, 200).await;
    assert_eq!(
        refused(&server, &room, brief).await,
        (410, Code::LinkExpired)
    );

    let states: Vec<_> = listed(&server, &room)
        .await
        .iter()
        .map(|link| (link.link, link.state))
        .collect();
    assert_eq!(
        states,
        [
            (soon, LinkState::Active),
            (brief, LinkState::Expired),
            (early, LinkState::Early),
        ],
        "by when they open"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_its_call_uses_a_link_up() {
    let server = Server::start().await;
    let room = scheduled_room(&server).await;
    let link = make(&server, &room, (0, HOUR), Uses::Once).await;
    let (mut anna, ben) = call_by(&server, &room, link).await;
    assert_eq!(listed(&server, &room).await[0].state, LinkState::InUse);
    // The telephone comes back by its token, and by the link as well.
    let mut again = server.page(room.room).await;
    let frame = again.resume(&ben).await;
    assert!(matches!(frame, ServerFrame::Entered { .. }), "{frame:?}");
    drop(enters(&server, &room, link).await);
    let server = server.restart().await;
    drop(enters(&server, &room, link).await);

    let mut back = server.page(room.room).await;
    back.resume(&anna).await;
    back.done(Request::EndCall {}).await;
    anna.closed().await;
    assert_eq!(refused(&server, &room, link).await, (410, Code::LinkUsed));
    let server = server.restart().await;
    assert_eq!(refused(&server, &room, link).await, (410, Code::LinkUsed));
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_throws_the_guest_out_of_the_media_and_of_the_call() {
    let mut server = Server::start().await;
    let room = scheduled_room(&server).await;
    let link = make(&server, &room, (0, HOUR), Uses::Series).await;
    let (mut anna, mut ben) = call_by(&server, &room, link).await;
    let (ben_is, mut waits) = (ben.id(), enters(&server, &room, link).await);
    waits.knock().await;
    while server.commands.try_recv().is_ok() {}

    assert_eq!(
        operator(&server, "DELETE", &path(&room, link), &[])
            .await
            .status,
        204
    );
    for page in [&mut ben, &mut waits] {
        let over = page.until(|frame| match frame {
            ServerFrame::Over { reason } => Some(*reason),
            _ => None,
        });
        assert_eq!(over.await, Reason::Revoked);
        assert_eq!(page.closed().await, 1000);
    }
    let cut_off = Command::Disconnect {
        participant: ben_is,
    };
    assert_eq!(server.command().await, cut_off);
    // Whose leaf is then committed out of the group.
    let left = anna.applied;
    while anna.applied == left {
        anna.entry().await;
    }
    anna.done(commit(room.room, 1, &[], &[ben_is], b"removal"))
        .await;
    assert_eq!(
        refused(&server, &room, link).await,
        (410, Code::LinkRevoked)
    );
    let server = server.restart().await;
    assert_eq!(
        refused(&server, &room, link).await,
        (410, Code::LinkRevoked)
    );
    assert_eq!(listed(&server, &room).await[0].state, LinkState::Revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_link_is_refused_with_its_code() {
    let server = Server::start().await;
    let room = scheduled_room(&server).await;
    let at = now();
    let terms = |from, until| LinkRequest {
        from,
        until,
        uses: Uses::Once,
        consent: ConsentRule::None,
    };
    for (terms, status) in [
        (terms(at + DAY, at + 32 * DAY), 201),
        (terms(at + DAY, at + 32 * DAY + 1), 400),
        (terms(at + DAY, at + DAY), 400),
        (terms(at + DAY, at), 400),
        (terms(at - DAY, at - HOUR), 400),
        (terms(0, u64::MAX), 400),
    ] {
        let answer = ask_for(&server, &room, terms).await;
        assert_eq!(answer.status, status, "{terms:?}");
    }
    for body in ["", "[]", "{}", r#"{"from":1,"until":2,"uses":"often"}"#] {
        let answer = operator(&server, "POST", &links(&room), body.as_bytes()).await;
        assert_eq!(answer.problem().code, Code::BadMessage, "{body}");
    }

    let open = server.create_room().await;
    let answer = ask_for(&server, &open, terms(at, at + DAY)).await;
    assert_eq!(
        (answer.status, answer.problem().code),
        (409, Code::NotScheduled)
    );

    let unknown = LinkId([7; 16]);
    let elsewhere = scheduled_room(&server).await;
    let link = make(&server, &room, (0, HOUR), Uses::Once).await;
    for path in [
        path(&room, unknown),
        path(&elsewhere, link),
        format!("{}/x", links(&room)),
    ] {
        for method in ["GET", "DELETE"] {
            let answer = operator(&server, method, &path, &[]).await;
            assert_eq!(
                (answer.status, answer.problem().code),
                (404, Code::NoSuchLink),
                "{method} {path}"
            );
        }
    }
    // Only the operator makes, lists and revokes.
    for (method, path) in [
        ("POST", links(&room)),
        ("GET", links(&room)),
        ("DELETE", path(&room, link)),
    ] {
        let answer = server.http(method, &path, &[], b"{}").await;
        assert_eq!(
            (answer.status, answer.problem().code),
            (401, Code::Unauthorized),
            "{method}"
        );
    }
    // And the room's own link opens it to hosts alone.
    let mut page = server.page(room.room).await;
    let bare = Request::Enter {
        host_key: None,
        password: None,
        link: None,
    };
    let id = page.send(bare).await;
    let answer = page.answer(id).await;
    assert!(
        matches!(
            answer,
            ServerFrame::Error {
                code: Code::LinkNeeded,
                ..
            }
        ),
        "{answer:?}"
    );
    server.enter(&room, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_room_takes_its_links_with_it() {
    let server = Server::start().await;
    let room = scheduled_room(&server).await;
    let link = make(&server, &room, (0, HOUR), Uses::Once).await;
    let of_room = format!("/api/v1/rooms/{}", room.room);
    assert_eq!(operator(&server, "DELETE", &of_room, &[]).await.status, 204);
    let answer = server.get(&path(&room, link)).await;
    assert_eq!(answer.problem().code, Code::NoSuchRoom);
    assert_eq!(server.kept_in(link.as_bytes()), Vec::<String>::new());
}

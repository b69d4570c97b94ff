//! Consent over HTTPS and WebSocket, and across restarts.

#![allow(clippy::panic)]

mod common;

use common::{Answer, Page, Server};
use conclave_wire::client::{Reason, Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::http::{
    Consent, ConsentText, ConsentTexts, ConsentTextsRequest, ConsentWay, Language, LinkInfo,
    LinkList, LinkState, RoomCreated,
};
use conclave_wire::id::LinkId;
use std::time::{SystemTime, UNIX_EPOCH};

const HOUR: u64 = 60 * 60 * 1_000;

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

fn texts(of: &str) -> ConsentTextsRequest {
    let text = |language: &str| ConsentText {
        notice: format!("{language} notice {of}\n\nsecond paragraph"),
        consent: format!("{language} consent {of}"),
    };
    ConsentTextsRequest {
        de: text("German"),
        en: text("English"),
    }
}

async fn set(server: &Server, texts: &ConsentTextsRequest) -> Answer {
    let body = serde_json::to_vec(texts).expect("json");
    operator(server, "POST", "/api/v1/consent-texts", &body).await
}

async fn scheduled_room(server: &Server) -> RoomCreated {
    let answer = operator(server, "POST", "/api/v1/rooms", br#"{"scheduled":true}"#).await;
    serde_json::from_slice(&answer.body).expect("a room")
}

fn links(room: &RoomCreated) -> String {
    format!("/api/v1/rooms/{}/links", room.room)
}

async fn ask_for_draft(server: &Server, room: &RoomCreated) -> Answer {
    let (from, until) = (now(), now() + HOUR);
    let body = format!(r#"{{"from":{from},"until":{until},"uses":"series","consent":"required"}}"#);
    operator(server, "POST", &links(room), body.as_bytes()).await
}

/// A draft, once there are texts.
async fn draft(server: &Server, room: &RoomCreated) -> LinkId {
    let answer = ask_for_draft(server, room).await;
    assert_eq!(answer.status, 201);
    let made: LinkInfo = serde_json::from_slice(&answer.body).expect("a link");
    assert_eq!((made.state, made.consent), (LinkState::Draft, None));
    made.link
}

async fn listed(server: &Server, room: &RoomCreated) -> LinkInfo {
    let answer = operator(server, "GET", &links(room), &[]).await;
    let list: LinkList = serde_json::from_slice(&answer.body).expect("a list");
    list.links[0]
}

async fn enter(server: &Server, room: &RoomCreated, link: LinkId) -> (Page, ServerFrame) {
    let mut page = server.page(room.room).await;
    let id = page
        .send(Request::Enter {
            host_key: None,
            password: None,
            link: Some(link),
        })
        .await;
    let answer = page.answer(id).await;
    (page, answer)
}

fn is_refused(frame: &ServerFrame, with: Code) -> bool {
    matches!(frame, ServerFrame::Error { code, .. } if *code == with)
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_kept_by_version_and_read_by_anyone() {
    let server = Server::start().await;
    let current = "/api/v1/consent-texts/current";
    let none = server.get(current).await;
    assert_eq!((none.status, none.problem().code), (404, Code::NotFound));
    let room = scheduled_room(&server).await;
    let answer = ask_for_draft(&server, &room).await;
    let code = answer.problem().code;
    assert_eq!((answer.status, code), (409, Code::NoConsentText));

    for (version, of) in [(1, "first"), (2, "second")] {
        let answer = set(&server, &texts(of)).await;
        assert_eq!(answer.status, 201);
        let path = format!("/api/v1/consent-texts/{version}");
        assert_eq!(answer.headers["location"], path);
    }
    let server = server.restart().await;
    for (path, version, of) in [
        ("current", 2, "second"),
        ("1", 1, "first"),
        ("2", 2, "second"),
    ] {
        let answer = server.get(&format!("/api/v1/consent-texts/{path}")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["cache-control"], "no-store");
        let ConsentTextsRequest { de, en } = texts(of);
        let found: ConsentTexts = serde_json::from_slice(&answer.body).expect("texts");
        assert_eq!(found, ConsentTexts { version, de, en });
    }
    for path in ["0", "3", "-1", "x", "99999999999"] {
        let answer = server.get(&format!("/api/v1/consent-texts/{path}")).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    // Only the operator sets them, and only what can be read.
    let body = serde_json::to_vec(&texts("third")).expect("json");
    let answer = server
        .http("POST", "/api/v1/consent-texts", &[], &body)
        .await;
    assert_eq!(answer.status, 401);
    for (notice, status) in [
        (String::new(), 400),
        ("a\u{7}".to_owned(), 400),
        ("ä".repeat(8 << 10), 201),
        ("a".repeat((16 << 10) + 1), 413),
        ("a".repeat(1 << 20), 413),
    ] {
        let mut third = texts("third");
        third.en.notice = notice;
        assert_eq!(set(&server, &third).await.status, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_opens_once_its_guest_has_consented_and_no_name_is_kept() {
    let server = Server::start().await;
    set(&server, &texts("first")).await;
    let room = scheduled_room(&server).await;
    let link = draft(&server, &room).await;
    let path = format!("{}/{link}", links(&room));
    let consent = format!("{path}/consent");
    let page = br#"{"version":1,"language":"en"}"#;

    let refused = async |server: &Server, code: Code| {
        let answer = server.get(&path).await;
        assert_eq!(
            (answer.status, answer.problem().code),
            (code.status(), code)
        );
        let (mut page, frame) = enter(server, &room, link).await;
        assert!(is_refused(&frame, code), "{frame:?}");
        assert_eq!(page.closed().await, 1008);
    };
    refused(&server, Code::LinkDraft).await;
    let answer = server.http("POST", &consent, &[], page).await;
    assert_eq!(answer.problem().code, Code::LinkDraft);
    let hand_out = format!("{path}/hand-out");
    assert_eq!(server.http("POST", &hand_out, &[], &[]).await.status, 401);
    assert_eq!(operator(&server, "POST", &hand_out, &[]).await.status, 204);
    refused(&server, Code::ConsentNeeded).await;
    let server = server.restart().await;
    refused(&server, Code::ConsentNeeded).await;
    assert_eq!(Code::ConsentNeeded.status(), 409);

    // Another text than that which holds, none, and staff's word from others.
    set(&server, &texts("second")).await;
    let outdated = server.http("POST", &consent, &[], page).await;
    assert_eq!(outdated.problem().code, Code::ConsentOutdated);
    for body in ["", "{}", r#"{"version":2,"language":"fr"}"#] {
        let answer = server.http("POST", &consent, &[], body.as_bytes()).await;
        assert_eq!(answer.status, 400, "{body}");
    }
    let mail = br#"{"version":1,"language":"de","way":"mail"}"#;
    assert_eq!(server.http("POST", &consent, &[], mail).await.status, 401);
    let answer = server.http("DELETE", &consent, &[], &[]).await;
    assert_eq!(answer.problem().code, Code::ConsentNeeded);
    refused(&server, Code::ConsentNeeded).await;

    let before = now();
    let body = br#"{"version":2,"language":"en"}"#;
    assert_eq!(server.http("POST", &consent, &[], body).await.status, 204);
    let server = server.restart().await;
    let kept = listed(&server, &room).await.consent.expect("a consent");
    assert!((before..=now()).contains(&kept.at));
    let expected = Consent {
        version: 2,
        language: Language::En,
        at: kept.at,
        way: ConsentWay::Page,
    };
    assert_eq!(kept, expected);
    let info: LinkInfo = serde_json::from_slice(&server.get(&path).await.body).expect("a link");
    assert_eq!(info.consent, Some(expected));
    let (mut guest, frame) = enter(&server, &room, link).await;
    assert!(matches!(frame, ServerFrame::Entered { .. }), "{frame:?}");

    // Withdrawn by the guest: out at once, and closed.
    assert_eq!(server.http("DELETE", &consent, &[], &[]).await.status, 204);
    let over = guest.until(|frame| match frame {
        ServerFrame::Over { reason } => Some(*reason),
        _ => None,
    });
    assert_eq!(over.await, Reason::Withdrawn);
    assert_eq!(guest.closed().await, 1000);
    refused(&server, Code::ConsentWithdrawn).await;
    let server = server.restart().await;
    refused(&server, Code::ConsentWithdrawn).await;
    let problem = server.get(&path).await.problem();
    assert_eq!((problem.status, problem.consent), (410, Some(expected)));
    assert_eq!(listed(&server, &room).await.state, LinkState::Withdrawn);
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_note_a_consent_that_came_by_mail_and_its_withdrawal() {
    let server = Server::start().await;
    set(&server, &texts("first")).await;
    set(&server, &texts("second")).await;
    let room = scheduled_room(&server).await;
    let link = draft(&server, &room).await;
    let consent = format!("{}/{link}/consent", links(&room));
    let unknown = br#"{"version":3,"language":"de","way":"mail"}"#;
    let answer = operator(&server, "POST", &consent, unknown).await;
    assert_eq!(answer.problem().code, Code::ConsentOutdated);
    // The mail answers the text that it was sent with.
    let mail = br#"{"version":1,"language":"de","way":"mail"}"#;
    assert_eq!(operator(&server, "POST", &consent, mail).await.status, 204);
    let found = listed(&server, &room).await;
    assert_eq!(found.state, LinkState::Active);
    let kept = found.consent.expect("a consent");
    assert_eq!((kept.version, kept.way), (1, ConsentWay::Mail));
    assert_eq!(operator(&server, "DELETE", &consent, &[]).await.status, 204);
    assert_eq!(listed(&server, &room).await.state, LinkState::Withdrawn);

    // And all of it goes with the room.
    let of_room = format!("/api/v1/rooms/{}", room.room);
    assert_eq!(operator(&server, "DELETE", &of_room, &[]).await.status, 204);
    assert_eq!(server.kept_in(link.as_bytes()), Vec::<String>::new());
}

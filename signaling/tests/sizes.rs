//! The largest size of a room over HTTPS and WebSocket.

#![allow(clippy::panic)]

mod common;

use common::{Answer, Server, commit};
use conclave_wire::client::{Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::http::{Problem, RoomCreated, RoomList};

async fn create(server: &Server, body: &str) -> Answer {
    let operator = server.operator();
    let headers = [("authorization", operator.as_str())];
    let body = body.as_bytes();
    server.http("POST", "/api/v1/rooms", &headers, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_takes_no_more_people_than_were_said_when_it_was_made() {
    for body in [
        r#"{"maxPeople":2}"#,
        r#"{"maxPeople":2,"title":"Quarterly"}"#,
    ] {
        let server = Server::start().await;
        let made = create(&server, body).await;
        assert_eq!(made.status, 201);
        let room: RoomCreated = serde_json::from_slice(&made.body).expect("a room");
        let server = server.restart().await;
        let operator = server.operator();
        let headers = [("authorization", operator.as_str())];
        let list = server.http("GET", "/api/v1/rooms", &headers, b"").await;
        let list: RoomList = serde_json::from_slice(&list.body).expect("rooms");
        assert_eq!(list.rooms[0].max_people, Some(2));

        let mut anna = server.enter(&room, true).await;
        anna.done(Request::StartCall {}).await;
        let mut ben = server.enter(&room, false).await;
        ben.knock().await;
        let add = commit(room.room, 0, &[ben.id()], &[], b"one");
        anna.done(add).await;
        let mut late = server.page(room.room).await;
        let enter = Request::Enter {
            host_key: None,
            password: None,
            link: None,
        };
        let id = late.send(enter).await;
        let frame = late.answer(id).await;
        let code = Code::PeopleLimit;
        let expected = matches!(&frame, ServerFrame::Error { code: of, .. } if *of == code);
        assert!(expected, "{frame:?}");
        assert_eq!(late.closed().await, 1013, "try again later");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_that_are_none_are_refused() {
    let server = Server::start().await;
    for (body, verdict) in [
        (r#"{"maxPeople":2}"#, None),
        (r#"{"maxPeople":100}"#, None),
        (r#"{"maxPeople":101}"#, Some(Code::QuotaReached)),
        (r#"{"maxPeople":4294967295}"#, Some(Code::QuotaReached)),
        (r#"{"maxPeople":1}"#, Some(Code::BadMessage)),
        (r#"{"maxPeople":0}"#, Some(Code::BadMessage)),
        (r#"{"maxPeople":-2}"#, Some(Code::BadMessage)),
        (r#"{"maxPeople":2.5}"#, Some(Code::BadMessage)),
        (
            r#"{"maxPeople":3,"consultation":{"people":3}}"#,
            Some(Code::BadMessage),
        ),
    ] {
        let answer = create(&server, body).await;
        let Some(code) = verdict else {
            assert_eq!(answer.status, 201, "{body}");
            continue;
        };
        let problem: Problem = serde_json::from_slice(&answer.body).expect("a problem");
        assert_eq!(
            (answer.status, problem.code),
            (code.status(), code),
            "{body}"
        );
    }
}

//! Consultations over HTTPS and WebSocket.

#![allow(clippy::panic)]

mod common;

use common::{Answer, Server, commit};
use conclave_wire::client::{Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::http::{Consultation, RoomCreated, RoomInfo};

async fn create(server: &Server, consultation: &str) -> Answer {
    let operator = server.operator();
    let headers = [("authorization", operator.as_str())];
    let body = format!(r#"{{"consultation":{consultation}}}"#);
    server
        .http("POST", "/api/v1/rooms", &headers, body.as_bytes())
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consultation_says_with_whom_it_is_and_takes_no_more_than_its_people() {
    let server = Server::start().await;
    let made = create(&server, r#"{"people":2,"hostName":"Dr. Anna Beispiel"}"#).await;
    assert_eq!(made.status, 201);
    let room: RoomCreated = serde_json::from_slice(&made.body).expect("a room");
    let server = server.restart().await;
    let info = server.get(&format!("/api/v1/rooms/{}", room.room)).await;
    let info: RoomInfo = serde_json::from_slice(&info.body).expect("a room");
    let expected = Consultation {
        people: 2,
        host_name: Some("Dr. Anna Beispiel".to_owned()),
    };
    assert_eq!(info.consultation, Some(expected));

    let mut anna = server.enter(&room, true).await;
    anna.done(Request::StartCall {}).await;
    let (mut ben, mut chris) = (
        server.enter(&room, false).await,
        server.enter(&room, false).await,
    );
    ben.knock().await;
    chris.knock().await;
    let both = commit(room.room, 0, &[ben.id(), chris.id()], &[], b"both");
    let id = anna.send(both).await;
    let refused = anna.answer(id).await;
    let code = Code::PeopleLimit;
    let expected = matches!(&refused, ServerFrame::Error { code: of, .. } if *of == code);
    assert!(expected, "{refused:?}");
    assert_eq!(code.status(), 409);
    anna.done(commit(room.room, 0, &[ben.id()], &[], b"one"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_consultation_is_refused() {
    let server = Server::start().await;
    let long = format!(r#"{{"people":3,"hostName":"{}"}}"#, "a".repeat(65));
    for (consultation, status) in [
        (r#"{"people":2}"#, 201),
        (r#"{"people":9}"#, 201),
        (r#"{"people":1}"#, 400),
        (r#"{"people":10}"#, 400),
        (r#"{"people":-1}"#, 400),
        ("{}", 400),
        (r#"{"people":2,"hostName":""}"#, 400),
        (r#"{"people":2,"hostName":" a"}"#, 400),
        (r#"{"people":2,"hostName":"a\u0007"}"#, 400),
        (&long, 400),
    ] {
        let answer = create(&server, consultation).await;
        assert_eq!(answer.status, status, "{consultation}");
    }
    // Any other room is none.
    let room = server.create_room().await;
    let info = server.get(&format!("/api/v1/rooms/{}", room.room)).await;
    let info: RoomInfo = serde_json::from_slice(&info.body).expect("a room");
    assert_eq!(info.consultation, None);
}

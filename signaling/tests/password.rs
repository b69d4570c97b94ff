//! The password of a room's links through the service's real doors.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::Server;
use conclave_wire::client::{Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::http::{RoomCreated, RoomInfo, RoomRequest, Sharing};
use conclave_wire::id::Blob;
use sha2::{Digest as _, Sha256};

const PROOF: [u8; 32] = [7; 32];

async fn create(server: &Server, body: &[u8]) -> common::Answer {
    let operator = server.operator();
    let authorization = [("authorization", operator.as_str())];
    server
        .http("POST", "/api/v1/rooms", &authorization, body)
        .await
}

async fn room_with_password(server: &Server) -> RoomCreated {
    let request = RoomRequest {
        password: Some(Blob(Sha256::digest(PROOF).to_vec())),
        scheduled: false,
        consultation: None,
        title: None,
        max_people: None,
        sharing: Sharing::All,
        marking: None,
        listed: None,
    };
    let body = serde_json::to_vec(&request).expect("json");
    let answer = create(server, &body).await;
    assert_eq!(answer.status, 201);
    serde_json::from_slice(&answer.body).expect("a room")
}

/// Tries to enter by the guests' link; all that the server says before it
/// closes the socket.
async fn try_guest(server: &Server, room: &RoomCreated, proof: Option<[u8; 32]>) -> ServerFrame {
    let mut page = server.page(room.room).await;
    let id = page
        .send(Request::Enter {
            host_key: None,
            password: proof.map(|proof| Blob(proof.to_vec())),
            link: None,
        })
        .await;
    let answer = page.answer(id).await;
    if !matches!(answer, ServerFrame::Entered { .. }) {
        page.closed().await;
    }
    answer
}

async fn code(server: &Server, room: &RoomCreated, proof: Option<[u8; 32]>) -> Code {
    match try_guest(server, room, proof).await {
        ServerFrame::Error { code, .. } => code,
        other => panic!("let in: {other:?}"),
    }
}

async fn unlock(server: &Server, room: &RoomCreated, authorization: &str) -> u16 {
    let path = format!("/api/v1/rooms/{}/unlock", room.room);
    let headers = [("authorization", authorization)];
    server.http("POST", &path, &headers, &[]).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_says_whether_it_has_a_password_and_keeps_a_hash_of_the_proof() {
    let server = Server::start().await;
    for (room, password) in [
        (server.create_room().await, false),
        (room_with_password(&server).await, true),
    ] {
        let answer = server.get(&format!("/api/v1/rooms/{}", room.room)).await;
        let info: RoomInfo = serde_json::from_slice(&answer.body).expect("a room");
        assert_eq!(info.password, password);
    }
    assert_eq!(server.kept_in(&PROOF), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_digest_of_a_proof_makes_no_room() {
    let server = Server::start().await;
    for body in [
        &br#"{"password":"AAAA"}"#[..],
        br#"{"password":7}"#,
        br#"{"password":"the password itself"}"#,
        br#"{"passphrase":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
        b"[]",
    ] {
        let answer = create(&server, body).await;
        assert_eq!(answer.problem().code, Code::BadMessage);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_passwords_lock_the_link_over_a_restart_until_the_operator_unlocks_it() {
    let server = Server::start().await;
    let room = room_with_password(&server).await;
    assert_eq!(code(&server, &room, None).await, Code::PasswordNeeded);
    for left in (1..5).rev() {
        let answer = try_guest(&server, &room, Some([8; 32])).await;
        assert!(
            matches!(
                answer,
                ServerFrame::Error { code: Code::PasswordWrong, tries_left: Some(tries), .. }
                    if tries == left
            ),
            "{answer:?}"
        );
    }
    assert_eq!(code(&server, &room, Some([8; 32])).await, Code::LinkLocked);
    let server = server.restart().await;
    assert_eq!(code(&server, &room, Some(PROOF)).await, Code::LinkLocked);

    assert_eq!(unlock(&server, &room, "Bearer nonsense").await, 401);
    assert_eq!(code(&server, &room, Some(PROOF)).await, Code::LinkLocked);
    let operator = server.operator();
    assert_eq!(unlock(&server, &room, &operator).await, 204);
    let answer = try_guest(&server, &room, Some(PROOF)).await;
    assert!(matches!(answer, ServerFrame::Entered { .. }), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_at_once_are_counted_one_by_one() {
    let server = Server::start().await;
    let room = room_with_password(&server).await;
    let tries = (0..12).map(|n| code(&server, &room, Some([n + 100; 32])));
    let codes = futures_util::future::join_all(tries).await;
    let wrong = codes.iter().filter(|code| **code == Code::PasswordWrong);
    assert_eq!(wrong.count(), 4, "{codes:?}");
    assert_eq!(code(&server, &room, Some(PROOF)).await, Code::LinkLocked);
}

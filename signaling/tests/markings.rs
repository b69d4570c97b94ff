//! Rooms whose calls are marked, over HTTPS and WebSocket.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use common::Server;
use common::client::{Client, read};
use common::device::{draw, on_new_device, refused, request};
use conclave_wire::account::Role;
use conclave_wire::client::{Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::http::{RoomCreated, RoomInfo, RoomList};
use conclave_wire::id::Blob;
use serde_json::json;

fn knock() -> Request {
    Request::Knock {
        key_package: Blob(vec![1; 100]),
        tag: Blob(vec![5; 32]),
    }
}

async fn refusal(page: &mut common::Page, request: Request) -> Code {
    let id = page.send(request).await;
    match page.answer(id).await {
        ServerFrame::Error { code, .. } => code,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_part_in_a_marked_call_without_a_certificate() {
    let server = Server::start().await;
    let body = json!({ "marking": "VS-NfD" });
    let room: RoomCreated = read(&Client::operator(&server).post("rooms", body).await);
    let server = server.restart().await;
    let operator = Client::operator(&server);
    let info: RoomInfo = operator.get(&format!("rooms/{}", room.room)).await;
    assert_eq!(info.marking.as_deref(), Some("VS-NfD"));
    let list: RoomList = operator.get("rooms").await;
    assert_eq!(list.rooms[0].marking, info.marking);

    let made = operator.account("default", "anna", Role::Host).await;
    let (anna, info, device) = on_new_device(&server, "default", &made).await;
    let mut host = server.enter(&room, true).await;
    let refused_at = refusal(&mut host, Request::StartCall {}).await;
    assert_eq!(refused_at, Code::CertificateNeeded);
    let body = request(&info, device.device, &draw(), (&room, &host));
    assert_eq!(anna.post("session/certificate", body).await.status, 201);
    host.done(Request::StartCall {}).await;

    let mut guest = server.enter(&room, false).await;
    let refused_at = refusal(&mut guest, knock()).await;
    assert_eq!(refused_at, Code::CertificateNeeded);
    let body = request(&info, device.device, &draw(), (&room, &guest));
    assert_eq!(anna.post("session/certificate", body).await.status, 201);
    guest.done(knock()).await;
    // What it is marked as is said again to who comes back.
    let mut back = server.page(room.room).await;
    match back.resume(&guest).await {
        ServerFrame::Entered { marking, .. } => assert_eq!(marking.as_deref(), Some("VS-NfD")),
        other => panic!("not back: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn markings_that_are_none_or_hold_for_nobody_are_refused() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    for fit in ["V", "VS-NfD", "NUR FÜR DEN DIENSTGEBRAUCH", &"ä".repeat(32)] {
        let answer = operator.post("rooms", json!({ "marking": fit })).await;
        assert_eq!(answer.status, 201, "{fit}");
    }
    for unfit in [
        "",
        " ",
        " VS-NfD",
        "VS-NfD ",
        "VS\nNfD",
        "\u{7f}",
        &"ä".repeat(33),
    ] {
        let answer = operator.post("rooms", json!({ "marking": unfit })).await;
        refused(&answer, Code::MarkingUnfit);
    }
    for more in [
        json!({ "marking": "VS-NfD", "scheduled": true }),
        json!({ "marking": "VS-NfD", "consultation": { "people": 2 } }),
    ] {
        refused(&operator.post("rooms", more).await, Code::MarkingUnfit);
    }
    let list: RoomList = operator.get("rooms").await;
    assert_eq!(list.rooms.len(), 4);
}

//! Rooms whose calls are marked, over HTTPS and WebSocket.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use common::Server;
use common::client::{Client, read, session};
use common::device::{draw, on_new_device, refused, request};
use conclave_wire::account::Role;
use conclave_wire::audit::{Act, AuditList};
use conclave_wire::client::{Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::http::{RoomCreated, RoomInfo, RoomList, RoomPeople};
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

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_certified_for_a_marked_call_who_is_not_on_its_list() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let annas = operator.account("default", "anna", Role::Host).await;
    let bens = operator.account("default", "ben", Role::Member).await;
    let body = json!({ "marking": "VS-NfD", "listed": ["Anna", "anna"] });
    let room: RoomCreated = read(&operator.post("rooms", body).await);
    let people = format!("rooms/{}/people", room.room);
    let shown: RoomPeople = operator.get(&people).await;
    assert_eq!(shown.listed.as_deref(), Some(&["anna".to_owned()][..]));

    let (anna, of_anna, annas_device) = on_new_device(&server, "default", &annas).await;
    let (ben, of_ben, bens_device) = on_new_device(&server, "default", &bens).await;
    let page = server.enter(&room, true).await;
    let asked = || request(&of_anna, annas_device.device, &draw(), (&room, &page));
    assert_eq!(anna.post("session/certificate", asked()).await.status, 201);
    let bens_page = server.enter(&room, false).await;
    let of_bens = || request(&of_ben, bens_device.device, &draw(), (&room, &bens_page));
    refused(
        &ben.post("session/certificate", of_bens()).await,
        Code::NotListed,
    );
    // In other rooms the list says nothing, and nor does it once it names Ben.
    let other: RoomCreated = read(&operator.post("rooms", json!({ "marking": "V" })).await);
    let elsewhere = server.enter(&other, false).await;
    let body = request(&of_ben, bens_device.device, &draw(), (&other, &elsewhere));
    assert_eq!(ben.post("session/certificate", body).await.status, 201);
    let both = json!({ "listed": ["ben", "anna"] });
    let shown: RoomPeople = read(&anna.ask("PUT", &people, both).await);
    assert_eq!(shown.listed.unwrap(), ["anna", "ben"]);
    assert_eq!(ben.post("session/certificate", of_bens()).await.status, 201);
    let log: AuditList = operator.get("audit?limit=100").await;
    let set = log
        .lines
        .iter()
        .rfind(|line| line.act == Act::RoomPeopleSet);
    let (actor, object) = set.map(|line| (line.actor, line.object.clone())).unwrap();
    assert_eq!(
        (actor, object.unwrap().0),
        (Some(of_anna.account), room.room.0.to_vec())
    );
    // Nobody is on an empty list, also when those on it have left.
    let only = json!({ "listed": ["ben"] });
    assert_eq!(anna.ask("PUT", &people, only).await.status, 200);
    refused(
        &anna.post("session/certificate", asked()).await,
        Code::NotListed,
    );
    let gone = format!("accounts/{}", bens.account.account);
    let answer = operator.ask("DELETE", &gone, serde_json::Value::Null).await;
    assert_eq!(answer.status, 204);
    let shown: RoomPeople = operator.get(&people).await;
    assert_eq!(shown.listed.as_deref(), Some(&[][..]));
    refused(
        &anna.post("session/certificate", asked()).await,
        Code::NotListed,
    );
    assert_eq!(anna.ask("PUT", &people, json!({})).await.status, 200);
    assert_eq!(anna.post("session/certificate", asked()).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_of_marked_rooms_and_of_people_of_the_organisation() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let plain = json!({ "listed": ["anna"] });
    refused(
        &operator.post("rooms", plain.clone()).await,
        Code::MarkingUnfit,
    );
    let room: RoomCreated = read(&operator.post("rooms", json!({})).await);
    let people = format!("rooms/{}/people", room.room);
    let answer = operator.ask("PUT", &people, plain.clone()).await;
    refused(&answer, Code::MarkingUnfit);
    let marked = json!({ "marking": "V", "listed": ["nobody"] });
    refused(&operator.post("rooms", marked).await, Code::NoSuchAccount);
    let room: RoomCreated = read(&operator.post("rooms", json!({ "marking": "V" })).await);
    let people = format!("rooms/{}/people", room.room);
    let made = operator.post("tenants", json!({ "name": "other" })).await;
    assert_eq!(made.status, 201);
    operator.account("other", "anna", Role::Host).await;
    refused(
        &operator.ask("PUT", &people, plain).await,
        Code::NoSuchAccount,
    );
    let many: Vec<_> = (0..501).map(|name| format!("a{name}")).collect();
    let many = json!({ "listed": many });
    refused(&operator.ask("PUT", &people, many).await, Code::BadMessage);
    let shown: RoomPeople = operator.get(&people).await;
    assert_eq!(shown.listed, None, "what is refused changes nothing");
    let rooms: RoomList = operator.get("rooms").await;
    assert_eq!(rooms.rooms.len(), 2);
    // A member makes no lists, and another organisation knows of no room.
    let ben = operator.account("default", "ben", Role::Member).await;
    let (ben, _) = session(&server, "default", &ben).await;
    refused(&ben.ask("PUT", &people, json!({})).await, Code::Forbidden);
    let eve = operator.account("other", "eve", Role::Host).await;
    let (eve, _) = session(&server, "other", &eve).await;
    refused(&eve.ask("PUT", &people, json!({})).await, Code::NoSuchRoom);
}

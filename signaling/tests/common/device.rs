//! Sessions on devices, certificates for stays, and how those end.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails says where"
)]

use super::client::{Client, read, session};
use super::{Answer, Page, Server};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use conclave_wire::account::{AccountMade, SessionInfo};
use conclave_wire::client::{Reason, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::device::{CertificateIssued, DeviceInfo};
use conclave_wire::http::RoomCreated;
use conclave_wire::id::{Blob, DeviceId};
use serde_json::{Value, json};

/// A signature key.
pub(crate) fn draw() -> Ed25519KeyPair {
    Ed25519KeyPair::generate().unwrap()
}

/// What asks for a certificate for a stay: written from `docs/protocol.md`.
pub(crate) fn request(
    info: &SessionInfo,
    device: DeviceId,
    key: &Ed25519KeyPair,
    (room, page): (&RoomCreated, &Page),
) -> Value {
    let own = key.public_key().as_ref();
    let label = b"conclave 1 device certificate";
    let participant = page.id();
    let said = [&label[..], &info.account.0, &device.0, &participant.0, own];
    let proof = Blob(key.sign(&said.concat()).as_ref().to_vec());
    json!({
        "key": Blob(own.to_vec()),
        "proof": proof,
        "room": room.room,
        "participant": participant,
        "token": page.token,
    })
}

pub(crate) async fn on_device(client: &Client<'_>, body: Value) -> DeviceInfo {
    read(&client.ask("PUT", "session/device", body).await)
}

/// A session on a device of its own.
pub(crate) async fn on_new_device<'s>(
    server: &'s Server,
    tenant: &str,
    made: &AccountMade,
) -> (Client<'s>, SessionInfo, DeviceInfo) {
    let (client, info) = session(server, tenant, made).await;
    let device = on_device(&client, json!({ "name": "Laptop" })).await;
    (client, info, device)
}

pub(crate) fn refused(answer: &Answer, code: Code) {
    assert_eq!(answer.problem().code, code);
}

/// A certificate for a stay.
pub(crate) async fn certified(
    who: (&Client<'_>, &SessionInfo, &DeviceInfo),
    stay: (&RoomCreated, &Page),
) -> CertificateIssued {
    let (client, info, device) = who;
    let body = request(info, device.device, &draw(), stay);
    read(&client.post("session/certificate", body).await)
}

/// Waits until a page is told that its device was revoked, and is closed.
pub(crate) async fn is_thrown_out(page: &mut Page) {
    let over = page.until(|frame| match frame {
        ServerFrame::Over { reason } => Some(*reason),
        _ => None,
    });
    assert_eq!(over.await, Reason::DeviceRevoked);
    assert_eq!(page.closed().await, 1000);
}

/// Tries to go on with a stay that is over.
pub(crate) async fn cannot_resume(server: &Server, room: &RoomCreated, stay: &Page) {
    let mut back = server.page(room.room).await;
    match back.resume(stay).await {
        ServerFrame::Error { code, .. } => assert_eq!(code, Code::Gone),
        other => panic!("is back: {other:?}"),
    }
}

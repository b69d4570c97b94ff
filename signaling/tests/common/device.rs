//! Sessions on devices, and what asks for a certificate.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use super::client::{Client, read, session};
use super::{Answer, Page, Server};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use conclave_wire::account::{AccountMade, SessionInfo};
use conclave_wire::code::Code;
use conclave_wire::device::DeviceInfo;
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

//! What an organisation certifies of its people's devices, and whose sessions
//! revoking one ends.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use aws_lc_rs::signature::KeyPair as _;
use common::Server;
use common::client::{Client, read, session};
use common::device::{draw, on_device, on_new_device, refused, request};
use conclave_wire::account::{AccountMade, Role};
use conclave_wire::code::Code;
use conclave_wire::device::{CertificateIssued, DeviceList};
use conclave_wire::id::{Blob, DeviceId};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, UnixTime};
use serde_json::{Value, json};
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// id-kp-imUri, DER (RFC 9734 section 3).
const IM_URI: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 40];

async fn devices(client: &Client<'_>, made: &AccountMade) -> Vec<DeviceId> {
    let path = format!("accounts/{}/devices", made.account.account);
    let list: DeviceList = client.get(&path).await;
    list.devices.iter().map(|device| device.device).collect()
}

async fn root(client: &Client<'_>, query: &str) -> CertificateDer<'static> {
    let answer = client
        .ask("GET", &format!("root{query}"), Value::Null)
        .await;
    assert_eq!(answer.status, 200);
    CertificateDer::from_pem_slice(&answer.body).unwrap()
}

/// Whether a certificate is good by a root, so many hours from now.
fn verify(issued: &CertificateIssued, root: &CertificateDer<'_>, hours: f64) -> bool {
    let leaf = CertificateDer::from(issued.certificate.0.as_slice());
    let leaf = EndEntityCert::try_from(&leaf).unwrap();
    let anchors = [anchor_from_trusted_cert(root).unwrap()];
    let then = common::client::now() as f64 + hours * 3600.0;
    let then = UnixTime::since_unix_epoch(Duration::from_secs_f64(then));
    let verified = leaf.verify_for_usage(
        &[webpki::aws_lc_rs::ED25519],
        &anchors,
        &[],
        then,
        KeyUsage::required(&IM_URI),
        None,
        None,
    );
    verified.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_certified_for_its_key_and_the_name_its_organisation_knows() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    operator.post("tenants", json!({ "name": "other" })).await;
    let made = operator.account("default", "anna", Role::Member).await;
    let (anna, info, device) = on_new_device(&server, "default", &made).await;
    let key = draw();
    let room = server.create_room().await;
    let page = server.enter(&room, false).await;
    let body = request(&info, device.device, &key, (&room, &page));
    let issued: CertificateIssued = read(&anna.post("session/certificate", body).await);

    let root_of = root(&anna, "").await;
    assert_eq!(issued.root.0, root_of.as_ref());
    assert_eq!(root(&operator, "?tenant=default").await, root_of);
    for (hours, good) in [
        (-0.9, true),
        (0.0, true),
        (11.9, true),
        (-1.1, false),
        (12.1, false),
    ] {
        assert_eq!(verify(&issued, &root_of, hours), good, "{hours}");
    }
    let other = root(&operator, "?tenant=other").await;
    assert_ne!(other, root_of);
    assert!(!verify(&issued, &other, 0.0));

    let leaf = CertificateDer::from(issued.certificate.0.as_slice());
    let leaf = EndEntityCert::try_from(&leaf).unwrap();
    let spki = leaf.subject_public_key_info();
    assert!(spki.as_ref().ends_with(key.public_key().as_ref()));
    let holds = |text: &str| {
        let mut windows = leaf.subject().windows(text.len());
        windows.any(|window| window == text.as_bytes())
    };
    assert!(holds("Anna Berg") && holds("default") && !holds("anna"));
    let uri = format!("/{}/{}/{}", info.account, device.device, page.id());
    let uris: Vec<_> = leaf.valid_uri_names().collect();
    assert!(uris.len() == 1 && uris[0].ends_with(&uri), "{uris:?}");

    let list: DeviceList = anna
        .get(&format!("accounts/{}/devices", info.account))
        .await;
    assert_eq!(list.devices[0].certified_until, Some(issued.until));
    assert_eq!(list.devices[0].name, "Laptop");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_certified_for_a_key_without_proof_that_they_hold_it() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let made = operator.account("default", "anna", Role::Member).await;
    let (anna, info) = session(&server, "default", &made).await;
    let room = server.create_room().await;
    let page = server.enter(&room, false).await;
    let stay = (&room, &page);
    let body = request(&info, DeviceId([0; 16]), &draw(), stay);
    let early = anna.post("session/certificate", body).await;
    refused(&early, Code::DeviceNeeded);
    let device = on_device(&anna, json!({ "name": "Laptop" })).await.device;
    let ben = operator.account("default", "ben", Role::Member).await;
    let (_, bens, bens_device) = on_new_device(&server, "default", &ben).await;

    let (key, other) = (draw(), draw());
    let right = request(&info, device, &key, stay);
    let mut stolen = request(&info, device, &other, stay);
    stolen["key"] = right["key"].clone();
    let mut short = right.clone();
    short["key"] = json!(Blob(vec![7; 31]));
    let elsewhere = server.enter(&room, false).await;
    let mut moved = request(&info, device, &key, (&room, &elsewhere));
    moved["participant"] = right["participant"].clone();
    for wrong in [
        stolen,
        short,
        moved,
        request(&bens, bens_device.device, &key, stay),
        request(&info, bens_device.device, &key, stay),
    ] {
        let answer = anna.post("session/certificate", wrong.clone()).await;
        refused(&answer, Code::ProofWrong);
    }
    assert_eq!(
        anna.post("session/certificate", right.clone()).await.status,
        201
    );
    refused(
        &operator.post("session/certificate", right).await,
        Code::Forbidden,
    );
    let nameless = json!({ "name": " " });
    let answer = anna.ask("PUT", "session/device", nameless).await;
    refused(&answer, Code::BadMessage);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_stays_on_its_device_and_a_device_stays_its_accounts() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let made = operator.account("default", "anna", Role::Member).await;
    let (anna, _, first) = on_new_device(&server, "default", &made).await;
    let again = on_device(&anna, json!({ "name": "Another" })).await;
    assert_eq!(again, first, "a session has one device");
    let (later, _) = session(&server, "default", &made).await;
    let named = json!({ "name": "Laptop", "device": first.device });
    assert_eq!(on_device(&later, named.clone()).await, first);

    let ben = operator.account("default", "ben", Role::Member).await;
    let (bens, _) = session(&server, "default", &ben).await;
    let bens_device = on_device(&bens, named).await;
    assert_ne!(bens_device.device, first.device, "another's is not there");

    for _ in 1..20 {
        on_new_device(&server, "default", &made).await;
    }
    assert_eq!(devices(&operator, &made).await.len(), 20);
    let (last, _) = session(&server, "default", &made).await;
    let answer = last
        .ask("PUT", "session/device", json!({ "name": "21" }))
        .await;
    refused(&answer, Code::TooManyDevices);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_a_device_ends_its_sessions_and_no_others() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    operator.post("tenants", json!({ "name": "other" })).await;
    let made = operator.account("default", "anna", Role::Member).await;
    let (lost, info, stolen) = on_new_device(&server, "default", &made).await;
    let (kept, _, own) = on_new_device(&server, "default", &made).await;
    let ben = operator.account("default", "ben", Role::Host).await;
    let eve = operator.account("other", "eve", Role::Host).await;
    let (ben, _) = session(&server, "default", &ben).await;
    let (eve, _) = session(&server, "other", &eve).await;

    let path = format!("devices/{}", stolen.device);
    for stranger in [&ben, &eve] {
        let answer = stranger.ask("DELETE", &path, Value::Null).await;
        refused(&answer, Code::NoSuchDevice);
    }
    let of_anna = format!("accounts/{}/devices", info.account);
    for method in ["GET", "DELETE"] {
        refused(
            &ben.ask(method, &of_anna, Value::Null).await,
            Code::Forbidden,
        );
        refused(
            &eve.ask(method, &of_anna, Value::Null).await,
            Code::NoSuchAccount,
        );
    }
    refused(
        &ben.ask("DELETE", "devices", Value::Null).await,
        Code::Forbidden,
    );
    assert_eq!(devices(&kept, &made).await.len(), 2);

    assert_eq!(kept.ask("DELETE", &path, Value::Null).await.status, 204);
    let room = server.create_room().await;
    let page = server.enter(&room, false).await;
    let body = request(&info, stolen.device, &draw(), (&room, &page));
    refused(
        &lost.post("session/certificate", body).await,
        Code::Unauthorized,
    );
    let again = json!({ "name": "Laptop", "device": stolen.device });
    let answer = lost.ask("PUT", "session/device", again).await;
    refused(&answer, Code::Unauthorized);
    assert_eq!(devices(&kept, &made).await, [own.device]);
    refused(
        &kept.ask("DELETE", &path, Value::Null).await,
        Code::NoSuchDevice,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_devices_of_an_account_or_an_organisation_end_together() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    operator.post("tenants", json!({ "name": "other" })).await;
    let mut made = Vec::new();
    let mut sessions = Vec::new();
    for (tenant, login) in [
        ("default", "anna"),
        ("default", "ben"),
        ("default", "cem"),
        ("other", "dora"),
    ] {
        let account = operator.account(tenant, login, Role::Member).await;
        sessions.push(on_new_device(&server, tenant, &account).await.0);
        made.push(account);
    }
    let (desk, _) = session(&server, "default", &made[1]).await;
    let left = async || {
        let mut left = Vec::new();
        for (client, made) in sessions.iter().zip(&made) {
            let ends = client.ask("GET", "session", Value::Null).await.status == 401;
            assert_eq!(devices(&operator, made).await.is_empty(), ends);
            left.push(!ends);
        }
        left
    };
    let anna = made[0].account.account;
    let path = format!("accounts/{anna}/disable");
    assert_eq!(operator.post(&path, Value::Null).await.status, 204);
    assert_eq!(left().await, [false, true, true, true]);
    let ben = format!("accounts/{}/devices", made[1].account.account);
    assert_eq!(operator.ask("DELETE", &ben, Value::Null).await.status, 204);
    assert_eq!(left().await, [false, false, true, true]);
    let all = operator.ask("DELETE", "devices?tenant=default", Value::Null);
    assert_eq!(all.await.status, 204);
    assert_eq!(left().await, [false, false, false, true]);
    let status = desk.ask("GET", "session", Value::Null).await.status;
    assert_eq!(status, 200, "a session on no device stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_outlives_the_process_and_its_key_lies_nowhere_in_clear() {
    let server = Server::start().await;
    let before = root(&Client::operator(&server), "").await;
    let server = server.restart().await;
    let operator = Client::operator(&server);
    assert_eq!(root(&operator, "").await, before);
    let made = operator.account("default", "anna", Role::Member).await;
    let (anna, info, device) = on_new_device(&server, "default", &made).await;
    let room = server.create_room().await;
    let page = server.enter(&room, false).await;
    let body = request(&info, device.device, &draw(), (&room, &page));
    let issued: CertificateIssued = read(&anna.post("session/certificate", body).await);
    assert!(verify(&issued, &before, 0.0));

    // What every Ed25519 key in PKCS #8 begins with (RFC 8410 section 7).
    let head = [0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    assert_eq!(server.kept_in(&head), [] as [String; 0]);
}

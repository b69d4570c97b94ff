//! The texts that guests consent to, of each organisation.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use common::client::{Client, read, session};
use common::{Answer, Server};
use conclave_wire::account::{Enrolment, Role, TenantInfo};
use conclave_wire::code::Code;
use conclave_wire::http::{ConsentTexts, LinkInfo, LinkState, RoomCreated};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

fn texts(of: &str) -> Value {
    let text = json!({ "notice": format!("notice {of}"), "consent": format!("consent {of}") });
    json!({ "de": text, "en": text })
}

async fn set(client: &Client<'_>, query: &str, of: &str) -> Answer {
    let path = format!("consent-texts{query}");
    client.post(&path, texts(of)).await
}

/// The version and whose it is, as a guest of a room reads it.
async fn of_room(server: &Server, room: &RoomCreated, version: &str) -> Option<(u32, String)> {
    let path = format!("/api/v1/rooms/{}/consent-texts/{version}", room.room);
    let answer = server.get(&path).await;
    if answer.status == 404 {
        assert_eq!(answer.problem().code, Code::NotFound);
        return None;
    }
    let texts: ConsentTexts = read(&answer);
    assert_eq!(texts.de, texts.en);
    Some((texts.version, texts.de.notice))
}

async fn consent(server: &Server, room: &RoomCreated, link: &LinkInfo, version: u32) -> Answer {
    let path = format!("/api/v1/rooms/{}/links/{}/consent", room.room, link.link);
    let body = json!({ "version": version, "language": "de" }).to_string();
    server.http("POST", &path, &[], body.as_bytes()).await
}

/// A room of an organisation, and one of its links that asks for consent.
async fn room_and_draft(host: &Client<'_>) -> (RoomCreated, LinkInfo) {
    let room = host.room().await;
    let mut slot = common::client::slot();
    slot["consent"] = json!("required");
    let path = format!("rooms/{}/links", room.room);
    let link: LinkInfo = read(&host.post(&path, slot).await);
    assert_eq!(link.state, LinkState::Draft);
    let path = format!("rooms/{}/links/{}/hand-out", room.room, link.link);
    assert_eq!(host.post(&path, Value::Null).await.status, 204);
    (room, link)
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_of_an_organisation_read_its_texts_and_the_defaults_where_it_has_none() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    for name in ["praxis", "kanzlei"] {
        let made = operator.post("tenants", json!({ "name": name })).await;
        assert_eq!(made.status, 201);
    }
    let made = operator.account("praxis", "ben", Role::Host).await;
    let (ben, _) = session(&server, "praxis", &made).await;
    let made = operator.account("kanzlei", "clara", Role::Host).await;
    let (clara, _) = session(&server, "kanzlei", &made).await;

    let early = ben.room().await;
    assert_eq!(of_room(&server, &early, "current").await, None);
    for version in [1, 2] {
        let made: ConsentTexts = read(&set(&operator, "", &format!("default {version}")).await);
        assert_eq!(made.version, version);
    }
    let (practice, link) = room_and_draft(&ben).await;
    let (office, other) = room_and_draft(&clara).await;
    let default = Some((2, "notice default 2".to_owned()));
    assert_eq!(of_room(&server, &practice, "current").await, default);
    assert_eq!(consent(&server, &practice, &link, 2).await.status, 204);

    // Its first own version is behind those of the default that held before.
    let made: ConsentTexts = read(&set(&operator, "?tenant=praxis", "own").await);
    assert_eq!(made.version, 3);
    set(&operator, "", "default 3").await;
    let own = Some((3, "notice own".to_owned()));
    let server = server.restart().await;
    for version in ["current", "3"] {
        assert_eq!(of_room(&server, &practice, version).await, own);
    }
    assert_eq!(of_room(&server, &practice, "2").await, default);
    let default = Some((3, "notice default 3".to_owned()));
    assert_eq!(of_room(&server, &office, "current").await, default);
    assert_eq!(of_room(&server, &office, "4").await, None);

    // What is consented to is the room's.
    let outdated = consent(&server, &office, &other, 2).await;
    assert_eq!(outdated.problem().code, Code::ConsentOutdated);
    assert_eq!(consent(&server, &office, &other, 3).await.status, 204);

    // With its next version it goes on by itself, whatever the default has.
    let operator = Client::operator(&server);
    set(&operator, "", "default 4").await;
    let made: ConsentTexts = read(&set(&operator, "?tenant=praxis", "own again").await);
    assert_eq!(made.version, 4);
    let own = Some((4, "notice own again".to_owned()));
    assert_eq!(of_room(&server, &practice, "current").await, own);
    assert_eq!(of_room(&server, &practice, "5").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_set_the_texts_of_their_organisation_and_no_other() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    for name in ["praxis", "kanzlei"] {
        operator.post("tenants", json!({ "name": name })).await;
    }
    for role in [Role::Host, Role::Presenter, Role::Member, Role::Assistant] {
        let made = operator.account("praxis", role.as_str(), role).await;
        let (client, _) = session(&server, "praxis", &made).await;
        let refused = set(&client, "", "own").await.problem();
        assert_eq!((refused.status, refused.code), (403, Code::Forbidden));
    }
    let stranger = server
        .http("POST", "/api/v1/consent-texts", &[], b"{}")
        .await;
    assert_eq!(stranger.status, 401);

    let made = operator.account("praxis", "anna", Role::Admin).await;
    let (anna, _) = session(&server, "praxis", &made).await;
    let early = set(&anna, "", "own").await.problem();
    assert_eq!(early.code, Code::FactorNeeded);
    let enrolment: Enrolment = read(&anna.post("session/factor", Value::Null).await);
    let secret = Secret::try_from_base32(&enrolment.secret).unwrap();
    let totp = Builder::new().with_secret(secret).build().unwrap();
    let code = totp.generate(common::client::now()).to_string();
    let confirmed = anna.ask("PUT", "session/factor", json!({ "code": code }));
    assert_eq!(confirmed.await.status, 200);

    // She sees how much her organisation has, and nothing of another.
    let own: TenantInfo = anna.get("tenants/praxis").await;
    assert_eq!((own.name.as_str(), own.accounts), ("praxis", 5));
    let other = anna.ask("GET", "tenants/kanzlei", Value::Null).await;
    assert_eq!(other.problem().code, Code::NoSuchTenant);
    let made = operator.account("praxis", "ben", Role::Host).await;
    let (ben, _) = session(&server, "praxis", &made).await;
    let refused = ben.ask("GET", "tenants/praxis", Value::Null).await;
    assert_eq!(refused.problem().code, Code::Forbidden);

    let made: ConsentTexts = read(&set(&anna, "", "own").await);
    assert_eq!(made.version, 1);
    assert_eq!(set(&anna, "?tenant=praxis", "own").await.status, 201);
    let other = set(&anna, "?tenant=kanzlei", "own").await;
    assert_eq!(other.problem().code, Code::NoSuchTenant);
    let current: ConsentTexts = anna.get("consent-texts/current").await;
    assert_eq!(current.version, 2);
    // Strangers read the default's, which has none.
    let none = server.get("/api/v1/consent-texts/current").await;
    assert_eq!(none.status, 404);
    let kanzlei = operator.ask("GET", "consent-texts/current?tenant=kanzlei", Value::Null);
    assert_eq!(kanzlei.await.status, 404);
}

//! What organisations say to everybody, before anybody logs in.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use common::client::{Client, administrator, read, session};
use common::database::count;
use common::{Answer, Server};
use conclave_signaling::config::MAX_PUBLIC_TEXT;
use conclave_wire::account::{LoginWays, Role};
use conclave_wire::code::Code;
use conclave_wire::http::RoomInfo;
use conclave_wire::text::{PublicText, PublicTextInfo};
use serde_json::{Value, json};

fn written(of: &str) -> Value {
    json!({ "de": format!("{of}, deutsch"), "en": format!("{of}, english") })
}

async fn set(client: &Client<'_>, path: &str, of: &str) -> Answer {
    client
        .ask("PUT", &format!("texts/{path}"), written(of))
        .await
}

/// What somebody reads who is not logged in, and whether it is the
/// organisation's own.
async fn said(server: &Server, path: &str) -> Option<(String, bool)> {
    let answer = server.get(&format!("/api/v1/{path}")).await;
    if answer.status == 404 {
        assert_eq!(answer.problem().code, Code::NotFound, "{path}");
        return None;
    }
    let PublicTextInfo { de, en, own, .. } = read(&answer);
    assert_eq!(de.replace("deutsch", "english"), en);
    Some((en, own))
}

/// Which texts the login page of an organisation, and a room's page, lead to.
async fn listed(server: &Server, tenant: &str, room: &str) -> [Vec<PublicText>; 2] {
    let ways: LoginWays = read(&server.get(&format!("/api/v1/login/{tenant}")).await);
    let info: RoomInfo = read(&server.get(&format!("/api/v1/rooms/{room}")).await);
    [ways.texts, info.texts]
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_reads_an_organisations_texts_and_the_defaults_where_it_has_none() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    operator.post("tenants", json!({ "name": "praxis" })).await;
    let made = operator.account("praxis", "ben", Role::Host).await;
    let (ben, _) = session(&server, "praxis", &made).await;
    let room = ben.room().await.room.to_string();
    let of_room = format!("rooms/{room}/texts/terms");
    let nothing: [Vec<PublicText>; 2] = Default::default();
    assert_eq!(listed(&server, "praxis", &room).await, nothing);
    for path in ["texts/terms", "texts/terms?tenant=praxis", &of_room] {
        assert_eq!(said(&server, path).await, None, "{path}");
    }

    assert_eq!(set(&operator, "terms", "default").await.status, 200);
    assert_eq!(set(&operator, "imprint", "default").await.status, 200);
    let inherited = Some(("default, english".to_owned(), false));
    for path in ["texts/terms?tenant=praxis", &of_room] {
        assert_eq!(said(&server, path).await, inherited, "{path}");
    }
    // Whether there is an organisation of a name is not said.
    let own = Some(("default, english".to_owned(), true));
    for path in [
        "texts/terms",
        "texts/terms?tenant=nobody",
        "texts/terms?tenant=%00",
    ] {
        assert_eq!(said(&server, path).await, own, "{path}");
    }

    let info: PublicTextInfo = read(&set(&operator, "privacy?tenant=praxis", "praxis").await);
    assert!(info.own && info.since <= common::client::now() * 1_000 + 999);
    set(&operator, "terms?tenant=praxis", "praxis").await;
    let server = server.restart().await;
    let own = Some(("praxis, english".to_owned(), true));
    for path in ["texts/terms?tenant=praxis", &of_room] {
        assert_eq!(said(&server, path).await, own, "{path}");
    }
    assert_eq!(said(&server, "texts/privacy").await, None);
    let all = PublicText::ALL.to_vec();
    assert_eq!(listed(&server, "praxis", &room).await, [all.clone(), all]);
    let default = vec![PublicText::Terms, PublicText::Imprint];
    assert_eq!(listed(&server, "nobody", &room).await[0], default);

    // One replaces the other; taken back, the default's holds again.
    let operator = Client::operator(&server);
    set(&operator, "terms?tenant=praxis", "anew").await;
    assert_eq!(said(&server, &of_room).await.unwrap().0, "anew, english");
    let path = "texts/terms?tenant=praxis";
    let removed = operator.ask("DELETE", path, Value::Null).await;
    assert_eq!(removed.status, 204);
    assert_eq!(said(&server, &of_room).await, inherited);
    let again = operator.ask("DELETE", path, Value::Null).await.problem();
    assert_eq!(again.code, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_set_them_for_their_organisation_and_nobody_else_does() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    for name in ["praxis", "kanzlei"] {
        operator.post("tenants", json!({ "name": name })).await;
    }
    for role in [Role::Host, Role::Presenter, Role::Member, Role::Assistant] {
        let made = operator.account("praxis", role.as_str(), role).await;
        let (client, _) = session(&server, "praxis", &made).await;
        for method in ["PUT", "DELETE"] {
            let refused = client.ask(method, "texts/terms", written("own")).await;
            assert_eq!(refused.problem().code, Code::Forbidden, "{role:?}");
        }
    }
    for method in ["PUT", "DELETE"] {
        let stranger = server.http(method, "/api/v1/texts/terms", &[], b"{}").await;
        assert_eq!(stranger.status, 401);
    }

    let made = operator.account("praxis", "anna", Role::Admin).await;
    let anna = administrator(&server, "praxis", &made).await;
    assert_eq!(set(&anna, "terms", "own").await.status, 200);
    let other = set(&anna, "terms?tenant=kanzlei", "own").await.problem();
    assert_eq!(other.code, Code::NoSuchTenant);
    assert!(anna.get::<PublicTextInfo>("texts/terms").await.own);
    assert_eq!(said(&server, "texts/terms?tenant=kanzlei").await, None);

    // They go with the organisation.
    let deleted = operator.ask("DELETE", "tenants/praxis", Value::Null).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(said(&server, "texts/terms?tenant=praxis").await, None);
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    assert_eq!(count(dir.path(), "public_texts").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_cannot_be_read_is_refused() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let most = "ä".repeat(MAX_PUBLIC_TEXT / 2);
    let set = async |name: &str, de: &str| {
        let body = json!({ "de": de, "en": "english" });
        operator.ask("PUT", &format!("texts/{name}"), body).await
    };
    assert_eq!(set("terms", &most).await.status, 200);
    let long = format!("{most}x");
    for (name, de, code) in [
        ("terms", "", Code::BadMessage),
        ("terms", " \n ", Code::BadMessage),
        ("terms", "a\u{0}b", Code::BadMessage),
        ("terms", "a\tb", Code::BadMessage),
        ("terms", long.as_str(), Code::TooLarge),
        ("other", "deutsch", Code::NotFound),
    ] {
        assert_eq!(set(name, de).await.problem().code, code, "{name}");
    }
    let more = json!({ "de": "a", "en": "b", "fr": "c" });
    let refused = operator.ask("PUT", "texts/terms", more).await.problem();
    assert_eq!(refused.code, Code::BadMessage);
    let lines: PublicTextInfo = read(&set("terms", "Eins.\n\nZwei <b>&amp;</b>.").await);
    assert_eq!(lines.de, "Eins.\n\nZwei <b>&amp;</b>.");
}

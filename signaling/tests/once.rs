//! What makes something is made once under one key, however often and by however
//! many at once it is asked for.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::client::{Client, read, session, slot};
use common::database::{change, count};
use common::{Answer, Server};
use conclave_wire::account::{AccountMade, Role};
use conclave_wire::code::Code;
use conclave_wire::http::{LinkInfo, RoomCreated, RoomList};
use conclave_wire::webhook::WebhookMade;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

async fn ask(client: &Client<'_>, key: &str, (path, body): (&str, &Value)) -> Answer {
    let body = match body {
        Value::Null => Vec::new(),
        body => serde_json::to_vec(body).unwrap(),
    };
    let headers = [
        ("authorization", client.bearer.as_str()),
        ("idempotency-key", key),
    ];
    let path = format!("/api/v1/{path}");
    client.server.http("POST", &path, &headers, &body).await
}

fn is_replayed(answer: &Answer) -> bool {
    answer
        .headers
        .get("idempotency-replayed")
        .map(String::as_str)
        == Some("true")
}

async fn rooms(client: &Client<'_>) -> usize {
    client.get::<RoomList>("rooms").await.rooms.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_is_made_once_and_told_again() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let room = operator.room().await;
    let anna = operator.account("default", "anna", Role::Host).await;
    let text = json!({ "notice": "n", "consent": "c" });
    let hook = json!({ "url": "https://his.example/" });
    let hook = read::<WebhookMade>(&operator.post("webhooks", hook).await);
    let ben = json!({ "login": "ben", "name": "Ben", "role": "host" });
    let cases = [
        ("accounts", "accounts", ben),
        (
            "accounts/{account}/password",
            &format!("accounts/{}/password", anna.account.account),
            Value::Null,
        ),
        (
            "consent-texts",
            "consent-texts",
            json!({ "de": text, "en": text }),
        ),
        ("rooms", "rooms", json!({ "title": "t" })),
        (
            "rooms/{room}/links",
            &format!("rooms/{}/links", room.room),
            slot(),
        ),
        ("tenants", "tenants", json!({ "name": "b" })),
        (
            "webhooks",
            "webhooks",
            json!({ "url": "https://her.example/" }),
        ),
        (
            "webhooks/{webhook}/secret",
            &format!("webhooks/{}/secret", hook.webhook.webhook),
            Value::Null,
        ),
    ];
    // All that make something, and no other.
    let document = conclave_signaling::openapi();
    let mut keyed = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(operation) = item.get("post") else {
            continue;
        };
        let path = path.strip_prefix("/api/v1/").unwrap();
        let parameters = operation["parameters"].as_array();
        let mut parameters = parameters.into_iter().flatten();
        let takes_key = parameters.any(|it| it["name"] == "Idempotency-Key");
        if takes_key {
            keyed.insert(path.to_owned());
        }
        let makes = operation["responses"].get("201").is_some();
        // They are of a session, which is tied to who is there.
        assert!(takes_key || !makes || path.starts_with("session"), "{path}");
    }
    let tried: BTreeSet<_> = cases
        .iter()
        .map(|(path, _, _)| (*path).to_owned())
        .collect();
    assert_eq!(keyed, tried);

    for (_, path, body) in &cases {
        let first = ask(&operator, "key", (path, body)).await;
        assert!(
            (200..300).contains(&first.status),
            "{path} {}",
            first.status
        );
        assert!(!is_replayed(&first));
        let again = ask(&operator, "key", (path, body)).await;
        assert!(is_replayed(&again), "{path}");
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        for name in ["location", "content-type", "cache-control"] {
            assert_eq!(again.headers.get(name), first.headers.get(name), "{path}");
        }
        let other = ask(&operator, "other", (path, body)).await;
        assert!(!is_replayed(&other), "{path}");
        assert_ne!(other.body, first.body, "{path}: it is asked for anew");
    }
    assert_eq!(rooms(&operator).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_for_one_request_of_one_account_on_one_route() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let hosts = [
        operator.account("default", "anna", Role::Host).await,
        operator.account("default", "ben", Role::Host).await,
    ];
    let (anna, _) = session(&server, "default", &hosts[0]).await;
    let (ben, _) = session(&server, "default", &hosts[1]).await;
    let body = json!({ "scheduled": true });
    let made: RoomCreated = read(&ask(&anna, "key", ("rooms", &body)).await);
    for (path, body) in [
        ("rooms", json!({ "scheduled": false })),
        ("rooms", Value::Null),
        ("rooms?tenant=default", body.clone()),
    ] {
        let refused = ask(&anna, "key", (path, &body)).await;
        let found = (refused.status, refused.problem().code);
        assert_eq!(found, (422, Code::KeyReused), "{path} {body}");
    }
    for other in [&ben, &operator] {
        let other: RoomCreated = read(&ask(other, "key", ("rooms", &body)).await);
        assert_ne!(other.room, made.room, "another's key is another");
    }
    let links = format!("rooms/{}/links", made.room);
    read::<LinkInfo>(&ask(&anna, "key", (&links, &slot())).await);

    // What is no key, and whoever is nobody, is refused.
    for bad in ["", "a b", &"a".repeat(256)] {
        let refused = ask(&anna, bad, ("rooms", &body)).await;
        assert_eq!(refused.problem().code, Code::BadMessage, "{bad}");
    }
    let nobody = Client {
        server: &server,
        bearer: "Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
    };
    let refused = ask(&nobody, "key", ("rooms", &body)).await;
    assert_eq!(refused.problem().code, Code::Unauthorized);
    let big = json!({ "title": "a".repeat(200_000) });
    let refused = ask(&anna, "big", ("rooms", &big)).await;
    assert_eq!(refused.problem().code, Code::TooLarge);

    // What was refused changed nothing: the key is free.
    let taken = json!({ "login": "anna", "name": "Anna", "role": "host" });
    let refused = ask(&operator, "who", ("accounts", &taken)).await;
    assert_eq!(refused.problem().code, Code::NameTaken);
    let free = json!({ "login": "cem", "name": "Cem", "role": "host" });
    read::<AccountMade>(&ask(&operator, "who", ("accounts", &free)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_makes_it() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    // An account: its password takes long enough that the others meet it.
    let body = json!({ "login": "anna", "name": "Anna", "role": "host" });
    let asked = (0..8).map(|_| ask(&operator, "key", ("accounts", &body)));
    let answers = futures_util::future::join_all(asked).await;
    let (mut made, mut passwords) = (0, BTreeSet::new());
    for answer in &answers {
        match answer.status {
            201 => {
                made += u32::from(!is_replayed(answer));
                passwords.insert(read::<AccountMade>(answer).password);
            }
            _ => {
                let found = (answer.status, answer.problem().code);
                assert_eq!(found, (409, Code::KeyInUse));
            }
        }
    }
    assert_eq!((made, passwords.len()), (1, 1));
    let again = ask(&operator, "key", ("accounts", &body)).await;
    let again: AccountMade = read(&again);
    assert!(passwords.contains(&again.password));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_outlive_a_restart_sealed_and_for_a_day() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let body = json!({ "login": "anna", "name": "Anna Berg", "role": "host" });
    let made: AccountMade = read(&ask(&operator, "a-key-of-hers", ("accounts", &body)).await);
    for clear in [made.password.as_str(), "a-key-of-hers"] {
        assert_eq!(
            server.kept_in(clear.as_bytes()),
            Vec::<String>::new(),
            "{clear}"
        );
    }
    let server = server.restart().await;
    let operator = Client::operator(&server);
    let again = ask(&operator, "a-key-of-hers", ("accounts", &body)).await;
    assert!(is_replayed(&again));
    assert_eq!(read::<AccountMade>(&again).password, made.password);

    // One under which something was being done when the server stopped.
    let (anna, _) = session(&server, "default", &made).await;
    read::<RoomCreated>(&ask(&anna, "room", ("rooms", &Value::Null)).await);
    let bearer = anna.bearer.clone();
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    change(
        dir.path(),
        &["UPDATE answers SET answer = NULL WHERE account IS NOT NULL".to_owned()],
    )
    .await;
    let server = Server::start_in(dir).await;
    let anna = Client {
        server: &server,
        bearer: bearer.clone(),
    };
    let refused = ask(&anna, "room", ("rooms", &Value::Null)).await;
    assert_eq!(
        (refused.status, refused.problem().code),
        (409, Code::KeyInUse)
    );
    assert_eq!(rooms(&anna).await, 1);

    // A day later both are forgotten.
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    let day_ago = (common::client::now() - 86_400 - 60) * 1000;
    change(dir.path(), &[format!("UPDATE answers SET at = {day_ago}")]).await;
    let server = Server::start_in(dir).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let text = String::from_utf8(server.get("/metrics").await.body).unwrap();
        if text.contains("conclave_forgotten_total{kind=\"answers\"} 2") {
            break;
        }
        assert!(Instant::now() < deadline, "they are kept");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let anna = Client {
        server: &server,
        bearer,
    };
    let anew = ask(&anna, "room", ("rooms", &Value::Null)).await;
    assert!(anew.status == 201 && !is_replayed(&anew));

    // And with the account at once.
    let operator = Client::operator(&server);
    let path = format!("accounts/{}", made.account.account);
    assert_eq!(operator.ask("DELETE", &path, Value::Null).await.status, 204);
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    assert_eq!(count(dir.path(), "answers").await, 0);
}

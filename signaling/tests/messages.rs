//! The password of a room's links goes to the organisation's endpoint, once,
//! signed, and beside nothing else; and of number and password nothing stays.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::client::{Client, read, session};
use common::database::count;
use common::receiver::Receiver;
use common::{Answer, Server};
use conclave_signaling::domain::role;
use conclave_wire::account::{Action, Role};
use conclave_wire::audit::{Act, AuditList};
use conclave_wire::code::Code;
use conclave_wire::http::RoomCreated;
use conclave_wire::id::{Blob, RoomId};
use conclave_wire::webhook::WebhookMade;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use std::time::Duration;

const NUMBER: &str = "+4915123456789";
const PASSWORD: &str = "k7dm-4xqz-w2pa";

fn message() -> Value {
    json!({ "to": NUMBER, "password": PASSWORD, "language": "de" })
}

async fn endpoint(client: &Client<'_>, url: &str, events: &[&str]) -> WebhookMade {
    let body = json!({ "url": url, "events": events });
    read(&client.post("webhooks", body).await)
}

async fn locked_room(client: &Client<'_>) -> RoomCreated {
    let proof = Blob(vec![7; 32]);
    read(&client.post("rooms", json!({ "password": proof })).await)
}

async fn send(client: &Client<'_>, room: RoomId) -> Answer {
    let path = format!("rooms/{room}/password-message");
    client.post(&path, message()).await
}

fn refused(answer: &Answer) -> (u16, Code) {
    (answer.status, answer.problem().code)
}

/// The lines about passwords that were sent: by whom, of what.
async fn noted(operator: &Client<'_>) -> Vec<Value> {
    let log: AuditList = operator.get("audit?tenant=default").await;
    let lines = log.lines.iter();
    let lines = lines.filter(|line| line.act == Act::RoomPasswordSent);
    lines
        .map(|line| json!([line.actor, line.object, line.detail]))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_endpoint_is_told_the_password_signed_and_nothing_of_either_stays() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let made = operator.account("default", "anna", Role::Host).await;
    let (anna, info) = session(&server, "default", &made).await;
    let mut all = Receiver::start().await;
    let mut sms = Receiver::start().await;
    endpoint(&operator, &all.url, &[]).await;
    assert!(!locked_room(&anna).await.password_message);
    let made = endpoint(&operator, &sms.url, &["password.send"]).await;
    let open: RoomCreated = read(&anna.post("rooms", Value::Null).await);
    assert!(!open.password_message, "it has none");
    let room = locked_room(&anna).await;
    assert!(room.password_message);

    // A key changes nothing: of what was asked no digest is kept either.
    let path = format!("/api/v1/rooms/{}/password-message", room.room);
    let headers = [
        ("authorization", anna.bearer.as_str()),
        ("idempotency-key", "a-key-of-hers"),
    ];
    let body = serde_json::to_vec(&message()).unwrap();
    let answer = server.http("POST", &path, &headers, &body).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));

    let told = sms.next().await;
    let signed = Webhook::new(&made.secret).unwrap();
    signed.verify(&told.body, &told.headers).unwrap();
    assert_eq!(told.headers["content-type"], "application/json");
    let text = String::from_utf8(told.body.clone()).unwrap();
    let event: Value = serde_json::from_str(&text).unwrap();
    let timestamp = event["timestamp"].as_str().unwrap();
    let expected = format!(
        r#"{{"type":"password.send","timestamp":"{timestamp}","data":{{"to":"{NUMBER}","password":"{PASSWORD}","language":"de"}}}}"#
    );
    assert_eq!(text, expected);
    for (name, value) in &told.headers {
        let value = value.to_str().unwrap();
        let room = room.room.to_string();
        assert!(!value.contains(&room), "{name} names the room");
    }

    // Who is told of everything is told of the rooms, and not of this.
    for _ in 0..3 {
        let kind = all.next().await.event().kind;
        assert_eq!(kind.as_str(), "room.made");
    }
    assert!(all.nothing() && sms.nothing());
    let line = json!([info.account, Blob(room.room.0.to_vec()), null]);
    assert_eq!(noted(&operator).await, [line]);

    // Nor of an attempt that is refused.
    sms.says(&["500 Internal Server Error"]);
    let failed = send(&anna, room.room).await;
    assert_eq!(refused(&failed), (502, Code::PasswordNotTaken));
    sms.next().await;
    assert_eq!(noted(&operator).await.len(), 2, "it was given all the same");
    let metrics = server.get("/metrics").await.body;
    let metrics = String::from_utf8(metrics).unwrap();
    for (needle, digits) in [(NUMBER, &NUMBER[1..]), (PASSWORD, "k7dm4xqzw2pa")] {
        for needle in [needle, digits] {
            assert_eq!(server.kept_in(needle.as_bytes()), Vec::<String>::new());
            assert!(!metrics.contains(needle));
        }
    }
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    assert_eq!(count(dir.path(), "answers").await, 0);
    assert_eq!(count(dir.path(), "deliveries").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_is_told_that_the_endpoint_did_not_take_it_and_it_is_not_sent_again() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let mut sms = Receiver::start().await;
    let made = endpoint(&operator, &sms.url, &["password.send", "room.deleted"]).await;
    let hook = format!("webhooks/{}", made.webhook.webhook);
    let room = locked_room(&operator).await.room;
    let elsewhere = format!("302 Found\r\nlocation: {}", sms.at("/elsewhere"));
    for said in ["500 Internal Server Error", "410 Gone", elsewhere.as_str()] {
        sms.says(&[said]);
        let failed = send(&operator, room).await;
        assert_eq!(refused(&failed), (502, Code::PasswordNotTaken), "{said}");
        assert_eq!(sms.next().await.path, "/hook");
        let stands: Value = operator.get(&hook).await;
        let found = (&stands["enabled"], &stands["waiting"]);
        assert_eq!(found, (&json!(true), &json!(0)), "{said}");
        assert!(stands.get("failingSince").is_none(), "{said}");
    }

    // What it is told of besides comes next: the passwords did not come again.
    let path = format!("rooms/{room}");
    let gone = operator.ask("DELETE", &path, Value::Null).await;
    assert_eq!(gone.status, 204);
    assert_eq!(sms.next().await.event().kind.as_str(), "room.deleted");

    // One that is not there, and one that says nothing in time.
    let room = locked_room(&operator).await.room;
    let nobody = json!({ "url": "http://127.0.0.1:9/" });
    assert_eq!(operator.ask("PATCH", &hook, nobody).await.status, 200);
    assert_eq!(
        refused(&send(&operator, room).await),
        (502, Code::PasswordNotTaken)
    );
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let to = json!({ "url": url });
    assert_eq!(operator.ask("PATCH", &hook, to).await.status, 200);
    let late = send(&operator, room).await;
    assert_eq!(refused(&late), (502, Code::PasswordNotTaken));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_for_those_who_manage_links_and_for_their_own_rooms_with_a_password() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let mut sms = Receiver::start().await;
    let room = locked_room(&operator).await.room;
    assert_eq!(
        refused(&send(&operator, room).await),
        (409, Code::NoPasswordEndpoint)
    );
    let made = endpoint(&operator, &sms.url, &["password.send"]).await;
    let second = endpoint(&operator, &sms.at("/second"), &["password.send"]).await;
    for role in [
        Role::Host,
        Role::Presenter,
        Role::Member,
        Role::Assistant,
        Role::Admin,
    ] {
        let made = operator.account("default", role.as_str(), role).await;
        let who = match role {
            Role::Admin => common::client::administrator(&server, "default", &made).await,
            _ => session(&server, "default", &made).await.0,
        };
        let answer = send(&who, room).await;
        match role::check(role, Action::ManageLinks) {
            Ok(()) => {
                assert_eq!(answer.status, 204, "{role:?}");
                assert_eq!(sms.next().await.path, "/hook", "the first of them");
            }
            Err(_) => assert_eq!(refused(&answer), (403, Code::Forbidden), "{role:?}"),
        }
    }
    read::<Value>(&operator.post("tenants", json!({ "name": "other" })).await);
    let other = operator.account("other", "ben", Role::Host).await;
    let (other, _) = session(&server, "other", &other).await;
    assert_eq!(refused(&send(&other, room).await), (404, Code::NoSuchRoom));
    let theirs = locked_room(&other).await;
    assert!(!theirs.password_message, "the endpoint is another's");
    assert_eq!(
        refused(&send(&other, theirs.room).await),
        (409, Code::NoPasswordEndpoint)
    );
    let nobody = server
        .http(
            "POST",
            &format!("/api/v1/rooms/{room}/password-message"),
            &[],
            &serde_json::to_vec(&message()).unwrap(),
        )
        .await;
    assert_eq!(refused(&nobody), (401, Code::Unauthorized));

    let open: RoomCreated = read(&operator.post("rooms", Value::Null).await);
    assert_eq!(
        refused(&send(&operator, open.room).await),
        (409, Code::NoPassword)
    );
    let path = format!("rooms/{room}/password-message");
    for bad in [
        Value::Null,
        json!({ "to": NUMBER, "language": "de" }),
        json!({ "to": "0151 23456789", "password": PASSWORD, "language": "de" }),
        json!({ "to": NUMBER, "password": "call me back", "language": "de" }),
        json!({ "to": NUMBER, "password": PASSWORD, "language": "fr" }),
        json!({ "to": NUMBER, "password": PASSWORD, "language": "de", "text": "hi" }),
    ] {
        let answer = operator.post(&path, bad.clone()).await;
        assert_eq!(refused(&answer), (400, Code::BadMessage), "{bad}");
    }

    // Switched off it sends none: then the next one does, and then none.
    let off = json!({ "enabled": false });
    let hook = format!("webhooks/{}", made.webhook.webhook);
    assert_eq!(operator.ask("PATCH", &hook, off).await.status, 200);
    assert_eq!(send(&operator, room).await.status, 204);
    assert_eq!(sms.next().await.path, "/second");
    let everything = json!({ "events": [] });
    let hook = format!("webhooks/{}", second.webhook.webhook);
    assert_eq!(operator.ask("PATCH", &hook, everything).await.status, 200);
    assert_eq!(
        refused(&send(&operator, room).await),
        (409, Code::NoPasswordEndpoint)
    );
    assert_eq!(noted(&operator).await.len(), 4, "what is refused is none");
    assert!(sms.nothing());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_so_many_sent_and_then_waits() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let mut sms = Receiver::start().await;
    endpoint(&operator, &sms.url, &["password.send"]).await;
    let made = operator.account("default", "anna", Role::Assistant).await;
    let (anna, _) = session(&server, "default", &made).await;
    let room = locked_room(&operator).await.room;
    for _ in 0..conclave_signaling::config::MESSAGES_IN_A_ROW {
        assert_eq!(send(&anna, room).await.status, 204);
        sms.next().await;
    }
    let answer = send(&anna, room).await;
    assert_eq!(refused(&answer), (429, Code::TooMany));
    let wait = answer.headers["retry-after"].parse().unwrap();
    let every = conclave_signaling::config::MESSAGE_EVERY;
    assert!(Duration::from_secs(wait) <= every + Duration::from_secs(1));
    assert!(sms.nothing());
    assert_eq!(send(&operator, room).await.status, 204, "others may");
}

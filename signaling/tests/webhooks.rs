//! What happens in an organisation is told to its endpoints: signed, at least
//! once, whatever happens between the act and the delivery, and nowhere that the
//! operator has not opened.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::Server;
use common::client::{Client, read, session, slot};
use common::database::{bytes, change, count};
use common::receiver::{Receiver, Told};
use conclave_signaling::domain::reach::Reach;
use conclave_wire::account::Role;
use conclave_wire::code::Code;
use conclave_wire::id::WebhookId;
use conclave_wire::webhook::{EventKind, WebhookInfo, WebhookList, WebhookMade};
use serde_json::{Value, json};
use standardwebhooks::{Webhook, WebhookError};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

async fn endpoint(client: &Client<'_>, url: &str, events: &[&str]) -> WebhookMade {
    let body = json!({ "url": url, "events": events });
    read(&client.post("webhooks", body).await)
}

async fn info(client: &Client<'_>, id: WebhookId) -> WebhookInfo {
    client.get(&format!("webhooks/{id}")).await
}

/// Waits until an endpoint stands so.
async fn until(
    client: &Client<'_>,
    id: WebhookId,
    so: impl Fn(&WebhookInfo) -> bool,
) -> WebhookInfo {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let found = info(client, id).await;
        if so(&found) {
            return found;
        }
        assert!(Instant::now() < deadline, "{found:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn verify(secret: &str, told: &Told) -> Result<(), WebhookError> {
    Webhook::new(secret)?.verify(&told.body, &told.headers)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_told_signed_and_without_names() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let mut receiver = Receiver::start().await;
    let made = endpoint(&operator, &receiver.url, &[]).await;
    assert!(made.secret.starts_with("whsec_"));
    let consent = json!({ "notice": "n", "consent": "c" });
    let texts = json!({ "de": consent, "en": consent });
    read::<Value>(&operator.post("consent-texts", texts).await);

    let anna = operator.account("default", "anna", Role::Host).await;
    let account = anna.account.account;
    let (host, _) = session(&server, "default", &anna).await;
    let room = host.room().await;
    let links = format!("rooms/{}/links", room.room);
    let mut draft = slot();
    draft["consent"] = "required".into();
    let link: Value = read(&host.post(&links, draft).await);
    let link = format!("{links}/{}", link["link"].as_str().unwrap());
    let page = json!({ "version": 1, "language": "de" });
    let consented = format!("{link}/consent");
    for (method, path, body) in [
        ("POST", format!("{link}/hand-out"), Value::Null),
        ("POST", consented.clone(), page),
        ("DELETE", consented, Value::Null),
    ] {
        let answer = host.ask(method, &path, body).await;
        assert_eq!(answer.status, 204, "{method} {path}");
    }
    // It ends with the account that made it.
    let second = host.link(&room).await;
    for (verb, status) in [("disable", 204), ("enable", 204)] {
        let path = format!("accounts/{account}/{verb}");
        assert_eq!(operator.post(&path, Value::Null).await.status, status);
    }
    for path in [
        format!("accounts/{account}"),
        format!("rooms/{}", room.room),
    ] {
        let answer = operator.ask("DELETE", &path, Value::Null).await;
        assert_eq!(answer.status, 204, "{path}");
    }

    let mut kinds = Vec::new();
    let mut ids = BTreeSet::new();
    // All but what is for those alone that name it; and there were two links.
    let mut all = EventKind::ALL.to_vec();
    all.retain(|kind| *kind != EventKind::PasswordSend);
    all.push(EventKind::LinkMade);
    all.sort();
    while kinds.len() < all.len() {
        let told = receiver.next().await;
        assert_eq!(told.path, "/hook");
        verify(&made.secret, &told).unwrap();
        ids.insert(told.id());
        let event = told.event();
        let text = String::from_utf8(told.body).unwrap();
        for name in ["Anna", "anna", "\"Room\"", "title"] {
            assert!(!text.contains(name), "{text}");
        }
        let name = event.kind.as_str();
        let data = event.data;
        assert_eq!(data.account, name.starts_with("account").then_some(account));
        let of_room = !name.starts_with("account");
        assert_eq!(data.room, of_room.then_some(room.room), "{name}");
        let of_link = name.starts_with("link") || name.starts_with("consent");
        assert_eq!(data.link.is_some(), of_link, "{name}");
        if event.kind == EventKind::LinkRevoked {
            assert_eq!(data.link, Some(second.link));
        }
        kinds.push(event.kind);
    }
    assert_eq!(ids.len(), kinds.len(), "each has its own identifier");
    // Order is not promised.
    kinds.sort();
    assert_eq!(kinds, all);
    until(&operator, made.webhook.webhook, |it| it.waiting == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_secret_an_old_time_and_another_body_do_not_verify() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let mut receiver = Receiver::start().await;
    let made = endpoint(&operator, &receiver.url, &["room.made"]).await;
    let other = endpoint(&operator, &receiver.at("/other"), &["room.deleted"]).await;
    operator.room().await;
    let told = receiver.next().await;
    verify(&made.secret, &told).unwrap();
    let refused = |secret: &str, told: &Told| verify(secret, told).unwrap_err().to_string();
    assert_eq!(refused(&other.secret, &told), "signature invalid");
    let mut changed = told.clone();
    changed.body[0] ^= 1;
    assert_eq!(refused(&made.secret, &changed), "signature invalid");
    let mut later = told.clone();
    let at = (common::client::now() - 301).to_string();
    later
        .headers
        .insert("webhook-timestamp", at.parse().unwrap());
    assert_eq!(refused(&made.secret, &later), "signature timestamp too old");
    let mut moved = told;
    let at = common::client::now() + 1;
    let at = at.to_string().parse().unwrap();
    moved.headers.insert("webhook-timestamp", at);
    assert_eq!(refused(&made.secret, &moved), "signature invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_taken_comes_again_under_the_same_identifier() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let mut receiver = Receiver::start().await;
    receiver.says(&["500 Internal Server Error"]);
    let made = endpoint(&operator, &receiver.url, &[]).await;
    let id = made.webhook.webhook;
    operator.room().await;
    let first = receiver.next().await;
    let failing = until(&operator, id, |it| it.failing_since.is_some()).await;
    assert_eq!((failing.waiting, failing.enabled), (1, true));
    let again = receiver.next().await;
    verify(&made.secret, &again).unwrap();
    assert_eq!((again.id(), &again.body), (first.id(), &first.body));
    assert_ne!(again.timestamp(), first.timestamp(), "of the attempt");
    until(&operator, id, |it| {
        it.waiting == 0 && it.failing_since.is_none()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_server_stops_between_the_act_and_the_delivery() {
    let mut receiver = Receiver::start().await;
    receiver.says(&["503 Service Unavailable"]);
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let made = endpoint(&operator, &receiver.url, &["room.made"]).await;
    let room = operator.room().await;
    let first = receiver.next().await;
    until(&operator, made.webhook.webhook, |it| {
        it.failing_since.is_some()
    })
    .await;
    let server = server.restart().await;
    let told = receiver.next().await;
    verify(&made.secret, &told).unwrap();
    assert_eq!(told.id(), first.id());
    assert_eq!(told.event().data.room, Some(room.room));
    let operator = Client::operator(&server);
    until(&operator, made.webhook.webhook, |it| it.waiting == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_secret_signs_beside_the_old_one_and_neither_is_kept_in_clear() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let mut receiver = Receiver::start().await;
    let made = endpoint(&operator, &receiver.url, &["room.made"]).await;
    let path = format!("webhooks/{}/secret", made.webhook.webhook);
    let renewed: WebhookMade = read(&operator.post(&path, Value::Null).await);
    assert_ne!(renewed.secret, made.secret);
    operator.room().await;
    let told = receiver.next().await;
    verify(&made.secret, &told).unwrap();
    verify(&renewed.secret, &told).unwrap();
    for secret in [&made.secret, &renewed.secret] {
        use base64::Engine as _;
        let encoded = secret.strip_prefix("whsec_").unwrap();
        let key = base64::engine::general_purpose::STANDARD.decode(encoded);
        assert_eq!(server.kept_in(encoded.as_bytes()), Vec::<String>::new());
        assert_eq!(server.kept_in(&key.unwrap()), Vec::<String>::new());
    }

    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    let over = "UPDATE webhooks SET old_until = 1";
    change(dir.path(), &[over.to_owned()]).await;
    let server = Server::start_in(dir).await;
    let operator = Client::operator(&server);
    operator.room().await;
    let told = receiver.next().await;
    verify(&renewed.secret, &told).unwrap();
    assert!(verify(&made.secret, &told).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_takes_nothing_for_days_is_switched_off_and_on_again() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let mut receiver = Receiver::start().await;
    receiver.says(&["500 Internal Server Error"; 2]);
    let made = endpoint(&operator, &receiver.url, &["room.made"]).await;
    let id = made.webhook.webhook;
    operator.room().await;
    let first = receiver.next().await;
    until(&operator, id, |it| it.failing_since.is_some()).await;
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    let days_ago = (common::client::now() - 5 * 86_400 - 60) * 1000;
    change(
        dir.path(),
        &[
            format!("UPDATE webhooks SET failing_since = {days_ago}"),
            "UPDATE deliveries SET due_at = 0".to_owned(),
        ],
    )
    .await;
    let server = Server::start_in(dir).await;
    let operator = Client::operator(&server);
    let off = until(&operator, id, |it| !it.enabled).await;
    assert_eq!((off.waiting, off.given_up), (0, 1));
    assert_eq!(receiver.next().await.id(), first.id());
    operator.room().await;
    assert_eq!(info(&operator, id).await.waiting, 0, "it is told nothing");

    let on = json!({ "enabled": true });
    let path = format!("webhooks/{id}");
    let on: WebhookInfo = read(&operator.ask("PATCH", &path, on).await);
    assert!(on.enabled && on.failing_since.is_none());
    assert_eq!(receiver.next().await.id(), first.id());
    until(&operator, id, |it| it.waiting + it.given_up == 0).await;

    // What says that it wants no more is sent no more.
    receiver.says(&["410 Gone"]);
    operator.room().await;
    receiver.next().await;
    until(&operator, id, |it| !it.enabled && it.given_up == 1).await;

    // And what was given up is forgotten after a week.
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    let week_ago = (common::client::now() - 7 * 86_400 - 60) * 1000;
    let dead = format!("UPDATE deliveries SET dead_at = {week_ago}");
    change(dir.path(), &[dead]).await;
    let server = Server::start_in(dir).await;
    let operator = Client::operator(&server);
    until(&operator, id, |it| it.given_up == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_followed_elsewhere_and_no_body_is_waited_for() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let mut receiver = Receiver::start().await;
    let elsewhere = format!("302 Found\r\nlocation: {}", receiver.at("/elsewhere"));
    // A body that never comes to its end.
    receiver.says(&[&elsewhere, "200 OK\r\ncontent-length: 1000000000"]);
    let made = endpoint(&operator, &receiver.url, &["room.made"]).await;
    let id = made.webhook.webhook;
    operator.room().await;
    assert_eq!(receiver.next().await.path, "/hook");
    until(&operator, id, |it| it.failing_since.is_some()).await;
    let begun = Instant::now();
    assert_eq!(receiver.next().await.path, "/hook", "and not elsewhere");
    until(&operator, id, |it| it.waiting == 0).await;
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "not to its limit"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_has_its_own_endpoints_and_so_many() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let mut receiver = Receiver::start().await;
    for name in ["a", "b"] {
        read::<Value>(&operator.post("tenants", json!({ "name": name })).await);
    }
    let url = receiver.url.clone();
    let body = json!({ "url": url });
    let mut all = Vec::new();
    for _ in 0..10 {
        let made = operator.post("webhooks?tenant=a", body.clone()).await;
        all.push(read::<WebhookMade>(&made).webhook.webhook);
    }
    let another = operator.post("webhooks?tenant=a", body.clone()).await;
    assert_eq!(
        (another.status, another.problem().code),
        (409, Code::QuotaReached)
    );
    let page: WebhookList = operator.get("webhooks?tenant=a&limit=4").await;
    assert!(page.more && page.webhooks.len() == 4);
    let mut seen: Vec<_> = page.webhooks.iter().map(|it| it.webhook).collect();
    while seen.len() < 10 {
        let after = seen.last().unwrap();
        let path = format!("webhooks?tenant=a&limit=4&after={after}");
        let page: WebhookList = operator.get(&path).await;
        seen.extend(page.webhooks.iter().map(|it| it.webhook));
    }
    seen.sort();
    all.sort();
    assert_eq!(seen, all);

    let id = all[0];
    let admins = async |tenant: &str| {
        let made = operator.account(tenant, "admin", Role::Admin).await;
        common::client::administrator(&server, tenant, &made).await
    };
    let (own, others) = (admins("a").await, admins("b").await);
    let made = operator.account("a", "host", Role::Host).await;
    let (host, _) = session(&server, "a", &made).await;
    for (method, path, body) in [
        ("GET", format!("webhooks/{id}"), Value::Null),
        (
            "PATCH",
            format!("webhooks/{id}"),
            json!({ "enabled": false }),
        ),
        ("POST", format!("webhooks/{id}/secret"), Value::Null),
        ("DELETE", format!("webhooks/{id}"), Value::Null),
    ] {
        let refused = others.ask(method, &path, body.clone()).await;
        assert_eq!(
            (refused.status, refused.problem().code),
            (404, Code::NoSuchWebhook)
        );
        let refused = host.ask(method, &path, body).await;
        assert_eq!(
            (refused.status, refused.problem().code),
            (403, Code::Forbidden)
        );
    }
    let theirs: WebhookList = others.get("webhooks").await;
    assert_eq!(theirs.webhooks, []);
    let refused = others.ask("GET", "webhooks?tenant=a", Value::Null).await;
    assert_eq!(refused.problem().code, Code::NoSuchTenant);
    for id in &all[1..] {
        let path = format!("webhooks/{id}");
        assert_eq!(own.ask("DELETE", &path, Value::Null).await.status, 204);
    }

    // An organisation's endpoint is told of its own rooms alone.
    others.room().await;
    let room = own.room().await;
    loop {
        let event = receiver.next().await.event();
        assert_ne!(event.data.tenant.0, [0; 16]);
        if event.kind == EventKind::RoomMade {
            assert_eq!(event.data.room, Some(room.room));
            break;
        }
    }
    for path in [format!("rooms/{}", room.room), "tenants/a".to_owned()] {
        let gone = operator.ask("DELETE", &path, Value::Null).await;
        assert_eq!(gone.status, 204, "{path}");
    }
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    assert_eq!(count(dir.path(), "webhooks").await, 0);
    assert_eq!(count(dir.path(), "deliveries").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_operator_opened_nothing_no_internal_address_is_sent_to() {
    let server = Server::start_reaching(tempfile::tempdir().unwrap(), Reach::Public).await;
    let operator = Client::operator(&server);
    for url in [
        "http://127.0.0.1:1/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://10.0.0.1/",
        "https://[fd00::1]/",
        "https://169.254.169.254/",
        "http://his.example/",
    ] {
        let refused = operator.post("webhooks", json!({ "url": url })).await;
        let found = (refused.status, refused.problem().code);
        assert_eq!(found, (400, Code::WebhookAddress), "{url}");
    }
    let fine = json!({ "url": "https://his.example/", "events": ["room.made"] });
    let made: WebhookMade = read(&operator.post("webhooks", fine).await);
    let id = made.webhook.webhook;
    let path = format!("webhooks/{id}");
    let change_to = json!({ "url": "https://127.0.0.1/" });
    let refused = operator.ask("PATCH", &path, change_to).await;
    assert_eq!(refused.problem().code, Code::WebhookAddress);
    for bad in [
        json!({ "url": 1 }),
        json!({}),
        json!({ "url": "https://a.example", "events": ["call.began"] }),
    ] {
        let refused = operator.post("webhooks", bad).await;
        assert_eq!(refused.problem().code, Code::BadMessage);
    }

    // One from before the operator restricted it.
    let mut receiver = Receiver::start().await;
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    let to = format!(
        "UPDATE webhooks SET url = '{}' WHERE id = {}",
        receiver.url,
        bytes(id.as_bytes())
    );
    change(dir.path(), &[to]).await;
    let server = Server::start_reaching(dir, Reach::Public).await;
    let operator = Client::operator(&server);
    operator.room().await;
    until(&operator, id, |it| it.failing_since.is_some()).await;
    assert!(receiver.nothing(), "it was not asked");
}

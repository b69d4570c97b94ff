//! What is done to an organisation is noted, once, with who did it, and shows
//! whether it was changed; what is of a call or of a guest is not noted.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::client::{Client, log_in, read, session, slot};
use common::database::change;
use common::{Answer, Server};
use conclave_signaling::domain::audit::{Broken, Chain, Link, SERVER};
use conclave_wire::account::{Enrolment, Role};
use conclave_wire::audit::{Act, AuditLine, AuditList};
use conclave_wire::code::Code;
use conclave_wire::device::DeviceInfo;
use conclave_wire::id::Blob;
use conclave_wire::webhook::WebhookMade;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use totp_rs::{Builder, Secret, Totp};

/// Every request that changes something: what is noted of it, or why nothing
/// is. Whoever adds one adds it here.
const ROUTES: [(&str, &str, Result<Act, &str>); 51] = [
    ("POST", "session", Err("logging in changes nothing")),
    ("DELETE", "session", Err("nor does logging out")),
    ("PUT", "session/password", Ok(Act::AccountPasswordChanged)),
    (
        "POST",
        "session/factor",
        Err("a proposal counts for nothing"),
    ),
    ("PUT", "session/factor", Ok(Act::AccountFactorSet)),
    ("POST", "accounts", Ok(Act::AccountMade)),
    ("PATCH", "accounts/{account}", Ok(Act::AccountChanged)),
    ("DELETE", "accounts/{account}", Ok(Act::AccountDeleted)),
    (
        "POST",
        "accounts/{account}/disable",
        Ok(Act::AccountDisabled),
    ),
    ("POST", "accounts/{account}/enable", Ok(Act::AccountEnabled)),
    (
        "POST",
        "accounts/{account}/password",
        Ok(Act::AccountPasswordReset),
    ),
    (
        "DELETE",
        "accounts/{account}/factor",
        Ok(Act::AccountFactorReset),
    ),
    ("POST", "session/passkey", Err("logging in changes nothing")),
    ("POST", "session/passkey/challenge", Err("it only asks")),
    ("POST", "session/passkeys/challenge", Err("it only asks")),
    ("POST", "session/passkeys", Ok(Act::AccountPasskeyMade)),
    (
        "PATCH",
        "session/passkeys/{passkey}",
        Ok(Act::AccountPasskeyRenamed),
    ),
    (
        "DELETE",
        "session/passkeys/{passkey}",
        Ok(Act::AccountPasskeyRemoved),
    ),
    (
        "DELETE",
        "accounts/{account}/passkeys/{passkey}",
        Ok(Act::AccountPasskeyRemoved),
    ),
    ("PUT", "session/device", Err("no more than the session")),
    (
        "POST",
        "session/certificate",
        Err("it says whose a key is, for hours"),
    ),
    (
        "DELETE",
        "accounts/{account}/devices",
        Ok(Act::AccountDevicesRevoked),
    ),
    ("DELETE", "devices/{device}", Ok(Act::DeviceRevoked)),
    ("DELETE", "devices", Ok(Act::TenantDevicesRevoked)),
    ("PUT", "policies", Ok(Act::PoliciesSet)),
    ("PUT", "accounts/{account}/policies", Ok(Act::PoliciesSet)),
    ("PUT", "policies.csv", Ok(Act::PoliciesSet)),
    ("POST", "tenants", Ok(Act::TenantMade)),
    ("PATCH", "tenants/{tenant}", Ok(Act::TenantChanged)),
    ("PUT", "tenants/{tenant}/oidc", Ok(Act::TenantProviderSet)),
    ("PUT", "tenants/{tenant}/scim", Ok(Act::TenantDirectorySet)),
    (
        "DELETE",
        "tenants/{tenant}/scim",
        Ok(Act::TenantDirectoryRemoved),
    ),
    (
        "DELETE",
        "tenants/{tenant}/oidc",
        Ok(Act::TenantProviderRemoved),
    ),
    ("POST", "session/code", Err("it ends a login")),
    ("DELETE", "tenants/{tenant}", Ok(Act::TenantDeleted)),
    ("PUT", "texts/{text}", Ok(Act::PublicTextSet)),
    ("DELETE", "texts/{text}", Ok(Act::PublicTextRemoved)),
    ("POST", "webhooks", Ok(Act::WebhookMade)),
    ("PATCH", "webhooks/{webhook}", Ok(Act::WebhookChanged)),
    (
        "POST",
        "webhooks/{webhook}/secret",
        Ok(Act::WebhookSecretRenewed),
    ),
    ("DELETE", "webhooks/{webhook}", Ok(Act::WebhookDeleted)),
    ("POST", "rooms", Ok(Act::RoomMade)),
    ("DELETE", "rooms/{room}", Ok(Act::RoomDeleted)),
    ("POST", "rooms/{room}/unlock", Ok(Act::RoomUnlocked)),
    ("PUT", "rooms/{room}/people", Ok(Act::RoomPeopleSet)),
    (
        "POST",
        "rooms/{room}/password-message",
        Ok(Act::RoomPasswordSent),
    ),
    ("POST", "rooms/{room}/links", Ok(Act::LinkMade)),
    ("DELETE", "rooms/{room}/links/{link}", Ok(Act::LinkRevoked)),
    (
        "POST",
        "rooms/{room}/links/{link}/hand-out",
        Ok(Act::LinkHandedOut),
    ),
    (
        "POST",
        "rooms/{room}/links/{link}/consent",
        Ok(Act::LinkConsentNoted),
    ),
    (
        "DELETE",
        "rooms/{room}/links/{link}/consent",
        Err("the guest's own"),
    ),
];
const TEXTS: (&str, &str, Act) = ("POST", "consent-texts", Act::ConsentTextsSet);

/// The requests that change something, as the service knows them.
fn routes() -> BTreeSet<(String, String)> {
    let document = conclave_signaling::openapi();
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let path = path.strip_prefix("/api/v1/").unwrap();
        let methods = item.as_object().unwrap().keys();
        methods.map(move |method| (method.to_uppercase(), path.to_owned()))
    });
    operations.filter(|(method, _)| method != "GET").collect()
}

/// A whole log, each line of it verified.
async fn log(client: &Client<'_>, of: &str) -> Vec<AuditLine> {
    let mut chain: Option<Chain> = None;
    let mut lines: Vec<AuditLine> = Vec::new();
    loop {
        let after = lines.last().map_or(0, |line| line.seq);
        let list: AuditList = client.get(&format!("audit?{of}&after={after}")).await;
        let before = Link(list.before.0.try_into().unwrap());
        let begun = Chain::from(list.tenant, list.first - 1, before);
        let chain = chain.get_or_insert(begun);
        for line in &list.lines {
            chain.take(line).unwrap();
        }
        lines.extend(list.lines);
        if !list.more {
            assert_eq!((chain.seq, chain.head.0.to_vec()), (list.last, list.head.0));
            return lines;
        }
    }
}

fn texts() -> Value {
    let text = json!({ "notice": "notice of texts", "consent": "consent of texts" });
    json!({ "de": text, "en": text })
}

fn totp(enrolment: &Enrolment) -> Totp {
    let secret = Secret::try_from_base32(&enrolment.secret).unwrap();
    Builder::new().with_secret(secret).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_that_changes_something_is_one_line() {
    let listed: BTreeSet<_> = ROUTES
        .iter()
        .map(|(method, path, _)| (*method, *path))
        .chain([(TEXTS.0, TEXTS.1)])
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .collect();
    assert_eq!(routes(), listed, "each has its line in ROUTES");

    let server = Server::start().await;
    let operator = Client::operator(&server);
    let made = operator.account("default", "anna", Role::Host).await;
    let (anna, info) = session(&server, "default", &made).await;
    let ben = operator.account("default", "ben", Role::Member).await;
    let made_dora = operator.account("default", "dora", Role::Member).await;
    let (dora, _) = session(&server, "default", &made_dora).await;
    let (emil, _) = session(&server, "default", &made_dora).await;
    let of_emil = emil.ask("PUT", "session/device", json!({ "name": "Emil's" }));
    let device = read::<DeviceInfo>(&of_emil.await).device;
    let room = anna.room().await;
    read::<Value>(&operator.post("consent-texts", texts()).await);
    let draft = async || {
        let mut body = slot();
        body["consent"] = "required".into();
        let made = anna.post(&format!("rooms/{}/links", room.room), body).await;
        read::<Value>(&made)["link"].as_str().unwrap().to_owned()
    };
    let [link, second] = [draft().await, draft().await];
    operator
        .post(
            &format!("rooms/{}/links/{second}/hand-out", room.room),
            Value::Null,
        )
        .await;

    let made_webhook = json!({ "url": "https://his.example/" });
    let made_webhook = operator.post("webhooks", made_webhook).await;
    let webhook = read::<WebhookMade>(&made_webhook).webhook.webhook;
    let enrolment: Enrolment = read(&anna.post("session/factor", Value::Null).await);
    let code = totp(&enrolment).generate(common::client::now()).to_string();
    let mail = json!({ "version": 1, "language": "de", "way": "mail" });
    let page = json!({ "version": 1, "language": "de" });
    let (account, of_room) = (ben.account.account, room.room);
    let provider = json!({
        "name": "a", "issuer": "https://a.example", "clientId": "a", "clientSecret": "a",
    });
    let mut bodies: Vec<(&str, &str, Value)> = vec![
        ("PUT", "session/factor", json!({ "code": code })),
        ("PUT", "session/device", json!({ "name": "Anna's" })),
        (
            "PUT",
            "policies",
            json!({ "policies": { "session-hours": "11" } }),
        ),
        (
            "PUT",
            "accounts/{account}/policies",
            json!({ "policies": {} }),
        ),
        (
            "PUT",
            "policies.csv",
            json!("account,policy,value\r\n,session-hours,10\r\n"),
        ),
        ("POST", "tenants", json!({ "name": "other" })),
        ("PATCH", "tenants/{tenant}", json!({ "maxRooms": 1 })),
        ("PATCH", "accounts/{account}", json!({ "name": "Ben" })),
        ("PUT", "tenants/{tenant}/oidc", provider),
        (
            "POST",
            "accounts",
            json!({ "login": "cem", "name": "Cem", "role": "host" }),
        ),
        ("POST", "webhooks", json!({ "url": "https://his.example/" })),
        (
            "PATCH",
            "webhooks/{webhook}",
            json!({ "events": ["room.made"] }),
        ),
        ("POST", "rooms", json!({ "title": "A title" })),
        ("POST", "rooms/{room}/links", slot()),
        ("POST", "consent-texts", texts()),
        (
            "PUT",
            "texts/{text}",
            json!({ "de": "terms of texts", "en": "terms of texts" }),
        ),
        ("POST", "rooms/{room}/links/{link}/consent", mail),
        (
            "POST",
            "session",
            json!({ "login": "ben", "password": ben.password, "kept": "token" }),
        ),
    ];
    let mut body = |method: &str, path: &str| {
        let found = bodies
            .iter()
            .position(|(of, at, _)| (*of, *at) == (method, path));
        found.map_or(Value::Null, |found| bodies.remove(found).2)
    };
    // What is the room's, or the account's, before the room and the account go;
    // what ends anna's session last.
    let order = |path: &str, method: &str| match (path, method) {
        (path, "DELETE") if path == "rooms/{room}" || path == "accounts/{account}" => 1,
        ("session/password", _) => 2,
        ("devices", _) => 3,
        _ => 0,
    };
    let mut all: Vec<_> = ROUTES.to_vec();
    all.push((TEXTS.0, TEXTS.1, Ok(TEXTS.2)));
    all.sort_by_key(|(method, path, _)| order(path, method));
    let mut noted = BTreeSet::new();
    for (method, path, act) in all {
        if (method, path) == ("POST", "session/factor") {
            continue; // It was proposed above, and counts from here on.
        }
        if path == "session/certificate" || path == "session/code" {
            continue; // They take more: tests/devices.rs, tests/provider.rs.
        }
        let elsewhere = ["/people", "/password-message"];
        if path.contains("/passkey") || elsewhere.iter().any(|end| path.ends_with(end)) {
            // They take an authenticator, a marked room and somebody's endpoint:
            // tests/passkeys.rs, tests/markings.rs, tests/messages.rs.
            noted.extend(act.map(Act::as_str));
            continue;
        }
        let mut body = body(method, path);
        if path == "session/password" {
            body = json!({ "current": made.password, "password": "a password of hers" });
        }
        let filled = path
            .replace("{account}", &account.to_string())
            .replace("{room}", &of_room.to_string())
            .replace("{link}", &link)
            .replace("{device}", &device.to_string())
            .replace("{webhook}", &webhook.to_string())
            .replace("{text}", "terms")
            .replace("{tenant}", "other");
        let filled = match (method, path) {
            // Revoking comes before handing out: another of the links.
            ("DELETE", "rooms/{room}/links/{link}") => filled.replace(&link, &second),
            _ => filled,
        };
        // Their own they do themselves; the rest the operator does.
        let own = path.starts_with("session");
        let client = match (method, path) {
            ("DELETE", "session") => &dora,
            _ if own => &anna,
            _ => &operator,
        };
        let of = if path.ends_with("/oidc") || path.ends_with("/scim") {
            "tenant=other"
        } else if path.starts_with("tenants") {
            "of=server"
        } else {
            "tenant=default"
        };
        let before = log(&operator, of).await;
        let answer: Answer = client.ask(method, &filled, body).await;
        let said = String::from_utf8_lossy(&answer.body);
        assert!(
            (200..300).contains(&answer.status),
            "{method} {path}: {} {said}",
            answer.status
        );
        let after = log(&operator, of).await;
        let new = &after[before.len()..];
        match act {
            Err(why) => assert!(new.is_empty(), "{method} {path}: {why}, but {new:?}"),
            Ok(act) => {
                let [line] = new else {
                    panic!("{method} {path} is {} lines", new.len());
                };
                let actor = own.then_some(info.account);
                assert_eq!((line.act, line.actor), (act, actor), "{method} {path}");
                noted.insert(act.as_str());
                let object = match path {
                    "consent-texts" => {
                        assert_eq!(line.detail.as_deref(), Some("2"));
                        None
                    }
                    "devices" => None,
                    path if path.starts_with("devices/") => Some(device.0),
                    path if path.starts_with("webhooks/") => Some(webhook.0),
                    path if path.starts_with("session") => Some(info.account.0),
                    path if path.starts_with("accounts/") => Some(account.0),
                    path if path.starts_with("rooms/") => Some(of_room.0),
                    _ => continue,
                };
                assert_eq!(line.object, object.map(|id| Blob(id.to_vec())), "{path}");
            }
        }
    }
    let all: BTreeSet<_> = Act::ALL.iter().map(|act| act.as_str()).collect();
    assert_eq!(noted, all, "each act is some request's");

    // A guest's own consent is nobody's line, and what is refused is none.
    let third = operator.room().await;
    let mut body = slot();
    body["consent"] = "required".into();
    let made = operator
        .post(&format!("rooms/{}/links", third.room), body)
        .await;
    let link = read::<Value>(&made)["link"].as_str().unwrap().to_owned();
    let path = format!("rooms/{}/links/{link}", third.room);
    operator
        .post(&format!("{path}/hand-out"), Value::Null)
        .await;
    let before = log(&operator, "tenant=default").await;
    let mut page = page;
    page["version"] = 2.into();
    assert_eq!(
        operator.post(&format!("{path}/consent"), page).await.status,
        204
    );
    let again = operator
        .post(&format!("{path}/hand-out"), Value::Null)
        .await;
    assert_eq!(again.status, 204, "it is handed out already");
    let refused = operator.post("rooms", json!({ "title": "" })).await;
    assert_eq!(refused.status, 400);
    let taken = json!({ "login": "cem", "name": "Cem", "role": "host" });
    assert_eq!(
        operator.post("accounts", taken).await.problem().code,
        Code::NameTaken
    );
    let after = log(&operator, "tenant=default").await;
    let new: Vec<_> = after[before.len()..].iter().map(|line| line.act).collect();
    assert_eq!(new, [Act::LinkHandedOut]);
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_read_their_own_organisations_log_and_nobody_elses() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    read::<Value>(&operator.post("tenants", json!({ "name": "other" })).await);
    let made = operator.account("other", "anna", Role::Admin).await;
    operator.room().await;
    let (anna, _) = session(&server, "other", &made).await;
    let first = anna.ask("GET", "audit", Value::Null).await.problem();
    assert_eq!(first.code, Code::FactorNeeded);
    let enrolment: Enrolment = read(&anna.post("session/factor", Value::Null).await);
    let code = totp(&enrolment).generate(common::client::now()).to_string();
    let set = anna
        .ask("PUT", "session/factor", json!({ "code": code }))
        .await;
    assert_eq!(set.status, 200);

    let own: AuditList = anna.get("audit").await;
    let acts: Vec<_> = own.lines.iter().map(|line| line.act).collect();
    assert_eq!(acts, [Act::AccountMade, Act::AccountFactorSet]);
    assert_eq!((own.first, own.last, own.more), (1, 2, false));
    for (path, code) in [
        ("audit?tenant=default", Code::NoSuchTenant),
        ("audit?of=server", Code::Forbidden),
        ("audit?of=all", Code::BadMessage),
        ("audit?after=3", Code::NotFound),
        ("audit?after=-1", Code::BadMessage),
        ("audit?limit=0", Code::BadMessage),
    ] {
        assert_eq!(
            anna.ask("GET", path, Value::Null).await.problem().code,
            code,
            "{path}"
        );
    }
    for role in [Role::Host, Role::Member, Role::Assistant, Role::Presenter] {
        let made = operator.account("other", role.as_str(), role).await;
        let (other, _) = session(&server, "other", &made).await;
        let refused = other.ask("GET", "audit", Value::Null).await.problem();
        assert_eq!(refused.code, Code::Forbidden, "{role:?}");
    }
    assert_eq!(server.get("/api/v1/audit").await.status, 401);

    let servers = log(&operator, "of=server").await;
    let acts: Vec<_> = servers.iter().map(|line| line.act).collect();
    assert_eq!(acts, [Act::TenantMade]);
    let list: AuditList = operator.get("audit?of=server").await;
    assert_eq!(list.tenant, SERVER);

    // More than a page, and over a restart.
    for _ in 0..60 {
        operator.room().await;
    }
    let list: AuditList = operator.get("audit").await;
    assert_eq!((list.lines.len(), list.more), (50, true));
    let whole = log(&operator, "tenant=default").await;
    assert_eq!(whole.len(), 61);
    let server = server.restart().await;
    let operator = Client::operator(&server);
    assert_eq!(log(&operator, "tenant=default").await, whole);
    // With an organisation goes its log, and that it is gone is noted.
    let gone = operator.ask("DELETE", "tenants/other", Value::Null).await;
    assert_eq!(gone.status, 204);
    let last = log(&operator, "of=server").await.pop().unwrap();
    assert_eq!((last.act, last.actor), (Act::TenantDeleted, None));
    assert_eq!(last.object, Some(Blob(own.tenant.0.to_vec())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_somebody_took_out_or_changed_in_the_database_shows() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    for _ in 0..5 {
        operator.room().await;
    }
    let verdict = async |statement: &str, server: Server| {
        let Server { serving, dir, .. } = server;
        serving.shutdown().await;
        change(dir.path(), &[statement.to_owned()]).await;
        let server = Server::start_in(dir).await;
        let list: AuditList = Client::operator(&server).get("audit").await;
        let before = Link(list.before.0.clone().try_into().unwrap());
        let mut chain = Chain::from(list.tenant, list.first - 1, before);
        let whole = list.lines.iter().try_for_each(|line| chain.take(line));
        (
            whole,
            chain.seq == list.last && chain.head.0 == *list.head.0,
            server,
        )
    };
    let (whole, to_the_end, server) = verdict("UPDATE audit SET at = at", server).await;
    assert_eq!((whole, to_the_end), (Ok(()), true));
    let (whole, to_the_end, server) = verdict("DELETE FROM audit WHERE seq = 5", server).await;
    assert_eq!(
        (whole, to_the_end),
        (Ok(()), false),
        "the last one is missing"
    );
    let changed = "UPDATE audit SET act = 'room.deleted' WHERE seq = 3";
    let (whole, _, server) = verdict(changed, server).await;
    assert_eq!(whole, Err(Broken::Changed(3)));
    let (whole, _, _) = verdict("DELETE FROM audit WHERE seq = 2", server).await;
    assert_eq!(whole, Err(Broken::Missing(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_lines_are_forgotten_in_time_and_the_rest_is_whole() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    for _ in 0..4 {
        operator.room().await;
    }
    let before = log(&operator, "tenant=default").await;
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    let year = 366 * 24 * 60 * 60 * 1000_u64;
    // The fourth is old by a clock that was set; it stays as long as the third.
    let old = format!("UPDATE audit SET at = at - {year} WHERE seq IN (1, 2, 4)");
    change(dir.path(), &[old]).await;
    let server = Server::start_in(dir).await;
    let operator = Client::operator(&server);
    let deadline = Instant::now() + Duration::from_secs(30);
    let list = loop {
        let list: AuditList = operator.get("audit").await;
        if list.first == 3 {
            break list;
        }
        assert!(Instant::now() < deadline, "{list:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(list.before, before[1].digest);
    assert_eq!((list.lines[0].clone(), list.last), (before[2].clone(), 4));
    // And it goes on.
    operator.room().await;
    let list: AuditList = operator.get("audit?after=4").await;
    assert_eq!((list.lines.len(), list.lines[0].seq), (1, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_name_title_or_guest_stands_in_the_log() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let made = operator
        .account("default", "quarterbrook", Role::Host)
        .await;
    let (anna, _) = session(&server, "default", &made).await;
    let asked = json!({ "title": "Hour of Featherstone", "scheduled": true,
        "consultation": { "people": 2, "hostName": "Dr. Wilhelmina Anders" } });
    let room = read::<Value>(&anna.post("rooms", asked).await);
    let room = room["room"].as_str().unwrap().to_owned();
    let made = read::<Value>(&anna.post(&format!("rooms/{room}/links"), slot()).await);
    let link = made["link"].as_str().unwrap().to_owned();
    let wrong = json!({ "login": "quarterbrook", "password": "wrong of course", "kept": "token" });
    assert_eq!(log_in(&server, wrong).await.status, 401);
    let answer = operator.ask("GET", "audit", Value::Null).await;
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.contains(&room), "the room's identifier is: {text}");
    for kept_out in [
        "quarterbrook",
        "Anna Berg",
        "Featherstone",
        "Wilhelmina",
        &link,
        "127.0.0.1",
    ] {
        assert!(!text.contains(kept_out), "{kept_out} is in {text}");
    }
    let lines = log(&operator, "tenant=default").await;
    assert_eq!(lines.len(), 3, "an account, a room, a link: {lines:?}");
}

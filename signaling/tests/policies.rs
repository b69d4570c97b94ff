//! What policies forbid, at which level they are set, and to whom they hold.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::client::{Client, administrator, log_in, read, session, slot};
use common::device::{draw, on_new_device, request};
use common::{Server, commit};
use conclave_wire::account::{Role, SessionInfo};
use conclave_wire::audit::{Act, AuditList};
use conclave_wire::client::{Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::http::{Cell, RoomCreated};
use conclave_wire::policy::{PolicyEntry, PolicyList, PolicySource};
use serde_json::{Value, json};

async fn set(client: &Client<'_>, path: &str, policies: Value) -> Vec<PolicyEntry> {
    let body = json!({ "policies": policies });
    read::<PolicyList>(&client.ask("PUT", path, body).await).policies
}

fn of<'e>(entries: &'e [PolicyEntry], name: &str) -> &'e PolicyEntry {
    entries.iter().find(|entry| entry.name == name).unwrap()
}

async fn verdict(client: &Client<'_>, path: &str, body: Value) -> Result<(), Code> {
    let answer = client.post(path, body).await;
    match answer.status {
        201 => Ok(()),
        _ => Err(answer.problem().code),
    }
}

fn refusal(answer: ServerFrame) -> Code {
    match answer {
        ServerFrame::Error { code, .. } => code,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_and_links_that_a_policy_forbids_are_not_made_at_whatever_level_it_is_set() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let anna = operator.account("default", "anna", Role::Host).await;
    let ben = operator.account("default", "ben", Role::Host).await;
    let of_anna = format!("accounts/{}/policies", anna.account.account);
    let (anna, _) = session(&server, "default", &anna).await;
    let (ben, _) = session(&server, "default", &ben).await;
    let room = anna.room().await;
    let links = format!("rooms/{}/links", room.room);
    let forbids = Err(Code::PolicyForbids);

    // For one account, and nobody else.
    set(&operator, &of_anna, json!({ "guest-links": "no" })).await;
    assert_eq!(verdict(&anna, &links, slot()).await, forbids);
    assert_eq!(verdict(&ben, &links, slot()).await, Ok(()));
    // What the organisation says goes before it, and the server's before that.
    set(&operator, "policies", json!({ "guest-links": "yes" })).await;
    assert_eq!(verdict(&anna, &links, slot()).await, Ok(()));
    let entries = set(
        &operator,
        "policies?of=server",
        json!({ "guest-links": "no" }),
    )
    .await;
    assert_eq!(of(&entries, "guest-links").source, PolicySource::Server);
    assert_eq!(verdict(&ben, &links, slot()).await, forbids);
    assert_eq!(verdict(&operator, &links, slot()).await, forbids);
    // It is there after a restart, too.
    let bearers = (anna.bearer.clone(), ben.bearer.clone());
    let server = server.restart().await;
    let operator = Client::operator(&server);
    let client = |bearer| Client {
        server: &server,
        bearer,
    };
    let (anna, ben) = (client(bearers.0), client(bearers.1));
    assert_eq!(verdict(&ben, &links, slot()).await, forbids);
    let entries: PolicyList = operator.get(&of_anna).await;
    let shown = of(&entries.policies, "guest-links").clone();
    let expected = PolicyEntry {
        name: "guest-links".to_owned(),
        value: "no".to_owned(),
        source: PolicySource::Server,
        least: None,
        most: None,
        set: Some("no".to_owned()),
    };
    assert_eq!(shown, expected);
    // What is left out is not set any more.
    set(&operator, "policies?of=server", json!({})).await;
    set(&operator, "policies", json!({ "longest-link-days": "1" })).await;
    assert_eq!(verdict(&anna, &links, slot()).await, forbids, "hers again");
    let mut long = slot();
    assert_eq!(verdict(&ben, &links, long.clone()).await, Ok(()));
    long["until"] = (long["from"].as_u64().unwrap() + 2 * 24 * 3_600_000).into();
    assert_eq!(verdict(&ben, &links, long).await, forbids);
    set(&operator, "policies", json!({ "consent-required": "yes" })).await;
    assert_eq!(verdict(&ben, &links, slot()).await, forbids);

    let digest = "A".repeat(43);
    for (name, value, bare, right) in [
        (
            "password-required",
            "yes",
            json!({}),
            json!({ "password": digest }),
        ),
        (
            "scheduled-only",
            "yes",
            json!({}),
            json!({ "scheduled": true }),
        ),
        (
            "consultations-only",
            "yes",
            json!({}),
            json!({ "consultation": { "people": 2 } }),
        ),
    ] {
        set(&operator, "policies", json!({ name: value })).await;
        assert_eq!(verdict(&ben, "rooms", bare).await, forbids, "{name}");
        assert_eq!(verdict(&ben, "rooms", right).await, Ok(()), "{name}");
    }
    set(&operator, "policies", json!({ "hosts-make-rooms": "no" })).await;
    assert_eq!(verdict(&ben, "rooms", json!({})).await, forbids);
    assert_eq!(verdict(&operator, "rooms", json!({})).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_for_everybody_counts_at_once() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let made = operator.account("default", "anna", Role::Member).await;
    let (anna, info) = session(&server, "default", &made).await;
    assert!(!info.factor_needed);
    set(&operator, "policies", json!({ "second-factor": "yes" })).await;
    let refused = anna.ask("GET", "rooms", Value::Null).await.problem();
    assert_eq!(refused.code, Code::FactorNeeded);
    let info: SessionInfo = anna.get("session").await;
    assert!(info.factor_needed, "and its page asks for it");
    let login = json!({ "login": "anna", "password": made.password, "kept": "token" });
    let info: SessionInfo = read(&log_in(&server, login).await);
    assert!(info.factor_needed);
    let anna = administrator(&server, "default", &made).await;
    assert_eq!(anna.ask("GET", "rooms", Value::Null).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_set_their_own_organisations_policies_and_nobody_elses() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    read::<Value>(&operator.post("tenants", json!({ "name": "other" })).await);
    let made = operator.account("other", "anna", Role::Admin).await;
    let strange = operator.account("default", "ben", Role::Host).await;
    let own = operator.account("other", "cem", Role::Host).await;
    let anna = administrator(&server, "other", &made).await;
    set(&anna, "policies", json!({ "session-hours": "2" })).await;
    let of_own = format!("accounts/{}/policies", own.account.account);
    let entries = set(&anna, &of_own, json!({ "session-hours": "4" })).await;
    let hours = of(&entries, "session-hours");
    assert_eq!(
        (hours.value.as_str(), hours.set.as_deref()),
        ("2", Some("4"))
    );
    assert_eq!((hours.least, hours.most), (Some(1), Some(12)));
    let others: PolicyList = operator.get("policies").await;
    assert_eq!(of(&others.policies, "session-hours").value, "12");

    let body = json!({ "policies": {} });
    let of_strange = format!("accounts/{}/policies", strange.account.account);
    for (path, code) in [
        ("policies?of=server", Code::Forbidden),
        ("policies?tenant=default", Code::NoSuchTenant),
        (of_strange.as_str(), Code::NoSuchAccount),
    ] {
        let refused = anna.ask("PUT", path, body.clone()).await.problem();
        assert_eq!(refused.code, code, "{path}");
        let refused = anna.ask("GET", path, Value::Null).await.problem();
        assert_eq!(refused.code, code, "{path}");
    }
    let (cem, _) = session(&server, "other", &own).await;
    let refused = cem.ask("PUT", &of_own, body).await.problem();
    assert_eq!(refused.code, Code::Forbidden, "nobody frees themselves");
    for (policies, code) in [
        (json!({ "guests": "no" }), Code::PolicyUnknown),
        (json!({ "guest-links": "never" }), Code::PolicyValue),
        (json!({ "session-hours": "13" }), Code::PolicyValue),
    ] {
        let body = json!({ "policies": policies });
        let refused = anna.ask("PUT", "policies", body).await.problem();
        assert_eq!((refused.status, refused.code), (400, code));
    }
    let kept: PolicyList = anna.get("policies").await;
    assert_eq!(of(&kept.policies, "session-hours").value, "2");

    // With an account goes what is set for it.
    let path = format!("accounts/{}", own.account.account);
    assert_eq!(anna.ask("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(anna.ask("GET", &of_own, Value::Null).await.status, 404);
}

const HEADER: &str = "account,policy,value\r\n";

/// What is set for an organisation and its accounts, as a table.
async fn table(client: &Client<'_>) -> String {
    let answer = client.ask("GET", "policies.csv", Value::Null).await;
    assert_eq!(answer.status, 200);
    let expected = "text/csv; charset=utf-8; header=present";
    assert_eq!(answer.headers["content-type"], expected);
    String::from_utf8(answer.body).unwrap()
}

async fn import(client: &Client<'_>, rows: &str) -> Result<(), (Code, Option<Cell>)> {
    let body = json!(format!("{HEADER}{rows}"));
    let answer = client.ask("PUT", "policies.csv", body).await;
    match answer.status {
        204 => Ok(()),
        _ => {
            let problem = answer.problem();
            Err((problem.code, problem.cell))
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_policies_is_taken_as_it_was_given_and_noted_level_by_level() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    read::<Value>(&operator.post("tenants", json!({ "name": "other" })).await);
    let made = operator.account("other", "anna", Role::Admin).await;
    operator.account("other", "-ben", Role::Host).await;
    let anna = administrator(&server, "other", &made).await;
    assert_eq!(table(&anna).await, HEADER, "nothing is set");

    // What the server has set is not the organisation's to give or to take.
    let of_server = json!({ "guest-links": "no" });
    set(&operator, "policies?of=server", of_server).await;
    let rows = ",longest-link-days,7\r\n,session-hours,2\r\n'-ben,consent-required,yes\r\n\
        anna,second-factor,yes\r\nanna,session-hours,1\r\n";
    assert_eq!(import(&anna, rows).await, Ok(()));
    assert_eq!(table(&anna).await, format!("{HEADER}{rows}"));
    let hours = anna.get::<PolicyList>("policies").await.policies;
    assert_eq!(of(&hours, "session-hours").set.as_deref(), Some("2"));
    let audit: AuditList = anna.get("audit").await;
    let noted = audit.lines.iter().filter(|it| it.act == Act::PoliciesSet);
    let noted: Vec<_> = noted
        .map(|line| (line.actor.is_some(), line.detail.as_deref().unwrap()))
        .collect();
    assert_eq!(noted.len(), 3, "the organisation's and two accounts'");
    assert!(noted.contains(&(true, "longest-link-days=7 session-hours=2")));
    assert!(noted.contains(&(true, "second-factor=yes session-hours=1")));

    // What it names of an account is all that is set there then; the rest stays.
    assert_eq!(import(&anna, "Anna,session-hours,3\r\n").await, Ok(()));
    let left = format!(
        "{HEADER},longest-link-days,7\r\n,session-hours,2\r\n'-ben,consent-required,yes\r\n\
         anna,session-hours,3\r\n"
    );
    assert_eq!(table(&anna).await, left);
    // It is one organisation's.
    let others = operator.ask("GET", "policies.csv", Value::Null).await;
    assert_eq!(String::from_utf8(others.body).unwrap(), HEADER);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_table_with_a_wrong_line_nothing_is_set_and_the_line_is_told() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    operator.account("default", "anna", Role::Host).await;
    let ben = operator.account("default", "ben", Role::Host).await;
    let (ben, _) = session(&server, "default", &ben).await;
    let good = ",session-hours,2\r\nanna,session-hours,1\r\n";
    assert_eq!(import(&operator, good).await, Ok(()));
    let before = table(&operator).await;
    let noted = operator.get::<AuditList>("audit").await.last;
    for (rows, line, column, code) in [
        (
            ",session-hours,4\r\nanna,session-hours,13\r\n",
            3,
            3,
            Code::PolicyValue,
        ),
        (
            ",session-hours,4\r\n,hours,1\r\n",
            3,
            2,
            Code::PolicyUnknown,
        ),
        (
            ",session-hours,4\r\nzoe,session-hours,1\r\n",
            3,
            1,
            Code::NoSuchAccount,
        ),
        (
            "anna,session-hours,4\r\nAnna,session-hours,4\r\n",
            3,
            2,
            Code::NameTaken,
        ),
        (
            ",session-hours,4\r\n,session-idle-minutes\r\n",
            3,
            3,
            Code::BadMessage,
        ),
    ] {
        let wrong = Err((code, Some(Cell { line, column })));
        assert_eq!(import(&operator, rows).await, wrong, "{rows}");
        assert_eq!(table(&operator).await, before, "{rows}");
    }
    for body in ["", "no table", "\"account"] {
        let refused = operator.ask("PUT", "policies.csv", json!(body)).await;
        assert_eq!(refused.problem().code, Code::BadMessage, "{body}");
    }
    let forbidden = Err((Code::Forbidden, None));
    assert_eq!(import(&ben, good).await, forbidden);
    let refused = ben.ask("GET", "policies.csv", Value::Null).await.problem();
    assert_eq!(refused.code, Code::Forbidden);
    let after = operator.get::<AuditList>("audit").await.last;
    assert_eq!(after, noted, "what was refused is no line");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_hosts_log_in_a_revoked_device_is_no_host_by_the_link_it_kept() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    set(&operator, "policies", json!({ "hosts-log-in": "yes" })).await;
    let room = operator.room().await;
    let made = operator.account("default", "anna", Role::Host).await;
    let (anna, info, device) = on_new_device(&server, "default", &made).await;
    let mut host = server.enter(&room, true).await;
    let id = host.send(Request::StartCall {}).await;
    assert_eq!(refusal(host.answer(id).await), Code::CertificateNeeded);
    let body = request(&info, device.device, &draw(), (&room, &host));
    assert_eq!(anna.post("session/certificate", body).await.status, 201);
    host.done(Request::StartCall {}).await;

    let revoke = format!("devices/{}", device.device);
    let answer = operator.ask("DELETE", &revoke, Value::Null).await;
    assert_eq!(answer.status, 204);
    let mut back = server.enter(&room, true).await;
    for action in [Request::EndCall {}, Request::StartCall {}] {
        let id = back.send(action).await;
        assert_eq!(refusal(back.answer(id).await), Code::CertificateNeeded);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_that_are_there_take_no_more_people_and_say_that_everybody_is_asked_for() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let room: RoomCreated = read(&operator.post("rooms", json!({})).await);
    let asked = |policies: Value| json!({ "policies": policies });
    let both = asked(json!({ "lobby-always": "yes", "most-people": "2" }));
    assert_eq!(operator.ask("PUT", "policies", both).await.status, 200);
    let forbids = Err(Code::PolicyForbids);
    let few = |people| json!({ "maxPeople": people });
    assert_eq!(verdict(&operator, "rooms", few(3)).await, forbids);
    assert_eq!(verdict(&operator, "rooms", few(2)).await, Ok(()));

    let mut host = server.enter(&room, true).await;
    host.done(Request::StartCall {}).await;
    let mut back = server.page(room.room).await;
    match back.resume(&host).await {
        ServerFrame::Entered { lobby, .. } => assert!(lobby),
        other => panic!("not back: {other:?}"),
    }
    // The founder is one; of two more who knock one comes in.
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut guest = server.enter(&room, false).await;
        guest.knock().await;
        waiting.push(guest);
    }
    let adds: Vec<_> = waiting.iter().map(common::Page::id).collect();
    let of = |adds| commit(room.room, 0, adds, &[], b"one");
    let id = back.send(of(&adds)).await;
    assert_eq!(refusal(back.answer(id).await), Code::Full);
    back.done(of(&adds[..1])).await;
}

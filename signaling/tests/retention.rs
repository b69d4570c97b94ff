//! What is over is forgotten by itself, and nothing else is: on SQLite, and by
//! `scripts/postgres` on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::database::{bytes, change, count};
use common::{Answer, Server};
use conclave_wire::code::Code;
use conclave_wire::http::{LinkInfo, LinkList, RoomCreated};
use conclave_wire::id::LinkId;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const HOUR: u64 = 60 * 60 * 1_000;
const DAY: u64 = 24 * HOUR;

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

async fn operator(server: &Server, method: &str, path: &str, body: &[u8]) -> Answer {
    let operator = server.operator();
    let headers = [("authorization", operator.as_str())];
    server.http(method, path, &headers, body).await
}

async fn make_link(server: &Server, room: &RoomCreated, from: u64) -> Answer {
    let path = format!("/api/v1/rooms/{}/links", room.room);
    let until = from + HOUR;
    let body = format!(r#"{{"from":{from},"until":{until},"uses":"once"}}"#);
    operator(server, "POST", &path, body.as_bytes()).await
}

async fn links(server: &Server, room: &RoomCreated) -> Vec<LinkId> {
    let path = format!("/api/v1/rooms/{}/links", room.room);
    let answer = operator(server, "GET", &path, &[]).await;
    let list: LinkList = serde_json::from_slice(&answer.body).unwrap();
    list.links.into_iter().map(|link| link.link).collect()
}

/// What the metrics say was forgotten of a kind.
async fn forgotten(server: &Server, kind: &str) -> Option<u64> {
    let text = server.get("/metrics").await.body;
    let text = String::from_utf8(text).unwrap();
    let name = format!("conclave_forgotten_total{{kind=\"{kind}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_over_for_long_enough_is_forgotten_and_nothing_else() {
    let server = Server::start().await;
    let room = operator(&server, "POST", "/api/v1/rooms", br#"{"scheduled":true}"#).await;
    let room: RoomCreated = serde_json::from_slice(&room.body).unwrap();
    let mut ids = Vec::new();
    for _ in 0..4 {
        let made = make_link(&server, &room, now() + HOUR).await;
        let made: LinkInfo = serde_json::from_slice(&made.body).unwrap();
        ids.push(made.link);
    }
    let host = br#"{"login":"anna","name":"Anna","role":"host"}"#;
    let made = operator(&server, "POST", "/api/v1/accounts", host).await;
    let made: serde_json::Value = serde_json::from_slice(&made.body).unwrap();
    let password = made["password"].as_str().unwrap();
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let login = format!(r#"{{"login":"anna","password":"{password}","kept":"token"}}"#);
        let answer = server.http("POST", "/api/v1/session", &[], login.as_bytes());
        let answer: serde_json::Value = serde_json::from_slice(&answer.await.body).unwrap();
        sessions.push(format!("Bearer {}", answer["token"].as_str().unwrap()));
    }
    let propose = [("authorization", sessions[2].as_str())];
    let proposed = server
        .http("POST", "/api/v1/session/factor", &propose, &[])
        .await;
    assert_eq!(proposed.status, 201);

    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    let folder = dir.path();
    let slot = |link: LinkId, until: u64, stage: &str| {
        let from = until - HOUR;
        let id = bytes(link.as_bytes());
        format!(
            "UPDATE links SET opens_at = {from}, closes_at = {until}, stage = '{stage}' \
             WHERE id = {id}"
        )
    };
    let at = now();
    change(
        folder,
        &[
            slot(ids[0], at - 31 * DAY - HOUR, "used"),
            slot(ids[1], at - 31 * DAY + HOUR, "active"),
            slot(ids[2], at - 90 * DAY, "in-use"),
            format!(
                "UPDATE sessions SET ends_at = {at} WHERE token IN \
                 (SELECT token FROM sessions ORDER BY token LIMIT 1)"
            ),
            format!(
                "UPDATE sessions SET last_used_at = {} WHERE ends_at > {at} AND token IN \
                 (SELECT token FROM sessions ORDER BY token DESC LIMIT 1)",
                at - HOUR
            ),
        ],
    )
    .await;

    let server = Server::start_in(dir).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while forgotten(&server, "links").await != Some(1)
        || forgotten(&server, "sessions").await != Some(2)
    {
        assert!(Instant::now() < deadline, "nothing is forgotten");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut left = links(&server, &room).await;
    let mut expected = ids[1..].to_vec();
    left.sort();
    expected.sort();
    assert_eq!(left, expected);
    assert_eq!(forgotten(&server, "proposals").await, Some(0));
    let mut known = 0;
    for session in &sessions {
        let headers = [("authorization", session.as_str())];
        let answer = server.http("GET", "/api/v1/session", &headers, &[]).await;
        known += u32::from(answer.status == 200);
    }
    assert_eq!(known, 1);
    let gone = server.kept_in(ids[0].as_bytes());
    assert_eq!(gone, Vec::<String>::new(), "on disk neither");

    // Once nobody is logged in to it, what only a session could confirm goes.
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    change(dir.path(), &["DELETE FROM sessions".to_owned()]).await;
    let server = Server::start_in(dir).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while forgotten(&server, "proposals").await != Some(1) {
        assert!(Instant::now() < deadline, "the proposal stays");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    assert_eq!(count(dir.path(), "factors").await, 0);
    assert_eq!(count(dir.path(), "links").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_begins_a_year_ahead_at_most() {
    let server = Server::start().await;
    let room = operator(&server, "POST", "/api/v1/rooms", br#"{"scheduled":true}"#).await;
    let room: RoomCreated = serde_json::from_slice(&room.body).unwrap();
    let far = make_link(&server, &room, now() + 366 * DAY + HOUR).await;
    assert_eq!((far.status, far.problem().code), (400, Code::SlotTooFar));
    assert_eq!(
        make_link(&server, &room, now() + 366 * DAY).await.status,
        201
    );
}

//! What is dead once an account has ended: its login, its sessions, the links
//! it made, and the stays of those who came by them.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use common::client::{Client, log_in, session, slot};
use common::{Server, commit, connect};
use conclave_wire::account::{AccountList, Role};
use conclave_wire::client::{Reason, Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::control::Command;
use conclave_wire::http::{LinkList, LinkState};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What is promised for a leaver.
const PROMISE: Duration = Duration::from_secs(60);

async fn ends_with_its_account(method: &str, suffix: &str) {
    let mut server = Server::start().await;
    let credentials;
    let (account, room, theirs, guest);
    let (mut anna, mut ben);
    {
        let operator = Client::operator(&server);
        let made = operator.account("default", "anna", Role::Host).await;
        account = made.account.account;
        credentials = json!({ "login": "anna", "password": made.password, "kept": "token" });
        let (leaver, _) = session(&server, "default", &made).await;
        room = leaver.room().await;
        theirs = leaver.link(&room).await.link;
        let others = operator.link(&room).await.link;

        anna = server.enter(&room, true).await;
        anna.done(Request::StartCall {}).await;
        ben = server.enter_by(&room, theirs).await;
        ben.knock().await;
        let first = commit(room.room, 0, &[ben.id()], &[], b"first");
        anna.done(first).await;
        ben.entry().await;
        guest = ben.id();

        let path = format!("accounts/{account}{suffix}");
        let asked = Instant::now();
        assert_eq!(operator.ask(method, &path, Value::Null).await.status, 204);
        let refused = leaver.ask("GET", "session", Value::Null).await;
        assert_eq!(refused.problem().code, Code::Unauthorized);
        let refused = log_in(&server, credentials.clone()).await;
        assert_eq!(refused.problem().code, Code::Unauthorized);
        let links = format!("/api/v1/rooms/{}/links", room.room);
        let dead = server.get(&format!("{links}/{theirs}")).await;
        assert_eq!(dead.problem().code, Code::LinkRevoked);
        let over = ben.until(|frame| match frame {
            ServerFrame::Over { reason } => Some(*reason),
            _ => None,
        });
        assert_eq!(over.await, Reason::Revoked);
        assert_eq!(ben.closed().await, 1000);
        assert!(asked.elapsed() < PROMISE, "{:?}", asked.elapsed());
        let alive = server.get(&format!("{links}/{others}")).await;
        assert_eq!(alive.status, 200, "what others made stays");
    }
    while server.command().await != (Command::Disconnect { participant: guest }) {}

    let server = server.restart().await;
    let operator = Client::operator(&server);
    assert_eq!(log_in(&server, credentials).await.status, 401);
    let left: AccountList = operator.get("accounts").await;
    match method {
        "DELETE" => {
            assert!(left.accounts.is_empty());
            // The audit log keeps the identifier, which is random; no name.
            assert_eq!(server.kept_in(b"Anna Berg"), [""; 0]);
            let path = format!("accounts/{account}");
            let gone = operator.ask("DELETE", &path, Value::Null).await;
            assert_eq!(gone.problem().code, Code::NoSuchAccount);
            operator.account("default", "anna", Role::Host).await;
        }
        _ => assert!(left.accounts[0].disabled),
    }
    let dead = format!("/api/v1/rooms/{}/links/{theirs}", room.room);
    assert_eq!(
        server.get(&dead).await.problem().code,
        Code::LinkRevoked,
        "nor does it open after a restart"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_accounts_sessions_and_links_are_dead_and_their_guests_are_out() {
    ends_with_its_account("POST", "/disable").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_accounts_sessions_and_links_are_dead_and_their_guests_are_out() {
    ends_with_its_account("DELETE", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_link_that_is_asked_for_meanwhile_outlives_its_account() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let made = operator.account("default", "anna", Role::Host).await;
    let (leaver, _) = session(&server, "default", &made).await;
    let room = leaver.room().await;
    let path = format!("rooms/{}/links", room.room);

    // Who asks is known before the body is asked for.
    let body = serde_json::to_vec(&slot()).unwrap();
    let head = format!(
        "POST /api/v1/{path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         authorization: {}\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        leaver.bearer,
        body.len()
    );
    let mut stream = connect(server.address, server.dir.path()).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut goes_on = [0; 25];
    stream.read_exact(&mut goes_on).await.unwrap();
    assert_eq!(&goes_on, b"HTTP/1.1 100 Continue\r\n\r\n");

    let end = format!("accounts/{}/disable", made.account.account);
    assert_eq!(operator.post(&end, Value::Null).await.status, 204);
    stream.write_all(&body).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");

    let left: LinkList = operator.get(&path).await;
    let states: Vec<_> = left.links.iter().map(|link| link.state).collect();
    assert_eq!(states, [LinkState::Revoked]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_ends_an_account_of_another_organisation_or_without_the_role() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    operator.post("tenants", json!({ "name": "a" })).await;
    let victim = operator.account("default", "victim", Role::Member).await;
    let path = format!("accounts/{}", victim.account.account);
    for (tenant, code) in [("a", Code::NoSuchAccount), ("default", Code::Forbidden)] {
        let host = operator.account(tenant, "host", Role::Host).await;
        let (host, _) = session(&server, tenant, &host).await;
        let refused = host.ask("DELETE", &path, Value::Null).await;
        assert_eq!(refused.problem().code, code, "{tenant}");
    }
    session(&server, "default", &victim).await;
}

//! Organisations and accounts from the command line, and what their people may
//! do then.
#![allow(clippy::unwrap_used, clippy::panic)]

use conclave_kit::Server;
use conclave_wire::account::{AccountInfo, Role};
use conclave_wire::http::RoomInfo;
use serde_json::Value;
use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// What a command prints; an error gives what it says.
fn run(server: &Server, arguments: &str) -> Result<String, String> {
    in_language(server, "C.UTF-8", arguments)
}

fn in_language(server: &Server, locale: &str, arguments: &str) -> Result<String, String> {
    let output = Command::new(PROGRAM)
        .args(arguments.split(' '))
        .env("CONCLAVE_SERVER", server.door().url())
        .env("CONCLAVE_DATA", server.data())
        .env("LC_ALL", locale)
        .output()
        .expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stderr)),
    }
}

fn password(printed: &str) -> String {
    let line = printed.lines().find(|line| line.contains("password:"));
    let word = line.and_then(|line| line.split_whitespace().last());
    word.expect("a password").to_owned()
}

/// The status and the body of a login.
async fn log_in(server: &Server, login: &str, password: &str) -> (u16, String) {
    let body = format!(
        "{{\"tenant\":\"praxis\",\"login\":\"{login}\",\"password\":\"{password}\",\"kept\":\"token\"}}"
    );
    let asked = server.door();
    let answer = asked.request("POST /api/v1/session", "", body.as_bytes());
    let answer = answer.await.expect("an answer");
    (
        answer.status,
        String::from_utf8_lossy(&answer.body).into_owned(),
    )
}

#[tokio::test]
async fn organisations_and_accounts_are_made_listed_and_ended_from_the_command_line() {
    let server = Server::start(PROGRAM).await;
    run(
        &server,
        "tenant create praxis --rooms 3 --participants 9 --accounts 2",
    )
    .expect("made");
    let again = run(&server, "tenant create praxis").expect_err("the name is taken");
    assert!(again.contains("the name is taken"), "{again}");
    let tenants = run(&server, "tenant list").expect("a list");
    assert_eq!(
        tenants,
        "default rooms 0/10000 accounts 0/10000 participants 100\n\
         praxis rooms 0/3 accounts 0/2 participants 9\n"
    );

    let made = run(
        &server,
        "account create Anna --tenant praxis --name Dr.Berg --role host",
    );
    let first = password(&made.expect("made"));
    assert_eq!(log_in(&server, "anna", &first).await.0, 201);
    let other = run(&server, "account reset-password anna --tenant praxis");
    let second = password(&other.expect("another"));
    assert_eq!(log_in(&server, "anna", &first).await.0, 401);
    assert_eq!(log_in(&server, "anna", &second).await.0, 201);
    run(&server, "account disable anna --tenant praxis").expect("disabled");
    assert_eq!(log_in(&server, "anna", &second).await.0, 401);
    let accounts = run(&server, "account list --tenant praxis").expect("a list");
    assert_eq!(accounts, "anna host, disabled \"Dr.Berg\"\n");
    run(&server, "account enable anna --tenant praxis").expect("enabled");
    run(&server, "account reset-factor anna --tenant praxis").expect("there was none");
    assert_eq!(log_in(&server, "anna", &second).await.0, 201);

    run(&server, "account delete anna --tenant praxis").expect("deleted");
    assert_eq!(log_in(&server, "anna", &second).await.0, 401);
    assert_eq!(run(&server, "account list --tenant praxis").unwrap(), "");
    let made = run(&server, "account create Anna --tenant praxis --role host");
    let second = password(&made.expect("the name is free"));

    let changed = run(
        &server,
        "account change anna --tenant praxis --role assistant --json",
    );
    let changed: AccountInfo = serde_json::from_str(&changed.expect("changed")).expect("JSON");
    assert_eq!(
        (changed.role, changed.name.as_str()),
        (Role::Assistant, "Anna")
    );
    let changed = run(&server, "tenant change praxis --participants 5").expect("changed");
    assert_eq!(changed, "praxis rooms 0/3 accounts 1/2 participants 5\n");
    let below = run(&server, "tenant change praxis --accounts 0").expect_err("there is one");
    assert_eq!(
        below,
        "conclave: refused: the organisation has as many as it may\n"
    );

    let made = run(&server, "account create boss --tenant praxis --role admin").expect("made");
    let (status, session) = log_in(&server, "boss", &password(&made)).await;
    assert_eq!(status, 201);
    assert!(session.contains("\"factorNeeded\":true"), "{session}");
    let full = run(&server, "account create ben --tenant praxis --role member");
    assert!(full.expect_err("full").contains("as many as it may"));

    let room = run(&server, "room create --json").expect("made");
    let room: Value = serde_json::from_str(&room).expect("JSON");
    let name = room["room"].as_str().expect("its name");
    assert!(room["guests"].as_str().is_some_and(|it| it.contains(name)));
    let listed = run(&server, "room list").expect("a list");
    assert!(
        listed.starts_with(name) && listed.ends_with(" open\n"),
        "{listed}"
    );
    let shown = run(&server, &format!("room show --json -- {name}")).expect("there");
    let shown: RoomInfo = serde_json::from_str(&shown).expect("JSON");
    assert!(!shown.scheduled && !shown.password);
    run(&server, &format!("room delete -- {name}")).expect("deleted");
    let gone = in_language(&server, "de_AT.UTF-8", &format!("room show -- {name}"));
    assert_eq!(
        gone,
        Err("conclave: abgelehnt: diesen Raum gibt es nicht\n".to_owned())
    );

    let missing = run(&server, "account disable anna").expect_err("not in this organisation");
    assert!(missing.contains("no such account"), "{missing}");
    run(&server, "tenant delete praxis").expect("it has no rooms");
    assert_eq!(log_in(&server, "anna", &second).await.0, 401);
    let stays = run(&server, "tenant delete default").expect_err("this one stays");
    assert!(stays.contains("or is the one that stays"), "{stays}");
}

#[tokio::test]
async fn devices_are_listed_and_revoked_from_the_command_line() {
    let server = Server::start(PROGRAM).await;
    run(&server, "tenant create praxis").expect("made");
    let anna = run(&server, "account create --tenant praxis anna --role member");
    let password = password(&anna.expect("made"));
    let mut sessions = Vec::new();
    for device in ["Laptop", "Telephone"] {
        let (_, session) = log_in(&server, "anna", &password).await;
        let token = session.split("\"token\":\"").nth(1).unwrap();
        let token = token.split('"').next().unwrap();
        let bearer = format!("Authorization: Bearer {token}\r\n");
        let body = format!("{{\"name\":\"{device}\"}}");
        let asked = server.door();
        let noted = asked.request("PUT /api/v1/session/device", &bearer, body.as_bytes());
        assert_eq!(noted.await.expect("an answer").status, 200);
        sessions.push(bearer);
    }
    let status = async |bearer: &str| {
        let asked = server.door();
        let answer = asked.request("GET /api/v1/session", bearer, b"");
        answer.await.expect("an answer").status
    };

    let list = run(&server, "device list --tenant praxis anna").expect("a list");
    let [laptop, telephone] = list.lines().collect::<Vec<_>>()[..] else {
        panic!("{list}");
    };
    assert!(laptop.ends_with("Z \"Laptop\"") && telephone.ends_with("Z \"Telephone\""));
    let id = laptop.split(' ').next().unwrap();
    run(
        &server,
        &format!("device revoke --tenant praxis anna --device={id}"),
    )
    .expect("done");
    assert_eq!(
        (status(&sessions[0]).await, status(&sessions[1]).await),
        (401, 200)
    );
    let again = run(
        &server,
        &format!("device revoke --tenant praxis anna --device={id}"),
    );
    assert!(again.expect_err("gone").contains("no such device"));
    run(&server, "device revoke-all praxis").expect("done");
    assert_eq!(status(&sessions[1]).await, 401);
    assert_eq!(
        run(&server, "device list --tenant praxis anna"),
        Ok(String::new())
    );

    let root = run(&server, "tenant root praxis").expect("a root");
    let lines: Vec<_> = root.lines().collect();
    assert_eq!(lines.first(), Some(&"-----BEGIN CERTIFICATE-----"));
    assert_eq!(lines.last(), Some(&"-----END CERTIFICATE-----"));
    assert_ne!(run(&server, "tenant root").expect("a root"), root);
}

//! A link with a password, from `conclave room create` to the call: what it
//! opens, and what a link without it opens no more.
#![allow(clippy::unwrap_used, clippy::panic)]

use conclave_client::event::Event;
use conclave_client::link::Password;
use conclave_client::participant::JoinError;
use conclave_kit::{Door, Native, PATIENCE, Server, eventually, native, within};
use conclave_wire::code::Code;
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// A room whose links have a password, as its creator has it.
struct Made {
    host: String,
    guests: String,
    password: String,
}

fn room(server: &Server, arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .arg("room")
        .args(arguments)
        .env("CONCLAVE_SERVER", server.door().url())
        .env("CONCLAVE_DATA", server.data())
        .output()
        .expect("the program runs")
}

fn made(server: &Server) -> Made {
    let output = room(server, &["create", "--password"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let last = |label: &str| {
        let line = text.lines().find(|line| line.contains(label));
        let line = line.unwrap_or_else(|| panic!("no {label} in {text}"));
        line.rsplit(' ').next().expect("a word").to_owned()
    };
    Made {
        host: last("host:"),
        guests: last("guests:"),
        password: last("password"),
    }
}

fn options(
    door: &Door,
    link: &str,
    name: &str,
    password: Option<&str>,
) -> conclave_client::Options {
    let mut options = native::options(door, link, name);
    options.password = password.map(|text| Password::parse(text).expect("a password"));
    options
}

fn host(door: &Door, link: &str, password: Option<&str>) -> Native {
    let mut options = options(door, link, "Anna", password);
    options.start = true;
    options.admit = conclave_client::call::Admit::All;
    Native::start(options)
}

/// Why nobody comes in with these.
async fn refusal(door: &Door, link: &str, password: Option<&str>) -> JoinError {
    let options = options(door, link, "Eve", password);
    let stay = conclave_client::join(options, |event| {
        assert!(!matches!(event, Event::Joined { .. }), "{event:?}");
    });
    within(PATIENCE, "a refusal", stay)
        .await
        .expect_err("refused")
}

async fn same_call(a: &Native, b: &Native) {
    eventually(PATIENCE, "the same call code", async || {
        (a.code().await == b.code().await).then_some(())
    })
    .await;
}

async fn lock(door: &Door, link: &str) {
    for left in (1..5).rev() {
        let error = refusal(door, link, Some("000000000000")).await;
        assert!(
            matches!(error, JoinError::PasswordWrong { tries_left } if tries_left == left),
            "{error:?}"
        );
    }
    let error = refusal(door, link, Some("000000000000")).await;
    assert!(
        matches!(error, JoinError::Refused(Code::LinkLocked)),
        "{error:?}"
    );
}

#[tokio::test]
async fn link_and_password_together_open_the_call_and_neither_does_alone() {
    let server = Server::start(PROGRAM).await;
    let (door, made) = (server.door(), made(&server));
    assert!(!made.guests.contains(&made.password));
    let (right, wrong) = (made.password.as_str(), "000000000000");
    let mut anna = host(&door, &made.host, Some(right));
    anna.admitted().await;

    for link in [&made.guests, &made.host] {
        let error = refusal(&door, link, None).await;
        assert!(matches!(error, JoinError::PasswordNeeded), "{error:?}");
        // A client that leaves the question out is asked by the server.
        let bare = link.replace("#p.", "#");
        let error = refusal(&door, &bare, None).await;
        assert!(
            matches!(error, JoinError::Refused(Code::PasswordNeeded)),
            "{error:?}"
        );
        let error = refusal(&door, link, Some(wrong)).await;
        assert!(
            matches!(error, JoinError::PasswordWrong { tries_left: 4 }),
            "{error:?}"
        );
    }

    // As it is heard on the telephone.
    let spoken = right.replace('-', " ").to_uppercase();
    let mut ben = Native::start(options(&door, &made.guests, "Ben", Some(&spoken)));
    ben.admitted().await;
    same_call(&ben, &anna).await;
}

#[tokio::test]
async fn five_wrong_passwords_lock_the_link_until_the_host_or_the_operator_unlocks_it() {
    let mut server = Server::start(PROGRAM).await;
    let (door, made) = (server.door(), made(&server));
    let right = Some(made.password.as_str());
    let mut anna = host(&door, &made.host, right);
    anna.admitted().await;
    lock(&door, &made.guests).await;
    anna.told(PATIENCE, Event::LinkLocked { locked: true })
        .await;
    let error = refusal(&door, &made.guests, right).await;
    assert!(
        matches!(error, JoinError::Refused(Code::LinkLocked)),
        "{error:?}"
    );

    anna.inner.unlock_link().await;
    anna.told(PATIENCE, Event::LinkLocked { locked: false })
        .await;
    let mut ben = Native::start(options(&door, &made.guests, "Ben", right));
    ben.admitted().await;

    lock(&door, &made.guests).await;
    server.kill();
    server.start_again().await;
    let error = refusal(&door, &made.guests, right).await;
    assert!(
        matches!(error, JoinError::Refused(Code::LinkLocked)),
        "{error:?}"
    );
    let id = made.guests.split(['/', '#']).nth(4).expect("a room");
    let output = room(&server, &["unlock", id]);
    assert!(output.status.success(), "{output:?}");
    let mut carl = Native::start(options(&door, &made.guests, "Carl", right));
    carl.admitted().await;
}

/// The server says that the room has no password and lets everybody in. The
/// link of those who have the password says otherwise, and so do their keys.
#[tokio::test]
async fn a_server_that_asks_for_no_password_gains_nothing() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let marked = |link: String| link.replace('#', "#p.");
    let password = Some("k7dm-4xqz-w2pa");
    let mut anna = host(&door, &marked(room.host_link(&door)), password);
    anna.admitted().await;

    let mut eve = Native::start(options(&door, &room.link(&door), "Eve", None));
    let participant = eve.id().await;
    anna.told(PATIENCE, Event::FalseKnock { participant }).await;
    // Whoever knows the link only is not even asked in by mistake.
    let error = refusal(&door, &marked(room.link(&door)), None).await;
    assert!(matches!(error, JoinError::PasswordNeeded), "{error:?}");

    let mut ben = Native::start(options(&door, &marked(room.link(&door)), "Ben", password));
    ben.admitted().await;
    assert!(
        !eve.history
            .iter()
            .any(|(_, event)| matches!(event, Event::Admitted { .. }))
    );
    same_call(&ben, &anna).await;
}

//! Guests' links from `conclave room create --scheduled` and `conclave link` to
//! the call and out of it.
#![allow(clippy::unwrap_used, clippy::panic)]

use conclave_client::event::Event;
use conclave_client::participant::JoinError;
use conclave_client::report::Ending;
use conclave_kit::{Door, Native, PATIENCE, Server, eventually, native, within};
use conclave_wire::code::Code;
use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");
/// Longer from today than a link may be valid, so a slot up to here is too long.
const FAR: &str = "2999-01-01T00:00:00Z";

/// What a command prints; an error gives what it says.
fn run(server: &Server, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(PROGRAM)
        .args(arguments)
        .env("CONCLAVE_SERVER", server.door().url())
        .env("CONCLAVE_DATA", server.data())
        .output()
        .expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stderr)),
    }
}

fn last_word(text: &str, label: &str) -> String {
    let line = text.lines().find(|line| line.contains(label));
    let line = line.unwrap_or_else(|| panic!("no {label} in {text}"));
    line.rsplit(' ').next().expect("a word").to_owned()
}

/// A moment so many seconds from now, as the command line wants it.
fn ahead(seconds: i64) -> String {
    let format = "+%Y-%m-%dT%H:%M:%SZ";
    let date = Command::new("date")
        .args(["-u", "-d", &format!("{seconds} seconds"), format])
        .output()
        .expect("date");
    String::from_utf8(date.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

async fn refusal(door: &Door, link: &str) -> JoinError {
    let stay = conclave_client::join(native::options(door, link, "Eve"), |_| {});
    within(PATIENCE, "a refusal", stay)
        .await
        .expect_err("refused")
}

#[tokio::test]
async fn guests_come_by_links_of_their_own_until_these_are_taken_back() {
    let server = Server::start(PROGRAM).await;
    let door = server.door();
    let made = run(&server, &["room", "create", "--scheduled"]).expect("a room");
    assert!(!made.contains("guests:"), "{made}");
    let (host, staff) = (last_word(&made, "host:"), last_word(&made, "staff:"));
    let room = host.split(['/', '#']).nth(4).expect("a room").to_owned();
    // From the staff's link, which has no host key.
    let make = |more: &[&str]| {
        let arguments = [&["link", "create", &staff], more].concat();
        run(&server, &arguments).map(|text| last_word(&text, "guest:"))
    };
    let (hour, later) = (ahead(3_600), ahead(7_200));
    let bens = make(&["--until", &hour, "--series"]).expect("a link");
    let early = make(&["--from", &hour, "--until", &later, "--once"]).expect("a link");
    for (more, says) in [
        (["--until", FAR, "--once"].as_slice(), "refused"),
        (&["--until", "tomorrow", "--once"], "not a time"),
        (&["--until", &hour], "--once"),
        (&["--until", &hour, "--once", "--series"], "--series"),
    ] {
        let error = make(more).expect_err("no link");
        assert!(error.contains(says), "{more:?}: {error}");
    }

    // The staff's link, which is the room's own, and one whose slot has not begun, open nothing.
    assert_eq!(host.rsplit_once('.').expect("a host's link").0, staff);
    for (link, code) in [(&staff, Code::LinkNeeded), (&early, Code::LinkEarly)] {
        let error = refusal(&door, link).await;
        assert!(
            matches!(error, JoinError::Refused(of) if of == code),
            "{error:?}"
        );
    }
    let mut anna = Native::host(&door, &host, "Anna", 440.0);
    anna.admitted().await;
    let mut ben = Native::guest(&door, &bens, "Ben", 880.0);
    ben.admitted().await;
    eventually(PATIENCE, "the same call code", async || {
        (anna.code().await == ben.code().await).then_some(())
    })
    .await;
    let list = run(&server, &["link", "list", &room]).expect("a list");
    let name = bens
        .split(['.', '#'])
        .rev()
        .nth(1)
        .expect("a name")
        .to_owned();
    let states: Vec<&str> = list.lines().collect();
    assert_eq!(states.len(), 2, "{list}");
    assert!(
        states[0].starts_with(&name) && states[0].ends_with("series in use"),
        "{list}"
    );
    assert!(states[1].ends_with("once early"), "{list}");

    // Taken back: Ben is out, and by a commit of Anna's.
    let participant = ben.id().await;
    run(&server, &["link", "revoke", &room, &name]).expect("is revoked");
    let name = "Ben".to_owned();
    anna.told(PATIENCE, Event::MemberLeft { participant, name })
        .await;
    let report = within(PATIENCE, "Ben's report", ben.inner.finish()).await;
    assert_eq!(report.expect("a report").ending, Ending::Revoked);
    let error = refusal(&door, &bens).await;
    assert!(
        matches!(error, JoinError::Refused(Code::LinkRevoked)),
        "{error:?}"
    );
    let unknown = run(&server, &["link", "revoke", &room, &room]).expect_err("no such link");
    assert!(unknown.contains("no such link"), "{unknown}");
}

#[tokio::test]
async fn a_link_that_needs_consent_opens_by_it_and_closes_when_it_is_withdrawn() {
    let server = Server::start(PROGRAM).await;
    let door = server.door();
    let made = run(&server, &["room", "create", "--scheduled"]).expect("a room");
    let host = last_word(&made, "host:");
    let room = host.split(['/', '#']).nth(4).expect("a room").to_owned();
    let hour = ahead(3_600);
    let create = [
        "link",
        "create",
        &host,
        "--until",
        &hour,
        "--series",
        "--consent",
    ];
    let error = run(&server, &create).expect_err("nothing to consent to");
    assert!(error.contains("no text to consent to"), "{error}");

    let set = ["consent-text", "set", "--controller", "Praxis Dr. Beispiel"];
    let told = run(&server, &set).expect("is set");
    assert_eq!(last_word(&told, "version:"), "1");
    for (language, voluntary) in [("de", "freiwillig"), ("en", "voluntary")] {
        let show = ["consent-text", "show", "--language", language];
        let text = run(&server, &show).expect("a text");
        assert!(text.starts_with("version 1\n"), "{text}");
        assert_eq!(text.matches("Praxis Dr. Beispiel").count(), 2, "{text}");
        assert!(text.contains(voluntary), "{text}");
    }
    let draft = run(&server, &create).expect("a draft");
    let link = last_word(&draft, "guest:");
    let name = link.split(['.', '#']).rev().nth(1).expect("a name");
    let state = || {
        let list = run(&server, &["link", "list", &room]).expect("a list");
        list.trim()
            .split_once(" series ")
            .expect("a link")
            .1
            .to_owned()
    };
    let refused = async |code: Code| {
        let error = refusal(&door, &link).await;
        let expected = matches!(error, JoinError::Refused(of) if of == code);
        assert!(expected, "{error:?}");
    };
    assert_eq!(state(), "draft");
    refused(Code::LinkDraft).await;
    run(&server, &["link", "hand-out", "--", &room, name]).expect("is handed out");
    assert_eq!(state(), "awaits consent");
    refused(Code::ConsentNeeded).await;
    let early = run(&server, &["link", "withdraw", "--", &room, name]);
    early.expect_err("nothing to withdraw");
    let mail = ["link", "consent", "--by", "mail", "--language", "en"];
    let other = [&mail[..], &["--text-version", "2", "--", &room, name]].concat();
    run(&server, &other).expect_err("no such version");
    let noted = [&mail[..], &["--", &room, name]].concat();
    run(&server, &noted).expect("is noted");
    let now = state();
    assert!(now.starts_with("active, consent 20"), "{now}");
    assert!(now.ends_with(" by mail to version 1"), "{now}");

    let mut anna = Native::host(&door, &host, "Anna", 440.0);
    anna.admitted().await;
    let mut ben = Native::guest(&door, &link, "Ben", 880.0);
    ben.admitted().await;
    let participant = ben.id().await;
    run(&server, &["link", "withdraw", "--", &room, name]).expect("is withdrawn");
    let left = "Ben".to_owned();
    anna.told(
        PATIENCE,
        Event::MemberLeft {
            participant,
            name: left,
        },
    )
    .await;
    let report = within(PATIENCE, "Ben's report", ben.inner.finish()).await;
    assert_eq!(report.expect("a report").ending, Ending::Withdrawn);
    refused(Code::ConsentWithdrawn).await;
    assert!(state().starts_with("withdrawn, consent"));
}

#[tokio::test]
async fn a_link_for_each_week_and_an_invitation_that_has_them_all_and_no_password() {
    let server = Server::start(PROGRAM).await;
    let made = run(&server, &["room", "create", "--scheduled", "--password"]).expect("a room");
    let (host, password) = (last_word(&made, "host:"), last_word(&made, "password"));
    let file = server.data().join("invitation.ics");
    let file = file.to_str().expect("text");
    let (from, until) = (ahead(3_600), ahead(5_400));
    let slot = ["--from", &from, "--until", &until, "--once", "--weeks", "3"];
    let title = ["--invitation", file, "--title", "Sprechstunde"];
    let arguments = [&["link", "create", &host], slot.as_slice(), &title].concat();
    let printed = run(&server, &arguments).expect("links");
    let links: Vec<&str> = printed
        .lines()
        .filter_map(|line| line.rsplit(' ').next())
        .collect();
    assert_eq!(links.len(), 3, "{printed}");

    let text = std::fs::read_to_string(file).expect("an invitation");
    let bare = password.replace('-', "");
    assert!(!text.contains(&password) && !text.contains(&bare));
    let unfolded = text.replace("\r\n ", "");
    let events: Vec<&str> = unfolded.split("BEGIN:VEVENT").skip(1).collect();
    assert_eq!(events.len(), 3);
    for (event, link) in events.iter().zip(&links) {
        assert!(event.contains(link), "{event}");
    }
    let room = host.split(['/', '#']).nth(4).expect("a room");
    let list = run(&server, &["link", "list", room]).expect("a list");
    assert_eq!(list.lines().count(), 3, "{list}");

    // A file that is there is not written over, and then no link is made.
    let error = run(&server, &arguments).expect_err("is there");
    assert!(error.contains("invitation.ics"), "{error}");
    let list = run(&server, &["link", "list", room]).expect("a list");
    assert_eq!(list.lines().count(), 3, "{list}");
}

//! What an administrator does from the command line: endpoints, the directory,
//! policies, and the log of all of it.
#![allow(clippy::unwrap_used, clippy::panic)]

use conclave_kit::Server;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// What a command prints; an error gives what it says.
fn run(server: &Server, arguments: &str) -> Result<String, String> {
    let output = Command::new(PROGRAM)
        .args(arguments.split(' '))
        .env("CONCLAVE_SERVER", server.door().url())
        .env("CONCLAVE_DATA", server.data())
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stderr)),
    }
}

/// What stands behind a word.
fn behind<'t>(printed: &'t str, word: &str) -> &'t str {
    let (_, behind) = printed
        .split_once(word)
        .unwrap_or_else(|| panic!("{printed}"));
    behind.split_whitespace().next().expect("a word")
}

#[tokio::test]
async fn endpoints_are_made_listed_changed_and_deleted() {
    let server = Server::start(PROGRAM).await;
    let run = |arguments: &str| run(&server, arguments);
    let made = run("webhook create https://his.example/in --event room.made").expect("made");
    let id = made.split(' ').next().expect("an identifier").to_owned();
    let secret = behind(&made, "secret:").to_owned();
    assert!(secret.starts_with("whsec_"), "{made}");
    let line = format!("{id} on, waiting 0, given up 0, https://his.example/in of room.made\n");
    assert_eq!(run("webhook list").as_deref(), Ok(line.as_str()));
    assert_eq!(
        run(&format!("webhook show {id}")).as_deref(),
        Ok(line.as_str())
    );

    let internal = run("webhook create https://10.0.0.1/").expect_err("it is internal");
    assert!(
        internal.contains("events cannot be sent to this address"),
        "{internal}"
    );
    let unknown = run("webhook create https://a.example/ --event call.began");
    assert!(
        unknown
            .expect_err("no such event")
            .contains("consent.given")
    );
    run(&format!("webhook change {id}")).expect_err("nothing is to be changed");

    let changed = run(&format!("webhook change {id} --off --all-events")).expect("changed");
    assert!(
        changed.contains(" off,") && changed.contains("of everything"),
        "{changed}"
    );
    let changed = run(&format!(
        "webhook change {id} --on --event link.made --event room.made"
    ));
    let changed = changed.expect("changed");
    assert!(
        changed.contains(" on,") && changed.contains("of room.made link.made"),
        "{changed}"
    );
    let renewed = run(&format!("webhook renew-secret {id}")).expect("renewed");
    assert_ne!(behind(&renewed, "secret:"), secret);
    run(&format!("webhook delete {id}")).expect("deleted");
    assert_eq!(run("webhook list").as_deref(), Ok(""));
    let gone = run(&format!("webhook show {id}")).expect_err("it is gone");
    assert!(gone.contains("there is no such endpoint"), "{gone}");
}

#[tokio::test]
async fn a_password_is_sent_from_standard_input() {
    let settings = [("CONCLAVE_WEBHOOKS_TO", "loopback")];
    let server = Server::start_with(PROGRAM, &settings).await;
    let run = |arguments: &str| run(&server, arguments);
    let made = run("room create --password").expect("made");
    let password = behind(&made, "never beside a link:").to_owned();
    let room = behind(&made, "/r/").split('#').next().expect("a room");
    let send = |typed: &str| {
        let mut child = Command::new(PROGRAM)
            .args(["room", "send-password", room, "--to", "+4915123456789"])
            .args(["--language", "en"])
            .env("CONCLAVE_SERVER", server.door().url())
            .env("CONCLAVE_DATA", server.data())
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut stdin = child.stdin.take().expect("its input");
        // It may have refused before it read.
        let _ = writeln!(stdin, "{typed}");
        drop(stdin);
        let output = child.wait_with_output().expect("its end");
        let said = String::from_utf8(output.stderr).expect("text");
        output.status.success().then_some(()).ok_or(said)
    };
    let none = send(&password).expect_err("there is no endpoint");
    assert!(none.contains("no endpoint that sends passwords"), "{none}");

    let gateway = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = gateway.local_addr().expect("an address").port();
    run(&format!(
        "webhook create http://127.0.0.1:{port}/ --event password.send"
    ))
    .expect("made");
    let told = thread::spawn(move || {
        let (mut stream, _) = gateway.accept().expect("a connection");
        let (mut request, mut byte) = (Vec::new(), [0]);
        while !request.ends_with(b"}}") {
            stream.read_exact(&mut byte).expect("a request");
            request.extend(byte);
        }
        let taken = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(taken).expect("answers");
        String::from_utf8(request).expect("text")
    });
    send("no password").expect_err("it is none");
    // As people type it.
    send(&password.replace('-', " ").to_uppercase()).expect("sent");
    let told = told.join().expect("told");
    let data =
        format!(r#""data":{{"to":"+4915123456789","password":"{password}","language":"en"}}}}"#);
    assert!(told.ends_with(&data), "{told}");
    assert!(!told.contains(room), "{told}");
}

#[tokio::test]
async fn a_directory_gets_a_token_that_is_printed_once() {
    let server = Server::start(PROGRAM).await;
    let run = |arguments: &str| run(&server, arguments);
    run("tenant scim set default").expect_err("people log in by no provider");
    let secret = server.data().join("client-secret");
    std::fs::write(&secret, "secret\n").expect("written");
    run(&format!(
        "tenant oidc set default --issuer https://a.example --client-id a --client-secret-file {}",
        secret.display()
    ))
    .expect("set");
    let made = run("tenant scim set default").expect("made");
    assert!(behind(&made, "address:").ends_with("/scim/v2"), "{made}");
    let token = behind(&made, "token:").to_owned();
    let answer = async |token: &str| {
        let authorization = format!("authorization: Bearer {token}\r\n");
        let door = server.door();
        let asked = door.request("GET /scim/v2/Users", &authorization, &[]);
        asked.await.expect("an answer").status
    };
    assert_eq!(answer(&token).await, 200);
    assert!(
        run("tenant scim show default")
            .expect("there")
            .starts_with("since ")
    );
    let again = run("tenant scim set default").expect("made");
    assert_eq!(answer(&token).await, 401);
    assert_eq!(answer(behind(&again, "token:")).await, 200);
    run("tenant scim remove default").expect("removed");
    run("tenant scim show default").expect_err("there is none");
}

#[tokio::test]
async fn policies_are_set_and_go_out_and_in_as_a_table() {
    let server = Server::start(PROGRAM).await;
    let run = |arguments: &str| run(&server, arguments);
    run("account create anna --name Anna --role host").expect("made");
    let line = |printed: &str, name: &str| {
        let mut lines = printed.lines();
        let found = lines.find(|line| line.starts_with(name));
        found.unwrap_or_else(|| panic!("{printed}")).to_owned()
    };
    let before = run("policy list").expect("listed");
    assert!(line(&before, "session-hours ").ends_with("(nobody has set it)"));
    let set = run("policy set session-hours 8").expect("set");
    assert_eq!(
        line(&set, "session-hours "),
        "session-hours 8 (set for the organisation)"
    );
    let own = run("policy set --account anna session-hours 6").expect("set");
    let own = line(&own, "session-hours ");
    assert_eq!(own, "session-hours 8 (set for the organisation; here: 6)");
    let wrong = run("policy set session-hours long").expect_err("no number");
    assert!(
        wrong.contains("the policy cannot have this value"),
        "{wrong}"
    );
    let unknown = run("policy set no-such yes").expect_err("none of this name");
    assert!(unknown.contains("there is no such policy"), "{unknown}");

    let exported = run("policy export").expect("exported");
    let file = server.data().join("policies.csv");
    std::fs::write(&file, &exported).expect("written");
    run("policy set session-hours default").expect("set");
    run("policy set --account anna session-hours default").expect("set");
    assert_ne!(run("policy export").as_deref(), Ok(exported.as_str()));
    run(&format!("policy import {}", file.display())).expect("imported");
    assert_eq!(run("policy export").as_deref(), Ok(exported.as_str()));
    // All of it, or nothing.
    let stranger = exported.replace("anna", "nobody");
    std::fs::write(&file, stranger).expect("written");
    run(&format!("policy import {}", file.display())).expect_err("nobody is there");
    assert_eq!(run("policy export").as_deref(), Ok(exported.as_str()));
}

#[tokio::test]
async fn the_log_is_listed_and_verified_and_its_end_can_be_noted() {
    let server = Server::start(PROGRAM).await;
    let run = |arguments: &str| run(&server, arguments);
    let empty = run("audit verify").expect("no lines");
    assert!(empty.contains("no lines"), "{empty}");
    run("tenant create praxis").expect("made");
    run("account create anna --tenant praxis --name Anna --role host").expect("made");
    run("account disable anna --tenant praxis").expect("disabled");
    let log = run("audit list --tenant praxis").expect("listed");
    let acts: Vec<_> = log
        .lines()
        .map(|line| line.split(' ').nth(3).unwrap())
        .collect();
    assert_eq!(acts, ["account.made", "account.disabled"]);
    assert!(log.lines().all(|line| line.contains(" operator ")), "{log}");
    assert!(!log.to_lowercase().contains("anna"), "{log}");
    let table = run("audit list --tenant praxis --csv").expect("listed");
    assert_eq!(table.lines().count(), 3, "with its head: {table}");
    let server_itself = run("audit list --server-itself").expect("listed");
    assert!(server_itself.contains(" tenant.made "), "{server_itself}");

    let verified = run("audit verify --tenant praxis").expect("whole");
    assert!(
        verified.contains("lines: 1 to 2, none missing, none changed"),
        "{verified}"
    );
    let end = behind(&verified, "end:").to_owned();
    run("account enable anna --tenant praxis").expect("enabled");
    run(&format!("audit verify --tenant praxis --noted {end}")).expect("it goes on from there");
    let (number, digest) = end.split_once(':').expect("an end");
    let other: String = digest.chars().rev().collect();
    let anew = run(&format!(
        "audit verify --tenant praxis --noted {number}:{other}"
    ));
    assert!(anew.expect_err("another").contains("written anew"));
    let ahead = run(&format!("audit verify --tenant praxis --noted 9:{digest}"));
    assert!(
        ahead
            .expect_err("not there")
            .contains("line 9 is not there")
    );
}

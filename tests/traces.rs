//! What a whole appointment leaves: an account that logs in on a device, a room
//! that a program makes, a guest's link, a password that goes to a telephone,
//! events for an endpoint that takes none, a call with sound and pictures, its end. Beyond what docs/privacy.md lists, no
//! name, address or identifier of it is in the database, the log or the metrics.
#![allow(clippy::unwrap_used, clippy::panic)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conclave_client::audio::source::Signal;
use conclave_client::call::Admit;
use conclave_client::event::Event;
use conclave_client::participant::Options;
use conclave_kit::native::{CAMERA, clip, options};
use conclave_kit::{Door, Member, Native, Needle, PATIENCE, Room, Server, eventually, memory};
use conclave_wire::client::Reason;
use conclave_wire::http::RoomCreated;
use std::net::Ipv4Addr;
use std::process::Command;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket};

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");
const PRIVACY: &str = include_str!("../docs/privacy.md");

/// Where all who take part come from, and nothing else does.
const THEIRS: Ipv4Addr = Ipv4Addr::new(127, 66, 77, 88);

/// Where something may be kept: table and column.
type Kept = Option<(&'static str, &'static str)>;

/// Where events wait for an endpoint.
const WAITS: Kept = Some(("deliveries", "body"));

/// An identifier as bytes and as the wire writes it.
fn identifier(what: &str, bytes: &[u8], (kept, as_text): (Kept, Kept)) -> Vec<(Needle, Kept)> {
    let text = URL_SAFE_NO_PAD.encode(bytes);
    vec![
        (Needle::new(what, bytes), kept),
        (Needle::new(format!("{what} as text"), text), as_text),
    ]
}

/// An identifier in hexadecimal digits. A dump of PostgreSQL writes all bytes
/// so: this is to be looked for in what is no database.
fn in_digits(what: &str, bytes: &[u8]) -> Needle {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Needle::new(format!("{what} in digits"), digits)
}

fn text(what: &str, text: &str, kept: Kept) -> (Needle, Kept) {
    (Needle::new(what, text), kept)
}

/// The door as it is reached from [`THEIRS`].
async fn door_from_theirs(door: &Door) -> Door {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let target = (Ipv4Addr::LOCALHOST, door.address().port()).into();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind((THEIRS, 0).into()).unwrap();
                let mut far = socket.connect(target).await.unwrap();
                let _ = copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    door.at(port)
}

fn run(server: &Server, arguments: &[&str]) -> String {
    let output = Command::new(PROGRAM)
        .args(arguments)
        .env("CONCLAVE_SERVER", server.door().url())
        .env("CONCLAVE_DATA", server.data())
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

fn word_after(printed: &str, label: &str) -> String {
    let line = printed.lines().find(|line| line.contains(label));
    let word = line.and_then(|line| line.split_whitespace().last());
    word.unwrap_or_else(|| panic!("no {label} in {printed}"))
        .to_owned()
}

/// What the wire writes as base64url.
fn decoded(text: &serde_json::Value) -> Vec<u8> {
    let text = text.as_str().expect("text");
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

async fn ask(door: &Door, request: &str, token: &str, body: &str) -> serde_json::Value {
    let reply = door.request(request, token, body.as_bytes()).await.unwrap();
    assert!((200..300).contains(&reply.status), "{request}: {reply:?}");
    reply.json()
}

/// Where passwords are sent to telephones; it says these in turn.
async fn gateway(answers: [&'static str; 2]) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for said in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            // It is JSON: its last byte is known.
            while !request.ends_with(b"}}") {
                request.push(stream.read_u8().await.unwrap());
            }
            let answer = format!("HTTP/1.1 {said}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    format!("http://127.0.0.1:{port}/gateway")
}

/// Sound and pictures from [`THEIRS`].
fn from_theirs(mut options: Options, hertz: f32) -> Options {
    options.bind = vec![(THEIRS, 0).into()];
    options.sound = Some(Signal::Tone(hertz));
    options.camera = Some(clip(CAMERA));
    options
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_leaves_what_the_documents_list_and_no_more() {
    let log = "info,conclave=trace,conclave_signaling=trace,conclave_sfu=trace";
    let settings = [("CONCLAVE_LOG", log), ("CONCLAVE_WEBHOOKS_TO", "loopback")];
    let server = Server::start_with(PROGRAM, &settings).await;
    let door = door_from_theirs(&server.door()).await;

    // Doctor Quarterbrook has an account, logs in and makes the room and the link.
    let made = run(
        &server,
        &[
            "account",
            "create",
            "quarterbrook",
            "--name",
            "Dr. Wilhelmina Anders",
            "--role",
            "host",
        ],
    );
    let login = serde_json::json!({
        "tenant": "default",
        "login": "quarterbrook",
        "password": word_after(&made, "password:"),
        "kept": "token",
    });
    let session = ask(&door, "POST /api/v1/session", "", &login.to_string()).await;
    let token = session["token"].as_str().expect("a token");
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let accounts = ask(&door, "GET /api/v1/accounts", &server.operator(), "").await;
    let account = decoded(&accounts["accounts"][0]["account"]);
    let laptop = r#"{"name":"Thimbleberry laptop"}"#;
    let device = ask(&door, "PUT /api/v1/session/device", &bearer, laptop).await;
    let device = decoded(&device["device"]);

    // Nobody listens at the port that discards.
    let endpoint = "http://127.0.0.1:9/hook-of-underhill";
    let asked = serde_json::json!({ "url": endpoint }).to_string();
    let hook = ask(&door, "POST /api/v1/webhooks", &server.operator(), &asked).await;
    let secret = hook["secret"].as_str().expect("a secret").to_owned();

    // A password for a telephone: the first attempt is not taken.
    let gateway = gateway(["500 Internal Server Error", "204 No Content"]).await;
    let asked = serde_json::json!({ "url": gateway, "events": ["password.send"] }).to_string();
    ask(&door, "POST /api/v1/webhooks", &server.operator(), &asked).await;
    let asked = serde_json::json!({ "password": URL_SAFE_NO_PAD.encode([7; 32]) }).to_string();
    let locked = ask(&door, "POST /api/v1/rooms", &bearer, &asked).await;
    let locked = locked["room"].as_str().expect("a room");
    let asked = r#"{"to":"+4915566677788","password":"q7rm-4xqz-w2pa","language":"de"}"#;
    let path = format!("POST /api/v1/rooms/{locked}/password-message");
    for status in [502, 204] {
        let reply = door.request(&path, &bearer, asked.as_bytes()).await;
        assert_eq!(reply.unwrap().status, status);
    }

    let key = "by-the-practice-program-4711";
    let once = format!("{bearer}Idempotency-Key: {key}\r\n");
    let asked = r#"{"title":"Hour of Featherstone","scheduled":true}"#;
    let created = ask(&door, "POST /api/v1/rooms", &once, asked).await;
    let again = ask(&door, "POST /api/v1/rooms", &once, asked).await;
    assert_eq!(created, again, "it is made once");
    let created: RoomCreated = serde_json::from_value(created).expect("a room");
    let room = Room::new(created);
    let hosts = room.host_link(&server.door());
    let mut date = Command::new("date");
    date.args(["-u", "-d", "1 hour", "+%Y-%m-%dT%H:%M:%SZ"]);
    let until = date.output().expect("date").stdout;
    let until = String::from_utf8(until).expect("text");
    let printed = run(
        &server,
        &["link", "create", &hosts, "--until", until.trim(), "--once"],
    );
    let guests = word_after(&printed, "guest:").replace(&server.door().url(), &door.url());
    let link = guests.split(['/', '#', '.']).rev().nth(1).expect("a name");
    let link = URL_SAFE_NO_PAD.decode(link).expect("base64url");

    // The call: the doctor, the patient, and one more who only knocks.
    let host = room.host_link(&door);
    let mut hosting = options(&door, &host, "Ottilie Ravensworth");
    hosting.start = true;
    hosting.admit = Admit::Named("Bartholomew Ostrander".to_owned());
    let mut doctor = Native::start(from_theirs(hosting, 440.0));
    doctor.admitted().await;
    let visiting = options(&door, &guests, "Bartholomew Ostrander");
    let mut patient = Native::start(from_theirs(visiting, 660.0));
    let ids = (doctor.id().await, patient.id().await);
    patient.admitted().await;
    doctor.gets(PATIENCE, 10, &[ids.1]).await;
    patient.gets(PATIENCE, 10, &[ids.0]).await;
    let mut knocker = Member::enter(&door, &room, "Zinnia Thistlewood", true).await;
    // Who knocks is on a device of the doctor's, and certified for this stay.
    let of = |id: &[u8]| id.try_into().expect("16 bytes");
    let proof = knocker.session.proof(&of(&account), &of(&device));
    let (public, proof) = proof.expect("a proof");
    let asked = serde_json::json!({
        "key": URL_SAFE_NO_PAD.encode(&public),
        "proof": URL_SAFE_NO_PAD.encode(proof),
        "room": room.id,
        "participant": knocker.id(),
        "token": knocker.stay.token,
    });
    let certify = "POST /api/v1/session/certificate";
    let issued = ask(&door, certify, &bearer, &asked.to_string()).await;
    let certificate = decoded(&issued["certificate"]);
    knocker.knock().await;

    let mut needles = vec![
        text("the name the host typed", "Ottilie Ravensworth", None),
        text("the name the guest typed", "Bartholomew Ostrander", None),
        text("the name the knocker typed", "Zinnia Thistlewood", None),
        text("the login", "quarterbrook", Some(("accounts", "login"))),
        text(
            "the account's name",
            "Wilhelmina Anders",
            Some(("accounts", "name")),
        ),
        text(
            "the room's title",
            "Hour of Featherstone",
            Some(("rooms", "title")),
        ),
        text(
            "the device's name",
            "Thimbleberry laptop",
            Some(("devices", "name")),
        ),
        text("the endpoint", endpoint, Some(("webhooks", "url"))),
        text("what events are signed with", &secret, None),
        text("the telephone's number", "4915566677788", None),
        text("the telephone's password", "q7rm-4xqz-w2pa", None),
        text("the telephone's password in one", "q7rm4xqzw2pa", None),
        text("the key of a request", key, None),
        text("an address", &THEIRS.to_string(), None),
        text("the session's token", token, None),
    ];
    let mut digits = Vec::new();
    for (what, id, kept) in [
        (
            "the account",
            &account[..],
            (Some(("accounts", "id")), None),
        ),
        ("the room", &room.id.0, (Some(("rooms", "id")), WAITS)),
        ("the link", &link, (Some(("links", "id")), WAITS)),
        ("the device", &device, (Some(("devices", "id")), None)),
        ("the host key", &room.host_key.0, (None, None)),
        ("the certified key", &public, (None, None)),
        ("the certificate", &certificate, (None, None)),
        ("the host", &ids.0.0, (None, None)),
        ("the guest", &ids.1.0, (None, None)),
        ("the knocker", &knocker.id().0, (None, None)),
    ] {
        needles.extend(identifier(what, id, kept));
        digits.push(in_digits(what, id));
    }
    let wanted: Vec<_> = needles.iter().map(|(needle, _)| needle.clone()).collect();

    // While it runs the search finds who is in it: the needles are the right ones.
    let found = server.stored(&wanted);
    for running in [
        "the host",
        "the guest",
        "the knocker",
        "the name the knocker typed",
    ] {
        let there = found.iter().any(|name| name.starts_with(running));
        assert!(there, "{running} is not in {found:?}");
    }
    let during = server.metrics().await.text;

    doctor.inner.end_call().await;
    patient.told(PATIENCE, Event::Ended).await;
    knocker
        .until("the end", |knocker| knocker.over == Some(Reason::Ended))
        .await;

    // In the database: what the documents list, each in its column's name.
    let expected: Vec<&str> = needles
        .iter()
        .filter(|(_, kept)| kept.is_some())
        .map(|(needle, _)| needle.name.as_str())
        .collect();
    eventually(PATIENCE, "only what is listed is kept", async || {
        let found = server.stored(&wanted);
        let mut kept: Vec<&str> = wanted
            .iter()
            .map(|needle| needle.name.as_str())
            .filter(|name| found.iter().any(|found| is_of(found, name)))
            .collect();
        kept.dedup();
        if kept != expected {
            println!("kept: {kept:?}");
        }
        (kept == expected).then_some(())
    })
    .await;
    for (table, column) in needles.iter().filter_map(|(_, kept)| *kept) {
        let listed = PRIVACY.lines().any(|line| {
            line.starts_with(&format!("| `{table}` |")) && line.contains(&format!("`{column}`"))
        });
        assert!(listed, "docs/privacy.md does not list {table}.{column}");
    }

    // In the log and the metrics, while it ran and after: nothing of it at all.
    let log = server.log();
    assert!(!log.is_empty(), "there is no log to search");
    let nowhere = [wanted, digits].concat();
    for (place, text) in [
        ("the log", &log),
        ("the metrics of the call", &during),
        ("the metrics after it", &server.metrics().await.text),
    ] {
        let found = memory::of_bytes(text.as_bytes(), &nowhere);
        assert_eq!(found, [""; 0], "in {place}");
    }
}

/// Whether this was found, wherever that was.
fn is_of(found: &str, name: &str) -> bool {
    let rest = found.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" in "))
}

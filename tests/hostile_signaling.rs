//! Malformed input at the signaling service's doors while a call runs: each is
//! answered by a typed error or closed, the server stays what it was, and the
//! call goes on.

use conclave_kit::{Call, Dice, Raw, quiet, within};
use conclave_wire::client::{MAX_FRAME, Request, SUBPROTOCOL, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::id::ParticipantId;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// What the server says to a frame, other than what it says anyway.
async fn error(raw: &mut Raw) -> Code {
    raw.until("an error", |frame| match frame {
        ServerFrame::Error { code, .. } => Some(*code),
        _ => None,
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_the_socket_is_answered_with_a_code_and_closed_when_it_goes_on() {
    let _turn = quiet().await;
    let mut dice = Dice::new("socket", 35);
    let mut call = Call::running(PROGRAM).await;
    let (door, room) = (call.door.clone(), call.room.id);
    let policy = |close: Option<tokio_tungstenite::tungstenite::protocol::CloseFrame>,
                  what: &str| {
        let code = close.map(|close| close.code);
        assert!(
            matches!(
                code,
                Some(
                    CloseCode::Policy
                        | CloseCode::Size
                        | CloseCode::Unsupported
                        | CloseCode::Invalid
                )
            ),
            "{what}: {code:?}"
        );
    };

    // Anything before `enter`.
    let mut raw = Raw::open(&door, room).await.expect("a socket");
    raw.send(Request::Ping {}).await.expect("sent");
    assert_eq!(error(&mut raw).await, Code::Unauthorized);
    raw.until_closed().await;

    // Frames that cannot be read: each is answered, the sixteenth is the last.
    let mut raw = Raw::open(&door, room).await.expect("a socket");
    raw.enter(None).await;
    for text in [
        "",
        "{",
        "[]",
        "null",
        "{\"id\":1}",
        "{\"id\":-1,\"type\":\"ping\"}",
        "{\"id\":1,\"type\":\"dance\"}",
        "{\"type\":\"ping\"}",
    ] {
        raw.say(Message::text(text)).await.expect("sent");
        assert_eq!(error(&mut raw).await, Code::BadMessage, "{text}");
    }
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    raw.say(Message::text(deep)).await.expect("sent");
    assert_eq!(error(&mut raw).await, Code::BadMessage);
    for _ in 0..16 {
        let noise = dice.bytes(64);
        if raw.say(Message::binary(noise)).await.is_err() {
            break;
        }
    }
    policy(raw.until_closed().await, "unreadable frames");

    // A frame over the limit, and one that would go on for ever.
    let mut raw = Raw::open(&door, room).await.expect("a socket");
    raw.enter(None).await;
    let _ = raw.say(Message::text("x".repeat(MAX_FRAME + 1))).await;
    raw.until_closed().await;

    // More than any honest client sends.
    let mut raw = Raw::open(&door, room).await.expect("a socket");
    raw.enter(None).await;
    for _ in 0..2000 {
        if raw.send(Request::Ping {}).await.is_err() {
            break;
        }
    }
    policy(raw.until_closed().await, "a flood");
    call.goes_on("after sockets that were closed").await;

    // Requests that can be read and mean nothing, from a member.
    let mut eve = call.eve().await;
    let nobody = ParticipantId([9; 16]);
    let commit =
        |epoch, message: Vec<u8>, adds, welcome: Option<Vec<u8>>, removes| Request::Commit {
            epoch,
            message: message.into(),
            adds,
            welcome: welcome.map(Into::into),
            removes,
        };
    for (request, fitting) in [
        (
            Request::Enter {
                host_key: None,
                password: None,
                link: None,
            },
            &[Code::BadMessage, Code::Forbidden][..],
        ),
        (Request::StartCall {}, &[Code::CallRunning, Code::Forbidden]),
        (commit(2, vec![], vec![], None, vec![]), &[Code::BadMessage]),
        (
            commit(2, dice.bytes(3000), vec![], None, vec![]),
            &[Code::BadMessage],
        ),
        (
            commit(0, dice.bytes(300), vec![], None, vec![]),
            &[Code::BadMessage, Code::StaleEpoch],
        ),
        (
            commit(77, dice.bytes(300), vec![], None, vec![]),
            &[Code::BadMessage, Code::StaleEpoch],
        ),
        (
            Request::Ready {
                epoch: 4_000_000_000,
            },
            &[Code::BadMessage, Code::Forbidden],
        ),
        (
            Request::Refuse {
                participant: nobody,
            },
            &[Code::Forbidden, Code::NoSuchParticipant],
        ),
        (
            Request::Knock {
                key_package: vec![1].into(),
                tag: vec![2].into(),
            },
            &[Code::Forbidden, Code::BadMessage],
        ),
    ] {
        let code = eve.raw.refused(request.clone()).await;
        assert!(fitting.contains(&code), "{request:?}: {code}");
    }
    // A sound commit that says something else about itself than it is.
    let honest = eve.session.update().expect("a commit");
    for (request, fitting) in [
        (
            commit(
                2,
                honest.commit.clone(),
                vec![nobody],
                Some(vec![1]),
                vec![],
            ),
            &[Code::NoSuchParticipant, Code::Forbidden][..],
        ),
        (
            commit(2, honest.commit.clone(), vec![], None, vec![nobody]),
            &[Code::NoSuchParticipant, Code::Forbidden],
        ),
        (
            commit(2, honest.commit.clone(), vec![], Some(vec![1]), vec![]),
            &[Code::BadMessage],
        ),
        (
            commit(3, honest.commit.clone(), vec![], None, vec![]),
            &[Code::BadMessage, Code::StaleEpoch],
        ),
    ] {
        let code = eve.raw.refused(request.clone()).await;
        assert!(fitting.contains(&code), "{request:?}: {code}");
    }
    eve.session.discard_pending().expect("a commit to give up");
    eve.rekey().await;
    call.goes_on("after requests without meaning").await;

    // Valid frames with some bytes changed, on as many sockets as it takes.
    let frames = [
        serde_json::json!({"id": 9, "type": "commit", "epoch": 3, "message": "AAEC", "adds": [], "removes": [nobody.to_string()]}),
        serde_json::json!({"id": 10, "type": "assign", "slots": [{"mid": "1", "carries": {"participant": nobody.to_string(), "source": "camera"}}]}),
        serde_json::json!({"id": 11, "type": "offer", "sdp": "v=0\r\n", "sending": [{"mid": "0", "source": "screen"}]}),
        serde_json::json!({"id": 12, "type": "live", "sources": ["microphone", "screen-audio"]}),
    ];
    for _ in 0..12 {
        let mut raw = Raw::open(&door, room).await.expect("a socket");
        raw.enter(None).await;
        for _ in 0..30 {
            let frame = frames[dice.below(frames.len())].to_string();
            let damaged = dice.mutate(frame.as_bytes());
            let text = String::from_utf8_lossy(&damaged).into_owned();
            if raw.say(Message::text(text)).await.is_err() {
                break;
            }
        }
    }
    call.goes_on("after damaged frames").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_http_is_refused_with_a_problem_or_closed() {
    let _turn = quiet().await;
    let mut dice = Dice::new("http", 36);
    let mut call = Call::running(PROGRAM).await;
    let (door, room) = (call.door.clone(), call.room.id);

    // Connections that never finish a request: held open while everything else goes on.
    let slow = Instant::now();
    let mut dripping = Vec::new();
    for _ in 0..30 {
        let mut stream = door.connect().await.expect("a connection");
        stream
            .write_all(b"GET /api/v1/rooms/ HTTP/1.1\r\nHost: local")
            .await
            .expect("sent");
        dripping.push(stream);
    }

    let none = "A".repeat(22);
    let token = call.server.operator();
    let big = vec![b'x'; 64 << 10];
    for (line, headers, body, status, code) in [
        ("POST /api/v1/rooms", "", &b""[..], 401, "unauthorized"),
        (
            "POST /api/v1/rooms",
            "Authorization: Bearer wrong\r\n",
            b"",
            401,
            "unauthorized",
        ),
        (
            "POST /api/v1/rooms",
            "Authorization: Basic AAAA\r\n",
            b"",
            401,
            "unauthorized",
        ),
        ("POST /api/v1/rooms", &token, &big, 413, "too-large"),
        (
            "DELETE /api/v1/rooms",
            &token,
            b"",
            405,
            "method-not-allowed",
        ),
        ("PATCH /livez", "", b"", 405, "method-not-allowed"),
        (
            &format!("GET /api/v1/rooms/{none}"),
            "",
            b"",
            404,
            "no-such-room",
        ),
        ("GET /api/v1/rooms/short", "", b"", 404, "no-such-room"),
        ("GET /api/v1/rooms/%00%ff", "", b"", 400, "bad-message"),
        ("GET /api/v1/nothing", "", b"", 404, "not-found"),
        ("GET /assets/../../../etc/passwd", "", b"", 404, "not-found"),
        (
            "GET /assets/%2e%2e/%2e%2e/etc/passwd",
            "",
            b"",
            404,
            "not-found",
        ),
        (
            &format!("DELETE /api/v1/rooms/{room}"),
            "",
            b"",
            401,
            "unauthorized",
        ),
    ] {
        let reply = door.request(line, headers, body).await.expect("a reply");
        assert_eq!(reply.status, status, "{line}: {reply:?}");
        assert!(
            reply
                .head
                .to_lowercase()
                .contains("application/problem+json"),
            "{line}: {reply:?}"
        );
        let problem = reply.json();
        assert_eq!(
            (problem["code"].as_str(), problem["status"].as_u64()),
            (Some(code), Some(status.into())),
            "{line}"
        );
    }

    // The socket's door.
    let path = format!("/api/v1/rooms/{room}/socket");
    for (what, path, headers, statuses) in [
        (
            "another site",
            path.as_str(),
            vec![
                ("Sec-WebSocket-Protocol", SUBPROTOCOL),
                ("Origin", "https://evil.example"),
            ],
            &[403][..],
        ),
        (
            "no such room",
            &format!("/api/v1/rooms/{none}/socket"),
            vec![("Sec-WebSocket-Protocol", SUBPROTOCOL)],
            &[404],
        ),
        (
            "another protocol",
            &path,
            vec![("Sec-WebSocket-Protocol", "soup")],
            &[400],
        ),
    ] {
        match Raw::open_with(&door, path, &headers).await {
            Err(tokio_tungstenite::tungstenite::Error::Http(reply)) => {
                assert!(
                    statuses.contains(&reply.status().as_u16()),
                    "{what}: {}",
                    reply.status()
                );
            }
            Err(error) => panic!("{what}: {error}"),
            Ok(_) => panic!("{what}: the socket opened"),
        }
    }
    let reply = door.get(&path).await.expect("a reply");
    assert!((400..500).contains(&reply.status), "no upgrade: {reply:?}");

    // What is no HTTP at all, or too much of it.
    let header_flood = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        "X-Filler: aaaaaaaaaaaaaaaa\r\n".repeat(100_000)
    );
    let long_line = format!(
        "GET /{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "a".repeat(1 << 20)
    );
    let smuggle = "POST /api/v1/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzzz\r\n\r\n";
    for (what, request) in [
        ("headers", header_flood.as_bytes()),
        ("a path", long_line.as_bytes()),
        ("two lengths", smuggle.as_bytes()),
        ("nothing", b"\r\n\r\n\r\n\r\n"),
    ] {
        let reply = within(Duration::from_secs(30), what, door.say(request))
            .await
            .expect("a reply");
        assert!(
            reply.status == 0 || (400..500).contains(&reply.status),
            "{what}: {reply:?}"
        );
    }
    let valid = format!(
        "GET /api/v1/rooms/{room} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    );
    for _ in 0..100 {
        let request = dice.mutate(valid.as_bytes());
        // Some are still requests whose end the server waits for: the connection is ours to close.
        let _ = tokio::time::timeout(Duration::from_millis(50), door.say(&request)).await;
    }
    for _ in 0..20 {
        // No TLS at all.
        let mut tcp = tokio::net::TcpStream::connect(door.address())
            .await
            .expect("a connection");
        let noise = dice.bytes(200);
        tcp.write_all(&noise).await.expect("sent");
    }
    call.goes_on("after bad HTTP").await;

    // The dripping ones are closed, each by its own clock.
    for mut stream in dripping {
        let mut rest = Vec::new();
        let end = Duration::from_secs(30).saturating_sub(slow.elapsed());
        let closed = within(
            end,
            "a connection that never finishes is closed",
            stream.read_to_end(&mut rest),
        )
        .await;
        drop(closed);
    }
    call.goes_on("after slow connections").await;
}

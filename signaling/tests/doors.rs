//! Every door takes nonsense without harm, and says what was wrong.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use common::{Server, call_of_two};
use conclave_wire::client::{MAX_FRAME, Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::http::RoomInfo;
use conclave_wire::id::Blob;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_made_by_the_operator_only() {
    let server = Server::start().await;
    let operator = server.operator();
    for authorization in [
        "",
        "Bearer",
        "Bearer x",
        "Basic eDp5",
        &operator.to_uppercase(),
        &format!("{operator}A"),
    ] {
        let answer = server
            .http(
                "POST",
                "/api/v1/rooms",
                &[("authorization", authorization)],
                &[],
            )
            .await;
        assert_eq!(answer.problem().code, Code::Unauthorized, "{authorization}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    let room = server.create_room().await;
    assert_eq!(room.host_key.0.len(), 32);
    let answer = server.get(&format!("/api/v1/rooms/{}", room.room)).await;
    let info: RoomInfo = serde_json::from_slice(&answer.body).expect("a room");
    assert_eq!(info.suite, 1);
    assert_eq!(
        server.kept_in(&room.host_key.0),
        [""; 0],
        "only its hash is kept"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn http_refusals_are_problem_details() {
    let server = Server::start().await;
    let operator = server.operator();
    let authorization = [("authorization", operator.as_str())];
    for (method, path, body, code) in [
        ("GET", "/nothing", &b""[..], Code::NotFound),
        ("POST", "/nothing", b"", Code::NotFound),
        ("GET", "/api/v1/rooms/short", b"", Code::NoSuchRoom),
        (
            "GET",
            "/api/v1/rooms/AAAAAAAAAAAAAAAAAAAAAA",
            b"",
            Code::NoSuchRoom,
        ),
        ("GET", "/api/v1/media-trial", b"", Code::MediaUnavailable),
        ("GET", "/api/v1/rooms/%ff%00", b"", Code::BadMessage),
        (
            "DELETE",
            "/api/v1/rooms/AAAAAAAAAAAAAAAAAAAAAA",
            b"",
            Code::NoSuchRoom,
        ),
        ("PATCH", "/api/v1/rooms", b"", Code::MethodNotAllowed),
        ("POST", "/", b"", Code::MethodNotAllowed),
        ("POST", "/assets/app.js", b"", Code::MethodNotAllowed),
        ("POST", "/api/v1/rooms", b"{", Code::BadMessage),
        ("POST", "/api/v1/rooms", b"\xff\xfe", Code::BadMessage),
        (
            "POST",
            "/api/v1/rooms",
            b"{\"name\":\"x\"}",
            Code::BadMessage,
        ),
        ("POST", "/api/v1/rooms", &[b' '; 50_000], Code::TooLarge),
        (
            "GET",
            "/api/v1/rooms/AAAAAAAAAAAAAAAAAAAAAA/socket",
            b"",
            Code::NoSuchRoom,
        ),
    ] {
        let answer = server.http(method, path, &authorization, body).await;
        assert_eq!(answer.problem().code, code, "{method} {path}");
        if code == Code::MethodNotAllowed {
            assert!(answer.headers.contains_key("allow"), "{method} {path}");
        }
    }
    let answer = server.raw(b"\x16\x03 nonsense\r\n\r\n").await;
    assert_eq!(answer.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_security_headers() {
    let server = Server::start().await;
    for path in [
        "/",
        "/r/AAAAAAAAAAAAAAAAAAAAAA",
        "/nothing",
        "/livez",
        "/assets/app.js",
    ] {
        let headers = server.get(path).await.headers;
        let policy = &headers["content-security-policy"];
        assert!(policy.starts_with("default-src 'none'"), "{path}");
        assert!(
            policy.contains("; require-trusted-types-for 'script'; trusted-types "),
            "{path}"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(headers[name], value, "{path}");
        }
        assert!(
            !headers.contains_key("strict-transport-security"),
            "self-made certificate"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_client_is_served() {
    let server = Server::start().await;
    let page = server.get("/r/AAAAAAAAAAAAAAAAAAAAAA").await;
    assert_eq!(
        (page.status, page.body.as_slice()),
        (200, &b"<!doctype html>"[..])
    );
    assert_eq!(page.headers["cache-control"], "no-cache");
    let script = server
        .http(
            "GET",
            "/assets/app.js",
            &[("accept-encoding", "gzip, br")],
            &[],
        )
        .await;
    assert_eq!(
        (
            script.headers["content-encoding"].as_str(),
            script.body.as_slice()
        ),
        ("br", &b"compressed"[..])
    );
    assert!(script.headers["cache-control"].contains("immutable"));
    let plain = server.get("/assets/app.js").await;
    assert_eq!(plain.body, b"plain");
    let fresh = server
        .http(
            "GET",
            "/assets/app.js",
            &[("if-none-match", &plain.headers["etag"])],
            &[],
        )
        .await;
    assert_eq!((fresh.status, fresh.body.len()), (304, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_name_nobody() {
    let server = Server::start().await;
    assert_eq!(server.get("/livez").await.status, 200);
    assert_eq!(server.get("/readyz").await.status, 200);
    let room = server.create_room().await;
    let (mut anna, ben) = call_of_two(&server, &room).await;
    anna.send(Request::EndCall {}).await;
    anna.closed().await;
    drop(ben);
    let text = String::from_utf8(server.get("/metrics").await.body).expect("text");
    assert!(
        text.contains("conclave_log_entries_total 2") && text.contains("sfu_metric 1"),
        "{text}"
    );
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let labels = line.split_once('{').map_or("", |(_, rest)| rest);
        for label in labels
            .split_once('}')
            .map_or("", |(labels, _)| labels)
            .split(',')
        {
            let name = label.split('=').next().unwrap_or_default();
            assert!(
                ["", "le", "reason", "code", "kind"].contains(&name),
                "{line}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_for_the_services_own_pages_in_the_services_own_protocol() {
    let server = Server::start().await;
    let room = server.create_room().await.room.to_string();
    let protocol = ("sec-websocket-protocol", "conclave.v1");
    for (headers, status) in [
        (&[protocol, ("origin", "https://evil.example")][..], 403),
        (&[protocol, ("origin", "null")], 403),
        (&[], 400),
        (&[("sec-websocket-protocol", "conclave.v2")], 400),
    ] {
        assert_eq!(
            server.open(&room, headers).await.err(),
            Some(status),
            "{headers:?}"
        );
    }
    assert_eq!(server.open("nothing", &[protocol]).await.err(), Some(404));
    assert!(
        server.open(&room, &[protocol]).await.is_ok(),
        "a program sends no origin"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_frame_begins_or_resumes_a_stay() {
    let server = Server::start().await;
    let room = server.create_room().await;
    for (frame, code) in [
        (r#"{"id":1,"type":"ping"}"#.to_owned(), Code::Unauthorized),
        ("nonsense".to_owned(), Code::BadMessage),
        (
            r#"{"id":1,"type":"enter","hostKey":"AAAA"}"#.to_owned(),
            Code::Unauthorized,
        ),
        (
            format!(
                r#"{{"id":1,"type":"enter","hostKey":"{}"}}"#,
                "A".repeat(43)
            ),
            Code::Unauthorized,
        ),
        (
            format!(
                r#"{{"id":1,"type":"resume","participant":"{}","token":"{}","after":0}}"#,
                "A".repeat(22),
                "A".repeat(43)
            ),
            Code::Gone,
        ),
    ] {
        let mut page = server.page(room.room).await;
        page.text(&frame).await;
        let answer = page.frame().await.expect("an answer");
        assert!(
            matches!(answer, ServerFrame::Error { code: of, .. } if of == code),
            "{frame}: {answer:?}"
        );
        assert_eq!(page.closed().await, 1008, "{frame}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_frames_are_answered_and_then_end_the_socket() {
    let server = Server::start().await;
    let room = server.create_room().await;
    let (mut anna, mut ben) = call_of_two(&server, &room).await;
    for nonsense in [
        "",
        "{",
        "[]",
        r#"{"id":1}"#,
        r#"{"id":-1,"type":"ping"}"#,
        r#"{"id":1,"type":"sudo"}"#,
    ] {
        anna.text(nonsense).await;
        let code = anna.until(unanswered).await;
        assert_eq!(code, Code::BadMessage, "{nonsense}");
    }
    anna.done(Request::Ping {}).await;
    for _ in 0..10 {
        anna.message(Message::binary(vec![0, 159, 146, 150])).await;
    }
    assert_eq!(anna.closed().await, 1008);
    ben.done(Request::Ping {}).await;
}

fn unanswered(frame: &ServerFrame) -> Option<Code> {
    match frame {
        ServerFrame::Error { re: None, code, .. } => Some(*code),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_or_a_giant_ends_its_socket_only() {
    let server = Server::start().await;
    let room = server.create_room().await;
    let (mut anna, mut ben) = call_of_two(&server, &room).await;
    for id in 100..500 {
        anna.message(Message::text(format!(r#"{{"id":{id},"type":"ping"}}"#)))
            .await;
    }
    assert_eq!(anna.until(unanswered).await, Code::TooMany);
    assert_eq!(anna.closed().await, 1008);

    let knock = Request::Knock {
        key_package: Blob(vec![0; MAX_FRAME * 3 / 4]),
        tag: Blob(vec![0; 32]),
    };
    ben.send(knock).await;
    assert_eq!(ben.until(unanswered).await, Code::TooLarge);
    assert_eq!(ben.closed().await, 1009);

    let mut anna_back = server.page(room.room).await;
    assert!(matches!(
        anna_back.resume(&anna).await,
        ServerFrame::Entered { .. }
    ));
    anna_back
        .message(Message::text("x".repeat(MAX_FRAME * 4)))
        .await;
    assert_ne!(anna_back.closed().await, 1000);
    let mut ben_back = server.page(room.room).await;
    assert!(matches!(
        ben_back.resume(&ben).await,
        ServerFrame::Entered { .. }
    ));
}

//! The socket against a small server of the test's own: reconnection, resume,
//! requests that are repeated, and certificates that are not believed.

#![allow(clippy::panic)]

use conclave_client::link::Server;
use conclave_client::rooms::{NewRoom, RoomError, create_room};
use conclave_client::signaling::{Event, Signaling, SignalingError};
use conclave_client::stay::{Answer, End, Heard, Tag, Ticket};
use conclave_client::trust::{Trust, TrustError};
use conclave_wire::client::{
    ClientFrame, LogEntry, LogEvent, Reason, Request, ServerFrame, Standing,
};
use conclave_wire::code::Code;
use conclave_wire::http::Sharing;
use conclave_wire::http::{Problem, RoomCreated};
use conclave_wire::id::{Blob, ParticipantId, RoomId};
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::PrivateKeyDer;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request as Http, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};

/// Only ends a hung test.
const PATIENCE: Duration = Duration::from_secs(20);
const ME: ParticipantId = ParticipantId([3; 16]);
const ROOM: RoomId = RoomId([4; 16]);

/// A TLS listener and the trust that believes it.
struct Door {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    pem: String,
    server: Server,
}

impl Door {
    async fn open() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a key");
        let pem = made.cert.pem();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a certificate");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let port = listener.local_addr().expect("an address").port();
        Self {
            listener,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            pem,
            server: format!("https://localhost:{port}")
                .parse()
                .expect("a server"),
        }
    }

    fn trust(&self) -> Trust {
        Trust::new(Some(self.pem.as_bytes())).expect("a trust")
    }

    async fn tls(&self) -> Option<TlsStream<TcpStream>> {
        let (stream, _) = self.listener.accept().await.expect("accepts");
        self.acceptor.accept(stream).await.ok()
    }

    async fn socket(&self) -> Peer {
        let stream = self.tls().await.expect("TLS");
        let socket = tokio_tungstenite::accept_hdr_async(stream, accept)
            .await
            .expect("a WebSocket");
        Peer { socket }
    }
}

// The callback's error type is the library's.
#[allow(clippy::result_large_err)]
fn accept(request: &Http, mut response: Response) -> Result<Response, ErrorResponse> {
    assert_eq!(request.uri().path(), format!("/api/v1/rooms/{ROOM}/socket"));
    response.headers_mut().insert(
        "sec-websocket-protocol",
        HeaderValue::from_static("conclave.v1"),
    );
    Ok(response)
}

struct Peer {
    socket: WebSocketStream<TlsStream<TcpStream>>,
}

impl Peer {
    async fn hear(&mut self) -> ClientFrame {
        let message = self.socket.next().await.expect("a frame").expect("a frame");
        serde_json::from_str(message.to_text().expect("text")).expect("parses")
    }

    async fn say(&mut self, frame: ServerFrame) {
        let text = serde_json::to_string(&frame).expect("serialises");
        self.socket.send(Message::text(text)).await.expect("sends");
    }

    async fn enter(&mut self) -> ClientFrame {
        let first = self.hear().await;
        self.say(ServerFrame::Entered {
            re: first.id,
            participant: ME,
            token: Blob(vec![5; 32]),
            host: true,
            suite: 1,
            standing: Standing::Arrived,
            media_lost: false,
            sharing: Sharing::All,
            marking: None,
            lobby: false,
        })
        .await;
        first
    }
}

async fn heard(signaling: &mut Signaling) -> Heard {
    loop {
        match signaling.next().await.expect("an event") {
            Event::Heard(heard) => return heard,
            Event::Lost => {}
            Event::GaveUp(error) => panic!("gave up: {error}"),
        }
    }
}

fn open(door: &Door, trust: Trust) -> Signaling {
    let ticket = Ticket {
        host_key: Some(Blob(vec![1; 32])),
        password: None,
        link: None,
    };
    Signaling::open(door.server.clone(), ROOM, ticket, trust)
}

#[tokio::test]
async fn a_lost_socket_is_replaced_and_nothing_is_lost() {
    let test = async {
        let door = Door::open().await;
        let mut signaling = open(&door, door.trust());
        let mut peer = door.socket().await;
        let first = peer.enter().await;
        let host_key = Some(Blob(vec![1; 32]));
        assert_eq!(
            first.request,
            Request::Enter {
                host_key,
                password: None,
                link: None,
            }
        );
        assert!(matches!(
            heard(&mut signaling).await,
            Heard::Entered { resumed: false, .. }
        ));

        let entry = |seq| {
            let event = LogEvent::Started { by: ME };
            ServerFrame::Entry(LogEntry { seq, event })
        };
        peer.say(entry(1)).await;
        assert_eq!(heard(&mut signaling).await, Heard::Frame(entry(1)));
        signaling.ask(Tag(1), Request::StartCall {});
        let unanswered = peer.hear().await;
        drop(peer);

        // Refuses twice, so that the client has to keep trying.
        for _ in 0..2 {
            drop(door.tls().await);
        }
        signaling.ask(Tag(2), Request::Live { sources: vec![] });
        let mut peer = door.socket().await;
        let again = peer.enter().await;
        assert_eq!(
            again.request,
            Request::Resume {
                participant: ME,
                token: Blob(vec![5; 32]),
                after: 1
            }
        );
        assert!(again.id > unanswered.id);
        assert_eq!(peer.hear().await, unanswered);
        let queued = peer.hear().await;
        assert_eq!(queued.request, Request::Live { sources: vec![] });
        assert!(matches!(
            heard(&mut signaling).await,
            Heard::Entered { resumed: true, .. }
        ));
        peer.say(ServerFrame::Ack { re: unanswered.id }).await;
        assert_eq!(
            heard(&mut signaling).await,
            Heard::Answered(Tag(1), Answer::Done)
        );
        peer.say(ServerFrame::Over {
            reason: Reason::Ended,
        })
        .await;
        assert_eq!(
            heard(&mut signaling).await,
            Heard::Over(End::Said(Reason::Ended))
        );
        assert!(signaling.next().await.is_none());
    };
    tokio::time::timeout(PATIENCE, test).await.expect("in time");
}

#[tokio::test]
async fn frames_that_make_no_sense_are_passed_over() {
    let test = async {
        let door = Door::open().await;
        let mut signaling = open(&door, door.trust());
        let mut peer = door.socket().await;
        peer.enter().await;
        heard(&mut signaling).await;
        for text in ["", "{}", r#"{"type":"entry","seq":-1}"#, "[1,2"] {
            peer.socket.send(Message::text(text)).await.expect("sends");
        }
        peer.say(ServerFrame::MediaLost {}).await;
        assert_eq!(
            heard(&mut signaling).await,
            Heard::Frame(ServerFrame::MediaLost {})
        );
    };
    tokio::time::timeout(PATIENCE, test).await.expect("in time");
}

#[tokio::test]
async fn a_server_nobody_vouches_for_is_not_spoken_to() {
    let test = async {
        let door = Door::open().await;
        let mut signaling = open(&door, Trust::new(None).expect("a trust"));
        assert!(door.tls().await.is_none());
        assert!(matches!(
            signaling.next().await,
            Some(Event::GaveUp(SignalingError::Unreachable(_)))
        ));
        assert!(matches!(
            Trust::new(Some(b"no certificate")),
            Err(TrustError::NoCertificate)
        ));
    };
    tokio::time::timeout(PATIENCE, test).await.expect("in time");
}

#[tokio::test]
async fn a_room_that_is_not_there_is_told_apart() {
    let test = async {
        let door = Door::open().await;
        let mut signaling = open(&door, door.trust());
        let stream = door.tls().await.expect("TLS");
        #[allow(clippy::result_large_err)]
        let refuse = |_: &Http, _: Response| {
            let mut answer = ErrorResponse::new(None);
            *answer.status_mut() = StatusCode::NOT_FOUND;
            Err(answer)
        };
        let _ = tokio_tungstenite::accept_hdr_async(stream, refuse).await;
        assert!(matches!(
            signaling.next().await,
            Some(Event::GaveUp(SignalingError::NoSuchRoom))
        ));
    };
    tokio::time::timeout(PATIENCE, test).await.expect("in time");
}

/// Answers one HTTP request and gives its head.
async fn serve_http(door: &Door, status: &str, body: &str) -> String {
    let mut stream = door.tls().await.expect("TLS");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a request"));
    }
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await.expect("answers");
    String::from_utf8(head).expect("text")
}

#[tokio::test]
async fn a_room_is_made_with_a_secret_of_its_own() {
    let test = async {
        let door = Door::open().await;
        let trust = door.trust();
        let body = serde_json::to_string(&RoomCreated {
            room: ROOM,
            host_key: Blob(vec![6; 32]),
            password_message: false,
        })
        .expect("serialises");
        let (link, head) = tokio::join!(
            create_room(&door.server, "the-token", &trust, NewRoom::default()),
            serve_http(&door, "201 Created", &body)
        );
        assert!(
            head.starts_with("POST /api/v1/rooms HTTP/1.1\r\n"),
            "{head}"
        );
        assert!(
            head.contains("authorization: Bearer the-token\r\n"),
            "{head}"
        );
        let link = link.expect("a room");
        let host = link.host().expect("a host's link");
        let secret = link.secret.fragment();
        assert!(!head.contains(secret.as_str()));
        assert!(host.contains(&format!("/r/{ROOM}#{}.", secret.as_str())));

        let problem = serde_json::to_string(&Problem::from(Code::Unauthorized)).expect("json");
        let (link, _) = tokio::join!(
            create_room(&door.server, "another", &trust, NewRoom::default()),
            serve_http(&door, "401 Unauthorized", &problem)
        );
        assert!(matches!(
            link.err(),
            Some(RoomError::Refused(Code::Unauthorized))
        ));
    };
    tokio::time::timeout(PATIENCE, test).await.expect("in time");
}

//! A running service, its HTTP and WebSocket clients, and a media plane played
//! by the test.

#![allow(dead_code, reason = "every test file uses its part")]

pub(crate) mod authenticator;
pub(crate) mod client;
pub(crate) mod database;
pub(crate) mod device;
pub(crate) mod provider;
pub(crate) mod receiver;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use bytes::Bytes;
use conclave_signaling::domain::reach::Reach;
use conclave_signaling::domain::retention::Periods;
use conclave_signaling::{
    Asset, Assets, Config, MediaPlane, Origin, PostgresUrl, Serving, serve, tls,
};
use conclave_wire::client::{ClientFrame, Request, ServerFrame};
use conclave_wire::control::{Command, Event};
use conclave_wire::http::{Problem, RoomCreated};
use conclave_wire::id::{Blob, LinkId, ParticipantId, RoomId};
use futures_util::{SinkExt as _, StreamExt as _};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

/// No answer within this is a failure, not a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    pub(crate) serving: Serving,
    pub(crate) address: SocketAddr,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) events: mpsc::Sender<Event>,
}

/// The name of the folder's own database.
pub(crate) fn database_name(folder: &Path) -> &str {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.expect("a name").trim_start_matches('.')
}

/// The folder's own database, where `scripts/postgres` runs the test.
fn database(folder: &Path) -> Option<PostgresUrl> {
    let server = std::env::var("CONCLAVE_TEST_POSTGRES").ok()?;
    let name = database_name(folder);
    let done = std::process::Command::new("createdb")
        .arg(format!("--maintenance-db={server}/postgres"))
        .arg(name)
        .output()
        .expect("createdb");
    let said = String::from_utf8_lossy(&done.stderr);
    // What is there already is the folder's, from before a restart.
    assert!(
        done.status.success() || said.contains("already exists"),
        "{said}"
    );
    Some(format!("{server}/{name}").parse().expect("a URL"))
}

/// Starts a service on what there is in the folder, or says why it does not.
pub(crate) async fn try_start(folder: &Path) -> Result<Serving, String> {
    let (commands, _) = mpsc::channel(1);
    let (_, events) = mpsc::channel(1);
    let media = MediaPlane {
        commands,
        events,
        streams: None,
        metrics: None,
        trial: None,
    };
    let started = serve(config(folder), assets(), media).await;
    started.map_err(|error| match std::error::Error::source(&error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    })
}

fn config(folder: &Path) -> Config {
    Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: folder.to_owned(),
        database: database(folder),
        tls: None,
        suite: 1,
        origin: Origin::UNNAMED,
        names: vec![],
        addresses: vec![],
        periods: Periods::default(),
        reach: Reach::Loopback,
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().expect("a directory")).await
    }

    /// One that people reach at another origin than this machine's own.
    pub(crate) async fn start_at(origin: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let origin = origin.parse().expect("an origin");
        let config = Config {
            origin,
            ..config(dir.path())
        };
        Self::start_with(dir, config).await
    }

    pub(crate) async fn start_in(dir: tempfile::TempDir) -> Self {
        Self::start_reaching(dir, Reach::Loopback).await
    }

    /// One whose organisations' endpoints are that far at most.
    pub(crate) async fn start_reaching(dir: tempfile::TempDir, reach: Reach) -> Self {
        let config = Config {
            reach,
            ..config(dir.path())
        };
        Self::start_with(dir, config).await
    }

    async fn start_with(dir: tempfile::TempDir, config: Config) -> Self {
        let (command_sender, commands) = mpsc::channel(1024);
        let (events, event_receiver) = mpsc::channel(1024);
        let media = MediaPlane {
            commands: command_sender,
            events: event_receiver,
            streams: None,
            metrics: Some(Arc::new(|text: &mut String| {
                text.push_str("sfu_metric 1\n")
            })),
            trial: None,
        };
        let serving = serve(config, assets(), media).await.expect("starts");
        Self {
            address: serving.local_addr(),
            serving,
            dir,
            commands,
            events,
        }
    }

    /// Stops it as a crash would, and starts it again on what it has written.
    pub(crate) async fn restart(self) -> Self {
        let Self { serving, dir, .. } = self;
        drop(serving);
        Self::start_in(dir).await
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        connect(self.address, self.dir.path()).await
    }

    /// One HTTP request on its own connection.
    pub(crate) async fn http(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", body.len());
        self.raw(&[head.as_bytes(), body].concat()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.http("GET", path, &[], &[]).await
    }

    /// Bytes that need not be a request.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        // The service may have answered and closed before it has all of it.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        let _ = read.expect("an answer in time");
        Answer::parse(&answer)
    }

    pub(crate) fn operator(&self) -> String {
        let file = conclave_signaling::operator::token_file(self.dir.path());
        let token = std::fs::read_to_string(file).expect("the operator's token");
        format!("Bearer {}", token.trim())
    }

    pub(crate) async fn create_room(&self) -> RoomCreated {
        let operator = self.operator();
        let answer = self
            .http(
                "POST",
                "/api/v1/rooms",
                &[("authorization", &operator)],
                &[],
            )
            .await;
        assert_eq!(answer.status, 201);
        serde_json::from_slice(&answer.body).expect("a room")
    }

    /// The upgrade's status if it is refused.
    pub(crate) async fn open(&self, room: &str, headers: &[(&str, &str)]) -> Result<Page, u16> {
        let url = format!("wss://localhost/api/v1/rooms/{room}/socket");
        let mut request = url.into_client_request().expect("a request");
        for (name, value) in headers {
            let name: tokio_tungstenite::tungstenite::http::HeaderName =
                name.parse().expect("a name");
            request
                .headers_mut()
                .insert(name, value.parse().expect("a value"));
        }
        let stream = self.connect().await;
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(Page::new(socket)),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                Err(response.status().as_u16())
            }
            Err(error) => panic!("no answer: {error}"),
        }
    }

    pub(crate) async fn page(&self, room: RoomId) -> Page {
        let headers = [
            ("sec-websocket-protocol", "conclave.v1"),
            ("origin", "https://localhost"),
        ];
        self.open(&room.to_string(), &headers)
            .await
            .expect("a socket")
    }

    /// A page that has entered.
    pub(crate) async fn enter(&self, room: &RoomCreated, host: bool) -> Page {
        let mut page = self.page(room.room).await;
        page.enter(host.then(|| room.host_key.clone())).await;
        page
    }

    /// A page that has entered by a guest's link.
    pub(crate) async fn enter_by(&self, room: &RoomCreated, link: LinkId) -> Page {
        let mut page = self.page(room.room).await;
        page.enter_with(None, Some(link)).await;
        page
    }

    pub(crate) async fn command(&mut self) -> Command {
        let command = tokio::time::timeout(PATIENCE, self.commands.recv()).await;
        command.expect("a command in time").expect("a command")
    }

    /// The files of the data directory that hold `needle`, and the database, if
    /// it is none of them.
    pub(crate) fn kept_in(&self, needle: &[u8]) -> Vec<String> {
        let files = std::fs::read_dir(self.dir.path()).expect("the directory");
        let files = files.map(|file| file.expect("a file").path());
        let mut places: Vec<_> = files
            .filter(|path| contains(&std::fs::read(path).expect("its bytes"), needle))
            .map(|path| path.display().to_string())
            .collect();
        if let Ok(server) = std::env::var("CONCLAVE_TEST_POSTGRES") {
            let dump = std::process::Command::new("pg_dump")
                .arg(format!("{server}/{}", database_name(self.dir.path())))
                .output()
                .expect("pg_dump");
            assert!(dump.status.success(), "{dump:?}");
            // It writes byte strings so.
            let hex: String = needle.iter().map(|byte| format!("{byte:02x}")).collect();
            if contains(&dump.stdout, needle) || contains(&dump.stdout, hex.as_bytes()) {
                places.push("the database".to_owned());
            }
        }
        places
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

pub(crate) async fn connect(address: SocketAddr, data_dir: &Path) -> TlsStream<TcpStream> {
    let certificate = CertificateDer::from_pem_file(tls::development_certificate(data_dir))
        .expect("the certificate");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(address).await.expect("a connection");
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .expect("TLS")
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    /// What each `set-cookie` says.
    pub(crate) cookies: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no HTTP: {:?}", String::from_utf8_lossy(bytes)));
        let head = String::from_utf8(bytes[..end].to_vec()).expect("text");
        let mut lines = head.lines();
        let status = lines.next().expect("a status line");
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        let headers: Vec<_> = headers.collect();
        let cookies = headers.iter().filter(|(name, _)| name == "set-cookie");
        Self {
            status: status
                .split(' ')
                .nth(1)
                .expect("a status")
                .parse()
                .expect("a number"),
            cookies: cookies.map(|(_, value)| value.clone()).collect(),
            headers: headers.into_iter().collect(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    pub(crate) fn problem(&self) -> Problem {
        assert_eq!(
            self.headers.get("content-type").map(String::as_str),
            Some("application/problem+json")
        );
        let problem: Problem = serde_json::from_slice(&self.body).expect("a problem");
        assert_eq!(problem.status, self.status);
        problem
    }
}

/// A client's socket.
pub(crate) struct Page {
    socket: WebSocketStream<TlsStream<TcpStream>>,
    next: u32,
    pub(crate) participant: Option<ParticipantId>,
    pub(crate) token: Blob,
    /// The number of the last entry that came.
    pub(crate) applied: u32,
}

impl Page {
    fn new(socket: WebSocketStream<TlsStream<TcpStream>>) -> Self {
        Self {
            socket,
            next: 1,
            participant: None,
            token: Blob::default(),
            applied: 0,
        }
    }

    pub(crate) fn id(&self) -> ParticipantId {
        self.participant.expect("has entered")
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.socket
            .send(Message::text(text))
            .await
            .expect("is sent");
    }

    pub(crate) async fn message(&mut self, message: Message) {
        // The service may have closed already.
        let _ = self.socket.send(message).await;
    }

    pub(crate) async fn send(&mut self, request: Request) -> u32 {
        let id = self.next;
        self.next += 1;
        self.send_as(id, request).await;
        id
    }

    pub(crate) async fn send_as(&mut self, id: u32, request: Request) {
        let frame = ClientFrame { id, request };
        self.text(&serde_json::to_string(&frame).expect("a frame"))
            .await;
    }

    /// The next frame, or the close code.
    pub(crate) async fn frame(&mut self) -> Result<ServerFrame, u16> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match message.expect("a frame in time") {
                Some(Ok(Message::Text(text))) => {
                    let frame: ServerFrame = serde_json::from_str(&text).expect("the protocol's");
                    if let ServerFrame::Entry(entry) = &frame {
                        self.applied = entry.seq;
                    }
                    return Ok(frame);
                }
                Some(Ok(Message::Close(Some(frame)))) => return Err(frame.code.into()),
                Some(Ok(Message::Close(None)) | Err(_)) | None => return Err(1006),
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next frame for which `pick` gives something.
    pub(crate) async fn until<T>(&mut self, pick: impl Fn(&ServerFrame) -> Option<T>) -> T {
        loop {
            let frame = self.frame().await.expect("a frame");
            if let Some(picked) = pick(&frame) {
                return picked;
            }
        }
    }

    pub(crate) async fn answer(&mut self, id: u32) -> ServerFrame {
        self.until(|frame| match frame {
            ServerFrame::Ack { re }
            | ServerFrame::Answer { re, .. }
            | ServerFrame::Entered { re, .. }
                if *re == id =>
            {
                Some(frame.clone())
            }
            ServerFrame::Error { re: Some(re), .. } if *re == id => Some(frame.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn done(&mut self, request: Request) {
        let id = self.send(request).await;
        let answer = self.answer(id).await;
        assert!(matches!(answer, ServerFrame::Ack { .. }), "{answer:?}");
    }

    pub(crate) async fn enter(&mut self, host_key: Option<Blob>) {
        self.enter_with(host_key, None).await;
    }

    async fn enter_with(&mut self, host_key: Option<Blob>, link: Option<LinkId>) {
        let id = self
            .send(Request::Enter {
                host_key,
                password: None,
                link,
            })
            .await;
        match self.answer(id).await {
            ServerFrame::Entered {
                participant, token, ..
            } => {
                (self.participant, self.token) = (Some(participant), token);
            }
            other => panic!("not entered: {other:?}"),
        }
    }

    /// Continues the stay of another socket on this one.
    pub(crate) async fn resume(&mut self, stay: &Page) -> ServerFrame {
        (self.participant, self.token, self.applied) =
            (stay.participant, stay.token.clone(), stay.applied);
        self.next = stay.next;
        let resume = Request::Resume {
            participant: stay.id(),
            token: stay.token.clone(),
            after: stay.applied,
        };
        let id = self.send(resume).await;
        self.answer(id).await
    }

    pub(crate) async fn knock(&mut self) {
        let knock = Request::Knock {
            key_package: Blob(key_package(self.id())),
            tag: Blob(vec![5; 32]),
        };
        self.done(knock).await;
    }

    /// The number of the next entry.
    pub(crate) async fn entry(&mut self) -> u32 {
        self.until(|frame| match frame {
            ServerFrame::Entry(entry) => Some(entry.seq),
            _ => None,
        })
        .await
    }

    /// The code with which the socket is closed.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.frame().await {
                return code;
            }
        }
    }

    pub(crate) async fn close(mut self, code: u16) {
        use tokio_tungstenite::tungstenite::protocol::CloseFrame;
        let frame = CloseFrame {
            code: code.into(),
            reason: "".into(),
        };
        self.message(Message::Close(Some(frame))).await;
    }
}

/// Bytes that are found again if they stay somewhere.
pub(crate) fn key_package(participant: ParticipantId) -> Vec<u8> {
    [b"a key package of ".as_slice(), participant.as_bytes()].concat()
}

/// The commit a member would send.
pub(crate) fn commit(
    room: RoomId,
    epoch: u32,
    adds: &[ParticipantId],
    removes: &[ParticipantId],
    body: &[u8],
) -> Request {
    let group = [room.as_bytes(), &[7; 16]].concat();
    let mut message = vec![0, 1, 0, 2, u8::try_from(group.len()).expect("short")];
    message.extend(&group);
    message.extend(u64::from(epoch).to_be_bytes());
    message.extend([3, 0, 0, u8::try_from(body.len()).expect("short")]);
    message.extend(body);
    Request::Commit {
        epoch,
        message: Blob(message),
        adds: adds.to_vec(),
        welcome: (!adds.is_empty()).then(|| Blob(b"a welcome message".to_vec())),
        removes: removes.to_vec(),
    }
}

/// A call of a host and a guest, at epoch 1.
pub(crate) async fn call_of_two(server: &Server, room: &RoomCreated) -> (Page, Page) {
    let mut anna = server.enter(room, true).await;
    anna.done(Request::StartCall {}).await;
    let mut ben = server.enter(room, false).await;
    ben.knock().await;
    anna.done(commit(room.room, 0, &[ben.id()], &[], b"first"))
        .await;
    assert_eq!(ben.entry().await, 2);
    while anna.applied < 2 {
        anna.entry().await;
    }
    (anna, ben)
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    BASE64URL.encode(bytes)
}

fn assets() -> Assets {
    let asset = |content_type: &str, bytes: &'static str, brotli: Option<&'static str>| Asset {
        content_type: content_type.to_owned(),
        bytes: Bytes::from_static(bytes.as_bytes()),
        brotli: brotli.map(|bytes| Bytes::from_static(bytes.as_bytes())),
        etag: format!("\"{}\"", bytes.len()),
    };
    Assets::from_iter([
        (
            "/index.html".to_owned(),
            asset("text/html; charset=utf-8", "<!doctype html>", None),
        ),
        (
            "/assets/app.js".to_owned(),
            asset(
                "text/javascript; charset=utf-8",
                "plain",
                Some("compressed"),
            ),
        ),
    ])
}

//! What comes to the service as HTTP.

use axum::Router;
use axum::extract::connect_info::MockConnectInfo;
use bytes::Bytes;
use conclave_signaling::domain::retention::Periods;
use conclave_signaling::{
    Asset, Assets, CONTENT_SECURITY_POLICY, Config, Origin, interface, operator,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::cell::RefCell;
use std::fs;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::Runtime;

/// What a connection is answered with, at most: a request takes some 20 bytes,
/// and an answer, a list of 50 at most, is shorter than this.
const ANSWER_MAX: usize = 16 << 10;
/// What one side may write before the other reads, bytes.
const PIPE: usize = 64 << 10;

thread_local! {
    static SERVICE: RefCell<Service> = RefCell::new(Service::start());
}

/// The bytes of a connection; `{token}` stands for the operator's token in
/// them, `{room}` for a room. Every answer is under the policy, a refusal is a
/// problem detail, nothing is the service's own fault, and nothing is made or
/// done without the token.
pub fn connection(data: &[u8]) {
    SERVICE.with_borrow_mut(|service| service.serve(data));
}

struct Service {
    runtime: Runtime,
    router: Router,
    token: String,
    room: String,
}

impl Service {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("conclave-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let config = Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data_dir: folder.clone(),
            database: None,
            tls: None,
            suite: 1,
            origin: Origin::UNNAMED,
            names: vec![],
            addresses: vec![],
            periods: Periods::default(),
            reach: conclave_signaling::domain::reach::Reach::default(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let router = runtime.block_on(interface(&config, assets()));
        let token = fs::read_to_string(operator::token_file(&folder)).expect("a token");
        let peer = SocketAddr::from(([192, 0, 2, 1], 7));
        let mut service = Self {
            runtime,
            router: router.expect("starts").layer(MockConnectInfo(peer)),
            token: token.trim().to_owned(),
            room: String::new(),
        };
        service.make_room();
        // The database stays open: nothing of it is left when the process ends.
        fs::remove_dir_all(&folder).expect("is removed");
        service
    }

    fn make_room(&mut self) {
        let made = self.exchange(
            b"POST /api/v1/rooms HTTP/1.1\r\nhost: x\r\nauthorization: bearer {token}\r\n\r\n",
        );
        let (_, behind) = made.split_once("/api/v1/rooms/").expect("a room");
        self.room = behind.lines().next().expect("its name").to_owned();
    }

    fn serve(&mut self, data: &[u8]) {
        let answers = self.exchange(data);
        assert!(answers.len() <= ANSWER_MAX * (1 + data.len() / 20));
        let mut done = false;
        for answer in answers.split("HTTP/1.1 ").skip(1) {
            let status: u16 = answer[..3].parse().expect("a status");
            let has = |line: &str| answer.lines().any(|other| other.eq_ignore_ascii_case(line));
            if !has(&format!(
                "content-security-policy: {CONTENT_SECURITY_POLICY}"
            )) {
                // No request at all: it is not the service that answers.
                let is_none = [400, 414, 431].contains(&status) && has("content-length: 0");
                assert!(is_none, "{answer:?}");
                continue;
            }
            assert!((100..500).contains(&status) || status == 507, "{answer:?}");
            assert!(status < 400 || has("content-type: application/problem+json"));
            done |= status == 201 || status == 204;
        }
        let told = data.windows(7).any(|word| word == b"{token}");
        assert!(told || !done, "{answers:?}");
        if done {
            // Perhaps the room is no more.
            self.make_room();
        }
    }

    /// What is answered on a connection of its own.
    fn exchange(&self, request: &[u8]) -> String {
        let request = replace(request, b"{token}", self.token.as_bytes());
        let request = replace(&request, b"{room}", self.room.as_bytes());
        let (server, mut client) = tokio::io::duplex(PIPE);
        let service = TowerToHyperService::new(self.router.clone());
        let mut builder = Builder::new(TokioExecutor::new()).http1_only();
        // The end of the input cancels nothing that was asked before it.
        builder.http1().half_close(true);
        let serve = builder.serve_connection(TokioIo::new(server), service);
        let talk = async {
            // The service may have answered and closed before it has all of it.
            let _ = client.write_all(&request).await;
            let _ = client.shutdown().await;
            let mut answers = Vec::new();
            client.read_to_end(&mut answers).await.expect("is read");
            answers
        };
        // What ends the connection, the answers show.
        let (_, answers) = self.runtime.block_on(async { tokio::join!(serve, talk) });
        String::from_utf8(answers).expect("nothing but text")
    }
}

fn replace(text: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        match rest.strip_prefix(what) {
            Some(behind) => {
                replaced.extend(with);
                rest = behind;
            }
            None => {
                replaced.push(*first);
                rest = behind;
            }
        }
    }
    replaced
}

fn assets() -> Assets {
    let file = |path: &str, content_type: &str| {
        let asset = Asset {
            content_type: content_type.to_owned(),
            bytes: Bytes::from_static(b"plain"),
            brotli: Some(Bytes::from_static(b"short")),
            etag: format!("\"{path}\""),
        };
        (path.to_owned(), asset)
    };
    Assets::from_iter([
        file("/index.html", "text/html; charset=utf-8"),
        file("/assets/app.js", "text/javascript; charset=utf-8"),
    ])
}

//! Somebody else's HTTP server, which is told of events.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use super::PATIENCE;
use conclave_wire::webhook::WebhookEvent;
use reqwest::header::{HeaderMap, HeaderName};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

pub(crate) struct Receiver {
    pub(crate) url: String,
    address: SocketAddr,
    /// What it says next, status and headers; without any it takes what comes.
    says: Arc<Mutex<VecDeque<String>>>,
    told: mpsc::UnboundedReceiver<Told>,
}

/// A request.
#[derive(Clone)]
pub(crate) struct Told {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Told {
    fn header(&self, name: &str) -> String {
        self.headers[name].to_str().unwrap().to_owned()
    }

    pub(crate) fn id(&self) -> String {
        self.header("webhook-id")
    }

    pub(crate) fn timestamp(&self) -> String {
        self.header("webhook-timestamp")
    }

    pub(crate) fn event(&self) -> WebhookEvent {
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, told) = mpsc::unbounded_channel();
        let says = Arc::<Mutex<VecDeque<String>>>::default();
        let shared = says.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, tell.clone(), shared.clone()));
            }
        });
        Self {
            url: format!("http://{address}/hook"),
            address,
            says,
            told,
        }
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Says these in turn before it takes anything.
    pub(crate) fn says(&self, answers: &[&str]) {
        let answers = answers.iter().map(|answer| (*answer).to_owned());
        self.says.lock().unwrap().extend(answers);
    }

    pub(crate) async fn next(&mut self) -> Told {
        let told = tokio::time::timeout(PATIENCE, self.told.recv()).await;
        told.expect("told in time").unwrap()
    }

    pub(crate) fn nothing(&mut self) -> bool {
        self.told.try_recv().is_err()
    }
}

async fn answer(
    mut stream: TcpStream,
    tell: mpsc::UnboundedSender<Told>,
    says: Arc<Mutex<VecDeque<String>>>,
) {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    let told = loop {
        let length = stream.read(&mut part).await.unwrap_or(0);
        if length == 0 {
            return;
        }
        request.extend_from_slice(&part[..length]);
        if let Some(told) = parse(&request) {
            break told;
        }
    };
    let said = says.lock().unwrap().pop_front();
    let said = said.unwrap_or_else(|| "204 No Content".to_owned());
    let promised = said.contains("content-length");
    let length = if promised {
        ""
    } else {
        "content-length: 0\r\n"
    };
    let head = format!("HTTP/1.1 {said}\r\n{length}\r\n");
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = tell.send(told);
    // Whatever was promised does not come; the connection stays until the peer
    // has enough of it.
    let _ = stream.read(&mut part).await;
}

fn parse(request: &[u8]) -> Option<Told> {
    let end = request.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&request[..end]).unwrap();
    let mut lines = head.lines();
    let line = lines.next()?;
    assert!(line.starts_with("POST "), "{line}");
    let pairs = lines.filter_map(|line| line.split_once(": "));
    let headers: HeaderMap = pairs
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
        .collect();
    let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
    let body = &request[end + 4..];
    (body.len() == length).then(|| Told {
        path: line.split(' ').nth(1).unwrap().to_owned(),
        headers,
        body: body.to_vec(),
    })
}

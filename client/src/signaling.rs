//! The socket to the signaling service: connects, loses the connection,
//! connects again and goes on, so that whoever uses it sees one stay.
//!
//! ```text
//!   Signaling::ask ─▶ queue ─▶ ┌──────────────────────┐ ─▶ Event::Heard
//!                              │ Stay over WebSockets │ ─▶ Event::Lost
//!                              └──────────────────────┘
//! ```

use crate::link::Server;
use crate::stay::{Heard, Stay, Tag, Ticket};
use crate::trust::Trust;
use conclave_wire::client::{ClientFrame, Request, SUBPROTOCOL, ServerFrame};
use conclave_wire::id::RoomId;
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};

/// First wait before connecting again; doubles up to [`BACKOFF_MAX`].
const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// Longest wait before connecting again. Longer would be gentler to a server
/// that comes back, and slower to be back in place.
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(5);
/// A server that says nothing for this long is asked whether it is there.
const QUIET: Duration = Duration::from_secs(10);
/// A server that does not answer that for this long is lost.
const DEAF: Duration = Duration::from_secs(5);
/// How long a stay is tried to be resumed; the server keeps it for 60 s.
const GIVE_UP: Duration = Duration::from_secs(60);
/// Longest frame from the server, bytes: a log of many large commits.
const MAX_INBOUND: usize = 32 << 20;
/// Events that may queue before the socket is read no further.
const QUEUE: usize = 256;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum SignalingError {
    /// The server cannot be reached or is not believed.
    #[error("the server cannot be reached")]
    Unreachable(#[source] std::io::Error),
    /// The server did not answer in time.
    #[error("the server does not answer")]
    Silent,
    /// There is no such room.
    #[error("there is no such room")]
    NoSuchRoom,
    /// The server refused the socket.
    #[error("the server refused the socket")]
    Handshake(#[source] Box<tungstenite::Error>),
    /// The server speaks another protocol.
    #[error("the server does not speak conclave.v1")]
    Subprotocol,
}

/// What the socket tells its user.
#[derive(Debug)]
pub enum Event {
    /// The stay has something to say.
    Heard(Heard),
    /// The socket is gone; it is being connected again.
    Lost,
    /// It was not connected again in time, or not at all.
    GaveUp(SignalingError),
}

/// A stay's socket.
pub struct Signaling {
    requests: mpsc::UnboundedSender<(Tag, Request)>,
    events: mpsc::Receiver<Event>,
    task: JoinHandle<()>,
}

impl Drop for Signaling {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Signaling {
    /// Begins a stay. The first socket is connected in the background; if that
    /// fails, [`Event::GaveUp`] follows at once.
    pub fn open(server: Server, room: RoomId, ticket: Ticket, trust: Trust) -> Self {
        // Unbounded, for both ends may wait for each other otherwise. What is
        // asked is bounded by what the caller does.
        let (requests, inbox) = mpsc::unbounded_channel();
        let (outbox, events) = mpsc::channel(QUEUE);
        let line = Line {
            server,
            room,
            trust,
            stay: Stay::new(ticket),
            inbox,
            outbox,
        };
        Self {
            requests,
            events,
            task: tokio::spawn(line.run()),
        }
    }

    /// Sends a request; its answer comes as [`Heard::Answered`] with the tag.
    /// A request that is sent while the socket is lost waits for the next.
    pub fn ask(&self, tag: Tag, request: Request) {
        // A closed queue means that the stay is over, which was told.
        let _ = self.requests.send((tag, request));
    }

    /// The next event; nothing after the stay is over.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Waits until everything that was asked so far is written and the socket
    /// closed in order.
    pub async fn close(mut self) {
        let (closed, _) = mpsc::unbounded_channel();
        self.requests = closed;
        let _ = tokio::time::timeout(CONNECTING, async {
            while self.events.recv().await.is_some() {}
        })
        .await;
    }
}

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// How a socket came to its end.
enum Ending {
    /// The connection broke.
    Lost,
    /// The stay is over, or nobody listens any more.
    Finished,
}

struct Line {
    server: Server,
    room: RoomId,
    trust: Trust,
    stay: Stay,
    inbox: mpsc::UnboundedReceiver<(Tag, Request)>,
    outbox: mpsc::Sender<Event>,
}

impl Line {
    async fn run(mut self) {
        loop {
            let socket = match self.connect_again().await {
                Ok(socket) => socket,
                Err(error) => {
                    let _ = self.outbox.send(Event::GaveUp(error)).await;
                    return;
                }
            };
            match self.serve(socket).await {
                Ending::Finished => return,
                Ending::Lost => {
                    if self.outbox.send(Event::Lost).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Connects; a stay that has begun is worth many attempts.
    async fn connect_again(&self) -> Result<Socket, SignalingError> {
        let started = tokio::time::Instant::now();
        let mut backoff = BACKOFF_MIN;
        loop {
            let error = match tokio::time::timeout(CONNECTING, self.connect()).await {
                Ok(Ok(socket)) => return Ok(socket),
                Ok(Err(error)) => error,
                Err(_) => SignalingError::Silent,
            };
            let hopeless = matches!(error, SignalingError::NoSuchRoom);
            if hopeless || !self.stay.has_begun() || started.elapsed() > GIVE_UP {
                return Err(error);
            }
            tracing::debug!(%error, "connecting again");
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    async fn connect(&self) -> Result<Socket, SignalingError> {
        let stream = self
            .trust
            .connect(&self.server)
            .await
            .map_err(SignalingError::Unreachable)?;
        let (authority, room) = (self.server.authority(), self.room);
        let mut request = format!("wss://{authority}/api/v1/rooms/{room}/socket")
            .into_client_request()
            .map_err(|error| SignalingError::Handshake(Box::new(error)))?;
        request.headers_mut().insert(
            SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(SUBPROTOCOL),
        );
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_INBOUND))
            .max_frame_size(Some(MAX_INBOUND));
        let (socket, response) =
            tokio_tungstenite::client_async_with_config(request, stream, Some(config))
                .await
                .map_err(|error| match error {
                    tungstenite::Error::Http(answer)
                        if answer.status() == StatusCode::NOT_FOUND =>
                    {
                        SignalingError::NoSuchRoom
                    }
                    error => SignalingError::Handshake(Box::new(error)),
                })?;
        let protocol = response.headers().get(SEC_WEBSOCKET_PROTOCOL);
        if protocol.map(HeaderValue::as_bytes) != Some(SUBPROTOCOL.as_bytes()) {
            return Err(SignalingError::Subprotocol);
        }
        Ok(socket)
    }

    async fn serve(&mut self, mut socket: Socket) -> Ending {
        let first = self.stay.begin();
        if send(&mut socket, &first).await.is_err() {
            return Ending::Lost;
        }
        let mut entered = false;
        let mut asked = false;
        loop {
            let patience = if asked { DEAF } else { QUIET };
            tokio::select! {
                // Requests wait until the stay goes on: nothing may come
                // before the answer to the first frame.
                request = self.inbox.recv(), if entered => {
                    let Some((tag, request)) = request else {
                        let _ = socket.close(None).await;
                        return Ending::Finished;
                    };
                    let frame = self.stay.ask(tag, request);
                    if send(&mut socket, &frame).await.is_err() {
                        return Ending::Lost;
                    }
                }
                message = tokio::time::timeout(patience, socket.next()) => {
                    let Ok(message) = message else {
                        let ping = self.stay.ping();
                        if asked || send(&mut socket, &ping).await.is_err() {
                            return Ending::Lost;
                        }
                        asked = true;
                        continue;
                    };
                    asked = false;
                    let text = match message {
                        Some(Ok(Message::Text(text))) => text,
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                        Some(Ok(_)) | Some(Err(_)) | None => return Ending::Lost,
                    };
                    let Ok(frame) = serde_json::from_str::<ServerFrame>(&text) else {
                        // A later version may say more than this one knows.
                        tracing::warn!("a frame of the server is not understood");
                        continue;
                    };
                    let Some(heard) = self.stay.hear(frame) else { continue };
                    let over = matches!(heard, Heard::Over(_));
                    let begins = matches!(heard, Heard::Entered { .. });
                    if self.outbox.send(Event::Heard(heard)).await.is_err() || over {
                        return Ending::Finished;
                    }
                    if begins {
                        entered = true;
                        for frame in self.stay.unanswered() {
                            if send(&mut socket, &frame).await.is_err() {
                                return Ending::Lost;
                            }
                        }
                    }
                }
            }
        }
    }
}

async fn send(socket: &mut Socket, frame: &ClientFrame) -> Result<(), tungstenite::Error> {
    let text = serde_json::to_string(frame)
        .map_err(|error| tungstenite::Error::Io(std::io::Error::other(error)))?;
    socket.send(Message::text(text)).await
}

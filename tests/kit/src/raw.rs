//! A bare WebSocket client: says what the test tells it to, in whatever
//! order, and shows what comes back.

use crate::deadline::{PATIENCE, within};
use crate::door::Door;
use conclave_wire::client::{ClientFrame, Request, SUBPROTOCOL, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::id::{Blob, ParticipantId, RoomId};
use futures_util::{SinkExt, StreamExt};
use std::collections::VecDeque;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// One socket.
pub struct Raw {
    stream: WebSocketStream<TlsStream<TcpStream>>,
    /// What came while an answer was awaited.
    inbox: VecDeque<ServerFrame>,
    next_id: u32,
    /// How the server closed, once it has.
    pub closed: Option<Option<CloseFrame>>,
}

/// What `entered` gave.
#[derive(Debug, Clone)]
pub struct Stay {
    /// Who we are.
    pub participant: ParticipantId,
    /// What resumes the stay.
    pub token: Blob,
    /// Whether the host key was the room's.
    pub host: bool,
}

impl Raw {
    /// Opens the room's socket.
    ///
    /// # Errors
    /// When the server does not upgrade, with its reply.
    pub async fn open(door: &Door, room: RoomId) -> Result<Self, Error> {
        Self::open_with(
            door,
            &format!("/api/v1/rooms/{room}/socket"),
            &[("Sec-WebSocket-Protocol", SUBPROTOCOL)],
        )
        .await
    }

    /// Opens a socket at a path, with these headers beside those of RFC 6455.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with(
        door: &Door,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Error> {
        let mut request =
            format!("wss{}{path}", door.url().trim_start_matches("https")).into_client_request()?;
        for (name, value) in headers {
            request
                .headers_mut()
                .insert(*name, HeaderValue::from_str(value)?);
        }
        let tls = door.connect().await?;
        let (stream, _) = client_async(request, tls).await?;
        Ok(Self {
            stream,
            inbox: VecDeque::new(),
            next_id: 1,
            closed: None,
        })
    }

    /// Sends a request and gives its number.
    ///
    /// # Errors
    /// When the socket is gone.
    pub async fn send(&mut self, request: Request) -> Result<u32, Error> {
        let id = self.take_id();
        self.send_as(id, request).await?;
        Ok(id)
    }

    /// The number of the next request.
    pub fn take_id(&mut self) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// Goes on with another socket's numbers.
    pub fn count_from(&mut self, id: u32) {
        self.next_id = id;
    }

    /// Sends a request under this number.
    ///
    /// # Errors
    /// When the socket is gone.
    pub async fn send_as(&mut self, id: u32, request: Request) -> Result<(), Error> {
        let text =
            serde_json::to_string(&ClientFrame { id, request }).expect("a request serialises");
        self.say(Message::text(text)).await
    }

    /// Sends anything.
    ///
    /// # Errors
    /// When the socket is gone.
    pub async fn say(&mut self, message: Message) -> Result<(), Error> {
        self.stream.send(message).await
    }

    /// The next frame; nothing once the server has closed.
    ///
    /// # Panics
    /// When nothing comes, or something that is no frame.
    pub async fn next(&mut self) -> Option<ServerFrame> {
        match self.inbox.pop_front() {
            Some(frame) => Some(frame),
            None => within(PATIENCE, "a frame from the server", self.read()).await,
        }
    }

    /// The next frame that `wanted` takes; what comes before it is dropped.
    ///
    /// # Panics
    /// When it does not come, or the server closes before.
    pub async fn until<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&ServerFrame) -> Option<T>,
    ) -> T {
        let look = async {
            loop {
                let frame = match self.inbox.pop_front() {
                    Some(frame) => Some(frame),
                    None => self.read().await,
                };
                match frame {
                    Some(frame) => {
                        if let Some(found) = wanted(&frame) {
                            return found;
                        }
                    }
                    None => panic!("{what}: the server closed before"),
                }
            }
        };
        within(PATIENCE, what, look).await
    }

    /// Sends a request and gives what answers it; frames that come meanwhile
    /// are kept for [`next`](Self::next).
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn ask(&mut self, request: Request) -> ServerFrame {
        let what = format!("an answer to {request:?}");
        let id = self
            .send(request)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        self.answer(id, &what).await
    }

    /// What answers the request of this number.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn answer(&mut self, id: u32, what: &str) -> ServerFrame {
        if let Some(at) = self.inbox.iter().position(|frame| re(frame) == Some(id)) {
            return self.inbox.remove(at).expect("it was there");
        }
        within(PATIENCE, what, async {
            loop {
                match self.read().await {
                    Some(frame) if re(&frame) == Some(id) => return frame,
                    Some(frame) => self.inbox.push_back(frame),
                    None => panic!("{what}: the server closed, {:?}", self.closed),
                }
            }
        })
        .await
    }

    /// Sends a request that is acknowledged.
    ///
    /// # Panics
    /// When it is not.
    pub async fn done(&mut self, request: Request) {
        let what = format!("{request:?}");
        let answer = self.ask(request).await;
        assert!(
            matches!(answer, ServerFrame::Ack { .. }),
            "{what}: {answer:?}"
        );
    }

    /// Sends a request that is refused, and gives the code.
    ///
    /// # Panics
    /// When it is not refused.
    pub async fn refused(&mut self, request: Request) -> Code {
        let what = format!("{request:?}");
        match self.ask(request).await {
            ServerFrame::Error { code, .. } => code,
            answer => panic!("{what}: {answer:?}"),
        }
    }

    /// Begins a stay.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn enter(&mut self, host_key: Option<Blob>) -> Stay {
        match self
            .ask(Request::Enter {
                host_key,
                password: None,
                link: None,
            })
            .await
        {
            ServerFrame::Entered {
                participant,
                token,
                host,
                ..
            } => Stay {
                participant,
                token,
                host,
            },
            answer => panic!("enter: {answer:?}"),
        }
    }

    /// Waits for the server to close the socket; frames before are dropped.
    ///
    /// # Panics
    /// When it does not.
    pub async fn until_closed(&mut self) -> Option<CloseFrame> {
        within(PATIENCE, "the server closes the socket", async {
            while self.read().await.is_some() {}
        })
        .await;
        self.closed.clone().flatten()
    }

    /// Ends the socket without a close frame.
    pub fn drop_dead(self) {
        drop(self);
    }

    async fn read(&mut self) -> Option<ServerFrame> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Some(
                        serde_json::from_str(&text)
                            .unwrap_or_else(|error| panic!("{error}: {text}")),
                    );
                }
                Some(Ok(Message::Close(frame))) => self.closed = Some(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    self.closed.get_or_insert(None);
                    return None;
                }
            }
        }
    }
}

fn re(frame: &ServerFrame) -> Option<u32> {
    match frame {
        ServerFrame::Entered { re, .. }
        | ServerFrame::Ack { re }
        | ServerFrame::Answer { re, .. } => Some(*re),
        ServerFrame::Error { re, .. } => *re,
        _ => None,
    }
}

//! One WebSocket: reads requests for the room, writes what the room has queued,
//! pings, and notices silence, floods and nonsense.

use crate::config::{
    FIRST_FRAME_LIMIT, FRAMES_PER_SECOND, MAX_UNREADABLE, PING_INTERVAL, SILENCE_LIMIT, WRITE_LIMIT,
};
use crate::domain::{Closing, ConnectionId, Input, Token};
use crate::metrics::SocketEnd;
use crate::outbox::{Outgoing, Pending, outbox};
use crate::rooms::{Message as RoomMessage, Rooms};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use conclave_wire::client::{ClientFrame, MAX_FRAME, Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::id::{ParticipantId, RoomId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// The close codes of RFC 6455 section 7.4.1 the service uses by itself.
mod close {
    pub(super) const NORMAL: u16 = 1000;
    pub(super) const GOING_AWAY: u16 = 1001;
    pub(super) const POLICY: u16 = 1008;
    pub(super) const TOO_BIG: u16 = 1009;
    pub(super) const INTERNAL: u16 = 1011;
    pub(super) const RESTART: u16 = 1012;
    pub(super) const TRY_LATER: u16 = 1013;
}

/// What the transport may take in one message: a frame that is a little too
/// large still gets its answer, one that is far too large ends the socket.
pub(crate) const TRANSPORT_LIMIT: usize = MAX_FRAME + (64 << 10);

/// Serves one socket until it ends.
pub(crate) async fn serve(
    socket: WebSocket,
    room: RoomId,
    rooms: Arc<Rooms>,
    shutdown: watch::Receiver<bool>,
) {
    rooms.metrics.sockets.inc();
    let mut session = Session {
        socket,
        shutdown,
        rate: Rate::new(Instant::now()),
        unreadable: 0,
    };
    let end = session.run(room, &rooms).await;
    if let Some(code) = end.close_code() {
        session.close(code).await;
    }
    rooms.metrics.socket_ended(end.counted());
    rooms.metrics.sockets.dec();
}

/// Why a session ends, and what is still to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Left,
    Over,
    Lost,
    Misbehaved,
    TooBig,
    Overflow,
    Busy,
    Shutdown,
    Failed,
}

impl End {
    fn close_code(self) -> Option<u16> {
        match self {
            Self::Left | Self::Over | Self::Lost => None,
            Self::Misbehaved => Some(close::POLICY),
            Self::TooBig => Some(close::TOO_BIG),
            Self::Overflow | Self::Busy => Some(close::TRY_LATER),
            Self::Shutdown => Some(close::RESTART),
            Self::Failed => Some(close::INTERNAL),
        }
    }

    fn counted(self) -> SocketEnd {
        match self {
            Self::Left => SocketEnd::Left,
            Self::Over => SocketEnd::Over,
            Self::Lost => SocketEnd::Lost,
            Self::Misbehaved | Self::TooBig => SocketEnd::Misbehaved,
            Self::Overflow | Self::Busy => SocketEnd::Overflow,
            Self::Shutdown => SocketEnd::Shutdown,
            Self::Failed => SocketEnd::Failed,
        }
    }
}

/// What a received message amounts to.
enum Received {
    Frame(ClientFrame),
    /// Nothing for the room.
    Nothing,
}

struct Session {
    socket: WebSocket,
    shutdown: watch::Receiver<bool>,
    rate: Rate,
    unreadable: u32,
}

impl Session {
    async fn run(&mut self, room: RoomId, rooms: &Arc<Rooms>) -> End {
        let first = match timeout(FIRST_FRAME_LIMIT, self.first_frame()).await {
            Ok(Ok(first)) => first,
            Ok(Err(end)) => return end,
            Err(_) => return End::Misbehaved,
        };
        let connection = ConnectionId(rooms.next_number());
        let first = match begin(connection, first) {
            Ok(first) => first,
            Err((re, code)) => {
                rooms.metrics.refused(code);
                return match self.refuse(Some(re), code).await {
                    Ok(()) => End::Misbehaved,
                    Err(end) => end,
                };
            }
        };
        let (outbox, pending) = outbox();
        let attach = RoomMessage::Attach {
            connection,
            outbox,
            first,
        };
        let Ok(mailbox) = rooms.send(room, attach) else {
            return End::Busy;
        };
        let end = self.converse(connection, &mailbox, pending).await;
        let closing = match end {
            End::Left => Closing::Left,
            _ => Closing::Lost,
        };
        // A room that has ended needs no notice.
        let closed = Input::Closed {
            connection,
            closing,
        };
        let _ = mailbox.send(RoomMessage::Input(closed)).await;
        end
    }

    async fn first_frame(&mut self) -> Result<ClientFrame, End> {
        loop {
            let message = tokio::select! {
                message = self.socket.recv() => message,
                () = stopped(&mut self.shutdown) => return Err(End::Shutdown),
            };
            match self.read(message).await? {
                Received::Frame(frame) => return Ok(frame),
                Received::Nothing if self.unreadable > 0 => return Err(End::Misbehaved),
                Received::Nothing => {}
            }
        }
    }

    async fn converse(
        &mut self,
        connection: ConnectionId,
        mailbox: &mpsc::Sender<RoomMessage>,
        mut pending: Pending,
    ) -> End {
        let mut pings = interval(PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            let step = tokio::select! {
                outgoing = pending.next() => self.write(outgoing, &pending).await,
                message = self.socket.recv() => {
                    heard = Instant::now();
                    match self.read(message).await {
                        Ok(Received::Frame(ClientFrame { id: re, request })) => {
                            let request = Input::Request { connection, re, request };
                            // The room has ended; its outbox says why.
                            let _ = mailbox.send(RoomMessage::Input(request)).await;
                            Ok(())
                        }
                        Ok(Received::Nothing) => Ok(()),
                        Err(end) => Err(end),
                    }
                }
                _ = pings.tick() => {
                    if heard.elapsed() >= SILENCE_LIMIT {
                        Err(End::Lost)
                    } else {
                        self.send(Message::Ping(Bytes::new())).await
                    }
                }
                () = stopped(&mut self.shutdown) => Err(End::Shutdown),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// Writes what the room has queued.
    async fn write(&mut self, outgoing: Option<Outgoing>, pending: &Pending) -> Result<(), End> {
        if pending.overflowed() {
            return Err(End::Overflow);
        }
        match outgoing {
            Some(Outgoing::Frame(text)) => self.send(Message::Text(text)).await,
            Some(Outgoing::Close(code)) => {
                self.close(code).await;
                Err(End::Over)
            }
            None => Err(End::Failed),
        }
    }

    /// Makes a frame of a received message, answers one that is none.
    async fn read(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
    ) -> Result<Received, End> {
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(_)) | None => return Err(End::Lost),
        };
        if !self.rate.admits(Instant::now()) {
            self.refuse(None, Code::TooMany).await?;
            return Err(End::Misbehaved);
        }
        match message {
            Message::Text(text) if text.len() > MAX_FRAME => {
                self.refuse(None, Code::TooLarge).await?;
                Err(End::TooBig)
            }
            Message::Text(text) => match serde_json::from_str(&text) {
                Ok(frame) => Ok(Received::Frame(frame)),
                Err(_) => self.unreadable().await,
            },
            Message::Binary(_) => self.unreadable().await,
            Message::Ping(_) | Message::Pong(_) => Ok(Received::Nothing),
            Message::Close(Some(frame))
                if matches!(frame.code, close::NORMAL | close::GOING_AWAY) =>
            {
                Err(End::Left)
            }
            Message::Close(_) => Err(End::Lost),
        }
    }

    async fn unreadable(&mut self) -> Result<Received, End> {
        self.unreadable += 1;
        self.refuse(None, Code::BadMessage).await?;
        if self.unreadable >= MAX_UNREADABLE {
            return Err(End::Misbehaved);
        }
        Ok(Received::Nothing)
    }

    async fn refuse(&mut self, re: Option<u32>, code: Code) -> Result<(), End> {
        let frame = ServerFrame::Error {
            re,
            code,
            missed: vec![],
            tries_left: None,
        };
        let text = serde_json::to_string(&frame).map_err(|_| End::Failed)?;
        self.send(Message::Text(text.into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(WRITE_LIMIT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Lost),
            Err(_) => Err(End::Overflow),
        }
    }

    /// Says goodbye, and reads what is under way so that the goodbye is not
    /// overtaken by a reset.
    async fn close(&mut self, code: u16) {
        let frame = CloseFrame {
            code,
            reason: "".into(),
        };
        if self.send(Message::Close(Some(frame))).await.is_err() {
            return;
        }
        let until_closed = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        // One that does not answer is closed without.
        let _ = timeout(Duration::from_secs(1), until_closed).await;
    }
}

/// The first input of a socket; or the request to refuse, and why.
fn begin(connection: ConnectionId, frame: ClientFrame) -> Result<Input, (u32, Code)> {
    let re = frame.id;
    let refused = |code| (re, code);
    match frame.request {
        Request::Enter {
            host_key,
            password,
            link,
        } => {
            let host_key = match host_key {
                Some(key) => {
                    let key = Token::parse(&key.0).ok_or(refused(Code::Unauthorized))?;
                    Some(key.digest())
                }
                None => None,
            };
            let password = match password {
                Some(proof) => {
                    let proof = Token::parse(&proof.0).ok_or(refused(Code::BadMessage))?;
                    Some(proof.digest())
                }
                None => None,
            };
            let mut token = [0; crate::domain::credential::TOKEN_LEN];
            getrandom::fill(&mut token).map_err(|_| refused(Code::Internal))?;
            Ok(Input::Enter {
                connection,
                re,
                host_key,
                password,
                link,
                participant: ParticipantId::random().map_err(|_| refused(Code::Internal))?,
                token: Token::from_random(token),
            })
        }
        Request::Resume {
            participant,
            token,
            after,
        } => Ok(Input::Resume {
            connection,
            re,
            participant,
            token: Token::parse(&token.0).ok_or(refused(Code::Unauthorized))?,
            after,
        }),
        _ => Err(refused(Code::Unauthorized)),
    }
}

/// Returns once the service shuts down.
async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // A sender that is gone has shut down.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

/// A token bucket of [`FRAMES_PER_SECOND`].
struct Rate {
    tokens: f64,
    at: Instant,
}

impl Rate {
    fn new(now: Instant) -> Self {
        Self {
            tokens: FRAMES_PER_SECOND.into(),
            at: now,
        }
    }

    fn admits(&mut self, now: Instant) -> bool {
        let limit = f64::from(FRAMES_PER_SECOND);
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + elapsed * limit).min(limit);
        self.at = now;
        let admits = self.tokens >= 1.0;
        if admits {
            self.tokens -= 1.0;
        }
        admits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_not_admitted_and_a_pause_forgives() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        let admitted = (0..1_000).filter(|_| rate.admits(start)).count();
        assert_eq!(admitted, 200);
        let later = start + Duration::from_millis(500);
        assert_eq!((0..1_000).filter(|_| rate.admits(later)).count(), 100);
    }
}

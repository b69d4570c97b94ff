//! A lying server, as one victim meets it: stands between a participant and the
//! service, and what either says to the other passes through the test's hands.
//!
//! ```text
//!   victim ══ Said::Client ══▶ lie ══▶ service
//!      ◀══ lie ◀══ Said::Server ══════════╝
//! ```

use crate::deadline::{PATIENCE, eventually};
use crate::door::Door;
use crate::front::{Failure, Front, Visit};
use crate::server::Server;
use conclave_wire::client::{ClientFrame, LogEntry, LogEvent, ServerFrame};
use conclave_wire::id::RoomId;
use futures_util::{SinkExt, StreamExt};
use serde::Serialize;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

/// Something that was said, or is to be passed on: to the service what a
/// client says, to the victim what a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// By the victim.
    Client(ClientFrame),
    /// By the service.
    Server(ServerFrame),
}

/// The numbers of the log's entries that the victim is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// As the service gave them.
    Kept,
    /// One after the other, whatever was left out or put in.
    Anew,
}

/// Takes what was said and gives what is passed on.
type Lie = dyn FnMut(Said) -> Vec<Said> + Send;

/// A lying server for one victim, honest until told otherwise.
pub struct Liar {
    front: Front,
    mind: Arc<Mutex<Mind>>,
}

struct Mind {
    lie: Box<Lie>,
    numbers: Numbers,
    /// Where the victim really is, if not where it thinks.
    room: Option<RoomId>,
    /// The last entry's number, as the victim knows it.
    last: Option<u32>,
    /// All that was really said.
    heard: Vec<Said>,
    /// Into the victim's present socket.
    socket: Option<mpsc::UnboundedSender<Said>>,
}

impl Liar {
    /// A liar in front of the server.
    ///
    /// # Panics
    /// When there is no port, or the certificate cannot be read.
    pub async fn before(server: &Server, numbers: Numbers) -> Self {
        let mind = Arc::new(Mutex::new(Mind {
            lie: Box::new(|said| vec![said]),
            numbers,
            room: None,
            last: None,
            heard: Vec::new(),
            socket: None,
        }));
        let shared = Arc::clone(&mind);
        let front = Front::before(server, move |visit| serve(visit, Arc::clone(&shared))).await;
        Self { front, mind }
    }

    /// Where the victim connects.
    pub fn door(&self) -> &Door {
        self.front.door()
    }

    /// Passes on from now on what the lie makes of what is said.
    ///
    /// # Panics
    /// When an earlier lie did.
    pub fn lies(&self, lie: impl FnMut(Said) -> Vec<Said> + Send + 'static) {
        self.mind.lock().expect("no lie panicked").lie = Box::new(lie);
    }

    /// As [`lies`](Self::lies), about what the service says alone.
    ///
    /// # Panics
    /// When an earlier lie did.
    pub fn tells(&self, mut lie: impl FnMut(ServerFrame) -> Vec<ServerFrame> + Send + 'static) {
        self.lies(move |said| match said {
            Said::Server(frame) => lie(frame).into_iter().map(Said::Server).collect(),
            said => vec![said],
        });
    }

    /// Leads the victim from now on to another room than it asks for.
    ///
    /// # Panics
    /// When an earlier lie did.
    pub fn leads(&self, room: RoomId) {
        self.mind.lock().expect("no lie panicked").room = Some(room);
    }

    /// Says something that nobody said.
    ///
    /// # Panics
    /// When the victim has no socket.
    pub fn says(&self, frame: ServerFrame) {
        let mind = self.mind.lock().expect("no lie panicked");
        let socket = mind.socket.as_ref().expect("the victim has a socket");
        socket.send(Said::Server(frame)).expect("it is open");
    }

    /// As [`says`](Self::says), an entry of the log. Its number is made up.
    ///
    /// # Panics
    /// When the victim has no socket.
    pub fn logs(&self, event: LogEvent) {
        self.says(ServerFrame::Entry(LogEntry { seq: 0, event }));
    }

    /// Waits until something was said, by either, that is wanted: the first.
    ///
    /// # Panics
    /// When it is not said in time.
    pub async fn overhears<T>(&self, what: &str, wanted: impl Fn(&Said) -> Option<T>) -> T {
        eventually(PATIENCE, what, async || {
            let mind = self.mind.lock().expect("no lie panicked");
            mind.heard.iter().find_map(&wanted)
        })
        .await
    }
}

impl Mind {
    /// What is passed on of it.
    fn pass(&mut self, said: Said) -> Vec<Said> {
        self.heard.push(said.clone());
        let passed = (self.lie)(said);
        passed.into_iter().map(|said| self.number(said)).collect()
    }

    fn number(&mut self, mut said: Said) -> Said {
        if let Said::Server(ServerFrame::Entry(entry)) = &mut said
            && self.numbers == Numbers::Anew
        {
            entry.seq = self.last.map_or(entry.seq, |last| last + 1);
            self.last = Some(entry.seq);
        }
        said
    }
}

async fn serve(visit: Visit, mind: Arc<Mutex<Mind>>) -> Result<(), Failure> {
    if !visit.is_socket() {
        return visit.pass().await;
    }
    let path = match with(&mind, |mind| mind.room)? {
        Some(room) => format!("/api/v1/rooms/{room}/socket"),
        None => visit.path(),
    };
    let (mut near, mut far) = visit.sockets_at(&path).await?;
    let (socket, mut inserted) = mpsc::unbounded_channel();
    with(&mind, |mind| mind.socket = Some(socket))?;
    loop {
        let passed = tokio::select! {
            // What the service said last is passed on before anything is said to it,
            // which it may have closed its ears to.
            biased;
            message = far.next() => {
                let Some(message) = message.transpose()? else { break };
                let Some(frame) = parse(&message) else {
                    near.send(message).await?;
                    continue;
                };
                with(&mind, |mind| mind.pass(Said::Server(frame)))?
            }
            message = near.next() => {
                let Some(message) = message.transpose()? else { break };
                let Some(frame) = parse(&message) else {
                    let _ = far.send(message).await;
                    continue;
                };
                with(&mind, |mind| mind.pass(Said::Client(frame)))?
            }
            said = inserted.recv() => {
                let Some(said) = said else { break };
                with(&mind, |mind| vec![mind.number(said)])?
            }
        };
        for said in passed {
            match said {
                // If it hears no more, reading says so, behind what it said last.
                Said::Client(frame) => {
                    let _ = far.send(text(&frame)?).await;
                }
                Said::Server(frame) => near.send(text(&frame)?).await?,
            }
        }
    }
    Ok(())
}

fn with<T>(mind: &Mutex<Mind>, act: impl FnOnce(&mut Mind) -> T) -> Result<T, Failure> {
    let mut mind = mind.lock().map_err(|_| "a lie panicked")?;
    Ok(act(&mut mind))
}

fn parse<T: serde::de::DeserializeOwned>(message: &Message) -> Option<T> {
    match message {
        Message::Text(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

fn text(frame: &impl Serialize) -> Result<Message, Failure> {
    Ok(Message::text(serde_json::to_string(frame)?))
}

//! The rooms that are awake: one task each, reached by its mailbox. A room
//! wakes when somebody enters it, and at the start if a call was running; it
//! goes to sleep when nobody is left.

use crate::actor;
use crate::clock::Clock;
use crate::config::ROOM_MAILBOX;
use crate::domain::audit::Deed;
use crate::domain::{ConnectionId, Input, Order};
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::store::Store;
use conclave_wire::code::Code;
use conclave_wire::control::{Command, Event};
use conclave_wire::id::{ParticipantId, RoomId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

/// What a room's task is sent.
pub(crate) enum Message {
    /// A socket wants to begin or continue a stay.
    Attach {
        /// The socket.
        connection: ConnectionId,
        /// Where to write to it.
        outbox: Outbox,
        /// [`Input::Enter`] or [`Input::Resume`].
        first: Input,
    },
    /// Anything else for the machine.
    Input(Input),
    /// Do something whoever is in the room, and note it, if it is somebody's
    /// deed; say when it is written down, or why it was not done.
    Order(Order, Option<Deed>, oneshot::Sender<Verdict>),
}

/// Whether an order was carried out.
pub(crate) type Verdict = Result<(), Code>;

/// A room's task: its mailbox, its number, and the way to end it.
struct Awake {
    mailbox: mpsc::Sender<Message>,
    task: u64,
    abort: AbortHandle,
}

/// The rooms that are awake, until the service stops.
#[derive(Default)]
struct Table {
    rooms: HashMap<RoomId, Awake>,
    stopped: bool,
}

/// All rooms that are awake, and what their tasks share.
pub(crate) struct Rooms {
    /// The database.
    pub(crate) store: Store,
    /// The time.
    pub(crate) clock: Clock,
    /// The metrics.
    pub(crate) metrics: Arc<Metrics>,
    /// The media plane.
    pub(crate) media: mpsc::Sender<Command>,
    awake: Mutex<Table>,
    /// In which room the media plane knows a participant.
    connected: Mutex<HashMap<ParticipantId, RoomId>>,
    next: AtomicU64,
}

/// The room cannot take another message now, or the service has stopped.
#[derive(Debug)]
pub(crate) struct Busy;

impl Rooms {
    /// No room awake.
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        metrics: Arc<Metrics>,
        media: mpsc::Sender<Command>,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            clock,
            metrics,
            media,
            awake: Mutex::default(),
            connected: Mutex::default(),
            next: AtomicU64::new(0),
        })
    }

    /// A number no other socket or task of this process has.
    pub(crate) fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Wakes a room if need be and leaves it a message; its mailbox.
    ///
    /// # Errors
    /// When the mailbox is full or the service has stopped.
    pub(crate) fn send(
        self: &Arc<Self>,
        room: RoomId,
        message: Message,
    ) -> Result<mpsc::Sender<Message>, Busy> {
        let mut table = lock(&self.awake);
        if table.stopped {
            return Err(Busy);
        }
        let mailbox = match table.rooms.get(&room) {
            Some(found) if !found.mailbox.is_closed() => found.mailbox.clone(),
            _ => {
                let (mailbox, receiver) = mpsc::channel(ROOM_MAILBOX);
                let task = self.next_number();
                let sender = mailbox.clone();
                let abort = actor::spawn(self.clone(), (room, task), receiver);
                let awake = Awake {
                    mailbox,
                    task,
                    abort,
                };
                table.rooms.insert(room, awake);
                self.metrics.rooms.set(count(table.rooms.len()));
                sender
            }
        };
        mailbox.try_send(message).map_err(|_| Busy)?;
        Ok(mailbox)
    }

    /// Has a room do something; it is written down then, and noted if it is
    /// somebody's deed.
    ///
    /// # Errors
    /// Why it was not done.
    pub(crate) async fn order(
        self: &Arc<Self>,
        room: RoomId,
        order: (Order, Option<Deed>),
    ) -> Verdict {
        self.begin_order(room, order)?
            .await
            .map_err(|_| Code::Internal)?
    }

    /// Asks a room to do something, and gives where it says whether it is done:
    /// several that are asked for before the first is awaited are done at once.
    ///
    /// # Errors
    /// [`Code::Internal`] when the room takes no message.
    pub(crate) fn begin_order(
        self: &Arc<Self>,
        room: RoomId,
        (order, deed): (Order, Option<Deed>),
    ) -> Result<oneshot::Receiver<Verdict>, Code> {
        let (sender, done) = oneshot::channel();
        self.send(room, Message::Order(order, deed, sender))
            .map_err(|_| Code::Internal)?;
        Ok(done)
    }

    /// Wakes a room so that its timers run.
    pub(crate) fn wake(self: &Arc<Self>, room: RoomId) {
        // A mailbox that is full belongs to a room that is awake.
        let _ = self.send(room, Message::Input(Input::Tick));
    }

    /// Tells the room of the participant what the media plane says.
    pub(crate) async fn media_event(self: &Arc<Self>, event: Event) {
        let (Event::Answer { participant, .. }
        | Event::Refused { participant, .. }
        | Event::Connected { participant }
        | Event::Lost { participant }
        | Event::Paused { participant, .. }
        | Event::Wanted { participant, .. }) = &event;
        let Some(room) = lock(&self.connected).get(participant).copied() else {
            return;
        };
        let mailbox = lock(&self.awake)
            .rooms
            .get(&room)
            .map(|awake| awake.mailbox.clone());
        if let Some(mailbox) = mailbox {
            // A room that has gone to sleep has no use for it.
            let _ = mailbox.send(Message::Input(Input::Media(event))).await;
        }
    }

    /// Passes a command on, and notes in which room its participant is.
    pub(crate) async fn command(&self, command: Command) {
        match &command {
            Command::Connect {
                room, participant, ..
            } => {
                lock(&self.connected).insert(*participant, *room);
            }
            Command::Disconnect { participant } => {
                lock(&self.connected).remove(participant);
            }
            Command::Close { room } => {
                lock(&self.connected).retain(|_, in_room| in_room != room);
            }
            Command::Assign { .. } | Command::RequestKeyframes { .. } => {}
        }
        if self.media.send(command).await.is_err() {
            tracing::warn!("the media plane is gone");
        }
    }

    /// Whether the media plane takes commands.
    pub(crate) fn media_accepts(&self) -> bool {
        self.media.capacity() > 0 && !self.media.is_closed()
    }

    /// Puts a room away, unless a message has come for it in the meantime.
    pub(crate) fn retire(&self, room: RoomId, receiver: &mpsc::Receiver<Message>) -> bool {
        let mut table = lock(&self.awake);
        let retired = receiver.is_empty();
        if retired {
            table.rooms.remove(&room);
            self.metrics.rooms.set(count(table.rooms.len()));
        }
        retired
    }

    /// Ends every room's task where it stands; no room wakes again. What was
    /// not written down yet was told to nobody.
    pub(crate) fn stop(&self) {
        let mut table = lock(&self.awake);
        table.stopped = true;
        for (_, awake) in table.rooms.drain() {
            awake.abort.abort();
        }
    }

    /// Whether no room wakes again.
    pub(crate) fn is_stopped(&self) -> bool {
        lock(&self.awake).stopped
    }

    /// Forgets the task of a room, unless another has taken its place.
    pub(crate) fn forget(&self, (room, task): (RoomId, u64)) {
        let mut table = lock(&self.awake);
        if table
            .rooms
            .get(&room)
            .is_some_and(|found| found.task == task)
        {
            table.rooms.remove(&room);
        }
        self.metrics.rooms.set(count(table.rooms.len()));
    }
}

/// A map is whole between any two statements that change it; a panic elsewhere
/// does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

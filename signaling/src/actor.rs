//! One room's task: takes what is in the mailbox, asks the machine, writes the
//! changes down in one transaction, and only then tells anybody.
//!
//! When the transaction fails, or the machine panics, the task ends without
//! having told anybody anything: its sockets are closed, the clients resume,
//! and the room is loaded anew as it was last written down.

use crate::config::ROOM_BATCH;
use crate::domain::audit::Deed;
use crate::domain::{Change, CloseCode, Closing, ConnectionId, Effect, Input, Order, Room};
use crate::metrics::Metrics;
use crate::outbox::{Outbox, Outgoing, Unreachable};
use crate::rooms::{Message, Rooms, Verdict};
use crate::store::StoreError;
use axum::extract::ws::Utf8Bytes;
use conclave_wire::client::{Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::id::RoomId;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

/// Runs a room's task, and another that outlives its panic.
pub(crate) fn spawn(
    rooms: Arc<Rooms>,
    (room, task): (RoomId, u64),
    mailbox: mpsc::Receiver<Message>,
) -> AbortHandle {
    let shared = rooms.clone();
    let running = tokio::spawn(async move { Actor::run(shared, room, mailbox).await });
    let abort = running.abort_handle();
    tokio::spawn(async move {
        match running.await {
            Ok(Ok(())) => {}
            Err(ended) if ended.is_cancelled() => {}
            Ok(Err(error)) => {
                rooms.metrics.room_failures.inc();
                tracing::error!(%error, "a room's state could not be read or written");
            }
            Err(_) => {
                rooms.metrics.room_failures.inc();
                tracing::error!("a room's task ended unexpectedly");
            }
        }
        rooms.forget((room, task));
    });
    abort
}

struct Actor {
    rooms: Arc<Rooms>,
    id: RoomId,
    room: Room,
    outboxes: HashMap<ConnectionId, Outbox>,
    effects: Vec<Effect>,
    /// To be noted with what is written down next.
    deeds: Vec<Deed>,
    /// To be told once what they want is written down.
    orders: Vec<(oneshot::Sender<Verdict>, Verdict)>,
    /// The room is deleted with this batch.
    deleted: bool,
    gauges: Gauges,
}

impl Actor {
    async fn run(
        rooms: Arc<Rooms>,
        id: RoomId,
        mut mailbox: mpsc::Receiver<Message>,
    ) -> Result<(), StoreError> {
        let Some(snapshot) = rooms.store.load(id).await? else {
            turn_all_away(&mut mailbox);
            return Ok(());
        };
        let mut actor = Self {
            room: Room::restore(rooms.clock.both().timer, snapshot),
            gauges: Gauges::new(rooms.metrics.clone()),
            rooms,
            id,
            outboxes: HashMap::new(),
            effects: Vec::new(),
            deeds: Vec::new(),
            orders: Vec::new(),
            deleted: false,
        };
        let mut batch = Vec::with_capacity(ROOM_BATCH);
        loop {
            if !actor.wait(&mut mailbox, &mut batch).await {
                return Ok(());
            }
            for message in batch.drain(..) {
                actor.take(message);
            }
            actor.execute().await?;
            actor.gauges.set(&actor.room);
            for (asked, verdict) in actor.orders.drain(..) {
                // Who asked may have gone away.
                let _ = asked.send(verdict);
            }
            if actor.deleted || (actor.room.is_idle() && actor.rooms.retire(id, &mailbox)) {
                return Ok(());
            }
        }
    }

    /// Waits for messages or for the machine's next deadline; false when
    /// nobody can leave a message any more.
    async fn wait(&self, mailbox: &mut mpsc::Receiver<Message>, batch: &mut Vec<Message>) -> bool {
        let due = async {
            match self.room.deadline() {
                Some(deadline) => {
                    tokio::time::sleep_until(self.rooms.clock.instant(deadline)).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            count = mailbox.recv_many(batch, ROOM_BATCH) => count > 0,
            () = due => {
                batch.push(Message::Input(Input::Tick));
                true
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Attach {
                connection,
                outbox,
                first,
            } => {
                self.outboxes.insert(connection, outbox);
                self.handle(first);
            }
            Message::Input(Input::Request {
                connection,
                re,
                request: Request::Offer { .. } | Request::Assign { .. },
            }) if !self.rooms.media_accepts() => self.effects.push(Effect::Send {
                to: vec![connection],
                frame: ServerFrame::Error {
                    re: Some(re),
                    code: Code::MediaUnavailable,
                    missed: vec![],
                    tries_left: None,
                },
            }),
            Message::Input(input) => {
                if let Input::Closed { connection, .. } = input {
                    self.outboxes.remove(&connection);
                }
                self.handle(input);
            }
            Message::Order(order, deed, asked) => {
                let now = self.rooms.clock.both();
                let verdict = self.room.order(now, order, &mut self.effects);
                self.deleted |= matches!(order, Order::Delete);
                self.deeds.extend(deed.filter(|_| verdict.is_ok()));
                self.orders.push((asked, verdict));
            }
        }
    }

    fn handle(&mut self, input: Input) {
        self.room
            .handle(self.rooms.clock.both(), input, &mut self.effects);
    }

    /// Does what the machine asked for: first everything that is to be durable.
    /// A socket that turns out to be unreachable is one more input.
    async fn execute(&mut self) -> Result<(), StoreError> {
        while !self.effects.is_empty() || !self.deeds.is_empty() {
            let effects = std::mem::take(&mut self.effects);
            let (changes, rest) = split(effects);
            self.store(&changes).await?;
            for effect in rest {
                match effect {
                    Effect::Store(_) => {}
                    Effect::Media(command) => self.rooms.command(command).await,
                    Effect::Send { to, frame } => self.send(&to, &frame),
                    Effect::Close { connection, code } => self.close(connection, code),
                }
            }
        }
        Ok(())
    }

    async fn store(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let deeds = std::mem::take(&mut self.deeds);
        if changes.is_empty() && deeds.is_empty() {
            return Ok(());
        }
        let timer = self.rooms.metrics.store_seconds.start_timer();
        let at = (self.id, self.rooms.clock.now());
        self.rooms.store.apply(at, changes, &deeds).await?;
        // A KeyPackage carries a name: once its knock is over, it is to be out
        // of the files as well, not at the end of the call only.
        let over = |change: &Change| {
            matches!(
                change,
                Change::Joined { .. }
                    | Change::StayEnded { .. }
                    | Change::CallEnded { .. }
                    | Change::RoomDeleted
            )
        };
        if changes.iter().any(over) {
            self.rooms.store.scrub().await?;
        }
        timer.observe_duration();
        let logged = changes
            .iter()
            .filter(|change| matches!(change, Change::Logged(_)))
            .count();
        self.rooms
            .metrics
            .log_entries
            .inc_by(u64::try_from(logged).unwrap_or(0));
        Ok(())
    }

    fn send(&mut self, to: &[ConnectionId], frame: &ServerFrame) {
        if let ServerFrame::Error { code, .. } = frame {
            self.rooms.metrics.refused(*code);
        }
        let text = match serde_json::to_string(frame) {
            Ok(text) => Utf8Bytes::from(text),
            Err(error) => return tracing::error!(%error, "a frame could not be written"),
        };
        for connection in to {
            self.push(*connection, Outgoing::Frame(text.clone()));
        }
    }

    fn close(&mut self, connection: ConnectionId, code: CloseCode) {
        self.push(connection, Outgoing::Close(close_code(code)));
        self.outboxes.remove(&connection);
    }

    fn push(&mut self, connection: ConnectionId, outgoing: Outgoing) {
        let Some(outbox) = self.outboxes.get(&connection) else {
            return;
        };
        if outbox.push(outgoing) == Err(Unreachable) {
            self.outboxes.remove(&connection);
            self.handle(Input::Closed {
                connection,
                closing: Closing::Lost,
            });
        }
    }
}

/// The changes, and everything else in its order.
fn split(effects: Vec<Effect>) -> (Vec<Change>, Vec<Effect>) {
    let (mut changes, mut rest) = (Vec::new(), Vec::new());
    for effect in effects {
        match effect {
            Effect::Store(change) => changes.push(change),
            Effect::Send { .. } | Effect::Close { .. } | Effect::Media(_) => rest.push(effect),
        }
    }
    (changes, rest)
}

fn close_code(code: CloseCode) -> u16 {
    match code {
        CloseCode::Done => 1000,
        CloseCode::Refused => 1008,
        CloseCode::TryLater => 1013,
    }
}

/// Answers those who came for a room that is not there (any more).
fn turn_all_away(mailbox: &mut mpsc::Receiver<Message>) {
    mailbox.close();
    while let Ok(message) = mailbox.try_recv() {
        let Message::Attach { outbox, first, .. } = message else {
            continue;
        };
        let re = match first {
            Input::Enter { re, .. } | Input::Resume { re, .. } => Some(re),
            _ => None,
        };
        let frame = ServerFrame::Error {
            re,
            code: Code::NoSuchRoom,
            missed: vec![],
            tries_left: None,
        };
        let text = serde_json::to_string(&frame).unwrap_or_default();
        // A socket that is gone needs no answer.
        let _ = outbox.push(Outgoing::Frame(text.into()));
        let _ = outbox.push(Outgoing::Close(close_code(CloseCode::Refused)));
    }
}

/// A room's share of the gauges; given back when the task ends, however it
/// ends.
struct Gauges {
    metrics: Arc<Metrics>,
    calls: i64,
    members: i64,
}

impl Gauges {
    fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            calls: 0,
            members: 0,
        }
    }

    fn set(&mut self, room: &Room) {
        let members = i64::try_from(room.member_count()).unwrap_or(i64::MAX);
        self.change(i64::from(room.has_call()), members);
    }

    fn change(&mut self, calls: i64, members: i64) {
        self.metrics.calls.add(calls - self.calls);
        self.metrics.members.add(members - self.members);
        (self.calls, self.members) = (calls, members);
    }
}

impl Drop for Gauges {
    fn drop(&mut self) {
        self.change(0, 0);
    }
}

#[cfg(test)]
mod tests;

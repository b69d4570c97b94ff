//! What waits to be written to one socket. The queue is bounded: a client that
//! takes too slowly what it is sent loses the socket, and resumes.

use crate::config::{MAX_QUEUED_BYTES, MAX_QUEUED_FRAMES};
use axum::extract::ws::Utf8Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::mpsc::{self, error::TrySendError};

/// Something to be written.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// A text frame.
    Frame(Utf8Bytes),
    /// A close frame with this code; nothing follows.
    Close(u16),
}

#[derive(Debug, Default)]
struct State {
    bytes: AtomicUsize,
    overflowed: AtomicBool,
}

/// The room's end.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: mpsc::Sender<Outgoing>,
    state: Arc<State>,
}

/// The socket's end.
#[derive(Debug)]
pub(crate) struct Pending {
    queue: mpsc::Receiver<Outgoing>,
    state: Arc<State>,
}

/// The socket is gone or takes too slowly; it is lost.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreachable;

/// A queue for a new socket.
pub(crate) fn outbox() -> (Outbox, Pending) {
    let (sender, receiver) = mpsc::channel(MAX_QUEUED_FRAMES);
    let state = Arc::new(State::default());
    let outbox = Outbox {
        queue: sender,
        state: state.clone(),
    };
    let pending = Pending {
        queue: receiver,
        state,
    };
    (outbox, pending)
}

impl Outbox {
    /// Queues something.
    ///
    /// # Errors
    /// When the socket is gone, or more waits than may.
    pub(crate) fn push(&self, outgoing: Outgoing) -> Result<(), Unreachable> {
        let len = len(&outgoing);
        let before = self.state.bytes.fetch_add(len, Ordering::Relaxed);
        let sent = if before.saturating_add(len) > MAX_QUEUED_BYTES {
            Err(TrySendError::Full(outgoing))
        } else {
            self.queue.try_send(outgoing)
        };
        sent.map_err(|error| {
            if let TrySendError::Full(_) = error {
                self.state.overflowed.store(true, Ordering::Relaxed);
            }
            Unreachable
        })
    }
}

impl Pending {
    /// The next thing to be written; nothing when the room has let go of the
    /// socket.
    pub(crate) async fn next(&mut self) -> Option<Outgoing> {
        let outgoing = self.queue.recv().await?;
        self.state
            .bytes
            .fetch_sub(len(&outgoing), Ordering::Relaxed);
        Some(outgoing)
    }

    /// Whether more waited than may: what still waits is not worth writing.
    pub(crate) fn overflowed(&self) -> bool {
        self.state.overflowed.load(Ordering::Relaxed)
    }
}

fn len(outgoing: &Outgoing) -> usize {
    match outgoing {
        Outgoing::Frame(text) => text.len(),
        Outgoing::Close(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn too_many_frames_or_bytes_are_an_overflow() {
        for size in [0, 1 << 20] {
            let (outbox, mut pending) = outbox();
            let frame = || Outgoing::Frame("x".repeat(size).into());
            let mut pushed = 0;
            while outbox.push(frame()).is_ok() {
                pushed += 1;
            }
            assert!(pushed == MAX_QUEUED_FRAMES || pushed * size == MAX_QUEUED_BYTES);
            assert!(pending.overflowed());
            assert!(pending.next().await.is_some());
        }
    }

    #[test]
    fn a_socket_that_is_gone_is_no_overflow() {
        let (outbox, pending) = outbox();
        let state = pending.state.clone();
        drop(pending);
        assert_eq!(outbox.push(Outgoing::Close(1000)), Err(Unreachable));
        assert!(!state.overflowed.load(Ordering::Relaxed));
    }
}

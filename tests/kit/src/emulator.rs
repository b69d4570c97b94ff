//! A bad network in userspace: a UDP relay that the server announces as its
//! candidate, so that all media goes through it, and that treats each client
//! and each direction as it is told.
//!
//! ```text
//!   client ──▶ 127.0.0.2:media ── up ──▶ a socket of its own ──▶ 127.0.0.1:media
//!          ◀───────────────────  down ◀──                    ◀──     (the server)
//! ```
//!
//! - [`conditions`]: what can be wrong, and its JSON.
//! - [`link`]: one direction, without sockets and clock.
//! - [`client`]: who a packet is from, and their two links.
//! - `relay`: the thread with the sockets.
//!
//! What chance does follows from a seed. Which packets it meets depends on
//! what is sent: the same losses fall on other packets if a sender is faster.

pub mod client;
pub mod conditions;
pub mod link;
mod relay;

pub use client::{Direction, Status, Who};
pub use conditions::{Conditions, Loss, Outage, Queue, Rate};
pub use link::Counts;

use crate::dice::Dice;
use mio::Waker;
use serde::{Deserialize, Serialize};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

/// What the server has to announce to be reached through the emulator. Its
/// port is that of the server: a candidate's port is the media port.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// What an emulator can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Order {
    /// Conditions from now on, for those there are and those who come.
    Set {
        /// Whose.
        who: Who,
        /// One direction, or both if none is named.
        #[serde(default)]
        toward: Option<Direction>,
        /// The conditions.
        conditions: Conditions,
    },
    /// Another address towards the server, as behind a router that forgot, or
    /// in another network.
    Rebind {
        /// Whose.
        who: Who,
    },
    /// Nothing but the answer.
    Report,
}

/// A running emulator. Every call returns after its order took effect.
pub struct Emulator {
    address: SocketAddr,
    orders: mpsc::Sender<Ask>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// An order, and where the answer to it goes.
struct Ask {
    order: Order,
    answer: mpsc::Sender<Vec<Status>>,
}

impl Emulator {
    /// An emulator in front of a server whose media port that is, which has to
    /// announce [`ADDRESS`].
    ///
    /// # Errors
    /// When the port is taken at [`ADDRESS`].
    pub fn before(target: SocketAddr, dice: Dice) -> io::Result<Self> {
        Self::between((ADDRESS, target.port()).into(), target, dice)
    }

    /// An emulator that listens at an address and leads to another.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn between(listen: SocketAddr, target: SocketAddr, dice: Dice) -> io::Result<Self> {
        let (orders, asked) = mpsc::channel();
        let relay = relay::Relay::new(listen, target, dice, asked)?;
        let (address, waker) = (relay.address()?, relay.waker());
        let thread = std::thread::Builder::new()
            .name("emulator".to_owned())
            .spawn(move || relay.run())?;
        Ok(Self {
            address,
            orders,
            waker,
            thread: Some(thread),
        })
    }

    /// Where clients reach it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives an order; what became of everybody's packets so far.
    ///
    /// # Errors
    /// When the emulator's sockets have failed it.
    pub fn order(&self, order: Order) -> io::Result<Vec<Status>> {
        let (answer, answered) = mpsc::channel();
        let gone = || io::Error::other("the emulator has ended");
        self.orders
            .send(Ask { order, answer })
            .map_err(|_| gone())?;
        self.waker.wake()?;
        answered.recv().map_err(|_| gone())
    }

    /// Conditions from now on, in one direction or in both.
    ///
    /// # Panics
    /// When the emulator has ended.
    pub fn set(&self, who: Who, toward: impl Into<Option<Direction>>, conditions: Conditions) {
        let toward = toward.into();
        let order = Order::Set {
            who,
            toward,
            conditions,
        };
        self.order(order).expect("the emulator lives");
    }

    /// Another address towards the server.
    ///
    /// # Panics
    /// When the emulator has ended.
    pub fn rebind(&self, who: Who) {
        self.order(Order::Rebind { who })
            .expect("the emulator lives");
    }

    /// What became of everybody's packets.
    ///
    /// # Panics
    /// When the emulator has ended.
    pub fn report(&self) -> Vec<Status> {
        self.order(Order::Report).expect("the emulator lives")
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Without anybody to ask it, the thread ends.
        let (closed, _) = mpsc::channel();
        drop(std::mem::replace(&mut self.orders, closed));
        let _ = self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

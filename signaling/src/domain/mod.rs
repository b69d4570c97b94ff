//! The rooms as pure machines. A machine is told the time, fresh identifiers
//! and what arrived; it appends what is to be done to the caller's buffer and
//! knows no socket, task, database or random source.
//!
//! ```text
//! Input ──► Room::handle ──► [Effect]      Store: all of a batch, durably, first;
//!             │  guests, link, password      then Media, Send and Close in order
//!             │    who may come in
//!             │  stay   who is here
//!             │  words  what is said to one who waits
//!             │  call   what runs
//!             │    ├─ delivery  one log, first commit of an epoch wins
//!             │    ├─ board     what members say to all
//!             │    ├─ epoch     ready, activate
//!             │    └─ resync    members that fell behind come back
//!             └─ framing        the public header of an MLS message
//! ```
//!
//! Around the rooms: [`role`] (who may do what), [`tenant`] (how much there may
//! be), [`account`], [`session`] and [`throttle`] (who is logged in), [`device`]
//! (what is certified of whose), [`retention`] (what is forgotten), [`audit`] (what
//! is noted), [`policy`] (what an organisation allows), [`webhook`] and [`reach`] (who
//! is told of what, and where that may be), [`message`] (a password on its way to a
//! telephone), [`once`] (what is not done twice), [`scim`] (what directories say of
//! people).

pub mod account;
pub mod audit;
pub mod board;
pub mod call;
pub mod credential;
pub mod delivery;
pub mod device;
pub mod effect;
pub mod epoch;
pub mod framing;
pub mod guests;
mod hosting;
pub mod link;
pub mod message;
pub mod notice;
pub mod once;
pub mod password;
pub mod person;
pub mod policy;
pub mod reach;
mod request;
mod resync;
pub mod retention;
pub mod role;
pub mod room;
pub mod scim;
pub mod session;
pub mod stay;
pub mod tenant;
pub mod throttle;
pub mod webhook;
pub mod words;

#[cfg(test)]
mod tests;

pub use credential::{Digest, Token};
pub use effect::{Change, CloseCode, Closing, ConnectionId, Effect, Input, Millis, Now, Order};
pub use guests::Guests;
pub use room::{Room, Snapshot};

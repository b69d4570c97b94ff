//! Who may receive whom.

use crate::peer::PeerKey;

/// A room: the connections in it. Sources never cross rooms.
#[derive(Debug, Default)]
pub struct Room {
    /// Its connections.
    pub members: Vec<PeerKey>,
}

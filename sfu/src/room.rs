//! Who may receive whom, and who is heard.

use crate::peer::PeerKey;
use crate::speakers::Speakers;

/// A room: the connections in it. Sources never cross rooms.
#[derive(Debug, Default)]
pub struct Room {
    /// Its connections.
    pub members: Vec<PeerKey>,
    /// Who is heard.
    pub speakers: Speakers,
    /// Who hears them in slots that carry nobody in particular.
    pub listeners: Vec<Listener>,
}

/// A connection with floating slots.
#[derive(Debug)]
pub struct Listener {
    /// Whose.
    pub peer: PeerKey,
    /// Its slots, by the place they carry.
    pub slots: Vec<usize>,
}

impl Room {
    /// An empty room in which at most so many are heard at once.
    pub fn new(heard: Option<usize>) -> Self {
        Self {
            speakers: Speakers::new(heard),
            ..Self::default()
        }
    }

    /// The floating slots of a connection are these; none ends its listening.
    pub fn listen(&mut self, peer: PeerKey, slots: Vec<usize>) {
        self.listeners.retain(|listener| listener.peer != peer);
        if !slots.is_empty() {
            self.listeners.push(Listener { peer, slots });
        }
    }
}

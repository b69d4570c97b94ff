//! What members have said to all the others in the running epoch
//! (`docs/protocol.md` section 3.7). The board is not stored: who comes back
//! after a restart says it again.

use conclave_wire::client::ServerFrame;
use conclave_wire::id::{Blob, ParticipantId};

/// Posts of one member in one epoch: a commitment and a nonce.
const POSTS_A_MEMBER: usize = 2;

/// One call's board, bounded by the members of an epoch.
#[derive(Debug, Default)]
pub struct Board {
    epoch: u32,
    posts: Vec<(ParticipantId, Blob)>,
}

/// What the board says to a post.
#[derive(Debug, PartialEq, Eq)]
pub enum Posted {
    /// It is on the board now.
    New,
    /// It was already.
    Again,
    /// Its member has said all there is to say in this epoch.
    TooMany,
}

impl Board {
    /// Takes a post of the running epoch. The first of an epoch clears away
    /// what the epochs before left.
    pub fn post(&mut self, epoch: u32, by: ParticipantId, message: &Blob) -> Posted {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.posts.clear();
        }
        let own = || self.posts.iter().filter(|(who, _)| *who == by);
        if own().any(|(_, known)| known == message) {
            return Posted::Again;
        }
        if own().count() >= POSTS_A_MEMBER {
            return Posted::TooMany;
        }
        self.posts.push((by, message.clone()));
        Posted::New
    }

    /// What the others said in this epoch, for one who was away.
    pub fn posts(&self, epoch: u32, reader: ParticipantId) -> impl Iterator<Item = ServerFrame> {
        self.posts
            .iter()
            .filter(move |(by, _)| self.epoch == epoch && *by != reader)
            .map(move |(by, message)| ServerFrame::Posted {
                by: *by,
                epoch,
                message: message.clone(),
            })
    }
}

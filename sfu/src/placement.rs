//! Which shard a room lives on: a room stays together, and a new one goes where
//! the fewest participants are.

use conclave_wire::control::Command;
use conclave_wire::id::{ParticipantId, RoomId};
use std::collections::HashMap;

/// A room's place.
#[derive(Debug)]
struct Placed {
    shard: usize,
    participants: usize,
}

/// The places of all rooms.
#[derive(Debug)]
pub struct Placement {
    rooms: HashMap<RoomId, Placed>,
    participants: HashMap<ParticipantId, RoomId>,
    /// Participants of each shard.
    loads: Vec<usize>,
}

/// Which shards a command is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// One.
    Shard(usize),
    /// The participant comes from another one, which has to forget them first.
    Moves {
        /// Where they were.
        from: usize,
        /// Where they are now.
        to: usize,
    },
    /// None: it names nobody who is anywhere.
    Nowhere,
}

impl Placement {
    /// Places on that many shards, at least one.
    pub fn new(shards: usize) -> Self {
        Self {
            rooms: HashMap::new(),
            participants: HashMap::new(),
            loads: vec![0; shards.max(1)],
        }
    }

    /// Where a command goes, and what it changes here.
    pub fn target(&mut self, command: &Command) -> Target {
        match command {
            Command::Connect {
                room, participant, ..
            } => self.connect(*room, *participant),
            Command::Assign { participant, .. } => match self.shard_of(*participant) {
                Some(shard) => Target::Shard(shard),
                None => Target::Nowhere,
            },
            Command::RequestKeyframes { room } => match self.rooms.get(room) {
                Some(placed) => Target::Shard(placed.shard),
                None => Target::Nowhere,
            },
            Command::Disconnect { participant } => match self.leave(*participant) {
                Some(shard) => Target::Shard(shard),
                None => Target::Nowhere,
            },
            Command::Close { room } => match self.rooms.remove(room) {
                Some(placed) => {
                    self.loads[placed.shard] -= placed.participants;
                    self.participants.retain(|_, placed_in| placed_in != room);
                    Target::Shard(placed.shard)
                }
                None => Target::Nowhere,
            },
        }
    }

    fn connect(&mut self, room: RoomId, participant: ParticipantId) -> Target {
        if self.participants.get(&participant) == Some(&room)
            && let Some(shard) = self.shard_of(participant)
        {
            return Target::Shard(shard);
        }
        let from = self.leave(participant);
        let quietest = (0..self.loads.len()).min_by_key(|shard| self.loads[*shard]);
        let placed = self.rooms.entry(room).or_insert(Placed {
            shard: quietest.unwrap_or(0),
            participants: 0,
        });
        placed.participants += 1;
        let to = placed.shard;
        self.loads[to] += 1;
        self.participants.insert(participant, room);
        match from.filter(|from| *from != to) {
            Some(from) => Target::Moves { from, to },
            None => Target::Shard(to),
        }
    }

    /// Forgets a participant; gives where they were.
    fn leave(&mut self, participant: ParticipantId) -> Option<usize> {
        let room = self.participants.remove(&participant)?;
        let placed = self.rooms.get_mut(&room)?;
        let shard = placed.shard;
        placed.participants -= 1;
        self.loads[shard] -= 1;
        if placed.participants == 0 {
            self.rooms.remove(&room);
        }
        Some(shard)
    }

    fn shard_of(&self, participant: ParticipantId) -> Option<usize> {
        let room = self.participants.get(&participant)?;
        self.rooms.get(room).map(|placed| placed.shard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(id: u8) -> RoomId {
        RoomId([id; 16])
    }

    fn participant(id: u8) -> ParticipantId {
        ParticipantId([id; 16])
    }

    fn connect(placement: &mut Placement, to: u8, who: u8) -> Target {
        placement.target(&Command::Connect {
            room: room(to),
            participant: participant(who),
            request: 0,
            offer: String::new(),
            sending: Vec::new(),
        })
    }

    fn disconnect(placement: &mut Placement, who: u8) -> Target {
        let participant = participant(who);
        placement.target(&Command::Disconnect { participant })
    }

    #[test]
    fn a_room_stays_together_and_a_new_one_goes_where_the_fewest_are() {
        let mut placement = Placement::new(2);
        assert_eq!(connect(&mut placement, 1, 1), Target::Shard(0));
        assert_eq!(connect(&mut placement, 1, 2), Target::Shard(0));
        assert_eq!(connect(&mut placement, 2, 3), Target::Shard(1));
        assert_eq!(connect(&mut placement, 3, 4), Target::Shard(1));
        assert_eq!(connect(&mut placement, 1, 5), Target::Shard(0));
        assert_eq!(connect(&mut placement, 1, 5), Target::Shard(0), "again");
        assert_eq!(connect(&mut placement, 4, 6), Target::Shard(1));
        let assign = Command::Assign {
            participant: participant(3),
            slots: Vec::new(),
        };
        assert_eq!(placement.target(&assign), Target::Shard(1));
        let keyframes = Command::RequestKeyframes { room: room(1) };
        assert_eq!(placement.target(&keyframes), Target::Shard(0));
    }

    #[test]
    fn whoever_goes_to_a_room_elsewhere_is_forgotten_where_they_were() {
        let mut placement = Placement::new(2);
        connect(&mut placement, 1, 1);
        connect(&mut placement, 2, 2);
        let moves = Target::Moves { from: 0, to: 1 };
        assert_eq!(connect(&mut placement, 2, 1), moves);
        assert_eq!(connect(&mut placement, 3, 3), Target::Shard(0));
    }

    #[test]
    fn nothing_is_kept_of_those_who_have_left() {
        let mut placement = Placement::new(3);
        for id in 0..30 {
            connect(&mut placement, id / 3, id);
        }
        for id in 0..15 {
            assert_ne!(disconnect(&mut placement, id), Target::Nowhere);
            assert_eq!(disconnect(&mut placement, id), Target::Nowhere);
        }
        for id in 5..10 {
            let close = Command::Close { room: room(id) };
            assert_ne!(placement.target(&close), Target::Nowhere);
            assert_eq!(placement.target(&close), Target::Nowhere);
        }
        assert_eq!(placement.loads, [0; 3]);
        assert!(placement.rooms.is_empty() && placement.participants.is_empty());
    }
}

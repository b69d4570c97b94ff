//! On which shard a member of a room lives. A new room begins where the fewest
//! participants are, and stays together unless that makes its shard much fuller
//! than another; then it spans both.

use conclave_wire::control::Command;
use conclave_wire::id::{ParticipantId, RoomId};
use std::collections::HashMap;

/// The places of all participants.
#[derive(Debug)]
pub struct Placement {
    /// The members of a room, by shard.
    rooms: HashMap<RoomId, Vec<usize>>,
    participants: HashMap<ParticipantId, (RoomId, usize)>,
    /// Participants of each shard.
    loads: Vec<usize>,
    spill: usize,
}

/// What a shard is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// To carry that out.
    Command(Command),
    /// On which other shards a room has members, one bit each.
    Spans {
        /// The room.
        room: RoomId,
        /// The shards.
        others: u64,
    },
}

/// Where a room's next member goes: `here` are those it has on each shard,
/// `loads` all participants there. To the one of the room's shards that has the
/// fewest participants, unless that has at least `spill` more than the quietest
/// of all, which then takes them; to the first of equal ones.
pub fn choose(loads: &[usize], here: &[usize], spill: usize) -> usize {
    let shards = 0..loads.len().min(here.len());
    let own = shards.clone().filter(|shard| here[*shard] > 0);
    let own = own.min_by_key(|shard| loads[*shard]);
    let quietest = shards.min_by_key(|shard| loads[*shard]).unwrap_or(0);
    own.filter(|own| loads[*own] - loads[quietest] < spill)
        .unwrap_or(quietest)
}

impl Placement {
    /// Places on that many shards, at least one and at most 64, each of which
    /// spills when it has that many participants more than another.
    pub fn new(shards: usize, spill: usize) -> Self {
        Self {
            rooms: HashMap::new(),
            participants: HashMap::new(),
            loads: vec![0; shards.clamp(1, 64)],
            spill,
        }
    }

    /// Who is to be told what because of a command, in that order. What it
    /// changes here is changed.
    pub fn orders(&mut self, command: Command) -> Vec<(usize, Order)> {
        let mut orders = Vec::new();
        match command {
            Command::Connect {
                room, participant, ..
            } => {
                let shard = self.connect(room, participant, &mut orders);
                orders.push((shard, Order::Command(command)));
            }
            Command::Assign { participant, .. } => {
                let placed = self.participants.get(&participant);
                orders.extend(placed.map(|(_, shard)| (*shard, Order::Command(command))));
            }
            Command::RequestKeyframes { room } => {
                let shards = self.shards_of(room);
                orders.extend(shards.map(|shard| (shard, Order::Command(command.clone()))));
            }
            Command::Disconnect { participant } => self.leave(participant, &mut orders),
            Command::Close { room } => {
                let shards: Vec<_> = self.shards_of(room).collect();
                let closed = self.rooms.remove(&room).unwrap_or_default();
                for (load, members) in self.loads.iter_mut().zip(&closed) {
                    *load -= members;
                }
                self.participants
                    .retain(|_, (placed_in, _)| *placed_in != room);
                for shard in &shards {
                    orders.push((*shard, Order::Command(command.clone())));
                }
                if shards.len() > 1 {
                    let alone = Order::Spans { room, others: 0 };
                    orders.extend(shards.iter().map(|shard| (*shard, alone.clone())));
                }
            }
        }
        orders
    }

    /// Places a participant; gives where.
    fn connect(
        &mut self,
        room: RoomId,
        participant: ParticipantId,
        orders: &mut Vec<(usize, Order)>,
    ) -> usize {
        match self.participants.get(&participant) {
            Some((before, shard)) if *before == room => return *shard,
            Some(_) => self.leave(participant, orders),
            None => {}
        }
        let nobody = vec![0; self.loads.len()];
        let here = self.rooms.entry(room).or_insert(nobody);
        let shard = choose(&self.loads, here, self.spill);
        let first = here[shard] == 0;
        here[shard] += 1;
        self.loads[shard] += 1;
        self.participants.insert(participant, (room, shard));
        if first && self.shards_of(room).count() > 1 {
            self.tell_spans(room, orders);
        }
        shard
    }

    /// Forgets a participant.
    fn leave(&mut self, participant: ParticipantId, orders: &mut Vec<(usize, Order)>) {
        let Some((room, shard)) = self.participants.remove(&participant) else {
            return;
        };
        let command = Command::Disconnect { participant };
        orders.push((shard, Order::Command(command)));
        self.loads[shard] -= 1;
        let Some(here) = self.rooms.get_mut(&room) else {
            return;
        };
        here[shard] -= 1;
        if here[shard] > 0 {
            return;
        }
        let left = here.iter().any(|members| *members > 0);
        if left {
            orders.push((shard, Order::Spans { room, others: 0 }));
            self.tell_spans(room, orders);
        } else {
            self.rooms.remove(&room);
        }
    }

    /// The shards of a room have become others: tells each of them.
    fn tell_spans(&self, room: RoomId, orders: &mut Vec<(usize, Order)>) {
        let all = self
            .shards_of(room)
            .fold(0u64, |all, shard| all | 1 << shard);
        for shard in self.shards_of(room) {
            let others = all & !(1 << shard);
            orders.push((shard, Order::Spans { room, others }));
        }
    }

    fn shards_of(&self, room: RoomId) -> impl Iterator<Item = usize> + '_ {
        let here = self.rooms.get(&room).into_iter().flatten().enumerate();
        here.filter(|(_, members)| **members > 0)
            .map(|(shard, _)| shard)
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

    /// Where somebody is sent, and who is told of which other shards.
    fn connect(placement: &mut Placement, to: u8, who: u8) -> (usize, Vec<(usize, u64)>) {
        let orders = placement.orders(Command::Connect {
            room: room(to),
            participant: participant(who),
            request: 0,
            offer: String::new(),
            sending: Vec::new(),
            discreet: false,
        });
        let (last, _) = orders.last().expect("a command");
        (*last, spans(&orders))
    }

    fn spans(orders: &[(usize, Order)]) -> Vec<(usize, u64)> {
        let told = orders.iter().filter_map(|(shard, order)| match order {
            Order::Spans { others, .. } if *others > 0 => Some((*shard, *others)),
            _ => None,
        });
        told.collect()
    }

    fn disconnect(placement: &mut Placement, who: u8) -> Vec<(usize, Order)> {
        let participant = participant(who);
        placement.orders(Command::Disconnect { participant })
    }

    #[test]
    fn a_room_goes_on_where_it_is_unless_that_is_much_fuller_than_elsewhere() {
        assert_eq!(choose(&[0, 0, 0], &[0, 0, 0], 5), 0, "the first of equals");
        assert_eq!(choose(&[3, 1, 2], &[0, 0, 0], 5), 1, "a new one");
        assert_eq!(choose(&[4, 1, 0], &[4, 0, 0], 5), 0, "little fuller");
        assert_eq!(choose(&[5, 1, 0], &[5, 0, 0], 5), 2, "much fuller");
        assert_eq!(choose(&[5, 1, 0], &[5, 1, 0], 5), 1, "where it is already");
        assert_eq!(choose(&[5, 5, 0], &[5, 5, 0], 5), 2, "one more");
        assert_eq!(choose(&[90, 88, 89], &[1, 0, 0], 5), 0, "all are as full");
        assert_eq!(choose(&[7], &[7], 5), 0, "there is but one");
    }

    #[test]
    fn a_room_stays_together_and_a_new_one_goes_where_the_fewest_are() {
        let mut placement = Placement::new(2, 50);
        assert_eq!(connect(&mut placement, 1, 1), (0, vec![]));
        assert_eq!(connect(&mut placement, 1, 2), (0, vec![]));
        assert_eq!(connect(&mut placement, 2, 3), (1, vec![]));
        assert_eq!(connect(&mut placement, 3, 4), (1, vec![]));
        assert_eq!(connect(&mut placement, 1, 5), (0, vec![]));
        assert_eq!(connect(&mut placement, 1, 5), (0, vec![]), "again");
        assert_eq!(connect(&mut placement, 4, 6), (1, vec![]));
        let assign = Command::Assign {
            participant: participant(3),
            slots: Vec::new(),
        };
        let told = placement.orders(assign.clone());
        assert_eq!(told, [(1, Order::Command(assign))]);
        let keyframes = Command::RequestKeyframes { room: room(1) };
        let told = placement.orders(keyframes.clone());
        assert_eq!(told, [(0, Order::Command(keyframes))]);
    }

    #[test]
    fn a_room_that_outgrows_its_shard_spans_another_and_each_is_told() {
        let mut placement = Placement::new(3, 2);
        connect(&mut placement, 1, 1);
        connect(&mut placement, 1, 2);
        assert_eq!(connect(&mut placement, 1, 3), (1, vec![(0, 2), (1, 1)]));
        assert_eq!(connect(&mut placement, 1, 4), (1, vec![]));
        let all = vec![(0, 6), (1, 5), (2, 3)];
        assert_eq!(connect(&mut placement, 1, 5), (2, all));
        let keyframes = placement.orders(Command::RequestKeyframes { room: room(1) });
        let told: Vec<_> = keyframes.iter().map(|(shard, _)| *shard).collect();
        assert_eq!(told, [0, 1, 2]);
        disconnect(&mut placement, 3);
        let told = disconnect(&mut placement, 4);
        assert_eq!(spans(&told), [(0, 4), (2, 1)]);
        let alone = Order::Spans {
            room: room(1),
            others: 0,
        };
        assert!(told.contains(&(1, alone.clone())), "it is told, too");
        let told = disconnect(&mut placement, 5);
        assert!(told.contains(&(0, alone)), "one is left");
    }

    #[test]
    fn whoever_goes_to_a_room_elsewhere_is_forgotten_where_they_were() {
        let mut placement = Placement::new(2, 50);
        connect(&mut placement, 1, 1);
        connect(&mut placement, 2, 2);
        let moved = placement.orders(Command::Connect {
            room: room(2),
            participant: participant(1),
            request: 0,
            offer: String::new(),
            sending: Vec::new(),
            discreet: false,
        });
        let gone = Command::Disconnect {
            participant: participant(1),
        };
        assert_eq!(moved[0], (0, Order::Command(gone)));
        assert_eq!(moved.last().map(|(shard, _)| *shard), Some(1));
        assert_eq!(connect(&mut placement, 3, 3), (0, vec![]));
    }

    #[test]
    fn nothing_is_kept_of_those_who_have_left() {
        let mut placement = Placement::new(3, 2);
        for id in 0..30 {
            connect(&mut placement, id / 10, id);
        }
        for id in 0..15 {
            assert_ne!(disconnect(&mut placement, id), []);
            assert_eq!(disconnect(&mut placement, id), []);
        }
        for id in 1..3 {
            let close = Command::Close { room: room(id) };
            assert_ne!(placement.orders(close.clone()), []);
            assert_eq!(placement.orders(close), []);
        }
        assert_eq!(placement.loads, [0; 3]);
        assert!(placement.rooms.is_empty() && placement.participants.is_empty());
    }
}

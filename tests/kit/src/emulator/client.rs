//! Whose packets they are: everybody who sends with one ICE user fragment, and
//! the two links of their path.

use super::conditions::Conditions;
use super::link::{Counts, Link};
use crate::dice::Dice;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

/// Most clients; more are not a test of one call.
const MOST: usize = 64;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// Who is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// Everybody.
    Everyone,
    /// Whose ICE user fragment this is.
    Named(String),
    /// Who sends from this address.
    At(IpAddr),
}

/// What became of a client's packets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The client's ICE user fragment.
    pub name: String,
    /// The address it first sent from.
    pub address: SocketAddr,
    /// Towards the server.
    pub up: Counts,
    /// From the server.
    pub down: Counts,
}

/// A client and its path. `T` is what is carried.
pub struct Client<T> {
    name: String,
    address: SocketAddr,
    pub(super) up: Link<T>,
    pub(super) down: Link<T>,
}

/// All clients.
pub struct Clients<T> {
    dice: Dice,
    /// What was said so far, and when, for those who are yet to come.
    rules: Vec<(Who, Option<Direction>, Conditions, Instant)>,
    all: Vec<Client<T>>,
}

impl<T> Clients<T> {
    /// Nobody yet.
    pub fn new(dice: Dice) -> Self {
        Self {
            dice,
            rules: Vec::new(),
            all: Vec::new(),
        }
    }

    /// The number of the client whose check this is: a new one if it is the
    /// first with its user fragment. `None` for what is no ICE check, or if
    /// there are too many.
    pub fn recognise(&mut self, check: &[u8], from: SocketAddr, now: Instant) -> Option<usize> {
        let name = own_fragment(check)?;
        if let Some(known) = self.all.iter().position(|client| client.name == name) {
            return Some(known);
        }
        if self.all.len() >= MOST {
            return None;
        }
        let mut client = Client {
            name: name.to_owned(),
            address: from,
            up: Link::new(self.dice.roll(), now),
            down: Link::new(self.dice.roll(), now),
        };
        for (who, toward, conditions, said) in &self.rules {
            client.obey(who, *toward, conditions, *said);
        }
        self.all.push(client);
        Some(self.all.len() - 1)
    }

    /// Conditions for those there are and those who come.
    pub fn set(&mut self, who: Who, toward: Option<Direction>, new: Conditions, now: Instant) {
        for client in &mut self.all {
            client.obey(&who, toward, &new, now);
        }
        // A later rule for the same replaces the earlier one.
        self.rules
            .retain(|(whose, way, ..)| *whose != who || (toward.is_some() && *way != toward));
        self.rules.push((who, toward, new, now));
    }

    /// What became of everybody's packets.
    pub fn report(&self) -> Vec<Status> {
        self.all.iter().map(Client::status).collect()
    }

    /// When the next packet arrives.
    pub fn next_timeout(&self) -> Option<Instant> {
        let links = self.all.iter().flat_map(|one| [&one.up, &one.down]);
        links.filter_map(Link::next_timeout).min()
    }

    /// The client with that number.
    pub fn get_mut(&mut self, number: usize) -> Option<&mut Client<T>> {
        self.all.get_mut(number)
    }

    /// All of them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Client<T>> {
        self.all.iter_mut()
    }

    /// Whether that number is one of those meant.
    pub fn is_meant(&self, number: usize, who: &Who) -> bool {
        self.all.get(number).is_some_and(|client| client.is(who))
    }
}

impl<T> Client<T> {
    fn is(&self, who: &Who) -> bool {
        match who {
            Who::Everyone => true,
            Who::Named(name) => self.name == *name,
            Who::At(address) => self.address.ip() == *address,
        }
    }

    fn obey(&mut self, who: &Who, toward: Option<Direction>, new: &Conditions, now: Instant) {
        if !self.is(who) {
            return;
        }
        if toward != Some(Direction::Down) {
            self.up.set(new.clone(), now);
        }
        if toward != Some(Direction::Up) {
            self.down.set(new.clone(), now);
        }
    }

    fn status(&self) -> Status {
        Status {
            name: self.name.clone(),
            address: self.address,
            up: self.up.counts(),
            down: self.down.counts(),
        }
    }
}

/// The sender's own user fragment in a binding request: what stands behind the
/// colon of its USERNAME (RFC 8445 section 7.2.2).
fn own_fragment(datagram: &[u8]) -> Option<&str> {
    const BINDING_REQUEST: [u8; 2] = [0, 1];
    const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
    const USERNAME: u16 = 0x0006;
    if !datagram.starts_with(&BINDING_REQUEST) || datagram.get(4..8)? != MAGIC_COOKIE {
        return None;
    }
    let mut rest = datagram.get(20..)?;
    loop {
        let kind = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
        let len = usize::from(u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]));
        let value = rest.get(4..4 + len)?;
        if kind == USERNAME {
            return Some(std::str::from_utf8(value).ok()?.split_once(':')?.1);
        }
        rest = rest.get(4 + len.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::conditions::{Loss, Outage};
    use super::*;
    use crate::datagram::binding_request;

    fn dark() -> Conditions {
        Conditions {
            outages: vec![Outage::now(60_000)],
            ..Conditions::default()
        }
    }

    fn arrives(link: &mut Link<u8>, now: Instant) -> bool {
        link.push(0, 1, now);
        link.pop(now).is_some()
    }

    #[test]
    fn a_client_is_known_by_its_user_fragment_wherever_it_sends_from() {
        let now = Instant::now();
        let mut clients = Clients::<u8>::new(Dice::seeded(1));
        let check = |own: &str| binding_request([1; 12], &format!("server:{own}"), "password");
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(clients.recognise(&check("anna"), at(1), now), Some(0));
        assert_eq!(clients.recognise(&check("ben"), at(2), now), Some(1));
        assert_eq!(clients.recognise(&check("anna"), at(3), now), Some(0));
        assert_eq!(clients.recognise(&[22, 0xfe, 0xfd], at(4), now), None);
        let mut cut_short = check("clara");
        cut_short.truncate(30);
        assert_eq!(clients.recognise(&cut_short, at(5), now), None);
        assert_eq!(clients.report()[0].address, at(1));
    }

    #[test]
    fn conditions_meet_those_who_are_meant_and_the_latest_count() {
        let now = Instant::now();
        let mut clients = Clients::<u8>::new(Dice::seeded(1));
        let check = |own: &str| binding_request([1; 12], &format!("server:{own}"), "password");
        let (here, there) = ([127, 0, 0, 1], [127, 0, 0, 9]);
        clients.recognise(&check("anna"), (here, 1).into(), now);
        clients.set(
            Who::Named("anna".into()),
            Some(Direction::Down),
            dark(),
            now,
        );
        clients.set(Who::At(there.into()), Some(Direction::Up), dark(), now);
        clients.recognise(&check("ben"), (there, 2).into(), now);
        let states = |clients: &mut Clients<u8>| -> Vec<(bool, bool)> {
            clients
                .iter_mut()
                .map(|one| (arrives(&mut one.up, now), arrives(&mut one.down, now)))
                .collect()
        };
        assert_eq!(states(&mut clients), [(true, false), (false, true)]);
        let lossy = Conditions {
            loss: Loss::Random(1.0),
            ..Conditions::default()
        };
        clients.set(Who::Everyone, None, lossy, now);
        clients.recognise(&check("clara"), (here, 3).into(), now);
        assert_eq!(states(&mut clients), [(false, false); 3]);
        clients.set(Who::Everyone, None, Conditions::default(), now);
        clients.recognise(&check("dora"), (here, 4).into(), now);
        assert_eq!(states(&mut clients), [(true, true); 4]);
    }
}

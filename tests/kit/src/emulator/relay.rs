//! The sockets: one that clients send to, and one towards the server for each
//! address a client sends from. One thread, for two cores run browsers, too.

use super::client::{Clients, Direction, Status, Who};
use super::{Ask, Order};
use crate::dice::Dice;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

/// Most addresses clients may send from.
const MOST_FLOWS: usize = 256;

/// Longest UDP payload there is.
const LONGEST: usize = 65_535;

const DOORWAY: Token = Token(usize::MAX);
const ORDERS: Token = Token(usize::MAX - 1);

/// A datagram on its way; the flow it belongs to.
type Load = (usize, Box<[u8]>);

/// The thread's state.
pub(super) struct Relay {
    poll: Poll,
    waker: Arc<Waker>,
    asked: Receiver<Ask>,
    /// What clients send to, and are answered from.
    doorway: UdpSocket,
    target: SocketAddr,
    clients: Clients<Load>,
    flows: Vec<Flow>,
    by_address: HashMap<SocketAddr, usize>,
    buffer: Box<[u8]>,
}

/// An address a client sends from, with its socket towards the server.
struct Flow {
    near: SocketAddr,
    far: UdpSocket,
    client: usize,
}

impl Relay {
    pub(super) fn new(
        listen: SocketAddr,
        target: SocketAddr,
        dice: Dice,
        asked: Receiver<Ask>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), ORDERS)?);
        let mut doorway = UdpSocket::bind(listen)?;
        poll.registry()
            .register(&mut doorway, DOORWAY, Interest::READABLE)?;
        Ok(Self {
            poll,
            waker,
            asked,
            doorway,
            target,
            clients: Clients::new(dice),
            flows: Vec::new(),
            by_address: HashMap::new(),
            buffer: vec![0; LONGEST].into(),
        })
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.doorway.local_addr()
    }

    pub(super) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Relays until nobody is left to give orders.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(64);
        loop {
            let wait = self
                .clients
                .next_timeout()
                .map(|at| at.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut events, wait) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                match event.token() {
                    ORDERS => {
                        if !self.obey()? {
                            return Ok(());
                        }
                    }
                    DOORWAY => self.read_doorway()?,
                    Token(flow) => self.read_flow(flow),
                }
            }
            self.deliver();
        }
    }

    /// Whether anybody is left.
    fn obey(&mut self) -> io::Result<bool> {
        loop {
            let Ask { order, answer } = match self.asked.try_recv() {
                Ok(ask) => ask,
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Ok(false),
            };
            match order {
                Order::Set {
                    who,
                    toward,
                    conditions,
                } => self.clients.set(who, toward, conditions, Instant::now()),
                Order::Rebind { who } => self.rebind(&who)?,
                Order::Report => {}
            }
            let report: Vec<Status> = self.clients.report();
            // Who asked may have gone meanwhile.
            let _ = answer.send(report);
        }
    }

    fn rebind(&mut self, who: &Who) -> io::Result<()> {
        for (number, flow) in self.flows.iter_mut().enumerate() {
            if self.clients.is_meant(flow.client, who) {
                self.poll.registry().deregister(&mut flow.far)?;
                flow.far = far_socket(&self.poll, self.target, number)?;
            }
        }
        Ok(())
    }

    fn read_doorway(&mut self) -> io::Result<()> {
        loop {
            let (len, near) = match self.doorway.recv_from(&mut self.buffer) {
                Ok(read) => read,
                // A client that is gone answers with an ICMP error, which is not ours.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
                Err(_) => return Ok(()),
            };
            let datagram = &self.buffer[..len];
            let now = Instant::now();
            let number = match self.by_address.get(&near) {
                Some(number) => *number,
                None => {
                    let Some(client) = self.clients.recognise(datagram, near, now) else {
                        continue;
                    };
                    let number = self.flows.len();
                    if number >= MOST_FLOWS {
                        continue;
                    }
                    let far = far_socket(&self.poll, self.target, number)?;
                    self.flows.push(Flow { near, far, client });
                    self.by_address.insert(near, number);
                    number
                }
            };
            if let Some(client) = self.clients.get_mut(self.flows[number].client) {
                client.up.push((number, datagram.into()), len, now);
            }
        }
    }

    fn read_flow(&mut self, number: usize) {
        let Some(flow) = self.flows.get_mut(number) else {
            return;
        };
        let Some(client) = self.clients.get_mut(flow.client) else {
            return;
        };
        loop {
            match flow.far.recv(&mut self.buffer) {
                Ok(len) => {
                    let datagram = self.buffer[..len].into();
                    client.down.push((number, datagram), len, Instant::now());
                }
                // The server is being started again.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(_) => return,
            }
        }
    }

    /// What has arrived goes on. A socket that is full loses it, as networks do.
    fn deliver(&mut self) {
        let now = Instant::now();
        for client in self.clients.iter_mut() {
            for direction in [Direction::Up, Direction::Down] {
                let link = match direction {
                    Direction::Up => &mut client.up,
                    Direction::Down => &mut client.down,
                };
                while let Some((number, datagram)) = link.pop(now) {
                    let Some(flow) = self.flows.get(number) else {
                        continue;
                    };
                    let _ = match direction {
                        Direction::Up => flow.far.send(&datagram),
                        Direction::Down => self.doorway.send_to(&datagram, flow.near),
                    };
                }
            }
        }
    }
}

/// A socket of its own towards the server: another address than any other's.
fn far_socket(poll: &Poll, target: SocketAddr, number: usize) -> io::Result<UdpSocket> {
    let mut far = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    far.connect(target)?;
    poll.registry()
        .register(&mut far, Token(number), Interest::READABLE)?;
    Ok(far)
}

//! One run: connect everybody, send by the clock, count.

use crate::client::{Arrival, Client};
use crate::net::{Buffers, Ready, now};
use crate::packet::Sizes;
use crate::server::{Server, Spec, Way};
use crate::shape::Shape;
use crate::sink::Sink;
use conclave_bench::floor;
use conclave_wire::control::{Command, Sending, Show, SlotAssignment, Source, SourceOf};
use conclave_wire::id::{ParticipantId, RoomId};
use hdrhistogram::Histogram;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::time::{Duration, Instant};

/// How long everybody may take to connect and to receive the first packet.
const SETUP: Duration = Duration::from_secs(60);

/// How often a connection's timers are looked at.
const TICK: Duration = Duration::from_millis(50);

/// Frames while everybody finds their streams.
const WARM_UP: Duration = Duration::from_millis(20);

/// How long after the last packet its copies are waited for.
const DRAIN: Duration = Duration::from_millis(500);

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) shape: Shape,
    /// Packets a second of each publisher.
    pub(crate) rate: u64,
    /// Packets of a frame.
    pub(crate) burst: usize,
    /// Time between a frame's packets; none sends them in one call.
    pub(crate) spacing: Duration,
    pub(crate) sizes: Sizes,
    pub(crate) seconds: u64,
    /// One participant of so many opens every packet it receives.
    pub(crate) sample: usize,
    pub(crate) publish_from: IpAddr,
    pub(crate) receive_at: IpAddr,
    pub(crate) sink: Option<Sink>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Copies that should have arrived.
    pub(crate) expected: u64,
    /// Copies that did.
    pub(crate) forwarded: u64,
    /// Datagrams a message to the device had; 0 without a sink.
    pub(crate) joined: f64,
    pub(crate) seconds: f64,
    /// Processor time of the server in ns.
    pub(crate) processor: u64,
    /// From when a packet was sent to when the kernel had its copy, in ns.
    pub(crate) latency: Histogram<u64>,
    /// Packets opened and compared.
    pub(crate) verified: u64,
    pub(crate) wrong: u64,
    /// Bytes the server grew by: everybody connected, and what it keeps of
    /// what they sent.
    pub(crate) memory: u64,
}

impl Outcome {
    pub(crate) fn processor_a_forward(&self) -> f64 {
        self.processor as f64 / self.forwarded.max(1) as f64
    }

    pub(crate) fn loss(&self) -> f64 {
        1.0 - self.forwarded as f64 / self.expected.max(1) as f64
    }
}

struct Run {
    clients: Vec<Client>,
    ready: Ready,
    buffers: Buffers,
    next_tick: usize,
    ticked: Instant,
    /// By publisher: which client, when each packet was sent, and which count.
    publishers: Vec<Publisher>,
    counted: u64,
    latency: Histogram<u64>,
}

struct Publisher {
    client: usize,
    sent: Vec<u64>,
    window: Range<u64>,
}

pub(crate) fn run(spec: &Spec, plan: &Plan) -> Result<Outcome, Box<dyn Error>> {
    if let Some(sink) = &plan.sink {
        sink.open()?;
    }
    let mut server = Server::start(spec)?;
    let mut run = Run {
        clients: Vec::new(),
        ready: Ready::new()?,
        buffers: Buffers::new(),
        next_tick: 0,
        ticked: Instant::now(),
        publishers: Vec::new(),
        counted: 0,
        latency: Histogram::new_with_bounds(1, 60_000_000_000, 3)?,
    };
    std::thread::sleep(Duration::from_millis(300));
    let before = server.memory()?;
    match spec.way {
        Way::Webrtc => run.connect(&mut server, plan)?,
        Way::Plain => run.connect_plain(&mut server, plan)?,
    }
    run.warm_up(plan)?;
    let device = match &plan.sink {
        Some(sink) => {
            sink.close()?;
            run.idle(Duration::from_millis(200));
            Some((sink, sink.count()?))
        }
        None => None,
    };
    let processor = server.processor_time()?;
    let start = Instant::now();
    let payload = run.measure(plan);
    let (seconds, processor) = (
        start.elapsed().as_secs_f64(),
        server.processor_time()? - processor,
    );
    let memory = server.memory()?.saturating_sub(before);
    run.idle(DRAIN);
    let receivers = plan.shape.publishers + plan.shape.viewers - 1;
    let sent: u64 = run
        .publishers
        .iter()
        .map(|p| p.window.end - p.window.start)
        .sum();
    let (mut forwarded, mut joined) = (run.counted, 0.0);
    if let Some((sink, before)) = device {
        let count = sink.count()?;
        let overhead = run.clients.iter().map(|client| client.overhead).min();
        let len = overhead.unwrap_or(0) as f64 + payload as f64 / sent.max(1) as f64;
        forwarded = count.datagrams_since(&before, len);
        joined = forwarded as f64 / count.messages_since(&before).max(1) as f64;
    }
    if std::env::var_os("LOAD_COUNTERS").is_some() {
        server.write("counters")?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(Outcome {
        expected: sent * receivers as u64,
        forwarded,
        joined,
        seconds,
        processor,
        latency: run.latency,
        verified: run.clients.iter().map(|client| client.verified).sum(),
        wrong: run.clients.iter().map(|client| client.wrong).sum(),
        memory,
    })
}

impl Run {
    fn connect(&mut self, server: &mut Server, plan: &Plan) -> Result<(), Box<dyn Error>> {
        let shape = plan.shape;
        let members = shape.publishers + shape.viewers;
        for index in 0..shape.participants() {
            let (room, member) = (index / members, index % members);
            let publishes = member < shape.publishers;
            let mut client = self.client(plan, index, publishes, Client::new)?;
            let receives = shape.publishers - usize::from(publishes);
            client.negotiate(publishes, receives, |offer, mids| {
                let sending = mids.first().filter(|_| publishes).map(|mid| Sending {
                    mid: mid.to_string().parse().unwrap_or_else(|_| unreachable!()),
                    source: Source::Camera,
                });
                server.command(&Command::Connect {
                    room: RoomId(number(room)),
                    participant: ParticipantId(number(index)),
                    request: index as u64,
                    offer,
                    sending: sending.into_iter().collect(),
                    discreet: false,
                })?;
                server.answer(|| self.turn(|_, _| {}))
            })?;
            self.clients.push(client);
            self.turn(|_, _| {});
        }
        let deadline = Instant::now() + SETUP;
        while !self.clients.iter().all(|client| client.connected) {
            if Instant::now() > deadline {
                return Err("not everybody connects".into());
            }
            self.turn(|_, _| {});
        }
        for index in 0..shape.participants() {
            let (room, member) = (index / members, index % members);
            let publishes = member < shape.publishers;
            let slots = self.clients[index].mids.iter().skip(usize::from(publishes));
            let others = (0..shape.publishers).filter(|other| *other != member);
            let slots = slots.zip(others).map(|(mid, other)| SlotAssignment {
                mid: mid.to_string().parse().unwrap_or_else(|_| unreachable!()),
                carries: Some(SourceOf {
                    participant: ParticipantId(number(room * members + other)),
                    source: Source::Camera,
                }),
                show: Show::default(),
            });
            server.command(&Command::Assign {
                participant: ParticipantId(number(index)),
                slots: slots.collect(),
            })?;
        }
        Ok(())
    }

    fn connect_plain(&mut self, server: &mut Server, plan: &Plan) -> Result<(), Box<dyn Error>> {
        let shape = plan.shape;
        if shape.rooms != 1 || shape.publishers != 1 || plan.sizes != Sizes::Full {
            return Err("the floor has one room, one publisher and full packets".into());
        }
        for index in 0..shape.participants() {
            let client = self.client(plan, index, index == 0, |address, publisher, sampled| {
                Client::plain(address, publisher, sampled, index)
            })?;
            self.clients.push(client);
        }
        let subscribers = self.clients.iter().skip(1).map(Client::address).collect();
        server.write(&serde_json::to_string(&floor::Setup { subscribers })?)?;
        let SocketAddr::V4(address) = server.line()?.parse()? else {
            return Err("the floor speaks IPv4".into());
        };
        for client in &mut self.clients {
            client.set_server(address);
        }
        Ok(())
    }

    /// A participant, registered as a publisher if it is one.
    fn client(
        &mut self,
        plan: &Plan,
        index: usize,
        publishes: bool,
        make: impl FnOnce(SocketAddr, u32, bool) -> std::io::Result<Client>,
    ) -> Result<Client, Box<dyn Error>> {
        let address = match publishes && plan.shape.viewers > 0 {
            true => plan.publish_from,
            false => plan.receive_at,
        };
        let sampled = index.is_multiple_of(plan.sample.max(1));
        let publisher = self.publishers.len() as u32;
        let client = make(SocketAddr::new(address, 0), publisher, sampled)?;
        self.ready.add(&client.socket, index)?;
        if publishes {
            self.publishers.push(Publisher {
                client: index,
                sent: Vec::new(),
                window: 0..0,
            });
        }
        Ok(client)
    }

    /// Sends slowly until everybody knows their streams.
    fn warm_up(&mut self, plan: &Plan) -> Result<(), Box<dyn Error>> {
        let shape = plan.shape;
        let known = |run: &Self| run.clients.iter().map(|c| c.streams).sum::<usize>();
        let deadline = Instant::now() + SETUP;
        while known(self) < shape.subscriptions() {
            for publisher in 0..self.publishers.len() {
                self.prepare(publisher, plan);
                self.send(publisher, 0..plan.burst);
            }
            self.idle(WARM_UP);
            if Instant::now() > deadline {
                let (known, of) = (known(self), shape.subscriptions());
                return Err(format!("{known} of {of} streams are received").into());
            }
        }
        self.idle(DRAIN);
        Ok(())
    }

    /// Sends by the clock, whatever comes back; gives the bytes of all payloads.
    fn measure(&mut self, plan: &Plan) -> u64 {
        let publishers = self.publishers.len();
        let interval = 1_000_000_000 * plan.burst as u64 / plan.rate;
        let frames = plan.seconds * 1_000_000_000 / interval;
        let start = now();
        let mut payload = 0;
        // When, who, and which packet of the window.
        let mut queue = BinaryHeap::new();
        for publisher in 0..publishers {
            let offset = interval * publisher as u64 / publishers as u64;
            queue.push(Reverse((start + offset, publisher, 0)));
            let first = self.clients[self.publishers[publisher].client].next_index();
            self.publishers[publisher].window = first..first + frames * plan.burst as u64;
            payload += self.prepare(publisher, plan);
        }
        let spacing = plan.spacing.as_nanos() as u64;
        let together = if spacing == 0 { plan.burst } else { 1 };
        while let Some(Reverse((due, publisher, packet))) = queue.pop() {
            while now() < due {
                self.turn(Self::count);
            }
            let place = packet % plan.burst;
            self.send(publisher, place..place + together);
            let next = packet + together;
            let mut due = due + spacing;
            if next.is_multiple_of(plan.burst) {
                due += interval.saturating_sub(spacing * (plan.burst / together) as u64);
                if next as u64 == frames * plan.burst as u64 {
                    continue;
                }
                payload += self.prepare(publisher, plan);
            }
            queue.push(Reverse((due, publisher, next)));
        }
        payload
    }

    fn prepare(&mut self, publisher: usize, plan: &Plan) -> u64 {
        let client = self.publishers[publisher].client;
        let client = &mut self.clients[client];
        let before = client.prepared_bytes;
        client.prepare(plan.burst, plan.sizes);
        client.prepared_bytes - before
    }

    /// Sends packets of the prepared frame. Notes when, not when they were due:
    /// that the generator is late is not the server's fault, and what comes back
    /// does not hold up what is sent.
    fn send(&mut self, publisher: usize, packets: Range<usize>) {
        let publisher = &mut self.publishers[publisher];
        let client = &mut self.clients[publisher.client];
        let sent = publisher.sent.len() + packets.len();
        publisher.sent.resize(sent, now());
        client.send(packets);
    }

    fn idle(&mut self, duration: Duration) {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            self.turn(Self::count);
        }
    }

    fn count(&mut self, arrivals: &[(Arrival, u64)]) {
        for (arrival, at) in arrivals {
            let Some(publisher) = self.publishers.get(arrival.publisher) else {
                continue;
            };
            if publisher.window.contains(&arrival.index)
                && let Some(sent) = publisher.sent.get(arrival.index as usize)
            {
                self.counted += 1;
                // Above the bound is a minute: a run that is broken anyway.
                let _ = self.latency.record(at.saturating_sub(*sent).max(1));
            }
        }
    }

    /// Takes what has arrived, and lets time pass for one client.
    fn turn(&mut self, mut count: impl FnMut(&mut Self, &[(Arrival, u64)])) {
        let mut arrivals = Vec::new();
        let (clients, buffers) = (&mut self.clients, &mut self.buffers);
        self.ready.poll(|index| {
            let Some(client) = clients.get_mut(index) else {
                return;
            };
            let Ok(socket) = client.socket.try_clone() else {
                return;
            };
            buffers.receive(&socket, |bytes, at| {
                arrivals.extend(client.receive(bytes).map(|arrival| (arrival, at)));
            });
        });
        if self.ticked.elapsed() * self.clients.len().max(1) as u32 >= TICK {
            self.ticked = Instant::now();
            self.next_tick = (self.next_tick + 1) % self.clients.len().max(1);
            if let Some(client) = self.clients.get_mut(self.next_tick) {
                client.tick();
            }
        }
        count(self, &arrivals);
    }
}

fn number(index: usize) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(index as u64 + 1).to_be_bytes());
    id
}

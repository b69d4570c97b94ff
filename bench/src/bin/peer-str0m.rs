//! `peer-str0m ADDRESS`: the least SFU that str0m makes, for comparison: one
//! thread, one socket, a connection a client, and every packet written to each
//! receiver's connection. It speaks as `sfu-server` does and forwards what a
//! room's clients send to all others of it.

use conclave_wire::control::{Command, Event as Answered};
use conclave_wire::id::RoomId;
use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, ErrorKind, Write};
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};
use str0m::change::SdpOffer;
use str0m::format::Codec;
use str0m::media::Mid;
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

/// How often every connection's timers run.
const TICK: Duration = Duration::from_millis(20);

/// Datagrams read before timers and commands have their turn.
const TURN: usize = 64;

struct Client {
    rtc: Rtc,
    room: RoomId,
    /// Its place among its room's senders.
    sends: Option<usize>,
    /// Sections it receives on, in order.
    receives: Vec<Mid>,
}

struct Sfu {
    socket: UdpSocket,
    address: SocketAddr,
    clients: Vec<Client>,
    by_address: HashMap<SocketAddr, usize>,
    packets: Vec<(usize, RtpPacket)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    str0m::crypto::from_feature_flags().install_process_default();
    let address = std::env::args().nth(1).ok_or("usage: peer-str0m ADDRESS")?;
    let socket = UdpSocket::bind(address)?;
    socket.set_read_timeout(Some(Duration::from_millis(5)))?;
    let (sender, commands) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let mut sfu = Sfu {
        address: socket.local_addr()?,
        socket,
        clients: Vec::new(),
        by_address: HashMap::new(),
        packets: Vec::new(),
    };
    let mut ticked = Instant::now();
    while sfu.obey(&commands)? {
        sfu.read()?;
        if ticked.elapsed() >= TICK {
            ticked = Instant::now();
            for index in 0..sfu.clients.len() {
                sfu.handle(index, Input::Timeout(ticked));
            }
            sfu.forward();
        }
    }
    Ok(())
}

impl Sfu {
    /// Carries out commands; false when there will be no more.
    fn obey(&mut self, commands: &Receiver<String>) -> Result<bool, Box<dyn Error>> {
        loop {
            match commands.try_recv() {
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Ok(false),
                Ok(line) => {
                    if let Ok(command) = serde_json::from_str(&line) {
                        self.command(command)?;
                    }
                }
            }
        }
    }

    fn command(&mut self, command: Command) -> Result<(), Box<dyn Error>> {
        let Command::Connect {
            room,
            participant,
            request,
            offer,
            sending,
            ..
        } = command
        else {
            return Ok(());
        };
        let senders = self.clients.iter().filter(|c| c.room == room);
        let senders = senders.filter(|client| client.sends.is_some()).count();
        let config = RtcConfig::new().clear_codecs().enable_vp9(true);
        let mut rtc = config
            .set_rtp_mode(true)
            .set_ice_lite(true)
            .build(Instant::now());
        rtc.add_local_candidate(Candidate::host(self.address, Protocol::Udp)?);
        let answer = rtc
            .sdp_api()
            .accept_offer(SdpOffer::from_sdp_string(&offer)?)?;
        self.clients.push(Client {
            rtc,
            room,
            sends: (!sending.is_empty()).then_some(senders),
            receives: receiving(&offer),
        });
        self.pump(self.clients.len() - 1);
        let answered = Answered::Answer {
            participant,
            request,
            answer: answer.to_sdp_string(),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(&answered)?)?;
        out.flush()?;
        Ok(())
    }

    fn read(&mut self) -> Result<(), Box<dyn Error>> {
        let mut buffer = [0; 2048];
        for _ in 0..TURN {
            let (len, from) = match self.socket.recv_from(&mut buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let Ok(receive) = Receive::new(Protocol::Udp, from, self.address, &buffer[..len])
            else {
                continue;
            };
            let input = Input::Receive(Instant::now(), receive);
            let known = self.by_address.get(&from).copied();
            let accepts = || self.clients.iter().position(|c| c.rtc.accepts(&input));
            if let Some(index) = known.or_else(accepts) {
                self.by_address.insert(from, index);
                self.handle(index, input);
                self.forward();
            }
        }
        Ok(())
    }

    fn handle(&mut self, index: usize, input: Input<'_>) {
        // A connection that has failed forwards nothing, which the load sees.
        let _ = self.clients[index].rtc.handle_input(input);
        self.pump(index);
    }

    fn pump(&mut self, index: usize) {
        loop {
            match self.clients[index].rtc.poll_output() {
                Ok(Output::Timeout(_)) | Err(_) => return,
                Ok(Output::Transmit(transmit)) => {
                    let to = transmit.destination;
                    let _ = self.socket.send_to(&transmit.contents, to);
                }
                Ok(Output::Event(Event::RtpPacket(packet))) => self.packets.push((index, packet)),
                Ok(Output::Event(_)) => {}
            }
        }
    }

    /// Writes what came to every receiver.
    fn forward(&mut self) {
        let mut packets = std::mem::take(&mut self.packets);
        for (from, packet) in packets.drain(..) {
            let Some(sender) = self.clients[from].sends else {
                continue;
            };
            let room = self.clients[from].room;
            for index in 0..self.clients.len() {
                let client = &mut self.clients[index];
                if index == from || client.room != room {
                    continue;
                }
                // The others of the room, in order.
                let slot = sender - usize::from(client.sends.is_some_and(|own| own < sender));
                let params = client.rtc.codec_config().params();
                let vp9 = params.iter().find(|p| p.spec().codec == Codec::Vp9);
                let pt = vp9.map(|vp9| vp9.pt());
                let (Some(pt), Some(mid)) = (pt, client.receives.get(slot).copied()) else {
                    continue;
                };
                let now = Instant::now();
                let mut api = client.rtc.direct_api();
                let Some(stream) = api.stream_tx_by_mid(mid, None) else {
                    continue;
                };
                let write = RtpWrite::new(
                    pt,
                    packet.seq_no,
                    packet.header.timestamp,
                    now,
                    packet.payload.clone(),
                );
                stream.write_rtp(write.marker(packet.header.marker).nackable(true));
                self.handle(index, Input::Timeout(now));
            }
        }
        self.packets = packets;
    }
}

/// The sections an offer only receives on.
fn receiving(offer: &str) -> Vec<Mid> {
    let sections = offer.split("\nm=").skip(1);
    let sections = sections.filter(|section| section.contains("a=recvonly"));
    let mids = sections.filter_map(|section| section.split_once("a=mid:"));
    mids.filter_map(|(_, rest)| rest.lines().next())
        .map(|mid| Mid::from(mid.trim()))
        .collect()
}

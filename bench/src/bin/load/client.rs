//! A participant: its socket, its connection, what it sends and what it counts.

use crate::net;
use crate::packet::{self, Place, Sizes};
use conclave_bench::floor;
use conclave_sfu::rtp::Ssrc;
use conclave_sfu::rtp::seq::ExtSeq;
use conclave_sfu::srtp::Keys;
use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::ops::Range;
use std::time::Instant;
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, SeqNo};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

/// Timestamps of a frame at 30 a second.
const FRAME_TICKS: u64 = 3000;

/// RTP header without extensions.
const HEADER: usize = 12;

/// How a client is connected.
enum Session {
    Webrtc(Box<Rtc>),
    /// The floor's: keys known beforehand.
    Plain(Box<Keys>),
}

/// A stream that is received: which of its numbers stands for which packet.
#[derive(Debug, Clone, Copy)]
struct Known {
    seq: u16,
    publisher: usize,
    index: u64,
}

/// A packet that was received.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) publisher: usize,
    pub(crate) index: u64,
}

pub(crate) struct Client {
    pub(crate) socket: UdpSocket,
    pub(crate) connected: bool,
    /// Sections it sends (first) and receives on.
    pub(crate) mids: Vec<Mid>,
    /// Streams whose numbers are understood.
    pub(crate) streams: usize,
    /// Packets that were opened and found whole.
    pub(crate) verified: u64,
    /// Packets that were opened and are not what was sent.
    pub(crate) wrong: u64,
    /// Bytes of a media datagram besides its payload and padding.
    pub(crate) overhead: usize,
    /// Bytes of payload that were prepared.
    pub(crate) prepared_bytes: u64,
    /// Opens every packet, not only the first of a stream.
    sampled: bool,
    address: SocketAddr,
    session: Session,
    /// Bytes of the last media datagram.
    datagram: usize,
    known: HashMap<u32, Known>,
    server: Option<SocketAddrV4>,
    publisher: u32,
    packets: u64,
    frames: u64,
    keyframe: bool,
    pub(crate) prepared: Vec<Vec<u8>>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, publisher: u32, sampled: bool) -> io::Result<Self> {
        let socket = net::bind(address)?;
        let address = socket.local_addr()?;
        let mut rtc = RtcConfig::new()
            .clear_codecs()
            .enable_vp9(true)
            .set_rtp_mode(true)
            .build(Instant::now());
        rtc.add_local_candidate(Candidate::host(address, Protocol::Udp).map_err(io::Error::other)?);
        Ok(Self {
            socket,
            connected: false,
            mids: Vec::new(),
            streams: 0,
            verified: 0,
            wrong: 0,
            overhead: usize::MAX,
            datagram: 0,
            prepared_bytes: 0,
            sampled,
            address,
            session: Session::Webrtc(Box::new(rtc)),
            known: HashMap::new(),
            server: None,
            publisher,
            packets: 0,
            frames: 0,
            keyframe: true,
            prepared: Vec::new(),
        })
    }

    /// The same for the floor, whose key number this has.
    pub(crate) fn plain(
        address: SocketAddr,
        publisher: u32,
        sampled: bool,
        key: usize,
    ) -> io::Result<Self> {
        let mut client = Self::new(address, publisher, sampled)?;
        let keys = floor::keys(key).map_err(|_| io::Error::other("no keys"))?;
        client.session = Session::Plain(Box::new(keys));
        client.connected = true;
        Ok(client)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn set_server(&mut self, server: SocketAddrV4) {
        self.server = Some(server);
    }

    /// Negotiates, with the help of whoever answers offers.
    pub(crate) fn negotiate(
        &mut self,
        sends: bool,
        receives: usize,
        answer: impl FnOnce(String, &[Mid]) -> io::Result<String>,
    ) -> io::Result<()> {
        let Session::Webrtc(rtc) = &mut self.session else {
            return Ok(());
        };
        let mut api = rtc.sdp_api();
        let directions = std::iter::repeat_n(Direction::SendOnly, usize::from(sends))
            .chain(std::iter::repeat_n(Direction::RecvOnly, receives));
        for direction in directions {
            let mid = api.add_media(MediaKind::Video, direction, None, None, None);
            self.mids.push(mid);
        }
        let (offer, pending) = api
            .apply()
            .ok_or_else(|| io::Error::other("nothing to offer"))?;
        let answer = answer(offer.to_sdp_string(), &self.mids)?;
        let answer =
            str0m::change::SdpAnswer::from_sdp_string(&answer).map_err(io::Error::other)?;
        rtc.sdp_api()
            .accept_answer(pending, answer)
            .map_err(io::Error::other)?;
        self.pump();
        Ok(())
    }

    /// Lets time pass for the connection.
    pub(crate) fn tick(&mut self) {
        if let Session::Webrtc(rtc) = &mut self.session {
            // A connection that has failed shows in what is not received.
            let _ = rtc.handle_input(Input::Timeout(Instant::now()));
        }
        self.pump();
    }

    /// Takes a datagram; gives what it was if it was media that is understood.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Option<Arrival> {
        if !is_media(bytes) {
            self.feed(bytes);
            return None;
        }
        let ssrc = u32::from_be_bytes(*bytes.get(8..12)?.first_chunk()?);
        let seq = u16::from_be_bytes(*bytes.get(2..4)?.first_chunk()?);
        self.datagram = bytes.len();
        if self.sampled || !self.known.contains_key(&ssrc) {
            self.feed(bytes);
        }
        let known = self.known.get(&ssrc)?;
        let distance = seq.wrapping_sub(known.seq) as i16;
        let index = known.index.checked_add_signed(i64::from(distance))?;
        let arrival = Arrival {
            publisher: known.publisher,
            index,
        };
        // Sixteen bits go only so far.
        if distance > 1 << 13 {
            let known = Known {
                seq,
                index,
                ..*known
            };
            self.known.insert(ssrc, known);
        }
        Some(arrival)
    }

    /// Seals the next frame, so that sending it later takes no time.
    pub(crate) fn prepare(&mut self, packets: usize, sizes: Sizes) {
        self.prepared.clear();
        for packet in 0..packets {
            let len = sizes.payload(self.publisher, self.frames, packet, packets);
            self.prepared_bytes += len as u64;
            let place = Place {
                len,
                publisher: self.publisher,
                index: self.packets,
                frame: self.frames,
                keyframe: self.keyframe,
                begins: packet == 0,
                ends: packet + 1 == packets,
            };
            self.packets += 1;
            self.seal(&place);
        }
        self.frames += 1;
        self.keyframe = false;
    }

    /// Sends those packets of the prepared frame.
    pub(crate) fn send(&mut self, packets: Range<usize>) -> usize {
        let packets = self.prepared.get(packets).unwrap_or_default();
        let server = self.server;
        server.map_or(0, |to| net::send(&self.socket, to, packets))
    }

    /// The number of the first packet that is not prepared yet.
    pub(crate) fn next_index(&self) -> u64 {
        self.packets
    }

    fn seal(&mut self, place: &Place) {
        let payload = packet::payload(place);
        // Numbers begin at 1, below half of their range.
        let seq = place.index + 1;
        let timestamp = (place.frame * FRAME_TICKS) as u32;
        match &mut self.session {
            Session::Webrtc(rtc) => {
                let params = rtc.codec_config().params();
                let vp9 = params.iter().find(|p| p.spec().codec == Codec::Vp9);
                let (Some(pt), Some(mid)) = (vp9.map(|vp9| vp9.pt()), self.mids.first()) else {
                    return;
                };
                let now = Instant::now();
                let mut api = rtc.direct_api();
                let Some(stream) = api.stream_tx_by_mid(*mid, None) else {
                    return;
                };
                let write = RtpWrite::new(pt, SeqNo::from(seq), timestamp, now, payload);
                stream.write_rtp(write.marker(place.ends));
                self.tick();
            }
            Session::Plain(keys) => {
                let mut header = [0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
                header[1] |= if place.ends { 0x80 } else { 0 };
                header[2..4].copy_from_slice(&(seq as u16).to_be_bytes());
                header[4..8].copy_from_slice(&timestamp.to_be_bytes());
                let mut out = vec![0; HEADER + payload.len() + 16];
                let number = ExtSeq(ExtSeq::ORIGIN + seq);
                let sealed = keys.seal_rtp(Ssrc(1), number, &header, &payload, &mut out);
                if sealed.is_ok() {
                    self.prepared.push(out);
                }
            }
        }
    }

    /// Opens a datagram.
    fn feed(&mut self, bytes: &[u8]) {
        match &mut self.session {
            Session::Webrtc(rtc) => {
                let from = self.server.map(SocketAddr::V4);
                let Some(from) = from else { return };
                if let Ok(receive) = Receive::new(Protocol::Udp, from, self.address, bytes) {
                    let _ = rtc.handle_input(Input::Receive(Instant::now(), receive));
                }
                self.pump();
            }
            Session::Plain(keys) => {
                let mut payload = [0; 2048];
                let (Some(ssrc), Some(seq)) = (
                    bytes.get(8..12).and_then(|b| b.first_chunk()),
                    bytes.get(2..4).and_then(|b| b.first_chunk()),
                ) else {
                    return;
                };
                let (ssrc, seq) = (u32::from_be_bytes(*ssrc), u16::from_be_bytes(*seq));
                // Before the first wrap, which no run reaches undecided.
                let number = ExtSeq::first(seq);
                let opened = keys.open_rtp(Ssrc(ssrc), number, bytes, HEADER, &mut payload);
                let payload = opened.ok().and_then(|len| payload.get(..len));
                self.note(ssrc, seq, payload.unwrap_or_default());
            }
        }
    }

    fn note(&mut self, ssrc: u32, seq: u16, payload: &[u8]) {
        let Some((publisher, index)) = packet::read(payload) else {
            self.wrong += 1;
            return;
        };
        let overhead = self.datagram.saturating_sub(payload.len());
        self.overhead = self.overhead.min(overhead);
        self.verified += 1;
        let known = Known {
            seq,
            publisher,
            index,
        };
        if self.known.insert(ssrc, known).is_none() {
            self.streams += 1;
        }
    }

    /// Does what the connection wants done.
    fn pump(&mut self) {
        loop {
            let Session::Webrtc(rtc) = &mut self.session else {
                return;
            };
            match rtc.poll_output() {
                Ok(Output::Timeout(_)) | Err(_) => return,
                Ok(Output::Transmit(transmit)) => {
                    if let SocketAddr::V4(to) = transmit.destination {
                        self.server = Some(to);
                    }
                    if is_media(&transmit.contents) {
                        self.prepared.push(transmit.contents.to_vec());
                    } else {
                        let _ = self
                            .socket
                            .send_to(&transmit.contents, transmit.destination);
                    }
                }
                Ok(Output::Event(Event::Connected)) => self.connected = true,
                Ok(Output::Event(Event::KeyframeRequest(_))) => self.keyframe = true,
                Ok(Output::Event(Event::RtpPacket(packet))) => {
                    let header = &packet.header;
                    self.note(*header.ssrc, header.sequence_number, &packet.payload);
                }
                Ok(Output::Event(_)) => {}
            }
        }
    }
}

/// RFC 7983 and RFC 5761: RTP, and not RTCP.
fn is_media(bytes: &[u8]) -> bool {
    matches!(bytes, [128..=191, second, ..] if !(192..=223).contains(second))
}

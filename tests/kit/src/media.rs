//! The media connection of a scripted member: gives the sealed frames as they
//! came, opened by nobody.

use crate::deadline::{PATIENCE, within};
use crate::member::Member;
use conclave_client::transport::{Config, Event, Incoming, Kind, Outgoing, Transport};
use conclave_client::vp9::descriptor::Descriptor;
use conclave_wire::client::{Request, ServerFrame};
use conclave_wire::control::{Show, SlotAssignment, Source, SourceOf};
use conclave_wire::id::{Mid, ParticipantId};
use std::collections::HashMap;
use tokio::sync::mpsc;

/// Packets that may wait for a test that looks elsewhere; the transport's
/// driver stalls beyond.
const QUEUE: usize = 64 * 1024;

/// A sealed frame, put together from its packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Sound or pictures.
    pub kind: Kind,
    /// SFrame header, ciphertext and tag.
    pub bytes: Vec<u8>,
}

/// The media connection.
pub struct Media {
    transport: Transport,
    events: mpsc::Receiver<Event>,
    /// Its receive slots.
    pub slots: Vec<(Mid, Kind)>,
    /// RTP packets that have come in so far.
    pub packets: u64,
    /// The SFU let go of it, or it of the SFU.
    pub lost: bool,
    pictures: Pictures,
}

impl Media {
    /// Offers and waits until media can flow.
    ///
    /// # Panics
    /// When the offer is refused or the connection does not come up.
    pub async fn connect(member: &mut Member, sources: &[Source]) -> Self {
        let config = Config {
            bind: vec![([127, 0, 0, 1], 0).into()],
            sources: sources.to_vec(),
            audio_slots: 2,
            video_slots: 2,
            tcp: false,
            discreet: false,
        };
        let (sender, events) = mpsc::channel(QUEUE);
        let (mut transport, offer) = Transport::open(&config, sender).await.expect("an offer");
        let answer = member
            .raw
            .ask(Request::Offer {
                sdp: offer.sdp,
                sending: offer.sending,
            })
            .await;
        let ServerFrame::Answer { sdp, .. } = answer else {
            panic!("the offer: {answer:?}")
        };
        transport.accept(&sdp).await.expect("the answer fits");
        let mut media = Self {
            transport,
            events,
            slots: offer.slots,
            packets: 0,
            lost: false,
            pictures: Pictures::default(),
        };
        within(PATIENCE, "the media connection", async {
            loop {
                match media.events.recv().await {
                    Some(Event::Connected) => return,
                    Some(Event::Lost) | None => panic!("the media connection is lost"),
                    Some(_) => {}
                }
            }
        })
        .await;
        media
    }

    /// Lets the n-th slot of the source's kind carry it.
    ///
    /// # Panics
    /// When there is no such slot, or the server refuses.
    pub async fn carry(
        &self,
        member: &mut Member,
        nth: usize,
        participant: ParticipantId,
        source: Source,
    ) {
        let mut slots = self
            .slots
            .iter()
            .filter(|(_, kind)| *kind == Kind::of(source));
        let mid = slots.nth(nth).expect("a slot").0.clone();
        let carries = Some(SourceOf {
            participant,
            source,
        });
        member
            .raw
            .done(Request::Assign {
                slots: vec![SlotAssignment {
                    mid,
                    carries,
                    show: Show::default(),
                }],
            })
            .await;
    }

    /// Sends one packet of a source, whatever is in it.
    ///
    /// # Panics
    /// When the connection is closed.
    pub async fn send(&mut self, source: Source, timestamp: u32, marker: bool, payload: Vec<u8>) {
        let packet = Outgoing {
            timestamp,
            marker,
            level: None,
            payload: payload.into(),
        };
        self.transport
            .send(source, packet)
            .await
            .expect("the connection is open");
    }

    /// The next sealed frame.
    ///
    /// # Panics
    /// When none comes.
    pub async fn next(&mut self) -> Sealed {
        within(PATIENCE, "a sealed frame", async {
            loop {
                let event = self.events.recv().await.expect("the transport lives");
                if let Some(sealed) = self.take(event) {
                    return sealed;
                }
            }
        })
        .await
    }

    /// Every frame whose packets have come in by now.
    pub fn so_far(&mut self) -> Vec<Sealed> {
        let mut frames = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            frames.extend(self.take(event));
        }
        frames
    }

    fn take(&mut self, event: Event) -> Option<Sealed> {
        match event {
            Event::Packet(packet) => {
                self.packets += 1;
                self.pictures.take(packet)
            }
            Event::Lost => {
                self.lost = true;
                None
            }
            Event::Connected | Event::Interrupted | Event::KeyframeWanted(_) => None,
        }
    }
}

/// Puts sealed pictures together: on loopback packets come in order, and a
/// picture with a gap is left out.
#[derive(Default)]
pub struct Pictures {
    partial: HashMap<Mid, (u16, Vec<u8>)>,
}

impl Pictures {
    fn take(&mut self, packet: Incoming) -> Option<Sealed> {
        let Incoming {
            slot,
            kind,
            sequence,
            payload,
            ..
        } = packet;
        if kind == Kind::Audio {
            return Some(Sealed {
                kind,
                bytes: payload.to_vec(),
            });
        }
        self.piece(slot, sequence, &payload)
            .map(|bytes| Sealed { kind, bytes })
    }

    /// One packet of a picture; the sealed picture with its last one.
    pub fn piece(&mut self, slot: Mid, sequence: u16, payload: &[u8]) -> Option<Vec<u8>> {
        let descriptor = Descriptor::parse(payload)?;
        if descriptor.begins {
            self.partial.insert(slot.clone(), (sequence, Vec::new()));
        }
        let (expected, bytes) = self.partial.get_mut(&slot)?;
        if *expected != sequence {
            self.partial.remove(&slot);
            return None;
        }
        *expected = sequence.wrapping_add(1);
        bytes.extend_from_slice(&payload[descriptor.len..]);
        if descriptor.ends {
            self.partial.remove(&slot).map(|(_, bytes)| bytes)
        } else {
            None
        }
    }
}

//! What commands do to a shard's tables. Everything that allocates happens
//! here, and nothing here happens for a packet.

use crate::allowance::Allowance;
use crate::codec::MediaKind;
use crate::config::{SCREEN_SILENT, SECTIONS_MAX};
use crate::dtls;
use crate::encoding::Encoding;
use crate::estimate::Estimate;
use crate::history::History;
use crate::ice::Generation;
use crate::metrics::Counter;
use crate::negotiate::{Local, Offer, Role, Section, SlotStreams};
use crate::pace::Pace;
use crate::path::Paths;
use crate::peer::{Payload, Peer, PeerKey, SendingSection};
use crate::room::Room;
use crate::rtp::Ssrc;
use crate::rtp::extension::{Ids, Kind};
use crate::shard::Shard;
use crate::slot::Slot;
use crate::track::{Owner, Published, Subscriber, Track};
use crate::twcc::Arrivals;
use aws_lc_rs::rand::SecureRandom;
use conclave_wire::code::Code;
use conclave_wire::control::{Command, Event, Source, SourceOf};
use conclave_wire::id::{Mid, ParticipantId, RoomId};
use std::collections::HashMap;
use std::time::Instant;

/// A section that a client no longer sends has no track.
const NO_TRACK: usize = usize::MAX;

/// What a slot of a connection that is replaced was to carry.
#[derive(Debug, Clone, Copy)]
struct Carried {
    carries: Option<SourceOf>,
    floats: bool,
}

/// What an offer is to a connection that exists.
enum Continues {
    /// Under the same ICE credentials.
    Same,
    /// Under new ones, on the same DTLS association.
    Restarted,
}

/// Whether an offer continues a connection. Another certificate is another
/// DTLS association (RFC 8842 section 5.1), and another SDP session the offer
/// of another connection object, which may have the same certificate.
fn continues(peer: &Peer, offer: &Offer) -> Option<Continues> {
    if peer.ice.remote == offer.credentials {
        Some(Continues::Same)
    } else if peer.dtls.expected() == offer.fingerprint && peer.session == offer.session {
        Some(Continues::Restarted)
    } else {
        None
    }
}

impl Shard {
    /// Carries out a command.
    pub(crate) fn command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Connect {
                room,
                participant,
                request,
                offer,
                sending,
                discreet,
            } => {
                let offer = Offer::parse(&offer, &sending).map(|mut offer| {
                    if discreet {
                        offer.keep_discreet();
                    }
                    offer
                });
                let answer = offer.and_then(|offer| self.connect(now, room, participant, offer));
                let event = match answer {
                    Ok(answer) => Event::Answer {
                        participant,
                        request,
                        answer,
                    },
                    Err(code) => Event::Refused {
                        participant,
                        request,
                        code,
                    },
                };
                self.events.push_back(event);
            }
            Command::Assign { participant, slots } => self.assign(now, participant, &slots),
            Command::RequestKeyframes { room } => self.request_keyframes(now, room),
            Command::Disconnect { participant } => {
                if let Some(key) = self.by_participant.get(&participant) {
                    self.disconnect(*key);
                }
            }
            Command::Close { room } => {
                let members = self.rooms.remove(&room).unwrap_or_default().members;
                for member in members {
                    self.disconnect(member);
                }
            }
        }
        self.burst.admit(self.peers.len());
        self.metrics.set_connections(self.by_participant.len());
    }

    fn connect(
        &mut self,
        now: Instant,
        room: RoomId,
        participant: ParticipantId,
        mut offer: Offer,
    ) -> Result<String, Code> {
        if self.limits.heard.is_none() {
            offer.give_up(Kind::AudioLevel);
        }
        let running = self.by_participant.get(&participant).copied();
        self.admit(room, running, &offer)?;
        let here = running.filter(|key| self.peer(*key).is_some_and(|peer| peer.room == room));
        let mut carried = HashMap::new();
        let key = match here.and_then(|key| Some((key, continues(self.peer(key)?, &offer)?))) {
            Some((key, Continues::Same)) => key,
            Some((key, Continues::Restarted)) => {
                self.restart(key, &offer)?;
                key
            }
            None => {
                let peer = self.new_peer(now, room, participant, &offer)?;
                if let Some(old) = running {
                    carried = self.carried(old);
                    self.untell(old);
                    self.disconnect(old);
                }
                self.add_peer(peer)
            }
        };
        self.apply(now, key, &offer, &carried)?;
        self.answer(key, &offer)
    }

    /// An ICE restart (RFC 8445 section 9): new credentials, and a choice of
    /// addresses anew. The handshake, its keys and everything else stay; until
    /// the client has chosen, so does its address.
    fn restart(&mut self, key: PeerKey, offer: &Offer) -> Result<(), Code> {
        let fresh = Generation::new(&self.rng, self.index, offer.credentials.clone());
        let fresh = fresh.map_err(|_| Code::Internal)?;
        let Some(Some(peer)) = self.peers.get_mut(key.0) else {
            return Err(Code::Internal);
        };
        self.by_ufrag.insert(fresh.local.ufrag.clone(), key);
        let before = std::mem::replace(&mut peer.ice, fresh);
        // A restart before the last one came to anything ends that one.
        let forgotten = match peer.ice_before {
            Some(_) => Some(before),
            None => peer.ice_before.replace(before),
        };
        if let Some(forgotten) = forgotten {
            self.by_ufrag.remove(&forgotten.local.ufrag);
        }
        self.metrics.count(Counter::IceRestarts);
        Ok(())
    }

    /// Whether there is room, before anything is changed.
    fn admit(&self, room: RoomId, running: Option<PeerKey>, offer: &Offer) -> Result<(), Code> {
        let here = |key: &PeerKey| self.peer(*key).is_some_and(|peer| peer.room == room);
        if running.is_none() && self.by_participant.len() >= self.limits.connections {
            return Err(Code::Full);
        }
        let members = self.rooms.get(&room).map_or(0, |room| room.members.len());
        if !running.as_ref().is_some_and(here) && members >= self.limits.room {
            return Err(Code::Full);
        }
        let wanted: usize = offer
            .sections
            .iter()
            .filter_map(|section| match section.role {
                Role::Sending(_, kind) => Some(self.history_of(kind) * section.encodings()),
                _ => None,
            })
            .sum();
        let held: usize = running
            .and_then(|key| self.peer(key))
            .into_iter()
            .flat_map(|peer| &peer.sections)
            .filter_map(|section| self.tracks.get(section.track)?.as_ref())
            .map(held_by)
            .sum();
        if wanted > held + self.pool.available() {
            return Err(Code::Full);
        }
        Ok(())
    }

    pub(crate) fn history_of(&self, kind: MediaKind) -> usize {
        match kind {
            MediaKind::Audio => self.limits.audio_history,
            MediaKind::Video => self.limits.video_history,
        }
        .max(1)
    }

    /// What the slots of a connection that is replaced were to carry.
    fn carried(&self, key: PeerKey) -> HashMap<Mid, Carried> {
        self.peer(key)
            .into_iter()
            .flat_map(|peer| &peer.slots)
            .map(|slot| {
                let (carries, floats) = (slot.carries, slot.floats);
                (slot.mid.clone(), Carried { carries, floats })
            })
            .collect()
    }

    fn new_peer(
        &self,
        now: Instant,
        room: RoomId,
        participant: ParticipantId,
        offer: &Offer,
    ) -> Result<Peer, Code> {
        let ice = Generation::new(&self.rng, self.index, offer.credentials.clone());
        Ok(Peer {
            participant,
            room,
            session: offer.session,
            ice: ice.map_err(|_| Code::Internal)?,
            ice_before: None,
            paths: Paths::default(),
            heard: now,
            dtls: dtls::Session::new(offer.fingerprint),
            keys: None,
            announced: false,
            rtcp_ssrc: Ssrc(self.random()?),
            rtcp_index: 1,
            rtcp_windows: Vec::new(),
            sections: Vec::new(),
            ids: Ids::default(),
            allocation: Box::default(),
            inbound: Vec::new(),
            by_ssrc: HashMap::new(),
            slots: Vec::new(),
            estimate: None,
            repairs: Allowance::default(),
            pace: Pace::default(),
            arrivals: Arrivals::new(now),
            reduced_size: offer.reduced_size,
            ntp_offset: None,
            answers: 0,
            feedback_due: now,
            reports_due: now,
            share_due: now,
        })
    }

    fn add_peer(&mut self, peer: Peer) -> PeerKey {
        let free = self.peers.iter().position(Option::is_none);
        let key = PeerKey(free.unwrap_or(self.peers.len()));
        self.by_participant.insert(peer.participant, key);
        self.by_ufrag.insert(peer.ice.local.ufrag.clone(), key);
        let heard = self.limits.heard;
        let room = self.rooms.entry(peer.room);
        let room = room.or_insert_with(|| Room::new(heard));
        room.members.push(key);
        match free {
            Some(free) => self.peers[free] = Some(peer),
            None => self.peers.push(Some(peer)),
        }
        key
    }

    fn answer(&mut self, key: PeerKey, offer: &Offer) -> Result<String, Code> {
        let Some(Some(peer)) = self.peers.get_mut(key.0) else {
            return Err(Code::Internal);
        };
        peer.answers += 1;
        let local = Local {
            credentials: &peer.ice.local,
            fingerprint: &self.fingerprint,
            candidates: &self.candidates,
            tcp_candidates: &self.tcp_candidates,
            version: peer.answers,
        };
        Ok(offer.answer(&local, |mid| {
            let slot = peer.slots.iter().find(|slot| slot.mid == *mid)?;
            Some(slot.streams)
        }))
    }

    /// Makes a connection's sections and slots what the offer says.
    fn apply(
        &mut self,
        now: Instant,
        key: PeerKey,
        offer: &Offer,
        carried: &HashMap<Mid, Carried>,
    ) -> Result<(), Code> {
        let Some(peer) = self.peers.get_mut(key.0).and_then(Option::as_mut) else {
            return Err(Code::Internal);
        };
        peer.ids = offer
            .sections
            .iter()
            .filter(|section| matches!(section.role, Role::Sending(..)))
            .fold(peer.ids, |ids, section| merge(ids, section.ids));
        let room = peer.room;
        self.links.loosen(room);
        self.end_unsent(key, offer);
        self.end_unopened(key, offer);
        for section in &offer.sections {
            match section.role {
                Role::Sending(source, kind) => {
                    self.send_section(now, key, section, source, kind)?
                }
                Role::Slot(kind) => {
                    let carried = carried.get(&section.mid).copied();
                    self.slot_section(now, key, section, kind, carried)?;
                }
                Role::Rejected | Role::Inactive => {}
            }
        }
        self.listen(key);
        Ok(())
    }

    /// Tells the room which slots of a connection float.
    pub(crate) fn listen(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.get(key.0).and_then(Option::as_ref) else {
            return;
        };
        let slots = peer.slots.iter().enumerate();
        let floating = slots.filter(|(_, slot)| slot.floats);
        let floating = floating.map(|(index, _)| index).collect();
        let room = peer.room;
        if let Some(listened) = self.rooms.get_mut(&room) {
            listened.listen(key, floating);
        }
        self.want_listened(room);
    }

    /// Ends the tracks of sections that no longer send the same.
    fn end_unsent(&mut self, key: PeerKey, offer: &Offer) {
        let count = self.peer(key).map_or(0, |peer| peer.sections.len());
        for index in 0..count {
            let Some(peer) = self.peer(key) else { return };
            let section = &peer.sections[index];
            let source = self
                .tracks
                .get(section.track)
                .and_then(Option::as_ref)
                .map(|track| track.source.source);
            let kept = offer.sections.iter().any(|offered| {
                offered.mid == section.mid
                    && offered.rids == section.rids
                    && matches!(offered.role, Role::Sending(s, _) if Some(s) == source)
            });
            if !kept {
                let track = section.track;
                self.end_track(track);
                if let Some(Some(peer)) = self.peers.get_mut(key.0) {
                    peer.sections[index].track = NO_TRACK;
                    peer.sections[index].payloads.clear();
                }
            }
        }
    }

    /// Empties slots whose sections no longer receive.
    fn end_unopened(&mut self, key: PeerKey, offer: &Offer) {
        let count = self.peer(key).map_or(0, |peer| peer.slots.len());
        for index in 0..count {
            let Some(Some(peer)) = self.peers.get_mut(key.0) else {
                return;
            };
            let slot = &mut peer.slots[index];
            let kept = offer
                .sections
                .iter()
                .any(|offered| offered.mid == slot.mid && offered.role == Role::Slot(slot.kind));
            if !kept {
                slot.codecs.clear();
                (slot.carries, slot.floats) = (None, false);
                self.unsubscribe(Subscriber {
                    peer: key,
                    slot: index,
                });
            }
        }
    }

    fn send_section(
        &mut self,
        now: Instant,
        key: PeerKey,
        section: &Section,
        source: Source,
        kind: MediaKind,
    ) -> Result<(), Code> {
        let Some(peer) = self.peer(key) else {
            return Err(Code::Internal);
        };
        let known = peer.sections.iter().position(|s| s.mid == section.mid);
        let track = match known.map(|index| peer.sections[index].track) {
            Some(track) if track != NO_TRACK => track,
            _ => self.new_track(key, source, kind, section.encodings())?,
        };
        let Some(Some(peer)) = self.peers.get_mut(key.0) else {
            return Err(Code::Internal);
        };
        let payloads = section.codecs.iter().flat_map(|codec| {
            let rtx = codec.rtx.map(|rtx| (rtx, codec.codec, Payload::Repair));
            std::iter::once((codec.pt, codec.codec, Payload::Media)).chain(rtx)
        });
        let sending = SendingSection {
            mid: section.mid.clone(),
            track,
            payloads: payloads.collect(),
            repairs: section.codecs.iter().any(|codec| codec.offers("nack")),
            rids: section.rids.clone(),
        };
        // A section that ended long ago makes room for a new one.
        let ended = || {
            let mut sections = peer.sections.iter();
            sections.position(|known| known.track == NO_TRACK && known.mid != section.mid)
        };
        let crowded = peer.sections.len() >= SECTIONS_MAX;
        let index = match known.or_else(|| ended().filter(|_| crowded)) {
            Some(index) => {
                peer.sections[index] = sending;
                index
            }
            None => {
                peer.sections.push(sending);
                peer.sections.len() - 1
            }
        };
        if !section.rids.is_empty() {
            // The streams of a simulcast are told by their names.
            self.serve_track(now, track);
            return Ok(());
        }
        let repair = section.repairs.first().map(|(_, rtx)| *rtx);
        if let Some(media) = section.ssrcs.iter().find(|ssrc| Some(**ssrc) != repair) {
            peer.add_inbound(*media, index, 0, Payload::Media);
        }
        if let Some(repair) = repair {
            peer.add_inbound(repair, index, 0, Payload::Repair);
        }
        self.serve_track(now, track);
        Ok(())
    }

    fn new_track(
        &mut self,
        key: PeerKey,
        source: Source,
        kind: MediaKind,
        encodings: usize,
    ) -> Result<usize, Code> {
        let peer = self.peer(key).ok_or(Code::Internal)?;
        let (participant, room) = (peer.participant, peer.room);
        let history = self.history_of(kind);
        if !self.pool.reserve(history * encodings) {
            return Err(Code::Full);
        }
        let source = SourceOf {
            participant,
            source,
        };
        let encodings = (0..encodings)
            .map(|_| Encoding::new(self.fresh_serial(), history))
            .collect();
        let published = Published {
            owner: Owner::Peer(key),
            room,
            source,
            kind,
        };
        let index = self.add_track(Track::new(published, encodings));
        self.offer_track(index);
        Ok(index)
    }

    /// Puts a track into the table; gives its place.
    pub(crate) fn add_track(&mut self, track: Track) -> usize {
        let source = track.source;
        let free = self.tracks.iter().position(Option::is_none);
        let index = match free {
            Some(free) => {
                self.tracks[free] = Some(track);
                free
            }
            None => {
                self.tracks.push(Some(track));
                self.tracks.len() - 1
            }
        };
        self.by_source.insert(source, index);
        index
    }

    fn slot_section(
        &mut self,
        now: Instant,
        key: PeerKey,
        section: &Section,
        kind: MediaKind,
        carried: Option<Carried>,
    ) -> Result<(), Code> {
        let (ssrc, rtx, start) = (self.random()?, self.random()?, self.random()?);
        let Some(Some(peer)) = self.peers.get_mut(key.0) else {
            return Err(Code::Internal);
        };
        if section.ids.transport_cc != 0 && peer.estimate.is_none() {
            peer.estimate = Some(Box::new(Estimate::new(now)));
        }
        let known = |slot: &Slot| slot.mid == section.mid && slot.kind == kind;
        let index = match peer.slots.iter().position(known) {
            Some(index) => {
                peer.slots[index].update(section);
                index
            }
            None => {
                let streams = SlotStreams {
                    ssrc: Ssrc(ssrc),
                    rtx: Ssrc(rtx),
                };
                let mut slot = Slot::new(section, kind, streams, start as u16);
                if let Some(carried) = carried {
                    (slot.carries, slot.floats) = (carried.carries, carried.floats);
                }
                let closed = peer.slots.iter().position(|slot| slot.codecs.is_empty());
                match closed {
                    Some(index) => {
                        peer.slots[index] = slot;
                        index
                    }
                    None => {
                        peer.slots.push(slot);
                        peer.slots.len() - 1
                    }
                }
            }
        };
        self.point(
            now,
            Subscriber {
                peer: key,
                slot: index,
            },
        );
        Ok(())
    }

    pub(crate) fn end_track(&mut self, index: usize) {
        self.end_relaying(index);
        let Some(mut track) = self.tracks.get_mut(index).and_then(Option::take) else {
            return;
        };
        for subscriber in &track.subscribers {
            if let Some(Some(peer)) = self.peers.get_mut(subscriber.peer.0)
                && let Some(slot) = peer.slots.get_mut(subscriber.slot)
            {
                slot.lose(index);
            }
        }
        if let Some(room) = self.rooms.get_mut(&track.room) {
            room.speakers.forget(index);
            for listener in &room.listeners {
                if let Some(Some(peer)) = self.peers.get_mut(listener.peer.0) {
                    peer.slots.iter_mut().for_each(|slot| slot.lose(index));
                }
            }
        }
        self.pool.unreserve(held_by(&track));
        for encoding in &mut track.encodings {
            encoding.history.clear(&mut self.pool);
        }
        if self.by_source.get(&track.source) == Some(&index) {
            self.by_source.remove(&track.source);
        }
        if let Owner::Shard(shard, relay) = track.owner {
            self.links.mirrors.remove(&(shard, relay));
        }
    }

    fn request_keyframes(&mut self, now: Instant, room: RoomId) {
        let members = self.rooms.get(&room).map(|room| room.members.clone());
        for index in 0..self.tracks.len() {
            let Some(Some(track)) = self.tracks.get_mut(index) else {
                continue;
            };
            let owner = track.owner.peer();
            let here = members.as_ref().zip(owner);
            let here = here.is_some_and(|(members, owner)| members.contains(&owner));
            if here && track.kind == MediaKind::Video {
                // What has not been sent lately begins with a keyframe.
                let sent = |encoding: &&mut Encoding| encoding.is_alive(now, SCREEN_SILENT);
                for encoding in track.encodings.iter_mut().filter(sent) {
                    encoding.keyframes.want_fresh();
                }
                self.ask_keyframe(now, index);
            }
        }
    }

    /// Forgets a connection and everything of it.
    pub(crate) fn disconnect(&mut self, key: PeerKey) {
        let slots = self.peer(key).map_or(0, |peer| peer.slots.len());
        for slot in 0..slots {
            self.unsubscribe(Subscriber { peer: key, slot });
        }
        let sections = self.peer(key).map_or(0, |peer| peer.sections.len());
        for section in 0..sections {
            let track = self.peer(key).map(|peer| peer.sections[section].track);
            track.into_iter().for_each(|track| self.end_track(track));
        }
        let Some(peer) = self.peers.get_mut(key.0).and_then(Option::take) else {
            return;
        };
        for address in peer.paths.iter() {
            if self.by_address.get(&address) == Some(&key) {
                self.by_address.remove(&address);
            }
        }
        for ice in std::iter::once(&peer.ice).chain(&peer.ice_before) {
            self.by_ufrag.remove(&ice.local.ufrag);
        }
        self.by_participant.remove(&peer.participant);
        self.want_elsewhere(peer.room, peer.participant);
        if let Some(room) = self.rooms.get_mut(&peer.room) {
            room.members.retain(|member| *member != key);
            room.listen(key, Vec::new());
            if room.members.is_empty() {
                self.rooms.remove(&peer.room);
            }
        }
        self.metrics.set_connections(self.by_participant.len());
    }

    /// A connection that is over by itself.
    pub(crate) fn lose(&mut self, key: PeerKey) {
        if let Some(participant) = self.peer(key).map(|peer| peer.participant) {
            self.disconnect(key);
            self.metrics.count(Counter::Lost);
            self.events.push_back(Event::Lost { participant });
        }
    }

    /// A connection.
    pub(crate) fn peer(&self, key: PeerKey) -> Option<&Peer> {
        self.peers.get(key.0)?.as_ref()
    }

    fn random(&self) -> Result<u32, Code> {
        let mut bytes = [0; 4];
        self.rng.fill(&mut bytes).map_err(|_| Code::Internal)?;
        Ok(u32::from_be_bytes(bytes))
    }
}

/// The pool slots that are reserved for a track.
fn held_by(track: &Track) -> usize {
    let histories = track.encodings.iter().map(|encoding| &encoding.history);
    histories.map(History::len).sum()
}

/// All sections of a bundle give an extension the same id (RFC 9143).
fn merge(mut known: Ids, section: Ids) -> Ids {
    for (kind, _) in Kind::URIS {
        match section.of(kind) {
            0 => {}
            id => known.set(kind, id),
        }
    }
    known
}

//! One PeerConnection: ICE, DTLS-SRTP and RTP for a participant.
//!
//! ```text
//!   publish ──▶ send(source, packet) ─┐            ┌─▶ Event::Packet{slot} ──▶ receive
//!                                     ├─ webrtc ◀─▶│
//!   receive ──▶ request_keyframe(slot)┘            └─▶ Event::KeyframeWanted{source} ──▶ publish
//! ```
//!
//! The client always offers, every section is one-way, and the slots are opened
//! once (`docs/protocol.md` section 6). What passes here is sealed already.

pub mod answer;
mod codecs;
mod feedback;

pub use codecs::{AUDIO_CLOCK, VIDEO_CLOCK};

use answer::Answer;
use bytes::Bytes;
use conclave_wire::control::{Sending, Source};
use conclave_wire::id::Mid;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::{
    NackGeneratorBuilder, NackResponderBuilder, ReceiverReportBuilder, Registry,
    SenderReportBuilder, Slot as Position, TwccReceiverBuilder, TwccSenderBuilder,
};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpRtxParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::sdp::extmap::{AUDIO_LEVEL_URI, SDES_MID_URI};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceCandidateInit,
    RTCIceGatheringState, RTCPeerConnectionState, SettingEngineBuilder, SrtpProtectionProfile,
    StatsSelector,
};
use webrtc::rtp_transceiver::RtpTransceiver;

/// Longest wait for local candidates. They are this host's own addresses, so
/// this is a matter of milliseconds; a higher limit only delays the error.
const GATHERING: Duration = Duration::from_secs(3);

/// Keyframe requests that may queue while the publisher is busy. One is enough
/// for the next keyframe; the rest are the same wish.
const WANTED: usize = 16;

/// Between two requests for a missing packet of a picture, which is waited for
/// 450 ms ([`crate::receive::reorder`]): longer repairs later what a request or
/// its answer was lost of. A server does not answer what is under way already.
const ASK_FOR_MISSING: Duration = Duration::from_millis(30);

/// Between two checks of the path in use. Shorter tells the SFU sooner of an
/// address that changed on the way, and costs two small packets each.
const KEEPALIVE: Duration = Duration::from_millis(500);

/// No check was answered for this long, seven of them: the path is dead, though
/// nobody sends media. Where somebody does, silence tells so sooner
/// ([`Transport::packets_received`]).
const INTERRUPTED: Duration = Duration::from_millis(3_500);

/// A path that stays dead for so long again is given up.
const LOST: Duration = Duration::from_secs(5);

/// Checks of a pair of addresses, five a second, until it is given up: as long
/// as [`LOST`], for what was blocked may be free again meanwhile.
const CHECKS: u16 = 25;

/// Requests for one packet; more would ask for what nobody waits for.
const ASKS: u16 = 15;

/// What a transport opens.
#[derive(Debug, Clone)]
pub struct Config {
    /// Local addresses to bind, one candidate each; `0.0.0.0` means every
    /// interface but loopback.
    pub bind: Vec<SocketAddr>,
    /// The sources that are sent, one section each.
    pub sources: Vec<Source>,
    /// Receive slots for sound.
    pub audio_slots: usize,
    /// Receive slots for pictures.
    pub video_slots: usize,
    /// Whether to try TCP (RFC 6544), too, where the SFU takes it. UDP is
    /// preferred.
    pub tcp: bool,
    /// Whether sound says nothing of itself beside its content: no level in its
    /// packets, and one size for all of them.
    pub discreet: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: vec![
                SocketAddr::from(([0, 0, 0, 0], 0)),
                SocketAddr::from(([127, 0, 0, 1], 0)),
            ],
            sources: vec![Source::Microphone],
            audio_slots: 8,
            video_slots: 12,
            tcp: false,
            discreet: false,
        }
    }
}

/// Sound or pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Opus.
    Audio,
    /// VP9.
    Video,
}

impl Kind {
    /// The kind of a source.
    pub fn of(source: Source) -> Self {
        match source {
            Source::Microphone | Source::ScreenAudio => Self::Audio,
            Source::Camera | Source::Screen => Self::Video,
        }
    }
}

/// What to offer, and what the offer opened.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The SDP.
    pub sdp: String,
    /// What its sending sections carry.
    pub sending: Vec<Sending>,
    /// The receive slots, in the order of the offer.
    pub slots: Vec<(Mid, Kind)>,
}

/// An RTP packet to send; SSRC, payload type, sequence number and header
/// extensions are the transport's.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// In the clock of the source's kind.
    pub timestamp: u32,
    /// Last packet of a picture, or first of a talk spurt.
    pub marker: bool,
    /// How loud it is, in −dBov (RFC 6464), if it is sound. It is seen by the
    /// SFU.
    pub level: Option<u8>,
    /// The payload.
    pub payload: Bytes,
}

/// An RTP packet that came in on a slot.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The slot.
    pub slot: Mid,
    /// Its kind.
    pub kind: Kind,
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP marker bit.
    pub marker: bool,
    /// The payload.
    pub payload: Bytes,
}

/// What a transport tells its owner.
#[derive(Debug)]
pub enum Event {
    /// ICE and DTLS are up, for the first time or again.
    Connected,
    /// Nothing comes any more; a restart may help.
    Interrupted,
    /// ICE, DTLS or the other side gave up; a new transport is needed.
    Lost,
    /// Media came in.
    Packet(Incoming),
    /// A receiver asks for a keyframe.
    KeyframeWanted(Source),
}

/// Why a transport failed.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The operating system has no randomness to give.
    #[error("no randomness: {0}")]
    Random(getrandom::Error),
    /// The WebRTC stack refused.
    #[error("webrtc: {0}")]
    WebRtc(#[from] webrtc::error::Error),
    /// No local candidate was found in time.
    #[error("no local address to receive media on")]
    NoCandidates,
    /// The offer has a section without a valid mid.
    #[error("the offer's sections have no mids")]
    NoMid,
    /// The answer is of another connection than the one that was to go on.
    #[error("the other side has another connection")]
    OtherConnection,
    /// The source is not one the transport was opened with.
    #[error("the source was not offered")]
    UnknownSource,
    /// The slot has not received anything yet.
    #[error("nothing was received on the slot")]
    UnknownSlot,
}

impl From<getrandom::Error> for TransportError {
    fn from(error: getrandom::Error) -> Self {
        Self::Random(error)
    }
}

/// A PeerConnection with its sources and slots.
pub struct Transport {
    connection: Arc<dyn PeerConnection>,
    outlets: HashMap<Source, Outlet>,
    tracks: Tracks,
    /// How often the local candidates were complete.
    gathered: watch::Receiver<u64>,
    /// What every offer opens again.
    sending: Vec<Sending>,
    slots: Vec<(Mid, Kind)>,
    tcp: bool,
    received: Arc<AtomicU64>,
    /// The other side's, once it has answered.
    fingerprint: Option<String>,
    closed: bool,
}

/// Received tracks by slot, as they open.
type Tracks = Arc<Mutex<HashMap<Mid, Arc<dyn TrackRemote>>>>;

struct Outlet {
    track: Arc<TrackLocalStaticRTP>,
    transceiver: Arc<dyn RtpTransceiver>,
    ssrc: u32,
    mid: Bytes,
    sequence: u16,
    /// Filled in by the answer.
    negotiated: Option<Negotiated>,
}

/// What the answer says of a section that sends.
#[derive(Clone, Copy)]
struct Negotiated {
    payload_type: u8,
    /// The ids of the header extensions.
    mid: Option<u8>,
    level: Option<u8>,
}

impl Transport {
    /// Opens sockets, sections and slots and makes the offer.
    ///
    /// # Errors
    /// When no address can be bound or the WebRTC stack refuses.
    pub async fn open(
        config: &Config,
        events: mpsc::Sender<Event>,
    ) -> Result<(Self, Offer), TransportError> {
        let (wanted, requests) = mpsc::channel(WANTED);
        let (gathered_tx, mut gathered) = watch::channel(0);
        let tracks = Tracks::default();
        let received = Arc::default();
        let handler = Handler {
            events: events.clone(),
            gathered: gathered_tx,
            tracks: Arc::clone(&tracks),
        };
        let connection: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_media_engine(codecs::engine(config.discreet)?)
                .with_interceptor_registry(interceptors(wanted, Arc::clone(&received)))
                .with_setting_engine(settings())
                .with_handler(Arc::new(handler))
                .with_udp_addrs(config.bind.clone())
                .with_tcp_addrs(match config.tcp {
                    true => config.bind.clone(),
                    false => Vec::new(),
                })
                .build()
                .await?,
        );

        let mut receivers = Vec::new();
        let kinds = std::iter::repeat_n(Kind::Audio, config.audio_slots)
            .chain(std::iter::repeat_n(Kind::Video, config.video_slots));
        for kind in kinds {
            let codec_kind = match kind {
                Kind::Audio => RtpCodecKind::Audio,
                Kind::Video => RtpCodecKind::Video,
            };
            let init = one_way(RTCRtpTransceiverDirection::Recvonly);
            let transceiver = connection
                .add_transceiver_from_kind(codec_kind, Some(init))
                .await?;
            receivers.push((transceiver, kind));
        }
        // Behind the slots: an answerer without SFU manners puts its own tracks
        // into the first sections of their kind.
        let mut outlets = HashMap::new();
        for &source in &config.sources {
            outlets.insert(
                source,
                Outlet::open(connection.as_ref(), source, config.discreet).await?,
            );
        }

        let sdp = describe(connection.as_ref(), &mut gathered, None).await?;

        let mut sending = Vec::new();
        for (&source, outlet) in &mut outlets {
            let mid = mid(outlet.transceiver.as_ref()).await?;
            outlet.mid = Bytes::copy_from_slice(mid.as_str().as_bytes());
            sending.push(Sending { mid, source });
        }
        sending.sort_by_key(|sending| sending.source);
        let mut slots = Vec::new();
        for (transceiver, kind) in &receivers {
            slots.push((mid(transceiver.as_ref()).await?, *kind));
        }

        let sources = outlets.iter().map(|(&source, out)| (out.ssrc, source));
        tokio::spawn(forward_requests(requests, sources.collect(), events));
        let transport = Self {
            connection,
            outlets,
            tracks,
            gathered,
            sending,
            slots,
            tcp: config.tcp,
            received,
            fingerprint: None,
            closed: false,
        };
        let offer = transport.offer(sdp);
        Ok((transport, offer))
    }

    fn offer(&self, sdp: String) -> Offer {
        Offer {
            sdp,
            sending: self.sending.clone(),
            slots: self.slots.clone(),
        }
    }

    /// An ICE restart (RFC 8445 section 9): new credentials, and whatever
    /// addresses there are now. DTLS, its keys and the slots go on; nothing is
    /// sent until the offer is answered.
    ///
    /// # Errors
    /// When no address can be bound or the WebRTC stack refuses.
    pub async fn restart(&mut self) -> Result<Offer, TransportError> {
        let anew = RTCOfferOptions { ice_restart: true };
        let connection = self.connection.as_ref();
        let sdp = describe(connection, &mut self.gathered, Some(anew)).await?;
        Ok(self.offer(sdp))
    }

    /// Takes the answer; [`Event::Connected`] follows. Gives whether the other
    /// side takes media over TCP.
    ///
    /// # Errors
    /// When the answer is no SDP, or does not fit the offer. A section that
    /// sends has to declare its SSRC. [`TransportError::OtherConnection`] when
    /// it answers a restart and knows nothing of what was to go on.
    pub async fn accept(&mut self, answer: &str) -> Result<bool, TransportError> {
        let Answer {
            description,
            streams,
            fingerprint,
        } = Answer::parse(answer)?;
        if self.fingerprint.is_some() && self.fingerprint != fingerprint {
            return Err(TransportError::OtherConnection);
        }
        self.fingerprint = fingerprint;
        self.connection.set_remote_description(description).await?;
        for outlet in self.outlets.values_mut() {
            outlet.negotiate().await?;
        }
        if self.tcp {
            // The stack connects only to those it is told one by one.
            for candidate in &streams {
                let candidate = RTCIceCandidateInit {
                    candidate: candidate.clone(),
                    sdp_mline_index: Some(0),
                    ..Default::default()
                };
                self.connection.add_ice_candidate(candidate).await?;
            }
        }
        Ok(!streams.is_empty())
    }

    /// Sends a packet of a source.
    ///
    /// # Errors
    /// For a source that was not offered or not accepted, or when the
    /// connection is closed.
    pub async fn send(&mut self, source: Source, packet: Outgoing) -> Result<(), TransportError> {
        let outlet = self
            .outlets
            .get_mut(&source)
            .ok_or(TransportError::UnknownSource)?;
        let negotiated = outlet.negotiated.ok_or(TransportError::UnknownSource)?;
        let mut header = rtc::rtp::Header {
            version: 2,
            marker: packet.marker,
            payload_type: negotiated.payload_type,
            sequence_number: outlet.sequence,
            timestamp: packet.timestamp,
            ssrc: outlet.ssrc,
            ..Default::default()
        };
        if let Some(id) = negotiated.mid {
            header.set_extension(id, outlet.mid.clone())?;
        }
        if let Some((id, level)) = negotiated.level.zip(packet.level) {
            header.set_extension(id, Bytes::copy_from_slice(&[level & 0x7f]))?;
        }
        outlet.sequence = outlet.sequence.wrapping_add(1);
        let payload = packet.payload;
        outlet
            .track
            .write_rtp(rtc::rtp::Packet { header, payload })
            .await?;
        Ok(())
    }

    /// Asks the sender behind a slot for a keyframe.
    ///
    /// # Errors
    /// When nothing was received on the slot yet, or the connection is closed.
    pub async fn request_keyframe(&self, slot: &Mid) -> Result<(), TransportError> {
        let track = {
            let tracks = self.tracks.lock().unwrap_or_else(PoisonError::into_inner);
            tracks
                .get(slot)
                .cloned()
                .ok_or(TransportError::UnknownSlot)?
        };
        let media_ssrc = track
            .ssrcs()
            .await
            .first()
            .copied()
            .ok_or(TransportError::UnknownSlot)?;
        let request = PictureLossIndication {
            sender_ssrc: 0,
            media_ssrc,
        };
        track.write_rtcp(vec![Box::new(request)]).await?;
        Ok(())
    }

    /// The last measured round trip to the SFU.
    pub async fn round_trip(&self) -> Option<Duration> {
        let report = self
            .connection
            .get_stats(Instant::now(), StatsSelector::None)
            .await;
        report
            .candidate_pairs()
            .map(|pair| pair.current_round_trip_time)
            .find(|seconds| *seconds > 0.0)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }

    /// RTP and RTCP packets that came so far, authentic ones only.
    pub fn packets_received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Closes the connection and its sockets.
    pub async fn close(mut self) {
        self.closed = true;
        close(&self.connection).await;
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        // The stack's own tasks hold the sockets open until they are told.
        if !self.closed
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let connection = Arc::clone(&self.connection);
            runtime.spawn(async move { close(&connection).await });
        }
    }
}

async fn close(connection: &Arc<dyn PeerConnection>) {
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "closing the media connection");
    }
}

impl Outlet {
    async fn open(
        connection: &dyn PeerConnection,
        source: Source,
        discreet: bool,
    ) -> Result<Self, TransportError> {
        let (kind, codec) = match Kind::of(source) {
            Kind::Audio => (RtpCodecKind::Audio, codecs::opus(discreet)),
            Kind::Video => (RtpCodecKind::Video, codecs::vp9()),
        };
        let ssrc = getrandom::u32()?;
        let rtx = match kind {
            RtpCodecKind::Video => Some(RTCRtpRtxParameters {
                ssrc: getrandom::u32()?,
            }),
            _ => None,
        };
        let name = format!("{source:?}").to_lowercase();
        let track = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
            "own".to_owned(),
            name.clone(),
            name,
            kind,
            vec![RTCRtpEncodingParameters {
                rtp_coding_parameters: RTCRtpCodingParameters {
                    ssrc: Some(ssrc),
                    rtx,
                    ..Default::default()
                },
                codec,
                ..Default::default()
            }],
        )));
        let init = one_way(RTCRtpTransceiverDirection::Sendonly);
        let local = Arc::clone(&track) as Arc<dyn TrackLocal>;
        let transceiver = connection
            .add_transceiver_from_track(local, Some(init))
            .await?;
        // RFC 3550 section 5.1 wants a random start; the upper half is left
        // out so that the first packets never wrap.
        let sequence = (getrandom::u32()? & 0x7fff) as u16;
        Ok(Self {
            track,
            transceiver,
            ssrc,
            mid: Bytes::new(),
            sequence,
            negotiated: None,
        })
    }

    async fn negotiate(&mut self) -> Result<(), TransportError> {
        let Some(sender) = self.transceiver.sender().await? else {
            return Ok(());
        };
        let parameters = sender.get_parameters().await?.rtp_parameters;
        let extension = |uri| {
            let mut extensions = parameters.header_extensions.iter();
            let extension = extensions.find(|extension| extension.uri == uri)?;
            u8::try_from(extension.id).ok()
        };
        self.negotiated = parameters
            .codecs
            .iter()
            .find(|codec| [codecs::OPUS, codecs::VP9].contains(&codec.payload_type))
            .map(|codec| Negotiated {
                payload_type: codec.payload_type,
                mid: extension(SDES_MID_URI),
                level: extension(AUDIO_LEVEL_URI),
            });
        Ok(())
    }
}

/// Makes an offer and waits for this host's candidates in it.
async fn describe(
    connection: &dyn PeerConnection,
    gathered: &mut watch::Receiver<u64>,
    options: Option<RTCOfferOptions>,
) -> Result<String, TransportError> {
    let before = *gathered.borrow_and_update();
    let offer = connection.create_offer(options).await?;
    connection.set_local_description(offer).await?;
    tokio::time::timeout(GATHERING, gathered.wait_for(|times| *times > before))
        .await
        .map_err(|_| TransportError::NoCandidates)?
        .map_err(|_| TransportError::NoCandidates)?;
    let description = connection.local_description().await;
    Ok(description.ok_or(TransportError::NoCandidates)?.sdp)
}

async fn mid(transceiver: &dyn RtpTransceiver) -> Result<Mid, TransportError> {
    let mid = transceiver.mid().await?.ok_or(TransportError::NoMid)?;
    mid.parse().map_err(|_| TransportError::NoMid)
}

fn one_way(direction: RTCRtpTransceiverDirection) -> RTCRtpTransceiverInit {
    RTCRtpTransceiverInit {
        direction,
        ..Default::default()
    }
}

fn settings() -> webrtc::peer_connection::SettingEngine {
    SettingEngineBuilder::new()
        .with_srtp_protection_profiles(vec![
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
        ])
        .with_ice_timeouts(Some(INTERRUPTED), Some(LOST), Some(KEEPALIVE))
        .with_ice_connection_attempts(None, Some(CHECKS))
        .with_discard_local_candidates_during_ice_restart(true)
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_include_loopback_candidate(true)
        .build()
}

fn interceptors(wanted: mpsc::Sender<u32>, received: Arc<AtomicU64>) -> Registry {
    Registry::new()
        .with(Position::TwccSender, TwccSenderBuilder::new().build())
        .with(Position::NackResponder, NackResponderBuilder::new().build())
        .with(
            Position::NackGenerator,
            NackGeneratorBuilder::new()
                .with_interval(ASK_FOR_MISSING)
                .with_max_nacks_per_packet(ASKS)
                .build(),
        )
        .with(Position::TwccReceiver, TwccReceiverBuilder::new().build())
        .with(
            Position::ReceiverReport,
            ReceiverReportBuilder::new().build(),
        )
        .with(Position::SenderReport, SenderReportBuilder::new().build())
        .with(feedback::SLOT, feedback::Inbound::new(wanted, received))
}

async fn forward_requests(
    mut requests: mpsc::Receiver<u32>,
    sources: HashMap<u32, Source>,
    events: mpsc::Sender<Event>,
) {
    while let Some(ssrc) = requests.recv().await {
        if let Some(&source) = sources.get(&ssrc)
            && events.send(Event::KeyframeWanted(source)).await.is_err()
        {
            return;
        }
    }
}

struct Handler {
    events: mpsc::Sender<Event>,
    gathered: watch::Sender<u64>,
    tracks: Tracks,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.send_modify(|times| *times += 1);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        let event = match state {
            RTCPeerConnectionState::Connected => Event::Connected,
            RTCPeerConnectionState::Disconnected => Event::Interrupted,
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed => Event::Lost,
            _ => return,
        };
        // The driver runs this callback: it must not wait for the owner.
        let events = self.events.clone();
        tokio::spawn(async move {
            let _ = events.send(event).await;
        });
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let Ok(slot) = track.track_id().await.parse::<Mid>() else {
            return;
        };
        let kind = match track.kind().await {
            RtpCodecKind::Audio => Kind::Audio,
            _ => Kind::Video,
        };
        self.tracks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(slot.clone(), Arc::clone(&track));
        tokio::spawn(pump(track, slot, kind, self.events.clone()));
    }
}

/// Carries a slot's packets to the owner until the connection closes.
async fn pump(track: Arc<dyn TrackRemote>, slot: Mid, kind: Kind, events: mpsc::Sender<Event>) {
    while let Some(event) = track.poll().await {
        let TrackRemoteEvent::OnRtpPacket(packet) = event else {
            continue;
        };
        let incoming = Incoming {
            slot: slot.clone(),
            kind,
            sequence: packet.header.sequence_number,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            payload: packet.payload,
        };
        if events.send(Event::Packet(incoming)).await.is_err() {
            return;
        }
    }
}

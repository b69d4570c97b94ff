//! Two PeerConnections over loopback: sealed frames of one MLS group go both
//! ways, and a keyframe request comes back.

#![allow(clippy::panic)]

use bytes::Bytes;
use conclave_client::audio::source::{AudioSource, Signal};
use conclave_client::publish::Publisher;
use conclave_client::receive::{Notice, Receiver};
use conclave_client::transport::{Config, Event, Incoming, Kind, Outgoing, Transport};
use conclave_client::vp9::ivf::Clip;
use conclave_e2ee::{LinkSecret, ParticipantId, RoomId, Session};
use conclave_wire::control::Source;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RtpCodecKind,
};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
    RTCIceGatheringState, RTCSessionDescription,
};

const CAMERA: &[u8] = include_bytes!("../../tests/media/camera.ivf");

/// Everything here happens within milliseconds; this only ends a hung test.
const PATIENCE: Duration = Duration::from_secs(20);

/// A group of two.
fn sessions() -> (Session, Session) {
    let room = RoomId([1; 16]);
    let secret = LinkSecret::generate().expect("randomness");
    let config = conclave_e2ee::Config {
        suite: conclave_e2ee::Suite::Classic,
        raw_video: false,
    };
    let session = |n: u8, name| {
        Session::new(config, room, ParticipantId([n; 16]), name, &secret).expect("a session")
    };
    let (mut anna, mut ben) = (session(1, "Anna"), session(2, "Ben"));
    anna.create_group(0).expect("a group");
    let knock = ben.knock().expect("a knock");
    let verified = anna
        .verify_knock(ParticipantId([2; 16]), &knock.key_package, &knock.tag)
        .expect("verifies");
    let pending = anna.admit(&[verified]).expect("a commit");
    anna.confirm_pending(0).expect("confirmed");
    anna.activate(1, 0).expect("activated");
    ben.join(&pending.welcome.expect("a welcome"))
        .expect("joins");
    ben.activate(1, 0).expect("activated");
    (anna, ben)
}

struct Outlet {
    track: Arc<TrackLocalStaticRTP>,
    payload_type: u8,
    ssrc: u32,
    sequence: u16,
}

impl Outlet {
    fn new(kind: Kind, ssrc: u32) -> Self {
        let (codec_kind, parameters) = codec(kind);
        let track = MediaStreamTrack::new(
            format!("stream{ssrc}"),
            format!("track{ssrc}"),
            format!("label{ssrc}"),
            codec_kind,
            vec![RTCRtpEncodingParameters {
                rtp_coding_parameters: RTCRtpCodingParameters {
                    ssrc: Some(ssrc),
                    ..Default::default()
                },
                codec: parameters.rtp_codec,
                ..Default::default()
            }],
        );
        Self {
            track: Arc::new(TrackLocalStaticRTP::new(track)),
            payload_type: parameters.payload_type,
            ssrc,
            sequence: 65_530,
        }
    }

    async fn send(&mut self, packet: Outgoing) {
        let header = rtc::rtp::Header {
            version: 2,
            marker: packet.marker,
            payload_type: self.payload_type,
            sequence_number: self.sequence,
            timestamp: packet.timestamp,
            ssrc: self.ssrc,
            ..Default::default()
        };
        self.sequence = self.sequence.wrapping_add(1);
        let payload = packet.payload;
        self.track
            .write_rtp(rtc::rtp::Packet { header, payload })
            .await
            .expect("sends");
    }
}

fn codec(kind: Kind) -> (RtpCodecKind, RTCRtpCodecParameters) {
    let (codec_kind, mime, payload_type, clock_rate, channels) = match kind {
        Kind::Audio => (RtpCodecKind::Audio, "audio/opus", 111, 48_000, 2),
        Kind::Video => (RtpCodecKind::Video, "video/VP9", 98, 90_000, 0),
    };
    let rtp_codec = RTCRtpCodec {
        mime_type: mime.to_owned(),
        clock_rate,
        channels,
        sdp_fmtp_line: if kind == Kind::Video {
            "profile-id=0"
        } else {
            ""
        }
        .to_owned(),
        rtcp_feedback: vec![],
    };
    (
        codec_kind,
        RTCRtpCodecParameters {
            rtp_codec,
            payload_type,
        },
    )
}

struct Handler {
    gathered: mpsc::Sender<()>,
    packets: mpsc::Sender<Incoming>,
    cameras: mpsc::Sender<Arc<dyn TrackRemote>>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            let _ = self.gathered.try_send(());
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let kind = match track.kind().await {
            RtpCodecKind::Audio => Kind::Audio,
            _ => Kind::Video,
        };
        if kind == Kind::Video {
            let _ = self.cameras.try_send(Arc::clone(&track));
        }
        let packets = self.packets.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                let TrackRemoteEvent::OnRtpPacket(packet) = event else {
                    continue;
                };
                let incoming = Incoming {
                    slot: if kind == Kind::Audio { "a" } else { "v" }
                        .parse()
                        .expect("a mid"),
                    kind,
                    sequence: packet.header.sequence_number,
                    timestamp: packet.header.timestamp,
                    marker: packet.header.marker,
                    payload: packet.payload,
                };
                if packets.send(incoming).await.is_err() {
                    return;
                }
            }
        });
    }
}

fn loopback() -> Vec<SocketAddr> {
    vec![SocketAddr::from(([127, 0, 0, 1], 0))]
}

/// What stands in for the SFU: it answers, and sends on Anna's slots.
struct Answerer {
    connection: Arc<dyn PeerConnection>,
    packets: mpsc::Receiver<Incoming>,
    cameras: mpsc::Receiver<Arc<dyn TrackRemote>>,
    microphone: Outlet,
    camera: Outlet,
}

async fn answer(offer: &str) -> (Answerer, String) {
    let mut engine = MediaEngine::default();
    for kind in [Kind::Audio, Kind::Video] {
        let (codec_kind, parameters) = codec(kind);
        engine
            .register_codec(parameters, codec_kind)
            .expect("a codec");
    }
    let (gathered_tx, mut gathered) = mpsc::channel(1);
    let (packets_tx, packets) = mpsc::channel(1024);
    let (cameras_tx, cameras) = mpsc::channel(4);
    let handler = Handler {
        gathered: gathered_tx,
        packets: packets_tx,
        cameras: cameras_tx,
    };
    let connection: Arc<dyn PeerConnection> = Arc::new(
        PeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_handler(Arc::new(handler))
            .with_udp_addrs(loopback())
            .build()
            .await
            .expect("a connection"),
    );
    let offer = RTCSessionDescription::offer(offer.to_owned()).expect("an offer");
    connection
        .set_remote_description(offer)
        .await
        .expect("takes the offer");
    let microphone = Outlet::new(Kind::Audio, 1001);
    let camera = Outlet::new(Kind::Video, 1002);
    for outlet in [&microphone, &camera] {
        let local = Arc::clone(&outlet.track) as Arc<dyn TrackLocal>;
        connection.add_track(local).await.expect("a track");
    }
    let description = connection.create_answer(None).await.expect("an answer");
    connection
        .set_local_description(description)
        .await
        .expect("takes the answer");
    gathered.recv().await.expect("gathers");
    let sdp = connection
        .local_description()
        .await
        .expect("a description")
        .sdp;
    let answerer = Answerer {
        connection,
        packets,
        cameras,
        microphone,
        camera,
    };
    (answerer, sdp)
}

#[tokio::test]
async fn sealed_frames_go_both_ways_and_a_keyframe_is_asked_for() {
    tokio::time::timeout(PATIENCE, exchange())
        .await
        .expect("within the time");
}

async fn exchange() {
    let (mut anna, mut ben) = sessions();
    let (events_tx, mut events) = mpsc::channel(1024);
    let config = Config {
        bind: loopback(),
        sources: vec![Source::Microphone, Source::Camera],
        audio_slots: 1,
        video_slots: 1,
        tcp: false,
        discreet: false,
    };
    let (mut transport, offer) = Transport::open(&config, events_tx).await.expect("opens");
    assert_eq!(offer.sending.len(), 2);
    assert_eq!(offer.slots.len(), 2);
    for needed in [
        "UDP/TLS/RTP/SAVPF",
        "VP9/90000",
        "opus/48000",
        "apt=98",
        "transport-cc",
    ] {
        assert!(offer.sdp.contains(needed), "{needed} in {}", offer.sdp);
    }
    let (mut peer, answer) = answer(&offer.sdp).await;
    transport.accept(&answer).await.expect("accepts");
    loop {
        match events.recv().await.expect("an event") {
            Event::Connected => break,
            Event::Lost => panic!("lost before it was connected"),
            _ => {}
        }
    }

    let mut out = publisher(440.0);
    let mut back = publisher(880.0);
    let (mut at_anna, mut at_ben) = (Receiver::default(), Receiver::default());
    let (mut anna_heard, mut ben_heard) = (BTreeSet::new(), BTreeSet::new());
    let mut asked = false;
    let mut requested = false;
    let started = Instant::now();
    // The stack drops what comes before a track is open, often the first
    // keyframe; the next one is within a second.
    let done = |notices: &BTreeSet<String>, receiver: &Receiver| {
        let mut pictures = receiver
            .remotes()
            .values()
            .flat_map(|r| r.pictures.values());
        notices.len() == 3 && pictures.any(|pictures| pictures.keyframes > 0)
    };
    while !(done(&anna_heard, &at_anna) && done(&ben_heard, &at_ben) && requested) {
        let now = started.elapsed();
        let now_ms = now.as_millis() as u64;
        for (source, packet) in out.produce(&mut anna, now).expect("produces") {
            transport.send(source, packet).await.expect("sends");
        }
        for (source, packet) in back.produce(&mut ben, now).expect("produces") {
            match Kind::of(source) {
                Kind::Audio => peer.microphone.send(packet).await,
                Kind::Video => peer.camera.send(packet).await,
            }
        }
        let wake = tokio::time::Instant::now() + Duration::from_millis(5);
        tokio::select! {
            Some(event) = events.recv() => match event {
                Event::Packet(packet) => {
                    remember(&mut anna_heard, at_anna.packet(packet, &mut anna, now_ms));
                }
                Event::KeyframeWanted(source) => {
                    assert_eq!(source, Source::Camera);
                    requested = true;
                }
                _ => {}
            },
            Some(packet) = peer.packets.recv() => {
                assert_blind(&packet.payload);
                remember(&mut ben_heard, at_ben.packet(packet, &mut ben, now_ms));
            }
            () = tokio::time::sleep_until(wake) => {}
        }
        if !asked && let Ok(track) = peer.cameras.try_recv() {
            asked = true;
            ask_for_keyframe(track.as_ref()).await;
        }
    }
    for (receiver, hertz) in [(&at_anna, 880.0), (&at_ben, 440.0)] {
        let remote = receiver.remotes().values().next().expect("a remote");
        let sound = &remote.sounds[&Source::Microphone];
        assert!((sound.meter.tone().expect("a tone") - hertz).abs() <= 2.0);
        let pictures = &remote.pictures[&Source::Camera];
        assert_eq!((pictures.width, pictures.height), (320, 180));
        assert!(pictures.keyframes >= 1 && pictures.undecodable == 0);
        assert!(receiver.drops().is_empty(), "{:?}", receiver.drops());
    }
    transport.close().await;
    peer.connection.close().await.expect("closes");
}

fn publisher(hertz: f32) -> Publisher {
    let mut publisher = Publisher::default();
    publisher.set_microphone(AudioSource::new(Signal::Tone(hertz)).expect("an encoder"));
    publisher.set_pictures(Source::Camera, Clip::parse(CAMERA).expect("a clip"));
    publisher
}

fn remember(heard: &mut BTreeSet<String>, notices: Vec<Notice>) {
    for notice in notices {
        match notice {
            Notice::First(_, source) => {
                heard.insert(format!("{source:?}"));
            }
            Notice::Tone(..) => {
                heard.insert("tone".to_owned());
            }
            Notice::WantKeyframe(_) => {}
        }
    }
}

/// No run of a clip's frame stands in a payload.
fn assert_blind(payload: &Bytes) {
    let clip = Clip::parse(CAMERA).expect("a clip");
    let frame = &clip.frame(0).data;
    let run = &frame[64..80];
    assert!(!payload.windows(run.len()).any(|window| window == run));
}

async fn ask_for_keyframe(track: &dyn TrackRemote) {
    let media_ssrc = track.ssrcs().await[0];
    let pli = rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication {
        sender_ssrc: 0,
        media_ssrc,
    };
    track.write_rtcp(vec![Box::new(pli)]).await.expect("asks");
}

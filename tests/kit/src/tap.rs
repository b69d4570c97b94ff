//! A wiretap where the SFU would be: stands between one participant and the
//! service, passes on what they say to each other, but answers the
//! participant's media offer itself. It ends the participant's DTLS-SRTP as an
//! SFU does, and so sees exactly the RTP payloads an SFU sees.
//!
//! ```text
//!   participant ══ WebSocket ══▶ tap ══ WebSocket ══▶ service
//!        ║                        ▲
//!        ╚═══ ICE, DTLS-SRTP ═════╝  payloads ──▶ the test
//! ```

use crate::deadline::{PATIENCE, within};
use crate::door::Door;
use crate::front::{Failure, Front, Visit};
use crate::server::Server;
use bytes::Bytes;
use conclave_wire::client::{ClientFrame, Request, ServerFrame};
use futures_util::{SinkExt, StreamExt};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::Registry;
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_OPUS, MIME_TYPE_VP9, MediaEngine,
};
use rtc::rtp_transceiver::rtp_sender::{RTCRtpCodec, RTCRtpCodecParameters, RtpCodecKind};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Message;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
    RTCSessionDescription, SettingEngineBuilder, SrtpProtectionProfile,
};

/// One RTP payload, after SRTP was removed.
#[derive(Debug, Clone)]
pub struct Payload {
    /// Whether the section it came on carries sound.
    pub audio: bool,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP marker bit: a picture's last packet.
    pub marker: bool,
    /// RTP sequence number.
    pub sequence: u16,
    /// The payload.
    pub bytes: Bytes,
}

/// A running tap for one participant.
pub struct Tap {
    front: Front,
    payloads: mpsc::UnboundedReceiver<Payload>,
}

impl Tap {
    /// A tap in front of the server, with the server's own certificate.
    ///
    /// # Panics
    /// When there is no port, or the certificate cannot be read.
    pub async fn before(server: &Server) -> Self {
        let (found, payloads) = mpsc::unbounded_channel();
        let front = Front::before(server, move |visit| serve(visit, found.clone())).await;
        Self { front, payloads }
    }

    /// Where the tapped participant has to connect.
    pub fn door(&self) -> Door {
        self.front.door().clone()
    }

    /// The next payload the participant sent.
    ///
    /// # Panics
    /// When none comes.
    pub async fn next(&mut self) -> Payload {
        within(PATIENCE, "an RTP payload at the tap", self.payloads.recv())
            .await
            .expect("the tap lives")
    }
}

/// One connection: the socket is tapped, other requests pass as they are.
async fn serve(visit: Visit, found: mpsc::UnboundedSender<Payload>) -> Result<(), Failure> {
    if !visit.is_socket() {
        return visit.pass().await;
    }
    let (mut near, mut far) = visit.sockets().await?;
    let mut endpoints = Vec::new();
    loop {
        tokio::select! {
            message = near.next() => {
                let Some(message) = message.transpose()? else { break };
                let frame = match &message {
                    Message::Text(text) => serde_json::from_str::<ClientFrame>(text).ok(),
                    _ => None,
                };
                let answer = match frame {
                    Some(ClientFrame { id, request: Request::Offer { sdp, .. } }) => {
                        let (endpoint, sdp) = Endpoint::answer(&sdp, found.clone()).await?;
                        endpoints.push(endpoint);
                        Some(ServerFrame::Answer { re: id, sdp })
                    }
                    Some(ClientFrame { id, request: Request::Assign { .. } }) => Some(ServerFrame::Ack { re: id }),
                    _ => None,
                };
                match answer {
                    Some(answer) => near.send(Message::text(serde_json::to_string(&answer)?)).await?,
                    None => far.send(message).await?,
                }
            }
            message = far.next() => {
                let Some(message) = message.transpose()? else { break };
                near.send(message).await?;
            }
        }
    }
    for endpoint in endpoints {
        endpoint.connection.close().await?;
    }
    Ok(())
}

/// The tap's end of the media connection.
struct Endpoint {
    connection: Arc<dyn PeerConnection>,
}

impl Endpoint {
    async fn answer(
        offer: &str,
        found: mpsc::UnboundedSender<Payload>,
    ) -> Result<(Self, String), Failure> {
        let (gathered, mut complete) = watch::channel(false);
        let settings = SettingEngineBuilder::new()
            .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
            .with_multicast_dns_mode(MulticastDnsMode::Disabled)
            .with_include_loopback_candidate(true)
            .build();
        let connection: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_media_engine(engine()?)
                .with_interceptor_registry(Registry::new())
                .with_setting_engine(settings)
                .with_handler(Arc::new(Handler { gathered, found }))
                .with_udp_addrs(vec!["127.0.0.1:0".to_owned()])
                .build()
                .await?,
        );
        connection
            .set_remote_description(RTCSessionDescription::offer(offer.to_owned())?)
            .await?;
        let answer = connection.create_answer(None).await?;
        connection.set_local_description(answer).await?;
        within(
            PATIENCE,
            "the tap's candidates",
            complete.wait_for(|done| *done),
        )
        .await?;
        let answer = connection.local_description().await.ok_or("no answer")?;
        // The tap sends nothing: the participant's slots stay empty.
        let sdp = answer.sdp.replace("a=sendonly", "a=inactive");
        Ok((Self { connection }, sdp))
    }
}

struct Handler {
    gathered: watch::Sender<bool>,
    found: mpsc::UnboundedSender<Payload>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.send_replace(true);
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let audio = track.kind().await == RtpCodecKind::Audio;
        let found = self.found.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                let TrackRemoteEvent::OnRtpPacket(packet) = event else {
                    continue;
                };
                let payload = Payload {
                    audio,
                    timestamp: packet.header.timestamp,
                    marker: packet.header.marker,
                    sequence: packet.header.sequence_number,
                    bytes: packet.payload,
                };
                if found.send(payload).is_err() {
                    return;
                }
            }
        });
    }
}

/// Opus and VP9 under the payload types the participant offers.
fn engine() -> webrtc::error::Result<MediaEngine> {
    let codec =
        |mime: &str, clock_rate, channels, fmtp: &str, payload_type| RTCRtpCodecParameters {
            rtp_codec: RTCRtpCodec {
                mime_type: mime.to_owned(),
                clock_rate,
                channels,
                sdp_fmtp_line: fmtp.to_owned(),
                rtcp_feedback: vec![],
            },
            payload_type,
        };
    let mut engine = MediaEngine::default();
    engine.register_codec(
        codec(MIME_TYPE_OPUS, 48_000, 2, "minptime=10;useinbandfec=1", 111),
        RtpCodecKind::Audio,
    )?;
    engine.register_codec(
        codec(MIME_TYPE_VP9, 90_000, 0, "profile-id=0", 98),
        RtpCodecKind::Video,
    )?;
    Ok(engine)
}

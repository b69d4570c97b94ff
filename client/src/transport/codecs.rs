//! What the offer names: Opus and VP9 profile 0 with retransmission, and the
//! RTP header extensions for mid, transport-wide congestion control and the
//! level of sound.

use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_OPUS, MIME_TYPE_RTX, MIME_TYPE_VP9, MediaEngine,
};
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use rtc::sdp::extmap::{AUDIO_LEVEL_URI, SDES_MID_URI, TRANSPORT_CC_URI};
use webrtc::error::Result;

/// Payload type of Opus in the offer.
pub(super) const OPUS: u8 = 111;
/// Payload type of VP9 in the offer.
pub(super) const VP9: u8 = 98;
/// Payload type of VP9's retransmissions (RFC 4588) in the offer.
const VP9_RTX: u8 = 99;

/// Samples a second of Opus's RTP clock, whatever is encoded (RFC 7587 section 4.1).
pub const AUDIO_CLOCK: u32 = 48_000;
/// Ticks a second of every video codec's RTP clock.
pub const VIDEO_CLOCK: u32 = 90_000;

/// Opus; a discreet one asks for a constant rate (RFC 7587 section 6.1).
pub(super) fn opus(discreet: bool) -> RTCRtpCodec {
    let rate = if discreet { ";cbr=1" } else { "" };
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: AUDIO_CLOCK,
        channels: 2,
        sdp_fmtp_line: format!("minptime=10;useinbandfec=1{rate}"),
        rtcp_feedback: feedback(&[("transport-cc", "")]),
    }
}

pub(super) fn vp9() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_VP9.to_owned(),
        clock_rate: VIDEO_CLOCK,
        channels: 0,
        sdp_fmtp_line: "profile-id=0".to_owned(),
        rtcp_feedback: feedback(&[
            ("transport-cc", ""),
            ("ccm", "fir"),
            ("nack", ""),
            ("nack", "pli"),
        ]),
    }
}

/// A media engine that knows these codecs and no other; a discreet one names no
/// level of sound.
pub(super) fn engine(discreet: bool) -> Result<MediaEngine> {
    let mut engine = MediaEngine::default();
    engine.register_codec(parameters(opus(discreet), OPUS), RtpCodecKind::Audio)?;
    engine.register_codec(parameters(vp9(), VP9), RtpCodecKind::Video)?;
    let rtx = RTCRtpCodec {
        mime_type: MIME_TYPE_RTX.to_owned(),
        clock_rate: VIDEO_CLOCK,
        channels: 0,
        sdp_fmtp_line: format!("apt={VP9}"),
        rtcp_feedback: vec![],
    };
    engine.register_codec(parameters(rtx, VP9_RTX), RtpCodecKind::Video)?;
    for kind in [RtpCodecKind::Audio, RtpCodecKind::Video] {
        for uri in [SDES_MID_URI, TRANSPORT_CC_URI] {
            let extension = RTCRtpHeaderExtensionCapability {
                uri: uri.to_owned(),
            };
            engine.register_header_extension(extension, kind, None)?;
        }
    }
    if !discreet {
        let level = RTCRtpHeaderExtensionCapability {
            uri: AUDIO_LEVEL_URI.to_owned(),
        };
        engine.register_header_extension(level, RtpCodecKind::Audio, None)?;
    }
    Ok(engine)
}

fn parameters(rtp_codec: RTCRtpCodec, payload_type: u8) -> RTCRtpCodecParameters {
    RTCRtpCodecParameters {
        rtp_codec,
        payload_type,
    }
}

fn feedback(kinds: &[(&str, &str)]) -> Vec<RTCPFeedback> {
    kinds
        .iter()
        .map(|(typ, parameter)| RTCPFeedback {
            typ: (*typ).to_owned(),
            parameter: (*parameter).to_owned(),
        })
        .collect()
}

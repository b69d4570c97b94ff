//! Offers of the load generator read, answers written: what a mediasoup client
//! library does at both ends.

use mediasoup::prelude::*;
use serde_json::{Value, json};
use std::error::Error;
use std::fmt::Write;

/// The extensions in use, with the numbers that a router gives them.
const EXTENSIONS: [(u8, &str); 3] = [
    (1, "urn:ietf:params:rtp-hdrext:sdes:mid"),
    (
        4,
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    ),
    (
        5,
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    ),
];

/// Feedback that mediasoup and the clients know.
const FEEDBACK: [&str; 4] = ["nack", "nack pli", "ccm fir", "transport-cc"];

/// A section of an offer.
pub struct Section {
    pub mid: String,
    /// Of the stream that it sends.
    pub ssrc: Option<u32>,
    receives: bool,
}

/// What matters of an offer.
pub struct Offer {
    /// SHA-256, in hexadecimal with colons.
    pub fingerprint: String,
    /// VP9's.
    pub payload_type: u8,
    pub sections: Vec<Section>,
}

impl Offer {
    pub fn read(text: &str) -> Option<Self> {
        let after = |text: &str, name: &str| {
            let lines = text.lines().map(str::trim);
            let mut values = lines.filter_map(|line| line.strip_prefix(name).map(str::to_owned));
            values.next()
        };
        let vp9 = text.lines().find(|line| line.contains(" VP9/90000"))?;
        let payload_type = vp9.strip_prefix("a=rtpmap:")?.split(' ').next()?;
        let sections = text.split("\nm=").skip(1).map(|section| {
            let ssrc = after(section, "a=ssrc:");
            Some(Section {
                mid: after(section, "a=mid:")?,
                ssrc: ssrc.and_then(|line| line.split(' ').next()?.parse().ok()),
                receives: section.contains("a=recvonly"),
            })
        });
        Some(Self {
            fingerprint: after(text, "a=fingerprint:sha-256 ")?,
            payload_type: payload_type.parse().ok()?,
            sections: sections.collect::<Option<_>>()?,
        })
    }
}

pub fn extensions() -> impl Iterator<Item = (u8, &'static str)> {
    EXTENSIONS.into_iter()
}

/// As mediasoup writes it.
pub fn feedback() -> Vec<Value> {
    let parts = FEEDBACK.map(|name| name.split_once(' ').unwrap_or((name, "")));
    let objects = parts.map(|(kind, parameter)| json!({ "type": kind, "parameter": parameter }));
    objects.to_vec()
}

pub fn answer(offer: &Offer, transport: &WebRtcTransport) -> Result<String, Box<dyn Error>> {
    let ice = transport.ice_parameters();
    let candidate = transport.ice_candidates().first().ok_or("no candidate")?;
    let fingerprints = transport.dtls_parameters().fingerprints;
    let fingerprint = fingerprints.iter().map(serde_json::to_value);
    let fingerprint = fingerprint
        .filter_map(Result::ok)
        .find(|print| print["algorithm"] == "sha-256");
    let fingerprint = fingerprint.ok_or("no fingerprint")?;
    let fingerprint = fingerprint["value"].as_str().ok_or("no fingerprint")?;
    let mids: Vec<_> = offer
        .sections
        .iter()
        .map(|section| section.mid.as_str())
        .collect();
    let pt = offer.payload_type;
    let mut sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\na=ice-lite\r\n",
        mids.join(" ")
    );
    for section in &offer.sections {
        let direction = if section.receives {
            "sendonly"
        } else {
            "recvonly"
        };
        write!(
            sdp,
            "m=video 9 UDP/TLS/RTP/SAVPF {pt}\r\nc=IN IP4 0.0.0.0\r\na=mid:{}\r\na=rtcp-mux\r\n\
             a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=candidate:{} 1 udp {} {} {} typ host\r\n\
             a=fingerprint:sha-256 {fingerprint}\r\na=setup:passive\r\na={direction}\r\n\
             a=rtpmap:{pt} VP9/90000\r\na=fmtp:{pt} profile-id=0\r\n",
            section.mid,
            ice.username_fragment,
            ice.password,
            candidate.foundation,
            candidate.priority,
            candidate.address,
            candidate.port,
        )?;
        for name in FEEDBACK {
            write!(sdp, "a=rtcp-fb:{pt} {name}\r\n")?;
        }
        for (id, uri) in EXTENSIONS {
            write!(sdp, "a=extmap:{id} {uri}\r\n")?;
        }
    }
    Ok(sdp)
}

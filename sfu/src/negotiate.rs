//! SDP: a client's offer in, an answer out (RFC 8866, RFC 9429, RFC 9143).
//! Pure: nothing is connected here, and a refused offer leaves no trace.

use crate::codec::{CodecId, Entry, MediaKind};
use crate::config::{ENCODINGS_MAX, OFFER_MAX, SECTIONS_MAX};
use crate::dtls::Fingerprint;
use crate::ice::Credentials;
use crate::rtp::extension::{Ids, Kind};
use crate::rtp::{Pt, Ssrc};
use conclave_wire::code::Code;
use conclave_wire::control::{Sending, Source};
use conclave_wire::id::Mid;
use rtc_sdp::description::media::MediaDescription;
use rtc_sdp::description::session::SessionDescription;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::net::SocketAddr;

/// Long and short header extensions in one stream (RFC 8285 section 6).
const ALLOW_MIXED: &str = "extmap-allow-mixed";

/// Longest name of an encoding. Browsers take more, and nobody needs them.
const RID_MAX: usize = 16;

/// Most SSRCs of one section: a stream and its retransmissions, twice.
const SECTION_SSRCS_MAX: usize = 4;

/// An offer that keeps the rules.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The id of the client's SDP session (RFC 8866 section 5.2).
    pub session: u64,
    /// The client's ICE credentials.
    pub credentials: Credentials,
    /// The fingerprint of the client's certificate.
    pub fingerprint: Fingerprint,
    /// Whether feedback may stand alone in a packet (RFC 5506).
    pub reduced_size: bool,
    /// Every media section, in order.
    pub sections: Vec<Section>,
    allow_mixed: bool,
}

/// A media section.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its tag.
    pub mid: Mid,
    /// What becomes of it.
    pub role: Role,
    /// The codecs both sides have.
    pub codecs: Vec<SectionCodec>,
    /// The client's header extension ids.
    pub ids: Ids,
    /// Streams the section names.
    pub ssrcs: Vec<Ssrc>,
    /// Pairs of a stream and its retransmissions.
    pub repairs: Vec<(Ssrc, Ssrc)>,
    /// The names of the encodings of a simulcast, lowest first; none when the
    /// section sends one stream.
    pub rids: Vec<String>,
    /// Whether the client takes long header extensions (RFC 8285 section 4.3).
    pub long_extensions: bool,
    media: String,
    protocol: String,
    first_format: String,
}

/// A codec of a section.
#[derive(Debug, Clone)]
pub struct SectionCodec {
    /// Which.
    pub codec: CodecId,
    /// The client's payload type.
    pub pt: Pt,
    /// The client's payload type for retransmissions.
    pub rtx: Option<Pt>,
    fmtp: Option<String>,
    feedback: Vec<&'static str>,
}

/// What a section is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nothing: no codec in common, or the client has given it up.
    Rejected,
    /// Nothing until the client offers otherwise (`a=inactive`).
    Inactive,
    /// The client sends a source.
    Sending(Source, MediaKind),
    /// The client receives whatever is assigned.
    Slot(MediaKind),
}

/// What the answer says besides what the offer said.
#[derive(Debug)]
pub struct Local<'a> {
    /// The SFU's ICE credentials.
    pub credentials: &'a Credentials,
    /// The SFU's certificate fingerprint.
    pub fingerprint: &'a str,
    /// The SFU's UDP addresses.
    pub candidates: &'a [SocketAddr],
    /// Where it takes TCP connections (RFC 6544).
    pub tcp_candidates: &'a [SocketAddr],
    /// The version of the session description: counts answers.
    pub version: u64,
}

/// The streams of a slot, for the answer.
#[derive(Debug, Clone, Copy)]
pub struct SlotStreams {
    /// The media stream.
    pub ssrc: Ssrc,
    /// Its retransmissions.
    pub rtx: Ssrc,
}

impl Offer {
    /// Reads an offer.
    ///
    /// # Errors
    /// [`Code::TooLarge`], [`Code::BadOffer`] or [`Code::UnsupportedMedia`];
    /// see there.
    pub fn parse(text: &str, sending: &[Sending]) -> Result<Self, Code> {
        if text.len() > OFFER_MAX {
            return Err(Code::TooLarge);
        }
        // No line of SDP has these within (RFC 8866 section 9), and the answer
        // repeats some lines.
        let bytes = text.as_bytes();
        let stray = |at: usize| match bytes[at] {
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            byte => byte == 0,
        };
        if (0..bytes.len()).any(stray) {
            return Err(Code::BadOffer);
        }
        let mut reader = std::io::Cursor::new(text.as_bytes());
        let session = SessionDescription::unmarshal(&mut reader).map_err(|_| Code::BadOffer)?;
        if session.media_descriptions.is_empty() || session.media_descriptions.len() > SECTIONS_MAX
        {
            return Err(Code::BadOffer);
        }
        let bundled: HashSet<&str> = session
            .attributes
            .iter()
            .filter(|attribute| attribute.key == "group")
            .filter_map(|attribute| attribute.value.as_deref()?.strip_prefix("BUNDLE "))
            .flat_map(str::split_whitespace)
            .collect();
        let mut sections = Vec::with_capacity(session.media_descriptions.len());
        let mut mids = HashSet::new();
        let mut transport = None;
        let mut reduced_size = true;
        for media in &session.media_descriptions {
            let mut section = Section::parse(media, sending)?;
            section.long_extensions =
                session.has_attribute(ALLOW_MIXED) || media.has_attribute(ALLOW_MIXED);
            if !mids.insert(section.mid.clone()) {
                return Err(Code::BadOffer);
            }
            if is_offered(media) {
                if !bundled.contains(section.mid.as_str()) || !media.has_attribute("rtcp-mux") {
                    // A section without RTP has nothing to multiplex.
                    if section.media != "application" {
                        return Err(Code::BadOffer);
                    }
                }
                if section.media != "application" {
                    reduced_size &= media.has_attribute("rtcp-rsize");
                    if transport.is_none() {
                        transport = Some(Transport::parse(&session, media)?);
                    }
                }
            }
            sections.push(section);
        }
        let transport = transport.ok_or(Code::BadOffer)?;
        let mut sources = HashSet::new();
        for named in sending {
            let section = sections.iter().find(|section| section.mid == named.mid);
            match section.map(|section| section.role) {
                Some(Role::Sending(source, _)) if sources.insert(source) => {}
                Some(Role::Rejected) => return Err(Code::UnsupportedMedia),
                _ => return Err(Code::BadOffer),
            }
        }
        Ok(Self {
            session: session.origin.session_id,
            credentials: transport.credentials,
            fingerprint: transport.fingerprint,
            reduced_size,
            sections,
            allow_mixed: session.has_attribute(ALLOW_MIXED),
        })
    }

    /// Answers as if a header extension had not been offered.
    pub fn give_up(&mut self, kind: Kind) {
        for section in &mut self.sections {
            section.ids.set(kind, 0);
        }
    }

    /// Answers such that sound says as little of itself as it can: its packets
    /// have no level, and those of Opus have one size (RFC 7587 section 6.1).
    /// What is sent with a level in spite of that is passed on without.
    pub fn keep_discreet(&mut self) {
        self.give_up(Kind::AudioLevel);
        for section in &mut self.sections {
            section
                .codecs
                .iter_mut()
                .for_each(SectionCodec::keep_constant);
        }
    }

    /// Writes the answer. `streams` gives a slot's streams by its tag.
    pub fn answer(
        &self,
        local: &Local<'_>,
        streams: impl Fn(&Mid) -> Option<SlotStreams>,
    ) -> String {
        let mut sdp = String::with_capacity(512 * self.sections.len());
        let _ = write!(
            sdp,
            "v=0\r\no=- 1 {} IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=group:BUNDLE",
            local.version
        );
        for section in self.sections.iter().filter(|s| s.role != Role::Rejected) {
            let _ = write!(sdp, " {}", section.mid);
        }
        sdp.push_str("\r\na=msid-semantic: WMS *\r\n");
        if self.allow_mixed {
            sdp.push_str("a=extmap-allow-mixed\r\n");
        }
        for section in &self.sections {
            section.answer(&mut sdp, self.reduced_size, local, streams(&section.mid));
        }
        sdp
    }
}

struct Transport {
    credentials: Credentials,
    fingerprint: Fingerprint,
}

impl Transport {
    /// From the section, or from the session where the section is silent.
    fn parse(session: &SessionDescription, media: &MediaDescription) -> Result<Self, Code> {
        let value = |key: &str| {
            media
                .attribute(key)
                .flatten()
                .or_else(|| session.attribute(key).map(String::as_str))
                .ok_or(Code::BadOffer)
        };
        let (ufrag, pwd) = (value("ice-ufrag")?, value("ice-pwd")?);
        // RFC 8839 section 5.4.
        let ice_chars = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
        };
        if !(4..=256).contains(&ufrag.len())
            || !(22..=256).contains(&pwd.len())
            || !ice_chars(ufrag)
            || !ice_chars(pwd)
        {
            return Err(Code::BadOffer);
        }
        if !matches!(value("setup")?, "actpass" | "active") {
            return Err(Code::BadOffer);
        }
        let (algorithm, digest) = value("fingerprint")?
            .split_once(' ')
            .ok_or(Code::BadOffer)?;
        if !algorithm.eq_ignore_ascii_case("sha-256") {
            return Err(Code::BadOffer);
        }
        Ok(Self {
            credentials: Credentials {
                ufrag: ufrag.to_owned(),
                pwd: pwd.to_owned(),
            },
            fingerprint: Fingerprint::parse(digest).ok_or(Code::BadOffer)?,
        })
    }
}

/// Port zero gives a section up, unless it shares another's transport.
fn is_offered(media: &MediaDescription) -> bool {
    media.media_name.port.value != 0 || media.has_attribute("bundle-only")
}

fn values<'a>(media: &'a MediaDescription, key: &'a str) -> impl Iterator<Item = &'a str> {
    media
        .attributes
        .iter()
        .filter(move |attribute| attribute.key == key)
        .filter_map(|attribute| attribute.value.as_deref())
}

/// The rest of a value that starts with a payload type.
fn of_format<'a>(
    media: &'a MediaDescription,
    key: &'a str,
    format: &'a str,
) -> impl Iterator<Item = &'a str> {
    values(media, key).filter_map(move |value| {
        let (head, rest) = value.split_once(' ')?;
        (head == format).then_some(rest.trim())
    })
}

impl Section {
    fn parse(media: &MediaDescription, sending: &[Sending]) -> Result<Self, Code> {
        let mid: Mid = media
            .attribute("mid")
            .flatten()
            .and_then(|mid| mid.parse().ok())
            .ok_or(Code::BadOffer)?;
        let kind = match media.media_name.media.as_str() {
            "audio" => Some(MediaKind::Audio),
            "video" => Some(MediaKind::Video),
            _ => None,
        };
        let mut section = Self {
            role: Role::Rejected,
            codecs: Vec::new(),
            ids: Ids::default(),
            ssrcs: Vec::new(),
            repairs: Vec::new(),
            rids: Vec::new(),
            long_extensions: false,
            media: media.media_name.media.clone(),
            protocol: media.media_name.protos.join("/"),
            first_format: media
                .media_name
                .formats
                .first()
                .cloned()
                .unwrap_or_default(),
            mid,
        };
        let Some(kind) = kind.filter(|_| is_offered(media)) else {
            return Ok(section);
        };
        if section.protocol != "UDP/TLS/RTP/SAVPF" {
            return Err(Code::BadOffer);
        }
        section.codecs = codecs(media, kind);
        let source = sending.iter().find(|named| named.mid == section.mid);
        let role = if media.has_attribute("sendonly") {
            match source.map(|named| named.source) {
                Some(source) if kind_of(source) == kind => Role::Sending(source, kind),
                Some(_) => return Err(Code::BadOffer),
                None => Role::Inactive,
            }
        } else if media.has_attribute("recvonly") {
            Role::Slot(kind)
        } else if media.has_attribute("inactive") {
            Role::Inactive
        } else {
            return Err(Code::BadOffer);
        };
        section.role = role;
        for value in values(media, "extmap") {
            let Some((id, uri)) = value.split_once(' ') else {
                continue;
            };
            let id = id.split('/').next().and_then(|id| id.parse().ok());
            let uri = uri.split_whitespace().next().unwrap_or_default();
            let known = Kind::URIS.iter().find(|(_, known)| *known == uri);
            if let (Some(id @ 1..=14), Some((kind, _))) = (id, known)
                && section.wants(*kind)
            {
                section.ids.set(*kind, id);
            }
        }
        // Without the descriptor nobody could tell where a frame of some belongs.
        let described = section.ids.dependency != 0;
        section
            .codecs
            .retain(|codec| described || codec.codec.codec().entry != Entry::Dependency);
        if section.codecs.is_empty() {
            section.role = Role::Rejected;
            return Ok(section);
        }
        if matches!(role, Role::Sending(..)) {
            section.read_ssrcs(media);
            section.read_simulcast(media);
        }
        Ok(section)
    }

    /// How many streams the section sends at most.
    pub fn encodings(&self) -> usize {
        self.rids.len().max(1)
    }

    /// A simulcast is taken as a whole: each encoding by one name, all of them
    /// known and told apart by a header extension (RFC 8853 section 5.1).
    /// Everything else is answered as if it were not there (RFC 8853 section
    /// 5.3.2).
    fn read_simulcast(&mut self, media: &MediaDescription) {
        let fits = |rid: &str| {
            (1..=RID_MAX).contains(&rid.len())
                && rid.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && of_format(media, "rid", rid).any(|rest| rest.split(' ').next() == Some("send"))
        };
        let offered = values(media, "simulcast").next();
        let offered = offered.and_then(|value| value.trim().strip_prefix("send "));
        let rids: Vec<_> = offered
            .into_iter()
            .flat_map(|rids| rids.split(';'))
            .map(|rid| rid.trim().trim_start_matches('~'))
            .collect();
        let distinct: HashSet<_> = rids.iter().collect();
        if (2..=ENCODINGS_MAX).contains(&rids.len())
            && distinct.len() == rids.len()
            && rids.iter().all(|rid| fits(rid))
            && self.ids.mid != 0
            && self.ids.rid != 0
        {
            self.rids = rids.into_iter().map(str::to_owned).collect();
        }
    }

    /// Which header extensions are negotiated in a section of this role.
    fn wants(&self, kind: Kind) -> bool {
        matches!(
            (self.role, kind),
            (Role::Sending(..), Kind::Mid)
                | (Role::Sending(..) | Role::Slot(_), Kind::TransportCc)
                | (
                    Role::Sending(_, MediaKind::Video),
                    Kind::Rid | Kind::RepairedRid | Kind::Dependency | Kind::Allocation,
                )
                | (Role::Slot(MediaKind::Video), Kind::Dependency)
                | (
                    Role::Sending(_, MediaKind::Audio) | Role::Slot(MediaKind::Audio),
                    Kind::AudioLevel,
                )
        )
    }

    fn read_ssrcs(&mut self, media: &MediaDescription) {
        let number = |text: &str| text.parse::<u32>().ok().map(Ssrc);
        for value in values(media, "ssrc") {
            let ssrc = value.split_whitespace().next().and_then(number);
            if let Some(ssrc) = ssrc
                && !self.ssrcs.contains(&ssrc)
                && self.ssrcs.len() < SECTION_SSRCS_MAX
            {
                self.ssrcs.push(ssrc);
            }
        }
        for value in values(media, "ssrc-group") {
            let mut parts = value.split_whitespace();
            if parts.next() == Some("FID")
                && let (Some(stream), Some(rtx)) =
                    (parts.next().and_then(number), parts.next().and_then(number))
                && self.ssrcs.contains(&stream)
                && self.ssrcs.contains(&rtx)
                && stream != rtx
                && self.repairs.is_empty()
            {
                self.repairs.push((stream, rtx));
            }
        }
    }

    fn answer(
        &self,
        sdp: &mut String,
        reduced_size: bool,
        local: &Local<'_>,
        streams: Option<SlotStreams>,
    ) {
        if self.role == Role::Rejected {
            let _ = write!(
                sdp,
                "m={} 0 {} {}\r\nc=IN IP4 0.0.0.0\r\na=mid:{}\r\na=inactive\r\n",
                self.media, self.protocol, self.first_format, self.mid
            );
            return;
        }
        let _ = write!(sdp, "m={} 9 {}", self.media, self.protocol);
        for codec in &self.codecs {
            let _ = write!(sdp, " {}", codec.pt.0);
            if let Some(rtx) = codec.rtx {
                let _ = write!(sdp, " {}", rtx.0);
            }
        }
        let _ = write!(
            sdp,
            "\r\nc=IN IP4 0.0.0.0\r\na=mid:{}\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\n\
             a=fingerprint:sha-256 {}\r\na=setup:passive\r\na=rtcp-mux\r\n",
            self.mid, local.credentials.ufrag, local.credentials.pwd, local.fingerprint
        );
        if reduced_size {
            sdp.push_str("a=rtcp-rsize\r\n");
        }
        sdp.push_str(match self.role {
            Role::Sending(..) => "a=recvonly\r\n",
            Role::Slot(_) => "a=sendonly\r\n",
            Role::Inactive | Role::Rejected => "a=inactive\r\n",
        });
        for (kind, uri) in Kind::URIS {
            match self.ids.of(kind) {
                0 => {}
                id => {
                    let _ = write!(sdp, "a=extmap:{id} {uri}\r\n");
                }
            }
        }
        if !self.rids.is_empty() {
            for rid in &self.rids {
                let _ = write!(sdp, "a=rid:{rid} recv\r\n");
            }
            let _ = write!(sdp, "a=simulcast:recv {}\r\n", self.rids.join(";"));
        }
        for codec in &self.codecs {
            codec.answer(sdp, self.ids.transport_cc != 0);
        }
        if let (Role::Slot(_), Some(streams)) = (self.role, streams) {
            self.answer_streams(sdp, streams);
        }
        for (index, address) in local.candidates.iter().enumerate() {
            // RFC 8445 section 5.1.2.1: host candidates, the first preferred.
            let priority = (126u32 << 24) | ((65_535 - index as u32) << 8) | 255;
            let _ = write!(
                sdp,
                "a=candidate:{} 1 udp {priority} {} {} typ host\r\n",
                index + 1,
                address.ip(),
                address.port()
            );
        }
        for (index, address) in local.tcp_candidates.iter().enumerate() {
            // RFC 6544 section 4.2: direction preference 4 for passive, and
            // behind every UDP candidate.
            let preference = (4u32 << 13) | (8_191 - index as u32);
            let priority = (90u32 << 24) | (preference << 8) | 255;
            let _ = write!(
                sdp,
                "a=candidate:{} 1 tcp {priority} {} {} typ host tcptype passive\r\n",
                local.candidates.len() + index + 1,
                address.ip(),
                address.port()
            );
        }
        sdp.push_str("a=end-of-candidates\r\n");
    }

    /// A slot is a stream of its own: what it carries at one time says nothing
    /// about what other slots carry.
    fn answer_streams(&self, sdp: &mut String, streams: SlotStreams) {
        let mid = &self.mid;
        let _ = write!(sdp, "a=msid:slot-{mid} slot-{mid}\r\n");
        let repaired = self.codecs.iter().any(|codec| codec.rtx.is_some());
        if repaired {
            let _ = write!(
                sdp,
                "a=ssrc-group:FID {} {}\r\n",
                streams.ssrc.0, streams.rtx.0
            );
        }
        let rtx = repaired.then_some(streams.rtx);
        for ssrc in std::iter::once(streams.ssrc).chain(rtx) {
            let _ = write!(
                sdp,
                "a=ssrc:{0} cname:{CNAME}\r\na=ssrc:{0} msid:slot-{mid} slot-{mid}\r\n",
                ssrc.0
            );
        }
    }
}

/// The canonical name of everything the SFU sends.
pub const CNAME: &str = "conclave";

impl SectionCodec {
    /// Whether the client offers that RTCP feedback for it.
    pub fn offers(&self, feedback: &str) -> bool {
        self.feedback.contains(&feedback)
    }

    /// Asks for a constant rate, whatever the client's parameters say of it.
    fn keep_constant(&mut self) {
        if self.codec.codec().kind == MediaKind::Audio {
            let offered = self.fmtp.take().unwrap_or_default();
            let others = offered.split(';').map(str::trim);
            let others = others.filter(|pair| !pair.is_empty() && !pair.starts_with("cbr="));
            self.fmtp = Some(others.chain(["cbr=1"]).collect::<Vec<_>>().join(";"));
        }
    }

    fn answer(&self, sdp: &mut String, transport_cc: bool) {
        let codec = self.codec.codec();
        let pt = self.pt.0;
        let _ = write!(sdp, "a=rtpmap:{pt} {}/{}", codec.name, codec.clock_rate);
        if let Some(channels) = codec.channels {
            let _ = write!(sdp, "/{channels}");
        }
        sdp.push_str("\r\n");
        if codec.raw {
            let _ = write!(sdp, "a=packetization:{pt} raw\r\n");
        }
        for feedback in &self.feedback {
            // Without the numbers there is nothing to report on.
            if *feedback != "transport-cc" || transport_cc {
                let _ = write!(sdp, "a=rtcp-fb:{pt} {feedback}\r\n");
            }
        }
        if let Some(fmtp) = &self.fmtp {
            let _ = write!(sdp, "a=fmtp:{pt} {fmtp}\r\n");
        }
        if let Some(rtx) = self.rtx {
            let _ = write!(
                sdp,
                "a=rtpmap:{0} rtx/{1}\r\na=fmtp:{0} apt={pt}\r\n",
                rtx.0, codec.clock_rate
            );
        }
    }
}

/// The kind of section that carries a source.
pub fn kind_of(source: Source) -> MediaKind {
    match source {
        Source::Microphone | Source::ScreenAudio => MediaKind::Audio,
        Source::Camera | Source::Screen => MediaKind::Video,
    }
}

fn codecs(media: &MediaDescription, kind: MediaKind) -> Vec<SectionCodec> {
    let formats = &media.media_name.formats;
    let number = |format: &str| format.parse::<u8>().ok().filter(|pt| *pt < 128).map(Pt);
    CodecId::all()
        .filter(|id| id.codec().kind == kind)
        .filter_map(|id| {
            let codec = id.codec();
            let format = formats.iter().find(|format| {
                let raw = of_format(media, "packetization", format).any(|how| how == "raw");
                if raw != codec.raw {
                    return false;
                }
                let fmtp = of_format(media, "fmtp", format).next().unwrap_or_default();
                of_format(media, "rtpmap", format).any(|map| codec.matches(map, fmtp))
            })?;
            let apt = format!("apt={format}");
            let rtx = formats.iter().find(|rtx| {
                of_format(media, "rtpmap", rtx).any(|map| {
                    map.get(..4)
                        .is_some_and(|name| name.eq_ignore_ascii_case("rtx/"))
                }) && of_format(media, "fmtp", rtx)
                    .any(|fmtp| fmtp.split(';').any(|pair| pair.trim() == apt))
            });
            let offers = |feedback: &str| {
                of_format(media, "rtcp-fb", format)
                    .chain(of_format(media, "rtcp-fb", "*"))
                    .any(|offered| offered == feedback)
            };
            Some(SectionCodec {
                codec: id,
                pt: number(format)?,
                rtx: rtx
                    .filter(|_| codec.retransmitted)
                    .and_then(|rtx| number(rtx)),
                fmtp: of_format(media, "fmtp", format).next().map(str::to_owned),
                feedback: codec
                    .feedback
                    .iter()
                    .copied()
                    .filter(|feedback| offers(feedback))
                    .collect(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTION: &str = "m=video 9 UDP/TLS/RTP/SAVPF 98 99 45 46\r\n\
        c=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\n\
        a=rtpmap:98 VP9/90000\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n\
        a=rtpmap:45 AV1/90000\r\na=rtcp-fb:45 nack pli\r\n\
        a=rtpmap:46 rtx/90000\r\na=fmtp:46 apt=45\r\n";
    const RAW: &str = "a=packetization:45 raw\r\n";

    fn descriptor() -> String {
        let (_, uri) = Kind::URIS[5];
        format!("a=extmap:7 {uri}\r\n")
    }

    fn answer(lines: &str) -> String {
        answered(&format!("{SECTION}{lines}"))
    }

    fn answered(section: &str) -> String {
        answer_to(section, |_| {})
    }

    fn answer_to(section: &str, change: impl FnOnce(&mut Offer)) -> String {
        let offer = format!(
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
             a=ice-ufrag:ufra\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\n\
             a=fingerprint:sha-256 {}\r\n{section}",
            ["AB"; 32].join(":")
        );
        let mut offer = Offer::parse(&offer, &[]).expect("an offer");
        change(&mut offer);
        let local = Local {
            credentials: &offer.credentials,
            fingerprint: "",
            candidates: &["192.0.2.1:3478".parse().expect("an address")],
            tcp_candidates: &["192.0.2.1:443".parse().expect("an address")],
            version: 1,
        };
        offer.answer(&local, |_| None)
    }

    #[test]
    fn tcp_is_told_behind_udp() {
        let sdp = answer("");
        let lines = sdp.lines().filter_map(|l| l.strip_prefix("a=candidate:"));
        let lines: Vec<Vec<_>> = lines.map(|line| line.split(' ').collect()).collect();
        let [udp, tcp] = &lines[..] else {
            panic!("{sdp}")
        };
        let priority = |line: &[&str]| line[3].parse::<u32>().expect("a number");
        assert!(priority(udp) > priority(tcp));
        assert_eq!(udp[4..], ["192.0.2.1", "3478", "typ", "host"]);
        let passive = ["192.0.2.1", "443", "typ", "host", "tcptype", "passive"];
        assert_eq!((tcp[2], &tcp[4..]), ("tcp", &passive[..]));
        assert_ne!(udp[0], tcp[0], "foundations");
    }

    #[test]
    fn in_band_fec_is_answered_as_offered_and_redundant_audio_is_not() {
        let sound = "m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
            a=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
            a=fmtp:111 minptime=10;useinbandfec=1\r\n\
            a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n";
        let sdp = answered(sound);
        assert!(sdp.contains("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"), "{sdp}");
        assert!(
            sdp.contains("a=fmtp:111 minptime=10;useinbandfec=1\r\n"),
            "{sdp}"
        );
        assert!(!sdp.contains("red/48000"), "{sdp}");
    }

    #[test]
    fn who_is_discreet_is_answered_without_levels_and_with_a_constant_rate() {
        let (_, level) = Kind::URIS[2];
        for parameters in ["a=fmtp:111 minptime=10;cbr=0; useinbandfec=1\r\n", ""] {
            let sound = format!(
                "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
                 a=recvonly\r\na=rtcp-mux\r\na=extmap:4 {level}\r\n\
                 a=rtpmap:111 opus/48000/2\r\n{parameters}"
            );
            let usual = answered(&sound);
            assert!(usual.contains(level) && !usual.contains("cbr=1"), "{usual}");
            let discreet = answer_to(&sound, Offer::keep_discreet);
            assert!(!discreet.contains(level), "{discreet}");
            let constant = match parameters {
                "" => "a=fmtp:111 cbr=1\r\n",
                _ => "a=fmtp:111 minptime=10;useinbandfec=1;cbr=1\r\n",
            };
            assert!(discreet.contains(constant), "{discreet}");
        }
    }

    #[test]
    fn raw_video_is_taken_with_the_descriptor_and_never_without() {
        let taken = answer(&format!("{RAW}{}", descriptor()));
        assert!(taken.contains("m=video 9 UDP/TLS/RTP/SAVPF 98 99 45 46\r\n"));
        assert!(taken.contains("a=rtpmap:45 AV1/90000\r\na=packetization:45 raw\r\n"));
        let plain = "m=video 9 UDP/TLS/RTP/SAVPF 98 99\r\n";
        assert!(answer(RAW).contains(plain));
        assert!(
            answer(&descriptor()).contains(plain),
            "AV1 in its own format"
        );
        let raw_vp9 = format!("a=packetization:98 raw\r\n{RAW}{}", descriptor());
        assert!(answer(&raw_vp9).contains("m=video 9 UDP/TLS/RTP/SAVPF 45 46\r\n"));
    }
    #[test]
    fn vp8_is_taken_with_the_descriptor_behind_every_other_and_never_without() {
        let section = SECTION.replace("SAVPF 98 99", "SAVPF 96 97 98 99");
        let vp8 = "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n\
            a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n";
        let all = format!("{section}{vp8}{RAW}{}", descriptor());
        let taken = answered(&all);
        let line = "m=video 9 UDP/TLS/RTP/SAVPF 98 99 45 46 96 97\r\n";
        assert!(taken.contains(line), "{taken}");
        let answer = "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n";
        assert!(taken.contains(answer), "{taken}");
        assert!(taken.contains("a=fmtp:97 apt=96\r\n"), "{taken}");
        let without = answered(&format!("{section}{vp8}{RAW}"));
        let plain = "m=video 9 UDP/TLS/RTP/SAVPF 98 99\r\n";
        assert!(without.contains(plain), "{without}");
        assert!(!without.contains("VP8"), "{without}");
        let alone = section.replace("VP9/90000", "VP1/90000");
        let alone = answered(&format!("{alone}{vp8}"));
        assert!(alone.contains("m=video 0 "), "{alone}");
        let raw = answered(&format!("{all}a=packetization:96 raw\r\n"));
        assert!(!raw.contains("VP8"), "{raw}");
    }
}

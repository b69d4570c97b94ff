//! The codecs that are negotiated, as data. The SFU never decodes: what it
//! needs to know of a codec is how it is named in SDP and where, outside the
//! encrypted frame, a switch may happen.

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// How a packet tells whether a receiver can begin at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// At every packet.
    Anywhere,
    /// By the VP9 payload descriptor.
    Vp9Descriptor,
    /// By the Dependency Descriptor alone: no other header says it in clear.
    Dependency,
}

/// What stands in clear before a packet's piece of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Nothing.
    Bare,
    /// The VP8 payload descriptor.
    Vp8,
    /// The VP9 payload descriptor.
    Vp9,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codec {
    /// What it encodes.
    pub kind: MediaKind,
    /// The encoding name of `a=rtpmap`, compared without case.
    pub name: &'static str,
    /// The clock rate in Hz.
    pub clock_rate: u32,
    /// The last part of `a=rtpmap`, where there is one.
    pub channels: Option<u8>,
    /// Format parameters that must have that value, with the value they have
    /// when they are left out.
    pub required: &'static [(&'static str, &'static str, &'static str)],
    /// The RTCP feedback answered when it is offered.
    pub feedback: &'static [&'static str],
    /// Whether lost packets are sent again on a stream of their own (RFC 4588).
    pub retransmitted: bool,
    /// Whether frames are only cut into packets, without a payload descriptor
    /// (`a=packetization:<pt> raw`).
    pub raw: bool,
    /// Where a receiver can begin.
    pub entry: Entry,
    /// What stands before the encrypted bytes.
    pub format: Format,
}

/// A row's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CodecId(u8);

impl CodecId {
    /// The row.
    pub fn codec(self) -> &'static Codec {
        &CODECS[usize::from(self.0)]
    }

    /// Every row, in order of preference.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..CODECS.len() as u8).map(Self)
    }
}

/// The table. Every browser pair can encrypt whole frames of the first two in
/// their own payload formats. The third shows nothing of a frame but its length
/// and its place among others, and is for calls all of whose members take it.
/// The fourth is for encoders that have no other.
static CODECS: &[Codec] = &[
    Codec {
        kind: MediaKind::Audio,
        name: "opus",
        clock_rate: 48_000,
        channels: Some(2),
        required: &[],
        feedback: &["transport-cc"],
        retransmitted: false,
        raw: false,
        entry: Entry::Anywhere,
        format: Format::Bare,
    },
    Codec {
        kind: MediaKind::Video,
        name: "VP9",
        clock_rate: 90_000,
        channels: None,
        required: &[("profile-id", "0", "0")],
        feedback: &["transport-cc", "ccm fir", "nack", "nack pli"],
        retransmitted: true,
        raw: false,
        entry: Entry::Vp9Descriptor,
        format: Format::Vp9,
    },
    Codec {
        kind: MediaKind::Video,
        name: "AV1",
        clock_rate: 90_000,
        channels: None,
        required: &[("profile", "0", "0")],
        feedback: &["transport-cc", "ccm fir", "nack", "nack pli"],
        retransmitted: true,
        raw: true,
        entry: Entry::Dependency,
        format: Format::Bare,
    },
    Codec {
        kind: MediaKind::Video,
        name: "VP8",
        clock_rate: 90_000,
        channels: None,
        required: &[],
        feedback: &["transport-cc", "ccm fir", "nack", "nack pli"],
        retransmitted: true,
        raw: false,
        entry: Entry::Dependency,
        format: Format::Vp8,
    },
];

impl Codec {
    /// Whether `a=rtpmap` and `a=fmtp` values describe this codec.
    pub fn matches(&self, rtpmap: &str, fmtp: &str) -> bool {
        let mut parts = rtpmap.split('/');
        let name = parts.next().unwrap_or_default();
        let rate = parts.next().and_then(|rate| rate.parse().ok());
        let channels = parts.next().and_then(|channels| channels.parse().ok());
        name.eq_ignore_ascii_case(self.name)
            && rate == Some(self.clock_rate)
            && (channels == self.channels || (channels == Some(1) && self.channels.is_none()))
            && self.required.iter().all(|(key, value, default)| {
                let given = fmtp.split(';').find_map(|pair| {
                    let (name, value) = pair.trim().split_once('=')?;
                    name.eq_ignore_ascii_case(key).then_some(value)
                });
                given.unwrap_or(default) == *value
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_vp9_profile_zero_is_ours() {
        let vp9 = CodecId::all().nth(1).expect("row").codec();
        assert!(vp9.matches("VP9/90000", ""));
        assert!(vp9.matches("vp9/90000", "x=1; profile-id=0"));
        assert!(!vp9.matches("VP9/90000", "profile-id=2"));
        assert!(!vp9.matches("VP8/90000", ""));
        let opus = CodecId::all().next().expect("row").codec();
        assert!(opus.matches("opus/48000/2", "minptime=10"));
        assert!(!opus.matches("opus/48000", ""));
    }
}

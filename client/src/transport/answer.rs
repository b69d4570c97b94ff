//! An answer as the stack is to have it: its sections labelled with their
//! mids, so that a received track names the slot it belongs to whatever the
//! answerer called it.

use conclave_wire::id::Mid;
use webrtc::error::Error;
use webrtc::peer_connection::RTCSessionDescription;

/// What an answer says.
#[derive(Debug)]
pub struct Answer {
    /// The answer, labelled.
    pub description: RTCSessionDescription,
    /// The candidates to which TCP connections can be opened (RFC 6544 section
    /// 4.5), each once.
    pub streams: Vec<String>,
    /// The fingerprint of the answerer's certificate (RFC 8122).
    pub fingerprint: Option<String>,
}

impl Answer {
    /// Reads an answer.
    ///
    /// # Errors
    /// When the stack takes it for no SDP.
    pub fn parse(answer: &str) -> Result<Self, Error> {
        Ok(Self {
            description: RTCSessionDescription::answer(label(answer))?,
            streams: streams(answer),
            fingerprint: values(answer, "a=fingerprint:").next().map(str::to_owned),
        })
    }
}

/// Replaces each section's `a=msid` (RFC 8830) by `a=msid:slot MID`.
///
/// The text is only relabelled here; the SDP parser behind it judges it.
fn label(answer: &str) -> String {
    let mut text = String::with_capacity(answer.len() + 256);
    for line in answer.lines() {
        let is_stream =
            line.starts_with("a=msid:") || (line.starts_with("a=ssrc:") && line.contains(" msid:"));
        if is_stream {
            continue;
        }
        text.push_str(line);
        text.push_str("\r\n");
        if let Some(mid) = line.strip_prefix("a=mid:")
            && mid.parse::<Mid>().is_ok()
        {
            text.push_str("a=msid:slot ");
            text.push_str(mid);
            text.push_str("\r\n");
        }
    }
    text
}

fn streams(answer: &str) -> Vec<String> {
    let mut streams: Vec<String> = Vec::new();
    for candidate in values(answer, "a=candidate:") {
        let is_passive = candidate.contains(" tcptype passive");
        if is_passive && !streams.iter().any(|known| known == candidate) {
            streams.push(candidate.to_owned());
        }
    }
    streams
}

fn values<'a>(answer: &'a str, what: &'a str) -> impl Iterator<Item = &'a str> {
    answer
        .lines()
        .filter_map(move |line| line.trim_end().strip_prefix(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_is_labelled_once_before_its_ssrcs() {
        let answer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:3\r\na=msid:- whatever\r\n\
                      a=ssrc:7 cname:x\r\na=ssrc:7 msid:- whatever\r\n";
        assert_eq!(
            label(answer),
            "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:3\r\na=msid:slot 3\r\na=ssrc:7 cname:x\r\n"
        );
    }

    #[test]
    fn what_takes_tcp_connections_is_named_once() {
        let udp = "a=candidate:1 1 udp 1 192.0.2.1 7000 typ host\r\n";
        let passive = "1 1 tcp 1 192.0.2.1 443 typ host tcptype passive";
        let active = "a=candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active\r\n";
        let answer = format!("{udp}a=candidate:{passive}\r\n{active}a=candidate:{passive}\r\n");
        assert_eq!(streams(&answer), [passive]);
    }

    #[test]
    fn a_mid_that_is_no_token_labels_nothing() {
        assert_eq!(label("a=mid:a b\n"), "a=mid:a b\r\n");
    }
}

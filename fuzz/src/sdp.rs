//! SDP offers.

use conclave_sfu::config::{ENCODINGS_MAX, SECTIONS_MAX};
use conclave_sfu::ice::Credentials;
use conclave_sfu::negotiate::{Local, Offer, Role, SlotStreams};
use conclave_sfu::rtp::Ssrc;
use conclave_sfu::rtp::extension::Kind;
use conclave_wire::control::{Sending, Source};

const SOURCES: [Source; 4] = [
    Source::Microphone,
    Source::Camera,
    Source::Screen,
    Source::ScreenAudio,
];

/// An offer behind a byte that says which of its sections send, by the names
/// browsers give them: an answer has a section for each of the offer's, and no
/// line that the offer has put there.
pub fn offer(data: &[u8]) {
    let Some((named, text)) = data.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(text);
    let sending: Vec<_> = SOURCES
        .into_iter()
        .enumerate()
        .filter(|(index, _)| named >> index & 1 == 1)
        .map(|(index, source)| Sending {
            mid: index.to_string().parse().expect("a tag"),
            source,
        })
        .collect();
    let Ok(mut offer) = Offer::parse(&text, &sending) else {
        return;
    };
    assert!((1..=SECTIONS_MAX).contains(&offer.sections.len()));
    for section in &offer.sections {
        assert!((1..=ENCODINGS_MAX).contains(&section.encodings()));
        assert!(section.ssrcs.len() <= 4 && section.repairs.len() <= 4);
        assert!(
            Kind::URIS
                .iter()
                .all(|(kind, _)| section.ids.of(*kind) <= 14)
        );
        assert!(section.codecs.iter().all(|codec| codec.pt.0 < 128));
        let sends = matches!(section.role, Role::Sending(..));
        let named = sending.iter().any(|sending| sending.mid == section.mid);
        assert_eq!(sends, named, "{:?}", section.role);
    }
    answered(&offer, text.len());
    offer.give_up(Kind::Dependency);
    answered(&offer, text.len());
}

fn answered(offer: &Offer, len: usize) {
    let credentials = Credentials {
        ufrag: "answering".to_owned(),
        pwd: "a password of the target".to_owned(),
    };
    let candidates = ["192.0.2.1:7000".parse().expect("an address")];
    let local = Local {
        credentials: &credentials,
        fingerprint: "AB:CD",
        candidates: &candidates,
        tcp_candidates: &candidates,
        version: 1,
    };
    let answer = offer.answer(&local, |_| {
        Some(SlotStreams {
            ssrc: Ssrc(1),
            rtx: Ssrc(2),
        })
    });
    assert!(
        answer.len() <= 4096 * (1 + offer.sections.len()) + 4 * len,
        "{} bytes",
        answer.len()
    );
    let lines: Vec<_> = answer.split_terminator("\r\n").collect();
    assert!(answer.ends_with("\r\n"));
    for line in &lines {
        let [name, b'=', ..] = line.as_bytes() else {
            panic!("no line of SDP: {line:?}");
        };
        assert!(b"vostmca".contains(name), "{line:?}");
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    }
    let starting = |prefix: &str| lines.iter().filter(|line| line.starts_with(prefix)).count();
    assert_eq!(starting("m="), offer.sections.len());
    assert_eq!(starting("a=mid:"), offer.sections.len());
    let mids: Vec<_> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("a=mid:"))
        .collect();
    assert!(
        mids.iter().eq(offer
            .sections
            .iter()
            .map(|section| section.mid.as_str())
            .collect::<Vec<_>>()
            .iter())
    );
    for private in ["a=ice-lite", "a=setup:", "a=fingerprint:"] {
        assert!(starting(private) <= 1 + offer.sections.len());
    }
}

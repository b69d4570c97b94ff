//! What the native client reads of a server: answers, and pages.

use conclave_client::transport::answer::Answer;
use conclave_client::verify::{page, policy};
use conclave_wire::id::Mid;

/// An answer: each section is labelled with its mid and nothing else, and what
/// is tried over TCP was named for it.
pub fn sdp(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(answer) = Answer::parse(text) else {
        return;
    };
    let labelled = &answer.description.sdp;
    let labels = labelled.lines().filter(|line| line.starts_with("a=msid:"));
    let mids = text.lines().filter_map(|line| line.strip_prefix("a=mid:"));
    let mids = mids.filter(|mid| mid.parse::<Mid>().is_ok());
    assert!(labels.eq(mids.map(|mid| format!("a=msid:slot {mid}"))));
    assert!(labelled.len() <= 4 * text.len() + 2);
    for (at, stream) in answer.streams.iter().enumerate() {
        assert!(stream.contains(" tcptype passive") && text.contains(stream));
        assert!(!answer.streams[..at].contains(stream), "named twice");
    }
    if let Some(fingerprint) = answer.fingerprint {
        assert!(text.contains(&format!("a=fingerprint:{fingerprint}")));
    }
}

const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'";

/// A page that `conclave verify-web` looks at, and its policy: what is named
/// stands in the page, and a policy that is in force is so whatever is beside
/// it, and not with another directive in it.
pub fn page(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let references = page::references(&text);
    assert!(references.len() <= text.len());
    for reference in references {
        assert!(reference == page::INLINE_SCRIPT || text.contains(&reference));
    }
    let in_force = |headers: &[&str]| policy::is_in_force(POLICY, headers.iter().copied());
    let verdict = in_force(&[&text]);
    assert!(in_force(&[&text, POLICY]) && in_force(&[&format!("{text},{POLICY}")]));
    if verdict {
        assert!(in_force(&["default-src *", &text]));
        let weaker = format!("{text}; script-src-elem *");
        assert!(text.contains(',') || !in_force(&[&weaker]));
    }
}

use super::*;
use hyper::http::{HeaderMap, HeaderValue};

const POLICY: &str = "default-src 'none'";
const PAGE: &[u8] = b"<script src=/app.js></script>";

fn release() -> Release {
    let files: [(&str, &[u8]); 2] = [(INDEX, PAGE), ("app.js", b"1")];
    Release {
        hashes: Hashes::of(files).unwrap(),
        policy: POLICY.into(),
    }
}

fn answer(body: &[u8]) -> Answer {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("content-type", "text/html; charset=UTF-8"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Answer {
        status: StatusCode::OK,
        headers,
        body: Bytes::copy_from_slice(body),
    }
}

/// `1` in brotli (RFC 7932), stored.
const COMPRESSED: &[u8] = &[0x00, 0x00, 0x10, b'1', 0x03];
/// 33 MiB of zeros in brotli.
const BOMB: &[u8] = &[
    207, 255, 255, 127, 0, 36, 0, 226, 177, 64, 114, 239, 255, 249, 255, 255, 15, 128, 4, 64, 28,
    22, 128, 238, 253, 127, 253, 255, 63, 0, 9, 128, 56, 44, 0, 221, 251, 7,
];

/// What is found of an answer, without what is well.
fn faults(name: &str, answer: &Answer) -> Vec<(String, Option<&'static str>, State)> {
    let mut findings = Vec::new();
    compare("/x", name, Some(answer), &release(), &mut findings);
    findings
        .into_iter()
        .filter(|finding| finding.state != State::Ok)
        .map(|finding| (finding.path, finding.header, finding.state))
        .collect()
}

fn fault(header: Option<&'static str>, state: State) -> (String, Option<&'static str>, State) {
    ("/x".into(), header, state)
}

#[test]
fn addresses_of_servers_and_rooms_are_read_and_secrets_refused() {
    let room = "AAAAAAAAAAAAAAAAAAAAAA";
    let site: Site = format!("https://h:1/r/{room}").parse().unwrap();
    assert_eq!(
        (site.server.port(), site.room.map(|room| room.to_string())),
        (1, Some(room.to_owned()))
    );
    assert!("https://h/".parse::<Site>().unwrap().room.is_none());
    for (text, error) in [
        (format!("https://h/r/{room}#x"), SiteError::Secret),
        ("https://h/r/x".into(), SiteError::Address),
        ("http://h".into(), SiteError::Address),
        ("https://h/x".into(), SiteError::Address),
    ] {
        assert_eq!(text.parse::<Site>().err(), Some(error), "{text}");
    }
}

#[test]
fn the_releases_page_and_file_are_found_well() {
    assert_eq!(faults(INDEX, &answer(PAGE)), []);
    let mut script = answer(b"1");
    script
        .headers
        .insert("content-type", HeaderValue::from_static("text/javascript"));
    assert_eq!(faults("app.js", &script), []);
}

#[test]
fn what_a_changed_page_refers_to_is_named() {
    let page = b"<script src=/app.js></script><script src=\"//evil/\"></script><script>1";
    assert_eq!(
        faults(INDEX, &answer(page)),
        [
            fault(None, State::Differs),
            (page::INLINE_SCRIPT.into(), None, State::Extra),
            ("//evil/".into(), None, State::Extra),
        ]
    );
    // Relative to the page of a room it is another file.
    let page = b"<script src=app.js></script>";
    assert_eq!(
        faults(INDEX, &answer(page))[1],
        ("app.js".into(), None, State::Extra)
    );
}

#[test]
fn headers_that_change_the_meaning_are_named() {
    for (name, value, state) in [
        ("content-security-policy", "default-src *", State::Differs),
        ("link", "</x.css>; rel=stylesheet", State::Extra),
        ("refresh", "0; url=//evil", State::Extra),
        ("content-type", "text/html; charset=utf-16", State::Differs),
    ] {
        let mut answer = answer(PAGE);
        answer.headers.insert(name, HeaderValue::from_static(value));
        assert_eq!(faults(INDEX, &answer), [fault(Some(name), state)]);
    }
    let mut bare = answer(b"1");
    bare.headers.clear();
    assert_eq!(
        faults("app.js", &bare),
        [
            fault(Some("content-security-policy"), State::Missing),
            fault(Some("content-type"), State::Differs),
        ]
    );
}

#[test]
fn a_coding_that_was_not_asked_for_or_hides_too_much_is_no_file() {
    let mut gzip = answer(b"1");
    gzip.headers
        .insert("content-encoding", HeaderValue::from_static("gzip"));
    assert_eq!(faults("app.js", &gzip), [fault(None, State::Differs)]);

    let mut brotli = answer(COMPRESSED);
    brotli
        .headers
        .insert("content-encoding", HeaderValue::from_static("br"));
    assert_eq!(faults("app.js", &brotli), []);
    brotli.body = Bytes::from_static(b"no brotli");
    assert_eq!(faults("app.js", &brotli), [fault(None, State::Differs)]);
    brotli.body = Bytes::from_static(BOMB);
    assert!(decoded(&brotli).is_none());
}

#[test]
fn a_redirection_is_not_followed() {
    let mut away = answer(PAGE);
    away.status = StatusCode::FOUND;
    assert_eq!(faults(INDEX, &away), [fault(None, State::Missing)]);
}

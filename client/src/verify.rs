//! Whether a server serves a release's browser client: fetches every file as a
//! browser would, and compares its SHA-256 with the release's.
//!
//! What it finds holds for this connection at this moment. A server that means
//! harm can serve somebody else something else.
//!
//! - [`hashes`]: the list of a release's files.
//! - [`page`]: what a page refers to; [`policy`]: its content security policy.

pub mod hashes;
pub mod page;
pub mod policy;

use crate::http::{Answer, HttpError, Limits, exchange};
use crate::link::Server;
use crate::trust::Trust;
use conclave_wire::id::RoomId;
use hashes::{Hash, Hashes, INDEX};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::http::{Request, StatusCode, header};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::io::Read as _;
use std::str::FromStr;
use std::time::Duration;

/// The largest file has about two megabytes.
const MAX_FILE: usize = 32 << 20;
const LIMITS: Limits = Limits {
    body: MAX_FILE,
    time: Duration::from_secs(30),
};
/// Piece by piece in which a compressed file is read, bytes.
const DECODER_BUFFER: usize = 64 * 1024;
/// Most references of a page that are told of, and the longest: a hostile page
/// may have any number.
const MAX_REFERENCES: usize = 100;
const MAX_REFERENCE: usize = 300;

/// Where people log in, manage their rooms and their organisation.
const DESK: [&str; 3] = ["/login", "/rooms", "/admin"];

/// Where to look: a server, and a room if the page of a certain room is meant.
#[derive(Debug, Clone)]
pub struct Site {
    server: Server,
    room: Option<RoomId>,
}

/// Why a text is no address to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SiteError {
    /// Neither `https://HOST[:PORT]` nor a room's link.
    #[error("neither https://HOST[:PORT] nor a room's address below it")]
    Address,
    /// It has a fragment.
    #[error(
        "leave away the # and what is behind it: that is the room's secret, and of no use here"
    )]
    Secret,
}

impl FromStr for Site {
    type Err = SiteError;

    /// Reads `https://HOST[:PORT]` or `https://HOST[:PORT]/r/ROOM`.
    fn from_str(text: &str) -> Result<Self, SiteError> {
        if text.contains('#') {
            return Err(SiteError::Secret);
        }
        let (server, room) = match text.rsplit_once("/r/") {
            Some((server, room)) => (server, Some(room)),
            None => (text, None),
        };
        let room = room.map(str::parse).transpose();
        Ok(Self {
            server: server.parse().map_err(|_| SiteError::Address)?,
            room: room.map_err(|_| SiteError::Address)?,
        })
    }
}

/// What a release serves.
#[derive(Debug, Clone)]
pub struct Release {
    /// Its files.
    pub hashes: Hashes,
    /// The content security policy of every answer.
    pub policy: String,
}

/// What was found of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is the release's.
    Ok,
    /// It is there, and is another.
    Differs,
    /// It is not there.
    Missing,
    /// It is there, and the release has nothing of the kind.
    Extra,
}

/// One file, or one header of its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The path it was asked for at; of something extra, what the page says.
    pub path: String,
    /// The header, if this is not about the file itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<&'static str>,
    /// What was found.
    pub state: State,
    /// The release's SHA-256 or header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What the server sent: SHA-256, header or status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// The whole comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Host and port.
    pub server: String,
    /// Whether all of it is the release's.
    pub equal: bool,
    /// Every file, and every header that is not as it should be.
    pub findings: Vec<Finding>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let state = match finding.state {
                State::Ok => "ok",
                State::Differs => "differs",
                State::Missing => "missing",
                State::Extra => "extra",
            };
            // Whatever the server sent is shown without its control characters.
            write!(f, "{state:8} {}", finding.path.escape_debug())?;
            if let Some(header) = finding.header {
                write!(f, " {header}")?;
            }
            if finding.state != State::Ok {
                if let Some(expected) = &finding.expected {
                    write!(f, "\n           release: {expected}")?;
                }
                if let Some(found) = &finding.found {
                    write!(f, "\n           served:  {}", found.escape_debug())?;
                }
            }
            writeln!(f)?;
        }
        let server = &self.server;
        if self.equal {
            writeln!(f, "{server} served this release's browser client")
        } else {
            writeln!(f, "{server} DID NOT SERVE this release's browser client")
        }
    }
}

/// Why nothing was found out.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The server cannot be reached or is not believed.
    #[error("the server cannot be reached")]
    Unreachable(#[source] std::io::Error),
    /// The server did not answer in time.
    #[error("the server does not answer")]
    Silent,
    /// No room's address could be made up.
    #[error("no randomness")]
    Random,
}

/// Compares what the server serves with the release.
///
/// # Errors
/// When the server cannot be asked. All that it answers is a finding.
pub async fn verify(site: &Site, trust: &Trust, release: &Release) -> Result<Report, VerifyError> {
    let room = match site.room {
        Some(room) => room,
        None => RoomId::random().map_err(|_| VerifyError::Random)?,
    };
    // A room's link opens the same page as the server's address, and so do those
    // of people who log in.
    let pages = ["/".to_owned(), format!("/r/{room}")];
    let pages = pages.into_iter().chain(DESK.map(str::to_owned));
    let pages = pages.map(|path| (path, INDEX));
    let files = release.hashes.iter();
    let files = files.map(|(path, _)| (format!("/{path}"), path));
    let mut findings = Vec::new();
    for (path, name) in pages.chain(files) {
        let answer = match fetch(&site.server, trust, &path).await {
            Ok(answer) => Some(answer),
            Err(HttpError::Protocol) => None,
            Err(HttpError::Silent) => return Err(VerifyError::Silent),
            Err(HttpError::Unreachable(error)) => return Err(VerifyError::Unreachable(error)),
        };
        compare(&path, name, answer.as_ref(), release, &mut findings);
    }
    Ok(Report {
        server: site.server.authority().to_owned(),
        equal: findings.iter().all(|finding| finding.state == State::Ok),
        findings,
    })
}

async fn fetch(server: &Server, trust: &Trust, path: &str) -> Result<Answer, HttpError> {
    let request = Request::builder()
        .uri(path)
        .header(header::HOST, server.authority())
        .header(header::ACCEPT_ENCODING, "br")
        .body(Full::<Bytes>::default())
        .map_err(|_| HttpError::Protocol)?;
    exchange(server, trust, request, LIMITS).await
}

/// Compares an answer with the release's file of that name.
fn compare(
    path: &str,
    name: &str,
    answer: Option<&Answer>,
    release: &Release,
    findings: &mut Vec<Finding>,
) {
    let expected = release.hashes.get(name).map(|hash| hash.to_string());
    let file = |state, found| Finding {
        path: path.to_owned(),
        header: None,
        state,
        expected,
        found,
    };
    let Some(answer) = answer else {
        let why = "no answer in HTTP, or one without end".to_owned();
        findings.push(file(State::Missing, Some(why)));
        return;
    };
    if answer.status != StatusCode::OK {
        let status = format!("status {}", answer.status.as_u16());
        findings.push(file(State::Missing, Some(status)));
        return;
    }
    let body = decoded(answer);
    let found = body.as_deref().map(Hash::of);
    findings.push(if found.is_some() && found == release.hashes.get(name) {
        file(State::Ok, found.map(|hash| hash.to_string()))
    } else {
        let found = found.map(|hash| hash.to_string());
        let unreadable = || "not readable by its content-encoding".to_owned();
        file(State::Differs, Some(found.unwrap_or_else(unreadable)))
    });
    findings.extend(wrong_headers(path, name, answer, &release.policy));
    if name == INDEX {
        let page = String::from_utf8_lossy(body.as_deref().unwrap_or_default());
        findings.extend(strange_references(&page, &release.hashes));
    }
}

/// The body without its content coding; nothing if that is one that was not
/// asked for, is not kept to, or hides more than a file may have.
fn decoded(answer: &Answer) -> Option<Cow<'_, [u8]>> {
    let mut codings = answer.headers.get_all(header::CONTENT_ENCODING).iter();
    match (
        codings.next().map(|coding| coding.as_bytes()),
        codings.next(),
    ) {
        (None, _) => Some(Cow::Borrowed(&answer.body)),
        (Some(b"br"), None) => {
            let mut plain = Vec::new();
            let mut decoder =
                brotli_decompressor::Decompressor::new(&answer.body[..], DECODER_BUFFER)
                    .take(MAX_FILE as u64 + 1);
            decoder.read_to_end(&mut plain).ok()?;
            (plain.len() <= MAX_FILE).then_some(Cow::Owned(plain))
        }
        _ => None,
    }
}

/// Headers that let run, load or mean what the release does not.
fn wrong_headers(path: &str, name: &str, answer: &Answer, policy: &str) -> Vec<Finding> {
    let all = |header: &str| -> Vec<String> {
        let values = answer.headers.get_all(header).iter();
        values
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect()
    };
    let finding = |header, state, expected: Option<&str>, found: Vec<String>| Finding {
        path: path.to_owned(),
        header: Some(header),
        state,
        expected: expected.map(str::to_owned),
        found: (!found.is_empty()).then(|| found.join(", ")),
    };
    let mut wrong = Vec::new();
    // A worker lives by the policy of its own script's answer.
    let served = all("content-security-policy");
    if !policy::is_in_force(policy, served.iter().map(String::as_str)) {
        let state = if served.is_empty() {
            State::Missing
        } else {
            State::Differs
        };
        wrong.push(finding(
            "content-security-policy",
            state,
            Some(policy),
            served,
        ));
    }
    // These load or open something without a word of it in the page.
    for header in ["link", "refresh"] {
        let served = all(header);
        if !served.is_empty() {
            wrong.push(finding(header, State::Extra, None, served));
        }
    }
    // In another character set the same bytes may be other text.
    const HTML: &str = "text/html; charset=utf-8";
    let served = all("content-type");
    let [ref kind] = served[..] else {
        wrong.push(finding("content-type", State::Differs, None, served));
        return wrong;
    };
    if name == INDEX
        && !kind
            .replace(' ', "")
            .eq_ignore_ascii_case("text/html;charset=utf-8")
    {
        wrong.push(finding("content-type", State::Differs, Some(HTML), served));
    }
    wrong
}

/// What the page refers to and the release does not have, each once.
fn strange_references(page: &str, hashes: &Hashes) -> Vec<Finding> {
    let listed = |reference: &str| {
        let path = reference.strip_prefix('/');
        path.is_some_and(|path| hashes.get(path).is_some())
    };
    let strange: BTreeSet<String> = page::references(page)
        .into_iter()
        .filter(|reference| !listed(reference))
        .map(|reference| reference.chars().take(MAX_REFERENCE).collect())
        .collect();
    let strange = strange.into_iter().take(MAX_REFERENCES);
    strange
        .map(|reference| Finding {
            path: reference,
            header: None,
            state: State::Extra,
            expected: None,
            found: None,
        })
        .collect()
}

#[cfg(test)]
mod tests;

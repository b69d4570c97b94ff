//! Room links: `https://HOST/r/ROOM#SECRET` for a guest, `….HOSTKEY` behind it
//! for a host, `p.` before the secret where the link has a password, `c.` before
//! that where its calls are consultations, and `l.LINK.` before all of it where guests have links of their own
//! (`docs/protocol.md` section 2). What stands behind the `#` is
//! secret; it is wiped when dropped and cannot be printed by accident.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conclave_e2ee::LinkSecret;
pub use conclave_e2ee::Password;
use conclave_wire::id::{Blob, LinkId, RoomId};
use hyper::http::uri::{Authority, Uri};
use std::str::FromStr;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What stands before the secret of a link that has a password. Only who made
/// the link says so: a server that denies it deceives nobody.
const PASSWORD_MARK: &str = "p.";

/// What stands before that in a link of a consultation. Its calls are quieter
/// towards the server: no levels of microphones, and sound at a constant rate.
const CONSULTATION_MARK: &str = "c.";

/// What stands before the name of a guest's own link.
const LINK_MARK: &str = "l.";

/// Port of a link that names none.
const HTTPS: u16 = 443;

/// Why a text is no room link. The text itself is not repeated: it may hold
/// most of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Not `https://HOST/…`.
    #[error("not an https address of a Conclave server")]
    Server,
    /// No `/r/ROOM` with 16 bytes of base64url.
    #[error("the link names no room")]
    Room,
    /// No secret of 32 bytes of base64url behind the `#`.
    #[error("the link has no valid secret behind its #")]
    Secret,
    /// A host key that is not 32 bytes of base64url, or one in a guest's own
    /// link.
    #[error("the link's host key is not valid")]
    HostKey,
    /// The name of a guest's own link that is not 16 bytes of base64url.
    #[error("the link does not say which one it is")]
    Name,
}

/// A Conclave server: host and port, always TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    authority: Authority,
}

impl Server {
    /// The host, without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        self.authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(HTTPS)
    }

    /// Host and port as they stand in a link.
    pub fn authority(&self) -> &str {
        self.authority.as_str()
    }
}

impl FromStr for Server {
    type Err = LinkError;

    /// Reads `https://HOST[:PORT]`, with or without a slash behind it.
    fn from_str(text: &str) -> Result<Self, LinkError> {
        let uri: Uri = text.parse().map_err(|_| LinkError::Server)?;
        let authority = uri.authority().ok_or(LinkError::Server)?.clone();
        let plain = uri.scheme_str() == Some("https")
            && uri.path() == "/"
            && uri.query().is_none()
            && !authority.as_str().contains('@')
            && !authority.host().is_empty();
        plain.then_some(Self { authority }).ok_or(LinkError::Server)
    }
}

/// What makes its holder a host: 32 bytes.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct HostKey([u8; 32]);

impl HostKey {
    /// Takes the bytes over; nothing unless there are 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// As the server wants to see it.
    pub fn to_wire(&self) -> Blob {
        Blob(self.0.to_vec())
    }
}

/// A room link and its secrets.
pub struct Link {
    /// Where the room is.
    pub server: Server,
    /// The room.
    pub room: RoomId,
    /// What every holder of the link knows and the server does not.
    pub secret: LinkSecret,
    /// Which of the room's links it is, where guests have links of their own.
    pub name: Option<LinkId>,
    /// In a host's link.
    pub host_key: Option<HostKey>,
    /// Whether it needs a password, which goes another way.
    pub password: bool,
    /// Whether its calls are consultations.
    pub consultation: bool,
}

impl Link {
    /// Reads a link.
    ///
    /// # Errors
    /// [`LinkError`] says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let (address, fragment) = text.trim().split_once('#').ok_or(LinkError::Secret)?;
        let (server, room) = address.rsplit_once("/r/").ok_or(LinkError::Room)?;
        let server = server.parse()?;
        let room = room.parse().map_err(|_| LinkError::Room)?;
        let (name, fragment) = match fragment.strip_prefix(LINK_MARK) {
            Some(named) => {
                let (name, rest) = named.split_once('.').ok_or(LinkError::Name)?;
                (Some(name.parse().map_err(|_| LinkError::Name)?), rest)
            }
            None => (None, fragment),
        };
        let (consultation, fragment) = match fragment.strip_prefix(CONSULTATION_MARK) {
            Some(fragment) => (true, fragment),
            None => (false, fragment),
        };
        let (password, fragment) = match fragment.strip_prefix(PASSWORD_MARK) {
            Some(fragment) => (true, fragment),
            None => (false, fragment),
        };
        let (secret, host_key) = match fragment.split_once('.') {
            Some((secret, key)) => (secret, Some(parse_host_key(key)?)),
            None => (fragment, None),
        };
        if name.is_some() && host_key.is_some() {
            return Err(LinkError::HostKey);
        }
        let secret = LinkSecret::from_fragment(secret).map_err(|_| LinkError::Secret)?;
        Ok(Self {
            server,
            room,
            secret,
            name,
            host_key,
            password,
            consultation,
        })
    }

    /// The link to give to guests.
    pub fn guest(&self) -> Zeroizing<String> {
        let secret = self.secret.fragment();
        let (server, room) = (self.server.authority(), self.room);
        let name = self.name.map(|name| format!("{LINK_MARK}{name}."));
        let name = name.as_deref().unwrap_or_default();
        let consultation = if self.consultation {
            CONSULTATION_MARK
        } else {
            ""
        };
        let password = if self.password { PASSWORD_MARK } else { "" };
        Zeroizing::new(format!(
            "https://{server}/r/{room}#{name}{consultation}{password}{}",
            secret.as_str()
        ))
    }

    /// A guest's own link, which opens the same room.
    #[must_use]
    pub fn named(mut self, name: LinkId) -> Self {
        self.name = Some(name);
        self.host_key = None;
        self
    }

    /// The link that makes its holder a host, if the key is there.
    pub fn host(&self) -> Option<Zeroizing<String>> {
        let key = Zeroizing::new(URL_SAFE_NO_PAD.encode(self.host_key.as_ref()?.0));
        let guest = self.guest();
        Some(Zeroizing::new(format!(
            "{}.{}",
            guest.as_str(),
            key.as_str()
        )))
    }
}

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        Self::parse(text)
    }
}

fn parse_host_key(text: &str) -> Result<HostKey, LinkError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map(Zeroizing::new);
    bytes
        .ok()
        .and_then(|bytes| HostKey::from_bytes(&bytes))
        .ok_or(LinkError::HostKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: &str = "AAAAAAAAAAAAAAAAAAAAAA";
    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn links_are_printed_as_they_are_read() {
        let guest = format!("https://example.org:8443/r/{ROOM}#{KEY}");
        let host = format!("{guest}.{KEY}");
        let link = Link::parse(&host).expect("parses");
        assert_eq!(link.guest().as_str(), guest);
        assert_eq!(link.host().expect("a host's").as_str(), host);
        assert_eq!(
            (link.server.host(), link.server.port()),
            ("example.org", 8443)
        );
        let link = Link::parse(&guest).expect("parses");
        assert!(link.host().is_none());
    }

    #[test]
    fn a_link_says_itself_whether_it_has_a_password() {
        let guest = format!("https://example.org/r/{ROOM}#p.{KEY}");
        let host = format!("{guest}.{KEY}");
        let link = Link::parse(&host).expect("parses");
        assert!(link.password);
        assert_eq!(link.guest().as_str(), guest);
        assert_eq!(link.host().expect("a host's").as_str(), host);
        let plain = guest.replace("p.", "");
        assert!(!Link::parse(&plain).expect("parses").password);
    }

    #[test]
    fn a_guests_own_link_says_which_it_is_and_holds_no_host_key() {
        let name = LinkId([3; 16]);
        for mark in ["", "p.", "c.", "c.p."] {
            let host = format!("https://example.org/r/{ROOM}#{mark}{KEY}.{KEY}");
            let link = Link::parse(&host).expect("parses").named(name);
            let text = link.guest();
            assert_eq!(
                text.as_str(),
                format!("https://example.org/r/{ROOM}#l.{name}.{mark}{KEY}")
            );
            assert!(link.host().is_none());
            let link = Link::parse(&text).expect("parses");
            assert_eq!((link.name, link.password), (Some(name), mark.contains('p')));
            assert_eq!(link.consultation, mark.contains('c'));
        }
    }

    #[test]
    fn hosts_may_be_addresses_and_ports_are_optional() {
        let server: Server = "https://[::1]:8443/".parse().expect("parses");
        assert_eq!((server.host(), server.port()), ("::1", 8443));
        let server: Server = "https://example.org".parse().expect("parses");
        assert_eq!(server.port(), 443);
    }

    #[test]
    fn every_wrong_part_is_named() {
        for (link, error) in [
            (format!("https://h/r/{ROOM}"), LinkError::Secret),
            (format!("https://h/r/{ROOM}#"), LinkError::Secret),
            (format!("https://h/r/{ROOM}#{KEY}A"), LinkError::Secret),
            (format!("https://h/r/{ROOM}#p{KEY}"), LinkError::Secret),
            (format!("https://h/r/{ROOM}#p.p.{KEY}"), LinkError::Secret),
            (format!("https://h/r/{ROOM}#p.c.{KEY}"), LinkError::Secret),
            (format!("https://h/r/{ROOM}#{KEY}."), LinkError::HostKey),
            (format!("https://h/r/{ROOM}#{KEY}.x"), LinkError::HostKey),
            (format!("https://h/r/{ROOM}#l.{KEY}"), LinkError::Name),
            (format!("https://h/r/{ROOM}#l.x.{KEY}"), LinkError::Name),
            (format!("https://h/r/{ROOM}#l.{ROOM}."), LinkError::Secret),
            (
                format!("https://h/r/{ROOM}#p.l.{ROOM}.{KEY}"),
                LinkError::HostKey,
            ),
            (
                format!("https://h/r/{ROOM}#l.{ROOM}.{KEY}.{KEY}"),
                LinkError::HostKey,
            ),
            (format!("https://h/r/x#{KEY}"), LinkError::Room),
            (format!("https://h/{ROOM}#{KEY}"), LinkError::Room),
            (format!("http://h/r/{ROOM}#{KEY}"), LinkError::Server),
            (format!("https:///r/{ROOM}#{KEY}"), LinkError::Server),
            (format!("https://a@h/r/{ROOM}#{KEY}"), LinkError::Server),
            (format!("https://h/x/r/{ROOM}#{KEY}"), LinkError::Server),
        ] {
            assert_eq!(Link::parse(&link).err(), Some(error), "{link}");
        }
    }
}

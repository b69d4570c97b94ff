//! Room links: `https://HOST/r/ROOM#SECRET` for a guest, `….HOSTKEY` behind it
//! for a host, and `p.` before the secret where the link has a password
//! (`docs/protocol.md` section 2). What stands behind the `#` is
//! secret; it is wiped when dropped and cannot be printed by accident.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conclave_e2ee::LinkSecret;
pub use conclave_e2ee::Password;
use conclave_wire::id::{Blob, RoomId};
use hyper::http::uri::{Authority, Uri};
use std::str::FromStr;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What stands before the secret of a link that has a password. Only who made
/// the link says so: a server that denies it deceives nobody.
const PASSWORD_MARK: &str = "p.";

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
    /// A host key that is not 32 bytes of base64url.
    #[error("the link's host key is not valid")]
    HostKey,
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
    /// In a host's link.
    pub host_key: Option<HostKey>,
    /// Whether it needs a password, which goes another way.
    pub password: bool,
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
        let (password, fragment) = match fragment.strip_prefix(PASSWORD_MARK) {
            Some(fragment) => (true, fragment),
            None => (false, fragment),
        };
        let (secret, host_key) = match fragment.split_once('.') {
            Some((secret, key)) => (secret, Some(parse_host_key(key)?)),
            None => (fragment, None),
        };
        let secret = LinkSecret::from_fragment(secret).map_err(|_| LinkError::Secret)?;
        Ok(Self {
            server,
            room,
            secret,
            host_key,
            password,
        })
    }

    /// The link to give to guests.
    pub fn guest(&self) -> Zeroizing<String> {
        let secret = self.secret.fragment();
        let (server, room) = (self.server.authority(), self.room);
        let mark = if self.password { PASSWORD_MARK } else { "" };
        Zeroizing::new(format!(
            "https://{server}/r/{room}#{mark}{}",
            secret.as_str()
        ))
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
            (format!("https://h/r/{ROOM}#{KEY}."), LinkError::HostKey),
            (format!("https://h/r/{ROOM}#{KEY}.x"), LinkError::HostKey),
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

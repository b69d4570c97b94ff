//! Where people's browsers reach the service.

use std::str::FromStr;
use url::{Host, Url};

/// The service's origin (RFC 6454), `https`. Passkeys are made for the name in
/// it; without a word of the operator that is this machine's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(Option<Url>);

/// The name under which every machine reaches itself.
const LOCALHOST: &str = "localhost";

impl Origin {
    /// Nobody has said under which name others reach the service.
    pub const UNNAMED: Self = Self(None);

    /// The name that passkeys are made for; an address is none (WebAuthn Level 3
    /// section 5.1.3: the origin's effective domain has to be a domain).
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            None => Some(LOCALHOST),
            Some(url) => match url.host() {
                Some(Host::Domain(name)) => Some(name),
                _ => None,
            },
        }
    }

    /// As a URL, and whether any port is the service's: on this machine it may
    /// be at whatever port is free.
    pub(crate) fn url(&self) -> Result<(Url, bool), url::ParseError> {
        match &self.0 {
            None => Ok((Url::parse("https://localhost")?, true)),
            Some(url) => Ok((url.clone(), url.host_str() == Some(LOCALHOST))),
        }
    }
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| "this is no URL")?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let nobody = url.username().is_empty() && url.password().is_none();
        match url.scheme() == "https" && url.has_host() && bare && nobody {
            true => Ok(Self(Some(url))),
            false => Err("it is https:// and a name, with a port if there is one"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_made_for_a_name_and_not_for_an_address() {
        for (text, name) in [
            ("https://Meet.Example", Some("meet.example")),
            ("https://meet.example:8443/", Some("meet.example")),
            ("https://localhost:8443", Some("localhost")),
            ("https://192.0.2.7", None),
            ("https://[2001:db8::7]:8443", None),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().name(), name, "{text}");
        }
        assert_eq!(Origin::UNNAMED.name(), Some("localhost"));
    }

    #[test]
    fn an_origin_is_https_and_nothing_behind_the_name() {
        for text in [
            "",
            "meet.example",
            "http://meet.example",
            "https://meet.example/conclave",
            "https://meet.example/?a",
            "https://meet.example/#a",
            "https://anna@meet.example",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}

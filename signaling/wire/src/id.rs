//! Identifiers and opaque byte strings. All of them travel as base64url
//! without padding (RFC 4648 section 5).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// The text was not the base64url of as many bytes as the type holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a base64url identifier of the expected length")]
pub struct MalformedId;

macro_rules! id {
    ($(#[doc = $doc:literal])* $name:ident, $len:expr) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ts_rs::TS)]
        #[ts(type = "string")]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// A new identifier from the operating system's random source.
            ///
            /// # Errors
            /// When the operating system has no randomness to give.
            pub fn random() -> Result<Self, getrandom::Error> {
                let mut bytes = [0; $len];
                getrandom::fill(&mut bytes)?;
                Ok(Self(bytes))
            }

            /// The raw bytes.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&BASE64URL.encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                let mut bytes = [0; $len];
                match BASE64URL.decode_slice(text, &mut bytes) {
                    Ok(n) if n == $len => Ok(Self(bytes)),
                    _ => Err(MalformedId),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let docs = concat!($($doc),*).trim();
                let symbols = usize::div_ceil($len * 8, 6);
                base64url(docs)
                    .min_length(Some(symbols))
                    .max_length(Some(symbols))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

/// What the OpenAPI document says of bytes.
fn base64url(docs: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(docs))
        .content_encoding("base64url")
        .pattern(Some("^[A-Za-z0-9_-]*$"))
}

id!(
    /// A room, 128 random bits; the path component of its link.
    RoomId,
    16
);
id!(
    /// One guest's link of a room, 128 random bits given by the signaling
    /// service. It stands in the link's fragment and says nothing by itself.
    LinkId,
    16
);
id!(
    /// One participant's stay in one call, 128 random bits given by the
    /// signaling service. It is also written into the participant's MLS
    /// credential, which is what ties the roster to the MLS tree.
    ParticipantId,
    16
);

id!(
    /// An organisation on the server: 128 random bits, all zeros for the one
    /// that is always there.
    TenantId,
    16
);
id!(
    /// An account, 128 random bits.
    AccountId,
    16
);
id!(
    /// A device of an account, 128 random bits. It stands in the device's
    /// certificates.
    DeviceId,
    16
);
id!(
    /// An endpoint that is told of events, 128 random bits.
    WebhookId,
    16
);
id!(
    /// A passkey of an account, 128 random bits. It is none of the
    /// authenticator's.
    PasskeyId,
    16
);

/// Opaque bytes (MLS messages, KeyPackages, tags).
#[derive(Clone, PartialEq, Eq, Hash, Default, ts_rs::TS)]
#[ts(type = "string")]
pub struct Blob(pub Vec<u8>);

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64URL.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        BASE64URL
            .decode(text.as_bytes())
            .map(Self)
            .map_err(|_| serde::de::Error::custom(MalformedId))
    }
}

impl utoipa::PartialSchema for Blob {
    fn schema() -> RefOr<Schema> {
        base64url("Bytes in base64url without padding").into()
    }
}

impl utoipa::ToSchema for Blob {}

/// A media section's identification tag (RFC 9143): 1 to 16 ASCII token
/// characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, ts_rs::TS)]
#[ts(type = "string")]
pub struct Mid(String);

impl Mid {
    /// Longest tag that is accepted, in bytes. Browsers write one or two; a
    /// one-byte RTP header extension (RFC 8285) carries at most sixteen.
    pub const MAX_LEN: usize = 16;

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Mid {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&b);
        if (1..=Self::MAX_LEN).contains(&text.len()) && text.bytes().all(token) {
            Ok(Self(text.to_owned()))
        } else {
            Err(MalformedId)
        }
    }
}

impl fmt::Display for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Mid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_the_wire() {
        let id = RoomId([7; 16]);
        let text = serde_json::to_string(&id).expect("serialises");
        assert_eq!(text.len(), 24);
        assert_eq!(serde_json::from_str::<RoomId>(&text).expect("parses"), id);
    }

    #[test]
    fn ids_of_another_length_are_refused() {
        for text in [
            "\"\"",
            "\"AAAA\"",
            "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
            "\"***\"",
            "7",
        ] {
            assert!(serde_json::from_str::<RoomId>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_mid_is_a_short_token() {
        assert!("0".parse::<Mid>().is_ok());
        for text in ["", "a b", "a\r\n", "12345678901234567"] {
            assert!(text.parse::<Mid>().is_err(), "{text:?}");
        }
    }
}

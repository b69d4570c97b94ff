//! An authenticator in software (WebAuthn Level 3 sections 5.8, 6.1, 6.5): P-256,
//! no attestation; and the browser that stands before it. Both say what they are
//! told to say.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Flags of authenticator data (section 6.1).
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

/// What a browser and its authenticator say of where they are.
#[derive(Clone)]
pub(crate) struct Where {
    pub(crate) origin: String,
    pub(crate) party: String,
    /// Whether the authenticator has verified its user.
    pub(crate) verified: bool,
    /// Another challenge than what was asked.
    pub(crate) challenge: Option<String>,
    /// Another ceremony than what was asked.
    pub(crate) ceremony: Option<&'static str>,
}

impl Default for Where {
    fn default() -> Self {
        Self {
            origin: "https://localhost".to_owned(),
            party: "localhost".to_owned(),
            verified: true,
            challenge: None,
            ceremony: None,
        }
    }
}

/// One passkey.
pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    pub(crate) id: Vec<u8>,
    /// Of which user it says that it is.
    pub(crate) user: String,
    /// How often it has signed; those that are copied between devices say 0.
    pub(crate) counter: u32,
}

impl Authenticator {
    /// Makes a passkey, and what the browser answers.
    pub(crate) fn make(asked: &Value, at: &Where) -> (Self, Value) {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let mut id = vec![0; 32];
        getrandom::fill(&mut id).unwrap();
        let made = Self {
            key,
            id,
            user: asked["user"]["id"].as_str().unwrap().to_owned(),
            counter: 0,
        };
        let mut data = made.data(at, ATTESTED);
        data.extend([0; 16]); // AAGUID
        data.extend(32_u16.to_be_bytes());
        data.extend(&made.id);
        data.extend(made.public_key());
        // {"fmt": "none", "attStmt": {}, "authData": data}
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(&data);
        let client = client_data(asked, at, "webauthn.create");
        let answer = json!({
            "id": BASE64URL.encode(&made.id), "rawId": BASE64URL.encode(&made.id),
            "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": { "credProps": { "rk": true } },
            "response": {
                "clientDataJSON": BASE64URL.encode(client),
                "attestationObject": BASE64URL.encode(object),
                "authenticatorData": BASE64URL.encode(data),
                "publicKeyAlgorithm": -7, "transports": ["internal"],
            },
        });
        (made, answer)
    }

    /// Shows it: what the browser answers.
    pub(crate) fn show(&self, asked: &Value, at: &Where) -> Value {
        let data = self.data(at, 0);
        let client = client_data(asked, at, "webauthn.get");
        let signed = [data.as_slice(), &Sha256::digest(&client)].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": BASE64URL.encode(&self.id), "rawId": BASE64URL.encode(&self.id),
            "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64URL.encode(client),
                "authenticatorData": BASE64URL.encode(data),
                "signature": BASE64URL.encode(signature.as_ref()),
                "userHandle": self.user,
            },
        })
    }

    fn data(&self, at: &Where, flags: u8) -> Vec<u8> {
        let verified = if at.verified { VERIFIED } else { 0 };
        let mut data = Sha256::digest(&at.party).to_vec();
        data.push(flags | PRESENT | verified);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// {1: 2, 3: -7, -1: 1, -2: x, -3: y} (RFC 9053 section 7.1.1).
    fn public_key(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let mut key = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20".to_vec();
        key.extend(&point[1..33]);
        key.extend(b"\x22\x58\x20");
        key.extend(&point[33..65]);
        key
    }
}

/// Section 5.8.1.
fn client_data(asked: &Value, at: &Where, ceremony: &str) -> Vec<u8> {
    let challenge = asked["challenge"].as_str().unwrap();
    let data = json!({
        "type": at.ceremony.unwrap_or(ceremony),
        "challenge": at.challenge.as_deref().unwrap_or(challenge),
        "origin": at.origin, "crossOrigin": false,
    });
    serde_json::to_vec(&data).unwrap()
}

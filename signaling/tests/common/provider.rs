//! An OpenID Connect provider that says whatever the test has it say. What it
//! says is really signed; `tests/browser/provider.test.mjs` asks a real one.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const CLIENT: &str = "conclave";
pub(crate) const SECRET: &str = "a secret of the client";

pub(crate) struct Provider {
    pub(crate) issuer: String,
    says: Arc<Mutex<Says>>,
}

struct Says {
    key: EcdsaKeyPair,
    kid: u32,
    id_token: String,
    user_info: Option<Value>,
    /// What was last sent to the token endpoint.
    exchanged: HashMap<String, String>,
    /// How often each path was asked for.
    asked: HashMap<String, u32>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let says = Arc::new(Mutex::new(Says {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            kid: 1,
            id_token: String::new(),
            user_info: None,
            exchanged: HashMap::new(),
            asked: HashMap::new(),
        }));
        let (of, shared) = (issuer.clone(), says.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, of.clone(), shared.clone()));
            }
        });
        Self { issuer, says }
    }

    /// Another key takes the place of the one it signed with.
    pub(crate) fn renew_key(&self) {
        let mut says = self.says.lock().unwrap();
        says.key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        says.kid += 1;
    }

    /// Gives this ID token for the next code.
    pub(crate) fn gives(&self, id_token: String) {
        self.says.lock().unwrap().id_token = id_token;
    }

    pub(crate) fn user_info(&self, claims: Value) {
        self.says.lock().unwrap().user_info = Some(claims);
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let says = self.says.lock().unwrap();
        let header = json!({ "alg": "ES256", "kid": says.kid.to_string() });
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let signature = says.key.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = BASE64URL.encode(signature.unwrap());
        format!("{signed}.{signature}")
    }

    pub(crate) fn exchanged(&self, name: &str) -> String {
        let says = self.says.lock().unwrap();
        says.exchanged.get(name).cloned().unwrap_or_default()
    }

    pub(crate) fn asked(&self, path: &str) -> u32 {
        let says = self.says.lock().unwrap();
        says.asked.get(path).copied().unwrap_or_default()
    }
}

pub(crate) fn encode(part: &Value) -> String {
    BASE64URL.encode(serde_json::to_vec(part).unwrap())
}

async fn answer(mut stream: TcpStream, issuer: String, says: Arc<Mutex<Says>>) {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    let (head, body) = loop {
        let length = stream.read(&mut part).await.unwrap_or(0);
        if length == 0 {
            return;
        }
        request.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let wanted = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let length = name.eq_ignore_ascii_case("content-length");
            length.then(|| value.trim().parse::<usize>().unwrap())
        });
        if body.len() >= wanted.unwrap_or(0) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let (status, body) = reply(&path, &body, &issuer, &mut says.lock().unwrap());
    let body = serde_json::to_vec(&body).unwrap();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
}

fn reply(path: &str, body: &str, issuer: &str, says: &mut Says) -> (&'static str, Value) {
    *says.asked.entry(path.to_owned()).or_default() += 1;
    match path {
        "/.well-known/openid-configuration" => {
            let mut metadata = json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "jwks_uri": format!("{issuer}/keys"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                // Whatever it says it signs with is not what counts.
                "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
            });
            if says.user_info.is_some() {
                metadata["userinfo_endpoint"] = format!("{issuer}/me").into();
            }
            ("200 OK", metadata)
        }
        "/keys" => {
            let point = says.key.public_key().as_ref();
            let [x, y] = [&point[1..33], &point[33..]].map(|half| BASE64URL.encode(half));
            let kid = says.kid.to_string();
            let key =
                json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": kid, "x": x, "y": y });
            ("200 OK", json!({ "keys": [key] }))
        }
        "/token" => {
            let form = url::form_urlencoded::parse(body.as_bytes()).into_owned();
            says.exchanged = form.collect();
            let id_token = std::mem::take(&mut says.id_token);
            match id_token.is_empty() {
                // Each code is taken once.
                true => ("400 Bad Request", json!({ "error": "invalid_grant" })),
                false => (
                    "200 OK",
                    json!({ "access_token": "a", "token_type": "Bearer", "id_token": id_token }),
                ),
            }
        }
        "/me" => ("200 OK", says.user_info.clone().unwrap_or_default()),
        _ => ("404 Not Found", Value::Null),
    }
}

//! Sends events to endpoints. Where those may be, [`Reach`] says, of a name with
//! each connection; nothing is followed elsewhere, no proxy is asked, and of what
//! comes back only the status is read.

use crate::config::DELIVERY_LIMIT;
use crate::domain::Millis;
use crate::domain::reach::Reach;
use crate::domain::webhook::Answer;
use crate::identity::Identity;
use crate::store::SealedSecrets;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use bytes::Bytes;
use conclave_wire::code::Code;
use conclave_wire::id::WebhookId;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{StatusCode, redirect};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use zeroize::Zeroizing;

/// An event as it is sent now.
pub(super) struct Message<'a> {
    /// The same with each attempt.
    id: String,
    body: &'a str,
    now: Millis,
}

impl<'a> Message<'a> {
    pub(super) fn new(event: [u8; 16], body: &'a str, now: Millis) -> Self {
        let id = format!("msg_{}", BASE64URL.encode(event));
        Self { id, body, now }
    }

    /// Its signatures.
    ///
    /// # Errors
    /// As [`Identity::sign_event`].
    pub(super) fn signed(
        &self,
        identity: &Identity,
        by: (WebhookId, &SealedSecrets),
    ) -> Result<String, Code> {
        identity.sign_event(by, self.now, (&self.id, self.body))
    }
}

/// Sends to every endpoint.
#[derive(Clone)]
pub(crate) struct Sender {
    client: reqwest::Client,
    reach: Reach,
}

impl Sender {
    /// One that reaches so far.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn new(reach: Reach) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .dns_resolver(Arc::new(Within(reach)))
            // A proxy would resolve names by itself.
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .timeout(DELIVERY_LIMIT)
            // Events are rare: nobody's connection is kept open for the next.
            .pool_max_idle_per_host(0)
            .user_agent("conclave")
            .build()?;
        Ok(Self { client, reach })
    }

    /// Sends it once.
    pub(super) async fn send(
        &self,
        url: &str,
        message: &Message<'_>,
        signatures: String,
    ) -> Answer {
        // The operator may have restricted it since.
        let Ok(url) = self.reach.endpoint(url) else {
            return Answer::Refused;
        };
        let sent = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header(HEADER_WEBHOOK_ID, &message.id)
            .header(HEADER_WEBHOOK_TIMESTAMP, message.now.0 / 1000)
            .header(HEADER_WEBHOOK_SIGNATURE, signatures)
            // A password may be in it, too.
            .body(Bytes::from_owner(Zeroizing::new(
                message.body.as_bytes().to_vec(),
            )))
            .send()
            .await;
        match sent.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => Answer::Taken,
            Ok(StatusCode::GONE) => Answer::Gone,
            Ok(_) | Err(_) => Answer::Refused,
        }
    }
}

/// Finds those addresses of a name that may be sent to.
struct Within(Reach);

impl Resolve for Within {
    fn resolve(&self, name: Name) -> Resolving {
        let Self(reach) = *self;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let within: Vec<SocketAddr> = found.filter(|at| reach.allows(at.ip())).collect();
            match within.is_empty() {
                true => Err(io::Error::from(io::ErrorKind::PermissionDenied).into()),
                false => Ok(Box::new(within.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn found(reach: Reach, name: &str) -> usize {
        let found = Within(reach).resolve(name.parse().unwrap()).await;
        found.map_or(0, Iterator::count)
    }

    /// The name is this machine's in every resolver's table.
    #[tokio::test]
    async fn a_name_that_stands_for_an_internal_address_is_not_found() {
        assert_eq!(found(Reach::Public, "localhost").await, 0);
        assert_eq!(found(Reach::Private, "localhost").await, 0);
        assert!(found(Reach::Loopback, "localhost").await > 0);
    }
}

//! The one place from which the service asks somebody else: an organisation's
//! provider. Nothing is followed elsewhere, and what comes is bounded in size
//! and time.

use crate::config::{MAX_PROVIDER_ANSWER, PROVIDER_LIMIT};
use crate::store::Provider;
use conclave_wire::code::Code;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::{Certificate, redirect};
use std::future::Future;
use std::pin::Pin;
use url::{Host, Url};

/// Why a provider gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutsideError {
    #[error("the provider cannot be reached")]
    Unreachable(#[from] reqwest::Error),
    #[error("the provider's answer is none")]
    Malformed(#[from] axum::http::Error),
    #[error("the provider's answer is too large")]
    TooLarge,
    #[error("the provider's address is not one that may be asked")]
    Forbidden,
}

/// Asks one provider.
pub(super) struct Outside {
    client: reqwest::Client,
    /// Whether it is on this machine, and may be asked without TLS.
    loopback: bool,
}

impl Outside {
    /// For an organisation's provider.
    ///
    /// # Errors
    /// [`Code::Internal`] when what is stored of it cannot be used.
    pub(super) fn new(provider: &Provider) -> Result<Self, Code> {
        let issuer = Url::parse(&provider.issuer).map_err(|_| Code::Internal)?;
        let mut client = reqwest::Client::builder()
            // Directly, as webhooks are sent: what a firewall lets out is then the same.
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .timeout(PROVIDER_LIMIT);
        if let Some(ca) = &provider.ca {
            let trusted = Certificate::from_pem_bundle(ca.as_bytes());
            client = client.tls_certs_merge(trusted.map_err(|_| Code::Internal)?);
        }
        Ok(Self {
            client: client.build().map_err(|_| Code::Internal)?,
            loopback: issuer.scheme() == "http",
        })
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, OutsideError> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string()).map_err(|_| OutsideError::Forbidden)?;
        if !may_be_asked(&url, self.loopback) {
            return Err(OutsideError::Forbidden);
        }
        let asked = self.client.request(parts.method, url);
        let mut answer = asked.headers(parts.headers).body(body).send().await?;
        let mut response = axum::http::Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            response = response.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > MAX_PROVIDER_ANSWER {
                return Err(OutsideError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(response.body(body)?)
    }
}

impl<'c> AsyncHttpClient<'c> for Outside {
    type Error = OutsideError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, OutsideError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

/// Whether it is an issuer, and these are certificates.
///
/// # Errors
/// [`Code::BadMessage`] if not.
pub(super) fn check(issuer: &str, ca: Option<&str>) -> Result<(), Code> {
    let url = Url::parse(issuer).map_err(|_| Code::BadMessage)?;
    let plain = url.query().is_none() && url.fragment().is_none();
    let trusted = ca.map(|ca| Certificate::from_pem_bundle(ca.as_bytes()));
    let certificates = trusted.is_none_or(|found| found.is_ok_and(|found| !found.is_empty()));
    match plain && certificates && may_be_asked(&url, true) {
        true => Ok(()),
        false => Err(Code::BadMessage),
    }
}

/// Over TLS, or on this machine.
fn may_be_asked(url: &Url, loopback: bool) -> bool {
    let here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return false,
    };
    let nobody = url.username().is_empty() && url.password().is_none();
    nobody && (url.scheme() == "https" || (url.scheme() == "http" && here && loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_asked_over_tls_unless_it_is_on_this_machine() {
        for issuer in [
            "https://login.example/realms/a",
            "http://127.0.0.1:3000",
            "http://localhost:3000/oidc",
            "http://[::1]:3000",
        ] {
            assert_eq!(check(issuer, None), Ok(()), "{issuer}");
        }
        for issuer in [
            "http://login.example",
            "http://10.0.0.1",
            "https://login.example?a=b",
            "https://login.example#a",
            "https://a:b@login.example",
            "ftp://localhost",
            "login.example",
            "",
        ] {
            assert_eq!(check(issuer, None), Err(Code::BadMessage), "{issuer}");
        }
        let elsewhere = Url::parse("http://127.0.0.1/token").unwrap();
        assert!(
            !may_be_asked(&elsewhere, false),
            "nor may one elsewhere send us here"
        );
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        for ca in ["", "text", "-----BEGIN CERTIFICATE-----\nAAAA\n"] {
            let refused = check("https://login.example", Some(ca));
            assert_eq!(refused, Err(Code::BadMessage), "{ca}");
        }
    }
}

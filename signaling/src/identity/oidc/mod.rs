//! Logging in by an organisation's provider: OpenID Connect Core 1.0,
//! authorization code flow, with PKCE (RFC 7636, S256), `state` and `nonce`.
//!
//! Between the two requests nothing is kept here. What the second one needs is
//! sealed and given to the browser as a cookie, which ties the login to it: as
//! many people may be at their providers as like, and none of them costs
//! memory. A login ends after [`LOGIN_LIMIT`].

mod outside;

use super::{Identity, Refused, throttled};
use crate::config::{EXCHANGES_AT_ONCE, LOGIN_LIMIT, PROVIDER_KNOWN};
use crate::domain::person::{self, Person};
use crate::domain::session::Holder;
use crate::domain::{Millis, Now, Token};
use crate::store::{Entry, Provider, Store};
use conclave_wire::account::ProviderRequest;
use conclave_wire::code::Code;
use conclave_wire::id::{AccountId, TenantId};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, ErrorResponse,
    IdTokenClaims, IdTokenFields, IdTokenVerifier, IssuerUrl, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    StandardErrorResponse, StandardTokenResponse, TokenResponse as _, UserInfoClaims,
};
use outside::{Outside, OutsideError};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// What a cookie holds between the two requests of a login, and before the code
/// of a second factor.
const AT_PROVIDER: [u8; 16] = *b"at the provider.";
const BEFORE_CODE: [u8; 16] = *b"before the code.";

/// Signatures that are taken. None that a secret makes, and not none: the
/// provider alone can make these.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

type Fields = IdTokenFields<
    Claims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type Client = openidconnect::Client<
    Claims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Claims that the specification does not name.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claims {
    #[serde(flatten)]
    all: HashMap<String, serde_json::Value>,
}

impl AdditionalClaims for Claims {}

/// What is known of the organisations' providers, for a while.
pub(super) struct Providers {
    known: Mutex<HashMap<TenantId, (Millis, Arc<CoreProviderMetadata>)>>,
    exchanges: Semaphore,
}

/// A login that begins.
pub(crate) struct Begun {
    /// Where the browser goes.
    pub(crate) to: String,
    /// What it keeps meanwhile.
    pub(crate) cookie: Zeroizing<String>,
}

/// What a browser brings back from a provider.
#[derive(Default)]
pub(crate) struct Callback {
    pub(crate) code: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) issuer: Option<String>,
    /// What it kept meanwhile.
    pub(crate) cookie: Option<Zeroizing<String>>,
}

/// Somebody whom their provider has confirmed.
pub(crate) enum Entered {
    /// They are logged in.
    Session(Token),
    /// A code of their second factor is still needed: what the browser keeps
    /// until they have given it.
    CodeNeeded(Zeroizing<String>),
}

/// The same across the two requests.
#[derive(Serialize, Deserialize)]
struct AtProvider {
    tenant: TenantId,
    tenant_name: String,
    redirect: String,
    state: String,
    nonce: String,
    verifier: String,
    until: u64,
}

#[derive(Serialize, Deserialize)]
struct BeforeCode {
    account: AccountId,
    until: u64,
}

impl Default for Providers {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            exchanges: Semaphore::new(EXCHANGES_AT_ONCE),
        }
    }
}

impl Identity {
    /// What is kept of a provider that the operator names.
    ///
    /// # Errors
    /// [`Code::BadMessage`] for what cannot be one, [`Code::Internal`].
    pub(crate) fn provider(
        &self,
        tenant: TenantId,
        request: ProviderRequest,
    ) -> Result<Provider, Code> {
        let secret = Zeroizing::new(request.client_secret);
        outside::check(&request.issuer, request.ca.as_deref())?;
        let line = |text: &str| crate::domain::account::is_text(text, 256);
        let word = |text: &str| line(text) && !text.contains(char::is_whitespace);
        let groups_claim = request.groups_claim.unwrap_or_else(|| "groups".to_owned());
        let roles = &request.roles;
        let fits = crate::domain::account::is_text(&request.name, 64)
            && line(&request.client_id)
            && line(&secret)
            && line(&groups_claim)
            && request.scopes.iter().all(|scope| word(scope))
            && roles
                .iter()
                .all(|(group, role)| line(group) && person::is_given(*role));
        if !fits {
            return Err(Code::BadMessage);
        }
        let sealed = self.key.providers.seal(tenant.0, secret.as_bytes());
        // What was known was another's.
        self.providers.forget(tenant);
        Ok(Provider {
            name: request.name,
            issuer: request.issuer,
            client_id: request.client_id,
            secret: sealed.ok_or(Code::Internal)?,
            scopes: request.scopes,
            groups_claim,
            roles: request.roles,
            ca: request.ca,
        })
    }

    /// Begins a login by an organisation's provider, which sends the browser
    /// back to `redirect`.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the organisation has none,
    /// [`Code::ProviderUnavailable`], [`Code::Full`], [`Code::Internal`].
    pub(crate) async fn begin_at_provider(
        &self,
        store: &Store,
        now: Now,
        (tenant_name, redirect): (&str, String),
    ) -> Result<Begun, Code> {
        let _permit = self
            .providers
            .exchanges
            .try_acquire()
            .map_err(|_| Code::Full)?;
        let tenant = store
            .tenant(tenant_name)
            .await?
            .ok_or(Code::NotFound)?
            .tenant;
        let provider = store.provider(tenant).await?.ok_or(Code::NotFound)?;
        let outside = Outside::new(&provider)?;
        let known = self.providers.known(now, tenant);
        let metadata = match known {
            Some(metadata) => metadata,
            None => {
                self.providers
                    .learn(now, (tenant, &provider), &outside)
                    .await?
            }
        };
        let client = self.client(tenant, &provider, &metadata, &redirect)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut asked = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(challenge);
        for scope in &provider.scopes {
            asked = asked.add_scope(Scope::new(scope.clone()));
        }
        let (to, state, nonce) = asked.url();
        let pending = AtProvider {
            tenant,
            tenant_name: tenant_name.to_owned(),
            redirect,
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
            until: (now.calendar + LOGIN_LIMIT).0,
        };
        Ok(Begun {
            to: to.into(),
            cookie: self.seal_login(AT_PROVIDER, &pending)?,
        })
    }

    /// The organisation in which a login was begun, as far as the browser can
    /// still say.
    pub(crate) fn organisation_of(&self, callback: &Callback) -> Option<String> {
        let pending = self.open_login::<AtProvider>(AT_PROVIDER, callback.cookie.as_ref()?);
        Some(pending?.tenant_name)
    }

    /// Ends a login by a provider.
    ///
    /// # Errors
    /// [`Code::LoginExpired`] when it was not begun in this browser or too long
    /// ago, [`Code::LoginFailed`] when the provider does not confirm it or the
    /// account is disabled, [`Code::NameTaken`], [`Code::QuotaReached`],
    /// [`Code::ProviderUnavailable`], [`Code::Full`], [`Code::Internal`].
    pub(crate) async fn enter_by_provider(
        &self,
        store: &Store,
        now: Now,
        callback: Callback,
    ) -> Result<Entered, Code> {
        let cookie = callback.cookie.ok_or(Code::LoginExpired)?;
        let pending = self.open_login::<AtProvider>(AT_PROVIDER, &cookie);
        let pending = pending.ok_or(Code::LoginExpired)?;
        let state = callback.state.unwrap_or_default();
        let same: bool = state.as_bytes().ct_eq(pending.state.as_bytes()).into();
        if !same || now.calendar.0 >= pending.until {
            return Err(Code::LoginExpired);
        }
        let _permit = self
            .providers
            .exchanges
            .try_acquire()
            .map_err(|_| Code::Full)?;
        let provider = store.provider(pending.tenant).await?;
        let provider = provider.ok_or(Code::LoginFailed)?;
        // RFC 9207: the answer of another provider is none of this one.
        if callback
            .issuer
            .is_some_and(|issuer| issuer != provider.issuer)
        {
            return Err(Code::LoginFailed);
        }
        let code = callback.code.ok_or(Code::LoginFailed)?;
        let (person, strong) = self.confirm(now, (&pending, &provider), code).await?;
        let fresh = AccountId::random().map_err(|_| Code::Internal)?;
        let entry = store.enter((now.calendar, pending.tenant), fresh, &person);
        let Entry { account, holder } = entry.await?;
        match holder {
            Holder { disabled: true, .. } => Err(Code::LoginFailed),
            Holder { factor: true, .. } if !strong => {
                let pending = BeforeCode {
                    account,
                    until: (now.calendar + LOGIN_LIMIT).0,
                };
                let cookie = self.seal_login(BEFORE_CODE, &pending)?;
                Ok(Entered::CodeNeeded(cookie))
            }
            _ => {
                let session = self.begin_session(store, now.calendar, (account, strong));
                Ok(Entered::Session(session.await?))
            }
        }
    }

    /// Begins the session of somebody whom their provider has confirmed, with a
    /// code of their second factor.
    ///
    /// # Errors
    /// [`Code::LoginExpired`], [`Code::LoginFailed`], [`Code::FactorWrong`],
    /// [`Code::Internal`]; how long to wait after several wrong ones.
    pub(crate) async fn enter_with_code(
        &self,
        store: &Store,
        now: Now,
        (cookie, code): (&str, &str),
    ) -> Result<Token, Refused> {
        let pending = self.open_login::<BeforeCode>(BEFORE_CODE, cookie);
        let BeforeCode { account, until } = pending.ok_or(Code::LoginExpired)?;
        if now.calendar.0 >= until {
            return Err(Code::LoginExpired.into());
        }
        let counted = throttled("", &account.to_string());
        self.begin_try(now.timer, counted).map_err(Refused::Wait)?;
        let known = store.account(None, account).await?;
        known
            .filter(|known| !known.disabled)
            .ok_or(Code::LoginFailed)?;
        self.take_code(store, account, (now.calendar, code)).await?;
        let token = self.begin_session(store, now.calendar, (account, true));
        let token = token.await?;
        self.throttle().succeeded(&counted);
        Ok(token)
    }

    /// Exchanges the code for what the provider says of somebody, and whether
    /// they gave it a second factor.
    async fn confirm(
        &self,
        now: Now,
        (pending, provider): (&AtProvider, &Provider),
        code: String,
    ) -> Result<(Person, bool), Code> {
        let outside = Outside::new(provider)?;
        let (providers, tenant) = (&self.providers, pending.tenant);
        let metadata = match providers.known(now, tenant) {
            Some(metadata) => metadata,
            None => providers.learn(now, (tenant, provider), &outside).await?,
        };
        let client = self.client(tenant, provider, &metadata, &pending.redirect)?;
        let exchange = client.exchange_code(AuthorizationCode::new(code));
        let tokens = exchange
            .map_err(|_| Code::ProviderUnavailable)?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.clone()))
            .request_async(&outside)
            .await
            .map_err(|error| refused(&error))?;
        let id_token = tokens.id_token().ok_or(Code::LoginFailed)?;
        let nonce = Nonce::new(pending.nonce.clone());
        let verifier = self.verifier(tenant, provider, &metadata)?;
        let claims = match id_token.claims(&verifier, &nonce) {
            // It may be signed with a key that is newer than what is known.
            Err(ClaimsVerificationError::SignatureVerification(_)) => {
                let metadata = providers.learn(now, (tenant, provider), &outside).await?;
                let verifier = self.verifier(tenant, provider, &metadata)?;
                id_token.claims(&verifier, &nonce).cloned()
            }
            claims => claims.cloned(),
        };
        let claims = claims.map_err(|_| Code::LoginFailed)?;
        let told = match is_whole(&claims, provider) || client.user_info_url().is_none() {
            true => None,
            false => {
                let subject = Some(claims.subject().clone());
                let asked = client.user_info(tokens.access_token().clone(), subject);
                let asked = asked.map_err(|_| Code::ProviderUnavailable)?;
                let told: UserInfoClaims<Claims, CoreGenderClaim> = asked
                    .request_async(&outside)
                    .await
                    .map_err(|_| Code::LoginFailed)?;
                Some(told)
            }
        };
        person(&claims, told.as_ref(), provider)
    }

    fn client(
        &self,
        tenant: TenantId,
        provider: &Provider,
        metadata: &CoreProviderMetadata,
        redirect: &str,
    ) -> Result<Client, Code> {
        let redirect = RedirectUrl::new(redirect.to_owned()).map_err(|_| Code::BadMessage)?;
        let secret = self.secret(tenant, provider)?;
        let id = ClientId::new(provider.client_id.clone());
        let client = Client::from_provider_metadata(metadata.clone(), id, Some(secret));
        Ok(client.set_redirect_uri(redirect))
    }

    fn verifier(
        &self,
        tenant: TenantId,
        provider: &Provider,
        metadata: &CoreProviderMetadata,
    ) -> Result<IdTokenVerifier<'static, CoreJsonWebKey>, Code> {
        let verifier = IdTokenVerifier::new_confidential_client(
            ClientId::new(provider.client_id.clone()),
            self.secret(tenant, provider)?,
            metadata.issuer().clone(),
            metadata.jwks().clone(),
        );
        Ok(verifier.set_allowed_algs(ALGORITHMS))
    }

    fn secret(&self, tenant: TenantId, provider: &Provider) -> Result<ClientSecret, Code> {
        let opened = self.key.providers.open(tenant.0, &provider.secret);
        let text = opened.and_then(|secret| String::from_utf8(secret.to_vec()).ok());
        match text {
            Some(text) => Ok(ClientSecret::new(text)),
            None => {
                tracing::error!("a provider's secret was sealed with another key");
                Err(Code::Internal)
            }
        }
    }
}

impl Providers {
    /// What was learnt of a provider not long ago.
    fn known(&self, now: Now, tenant: TenantId) -> Option<Arc<CoreProviderMetadata>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, metadata) = known.get(&tenant)?;
        (now.timer.since(*at) < PROVIDER_KNOWN).then(|| metadata.clone())
    }

    /// Asks a provider what it is (OpenID Connect Discovery 1.0), and for its keys.
    async fn learn(
        &self,
        now: Now,
        (tenant, provider): (TenantId, &Provider),
        outside: &Outside,
    ) -> Result<Arc<CoreProviderMetadata>, Code> {
        let issuer = IssuerUrl::new(provider.issuer.clone()).map_err(|_| Code::Internal)?;
        let learnt = CoreProviderMetadata::discover_async(issuer, outside).await;
        let learnt = learnt.map(Arc::new).map_err(|_| {
            tracing::warn!("an organisation's provider does not say what it is");
            Code::ProviderUnavailable
        })?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(tenant, (now.timer, learnt.clone()));
        Ok(learnt)
    }

    pub(super) fn forget(&self, tenant: TenantId) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&tenant);
    }
}

fn refused<E: ErrorResponse>(error: &RequestTokenError<OutsideError, E>) -> Code {
    match error {
        RequestTokenError::Request(_) => {
            tracing::warn!("an organisation's provider exchanges no codes");
            Code::ProviderUnavailable
        }
        _ => Code::LoginFailed,
    }
}

/// Whether the ID token says all that is asked for. Some providers say it at
/// the userinfo endpoint only.
fn is_whole(claims: &IdTokenClaims<Claims, CoreGenderClaim>, provider: &Provider) -> bool {
    claims.name().is_some()
        && claims.preferred_username().is_some()
        && groups(claims.additional_claims(), provider).is_some()
}

/// What it says of somebody's groups.
fn groups<'c>(claims: &'c Claims, provider: &Provider) -> Option<&'c serde_json::Value> {
    let groups = claims.all.get(&provider.groups_claim);
    groups.filter(|groups| !groups.is_null())
}

fn person(
    claims: &IdTokenClaims<Claims, CoreGenderClaim>,
    told: Option<&UserInfoClaims<Claims, CoreGenderClaim>>,
    provider: &Provider,
) -> Result<(Person, bool), Code> {
    let login = claims.preferred_username();
    let login = login.or_else(|| told?.preferred_username());
    let name = claims.name().or_else(|| told?.name());
    let name = name.and_then(|name| name.get(None).or_else(|| Some(name.iter().next()?.1)));
    let groups = groups(claims.additional_claims(), provider);
    let groups = groups.or_else(|| self::groups(told?.additional_claims(), provider));
    let role = person::role_of(texts(groups), &provider.roles);
    let methods = claims.auth_method_refs();
    let strong = person::is_strong(methods.into_iter().flatten().map(|method| method.as_str()));
    let person = Person::new(
        (provider.issuer.as_str(), claims.subject().as_str()),
        (
            login.map(|login| login.as_str()),
            name.map(|name| name.as_str()),
        ),
        role,
    );
    Ok((person.ok_or(Code::LoginFailed)?, strong))
}

/// The texts of a claim: a list of them, or one.
fn texts(claim: Option<&serde_json::Value>) -> impl Iterator<Item = &str> {
    let (one, list) = match claim {
        Some(serde_json::Value::Array(list)) => (None, list.as_slice()),
        Some(other) => (other.as_str(), &[][..]),
        None => (None, &[][..]),
    };
    one.into_iter()
        .chain(list.iter().filter_map(|item| item.as_str()))
}

//! Who asks, and whether they may: the operator by their token, others by a
//! session, whose token comes as a bearer token or in the browser's cookie. The
//! table of roles decides; what belongs to another organisation is not there.

use super::App;
use super::problem::Refusal;
use super::rooms::{Named, is_same_origin};
use crate::domain::audit::Deed;
use crate::domain::session::Standing;
use crate::domain::{Digest, Token, role, tenant};
use crate::store::Signed;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use conclave_wire::account::{Action, Role};
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::id::{AccountId, RoomId, TenantId};
use std::sync::Arc;

/// The session's cookie. The prefix ties it to this host, this path and TLS
/// (RFC 6265bis section 4.1.3.2).
pub(super) const COOKIE: &str = "__Host-conclave-session";

/// Somebody who may ask for things.
pub(super) enum Caller {
    /// Who holds the server's token.
    Operator,
    /// Who is logged in, with all that their role needs.
    Account(Box<Signed>),
}

/// What something is done to.
pub(super) enum Object {
    /// A room that is there, or a link of it.
    Room(RoomId),
    /// An account that is there.
    Account(AccountId),
    /// What is, or will be, an organisation's.
    Of(TenantId, Option<[u8; 16]>),
}

/// Somebody who is logged in, even if a second factor is still to be set up.
pub(super) struct LoggedIn(pub(super) Signed);

impl Caller {
    /// Whether they may do it.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub(super) fn may(&self, action: Action) -> Result<(), Refusal> {
        match self {
            Self::Operator => Ok(()),
            Self::Account(signed) => role::check(signed.holder.role, action).map_err(Refusal),
        }
    }

    /// By which account they ask; the operator by none.
    pub(super) fn account(&self) -> Option<AccountId> {
        match self {
            Self::Operator => None,
            Self::Account(signed) => Some(signed.account),
        }
    }

    /// Whether nothing has ended their session since they were let ask.
    ///
    /// # Errors
    /// [`Code::Unauthorized`] if something has.
    pub(super) async fn is_still_there(&self, app: &App) -> Result<(), Refusal> {
        match self {
            Self::Operator => Ok(()),
            Self::Account(before) => signed(app, before.token).await.map(drop),
        }
    }

    /// What they are to their organisation.
    pub(super) fn role(&self) -> Option<Role> {
        match self {
            Self::Operator => None,
            Self::Account(signed) => Some(signed.holder.role),
        }
    }

    /// In which organisation they see anything; nothing: in all.
    pub(super) fn sees(&self) -> Option<TenantId> {
        match self {
            Self::Operator => None,
            Self::Account(signed) => Some(signed.tenant),
        }
    }

    /// Whether they may do it to a room. That there is such a room comes first:
    /// another organisation's is not there, whatever they may do in their own.
    ///
    /// # Errors
    /// [`Code::NoSuchRoom`], [`Code::Forbidden`].
    pub(super) async fn may_with(
        &self,
        app: &App,
        (action, Named(room)): (Action, Named),
    ) -> Result<RoomId, Refusal> {
        match app.rooms.store.is_room_of(self.sees(), room).await? {
            true => self.may(action)?,
            false => return Err(Refusal(Code::NoSuchRoom)),
        }
        Ok(room)
    }

    /// The organisation they act in. The operator, who may name one, acts in
    /// the one that is always there; others in theirs, whatever they name.
    ///
    /// # Errors
    /// [`Code::NoSuchTenant`], also for another than one's own.
    pub(super) async fn acts_in(
        &self,
        app: &App,
        named: Option<&str>,
    ) -> Result<TenantId, Refusal> {
        let named = match named {
            Some(name) => {
                let found = app.rooms.store.tenant(name).await?;
                Some(found.ok_or(Refusal(Code::NoSuchTenant))?.tenant)
            }
            None => None,
        };
        match (self.sees(), named) {
            (None, named) => Ok(named.unwrap_or(tenant::DEFAULT)),
            (Some(own), Some(named)) if own != named => Err(Refusal(Code::NoSuchTenant)),
            (Some(own), _) => Ok(own),
        }
    }

    /// What is to be noted of what they do now.
    ///
    /// # Errors
    /// [`Code::NoSuchRoom`], [`Code::NoSuchAccount`].
    pub(super) async fn deed(&self, app: &App, act: Act, to: Object) -> Result<Deed, Refusal> {
        let store = &app.rooms.store;
        let (tenant, object) = match to {
            Object::Room(room) => (store.tenant_of_room(room).await?, Some(room.0)),
            Object::Account(id) => (store.tenant_of_account(id).await?, Some(id.0)),
            Object::Of(tenant, object) => (tenant, object),
        };
        Ok(Deed {
            tenant,
            actor: match self {
                Self::Operator => None,
                Self::Account(signed) => Some(signed.account),
            },
            at: app.rooms.clock.now(),
            act,
            object,
            detail: None,
        })
    }

    /// Whether it is the operator.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub(super) fn is_operator(&self) -> Result<(), Refusal> {
        match self {
            Self::Operator => Ok(()),
            Self::Account(_) => Err(Refusal(Code::Forbidden)),
        }
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let token = given(&parts.method, &parts.headers)?;
        if token == app.operator && bearer(&parts.headers).is_some() {
            return Ok(Self::Operator);
        }
        match signed(app, token).await? {
            (signed, Standing::Full) => Ok(Self::Account(Box::new(signed))),
            (_, _) => Err(Refusal(Code::FactorNeeded)),
        }
    }
}

impl FromRequestParts<Arc<App>> for LoggedIn {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let token = given(&parts.method, &parts.headers)?;
        Ok(Self(signed(app, token).await?.0))
    }
}

/// The session of a token, which is not over, and what it is good for.
async fn signed(app: &App, token: Digest) -> Result<(Signed, Standing), Refusal> {
    let (store, now) = (&app.rooms.store, app.rooms.clock.now());
    let signed = store.session(token).await?;
    let signed = signed.ok_or(Refusal(Code::Unauthorized))?;
    let standing = signed.session.standing(now, signed.holder, signed.limits);
    if standing == Standing::Over {
        store.end_session(token).await?;
        return Err(Refusal(Code::Unauthorized));
    }
    if signed.session.is_to_be_noted(now) {
        store.note_use(token, now).await?;
    }
    Ok((signed, standing))
}

/// The digest of the token that came along. A browser adds the cookie to
/// whatever a page asks for, so what changes something has to say that it was
/// asked for by a page of this service.
fn given(method: &Method, headers: &HeaderMap) -> Result<Digest, Refusal> {
    if let Some(token) = bearer(headers) {
        return Ok(token.digest());
    }
    let token = cookie(headers, COOKIE).and_then(parse);
    let token = token.ok_or(Refusal(Code::Unauthorized))?;
    match method.is_safe() || is_own_page(headers) {
        true => Ok(token.digest()),
        false => Err(Refusal(Code::Forbidden)),
    }
}

/// Whether the browser says that a page of this service asks: by `Origin`, by
/// `Sec-Fetch-Site`, and by neither that it is another.
pub(super) fn is_own_page(headers: &HeaderMap) -> bool {
    match headers.get("sec-fetch-site") {
        Some(site) => site == "same-origin" && is_same_origin(headers),
        None => headers.contains_key(header::ORIGIN) && is_same_origin(headers),
    }
}

/// RFC 6750 section 2.1.
pub(super) fn bearer(headers: &HeaderMap) -> Option<Token> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| parse(token.trim()))?
}

/// What a browser keeps under a name (RFC 6265 section 4.2.1).
pub(super) fn cookie<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let cookies = headers.get_all(header::COOKIE).iter();
    cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value)
}

fn parse(token: &str) -> Option<Token> {
    Token::parse(&zeroize::Zeroizing::new(BASE64URL.decode(token).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let value = HeaderValue::from_str(value).unwrap();
            (HeaderName::from_static(name), value)
        });
        HeaderMap::from_iter(pairs)
    }

    #[test]
    fn a_cookie_changes_something_only_for_the_services_own_pages() {
        let token = BASE64URL.encode([7; 32]);
        let cookie = format!("a=b; {COOKIE}={token}; c=d");
        let verdict = |method: Method, more: &[(&'static str, &str)]| {
            let own = [("host", "a.example"), ("cookie", cookie.as_str())];
            given(&method, &headers(&[&own, more].concat())).map_err(|Refusal(code)| code)
        };
        let digest = Ok(Token::from_random([7; 32]).digest());
        let own = ("origin", "https://a.example");
        let (same, cross) = (
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "cross-site"),
        );
        assert_eq!(verdict(Method::GET, &[]), digest);
        for allowed in [&[own][..], &[same], &[own, same]] {
            assert_eq!(verdict(Method::POST, allowed), digest, "{allowed:?}");
        }
        for refused in [
            &[][..],
            &[("origin", "https://b.example")],
            &[("origin", "null")],
            &[own, cross],
            &[cross],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://b.example"), same],
        ] {
            for method in [Method::POST, Method::PUT, Method::DELETE] {
                assert_eq!(
                    verdict(method, refused),
                    Err(Code::Forbidden),
                    "{refused:?}"
                );
            }
        }
    }

    #[test]
    fn a_bearer_token_needs_no_page_and_goes_before_a_cookie() {
        let [one, two] = [[1; 32], [2; 32]].map(|token| BASE64URL.encode(token));
        let both = headers(&[
            ("authorization", &format!("Bearer {one}")),
            ("cookie", &format!("{COOKIE}={two}")),
        ]);
        let digest = Token::from_random([1; 32]).digest();
        assert_eq!(given(&Method::DELETE, &both), Ok(digest));
        for cookie in [
            "",
            COOKIE,
            &format!("{COOKIE}="),
            &format!("x{COOKIE}={one}"),
        ] {
            let refused = given(&Method::GET, &headers(&[("cookie", cookie)]));
            assert_eq!(refused, Err(Refusal(Code::Unauthorized)), "{cookie}");
        }
    }
}

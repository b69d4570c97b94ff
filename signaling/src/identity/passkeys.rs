//! Passkeys (WebAuthn Level 3): discoverable credentials whose authenticators
//! verify their user. What they sign stands for both factors: the authenticator
//! that is there, and the person that it knows.
//!
//! Between the two requests of a ceremony nothing is kept here: its challenge is
//! sealed and given to the browser as a cookie. A ceremony ends after
//! [`PASSKEY_LIMIT`]; to log in it counts once, and only if no later one did.

use super::{Identity, Refused, throttled};
use crate::config::{MAX_PASSKEYS, PASSKEY_LIMIT};
use crate::domain::account::is_text;
use crate::domain::{Millis, Now, Token, tenant};
use crate::origin::Origin;
use crate::store::{NewPasskey, Signed, Store};
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::id::{AccountId, Blob, PasskeyId};
use conclave_wire::passkey::{PasskeyChallenge, PasskeyInfo};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, Uuid, Webauthn, WebauthnBuilder,
};
use zeroize::Zeroizing;

/// What a cookie holds between the two requests.
const MAKING: [u8; 16] = *b"making a passkey";
const SHOWING: [u8; 16] = *b"showing passkey.";

/// What authenticators show beside the name of the service.
const PARTY: &str = "Conclave";
/// Longest name of a passkey, characters.
const MAX_NAME: usize = 64;

/// Whom authenticators make passkeys for; nobody where the service has no name.
pub(super) struct RelyingParty(Option<(String, Webauthn)>);

/// A ceremony that begins.
pub(crate) struct Ceremony {
    /// What the authenticator is asked.
    pub(crate) challenge: PasskeyChallenge,
    /// What the browser keeps meanwhile.
    pub(crate) cookie: Zeroizing<String>,
}

#[derive(Serialize, Deserialize)]
struct Making {
    account: AccountId,
    state: PasskeyRegistration,
    begun: u64,
}

#[derive(Serialize, Deserialize)]
struct Showing {
    state: DiscoverableAuthentication,
    begun: u64,
}

impl RelyingParty {
    /// The party of that origin.
    ///
    /// # Errors
    /// For an origin that is none.
    pub(super) fn of(origin: &Origin) -> io::Result<Self> {
        let Some(name) = origin.name() else {
            return Ok(Self(None));
        };
        let (url, any_port) = origin.url().map_err(io::Error::other)?;
        let party = WebauthnBuilder::new(name, &url)
            .and_then(|party| {
                party
                    .rp_name(PARTY)
                    .allow_any_port(any_port)
                    .timeout(PASSKEY_LIMIT)
                    .build()
            })
            .map_err(io::Error::other)?;
        Ok(Self(Some((name.to_owned(), party))))
    }

    /// The party, if that is the name by which the service was found: at another
    /// no browser would ask an authenticator for it.
    fn at(&self, host: &str) -> Result<&Webauthn, Code> {
        match &self.0 {
            Some((name, party)) if host.eq_ignore_ascii_case(name) => Ok(party),
            _ => Err(Code::PasskeysElsewhere),
        }
    }

    fn party(&self) -> Result<&Webauthn, Code> {
        let party = self.0.as_ref().map(|(_, party)| party);
        party.ok_or(Code::PasskeysElsewhere)
    }
}

impl Identity {
    /// The name for which passkeys are made, if the service has one.
    pub(crate) fn passkeys_at(&self) -> Option<&str> {
        self.relying_party.0.as_ref().map(|(name, _)| name.as_str())
    }

    /// Asks the authenticator of somebody who has just logged in for a passkey.
    ///
    /// # Errors
    /// [`Code::ExternalAccount`], [`Code::LoginNotRecent`],
    /// [`Code::PasskeysElsewhere`], [`Code::TooManyPasskeys`], [`Code::Internal`].
    pub(crate) async fn begin_passkey(
        &self,
        store: &Store,
        (now, of): (Millis, &Signed),
        host: &str,
    ) -> Result<Ceremony, Code> {
        if of.external {
            return Err(Code::ExternalAccount);
        }
        if !of.session.is_recent(now) {
            return Err(Code::LoginNotRecent);
        }
        let party = self.relying_party.at(host)?;
        let known = store.passkey_credentials(of.account).await?;
        if known.len() >= MAX_PASSKEYS as usize {
            return Err(Code::TooManyPasskeys);
        }
        let user = Uuid::from_bytes(of.account.0);
        let login = match of.tenant_name == tenant::DEFAULT_NAME {
            true => of.login.clone(),
            false => format!("{} ({})", of.login, of.tenant_name),
        };
        let begun = party.start_passkey_registration(user, &login, &of.name, None);
        let (asked, state) = begun.map_err(|_| Code::Internal)?;
        let mut options = options(&asked)?;
        // Without a name, only a key that the authenticator finds by itself will do.
        let selection = &mut options["authenticatorSelection"];
        selection["residentKey"] = "required".into();
        selection["requireResidentKey"] = true.into();
        // Not in the state, which has to fit into a cookie; none is kept twice.
        let known = known
            .into_iter()
            .map(|id| json!({ "type": "public-key", "id": Blob(id) }));
        options["excludeCredentials"] = known.collect();
        let making = Making {
            account: of.account,
            state,
            begun: now.0,
        };
        Ok(Ceremony {
            challenge: PasskeyChallenge {
                public_key: options,
            },
            cookie: self.seal_login(MAKING, &making)?,
        })
    }

    /// Keeps the passkey that an authenticator has made.
    ///
    /// # Errors
    /// [`Code::BadMessage`] for what is no name or no answer of one,
    /// [`Code::LoginExpired`], [`Code::PasskeyRefused`],
    /// [`Code::TooManyPasskeys`], [`Code::Internal`].
    pub(crate) async fn make_passkey(
        &self,
        store: &Store,
        (now, of): (Millis, &Signed),
        cookie: &str,
        (name, credential): (&str, Value),
    ) -> Result<PasskeyInfo, Code> {
        check_name(name)?;
        let making = self.open_login::<Making>(MAKING, cookie);
        let making = making.ok_or(Code::LoginExpired)?;
        if making.account != of.account || is_over(now, making.begun) {
            return Err(Code::LoginExpired);
        }
        let made = self
            .relying_party
            .party()?
            .finish_passkey_registration(&answer(credential)?, &making.state)
            .map_err(|_| Code::PasskeyRefused)?;
        let new = NewPasskey {
            id: PasskeyId::random().map_err(|_| Code::Internal)?,
            name,
            credential: made.cred_id().as_slice(),
            record: &record(&made)?,
        };
        let deed = of.own_deed(now, Act::AccountPasskeyMade);
        Ok(store.add_passkey((&deed, of.account), new).await?)
    }

    /// Asks the authenticator of whoever wants to log in for a passkey.
    ///
    /// # Errors
    /// [`Code::PasskeysElsewhere`], [`Code::Internal`].
    pub(crate) fn ask_for_passkey(&self, now: Millis, host: &str) -> Result<Ceremony, Code> {
        let party = self.relying_party.at(host)?;
        let begun = party.start_discoverable_authentication();
        let (asked, state) = begun.map_err(|_| Code::Internal)?;
        let showing = Showing {
            state,
            begun: now.0,
        };
        Ok(Ceremony {
            challenge: PasskeyChallenge {
                public_key: options(&asked)?,
            },
            cookie: self.seal_login(SHOWING, &showing)?,
        })
    }

    /// Begins the session of whoever an authenticator has confirmed.
    ///
    /// # Errors
    /// [`Code::BadMessage`] for what is no answer of one,
    /// [`Code::LoginExpired`], [`Code::PasskeyRefused`], [`Code::Internal`]; how
    /// long to wait after several that were refused.
    pub(crate) async fn enter_by_passkey(
        &self,
        store: &Store,
        now: Now,
        (cookie, credential): (&str, Value),
    ) -> Result<Token, Refused> {
        let showing = self.open_login::<Showing>(SHOWING, cookie);
        let Showing { state, begun } = showing.ok_or(Code::LoginExpired)?;
        if is_over(now.calendar, begun) {
            return Err(Code::LoginExpired.into());
        }
        let party = self.relying_party.party()?;
        let shown = answer(credential)?;
        let identified = party.identify_discoverable_authentication(&shown);
        let (user, id) = identified.map_err(|_| Code::PasskeyRefused)?;
        let known = store.known_passkey(id).await?;
        let known = known.ok_or(Code::PasskeyRefused)?;
        let counted = throttled("", &known.id.to_string());
        self.begin_try(now.timer, counted).map_err(Refused::Wait)?;
        if known.disabled || *user.as_bytes() != known.account.0 {
            return Err(Code::PasskeyRefused.into());
        }
        let mut passkey: Passkey =
            serde_json::from_str(&known.record).map_err(|_| Code::Internal)?;
        let confirmed = party.finish_discoverable_authentication_v2(&shown, state, &passkey);
        passkey.update_credential(&confirmed.map_err(|_| Code::PasskeyRefused)?);
        let used = (Millis(begun), record(&passkey)?);
        if !store.use_passkey(&known, (used.0, &used.1)).await? {
            return Err(Code::LoginExpired.into());
        }
        let token = self.begin_session(store, now.calendar, (known.account, true));
        let token = token.await?;
        self.throttle().succeeded(&counted);
        Ok(token)
    }
}

/// Whether somebody may call a passkey so.
///
/// # Errors
/// [`Code::BadMessage`].
pub(crate) fn check_name(name: &str) -> Result<(), Code> {
    match is_text(name, MAX_NAME) {
        true => Ok(()),
        false => Err(Code::BadMessage),
    }
}

fn is_over(now: Millis, begun: u64) -> bool {
    now.since(Millis(begun)) >= PASSKEY_LIMIT
}

/// What the browser hands to the authenticator.
fn options<T: Serialize>(asked: &T) -> Result<Value, Code> {
    let mut asked = serde_json::to_value(asked).map_err(|_| Code::Internal)?;
    Ok(asked["publicKey"].take())
}

/// What an authenticator answered, as far as it is such an answer at all.
fn answer<T: DeserializeOwned>(credential: Value) -> Result<T, Code> {
    serde_json::from_value(credential).map_err(|_| Code::BadMessage)
}

/// What is kept of a passkey.
fn record(passkey: &Passkey) -> Result<String, Code> {
    serde_json::to_string(passkey).map_err(|_| Code::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Digest;
    use crate::domain::policy::SessionLimits;
    use crate::domain::session::{Holder, Session};
    use conclave_wire::account::Role;
    use std::time::Duration;

    const BEGUN: Millis = Millis(1_000_000_000);

    fn identity(folder: &tempfile::TempDir) -> Identity {
        Identity::open(folder.path(), &Origin::UNNAMED).unwrap()
    }

    fn anna() -> Signed {
        Signed {
            session: Session::begin(BEGUN, true),
            token: Digest([1; 32]),
            account: AccountId([2; 16]),
            holder: Holder {
                role: Role::Host,
                disabled: false,
                factor: false,
            },
            login: "anna".to_owned(),
            name: "Anna".to_owned(),
            external: false,
            tenant: tenant::DEFAULT,
            tenant_name: tenant::DEFAULT_NAME.to_owned(),
            device: None,
            limits: SessionLimits {
                idle: Duration::from_secs(1800),
                length: Duration::from_secs(43_200),
                factor: false,
            },
        }
    }

    #[tokio::test]
    async fn a_ceremony_ends_after_five_minutes() {
        let folder = tempfile::tempdir().unwrap();
        let (identity, anna) = (identity(&folder), anna());
        let store = Store::open(&folder.path().join("db")).await.unwrap();
        let making = identity.begin_passkey(&store, (BEGUN, &anna), "localhost");
        let making = making.await.unwrap().cookie;
        let showing = identity.ask_for_passkey(BEGUN, "localhost").unwrap().cookie;
        let last = BEGUN + (PASSKEY_LIMIT - Duration::from_millis(1));
        for (at, code) in [
            (last, Code::BadMessage),
            (BEGUN + PASSKEY_LIMIT, Code::LoginExpired),
        ] {
            let nothing = ("name", Value::Null);
            let made = identity.make_passkey(&store, (at, &anna), &making, nothing);
            assert_eq!(made.await, Err(code));
            let now = Now {
                timer: at,
                calendar: at,
            };
            let entered = identity.enter_by_passkey(&store, now, (&showing, Value::Null));
            assert_eq!(entered.await.err(), Some(Refused::For(code)));
        }
    }

    #[tokio::test]
    async fn people_of_several_organisations_tell_their_passkeys_apart() {
        let folder = tempfile::tempdir().unwrap();
        let (identity, mut anna) = (identity(&folder), anna());
        anna.tenant_name = "praxis-berg".to_owned();
        let store = Store::open(&folder.path().join("db")).await.unwrap();
        let asked = identity.begin_passkey(&store, (BEGUN, &anna), "LOCALHOST");
        let asked = asked.await.unwrap().challenge.public_key;
        assert_eq!(asked["user"]["name"], "anna (praxis-berg)");
        assert_eq!(asked["user"]["displayName"], "Anna");
    }
}

//! From a name and a password to a session, and to another password. What is
//! wrong is not told before the password is right, and takes as long.

use super::{Identity, throttled};
use crate::domain::credential::TOKEN_LEN;
use crate::domain::session::{Session, without_code};
use crate::domain::{Millis, Now, Token, account, tenant};
use crate::store::{Signed, Store, StoreError};
use conclave_wire::account::{Login, NewPassword};
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::id::AccountId;
use std::time::Duration;
use zeroize::Zeroizing;

/// Why none began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// For this reason.
    For(Code),
    /// Because the name was tried too often; when to come again.
    Wait(Duration),
}

impl From<Code> for Refused {
    fn from(code: Code) -> Self {
        Self::For(code)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::For(error.into())
    }
}

impl Identity {
    /// Begins a session: its token, which only its holder keeps.
    ///
    /// # Errors
    /// [`Code::Unauthorized`] for a wrong password, and just so for an account
    /// that is not there or disabled; [`Code::FactorNeeded`] and
    /// [`Code::FactorWrong`] after the right one only; [`Code::Full`] when too
    /// many wait.
    pub(crate) async fn log_in(
        &self,
        store: &Store,
        now: Now,
        login: Login,
    ) -> Result<Token, Refused> {
        let password = Zeroizing::new(login.password);
        let code = login.code.map(Zeroizing::new);
        let of = login.tenant.as_deref().unwrap_or(tenant::DEFAULT_NAME);
        let name = account::login(&login.login).ok_or(Code::Unauthorized)?;
        let counted = throttled(of, &name);
        self.begin_try(now.timer, counted).map_err(Refused::Wait)?;

        let found = store.credentials(of, &name).await?;
        let kept = found.as_ref().and_then(|found| found.password.clone());
        let right = self.passwords.verify(password, kept).await?;
        let found = found.filter(|found| right && !found.holder.disabled);
        let found = found.ok_or(Code::Unauthorized)?;

        match &code {
            Some(code) if found.holder.factor => {
                let code = code.trim();
                self.take_code(store, found.account, (now.calendar, code))
                    .await?;
            }
            _ => {
                if let Err(code) = without_code(found.holder) {
                    // The password was right: the code's turn is no new try.
                    self.throttle().pardon(&counted);
                    return Err(code.into());
                }
            }
        }
        let of = (found.account, found.holder.factor);
        let token = self.begin_session(store, now.calendar, of).await?;
        self.throttle().succeeded(&counted);
        Ok(token)
    }

    /// Begins the session of an account, with or without a second factor.
    ///
    /// # Errors
    /// [`Code::Internal`].
    pub(super) async fn begin_session(
        &self,
        store: &Store,
        now: Millis,
        (account, factor): (AccountId, bool),
    ) -> Result<Token, Code> {
        let mut token = [0; TOKEN_LEN];
        getrandom::fill(&mut token).map_err(|_| Code::Internal)?;
        let token = Token::from_random(token);
        let session = Session::begin(now, factor);
        let begun = store.begin_session(token.digest(), account, session);
        begun.await?;
        Ok(token)
    }

    /// Puts another password in the place of the current one, and ends all of
    /// the account's sessions.
    ///
    /// # Errors
    /// [`Code::Unauthorized`] when the current one is wrong,
    /// [`Code::PasswordUnfit`], [`Code::Full`] when too many wait.
    pub(crate) async fn change_password(
        &self,
        store: &Store,
        (now, of): (Now, &Signed),
        change: NewPassword,
    ) -> Result<(), Refused> {
        let [current, password] = [change.current, change.password].map(Zeroizing::new);
        account::check_password(&password)?;
        let counted = throttled(&of.tenant_name, &of.login);
        self.begin_try(now.timer, counted).map_err(Refused::Wait)?;
        let kept = store.credentials(&of.tenant_name, &of.login).await?;
        let kept = kept.and_then(|found| found.password);
        if !self.passwords.verify(current, kept).await? {
            return Err(Code::Unauthorized.into());
        }
        let hash = self.passwords.hash(password).await?;
        let deed = of.own_deed(now.calendar, Act::AccountPasswordChanged);
        store.set_password(&deed, of.account, &hash).await?;
        self.throttle().succeeded(&counted);
        Ok(())
    }
}

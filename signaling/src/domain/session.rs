//! A session of somebody who has logged in. It ends when it is not used, at the
//! latest after a working day, and by what happens to its account.

use super::Millis;
use super::policy::{self, SessionLimits};
use super::role;
use crate::config::{LOGIN_RECENT, SESSION_LENGTH, SESSION_NOTED};
use conclave_wire::account::Role;
use conclave_wire::code::Code;

/// A session, without its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// When it was last used, as far as that was noted.
    pub last_used: Millis,
    /// When it ends however much it is used.
    pub ends: Millis,
    /// Whether a second factor was given, too.
    pub factor: bool,
}

/// Of whom a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Their role.
    pub role: Role,
    /// Whether nobody may log in to the account any more.
    pub disabled: bool,
    /// Whether it has a second factor.
    pub factor: bool,
}

/// What a session is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// For nothing: it is over.
    Over,
    /// For setting up a second factor, and nothing else.
    FactorFirst,
    /// For what the role may do.
    Full,
}

impl Session {
    /// One that begins.
    pub fn begin(now: Millis, factor: bool) -> Self {
        Self {
            last_used: now,
            ends: now + SESSION_LENGTH,
            factor,
        }
    }

    /// What it is good for now.
    pub fn standing(&self, now: Millis, holder: Holder, limits: SessionLimits) -> Standing {
        let idle = now.since(self.last_used) >= limits.idle;
        let over = now >= self.ends || now >= policy::begun(self.ends) + limits.length;
        if holder.disabled || over || idle {
            return Standing::Over;
        }
        match self.factor {
            true => Standing::Full,
            // It began before the factor was set up.
            false if holder.factor => Standing::Over,
            false if limits.factor || role::needs_factor(holder.role) => Standing::FactorFirst,
            false => Standing::Full,
        }
    }

    /// Whether it began so short a time ago that who asks is who logged in.
    pub fn is_recent(&self, now: Millis) -> bool {
        now.since(policy::begun(self.ends)) < LOGIN_RECENT
    }

    /// Whether that it is used now should be noted.
    pub fn is_to_be_noted(&self, now: Millis) -> bool {
        now.since(self.last_used) >= SESSION_NOTED
    }
}

/// Whether who gave the right password may begin a session without a code.
///
/// # Errors
/// [`Code::FactorNeeded`] when the account has a second factor.
pub fn without_code(holder: Holder) -> Result<(), Code> {
    match holder.factor {
        true => Err(Code::FactorNeeded),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const NOW: Millis = Millis(1_000_000_000);
    const USUAL: SessionLimits = SessionLimits {
        idle: Duration::from_secs(30 * 60),
        length: Duration::from_secs(12 * 3600),
        factor: false,
    };
    const HOST: Holder = Holder {
        role: Role::Host,
        disabled: false,
        factor: false,
    };

    #[test]
    fn a_session_that_is_not_used_ends_after_half_an_hour() {
        let session = Session::begin(NOW, false);
        let minute = Duration::from_secs(60);
        assert_eq!(
            session.standing(NOW + minute * 29, HOST, USUAL),
            Standing::Full
        );
        assert_eq!(
            session.standing(NOW + minute * 30, HOST, USUAL),
            Standing::Over
        );
    }

    #[test]
    fn a_session_ends_after_twelve_hours_however_much_it_is_used() {
        let mut session = Session::begin(NOW, false);
        let mut now = NOW;
        while now.since(NOW) < Duration::from_secs(12 * 3600) {
            assert_eq!(session.standing(now, HOST, USUAL), Standing::Full);
            session.last_used = now;
            now = now + Duration::from_secs(600);
        }
        assert_eq!(session.standing(now, HOST, USUAL), Standing::Over);
    }

    #[test]
    fn a_policy_ends_sessions_sooner_and_asks_everybody_for_a_second_factor() {
        let minute = Duration::from_secs(60);
        let short = SessionLimits {
            idle: minute * 5,
            length: minute * 60,
            factor: false,
        };
        let mut session = Session::begin(NOW, false);
        assert_eq!(
            session.standing(NOW + minute * 4, HOST, short),
            Standing::Full
        );
        assert_eq!(
            session.standing(NOW + minute * 5, HOST, short),
            Standing::Over
        );
        session.last_used = NOW + minute * 59;
        assert_eq!(
            session.standing(NOW + minute * 59, HOST, short),
            Standing::Full
        );
        assert_eq!(
            session.standing(NOW + minute * 60, HOST, short),
            Standing::Over
        );
        let strict = SessionLimits {
            factor: true,
            ..USUAL
        };
        let session = Session::begin(NOW, false);
        assert_eq!(session.standing(NOW, HOST, strict), Standing::FactorFirst);
        let with = Session::begin(NOW, true);
        assert_eq!(with.standing(NOW, HOST, strict), Standing::Full);
    }

    #[test]
    fn a_session_is_recent_for_ten_minutes_however_much_it_is_used() {
        let mut session = Session::begin(NOW, true);
        let minute = Duration::from_secs(60);
        session.last_used = NOW + minute * 9;
        assert!(session.is_recent(NOW + minute * 9));
        session.last_used = NOW + minute * 10;
        assert!(!session.is_recent(NOW + minute * 10));
    }

    #[test]
    fn use_is_noted_once_a_minute_at_most() {
        let session = Session::begin(NOW, false);
        assert!(!session.is_to_be_noted(NOW + Duration::from_secs(59)));
        assert!(session.is_to_be_noted(NOW + Duration::from_secs(60)));
    }

    #[test]
    fn an_administrator_without_a_factor_may_only_set_one_up() {
        let admin = Holder {
            role: Role::Admin,
            ..HOST
        };
        assert_eq!(
            Session::begin(NOW, false).standing(NOW, admin, USUAL),
            Standing::FactorFirst
        );
        let enrolled = Holder {
            factor: true,
            ..admin
        };
        assert_eq!(
            Session::begin(NOW, true).standing(NOW, enrolled, USUAL),
            Standing::Full
        );
    }

    #[test]
    fn a_session_of_before_the_factor_or_of_a_disabled_account_is_over() {
        let enrolled = Holder {
            factor: true,
            ..HOST
        };
        assert_eq!(
            Session::begin(NOW, false).standing(NOW, enrolled, USUAL),
            Standing::Over
        );
        let disabled = Holder {
            disabled: true,
            ..HOST
        };
        assert_eq!(
            Session::begin(NOW, true).standing(NOW, disabled, USUAL),
            Standing::Over
        );
        assert_eq!(without_code(enrolled), Err(Code::FactorNeeded));
        assert_eq!(without_code(HOST), Ok(()));
    }
}

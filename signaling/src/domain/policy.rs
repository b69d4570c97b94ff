//! What may be set for a whole server, an organisation or one account: a closed
//! table, of which `docs/policies.md` is printed. What is set for more of them
//! goes before what is set for fewer, so nobody is freer than their
//! organisation, and no organisation freer than its server says.

use super::Millis;
use super::link::Slot;
use crate::config::{MAX_MEMBERS, SESSION_IDLE, SESSION_LENGTH};
use crate::sheet::{self, Wrong};
use conclave_wire::account::Role;
use conclave_wire::code::Code;
use conclave_wire::id::AccountId;
use conclave_wire::policy::{PolicyEntry, PolicySource};
use std::collections::BTreeMap;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Something that may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// Links may be made for guests.
    GuestLinks,
    /// Days that a guest's link is open at most.
    LongestLink,
    /// Every guest's link needs consent.
    Consent,
    /// New rooms have a password.
    Password,
    /// New rooms take guests by links of their own.
    Scheduled,
    /// New rooms are for consultations.
    Consultations,
    /// Hosts make rooms, and not administrators alone.
    HostsMakeRooms,
    /// People whom a call is for at most.
    MostPeople,
    /// Nobody is let in unasked.
    Lobby,
    /// Hosts of calls have a certificate.
    HostsLogIn,
    /// Nobody does anything without a second factor.
    SecondFactor,
    /// Minutes without use after which a session ends.
    SessionIdle,
    /// Hours after which a session ends.
    SessionLength,
}

/// What a policy may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `yes` or `no`.
    Switch,
    /// A number within these.
    Number(u32, u32),
}

/// A line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Which.
    pub policy: Policy,
    /// What it is called.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What it is where nobody has set it.
    pub usual: u32,
    /// What it says, in German.
    pub de: &'static str,
    /// What it says, in English.
    pub en: &'static str,
}

const NO: u32 = 0;
const YES: u32 = 1;

/// Everything that may be set.
pub const TABLE: [Rule; 13] = [
    Rule {
        policy: Policy::GuestLinks,
        name: "guest-links",
        kind: Kind::Switch,
        usual: YES,
        de: "Links für Gäste dürfen angelegt werden",
        en: "links may be made for guests",
    },
    Rule {
        policy: Policy::LongestLink,
        name: "longest-link-days",
        kind: Kind::Number(1, 31),
        usual: 31,
        de: "so viele Tage ist ein Link für einen Gast höchstens offen",
        en: "a guest's link is open for so many days at most",
    },
    Rule {
        policy: Policy::Consent,
        name: "consent-required",
        kind: Kind::Switch,
        usual: NO,
        de: "jeder Link für einen Gast braucht dessen Einwilligung",
        en: "every guest's link needs its guest's consent",
    },
    Rule {
        policy: Policy::Password,
        name: "password-required",
        kind: Kind::Switch,
        usual: NO,
        de: "neue Räume, und damit alle ihre Links, haben ein Kennwort",
        en: "new rooms, and so all their links, have a password",
    },
    Rule {
        policy: Policy::Scheduled,
        name: "scheduled-only",
        kind: Kind::Switch,
        usual: NO,
        de: "in neue Räume kommen Gäste nur über eigene Links mit Termin",
        en: "guests come into new rooms by links of their own, with a slot",
    },
    Rule {
        policy: Policy::Consultations,
        name: "consultations-only",
        kind: Kind::Switch,
        usual: NO,
        de: "neue Räume sind für Sprechstunden",
        en: "new rooms are for consultations",
    },
    Rule {
        policy: Policy::HostsMakeRooms,
        name: "hosts-make-rooms",
        kind: Kind::Switch,
        usual: YES,
        de: "Gastgeber legen Räume an, nicht nur Administratoren",
        en: "hosts make rooms, not administrators alone",
    },
    Rule {
        policy: Policy::MostPeople,
        name: "most-people",
        kind: Kind::Number(2, MAX_MEMBERS as u32),
        usual: MAX_MEMBERS as u32,
        de: "so viele Personen sind höchstens in einem Gespräch",
        en: "so many people are in a call at most",
    },
    Rule {
        policy: Policy::Lobby,
        name: "lobby-always",
        kind: Kind::Switch,
        usual: NO,
        de: "Gastgeber lassen jede Person einzeln ein, niemanden ungefragt",
        en: "hosts let in everybody one by one, and nobody unasked",
    },
    Rule {
        policy: Policy::HostsLogIn,
        name: "hosts-log-in",
        kind: Kind::Switch,
        usual: NO,
        de: "wer als Gastgeber in einen Raum kommt, ist mit einem Konto der Organisation angemeldet",
        en: "who comes into a room as host is logged in to an account of the organisation",
    },
    Rule {
        policy: Policy::SecondFactor,
        name: "second-factor",
        kind: Kind::Switch,
        usual: NO,
        de: "alle brauchen einen zweiten Faktor, nicht nur Administratoren",
        en: "everybody needs a second factor, not administrators alone",
    },
    Rule {
        policy: Policy::SessionIdle,
        name: "session-idle-minutes",
        kind: Kind::Number(5, 30),
        usual: 30,
        de: "nach so vielen Minuten ohne Nutzung endet eine Sitzung",
        en: "a session ends after so many minutes without use",
    },
    Rule {
        policy: Policy::SessionLength,
        name: "session-hours",
        kind: Kind::Number(1, 12),
        usual: 12,
        de: "nach so vielen Stunden endet eine Sitzung in jedem Fall",
        en: "a session ends after so many hours in any case",
    },
];

impl Rule {
    /// The policy of that name.
    ///
    /// # Errors
    /// [`Code::PolicyUnknown`].
    pub fn named(name: &str) -> Result<&'static Self, Code> {
        static RULES: [Rule; 13] = TABLE;
        let found = RULES.iter().find(|rule| rule.name == name);
        found.ok_or(Code::PolicyUnknown)
    }

    /// A value that it may be.
    ///
    /// # Errors
    /// [`Code::PolicyValue`].
    pub fn parse(&self, text: &str) -> Result<u32, Code> {
        let value = match (self.kind, text) {
            (Kind::Switch, "yes") => Some(YES),
            (Kind::Switch, "no") => Some(NO),
            (Kind::Switch, _) => None,
            (Kind::Number(least, most), text) => {
                let value = text.parse().ok();
                // No sign and no zeros in front: what is read is what was written.
                value.filter(|value: &u32| {
                    (least..=most).contains(value) && value.to_string() == text
                })
            }
        };
        value.ok_or(Code::PolicyValue)
    }

    /// A value as it is written.
    pub fn text(&self, value: u32) -> String {
        match (self.kind, value) {
            (Kind::Switch, NO) => "no".to_owned(),
            (Kind::Switch, _) => "yes".to_owned(),
            (Kind::Number(..), value) => value.to_string(),
        }
    }
}

/// What is set at one level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<Policy, u32>);

impl Settings {
    /// What is asked for, by names.
    ///
    /// # Errors
    /// [`Code::PolicyUnknown`], [`Code::PolicyValue`].
    pub fn requested(named: &BTreeMap<String, String>) -> Result<Self, Code> {
        let mut settings = Self::default();
        for (name, value) in named {
            let rule = Rule::named(name)?;
            settings.0.insert(rule.policy, rule.parse(value)?);
        }
        Ok(settings)
    }

    /// One as it is stored; what this version does not know is left out.
    pub fn restore(&mut self, name: &str, value: &str) {
        if let Ok(rule) = Rule::named(name)
            && let Ok(value) = rule.parse(value)
        {
            self.0.insert(rule.policy, value);
        }
    }

    /// By names, in the order of the table.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, String)> {
        TABLE.into_iter().filter_map(|rule| {
            let value = self.0.get(&rule.policy)?;
            Some((rule.name, rule.text(*value)))
        })
    }
}

/// What is set for somebody, at each level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies {
    /// By the operator, for everybody.
    pub server: Settings,
    /// For the organisation.
    pub organisation: Settings,
    /// For the account.
    pub account: Settings,
}

/// How long sessions last, and what they need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without use.
    pub idle: Duration,
    /// In any case.
    pub length: Duration,
    /// Whether everybody needs a second factor.
    pub factor: bool,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            idle: SESSION_IDLE,
            length: SESSION_LENGTH,
            factor: false,
        }
    }
}

/// A room that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct NewRoom {
    /// The role of who asks; none: the operator.
    pub maker: Option<Role>,
    /// Whether it is to have a password.
    pub password: bool,
    /// Whether guests are to come by links of their own.
    pub scheduled: bool,
    /// Whether it is for consultations.
    pub consultation: bool,
    /// For how many people it is to be at most, if that is said of it.
    pub people: Option<u32>,
}

impl Policies {
    /// What holds, and by whom it was set.
    pub fn holds(&self, rule: &Rule) -> (u32, PolicySource) {
        let levels = [
            (&self.server, PolicySource::Server),
            (&self.organisation, PolicySource::Organisation),
            (&self.account, PolicySource::Account),
        ];
        let set = levels.into_iter().find_map(|(settings, source)| {
            let value = settings.0.get(&rule.policy)?;
            Some((*value, source))
        });
        set.unwrap_or((rule.usual, PolicySource::Default))
    }

    fn value(&self, policy: Policy) -> u32 {
        let rule = TABLE.into_iter().find(|rule| rule.policy == policy);
        rule.map_or(NO, |rule| self.holds(&rule).0)
    }

    fn is(&self, policy: Policy) -> bool {
        self.value(policy) == YES
    }

    /// All of them, with what is set at one of the levels.
    pub fn entries(&self, level: &Settings) -> Vec<PolicyEntry> {
        let entry = |rule: Rule| {
            let (value, source) = self.holds(&rule);
            let (least, most) = match rule.kind {
                Kind::Switch => (None, None),
                Kind::Number(least, most) => (Some(least), Some(most)),
            };
            PolicyEntry {
                name: rule.name.to_owned(),
                value: rule.text(value),
                source,
                least,
                most,
                set: level.0.get(&rule.policy).map(|value| rule.text(*value)),
            }
        };
        TABLE.into_iter().map(entry).collect()
    }

    /// Whether a guest's link may be made.
    ///
    /// # Errors
    /// [`Code::PolicyForbids`].
    pub fn may_make_link(&self, slot: Slot, consent: bool) -> Result<(), Code> {
        let longest = DAY * self.value(Policy::LongestLink);
        let allowed = self.is(Policy::GuestLinks)
            && slot.until().since(slot.from()) <= longest
            && (consent || !self.is(Policy::Consent));
        allowed.then_some(()).ok_or(Code::PolicyForbids)
    }

    /// Whether a room may be made.
    ///
    /// # Errors
    /// [`Code::PolicyForbids`].
    pub fn may_make_room(&self, room: NewRoom) -> Result<(), Code> {
        let allowed = (room.password || !self.is(Policy::Password))
            && (room.scheduled || !self.is(Policy::Scheduled))
            && (room.consultation || !self.is(Policy::Consultations))
            && room.people.is_none_or(|people| self.may_have(people))
            && (room.maker != Some(Role::Host) || self.is(Policy::HostsMakeRooms));
        allowed.then_some(()).ok_or(Code::PolicyForbids)
    }

    /// Whether a room may be for so many people. That none has more than the
    /// server's most is not for a policy to say.
    fn may_have(&self, people: u32) -> bool {
        people.min(MAX_MEMBERS as u32) <= self.most_people()
    }

    /// How many people are in a call at most.
    pub fn most_people(&self) -> u32 {
        self.value(Policy::MostPeople)
    }

    /// Whether hosts' clients let nobody in unasked.
    pub fn lobby(&self) -> bool {
        self.is(Policy::Lobby)
    }

    /// Whether the host key alone makes nobody a host: only a stay that has a
    /// certificate is one.
    pub fn hosts_log_in(&self) -> bool {
        self.is(Policy::HostsLogIn)
    }

    /// What holds for sessions.
    pub fn sessions(&self) -> SessionLimits {
        let minute = Duration::from_secs(60);
        SessionLimits {
            idle: minute * self.value(Policy::SessionIdle),
            length: minute * 60 * self.value(Policy::SessionLength),
            factor: self.is(Policy::SecondFactor),
        }
    }
}

/// The columns of a table of settings.
const COLUMNS: [&str; 3] = ["account", "policy", "value"];

/// Settings by the name that an account logs in with; without one those of the
/// organisation.
pub type Sheet = BTreeMap<Option<String>, Settings>;

/// A table of settings as CSV.
///
/// # Errors
/// None that this table could have.
pub fn write(sheet: &Sheet) -> std::io::Result<String> {
    let rows = sheet.iter().flat_map(|(account, settings)| {
        let account = account.clone().unwrap_or_default();
        let row = move |(name, value): (&str, String)| [account.clone(), name.to_owned(), value];
        settings.texts().map(row)
    });
    sheet::write(&COLUMNS, &rows.collect::<Vec<_>>())
}

/// Reads such a table, of an organisation that has these accounts by the names
/// they log in with: settings by account, without one those of the organisation.
///
/// # Errors
/// The first cell that cannot be so; [`Code::NameTaken`] for what is named
/// twice, [`Code::NoSuchAccount`].
pub fn read(
    text: &str,
    accounts: &BTreeMap<String, AccountId>,
) -> Result<BTreeMap<Option<AccountId>, Settings>, Wrong> {
    let mut all = BTreeMap::<_, Settings>::new();
    for (line, row) in sheet::read(&COLUMNS, text)? {
        let wrong = |column, code| Wrong::at((line, column), code);
        let [account, name, value] = row.as_slice() else {
            return Err(wrong(1, Code::BadMessage));
        };
        let account = match account.is_empty() {
            true => None,
            false => {
                let found = accounts.get(&account.to_lowercase()).copied();
                Some(found.ok_or(wrong(1, Code::NoSuchAccount))?)
            }
        };
        let rule = Rule::named(name).map_err(|code| wrong(2, code))?;
        let value = rule.parse(value).map_err(|code| wrong(3, code))?;
        let settings = all.entry(account).or_default();
        if settings.0.insert(rule.policy, value).is_some() {
            return Err(wrong(2, Code::NameTaken));
        }
    }
    Ok(all)
}

/// When a session began that ends then at the latest.
pub fn begun(ends: Millis) -> Millis {
    let length = u64::try_from(SESSION_LENGTH.as_millis()).unwrap_or(u64::MAX);
    Millis(ends.0.saturating_sub(length))
}

#[cfg(test)]
mod tests;

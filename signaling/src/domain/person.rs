//! What becomes of what an organisation's provider says of somebody. Nothing
//! of it is taken from whoever logs in.

use super::account;
use conclave_wire::account::Role;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The roles that groups can give, from the least on.
const FROM_LEAST: [Role; 5] = [
    Role::Member,
    Role::Presenter,
    Role::Assistant,
    Role::Host,
    Role::Admin,
];

/// Longest name that a provider has for somebody, in bytes (OpenID Connect
/// Core 1.0 section 2: 255 ASCII characters).
pub const MAX_SUBJECT: usize = 255;

/// Ways to log in that are two factors, or one that cannot be copied
/// (RFC 8176 section 2). All others are taken for a password alone.
const STRONG: [&str; 3] = ["mfa", "otp", "hwk"];

/// Somebody, as their provider knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The provider.
    pub issuer: String,
    /// What it calls them, for ever.
    pub subject: String,
    /// Their login in the form that is kept.
    pub login: String,
    /// Their name as people read it.
    pub name: String,
    /// Their role.
    pub role: Role,
}

impl Person {
    /// Takes the claims. A login or name that does not fit is replaced, so that
    /// nobody is kept out by how they are spelt.
    ///
    /// # Errors
    /// Nothing if what the provider calls them is no name for that.
    pub fn new(
        (issuer, subject): (&str, &str),
        (login, name): (Option<&str>, Option<&str>),
        role: Role,
    ) -> Option<Self> {
        if !(1..=MAX_SUBJECT).contains(&subject.len()) {
            return None;
        }
        let login = login.and_then(account::login);
        let login = login.unwrap_or_else(|| stand_in(issuer, subject));
        let name = name.map(str::trim);
        let name = name.filter(|name| account::is_name(name));
        Some(Self {
            name: name.unwrap_or(&login).to_owned(),
            login,
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            role,
        })
    }
}

/// The role of who is in these groups: of several the least, so that a group
/// too many gives nobody more.
pub fn role_of<'g>(
    groups: impl IntoIterator<Item = &'g str>,
    roles: &BTreeMap<String, Role>,
) -> Role {
    let given = groups.into_iter().filter_map(|group| roles.get(group));
    let rank = |role: &&Role| FROM_LEAST.iter().position(|other| other == *role);
    given.min_by_key(rank).copied().unwrap_or(Role::Member)
}

/// Whether how somebody logged in at their provider counts as a second factor.
pub fn is_strong<'m>(mut methods: impl Iterator<Item = &'m str>) -> bool {
    methods.any(|method| STRONG.contains(&method))
}

/// Whether groups can give this role.
pub fn is_given(role: Role) -> bool {
    FROM_LEAST.contains(&role)
}

/// A login for who has none that fits.
fn stand_in(issuer: &str, subject: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(issuer.as_bytes());
    hash.update([0]);
    hash.update(subject.as_bytes());
    let mut login = String::from("person-");
    for byte in &hash.finalize()[..8] {
        let _ = write!(login, "{byte:02x}");
    }
    login
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_groups_the_least_role_counts_and_without_one_it_is_the_members() {
        let roles = [
            ("doctors", Role::Host),
            ("it", Role::Admin),
            ("desk", Role::Assistant),
        ];
        let roles = roles.map(|(group, role)| (group.to_owned(), role)).into();
        for (groups, role) in [
            (&["it"][..], Role::Admin),
            (&["it", "doctors"], Role::Host),
            (&["doctors", "it", "desk"], Role::Assistant),
            (&["others"], Role::Member),
            (&["others", "it"], Role::Admin),
            (&["IT"], Role::Member),
            (&[], Role::Member),
        ] {
            assert_eq!(role_of(groups.iter().copied(), &roles), role, "{groups:?}");
        }
        assert!(!is_given(Role::Guest));
    }

    #[test]
    fn only_what_is_a_second_factor_counts_as_one() {
        for (methods, strong) in [
            (&["pwd", "mfa"][..], true),
            (&["otp"], true),
            (&["hwk"], true),
            (&["pwd"], false),
            (&["sms", "pin", "face"], false),
            (&["MFA"], false),
            (&[], false),
        ] {
            assert_eq!(is_strong(methods.iter().copied()), strong, "{methods:?}");
        }
    }

    #[test]
    fn who_is_spelt_otherwise_gets_a_login_that_stays_theirs() {
        let of =
            |subject, login, name| Person::new(("https://a", subject), (login, name), Role::Member);
        let anna = of("1", Some("Anna.Berg@a"), Some(" Dr. Anna Berg ")).unwrap();
        assert_eq!(
            (&*anna.login, &*anna.name),
            ("anna.berg@a", "Dr. Anna Berg")
        );
        let odd = of("1", Some("Jürgen"), Some("a\u{7}b")).unwrap();
        assert_eq!(Some(&odd), of("1", None, None).as_ref());
        assert_eq!(odd.login, odd.name);
        assert_eq!(account::login(&odd.login), Some(odd.login.clone()));
        assert_ne!(odd.login, of("2", None, None).unwrap().login);
        assert_eq!(of("", Some("anna"), None), None);
        assert_eq!(of(&"a".repeat(256), Some("anna"), None), None);
    }
}

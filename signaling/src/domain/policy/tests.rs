use super::*;
use conclave_wire::http::Cell;
use proptest::prelude::*;
use std::fmt::Write as _;

fn accounts(logins: &[String]) -> BTreeMap<String, AccountId> {
    let numbered = logins.iter().cloned().zip(0..);
    let account = |(login, number)| (login, AccountId([number; 16]));
    numbered.map(account).collect()
}

fn set(named: &[(&str, &str)]) -> Settings {
    let named = named
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::requested(&named.collect()).unwrap()
}

#[test]
fn the_servers_goes_before_the_organisations_and_that_before_the_accounts() {
    for rule in TABLE {
        let (least, most) = match rule.kind {
            Kind::Switch => (NO, YES),
            Kind::Number(least, most) => (least, most),
        };
        let of = |value: u32| set(&[(rule.name, &rule.text(value))]);
        for levels in 0..8_u8 {
            for values in 0..8_u8 {
                let settings = |bit: u8| {
                    let value = if values & bit == 0 { least } else { most };
                    let given = levels & bit != 0;
                    (
                        given.then_some(value),
                        if given {
                            of(value)
                        } else {
                            Settings::default()
                        },
                    )
                };
                let [server, organisation, account] = [4, 2, 1].map(settings);
                let expected = match (server.0, organisation.0, account.0) {
                    (Some(value), _, _) => (value, PolicySource::Server),
                    (None, Some(value), _) => (value, PolicySource::Organisation),
                    (None, None, Some(value)) => (value, PolicySource::Account),
                    (None, None, None) => (rule.usual, PolicySource::Default),
                };
                let policies = Policies {
                    server: server.1,
                    organisation: organisation.1,
                    account: account.1,
                };
                assert_eq!(policies.holds(&rule), expected, "{} {levels}", rule.name);
            }
        }
    }
}

#[test]
fn values_are_those_of_the_table_written_in_one_way() {
    for rule in TABLE {
        let all: Vec<u32> = match rule.kind {
            Kind::Switch => vec![NO, YES],
            Kind::Number(least, most) => (least..=most).collect(),
        };
        assert!(all.contains(&rule.usual));
        for value in &all {
            assert_eq!(rule.parse(&rule.text(*value)), Ok(*value), "{}", rule.name);
        }
        let (before, behind) = (all[0].wrapping_sub(1), all[all.len() - 1] + 1);
        let (before, behind) = (before.to_string(), behind.to_string());
        for text in ["", "Yes", "true", "+7", "07", " 7", "-1", &before, &behind] {
            assert_eq!(
                rule.parse(text),
                Err(Code::PolicyValue),
                "{} {text}",
                rule.name
            );
        }
        assert!(Rule::named(rule.name).is_ok_and(|found| found.policy == rule.policy));
    }
    assert_eq!(Rule::named("guests"), Err(Code::PolicyUnknown));
}

#[test]
fn what_an_older_version_stored_does_not_stop_a_newer_one() {
    let mut settings = Settings::default();
    settings.restore("gone", "yes");
    settings.restore("guest-links", "perhaps");
    settings.restore("guest-links", "no");
    assert_eq!(settings, set(&[("guest-links", "no")]));
}

#[test]
fn each_policy_of_links_forbids_what_it_says() {
    let days = |days: u32| Slot::new(Millis(0), Millis(0) + DAY * days).unwrap();
    let verdict = |named: &[(&str, &str)], slot, consent| {
        let organisation = set(named);
        let policies = Policies {
            organisation,
            ..Policies::default()
        };
        policies.may_make_link(slot, consent)
    };
    let no = Err(Code::PolicyForbids);
    assert_eq!(verdict(&[], days(31), false), Ok(()));
    assert_eq!(verdict(&[("guest-links", "no")], days(1), true), no);
    assert_eq!(
        verdict(&[("longest-link-days", "2")], days(2), false),
        Ok(())
    );
    assert_eq!(verdict(&[("longest-link-days", "2")], days(3), false), no);
    assert_eq!(verdict(&[("consent-required", "yes")], days(1), false), no);
    assert_eq!(
        verdict(&[("consent-required", "yes")], days(1), true),
        Ok(())
    );
}

#[test]
fn each_policy_of_rooms_forbids_what_it_says() {
    let bare = NewRoom {
        maker: Some(Role::Host),
        password: false,
        scheduled: false,
        consultation: false,
        people: Some(3),
    };
    let verdict = |named: &[(&str, &str)], room| {
        let account = set(named);
        let policies = Policies {
            account,
            ..Policies::default()
        };
        policies.may_make_room(room)
    };
    assert_eq!(verdict(&[], bare), Ok(()));
    let admin = Some(Role::Admin);
    for (name, value, right) in [
        (
            "password-required",
            "yes",
            NewRoom {
                password: true,
                ..bare
            },
        ),
        (
            "scheduled-only",
            "yes",
            NewRoom {
                scheduled: true,
                ..bare
            },
        ),
        (
            "consultations-only",
            "yes",
            NewRoom {
                consultation: true,
                ..bare
            },
        ),
        (
            "most-people",
            "2",
            NewRoom {
                people: Some(2),
                ..bare
            },
        ),
        (
            "hosts-make-rooms",
            "no",
            NewRoom {
                maker: admin,
                ..bare
            },
        ),
    ] {
        assert_eq!(
            verdict(&[(name, value)], bare),
            Err(Code::PolicyForbids),
            "{name}"
        );
        assert_eq!(verdict(&[(name, value)], right), Ok(()), "{name}");
    }
}

#[test]
fn what_holds_for_sessions_where_nobody_has_set_it_is_what_the_service_has() {
    assert_eq!(Policies::default().sessions(), SessionLimits::default());
}

#[test]
fn the_documented_table_is_this_one() {
    let mut table =
        String::from("| policy | value | without it | says | sagt |\n|---|---|---|---|---|");
    for rule in TABLE {
        let kind = match rule.kind {
            Kind::Switch => "yes, no".to_owned(),
            Kind::Number(least, most) => format!("{least} to {most}"),
        };
        let (name, usual) = (rule.name, rule.text(rule.usual));
        let _ = write!(
            table,
            "\n| `{name}` | {kind} | {usual} | {} | {} |",
            rule.en, rule.de
        );
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policies.md");
    let page = std::fs::read_to_string(path).unwrap();
    assert!(
        page.contains(&table),
        "docs/policies.md has another table than:\n{table}"
    );
}

proptest! {
    #[test]
    fn a_table_that_was_written_is_read_as_it_was(
        settings in prop::collection::btree_map(
            prop::option::of("[-a-z0-9.@=+_]{1,12}"),
            prop::collection::btree_map(0..TABLE.len(), any::<prop::sample::Index>(), 1..6),
            0..6,
        ),
    ) {
        let sheet: Sheet = settings
            .into_iter()
            .map(|(account, chosen)| {
                let chosen = chosen.into_iter().map(|(rule, at)| {
                    let rule = TABLE[rule];
                    let value = match rule.kind {
                        Kind::Switch => at.index(2) as u32,
                        Kind::Number(least, most) => least + at.index((most - least + 1) as usize) as u32,
                    };
                    (rule.policy, value)
                });
                (account, Settings(chosen.collect()))
            })
            .collect();
        let logins: Vec<_> = sheet.keys().flatten().cloned().collect();
        let known = accounts(&logins);
        let read = read(&write(&sheet).unwrap(), &known).map(|read| {
            let login = |id| known.iter().find(|(_, known)| **known == id).unwrap().0.clone();
            let named = |(account, settings): (Option<_>, _)| (account.map(login), settings);
            read.into_iter().map(named).collect::<Sheet>()
        });
        prop_assert_eq!(read, Ok(sheet));
    }
}

#[test]
fn what_is_wrong_in_a_table_is_told_by_line_column_and_code() {
    let known = accounts(&["anna".to_owned()]);
    let at = |rows: &str| read(&format!("account,policy,value\r\n{rows}"), &known).unwrap_err();
    for (rows, line, column, code) in [
        (
            ",guest-links,no\r\nanna,guests,no\r\n",
            3,
            2,
            Code::PolicyUnknown,
        ),
        ("anna,guest-links,maybe\r\n", 2, 3, Code::PolicyValue),
        (
            ",guest-links,no\r\n,guest-links,no\r\n",
            3,
            2,
            Code::NameTaken,
        ),
        // However its name is written, an account is one.
        (
            "anna,guest-links,no\r\nAnna,guest-links,no\r\n",
            3,
            2,
            Code::NameTaken,
        ),
        (
            "anna,guest-links,no\r\nben,guest-links,no\r\n",
            3,
            1,
            Code::NoSuchAccount,
        ),
        (",guest-links\r\n", 2, 3, Code::BadMessage),
    ] {
        let cell = Cell { line, column };
        assert_eq!(at(rows), Wrong { cell, code }, "{rows}");
    }
    let said = at("anna,guest-links,maybe\r\n").to_string();
    let expected = "line 2, column 3: policy-value: the policy cannot have this value";
    assert_eq!(said, expected);
}

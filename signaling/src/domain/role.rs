//! Who may do what, with an organisation's rooms and accounts and in a call: one
//! table, role × action. `docs/roles.md` is printed from it.
//!
//! There is no action that gives media, a key or a place in a call: those come
//! from being a member of the call's MLS group, whom every other member sees.
//! An administrator and an assistant who want to hear a call knock like
//! everybody.

use conclave_wire::account::{Action, Role};
use conclave_wire::code::Code;

/// Every action, and who may do it, in the order of [`Role::ALL`].
pub const TABLE: [(Action, [bool; 6]); 10] = {
    const Y: bool = true;
    const N: bool = false;
    //                        host presenter member guest assistant admin
    [
        (Action::SeeRooms, [Y, Y, Y, N, Y, Y]),
        (Action::MakeRoom, [Y, N, N, N, N, Y]),
        (Action::DeleteRoom, [Y, N, N, N, N, Y]),
        (Action::UnlockRoom, [Y, N, N, N, Y, Y]),
        (Action::ManageLinks, [Y, N, N, N, Y, Y]),
        (Action::ManageAccounts, [N, N, N, N, N, Y]),
        (Action::ReadAudit, [N, N, N, N, N, Y]),
        (Action::ManagePolicies, [N, N, N, N, N, Y]),
        (Action::ManageWebhooks, [N, N, N, N, N, Y]),
        (Action::SetConsentTexts, [N, N, N, N, N, Y]),
    ]
};

/// Something that somebody may want in a call. Speaking and showing a camera are
/// none: every member does, and nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InCall {
    /// Begin the call.
    StartCall,
    /// Let in who waits, turn them away, or answer them through the door.
    Admit,
    /// Remove a member.
    Remove,
    /// Let nobody else enter, or let them again.
    Lock,
    /// Open links again that wrong passwords have locked.
    UnlockLinks,
    /// Have a member switch the microphone off.
    MuteOthers,
    /// Make a member a host: so the call is handed over.
    MakeHost,
    /// Make a member a presenter.
    MakePresenter,
    /// Share a screen.
    ShareScreen,
    /// End the call for everybody.
    EndForAll,
}

/// When a role may do something in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// While no host is there, but never in a consultation.
    NoHost,
    /// Where all share their screen.
    AllShare,
    /// Never.
    Never,
}

/// The same table for what is done in a call. Nobody is there as an assistant or
/// administrator: they are what they came as.
pub const IN_CALL: [(InCall, [When; 6]); 10] = {
    const Y: When = When::Always;
    const H: When = When::NoHost;
    const S: When = When::AllShare;
    const N: When = When::Never;
    //                        host presenter member guest assistant admin
    [
        (InCall::StartCall, [Y, N, N, N, N, N]),
        (InCall::Admit, [Y, H, H, H, N, N]),
        (InCall::Remove, [Y, N, N, N, N, N]),
        (InCall::Lock, [Y, N, N, N, N, N]),
        (InCall::UnlockLinks, [Y, N, N, N, N, N]),
        (InCall::MuteOthers, [Y, N, N, N, N, N]),
        (InCall::MakeHost, [Y, N, N, N, N, N]),
        (InCall::MakePresenter, [Y, N, N, N, N, N]),
        (InCall::ShareScreen, [Y, Y, S, S, N, N]),
        (InCall::EndForAll, [Y, N, N, N, N, N]),
    ]
};

/// When a role may do it in a call.
pub fn in_call(role: Role, action: InCall) -> When {
    let row = IN_CALL.into_iter().find(|(other, _)| *other == action);
    let cells = row
        .into_iter()
        .flat_map(|(_, cells)| Role::ALL.into_iter().zip(cells));
    let mut own = cells.filter(|(other, _)| *other == role);
    own.next().map_or(When::Never, |(_, when)| when)
}

/// Whether a role may do it.
///
/// # Errors
/// [`Code::Forbidden`] if not.
pub fn check(role: Role, action: Action) -> Result<(), Code> {
    match actions(role).any(|allowed| allowed == action) {
        true => Ok(()),
        false => Err(Code::Forbidden),
    }
}

/// All that a role may do.
pub fn actions(role: Role) -> impl Iterator<Item = Action> {
    TABLE.into_iter().filter_map(move |(action, allowed)| {
        let column = Role::ALL.into_iter().zip(allowed);
        let mut own = column.filter(|(other, _)| *other == role);
        own.any(|(_, allowed)| allowed).then_some(action)
    })
}

/// Whether nobody of this role does anything without a second factor.
pub fn needs_factor(role: Role) -> bool {
    role == Role::Admin
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    /// Said once more, apart from the table and cell by cell.
    #[test]
    fn each_role_may_do_what_the_table_says_and_nothing_else() {
        let expected = [
            (
                Role::Host,
                "see-rooms make-room delete-room unlock-room manage-links",
            ),
            (Role::Presenter, "see-rooms"),
            (Role::Member, "see-rooms"),
            (Role::Guest, ""),
            (Role::Assistant, "see-rooms unlock-room manage-links"),
            (
                Role::Admin,
                "see-rooms make-room delete-room unlock-room manage-links manage-accounts read-audit \
                 manage-policies manage-webhooks set-consent-texts",
            ),
        ];
        let mut cells = 0;
        for (role, allowed) in expected {
            for (action, _) in TABLE {
                let verdict = match allowed.split(' ').any(|name| name == name_of(action)) {
                    true => Ok(()),
                    false => Err(Code::Forbidden),
                };
                assert_eq!(check(role, action), verdict, "{role:?} {action:?}");
                cells += 1;
            }
        }
        assert_eq!(cells, 60);
    }

    #[test]
    fn only_administrators_need_a_second_factor() {
        let need: Vec<_> = Role::ALL
            .into_iter()
            .filter(|role| needs_factor(*role))
            .collect();
        assert_eq!(need, [Role::Admin]);
    }

    #[test]
    fn the_documented_table_is_this_one() {
        let mut table = String::from("| action |");
        for role in Role::ALL {
            let _ = write!(table, " {} |", role.as_str());
        }
        table.push_str("\n|---|");
        table.push_str(&"---|".repeat(Role::ALL.len()));
        for (action, allowed) in TABLE {
            let _ = write!(table, "\n| {} |", name_of(action));
            for allowed in allowed {
                table.push_str(if allowed { " yes |" } else { " – |" });
            }
        }
        for (action, cells) in IN_CALL {
            let _ = write!(table, "\n| *{}* |", said(action));
            for when in cells {
                table.push_str(match when {
                    When::Always => " yes |",
                    When::NoHost => " no host |",
                    When::AllShare => " all share |",
                    When::Never => " – |",
                });
            }
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/roles.md");
        let page = std::fs::read_to_string(path).unwrap();
        assert!(
            page.contains(&table),
            "docs/roles.md has another table than:\n{table}"
        );
    }

    fn said(action: InCall) -> &'static str {
        match action {
            InCall::StartCall => "start the call",
            InCall::Admit => "admit, turn away, answer at the door",
            InCall::Remove => "remove",
            InCall::Lock => "lock",
            InCall::UnlockLinks => "unlock links",
            InCall::MuteOthers => "mute others",
            InCall::MakeHost => "make hosts, hand over",
            InCall::MakePresenter => "make presenters",
            InCall::ShareScreen => "share a screen",
            InCall::EndForAll => "end for all",
        }
    }

    fn name_of(action: Action) -> String {
        let name = serde_json::to_value(action).unwrap();
        name.as_str().unwrap().to_owned()
    }
}

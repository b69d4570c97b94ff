//! Who may do what with an organisation's rooms and accounts: one table, role ×
//! action. `docs/roles.md` is printed from it.
//!
//! There is no action that gives media, a key or a place in a call: those come
//! from being a member of the call's MLS group, whom every other member sees.
//! An administrator and an assistant who want to hear a call knock like
//! everybody.

use conclave_wire::account::{Action, Role};
use conclave_wire::code::Code;

/// Every action, and who may do it, in the order of [`Role::ALL`].
pub const TABLE: [(Action, [bool; 6]); 8] = {
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
    ]
};

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
                "see-rooms make-room delete-room unlock-room manage-links manage-accounts read-audit manage-policies",
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
        assert_eq!(cells, 48);
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
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/roles.md");
        let page = std::fs::read_to_string(path).unwrap();
        assert!(
            page.contains(&table),
            "docs/roles.md has another table than:\n{table}"
        );
    }

    fn name_of(action: Action) -> String {
        let name = serde_json::to_value(action).unwrap();
        name.as_str().unwrap().to_owned()
    }
}

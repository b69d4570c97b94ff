//! What may be written of an account.

use conclave_wire::account::{AccountChange, AccountRequest, Role};
use conclave_wire::code::Code;

/// Longest name to log in with, and of a person, in characters.
const MAX_NAME: usize = 64;
/// Longest name of a person, in bytes of UTF-8.
const MAX_NAME_BYTES: usize = 128;
/// Shortest password, in characters, and longest, in bytes (NIST SP 800-63B
/// section 3.1.1.2 asks for 15 where nothing else stands beside it; here wrong
/// ones are slowed down and administrators have a second factor).
const PASSWORD_CHARS: usize = 12;
/// More would make hashing dearer for nobody's good.
const PASSWORD_BYTES: usize = 256;

/// The account that is asked for, its login in the one form that is kept.
///
/// # Errors
/// [`Code::BadMessage`] for a name that is none, and for guests, who have no
/// accounts.
pub fn requested(request: AccountRequest) -> Result<AccountRequest, Code> {
    let login = login(&request.login).ok_or(Code::BadMessage)?;
    if !is_name(&request.name) || request.role == Role::Guest {
        return Err(Code::BadMessage);
    }
    Ok(AccountRequest { login, ..request })
}

/// Whether an account may be changed so.
///
/// # Errors
/// As of [`requested`].
pub fn check_change(change: &AccountChange) -> Result<(), Code> {
    match change.name.as_deref().is_none_or(is_name) && change.role != Some(Role::Guest) {
        true => Ok(()),
        false => Err(Code::BadMessage),
    }
}

/// The form of a login that is kept.
pub fn login(typed: &str) -> Option<String> {
    let login = typed.to_ascii_lowercase();
    let symbol =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_@".contains(&byte);
    let fits = (1..=MAX_NAME).contains(&login.len()) && login.bytes().all(symbol);
    fits.then_some(login)
}

/// Whether it is a name of a person: as long as members of a call take names in
/// certificates (`docs/protocol.md` section 4).
pub fn is_name(text: &str) -> bool {
    is_text(text, MAX_NAME) && text.len() <= MAX_NAME_BYTES
}

/// Whether it is a line of 1 to `most` characters.
pub fn is_text(text: &str, most: usize) -> bool {
    let blank = text.trim().is_empty();
    !blank && text.chars().take(most + 1).count() <= most && !text.chars().any(char::is_control)
}

/// Whether a new password is long enough, and not too long.
///
/// # Errors
/// [`Code::PasswordUnfit`] if not.
pub fn check_password(password: &str) -> Result<(), Code> {
    match password.len() <= PASSWORD_BYTES && password.chars().count() >= PASSWORD_CHARS {
        true => Ok(()),
        false => Err(Code::PasswordUnfit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_has_one_form() {
        assert_eq!(login("Anna.Berg@A-1_x").as_deref(), Some("anna.berg@a-1_x"));
        for text in ["", "a b", "ä", "a\n", "a:b", &"a".repeat(65)] {
            assert_eq!(login(text), None, "{text}");
        }
    }

    #[test]
    fn guests_get_no_account_and_names_are_lines() {
        let request = |name: &str, role| AccountRequest {
            login: "ANNA".to_owned(),
            name: name.to_owned(),
            role,
        };
        let made = requested(request("Dr. Änne Berg", Role::Host)).unwrap();
        assert_eq!(made.login, "anna");
        assert!(requested(request("Anna", Role::Guest)).is_err());
        // As many characters, and more bytes than a certificate carries for members.
        for name in ["", "  ", "a\nb", &"ä".repeat(65), &"あ".repeat(43)] {
            assert!(requested(request(name, Role::Host)).is_err(), "{name}");
        }
        assert!(requested(request(&"ä".repeat(64), Role::Host)).is_ok());
    }

    #[test]
    fn passwords_are_counted_in_characters_and_bounded_in_bytes() {
        for (password, fits) in [
            ("zwölfe Zeich".to_owned(), true),
            ("elf Zeichen".to_owned(), false),
            ("ä".repeat(11), false),
            ("a".repeat(256), true),
            ("a".repeat(257), false),
        ] {
            assert_eq!(check_password(&password).is_ok(), fits, "{password}");
        }
    }
}

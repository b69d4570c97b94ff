//! Secrets that the server draws for people to type.

use zeroize::Zeroizing;

/// Digits and letters without i, l, o and u: none looks like another.
const SYMBOLS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Symbols that are written together.
const GROUP: usize = 4;
/// Symbols of a password: 60 bits.
const PASSWORD: usize = 12;
/// Symbols of a backup code: 40 bits, tried against the server only.
const CODE: usize = 8;

/// A password: `k7dm-4xqz-w2pa`.
///
/// # Errors
/// When the system has no randomness to give.
pub(super) fn password() -> Result<Zeroizing<String>, getrandom::Error> {
    draw::<PASSWORD>()
}

/// A backup code: `k7dm-4xqz`.
///
/// # Errors
/// When the system has no randomness to give.
pub(super) fn backup_code() -> Result<Zeroizing<String>, getrandom::Error> {
    draw::<CODE>()
}

/// The one form of a backup code, however it was typed; nothing if it is none.
pub(super) fn as_typed(typed: &str) -> Option<Zeroizing<String>> {
    let mut code = Zeroizing::new(String::with_capacity(CODE + CODE / GROUP));
    let mut symbols = 0;
    for symbol in typed.chars() {
        if symbol == '-' || symbol == ' ' {
            continue;
        }
        let symbol = symbol.to_ascii_lowercase();
        let known = u8::try_from(symbol).is_ok_and(|byte| SYMBOLS.contains(&byte));
        if !known || symbols == CODE {
            return None;
        }
        if symbols > 0 && symbols % GROUP == 0 {
            code.push('-');
        }
        code.push(symbol);
        symbols += 1;
    }
    (symbols == CODE).then_some(code)
}

fn draw<const N: usize>() -> Result<Zeroizing<String>, getrandom::Error> {
    let mut random = Zeroizing::new([0; N]);
    getrandom::fill(random.as_mut_slice())?;
    let mut text = Zeroizing::new(String::with_capacity(N + N / GROUP));
    for (at, byte) in random.iter().enumerate() {
        if at > 0 && at % GROUP == 0 {
            text.push('-');
        }
        // 256 is a multiple of 32: every symbol is as likely.
        text.push(char::from(SYMBOLS[usize::from(byte % 32)]));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_grouped_and_each_time_another() {
        let (one, other) = (password().unwrap(), password().unwrap());
        assert_ne!(one, other);
        assert_eq!((one.len(), one.matches('-').count()), (14, 2));
    }

    #[test]
    fn a_backup_code_is_read_as_people_type_it() {
        let code = backup_code().unwrap();
        let typed = code.to_uppercase().replace('-', " ");
        assert_eq!(as_typed(&typed), Some(code));
        for typed in ["", "abcd-efg", "abcd-efgh-j", "abcd-efgl", "ünü", "123456"] {
            assert_eq!(as_typed(typed), None, "{typed}");
        }
    }
}

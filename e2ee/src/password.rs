//! The password of a link: goes another way than the link, by telephone or on
//! paper, and without it the link opens nothing.
//!
//! It is drawn, never chosen: twelve symbols of five bits. Whoever has the link
//! and the server's help can try passwords at home, so what protects a call
//! then is how many there are, times what one try costs.

use crate::error::{Error, Misuse};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use openmls_rust_crypto::RustCrypto;
use openmls_traits::random::OpenMlsRand;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Digits and letters without i, l, o and u: none looks like another.
const SYMBOLS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Symbols of a password: 60 bits.
const LEN: usize = 12;
/// Symbols that are written and read together.
const GROUP: usize = 4;

/// Memory of one derivation in KiB, 64 MiB: the second choice of RFC 9106
/// section 4, for where 2 GiB are too much, as they are in a phone's browser.
const MEMORY_KIB: u32 = 1 << 16;
/// Passes over the memory, of the same choice.
const PASSES: u32 = 3;
/// Lanes, of the same choice. They are filled one after the other.
const LANES: u32 = 4;

/// Length of the salt, bytes (RFC 9106 section 4).
pub(crate) const SALT_LEN: usize = 16;

/// The password of a link; wiped when dropped, and cannot be printed by accident.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Password([u8; LEN]);

impl Password {
    /// Draws a password from the operating system's randomness.
    ///
    /// # Errors
    /// [`Error::Internal`] if the system gives none.
    pub fn generate() -> Result<Self, Error> {
        let mut password = Self([0; LEN]);
        let random: Result<[u8; LEN], _> = RustCrypto::default().random_array();
        let random = Zeroizing::new(random.map_err(|_| Error::Internal)?);
        for (symbol, byte) in password.0.iter_mut().zip(random.iter()) {
            // 256 is a multiple of 32: every symbol is as likely.
            *symbol = SYMBOLS[usize::from(byte % 32)];
        }
        Ok(password)
    }

    /// Reads a password as people type it: in any case, grouped by spaces,
    /// hyphens, dashes or dots or not at all, with o for 0 and i or l for 1.
    ///
    /// # Errors
    /// [`Misuse::InvalidPassword`] for anything that cannot be one: no try is
    /// spent on a letter too few.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut password = Self([0; LEN]);
        let mut at = 0;
        for typed in text.chars().filter(|typed| !is_separator(*typed)) {
            let symbol = symbol(typed).ok_or(Misuse::InvalidPassword)?;
            *password.0.get_mut(at).ok_or(Misuse::InvalidPassword)? = symbol;
            at += 1;
        }
        if at == LEN {
            Ok(password)
        } else {
            Err(Misuse::InvalidPassword.into())
        }
    }

    /// The password to write down or say, in groups: `k7dm-4xqz-w2pa`.
    pub fn grouped(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(LEN + LEN / GROUP));
        for (at, symbol) in self.0.iter().enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(char::from(*symbol));
        }
        text
    }

    /// Argon2id (RFC 9106): 32 bytes for a fifth of a second and 64 MiB, which
    /// are overwritten afterwards.
    pub(crate) fn key(&self, salt: &[u8; SALT_LEN]) -> Result<Zeroizing<[u8; 32]>, Error> {
        let params =
            Params::new(MEMORY_KIB, PASSES, LANES, Some(32)).map_err(|_| Error::Internal)?;
        let mut memory = Vec::new();
        memory
            .try_reserve_exact(params.block_count())
            .map_err(|_| Error::Internal)?;
        memory.resize(params.block_count(), Block::new());
        let mut key = Zeroizing::new([0; 32]);
        let derived = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(&self.0, salt, key.as_mut_slice(), &mut memory);
        for block in &mut memory {
            block.zeroize();
        }
        derived.map_err(|_| Error::Internal)?;
        Ok(key)
    }
}

/// What a typed character stands for.
fn symbol(typed: char) -> Option<u8> {
    let symbol = match typed.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        other => other,
    };
    let symbol = u8::try_from(symbol).ok()?;
    SYMBOLS.contains(&symbol).then_some(symbol)
}

/// What may stand between the symbols. Keyboards make dashes of hyphens.
fn is_separator(typed: char) -> bool {
    typed.is_whitespace()
        || matches!(
            typed,
            '-' | '.' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9106 section 5.3: that the crate is the function of the RFC.
    #[test]
    fn argon2id_gives_the_vector_of_rfc_9106() {
        let params = argon2::ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .data(argon2::AssociatedData::new(&[4; 12]).unwrap())
            .output_len(32)
            .build()
            .unwrap();
        let argon = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params);
        let mut tag = [0; 32];
        argon
            .unwrap()
            .hash_password_into(&[1; 32], &[2; 16], &mut tag)
            .unwrap();
        let expected = [
            0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b,
            0x53, 0xc9, 0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9,
            0x6b, 0x01, 0xe6, 0x59,
        ];
        assert_eq!(tag, expected);
    }

    #[test]
    fn a_password_is_read_however_it_is_typed() {
        let password = Password::parse("k7dm-4xqz-w01a").unwrap();
        for typed in [
            "k7dm4xqzw01a",
            "K7DM 4XQZ W01A",
            " k7dm–4xqz—woia\n",
            "k7.dm_4x qz wOLa",
        ] {
            let read = Password::parse(typed).map(|read| read.0);
            assert_eq!(read.ok(), Some(password.0), "{typed}");
        }
        assert_eq!(*password.grouped(), "k7dm-4xqz-w01a");
    }

    #[test]
    fn what_cannot_be_a_password_is_refused() {
        for typed in [
            "",
            "----",
            "k7dm-4xqz-w01",
            "k7dm-4xqz-w01aa",
            "k7dm-4xqz-w01u",
            "k7dm-4xqz-w01ä",
            "k7dm,4xqz,w01a",
        ] {
            let refused = Password::parse(typed).map(drop);
            assert_eq!(
                refused,
                Err(Error::Misuse(Misuse::InvalidPassword)),
                "{typed}"
            );
        }
    }

    #[test]
    fn drawn_passwords_differ_and_are_read_as_they_are_written() {
        let (a, b) = (Password::generate().unwrap(), Password::generate().unwrap());
        assert_ne!(a.0, b.0);
        assert_eq!(Password::parse(&a.grouped()).unwrap().0, a.0);
        assert_eq!(a.grouped().len(), 14);
    }
}

//! Bearer secrets and what the service keeps of them.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize;

/// Length of every bearer secret (host key, resume token, operator token), bytes.
pub const TOKEN_LEN: usize = 32;

/// A bearer secret, wiped when dropped. It has no `Debug` and no `Display`.
pub struct Token([u8; TOKEN_LEN]);

impl Token {
    /// Takes the secret from the wire.
    ///
    /// # Errors
    /// Nothing when it is not exactly [`TOKEN_LEN`] bytes long.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// A secret from fresh random bytes.
    pub fn from_random(bytes: [u8; TOKEN_LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes, to hand them to their owner.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// What the service keeps of it.
    pub fn digest(&self) -> Digest {
        Digest(Sha256::digest(self.0).into())
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// SHA-256 of a [`Token`]; compared in constant time.
#[derive(Clone, Copy, Debug)]
pub struct Digest(pub [u8; 32]);

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digest {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_one_length() {
        assert!(Token::parse(&[1; 32]).is_some());
        for len in [0, 31, 33, 1000] {
            assert!(Token::parse(&vec![1; len]).is_none(), "{len}");
        }
    }

    #[test]
    fn only_the_same_token_has_the_same_digest() {
        let digest = Token::from_random([1; 32]).digest();
        assert!(digest == Token::from_random([1; 32]).digest());
        assert!(digest != Token::from_random([2; 32]).digest());
    }
}

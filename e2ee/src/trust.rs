//! What is known of members, and the code by which machines tell that two
//! clients are in the same epoch of the same group.
//!
//! ```text
//! MLS-Exporter("conclave 1 call code", "", 8) as big-endian number mod 10^12
//! -> twelve digits, "1234 5678 9012"
//! ```
//!
//! Members of one epoch of one group have the same code; a server that split
//! the call into two groups makes two codes. Reports and tests compare it.
//! People compare another: this one is fixed by who commits last, who may try
//! commits until it is the one they want (`compare` module).

use std::fmt;

/// What is known of a member, ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Trust {
    /// Came by the link and was let in under a name of their own choosing.
    Guest,
    /// Has a certificate that says under which name their organisation knows
    /// them, by a root that counts here.
    Certified,
    /// Was in a call whose code this device's person compared, and has the
    /// same signature key since.
    Compared,
}

impl Trust {
    /// Stable identifier for other languages; snake case.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Certified => "certified",
            Self::Compared => "compared",
        }
    }
}

/// The code of a call's current epoch, three groups of four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallCode(u64);

impl CallCode {
    pub(crate) const LABEL: &str = "conclave 1 call code";
    pub(crate) const EXPORT_LEN: usize = 8;
    const MODULUS: u64 = 1_000_000_000_000;

    pub(crate) fn from_export(secret: &[u8]) -> Option<Self> {
        Some(Self(
            u64::from_be_bytes(secret.try_into().ok()?) % Self::MODULUS,
        ))
    }
}

impl fmt::Display for CallCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (high, rest) = (self.0 / 100_000_000, self.0 % 100_000_000);
        write!(f, "{high:04} {:04} {:04}", rest / 10_000, rest % 10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_three_groups_of_four_digits() {
        let code = |number: u64| {
            CallCode::from_export(&number.to_be_bytes())
                .unwrap()
                .to_string()
        };
        assert_eq!(code(0), "0000 0000 0000");
        assert_eq!(code(123_456_789_012), "1234 5678 9012");
        assert_eq!(code(7_000_000_050_006), "0000 0005 0006");
        assert_eq!(CallCode::from_export(&[0; 7]), None);
    }
}

//! The permitted profile: two MLS cipher suites and the SFrame suite each implies.

use openmls::prelude::Ciphersuite;

/// Cipher suite of a call. Every other suite is refused wherever it appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Suite {
    /// 0x004E: ML-KEM-768 with X25519, AES-256-GCM, SHA-384, Ed25519. Frames
    /// use AES_256_GCM_SHA512_128.
    #[default]
    Hybrid,
    /// 0x0001: X25519, AES-128-GCM, SHA-256, Ed25519; for devices too slow or
    /// links too thin for the hybrid. Frames use AES_128_GCM_SHA256_128.
    Classic,
}

impl Suite {
    /// The number in the MLS registry.
    pub const fn id(self) -> u16 {
        match self {
            Self::Hybrid => 0x004E,
            Self::Classic => 0x0001,
        }
    }

    /// The suite with this number, if it is permitted.
    pub const fn from_id(id: u16) -> Option<Self> {
        match id {
            0x004E => Some(Self::Hybrid),
            0x0001 => Some(Self::Classic),
            _ => None,
        }
    }

    pub(crate) const fn mls(self) -> Ciphersuite {
        match self {
            Self::Hybrid => Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519,
            Self::Classic => Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
        }
    }

    pub(crate) const fn media(self) -> MediaSuite {
        match self {
            Self::Hybrid => MediaSuite::Aes256GcmSha512,
            Self::Classic => MediaSuite::Aes128GcmSha256,
        }
    }
}

/// SFrame cipher suite (RFC 9605 section 4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaSuite {
    /// Suite 4, AES_128_GCM_SHA256_128.
    Aes128GcmSha256,
    /// Suite 5, AES_256_GCM_SHA512_128.
    Aes256GcmSha512,
}

impl MediaSuite {
    /// Length of the base key in bytes: AEAD.Nk (RFC 9605 section 5.2).
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128GcmSha256 => 16,
            Self::Aes256GcmSha512 => 32,
        }
    }

    /// The number in the SFrame registry.
    pub const fn id(self) -> u16 {
        match self {
            Self::Aes128GcmSha256 => 4,
            Self::Aes256GcmSha512 => 5,
        }
    }

    pub(crate) const fn sframe(self) -> sframe::CipherSuite {
        match self {
            Self::Aes128GcmSha256 => sframe::CipherSuite::AesGcm128Sha256,
            Self::Aes256GcmSha512 => sframe::CipherSuite::AesGcm256Sha512,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_permitted_numbers_name_a_suite() {
        for id in 0..=u16::MAX {
            match Suite::from_id(id) {
                Some(suite) => {
                    assert_eq!(suite.id(), id);
                    assert_eq!(u16::from(suite.mls()), id);
                }
                None => assert!(id != 0x004E && id != 1),
            }
        }
    }
}

//! OpenMLS' primitives and storage, in memory only and wiped at the end.

use openmls_rust_crypto::{MemoryStorage, RustCrypto};
use openmls_traits::OpenMlsProvider;
use zeroize::Zeroize;

/// Primitives and storage of one session.
#[derive(Default)]
pub(crate) struct Provider {
    crypto: RustCrypto,
    storage: MemoryStorage,
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = RustCrypto;
    type RandProvider = RustCrypto;
    type StorageProvider = MemoryStorage;

    fn storage(&self) -> &MemoryStorage {
        &self.storage
    }

    fn crypto(&self) -> &RustCrypto {
        &self.crypto
    }

    fn rand(&self) -> &RustCrypto {
        &self.crypto
    }
}

impl Provider {
    /// Overwrites and forgets everything stored.
    pub(crate) fn wipe(&mut self) {
        let values = self
            .storage
            .values
            .get_mut()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        for (_, mut value) in values.drain() {
            value.zeroize();
        }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.wipe();
    }
}

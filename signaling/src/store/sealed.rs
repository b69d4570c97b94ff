//! What the database keeps sealed with the server's own key, which is not in it.

use super::load::bytes;
use super::{Store, StoreError};
use sqlx::Row as _;

/// What kind of secret it is.
#[derive(Clone, Copy)]
pub(crate) enum SealedKind {
    /// An account's second factor.
    Factor,
    /// The key of an organisation's root.
    Root,
    /// What its provider gave an organisation.
    Provider,
    /// What events for an endpoint are signed with.
    Webhook,
}

/// A secret as it is kept.
pub(crate) struct Sealed {
    pub(crate) kind: SealedKind,
    /// Whom it is sealed for.
    pub(crate) owner: [u8; 16],
    pub(crate) secret: Vec<u8>,
}

/// Answers are left out: a day later they are gone.
const ONE_OF_EACH: [(SealedKind, &str); 4] = [
    (
        SealedKind::Factor,
        "SELECT account AS owner, secret FROM factors LIMIT 1",
    ),
    (
        SealedKind::Root,
        "SELECT tenant AS owner, key AS secret FROM roots LIMIT 1",
    ),
    (
        SealedKind::Provider,
        "SELECT tenant AS owner, secret FROM providers LIMIT 1",
    ),
    (
        SealedKind::Webhook,
        "SELECT id AS owner, secret FROM webhooks LIMIT 1",
    ),
];

impl Store {
    /// One secret of each kind that there is.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn one_sealed_of_each(&self) -> Result<Vec<Sealed>, StoreError> {
        let mut found = Vec::new();
        for (kind, statement) in ONE_OF_EACH {
            let row = sqlx::query(statement).fetch_optional(&self.pool).await?;
            if let Some(row) = row {
                found.push(Sealed {
                    kind,
                    owner: bytes(&row, "owner")?,
                    secret: row.try_get("secret")?,
                });
            }
        }
        Ok(found)
    }
}

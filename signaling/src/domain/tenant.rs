//! Organisations on one server, and how much each may have.

use crate::config::{MAX_ACCOUNTS, MAX_MEMBERS, MAX_ROOMS};
use conclave_wire::account::{TenantChange, TenantInfo, TenantRequest};
use conclave_wire::code::Code;
use conclave_wire::id::TenantId;

/// The organisation that is always there; what has no other belongs to it.
pub const DEFAULT: TenantId = TenantId([0; 16]);

/// What that one is called.
pub const DEFAULT_NAME: &str = "default";

/// Longest name of one, bytes.
const MAX_NAME: usize = 63;

/// How much an organisation may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Rooms.
    pub rooms: u32,
    /// Members of one call.
    pub participants: u32,
    /// Accounts.
    pub accounts: u32,
}

impl Quotas {
    /// As much as the server has.
    pub const ALL: Self = Self {
        rooms: MAX_ROOMS,
        participants: MAX_MEMBERS as u32,
        accounts: MAX_ACCOUNTS,
    };

    /// What the operator asks for.
    ///
    /// # Errors
    /// [`Code::BadMessage`] for more than the server has, or a call of nobody.
    pub fn requested(request: &TenantRequest) -> Result<Self, Code> {
        let quota = |asked: Option<u32>, least: u32, most: u32| match asked {
            None => Ok(most),
            Some(asked) if (least..=most).contains(&asked) => Ok(asked),
            Some(_) => Err(Code::BadMessage),
        };
        Ok(Self {
            rooms: quota(request.max_rooms, 0, Self::ALL.rooms)?,
            participants: quota(request.max_participants, 1, Self::ALL.participants)?,
            accounts: quota(request.max_accounts, 0, Self::ALL.accounts)?,
        })
    }
}

impl Quotas {
    /// What an organisation may have when this was changed.
    ///
    /// # Errors
    /// [`Code::BadMessage`] as of [`Quotas::requested`]; [`Code::QuotaReached`]
    /// for fewer rooms or accounts than there are: nothing would be deleted.
    pub fn changed(of: &TenantInfo, change: &TenantChange) -> Result<Self, Code> {
        let quotas = Self::requested(&TenantRequest {
            name: of.name.clone(),
            max_rooms: change.max_rooms.or(Some(of.max_rooms)),
            max_participants: change.max_participants.or(Some(of.max_participants)),
            max_accounts: change.max_accounts.or(Some(of.max_accounts)),
        })?;
        match quotas.rooms < of.rooms || quotas.accounts < of.accounts {
            true => Err(Code::QuotaReached),
            false => Ok(quotas),
        }
    }
}

/// Whether there is room for another beside so many.
///
/// # Errors
/// [`Code::QuotaReached`] if not.
pub fn another(there: u64, most: u32) -> Result<(), Code> {
    match there < u64::from(most) {
        true => Ok(()),
        false => Err(Code::QuotaReached),
    }
}

/// Whether an organisation may be called so.
pub fn is_name(text: &str) -> bool {
    let symbol = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(symbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(rooms: Option<u32>, participants: Option<u32>) -> TenantRequest {
        TenantRequest {
            name: "a".to_owned(),
            max_rooms: rooms,
            max_participants: participants,
            max_accounts: None,
        }
    }

    #[test]
    fn a_quota_is_what_the_server_has_at_most() {
        assert_eq!(Quotas::requested(&request(None, None)), Ok(Quotas::ALL));
        let few = Quotas::requested(&request(Some(3), Some(2)));
        assert_eq!(few.map(|few| (few.rooms, few.participants)), Ok((3, 2)));
        for (rooms, participants) in [
            (Some(MAX_ROOMS + 1), None),
            (None, Some(101)),
            (None, Some(0)),
        ] {
            let refused = Quotas::requested(&request(rooms, participants));
            assert_eq!(refused, Err(Code::BadMessage), "{rooms:?} {participants:?}");
        }
    }

    #[test]
    fn the_last_place_is_given_and_no_other() {
        assert_eq!(another(0, 0), Err(Code::QuotaReached));
        assert_eq!(another(1, 2), Ok(()));
        assert_eq!(another(2, 2), Err(Code::QuotaReached));
    }

    #[test]
    fn names_can_stand_anywhere() {
        assert!(is_name("praxis-7"));
        for text in ["", "Praxis", "a b", "a/b", "ä", &"a".repeat(64)] {
            assert!(!is_name(text), "{text}");
        }
    }
}

//! Organisations, accounts, rooms and links, as the operator: one HTTP request
//! each.

use crate::http::Answer;
use crate::link::Server;
use crate::rooms::{RoomError, ask, done, make, refused};
use crate::trust::Trust;
use conclave_e2ee::Password;
use conclave_wire::account::{
    AccountChange, AccountInfo, AccountList, AccountMade, AccountRequest, ProviderInfo,
    ProviderRequest, TenantChange, TenantInfo, TenantList, TenantRequest,
};
use conclave_wire::audit::AuditList;
use conclave_wire::http::{Language, LinkInfo, RoomEntry, RoomInfo, RoomList, RoomPeople};
use conclave_wire::id::{AccountId, LinkId, PasskeyId, RoomId};
use conclave_wire::passkey::{PasskeyInfo, PasskeyList};
use conclave_wire::policy::{PolicyEntry, PolicyList, PolicyRequest};
use conclave_wire::webhook::PasswordMessage;
use hyper::http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use zeroize::Zeroize as _;

/// A server, and the right to administer it.
pub struct Operator {
    /// Which.
    pub server: Server,
    /// The operator's token.
    pub token: String,
    /// Whom to believe that it is that server.
    pub trust: Trust,
}

/// Whose policies.
#[derive(Clone, Copy)]
pub enum PoliciesOf<'a> {
    /// The server's.
    Server,
    /// An organisation's.
    Organisation(&'a str),
    /// An account's.
    Account(AccountId),
}

impl PoliciesOf<'_> {
    fn path(self) -> String {
        match self {
            Self::Server => "/api/v1/policies?of=server".to_owned(),
            Self::Organisation(tenant) => format!("/api/v1/policies?tenant={tenant}"),
            Self::Account(id) => format!("/api/v1/accounts/{id}/policies"),
        }
    }
}

impl Operator {
    /// Makes an organisation.
    ///
    /// # Errors
    /// [`RoomError`]; with [`Code::NameTaken`](conclave_wire::code::Code::NameTaken)
    /// when another has the name.
    pub async fn create_tenant(&self, tenant: &TenantRequest) -> Result<TenantInfo, RoomError> {
        let body = serde_json::to_vec(tenant).map_err(|_| RoomError::Protocol)?;
        self.make(("/api/v1/tenants", body)).await
    }

    /// All organisations, by name.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn tenants(&self) -> Result<Vec<TenantInfo>, RoomError> {
        let mut tenants: Vec<TenantInfo> = Vec::new();
        loop {
            let after = tenants.last().map(|tenant| tenant.name.as_str());
            let path = format!("/api/v1/tenants?after={}", after.unwrap_or_default());
            let list: TenantList = self.read((Method::GET, &path, Vec::new())).await?;
            let more = list.more && !list.tenants.is_empty();
            tenants.extend(list.tenants);
            if !more {
                return Ok(tenants);
            }
        }
    }

    /// Changes how much an organisation may have.
    ///
    /// # Errors
    /// [`RoomError`]; with [`Code::QuotaReached`](conclave_wire::code::Code::QuotaReached)
    /// for fewer than there are.
    pub async fn change_tenant(
        &self,
        name: &str,
        change: &TenantChange,
    ) -> Result<TenantInfo, RoomError> {
        let body = serde_json::to_vec(change).map_err(|_| RoomError::Protocol)?;
        let path = format!("/api/v1/tenants/{name}");
        self.read((Method::PATCH, &path, body)).await
    }

    /// Deletes an organisation that has no rooms, with its accounts.
    ///
    /// # Errors
    /// [`RoomError`]; with [`Code::TenantInUse`](conclave_wire::code::Code::TenantInUse)
    /// when it has rooms.
    pub async fn delete_tenant(&self, name: &str) -> Result<(), RoomError> {
        let path = format!("/api/v1/tenants/{name}");
        self.order((Method::DELETE, &path)).await
    }

    /// Sets by which OpenID Connect provider an organisation's people log in.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn set_provider(
        &self,
        tenant: &str,
        provider: &ProviderRequest,
    ) -> Result<ProviderInfo, RoomError> {
        let body = serde_json::to_vec(provider).map_err(|_| RoomError::Protocol)?;
        let path = format!("/api/v1/tenants/{tenant}/oidc");
        self.read((Method::PUT, &path, body)).await
    }

    /// By which provider they do.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn provider(&self, tenant: &str) -> Result<ProviderInfo, RoomError> {
        let path = format!("/api/v1/tenants/{tenant}/oidc");
        self.read((Method::GET, &path, Vec::new())).await
    }

    /// Forgets that provider: nobody logs in by it any more.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn remove_provider(&self, tenant: &str) -> Result<(), RoomError> {
        let path = format!("/api/v1/tenants/{tenant}/oidc");
        self.order((Method::DELETE, &path)).await
    }

    /// Makes an account in an organisation; its password is in the answer only.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn create_account(
        &self,
        tenant: &str,
        account: &AccountRequest,
    ) -> Result<AccountMade, RoomError> {
        let body = serde_json::to_vec(account).map_err(|_| RoomError::Protocol)?;
        let path = format!("/api/v1/accounts?tenant={tenant}");
        self.make((&path, body)).await
    }

    /// All accounts of an organisation, by the name they log in with.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn accounts(&self, tenant: &str) -> Result<Vec<AccountInfo>, RoomError> {
        let mut accounts: Vec<AccountInfo> = Vec::new();
        loop {
            let mut path = format!("/api/v1/accounts?tenant={tenant}");
            if let Some(last) = accounts.last() {
                path += &format!("&after={}", last.account);
            }
            let list: AccountList = self.read((Method::GET, &path, Vec::new())).await?;
            let more = list.more && !list.accounts.is_empty();
            accounts.extend(list.accounts);
            if !more {
                return Ok(accounts);
            }
        }
    }

    /// Changes an account's role or the person's name.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn change_account(
        &self,
        id: AccountId,
        change: &AccountChange,
    ) -> Result<AccountInfo, RoomError> {
        let body = serde_json::to_vec(change).map_err(|_| RoomError::Protocol)?;
        let path = format!("/api/v1/accounts/{id}");
        self.read((Method::PATCH, &path, body)).await
    }

    /// All rooms of an organisation, the oldest first.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn rooms(&self, tenant: &str) -> Result<Vec<RoomEntry>, RoomError> {
        let mut rooms: Vec<RoomEntry> = Vec::new();
        loop {
            let mut path = format!("/api/v1/rooms?tenant={tenant}&limit=100");
            if let Some(last) = rooms.last() {
                path += &format!("&after={}", last.room);
            }
            let list: RoomList = self.read((Method::GET, &path, Vec::new())).await?;
            let more = list.more && !list.rooms.is_empty();
            rooms.extend(list.rooms);
            if !more {
                return Ok(rooms);
            }
        }
    }

    /// What anyone may know of a room.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn room(&self, room: RoomId) -> Result<RoomInfo, RoomError> {
        let path = format!("/api/v1/rooms/{room}");
        self.read((Method::GET, &path, Vec::new())).await
    }

    /// Whom a marked room's calls are for, by their names to log in with; none:
    /// everybody of its organisation.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn room_people(&self, room: RoomId) -> Result<RoomPeople, RoomError> {
        let path = format!("/api/v1/rooms/{room}/people");
        self.read((Method::GET, &path, Vec::new())).await
    }

    /// Puts others in their place.
    ///
    /// # Errors
    /// [`RoomError`]; with [`Code::NoSuchAccount`](conclave_wire::code::Code::NoSuchAccount)
    /// for a name that nobody there has.
    pub async fn set_room_people(
        &self,
        room: RoomId,
        people: &RoomPeople,
    ) -> Result<RoomPeople, RoomError> {
        let body = serde_json::to_vec(people).map_err(|_| RoomError::Protocol)?;
        let path = format!("/api/v1/rooms/{room}/people");
        self.read((Method::PUT, &path, body)).await
    }

    /// Deletes a room, which ends its call.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn delete_room(&self, room: RoomId) -> Result<(), RoomError> {
        let path = format!("/api/v1/rooms/{room}");
        self.order((Method::DELETE, &path)).await
    }

    /// Has the password of a room's links sent to a telephone, by the endpoint of its
    /// organisation. It is asked for once: of two requests two messages would come.
    ///
    /// # Errors
    /// [`RoomError`]; with [`Code::NoPasswordEndpoint`](conclave_wire::code::Code::NoPasswordEndpoint)
    /// when the organisation has no endpoint for it.
    pub async fn send_password(
        &self,
        room: RoomId,
        (password, to): (&Password, &str),
        language: Language,
    ) -> Result<(), RoomError> {
        let mut message = PasswordMessage {
            to: to.to_owned(),
            password: password.grouped().to_string(),
            language,
        };
        let body = serde_json::to_vec(&message).map_err(|_| RoomError::Protocol);
        message.password.zeroize();
        let path = format!("/api/v1/rooms/{room}/password-message");
        let asked = (Method::POST, path.as_str(), body?);
        done(&ask(&self.server, &self.token, &self.trust, asked).await?)
    }

    /// A guest's link that opens now.
    ///
    /// # Errors
    /// [`RoomError`]; with the code that says why it does not open.
    pub async fn link(&self, room: RoomId, link: LinkId) -> Result<LinkInfo, RoomError> {
        let path = format!("/api/v1/rooms/{room}/links/{link}");
        self.read((Method::GET, &path, Vec::new())).await
    }

    /// Lets nobody log in to an account any more, or again.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn enable_account(&self, id: AccountId, enabled: bool) -> Result<(), RoomError> {
        let verb = if enabled { "enable" } else { "disable" };
        let path = format!("/api/v1/accounts/{id}/{verb}");
        self.order((Method::POST, &path)).await
    }

    /// Deletes an account; its sessions and the links it made end.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn delete_account(&self, id: AccountId) -> Result<(), RoomError> {
        let path = format!("/api/v1/accounts/{id}");
        self.order((Method::DELETE, &path)).await
    }

    /// Draws an account another password; it is in the answer only.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn reset_password(&self, id: AccountId) -> Result<AccountMade, RoomError> {
        let path = format!("/api/v1/accounts/{id}/password");
        self.make((&path, Vec::new())).await
    }

    /// Forgets an account's second factor.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn forget_factor(&self, id: AccountId) -> Result<(), RoomError> {
        let path = format!("/api/v1/accounts/{id}/factor");
        self.order((Method::DELETE, &path)).await
    }

    /// The passkeys of an account, oldest first.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn passkeys(&self, id: AccountId) -> Result<Vec<PasskeyInfo>, RoomError> {
        let path = format!("/api/v1/accounts/{id}/passkeys");
        let list: PasskeyList = self.read((Method::GET, &path, Vec::new())).await?;
        Ok(list.passkeys)
    }

    /// Removes a passkey of an account: its sessions end.
    ///
    /// # Errors
    /// [`RoomError`]; with [`Code::NoSuchPasskey`](conclave_wire::code::Code::NoSuchPasskey).
    pub async fn remove_passkey(&self, id: AccountId, passkey: PasskeyId) -> Result<(), RoomError> {
        let path = format!("/api/v1/accounts/{id}/passkeys/{passkey}");
        self.order((Method::DELETE, &path)).await
    }

    /// The policies of an organisation, an account or the server.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn policies(&self, of: PoliciesOf<'_>) -> Result<Vec<PolicyEntry>, RoomError> {
        let list: PolicyList = self.read((Method::GET, &of.path(), Vec::new())).await?;
        Ok(list.policies)
    }

    /// Sets all that is to be set there, and nothing else.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn set_policies(
        &self,
        of: PoliciesOf<'_>,
        policies: BTreeMap<String, String>,
    ) -> Result<Vec<PolicyEntry>, RoomError> {
        let body = serde_json::to_vec(&PolicyRequest { policies });
        let body = body.map_err(|_| RoomError::Protocol)?;
        let list: PolicyList = self.read((Method::PUT, &of.path(), body)).await?;
        Ok(list.policies)
    }

    /// What is set for an organisation and its accounts, as CSV.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn export_policies(&self, tenant: &str) -> Result<String, RoomError> {
        let path = format!("/api/v1/policies.csv?tenant={tenant}");
        let request = (Method::GET, path.as_str(), Vec::new());
        let answer = ask(&self.server, &self.token, &self.trust, request).await?;
        match answer.status {
            StatusCode::OK => {
                String::from_utf8(answer.body.to_vec()).map_err(|_| RoomError::Protocol)
            }
            _ => Err(refused(&answer)),
        }
    }

    /// Sets all of what such a table says, or nothing.
    ///
    /// # Errors
    /// [`RoomError::Wrong`] at the first cell that cannot be so; [`RoomError`].
    pub async fn import_policies(&self, tenant: &str, table: Vec<u8>) -> Result<(), RoomError> {
        let path = format!("/api/v1/policies.csv?tenant={tenant}");
        let request = (Method::PUT, path.as_str(), table);
        done(&ask(&self.server, &self.token, &self.trust, request).await?)
    }

    /// A part of an audit log: of an organisation, or without one that of what
    /// is done to organisations; the lines behind a number.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn audit(&self, tenant: Option<&str>, after: u64) -> Result<AuditList, RoomError> {
        let of = tenant.map_or("of=server".to_owned(), |tenant| format!("tenant={tenant}"));
        let path = format!("/api/v1/audit?{of}&after={after}");
        self.read((Method::GET, &path, Vec::new())).await
    }

    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        request: (Method, &str, Vec<u8>),
    ) -> Result<T, RoomError> {
        let answer = ask(&self.server, &self.token, &self.trust, request).await?;
        body_of(&answer)
    }

    /// Has something made, and reads what came of it.
    pub(crate) async fn make<T: DeserializeOwned>(
        &self,
        request: (&str, Vec<u8>),
    ) -> Result<T, RoomError> {
        let answer = make(&self.server, &self.token, &self.trust, request).await?;
        body_of(&answer)
    }

    pub(crate) async fn order(&self, (method, path): (Method, &str)) -> Result<(), RoomError> {
        let request = (method, path, Vec::new());
        done(&ask(&self.server, &self.token, &self.trust, request).await?)
    }
}

fn body_of<T: DeserializeOwned>(answer: &Answer) -> Result<T, RoomError> {
    match answer.status {
        StatusCode::OK | StatusCode::CREATED => {
            serde_json::from_slice(&answer.body).map_err(|_| RoomError::Protocol)
        }
        _ => Err(refused(answer)),
    }
}

//! Devices of accounts and the roots of organisations, as the operator.

use crate::accounts::Operator;
use crate::rooms::{RoomError, ask, refused};
use conclave_wire::device::{DeviceInfo, DeviceList};
use conclave_wire::id::{AccountId, DeviceId};
use hyper::http::{Method, StatusCode};

impl Operator {
    /// The devices of an account, oldest first.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn devices(&self, account: AccountId) -> Result<Vec<DeviceInfo>, RoomError> {
        let path = format!("/api/v1/accounts/{account}/devices");
        let list: DeviceList = self.read((Method::GET, &path, Vec::new())).await?;
        Ok(list.devices)
    }

    /// Revokes a device: its sessions end.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn revoke_device(&self, device: DeviceId) -> Result<(), RoomError> {
        let path = format!("/api/v1/devices/{device}");
        self.order((Method::DELETE, &path)).await
    }

    /// Revokes all devices of an account.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn revoke_devices(&self, account: AccountId) -> Result<(), RoomError> {
        let path = format!("/api/v1/accounts/{account}/devices");
        self.order((Method::DELETE, &path)).await
    }

    /// Revokes all devices of an organisation.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn revoke_devices_of(&self, tenant: &str) -> Result<(), RoomError> {
        let path = format!("/api/v1/devices?tenant={tenant}");
        self.order((Method::DELETE, &path)).await
    }

    /// The certificate of an organisation's root, PEM.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn root(&self, tenant: &str) -> Result<String, RoomError> {
        let path = format!("/api/v1/root?tenant={tenant}");
        let request = (Method::GET, path.as_str(), Vec::new());
        let answer = ask(&self.server, &self.token, &self.trust, request).await?;
        match answer.status {
            StatusCode::OK => {
                String::from_utf8(answer.body.to_vec()).map_err(|_| RoomError::Protocol)
            }
            _ => Err(refused(&answer)),
        }
    }
}

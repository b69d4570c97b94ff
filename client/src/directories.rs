//! Organisations' directories, as the operator.

use crate::accounts::Operator;
use crate::rooms::RoomError;
use conclave_wire::directory::{DirectoryInfo, DirectoryMade};
use hyper::http::Method;

impl Operator {
    /// Draws the token of an organisation's directory; it is in the answer only.
    ///
    /// # Errors
    /// [`RoomError`]; with [`Code::NotFound`](conclave_wire::code::Code::NotFound)
    /// when the organisation has no provider by which people log in.
    pub async fn set_directory(&self, tenant: &str) -> Result<DirectoryMade, RoomError> {
        let path = format!("/api/v1/tenants/{tenant}/scim");
        self.read((Method::PUT, &path, Vec::new())).await
    }

    /// Since when it has it.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn directory(&self, tenant: &str) -> Result<DirectoryInfo, RoomError> {
        let path = format!("/api/v1/tenants/{tenant}/scim");
        self.read((Method::GET, &path, Vec::new())).await
    }

    /// Takes it back.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn remove_directory(&self, tenant: &str) -> Result<(), RoomError> {
        let path = format!("/api/v1/tenants/{tenant}/scim");
        self.order((Method::DELETE, &path)).await
    }
}

//! What organisations say to everybody, set by the operator.

use crate::accounts::Operator;
use crate::rooms::RoomError;
use conclave_wire::text::{PublicText, PublicTextInfo, PublicTextRequest};
use hyper::http::Method;

impl Operator {
    /// Sets a text of an organisation.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn set_public_text(
        &self,
        (tenant, text): (&str, PublicText),
        written: &PublicTextRequest,
    ) -> Result<PublicTextInfo, RoomError> {
        let body = serde_json::to_vec(written).map_err(|_| RoomError::Protocol)?;
        self.read((Method::PUT, &address(tenant, text), body)).await
    }

    /// A text as it holds in an organisation.
    ///
    /// # Errors
    /// [`RoomError`]; with [`Code::NotFound`](conclave_wire::code::Code::NotFound)
    /// when there is none.
    pub async fn public_text(
        &self,
        tenant: &str,
        text: PublicText,
    ) -> Result<PublicTextInfo, RoomError> {
        let path = address(tenant, text);
        self.read((Method::GET, &path, Vec::new())).await
    }

    /// Forgets a text of an organisation.
    ///
    /// # Errors
    /// As [`Operator::public_text`], when it has none of its own.
    pub async fn remove_public_text(
        &self,
        tenant: &str,
        text: PublicText,
    ) -> Result<(), RoomError> {
        self.order((Method::DELETE, &address(tenant, text))).await
    }
}

fn address(tenant: &str, text: PublicText) -> String {
    format!("/api/v1/texts/{}?tenant={tenant}", text.as_str())
}

//! Endpoints of organisations that are told of events, as the operator.

use crate::accounts::Operator;
use crate::rooms::RoomError;
use conclave_wire::id::WebhookId;
use conclave_wire::webhook::{
    WebhookChange, WebhookInfo, WebhookList, WebhookMade, WebhookRequest,
};
use hyper::http::Method;

impl Operator {
    /// Makes an endpoint of an organisation; its secret is in the answer only.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn create_webhook(
        &self,
        tenant: &str,
        webhook: &WebhookRequest,
    ) -> Result<WebhookMade, RoomError> {
        let body = serde_json::to_vec(webhook).map_err(|_| RoomError::Protocol)?;
        let path = format!("/api/v1/webhooks?tenant={tenant}");
        self.make((&path, body)).await
    }

    /// All endpoints of an organisation, the oldest first.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn webhooks(&self, tenant: &str) -> Result<Vec<WebhookInfo>, RoomError> {
        let mut webhooks: Vec<WebhookInfo> = Vec::new();
        loop {
            let mut path = format!("/api/v1/webhooks?tenant={tenant}");
            if let Some(last) = webhooks.last() {
                path += &format!("&after={}", last.webhook);
            }
            let list: WebhookList = self.read((Method::GET, &path, Vec::new())).await?;
            let more = list.more && !list.webhooks.is_empty();
            webhooks.extend(list.webhooks);
            if !more {
                return Ok(webhooks);
            }
        }
    }

    /// One of them.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn webhook(&self, id: WebhookId) -> Result<WebhookInfo, RoomError> {
        let path = format!("/api/v1/webhooks/{id}");
        self.read((Method::GET, &path, Vec::new())).await
    }

    /// Changes it.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn change_webhook(
        &self,
        id: WebhookId,
        change: &WebhookChange,
    ) -> Result<WebhookInfo, RoomError> {
        let body = serde_json::to_vec(change).map_err(|_| RoomError::Protocol)?;
        let path = format!("/api/v1/webhooks/{id}");
        self.read((Method::PATCH, &path, body)).await
    }

    /// Gives it another secret, which is in the answer only.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn renew_webhook_secret(&self, id: WebhookId) -> Result<WebhookMade, RoomError> {
        let path = format!("/api/v1/webhooks/{id}/secret");
        self.make((&path, Vec::new())).await
    }

    /// Deletes it.
    ///
    /// # Errors
    /// [`RoomError`].
    pub async fn delete_webhook(&self, id: WebhookId) -> Result<(), RoomError> {
        let path = format!("/api/v1/webhooks/{id}");
        self.order((Method::DELETE, &path)).await
    }
}

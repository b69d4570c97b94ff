//! The secrets that events are signed with: drawn, told once, kept sealed.

use super::Identity;
use crate::domain::Millis;
use crate::store::SealedSecrets;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use conclave_wire::code::Code;
use conclave_wire::id::WebhookId;
use standardwebhooks::Webhook;
use zeroize::Zeroizing;

/// Length of a secret, bytes; Standard Webhooks asks for 24 to 64.
const SECRET_LEN: usize = 32;

impl Identity {
    /// A secret as receivers are told it, and what is kept of it.
    ///
    /// # Errors
    /// [`Code::Internal`] when there is no randomness.
    pub(crate) fn draw_webhook_secret(
        &self,
        of: WebhookId,
    ) -> Result<(Zeroizing<String>, Vec<u8>), Code> {
        let mut secret = Zeroizing::new([0; SECRET_LEN]);
        getrandom::fill(secret.as_mut_slice()).map_err(|_| Code::Internal)?;
        let sealed = self.key.webhooks.seal(of.0, secret.as_slice());
        let mut told = Zeroizing::new(String::with_capacity(64));
        told.push_str("whsec_");
        BASE64.encode_string(*secret, &mut told);
        Ok((told, sealed.ok_or(Code::Internal)?))
    }

    /// The signatures of an event, as one header: by the present secret, and by
    /// the one before it as long as that is good.
    ///
    /// # Errors
    /// [`Code::Internal`] when what is stored was not sealed by this server.
    pub(crate) fn sign_event(
        &self,
        (of, secrets): (WebhookId, &SealedSecrets),
        now: Millis,
        (id, body): (&str, &str),
    ) -> Result<String, Code> {
        let old = secrets.old.as_ref().filter(|(_, until)| now < *until);
        let all = [Some(&secrets.present), old.map(|(old, _)| old)];
        let seconds = i64::try_from(now.0 / 1000).map_err(|_| Code::Internal)?;
        let mut signatures = Vec::new();
        for sealed in all.into_iter().flatten() {
            let secret = self.key.webhooks.open(of.0, sealed);
            let secret = secret.ok_or(Code::Internal)?;
            // The crate keeps its copy no longer than this, and does not wipe it.
            let webhook = Webhook::from_bytes(secret.to_vec()).map_err(|_| Code::Internal)?;
            let signature = webhook.sign(id, seconds, body.as_bytes());
            signatures.push(signature.map_err(|_| Code::Internal)?);
        }
        Ok(signatures.join(" "))
    }
}

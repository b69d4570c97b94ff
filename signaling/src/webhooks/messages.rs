//! Hands a password to the organisation's endpoint at once, and tells whoever
//! waits what it said. Nothing is written down, and nothing sent again.

use super::sender::Message;
use crate::config::{MESSAGE_LIMIT, MESSAGES_AT_ONCE};
use crate::domain::Millis;
use crate::domain::message::{self, Allowance};
use crate::domain::webhook::Answer;
use crate::http::App;
use crate::store::Endpoint;
use conclave_wire::code::Code;
use conclave_wire::id::{AccountId, WebhookId};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Passwords on their way to telephones.
pub(crate) struct Messages {
    allowance: Mutex<Allowance>,
    turns: Semaphore,
}

impl Default for Messages {
    fn default() -> Self {
        Self {
            allowance: Mutex::default(),
            turns: Semaphore::new(MESSAGES_AT_ONCE),
        }
    }
}

impl Messages {
    /// Whether one more may be sent, which counts.
    ///
    /// # Errors
    /// How long to wait.
    pub(crate) fn take(&self, now: Millis, by: Option<AccountId>) -> Result<(), Duration> {
        let allowance = self.allowance.lock();
        allowance
            .unwrap_or_else(PoisonError::into_inner)
            .take(now, by)
    }
}

/// Sends it once.
///
/// # Errors
/// [`Code::PasswordNotTaken`] when the endpoint did not take it in time;
/// [`Code::Internal`] when there is no randomness.
pub(crate) async fn send_password(
    app: &App,
    (id, endpoint): (WebhookId, Endpoint),
    message: message::Message,
) -> Result<(), Code> {
    let mut known_by = [0; 16];
    getrandom::fill(&mut known_by).map_err(|_| Code::Internal)?;
    let now = app.rooms.clock.now();
    let body = message.event(now);
    let message = Message::new(known_by, &body, now);
    let sent = async {
        let _turn = app.messages.turns.acquire().await;
        match message.signed(&app.identity, (id, &endpoint.secrets)) {
            Ok(signatures) => app.sender.send(&endpoint.url, &message, signatures).await,
            // Sealed with another server's key: nothing can be signed.
            Err(_) => Answer::Refused,
        }
    };
    let answer = tokio::time::timeout(MESSAGE_LIMIT, sent).await;
    let answer = answer.unwrap_or(Answer::Refused);
    app.rooms.metrics.told(answer);
    match answer {
        Answer::Taken => Ok(()),
        Answer::Refused | Answer::Gone => Err(Code::PasswordNotTaken),
    }
}

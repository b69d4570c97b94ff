//! The task that tells endpoints of events. It looks every second for what is
//! due, sends it, and writes down what [`webhook::after`] makes of the answer.
//! What was sent and not written down before the server stopped is sent once
//! more: at least once, under the same identifier.

mod messages;
mod sender;

pub(crate) use messages::{Messages, send_password};
pub(crate) use sender::Sender;

use crate::config::{DELIVERIES_AT_ONCE, DELIVERIES_EVERY, DELIVERIES_IN_A_ROW};
use crate::domain::webhook::{self, Answer, Standing};
use crate::http::App;
use crate::store::StoreError;
use conclave_wire::id::WebhookId;
use sender::Message;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::task::{Id, JoinSet};
use tokio::time::MissedTickBehavior;

/// Tells endpoints of events for as long as the service runs.
pub(crate) async fn run(app: Arc<App>) {
    // Those that are being told something, each by one task at a time.
    let mut turns = JoinSet::new();
    let mut busy: HashMap<Id, WebhookId> = HashMap::new();
    let mut ticks = tokio::time::interval(DELIVERIES_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(ended) = turns.join_next_with_id() => {
                let task = match &ended {
                    Ok((task, ())) => *task,
                    Err(panicked) => panicked.id(),
                };
                busy.remove(&task);
                continue;
            }
            _ = ticks.tick() => {}
        }
        let due = app.rooms.store.due_webhooks(app.rooms.clock.now()).await;
        let due = due.unwrap_or_else(|error| {
            tracing::error!(%error, "events for webhooks could not be looked for");
            Vec::new()
        });
        for id in due {
            if busy.len() >= DELIVERIES_AT_ONCE {
                break;
            }
            if busy.values().any(|other| *other == id) {
                continue;
            }
            let turn = turn(app.clone(), id);
            busy.insert(turns.spawn(turn).id(), id);
        }
    }
}

async fn turn(app: Arc<App>, id: WebhookId) {
    if let Err(error) = deliver(&app, id).await {
        tracing::error!(%error, "what became of an event for a webhook could not be kept");
    }
}

/// Tells one endpoint what is due, until it does not take something: then the
/// rest waits for its next turn.
async fn deliver(app: &App, id: WebhookId) -> Result<(), StoreError> {
    let (store, clock) = (&app.rooms.store, &app.rooms.clock);
    let due = store.due_deliveries((id, clock.now()), DELIVERIES_IN_A_ROW);
    let Some((endpoint, deliveries)) = due.await? else {
        return Ok(());
    };
    let mut failing_since = endpoint.failing_since;
    for delivery in deliveries {
        let message = Message::new(delivery.event, &delivery.body, clock.now());
        let signed = message.signed(&app.identity, (id, &endpoint.secrets));
        let answer = match signed {
            Ok(signatures) => app.sender.send(&endpoint.url, &message, signatures).await,
            // Sealed with another server's key: nothing can be signed.
            Err(_) => Answer::Refused,
        };
        app.rooms.metrics.told(answer);
        let mut dice = [0];
        getrandom::fill(&mut dice)?;
        let now = clock.now();
        let failures = delivery.failures;
        let (next, standing) = webhook::after((answer, now), failures, failing_since, dice[0]);
        let became = (next, standing);
        store.delivered((id, now), delivery.event, became).await?;
        match standing {
            Standing::Well => failing_since = None,
            Standing::Failing(_) | Standing::Off => return Ok(()),
        }
    }
    Ok(())
}

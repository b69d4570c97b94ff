//! The task that forgets what is over: at the start, and every hour. It asks
//! [`retention`] what is due, and does it. What fails is counted, logged
//! without a name, and tried again.

use crate::domain::retention::{Agenda, Kind, Periods};
use crate::domain::{Now, Order};
use crate::identity::Identity;
use crate::rooms::Rooms;
use conclave_wire::code::Code;
use std::sync::Arc;

#[cfg(doc)]
use crate::domain::retention;

/// What the jobs need.
pub(crate) struct Retention<'a> {
    pub(crate) rooms: &'a Arc<Rooms>,
    pub(crate) identity: &'a Identity,
    pub(crate) periods: Periods,
}

impl Retention<'_> {
    /// Runs the jobs whenever they are due.
    pub(crate) async fn run(self) {
        let clock = self.rooms.clock;
        let mut agenda = Agenda::new(clock.both().timer);
        loop {
            self.round(clock.both(), &mut agenda).await;
            tokio::time::sleep_until(clock.instant(agenda.next())).await;
        }
    }

    /// Runs what is due now.
    async fn round(&self, now: Now, agenda: &mut Agenda) {
        for kind in agenda.due(now.timer) {
            let metrics = &self.rooms.metrics;
            let forgotten = self.forget(kind, now).await;
            if let Ok(count) = forgotten {
                metrics.forgotten(kind, count);
            } else {
                metrics.retention_failed(kind);
                let kind = kind.as_str();
                tracing::error!(
                    kind,
                    "what is over could not be forgotten; it is tried again"
                );
            }
            agenda.ran(kind, now.timer, forgotten.is_ok());
        }
    }

    async fn forget(&self, kind: Kind, now: Now) -> Result<u64, Code> {
        let store = &self.rooms.store;
        let cut = self.periods.cut(kind, now.calendar);
        let count = match kind {
            Kind::Sessions => store.forget_sessions(cut).await?,
            Kind::Proposals => store.forget_proposals().await?,
            Kind::Links => {
                let mut count = 0;
                for (room, old) in store.rooms_with_old_links(cut).await? {
                    let order = (Order::ForgetLinks { over: cut }, None);
                    self.rooms.order(room, order).await?;
                    count += old;
                }
                count
            }
            Kind::Audit => store.forget_audit(cut).await?,
            Kind::Deliveries => store.forget_deliveries(cut).await?,
            Kind::Answers => store.forget_answers(cut).await?,
            Kind::Secrets => store.forget_old_secrets(cut).await?,
            Kind::Tries => return Ok(self.identity.forget_tries(now.timer)),
        };
        if count > 0 {
            store.scrub().await?;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests;

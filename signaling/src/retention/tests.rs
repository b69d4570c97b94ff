use super::*;
use crate::clock::Clock;
use crate::domain::audit::Deed;
use crate::domain::retention::{AGAIN, EVERY};
use crate::domain::{Digest, Millis, session::Session};
use crate::metrics::Metrics;
use crate::store::Store;
use conclave_wire::account::{AccountRequest, Role};
use conclave_wire::audit::Act;
use conclave_wire::id::AccountId;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

/// Everything that is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0.lock().unwrap(), "{}={value:?} ", field.name());
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn a_job_that_fails_is_tried_again_and_logged_without_names() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("db")).await.unwrap();
    let metrics = Arc::new(Metrics::new().unwrap());
    let (media, _) = mpsc::channel(1);
    let rooms = Rooms::new(store.clone(), Clock::start(), metrics.clone(), media);
    let identity = Identity::open(folder.path(), &crate::origin::Origin::UNNAMED).unwrap();
    let retention = Retention {
        rooms: &rooms,
        identity: &identity,
        periods: Periods::default(),
    };
    let account = AccountId([7; 16]);
    let anna = AccountRequest {
        login: "anna.secret".to_owned(),
        name: "Anna Secret".to_owned(),
        role: Role::Host,
    };
    let begun = Millis(1_000_000_000_000);
    let deed = Deed::operators(Act::AccountMade, begun);
    store
        .create_account(&deed, account, (&anna, ""))
        .await
        .unwrap();
    let session = Session::begin(begun, false);
    let token = Digest([9; 32]);
    store.begin_session(token, account, session).await.unwrap();

    let calendar = begun + Duration::from_secs(24 * 60 * 60);
    let now = |timer| Now { timer, calendar };
    let mut agenda = Agenda::new(Millis(0));
    let log = Log::default();
    {
        let _here = tracing::subscriber::set_default(log.clone());
        store.rename_table(("sessions", "elsewhere")).await;
        retention.round(now(Millis(0)), &mut agenda).await;
    }
    let said = log.0.lock().unwrap().clone();
    assert!(said.contains("kind=\"sessions\""), "{said}");
    for name in ["nna", "ecret", "07", "[7", "BwcH", "CQkJ"] {
        assert!(!said.contains(name), "{said} has {name}");
    }
    let failed = "conclave_retention_failures_total{kind=\"sessions\"} 1";
    assert!(metrics.text().contains(failed), "{}", metrics.text());
    assert!(
        metrics
            .text()
            .contains("conclave_retention_failures_total{kind=\"links\"} 0"),
        "the others went on"
    );

    store.rename_table(("elsewhere", "sessions")).await;
    assert!(store.session(token).await.unwrap().is_some());
    let again = Millis(0) + AGAIN;
    assert_eq!(agenda.next(), again);
    retention.round(now(again), &mut agenda).await;
    assert!(store.session(token).await.unwrap().is_none());
    assert_eq!(agenda.due(again), []);
    assert!(agenda.next() <= again + EVERY);
    let counted = "conclave_forgotten_total{kind=\"sessions\"} 1";
    assert!(metrics.text().contains(counted), "{}", metrics.text());
}

//! Waiting with an end: every test awaits events, and none waits for ever.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long anything may take that a test has no tighter bound for. Generous,
/// because two cores run everything at once; nothing waits it out on success.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks at something that announces nothing (a process, a file,
/// a counter behind HTTP).
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The future's output, or the test's end.
///
/// # Panics
/// When `limit` has passed, naming what was awaited.
pub async fn within<F: Future>(limit: Duration, what: impl Display, future: F) -> F::Output {
    match timeout(limit, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: not within {limit:?}"),
    }
}

/// Looks until there is something to see. For what sends no event; where an
/// event exists, await that.
///
/// # Panics
/// When `limit` has passed, naming what was awaited.
pub async fn eventually<T>(
    limit: Duration,
    what: impl Display,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Ok(Some(seen)) = tokio::time::timeout_at(end, look()).await {
            return seen;
        }
        assert!(Instant::now() < end, "{what}: not within {limit:?}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

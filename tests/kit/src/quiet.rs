//! One test at a time: calls with bounds in time do not share two cores.

use tokio::sync::{Mutex, MutexGuard};

static TURN: Mutex<()> = Mutex::const_new(());

/// This test's turn, until the guard is dropped. Of one test binary; cargo
/// runs one binary after the other.
pub async fn quiet() -> MutexGuard<'static, ()> {
    TURN.lock().await
}

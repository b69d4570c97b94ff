//! Which core a shard's thread runs on: one it stays on keeps its tables in
//! that core's caches.

use crate::config::Pinning;
use core_affinity::CoreId;

/// The cores for that many threads, in their order; none where they are not to
/// be pinned, or cannot.
pub(super) fn cores(pinning: Pinning, threads: usize) -> Vec<CoreId> {
    let cores = match pinning {
        Pinning::None => return Vec::new(),
        Pinning::Own => core_affinity::get_core_ids().unwrap_or_default(),
        Pinning::From(first) => (first..first + threads).map(|id| CoreId { id }).collect(),
    };
    let own = pinning == Pinning::Own;
    let cores = chosen(cores, threads, own);
    if cores.is_empty() && own && threads > 1 {
        tracing::info!(
            threads,
            "media threads are not pinned: fewer cores than threads"
        );
    }
    cores
}

/// The first cores, if there are enough; for one thread of its own, none.
fn chosen(mut cores: Vec<CoreId>, threads: usize, own: bool) -> Vec<CoreId> {
    if cores.len() < threads || (own && threads < 2) {
        return Vec::new();
    }
    cores.truncate(threads);
    cores
}

/// Keeps the calling thread on a core.
pub(super) fn pin(core: CoreId) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or_default();
    if core_affinity::set_for_current(core) {
        tracing::info!(thread = name, core = core.id, "a media thread is pinned");
    } else {
        tracing::warn!(
            thread = name,
            core = core.id,
            "a media thread cannot be pinned"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_get_a_core_each_or_none_at_all() {
        let cores = || (0..3).map(|id| CoreId { id }).collect();
        let chosen = |threads, own| -> Vec<_> {
            let chosen = super::chosen(cores(), threads, own);
            chosen.iter().map(|core: &CoreId| core.id).collect()
        };
        assert_eq!(chosen(2, true), [0, 1]);
        assert_eq!(chosen(3, true), [0, 1, 2]);
        assert_eq!(chosen(4, true), [0_usize; 0]);
        assert_eq!(chosen(1, true), [0_usize; 0], "it goes where it is quiet");
        assert_eq!(chosen(1, false), [0], "unless it was told where");
    }
}

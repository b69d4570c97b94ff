//! Whose turn it is to commit what any member may: the lowest present leaf
//! first, each next one a little later if nobody has by then
//! (`docs/protocol.md` section 3.2).

use super::Call;
use conclave_wire::id::ParticipantId;

/// How much longer each next member waits, milliseconds.
const STEP_MS: u64 = 400;

impl Call {
    /// How long after it is due we commit what any member may, milliseconds.
    pub(super) fn turn(&self) -> Option<u64> {
        let me = self.session.as_ref()?.participant();
        let position = self
            .members()
            .iter()
            .filter(|leaf| {
                let id = ParticipantId(leaf.participant.0);
                let present = self
                    .roster
                    .iter()
                    .any(|member| member.participant == id && member.present);
                let able = !self.departed.contains_key(&id) && !self.resync.is_proven(id);
                leaf.participant == me || (present && able)
            })
            .position(|leaf| leaf.participant == me)?;
        Some(position as u64 * STEP_MS)
    }

    /// When it is our turn to remove those who left.
    pub(super) fn removal_due(&self) -> Option<u64> {
        let since = self.departed.values().copied().min()?;
        let already = self
            .departed
            .keys()
            .all(|left| self.removing.contains(left));
        if already || !self.is_member() || self.resync.is_behind() {
            return None;
        }
        Some(since + self.turn()?)
    }
}

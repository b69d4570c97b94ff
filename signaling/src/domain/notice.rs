//! What is told whole at each change: the roster to members, the knocks to
//! those who may admit, and to those who wait whether somebody could let them
//! in. After every input [`Room::settle`] compares what is with what each
//! socket was told.

use super::effect::{Change, Effect, Millis, Now};
use super::room::Room;
use super::stay::{Place, Stay};
use conclave_wire::client::{KnockNotice, Member, ServerFrame};
use conclave_wire::control::Command;
use conclave_wire::id::ParticipantId;

/// The last roster and the last knocks, and how often each has changed.
#[derive(Debug, Default)]
pub(super) struct Notices {
    roster: Vec<Member>,
    roster_version: u64,
    knocks: Vec<ParticipantId>,
    knocks_version: u64,
}

impl Notices {
    /// Somebody's knock is another one now, under the same name.
    pub(super) fn knocks_changed(&mut self) {
        self.knocks_version += 1;
    }
}

impl Room {
    /// Activates the epochs whose time has come and tells everybody what has
    /// changed for them.
    pub(super) fn settle(&mut self, now: Now, out: &mut Vec<Effect>) {
        self.settle_epoch(now.timer, out);
        self.settle_roster(out);
        self.settle_knocks(now.timer, out);
        self.settle_resyncs(now.timer, out);
        self.settle_waiting(out);
        self.settle_lock(now.calendar, out);
        self.settle_room_lock(out);
        self.settle_media(out);
    }

    /// Tells hosts when the guests' link is locked and when it is open again.
    fn settle_lock(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let locked = self.is_a_link_locked(now);
        let to: Vec<_> = self
            .stays
            .values_mut()
            .filter(|stay| stay.host && stay.told.locked != locked)
            .filter_map(|stay| {
                let connection = stay.connection()?;
                stay.told.locked = locked;
                Some(connection)
            })
            .collect();
        if !to.is_empty() {
            out.push(Effect::Send {
                to,
                frame: ServerFrame::LinkLocked { locked },
            });
        }
    }

    /// Tells members when the room is locked and when it is open again.
    fn settle_room_lock(&mut self, out: &mut Vec<Effect>) {
        let locked = self.is_locked();
        let to: Vec<_> = self
            .stays
            .values_mut()
            .filter(|stay| stay.is_member() && stay.told.room_locked != locked)
            .filter_map(|stay| {
                let connection = stay.connection()?;
                stay.told.room_locked = locked;
                Some(connection)
            })
            .collect();
        if !to.is_empty() {
            out.push(Effect::Send {
                to,
                frame: ServerFrame::RoomLocked { locked },
            });
        }
    }

    /// Tells members which of their slots are paused and what is wanted of
    /// their sources.
    fn settle_media(&mut self, out: &mut Vec<Effect>) {
        for stay in self.stays.values_mut().filter(|stay| stay.is_member()) {
            let Some(connection) = stay.connection() else {
                continue;
            };
            let to = vec![connection];
            if stay.told.paused != stay.paused {
                stay.told.paused.clone_from(&stay.paused);
                let slots = stay.paused.clone();
                out.push(Effect::Send {
                    to: to.clone(),
                    frame: ServerFrame::Paused { slots },
                });
            }
            if stay.told.wanted != stay.wanted {
                stay.told.wanted.clone_from(&stay.wanted);
                let sources = stay.wanted.clone();
                out.push(Effect::Send {
                    to,
                    frame: ServerFrame::Wanted { sources },
                });
            }
        }
    }

    fn settle_epoch(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let present: Vec<ParticipantId> = self
            .stays
            .iter()
            .filter(|(_, stay)| stay.is_member() && stay.connection().is_some())
            // Who fell behind follows no epoch before the one that brings them back.
            .filter(|(_, stay)| stay.knocks_again().is_none())
            .map(|(participant, _)| *participant)
            .collect();
        let Some(call) = &mut self.call else { return };
        if let Some(epoch) = call.switch.poll(now, &present) {
            self.tell_activated(epoch, out);
        }
    }

    /// Makes senders use `epoch`, which the switch has activated.
    pub(super) fn tell_activated(&self, epoch: u32, out: &mut Vec<Effect>) {
        out.push(Effect::Store(Change::Activated { epoch }));
        out.push(Effect::Send {
            to: self
                .present_members()
                .filter_map(|(_, stay)| stay.connection())
                .collect(),
            frame: ServerFrame::Activate { epoch },
        });
        out.push(Effect::Media(Command::RequestKeyframes { room: self.id }));
    }

    fn settle_roster(&mut self, out: &mut Vec<Effect>) {
        let roster: Vec<Member> = self
            .stays
            .iter()
            .filter(|(_, stay)| stay.is_member())
            .map(|(participant, stay)| stay.member(*participant))
            .collect();
        if roster != self.notices.roster {
            self.notices.roster = roster;
            self.notices.roster_version += 1;
        }
        let version = Some(self.notices.roster_version);
        let to: Vec<_> = self
            .stays
            .values_mut()
            .filter(|stay| stay.is_member() && stay.told.roster != version)
            .filter_map(|stay| {
                let connection = stay.connection()?;
                stay.told.roster = version;
                Some(connection)
            })
            .collect();
        if !to.is_empty() {
            let members = self.notices.roster.clone();
            out.push(Effect::Send {
                to,
                frame: ServerFrame::Roster { members },
            });
        }
    }

    fn settle_knocks(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let mut waiting: Vec<ParticipantId> = self
            .stays
            .iter()
            .filter(|(_, stay)| stay.is_waiting())
            .map(|(participant, _)| *participant)
            .collect();
        waiting.sort_by_key(|participant| self.stays.get(participant).map(Stay::waiting_since));
        if waiting != self.notices.knocks {
            self.notices.knocks = waiting;
            self.notices.knocks_version += 1;
        }
        let version = Some(self.notices.knocks_version);
        let all_may_admit = self.all_may_admit();
        let (mut to, mut no_more) = (Vec::new(), Vec::new());
        for stay in self.stays.values_mut().filter(|stay| stay.is_member()) {
            let Some(connection) = stay.connection() else {
                continue;
            };
            if stay.host || all_may_admit {
                if stay.told.knocks != version {
                    stay.told.knocks = version;
                    to.push(connection);
                }
            } else if stay.told.knocks.take().is_some() {
                no_more.push(connection);
            }
        }
        if !to.is_empty() {
            let knocks = self.knocks(now);
            out.push(Effect::Send {
                to,
                frame: ServerFrame::Knocks { knocks },
            });
        }
        if !no_more.is_empty() {
            out.push(Effect::Send {
                to: no_more,
                frame: ServerFrame::Knocks { knocks: vec![] },
            });
        }
    }

    fn knocks(&self, now: Millis) -> Vec<KnockNotice> {
        let notice = |participant: &ParticipantId| {
            let stay = self.stays.get(participant)?;
            let Place::Waiting(knock) = &stay.place else {
                return None;
            };
            Some(KnockNotice {
                participant: *participant,
                key_package: knock.key_package.clone(),
                tag: knock.tag.clone(),
                waiting_seconds: u32::try_from(now.since(knock.since).as_secs())
                    .unwrap_or(u32::MAX),
                devices: stay.words.devices.clone(),
            })
        };
        self.notices.knocks.iter().filter_map(notice).collect()
    }

    fn settle_waiting(&mut self, out: &mut Vec<Effect>) {
        let (call_running, host_present) = (self.call.is_some(), self.host_present());
        let now = Some((call_running, host_present));
        let to: Vec<_> = self
            .stays
            .values_mut()
            .filter(|stay| stay.is_waiting() && stay.told.waiting != now)
            .filter_map(|stay| {
                let connection = stay.connection()?;
                stay.told.waiting = now;
                Some(connection)
            })
            .collect();
        if !to.is_empty() {
            out.push(Effect::Send {
                to,
                frame: ServerFrame::Waiting {
                    call_running,
                    host_present,
                },
            });
        }
    }
}

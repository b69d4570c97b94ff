//! Who is in how many rooms, and who sends to whom.

use std::fmt;
use std::str::FromStr;

/// Rooms of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How many rooms.
    pub(crate) rooms: usize,
    /// Who sends in each.
    pub(crate) publishers: usize,
    /// Who only receives in each; the publishers receive each other.
    pub(crate) viewers: usize,
}

impl Shape {
    pub(crate) fn participants(&self) -> usize {
        self.rooms * (self.publishers + self.viewers)
    }

    /// Streams that receivers get, all rooms together.
    pub(crate) fn subscriptions(&self) -> usize {
        let mutual = self.publishers * (self.publishers - 1);
        self.rooms * (mutual + self.publishers * self.viewers)
    }
}

impl FromStr for Shape {
    type Err = String;

    /// `1->100`, `10x10` (everybody sends and receives everybody else), or
    /// `200*2x2` (that many rooms).
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text}: a shape is 1->100, 10x10 or 200*2x2");
        let number = |text: &str| text.parse::<usize>().map_err(|_| wrong());
        let (rooms, room) = text.split_once('*').unwrap_or(("1", text));
        let rooms = number(rooms)?;
        let shape = if let Some((publishers, viewers)) = room.split_once("->") {
            Self {
                rooms,
                publishers: number(publishers)?,
                viewers: number(viewers)?,
            }
        } else {
            let (publishers, all) = room.split_once('x').ok_or_else(wrong)?;
            let publishers = number(publishers)?;
            let viewers = number(all)?.checked_sub(publishers).ok_or_else(wrong)?;
            Self {
                rooms,
                publishers,
                viewers,
            }
        };
        if shape.publishers == 0 || shape.subscriptions() == 0 {
            return Err(wrong());
        }
        Ok(shape)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rooms > 1 {
            write!(f, "{}*", self.rooms)?;
        }
        if self.publishers == 1 && self.viewers != 1 {
            return write!(f, "1->{}", self.viewers);
        }
        write!(f, "{}x{}", self.publishers, self.publishers + self.viewers)
    }
}

//! An invitation for calendars (iCalendar, RFC 5545). It holds the links, which
//! open the room, and not the password, which has to come another way.

use chrono::DateTime;
use conclave_client::link::Link;
use icalendar::{Calendar, Component as _, Event, EventLike as _, Property};
use jiff::Timestamp;
use zeroize::Zeroizing;

/// A slot and the link that opens in it.
pub(crate) struct Appointment {
    /// When it begins.
    pub(crate) from: Timestamp,
    /// When it is over.
    pub(crate) until: Timestamp,
    /// The guest's link.
    pub(crate) link: Link,
}

/// The text of the invitation: an event for each appointment.
///
/// # Errors
/// When a moment lies outside of the calendar's years.
pub(crate) fn invite(
    title: &str,
    appointments: &[Appointment],
) -> Result<Zeroizing<String>, &'static str> {
    let mut calendar = Calendar::new();
    calendar.append_property(Property::new("METHOD", "PUBLISH"));
    for Appointment { from, until, link } in appointments {
        let url = link.guest();
        let mut text = Zeroizing::new(url.to_string());
        if link.password {
            text.push_str(
                "\n\nThe password comes another way. / Das Passwort kommt auf anderem Weg.",
            );
        }
        let mut event = Event::new();
        if let Some(name) = link.name {
            event.uid(&format!("{name}@conclave"));
        }
        event
            .summary(title)
            .starts(utc(*from)?)
            .ends(utc(*until)?)
            .url(&url)
            .location(&url)
            .description(&text);
        calendar.push(event.done());
    }
    Ok(Zeroizing::new(calendar.done().to_string()))
}

fn utc(moment: Timestamp) -> Result<DateTime<chrono::Utc>, &'static str> {
    DateTime::from_timestamp(moment.as_second(), 0).ok_or("not in the calendar's years")
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclave_wire::id::LinkId;
    use icalendar::parser::{read_calendar, unfold};

    const ROOM: &str = "https://localhost:8443/r/AAAAAAAAAAAAAAAAAAAAAA#p.";

    fn appointment(from: &str, until: &str, name: u8) -> Appointment {
        let link = format!("{ROOM}{}", "A".repeat(43));
        Appointment {
            from: from.parse().expect("a time"),
            until: until.parse().expect("a time"),
            link: Link::parse(&link)
                .expect("a link")
                .named(LinkId([name; 16])),
        }
    }

    #[test]
    fn a_calendar_reads_an_event_for_each_link() {
        let weeks = [
            appointment("2026-11-24T09:00:00Z", "2026-11-24T09:30:00Z", 1),
            appointment("2026-12-01T09:00:00Z", "2026-12-01T09:30:00Z", 2),
        ];
        let title = "Sprechstunde, Dr. Weiß; bitte pünktlich";
        let text = invite(title, &weeks).expect("an invitation");
        for line in text.split("\r\n") {
            assert!(line.len() <= 75 && !line.contains('\n'), "{line}");
        }
        let unfolded = unfold(&text);
        let calendar: Calendar = read_calendar(&unfolded).expect("reads").into();
        assert_eq!(calendar.property_value("METHOD"), Some("PUBLISH"));
        let events: Vec<_> = calendar.events().collect();
        assert_eq!(events.len(), weeks.len());
        for (event, week) in events.iter().zip(&weeks) {
            assert_eq!(event.get_summary(), Some(title));
            let link = week.link.guest();
            assert_eq!(event.get_url(), Some(link.as_str()));
            let description = event.get_description().expect("a text");
            assert!(description.starts_with(link.as_str()));
            assert!(description.contains("Passwort"), "that there is one");
            let from = event.property_value("DTSTART").expect("begins");
            let printed = week.from.strftime("%Y%m%dT%H%M%SZ").to_string();
            assert_eq!(from, printed);
        }
        assert_ne!(events[0].get_uid(), events[1].get_uid());
    }

    /// What the page makes, as `web/src/desk/calendar.test.ts` compares it.
    #[test]
    fn the_file_of_the_page_is_read_by_the_same_parser() {
        let text = include_str!("../web/src/desk/invitation.ics");
        for line in text.split("\r\n") {
            assert!(line.len() <= 75 && !line.contains('\n'), "{line}");
        }
        let unfolded = unfold(text);
        let calendar: Calendar = read_calendar(&unfolded).expect("reads").into();
        assert_eq!(calendar.property_value("METHOD"), Some("PUBLISH"));
        let events: Vec<_> = calendar.events().collect();
        let slots = [
            ("20261123T093000Z", "20261123T100000Z", "Q"),
            ("20261130T093000Z", "20261130T100000Z", "g"),
        ];
        assert_eq!(events.len(), slots.len());
        for (event, (from, until, letter)) in events.iter().zip(slots) {
            let name = letter.repeat(22);
            assert_eq!(event.get_uid(), Some(format!("{name}@conclave").as_str()));
            assert_eq!(event.property_value("DTSTART"), Some(from));
            assert_eq!(event.property_value("DTEND"), Some(until));
            assert!(event.get_timestamp().is_some(), "when it was made");
            let title = "Sprechstunde, Dr. Weiß; bitte pünktlich \\ mit Künstlerinnen 🎻";
            assert_eq!(event.get_summary(), Some(title));
            let url = event.get_url().expect("the link");
            let link = Link::parse(url).expect("a link that opens");
            assert_eq!(link.name.map(|name| name.to_string()), Some(name));
            assert_eq!(event.get_location(), Some(url));
            let note = "Das Passwort kommt auf anderem Weg.\nBis dann";
            let description = event.get_description().expect("a text");
            assert_eq!(description, format!("{url}\n\n{note}"));
        }
    }
}

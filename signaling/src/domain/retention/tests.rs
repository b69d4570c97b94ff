use super::*;
use std::fmt::Write as _;

const NOW: Millis = Millis(1_000_000_000_000);

#[test]
fn the_documented_table_is_this_one() {
    let mut table =
        String::from("| what | it is over with | kept from then on | why |\n|---|---|---|---|");
    for rule in TABLE {
        let kept = match rule.kept {
            Kept::Not => "no longer".to_owned(),
            Kept::For(span) => format!("{} hours", span.as_secs() / 3600),
            Kept::Days {
                option,
                bounds,
                usual,
            } => format!(
                "{usual} days; `conclave serve {option}` {} to {}",
                bounds.start(),
                bounds.end()
            ),
        };
        let _ = write!(
            table,
            "\n| {} | {} | {kept} | {} |",
            rule.what, rule.over, rule.why
        );
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/privacy.md");
    let page = std::fs::read_to_string(path).unwrap();
    assert!(
        page.contains(&table),
        "docs/privacy.md has another table than:\n{table}"
    );
}

#[test]
fn each_kind_has_its_line_and_its_place() {
    assert_eq!(TABLE.map(|rule| rule.kind), Kind::ALL);
}

#[test]
fn a_period_outside_of_its_bounds_is_brought_within_them() {
    let usual = Periods::default();
    let links = |links| Periods { links, ..usual }.of(Kind::Links);
    let audit = |audit| Periods { audit, ..usual }.of(Kind::Audit);
    assert_eq!((audit(365), audit(1)), (DAY * 365, DAY * 90));
    assert_eq!(Periods::default().of(Kind::Links), DAY * 31);
    assert_eq!((links(90), links(91), links(0)), (DAY * 90, DAY * 90, DAY));
    assert_eq!(Periods::default().cut(Kind::Tries, NOW) + DAY, NOW);
    assert_eq!(Periods::default().cut(Kind::Sessions, NOW), NOW);
    assert_eq!(Periods::default().cut(Kind::Links, Millis(7)), Millis(0));
}

#[test]
fn every_job_runs_at_the_start_and_every_hour() {
    let mut agenda = Agenda::new(NOW);
    assert_eq!(agenda.due(NOW), Kind::ALL);
    for kind in Kind::ALL {
        agenda.ran(kind, NOW, true);
    }
    assert_eq!(agenda.next(), NOW + EVERY);
    assert_eq!(agenda.due(NOW + EVERY - Duration::from_millis(1)), []);
    assert_eq!(agenda.due(NOW + EVERY), Kind::ALL);
}

#[test]
fn a_job_that_fails_is_tried_again_ever_later_and_the_others_go_on() {
    let mut agenda = Agenda::new(NOW);
    let (mut tried, mut waits) = (NOW, Vec::new());
    let mut others = 0;
    while waits.len() < 8 {
        let now = agenda.next();
        for kind in agenda.due(now) {
            agenda.ran(kind, now, kind != Kind::Links);
            others += u32::from(kind != Kind::Links);
            if kind == Kind::Links {
                waits.push(now.since(tried).as_secs() / 60);
                tried = now;
            }
        }
    }
    assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 60]);
    assert_eq!(others, 7 * 3, "at the start and after each hour");
    agenda.ran(Kind::Links, tried, true);
    assert!(agenda.next() <= tried + EVERY);
}

impl std::ops::Sub<Duration> for Millis {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0 - u64::try_from(span.as_millis()).unwrap())
    }
}

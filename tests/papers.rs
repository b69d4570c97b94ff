//! The papers name tests as proof, labels of keys, what is stored, and what an
//! operator has to fill in: the tests exist, and nothing is left out.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paper = fs::read_to_string(root.join("docs/threat-model.md")).unwrap();
    let mut named = 0;
    for row in paper.lines().filter(|line| line.starts_with('|')) {
        let mut source = None;
        for (at, quoted) in row.split('`').enumerate() {
            if at % 2 == 0 {
                continue;
            }
            if [".rs", ".mjs", ".ts"]
                .iter()
                .any(|end| quoted.ends_with(end))
            {
                source = Some((quoted, fs::read_to_string(root.join(quoted)).unwrap()));
                continue;
            }
            let Some((file, text)) = &source else {
                panic!("`{quoted}` stands in no file: {row}");
            };
            let test = if file.ends_with(".rs") {
                format!("fn {quoted}(")
            } else {
                format!("test('{quoted}',")
            };
            assert!(text.contains(&test), "{file} has no test `{quoted}`");
            named += 1;
        }
    }
    assert!(named > 30, "only {named} tests are named");
}

#[test]
fn every_label_that_keys_are_derived_with_stands_in_the_key_schedule() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paper = fs::read_to_string(root.join("docs/cryptography.md")).unwrap();
    let schedule = paper.split("```").nth(1).unwrap();
    let mut labels = 0;
    let mut folders = vec![root.join("e2ee/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            let code = source.lines().filter(|line| !line.contains("//"));
            for quoted in code.flat_map(|line| line.split('"').skip(1).step_by(2)) {
                if quoted.starts_with("conclave 1 ") || quoted.starts_with("SFrame 1.0 ") {
                    let label = format!("\"{quoted}\"");
                    assert!(schedule.contains(&label), "{} has {label}", path.display());
                    labels += 1;
                }
            }
        }
    }
    assert!(labels >= 9, "only {labels} labels are found");
}

/// Tables and their columns.
type Columns = BTreeSet<(String, String)>;

#[test]
fn every_column_that_is_stored_is_in_the_privacy_page_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut schema = Columns::new();
    let mut migrations = files_of(&root.join("signaling/migrations"));
    migrations.sort();
    for migration in &migrations {
        let sql = fs::read_to_string(migration).unwrap();
        let code = sql.lines().map(|line| line.split("--").next().unwrap());
        for statement in code.collect::<Vec<_>>().join(" ").split(';') {
            migrate(&mut schema, statement);
        }
    }
    // What one database needs besides, it makes itself.
    for source in files_of(&root.join("signaling/src/store")) {
        let source = fs::read_to_string(source).unwrap();
        for quoted in source.split('"').skip(1).step_by(2) {
            if quoted.starts_with("CREATE TABLE IF") {
                migrate(&mut schema, quoted);
            }
        }
    }
    assert!(schema.len() > 30, "only {schema:?}");

    let paper = fs::read_to_string(root.join("docs/privacy.md")).unwrap();
    let section = paper
        .split("\n## ")
        .find(|it| it.starts_with("In the data"));
    let mut listed = Columns::new();
    for row in section.unwrap().lines().filter(|it| it.starts_with("| `")) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 6, "table, columns, what, until: {row}");
        assert!(!cells[3].is_empty() && !cells[4].is_empty(), "{row}");
        let table = cells[1].trim_matches('`');
        for column in cells[2].split('`').skip(1).step_by(2) {
            let new = listed.insert((table.into(), column.into()));
            assert!(new, "{table}.{column} is listed twice");
        }
    }
    let missing: Vec<_> = schema.difference(&listed).collect();
    assert!(missing.is_empty(), "not in docs/privacy.md: {missing:?}");
    let gone: Vec<_> = listed.difference(&schema).collect();
    assert!(gone.is_empty(), "in docs/privacy.md alone: {gone:?}");
}

/// Does to the columns what a statement does.
fn migrate(schema: &mut Columns, statement: &str) {
    let words: Vec<_> = statement.split_whitespace().collect();
    let name = |word: &str| word.trim_matches(['(', ')', ',', '"']).to_owned();
    match words[..] {
        [] | ["CREATE", "INDEX", ..] | ["CREATE", "UNIQUE", "INDEX", ..] => {}
        ["INSERT" | "UPDATE" | "DELETE", ..] => {}
        ["CREATE", "TABLE", "IF", "NOT", "EXISTS", table, ..] | ["CREATE", "TABLE", table, ..] => {
            let table = name(table.split('(').next().unwrap());
            let (_, body) = statement.split_once('(').unwrap();
            let mut depth = 0;
            let fields = body.split(|letter| {
                depth += i32::from(letter == '(') - i32::from(letter == ')');
                letter == ',' && depth == 0
            });
            for field in fields {
                let first = name(field.split_whitespace().next().unwrap());
                let is_rule = ["PRIMARY", "FOREIGN", "UNIQUE", "CHECK", "CONSTRAINT"];
                if !is_rule.contains(&first.as_str()) {
                    schema.insert((table.clone(), first));
                }
            }
        }
        ["ALTER", "TABLE", table, "ADD", "COLUMN", column, ..] => {
            schema.insert((name(table), name(column)));
        }
        ["ALTER", "TABLE", from, "RENAME", "TO", to] => {
            *schema = std::mem::take(schema)
                .into_iter()
                .map(|(table, column)| (if table == from { to.into() } else { table }, column))
                .collect();
        }
        ["DROP", "TABLE", table] => schema.retain(|(of, _)| of != table),
        _ => panic!("tests/papers.rs does not know what this stores: {statement}"),
    }
}

#[test]
fn every_test_that_privacy_and_legal_papers_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (paper, text) in for_customers() {
        let mut named = 0;
        for quoted in text.split('`').skip(1).step_by(2) {
            let Some((file, test)) = quoted.split_once("::") else {
                continue;
            };
            let source = fs::read_to_string(root.join(file));
            let source = source.unwrap_or_else(|_| panic!("{paper} names {file}"));
            let wanted = if file.ends_with(".rs") {
                format!("fn {test}(")
            } else {
                format!("test('{test}',")
            };
            assert!(source.contains(&wanted), "{paper}: {file} has no `{test}`");
            named += 1;
        }
        let least = match paper.as_str() {
            "anlage31b.de.md" => 40,
            "tom.de.md" | "tom.en.md" => 25,
            "dsfa.de.md" => 10,
            "privacy.md" => 6,
            _ => 0,
        };
        assert!(named >= least, "{paper} names only {named}");
    }
}

#[test]
fn papers_for_customers_link_to_what_is_there() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for (paper, text) in for_customers() {
        let folder = if paper == "privacy.md" {
            docs.clone()
        } else {
            docs.join("legal")
        };
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            let there = target.starts_with("https:") || folder.join(target).exists();
            assert!(there, "{paper} links to {target}");
        }
    }
}

/// What stands between brackets and is no link is to be filled in by whoever
/// uses the paper.
#[test]
fn every_placeholder_is_explained_and_every_explained_one_is_used() {
    let mut used = BTreeSet::new();
    let mut explained = BTreeSet::new();
    for (paper, text) in for_customers() {
        let found = if paper == "README.md" {
            &mut explained
        } else {
            &mut used
        };
        for open in text.split('[').skip(1) {
            let (inside, behind) = open.split_once(']').unwrap();
            if !behind.starts_with('(') {
                found.insert(inside.to_owned());
            }
        }
    }
    assert!(used.len() > 10, "only {used:?}");
    let difference: Vec<_> = used.symmetric_difference(&explained).collect();
    assert!(
        difference.is_empty(),
        "in README.md or used, not both: {difference:?}"
    );
}

/// Name and text of the privacy page and of all papers in docs/legal.
fn for_customers() -> Vec<(String, String)> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut papers = files_of(&docs.join("legal"));
    papers.push(docs.join("privacy.md"));
    let named = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    papers.into_iter().map(named).collect()
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

//! The papers name tests as proof, and labels of keys: the tests exist, and no
//! label is left out.

use std::fs;
use std::path::Path;

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

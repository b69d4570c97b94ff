//! The papers name tests as proof; the tests they name exist.

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

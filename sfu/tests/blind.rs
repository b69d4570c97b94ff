//! Blindness is visible in the dependency graph.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Command;

#[test]
fn the_dependency_graph_holds_neither_mls_nor_sframe() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "-p",
            "conclave-sfu",
            "-e",
            "normal",
            "--prefix",
            "none",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8(output.stdout).expect("text");
    assert!(
        tree.contains("aws-lc-rs"),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for forbidden in ["openmls", "sframe", "conclave-e2ee", "conclave-client"] {
        assert!(!tree.contains(forbidden), "{forbidden} in\n{tree}");
    }
}

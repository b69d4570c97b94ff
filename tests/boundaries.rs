//! The arrows between the crates: the media plane and the signaling service
//! cannot decrypt because nothing that could is in their dependency graphs.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .arg("--locked")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}

/// The names of all packages a package is built with, build scripts and
/// procedural macros included, tests not.
fn graph(package: &str) -> BTreeSet<String> {
    cargo(&[
        "tree",
        "--package",
        package,
        "--edges",
        "normal,build",
        "--target",
        "all",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ])
    .lines()
    .filter_map(|line| line.split(' ').next())
    .map(str::to_owned)
    .collect()
}

#[test]
fn the_blind_crates_hold_nothing_that_decrypts() {
    for package in ["conclave-sfu", "conclave-signaling", "conclave-wire"] {
        let graph = graph(package);
        assert!(graph.contains(package), "the graph of {package} is empty");
        for forbidden in [
            "openmls",
            "openmls_rust_crypto",
            "sframe",
            "conclave-e2ee",
            "conclave-client",
        ] {
            assert!(
                !graph.contains(forbidden),
                "{package} is built with {forbidden}"
            );
        }
    }
    // What is forbidden above is what the others have: the names are right.
    let e2ee = graph("conclave-e2ee");
    for present in ["openmls", "openmls_rust_crypto", "sframe"] {
        assert!(
            e2ee.contains(present),
            "conclave-e2ee is not built with {present}"
        );
    }
    assert!(graph("conclave-client").contains("conclave-e2ee"));
}

#[test]
fn the_native_participant_shares_no_transport_with_the_media_plane() {
    assert!(!graph("conclave-client").contains("conclave-sfu"));
    assert!(!graph("conclave-sfu").contains("webrtc"));
}

#[test]
fn the_crates_depend_on_each_other_along_the_arrows_only() {
    let metadata: serde_json::Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"]))
            .expect("JSON");
    let mut arrows = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let own: BTreeSet<&str> = package["dependencies"]
            .as_array()
            .expect("dependencies")
            .iter()
            .filter(|dependency| dependency["kind"] != "dev")
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|name| name.starts_with("conclave"))
            .collect();
        arrows.insert(package["name"].as_str().expect("a name"), own);
    }
    let allowed: &[(&str, &[&str])] = &[
        ("conclave-wire", &[]),
        ("conclave-e2ee", &[]),
        ("conclave-e2ee-wasm", &["conclave-e2ee"]),
        ("conclave-sfu", &["conclave-wire"]),
        ("conclave-signaling", &["conclave-wire"]),
        ("conclave-client", &["conclave-e2ee", "conclave-wire"]),
        (
            "conclave",
            &[
                "conclave-client",
                "conclave-sfu",
                "conclave-signaling",
                "conclave-wire",
            ],
        ),
        ("conclave-bench", &["conclave-sfu", "conclave-wire"]),
        ("conclave-bench-e2ee", &["conclave-e2ee"]),
        // Tests of all of them, and part of nothing.
        (
            "conclave-fuzz",
            &[
                "conclave-client",
                "conclave-e2ee",
                "conclave-sfu",
                "conclave-signaling",
                "conclave-wire",
            ],
        ),
        (
            "conclave-kit",
            &["conclave-client", "conclave-e2ee", "conclave-wire"],
        ),
    ];
    for (package, own) in &arrows {
        let may = allowed
            .iter()
            .find(|(name, _)| name == package)
            .map(|(_, may)| *may);
        let may = may.unwrap_or_else(|| panic!("{package} has no place in this test"));
        for dependency in own {
            assert!(
                may.contains(dependency),
                "{package} depends on {dependency}"
            );
        }
    }
    assert_eq!(arrows.len(), allowed.len(), "{:?}", arrows.keys());
}

//! Content security policies (CSP level 3), as far as to tell whether one is
//! in force.

use std::collections::{BTreeMap, BTreeSet};

/// Whether the policy is among those that a response's headers name. Several
/// are all in force at once, so that others beside it can only forbid more.
pub fn is_in_force<'a>(policy: &str, headers: impl Iterator<Item = &'a str>) -> bool {
    let wanted = directives(policy);
    wanted.is_some()
        && headers
            .flat_map(|header| header.split(','))
            .any(|served| directives(served) == wanted)
}

/// Each directive's sources, in no order; nothing if a directive stands twice,
/// which browsers and people may read differently.
fn directives(policy: &str) -> Option<BTreeMap<String, BTreeSet<&str>>> {
    let mut directives = BTreeMap::new();
    for directive in policy.split(';') {
        let mut words = directive.split_ascii_whitespace();
        let Some(name) = words.next() else { continue };
        if directives
            .insert(name.to_ascii_lowercase(), words.collect())
            .is_some()
        {
            return None;
        }
    }
    Some(directives)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'";

    #[test]
    fn order_and_space_do_not_matter_and_further_policies_do_no_harm() {
        for headers in [
            vec![POLICY],
            vec!["script-src  'wasm-unsafe-eval' 'self';;DEFAULT-SRC 'none';"],
            vec!["default-src *", POLICY],
            vec!["default-src *, default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"],
        ] {
            assert!(is_in_force(POLICY, headers.iter().copied()), "{headers:?}");
        }
    }

    #[test]
    fn another_policy_or_none_is_not_this_one() {
        for header in [
            "",
            "default-src 'none'",
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'unsafe-inline'",
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; script-src-elem *",
            "default-src 'none'; script-src *; script-src 'self' 'wasm-unsafe-eval'",
            "default-src 'none', script-src 'self' 'wasm-unsafe-eval'",
        ] {
            assert!(!is_in_force(POLICY, [header].into_iter()), "{header}");
        }
        assert!(!is_in_force(POLICY, [].into_iter()));
    }
}

//! What a page of HTML refers to. Only as much of HTML as it takes to name what
//! was added to a page whose hash has shown already that it is not the
//! release's.

/// Attributes that load or lead.
const REFERENCES: [&str; 4] = ["src", "href", "action", "data"];
/// What is said of a script that refers to nothing.
pub const INLINE_SCRIPT: &str = "(a script in the page)";

/// The values of all attributes that refer to something, in order, and
/// [`INLINE_SCRIPT`] for each script that stands in the page itself.
pub fn references(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        rest = after;
        if !after.starts_with(|first: char| first.is_ascii_alphabetic()) {
            continue;
        }
        let name_ends = after
            .find(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/')
            .unwrap_or(after.len());
        let (name, mut inside) = after.split_at(name_ends);
        let mut has_source = false;
        while let Some((attribute, behind)) = next_attribute(inside) {
            inside = behind;
            if REFERENCES.contains(&attribute.name.as_str()) {
                has_source |= attribute.name == "src";
                found.push(attribute.value.to_owned());
            }
        }
        if name.eq_ignore_ascii_case("script") && !has_source {
            found.push(INLINE_SCRIPT.to_owned());
        }
        rest = inside;
    }
    found
}

struct Attribute<'a> {
    /// In lower case.
    name: String,
    /// Without its quotes.
    value: &'a str,
}

/// The first attribute of what stands in a tag, and what comes behind it;
/// nothing at the tag's end.
fn next_attribute(inside: &str) -> Option<(Attribute<'_>, &str)> {
    let inside = inside.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
    if inside.is_empty() || inside.starts_with('>') {
        return None;
    }
    // A name is never empty, not even one that begins with a stray `=`.
    let first = inside.chars().next().map_or(0, char::len_utf8);
    let ends = inside[first..]
        .find(|c: char| c.is_ascii_whitespace() || "=>/".contains(c))
        .map_or(inside.len(), |at| at + first);
    let (name, rest) = inside.split_at(ends);
    let name = name.to_ascii_lowercase();
    let trimmed = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let Some(value) = trimmed.strip_prefix('=') else {
        return Some((Attribute { name, value: "" }, rest));
    };
    let value = value.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let quote = value.chars().next().filter(|c| "\"'".contains(*c));
    let (value, rest) = match quote {
        Some(quote) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
        None => value.split_at(
            value
                .find(|c: char| c.is_ascii_whitespace() || c == '>')
                .unwrap_or(value.len()),
        ),
    };
    Some((Attribute { name, value }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_an_attribute_is_read() {
        let page = r#"<!doctype html><html lang="en"><!-- x --><link rel=icon href='/a.svg'/>
            <script type="module" crossorigin SRC = "/b.js"></script><a href=/c>1 < 2 src="no"</a>
            <img alt="a>b" src="/d"><iframe data-src="no" src></iframe><form action="https://e/">"#;
        assert_eq!(
            references(page),
            ["/a.svg", "/b.js", "/c", "/d", "", "https://e/"]
        );
    }

    #[test]
    fn a_script_of_the_page_itself_is_named() {
        assert_eq!(references("<SCRIPT>x</SCRIPT>"), [INLINE_SCRIPT]);
        assert_eq!(references("<script\nasync>x"), [INLINE_SCRIPT]);
    }

    #[test]
    fn what_breaks_off_is_read_as_far_as_it_goes() {
        for page in [
            "<",
            "<a",
            "<a ",
            "<a href",
            "<a =",
            "<a href=",
            "<a href=\"x",
            "<a ä=ö",
        ] {
            let _ = references(page);
        }
        assert_eq!(references("<a href=\"x"), ["x"]);
    }
}

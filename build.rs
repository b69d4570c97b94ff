//! Embeds the browser client: every file of `web/dist`, with the brotli copy
//! that the web build puts beside it, becomes a table the server answers from.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let dist = root.join("web/dist");
    println!("cargo:rerun-if-changed=web/dist");
    if !dist.join("index.html").is_file() {
        return Err(io::Error::other(
            "web/dist is missing: build the browser client first, with `make web`",
        ));
    }
    let mut files = Vec::new();
    collect(&dist, &mut files)?;
    files.sort();

    let mut table = String::from("static FILES: &[File] = &[\n");
    for file in &files {
        let path = file
            .strip_prefix(&dist)
            .map_err(io::Error::other)?
            .display()
            .to_string();
        let brotli = PathBuf::from(format!("{}.br", file.display()));
        let brotli = if brotli.is_file() {
            format!("Some(include_bytes!({brotli:?}))")
        } else {
            "None".into()
        };
        writeln!(
            table,
            "    File {{ path: {path:?}, bytes: include_bytes!({file:?}), brotli: {brotli} }},"
        )
        .map_err(io::Error::other)?;
    }
    table.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("assets.rs"), table)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        println!("cargo:rerun-if-changed={}", path.display());
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_none_or(|extension| extension != "br") {
            files.push(path);
        }
    }
    Ok(())
}

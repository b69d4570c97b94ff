//! The libraries of Debian that the worker was built with. Behind everything
//! else on the linker's command line, as the worker needs them.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let libraries = [
        "uv",
        "usrsctp",
        "ssl",
        "crypto",
        "absl_raw_hash_set",
        "absl_hashtablez_sampler",
        "absl_hash",
        "absl_city",
        "absl_low_level_hash",
        "absl_strings",
        "absl_throw_delegate",
        "absl_bad_optional_access",
        "absl_raw_logging_internal",
    ];
    for library in libraries {
        println!("cargo:rustc-link-arg-bins=-l{library}");
    }
}

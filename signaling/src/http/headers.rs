//! The headers every answer carries.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// The policy of every answer. Only what the service itself serves runs, loads
/// or is spoken to; nobody frames it. WebAssembly is the client's MLS and
/// SFrame core. Where browsers know Trusted Types, no string becomes markup or
/// names a script: the two policies are Svelte's for its templates, and the
/// page's for the address of its one worker. Others ignore both directives.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
     style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: mediastream:; \
     connect-src 'self'; worker-src 'self'; font-src 'self'; manifest-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types svelte-trusted-html conclave-worker";

const SECURITY: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(self), display-capture=(self)",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Two years; not with a self-made certificate, which a browser could then no
/// longer be told to accept.
const STRICT_TRANSPORT: &str = "max-age=63072000";

/// Adds them.
pub(super) fn secure(headers: &mut HeaderMap, strict_transport: bool) {
    for (name, value) in SECURITY {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if strict_transport {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static(STRICT_TRANSPORT),
        );
    }
}

//! Base addresses of providers: which text is one, and which may carry a key.
//!
//! Does not know: whether anybody answers there.

/// Whether a request could go to this address: `http://` or `https://`, a host, and no more than a
/// path, so that no key is in it.
#[must_use]
pub fn is_address(address: &str) -> bool {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let host = rest.split('/').next().unwrap_or_default();
        !host.is_empty()
            && !rest.contains(['@', '?', '#'])
            && rest.bytes().all(|byte| byte.is_ascii_graphic())
    })
}

/// Whether an address is on this machine.
#[must_use]
pub fn is_loopback(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

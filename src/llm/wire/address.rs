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

/// A text in which an address that may carry a key, in a user, a query or a fragment, is not shown.
#[must_use]
pub fn hidden(text: &str) -> String {
    match text.split_once("://") {
        Some((before, rest)) if rest.contains(['@', '?', '#']) => format!("{before}://[hidden]"),
        _ => text.to_owned(),
    }
}

/// Whether an address is on this machine.
#[must_use]
pub fn is_loopback(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    // Before an `@` stands a user: `http://localhost:80@elsewhere` goes elsewhere.
    if authority.contains('@') {
        return false;
    }
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_host_of_this_machine_is_loopback() {
        for address in [
            "http://localhost",
            "http://localhost:80/v1",
            "https://127.0.0.1:1",
            "http://[::1]:9/x",
            "127.8.9.1",
        ] {
            assert!(is_loopback(address), "{address}");
        }
        for address in [
            "http://localhost:80@elsewhere.example",
            "http://127.0.0.1@elsewhere.example/",
            "http://elsewhere.example?localhost",
            "http://elsewhere.example#@localhost",
            "http://elsewhere.example\\@localhost",
            "http://localhost.elsewhere.example",
        ] {
            assert!(!is_loopback(address), "{address}");
        }
    }
}

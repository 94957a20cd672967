//! Which requests may come in: those that address this machine by a loopback name, and no web page
//! of another origin.
//!
//! A browser sends a page's requests to wherever the page's host name points. Without this check a
//! page could rebind its name to loopback and read the transcript or the SDK key, or post a form to
//! the control pages.
//!
//! Does not know: what any path answers.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use axum::http::{HeaderMap, Method, Request};
use axum::response::Response;

use crate::serve::http::{refusal, text};

/// The control pages.
const CONTROL: &str = "/_simlab/";
/// The tools: the protocol demands that they check where a page comes from.
const TOOLS: &str = "/mcp/";
/// A header that no form can send: it allows a POST to the control pages without a JSON body.
const OWN_HEADER: &str = "x-simlab";

/// The host names that are answered, besides those of loopback.
#[derive(Clone, Debug, Default)]
pub struct HostGuard {
    allowed: Arc<[String]>,
    /// Whether every path is a page of simlab's own.
    pages: bool,
    /// Whether every address as a number is this machine: a name can be made to point anywhere, a
    /// number cannot.
    numbers: bool,
}

impl HostGuard {
    /// Answers these names, too. Case does not matter.
    #[must_use]
    pub fn new(names: &[String]) -> Self {
        let allowed = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { allowed, pages: false, numbers: false }
    }

    /// For pages of simlab's own that nobody else's page may use: a link may lead to them, and
    /// nothing else.
    #[must_use]
    pub fn of_pages() -> Self {
        Self { pages: true, ..Self::default() }
    }

    /// For pages of simlab's own that others on the network open, too: by the machine's address, or by
    /// one of these names.
    #[must_use]
    pub fn of_network_pages(names: &[String]) -> Self {
        Self { pages: true, numbers: true, ..Self::new(names) }
    }

    /// Why a request is not let in, as an answer; `None` lets it in.
    #[must_use]
    pub fn refuse<B>(&self, request: &Request<B>) -> Option<Response> {
        let headers = request.headers();
        let host = headers.get("host").map(|host| host.to_str().unwrap_or("?"));
        // A proxy's client writes the host into the address.
        if let Some(host) =
            request.uri().authority().map(axum::http::uri::Authority::as_str).or(host)
            && !self.is_known(host)
        {
            let advice = match (self.pages, self.numbers) {
                (true, false) => "",
                (true, true) => "; start `simlab play` with `--allow-host` to answer it",
                (false, _) => "; start `simlab serve` with `--allow-host` to answer it",
            };
            let message = format!("the host `{}` is not this machine{advice}", shown(host));
            return Some(refusal(403, "forbidden", &message));
        }
        if self.pages && is_foreign(headers) {
            let message = "a page of another origin may not use this one";
            return Some(refusal(403, "forbidden", message));
        }
        let path = request.uri().path();
        if self.pages || path.starts_with(CONTROL) {
            let what = if self.pages { "this one" } else { "simlab's control pages" };
            self.refuse_foreign(headers, what).or_else(|| refuse_form(request.method(), headers))
        } else if path.starts_with(TOOLS) {
            self.refuse_foreign(headers, "the tools")
        } else {
            None
        }
    }

    /// Refuses a page that does not come from this machine.
    fn refuse_foreign(&self, headers: &HeaderMap, what: &str) -> Option<Response> {
        let own = text(headers, "host").filter(|_| self.numbers);
        let foreign = |origin: &str| {
            let host = origin.split_once("://").map(|(_, host)| host);
            // Where any address as a number is known, only the page's own will do.
            host.is_none_or(|host| !self.is_known(host) || own.is_some_and(|own| own != host))
        };
        let origin = headers.get("origin")?;
        origin.to_str().map_or(true, foreign).then(|| {
            refusal(403, "forbidden", &format!("a page of another origin may not use {what}"))
        })
    }

    /// Whether `host`, with or without a port, is a loopback name or an allowed one.
    fn is_known(&self, host: &str) -> bool {
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.rsplit_once(':').map_or(host, |(name, _)| name),
        };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        name == "localhost"
            || name.ends_with(".localhost")
            || name.parse::<Ipv4Addr>().is_ok_and(|own| self.numbers || own.is_loopback())
            || name.parse::<Ipv6Addr>().is_ok_and(|own| self.numbers || own.is_loopback())
            || self.allowed.contains(&name)
    }
}

/// Whether a browser says that a page of another origin asks, other than by a link.
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = text(headers, "sec-fetch-site").unwrap_or("none");
    !["same-origin", "none"].contains(&site) && text(headers, "sec-fetch-mode") != Some("navigate")
}

/// Refuses a POST that a form could have sent.
fn refuse_form(method: &Method, headers: &HeaderMap) -> Option<Response> {
    let is_json = text(headers, "content-type")
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"));
    let refused = *method == Method::POST && !is_json && !headers.contains_key(OWN_HEADER);
    refused.then(|| {
        let message = "a POST to this page needs the header `content-type: application/json` or `x-simlab: 1`";
        refusal(415, "unsupported_media_type", message)
    })
}

/// A host as a message can show it.
fn shown(host: &str) -> String {
    host.chars().filter(|c| c.is_ascii_graphic()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(guard: &HostGuard, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
        let builder = headers
            .iter()
            .fold(Request::builder().method(method).uri(path), |all, (name, value)| {
                all.header(*name, *value)
            });
        guard.refuse(&builder.body(()).unwrap()).map_or(200, |response| response.status().as_u16())
    }

    #[test]
    fn loopback_names_are_answered_and_others_are_not() {
        let guard = HostGuard::new(&["Host.Docker.Internal".to_owned()]);
        for host in [
            "localhost",
            "LOCALHOST:80",
            "a.localhost:1",
            "127.0.0.1",
            "127.8.0.1:8765",
            "[::1]:8765",
            "localhost.",
            "host.docker.internal:9",
        ] {
            assert_eq!(status(&guard, "GET", "/all", &[("host", host)]), 200, "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8765",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "10.0.0.1",
            "[::2]",
            "",
            "notlocalhost",
        ] {
            assert_eq!(status(&guard, "GET", "/all", &[("host", host)]), 403, "{host}");
        }
        assert_eq!(status(&guard, "GET", "/all", &[]), 200, "HTTP/1.0 has no host");
        assert_eq!(status(&guard, "GET", "http://evil.example/all", &[("host", "localhost")]), 403);
    }

    #[test]
    fn a_page_of_another_origin_may_link_to_a_page_and_nothing_else() {
        let guard = HostGuard::of_pages();
        let host = ("host", "127.0.0.1:8765");
        let fetch = |site, mode| [host, ("sec-fetch-site", site), ("sec-fetch-mode", mode)];
        for (site, mode, wanted) in [
            ("same-origin", "cors", 200),
            ("none", "navigate", 200),
            ("cross-site", "navigate", 200),
            ("cross-site", "no-cors", 403),
            ("same-site", "cors", 403),
        ] {
            assert_eq!(status(&guard, "GET", "/part", &fetch(site, mode)), wanted, "{site} {mode}");
        }
        assert_eq!(status(&guard, "GET", "/", &[host, ("origin", "https://evil.example")]), 403);
        assert_eq!(status(&guard, "GET", "/", &[("host", "evil.example")]), 403);
        assert_eq!(status(&guard, "GET", "/", &[host]), 200);
    }

    #[test]
    fn pages_for_the_network_are_asked_by_number_or_by_an_allowed_name() {
        let guard = HostGuard::of_network_pages(&["teacher.local".to_owned()]);
        for (host, wanted) in [
            ("192.168.1.20:8080", 200),
            ("[fe80::1]:8080", 200),
            ("localhost:8080", 200),
            ("Teacher.local:8080", 200),
            ("evil.example", 403),
            ("192.168.1.20.evil.example", 403),
        ] {
            assert_eq!(status(&guard, "GET", "/", &[("host", host)]), wanted, "{host}");
        }
        let host = ("host", "192.168.1.20:8080");
        let json = ("content-type", "application/json");
        for (origin, wanted) in [
            ("http://192.168.1.20:8080", 200),
            ("http://192.168.1.66:8080", 403),
            ("http://192.168.1.20:9090", 403),
            ("http://localhost:8080", 403),
            ("null", 403),
        ] {
            let headers = [host, json, ("origin", origin)];
            assert_eq!(status(&guard, "POST", "/teacher/reveal", &headers), wanted, "{origin}");
        }
    }

    #[test]
    fn a_page_of_another_origin_cannot_use_the_control_pages() {
        let guard = HostGuard::default();
        let host = ("host", "127.0.0.1:8765");
        let json = ("content-type", "application/json; charset=utf-8");
        for origin in ["https://evil.example", "null", "http://localhost.evil.example"] {
            assert_eq!(
                status(&guard, "GET", "/_simlab/transcript", &[host, ("origin", origin)]),
                403,
                "{origin}"
            );
            assert_eq!(
                status(&guard, "POST", "/_simlab/reset", &[host, json, ("origin", origin)]),
                403,
                "{origin}"
            );
        }
        assert_eq!(
            status(
                &guard,
                "POST",
                "/_simlab/reset",
                &[host, json, ("origin", "http://localhost:3000")]
            ),
            200
        );
        for form in
            ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
        {
            assert_eq!(
                status(&guard, "POST", "/_simlab/reset", &[host, ("content-type", form)]),
                415,
                "{form}"
            );
        }
        assert_eq!(status(&guard, "POST", "/_simlab/reset", &[host]), 415);
        assert_eq!(status(&guard, "POST", "/_simlab/reset", &[host, ("x-simlab", "1")]), 200);
        for (origin, told) in [("https://evil.example", 403), ("http://localhost:6274", 200)] {
            assert_eq!(status(&guard, "POST", "/mcp/arxiv", &[host, ("origin", origin)]), told);
        }
        assert_eq!(
            status(&guard, "POST", "/v1/messages", &[host, ("origin", "https://app.example")]),
            200,
            "an app's own calls"
        );
    }
}

//! The remote paper searches, for real: arXiv and Semantic Scholar, within their limits.
//!
//! Guarantees: one request at a time to each, as far apart as it asks for; a refusal (429, 503) is
//! tried again a few times and then told to the model as a failed search, as the tutorial's tools
//! do. Everything that is waited for is part of the latency.
//!
//! Sources: the arXiv API User's Manual and its Terms of Use ("no more than one request every three
//! seconds"); the Semantic Scholar Academic Graph API (`paper/search`; one request a second).
//!
//! Does not know: what is made of the papers.

use reqwest::StatusCode;
use tokio::sync::Mutex;

use crate::time::{Duration, Stopwatch};

/// Tries of one search.
const ATTEMPTS: u16 = 4;
/// Characters of an abstract that are handed on.
const ABSTRACT_CHARACTERS: usize = 600;
/// Longest answer, in bytes.
const MAX_BYTES: usize = 4 << 20;
/// Longest time of one try.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// A paper search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchService {
    /// arXiv.
    Arxiv,
    /// Semantic Scholar.
    SemanticScholar,
}

impl SearchService {
    /// Which one a tool stands for, by its key.
    #[must_use]
    pub fn of(tool: &str) -> Option<Self> {
        match tool {
            "arxiv_search" => Some(Self::Arxiv),
            "semantic_scholar" => Some(Self::SemanticScholar),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Arxiv => "arXiv",
            Self::SemanticScholar => "Semantic Scholar",
        }
    }

    /// Time between two requests.
    fn interval(self) -> Duration {
        Duration::from_us(match self {
            Self::Arxiv => 3_000_000,
            Self::SemanticScholar => 1_000_000,
        })
    }
}

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchOutcome {
    /// The papers, or why there are none.
    pub text: String,
    /// How long it took, all waiting included.
    pub latency: Duration,
    /// How often it was refused.
    pub refusals: u16,
    /// Whether it gave up.
    pub failed: bool,
}

#[derive(Debug)]
struct Desk {
    address: String,
    interval: Duration,
    /// When the last request went out.
    last: Mutex<Option<Stopwatch>>,
}

/// The searches of a run.
#[derive(Debug)]
pub struct PaperSearch {
    client: reqwest::Client,
    arxiv: Desk,
    scholar: Desk,
}

#[derive(Debug, PartialEq, Eq)]
struct Paper {
    title: String,
    year: String,
    words: String,
}

impl PaperSearch {
    /// The searches at their own addresses, or at those that `variable` names (`ARXIV_BASE_URL`,
    /// `SEMANTIC_SCHOLAR_BASE_URL`).
    ///
    /// # Errors
    /// When no HTTP client can be made here.
    pub fn new(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        super::tls::prepare();
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .user_agent(concat!("simlab/", env!("CARGO_PKG_VERSION")))
            .build();
        let client = client.map_err(|error| format!("no HTTP client can be made here: {error}"))?;
        let desk = |name: &str, usual: &str, source: SearchService| {
            let own = variable(name).filter(|address| !address.trim().is_empty());
            // A stand-in has no limit of its own to be kept.
            let interval = if own.is_some() { Duration::ZERO } else { source.interval() };
            let address = own.as_deref().unwrap_or(usual).trim_end_matches('/').to_owned();
            Desk { address, interval, last: Mutex::new(None) }
        };
        Ok(Self {
            client,
            arxiv: desk("ARXIV_BASE_URL", "https://export.arxiv.org", SearchService::Arxiv),
            scholar: desk(
                "SEMANTIC_SCHOLAR_BASE_URL",
                "https://api.semanticscholar.org",
                SearchService::SemanticScholar,
            ),
        })
    }

    /// Searches for `most` papers.
    pub async fn search(&self, source: SearchService, query: &str, most: u32) -> SearchOutcome {
        let watch = Stopwatch::start();
        let desk = match source {
            SearchService::Arxiv => &self.arxiv,
            SearchService::SemanticScholar => &self.scholar,
        };
        let mut refusals = 0;
        loop {
            let tried = self.once(desk, source, query, most).await;
            let (reason, wait) = match tried {
                Ok(papers) => {
                    return SearchOutcome {
                        text: listed(source, &papers),
                        latency: watch.elapsed(),
                        refusals,
                        failed: false,
                    };
                }
                Err(refused) => refused,
            };
            let Some(wait) = wait.filter(|_| refusals + 1 < ATTEMPTS) else {
                return SearchOutcome {
                    text: format!("Search error: {reason}, no results."),
                    latency: watch.elapsed(),
                    refusals,
                    failed: true,
                };
            };
            refusals += 1;
            tokio::time::sleep(std::time::Duration::from_micros(wait.us()) * u32::from(refusals))
                .await;
        }
    }

    /// One try; an error says why, and how long to wait where trying again may help.
    async fn once(
        &self,
        desk: &Desk,
        source: SearchService,
        query: &str,
        most: u32,
    ) -> Result<Vec<Paper>, (String, Option<Duration>)> {
        let again = Some(desk.interval);
        let most = most.clamp(1, 20).to_string();
        let request = match source {
            SearchService::Arxiv => {
                let words: Vec<String> = query
                    .split_whitespace()
                    .take(12)
                    .map(|word| format!("all:{}", plain(word)))
                    .collect();
                let asked = [("search_query", words.join(" AND ")), ("max_results", most)];
                self.client.get(address(&desk.address, "/api/query", &asked))
            }
            SearchService::SemanticScholar => {
                let asked = [
                    ("query", query.to_owned()),
                    ("limit", most),
                    ("fields", "title,year,abstract".to_owned()),
                ];
                self.client.get(address(&desk.address, "/graph/v1/paper/search", &asked))
            }
        };
        let mut answer = {
            let mut last = desk.last.lock().await;
            if let Some(last) = *last {
                let gone = last.elapsed();
                if gone < desk.interval {
                    tokio::time::sleep(std::time::Duration::from_micros(
                        desk.interval.us() - gone.us(),
                    ))
                    .await;
                }
            }
            *last = Some(Stopwatch::start());
            request
                .send()
                .await
                .map_err(|_| (format!("{} cannot be reached", source.name()), again))?
        };
        let status = answer.status();
        if !status.is_success() {
            let asked = answer
                .headers()
                .get("retry-after")
                .and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
            let wait = asked.map_or(desk.interval, |seconds: f64| {
                Duration::from_seconds(seconds.clamp(0.0, 30.0))
            });
            let passing = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
            return Err((
                format!("{} answered HTTP {}", source.name(), status.as_u16()),
                passing.then_some(wait),
            ));
        }
        let mut body = Vec::new();
        while let Some(part) =
            answer.chunk().await.map_err(|_| (format!("{} broke off", source.name()), again))?
        {
            if body.len() + part.len() > MAX_BYTES {
                return Err((format!("{} sent too much", source.name()), None));
            }
            body.extend_from_slice(&part);
        }
        let unreadable = || (format!("{} sent something else than papers", source.name()), None);
        let text = std::str::from_utf8(&body).map_err(|_| unreadable())?;
        match source {
            SearchService::Arxiv => atom(text).ok_or_else(unreadable),
            SearchService::SemanticScholar => graph(text).ok_or_else(unreadable),
        }
    }
}

/// An address with its query.
fn address(base: &str, path: &str, query: &[(&str, String)]) -> String {
    let query: Vec<String> =
        query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    format!("{base}{path}?{}", query.join("&"))
}

/// Percent-encoded, all but the unreserved characters of RFC 3986.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(byte).collect()
}

/// A word without what means something in arXiv's query language.
fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
}

/// White space as single spaces, and no more than so many characters.
fn squeezed(text: &str, most: usize) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(most).collect()
}

/// The entries of an Atom feed.
fn atom(text: &str) -> Option<Vec<Paper>> {
    let feed = roxmltree::Document::parse(text).ok()?;
    let entries = feed.root_element().children().filter(|node| node.tag_name().name() == "entry");
    let field = |entry: roxmltree::Node<'_, '_>, name: &str| {
        entry
            .children()
            .find(|node| node.tag_name().name() == name)
            .and_then(|node| node.text())
            .unwrap_or_default()
            .to_owned()
    };
    let paper = |entry| Paper {
        title: squeezed(&field(entry, "title"), 300),
        year: field(entry, "published").chars().take(4).collect(),
        words: squeezed(&field(entry, "summary"), ABSTRACT_CHARACTERS),
    };
    Some(entries.map(paper).collect())
}

/// The papers of a search in the academic graph.
fn graph(text: &str) -> Option<Vec<Paper>> {
    let answer: serde_json::Value = serde_json::from_str(text).ok()?;
    // No match at all: there is a total, and no data.
    let papers = match answer.get("data") {
        Some(data) => data.as_array()?.clone(),
        None => answer.get("total").map(|_| Vec::new())?,
    };
    let words =
        |value: &serde_json::Value, most| squeezed(value.as_str().unwrap_or_default(), most);
    let paper = |paper: &serde_json::Value| Paper {
        title: words(&paper["title"], 300),
        year: paper["year"].as_u64().map(|year| year.to_string()).unwrap_or_default(),
        words: words(&paper["abstract"], ABSTRACT_CHARACTERS),
    };
    Some(papers.iter().map(paper).collect())
}

/// Papers as a model reads them.
fn listed(source: SearchService, papers: &[Paper]) -> String {
    if papers.is_empty() {
        return format!("{}: no results.", source.name());
    }
    let one = |(nth, Paper { title, year, words }): (usize, &Paper)| {
        let year = if year.is_empty() { String::new() } else { format!(" ({year})") };
        format!(
            "[{}] {title}{year}\n{}",
            nth + 1,
            if words.is_empty() { "no abstract" } else { words }
        )
    };
    format!(
        "{} results:\n\n{}",
        source.name(),
        papers.iter().enumerate().map(one).collect::<Vec<_>>().join("\n\n")
    )
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{method, path, query_param};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    const FEED: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>ArXiv Query</title>
<entry><id>http://arxiv.org/abs/1</id><published>2013-12-19T16:00:00Z</published><title>Playing Atari
  with Deep &amp; Wide</title><summary> We present
 a model. </summary><author><name>A</name></author></entry></feed>"#;

    async fn papers(server: &MockServer) -> PaperSearch {
        let address = server.uri();
        PaperSearch::new(|_| Some(address.clone())).unwrap()
    }

    #[tokio::test]
    async fn each_source_is_asked_and_read_in_its_own_way() {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .and(path("/api/query"))
            .and(query_param("search_query", "all:q-learning AND all:limits"))
            .and(query_param("max_results", "5"))
            .respond_with(ResponseTemplate::new(200).set_body_string(FEED))
            .mount(&server)
            .await;
        let body = r#"{"total": 1, "data": [{"paperId": "x", "title": "T", "year": 2015, "abstract": null}]}"#;
        Mock::given(path("/graph/v1/paper/search"))
            .and(query_param("query", "a & b"))
            .respond_with(ResponseTemplate::new(200).set_body_string(body))
            .mount(&server)
            .await;
        let papers = papers(&server).await;
        let found = papers.search(SearchService::Arxiv, "q-learning: \"limits\"", 5).await;
        assert_eq!(
            found.text,
            "arXiv results:\n\n[1] Playing Atari with Deep & Wide (2013)\nWe present a model."
        );
        let found = papers.search(SearchService::SemanticScholar, "a & b", 5).await;
        assert_eq!(
            (found.text.as_str(), found.failed),
            ("Semantic Scholar results:\n\n[1] T (2015)\nno abstract", false)
        );
    }

    #[tokio::test]
    async fn a_refusal_is_tried_again_and_a_lasting_one_is_told() {
        let server = MockServer::start().await;
        let refusal = ResponseTemplate::new(429).insert_header("retry-after", "0");
        Mock::given(path("/graph/v1/paper/search"))
            .respond_with(refusal.clone())
            .up_to_n_times(2)
            .mount(&server)
            .await;
        Mock::given(path("/graph/v1/paper/search"))
            .respond_with(ResponseTemplate::new(200).set_body_string(r#"{"total": 0}"#))
            .mount(&server)
            .await;
        Mock::given(path("/api/query")).respond_with(refusal).mount(&server).await;
        let papers = papers(&server).await;
        let found = papers.search(SearchService::SemanticScholar, "x", 5).await;
        assert_eq!(
            (found.text.as_str(), found.refusals, found.failed),
            ("Semantic Scholar: no results.", 2, false)
        );
        let found = papers.search(SearchService::Arxiv, "x", 5).await;
        assert_eq!(
            (found.text.as_str(), found.refusals, found.failed),
            ("Search error: arXiv answered HTTP 429, no results.", 3, true)
        );
    }

    #[test]
    fn anything_else_is_no_list_of_papers() {
        for text in ["", "<html>", "{}", "[]", "{\"data\": 5}", "<a/>"] {
            assert!(graph(text).is_none(), "{text}");
            assert!(atom(text).is_none_or(|papers| papers.is_empty()), "{text}");
        }
    }
}

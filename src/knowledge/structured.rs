//! Structured outputs of the supervisor and the security agent as JSON text, counted from tables.
//!
//! The layout is that of Python's `json.dumps`. Every string in it is free of characters that JSON
//! escapes, as long as the question is one of ours.
//!
//! Guarantees: the size is that of the rendering; the rendering is the JSON that its names say.
//!
//! Does not know: why a model decided so, or how a provider wraps its structured output.

use std::sync::LazyLock;

use super::base::KnowledgeBase;
use super::detect::redact;
use super::personal::{PiiKind, PiiSet};
use super::question::Question;
use super::tokens::{self, Phrase, TextSize};

/// Where a supervisor sends a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// To the security agent first.
    Security,
    /// Straight to the support agent.
    Support,
}

impl Route {
    /// Its name in the tutorial.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Security => "security_agent",
            Self::Support => "support_agent",
        }
    }
}

/// How many ways there are to give a reason for a route.
pub const REASONS: usize = 4;

/// What a supervisor says of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prescreen {
    /// What personal data it believes to see; none: it sees no personal data.
    pub seen: PiiSet,
    /// How sure it is, in hundredths, 0 to 100 (more is taken as 100).
    pub confidence_percent: u8,
    /// Where the question goes.
    pub route: Route,
    /// Bits that choose the words of the reason.
    pub wording: u64,
}

impl Prescreen {
    /// The reason, without a full stop.
    #[must_use]
    pub fn reasoning(self) -> &'static Phrase {
        TABLES.reason(self.seen, self.wording)
    }

    fn parts(self) -> [&'static Phrase; 3] {
        [
            TABLES.prescreen(!self.seen.is_empty(), self.confidence_percent),
            self.reasoning(),
            TABLES.route(self.route),
        ]
    }

    /// Its size as JSON.
    #[must_use]
    pub fn size(self) -> TextSize {
        self.parts().into_iter().map(Phrase::size).sum()
    }

    /// As JSON: `likely_contains_pii`, `confidence`, `reasoning`, `recommended_route`.
    #[must_use]
    pub fn render(self) -> String {
        self.parts().map(Phrase::text).concat()
    }
}

/// What a security agent says of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detection {
    /// The question.
    pub question: Question,
    /// What it was asked with: items that had been hidden before, usually none.
    pub hidden_before: PiiSet,
    /// What it finds and redacts.
    pub found: PiiSet,
}

impl Detection {
    /// Its size as JSON.
    #[must_use]
    pub fn size(self, base: &KnowledgeBase) -> TextSize {
        if self.question.listed.is_some() {
            return TextSize::of(&self.render(base));
        }
        let tables: &'static Tables = &TABLES;
        let head = tables.detection(self.found).size();
        // The end of the JSON grows together with the question mark.
        let tail = TextSize { tokens: tables.tail_tokens, characters: 2 };
        let whole = head + self.question.size(base, self.hidden_before | self.found) + tail;
        TextSize { tokens: whole.tokens - tables.question_mark_tokens, ..whole }
    }

    /// As JSON: `detected`, `types`, `redacted`.
    #[must_use]
    pub fn render(self, base: &KnowledgeBase) -> String {
        let text = self.question.render(base, self.hidden_before | self.found);
        if self.question.listed.is_some() {
            return detection_of(self.found, text);
        }
        let head = TABLES.detection(self.found).text();
        format!("{head}{text}\"}}")
    }
}

/// What a security agent says of any text in which it finds and redacts these items, as JSON like
/// [`Detection::render`].
#[must_use]
pub fn detection(text: &str, found: PiiSet) -> String {
    detection_of(found, redact(text, found))
}

fn detection_of(found: PiiSet, redacted: String) -> String {
    let head = detection_head(found);
    let redacted = serde_json::Value::from(redacted).to_string();
    // The head ends in the quotation mark with which the text begins.
    format!("{}{redacted}}}", head.strip_suffix('"').unwrap_or(&head))
}

struct Tables {
    /// By whether personal data is likely, then by confidence.
    prescreens: [Vec<Phrase>; 2],
    /// By items seen.
    reasons: Vec<[Phrase; REASONS]>,
    routes: [Phrase; 2],
    /// By items found.
    detections: Vec<Phrase>,
    tail_tokens: u32,
    question_mark_tokens: u32,
}

#[expect(
    clippy::indexing_slicing,
    reason = "there is a phrase for each of the 64 sets of items and for each percent"
)]
impl Tables {
    fn prescreen(&self, likely: bool, percent: u8) -> &Phrase {
        let [unlikely, of_likely] = &self.prescreens;
        let by_confidence = if likely { of_likely } else { unlikely };
        &by_confidence[usize::from(percent.min(100))]
    }

    fn reason(&self, seen: PiiSet, wording: u64) -> &Phrase {
        &self.reasons[usize::from(seen.bits())][wording as usize % REASONS]
    }

    fn route(&self, route: Route) -> &Phrase {
        let [security, support] = &self.routes;
        match route {
            Route::Security => security,
            Route::Support => support,
        }
    }

    fn detection(&self, found: PiiSet) -> &Phrase {
        &self.detections[usize::from(found.bits())]
    }
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let prescreens = [false, true].map(|likely| {
        (0..=100_u8).map(move |percent| {
            let (whole, part) = (percent / 100, percent % 100);
            Phrase::new(format!("{{\"likely_contains_pii\": {likely}, \"confidence\": {whole}.{part:02}, \"reasoning\": \""))
        })
    });
    Tables {
        prescreens: prescreens.map(Iterator::collect),
        reasons: (0..64).map(|bits| reasons(PiiSet::from_bits(bits)).map(Phrase::new)).collect(),
        routes: [Route::Security, Route::Support]
            .map(|route| Phrase::new(format!("\", \"recommended_route\": \"{}\"}}", route.name()))),
        detections: (0..64)
            .map(|bits| Phrase::new(detection_head(PiiSet::from_bits(bits))))
            .collect(),
        tail_tokens: tokens::count("?\"}"),
        question_mark_tokens: tokens::count("?"),
    }
});

fn detection_head(found: PiiSet) -> String {
    let types: Vec<String> = found.iter().map(|item| format!("\"{}\"", item.type_name())).collect();
    format!(
        "{{\"detected\": {}, \"types\": [{}], \"redacted\": \"",
        !found.is_empty(),
        types.join(", ")
    )
}

fn reasons(seen: PiiSet) -> [String; REASONS] {
    if seen.is_empty() {
        return [
            "The message asks about the subject only and names nobody",
            "No personal data is mentioned, so the support agent can answer",
            "This is a general question without any identifying detail",
            "Nothing here points to a person, an address or a contact",
        ]
        .map(str::to_owned);
    }
    let noun = |item: PiiKind| match item {
        PiiKind::Name => "a name",
        PiiKind::Email => "an email address",
        PiiKind::Phone => "a phone number",
        PiiKind::Address => "a postal address",
        PiiKind::Company => "an employer",
        PiiKind::Title => "a job title",
    };
    let nouns: Vec<&str> = seen.iter().map(noun).collect();
    let list = match nouns.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => nouns.concat(),
    };
    [
        format!("The message contains {list}"),
        format!("The user gives {list}, which should be removed before anybody answers"),
        format!("Found {list} in the introduction of the message"),
        format!(
            "Besides the question there is {list}, so the security agent should look at it first"
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::{Complexity, PersonalData, REINFORCEMENT_LEARNING};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    static BASE: LazyLock<KnowledgeBase> =
        LazyLock::new(|| KnowledgeBase::from_documents(&REINFORCEMENT_LEARNING).unwrap());

    #[test]
    fn every_prescreen_is_json_and_counted_as_rendered() {
        for bits in 0..64_u8 {
            for wording in 0..4_u64 {
                let confidence_percent = (u64::from(bits) + 37 * wording) as u8;
                let route = if bits % 2 == 0 { Route::Security } else { Route::Support };
                let prescreen =
                    Prescreen { seen: PiiSet::from_bits(bits), confidence_percent, route, wording };
                let text = prescreen.render();
                assert_eq!(prescreen.size(), TextSize::of(&text), "{text}");
                let value: Value = serde_json::from_str(&text).unwrap();
                let confidence = f64::from(confidence_percent.min(100)) / 100.0;
                let expected = json!({"likely_contains_pii": bits > 0, "confidence": confidence,
                    "reasoning": prescreen.reasoning().text(), "recommended_route": route.name()});
                assert_eq!(value, expected);
            }
        }
    }

    proptest! {
        #[test]
        fn every_detection_is_json_and_counted_as_rendered(items in 0_u8..64, bits: u64, found in 0_u8..64, topic in 0_usize..28, template: u8, complexity in 0_usize..3) {
            let personal = PersonalData::new(PiiSet::from_bits(items), bits);
            let question = Question { topic: BASE.topic(topic), complexity: Complexity::ALL[complexity], template, personal, listed: None };
            let detection = Detection { question, hidden_before: PiiSet::NONE, found: PiiSet::from_bits(found & items) };
            let text = detection.render(&BASE);
            prop_assert_eq!(detection.size(&BASE), TextSize::of(&text), "{}", text);
            let value: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&value["redacted"], &json!(question.render(&BASE, detection.found)));
            prop_assert_eq!(value["types"].as_array().unwrap().len() as u32, detection.found.len());
        }
    }
}

//! Who comes, how many, and with which kind of question.
//!
//! Does not know: what they are answered.

use super::catalog;
use super::faults::Faults;
use super::source::{self, Group, WrittenScenario as Written};
use super::spanned::Spanned;
use crate::context::Attributes;
use crate::llm::profile::ModelProfile;
use crate::quantity::{Probability, Share};
use crate::time::Duration;
use crate::traffic::{
    AudienceGroup, ConversationSpec, MAX_TURNS, ReturnSpec, TrafficMode, TrafficSpec, TurnCount,
    VisitCount,
};

/// Most queries of one run.
const MAX_QUERIES: u32 = 10_000_000;
/// Most requests in flight at once.
const MAX_WORKERS: u32 = 10_000;
/// Most distinct attribute sets of an audience.
const MAX_SETS: usize = 10_000;
/// Mean time from an answer to the next question of a conversation. Assumed.
const PAUSE: Duration = Duration::from_us(30_000_000);
/// Attributes that LaunchDarkly keeps for itself.
const RESERVED: [&str; 4] = ["key", "kind", "anonymous", "_meta"];

/// Traffic, with the tutorial's numbers where the file has none.
pub fn traffic(written: &Written, models: &[ModelProfile], faults: &mut Faults<'_>) -> TrafficSpec {
    let file = &written.traffic;
    let queries = file.queries.as_ref().map_or(catalog::QUERIES, |queries| {
        faults.whole("the number of queries", queries, 1..=MAX_QUERIES)
    });
    let mode =
        file.mode.as_ref().map_or(TrafficMode::Concurrent { workers: catalog::WORKERS }, |mode| {
            match mode.value {
                source::WrittenMode::Concurrent { workers } => {
                    let workers = Spanned { value: workers, span: mode.span.clone() };
                    TrafficMode::Concurrent {
                        workers: faults.whole("the number of workers", &workers, 1..=MAX_WORKERS),
                    }
                }
                source::WrittenMode::Sequential { delay } => TrafficMode::Sequential { delay },
            }
        });
    let timeout = file.timeout.as_ref().map_or(catalog::TIMEOUT, |timeout| {
        if timeout.value == Duration::ZERO {
            let help = "the tutorial has \"2000s\"".to_owned();
            faults.add(
                "the timeout is zero",
                &timeout.span,
                "every request would fail at once",
                Some(help),
            );
        }
        timeout.value
    });
    let personal = file.pii_percentage.as_ref().map_or(catalog::PII_PERCENTAGE, |percentage| {
        faults.range("pii_percentage", percentage, 0.0, 100.0)
    });
    let harmful = file
        .harmful_percentage
        .as_ref()
        .map_or(0.0, |percentage| faults.range("harmful_percentage", percentage, 0.0, 100.0));
    let nodes = written.graph.iter().flat_map(|graph| &graph.nodes.0);
    let roles = nodes.filter_map(|(_, node)| node.role.as_ref());
    let guarded = { roles }.any(|role| matches!(role.value, source::WrittenRole::Guard { .. }));
    if let Some(unused) = file.harmful_percentage.as_ref().filter(|_| harmful > 0.0 && !guarded) {
        let help = "give an agent of `graph` the role `Guard()`, or remove this".to_owned();
        let message = "no agent looks for the questions that should be stopped";
        faults.add(message, &unused.span, "it would have no effect", Some(help));
    }
    let complexity = file.complexity.as_ref().map_or([1.0 / 3.0; 3], |shares| {
        let parts = [shares.value.basic, shares.value.intermediate, shares.value.advanced];
        sum_to_whole("the shares of complexity do", parts, shares, faults);
        parts.map(Share::fraction)
    });
    let topics = file
        .topics
        .as_ref()
        .map_or(catalog::TOPICS, |topics| faults.whole("the number of topics", topics, 1..=256));
    let usual = if written.graph.is_some() { catalog::OWN_JUDGE } else { catalog::WRITER };
    let unwritten = Spanned::unwritten(usual.to_owned());
    let writer = faults.look_up(
        "model",
        file.writer.as_ref().unwrap_or(&unwritten),
        models.iter().map(|model| model.id.as_str()),
    );
    TrafficSpec {
        queries,
        mode,
        timeout,
        personal_data: Probability::clamped(personal / 100.0),
        harmful: Probability::clamped(harmful / 100.0),
        complexity,
        topics,
        writer: writer.unwrap_or_default(),
        audience: audience(written, faults),
        pre_period: file
            .pre_period
            .as_ref()
            .map(|alike| faults.range("pre_period", alike, 0.0, 1.0)),
        conversation: written.conversation.as_ref().map(|own| conversation(own, written, faults)),
        returns: written.users.as_ref().map(|users| returns(users, written, faults)),
    }
}

/// How users come back.
fn returns(
    users: &Spanned<source::Users>,
    written: &Written,
    faults: &mut Faults<'_>,
) -> ReturnSpec {
    let file = &users.value;
    let visits = match &file.visits {
        source::Visits::Fixed(visits) => {
            VisitCount::Fixed(faults.whole("the number of visits", visits, 1..=1000))
        }
        source::Visits::Geometric(mean) => {
            VisitCount::Geometric(faults.range("the mean number of visits", mean, 1.0, 100.0))
        }
    };
    let persistence =
        file.persistence.as_ref().map_or(0.0, |own| faults.range("persistence", own, 0.0, 1.0));
    let once = matches!(visits, VisitCount::Fixed(1)) || visits == VisitCount::Geometric(1.0);
    if let (true, Some(own)) = (once && persistence > 0.0, &file.persistence) {
        let help = "raise `visits`, or remove `persistence`".to_owned();
        let message = "each user comes once, so nothing can persist";
        faults.add(message, &own.span, "it needs a second visit", Some(help));
    }
    // Such a split moves users from one variation to another between their visits.
    let help = "remove `users`, or give the split fixed shares";
    for own in written.experiments.iter().filter_map(|own| own.allocation.as_ref()) {
        if matches!(own.value, source::Allocation::Thompson { .. }) {
            let message = "a bandit cannot be combined with users who come back";
            let places =
                [(&own.span, "it changes the split over time"), (&users.span, "users come back")];
            faults.add_pair(message, places, Some(help.to_owned()));
        }
    }
    for own in written.guarded_rollouts.iter().filter(|own| !own.watch.is_empty()) {
        let message = "a watched rollout cannot be combined with users who come back";
        let places =
            [(&own.share.span, "it changes the split over time"), (&users.span, "users come back")];
        faults.add_pair(message, places, Some(help.to_owned()));
    }
    let remembers = file.remembers.as_ref().map_or(0, |own| faults.whole("remembers", own, 0..=20));
    ReturnSpec { visits, gap: file.gap, persistence, remembers }
}

/// Conversations of several turns.
fn conversation(
    own: &Spanned<source::WrittenConversation>,
    written: &Written,
    faults: &mut Faults<'_>,
) -> ConversationSpec {
    let file = &own.value;
    let turns = match &file.turns {
        source::WrittenTurns::Fixed(turns) => {
            let turns = faults.whole("the number of turns", turns, 1..=MAX_TURNS);
            TurnCount::Between(turns, turns)
        }
        source::WrittenTurns::Between(least, most) => {
            let [few, many] =
                [least, most].map(|own| faults.whole("the number of turns", own, 1..=MAX_TURNS));
            if few > many {
                let places = [(&least.span, "the fewest"), (&most.span, "the most")];
                let help = "write the smaller number first".to_owned();
                faults.add_pair("the fewest turns are more than the most", places, Some(help));
            }
            TurnCount::Between(few.min(many), many)
        }
        source::WrittenTurns::Geometric(mean) => TurnCount::Geometric(faults.range(
            "the mean number of turns",
            mean,
            1.0,
            f64::from(MAX_TURNS),
        )),
    };
    let mut clash = |what: &str, place: &std::ops::Range<usize>, why: &str| {
        let message = format!("a conversation of several turns cannot be combined with {what}");
        let places = [(&own.span, "several turns"), (place, why)];
        faults.add_pair(message, places, Some("remove one of the two".to_owned()));
    };
    if let Some(users) = &written.users {
        clash("users who come back", &users.span, "users come back");
    }
    for other in written.experiments.iter().filter_map(|own| own.allocation.as_ref()) {
        if matches!(other.value, source::Allocation::Thompson { .. }) {
            clash("a bandit", &other.span, "it changes the split over time");
        }
    }
    for other in written.guarded_rollouts.iter().filter(|own| !own.watch.is_empty()) {
        clash("a watched rollout", &other.share.span, "it changes the split over time");
    }
    for other in written.experiments.iter().filter_map(|own| own.design.as_ref()) {
        clash("a paired design", &other.span, "it asks each question by itself");
    }
    let [strong, fair, weak] =
        [(file.stops.strong, 1.0), (file.stops.fair, 0.5), (file.stops.weak, 0.0)];
    ConversationSpec {
        turns,
        pause: file.pause.unwrap_or(PAUSE),
        follow_ups: file
            .follow_ups
            .as_ref()
            .map_or(1.0, |share| faults.range("follow_ups", share, 0.0, 1.0)),
        stops: [strong, fair, weak].map(|(chance, usual)| chance.map_or(usual, |own| own.get())),
        rated_once: matches!(file.rated, Some(source::WrittenRated::AtTheEnd)),
    }
}

/// Checks that shares sum to the whole.
pub fn sum_to_whole<T>(
    what: &str,
    shares: impl IntoIterator<Item = Share>,
    place: &Spanned<T>,
    faults: &mut Faults<'_>,
) {
    let sum: u64 = shares.into_iter().map(|share| u64::from(share.weight())).sum();
    if sum != u64::from(Share::WHOLE.weight()) {
        faults.add(
            format!("{what} not sum to 100%"),
            &place.span,
            format!("these sum to {}%", sum as f64 / 1e3),
            None,
        );
    }
}

/// Distinct attribute sets: each group's lists of values, spread evenly.
fn audience(written: &Written, faults: &mut Faults<'_>) -> Vec<AudienceGroup> {
    let Some(file) = &written.audience else {
        // The tutorial's generator: everybody is a paying user in the US.
        let attributes = [("country", "US"), ("plan", "paid"), ("region", "other")];
        let attributes =
            attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect();
        return vec![AudienceGroup { weight: 1.0, attributes: Attributes(attributes) }];
    };
    sum_to_whole(
        "the shares of the audience do",
        file.value.iter().map(|group| group.share),
        file,
        faults,
    );
    let mut groups = Vec::new();
    for group in file.value.iter().filter(|group| group.share.weight() > 0) {
        let sets = spread(group, MAX_SETS - groups.len(), file, faults);
        let weight = group.share.fraction() / sets.len().max(1) as f64;
        groups.extend(sets.into_iter().map(|attributes| AudienceGroup { weight, attributes }));
        if groups.len() >= MAX_SETS {
            faults.add(
                "the audience has too many distinct users",
                &file.span,
                format!("more than {MAX_SETS} combinations"),
                None,
            );
            break;
        }
    }
    groups
}

/// The attribute sets of one group, at most `most`.
fn spread(
    group: &Group,
    most: usize,
    place: &Spanned<Vec<Group>>,
    faults: &mut Faults<'_>,
) -> Vec<Attributes> {
    let mut sets = vec![Attributes::default()];
    for (nth, (key, values)) in group.attributes.0.iter().enumerate() {
        if RESERVED.contains(&key.value.as_str()) || key.value.is_empty() {
            let label = "LaunchDarkly keeps this name for itself";
            faults.add(
                format!("an attribute cannot be called `{}`", key.value),
                &key.span,
                label,
                None,
            );
        }
        if let Some((earlier, _)) =
            group.attributes.0.iter().take(nth).find(|(earlier, _)| earlier.value == key.value)
        {
            let places = [(&earlier.span, "the first time"), (&key.span, "the second time")];
            faults.add_pair(format!("attribute `{}` is given twice", key.value), places, None);
        }
        if values.is_empty() {
            let help = "leave the attribute out, or give it at least one value".to_owned();
            faults.add(
                format!("attribute `{}` has no value", key.value),
                &key.span,
                "an empty list",
                Some(help),
            );
            continue;
        }
        if sets.len().saturating_mul(values.len()) > most {
            faults.add(
                "the audience has too many distinct users",
                &place.span,
                format!("more than {MAX_SETS} combinations"),
                None,
            );
            return Vec::new();
        }
        let with = |set: &Attributes, value: &String| {
            let mut set = set.clone();
            set.0.insert(key.value.clone(), value.clone());
            set
        };
        sets = sets.iter().flat_map(|set| values.iter().map(|value| with(set, value))).collect();
    }
    sets
}

//! The knowledge base that is built into the binary: an introduction to reinforcement learning,
//! written for simlab.
//!
//! Guarantees: the same files as in `scenarios/knowledge/reinforcement-learning`, in the order of
//! their names (tested).
//!
//! Does not know: how they are read.

/// The documents of one folder as (name, text).
macro_rules! documents {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../scenarios/knowledge/reinforcement-learning/", $name)))),*]
    };
}

/// Introductory texts on reinforcement learning, as file name and Markdown.
pub const REINFORCEMENT_LEARNING: [(&str, &str); 28] = documents![
    "01-markov-decision-processes.md",
    "02-bellman-equations.md",
    "03-dynamic-programming.md",
    "04-monte-carlo-methods.md",
    "05-temporal-difference-learning.md",
    "06-q-learning.md",
    "07-sarsa.md",
    "08-eligibility-traces.md",
    "09-multi-armed-bandits.md",
    "10-exploration-and-exploitation.md",
    "11-function-approximation.md",
    "12-off-policy-learning.md",
    "13-deep-q-networks.md",
    "14-experience-replay.md",
    "15-policy-gradients.md",
    "16-actor-critic-methods.md",
    "17-trust-region-policy-optimization.md",
    "18-proximal-policy-optimization.md",
    "19-model-based-reinforcement-learning.md",
    "20-dyna-architecture.md",
    "21-monte-carlo-tree-search.md",
    "22-reward-shaping.md",
    "23-credit-assignment.md",
    "24-offline-reinforcement-learning.md",
    "25-inverse-reinforcement-learning.md",
    "26-multi-agent-reinforcement-learning.md",
    "27-reinforcement-learning-from-human-feedback.md",
    "28-safe-reinforcement-learning.md",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::KnowledgeBase;

    #[test]
    fn the_library_holds_the_files_of_its_folder() {
        let folder =
            concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/knowledge/reinforcement-learning");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, REINFORCEMENT_LEARNING.map(|(name, _)| name));
    }

    #[test]
    fn it_has_topics_and_chunks_enough_and_every_document_has_its_title() {
        let base = KnowledgeBase::from_documents(&REINFORCEMENT_LEARNING).unwrap();
        assert_eq!(base.n_topics(), REINFORCEMENT_LEARNING.len());
        assert!(
            base.n_topics() >= 24 && base.chunks().len() >= 60,
            "{} topics, {} chunks",
            base.n_topics(),
            base.chunks().len()
        );
        for (_, text) in REINFORCEMENT_LEARNING {
            let words = text.split_whitespace().count();
            assert!((250..=500).contains(&words), "{words} words: {}", &text[..40]);
        }
    }
}

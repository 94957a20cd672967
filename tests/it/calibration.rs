//! The mock world is held to what the tutorial published.

use crate::published::{inside, over_seeds};
use simlab::scenario::load;

/// The bar is 400 seeds (`cargo bench --bench calibration`); this many are enough to notice when
/// something moves.
const SEEDS: u64 = 80;

#[test]
#[ignore = "a long study: `.ci/run` and `cargo test -- --ignored` run it"]
fn every_published_figure_lies_inside_the_central_95_percent() {
    let mut outside = Vec::new();
    let mut checked = 0;
    for name in ["security", "premium"] {
        let loaded = load(name).unwrap();
        let key = &loaded.scenario.studies[0].experiment.key;
        let found = over_seeds(&loaded.scenario, SEEDS);
        if name == "premium" {
            // The published verdict: reject Claude Opus 4. No luck overturns it.
            assert_eq!(found.verdicts.keys().collect::<Vec<_>>(), ["Keep"]);
        }
        for ((arm, figure), values) in &found.figures {
            if let Some((published, inside)) = inside(key, *arm, figure, values) {
                checked += 1;
                if !inside {
                    outside.push(format!(
                        "{name}, arm {arm}: {figure} {published}: {} to {}",
                        values[0],
                        values[values.len() - 1]
                    ));
                }
            }
        }
    }
    assert_eq!(checked, crate::published::PUBLISHED.len());
    assert!(outside.is_empty(), "outside: {outside:#?}");
}

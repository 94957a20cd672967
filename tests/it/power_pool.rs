//! Replications that draw their users from a pool, held against replications that simulate theirs.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use simlab::power::{
    Design, PoolChoice, Power, PowerPart, PowerRequest, Replication, aggregate, conduct, merge,
    no_pool_because, read_part, without_effect,
};
use simlab::scenario::{LIBRARY, Scenario, load};

fn scenario(name: &str) -> Scenario {
    load(name).unwrap().scenario
}

fn asked(scenario: &Scenario, replications: u64, users: u32, pool: PoolChoice) -> PowerRequest {
    PowerRequest {
        replications,
        sizes: vec![users / 2, users],
        looks: 2,
        seed: scenario.seed.0,
        aa: false,
        truth_users: Some(2000),
        pool,
    }
}

fn done(design: &Design<'_>, wanted: std::ops::Range<u64>) -> BTreeMap<u64, Replication> {
    let wanted: Vec<u64> = wanted.collect();
    conduct(design, &wanted, 2, &AtomicBool::new(false), |_| ()).unwrap()
}

fn found(scenario: &Scenario, request: PowerRequest) -> Power {
    let replications = request.replications;
    let design = Design::new(scenario, request, |_, _| ()).unwrap();
    aggregate(&design.header(None), &done(&design, 0..replications))
}

/// Shares and costs agree within so many standard errors: those of both sets of replications, and
/// the pool's own.
fn agree(scenario: &Scenario, (replications, users, pool): (u64, u32, u32), errors: f64) {
    let name = &scenario.name;
    let drawn = found(scenario, asked(scenario, replications, users, PoolChoice::Users(pool)));
    let full = found(scenario, asked(scenario, replications, users, PoolChoice::Full));
    assert!(full.pool.is_none(), "{name}");
    let moved = drawn.pool.as_ref().unwrap_or_else(|| panic!("{name} has no pool"));
    assert_eq!((moved.users, moved.errors.len()), (pool, 2), "{name}");
    let sizes = drawn.experiments[0].sizes.iter().zip(&full.experiments[0].sizes);
    for ((drawn, full), moved) in sizes.zip(&moved.errors) {
        let shares = [
            (drawn.decisions.ship, full.decisions.ship, moved.ship),
            (drawn.decisions.keep, full.decisions.keep, moved.keep),
            (drawn.decisions.need_more_data, full.decisions.need_more_data, moved.need_more_data),
        ];
        for (drawn, full, moved) in shares {
            let error = [drawn.standard_error.unwrap(), full.standard_error.unwrap(), moved]
                .map(|error| error.get() * error.get())
                .iter()
                .sum::<f64>()
                .sqrt();
            let distance = (drawn.value.get() - full.value.get()).abs();
            assert!(distance <= errors * error, "{name}: {drawn:?} is not {full:?}, error {error}");
        }
        let (own, other) = (drawn.cost_usd, full.cost_usd);
        // The pool's mean cost has an error of its own: that of as many users as it has.
        let of_run = full.cost_usd.standard_error.unwrap().get() * (replications as f64).sqrt();
        let of_pool = of_run * (f64::from(full.users) / f64::from(pool)).sqrt();
        let error = own.standard_error.unwrap().get().hypot(other.standard_error.unwrap().get());
        let distance = (own.value.get() - other.value.get()).abs();
        let error = error.hypot(of_pool);
        assert!(distance <= errors * error, "{name}: {own:?} is not {other:?}, error {error}");
    }
}

#[test]
fn drawn_users_give_the_shares_and_the_costs_of_simulated_runs() {
    agree(&scenario("router"), (120, 300, 4000), 3.0);
}

#[test]
#[ignore = "a long study: `.ci/run` and `cargo test -- --ignored` run it"]
fn every_built_in_scenario_that_has_a_pool_agrees_with_its_simulated_runs() {
    let mut pools = Vec::new();
    for own in LIBRARY {
        let (name, scenario) = (own.name, scenario(own.name));
        if !scenario.studies.is_empty() && no_pool_because(&scenario).is_none() {
            // One comparison in 3,000 is further apart than 3.6 standard errors.
            agree(&scenario, (200, 500, 10_000), 3.6);
            pools.push(name);
        }
    }
    assert!(pools.len() >= 6, "{pools:?}");
}

/// What the output says of the pool's error, against many small pools with seeds of their own.
#[test]
#[ignore = "a long study: `.ci/run` and `cargo test -- --ignored` run it"]
fn pools_differ_by_as_much_as_they_say() {
    let scenario = scenario("router");
    let (pools, replications, users) = (60, 800, 400);
    let mut shares = Vec::new();
    let (mut own_error, mut monte_carlo) = (0.0, 0.0);
    for seed in 1..=pools {
        let request = PowerRequest {
            seed,
            truth_users: Some(400),
            ..asked(&scenario, replications, users, PoolChoice::Users(400))
        };
        let power = found(&scenario, request);
        let size = &power.experiments[0].sizes[1];
        let share = size.decisions.ship;
        shares.push(share.value.get());
        let error = share.standard_error.unwrap().get();
        monte_carlo += error * error / pools as f64;
        let error = power.pool.unwrap().errors[1].ship.get();
        own_error += error * error / pools as f64;
    }
    let n = shares.len() as f64;
    let mean = shares.iter().sum::<f64>() / n;
    let variance = shares.iter().map(|own| (own - mean) * (own - mean)).sum::<f64>() / (n - 1.0);
    let told = own_error + monte_carlo;
    // The sum of the moves is the most that they can do, so the told error may be too wide. A
    // variance of 60 numbers has a relative standard error of 18%.
    assert!(own_error > monte_carlo, "{own_error} and {monte_carlo}");
    assert!((0.3..=1.5).contains(&(variance / told)), "{variance} of {told}");
}

#[test]
fn a_replication_depends_on_the_pool_and_its_number_alone_and_is_kept_when_more_come() {
    let scenario = scenario("rag");
    let request = asked(&scenario, 6, 100, PoolChoice::Users(700));
    let design = Design::new(&scenario, request.clone(), |_, _| ()).unwrap();
    let first = PowerPart::new(design.header(None), &done(&design, 0..3));
    let first = read_part(&first.to_json().unwrap()).unwrap();
    assert_eq!(
        first.header.asked.pool,
        PoolChoice::Users(2000),
        "the truth's users are there anyway"
    );
    let again = PowerRequest { replications: 9, pool: first.header.asked.pool, ..request.clone() };
    let design = Design::new(&scenario, again, |_, _| ()).unwrap();
    let second = PowerPart::new(design.header(None), &done(&design, 0..9));
    let (_, all) = merge(vec![first.clone(), second]).unwrap();
    assert_eq!(all.len(), 9);
    let full = PowerRequest { pool: PoolChoice::Full, ..request };
    let design = Design::new(&scenario, full, |_, _| ()).unwrap();
    let full = PowerPart::new(design.header(None), &done(&design, 0..3));
    let (part, why) = merge(vec![first, full]).unwrap_err();
    assert_eq!((part, why.contains("--full")), (1, true), "{why}");
}

#[test]
fn a_small_question_is_simulated_and_a_large_one_is_drawn_where_that_saves_much() {
    let scenario = scenario("rag");
    let choice = |replications: u64| {
        let request = PowerRequest {
            sizes: vec![200],
            truth_users: Some(1000),
            ..asked(&scenario, replications, 200, PoolChoice::WhereItSaves)
        };
        Design::new(&scenario, request, |_, _| ()).unwrap().asked.pool
    };
    assert_eq!(choice(100), PoolChoice::Full);
    assert!(matches!(choice(5_000), PoolChoice::Users(1000..=166_666)), "{:?}", choice(5_000));
}

#[test]
fn equal_variations_are_drawn_alike() {
    // The same users with the same luck: no pool moves a difference that is 0 for each of them.
    let scenario = without_effect(&scenario("router"));
    let power = found(&scenario, asked(&scenario, 20, 200, PoolChoice::Users(2000)));
    let errors = power.pool.unwrap().errors;
    assert!(errors.iter().all(|own| own.largest() == 0.0), "{errors:?}");
}

#[test]
fn who_depends_on_others_is_not_drawn() {
    let why = |name: &str| no_pool_because(&scenario(name));
    for (name, words) in [
        ("security", "rate limit"),
        ("tutorial", "more than one experiment"),
        ("bandit", "bandit"),
        ("carry-over", "paired"),
        ("broken-rollout", "crash"),
    ] {
        let why = why(name).unwrap_or_else(|| panic!("{name} has a pool"));
        assert!(why.contains(words), "{name}: {why}");
    }
    for name in ["chat", "rag", "router", "guardrail", "moderation", "research"] {
        assert_eq!(why(name), None, "{name}");
    }
}

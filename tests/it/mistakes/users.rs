//! Users who come back, where they cannot.

use insta::assert_snapshot;

use super::{SHORT, shown, with};

#[test]
fn nothing_persists_in_one_visit() {
    assert_snapshot!(with("users: (visits: Fixed(1), gap: \"1d\", persistence: 0.4)"), @r#"
     × each user comes once, so nothing can persist
      ╭─[my.ron:2:55]
    1 │ (
    2 │     users: (visits: Fixed(1), gap: "1d", persistence: 0.4),
      ·                                                       ─┬─
      ·                                                        ╰── it needs a second visit
    3 │     experiments: [(
      ╰────
     help: raise `visits`, or remove `persistence`
    "#);
}

#[test]
fn visits_that_are_no_number_of_visits() {
    assert_snapshot!(with("users: (visits: Fixed(0), gap: \"1d\")"), @r#"
     × the number of visits is out of range
      ╭─[my.ron:2:27]
    1 │ (
    2 │     users: (visits: Fixed(0), gap: "1d"),
      ·                           ┬
      ·                           ╰── expected 1 to 1,000, found 0
    3 │     experiments: [(
      ╰────
    "#);
    assert_snapshot!(with("users: (visits: Geometric(0.5), gap: \"1d\")"), @r#"
     × the mean number of visits is out of range
      ╭─[my.ron:2:31]
    1 │ (
    2 │     users: (visits: Geometric(0.5), gap: "1d"),
      ·                               ─┬─
      ·                                ╰── expected 1 to 100, found 0.5
    3 │     experiments: [(
      ╰────
    "#);
    assert_snapshot!(with("users: (visits: 3, gap: \"1d\")"), @r#"
     × expected one of the names Fixed, Geometric, found the number 3
      ╭─[my.ron:2:21]
    1 │ (
    2 │     users: (visits: 3, gap: "1d"),
      ·                     ┬
      ·                     ╰── this is not one of these names
    3 │     experiments: [(
      ╰────
     help: write the name without quotes
    "#);
    assert_snapshot!(with("users: (visits: Fixed(3))"), @r#"
     × the field `gap` is missing
      ╭─[my.ron:2:29]
    1 │ (
    2 │     users: (visits: Fixed(3)),
      ·                             ┬
      ·                             ╰── this block ends without it
    3 │     experiments: [(
      ╰────
     help: write `gap: …` in this block
    "#);
    assert_snapshot!(with("users: (visits: Geometrc(3), gap: \"1d\")"), @r#"
     × unknown variant `Geometrc`
      ╭─[my.ron:2:21]
    1 │ (
    2 │     users: (visits: Geometrc(3), gap: "1d"),
      ·                     ────┬───
      ·                         ╰── no variant has this name here
    3 │     experiments: [(
      ╰────
     help: did you mean `Geometric`?
    "#);
    assert_snapshot!(with("users: (visits: Fixed(3), gap: \"1d\", persistence: 1.5)"), @r#"
     × persistence is out of range
      ╭─[my.ron:2:55]
    1 │ (
    2 │     users: (visits: Fixed(3), gap: "1d", persistence: 1.5),
      ·                                                       ─┬─
      ·                                                        ╰── expected 0 to 1, found 1.5
    3 │     experiments: [(
      ╰────
    "#);
}

#[test]
fn a_split_that_changes_while_users_come_back() {
    let bandit = SHORT.replace("    )],", "        allocation: Thompson(every: 100),\n    )],");
    let text = bandit.replacen('(', "(\n    users: (visits: Fixed(3), gap: \"1d\"),", 1);
    assert_snapshot!(shown(&text), @r#"
     × a bandit cannot be combined with users who come back
      ╭─[my.ron:2:12]
    1 │ (
    2 │     users: (visits: Fixed(3), gap: "1d"),
      ·            ──────────────┬──────────────
      ·                          ╰── users come back
    3 │     experiments: [(
      ╰────
       ╭─[my.ron:10:21]
     9 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
    10 │         allocation: Thompson(every: 100),
       ·                     ──────────┬─────────
       ·                               ╰── it changes the split over time
    11 │     )],
       ╰────
     help: remove `users`, or give the split fixed shares
    "#);
}

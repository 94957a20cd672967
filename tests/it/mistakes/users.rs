//! Users who come back, where they cannot.

use insta::assert_snapshot;

use super::{SHORT, shown, with};

#[test]
fn nothing_persists_in_one_visit() {
    assert_snapshot!(with("users: (visits: Fixed(1), gap: \"1d\", persistence: 0.4)"), @"");
}

#[test]
fn visits_that_are_no_number_of_visits() {
    assert_snapshot!(with("users: (visits: Fixed(0), gap: \"1d\")"), @"");
    assert_snapshot!(with("users: (visits: Geometric(0.5), gap: \"1d\")"), @"");
    assert_snapshot!(with("users: (visits: 3, gap: \"1d\")"), @"");
    assert_snapshot!(with("users: (visits: Fixed(3))"), @"");
    assert_snapshot!(with("users: (visits: Geometrc(3), gap: \"1d\")"), @"");
    assert_snapshot!(with("users: (visits: Fixed(3), gap: \"1d\", persistence: 1.5)"), @"");
}

#[test]
fn a_split_that_changes_while_users_come_back() {
    let bandit = SHORT.replace("    )],", "        allocation: Thompson(every: 100),\n    )],");
    let text = bandit.replacen('(', "(\n    users: (visits: Fixed(3), gap: \"1d\"),", 1);
    assert_snapshot!(shown(&text), @"");
}

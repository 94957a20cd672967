//! Variations of a graph that make no sense.

use insta::assert_snapshot;

use super::shown;

fn variations(text: &str) -> String {
    let graph = include_str!("../graph_variations.ron");
    let before = "{ \"no-critic\": (without: [\"critic\"]) }";
    assert!(graph.contains(before));
    shown(&graph.replace(before, text))
}

#[test]
fn an_agent_that_is_not_there() {
    assert_snapshot!(variations("{ \"no-critic\": (without: [\"critik\"]) }"), @r#"
     × agent `critik` is not defined
       ╭─[my.ron:16:47]
    15 │         ],
    16 │         variations: { "no-critic": (without: ["critik"]) },
       ·                                               ────┬───
       ·                                                   ╰── no agent has this key
    17 │     ),
       ╰────
     help: did you mean `critic` (line 10)?
    "#);
}

#[test]
fn a_graph_that_loses_its_beginning() {
    assert_snapshot!(variations("{ \"no-critic\": (without: [\"writer\"]) }"), @r#"
     × variation `no-critic` leaves out the agent that it begins with
       ╭─[my.ron:16:47]
    15 │         ],
    16 │         variations: { "no-critic": (without: ["writer"]) },
       ·                                               ────┬───
       ·                                                   ╰── every question comes here first
    17 │     ),
       ╰────
     help: write the agent that comes first as `root`, or leave out another one
    "#);
}

#[test]
fn a_variation_that_changes_nothing() {
    assert_snapshot!(variations("{ \"no-critic\": () }"), @r#"
     × variation `no-critic` is the graph as it stands
       ╭─[my.ron:16:23]
    15 │         ],
    16 │         variations: { "no-critic": () },
       ·                       ─────┬─────
       ·                            ╰── it has the same agents and edges
    17 │     ),
       ╰────
     help: leave agents out with `without`, or give it `edges`
    "#);
}

#[test]
fn a_variation_without_an_answer() {
    assert_snapshot!(variations("{ \"no-critic\": (root: \"critic\", edges: []) }"), @r#"
     × variation `no-critic` of the graph: `critic` looks answers over, and no edge sends them back
       ╭─[my.ron:10:13]
     9 │             "writer": (role: Answer, model: "gpt-6.1-terra"),
    10 │             "critic": (role: Critique(catches: 0.7, nags: 0.1), model: "gpt-6-luna"),
       ·             ────┬───
       ·                 ╰── it costs time and money and changes nothing
    11 │         },
       ╰────
     help: add an edge back, `(from: "critic", to: …, when: Revise, at_most: 1)`
     × variation `no-critic` of the graph: a visit can end at `critic` without an answer
       ╭─[my.ron:10:13]
     9 │             "writer": (role: Answer, model: "gpt-6.1-terra"),
    10 │             "critic": (role: Critique(catches: 0.7, nags: 0.1), model: "gpt-6-luna"),
       ·             ────┬───
       ·                 ╰── no agent before it answers
    11 │         },
       ╰────
     help: add an edge from it to an agent whose role is `Answer`
    "#);
}

#[test]
fn a_variation_that_runs_forever() {
    assert_snapshot!(variations("{ \"no-critic\": (edges: [(from: \"writer\", to: \"critic\"), (from: \"critic\", to: \"writer\", when: Revise)]) }"), @r#"
     × variation `no-critic` of the graph: `writer` and `critic` can repeat forever
       ╭─[my.ron:16:98]
    15 │         ],
    16 │         variations: { "no-critic": (edges: [(from: "writer", to: "critic"), (from: "critic", to: "writer", when: Revise)]) },
       ·                                                                                                  ────┬───
       ·                                                                                                      ╰── an edge that comes back
    17 │     ),
       ╰────
     help: write `at_most: 1` on the edge back, or more if it may be taken more often
    "#);
}

#[test]
fn a_name_that_is_taken() {
    assert_snapshot!(variations("{ \"no-critic\": (without: [\"critic\"]), \"default\": (edges: []) }"), @r#"
     × a variation of the graph cannot be called `default`
       ╭─[my.ron:16:59]
    15 │         ],
    16 │         variations: { "no-critic": (without: ["critic"]), "default": (edges: []) },
       ·                                                           ────┬────
       ·                                                               ╰── this name is taken: the graph as it stands is `default`
    17 │     ),
       ╰────
    "#);
}

#[test]
fn a_graph_called_like_an_agent() {
    let graph = include_str!("../graph_variations.ron");
    assert_snapshot!(shown(&graph.replace("\"answers\"", "\"writer\"")), @r#"
     × the graph and one of its agents have the key `writer`
       ╭─[my.ron:6:14]
     5 │     graph: (
     6 │         key: "writer",
       ·              ────┬───
       ·                  ╰── the graph
     7 │         root: "writer",
     8 │         nodes: {
     9 │             "writer": (role: Answer, model: "gpt-6.1-terra"),
       ·             ────┬───
       ·                 ╰── an agent
    10 │             "critic": (role: Critique(catches: 0.7, nags: 0.1), model: "gpt-6-luna"),
       ╰────
     help: LaunchDarkly's SDKs receive both by key; give the graph another `key`
     × variation `no-critic` of `writer` is not defined
       ╭─[my.ron:23:40]
    22 │             control: "default",
    23 │             split: { "default": "50%", "no-critic": "50%" },
       ·                                        ─────┬─────
       ·                                             ╰── no variation has this key
    24 │             metrics: ["ai_cost_per_request", "positive_feedback_rate"],
       ╰────
     help: known: default
    "#);
}

#[test]
fn an_experiment_on_a_graph_without_variations() {
    assert_snapshot!(variations("{}"), @r#"
     × AI config `answers` is not defined
       ╭─[my.ron:21:21]
    20 │             key: "drop-the-critic",
    21 │             config: "answers",
       ·                     ────┬────
       ·                         ╰── no AI config has this key
    22 │             control: "default",
       ╰────
     help: known: writer, critic
    "#);
}

//! Files of answers: what they mean, and how their mistakes are shown.

use super::*;

fn script(text: &str) -> AnswerScript {
    parse_answers(&SourceText::new("answers.ron", text)).unwrap()
}

fn faults(text: &str) -> String {
    let found = parse_answers(&SourceText::new("answers.ron", text)).unwrap_err();
    found.iter().map(|fault| fault.render(false)).collect()
}

#[test]
fn ron_and_json_say_the_same() {
    let ron = script(
        r#"(strict: true, rules: [
            (when: (contains: "weather", tool: "get_weather"), call: (name: "get_weather", arguments: {"city": "Paris"})),
            (name: "sums", when: (regex: r"\d+ \+ \d+", nth: 2, header: {"X-Test": "a"}), json: {"sum": 7}, usage: (input: 5)),
            (say: "one", then: [(refuse: "no"), (fault: (status: 429, retry_after: "2s")), (say: "x", fault: (cut_after: 1), latency: "20ms", finish: "length")]),
        ])"#,
    );
    let json = script(
        r#"{"strict": true, "rules": [
            {"when": {"contains": ["weather"], "tool": "get_weather"}, "call": [{"name": "get_weather", "arguments": {"city": "Paris"}}]},
            {"name": "sums", "when": {"regex": "\\d+ \\+ \\d+", "nth": 2, "header": {"X-Test": "a"}}, "json": {"sum": 7}, "usage": {"input": 5}},
            {"say": "one", "then": [{"refuse": "no"}, {"fault": {"status": 429, "retry_after": "2s"}}, {"say": "x", "fault": {"cut_after": 1}, "latency": "20ms", "finish": "length"}]}
        ]}"#,
    );
    let steps = |script: &AnswerScript| {
        script.rules.iter().map(|rule| rule.steps.clone()).collect::<Vec<_>>()
    };
    assert_eq!(steps(&ron), steps(&json));
    assert!(ron.strict && json.strict);
    let calls = vec![("get_weather".to_owned(), r#"{"city":"Paris"}"#.to_owned())];
    assert_eq!(ron.rules[0].steps[0].body, ScriptedBody::Calls(None, calls));
    assert_eq!(
        (ron.rules[0].name.as_str(), ron.rules[1].name.as_str(), ron.rules[1].line),
        ("rule 1", "sums", 3)
    );
    assert_eq!(ron.rules[1].when.headers, [("x-test".to_owned(), "a".to_owned())]);
    assert_eq!(ron.rules[2].steps.len(), 4);
    assert_eq!(ron.rules[2].steps[3].finish, Some(Stop::MaxTokens));
    assert_eq!(
        ron.rules[2].steps[3].fault,
        Some(ScriptedFault::Broken(FaultKind::Cut { after_events: 1 }))
    );
    assert_eq!(script("[(say: \"hi\")]").rules.len(), 1);
}

#[test]
fn mistakes_are_shown_with_their_place_and_a_way_out() {
    for (text, shown) in [
        ("", &["has no answers", "say: \"Hi!\""][..]),
        (
            "[(when: (contain: \"x\"), say: \"y\")]",
            &["there is no field `contain`", "did you mean `contains`?", "answers.ron:1:10"],
        ),
        (
            "[(when: (contains: 3), say: \"y\")]",
            &["expected one or a list in brackets, found the number 3"],
        ),
        ("[(when: ())]", &["has no answer", "`say`"]),
        ("[(say: \"a\", json: 1)]", &["`say` and `json` are two answers"]),
        ("[(when: (regex: \"(\"), say: \"a\")]", &["not a regular expression", "answers.ron:1:17"]),
        (
            "[(when: (provider: \"opnai\"), say: \"a\")]",
            &["there is no provider `opnai`", "did you mean `openai`?"],
        ),
        (
            "[(say: \"a\", finish: \"lenght\")]",
            &["no answer ends with `lenght`", "did you mean `length`?"],
        ),
        ("[(fault: (status: 200))]", &["`status` is out of range", "expected 400 to 599"]),
        ("[(fault: ())]", &["does not say what goes wrong"]),
        ("[(fault: (status: 500, timeout: \"1s\"))]", &["two faults"]),
        ("[(say: \"a\", fault: (status: 500))]", &["nobody gets this `say`"]),
        (
            "[(fault: (cut_after: 1, message: \"m\"))]",
            &["`message` says nothing about `cut_after`"],
        ),
        ("[(call: [])]", &["names no tool"]),
        ("[(call: (arguments: {}))]", &["the field `name` is missing"]),
        ("[(say: \"a\", times: 0)]", &["`times` is out of range"]),
        ("[(when: (nth: 0), say: \"a\")]", &["the first request is 1"]),
        ("[(say: \"a\", latency: \"2h\")]", &["expected at most an hour"]),
        ("[(say: \"a\", latency: 3)]", &["latency: 3"]),
        ("[(when: (model: \"a*b\"), say: \"a\")]", &["cannot name a model"]),
        ("[(latency: \"1s\", then: [(say: \"a\")])]", &["belong to an answer"]),
        ("{\"rules\": [{\"say\": \"a\",}]", &["not valid JSON", "answers.ron:1:"]),
        ("(rules: [(say: hello)])", &["a text without quotes", "\"hello\""]),
        ("(rules: [(say: \"a\")", &["answers.ron"]),
        ("(rule: [])", &["there is no field `rule`", "did you mean `rules`?"]),
        ("3", &["answers.ron"]),
    ] {
        let found = faults(text);
        for words in shown {
            assert!(found.contains(words), "{text}\n{words}\n{found}");
        }
    }
}

#[test]
fn two_mistakes_are_shown_at_once() {
    let found = faults("[(say: \"a\", times: 0), (fault: ())]");
    assert!(found.contains("`times`") && found.contains("goes wrong"), "{found}");
}

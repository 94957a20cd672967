//! Repetitions and failures of the mock chats.

use super::*;
use crate::llm::chat::{ContentPart, Message, Role};
use crate::llm::wire::openai::OPENAI;
use crate::scenario::load;

fn responder(failures: bool) -> ChatResponder {
    let scenario: &'static Scenario = &Box::leak(Box::new(load("security").unwrap())).scenario;
    ChatResponder::new(scenario, Seed(1), failures)
}

fn text(responder: &ChatResponder, nth: u64) -> String {
    let mut request = ChatRequest::new("gpt-4o");
    request.messages.push(Message {
        role: Role::User,
        content: vec![ContentPart::Text("Can you explain Q-Learning?".to_owned())],
    });
    responder
        .answer(OPENAI, &request, None, (Owner::of(b"x"), UnderstoodRequest::default()), nth)
        .0
        .map_or_else(|error| error.message, |answer| answer.text())
}

#[test]
fn answers_do_not_come_again_after_1024_repetitions() {
    let responder = responder(false);
    for nth in 0..8 {
        for turn in [1 << 10, 1 << 16, 1 << 26, 1 << 40] {
            assert_ne!(
                text(&responder, nth),
                text(&responder, nth + turn),
                "repetition {nth} and {turn} later"
            );
        }
    }
}

#[test]
fn calls_fail_only_when_failures_are_asked_for() {
    let failed = |responder: &ChatResponder| {
        (0..2_000)
            .filter(|nth| text(responder, *nth).starts_with("the server had an error"))
            .count()
    };
    assert_eq!(failed(&responder(false)), 0);
    assert!(failed(&responder(true)) > 0);
}

//! What every page of simlab begins with.
//!
//! Does not know: what is on a page.

use maud::{DOCTYPE, Markup, html};

/// A page with this in its head, and this `body`.
#[must_use]
pub fn html_page(head: &Markup, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                (head)
            }
            (body)
        }
    };
    page.into_string()
}

//! What stands for the turns that a compaction leaves out: their words, in a form that a client
//! takes for encrypted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Every sealed text begins with this, so that no other text is taken for one.
const MARK: &str = "simlab:";

/// Seals words.
pub(super) fn seal(words: &str) -> String {
    STANDARD.encode([MARK, words].concat())
}

/// The words in a sealed text; `None` when it was sealed elsewhere.
pub(super) fn open(sealed: &str) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(sealed).ok()?).ok()?;
    Some(text.strip_prefix(MARK)?.to_owned())
}

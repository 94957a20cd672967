//! Reading a Markdown document: its headings, its sentences, and the chunks that retrieval works
//! on.
//!
//! Guarantees: a chunk is a stretch of the document as written; sentences are whole, on one line,
//! and free of markup.
//!
//! Does not know: more Markdown than this needs (headings with `#`, fenced code, lists, tables,
//! emphasis).

use super::tokens;

/// How documents are cut into chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkSize {
    /// Most tokens of a chunk, at least 32.
    pub tokens: u32,
    /// Characters of a chunk that the next one repeats; less than half of a chunk is taken.
    pub overlap_characters: u32,
    /// A chunk of fewer characters is dropped, unless it is a document's only one.
    pub least_characters: u32,
}

impl Default for ChunkSize {
    /// 250 tokens, 200 characters of overlap, 100 characters at the least. The tutorial cuts a
    /// whole textbook into 188 chunks of 1,000 tokens with the same overlap; a quarter of that size
    /// fits documents of some hundred words.
    fn default() -> Self {
        Self { tokens: 250, overlap_characters: 200, least_characters: 100 }
    }
}

/// How many levels of headings there are.
pub(super) const LEVELS: usize = 6;

/// The headings of a document with their levels, in order, without markup.
pub(super) fn headings(text: &str) -> Vec<(usize, String)> {
    lines_outside_code(text)
        .filter_map(|line| {
            let level = line.bytes().take_while(|&b| b == b'#').count();
            let title = line[level..].strip_prefix(' ')?;
            ((1..=LEVELS).contains(&level)).then(|| (level, title_of(title)))
        })
        .filter(|(_, title)| !title.is_empty())
        .collect()
}

/// A heading as the title of a topic: no markup, no quotation marks, single spaces, a letter or
/// digit at either end.
pub(super) fn title_of(heading: &str) -> String {
    let plain: String =
        heading.chars().filter(|c| !matches!(c, '*' | '_' | '`' | '"' | '\\' | '#')).collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    words.join(" ").trim_matches(|c: char| !c.is_alphanumeric()).to_owned()
}

/// The sentences of a document's paragraphs, in order.
pub(super) fn sentences(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut paragraph = String::new();
    for line in lines_outside_code(text).chain([""]) {
        let line = line.trim();
        if line.is_empty()
            || line.starts_with(['#', '|', '-', '*', '>', '+'])
            || line.starts_with(|c: char| c.is_ascii_digit())
        {
            split_sentences(&paragraph, &mut found);
            paragraph.clear();
        } else {
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(line);
        }
    }
    found
}

fn split_sentences(paragraph: &str, found: &mut Vec<String>) {
    let mut start = 0;
    for (at, c) in paragraph.char_indices() {
        let rest = &paragraph[at + c.len_utf8()..];
        let ended = matches!(c, '.' | '!' | '?') && (rest.is_empty() || rest.starts_with(' '));
        let next_starts = rest.trim_start().chars().next().is_none_or(char::is_uppercase);
        // "e.g." and initials do not end a sentence.
        let last_word = paragraph[start..at].rsplit(' ').next().unwrap_or_default();
        if ended
            && next_starts
            && !(c == '.' && (last_word.contains('.') || last_word.chars().count() == 1))
        {
            let sentence = paragraph[start..at + c.len_utf8()].trim();
            if sentence.split(' ').count() >= 4
                && sentence.starts_with(char::is_alphanumeric)
                && !sentence.contains(['[', '"', '\\', '`'])
            {
                found.push(sentence.replace(['*', '_'], ""));
            }
            start = at + c.len_utf8();
        }
    }
}

fn lines_outside_code(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// A document cut into chunks: as long as `chunking` allows, ending with a paragraph where one ends
/// in the second half, else with a sentence, else with a word.
#[expect(
    clippy::indexing_slicing,
    reason = "`from`, `to` and `next` are places in `ends`, which has one more than words"
)]
pub(super) fn chunks(text: &str, chunking: ChunkSize) -> Vec<String> {
    let limit = chunking.tokens.max(32);
    // Where each word ends, and how many tokens there are up to it.
    let (mut end, mut total) = (0, 0);
    let mut ends = vec![(end, total)];
    for word in tokens::words(text) {
        end += word.len();
        total += tokens::count(word);
        ends.push((end, total));
    }
    let mut found: Vec<String> = Vec::new();
    let mut from = 0;
    while from + 1 < ends.len() {
        let (start, before) = ends[from];
        let most = ends.partition_point(|&(_, total)| total <= before + limit).max(from + 2) - 1;
        let least =
            ends.partition_point(|&(_, total)| total <= before + limit / 2).clamp(from + 1, most);
        let to = if most + 1 == ends.len() {
            most
        } else {
            let last = |mark: fn(&str) -> bool| {
                (least..=most).rev().find(|&i| mark(&text[ends[i - 1].0..ends[i].0]))
            };
            last(|word| word.ends_with("\n\n"))
                .or_else(|| last(|word| word.starts_with(['.', '!', '?'])))
                .unwrap_or(most)
        };
        let chunk = text[start..ends[to].0].trim();
        let long = tokens::characters(chunk) >= chunking.least_characters;
        if !chunk.is_empty() && (long || (found.is_empty() && to + 1 == ends.len())) {
            found.push(chunk.to_owned());
        }
        if to + 1 >= ends.len() {
            break;
        }
        // Step back by the overlap, but never by more than half of the chunk.
        let half = from + (to - from).div_ceil(2);
        let mut next = to;
        while next > half
            && tokens::characters(&text[ends[next - 1].0..ends[to].0])
                <= chunking.overlap_characters
        {
            next -= 1;
        }
        // Start with a whole word.
        let whole = |at: usize| text[at..].starts_with([' ', '\n']) || text[..at].ends_with('\n');
        while next < to && !whole(ends[next].0) {
            next += 1;
        }
        from = next.max(from + 1);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_become_titles() {
        let text = "# **Q-Learning**\n\ntext\n\n```\n# code\n```\n## \"Why\" it works?\n####### no\n#none\n";
        assert_eq!(headings(text), [(1, "Q-Learning".to_owned()), (2, "Why it works".to_owned())]);
    }

    #[test]
    fn sentences_are_whole_and_plain() {
        let text = "# Title here it is.\n\nThe agent, e.g. a robot, *acts* now. It then\nlearns from R. Bellman too. No.\n\n- A list item is left out.\n\nWhat follows is `code` here. The end comes last!";
        assert_eq!(
            sentences(text),
            [
                "The agent, e.g. a robot, acts now.",
                "It then learns from R. Bellman too.",
                "The end comes last!"
            ]
        );
    }

    #[test]
    fn chunks_cover_the_document_overlap_and_stay_in_limits() {
        let text: String = (0..60)
            .map(|i| format!("Paragraph number {i} says that the agent learns something new.\n\n"))
            .collect();
        let chunking = ChunkSize { tokens: 100, ..ChunkSize::default() };
        let chunks = chunks(&text, chunking);
        assert!(chunks.len() > 6);
        for pair in chunks.windows(2) {
            let (first, second) = (text.find(&pair[0]).unwrap(), text.find(&pair[1]).unwrap());
            let end = first + pair[0].len();
            assert!(first < second && second < end + 3, "a gap between chunks");
            assert!(end.saturating_sub(second) <= 200);
        }
        assert!(chunks.iter().all(|chunk| tokens::count(chunk) <= 100));
        assert!(text.trim_end().ends_with(chunks.last().unwrap().as_str()));
    }

    #[test]
    fn a_text_without_any_break_is_still_cut() {
        let text = "x1".repeat(3000);
        assert!(chunks(&text, ChunkSize::default()).len() > 10);
    }
}

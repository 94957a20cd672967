//! Images, documents and sounds in requests: how large they are, and how many tokens that is where
//! several providers count alike.
//!
//! Guarantees: any bytes have a count; what cannot be read is counted like what is usual.
//!
//! Does not know: what is to be seen or heard in them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::knowledge::tokens::count;

/// Width and height in pixels.
pub(super) type Pixels = (u32, u32);

/// What is assumed of an image whose size cannot be read, such as one that is only named by its
/// address.
pub(super) const USUAL: Pixels = (1_024, 1_024);
/// Milliseconds that are assumed of a sound whose length cannot be read.
const USUAL_MS: u64 = 10_000;
/// Bytes a second of a compressed sound: 128 kbit.
const COMPRESSED: u64 = 16_000;
/// Tokens of a second of sound: the page on tokens of the Gemini API's documentation.
pub(super) const GEMINI_TOKENS_PER_SECOND: u64 = 32;

/// The bytes behind base64, with or without `data:…;base64,` before it; none where it is none.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    let data = match text.strip_prefix("data:") {
        Some(rest) => rest.split_once(";base64,")?.1,
        None => text,
    };
    STANDARD.decode(data.trim_end()).ok()
}

/// The size of an image, where its format is known.
pub(super) fn size(bytes: &[u8]) -> Option<Pixels> {
    let size = imagesize::blob_size(bytes).ok()?;
    let side = |pixels: usize| u32::try_from(pixels).ok().filter(|pixels| *pixels > 0);
    Some((side(size.width)?, side(size.height)?))
}

/// The tokens of a text.
pub(super) fn text_tokens(text: &str) -> u32 {
    count(text)
}

/// The pages of a PDF, at least one.
pub(super) fn pages(bytes: &[u8]) -> u32 {
    // The objects of pages; in compressed files they cannot be seen.
    let mark = b"/Type";
    let mut found = 0_u32;
    for (at, _) in bytes.windows(mark.len()).enumerate().filter(|(_, window)| window == mark) {
        let rest = bytes.get(at + mark.len()..).unwrap_or_default().trim_ascii_start();
        let Some(after) = rest.strip_prefix(b"/Page") else { continue };
        found += u32::from(!after.first().is_some_and(u8::is_ascii_alphanumeric));
    }
    found.max(1)
}

/// The length of a sound in milliseconds: read off a WAV file, or else by its bytes.
pub(super) fn milliseconds(bytes: &[u8]) -> u64 {
    if bytes.is_empty() {
        return USUAL_MS;
    }
    let wave = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WAVE");
    // Bytes a second stand in the usual place of the format chunk.
    let rate = bytes.get(28..32).and_then(|rate| rate.try_into().ok()).map(u32::from_le_bytes);
    let rate = rate.filter(|rate| wave && *rate > 0).map_or(COMPRESSED, u64::from);
    (bytes.len() as u64).saturating_mul(1_000) / rate
}

/// Tokens of a sound.
pub(super) fn sound(bytes: &[u8], per_second: u64) -> u32 {
    let tokens = milliseconds(bytes).saturating_mul(per_second).div_ceil(1_000);
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

/// Something in a request that is no text.
#[derive(Debug)]
pub(super) enum SentMedium {
    /// An image: its size, where it is known, and whether low detail is enough.
    Image(Option<Pixels>, bool),
    /// The bytes of a document; none where only its address or its id came.
    Document(Vec<u8>),
    /// The bytes of a sound; none where only its address came.
    Sound(Vec<u8>),
}

/// The side of a tile and of a patch of OpenAI's models, in pixels.
const TILE: f64 = 512.0;
const PATCH: f64 = 32.0;

/// How OpenAI counts an image.
enum ImageRule {
    /// Base tokens, and tokens of a tile.
    Tiles(u32, u32),
    /// Tokens of a patch.
    Patches(f64),
}

/// The rule of a model. Source: the guide to images and vision of OpenAI's documentation; models from
/// GPT-5.2 on are assumed to take a token for a patch.
fn image_rule(model: &str) -> ImageRule {
    let is = |name: &str| model.starts_with(name);
    if is("gpt-4o-mini") {
        ImageRule::Tiles(2_833, 5_667)
    } else if is("gpt-5-nano") || is("gpt-4.1-nano") || is("gpt-5.4-nano") {
        ImageRule::Patches(2.46)
    } else if is("gpt-5-mini") || is("gpt-4.1-mini") || is("gpt-5.4-mini") {
        ImageRule::Patches(1.62)
    } else if is("o4-mini") {
        ImageRule::Patches(1.72)
    } else if is("gpt-4") || is("chatgpt-4o") {
        ImageRule::Tiles(85, 170)
    } else if is("o1") || is("o3") {
        ImageRule::Tiles(75, 150)
    } else if model == "gpt-5" || is("gpt-5-") || is("gpt-5.1") {
        ImageRule::Tiles(70, 140)
    } else if is("gpt-") {
        ImageRule::Patches(1.0)
    } else {
        ImageRule::Tiles(85, 170)
    }
}

/// Tokens of an image for a model of OpenAI.
pub(super) fn openai_image(model: &str, size: Option<Pixels>, low: bool) -> u32 {
    let (width, height) = size.unwrap_or(USUAL);
    let (mut width, mut height) = (f64::from(width), f64::from(height));
    let mut scale = |factor: f64| {
        if factor < 1.0 {
            (width, height) = (width * factor, height * factor);
        }
        (width, height)
    };
    let (width, height) = scale(2_048.0 / f64::from(size.map_or(1, |(w, h)| w.max(h))));
    match image_rule(model) {
        ImageRule::Tiles(base, _) if low => base,
        ImageRule::Tiles(base, tile) => {
            let (width, height) = scale(768.0 / width.min(height));
            // As many as a whole pixel needs.
            let tiles = |side: f64| ((side.round() / TILE).ceil() as u32).max(1);
            base + tile * tiles(width) * tiles(height)
        }
        ImageRule::Patches(factor) => {
            let most = if low { 256.0 } else { 1_536.0 };
            let patches = |side: f64| (side / PATCH).ceil().max(1.0);
            let mut count = patches(width) * patches(height);
            if count > most {
                let shrink = (PATCH * PATCH * most / (width * height)).sqrt();
                let whole = |side: f64| (side * shrink / PATCH).floor() / (side * shrink / PATCH);
                let shrink = shrink * whole(width).min(whole(height));
                count = (patches((width * shrink).floor()) * patches((height * shrink).floor()))
                    .min(most);
            }
            (count * factor).ceil() as u32
        }
    }
}

/// Tokens of a document at 1,000 a page, which is assumed; a text has its own.
pub(super) fn usual_document(bytes: &[u8]) -> u32 {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && !bytes.starts_with(b"%PDF") => count(text),
        _ => pages(bytes).saturating_mul(1_000),
    }
}

/// Tokens of an image for Claude: a token for 750 pixels, of an image that is scaled down to 1,568
/// pixels on its long edge and to about 1,600 tokens. Source: the page on vision of Anthropic's
/// documentation.
pub(super) fn claude_image(size: Option<Pixels>) -> u32 {
    let (width, height) = size.unwrap_or(USUAL);
    let long = width.max(height).max(1_568);
    let scaled = |side: u32| u64::from(side) * 1_568 / u64::from(long);
    let pixels = scaled(width) * scaled(height);
    u32::try_from(pixels.div_ceil(750)).unwrap_or(u32::MAX).min(1_600)
}

/// Tokens of a document for Claude: a PDF of three pages has about 7,000, by the page on PDFs of
/// Anthropic's documentation; a text its own.
pub(super) fn claude_document(bytes: &[u8]) -> u32 {
    match std::str::from_utf8(bytes) {
        Ok(text) if !bytes.starts_with(b"%PDF") => count(text),
        _ => pages(bytes).saturating_mul(7_000) / 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claudes_images_are_those_of_the_documentation() {
        // The table of the page on vision.
        for (side, tokens) in [(200, 54), (1_000, 1_334), (1_092, 1_590)] {
            assert_eq!(claude_image(Some((side, side))), tokens);
        }
        assert_eq!(claude_image(Some((8_000, 8_000))), 1_600);
        assert_eq!(claude_image(Some((3_136, 100))), 105);
        assert_eq!(claude_image(Some((u32::MAX, 1))), 0);
    }

    #[test]
    fn openais_images_are_those_of_the_documentation() {
        // The examples of the guide: GPT-4o in high and low detail, and GPT-4.1 mini.
        for (model, size, low, tokens) in [
            ("gpt-4o", (1_024, 1_024), false, 765),
            ("gpt-4o", (2_048, 4_096), false, 1_105),
            ("gpt-4o-2024-08-06", (4_096, 8_192), true, 85),
            ("gpt-4o-mini", (1_024, 1_024), false, 25_501),
            ("gpt-4.1-mini", (1_024, 1_024), false, 1_659),
            ("gpt-5", (1_024, 1_024), false, 630),
            ("o3", (1_024, 1_024), false, 675),
            ("gpt-5.5", (1_024, 1_024), false, 1_024),
        ] {
            assert_eq!(openai_image(model, Some(size), low), tokens, "{model} {size:?}");
        }
        // An image of 1,800 by 2,400 pixels has 1,452 patches.
        assert_eq!(openai_image("gpt-5.5", Some((1_800, 2_400)), false), 1_452);
        assert_eq!(openai_image("gpt-4o", None, false), 765);
        assert_eq!(openai_image("gpt-4o", Some((1, u32::MAX)), false), 85 + 4 * 170);
        assert_eq!(
            (usual_document(b"a b"), usual_document(b""), usual_document(b"%PDF-1.4")),
            (2, 1_000, 1_000)
        );
    }

    #[test]
    fn sizes_pages_and_lengths_are_read() {
        let pixel = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
        assert_eq!(size(&decoded(pixel).unwrap()), Some((1, 1)));
        assert_eq!((decoded("data:image/png,x"), decoded("?"), size(b"GIF")), (None, None, None));
        let pdf = b"%PDF-1.4 1 0 obj <</Type/Pages/Count 2>> 2 0 obj <</Type /Page>> 3 0 obj <</Type/Page/Parent 1 0 R>>";
        assert_eq!((pages(pdf), pages(b""), claude_document(pdf)), (2, 1, 4_666));
        // One second of a WAV of 8,000 samples of two bytes.
        let mut wave =
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data"
                .to_vec();
        wave.resize(16_000, 0);
        assert_eq!((milliseconds(&wave), sound(&wave, 32)), (1_000, 32));
        assert_eq!((milliseconds(b""), milliseconds(&[0; 32_000])), (10_000, 2_000));
    }
}

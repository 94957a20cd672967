//! Text as one argument of a command that a reader pastes into a shell.
//!
//! Does not know: which command it is for.

/// A text as a POSIX shell reads it back: as it stands where no character of it means anything to a
/// shell, else in single quotes.
#[must_use]
pub fn shell_argument(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_means_something_to_a_shell_is_quoted() {
        assert_eq!(shell_argument("runs/2026-11-01/my.ron"), "runs/2026-11-01/my.ron");
        assert_eq!(shell_argument(""), "''");
        assert_eq!(shell_argument("my run"), "'my run'");
        assert_eq!(shell_argument("$HOME;rm"), "'$HOME;rm'");
        assert_eq!(shell_argument("Ann's"), r"'Ann'\''s'");
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_it_back() {
        for text in
            ["plain", "", "two words", "it's", "$(ls) `ls` \"x\" \\ * ~", "ü\n\t", "a=b,c%d"]
        {
            let script = format!("printf %s {}", shell_argument(text));
            let read = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(read.stdout).unwrap(), text, "{script}");
        }
    }
}

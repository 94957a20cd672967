//! What people tell of themselves in a question, as a recipe; and the words for it.
//!
//! Everybody here is invented: domains end in `.example` (RFC 2606), phone numbers lie in the range
//! 555-0100 to 555-0199 that is kept free for fiction, and the companies do not exist.
//!
//! Guarantees: a recipe is a few bytes and `Copy`; [`PersonalData::each`] names its phrases in
//! order, shown or redacted, so counting and rendering cannot differ.
//!
//! Does not know: how likely anything is, or what is asked.

use std::fmt::Write as _;
use std::ops::{BitAnd, BitOr};
use std::sync::LazyLock;

use super::tokens::Phrase;

/// What stands in place of something redacted.
pub const REDACTED: &str = "[REDACTED]";

/// One kind of personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum PiiKind {
    /// First and last name.
    Name = 0,
    /// E-mail address.
    Email = 1,
    /// Phone number.
    Phone = 2,
    /// Street address.
    Address = 3,
    /// Employer.
    Company = 4,
    /// Job title.
    Title = 5,
}

impl PiiKind {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Name, Self::Email, Self::Phone, Self::Address, Self::Company, Self::Title];

    /// The name that the tutorial's security agent gives to the type.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Address => "address",
            Self::Company => "company",
            Self::Title => "job_title",
        }
    }
}

/// A set of kinds of personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct PiiSet(u8);

impl PiiSet {
    /// None.
    pub const NONE: Self = Self(0);
    /// All six.
    pub const ALL: Self = Self(0b11_1111);

    /// The set with these bits; bit n is the item of number n, higher bits are ignored.
    #[must_use]
    pub fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// Its bits.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// With one more.
    #[must_use]
    pub const fn with(self, item: PiiKind) -> Self {
        Self(self.0 | 1 << item as u8)
    }

    /// Without those of another set.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether it has this one.
    #[must_use]
    pub const fn has(self, item: PiiKind) -> bool {
        self.0 & 1 << item as u8 != 0
    }

    /// How many.
    #[must_use]
    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many of them tell something about the question's background: company and job title.
    /// Taking them out costs an answer context; a name or a way to reach somebody does not.
    #[must_use]
    pub fn context(self) -> u32 {
        (self & Self::NONE.with(PiiKind::Company).with(PiiKind::Title)).len()
    }

    /// Those in it, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = PiiKind> {
        PiiKind::ALL.into_iter().filter(move |&item| self.has(item))
    }
}

impl BitAnd for PiiSet {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for PiiSet {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// How much a security agent is told to redact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redaction {
    /// What identifies directly: name, e-mail, phone, address.
    Basic,
    /// The company and the job title too.
    Strict,
}

impl Redaction {
    /// What it covers.
    #[must_use]
    pub fn covers(self) -> PiiSet {
        match self {
            Self::Basic => PiiSet::NONE
                .with(PiiKind::Name)
                .with(PiiKind::Email)
                .with(PiiKind::Phone)
                .with(PiiKind::Address),
            Self::Strict => PiiSet::ALL,
        }
    }
}

/// What one person tells of themselves: at least one item, and which words it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersonalData {
    items: PiiSet,
    bits: u64,
}

impl PersonalData {
    /// These items; `bits` choose the words (the lowest 40 are used). `None` without items.
    #[must_use]
    pub fn new(items: PiiSet, bits: u64) -> Option<Self> {
        (!items.is_empty()).then_some(Self { items, bits })
    }

    /// What is told.
    #[must_use]
    pub fn items(self) -> PiiSet {
        self.items
    }

    /// The index in a bank of 2^`width` words that starts at bit `from`.
    fn index(self, from: u32, width: u32) -> usize {
        (self.bits >> from) as usize & ((1 << width) - 1)
    }

    /// The phrases of the introduction in order, with `redacted` items hidden; the question follows
    /// after them.
    #[expect(
        clippy::indexing_slicing,
        reason = "a bank that is chosen from by n bits has 2^n phrases, and a pair has two"
    )]
    pub fn each<'a>(self, redacted: PiiSet, mut say: impl FnMut(&'a Phrase)) {
        let words: &'static Wording = &WORDING;
        let has = |item| self.items.has(item);
        let hidden = |item| redacted.has(item);
        let (first, last) = (self.index(0, 5), self.index(5, 5));
        say(&words.greeting);
        let followed = usize::from(has(PiiKind::Email));
        if !has(PiiKind::Name) {
            say(&words.nobody[followed]);
        } else if hidden(PiiKind::Name) {
            say(&words.hidden_name[followed]);
        } else {
            say(&words.first[first]);
            say(&words.last[followed][last]);
        }
        if has(PiiKind::Email) {
            if hidden(PiiKind::Email) {
                say(&words.hidden_email);
            } else {
                say(&words.mail_first[first]);
                say(&words.mail_last[last]);
                say(&words.domain[self.index(10, 4)]);
            }
        }
        let employed = usize::from(has(PiiKind::Company));
        if has(PiiKind::Title) {
            say(if hidden(PiiKind::Title) {
                &words.hidden_title[employed]
            } else {
                &words.title[employed][self.index(14, 4)]
            });
        }
        if has(PiiKind::Company) {
            let titled = usize::from(has(PiiKind::Title));
            say(if hidden(PiiKind::Company) {
                &words.hidden_company[titled]
            } else {
                &words.company[titled][self.index(18, 5)]
            });
        }
        if has(PiiKind::Address) {
            if hidden(PiiKind::Address) {
                say(&words.hidden_address);
            } else {
                say(&words.number[self.index(23, 5)]);
                say(&words.street[self.index(28, 4)]);
            }
        }
        if has(PiiKind::Phone) {
            if hidden(PiiKind::Phone) {
                say(&words.hidden_phone);
            } else {
                say(&words.area[self.index(32, 2)]);
                say(&words.line[self.index(34, 6)]);
            }
        }
        say(&words.request);
    }
}

/// The last words of every introduction.
pub(super) const REQUEST: &str = " and I need help.";

/// Words before an item, as [`super::detect`] knows them again.
pub(super) mod cue {
    /// Before a name.
    pub const NAME: &str = "I'm ";
    /// Before an e-mail address.
    pub const EMAIL: &str = "(";
    /// Before a phone number.
    pub const PHONE: &str = "reachable on ";
    /// Before an address.
    pub const ADDRESS: &str = "writing from ";
    /// Before a company after a title.
    pub const AT: &str = "at ";
    /// Before a company without a title.
    pub const FROM: &str = "from ";
}

/// Every phrase of an introduction, counted once. Each starts with a space, so neighbors join
/// cleanly; the parts of an e-mail address and of a phone number join a letter or digit to
/// punctuation.
struct Wording {
    greeting: Phrase,
    request: Phrase,
    nobody: [Phrase; 2],
    hidden_name: [Phrase; 2],
    first: Vec<Phrase>,
    last: [Vec<Phrase>; 2],
    hidden_email: Phrase,
    mail_first: Vec<Phrase>,
    mail_last: Vec<Phrase>,
    domain: Vec<Phrase>,
    hidden_title: [Phrase; 2],
    title: [Vec<Phrase>; 2],
    hidden_company: [Phrase; 2],
    company: [Vec<Phrase>; 2],
    hidden_address: Phrase,
    number: Vec<Phrase>,
    street: Vec<Phrase>,
    hidden_phone: Phrase,
    area: Vec<Phrase>,
    line: Vec<Phrase>,
}

static WORDING: LazyLock<Wording> = LazyLock::new(|| {
    /// The phrase of each word of a bank.
    fn each(bank: &[&str], frame: impl Fn(&str) -> String) -> Vec<Phrase> {
        bank.iter().map(|word| Phrase::new(frame(word))).collect()
    }
    fn numbered(
        range: std::ops::Range<u32>,
        frame: impl Fn(&mut String, u32) -> std::fmt::Result,
    ) -> Vec<Phrase> {
        range
            .map(|n| {
                let mut text = String::new();
                // Writing to a string cannot fail.
                let _ = frame(&mut text, n);
                Phrase::new(text)
            })
            .collect()
    }
    let phrase = |text: String| Phrase::new(text);
    Wording {
        greeting: phrase("Hi,".into()),
        request: phrase(REQUEST.into()),
        nobody: [phrase(" I'm new here,".into()), phrase(" I'm new here".into())],
        hidden_name: [
            phrase(format!(" {}{REDACTED},", cue::NAME)),
            phrase(format!(" {}{REDACTED}", cue::NAME)),
        ],
        first: each(&FIRST, |word| format!(" {}{word}", cue::NAME)),
        last: [each(&LAST, |word| format!(" {word},")), each(&LAST, |word| format!(" {word}"))],
        hidden_email: phrase(format!(" {}{REDACTED}),", cue::EMAIL)),
        mail_first: each(&FIRST, |word| format!(" {}{}", cue::EMAIL, word.to_lowercase())),
        mail_last: each(&LAST, |word| format!(".{}", word.to_lowercase())),
        domain: each(&DOMAIN, |word| format!("@{word}),")),
        hidden_title: [phrase(format!(" working as {REDACTED},")), phrase(format!(" {REDACTED}"))],
        title: [
            each(&TITLE, |word| format!(" working as {word},")),
            each(&TITLE, |word| format!(" {word}")),
        ],
        hidden_company: [
            phrase(format!(" {}{REDACTED},", cue::FROM)),
            phrase(format!(" {}{REDACTED},", cue::AT)),
        ],
        company: [
            each(&COMPANY, |word| format!(" {}{word},", cue::FROM)),
            each(&COMPANY, |word| format!(" {}{word},", cue::AT)),
        ],
        hidden_address: phrase(format!(" {}{REDACTED},", cue::ADDRESS)),
        number: numbered(0..32, |text, n| write!(text, " {}{}", cue::ADDRESS, 3 + 7 * n)),
        street: each(&STREET, |word| format!(" {word},")),
        hidden_phone: phrase(format!(" {}{REDACTED},", cue::PHONE)),
        area: each(&["202", "312", "415", "617"], |word| format!(" {}{word}-555", cue::PHONE)),
        line: numbered(100..164, |text, n| write!(text, "-{n:04},")),
    }
});

const FIRST: [&str; 32] = [
    "Maria", "James", "Aisha", "Daniel", "Elena", "Kenji", "Olivia", "Tomas", "Priya", "Lucas",
    "Ingrid", "Samuel", "Fatima", "Victor", "Hannah", "Mateo", "Sofia", "Andre", "Leila", "Martin",
    "Grace", "Omar", "Julia", "Peter", "Nadia", "Simon", "Clara", "Ravi", "Helen", "Diego",
    "Laura", "Felix",
];

const LAST: [&str; 32] = [
    "Keller",
    "Okafor",
    "Lindqvist",
    "Moreau",
    "Tanaka",
    "Novak",
    "Ferreira",
    "Haddad",
    "Brandt",
    "Sullivan",
    "Kowalski",
    "Patel",
    "Jensen",
    "Rossi",
    "Mbeki",
    "Fischer",
    "Castillo",
    "Larsen",
    "Petrov",
    "Ahmed",
    "Dubois",
    "Walker",
    "Nakamura",
    "Silva",
    "Harper",
    "Weber",
    "Costa",
    "Bergman",
    "Murphy",
    "Sharma",
    "Turner",
    "Vogel",
];

const DOMAIN: [&str; 16] = [
    "example.com",
    "example.org",
    "example.net",
    "mail.example",
    "inbox.example",
    "post.example.com",
    "harbor.example",
    "northwind.example",
    "lantern.example",
    "meadow.example.org",
    "orbit.example",
    "cobalt.example.net",
    "summit.example",
    "willow.example",
    "atlas.example.com",
    "pioneer.example",
];

const TITLE: [&str; 16] = [
    "Data Lead",
    "Research Engineer",
    "Product Manager",
    "Machine Learning Engineer",
    "Operations Director",
    "Senior Analyst",
    "Staff Scientist",
    "Solutions Architect",
    "Innovation Consultant",
    "Chief Technology Officer",
    "Platform Developer",
    "Postdoctoral Researcher",
    "Training Coordinator",
    "Automation Specialist",
    "Vice President",
    "Systems Administrator",
];

const COMPANY: [&str; 32] = [
    "Brightwater Robotics",
    "Northlight Analytics",
    "Copperfield Systems",
    "Juniper Bay Logistics",
    "Silverline Energy",
    "Oakhurst Health",
    "Meridian Foods",
    "Harborview Bank",
    "Tidewater Labs",
    "Cedar Point Technologies",
    "Falcon Ridge Industries",
    "Summerfield Group",
    "Bluestone Software",
    "Larkspur Media",
    "Windmere Insurance",
    "Ironbridge Manufacturing",
    "Amberleaf Pharma",
    "Stonegate Capital",
    "Riverbend Mobility",
    "Clearbrook Games",
    "Highmark Airlines",
    "Pinecrest Labs",
    "Seabright Shipping",
    "Goldcrest Retail",
    "Thornton Vale Systems",
    "Maplewood Robotics",
    "Crescent Hill Analytics",
    "Eastgate Telecom",
    "Willowbank Energy",
    "Quarry Lane Software",
    "Foxglove Health",
    "Redwood Gate Logistics",
];

const STREET: [&str; 16] = [
    "Harbor Lane",
    "Maple Street",
    "Station Road",
    "Orchard Avenue",
    "Mill Road",
    "Chapel Street",
    "Lakeview Drive",
    "Bridge Street",
    "Garden Court",
    "Kingfisher Way",
    "Market Square",
    "Linden Avenue",
    "Quarry Road",
    "Old Tower Lane",
    "Birch Terrace",
    "Sunset Boulevard",
];

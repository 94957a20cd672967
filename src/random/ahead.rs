//! Stages of the same owner, drawn four at a time.
//!
//! Guarantees: a stage is the same as the one that is drawn alone; only the time differs. Which
//! stages an owner will need next is guessed from the owners before.
//!
//! Does not know: what the luck is used for.

use simlab_chacha::{LANES, first_blocks};

use super::{Begun, Luck, Owner, Purpose, Seed, Stage};

/// Most different stages that are remembered; further ones are drawn alone.
const MOST: usize = 64;
/// Owners whose stages are kept: a power of two, several times the usual number of workers.
const OWNERS: usize = 256;

/// A stage of an owner.
type OwnStage = (Purpose, u64);

/// Stages that are drawn before they are asked for.
#[derive(Clone, Debug)]
pub struct StagesAhead {
    /// The stages that some owner has asked for.
    known: Vec<OwnStage>,
    /// Which of them an owner asked for first, and then for each which one the owner asked for next
    /// that was new to it, the last time.
    after: Vec<u8>,
    /// By the lowest bits of the owner.
    owners: Vec<OwnStages>,
}

/// The stages of one owner.
#[derive(Clone, Debug)]
struct OwnStages {
    luck: Luck,
    owner: Owner,
    /// The owner's seed.
    seed: Seed,
    /// One more than the number of the stage that was asked for last among those that were new; 0
    /// before the first.
    last: u8,
    /// A bit for each known stage that was asked for.
    asked: u64,
    /// A bit for each known stage that has been drawn.
    drawn: u64,
    /// The first block of each.
    blocks: Vec<[u64; 8]>,
}

impl Default for StagesAhead {
    fn default() -> Self {
        let nobody = OwnStages {
            luck: Seed(0).into(),
            owner: Owner::NOBODY,
            seed: Seed(0),
            last: 0,
            asked: 0,
            drawn: 0,
            blocks: Vec::new(),
        };
        Self { known: Vec::new(), after: vec![0], owners: vec![nobody; OWNERS] }
    }
}

impl StagesAhead {
    /// The stage (purpose, owner, nth) of this luck.
    pub fn stage(&mut self, luck: Luck, owner: Owner, purpose: Purpose, nth: u64) -> Stage {
        let alone = || luck.of(owner).stage(purpose, owner, nth);
        let place = owner.0 as usize % OWNERS;
        let Some(own) = self.owners.get_mut(place) else { return alone() };
        if own.owner != owner || own.luck != luck {
            (own.luck, own.owner, own.seed) = (luck, owner, luck.of(owner));
            (own.last, own.asked, own.drawn) = (0, 0, 0);
        }
        let wanted = (purpose, nth);
        let expected = self.after.get(usize::from(own.last)).copied().unwrap_or_default();
        let number = if self.known.get(usize::from(expected)) == Some(&wanted) {
            expected
        } else {
            let known = self.known.iter().position(|known| *known == wanted);
            let Some(number) = known.or((self.known.len() < MOST).then_some(self.known.len()))
            else {
                return alone();
            };
            if number == self.known.len() {
                self.known.push(wanted);
                self.after.push(0);
            }
            // Fits: there are few of them.
            number as u8
        };
        if own.asked & 1 << number == 0 {
            own.asked |= 1 << number;
            if let Some(after) = self.after.get_mut(usize::from(own.last)) {
                *after = number;
            }
            own.last = number + 1;
        }
        if own.drawn & 1 << number == 0 {
            own.draw(number, &self.known, &self.after);
        }
        match own.blocks.get(usize::from(number)) {
            Some(&block) => Stage::Begun(Begun {
                block,
                taken: 0,
                stream: own.seed.stream(purpose, owner, nth),
            }),
            None => alone(),
        }
    }
}

impl OwnStages {
    /// Draws this stage, and those that are expected after it.
    fn draw(&mut self, number: u8, known: &[OwnStage], after: &[u8]) {
        let mut numbers = [number; LANES];
        let (mut at, mut taken) = (number, self.drawn | 1 << number);
        for next in numbers.iter_mut().skip(1) {
            // The way leads past what has been drawn, at most once around; then any other will do.
            let mut steps = known.len();
            while taken & 1 << at != 0 && steps > 0 {
                at = after.get(usize::from(at) + 1).copied().unwrap_or(number);
                steps -= 1;
            }
            if taken & 1 << at != 0 {
                at = taken.trailing_ones() as u8;
            }
            if usize::from(at) >= known.len() {
                break;
            }
            *next = at;
            taken |= 1 << at;
        }
        let streams = numbers.map(|number| {
            let stage = known.get(usize::from(number)).copied();
            let (purpose, nth) = stage.unwrap_or((Purpose::Visitor, 0));
            self.seed.stream(purpose, self.owner, nth)
        });
        self.blocks.resize(self.blocks.len().max(known.len()), [0; 8]);
        for (number, block) in numbers.into_iter().zip(first_blocks(&streams)) {
            if let Some(place) = self.blocks.get_mut(usize::from(number)) {
                *place = block;
                self.drawn |= 1 << number;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_that_are_drawn_ahead_are_those_that_are_drawn_alone() {
        let mut ahead = StagesAhead::default();
        let mut luck = Seed(7).stage(Purpose::Planned, Owner::NOBODY, 0);
        let shared = Luck { shared: Some((Seed(8), 0.5)), ..Seed(7).into() };
        for _ in 0..20_000 {
            // Owners that take turns, some of them in the same place; more stages than are
            // remembered; some longer than a block.
            let owner = Owner(luck.below(40) as u128 * OWNERS as u128 / 2);
            let purpose = [Purpose::Support, Purpose::Node, Purpose::Judge][luck.below(3)];
            let (nth, numbers) = (luck.below(40) as u64, 1 + luck.below(20));
            let of = [Seed(7).into(), shared][luck.below(2)];
            let mut drawn = ahead.stage(of, owner, purpose, nth);
            let mut alone = of.of(owner).stage(purpose, owner, nth);
            for _ in 0..numbers {
                assert_eq!(drawn.bits(), alone.bits());
            }
        }
        assert_eq!(ahead.known.len(), MOST);
    }

    #[test]
    fn what_the_owner_before_needed_is_drawn_four_at_a_time() {
        let mut ahead = StagesAhead::default();
        // An agent that is called three times over the same question, and others after it.
        let (call, effort) = ((Purpose::Support, 0), (Purpose::Effort, 0));
        let asked = [
            (Purpose::Writing, 0),
            call,
            effort,
            (Purpose::Support, 1),
            effort,
            (Purpose::Support, 2),
            effort,
            (Purpose::Node, 7),
            (Purpose::Judge, 0),
        ];
        let mut counts = Vec::new();
        for user in 0..5_u32 {
            let owner = Owner::of(&user.to_le_bytes());
            let (mut drawn, mut batches) = (0, 0);
            for (purpose, nth) in asked {
                ahead.stage(Seed(7).into(), owner, purpose, nth);
                let own = ahead.owners.iter().find(|own| own.owner == owner).unwrap();
                batches += usize::from(own.drawn != drawn);
                drawn = own.drawn;
            }
            counts.push(batches);
        }
        // Seven stages fit into two times four.
        assert_eq!(counts, [7, 2, 2, 2, 2]);
    }
}

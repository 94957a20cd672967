//! The journal of a live run on disks that fail: what was acknowledged is there again, and nothing
//! half written is read.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::*;
use crate::live::reading::repair;
use crate::live::recording::sample;
use crate::random::{Owner, Purpose, Seed};

#[test]
fn a_journal_goes_on_where_its_last_whole_line_ends() {
    let folder = std::env::temp_dir().join(format!("simlab-journal-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (path, copy) = (folder.join("journal.jsonl"), folder.join("copy.jsonl"));
    let run = sample()[0].clone();
    let mut journal = Journal::create(&path).unwrap();
    assert!(matches!(Journal::create(&path), Err(OpenError::Locked)));
    journal.write(&run).unwrap();
    assert!(matches!(Journal::resume(&path), Err(OpenError::Locked)));
    journal.write(&RecordedLine::Over { user: 1 }).unwrap();
    drop(journal);
    assert!(matches!(Journal::create(&path), Err(OpenError::Begun)));
    let whole = std::fs::read(&path).unwrap();
    let torn = b"{\"over\":{\"us";
    std::fs::write(&path, [&whole[..], torn].concat()).unwrap();
    let Resumed { mut journal, recording, cut } = Journal::resume(&path).unwrap();
    assert_eq!(recording.over.len(), 1);
    let (bytes, kept) = cut.unwrap();
    assert_eq!((bytes, std::fs::read(kept).unwrap()), (torn.len(), torn.to_vec()));
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    journal.copy_to(&copy, &path).unwrap();
    journal.write(&RecordedLine::Over { user: 2 }).unwrap();
    drop(journal);
    for path in [&path, &copy] {
        assert_eq!(Recording::read(&std::fs::read(path).unwrap()).unwrap().over.len(), 2);
    }
    std::fs::write(&copy, "something else").unwrap();
    let Resumed { mut journal, cut, .. } = Journal::resume(&path).unwrap();
    assert!(journal.copy_to(&copy, &path).is_err() && cut.is_none());
    drop(journal);
    // Without a whole line the run has not begun.
    for empty in [&b""[..], b"{\"run\":{\"sche", b"\0\0\0\0"] {
        std::fs::write(&path, empty).unwrap();
        let Resumed { mut journal, recording, cut } = Journal::resume(&path).unwrap();
        assert!(recording.run.is_none() && cut.is_some() != empty.is_empty());
        journal.write(&run).unwrap();
        drop(journal);
        assert!(Recording::read(&std::fs::read(&path).unwrap()).is_ok());
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A disk that fails by a seed: short writes, cuts and syncs that fail, and, when the power goes,
/// pages that never arrived.
#[derive(Clone, Debug)]
struct Failing {
    seed: u64,
    /// How often it has drawn.
    drawn: Cell<u64>,
    bytes: Rc<RefCell<Vec<u8>>>,
    /// Bytes that are surely on the disk.
    durable: Rc<Cell<usize>>,
    /// One in so many writes fails; 0: none.
    one_in: u64,
}

impl Failing {
    fn below(&self, bound: u64) -> u64 {
        self.drawn.set(self.drawn.get() + 1);
        Seed(self.seed)
            .stage(Purpose::Jitter, Owner::NOBODY, self.drawn.get())
            .below(bound as usize) as u64
    }

    fn fails(&self, times: u64) -> bool {
        self.one_in > 0 && self.below(self.one_in * times) == 0
    }

    /// The power goes: of what was not waited for, any page may be missing or torn.
    fn lose_power(&self) {
        let mut bytes = self.bytes.borrow_mut();
        let length =
            self.durable.get() + self.below((bytes.len() - self.durable.get()) as u64 + 1) as usize;
        bytes.truncate(length);
        let mut at = self.durable.get();
        while at < bytes.len() {
            let end = (at + 64).min(bytes.len());
            if self.below(3) == 0 {
                bytes[at..end].fill(0);
            }
            at = end;
        }
    }
}

impl Disk for Failing {
    fn append(&mut self, new: &[u8]) -> io::Result<()> {
        let fails = self.fails(1);
        let length = if fails { self.below(new.len() as u64) as usize } else { new.len() };
        self.bytes.borrow_mut().extend_from_slice(&new[..length]);
        if fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        if self.fails(3) {
            return Err(io::ErrorKind::Other.into());
        }
        self.bytes.borrow_mut().truncate(length as usize);
        self.durable.set(self.durable.get().min(length as usize));
        Ok(())
    }

    fn rewrite(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.fails(3) {
            return Err(io::ErrorKind::Other.into());
        }
        self.durable.set(self.bytes.borrow().len());
        Ok(())
    }
}

/// Users whose visits are over in whole lines, in the order of the lines.
fn over(recording: &Recording) -> Vec<u32> {
    recording.over.iter().copied().collect()
}

#[test]
fn on_a_disk_that_fails_nothing_that_was_acknowledged_is_lost() {
    let seeds =
        std::env::var("SIMLAB_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(2_000);
    let (mut failed, mut damaged, mut cut) = (0, 0, 0);
    for seed in 0..seeds {
        let disk = Failing {
            seed,
            drawn: Cell::new(0),
            bytes: Rc::default(),
            durable: Rc::default(),
            one_in: 20 * (seed % 3),
        };
        let mut journal = Journal::on(Box::new(disk.clone()), 0, 0);
        let (mut acknowledged, mut durable, mut user) = (Vec::new(), Vec::new(), 0);
        if journal.write(&sample()[0]).is_err() {
            continue;
        }
        for _ in 0..5 {
            // Some lines, a wait for the disk now and then; then the process is killed, or the
            // power goes.
            for _ in 0..disk.below(40) {
                user += 1;
                match journal.write(&RecordedLine::Over { user }) {
                    Ok(()) => acknowledged.push(user),
                    Err(_) => failed += 1,
                }
                if disk.below(8) == 0 && journal.sync().is_ok() {
                    durable.clone_from(&acknowledged);
                }
            }
            let power = disk.below(2) == 0;
            if power {
                disk.lose_power();
            }
            let text = disk.bytes.borrow().clone();
            let (reading, text) = match JournalReading::of(&text) {
                Ok(reading) => (reading, text),
                Err(unreadable) => {
                    // Only lost pages make damage in the middle.
                    assert!(power && unreadable.whole_after > 0, "seed {seed}: {unreadable}");
                    damaged += 1;
                    let repaired = repair(&text).unwrap().unwrap().text;
                    (JournalReading::of(&repaired).unwrap(), repaired)
                }
            };
            cut += usize::from(reading.cut_bytes > 0);
            if reading.recording.run.is_none() {
                assert!(power && durable.is_empty(), "seed {seed}");
                break;
            }
            let known = over(&reading.recording);
            let sure = if power { &durable } else { &acknowledged };
            assert!(
                sure.iter().all(|user| known.contains(user)),
                "seed {seed}: {sure:?} {known:?}"
            );
            assert!(known.iter().all(|known| *known <= user), "seed {seed}: {known:?}");
            *disk.bytes.borrow_mut() = text[..reading.whole_bytes].to_vec();
            disk.durable.set(reading.whole_bytes);
            (acknowledged, durable) = (known.clone(), known);
            journal =
                Journal::on(Box::new(disk.clone()), reading.lines, reading.whole_bytes as u64);
        }
    }
    // The simulation has met what it is there for.
    assert!(
        seeds < 1_000 || (failed > 100 && damaged > 100 && cut > 100),
        "{failed} {damaged} {cut}"
    );
}

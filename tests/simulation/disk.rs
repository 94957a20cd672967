//! A disk whose writes are short, fail, tear, come in another order, and are lost with the power
//! unless they were waited for.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use simlab::live::disk::{Disk, Syncing};

use super::world::{Planted, Step, World};

/// Bytes of a page. Real ones are larger; small ones tear more lines.
const PAGE: usize = 128;

#[derive(Debug, Default)]
struct Bytes {
    /// What the operating system shows.
    shown: Vec<u8>,
    /// What survives the end of the power.
    durable: Vec<u8>,
    /// The first byte that may differ between the two.
    dirty: usize,
    /// How many bytes from the start on a sync has promised.
    promised: usize,
    /// Bytes that a failed sync lost: they are shown, and no sync writes them unless their page
    /// changes again.
    ghosts: Vec<(usize, usize)>,
}

/// A file on it. Clones are the same file.
#[derive(Clone, Debug)]
pub struct Platter {
    world: Arc<World>,
    bytes: Arc<Mutex<Bytes>>,
}

impl Platter {
    pub fn new(world: &Arc<World>) -> Self {
        Self { world: Arc::clone(world), bytes: Arc::default() }
    }

    fn bytes(&self) -> MutexGuard<'_, Bytes> {
        self.bytes.lock().unwrap()
    }

    /// What a process reads.
    pub fn read(&self) -> Vec<u8> {
        self.bytes().shown.clone()
    }

    /// How many bytes from the start on a sync has promised.
    pub fn promised(&self) -> usize {
        self.bytes().promised
    }

    /// Puts another file in its place, which is on the disk.
    pub fn replace(&self, text: Vec<u8>) {
        let length = text.len();
        *self.bytes() = Bytes {
            durable: text.clone(),
            shown: text,
            dirty: length,
            promised: length,
            ghosts: Vec::new(),
        };
    }

    /// The power goes: of what was not waited for, any page may be missing, in any order, and the
    /// file may end anywhere.
    pub fn lose_power(&self) {
        let mut bytes = self.bytes();
        let Bytes { shown, durable, dirty, ghosts, .. } = &mut *bytes;
        let (short, long) = (shown.len().min(durable.len()), shown.len().max(durable.len()));
        let length = short + self.world.below((long - short) as u64 + 1) as usize;
        let mut at = *dirty;
        durable.resize(length, 0);
        while at < length {
            let end = ((at / PAGE + 1) * PAGE).min(length);
            let is_ghost = ghosts.iter().any(|(from, to)| (*from..*to).contains(&at));
            if !is_ghost && self.world.below(4) > 0 {
                for (old, new) in
                    durable[at..end].iter_mut().zip(shown.get(at..).unwrap_or_default())
                {
                    *old = *new;
                }
            }
            at = end;
        }
        *dirty = length;
        // What was promised stays promised.
        ghosts.clear();
        shown.clone_from(durable);
    }
}

/// The user and the request's digest of a line that tells of an answer.
fn answer_in(line: &[u8]) -> Option<(u32, String)> {
    let line = line.strip_prefix(b"{\"answered\":{\"call\":{\"user\":")?;
    let text = std::str::from_utf8(line).ok()?;
    let user = text.split(',').next()?.parse().ok()?;
    let (_, request) = text.split_once("\"request\":\"")?;
    Some((user, request.get(..32)?.to_owned()))
}

impl Disk for Platter {
    fn append(&mut self, new: &[u8]) -> io::Result<()> {
        let step = self.world.step();
        if step == Step::Dead {
            return Err(io::ErrorKind::Other.into());
        }
        let fails = step == Step::Dying
            || self.world.is_full()
            || self.world.strikes(self.world.faults.disk);
        let written =
            if fails { self.world.below(new.len() as u64 + 1) as usize } else { new.len() };
        let mut bytes = self.bytes();
        let page = bytes.shown.len() / PAGE;
        // A page that changes again is written as a whole.
        let healed =
            bytes.ghosts.iter().map(|(from, _)| *from).filter(|from| from / PAGE == page).min();
        bytes.dirty = bytes.dirty.min(healed.unwrap_or(usize::MAX));
        bytes.ghosts.retain(|(from, _)| from / PAGE != page);
        bytes.shown.extend_from_slice(&new[..written]);
        if written == new.len()
            && let Some(answer) = answer_in(new)
        {
            self.world.inner().answered.insert(answer);
        }
        if fails && self.world.planted == Some(Planted::ShortWriteIsUnseen) && step == Step::Alive {
            return Ok(());
        }
        if fails { Err(self.failed(step)) } else { Ok(()) }
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let step = self.world.step();
        if step != Step::Alive || self.world.strikes(self.world.faults.disk) {
            return Err(self.failed(step));
        }
        let mut bytes = self.bytes();
        let length = length as usize;
        bytes.shown.truncate(length);
        bytes.dirty = bytes.dirty.min(length);
        bytes.promised = bytes.promised.min(length);
        bytes.ghosts.retain(|(from, _)| *from < length);
        Ok(())
    }

    fn rewrite(&mut self, bytes: &[u8]) -> io::Result<()> {
        let step = self.world.step();
        if step != Step::Alive || self.world.strikes(self.world.faults.disk) {
            return Err(self.failed(step));
        }
        let mut own = self.bytes();
        self.world.hold(own.shown.starts_with(bytes), || {
            "other bytes are written over the journal".to_owned()
        });
        own.dirty = 0;
        own.ghosts.clear();
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let length = self.bytes().shown.len();
        self.sync_up_to(length)
    }

    /// What is appended meanwhile may miss it.
    fn begin_sync(&mut self) -> Syncing {
        let (length, mut own) = (self.bytes().shown.len(), self.clone());
        let takes = Duration::from_micros(self.world.below(20_000));
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            own.sync_up_to(length)
        })
    }
}

impl Platter {
    /// Of what is shown, the first `length` bytes at least are on the disk then.
    fn sync_up_to(&mut self, length: usize) -> io::Result<()> {
        let step = self.world.step();
        if step != Step::Alive {
            return Err(self.failed(step));
        }
        let mut bytes = self.bytes();
        let Bytes { shown, durable, dirty, ghosts, promised } = &mut *bytes;
        let length = length.min(shown.len());
        if self.world.planted == Some(Planted::SyncIsSkipped) {
            *promised = length.max(*promised);
            return Ok(());
        }
        if self.world.strikes(self.world.faults.disk) {
            let mut from = *dirty;
            while self.world.faults.ghosts && from < length {
                let end = ((from / PAGE + 1) * PAGE).min(length);
                if self.world.below(2) == 0 {
                    ghosts.push((from, end));
                }
                from = end;
            }
            return Err(self.failed(step));
        }
        *promised = length.max(*promised);
        if *dirty < length {
            durable.truncate(*dirty);
            durable.extend_from_slice(&shown[*dirty..length]);
            for (from, to) in &*ghosts {
                let to = (*to).min(durable.len());
                durable[(*from).min(to)..to].fill(0);
            }
            *dirty = length;
        }
        Ok(())
    }

    fn failed(&self, step: Step) -> io::Error {
        self.world.inner().tally.disk_faults += u64::from(step == Step::Alive);
        io::ErrorKind::StorageFull.into()
    }
}

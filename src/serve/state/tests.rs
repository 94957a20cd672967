//! Tests of the state file, on a real disk and on a simulated one.

use serde_json::json;

use super::*;

/// What a file holds: its entries, or why one cannot be read.
fn read(path: &Path, owner: &str) -> Result<(State, Vec<Result<StateEntry, String>>), String> {
    let mut found = Vec::new();
    let state = State::open(path, owner, |_, entry| found.push(entry))?;
    Ok((state, found))
}

fn scratch(name: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("simlab-state-{name}-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

fn payload(id: &str) -> StateEntry {
    StateEntry::Payload { id: Some(id.into()), events: vec![json!({ "text": "x".repeat(2000) })] }
}

#[test]
fn what_was_kept_is_there_again_and_belongs_to_somebody() {
    let path = scratch("kept");
    let request = Request::post("projects", json!({ "key": "p" }));
    let entries = [StateEntry::of(&request, 7), payload("one")];
    {
        let (state, found) = read(&path, "security 18").unwrap();
        assert_eq!(found, []);
        entries.iter().for_each(|entry| state.keep(entry).unwrap());
    }
    assert_eq!(read(&path, "security 18").unwrap().1, entries.clone().map(Ok));
    assert_eq!(entries[0].request(), Some((request, 7)));
    let refused = read(&path, "security 19").unwrap_err();
    assert!(refused.contains("another scenario or seed"), "{refused}");
    std::fs::write(&path, "no database").unwrap();
    assert!(read(&path, "security 18").is_err());
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_reset_removes_what_came_before_it_and_the_file_shrinks_again() {
    let path = scratch("reset");
    let (state, _) = read(&path, "o").unwrap();
    (0..500).for_each(|nth| state.keep(&payload(&nth.to_string())).unwrap());
    state.keep(&StateEntry::Reset).unwrap();
    state.keep(&payload("after")).unwrap();
    let grown = std::fs::metadata(&path).unwrap().len();
    drop(state);
    let (state, found) = read(&path, "o").unwrap();
    assert_eq!(found, [Ok(StateEntry::Reset), Ok(payload("after"))]);
    drop(state);
    let opened = std::fs::metadata(&path).unwrap().len();
    assert!(opened * 2 < grown, "{opened} bytes after opening, {grown} before");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn an_entry_that_cannot_be_read_is_reported_and_the_others_are_read() {
    let path = scratch("damaged");
    let (state, _) = read(&path, "o").unwrap();
    state.keep(&payload("one")).unwrap();
    {
        let open = state.open.lock().unwrap();
        let transaction = open.database.as_ref().unwrap().begin_write().unwrap();
        transaction.open_table(ENTRIES).unwrap().insert(1, b"{".as_slice()).unwrap();
        transaction.commit().unwrap();
    }
    state.open.lock().unwrap().next = 2;
    state.keep(&payload("two")).unwrap();
    drop(state);
    let (_, found) = read(&path, "o").unwrap();
    assert_eq!(
        (&found[0], found[1].is_err(), &found[2]),
        (&Ok(payload("one")), true, &Ok(payload("two")))
    );
    std::fs::remove_file(&path).unwrap();
}

/// A file on a disk that is full while `full` is set.
#[derive(Debug)]
struct FullDisk {
    file: redb::backends::FileBackend,
    full: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl FullDisk {
    fn room(&self) -> Result<(), std::io::Error> {
        let full = self.full.load(std::sync::atomic::Ordering::Relaxed);
        if full {
            Err(std::io::Error::new(std::io::ErrorKind::StorageFull, "no space left"))
        } else {
            Ok(())
        }
    }
}

impl redb::StorageBackend for FullDisk {
    fn len(&self) -> Result<u64, std::io::Error> {
        self.file.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        self.file.read(offset, out)
    }
    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.room()?;
        self.file.set_len(len)
    }
    fn sync_data(&self) -> Result<(), std::io::Error> {
        self.room()?;
        self.file.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        self.room()?;
        self.file.write(offset, data)
    }
    fn close(&self) -> Result<(), std::io::Error> {
        self.file.close()
    }
}

#[test]
fn a_disk_that_was_full_for_a_moment_costs_the_writes_of_that_moment_alone() {
    let path = scratch("full");
    let full = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (file, switch) = (path.clone(), full.clone());
    let opener = move || {
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&file)?;
        let backend =
            FullDisk { file: redb::backends::FileBackend::new(file)?, full: switch.clone() };
        Builder::new().create_with_backend(backend)
    };
    let state = State::open_with(Box::new(opener), "o", |_, _| ()).unwrap();
    state.keep(&payload("before")).unwrap();
    full.store(true, std::sync::atomic::Ordering::Relaxed);
    for _ in 0..3 {
        assert!(state.keep(&payload("refused")).is_err());
    }
    full.store(false, std::sync::atomic::Ordering::Relaxed);
    state.keep(&payload("after")).unwrap();
    drop(state);
    assert_eq!(read(&path, "o").unwrap().1, [Ok(payload("before")), Ok(payload("after"))]);
    std::fs::remove_file(&path).unwrap();
}

/// A disk of the simulation: writes come to it in any order, and are lost with the power unless
/// they were waited for.
#[derive(Debug, Default)]
struct Bytes {
    shown: Vec<u8>,
    durable: Vec<u8>,
    /// Writes since the last wait: where, and what; `None`: the file was given this length.
    pending: Vec<(u64, Option<Vec<u8>>)>,
    dice: u64,
    /// Operations left until the process is killed.
    lives: u64,
    /// Until then the disk is full, in operations.
    full: u64,
    steps: u64,
}

impl Bytes {
    /// SplitMix64 (Steele, Lea & Flood 2014).
    fn below(&mut self, bound: u64) -> u64 {
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound.max(1)
    }

    fn apply(file: &mut Vec<u8>, (at, new): &(u64, Option<Vec<u8>>)) {
        let at = *at as usize;
        let Some(new) = new else { return file.resize(at, 0) };
        file.resize(file.len().max(at + new.len()), 0);
        file[at..at + new.len()].copy_from_slice(new);
    }

    /// One operation that changes something; an error: the process was killed, or the disk is full.
    fn step(&mut self) -> std::io::Result<()> {
        self.steps += 1;
        if self.lives == 0 {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        self.lives -= 1;
        if self.full > 0 {
            self.full -= 1;
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn write(&mut self, at: u64, new: Option<Vec<u8>>) -> std::io::Result<()> {
        let alive = self.lives > 0;
        let done = self.step();
        // A write that fails may be done in part.
        let part = match (&done, new) {
            (Ok(()), new) => new,
            (Err(_), Some(mut new)) if alive => {
                let length = self.below(new.len() as u64 + 1) as usize;
                new.truncate(length);
                Some(new)
            }
            (Err(_), _) => return done,
        };
        let write = (at, part);
        Self::apply(&mut self.shown, &write);
        self.pending.push(write);
        done
    }

    /// The power goes: any part of what was not waited for is on the disk, sector by sector.
    fn lose_power(&mut self) {
        for (at, new) in std::mem::take(&mut self.pending) {
            match new {
                None if self.below(2) == 0 => Self::apply(&mut self.durable, &(at, None)),
                None => {}
                Some(new) => {
                    for (nth, sector) in new.chunks(512).enumerate() {
                        if self.below(3) > 0 {
                            Self::apply(
                                &mut self.durable,
                                &(at + 512 * nth as u64, Some(sector.to_vec())),
                            );
                        }
                    }
                }
            }
        }
        self.shown = self.durable.clone();
    }
}

#[derive(Clone, Debug)]
struct Simulated(std::sync::Arc<Mutex<Bytes>>);

impl redb::StorageBackend for Simulated {
    fn len(&self) -> Result<u64, std::io::Error> {
        Ok(self.0.lock().unwrap().shown.len() as u64)
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        let bytes = self.0.lock().unwrap();
        let from = bytes.shown.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(from.ok_or(std::io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.0.lock().unwrap().write(len, None)
    }
    fn sync_data(&self) -> Result<(), std::io::Error> {
        let mut bytes = self.0.lock().unwrap();
        bytes.step()?;
        bytes.durable = bytes.shown.clone();
        bytes.pending.clear();
        Ok(())
    }
    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        self.0.lock().unwrap().write(offset, Some(data.to_vec()))
    }
}

#[test]
fn a_file_whose_making_was_stopped_is_made_again() {
    let path = scratch("stopped");
    let beside =
        path.with_file_name(format!("{}.new", path.file_name().unwrap().to_str().unwrap()));
    std::fs::write(&beside, "redb").unwrap();
    let (state, found) = read(&path, "o").unwrap();
    assert_eq!(found, []);
    state.keep(&payload("one")).unwrap();
    drop(state);
    assert_eq!(read(&path, "o").unwrap().1, [Ok(payload("one"))]);
    assert!(!beside.exists());
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn whatever_the_disk_does_what_was_acknowledged_is_there_after_a_restart() {
    let seeds =
        std::env::var("SIMLAB_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(60);
    let (mut kills, mut refused, mut losses, mut resets, mut steps) = (0, 0, 0, 0, 0);
    for seed in 0..seeds {
        let disk =
            Simulated(std::sync::Arc::new(Mutex::new(Bytes { dice: seed, ..Bytes::default() })));
        // What has to be there, and what may be there besides: one write that was out at a kill, or
        // was refused.
        let (mut kept, mut doubtful): (Vec<StateEntry>, Vec<StateEntry>) = (Vec::new(), Vec::new());
        let mut nth = 0;
        for process in 0..12 {
            // The file is made beside its place and moved there when it is on disk, so no process
            // meets half of one.
            if process == 0 {
                disk.0.lock().unwrap().lives = u64::MAX;
                let backend = disk.clone();
                let opener: Opener = Box::new(move || {
                    Builder::new().set_cache_size(1 << 20).create_with_backend(backend.clone())
                });
                drop(State::open_with(opener, "o", |_, _| ()).unwrap());
                let mut bytes = disk.0.lock().unwrap();
                bytes.durable = bytes.shown.clone();
                bytes.pending.clear();
            }
            {
                let mut bytes = disk.0.lock().unwrap();
                let lives = if process == 11 { u64::MAX } else { bytes.below(400) };
                bytes.lives = if bytes.below(4) == 0 { u64::MAX } else { lives };
            }
            let backend = disk.clone();
            let opener: Opener = Box::new(move || {
                Builder::new().set_cache_size(1 << 20).create_with_backend(backend.clone())
            });
            let mut found = Vec::new();
            let opened = State::open_with(opener, "o", |_, entry| found.push(entry.unwrap()));
            match opened {
                Ok(state) => {
                    let sure = found.len() >= kept.len() && found[..kept.len()] == kept[..];
                    // A reset that was out may have come through: then it is all that there is.
                    let reset = doubtful.contains(&StateEntry::Reset)
                        && found.first() == Some(&StateEntry::Reset);
                    assert!(
                        sure || reset,
                        "seed {seed}, process {process}: {} kept, {} found",
                        kept.len(),
                        found.len()
                    );
                    let others = if sure { &found[kept.len()..] } else { &found[..] };
                    let allowed = others.iter().all(|other| doubtful.contains(other));
                    assert!(
                        allowed,
                        "seed {seed}, process {process}: {} entries that nobody kept",
                        others.len()
                    );
                    kept = found;
                    doubtful.clear();
                    let writes = disk.0.lock().unwrap().below(20);
                    for _ in 0..writes {
                        nth += 1;
                        let entry = if disk.0.lock().unwrap().below(12) == 0 {
                            StateEntry::Reset
                        } else {
                            payload(&nth.to_string())
                        };
                        if disk.0.lock().unwrap().below(15) == 0 {
                            let mut bytes = disk.0.lock().unwrap();
                            bytes.full = bytes.below(40);
                        }
                        match state.keep(&entry) {
                            Ok(()) => {
                                doubtful.clear();
                                if entry == StateEntry::Reset {
                                    kept.clear();
                                    resets += 1;
                                }
                                kept.push(entry);
                            }
                            Err(_) => {
                                refused += 1;
                                doubtful.push(entry);
                            }
                        }
                    }
                }
                Err(error) => assert_eq!(
                    disk.0.lock().unwrap().lives,
                    0,
                    "seed {seed}, process {process}: {error}"
                ),
            }
            let mut bytes = disk.0.lock().unwrap();
            kills += u64::from(bytes.lives == 0);
            bytes.full = 0;
            steps += std::mem::take(&mut bytes.steps);
            if bytes.below(2) == 0 {
                losses += 1;
                bytes.lose_power();
            }
        }
    }
    println!(
        "{seeds} seeds, {steps} steps: {kills} kills, {losses} power losses, {refused} refused, {resets} resets"
    );
    assert!(
        seeds < 60 || (kills > 10 && losses > 10 && refused > 10 && resets > 10),
        "{kills} {losses} {refused} {resets}"
    );
}

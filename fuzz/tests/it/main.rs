//! Every target on its seeds, and on the same mutations of them in every run.

#![expect(clippy::unwrap_used, reason = "the seeds are this test's own")]

use std::path::{Path, PathBuf};

/// Mutations per seed: with a hundred targets of one to four seeds the whole takes seconds.
const MUTATIONS: u64 = 1_000;
/// What grows a file beyond this is left to libFuzzer.
const INPUT_MAX_BYTES: usize = 64 << 10;
/// Values that parsers trip over: signs, ends, nesting, lengths.
const ODD: [&[u8]; 12] = [
    b"\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"-1",
    b"99999999999999999999",
    b"\n",
    b"\"",
    b"[[[[[[[[",
    b"{\"a\":",
    b"<a>",
    b"\xc3\x28",
];

fn seeds(target: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let entries = std::fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Numbers that look random and are the same in every run (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap()
    }
}

fn mutated(seed: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut data = seed.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(data.len() + 1);
        let end = at + numbers.below((data.len() - at).min(64) + 1);
        match numbers.below(6) {
            0 => data.truncate(at),
            1 => drop(data.drain(at..end)),
            2 => drop(data.splice(at..end, ODD[numbers.below(ODD.len())].iter().copied())),
            3 => {
                let part = data[at..end].to_vec();
                let to = numbers.below(data.len() + 1);
                data.splice(to..to, part);
            }
            4 if at < data.len() => data[at] = u8::try_from(numbers.below(256)).unwrap(),
            _ if at < data.len() => data[at] ^= 1 << numbers.below(8),
            _ => {}
        }
    }
    data.truncate(INPUT_MAX_BYTES);
    data
}

#[test]
fn every_target_holds_on_its_seeds_and_their_mutations() {
    for target in fuzz::TARGETS {
        let seeds = seeds(target.name);
        assert!(!seeds.is_empty(), "{} has no seed", target.name);
        for seed in seeds {
            let data = testkit::read(&seed);
            target.run(&data);
            let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15 ^ data.len() as u64);
            for round in 0..MUTATIONS {
                let input = mutated(&data, &mut numbers);
                let held = std::panic::catch_unwind(|| target.run(&input));
                assert!(held.is_ok(), "{}, mutation {round} of {}: {:?}", target.name, seed.display(), bytes(&input));
            }
        }
    }
}

fn bytes(input: &[u8]) -> String {
    input.iter().flat_map(|byte| std::ascii::escape_default(*byte)).map(char::from).collect()
}

#[test]
fn every_folder_of_seeds_belongs_to_a_target() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let folders = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let known: Vec<&str> = fuzz::TARGETS.iter().map(|target| target.name).collect();
    let unknown: Vec<String> = folders.filter(|folder| !known.contains(&folder.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

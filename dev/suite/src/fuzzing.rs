//! Fuzz targets: a check that holds for any bytes, run on mutations of valid bytes.

mod mutation;

use std::collections::HashSet;
use std::fmt::Display;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mutation::Mutator;

/// The seed of the mutations.
const SEED: &str = "TICKBOOK_FUZZ_SEED";
/// The duration of each target in seconds.
const SECONDS: &str = "TICKBOOK_FUZZ_SECONDS";
/// The file of the only input to check.
const INPUT: &str = "TICKBOOK_FUZZ_INPUT";

/// The duration in an ordinary run of the tests.
const SHORT: Duration = Duration::from_secs(1);
/// The number of mutations that are checked even if they take longer.
const AT_LEAST: u64 = 1_000;
/// The number of inputs that are mutated further.
const MAX_CORPUS: usize = 4_000;

/// A fuzz target.
///
/// The engine runs on stable Rust and has no coverage of the code. Instead, the check returns an outcome, such
/// as the kind of the error. An input with a new outcome is mutated further.
///
/// ```
/// use suite::Fuzz;
///
/// Fuzz::new("number").seed("17").words(["+", "-"]).run(|bytes| {
///     let number = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<i16>().ok());
///     if let Some(number) = number {
///         assert_eq!(number.to_string().parse(), Ok(number));
///     }
///     number.is_some()
/// });
/// ```
#[derive(Debug)]
#[must_use = "it checks nothing before `run`"]
pub struct Fuzz {
    target: &'static str,
    corpus: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

impl Fuzz {
    /// Creates a target. `target` names it in the output and in the file names of failing inputs.
    pub fn new(target: &'static str) -> Self {
        Self {
            target,
            corpus: vec![Vec::new()],
            words: Vec::new(),
        }
    }

    /// Adds an input. The mutations start from these inputs.
    pub fn seed(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.corpus.push(bytes.as_ref().to_vec());
        self
    }

    /// Adds inputs, as [`seed`](Self::seed) does.
    pub fn seeds<B: AsRef<[u8]>>(self, all: impl IntoIterator<Item = B>) -> Self {
        all.into_iter().fold(self, Self::seed)
    }

    /// Adds byte strings that mutations insert, such as delimiters and keywords.
    pub fn words<B: AsRef<[u8]>>(mut self, words: impl IntoIterator<Item = B>) -> Self {
        let words = words.into_iter().map(|word| word.as_ref().to_vec());
        self.words.extend(words);
        self
    }

    /// Runs `check` on every seed, and then on mutations for a second, or for `TICKBOOK_FUZZ_SECONDS`.
    ///
    /// `check` panics if the input violates a property. It must depend on its input only. A failing input is
    /// written to a file, whose path is printed; `TICKBOOK_FUZZ_INPUT` runs `check` on that file alone.
    /// Prints the seed, which `TICKBOOK_FUZZ_SEED` sets, and the number of inputs.
    ///
    /// # Panics
    /// If `check` panics, or a variable is invalid.
    pub fn run<O: Hash>(self, check: impl Fn(&[u8]) -> O) {
        if let Some(path) = variable(INPUT).map(PathBuf::from) {
            let bytes = std::fs::read(&path)
                .unwrap_or_else(|error| panic!("{INPUT} {}: {error}", path.display()));
            check(&bytes);
            return;
        }
        let settings = Settings {
            seed: number(SEED).unwrap_or_else(|| RandomState::new().hash_one(0)),
            duration: number(SECONDS).map_or(SHORT, Duration::from_secs),
            folder: failures(),
        };
        let counts = self.run_with(&settings, check);
        println!("{counts}");
    }

    fn run_with<O: Hash>(self, settings: &Settings, check: impl Fn(&[u8]) -> O) -> Counts {
        let Self {
            target,
            mut corpus,
            words,
        } = self;
        println!("fuzz {target}: {SEED}={} repeats the inputs", settings.seed);
        let begun = Instant::now();
        // a hasher without random keys, so that a seed repeats the run
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let mut outcomes = HashSet::new();
        let mut is_new = |bytes: &[u8]| {
            let outcome = catch_unwind(AssertUnwindSafe(|| hasher.hash_one(check(bytes))));
            let outcome = outcome.unwrap_or_else(|panic| {
                keep(&settings.folder, target, settings.seed, bytes);
                resume_unwind(panic)
            });
            outcomes.insert(outcome)
        };
        for seed in &corpus {
            is_new(seed);
        }
        let seeds = corpus.len() as u64;
        let mut mutator = Mutator::new(settings.seed, words);
        let mut mutations = 0_u64;
        // the clock is read rarely, because most checks take less time
        while mutations < AT_LEAST
            || !mutations.is_multiple_of(64)
            || begun.elapsed() < settings.duration
        {
            let input = mutator.mutate(&corpus);
            if is_new(&input) {
                if corpus.len() < MAX_CORPUS {
                    corpus.push(input);
                } else {
                    *mutator.choose(&mut corpus) = input;
                }
            }
            mutations += 1;
        }
        Counts {
            target,
            inputs: seeds + mutations,
            outcomes: outcomes.len(),
            elapsed: begun.elapsed(),
        }
    }
}

#[derive(Debug)]
struct Settings {
    seed: u64,
    duration: Duration,
    /// The folder of failing inputs.
    folder: PathBuf,
}

#[derive(Debug)]
struct Counts {
    target: &'static str,
    inputs: u64,
    outcomes: usize,
    elapsed: Duration,
}

impl Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        write!(
            f,
            "fuzz {}: {} inputs in {seconds:.1} s, {:.0} per second, {} outcomes",
            self.target,
            self.inputs,
            self.inputs as f64 / seconds.max(0.001),
            self.outcomes
        )
    }
}

fn variable(name: &str) -> Option<String> {
    let text = std::env::var(name).ok()?;
    (!text.trim().is_empty()).then(|| text.trim().to_owned())
}

fn number(name: &str) -> Option<u64> {
    let text = variable(name)?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("invalid {name} {text:?}: expected a whole number")))
}

/// `fuzz` in the folder of the build, such as `target/debug/fuzz`.
fn failures() -> PathBuf {
    let program = std::env::current_exe().expect("the path of this program");
    let build = program.ancestors().nth(2).unwrap_or(Path::new("."));
    build.join("fuzz")
}

/// Writes a failing input to a file and prints its path.
fn keep(folder: &Path, target: &str, seed: u64, bytes: &[u8]) {
    let path = folder.join(format!("{target}-{seed}"));
    match std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, bytes)) {
        Ok(()) => println!("fuzz {target}: {INPUT}={} fails", path.display()),
        Err(error) => println!("fuzz {target}: {error}; this input fails: {bytes:02x?}"),
    }
}

#[cfg(test)]
mod tests;

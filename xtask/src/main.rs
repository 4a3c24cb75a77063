//! `cargo xtask`: the one automation language of this repository.
//!
//! What it is: set-up, build, test, tidy and generated files, each step timed. What it is not: product code; it knows
//! the programs only by their command lines. It has almost no dependencies, so that it builds in seconds on a machine
//! that has nothing yet.

use std::process::ExitCode;

mod bench;
mod console;
mod dist;
mod fuzz;
mod kube;
mod report;
mod repository;
mod setup;
mod soak;
mod steps;
mod test;
mod tidy;
mod up;

const HELP: &str = "\
cargo xtask COMMAND

  up [--once] [ARGS]  build, then start hub, sensor and console on this machine (`--once`: prove the whole path and stop)
  test [FILTER]       everything CI does; `FILTER` is passed to cargo test
  tidy                structure: crate edges, licences, docs, invariants
  gen                 write generated files (schemas, OpenAPI, alert catalogue)
  e2e benign [NAME…]  everyday work, all of it or by name; all of it writes content/noise/measured.yaml
  e2e attacks [NAME…] attack scenarios
  e2e audit [NAME…]   the same for the Kubernetes API: builds a control plane, which takes minutes the first time
  bench [NAME]        benchmarks in release mode; results go to bench/results
  dist [PROGRAM...]   static programs in release mode with their checksums (not in CI)
  fuzz [TARGET…|all] [SECONDS]
                      fuzz targets under libFuzzer (CI runs them on their seeds and mutations)
  soak kernel [RELEASE...]
                      the sensor under other kernels, in QEMU (not in CI)
  setup               install what is missing, print what it is";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let outcome = match command.as_str() {
        "up" => up::run(&rest),
        "test" | "ci" => test::run(&rest),
        "tidy" => tidy::run(),
        "gen" => test::generate(),
        "e2e" => up::e2e(&rest),
        "bench" => bench::run(&rest),
        "dist" => dist::run(&rest),
        "fuzz" => fuzz::run(&rest),
        "soak" => soak::run(&rest),
        "setup" => setup::run(&setup::ALL),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

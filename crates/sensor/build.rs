//! Compiles each `src/bpf/*.bpf.c` with clang into an object file that the program embeds.

use std::path::{Path, PathBuf};
use std::{env, fs};

use libbpf_cargo::SkeletonBuilder;

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let dir = Path::new("src/bpf");
    println!("cargo:rerun-if-changed={}", dir.display());
    for entry in fs::read_dir(dir).expect("src/bpf is part of the crate") {
        let path = entry.expect("src/bpf can be listed").path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".bpf.c"))
        else {
            continue;
        };
        SkeletonBuilder::new()
            .source(&path)
            .obj(out.join(format!("{name}.bpf.o")))
            .clang_args(["-mcpu=v3", "-Wall"])
            .build()
            .unwrap_or_else(|error| {
                panic!("{} does not compile: {error:#}\nhint: apt-get install clang", path.display())
            });
    }
}

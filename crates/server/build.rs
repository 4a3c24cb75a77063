//! Tells cargo that the embedded console is an input: new files in it must lead to a new build.

fn main() {
    println!("cargo:rerun-if-changed=../../console/dist");
}

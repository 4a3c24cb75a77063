//! Tells cargo that the embedded console and content are inputs: new files in them must lead to a new build.

fn main() {
    for folder in ["../../console/dist", "../../content/rules", "../../content/catalogue"] {
        println!("cargo:rerun-if-changed={folder}");
    }
}

//! Files that a user names: files, directories and `-` for stdin.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Files under one directory: a very large repository of manifests has some ten thousand; more is a wrong directory.
const MAX_FILES: usize = 100_000;
/// Directories in directories; also what ends a cycle of bind mounts.
const MAX_DEPTH: usize = 64;
/// A file: what the YAML reader takes.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Something to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl Input {
    /// How messages name it.
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => "<stdin>".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Its text.
    pub fn read(&self) -> anyhow::Result<String> {
        match self {
            Self::Stdin => {
                let bytes = limits::read_capped(io::stdin().lock(), MAX_FILE_BYTES, "<stdin>")?;
                String::from_utf8(bytes).context("<stdin> is no UTF-8 text")
            }
            Self::File(path) => Ok(limits::read_text(path, MAX_FILE_BYTES)?),
        }
    }
}

/// The inputs that arguments name. Directories are searched for files with one of the extensions, in the order of
/// their names; hidden ones are left out and symlinks to directories are not followed.
pub fn find(arguments: &[PathBuf], extensions: &[&str]) -> anyhow::Result<Vec<Input>> {
    let mut found = Vec::new();
    for argument in arguments {
        if argument == Path::new("-") {
            found.push(Input::Stdin);
        } else if argument.is_dir() {
            search(argument, extensions, 0, &mut found)?;
        } else if argument.exists() {
            found.push(Input::File(argument.clone()));
        } else {
            anyhow::bail!("{}: no such file or directory", argument.display());
        }
    }
    Ok(found)
}

fn search(dir: &Path, extensions: &[&str], depth: usize, found: &mut Vec<Input>) -> anyhow::Result<()> {
    anyhow::ensure!(depth < MAX_DEPTH, "{}: more than {MAX_DEPTH} directories deep", dir.display());
    let entries = fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))?;
    let mut entries: Vec<_> =
        entries.collect::<Result<_, _>>().with_context(|| format!("reading {}", dir.display()))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            search(&path, extensions, depth + 1, found)?;
        } else if path.extension().is_some_and(|end| extensions.iter().any(|known| end.eq_ignore_ascii_case(known)))
            && path.is_file()
        {
            anyhow::ensure!(found.len() < MAX_FILES, "{}: more than {MAX_FILES} files", dir.display());
            found.push(Input::File(path));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_searched_in_order_and_hidden_files_left_out() {
        let dir = tempfile::TempDir::new().unwrap();
        for name in ["b.yaml", "a/c.YML", "a/.git/x.yaml", "a/readme.md", "z.json"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink(dir.path(), dir.path().join("circle")).unwrap();
        let found = find(&[dir.path().to_path_buf(), PathBuf::from("-")], &["yaml", "yml", "json"]).unwrap();
        let names: Vec<_> =
            found.iter().map(|input| input.name().replace(&dir.path().display().to_string(), "")).collect();
        assert_eq!(names, ["/a/c.YML", "/b.yaml", "/z.json", "<stdin>"]);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let error = find(&[PathBuf::from("/nonexistent")], &["yaml"]).unwrap_err();
        assert_eq!(error.to_string(), "/nonexistent: no such file or directory");
    }
}

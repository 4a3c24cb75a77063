//! The module list of a program: lines `path`, `mod`, `dep`, `=>`, `build`, separated by tabs (`runtime/debug`,
//! `BuildInfo.String`).

use model::{Evidence, SYMBOLS_PROPERTY, SymbolSet};
use rustc_hash::FxHashMap;

use super::{functions::Functions, ldflags};
use crate::path::self_and_parents;
use crate::record::Found;

/// What a module's version is when it was built from its working copy.
pub const DEVELOPMENT: &str = "(devel)";
/// What the Go advisories call the standard library.
const STANDARD: &str = "stdlib";
/// Modules of a program; the largest known have about 1,500.
const MAX_MODULES: usize = 20_000;

/// A line of the list.
struct Module {
    /// Its import path, which its packages' paths begin with, also when it is replaced.
    path: String,
    found: Found,
}

/// The packages of a program: its modules and the standard library.
pub fn packages(list: &str, version: Option<&str>, offset: Option<u64>, functions: Functions) -> Vec<Found> {
    let mut modules = modules(list);
    if let Some(version) = version {
        modules.push(Module {
            path: STANDARD.to_owned(),
            found: Found::new("golang", STANDARD, version, Evidence::Binary),
        });
    }
    if let Some(functions) = functions.packages() {
        for (module, mut symbols) in modules.iter_mut().zip(by_module(list, functions)) {
            symbols.seal();
            module.found.properties.insert(SYMBOLS_PROPERTY.into(), symbols.to_string());
        }
    }
    let with_offset = |module: Module| Found { offset, ..module.found };
    modules.into_iter().map(with_offset).collect()
}

/// The functions of each module of the list, and last those of the standard library.
fn by_module(list: &str, functions: impl Iterator<Item = (String, SymbolSet)>) -> Vec<SymbolSet> {
    let modules = modules(list);
    let index: FxHashMap<&str, usize> =
        modules.iter().enumerate().map(|(n, module)| (module.path.as_str(), n)).collect();
    let main = modules.iter().position(|module| module.found.properties.contains_key("main"));
    let mut sets = vec![SymbolSet::default(); modules.len() + 1];
    for (package, symbols) in functions {
        // The longest path wins: a module may lie within another's path.
        let owner = self_and_parents(&package).find_map(|path| index.get(path).copied());
        let main = main.filter(|_| package == "main");
        let standard = is_standard(&package).then_some(modules.len());
        if let Some(owner) = owner.or(main).or(standard) {
            sets[owner].extend(&symbols);
        }
    }
    sets
}

/// Import paths without a dot in their first element are the standard library's; it also has copies under `vendor`.
fn is_standard(package: &str) -> bool {
    package.starts_with("vendor/") || !package.split('/').next().unwrap_or_default().contains('.')
}

fn modules(list: &str) -> Vec<Module> {
    let mut modules: Vec<Module> = Vec::new();
    for line in list.lines().take(MAX_MODULES) {
        let mut fields = line.split('\t');
        let kind = fields.next().unwrap_or_default();
        let (path, version) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        match kind {
            "mod" | "dep" if !path.is_empty() => {
                let version = if version.is_empty() { DEVELOPMENT } else { version };
                let mut found = Found::new("golang", path, version, Evidence::Binary);
                if kind == "mod" {
                    found.properties.insert("main".into(), "true".into());
                }
                modules.push(Module { path: path.to_owned(), found });
            }
            "build" if path.starts_with("-ldflags=") => {
                let main = modules.iter_mut().find(|module| module.found.properties.contains_key("main"));
                if let Some(main) = main.filter(|main| main.found.version == DEVELOPMENT) {
                    ldflags::state_version(&mut main.found, path);
                }
            }
            "=>" => {
                if let Some(module) = modules.last_mut() {
                    replace(module, path, version);
                }
            }
            _ => {}
        }
    }
    modules
}

/// What is linked is the replacement, under the import paths of what it replaces.
fn replace(module: &mut Module, path: &str, version: &str) {
    let local = version.is_empty() || path.starts_with(['.', '/']);
    if local {
        // A folder: which version it was is not known.
        DEVELOPMENT.clone_into(&mut module.found.version);
        module.found.properties.insert("replaced_by".into(), path.to_owned());
    } else {
        module.found.properties.insert("replaces".into(), format!("{}@{}", module.found.name, module.found.version));
        path.clone_into(&mut module.found.name);
        version.clone_into(&mut module.found.version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_with_replacements() {
        let list = "path\texample.com/app/cmd\nmod\texample.com/app\t(devel)\t\ndep\tgithub.com/a/b\tv1.0.0\th1:x=\n=>\tgithub.com/fork/b\tv1.0.1\th1:y=\ndep\tgithub.com/c/d\tv2.0.0\n=>\t./d\t\t\nbuild\t-compiler=gc\n";
        let found = packages(list, Some("1.22.3"), Some(5), Functions::new());
        let mut lines: Vec<String> = found.iter().map(|f| format!("{} {}", f.name, f.version)).collect();
        lines.sort();
        assert_eq!(
            lines,
            ["example.com/app (devel)", "github.com/c/d (devel)", "github.com/fork/b v1.0.1", "stdlib 1.22.3"]
        );
        let fork = found.iter().find(|f| f.name.contains("fork")).unwrap();
        assert_eq!(fork.properties["replaces"], "github.com/a/b@v1.0.0");
        assert!(found.iter().all(|f| !f.properties.contains_key(SYMBOLS_PROPERTY)), "nothing is said without a table");
    }

    #[test]
    fn lists_end_somewhere() {
        let list = "dep\ta.b/c\tv1.0.0\n".repeat(MAX_MODULES + 5);
        assert_eq!(packages(&list, None, None, Functions::new()).len(), MAX_MODULES);
    }

    #[test]
    fn functions_belong_to_the_module_with_the_longest_path() {
        let list = "mod\ta.b/app\tv1\ndep\ta.b/c\tv1\ndep\ta.b/c/v2\tv2\n";
        let functions = ["main", "a.b/app/x", "a.b/c/d", "a.b/c/v2/d", "net/http", "a.b/other"].map(|package| {
            let mut set = SymbolSet::default();
            set.add(package, "F");
            (package.to_owned(), set)
        });
        let counts: Vec<usize> = by_module(list, functions.into_iter()).iter().map(SymbolSet::len).collect();
        assert_eq!(counts, [2, 1, 1, 1]);
        assert!(is_standard("net/http") && is_standard("vendor/golang.org/x/net") && !is_standard("golang.org/x/net"));
    }
}

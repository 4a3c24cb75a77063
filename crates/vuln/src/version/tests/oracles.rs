//! Other programs' orders as oracles: our order of generated pairs must be theirs.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use super::super::Scheme;
use super::versions;

/// Pairs of generated versions, always the same ones.
fn pairs_of(scheme: Scheme, count: usize) -> Vec<(String, String)> {
    let mut runner = TestRunner::deterministic();
    let both = (versions(scheme), versions(scheme));
    (0..count).map(|_| both.new_tree(&mut runner).unwrap().current()).collect()
}

/// Compares our order with the lines `-1`, `0`, `1` that a program prints, one per pair.
fn agree(scheme: Scheme, pairs: &[(String, String)], printed: &str) {
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), pairs.len(), "{printed}");
    for ((a, b), line) in pairs.iter().zip(lines) {
        let theirs = line.trim().parse::<i32>().unwrap().cmp(&0);
        assert_eq!(scheme.compare(a, b), theirs, "{scheme}: {a} {b}");
    }
}

/// Runs a program with pairs on its standard input and returns what it prints.
fn output(program: &str, args: &[&str], input: &str) -> String {
    let mut child = Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} failed");
    String::from_utf8(output.stdout).unwrap()
}

fn tabbed(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(a, b)| format!("{a}\t{b}")).collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn dpkg_agrees() {
    testkit::need!(dpkg);
    let pairs = pairs_of(Scheme::Dpkg, 400);
    let script = "while IFS='\t' read -r a b; do if dpkg --compare-versions \"$a\" lt \"$b\"; then echo -1; \
                  elif dpkg --compare-versions \"$a\" eq \"$b\"; then echo 0; else echo 1; fi; done";
    agree(Scheme::Dpkg, &pairs, &output("sh", &["-c", script], &tabbed(&pairs)));
}

#[test]
fn rpm_agrees() {
    testkit::need!(rpm);
    let pairs = pairs_of(Scheme::Rpm, 2000);
    // `rpm.vercmp` compares whole labels with epoch and release.
    let calls: Vec<String> = pairs.iter().map(|(a, b)| format!("rpm.vercmp(\"{a}\",\"{b}\")")).collect();
    let mut printed = String::new();
    for chunk in calls.chunks(200) {
        let script = format!("%{{lua: print(table.concat({{{}}}, \" \"))}}", chunk.join(","));
        printed.push_str(&output("rpm", &["--eval", &script], "").replace(' ', "\n"));
    }
    agree(Scheme::Rpm, &pairs, &printed);
}

#[test]
fn python_agrees() {
    testkit::need!(python);
    let script = "import sys\ntry:\n from packaging.version import Version as V\nexcept ImportError:\n from pip._vendor.packaging.version import Version as V\n\
                  for line in sys.stdin:\n a, b = map(V, line.rstrip('\\n').split('\\t'))\n print((a > b) - (a < b))";
    let pairs: Vec<_> = pairs_of(Scheme::Pep440, 2000)
        .into_iter()
        .filter(|(a, b)| Scheme::Pep440.validate(a).is_ok() && Scheme::Pep440.validate(b).is_ok())
        .collect();
    agree(Scheme::Pep440, &pairs, &output("python3", &["-c", script], &tabbed(&pairs)));
}

#[test]
fn node_semver_agrees() {
    testkit::need!(node);
    // npm brings its own copy of node-semver; Debian's npm shares the one of the package of that name.
    let root = output("npm", &["root", "-g"], "");
    let script = format!(
        "let s;try{{s=require('{}/npm/node_modules/semver')}}catch{{s=require('semver')}}\
         for (const l of require('fs').readFileSync(0,'utf8').trim().split('\\n')) {{const [a,b]=l.split('\\t');console.log(s.compare(a,b,true));}}",
        root.trim()
    );
    let strict = |version: &str| !version.split(['-', '.', '+']).any(|part| part.len() > 1 && part.starts_with('0'));
    let pairs: Vec<_> = pairs_of(Scheme::Npm, 2000).into_iter().filter(|(a, b)| strict(a) && strict(b)).collect();
    agree(Scheme::Npm, &pairs, &output("node", &["-e", &script], &tabbed(&pairs)));
}

#[test]
fn ruby_agrees() {
    testkit::need!(ruby);
    let script = "STDIN.each_line { |line| a, b = line.chomp.split(\"\\t\"); puts(Gem::Version.new(a) <=> Gem::Version.new(b)) }";
    let pairs = pairs_of(Scheme::Gem, 2000);
    agree(Scheme::Gem, &pairs, &output("ruby", &["-e", script], &tabbed(&pairs)));
}

#[test]
fn php_agrees() {
    testkit::need!(php);
    // Composer takes the `v` of a tag off before PHP's function sees it.
    let script = "while (($line = fgets(STDIN)) !== false) { [$a, $b] = explode(\"\\t\", rtrim($line, \"\\n\")); \
                  echo version_compare(ltrim($a, 'v'), ltrim($b, 'v')), \"\\n\"; }";
    let pairs = pairs_of(Scheme::Composer, 2000);
    agree(Scheme::Composer, &pairs, &output("php", &["-r", script], &tabbed(&pairs)));
}

/// How Composer checks constraints: its library's form of a version, then PHP's order. It takes less for a version than
/// PHP does.
#[test]
fn composer_agrees() {
    testkit::need!(php, composer);
    let script = "require '/usr/share/php/Composer/Semver/autoload.php'; $parser = new Composer\\Semver\\VersionParser(); \
                  while (($line = fgets(STDIN)) !== false) { [$a, $b] = explode(\"\\t\", rtrim($line, \"\\n\")); \
                  try { echo version_compare($parser->normalize($a), $parser->normalize($b)), \"\\n\"; } \
                  catch (UnexpectedValueException) { echo \"none\\n\"; } }";
    let pairs = pairs_of(Scheme::Composer, 4000);
    let printed = output("php", &["-r", script], &tabbed(&pairs));
    let orders: Vec<_> = pairs.iter().zip(printed.lines()).filter(|(_, theirs)| *theirs != "none").collect();
    assert!(orders.len() > 1000, "{}", orders.len());
    for ((a, b), theirs) in orders {
        let ours = Scheme::Composer.range_key(a).cmp(&Scheme::Composer.range_key(b));
        assert_eq!(ours, theirs.parse::<i32>().unwrap().cmp(&0), "{a} {b}");
    }
}

/// R's own function for the versions of packages.
#[test]
fn r_agrees() {
    testkit::need!(r);
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("oracle.R");
    let program = "for (line in readLines(file('stdin'))) {\n  pair <- strsplit(line, '\\t')[[1]]\n  \
                   cat(compareVersion(pair[1], pair[2]), '\\n')\n}\n";
    std::fs::write(&script, program).unwrap();
    let pairs = pairs_of(Scheme::Cran, 2000);
    agree(Scheme::Cran, &pairs, &output("Rscript", &["--vanilla", script.to_str().unwrap()], &tabbed(&pairs)));
}

/// Go's own package, from its module. `v` is required there, and `+incompatible` is metadata.
#[test]
fn go_agrees() {
    testkit::need!(go);
    let dir = tempfile::tempdir().unwrap();
    let module = "module oracle\n\ngo 1.19\n\nrequire golang.org/x/mod v0.14.0\n";
    let program = r#"package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/semver"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		a, b, _ := strings.Cut(lines.Text(), "\t")
		fmt.Println(semver.Compare("v"+strings.TrimPrefix(a, "v"), "v"+strings.TrimPrefix(b, "v")))
	}
}
"#;
    std::fs::write(dir.path().join("go.mod"), module).unwrap();
    std::fs::write(dir.path().join("main.go"), program).unwrap();
    let pairs = pairs_of(Scheme::Go, 2000);
    let script = format!("cd '{}' && GOFLAGS=-mod=mod go run .", dir.path().display());
    agree(Scheme::Go, &pairs, &output("sh", &["-c", &script], &tabbed(&pairs)));
}

/// `NuGet`'s own library, in the program that an npm package of Microsoft's repackages.
#[test]
fn nuget_agrees() {
    testkit::need!(mono, node);
    let dir = tempfile::tempdir().unwrap();
    let program = r#"using System;
using System.Reflection;

class Oracle {
    static void Main(string[] arguments) {
        Type version = Assembly.LoadFrom(arguments[0]).GetType("NuGet.Versioning.NuGetVersion");
        MethodInfo parse = version.GetMethod("Parse", new[] { typeof(string) });
        for (string line; (line = Console.ReadLine()) != null;) {
            string[] pair = line.Split('\t');
            object a = parse.Invoke(null, new object[] { pair[0] }), b = parse.Invoke(null, new object[] { pair[1] });
            Console.WriteLine(Math.Sign(((IComparable)a).CompareTo(b)));
        }
    }
}
"#;
    std::fs::write(dir.path().join("oracle.cs"), program).unwrap();
    let script = format!(
        "cd '{}' && npm pack --silent nuget-exe@5.8.0 >&2 && tar -xzf nuget-exe-5.8.0.tgz && mcs -out:oracle.exe oracle.cs >&2 \
         && mono oracle.exe package/nuget-5.8.0.exe",
        dir.path().display()
    );
    // A number with a zero before it is no label there.
    let zero_before =
        |label: &str| label.len() > 1 && label.starts_with('0') && label.bytes().all(|b| b.is_ascii_digit());
    let plain = |version: &str| {
        let labels = version.split('+').next().and_then(|text| text.split_once('-'));
        !labels.is_some_and(|(_, labels)| labels.split('.').any(zero_before))
    };
    let pairs: Vec<_> = pairs_of(Scheme::Nuget, 6000).into_iter().filter(|(a, b)| plain(a) && plain(b)).collect();
    assert!(pairs.len() > 2000, "{}", pairs.len());
    agree(Scheme::Nuget, &pairs, &output("sh", &["-c", &script], &tabbed(&pairs)));
}

/// Maven's own class of the version whose order is the documented one (see [`super::super::maven`]). Its `main` prints
/// each argument's order against the one before it.
#[test]
fn maven_agrees() {
    testkit::need!(maven);
    let dir = tempfile::tempdir().unwrap();
    let jars = ["org.apache.maven:maven-artifact:3.6.3", "org.apache.commons:commons-lang3:3.8.1"];
    for jar in jars {
        let (artifact, to) = (format!("-Dartifact={jar}"), format!("-DoutputDirectory={}", dir.path().display()));
        output("mvn", &["-q", "-B", "dependency:copy", &artifact, &to], "");
    }
    // Left out is what Maven 3.6 and the documentation disagree on: a list that begins with nothing.
    let begins_with_nothing = |two: &[u8]| matches!(two, [b'-' | b'a'..=b'z', b'0']);
    let plain = |version: &String| {
        !version.contains("ga")
            && version.split(['-', '.']).all(|part| !part.is_empty())
            && !version.as_bytes().windows(2).any(begins_with_nothing)
    };
    let pairs: Vec<_> = pairs_of(Scheme::Maven, 4000).into_iter().filter(|(a, b)| plain(a) && plain(b)).collect();
    assert!(pairs.len() > 1000, "{}", pairs.len());
    let class = format!("{}/*", dir.path().display());
    let mut args = vec!["-cp", &class, "org.apache.maven.artifact.versioning.ComparableVersion"];
    args.extend(pairs.iter().flat_map(|(a, b)| [a.as_str(), b.as_str()]));
    let printed = output("java", &args, "");
    // Lines `   A < B` stand between the lines of the arguments; every second one is a pair of ours.
    let orders = printed.lines().filter(|line| line.starts_with("   ")).step_by(2).map(|line| {
        let sign = line.split_whitespace().nth(1);
        match sign {
            Some("<") => "-1",
            Some(">") => "1",
            _ => "0",
        }
    });
    agree(Scheme::Maven, &pairs, &(orders.collect::<Vec<_>>().join("\n") + "\n"));
}

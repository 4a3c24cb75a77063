//! Orders: given files, hand-made twins, laws.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::{Scheme, pairs};

mod oracles;

/// Checks lines of `A < B`.
fn check(scheme: Scheme, lines: &str) {
    let checked = pairs::check(scheme, lines, "test");
    assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
    assert!(checked.compared > 0);
    let differences: Vec<_> =
        checked.differences.iter().map(|d| format!("{}: {} (ours {})", d.line, d.text, pairs::sign(d.ours))).collect();
    assert!(
        differences.is_empty(),
        "{scheme}: {} of {} differ\n{}",
        differences.len(),
        checked.compared,
        differences[..differences.len().min(40)].join("\n")
    );
}

/// The files of the shared data, by scheme.
const GIVEN: &[(&str, Scheme)] = &[
    ("alpine-versions", Scheme::Apk),
    ("alpine-versions-generated", Scheme::Apk),
    ("cran-versions", Scheme::Cran),
    ("cran-versions-generated", Scheme::Cran),
    ("debian-versions", Scheme::Dpkg),
    ("debian-versions-generated", Scheme::Dpkg),
    ("maven-versions", Scheme::Maven),
    ("maven-versions-generated", Scheme::Maven),
    ("nuget-versions", Scheme::Nuget),
    ("packagist-versions", Scheme::Composer),
    ("packagist-versions-generated", Scheme::Composer),
    ("pypi-versions", Scheme::Pep440),
    ("pypi-versions-generated", Scheme::Pep440),
    ("redhat-versions", Scheme::Rpm),
    ("rubygems-versions", Scheme::Gem),
    ("rubygems-versions-generated", Scheme::Gem),
    ("semver-versions", Scheme::Semver),
    ("semver-versions", Scheme::Npm),
    ("semver-versions", Scheme::Go),
];

#[test]
fn given_files_agree() {
    testkit::need!(data);
    for (name, scheme) in GIVEN {
        let bytes = testkit::read(testkit::data(&format!("versions/{name}.txt.gz")));
        check(*scheme, &crate::testing::gunzip(&bytes));
    }
}

/// What each ecosystem's own program says of pairs that we made; the first line of each file names the program.
#[test]
fn recorded_pairs_agree() {
    check(Scheme::Dpkg, include_str!("recorded/dpkg.txt"));
    check(Scheme::Rpm, include_str!("recorded/rpm.txt"));
    check(Scheme::Apk, include_str!("recorded/apk.txt"));
    check(Scheme::Apk, include_str!("recorded/apk-invalid.txt"));
    check(Scheme::Npm, include_str!("recorded/npm.txt"));
    check(Scheme::Go, include_str!("recorded/go.txt"));
    check(Scheme::Pep440, include_str!("recorded/pep440.txt"));
    check(Scheme::Maven, include_str!("recorded/maven.txt"));
    check(Scheme::Gem, include_str!("recorded/gem.txt"));
    check(Scheme::Composer, include_str!("recorded/composer.txt"));
    check(Scheme::Cran, include_str!("recorded/cran.txt"));
}

/// A hand-made twin of the files: each rule of each scheme, for machines without the data.
#[test]
fn rules_of_each_scheme() {
    check(
        Scheme::Dpkg,
        "0 < 1\n1.0~rc1 < 1.0\n1.0 < 1.0a\n1.0a < 1.0+b\n1:0 > 9\n1.0-1 < 1.0-1.1\n1.0 = 1.0-0\n0:1 = 1\n1.01 = 1.1\n1.0-1 > 1.0\n a < b\n0~rc1 < 0\n0-~1 < 0\n0 = 00-00",
    );
    check(
        Scheme::Rpm,
        "1.0~rc1 < 1.0\n1.0 < 1.0^git1\n1.0^git1 < 1.0.1\na < 1\n1.0a < 1.0.1\n1-1 > 1\n1-2-1 < 1_2-2\n1.05 = 1.5\n1:1 > 2\n1_1 = 1.1\n1.0-1.el9 < 1.0-1.el9_4",
    );
    check(
        Scheme::Apk,
        "1.0_alpha < 1.0\n1.0_rc2 < 1.0\n1.0 < 1.0_p1\n1.0_alpha1 < 1.0_beta\n1.0a < 1.0b\n1.01 < 1.1\n1.0-r1 < 1.0-r2\n1.0 < 1.0-r1\n1.10 > 1.9\n1.0 < 1.0.1\n1.0. < 1.0.0\n.5 < 0\n1.0_rcx > 1.0_rc1\n1a1 = 1a01",
    );
    check(
        Scheme::Semver,
        "1.0.0-alpha < 1.0.0\n1.0.0-1 < 1.0.0-a\n1.0 = 1.0.0\n1.0.0+a = 1.0.0+b\n1.0.0-a.1 > 1.0.0-a\n10.0.0 > 9.0.0\nv1.0.0 = 1.0.0",
    );
    check(
        Scheme::Npm,
        "1.2.3-beta.2 < 1.2.3-beta.11\n=1.2.3 = 1.2.3\n1.2.3beta = 1.2.3-beta\n1.2.3b < 1.2.3\nvv1.0.0 = 1.0.0",
    );
    check(
        Scheme::Go,
        "v0.0.0-20200101000000-abcdefabcdef < v0.0.0-20210101000000-abcdefabcdef\nv0.0.0-20200101000000-abcdefabcdef < v0.0.1\nv1.2.4-0.20200101000000-abcdefabcdef > v1.2.3\nv2.0.0+incompatible = v2.0.0\ngo1.21rc2 < 1.21.0\n1.21.0-rc.2 = go1.21rc2\n1.21.0-0 < go1.21rc1\ngo1.20.3-X:boringcrypto = 1.20.3\n1.21 = 1.21.0",
    );
    check(
        Scheme::Pep440,
        "1.0.dev1 < 1.0a1\n1.0a1 < 1.0b1\n1.0b1 < 1.0rc1\n1.0rc1 < 1.0\n1.0 < 1.0.post1\n1.0 < 1.0+local\n1.0 = 1.0.0\n1!0 > 9\n1.0-1 = 1.0.post1\n1.0a = 1.0a0\n1.0.post1.dev1 < 1.0.post1\n1.0c1 = 1.0rc1\nold-style < 0.1\n1rc. = 1rc0\n1crev1 = 1rc0.post1\n1.0-x < 1.0-y\n1.x-pre < 1.x",
    );
    check(
        Scheme::Maven,
        "1.0-alpha-1 < 1.0\n1.0-SNAPSHOT < 1.0\n1.0-rc1 < 1.0-snapshot\n1.0 < 1.0-sp\n1.0-sp < 1.0-x\n1.0-x < 1.0-1\n1.0-1 < 1.0.1\n1.0 = 1\n1-ga = 1\n1a1 = 1-alpha-1\n1-1 = 1-ga-1\n6-0.90 > 6-0-90\n2-7.5 > 2---7.5\n1a1-0 < 1--a1-0\n1.RELEASE2 > 1-RELEASE2\n4.0a1.0 < 4-0a1-0",
    );
    check(Scheme::Gem, "1.0.a < 1.0\n1.0.b1 > 1.0.a.2\n1.0 = 1\n1.0-rc1 < 1.0\n1.a.10 > 1.a.9");
    check(
        Scheme::Nuget,
        "1.0 = 1.0.0.0\n1.0.0-BETA = 1.0.0-beta\n1.0.0.1 > 1.0.0\n1.0.0-a < 1.0.0\n1.0.0+x = 1.0.0+y\n\
         1.0.0-BETA.X.y.5.77.0+AA < 1.0.0-beta.x.y.5.79.0\n1-a.2147483648 > 1-a.2147483647\n1-a.2147483648 < 1-a.3000000000\n\
         1-a.99999999999 > 1-a.100000000000\n1.2.3-A.999999 < 1.2.3-A.56-2\n1.2.3-1.50A < 1.2.3-1.9A\n\
         1.0--1 < 1.0-0\n1.0-a.-10 < 1.0-a.-9\n1.0--1 < 1.0--a",
    );
    check(
        Scheme::Composer,
        "dev-main < 1.0\n1.0-dev < 1.0-alpha\n1.0a1 < 1.0b1\n1.0RC1 < 1.0\n1.0 < 1.0pl1\n1.0-p1 > 1.0\nv1.0 = 1.0\n1.0@1 = 1.0.1\n1. < 1\n_1 < 1\nvx < 1",
    );
    check(Scheme::Cran, "0.1-1 < 0.1-4\n1.0 < 1.0.0\n1.10 > 1.9");
}

/// What Composer's own parser makes of versions before it checks a constraint.
#[test]
fn composer_checks_ranges_with_four_numbers() {
    let order = |a: &str, b: &str| Scheme::Composer.range_key(a).cmp(&Scheme::Composer.range_key(b));
    for (a, b) in
        [("1.0", "v1.0.0.0"), ("1.0-BETA2", "1.0.0b2"), ("2.1-stable", "2.1"), ("1.0p1", "1.0-patch1"), ("1+x", "1")]
    {
        assert_eq!(order(a, b), Ordering::Equal, "{a} {b}");
    }
    for (a, b) in [("v3.0.0-beta", "v3.0"), ("1.0-ALPHA2", "1.0-beta1"), ("1.0-dev", "1.0-alpha"), ("1.0", "1.0-pl1")] {
        assert_eq!(order(a, b), Ordering::Less, "{a} {b}");
    }
    assert_eq!(super::composer::normalised("dev-main"), "dev-main");
}

#[test]
fn numbers_of_any_size() {
    let long = "9".repeat(5000);
    for scheme in Scheme::ALL {
        assert_eq!(scheme.compare(&format!("{long}1"), &format!("{long}2")), Ordering::Less, "{scheme}");
        assert_eq!(scheme.compare("0000000000000000000000000000001", "2"), Ordering::Less, "{scheme}");
    }
}

#[test]
fn hyphens_do_not_use_up_the_stack() {
    let deep = "1-".repeat(50_000);
    assert_eq!(Scheme::Maven.compare(&deep, &deep.clone()), Ordering::Equal);
    assert_eq!(Scheme::Maven.compare(&format!("{deep}1"), "1"), Ordering::Greater);
}

#[test]
fn what_is_no_version_is_told_apart() {
    let check = |scheme: Scheme, good: &[&str], bad: &[&str]| {
        for version in good {
            scheme.validate(version).unwrap();
        }
        for version in bad {
            assert!(scheme.validate(version).is_err(), "{scheme} {version}");
        }
    };
    check(Scheme::Dpkg, &["1:1.2-3~a", "0"], &["", "1 2", "1/2"]);
    check(Scheme::Rpm, &["1.2-3.el9", "a"], &["", "-", "~"]);
    check(Scheme::Apk, &["1.2.3_rc1-r4", "6.6.2p1", "1.0~abcdef-r0"], &["", "1.2_blah", "1-ruff"]);
    check(Scheme::Semver, &["1.2.3-a+b", "v1"], &["", "latest", "^1.2"]);
    check(Scheme::Go, &["v1.2.3", "go1.21rc2", "v0.0.0-20200101000000-abcdefabcdef"], &["(devel)", "", "devel go1.2"]);
    check(Scheme::Pep440, &["1.0.post1.dev2+a.b", "1!2"], &["", "1.0-bulbasaur", "x"]);
    check(Scheme::Maven, &["1.0-SNAPSHOT"], &["${version}", ""]);
    check(Scheme::Gem, &["1.0.pre.2", "1.0-java"], &["", "a", "1..2"]);
    check(Scheme::Composer, &["v1.0.0", "1.0.0-RC1"], &["dev-main", "1.x-dev", ""]);
    assert!(super::go::is_pseudo("v1.2.4-0.20200101000000-abcdefabcdef") && !super::go::is_pseudo("v1.2.3"));
}

#[test]
fn explanations_name_the_part_that_decides() {
    let check = |scheme: Scheme, a: &str, b: &str, expected: &str| {
        let explanation = scheme.explain(a, b);
        assert!(explanation.decided.contains(expected), "{scheme} {a} {b}: {}", explanation.decided);
    };
    check(Scheme::Dpkg, "1:1", "2", "epoch `1` sorts after epoch (none)");
    check(Scheme::Rpm, "1.0~rc1", "1.0", "`~` sorts before");
    check(Scheme::Pep440, "1.0rc1", "1.0", "pre-release `1` sorts before final");
    check(Scheme::Maven, "1-sp", "1-1", "list");
    check(Scheme::Gem, "1.0", "1", "no part differs");
}

/// What versions of a scheme look like, and a little of what they should not.
fn pattern(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Dpkg => "([0-2]:)?[0-9]{1,2}([.+~a-z][0-9a-c~+.]{0,3}){0,3}(-[0-9a-z.+~]{1,4})?",
        Scheme::Rpm => "([0-2]:)?[0-9a-c]{1,2}([.~^_][0-9a-c]{0,2}){0,3}(-[0-9]{1,2}(\\.el[89](_[0-9])?)?)?",
        Scheme::Apk => "[0-9]{1,2}(\\.[0-9]{1,2}){0,2}[a-c]?(_(alpha|beta|pre|rc|cvs|git|p)[0-9]?){0,2}(-r[0-9])?",
        Scheme::Semver | Scheme::Npm => {
            "[0-9]{1,2}\\.[0-9]\\.[0-9](-[0-9a-c]{1,3}(\\.[0-9a-c]{1,2}){0,2})?(\\+[a-z]{1,3})?"
        }
        Scheme::Go => "v?[0-9]\\.[0-9]\\.[0-9](-(0\\.)?20[0-9]{12}-[0-9a-f]{12}|-rc\\.[0-9])?",
        Scheme::Pep440 => {
            "([1-2]!)?[0-9]{1,2}(\\.[0-9]){0,3}(a|b|rc|\\.dev|\\.post|-)?[0-9]?(\\.dev[0-9])?(\\+[a-c0-9]{1,2}(\\.[a-c0-9])?)?"
        }
        Scheme::Maven => "[0-9](\\.[0-9]){0,2}([-.]?(alpha|beta|rc|sp|snapshot|ga|x)?[-.]?[0-9]?){0,2}",
        Scheme::Gem => "[0-9](\\.[0-9a-c]{1,2}){0,3}(-[a-c0-9]{1,2})?",
        Scheme::Nuget => "[0-9](\\.[0-9]{1,2}){0,3}(-[a-cA-C0-9-]{1,2}(\\.-?[0-9a-cB]{1,10}){0,2})?(\\+[a-z])?",
        Scheme::Composer => "v?[0-9](\\.[0-9]){0,2}(-?(dev|alpha|beta|RC|pl|patch)[0-9]?)?",
        Scheme::Cran => "[0-9]{1,2}([.-][0-9]{1,2}){0,3}",
    }
}

fn versions(scheme: Scheme) -> impl Strategy<Value = String> {
    proptest::string::string_regex(pattern(scheme)).expect("the patterns are fine")
}

fn scheme_and_three() -> impl Strategy<Value = (Scheme, String, String, String)> {
    let versions = |scheme: Scheme| (Just(scheme), versions(scheme), versions(scheme), versions(scheme));
    proptest::sample::select(Scheme::ALL.to_vec()).prop_flat_map(versions)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn order_is_an_order((scheme, a, b, c) in scheme_and_three()) {
        prop_assert_eq!(scheme.compare(&a, &a), Ordering::Equal);
        prop_assert_eq!(scheme.compare(&a, &b), scheme.compare(&b, &a).reverse());
        // Maven's own order is not transitive between lists and words (`1-alpha` < `1` < `1.x` < `1-alpha`), nor is
        // PHP's between a word and nothing.
        if !matches!(scheme, Scheme::Maven | Scheme::Composer) && scheme.compare(&a, &b).is_le() && scheme.compare(&b, &c).is_le() {
            prop_assert!(scheme.compare(&a, &c).is_le(), "{} <= {} <= {}", a, b, c);
        }
    }

    #[test]
    fn any_text_has_a_place(a in ".{0,24}", b in ".{0,24}") {
        for scheme in Scheme::ALL {
            prop_assert_eq!(scheme.compare(&a, &b), scheme.compare(&b, &a).reverse());
            let explanation = scheme.explain(&a, &b);
            prop_assert_eq!(explanation.order, scheme.compare(&a, &b));
            let _ = scheme.validate(&a);
        }
    }
}

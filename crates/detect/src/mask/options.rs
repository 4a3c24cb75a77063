//! Options, sub-commands and places of single programs that take a secret, and the walk over a command's words.
//!
//! What it is not: names that say themselves that they are secrets, which is [`super::names`].

/// How the value of an option holds the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// It is the secret.
    All,
    /// What follows this character is.
    After(char),
    /// It is the secret, unless it looks like a port or a path.
    Likely,
}

/// Where the value of an option may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The next word.
    Next,
    /// The next word, or the rest of this one.
    Both,
}

use Holds::{After, All, Likely};
use Place::{Both, Next};

/// Programs, an option of theirs, where its value is, and what of it is the secret; from their manual pages.
const OPTIONS: &[(&[&str], &str, Place, Holds)] = &[
    (&["mysql", "mysqldump", "mysqladmin", "mysqlimport", "mysqlshow", "mysqlcheck", "mysqlbinlog"], "-p", Both, All),
    (&["mariadb", "mariadb-dump", "mariadb-admin"], "-p", Both, All),
    (&["sshpass", "mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "cqlsh"], "-p", Both, All),
    (&["7z", "7za", "7zz", "rar", "unrar"], "-p", Both, All),
    (&["useradd", "usermod"], "-p", Next, All),
    (&["redis-cli", "valkey-cli"], "-a", Both, All),
    (&["ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldapwhoami", "ldappasswd"], "-w", Both, All),
    (&["zip", "unzip", "sqlcmd", "bcp", "mosquitto_pub", "mosquitto_sub", "ipmitool"], "-P", Both, All),
    (&["ssh-keygen"], "-N", Both, All),
    (&["ssh-keygen"], "-P", Both, All),
    (&["snmpget", "snmpwalk", "snmpset"], "-A", Both, All),
    (&["snmpget", "snmpwalk", "snmpset"], "-X", Both, All),
    (&["openssl", "dotnet", "nuget"], "-k", Next, All),
    (&["openssl"], "-K", Next, All),
    (&["plink", "pscp", "psftp"], "-pw", Next, All),
    (&["xfreerdp", "xfreerdp3"], "/p:", Both, All),
    (&["smbclient", "rpcclient", "winexe"], "-U", Both, After('%')),
    (&["lftp"], "-u", Both, After(',')),
    (&["curl"], "-u", Both, After(':')),
    (&["curl"], "-U", Both, After(':')),
    (&["curl", "etcdctl"], "--user", Next, After(':')),
    (&["curl"], "--proxy-user", Next, After(':')),
    (&["ab"], "-A", Both, After(':')),
    (&["http", "https", "xh"], "-a", Both, After(':')),
    (&["http", "https", "xh"], "--auth", Next, After(':')),
];
/// Words of programs and how many words behind them is a secret.
const WORDS: &[(&str, &str, u8)] = &[
    ("redis-cli", "auth", 1),
    ("valkey-cli", "auth", 1),
    ("nmcli", "password", 1),
    ("vault", "login", 1),
    ("rabbitmqctl", "add_user", 2),
    ("rabbitmqctl", "change_password", 2),
];
/// The option that many programs take a password by: behind a sub-command to log in (`docker login`, `az login`), and
/// behind an option with a user's name. Elsewhere it is a port, a path, a process.
const PASSWORD: &str = "-p";
const LOGIN: &str = "login";
const USERS: [&str; 5] = ["-u", "-U", "-l", "--user", "--username"];
/// Programs whose user is that of another program, which begins somewhere behind.
const WRAPPERS: [&str; 10] =
    ["sudo", "su", "runuser", "setpriv", "chroot", "docker", "podman", "nerdctl", "kubectl", "crictl"];
/// Sub-commands that name a setting and then its value: `aws configure set NAME VALUE`, `redis-cli config set NAME VALUE`.
const SETTERS: [&str; 3] = ["set", "config", "setx"];
/// Options that make a program read a secret from its standard input, and programs that always do.
const READ_BY: [&str; 4] = ["--password-stdin", "--passphrase-fd", "--with-token", "--stdin"];
const READERS: [&str; 4] = ["chpasswd", "passwd", "cryptsetup", "kinit"];

/// What a word of a command is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// Nothing that this module knows.
    Plain,
    /// The word, or what follows `keep` in it, is a secret or has one.
    Secret {
        /// Bytes of it that come before.
        keep: usize,
        /// The rest.
        value: &'a str,
        /// What of the rest.
        holds: Holds,
    },
}

/// A walk over the words of a command, whose options may mean the next one.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that an earlier word said")]
pub(super) struct Walk {
    program: Option<&'static str>,
    /// The secret comes with the word after so many others.
    next: Option<(u8, Holds)>,
    logs_in: bool,
    names_user: bool,
    wraps: bool,
    sets: bool,
    began: bool,
    /// Whether the command reads a secret from its standard input.
    pub(super) reads_secret: bool,
}

impl Walk {
    /// Takes the next word. `is_secret` says whether a name stands for a secret.
    pub(super) fn word<'a>(&mut self, word: &'a str, is_secret: impl Fn(&str) -> bool) -> Word<'a> {
        match self.next.take() {
            Some((1, holds)) if !is_option(word) && (holds != Likely || is_likely(word)) => {
                self.sets = false;
                return Word::Secret { keep: 0, value: word, holds };
            }
            Some((more @ 2.., holds)) => self.next = Some((more - 1, holds)),
            // `gh secret set NAME --body VALUE`
            Some(kept) if std::mem::take(&mut self.sets) && word == "--body" => {
                self.next = Some(kept);
                return Word::Plain;
            }
            _ => {}
        }
        let is_flag = word.starts_with('-');
        self.names_user |= USERS.contains(&word) && !self.wraps;
        self.reads_secret |= READ_BY.contains(&word) || (word == "-S" && self.program == Some("sudo"));
        if !is_flag {
            self.learn(word);
        }
        let sets = std::mem::replace(&mut self.sets, SETTERS.iter().any(|setter| word.eq_ignore_ascii_case(setter)));
        let bare = word.trim_start_matches('-');
        if (sets || is_flag) && !bare.contains('=') && bare.len() > 1 && is_secret(bare) {
            self.sets = sets;
            self.next = Some((1, All));
            return Word::Plain;
        }
        self.option(word)
    }

    /// Remembers a program or a sub-command that gives later words their meaning.
    fn learn(&mut self, word: &str) {
        let name = word.rsplit('/').next().unwrap_or(word);
        let of_options = OPTIONS.iter().flat_map(|(programs, ..)| programs.iter());
        let known = of_options.chain(WORDS.iter().map(|(program, ..)| program)).chain(&WRAPPERS);
        if let Some(program) = known.copied().find(|program| *program == name) {
            self.program = Some(program);
        }
        let wraps = WRAPPERS.contains(&name);
        self.wraps |= wraps;
        self.logs_in |= word == LOGIN;
        self.reads_secret |= !self.began && READERS.contains(&name);
        self.began |= !wraps && !word.contains('=');
        let is = |program: &str, key: &str| self.program == Some(program) && word.eq_ignore_ascii_case(key);
        if let Some((.., behind)) = WORDS.iter().find(|(program, key, _)| is(program, key)) {
            self.next = Some((*behind, All));
        }
    }

    fn option<'a>(&mut self, word: &'a str) -> Word<'a> {
        if !word.starts_with(['-', '/']) {
            return Word::Plain;
        }
        let own =
            OPTIONS.iter().filter(|(programs, ..)| self.program.is_some_and(|program| programs.contains(&program)));
        for (_, option, place, holds) in own {
            let long = option.starts_with("--");
            if let Some(rest) = word.strip_prefix(option) {
                let equals = usize::from(long && rest.starts_with('='));
                if rest.is_empty() {
                    self.next = Some((1, *holds));
                    return Word::Plain;
                }
                if equals == 1 || (*place == Both && !word.starts_with("--")) {
                    return Word::Secret { keep: option.len() + equals, value: &rest[equals..], holds: *holds };
                }
            }
            // `curl -sSu user:password`: the last of several letters takes the value.
            let letters = word.strip_prefix('-').filter(|letters| letters.bytes().all(|b| b.is_ascii_alphabetic()));
            if matches!(holds, After(_)) && !long && letters.is_some_and(|letters| letters.ends_with(&option[1..])) {
                self.next = Some((1, *holds));
            }
        }
        self.password(word)
    }

    /// `-p` where it is a password whatever the program.
    fn password<'a>(&mut self, word: &'a str) -> Word<'a> {
        if self.logs_in
            && let Some(rest) = word.strip_prefix(PASSWORD).filter(|rest| !rest.is_empty())
        {
            return Word::Secret { keep: PASSWORD.len(), value: rest, holds: All };
        }
        if word == PASSWORD && (self.logs_in || self.names_user) {
            self.next = Some((1, if self.logs_in { All } else { Likely }));
        }
        Word::Plain
    }
}

/// Whether a word is an option itself and not the value of the one before: secrets may begin with a dash, too.
fn is_option(word: &str) -> bool {
    let Some(rest) = word.strip_prefix('-') else { return false };
    let name = rest.strip_prefix('-').unwrap_or(rest).split('=').next().unwrap_or_default();
    name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') || name.len() == 1
}

/// Whether a word is rather a password than a port, a range, a process or a path.
fn is_likely(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_alphabetic()) && !word.contains('/')
}
